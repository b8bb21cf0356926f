//! Certificates made on the spot, in files for the daemon and in a client for the far end.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Who vouches for the daemon and its peers.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of a test");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, name: &str) -> Pair {
        self.issue_until(name, 4000)
    }

    /// One that ends with that year's beginning.
    pub(crate) fn issue_until(&self, name: &str, year: i32) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        Pair {
            certificate: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// A TLS connection to the daemon, which has to be `reachd.home.example`, by the holder of a certificate.
    pub(crate) async fn connect(
        &self,
        address: std::net::SocketAddr,
        holder: &Pair,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![holder.der()],
                PrivateKeyDer::from_pem_slice(holder.key.as_bytes()).unwrap(),
            )
            .unwrap();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("reachd.home.example").unwrap();
        TlsConnector::from(Arc::new(client)).connect(name, stream).await
    }
}

impl Pair {
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }

    /// A server that shows this certificate and asks for none.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![self.der()],
                PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(server))
    }

    /// Writes both into a folder as `certificate.pem` and `key.pem`.
    pub(crate) fn write(&self, folder: &Path) {
        for (name, text) in [("certificate.pem", &self.certificate), ("key.pem", &self.key)] {
            let draft = folder.join("draft.pem");
            std::fs::write(&draft, text).unwrap();
            std::fs::rename(draft, folder.join(name)).unwrap();
        }
    }
}

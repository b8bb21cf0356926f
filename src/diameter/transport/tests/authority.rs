//! Certificates made on the spot, and the far ends that show them. Nothing of ours takes part in their handshakes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::diameter::config::TlsConfig;

/// Who vouches for others.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, both as PEM.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = common_name(name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }

    /// A certificate for these names, valid for long, fit for either side.
    pub(super) fn issue<N: AsRef<str>>(&self, names: &[N]) -> Pair {
        self.issue_as(names, |_| {})
    }

    /// One with something particular.
    pub(super) fn issue_as<N: AsRef<str>>(
        &self,
        names: &[N],
        particular: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let names: Vec<_> = names.iter().map(|name| name.as_ref().to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        particular(&mut params);
        Pair {
            certificate: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

pub(super) fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

impl Pair {
    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.certificate.as_bytes())
            .map(Result::unwrap)
            .collect()
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    /// A client that shows this certificate, trusts that authority, and speaks these versions.
    pub(super) fn client(
        &self,
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(authority.roots())
            .with_client_auth_cert(self.chain(), self.key())
            .unwrap()
    }

    /// A server that shows this certificate and wants one of that authority.
    pub(super) fn server(&self, authority: &Authority) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(authority.roots(), Arc::clone(&provider))
            .build()
            .unwrap();
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain(), self.key())
            .unwrap()
    }
}

/// A client that has no certificate to show.
pub(super) fn nameless_client(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth()
}

/// The far end's handshake as a client of `reachd.example`.
pub(super) async fn handshake(
    stream: TcpStream,
    config: ClientConfig,
) -> std::io::Result<client::TlsStream<TcpStream>> {
    let name = ServerName::try_from("reachd.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// The far end's handshake as a server.
pub(super) async fn welcome(
    stream: TcpStream,
    config: ServerConfig,
) -> std::io::Result<server::TlsStream<TcpStream>> {
    TlsAcceptor::from(Arc::new(config)).accept(stream).await
}

/// The files of a node. Gone when dropped.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new(authority: &Authority, own: &Pair) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.put("authorities.pem", &authority.pem());
        folder.replace(own);
        folder
    }

    /// Writes a file at once, as whoever renews certificates should.
    pub(super) fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        let draft = self.0.path().join("draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, &path).unwrap();
        path
    }

    pub(super) fn replace(&self, own: &Pair) {
        self.put("certificate.pem", &own.certificate);
        self.put("key.pem", &own.key);
    }

    pub(super) fn config(&self) -> TlsConfig {
        let path = |name| self.0.path().join(name);
        TlsConfig {
            certificate: path("certificate.pem"),
            key: path("key.pem"),
            authorities: path("authorities.pem"),
        }
    }
}

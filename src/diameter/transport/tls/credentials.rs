//! The files of `[diameter.tls]`, read and made ready for handshakes in either role.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::{ClientConfig, Error, InconsistentKeys, RootCertStore, ServerConfig};

use crate::certificate::Certificate;
use crate::diameter::config::TlsConfig;

/// No bundle of certificates is larger, in octets.
const MOST: u64 = 1024 * 1024;

/// Something wrong with one of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Key below `diameter.tls`.
    pub(crate) key: &'static str,
    /// What is wrong and what to do.
    pub(crate) text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "diameter.tls.{}: {}", self.key, self.text)
    }
}

/// What this node shows of itself and whom it trusts.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// For connections that are accepted.
    pub(super) server: Arc<ServerConfig>,
    /// For connections that are made.
    pub(super) client: Arc<ClientConfig>,
    /// Our own.
    pub(super) certificate: Certificate,
}

impl Credentials {
    /// Reads and checks the files. Blocks.
    ///
    /// # Errors
    ///
    /// Everything wrong with them at once.
    pub(crate) fn read(config: &TlsConfig) -> Result<Self, Vec<Fault>> {
        let provider = Arc::new(ring::default_provider());
        let mut faults = Vec::new();
        let mut note = |key, text| faults.push(Fault { key, text });
        let chain = own_chain(&config.certificate).map_err(|text| note("certificate", text));
        let key = own_key(&config.key, &provider).map_err(|text| note("key", text));
        let authorities = authorities(&config.authorities).map_err(|text| note("authorities", text));
        if let (Ok((chain, certificate)), Ok(key)) = (chain, key) {
            let pair = CertifiedKey::new(chain, key);
            if matches!(
                pair.keys_match(),
                Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch))
            ) {
                note("key", strangers(config));
            } else if let Ok(authorities) = authorities {
                match Self::assemble(pair, certificate, authorities, &provider) {
                    Ok(credentials) => return Ok(credentials),
                    Err(error) => note("certificate", format!("cannot be used for TLS: {error}")),
                }
            }
        }
        Err(faults)
    }

    fn assemble(
        pair: CertifiedKey,
        certificate: Certificate,
        authorities: RootCertStore,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let authorities = Arc::new(authorities);
        let pair = Arc::new(SingleCertAndKey::from(pair));
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&authorities), Arc::clone(provider))
                .build()
                .map_err(|error| Error::General(error.to_string()))?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&pair) as _);
        let mut client = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities)
            .with_client_cert_resolver(pair);
        // A resumed session would skip the look at the certificate, and connections here live too long to gain from it.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        client.resumption = Resumption::disabled();
        Ok(Self {
            server: Arc::new(server),
            client: Arc::new(client),
            certificate,
        })
    }

    /// What will keep peers away although the files can be used.
    pub(crate) fn warnings(&self, identity: &str, now: UnixTime) -> Vec<Fault> {
        let mut warnings = Vec::new();
        let mut warn = |text| {
            warnings.push(Fault {
                key: "certificate",
                text,
            });
        };
        if let Some(text) = self.certificate.warning(now, "peers") {
            warn(text);
        }
        if !self.certificate.names(identity) {
            warn(format!(
                "names another host than this node, \"{identity}\"; peers that look at it refuse it"
            ));
        }
        warnings
    }
}

/// The own certificate and what leads from it to its authority.
fn own_chain(path: &Path) -> Result<(Vec<CertificateDer<'static>>, Certificate), String> {
    let chain = certificates(path)?;
    let certificate = chain
        .first()
        .and_then(Certificate::new)
        .ok_or_else(|| format!("the first certificate in {} cannot be read", path.display()))?;
    Ok((chain, certificate))
}

fn own_key(path: &Path, provider: &CryptoProvider) -> Result<Arc<dyn SigningKey>, String> {
    let text = read(path)?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => format!(
            "there is no private key in {}; it has to be PEM and not encrypted",
            path.display()
        ),
        _ => not_pem(path),
    })?;
    provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| {
            format!(
                "the private key in {} is of no kind that is known here; use RSA, ECDSA (P-256, P-384) or Ed25519",
                path.display()
            )
        })
}

fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for (certificate, number) in certificates(path)?.into_iter().zip(1..) {
        store
            .add(certificate)
            .map_err(|_| format!("certificate {number} in {} cannot be read", path.display()))?;
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path)?;
    let found = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| not_pem(path))?;
    if found.is_empty() {
        return Err(format!(
            "there is no certificate in {}; it has to be PEM",
            path.display()
        ));
    }
    Ok(found)
}

fn strangers(config: &TlsConfig) -> String {
    format!(
        "the private key in {} does not belong to the certificate in {}; set both to files of one pair",
        config.key.display(),
        config.certificate.display()
    )
}

fn not_pem(path: &Path) -> String {
    format!("{} is broken: it is not sound PEM", path.display())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    if path.as_os_str().is_empty() {
        return Err("is not set; TLS needs certificate, key and authorities".to_owned());
    }
    let text = || -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        File::open(path)?.take(MOST + 1).read_to_end(&mut text)?;
        Ok(text)
    };
    match text() {
        Ok(text) if text.len() as u64 > MOST => {
            Err(format!("{} is larger than {MOST} octets", path.display()))
        }
        Ok(text) => Ok(text),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

//! Section `rest.auth` of the configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Uri;
use serde::Deserialize;

use super::place;

/// Section `rest.auth`: who may ask.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// How callers are known.
    pub mode: Mode,
    /// `iss` that tokens have to have.
    pub issuer: String,
    /// `aud` that tokens have to have among theirs.
    pub audience: String,
    /// Where the authorization server publishes its keys (JWKS, RFC 7517): HTTPS, or HTTP on this machine.
    /// Empty: nowhere.
    pub jwks_url: String,
    /// A file with its keys instead. Empty: none.
    pub jwks_file: PathBuf,
    /// PEM: the authorities behind the certificate of `jwks_url`. Empty: those of the system.
    pub jwks_authorities: PathBuf,
    /// How often keys are read again, unless SIGHUP asks for it.
    #[serde(with = "humantime_serde")]
    pub jwks_refresh: Duration,
    /// How soon keys may be read again because none of them fits a token.
    #[serde(with = "humantime_serde")]
    pub jwks_pause: Duration,
    /// The claim that names the device of a three-legged token. A token without it is two-legged.
    pub device_claim: String,
    /// The clients that are served. None: every client with a token.
    pub clients: Vec<String>,
    /// How far clocks may differ.
    #[serde(with = "humantime_serde")]
    pub leeway: Duration,
}

/// How callers are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By signed access tokens.
    #[default]
    Jwt,
    /// Not at all: for laboratories.
    None,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            mode: Mode::Jwt,
            issuer: String::new(),
            audience: String::new(),
            jwks_url: String::new(),
            jwks_file: PathBuf::new(),
            jwks_authorities: PathBuf::new(),
            jwks_refresh: Duration::from_secs(600),
            jwks_pause: Duration::from_secs(10),
            device_claim: "phone_number".to_owned(),
            clients: Vec::new(),
            leeway: Duration::from_secs(30),
        }
    }
}

impl AuthConfig {
    /// What is wrong, as (key, sentence).
    pub fn problems(&self) -> Vec<(String, String)> {
        if self.mode == Mode::None {
            return Vec::new();
        }
        let one_place = self.jwks_url.is_empty() == is_set(&self.jwks_file);
        let url_is_fine = self.jwks_url.is_empty() || is_trustworthy(&self.jwks_url);
        let refresh = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);
        [
            (
                !self.issuer.is_empty(),
                "issuer",
                "is not set; tokens are taken from one issuer only (mode = \"none\" takes everyone, for laboratories)",
            ),
            (
                !self.audience.is_empty(),
                "audience",
                "is not set; a token meant for another service must not be taken here",
            ),
            (
                one_place,
                "jwks_url",
                "set either this or jwks_file: tokens are checked with the keys found there",
            ),
            (
                url_is_fine,
                "jwks_url",
                "has to be an https:// URL without a user, or http:// on this machine",
            ),
            (
                refresh.contains(&self.jwks_refresh),
                "jwks_refresh",
                "has to lie between 1s and 24h",
            ),
            (
                (Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&self.jwks_pause),
                "jwks_pause",
                "has to lie between 100ms and 1h",
            ),
            (
                !self.device_claim.is_empty(),
                "device_claim",
                "is empty; it has to name a claim, such as \"phone_number\"",
            ),
            (
                self.leeway <= Duration::from_secs(300),
                "leeway",
                "has to be 5m at most",
            ),
        ]
        .into_iter()
        .filter(|(fine, ..)| !fine)
        .map(|(_, key, sentence)| (key.to_owned(), sentence.to_owned()))
        .collect()
    }

    /// Files that are named and cannot be used, as (key, sentence). Reads them.
    pub fn machine_problems(&self) -> Vec<(String, String)> {
        if self.mode == Mode::None {
            return Vec::new();
        }
        let mut problems = Vec::new();
        if is_set(&self.jwks_file)
            && let Err(sentence) = place::read_file(&self.jwks_file)
        {
            problems.push(("jwks_file".to_owned(), sentence));
        }
        if is_set(&self.jwks_authorities)
            && let Err(sentence) = place::read_authorities(&self.jwks_authorities)
        {
            problems.push(("jwks_authorities".to_owned(), sentence));
        }
        let by_the_system = self.jwks_url.starts_with("https://") && !is_set(&self.jwks_authorities);
        if by_the_system && place::system_authorities().is_empty() {
            let sentence =
                "is not set, and this system trusts no authorities that could stand behind jwks_url";
            problems.push(("jwks_authorities".to_owned(), sentence.to_owned()));
        }
        problems
    }

    /// What works and is not fit for the open.
    pub fn warnings(&self) -> Vec<(String, String)> {
        match self.mode {
            Mode::Jwt => Vec::new(),
            Mode::None => vec![(
                "mode".to_owned(),
                "\"none\" lets EVERYONE who reaches the address ask for EVERY device; it is for laboratories only"
                    .to_owned(),
            )],
        }
    }
}

/// Whether a path is given.
pub(super) fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

/// Whether nobody on the way can replace what is fetched from there.
fn is_trustworthy(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let Some(host) = uri.host() else {
        return false;
    };
    // Names and passwords in a URL would go out to whoever answers there.
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return false;
    }
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => ["localhost", "127.0.0.1", "[::1]"].contains(&host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        for fine in [
            "https://idp.example/jwks",
            "http://127.0.0.1:8081/jwks",
            "http://localhost/jwks",
            "http://[::1]:1/jwks",
        ] {
            assert!(is_trustworthy(fine), "{fine}");
        }
        for wrong in [
            "http://idp.example/jwks",
            "ftp://idp.example/",
            "/etc/jwks",
            "",
            "https://",
            "https://name:secret@idp.example/jwks",
        ] {
            assert!(!is_trustworthy(wrong), "{wrong}");
        }
    }

    #[test]
    fn keys_come_from_one_place() {
        let mut config = AuthConfig {
            issuer: "https://idp.example".into(),
            audience: "reachd".into(),
            jwks_url: "https://idp.example/jwks".into(),
            ..AuthConfig::default()
        };
        assert!(config.problems().is_empty());
        config.jwks_file = "/nowhere/jwks.json".into();
        assert_eq!(config.problems().len(), 1);
        assert_eq!(config.machine_problems().len(), 1);
    }
}

//! Section `store` of the configuration.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use sqlx::postgres::PgConnectOptions;

use super::StoreError;

/// Where facts are kept, and how long to wait for it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite://PATH` (three slashes begin an absolute path), or `postgres://USER:PASSWORD@HOST:PORT/DATABASE` with
    /// the parameters of libpq, such as `?sslmode=verify-full`. What a Postgres URL leaves out is taken from libpq's
    /// environment (`PGPASSWORD`, `~/.pgpass`).
    pub url: String,
    /// Connections to Postgres, 3 to 100. Two are spare, for health checks and administration; the others commit.
    pub max_connections: u32,
    /// How long a connection may take to become available before the store counts as unavailable for now.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long a commit may take. For SQLite: how long it may wait for another process that writes.
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
    /// How long a session that ended is remembered, between 1s and 366d, and never less than `sessions.expire_after`. What is told later than that about one, by a
    /// client that kept its record, may bring it back.
    #[serde(with = "humantime_serde")]
    pub prune_after: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: "sqlite://reachd-data/reachd.db".into(),
            max_connections: 6,
            connect_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(10),
            prune_after: Duration::from_secs(24 * 3600),
        }
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url,
            max_connections,
            connect_timeout,
            statement_timeout,
            prune_after,
        } = self;
        f.debug_struct("StoreConfig")
            .field("url", &without_password(url))
            .field("max_connections", max_connections)
            .field("connect_timeout", connect_timeout)
            .field("statement_timeout", statement_timeout)
            .field("prune_after", prune_after)
            .finish()
    }
}

impl StoreConfig {
    /// What is wrong, as pairs of key and sentence. Opens nothing.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut problem = |key: &str, text: String| problems.push((format!("store.{key}"), text));
        if let Err(error) = self.target() {
            let text = match error {
                StoreError::Url(text) => text,
                other => other.to_string(),
            };
            problem("url", text);
        }
        if !(3..=100).contains(&self.max_connections) {
            problem("max_connections", "must be 3 to 100".into());
        }
        let allowed = Duration::from_millis(100)..=Duration::from_secs(600);
        for (key, value) in [
            ("connect_timeout", self.connect_timeout),
            ("statement_timeout", self.statement_timeout),
        ] {
            if !allowed.contains(&value) {
                problem(key, "must be 100ms to 10m, such as \"3s\"".into());
            }
        }
        let day = 24 * 3600;
        if !(Duration::from_secs(1)..=Duration::from_secs(366 * day)).contains(&self.prune_after) {
            problem("prune_after", "must be 1s to 366d, such as \"24h\"".into());
        }
        problems
    }

    /// Whether it is a server that several daemons may use, and not a file of this one.
    pub fn is_shared(&self) -> bool {
        !self.url.starts_with("sqlite:")
    }

    /// `store.url` as it may be shown: without user, password and parameters.
    pub fn shown_url(&self) -> String {
        without_password(&self.url)
    }

    pub(super) fn target(&self) -> Result<Target, StoreError> {
        let wrong = |text: &str| Err(StoreError::Url(text.into()));
        match self.url.split_once("://") {
            Some(("sqlite", path)) => match path {
                "" => wrong("names no file, such as sqlite://reachd-data/reachd.db"),
                _ if path.contains(['?', '#', '\0']) || path.starts_with(":memory:") => {
                    wrong("must name a file, without parameters")
                }
                _ if path.ends_with('/') => wrong("names a directory; it must name a file"),
                _ => Ok(Target::Sqlite(path.into())),
            },
            // The library's own text could repeat parts of a mistyped password.
            Some(("postgres" | "postgresql", _)) => PgConnectOptions::from_str(&self.url)
                .map(|options| Target::Postgres(Box::new(options)))
                .or_else(|_| {
                    wrong(
                        "is not a URL of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE \
                         (special characters of a password are written %XX)",
                    )
                }),
            _ => wrong("must begin with sqlite:// or postgres://"),
        }
    }
}

/// What a URL names.
#[derive(Debug)]
pub(super) enum Target {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "(not a URL)".into();
    };
    if scheme == "sqlite" {
        return url.into();
    }
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = place.split_once('?').map_or(place, |(place, _)| place);
    format!("{scheme}://{place}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn with_url(url: &str) -> StoreConfig {
        StoreConfig {
            url: url.into(),
            ..StoreConfig::default()
        }
    }

    #[test]
    fn the_default_and_ordinary_urls_are_fine() {
        for url in [
            "sqlite://reachd-data/reachd.db",
            "sqlite:///var/lib/reachd/reachd.db",
            "postgres://reachd:secret@db.example:5432/reachd?sslmode=verify-full",
            "postgresql:///reachd?host=/run/postgresql",
        ] {
            assert_eq!(with_url(url).problems(), [], "{url}");
        }
    }

    #[test]
    fn wrong_urls_are_named_and_never_show_the_password() {
        for url in [
            "",
            "mysql://reachd:hunter2@db/reachd",
            "postgres://reachd:hunter2@db:hunter2/reachd",
            "postgres://reachd:hun/ter2@db:x/reachd",
            "postgres://db/reachd?sslmode=hunter2",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://dir/",
            "sqlite://file?mode=memory",
        ] {
            let problems = with_url(url).problems();
            assert_eq!(
                problems.first().map(|(key, _)| key.as_str()),
                Some("store.url"),
                "{url}"
            );
            assert!(!format!("{problems:?}").contains("hun"), "{problems:?}");
        }
    }

    #[test]
    fn debug_and_shown_url_hide_user_password_and_parameters() {
        for url in [
            "postgres://reachd:hunter2@db.example:5432/reachd?password=hunter2",
            "postgres://reachd:hun@ter2@db.example:5432/reachd",
            "postgres://db.example:5432/reachd?user=reachd&password=hunter2",
        ] {
            let config = with_url(url);
            assert!(
                format!("{config:?}").contains("postgres://db.example:5432/reachd\""),
                "{config:?}"
            );
            assert_eq!(config.shown_url(), "postgres://db.example:5432/reachd");
        }
    }

    #[test]
    fn every_bound_is_checked_at_once() {
        let config = StoreConfig {
            max_connections: 2,
            connect_timeout: Duration::ZERO,
            statement_timeout: Duration::from_secs(3600),
            prune_after: Duration::ZERO,
            ..with_url("x")
        };
        assert_eq!(config.problems().len(), 5);
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<StoreConfig>(r#"{"ulr": "sqlite://x"}"#).is_err());
        let config: StoreConfig = serde_json::from_str(r#"{"connect_timeout": "250ms"}"#).unwrap();
        assert_eq!(config.connect_timeout, Duration::from_millis(250));
    }
}

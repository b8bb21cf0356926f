//! Logs on standard error: for a person on a terminal, as JSON lines for everything else.

use std::io::IsTerminal;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// Section `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Which events are logged, such as `info` or `info,reachd::diameter=debug`.
    pub filter: String,
    /// How they look.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Auto,
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogConfig {
    /// What is wrong, as (key, sentence).
    pub fn problems(&self) -> Vec<(String, String)> {
        let parsed = self.filter.parse::<EnvFilter>();
        parsed
            .err()
            .map(|error| ("log.filter".to_owned(), error.to_string()))
            .into_iter()
            .collect()
    }

    /// Starts logging. A second call in one process changes nothing.
    pub fn start(&self) {
        let filter = self.filter.parse().unwrap_or_else(|_| EnvFilter::new("info"));
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        let is_terminal = std::io::stderr().is_terminal();
        let json = match self.format {
            LogFormat::Auto => !is_terminal,
            LogFormat::Text => false,
            LogFormat::Json => true,
        };
        let started = if json {
            builder
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .try_init()
        } else {
            builder.with_ansi(is_terminal).try_init()
        };
        if started.is_err() {
            tracing::debug!("logging was started before");
        }
    }
}

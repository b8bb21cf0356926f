//! The versions of the API, and where each lives.

/// What all versions live under.
pub const BASE: &str = "/device-reachability-status/";

/// One version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contract {
    /// Orange Lab, 0.1 beta: one status, numeric error codes.
    V0,
    /// CAMARA 0.6.1 (Fall24): one status, error codes in words.
    V06,
    /// CAMARA 1.1.0 (Fall25): reachable, and by what.
    V1,
}

impl Contract {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::V0, Self::V06, Self::V1];

    /// As paths and metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V0 => "v0",
            Self::V06 => "v0.6",
            Self::V1 => "v1",
        }
    }

    /// Where the reachability of a device is asked for.
    pub const fn retrieve(self) -> &'static str {
        match self {
            Self::V0 => "/device-reachability-status/v0/retrieve",
            Self::V06 => "/device-reachability-status/v0.6/retrieve",
            Self::V1 => "/device-reachability-status/v1/retrieve",
        }
    }

    /// Where its OpenAPI document is served.
    pub const fn document_path(self) -> &'static str {
        match self {
            Self::V0 => "/device-reachability-status/v0/openapi.yaml",
            Self::V06 => "/device-reachability-status/v0.6/openapi.yaml",
            Self::V1 => "/device-reachability-status/v1/openapi.yaml",
        }
    }

    /// Its OpenAPI document: what is served, and nothing else.
    pub const fn document(self) -> &'static str {
        match self {
            Self::V0 => include_str!("../../openapi/device-reachability-status-v0.yaml"),
            Self::V06 => include_str!("../../openapi/device-reachability-status-v0.6.yaml"),
            Self::V1 => include_str!("../../openapi/device-reachability-status-v1.yaml"),
        }
    }

    /// Whose words an answer to this path has to be in: those of the version it begins with, and of the newest where it
    /// begins with none.
    pub fn of_path(path: &str) -> Self {
        let version = path.strip_prefix(BASE).and_then(|rest| rest.split('/').next());
        Self::ALL
            .into_iter()
            .find(|contract| version == Some(contract.name()))
            .unwrap_or(Self::V1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_answered_in_the_words_of_the_version_it_begins_with() {
        for contract in Contract::ALL {
            assert_eq!(Contract::of_path(contract.retrieve()), contract);
            assert_eq!(Contract::of_path(contract.document_path()), contract);
            assert_eq!(Contract::of_path(&format!("{BASE}{}", contract.name())), contract);
            assert_eq!(
                Contract::of_path(&format!("{BASE}{}/nowhere/", contract.name())),
                contract
            );
        }
        for path in [
            "/",
            "/device-reachability-status/v2/retrieve",
            "/v0/retrieve",
            "*",
        ] {
            assert_eq!(Contract::of_path(path), Contract::V1, "{path}");
        }
    }

    #[test]
    fn each_document_says_where_it_is_valid() {
        for contract in Contract::ALL {
            let server = format!("{BASE}{}", contract.name());
            assert!(
                contract
                    .document()
                    .lines()
                    .any(|line| line.trim() == format!("- url: {server}")),
                "{server}"
            );
        }
    }
}

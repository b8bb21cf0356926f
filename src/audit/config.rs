//! Section `audit` of the configuration.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::PseudonymKey;

/// Section `audit`: where acts of operators and refused callers are written, and with which key subscribers are made
/// pseudonyms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// A file to which lines of JSON are appended. SIGHUP opens it again. Empty, acts go to the log, under the target
    /// `audit`.
    pub path: PathBuf,
    /// A file with the key of pseudonyms: 64 hexadecimal digits. Empty, a key is made and kept in the store.
    pub key_file: PathBuf,
}

impl AuditConfig {
    /// What it asks of this machine and is not there, as (key, sentence). Reads files.
    pub fn machine_problems(&self) -> Vec<(String, String)> {
        let key = self.key_file().and_then(|file| read_key(file).err());
        let key = key.map(|error| ("key_file".to_owned(), error.to_string()));
        let directory = self.path().and_then(Path::parent);
        let missing = directory.filter(|parent| !parent.as_os_str().is_empty() && !parent.is_dir());
        let path = missing.map(|parent| {
            (
                "path".to_owned(),
                format!("the directory {} is not there", parent.display()),
            )
        });
        key.into_iter().chain(path).collect()
    }

    /// The file to append to, if one is named.
    pub fn path(&self) -> Option<&Path> {
        Some(&*self.path).filter(|path| !path.as_os_str().is_empty())
    }

    fn key_file(&self) -> Option<&Path> {
        Some(&*self.key_file).filter(|path| !path.as_os_str().is_empty())
    }

    /// What can be used and had better be otherwise, as (key, sentence). Reads files. A store that is `shared` is one of
    /// which others make copies.
    pub fn warnings(&self, shared: bool) -> Vec<(String, String)> {
        let warning = match self.key_file() {
            None if !shared => None,
            None => Some(
                "is empty: the key of pseudonyms is kept in the store, and whoever has a copy of the store can tell by \
                 trial whom they stand for"
                    .to_owned(),
            ),
            Some(file) => fs::metadata(file)
                .ok()
                .filter(|found| found.permissions().mode() & 0o077 != 0)
                .map(|_| format!("{} can be read by others: chmod 600", file.display())),
        };
        warning
            .into_iter()
            .map(|sentence| ("key_file".to_owned(), sentence))
            .collect()
    }

    /// The key, if a file has it.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn key(&self) -> Result<Option<PseudonymKey>, KeyError> {
        self.key_file()
            .map(|file| read_key(file).map(|octets| PseudonymKey::new(&octets)))
            .transpose()
    }
}

/// Why a key file cannot be used. Never says what it contains.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is no key.
    #[error(
        "{} has to contain 64 hexadecimal digits and nothing else, as `openssl rand -hex 32` writes them",
        path.display()
    )]
    Form {
        /// Which file.
        path: PathBuf,
    },
}

fn read_key(path: &Path) -> Result<[u8; PseudonymKey::LENGTH], KeyError> {
    let text = fs::read_to_string(path).map_err(|error| KeyError::Read {
        path: path.to_owned(),
        error,
    })?;
    hexadecimal(text.trim_end()).ok_or_else(|| KeyError::Form {
        path: path.to_owned(),
    })
}

fn hexadecimal(text: &str) -> Option<[u8; PseudonymKey::LENGTH]> {
    let mut octets = [0; PseudonymKey::LENGTH];
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    if digits.len() != 2 * PseudonymKey::LENGTH {
        return None;
    }
    for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
        *octet = pair.iter().fold(0, |octet, digit| octet << 4 | digit);
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits_and_nothing_else() {
        let key = hexadecimal(&"0aF".repeat(21)[..63]);
        assert_eq!(key, None);
        let key = hexadecimal(&"07".repeat(32));
        assert_eq!(key, Some([7; 32]));
        for wrong in ["", &"7".repeat(65), &"zz".repeat(32), &" 7".repeat(32)] {
            assert_eq!(hexadecimal(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_a_key_file_contains_is_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        fs::write(&file, "a secret that is no key").unwrap();
        let config = AuditConfig {
            key_file: file.clone(),
            path: directory.path().join("not-there").join("audit.jsonl"),
        };
        let problems = config.machine_problems();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].1.contains("64 hexadecimal digits"), "{problems:?}");
        assert!(!format!("{problems:?}").contains("secret"), "{problems:?}");
        fs::write(&file, format!("{}\n", "ab".repeat(32))).unwrap();
        assert!(config.key().unwrap().is_some());
        assert!(AuditConfig::default().key().unwrap().is_none());
    }
}

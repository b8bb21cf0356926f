//! Layers: defaults, then the file, then `REACHD_SECTION__KEY` from the environment, then flags; later wins.
//!
//! Loading reports every problem at once: a key that cannot be read is noted, taken out, and reading goes on.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Config;
use super::environment::{self, PREFIX};

/// More problems than this are not worth a reader's time.
const MAX_PROBLEMS: usize = 100;

/// One thing wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key at fault, such as `grpc.listen`; empty for the file as a whole.
    pub key: String,
    /// What is wrong and what to do.
    pub sentence: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            f.write_str(&self.sentence)
        } else {
            write!(f, "{}: {}", self.key, self.sentence)
        }
    }
}

/// Everything wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// Where it was read from.
    pub file: Option<PathBuf>,
    /// Never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "the configuration {} cannot be used:", file.display())?,
            None => f.write_str("the configuration cannot be used:")?,
        }
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// Reads the file, if one is named, and the environment.
///
/// # Errors
/// All problems at once. A file that was named and is not there is one.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    load_from(file, std::env::vars_os())
}

/// As [`load`], for whoever is going to serve here: what the configuration asks of this machine has to be there, such as
/// the certificate files.
///
/// # Errors
/// All problems at once, those of the machine among them.
pub fn load_to_serve(file: Option<&Path>) -> Result<Config, ConfigError> {
    layered(file, std::env::vars_os(), |config| {
        [config.problems(), config.machine_problems()].concat()
    })
}

/// [`load`] with the environment given.
///
/// # Errors
/// All problems at once.
pub fn load_from(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, ConfigError> {
    layered(file, variables, Config::problems)
}

fn layered(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    judge: impl FnOnce(&Config) -> Vec<(String, String)>,
) -> Result<Config, ConfigError> {
    let failed = |problems| ConfigError {
        file: file.map(Path::to_owned),
        problems,
    };
    let (settings, mut problems) = environment::settings(variables);
    let tree = match layers(file, settings) {
        Ok(tree) => tree,
        Err(error) => {
            problems.push(Problem {
                key: String::new(),
                sentence: error.to_string(),
            });
            return Err(failed(problems));
        }
    };
    let (config, unreadable) = read(tree);
    problems.extend(unreadable);
    problems.extend(
        judge(&config)
            .into_iter()
            .map(|(key, sentence)| Problem { key, sentence }),
    );
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(failed(problems))
    }
}

/// All layers as one tree.
fn layers(file: Option<&Path>, settings: HashMap<String, String>) -> Result<Value, config::ConfigError> {
    let mut builder = config::Config::builder();
    if let Some(file) = file {
        builder = builder.add_source(
            config::File::from(file)
                .format(config::FileFormat::Toml)
                .required(true),
        );
    }
    let environment = config::Environment::with_prefix(PREFIX)
        .prefix_separator("_")
        .separator("__")
        .try_parsing(true)
        .source(Some(settings));
    builder.add_source(environment).build()?.try_deserialize()
}

/// Reads what can be read, and says what cannot.
fn read(mut tree: Value) -> (Config, Vec<Problem>) {
    let mut problems = Vec::new();
    while problems.len() < MAX_PROBLEMS {
        match serde_path_to_error::deserialize::<_, Config>(&tree) {
            Ok(config) => return (config, problems),
            Err(error) => {
                let mut path: Vec<String> = error.path().iter().map(ToString::to_string).collect();
                let message = error.into_inner().to_string();
                let unknown = quoted(&message)
                    .next()
                    .filter(|_| message.starts_with("unknown field"));
                if let Some(name) = unknown
                    && path.last().map(String::as_str) != Some(name)
                {
                    path.push(name.to_owned());
                }
                problems.push(Problem {
                    key: shown(&path),
                    sentence: explain(&message),
                });
                if !remove(&mut tree, &path) {
                    break;
                }
            }
        }
    }
    (Config::default(), problems)
}

/// serde's words made helpful: for an unknown key the nearest known one.
fn explain(message: &str) -> String {
    if !message.starts_with("unknown field") {
        return message.to_owned();
    }
    let mut names = quoted(message);
    let wrong = names.next().unwrap_or_default();
    let nearest = names
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().div_ceil(2));
    match nearest {
        Some((_, name)) => format!("there is no such key; did you mean `{name}`?"),
        None => {
            let known: Vec<_> = quoted(message).skip(1).collect();
            format!("there is no such key; known here: {}", known.join(", "))
        }
    }
}

/// The words between backticks.
fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

/// `diameter.peers[0].mode`.
fn shown(path: &[String]) -> String {
    path.iter().fold(String::new(), |mut key, part| {
        if !key.is_empty() && !part.starts_with('[') {
            key.push('.');
        }
        key.push_str(part);
        key
    })
}

/// Takes the value at a path out of the tree, or as much of the way there as exists.
fn remove(tree: &mut Value, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return false;
    };
    let index = first
        .strip_prefix('[')
        .and_then(|part| part.strip_suffix(']')?.parse::<usize>().ok());
    match (tree, index) {
        (Value::Object(map), None) => {
            let below = map.get_mut(first).is_some_and(|value| remove(value, rest));
            below || map.remove(first).is_some()
        }
        (Value::Array(list), Some(index)) => {
            let below = list.get_mut(index).is_some_and(|value| remove(value, rest));
            if !below && index < list.len() {
                list.remove(index);
                return true;
            }
            below
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let environment = environment
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        load_from(Some(file.path()), environment)
            .map_err(|error| error.problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = load_text(
            "[grpc]\nlisten = \"127.0.0.1:1\"\n[admin]\nlisten = \"127.0.0.1:2\"",
            &[("REACHD_GRPC__LISTEN", "127.0.0.1:3"), ("REACHD_GIT_SHA", "abc")],
        )
        .unwrap();
        assert_eq!(config.grpc.listen.port(), 3);
        assert_eq!(config.admin.listen.port(), 2);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_name() {
        let problems = load_text("[grpc]\nlisen = \"127.0.0.1:1\"", &[]).unwrap_err();
        assert_eq!(
            problems,
            ["grpc.lisen: there is no such key; did you mean `listen`?"]
        );
        let problems = load_text("", &[("REACHD_STROE__URL", "x")]).unwrap_err();
        assert_eq!(problems, ["stroe: there is no such key; did you mean `store`?"]);
    }

    #[test]
    fn a_variable_with_one_underscore_is_a_problem_among_the_others() {
        let problems = load_text(
            "[ingest]\nbatch = 0",
            &[("REACHD_STORE_URL", "postgres://x:secret@y")],
        )
        .unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("REACHD_STORE__URL"), "{problems:?}");
        assert!(!problems.join("").contains("secret"), "{problems:?}");
    }

    #[test]
    fn the_sections_are_all_known_by_name() {
        let error = serde_json::from_str::<Config>(r#"{"": 1}"#)
            .unwrap_err()
            .to_string();
        assert_eq!(quoted(&error).skip(1).collect::<Vec<_>>(), Config::SECTIONS);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let text = "[grpc]\nlisten = \"nowhere\"\n[ingest]\nbatch = 0\nlinger = \"soon\"\n[admn]\nx = 1";
        let problems = load_text(text, &[]).unwrap_err().join("\n");
        for key in ["grpc.listen", "ingest.batch", "ingest.linger", "admn"] {
            assert!(problems.contains(key), "{key} is missing in:\n{problems}");
        }
    }

    #[test]
    fn the_full_sample_has_every_key_and_the_minimal_one_is_enough() {
        let (full, minimal) = (
            include_str!("../../deploy/config/full.toml"),
            include_str!("../../deploy/config/minimal.toml"),
        );
        assert!(load_text(minimal, &[]).is_ok());
        assert!(load_text(full, &[]).is_ok());
        let known_in = |text: &str| {
            // A section may have other problems, such as something that has no default.
            let problems = load_text(text, &[]).unwrap_err();
            let problem = problems
                .iter()
                .find(|problem| problem.contains("known here: "))
                .unwrap();
            let (_, known) = problem.split_once("known here: ").unwrap();
            known.split(", ").map(str::to_owned).collect::<Vec<_>>()
        };
        for section in known_in("zzzzzzzzzzzz = 1") {
            for key in known_in(&format!("[{section}]\nzzzzzzzzzzzz = 1")) {
                let written = [
                    format!("\n{key} = "),
                    format!("[[{section}.{key}]]"),
                    format!("[{section}.{key}]"),
                ];
                assert!(
                    written.iter().any(|w| full.contains(w)),
                    "{section}.{key} is not in full.toml"
                );
            }
        }
    }

    #[test]
    fn a_named_file_that_is_not_there_is_an_error() {
        let error = load_from(Some(Path::new("no-such-file.toml")), []).unwrap_err();
        assert!(error.to_string().contains("no-such-file.toml"));
    }
}

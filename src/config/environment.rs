//! Which variables of the environment are configuration: `REACHD_SECTION__KEY`, with two underscores.
//!
//! A variable that was clearly meant and would not be read is a problem, because the daemon would run with a default in
//! silence. Values are never shown: they may be secrets.

use std::collections::HashMap;
use std::ffi::OsString;

use super::Config;
use super::load::Problem;

/// With what these variables begin, whatever the case.
pub(super) const PREFIX: &str = "REACHD";
const SEPARATOR: &str = "__";

/// The settings among the variables, and what is wrong with others.
pub(super) fn settings(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> (HashMap<String, String>, Vec<Problem>) {
    let mut settings = HashMap::new();
    let mut problems = Vec::new();
    for (name, value) in variables {
        // No name of ours is anything but ASCII.
        let Ok(name) = name.into_string() else { continue };
        let upper = name.to_ascii_uppercase();
        let Some(rest) = upper.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('_')) else {
            continue;
        };
        let sentence = if rest.contains(SEPARATOR) {
            match value.into_string() {
                Ok(value) => {
                    settings.insert(name, value);
                    continue;
                }
                Err(_) => "the value is not UTF-8 text".to_owned(),
            }
        } else {
            match misspelt(rest) {
                Some(sentence) => sentence,
                // Other variables with this prefix, such as a build's revision, are not configuration.
                None => continue,
            }
        };
        problems.push(Problem { key: name, sentence });
    }
    problems.sort_by(|a, b| a.key.cmp(&b.key));
    (settings, problems)
}

/// What is wrong with a variable without the separator, if it names a section.
fn misspelt(rest: &str) -> Option<String> {
    let (section, key) = rest.split_once('_').unwrap_or((rest, ""));
    if !Config::SECTIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(section))
    {
        return None;
    }
    // Kubernetes tells every container of a service `reachd-grpc` in REACHD_GRPC_PORT and REACHD_GRPC_SERVICE_HOST.
    let orchestrator = ["PORT", "SERVICE_HOST", "SERVICE_PORT"]
        .iter()
        .any(|word| key == *word || key.strip_prefix(word).is_some_and(|more| more.starts_with('_')));
    if orchestrator {
        return None;
    }
    Some(if key.is_empty() {
        format!("a section has no value of its own; its keys are named {PREFIX}_{section}__KEY")
    } else {
        format!("this variable is not read; did you mean {PREFIX}_{section}__{key}?")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn problems(names: &[&str]) -> Vec<String> {
        let variables = names.iter().map(|name| (name.into(), "secret".into()));
        let (settings, problems) = settings(variables);
        assert!(settings.is_empty(), "{settings:?}");
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_underscore_behind_a_section_is_a_problem_with_the_right_name() {
        assert_eq!(
            problems(&["REACHD_STORE_URL", "reachd_freshness_max_age", "REACHD_LOG"]),
            [
                "REACHD_LOG: a section has no value of its own; its keys are named REACHD_LOG__KEY",
                "REACHD_STORE_URL: this variable is not read; did you mean REACHD_STORE__URL?",
                "reachd_freshness_max_age: this variable is not read; did you mean REACHD_FRESHNESS__MAX_AGE?",
            ]
        );
    }

    #[test]
    fn variables_that_are_not_ours_are_left_alone() {
        let others = [
            "REACHD_CONFIG",
            "REACHD_GIT_SHA",
            "REACHD",
            "REACHD_",
            "REACHDX_STORE__URL",
            "STORE_URL",
            "OTHER__THING",
            "REACHD_GRPC_PORT",
            "REACHD_GRPC_PORT_50051_TCP_ADDR",
            "REACHD_GRPC_SERVICE_HOST",
            "REACHD_ADMIN_SERVICE_PORT_HTTP",
        ];
        assert_eq!(problems(&others), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_utf_8_is_told_where_it_matters_and_harms_nowhere() {
        let garbled = || OsString::from_vec(vec![b'x', 0xff]);
        let (settings, problems) = settings([
            ("REACHD_STORE__URL".into(), garbled()),
            ("REACHD_GIT_SHA".into(), garbled()),
            ("LANG".into(), garbled()),
            (garbled(), "x".into()),
            ("REACHD_GRPC__LISTEN".into(), "127.0.0.1:3".into()),
        ]);
        assert_eq!(settings.keys().collect::<Vec<_>>(), ["REACHD_GRPC__LISTEN"]);
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, ["REACHD_STORE__URL: the value is not UTF-8 text"]);
    }
}

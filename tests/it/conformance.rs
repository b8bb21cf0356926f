//! Holds docs/conformance.md to the tests that it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The columns of a table of requirements.
const COLUMNS: [&str; 5] = ["section", "subject", "state", "what is done", "tests"];
const STATES: [&str; 4] = ["compliant", "partial", "not", "n.a."];

/// One row of such a table.
struct Row<'a> {
    line: usize,
    state: &'a str,
    done: &'a str,
    tests: &'a str,
}

#[test]
fn every_row_of_the_conformance_table_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/conformance.md")).unwrap();
    let rows = rows(&document);
    assert!(rows.len() > 200, "only {} rows were found", rows.len());

    let mut known = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut known);
    }
    let malformed = fs::read_to_string(root.join("tests/it/malformed/table.rs")).unwrap();

    let mut problems = Vec::new();
    for Row {
        line,
        state,
        done,
        tests,
    } in rows
    {
        let mut problem = |what: String| problems.push(format!("line {line}: {what}"));
        if !STATES.contains(&state) {
            problem(format!("no such state: {state:?}"));
        }
        let names: Vec<_> = between(tests, '`').collect();
        let played: Vec<_> = between(tests, '"').collect();
        if matches!(state, "compliant" | "partial") && names.is_empty() && played.is_empty() {
            problem("it claims something and names no test".to_owned());
        }
        if matches!(state, "partial" | "not") && done.is_empty() {
            problem("what is missing, and why?".to_owned());
        }
        for name in names {
            if !known.contains(name) {
                problem(format!("no such test: {name}"));
            }
        }
        for row in played {
            if !malformed.contains(&format!("\"{row}\"")) {
                problem(format!("no such row of the table of malformed messages: {row:?}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The rows of every table that has the columns of requirements.
fn rows(document: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut within = false;
    for (number, text) in document.lines().enumerate() {
        let Some(text) = text.strip_prefix('|') else {
            within = false;
            continue;
        };
        let cells: Vec<_> = text.trim_end_matches('|').split('|').map(str::trim).collect();
        if cells == COLUMNS {
            within = true;
        } else if within && !cells.iter().all(|cell| cell.starts_with("--")) {
            // A last cell that is empty went with the bar that closes the row.
            let [_, _, state, done, rest @ ..] = &cells[..] else {
                panic!("line {}: too few columns", number + 1);
            };
            assert!(rest.len() <= 1, "line {}: too many columns", number + 1);
            rows.push(Row {
                line: number + 1,
                state,
                done,
                tests: rest.first().copied().unwrap_or_default(),
            });
        }
    }
    rows
}

/// What stands between each two marks.
fn between(text: &str, mark: char) -> impl Iterator<Item = &str> {
    text.split(mark).skip(1).step_by(2)
}

/// The names of all test functions in a folder: those with the attribute, and those that a macro runs.
fn collect(folder: &Path, known: &mut BTreeSet<String>) {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, known);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            known.extend(tests(&fs::read_to_string(&path).unwrap()));
        }
    }
}

fn tests(source: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut marked = false;
    let mut listed = false;
    for line in source.lines() {
        let text = line.trim();
        // `over_all! { … }` lists names, `on_each_engine! { … }` holds functions.
        if text == "over_all! {" || text.ends_with("on_each_engine! {") {
            listed = true;
        } else if line == "}" {
            listed = false;
        } else if text.starts_with("#[test]") || text.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some(name) = function(text) {
            if marked || listed {
                tests.insert(name.to_owned());
            }
            marked = false;
        } else if listed && let Some(name) = text.strip_suffix(';').filter(|name| is_name(name)) {
            tests.insert(name.to_owned());
        }
    }
    tests
}

fn function(text: &str) -> Option<&str> {
    let text = text.strip_prefix("async ").unwrap_or(text);
    let (name, _) = text.strip_prefix("fn ")?.split_once('(')?;
    Some(name)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_')
}

#[test]
fn tests_are_found_by_their_attribute_and_in_the_macros_that_run_them() {
    let source = "\
over_all! {
    a_burst;
}
async fn a_burst(over: Over) {}
on_each_engine! {
    async fn an_attach(engine) {
    }
}
#[test]
#[ignore]
fn a_rule() {
}
fn a_helper() {
}
";
    let expected: BTreeSet<String> = ["a_burst", "an_attach", "a_rule"].map(str::to_owned).into();
    assert_eq!(tests(source), expected);
}

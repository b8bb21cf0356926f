//! What came of an import, for a person and for machines. Names lines and columns, never what they say.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::sim::format;

/// How many refused lines, and how many conflicts, are named.
pub(super) const SHOWN: usize = 20;
/// How many conflicts are remembered, so that none is counted twice.
const REMEMBERED: usize = 100_000;

/// A column whose identifier is claimed by two subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conflict {
    pub(super) line: u64,
    pub(super) column: &'static str,
    pub(super) with: With,
}

/// What a row conflicts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum With {
    /// An earlier line of the file.
    Line(u64),
    /// What was bound before the file is of: it moves.
    Older,
    /// What was bound later than the file is of: it stays.
    Newer,
}

impl Conflict {
    fn text(&self) -> String {
        let Self { line, column, with } = self;
        match with {
            With::Line(other) => {
                format!("line {line}: column {column}: line {other} has it for another subscriber")
            }
            With::Older => {
                format!("line {line}: column {column}: it was bound to another subscriber, and moves")
            }
            With::Newer => {
                format!(
                    "line {line}: column {column}: it is bound to another subscriber since later, and stays"
                )
            }
        }
    }

    fn word(&self) -> &'static str {
        match self.with {
            With::Line(_) => "line",
            With::Older => "moves",
            With::Newer => "stays",
        }
    }
}

/// What came of an import.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) imported: u64,
    /// Of those that were imported, what said nothing new.
    pub(super) unchanged: u64,
    pub(super) refused: u64,
    /// The first of them, by line.
    pub(super) named: Vec<(u64, String)>,
    pub(super) conflicts: u64,
    /// The first of them, by line.
    pub(super) conflicting: BTreeSet<Conflict>,
}

impl Report {
    pub(super) fn refuse(&mut self, line: u64, reason: String) {
        self.refused += 1;
        if self.named.len() < SHOWN {
            self.named.push((line, reason));
        }
    }

    pub(super) fn conflict(&mut self, conflict: Conflict) {
        self.conflicts += 1;
        if self.conflicting.len() < REMEMBERED {
            self.conflicting.insert(conflict);
        }
    }

    /// Adds what came of other rows, or of the same by other eyes.
    pub(super) fn join(&mut self, other: Self) {
        self.imported += other.imported;
        self.unchanged += other.unchanged;
        self.refused += other.refused;
        self.named.extend(other.named);
        self.named.sort_unstable();
        self.named.truncate(SHOWN);
        self.conflicts += other.conflicts;
        for conflict in other.conflicting {
            let known = |known: &Conflict| (known.line, known.column) == (conflict.line, conflict.column);
            if self
                .conflicting
                .range(
                    Conflict {
                        with: With::Line(0),
                        ..conflict
                    }..,
                )
                .next()
                .is_some_and(known)
            {
                self.conflicts -= 1;
            } else {
                self.conflicting.insert(conflict);
            }
        }
    }

    /// For a person.
    pub(super) fn text(&self, dry_run: bool, took: Duration) -> String {
        let mut text: String = self
            .named
            .iter()
            .map(|(line, reason)| format!("line {line}: {reason}\n"))
            .collect();
        let more = self.refused - self.named.len() as u64;
        if more > 0 {
            text += &format!("and {} more lines\n", format::number(more));
        }
        for conflict in self.conflicting.iter().take(SHOWN) {
            text += &format!("{}\n", conflict.text());
        }
        let more = self.conflicts.saturating_sub(SHOWN as u64);
        if more > 0 {
            text += &format!("and {} more conflicts\n", format::number(more));
        }
        let done = if dry_run { "would be imported" } else { "imported" };
        text += &format!("{} rows {done}", format::number(self.imported));
        if self.unchanged > 0 {
            text += &format!(" ({} of them known already)", format::number(self.unchanged));
        }
        text += &format!(", {} refused", format::number(self.refused));
        if self.conflicts > 0 {
            text += &format!(", {} conflicts", format::number(self.conflicts));
        }
        text += &format!(", in {}\n", format::duration(took));
        text
    }

    pub(super) fn json(&self, dry_run: bool, by_daemon: bool) -> serde_json::Value {
        let refusals: Vec<_> = self
            .named
            .iter()
            .map(|(line, reason)| serde_json::json!({ "line": line, "reason": reason }))
            .collect();
        let conflicting: Vec<_> = self
            .conflicting
            .iter()
            .take(SHOWN)
            .map(|conflict| {
                let mut shown = serde_json::json!({
                    "line": conflict.line,
                    "column": conflict.column,
                    "what": conflict.word(),
                });
                if let (With::Line(other), Some(shown)) = (conflict.with, shown.as_object_mut()) {
                    shown.insert("otherLine".into(), other.into());
                }
                shown
            })
            .collect();
        serde_json::json!({
            "imported": self.imported,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "refusals": refusals,
            "conflicts": self.conflicts,
            "conflicting": conflicting,
            "dryRun": dry_run,
            "way": if by_daemon { "daemon" } else { "store" },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_first_refused_lines_and_counts_the_rest() {
        let mut report = Report {
            imported: 1_000_000,
            ..Report::default()
        };
        for line in 2..1200 {
            report.refuse(line, "column imsi: it is empty".into());
        }
        let text = report.text(false, Duration::from_secs(3));
        assert_eq!(text.lines().count(), SHOWN + 2);
        assert!(text.starts_with("line 2: column imsi: it is empty\n"));
        assert!(
            text.ends_with("and 1,178 more lines\n1,000,000 rows imported, 1,198 refused, in 3.0 s\n"),
            "{text}"
        );
        let json = report.json(false, true);
        assert_eq!(json.pointer("/refused"), Some(&1198.into()));
        assert_eq!(json.pointer("/way"), Some(&"daemon".into()));
    }

    #[test]
    fn a_conflict_that_is_seen_in_the_file_and_in_the_store_is_one() {
        let conflict = |line, with| Conflict {
            line,
            column: "msisdn",
            with,
        };
        let (mut read, mut taken) = (Report::default(), Report::default());
        read.conflict(conflict(7, With::Line(3)));
        taken.conflict(conflict(7, With::Older));
        taken.conflict(conflict(9, With::Newer));
        read.join(taken);
        assert_eq!(read.conflicts, 2);
        let text = read.text(true, Duration::from_secs(1));
        assert!(
            text.contains("line 7: column msisdn: line 3 has it for another subscriber\n"),
            "{text}"
        );
        assert!(
            text.contains("line 9: column msisdn: it is bound to another subscriber since later"),
            "{text}"
        );
        assert!(
            text.ends_with("0 rows would be imported, 0 refused, 2 conflicts, in 1.0 s\n"),
            "{text}"
        );
    }
}

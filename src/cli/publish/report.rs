//! What came of publishing, told while it goes on and at the end.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::sim::format;

/// How many refused lines a person is told of.
const SHOWN: u64 = 100;
/// How many a machine is told of.
const NAMED: usize = 1000;

/// See the module.
#[derive(Debug)]
pub(super) struct Report {
    /// Events that are durable.
    pub(super) acknowledged: u64,
    /// Lines that became no event, and events that the daemon refused.
    pub(super) refused: u64,
    /// Streams that broke.
    pub(super) broken: u64,
    named: Vec<Refused>,
    /// Where a person is told; `None` for machines.
    bar: Option<ProgressBar>,
}

#[derive(Debug)]
struct Refused {
    line: u64,
    reason: String,
    message: String,
}

/// How publishing ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome<'a> {
    /// Everything up to this line is durable or refused.
    pub(super) line: u64,
    /// The file was read to its end, and that is all of it.
    pub(super) complete: bool,
    pub(super) took: Duration,
    /// Whether the daemon took it as all that the feed has, if that was wanted; if not, why.
    pub(super) resynchronised: Option<Result<(), &'a str>>,
}

/// A bar for a file of that many octets, or something that moves where the size is not known. Shows only on a terminal.
pub(super) fn progress(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (
            ProgressBar::new(size),
            "{wide_bar} {percent:>3} %  {msg}  {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Report {
    pub(super) fn new(bar: Option<ProgressBar>) -> Self {
        Self {
            acknowledged: 0,
            refused: 0,
            broken: 0,
            named: Vec::new(),
            bar,
        }
    }

    /// Tells a person something in passing.
    pub(super) fn say(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.suspend(|| eprintln!("{text}"));
        }
    }

    /// So many more events are durable.
    pub(super) fn acknowledge(&mut self, more: u64) {
        self.acknowledged += more;
        if let Some(bar) = self.bar.as_ref().filter(|bar| more > 0 && !bar.is_hidden()) {
            bar.set_message(format!("{} acknowledged", format::number(self.acknowledged)));
            // Where the size is not known nothing else moves it.
            if bar.length().is_none() {
                bar.tick();
            }
        }
    }

    /// A line was not taken.
    pub(super) fn refuse(&mut self, line: u64, reason: &str, message: &str) {
        self.refused += 1;
        if self.refused <= SHOWN {
            self.say(&format!("line {line}: {message}"));
        }
        if self.named.len() < NAMED {
            self.named.push(Refused {
                line,
                reason: reason.to_owned(),
                message: message.to_owned(),
            });
        }
    }

    /// All is sent again from the first line: nothing of it is settled any more.
    pub(super) fn begin_again(&mut self) {
        self.acknowledged = 0;
        self.refused = 0;
        self.named.clear();
    }

    /// The bar goes away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// The end, for a person.
    pub(super) fn text(&self, outcome: Outcome<'_>) -> String {
        let Outcome {
            line,
            complete,
            took,
            resynchronised,
        } = outcome;
        let more = self.refused.saturating_sub(SHOWN);
        let mut text = String::new();
        if more > 0 {
            text += &format!("and {} more lines\n", format::number(more));
        }
        text += &format!(
            "{} events acknowledged, {} refused, in {}\n",
            format::number(self.acknowledged),
            format::number(self.refused),
            format::duration(took)
        );
        match resynchronised {
            None => {}
            Some(Ok(())) => text += "resynchronised: this was all that the feed has\n",
            Some(Err(why)) => text += &format!("not resynchronised: {why}\n"),
        }
        if !complete && resynchronised.is_none() {
            let next = line + 1;
            text += &format!(
                "stopped: everything up to line {line} is durable or refused; --from-line {next} goes on\n"
            );
        }
        text
    }

    /// The end, for a machine.
    pub(super) fn json(&self, outcome: Outcome<'_>) -> serde_json::Value {
        let refusals: Vec<_> = self
            .named
            .iter()
            .map(|refused| json!({ "line": refused.line, "reason": refused.reason, "message": refused.message }))
            .collect();
        json!({
            "acknowledged": self.acknowledged,
            "refused": self.refused,
            "refusals": refusals,
            "line": outcome.line,
            "complete": outcome.complete,
            "broken_streams": self.broken,
            "resynchronised": outcome.resynchronised.map(|told| told.is_ok()),
            "not_resynchronised": outcome.resynchronised.and_then(Result::err),
            "seconds": outcome.took.as_secs_f64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(complete: bool) -> Outcome<'static> {
        Outcome {
            line: 41,
            complete,
            took: Duration::from_secs(3),
            resynchronised: None,
        }
    }

    #[test]
    fn an_end_before_the_end_says_where_to_go_on() {
        let mut report = Report::new(None);
        report.acknowledge(1_000);
        report.refuse(7, "UNREADABLE", "not JSON, at column 1");
        let text = report.text(outcome(false));
        assert_eq!(
            text,
            "1,000 events acknowledged, 1 refused, in 3.0 s\n\
             stopped: everything up to line 41 is durable or refused; --from-line 42 goes on\n"
        );
        assert!(!report.text(outcome(true)).contains("stopped"));
    }

    #[test]
    fn what_was_wanted_as_all_says_whether_it_was_taken_so() {
        let report = Report::new(None);
        for (told, words, json) in [
            (
                Ok(()),
                "\nresynchronised: this was all that the feed has\n",
                json!(null),
            ),
            (
                Err("lines were refused"),
                "\nnot resynchronised: lines were refused\n",
                json!("lines were refused"),
            ),
        ] {
            let outcome = Outcome {
                resynchronised: Some(told),
                ..outcome(true)
            };
            assert!(report.text(outcome).ends_with(words));
            assert_eq!(report.json(outcome)["resynchronised"], told.is_ok());
            assert_eq!(report.json(outcome)["not_resynchronised"], json);
        }
        assert_eq!(report.json(outcome(true))["resynchronised"], json!(null));
    }

    #[test]
    fn a_machine_is_told_every_figure_and_the_first_refusals() {
        let mut report = Report::new(None);
        for line in 1..=2000 {
            report.refuse(line, "INVALID_ARGUMENT", "event.kind: required");
        }
        let json = report.json(outcome(true));
        assert_eq!(json["refused"], 2000);
        assert_eq!(json["refusals"].as_array().map(Vec::len), Some(1000));
        assert_eq!(
            json["refusals"][0],
            json!({"line": 1, "reason": "INVALID_ARGUMENT", "message": "event.kind: required"})
        );
        assert_eq!((&json["line"], &json["complete"]), (&json!(41), &json!(true)));
        assert!(report.text(outcome(true)).starts_with("and 1,900 more lines\n"));
    }
}

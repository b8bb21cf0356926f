//! What a person sees of a running load: pure functions from a snapshot to text.

use std::fmt::Write as _;
use std::time::Duration;

use super::format::{clock, duration, number, per_second};
use super::mix::Kind;
use super::stats::Stats;

/// A stretch of time and what was counted in it.
#[derive(Clone, Debug, Default)]
pub struct Interval {
    /// How long.
    pub span: Duration,
    /// What was counted.
    pub stats: Stats,
}

impl Interval {
    /// Events answered a second, whatever the answer.
    pub fn rate(&self) -> u64 {
        per_second(self.stats.codes.values().sum(), self.span)
    }
}

/// One line on the last second of a load.
pub fn load_line(elapsed: Duration, last: &Interval) -> String {
    let stats = &last.stats;
    if stats.connected == 0 && stats.codes.is_empty() && stats.unanswered == 0 {
        return format!("{:>6}  waiting for the connection", clock(elapsed));
    }
    let mut line = format!(
        "{:>6}  {:>7}/s   ok {}   busy {}   failed {}   in flight {}   p50 {}   p99 {}   max {}",
        clock(elapsed),
        number(last.rate()),
        number(stats.succeeded()),
        number(stats.busy()),
        number(stats.refused() + stats.unanswered),
        number(stats.in_flight),
        duration(stats.latency.quantile(500)),
        duration(stats.latency.quantile(990)),
        duration(stats.latency.max()),
    );
    if stats.backing_off > 0 {
        let _ = write!(line, "   backing off {}", number(stats.backing_off));
    }
    line
}

/// What a whole run came to.
pub fn summary(whole: &Interval) -> String {
    let stats = &whole.stats;
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(
        text,
        "{} events answered in {}: {}/s",
        number(stats.codes.values().sum()),
        duration(whole.span),
        number(whole.rate())
    );
    let _ = writeln!(
        text,
        "  latency   p50 {}   p90 {}   p99 {}   max {}",
        duration(stats.latency.quantile(500)),
        duration(stats.latency.quantile(900)),
        duration(stats.latency.quantile(990)),
        duration(stats.latency.max()),
    );
    for (code, count) in &stats.codes {
        let _ = writeln!(text, "  {:>9}   {code}", number(*count));
    }
    for (count, what) in [
        (stats.unanswered, "without an answer"),
        (stats.unexpected, "answers to nothing that was asked"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "  {:>9}   {what}", number(count));
        }
    }
    let sent: Vec<String> = Kind::ALL
        .into_iter()
        .filter(|kind| stats.sent_of(*kind) > 0)
        .map(|kind| format!("{} {}", kind.name(), number(stats.sent_of(kind))))
        .collect();
    let _ = writeln!(text, "  sent      {}", sent.join("   "));
    text
}

/// The same for machines. Latencies are in microseconds.
pub fn summary_json(whole: &Interval) -> serde_json::Value {
    let stats = &whole.stats;
    let micros = |per_mille| stats.latency.quantile(per_mille).as_micros() as u64;
    let codes: serde_json::Map<_, _> = stats
        .codes
        .iter()
        .map(|(code, count)| (code.to_string(), (*count).into()))
        .collect();
    let sent: serde_json::Map<_, _> = Kind::ALL
        .into_iter()
        .map(|kind| (kind.name().to_owned(), stats.sent_of(kind).into()))
        .collect();
    serde_json::json!({
        "seconds": whole.span.as_secs_f64(),
        "rate": whole.rate(),
        "answered": stats.codes.values().sum::<u64>(),
        "succeeded": stats.succeeded(),
        "busy": stats.busy(),
        "refused": stats.refused(),
        "unanswered": stats.unanswered,
        "unexpected": stats.unexpected,
        "codes": codes,
        "sent": sent,
        "latency_us": {
            "p50": micros(500),
            "p90": micros(900),
            "p99": micros(990),
            "max": stats.latency.max().as_micros() as u64,
        },
    })
}

/// Draws a text over the one drawn before, on a terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Canvas {
    lines: usize,
}

impl Canvas {
    /// What to write so that `text` stands where the text before stood.
    pub fn redraw(&mut self, text: &str) -> String {
        let back = if self.lines > 0 {
            // Cursor up and to the line's start (CPL), then clear to the end of the screen (ED).
            format!("\x1b[{}F\x1b[J", self.lines)
        } else {
            String::new()
        };
        self.lines = text.lines().count();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        format!("{back}{text}{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::stats::Code;

    fn interval() -> Interval {
        let mut stats = Stats {
            in_flight: 12,
            connected: 1,
            ..Stats::default()
        };
        for _ in 0..1998 {
            stats.count_sent(Kind::Update);
            stats.count_answer(Code::SUCCESS);
            stats.latency.record(Duration::from_micros(850));
        }
        stats.count_sent(Kind::LatePurge);
        stats.count_answer(Code::TOO_BUSY);
        stats.latency.record(Duration::from_millis(64));
        stats.unanswered = 1;
        Interval {
            span: Duration::from_secs(1),
            stats,
        }
    }

    #[test]
    fn a_line_tells_rate_answers_and_latencies() {
        assert_eq!(
            load_line(Duration::from_secs(61), &interval()),
            "  1:01    1,999/s   ok 1,998   busy 1   failed 1   in flight 12   p50 895 µs   p99 895 µs   max 64 ms"
        );
        assert_eq!(
            load_line(Duration::from_secs(2), &Interval::default()),
            "  0:02  waiting for the connection"
        );
    }

    #[test]
    fn a_summary_lists_every_answer_code_and_every_kind_that_was_sent() {
        assert_eq!(
            summary(&interval()),
            "1,999 events answered in 1.0 s: 1,999/s\n\
             \x20 latency   p50 895 µs   p90 895 µs   p99 895 µs   max 64 ms\n\
             \x20     1,998   DIAMETER_SUCCESS (2001)\n\
             \x20         1   DIAMETER_TOO_BUSY (3004)\n\
             \x20         1   without an answer\n\
             \x20 sent      update 1,998   late-purge 1\n"
        );
    }

    #[test]
    fn the_summary_for_machines_has_the_same_counts() {
        let json = summary_json(&interval());
        let at = |pointer| json.pointer(pointer).and_then(serde_json::Value::as_u64);
        assert_eq!(at("/succeeded"), Some(1998));
        assert_eq!(at("/codes/DIAMETER_TOO_BUSY (3004)"), Some(1));
        assert_eq!(at("/sent/late-purge"), Some(1));
        assert_eq!(at("/latency_us/max"), Some(64_000));
    }

    #[test]
    fn a_text_is_drawn_over_the_one_before() {
        let mut canvas = Canvas::default();
        assert_eq!(canvas.redraw("a\nb\n"), "a\nb\n");
        assert_eq!(canvas.redraw("c"), "\x1b[2F\x1b[Jc\n");
        assert_eq!(canvas.redraw("d\n"), "\x1b[1F\x1b[Jd\n");
    }
}

//! The live view of the demonstration: a pure function from a snapshot to text.

use std::fmt::Write as _;
use std::time::Duration;

use crate::sim::format::{age, clock, duration, number, per_second};
use crate::sim::mix::Kind;
use crate::sim::view::Interval;

/// How many devices there are by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// CONNECTED_DATA.
    pub connected_data: u64,
    /// CONNECTED_SMS.
    pub connected_sms: u64,
    /// NOT_CONNECTED.
    pub not_connected: u64,
    /// UNKNOWN.
    pub unknown: u64,
}

/// One device looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The phone number.
    pub number: String,
    /// The status, as the API names it; or why there is none.
    pub status: String,
    /// When it became so, as a time of day.
    pub since: String,
    /// How long ago that is.
    pub age: Option<Duration>,
    /// Why it is of interest.
    pub story: String,
}

/// All that the demonstration shows at one moment.
#[derive(Clone, Debug, Default)]
pub struct Demo {
    /// How long it has been running.
    pub elapsed: Duration,
    /// How long it will run; without an end if absent.
    pub ends_after: Option<Duration>,
    /// Since the last view.
    pub last: Interval,
    /// Since the beginning.
    pub whole: Interval,
    /// Lookups since the last view.
    pub lookups: Interval,
    /// By status.
    pub devices: Devices,
    /// A few devices.
    pub examples: Vec<Example>,
}

/// The live view, narrow enough for a terminal of 80 columns.
pub fn demo(view: &Demo) -> String {
    let mut text = String::new();
    let end = match view.ends_after {
        Some(end) => format!(" of {}", clock(end)),
        None => String::from("   (Ctrl-C ends it)"),
    };
    let (now, all) = (&view.last.stats, &view.whole.stats);
    // Writing into a String cannot fail.
    let _ = writeln!(text, "reachd demo   {}{end}", clock(view.elapsed));
    let _ = writeln!(text);
    let _ = writeln!(
        text,
        "  Events   {:>7}/s   p50 {}   p99 {}   until it is durable",
        number(view.last.rate()),
        duration(now.latency.quantile(500)),
        duration(now.latency.quantile(990)),
    );
    let _ = writeln!(
        text,
        "           so far: ok {}   busy {}   failed {}   late purges {}",
        number(all.succeeded()),
        number(all.busy()),
        number(all.refused() + all.unanswered),
        number(all.sent_of(Kind::LatePurge)),
    );
    let asked = &view.lookups.stats.latency;
    let _ = writeln!(
        text,
        "  Lookups  {:>7}/s   p50 {}   p99 {}   over gRPC",
        number(per_second(asked.count(), view.lookups.span)),
        duration(asked.quantile(500)),
        duration(asked.quantile(990)),
    );
    let Devices {
        connected_data,
        connected_sms,
        not_connected,
        unknown,
    } = view.devices;
    let total = (connected_data + connected_sms + not_connected + unknown).max(1);
    let _ = writeln!(text);
    for (name, count) in [
        ("CONNECTED_DATA", connected_data),
        ("CONNECTED_SMS", connected_sms),
        ("NOT_CONNECTED", not_connected),
        ("UNKNOWN", unknown),
    ] {
        let bar = "█".repeat((count * 36 / total) as usize);
        let bar = if bar.is_empty() && count > 0 { "▏" } else { &bar };
        let line = format!("  {name:<15}{:>10}  {bar}", number(count));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = writeln!(text);
    let _ = writeln!(
        text,
        "  {:<14} {:<15} {:<9} {:<10} What happened",
        "Number", "Status", "Since UTC", "Age"
    );
    for example in &view.examples {
        let age = example.age.map(age).unwrap_or_default();
        let line = format!(
            "  {:<14} {:<15} {:<9} {age:<10} {}",
            example.number, example.status, example.since, example.story
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::population::Device;
    use crate::sim::stats::{Code, Stats};

    fn interval() -> Interval {
        let mut stats = Stats::default();
        for _ in 0..1998 {
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
    fn every_line_fits_a_terminal_of_80_columns_so_that_it_can_be_drawn_over() {
        let mut busy = interval();
        busy.stats.codes.insert(Code::SUCCESS, 12_345_678);
        busy.stats.codes.insert(Code::TOO_BUSY, 123_456);
        busy.stats.unanswered = 12_345;
        let view = Demo {
            last: busy.clone(),
            whole: busy.clone(),
            lookups: busy,
            devices: Devices {
                connected_data: 100_000_000,
                ..Devices::default()
            },
            examples: vec![Example {
                number: Device(1).phone_number(),
                status: "CONNECTED_DATA".into(),
                since: "19:40:12".into(),
                age: Some(Duration::from_secs(119)),
                story: "late purge by mme24".into(),
            }],
            ..Demo::default()
        };
        for line in demo(&view).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn the_demonstration_reads_like_this() {
        let view = Demo {
            elapsed: Duration::from_secs(12),
            ends_after: Some(Duration::from_secs(60)),
            last: interval(),
            whole: interval(),
            lookups: interval(),
            devices: Devices {
                connected_data: 18_200,
                connected_sms: 0,
                not_connected: 950,
                unknown: 850,
            },
            examples: vec![
                Example {
                    number: "+999000012345".into(),
                    status: "CONNECTED_DATA".into(),
                    since: "19:40:12".into(),
                    age: Some(Duration::from_secs(3)),
                    story: "late purge ignored".into(),
                },
                Example {
                    number: "+999000000001".into(),
                    status: "UNKNOWN".into(),
                    since: String::new(),
                    age: None,
                    story: "never seen".into(),
                },
            ],
        };
        let shown = demo(&view);
        assert_eq!(
            shown,
            "\
reachd demo   0:12 of 1:00

  Events     1,999/s   p50 895 µs   p99 895 µs   until it is durable
           so far: ok 1,998   busy 1   failed 1   late purges 1
  Lookups    1,999/s   p50 895 µs   p99 895 µs   over gRPC

  CONNECTED_DATA     18,200  ████████████████████████████████
  CONNECTED_SMS           0
  NOT_CONNECTED         950  █
  UNKNOWN               850  █

  Number         Status          Since UTC Age        What happened
  +999000012345  CONNECTED_DATA  19:40:12  3 s ago    late purge ignored
  +999000000001  UNKNOWN                              never seen
"
        );
    }
}

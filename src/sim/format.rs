//! Quantities as people read them.

use std::time::Duration;

/// `count` in `span` as a rate.
pub fn per_second(count: u64, span: Duration) -> u64 {
    let seconds = span.as_secs_f64();
    if seconds > 0.0 {
        (count as f64 / seconds).round() as u64
    } else {
        0
    }
}

/// With commas between thousands.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// To two or three digits, with its unit.
pub fn duration(duration: Duration) -> String {
    let micros = duration.as_micros() as f64;
    let (value, unit) = match duration {
        short if short < Duration::from_millis(1) => return format!("{micros:.0} µs"),
        medium if medium < Duration::from_secs(1) => (micros / 1e3, "ms"),
        _ => (micros / 1e6, "s"),
    };
    if value < 10.0 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// How long ago, in the one unit that matters.
pub fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0 => "just now".into(),
        1..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Minutes and seconds.
pub fn clock(elapsed: Duration) -> String {
    format!("{}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_shown_for_people() {
        let numbers = [0, 999, 1000, 1_234_567].map(number);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567"]);
        let durations = [0, 850, 1200, 64_000, 2_500_000, 90_000_000]
            .map(|micros| duration(Duration::from_micros(micros)));
        assert_eq!(durations, ["0 µs", "850 µs", "1.2 ms", "64 ms", "2.5 s", "90 s"]);
        let ages = [0, 1, 119, 120, 7200, 172_800].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(
            ages,
            [
                "just now",
                "1 s ago",
                "119 s ago",
                "2 min ago",
                "2 h ago",
                "2 days ago"
            ]
        );
        assert_eq!(clock(Duration::from_secs(125)), "2:05");
        assert_eq!(per_second(10, Duration::ZERO), 0);
    }
}

//! Ratios measured in one run: contestants take turns in short rounds, so that a machine that is slow for a while is
//! slow for all of them, and medians are compared.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::time::Duration;

/// Rounds and their length, shortened by `REACHD_BENCH_QUICK=1` to see that a bench runs at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) round: Duration,
    pub(crate) quick: bool,
}

impl Plan {
    pub(crate) fn new(rounds: usize, round: Duration) -> Self {
        if std::env::var_os("REACHD_BENCH_QUICK").is_some() {
            return Self {
                rounds: 1,
                round: round / 10,
                quick: true,
            };
        }
        Self {
            rounds,
            round,
            quick: false,
        }
    }
}

/// The middle of some figures.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(below), Some(above)) if sorted.len().is_multiple_of(2) => (below + above) / 2.0,
        (_, Some(middle)) => *middle,
        _ => f64::NAN,
    }
}

/// Prints a contestant's figure beside its reference, and the median of the ratios round by round.
pub(crate) fn report(name: &str, unit: &str, figures: &[f64], reference_name: &str, reference: &[f64]) {
    let ratios: Vec<f64> = figures
        .iter()
        .zip(reference)
        .map(|(figure, base)| figure / base)
        .collect();
    let spread = ratios
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), r| (low.min(*r), high.max(*r)));
    println!(
        "{name}: {:.0} {unit}; {reference_name}: {:.0} {unit}; ratio {:.2} ({:.2} to {:.2} over {} rounds)",
        median(figures),
        median(reference),
        median(&ratios),
        spread.0,
        spread.1,
        ratios.len()
    );
}

//! Sweeps over seeds: the same test body many times, each run decided by its seed alone.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The variable that picks one seed.
const VARIABLE: &str = "REACHD_SEED";

/// Runs the body with `count` seeds, or with the one seed that the environment names. A failure says which seed it was
/// and how to repeat it.
pub(crate) fn sweep(count: u64, body: impl Fn(u64)) {
    if let Ok(seed) = std::env::var(VARIABLE) {
        let seed = seed.parse().unwrap_or_else(|_| panic!("{VARIABLE} is no number"));
        return body(seed);
    }
    for seed in 0..count {
        if catch_unwind(AssertUnwindSafe(|| body(seed))).is_err() {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or_default();
            panic!("seed {seed} fails; repeat it with {VARIABLE}={seed} cargo test --lib {test}");
        }
    }
}

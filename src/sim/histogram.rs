//! How long answers took: a histogram of fixed size with logarithmic buckets.
//!
//! Each power of two is cut into eight, so a quantile is off by at most one part in eight. Values are microseconds.

use std::time::Duration;

/// Parts of each power of two.
const PARTS: u32 = 8;
/// 2^32 µs, over an hour: whatever takes longer counts as this long.
const POWERS: u32 = 32;
const BUCKETS: usize = (PARTS * (POWERS - 2)) as usize;

/// Counts of durations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: Box<[u64]>,
    count: u64,
    max_micros: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS].into(),
            count: 0,
            max_micros: 0,
        }
    }
}

/// The bucket of a value: values below eight have their own; above, the three bits behind the leading one choose.
fn bucket(micros: u64) -> usize {
    let micros = micros.min((1 << POWERS) - 1);
    if micros < u64::from(PARTS) {
        return micros as usize;
    }
    let power = micros.ilog2();
    let part = (micros >> (power - 3)) & 7;
    ((power - 2) * PARTS) as usize + part as usize
}

/// The greatest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let (row, part) = (bucket as u32 / PARTS, bucket as u64 % u64::from(PARTS));
    if row == 0 {
        return part;
    }
    ((u64::from(PARTS) + part + 1) << (row - 1)) - 1
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.buckets.get_mut(bucket(micros)) {
            *count += 1;
        }
        self.count += 1;
        self.max_micros = self.max_micros.max(micros);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest. Of a difference ([`Self::since`]) only known to within its bucket.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_micros)
    }

    /// The duration that `per_mille` of a thousand did not exceed, zero if nothing was counted.
    pub fn quantile(&self, per_mille: u32) -> Duration {
        let rank = (self.count * u64::from(per_mille.min(1000)))
            .div_ceil(1000)
            .max(1);
        let mut seen = 0;
        for (place, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_micros(upper(place).min(self.max_micros));
            }
        }
        Duration::ZERO
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *count += more;
        }
        self.count += other.count;
        self.max_micros = self.max_micros.max(other.max_micros);
    }

    /// What was counted since an earlier state of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let buckets: Box<[u64]> = self
            .buckets
            .iter()
            .zip(&earlier.buckets)
            .map(|(now, then)| now.saturating_sub(*then))
            .collect();
        let longest = buckets.iter().rposition(|count| *count > 0).map_or(0, upper);
        Self {
            buckets,
            count: self.count.saturating_sub(earlier.count),
            max_micros: longest.min(self.max_micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.record(Duration::from_micros(value));
        }
        histogram
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_value_and_is_an_eighth_wide_at_most(value in 0u64..(1 << POWERS)) {
            let place = bucket(value);
            prop_assert!(place < BUCKETS);
            prop_assert!(upper(place) >= value);
            prop_assert!(upper(place) - value <= value / 8);
            prop_assert!(place == 0 || upper(place - 1) < value);
        }

        #[test]
        fn a_quantile_is_at_most_an_eighth_above_the_exact_one(mut values in prop::collection::vec(0u64..5_000_000, 1..200)) {
            let histogram = micros(values.iter().copied());
            values.sort_unstable();
            for per_mille in [500u32, 900, 990, 1000] {
                let rank = (values.len() * per_mille as usize).div_ceil(1000).max(1);
                let exact = values.get(rank - 1).copied().unwrap_or_default();
                let shown = histogram.quantile(per_mille).as_micros() as u64;
                prop_assert!(shown >= exact && shown - exact <= exact / 8, "{shown} for {exact}");
            }
        }
    }

    #[test]
    fn nothing_counted_has_no_quantiles() {
        assert_eq!(Histogram::default().quantile(990), Duration::ZERO);
    }

    #[test]
    fn what_takes_longer_than_the_last_bucket_is_still_counted() {
        let histogram = micros([u64::MAX]);
        assert_eq!(
            (histogram.count(), histogram.max()),
            (1, Duration::from_micros(u64::MAX))
        );
        assert!(histogram.quantile(500) > Duration::from_secs(3600));
    }

    #[test]
    fn a_difference_knows_only_what_came_since() {
        let earlier = micros([900_000, 10]);
        let mut later = earlier.clone();
        later.merge(&micros([100, 200]));
        let since = later.since(&earlier);
        assert_eq!(since.count(), 2);
        assert!(since.max() < Duration::from_micros(225));
        assert_eq!(since.quantile(500), Duration::from_micros(103));
    }
}

//! Medians, and how sure a ratio of medians is.

use std::time::Duration;

/// Resamples of a bootstrap; more change the second decimal of an interval no longer.
const RESAMPLES: usize = 2_000;

/// A ratio of medians with the interval that 95 % of its resamples fall into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The median of the one over the median of the other.
    pub value: f64,
    /// The 2.5 % quantile of the resamples.
    pub low: f64,
    /// The 97.5 % quantile of the resamples.
    pub high: f64,
}

/// The median of some durations in seconds; zero for none.
pub fn median(durations: &[Duration]) -> f64 {
    let mut seconds: Vec<f64> = durations.iter().map(Duration::as_secs_f64).collect();
    middle(&mut seconds)
}

/// The median of these values, which are sorted by that; zero for none.
pub fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

/// The ratio of the medians of `measured` to `base`, whose elements were measured in pairs: a resample draws pairs, so what slowed
/// both halves of a pair does not widen the interval.
pub fn ratio(measured: &[Duration], base: &[Duration], random: &mut fastrand::Rng) -> Ratio {
    let pairs: Vec<(f64, f64)> = measured.iter().zip(base).map(|(a, b)| (a.as_secs_f64(), b.as_secs_f64())).collect();
    let value = median(measured) / median(base);
    if pairs.is_empty() {
        return Ratio { value, low: value, high: value };
    }
    let mut resamples: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<(f64, f64)> = pairs.iter().map(|_| pairs[random.usize(..pairs.len())]).collect();
            let mut measured: Vec<f64> = drawn.iter().map(|pair| pair.0).collect();
            let mut base: Vec<f64> = drawn.iter().map(|pair| pair.1).collect();
            middle(&mut measured) / middle(&mut base)
        })
        .collect();
    resamples.sort_by(f64::total_cmp);
    let quantile = |share: f64| resamples[((RESAMPLES - 1) as f64 * share).round() as usize];
    Ratio { value, low: quantile(0.025), high: quantile(0.975) }
}

#[cfg(test)]
mod tests {
    use super::{median, ratio};
    use std::time::Duration;

    fn seconds(values: &[u64]) -> Vec<Duration> {
        values.iter().map(|&value| Duration::from_secs(value)).collect()
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert!((median(&seconds(&[4, 1, 2, 100])) - 3.0).abs() < 1e-9);
        assert!((median(&seconds(&[4, 1, 100])) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn pairs_that_move_together_give_a_narrow_interval() {
        let base = seconds(&[10, 20, 30, 40, 50]);
        let doubled = seconds(&[20, 40, 60, 80, 100]);
        let ratio = ratio(&doubled, &base, &mut fastrand::Rng::with_seed(1));
        assert!((ratio.value - 2.0).abs() < 1e-9 && (ratio.low - 2.0).abs() < 1e-9 && (ratio.high - 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_interval_covers_the_ratio_and_is_wider_for_scattered_pairs() {
        let ratio = ratio(&seconds(&[1, 9, 3, 7, 5]), &seconds(&[5, 5, 5, 5, 5]), &mut fastrand::Rng::with_seed(1));
        assert!(ratio.low < ratio.value && ratio.value < ratio.high);
    }
}

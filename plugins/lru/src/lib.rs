//! The longest unused goes first. See README.md.

use cachewit_guest::{ConfigError, Eviction, Policy, Rows};

/// Least recently used, by exact order of last use.
pub struct Lru;

impl Policy for Lru {
    const NAME: &'static str = "lru";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Settings = ();

    fn configure((): ()) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl Eviction for Lru {
    fn score(&mut self, rows: &dyn Rows, first: u32, count: u32) -> Vec<f64> {
        rows.ranks(first, count).into_iter().map(f64::from).collect()
    }
}

cachewit_guest::export!(Lru: eviction);

#[cfg(test)]
mod tests {
    use super::Lru;
    use cachewit_guest::fake::{Row, Trim};

    #[test]
    fn the_longest_unused_goes_first_whatever_its_size_or_cost() {
        let rows = [2, 0, 1].map(|rank| Row { rank, size: 10 * u64::from(rank), cost: u64::from(9 - rank), ..Row::default() });
        assert_eq!(Trim::new(rows.into(), 1).order(&mut Lru), [1, 2, 0]);
    }
}

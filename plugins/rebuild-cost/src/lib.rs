//! What recent runs did not use goes first, then what is worth least: cheap to make again, passed over, used by few. See README.md.

mod memory;

use cachewit_guest::{ConfigError, Eviction, Policy, Rows, UNKNOWN_COST};
use memory::{Memory, last_stream};

cachewit_guest::settings! {
    /// What the operator may set.
    pub struct Settings {
        /// A group is stale once this many runs of its stream in a row did not use it; stale groups go before all others.
        pub idle_runs: u32 = 3,
    }
}

/// Microseconds a byte where no row of a trim has a known cost. Only its being the same for all rows matters then; the figure is the
/// median of a cold `go build std`.
const TYPICAL_DENSITY: f64 = 0.4;

/// What a group is still worth once a stream that used it has passed it over: most of these are versions that nobody builds any more.
const PASSED_OVER: f64 = 1.0 / 64.0;

/// What a group is worth that only the stream uses whose session has just ended: others come first, and it may make room for them.
const NOT_NEXT: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Rows pulled at a time while looking for the typical density: keeps the guest's memory flat.
const RUN: u32 = 4096;

/// The default policy, and, compiled natively, what the host falls back on.
#[derive(Clone, Debug)]
pub struct RebuildCost {
    idle_runs: u32,
    typical_density: f64,
    /// The stream whose session ended last; 0 = unknown.
    last_stream: u32,
}

impl Default for RebuildCost {
    fn default() -> Self {
        Self::new(&Settings::default())
    }
}

impl RebuildCost {
    fn new(settings: &Settings) -> Self {
        Self { idle_runs: settings.idle_runs, typical_density: TYPICAL_DENSITY, last_stream: 0 }
    }

    /// Microseconds of rebuilding that a byte of a group is likely to save.
    fn worth(&self, size: u64, cost: u64, idle_runs: u32, memory: Memory) -> f64 {
        let density = density(size, cost).unwrap_or(self.typical_density);
        // What two streams use is asked for twice as often; it is not made twice as often, since what one makes the other finds.
        let users = f64::from(memory.users().max(1)).sqrt();
        let next = if memory.is_used_by_none_but(self.last_stream) { NOT_NEXT } else { 1.0 };
        // Where nothing is remembered yet, the least over all streams says that all have passed it over.
        let passed = memory.passed_over() + u32::from(idle_runs > 0);
        density * users * next * PASSED_OVER.powi(passed.cast_signed())
    }
}

impl Policy for RebuildCost {
    const NAME: &'static str = "rebuild-cost";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, ConfigError> {
        Ok(Self::new(&settings))
    }
}

impl Eviction for RebuildCost {
    fn begin(&mut self, rows: &dyn Rows) {
        self.typical_density = median_density(rows).unwrap_or(TYPICAL_DENSITY);
        self.last_stream = last_stream(rows);
    }

    fn score(&mut self, rows: &dyn Rows, first: u32, count: u32) -> Vec<f64> {
        let idle_runs = rows.idle_runs(first, count);
        let ranks = rows.ranks(first, count);
        let sizes = rows.sizes(first, count);
        let costs = rows.costs(first, count);
        let streams = rows.streams(first, count);
        let mut tags = rows.tags(first, count);
        let mut scores = Vec::with_capacity(count as usize);
        let columns = idle_runs.into_iter().zip(ranks).zip(sizes.into_iter().zip(costs)).zip(streams);
        for ((((idle_runs, rank), (size, cost)), stream), tag) in columns.zip(&mut tags) {
            let memory = Memory::from_tag(*tag).after(self.last_stream, stream, idle_runs);
            *tag = memory.tag();
            let rank = f64::from(rank);
            scores.push(if idle_runs >= self.idle_runs {
                // Below every worth, and still in order of last use.
                rank - (f64::from(u32::MAX) + 1.0)
            } else {
                // What is worth the same leaves in order of last use: one unit in the last place a rank.
                self.worth(size, cost, idle_runs, memory) * (1.0 + rank * f64::EPSILON)
            });
        }
        rows.set_tags(first, &tags);
        scores
    }
}

/// Microseconds of rebuilding that a byte of the store buys: positive and finite. None where the cost is not known.
fn density(size: u64, cost: u64) -> Option<f64> {
    (cost != UNKNOWN_COST).then(|| cost.max(1) as f64 / size.max(1) as f64)
}

/// The density that a group of unknown cost most likely has: cost grows in proportion to size (over the cold builds that the
/// default was derived from, the exponent is 1.0 and the log-log correlation 0.9), so one density fits all sizes.
fn median_density(rows: &dyn Rows) -> Option<f64> {
    let mut known = Vec::new();
    let mut first = 0;
    while first < rows.len() {
        let count = RUN.min(rows.len() - first);
        let sizes = rows.sizes(first, count);
        let costs = rows.costs(first, count);
        // An empty group has no density of its own: its whole cost would count as that of one byte.
        known.extend(sizes.into_iter().zip(costs).filter(|(size, _)| *size > 0).filter_map(|(size, cost)| density(size, cost)));
        first += count;
    }
    if known.is_empty() {
        return None;
    }
    let middle = known.len() / 2;
    Some(*known.select_nth_unstable_by(middle, f64::total_cmp).1)
}

cachewit_guest::export!(RebuildCost: eviction);

#[cfg(test)]
mod tests {
    use super::{RebuildCost, Settings};
    use cachewit_guest::fake::{Row, Trim};
    use cachewit_guest::{Eviction, Policy, Rows, UNKNOWN_COST, parse_settings};

    fn order(rows: Vec<Row>) -> Vec<usize> {
        Trim::new(rows, 1).order(&mut RebuildCost::default())
    }

    #[test]
    fn what_the_last_three_runs_did_not_use_goes_before_all_else_and_the_oldest_of_it_first() {
        let cheap = Row { idle_runs: 2, rank: 9, size: u64::MAX, cost: 0, ..Row::default() };
        let dear = |idle_runs, rank| Row { idle_runs, rank, size: 1, cost: UNKNOWN_COST - 1, ..Row::default() };
        assert_eq!(order(vec![cheap, dear(3, 3), dear(7, u32::MAX), dear(4, 1)]), [3, 1, 2, 0]);
    }

    #[test]
    fn of_what_recent_runs_used_the_cheapest_byte_goes_first() {
        let row = |rank, size, cost| Row { rank, size, cost, ..Row::default() };
        // 2 µs a byte, 0.5, 1.
        assert_eq!(order(vec![row(0, 1000, 2000), row(2, 8000, 4000), row(1, 10, 10)]), [1, 2, 0]);
    }

    #[test]
    fn an_unknown_cost_counts_as_the_typical_one_for_the_size_and_not_as_free() {
        let row = |size, cost| Row { size, cost, ..Row::default() };
        let rows = vec![row(100, 50), row(100, 100), row(100, 300), row(1 << 20, UNKNOWN_COST)];
        let order = order(rows);
        let place = |index| order.iter().position(|row| *row == index);
        assert!(place(0) < place(3) && place(3) < place(2), "{order:?}");
    }

    #[test]
    fn where_nothing_tells_groups_apart_the_longest_unused_goes_first() {
        let rows = [2, 0, 3, 1].map(|rank| Row { rank, size: 1 << 30, ..Row::default() });
        assert_eq!(order(rows.into()), [1, 3, 0, 2]);
        let free = [1, 0].map(|rank| Row { rank, size: 0, cost: 0, ..Row::default() });
        assert_eq!(order(free.into()), [1, 0]);
    }

    #[test]
    fn no_row_has_a_score_that_is_not_finite_and_the_tiers_do_not_overlap() {
        let mut rows = Vec::new();
        for (idle_runs, tag) in [(0, 0), (0, u64::MAX), (2, u64::MAX), (3, 0), (u32::MAX, u64::MAX)] {
            for (size, cost) in [(0, 0), (0, UNKNOWN_COST), (u64::MAX, 0), (0, UNKNOWN_COST - 1), (u64::MAX, UNKNOWN_COST)] {
                rows.push(Row { idle_runs, tag, rank: u32::MAX, size, cost, ..Row::default() });
            }
        }
        let trim = Trim::new(rows, 1);
        let mut policy = RebuildCost::default();
        policy.begin(&trim);
        let scores = policy.score(&trim, 0, trim.len());
        assert!(scores.iter().all(|score| score.is_finite()), "{scores:?}");
        assert!(scores[..15].iter().all(|score| *score > 0.0) && scores[15..].iter().all(|score| *score < 0.0), "{scores:?}");
    }

    #[test]
    fn scores_do_not_depend_on_how_the_rows_are_cut_into_runs() {
        let rows = (0..10_000_u32).map(|n| {
            let cost = if n % 3 == 0 { UNKNOWN_COST } else { u64::from(n % 89) * 100 };
            Row { rank: n, idle_runs: n % 4, stream: n % 3, size: u64::from(n % 97), cost, ..Row::default() }
        });
        let trim = Trim::new(rows.collect(), 1);
        let mut policy = RebuildCost::default();
        policy.begin(&trim);
        let whole = policy.score(&trim, 0, 10_000);
        let cut: Vec<f64> = (0..10).flat_map(|run| policy.score(&trim, run * 1000, 1000)).collect();
        assert_eq!(whole, cut);
    }

    /// Rows as two sessions after another leave them: what each used, of things with a number.
    fn session(rows: &mut [Row], stream: u32, runs: &mut [Vec<u32>], uses: &[usize]) {
        let newest = rows.iter().map(|row| row.rank).max().unwrap_or(0);
        for (number, row) in rows.iter_mut().enumerate() {
            let runs = &mut runs[number];
            // Ended sessions of each stream since one used it; the least is what a trim says.
            runs[stream as usize] = if uses.contains(&number) { 0 } else { runs[stream as usize].saturating_add(1) };
            row.idle_runs = runs.iter().copied().min().unwrap_or(u32::MAX);
            if uses.contains(&number) {
                (row.stream, row.rank) = (stream, newest + 1 + number as u32);
            }
        }
    }

    #[test]
    fn what_only_the_last_session_uses_is_worth_less_than_what_comes_next() {
        let mut policy = RebuildCost::default();
        // As dear as each other: what the build uses, what the vet uses, and what both do.
        let row = Row { cost: 1000, size: 1000, idle_runs: u32::MAX, stream: 0, ..Row::default() };
        let mut rows = vec![row.clone(), row.clone(), row];
        let mut runs = vec![vec![u32::MAX; 3]; 3];
        for (stream, uses, expected) in [(1, &[0, 2][..], &[0, 2, 1][..]), (2, &[1, 2], &[1, 0, 2]), (1, &[0, 2], &[0, 1, 2])] {
            session(&mut rows, stream, &mut runs, uses);
            let trim = Trim::new(rows.clone(), 1);
            let order = trim.order(&mut policy);
            rows.clone_from(&trim.rows.borrow());
            // In the first session nobody knows of the vet, and nothing is known of its group.
            if rows.iter().all(|row| row.stream != 0) {
                assert_eq!(order, expected, "after a session of stream {stream}");
            }
        }
    }

    #[test]
    fn what_a_stream_passed_over_goes_before_what_is_cheaper_although_another_stream_used_it_last() {
        const NEVER: u32 = u32::MAX;
        let mut policy = RebuildCost::default();
        // 0: what both use, cheap. 1: an old version, dear. 2: the new one. 3: what only the second stream ever used.
        let row = |cost| Row { size: 1000, cost, idle_runs: NEVER, stream: 0, ..Row::default() };
        let mut rows = vec![row(500), row(4000), row(4000), row(300)];
        let mut runs = vec![vec![NEVER; 3]; 4];
        let mut order = Vec::new();
        for (stream, uses) in [(1, &[0, 1][..]), (2, &[0, 1, 3]), (1, &[0, 2])] {
            session(&mut rows, stream, &mut runs, uses);
            let trim = Trim::new(rows.clone(), 1);
            order = trim.order(&mut policy);
            rows.clone_from(&trim.rows.borrow());
        }
        assert_eq!(rows[1].idle_runs, 0, "the second stream has not run since");
        assert_eq!(order, [1, 3, 0, 2], "and yet the first has passed it over; what two streams use is worth more");
        // It comes back into use, and with it its worth.
        session(&mut rows, 1, &mut runs, &[0, 1, 2]);
        let order = Trim::new(rows, 1).order(&mut policy);
        assert_eq!(order.last(), Some(&1), "{order:?}");
    }

    #[test]
    fn the_operator_says_how_many_idle_runs_make_a_group_stale() {
        let settings: Settings = parse_settings(r#"{"idle-runs": 1}"#).unwrap();
        let mut policy = RebuildCost::configure(settings).unwrap();
        let rows = vec![Row { size: 9, cost: 0, ..Row::default() }, Row { idle_runs: 1, size: 1, cost: 99, ..Row::default() }];
        assert_eq!(Trim::new(rows, 1).order(&mut policy), [1, 0]);
        assert_eq!(parse_settings::<Settings>(r#"{"idle-run": 1}"#).unwrap_err().key, "idle-run");
    }
}

//! Streams of commands whose words nobody could read: what a session used says which of them it belongs to.
//!
//! `go build` uses two in five of the objects that `go vet` and `go test` use, and these two share less than nine in ten, while what
//! the same command uses today and tomorrow is nearly the same.

use super::fold::unpack;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashSet;

/// Streams of one label, told apart by use. A module has as many kinds of commands, and seldom more.
const MOST: usize = 8;

/// How much of what either of two sessions used both used, at least, where they did the same job.
const ALIKE: f64 = 0.75;

/// What stands between a label without words and the number of one of its streams.
const UNREAD: &str = " · unread ";

/// The labels of the streams that a label without words stands for.
pub(super) fn labels(label: &str) -> impl Iterator<Item = String> {
    (1..=MOST).map(move |number| format!("{label}{UNREAD}{number}"))
}

/// The label without words that one of these streams has its label from, and what is behind it; None of a stream whose words were read.
pub fn unread(stream: &str) -> Option<(&str, &str)> {
    let (label, number) = stream.rsplit_once(UNREAD)?;
    number.parse().is_ok_and(|number: usize| (1..=MOST).contains(&number)).then(|| stream.split_at(label.len()))
}

/// The one whose last session used nearly the same as these entries; else one that is not in use yet; else the one that was unused the longest.
pub(super) fn join(connection: &Connection, label: &str, used: &[i64]) -> rusqlite::Result<String> {
    let used: HashSet<i64> = used.iter().copied().collect();
    let sql = "SELECT session.id, session.used FROM session JOIN stream ON stream.id = session.stream
               WHERE stream.label = ?1 ORDER BY session.id DESC LIMIT 1";
    let mut last = connection.prepare_cached(sql)?;
    let mut nearest: Option<(f64, String)> = None;
    let mut oldest: Option<(i64, String)> = None;
    for label in labels(label) {
        let found = last.query_row(params![label], |row| Ok((row.get::<_, i64>(0)?, unpack(row.get_ref(1)?.as_blob()?)))).optional()?;
        // Nobody's yet, unless one further down is like it.
        let (session, before) = found.unwrap_or_default();
        let alike = likeness(&used, &before.into_iter().collect());
        if alike >= ALIKE && nearest.as_ref().is_none_or(|(best, _)| alike > *best) {
            nearest = Some((alike, label.clone()));
        }
        if oldest.as_ref().is_none_or(|(age, _)| session < *age) {
            oldest = Some((session, label));
        }
    }
    Ok(nearest.map(|(_, label)| label).or(oldest.map(|(_, label)| label)).unwrap_or_else(|| label.to_owned()))
}

/// What both have, of what either has.
fn likeness(a: &HashSet<i64>, b: &HashSet<i64>) -> f64 {
    let both = a.intersection(b).count();
    let either = a.len() + b.len() - both;
    if either == 0 { 0.0 } else { both as f64 / either as f64 }
}

#[cfg(test)]
mod tests {
    use super::super::writer::insert_session;
    use super::super::{SessionRow, Used};
    use super::*;
    use crate::model::UnixNanos;

    /// Writes the row of a session that used these entries, and returns the label that it got.
    fn ended(connection: &Connection, label: &str, used: std::ops::Range<i64>) -> String {
        let row = SessionRow { stream: label.to_owned(), unread: true, used: used.map(Used::Row).collect(), ..SessionRow::default() };
        insert_session(connection, &row, UnixNanos(0)).unwrap();
        row.joined.get().unwrap().clone()
    }

    #[test]
    fn sessions_that_use_nearly_the_same_are_one_stream_however_they_alternate() {
        let dir = tempfile::tempdir().unwrap();
        let connection = super::super::schema::connect(&dir.path().join("index")).unwrap();
        for round in 0..4 {
            // A tenth of each changes from round to round.
            assert_eq!(ended(&connection, "shop", round * 3..round * 3 + 280), "shop · unread 1", "build");
            assert_eq!(ended(&connection, "shop", round * 7..round * 7 + 700), "shop · unread 2", "vet, which uses what build uses");
        }
        assert_eq!(ended(&connection, "bank", 0..280), "bank · unread 1");
        assert_eq!(ended(&connection, "bank", 0..0), "bank · unread 2", "nothing is like nothing");
    }

    #[test]
    fn the_stream_that_was_unused_the_longest_makes_room() {
        let dir = tempfile::tempdir().unwrap();
        let connection = super::super::schema::connect(&dir.path().join("index")).unwrap();
        for kind in 0..8 {
            assert_eq!(ended(&connection, "shop", kind * 1000..kind * 1000 + 50), format!("shop · unread {}", kind + 1));
        }
        assert_eq!(ended(&connection, "shop", 0..50), "shop · unread 1");
        assert_eq!(ended(&connection, "shop", 90_000..90_050), "shop · unread 2");
        assert_eq!(ended(&connection, "shop", 90_000..90_050), "shop · unread 2");
    }
}

//! The table of `docs/conformance.md`.

use std::collections::BTreeMap;
use std::path::Path;

/// What the table says of a point.
#[derive(Clone, Debug)]
pub struct Point {
    /// The tests that prove it: `file::name`, where the file lies in `tests/tests`.
    pub tests: Vec<String>,
    /// The wrong hosts with which they fail.
    pub wrong_hosts: Vec<String>,
    /// The column of wrong hosts as it stands there, for one that has a reason instead.
    pub wrong_hosts_text: String,
}

/// The points by number.
///
/// # Panics
/// Where the table cannot be read or a point stands in it twice.
pub fn points() -> BTreeMap<u32, Point> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md")).expect("the table");
    let quoted = |column: &str| column.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut points = BTreeMap::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, _, tests, wrong_hosts, _] = columns.as_slice() else { continue };
        let Ok(number) = number.parse() else { continue };
        let point = Point { tests: quoted(tests), wrong_hosts: quoted(wrong_hosts), wrong_hosts_text: (*wrong_hosts).to_owned() };
        assert!(points.insert(number, point).is_none(), "point {number} stands twice");
    }
    points
}

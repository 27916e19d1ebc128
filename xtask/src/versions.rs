//! `docs/versions.md`: what was proven on which Go, written by the run that proved it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use crate::table::Table;
use crate::toolchains::RELEASES;
use crate::workspace::{root, say};

/// What the name of a test for one version begins with. As a filter it selects all of them.
pub const ALL: &str = "go_1_";

/// The table stands below this line.
const MARK: &str = "<!-- What follows is written by `cargo xtask test --toolchains`. -->\n";

/// Writes the table of a run in which no test failed.
pub fn write(lines: &[String]) -> Result<()> {
    let path = root().join("docs/versions.md");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (kept, _) = text.split_once(MARK).with_context(|| format!("{} has no line {MARK:?}", path.display()))?;
    let text = format!("{kept}{MARK}\n{}", table(&results(lines))?);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    say(format!("{} is written anew", path.display()));
    Ok(())
}

/// What a test showed on the versions by the numbers that they have in its name, such as `1_24`.
type Results = BTreeMap<String, BTreeMap<String, String>>;

/// Reads what cargo and the runner print: the file of the tests that follow, and a line a test.
fn results(lines: &[String]) -> Results {
    let mut results = Results::new();
    let mut file = String::new();
    for line in lines {
        if let Some(running) = line.trim_start().strip_prefix("Running ") {
            let path = running.split_whitespace().find(|word| word.ends_with(".rs")).unwrap_or_default();
            file = path.trim_end_matches(".rs").trim_start_matches("tests/").to_owned();
        }
        let Some((name, result)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) else { continue };
        let Some((version, test)) = name.strip_prefix(ALL).and_then(|rest| rest.split_once("::")) else { continue };
        results.entry(format!("{file}::{test}")).or_default().insert(version.to_owned(), result.trim().to_owned());
    }
    results
}

/// The table, or what is missing from it.
fn table(results: &Results) -> Result<String> {
    let columns: Vec<(&str, String)> = RELEASES.iter().map(|release| (*release, number(release))).collect();
    let known: BTreeSet<&str> = columns.iter().map(|(_, number)| number.as_str()).collect();
    let mut head = vec!["test"];
    head.extend(columns.iter().map(|(release, _)| *release));
    let mut table = Table::new(head.len(), &head);
    if results.is_empty() {
        bail!("no test of a version was run");
    }
    for (test, versions) in results {
        if let Some(unknown) = versions.keys().find(|version| !known.contains(version.as_str())) {
            bail!("{test} ran on a Go {unknown} that has no column");
        }
        let cell = |(release, number): &(&str, String)| match versions.get(number).map(String::as_str) {
            Some("ok") => Ok("ok".to_owned()),
            Some(other) => bail!("{test} on Go {release}: {other}"),
            None => bail!("{test} was not run on Go {release}"),
        };
        let cells: Vec<String> = columns.iter().map(cell).collect::<Result<_>>()?;
        table.row(std::iter::once(format!("`{test}`")).chain(cells).collect());
    }
    Ok(table.markdown())
}

/// `1_24` for `1.24.11`.
fn number(release: &str) -> String {
    release.split('.').take(2).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::{RELEASES, number, results, table};

    fn run(versions: &[&str]) -> Vec<String> {
        let mut lines = vec!["     Running tests/real_go.rs (target/release/deps/real_go-0123)".to_owned(), "running 7 tests".to_owned()];
        lines.extend(versions.iter().map(|version| format!("test go_{}::a_second_build ... ok", number(version))));
        lines.push("test go_of_the_machine::a_second_build ... ok".to_owned());
        lines
    }

    #[test]
    fn a_row_is_a_test_and_a_column_a_version() {
        let text = table(&results(&run(&RELEASES))).expect("a table");
        let row = text.lines().last().expect("a row");
        assert!(row.starts_with("| `real_go::a_second_build` | ok "), "{text}");
        assert_eq!(row.matches(" ok ").count(), RELEASES.len(), "{text}");
    }

    #[test]
    fn a_table_with_a_hole_is_none() {
        let error = table(&results(&run(&RELEASES[1..]))).expect_err("a hole");
        assert_eq!(error.to_string(), format!("real_go::a_second_build was not run on Go {}", RELEASES[0]));
        let mut ignored = run(&RELEASES[1..]);
        ignored.push(format!("test go_{}::a_second_build ... ignored, nobody asked", number(RELEASES[0])));
        assert!(table(&results(&ignored)).is_err());
        assert!(table(&results(&[])).is_err());
    }
}

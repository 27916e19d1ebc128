//! `docs/versions.md`: what was proven on which Go, written by the run that proved it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::table::Table;
use crate::toolchains::RELEASES;
use crate::workspace::{root, say};

/// What the name of a test for one version begins with. As a filter it selects all of them.
pub const ALL: &str = "go_1_";

/// The table stands below this line.
const MARK: &str = "<!-- What follows is written by `cargo xtask test --toolchains`. -->\n";

/// Writes what a run showed that left out no test of the files that it ran: their rows are new, and those of other files stay as they
/// are. A file in which a test failed, or a version is missing, keeps its old rows, and that is an error.
pub fn write(lines: &[String]) -> Result<()> {
    let path = root().join("docs/versions.md");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (kept, old) = text.split_once(MARK).with_context(|| format!("{} has no line {MARK:?}", path.display()))?;
    let mut rows = rows(old);
    let mut problems = Vec::new();
    for (file, results) in results(lines) {
        match new_rows(&file, &results) {
            Ok(new) => {
                rows.retain(|test, _| test.split("::").next() != Some(&file));
                rows.extend(new);
            }
            Err(problem) => problems.push(problem.to_string()),
        }
    }
    let text = format!("{kept}{MARK}\n{}", table(&rows));
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    say(format!("{} is written anew", path.display()));
    if !problems.is_empty() {
        bail!("the table of versions stays as it was for some files: {}", problems.join("; "));
    }
    Ok(())
}

/// The cells of a test such as `real_go::a_test`, one a version.
type Rows = BTreeMap<String, Vec<String>>;

/// The rows of a table that was written before.
fn rows(text: &str) -> Rows {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.trim_end_matches('|').split('|').map(str::trim).collect();
        let (test, cells) = cells.split_first()?;
        Some((test.trim_end_matches('`').to_owned(), cells.iter().map(ToString::to_string).collect()))
    };
    text.lines().filter_map(row).collect()
}

/// What the tests of a file showed, by the number of the version, such as `24`.
type Results = BTreeMap<String, BTreeMap<String, String>>;

/// Reads what cargo and the runner print: the file of the tests that follow, and a line a test.
fn results(lines: &[String]) -> BTreeMap<String, Results> {
    let mut results = BTreeMap::<String, Results>::new();
    let mut file = String::new();
    for line in lines {
        if let Some(running) = line.trim_start().strip_prefix("Running ") {
            let source = running.split_whitespace().find_map(|word| word.strip_suffix(".rs")).unwrap_or_default();
            source.trim_start_matches("tests/").clone_into(&mut file);
        }
        let Some((name, result)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) else { continue };
        let Some((version, test)) = name.strip_prefix(ALL).and_then(|rest| rest.split_once("::")) else { continue };
        let of_file = results.entry(file.clone()).or_default();
        of_file.entry(test.to_owned()).or_default().insert(version.to_owned(), result.trim().to_owned());
    }
    results
}

/// The rows of a file, or what is missing from them.
fn new_rows(file: &str, results: &Results) -> Result<Rows> {
    let columns = RELEASES.map(|release| (release, number(release)));
    let mut rows = Rows::new();
    for (test, versions) in results {
        if let Some(unknown) = versions.keys().find(|version| columns.iter().all(|(_, number)| number != version)) {
            bail!("{file}::{test} ran on a Go {unknown} that has no column");
        }
        let cell = |(release, number): &(&str, &str)| match versions.get(*number).map(String::as_str) {
            Some("ok") => Ok("ok".to_owned()),
            Some(other) => bail!("{file}::{test} on Go {release}: {other}"),
            None => bail!("{file}::{test} was not run on Go {release}"),
        };
        rows.insert(format!("{file}::{test}"), columns.iter().map(cell).collect::<Result<_>>()?);
    }
    Ok(rows)
}

fn table(rows: &Rows) -> String {
    let mut head = vec!["test"];
    head.extend(RELEASES);
    let mut table = Table::new(head.len(), &head);
    for (test, cells) in rows {
        table.row(std::iter::once(format!("`{test}`")).chain(cells.iter().cloned()).collect());
    }
    table.markdown()
}

/// `24` for `1.24.11`.
fn number(release: &str) -> &str {
    release.split('.').nth(1).unwrap_or(release)
}

#[cfg(test)]
mod tests {
    use super::{ALL, RELEASES, new_rows, number, results, rows, table};

    fn run(versions: &[&str]) -> Vec<String> {
        let mut lines = vec!["     Running tests/real_go.rs (target/release/deps/real_go-0123)".to_owned(), "running 7 tests".to_owned()];
        lines.extend(versions.iter().map(|version| format!("test {ALL}{}::a_second_build ... ok", number(version))));
        lines.push("test go_of_the_machine::a_second_build ... ok".to_owned());
        lines
    }

    #[test]
    fn a_row_is_a_test_and_a_column_a_version() {
        let results = results(&run(&RELEASES));
        let new = new_rows("real_go", &results["real_go"]).expect("rows");
        let text = table(&new);
        let row = text.lines().last().expect("a row");
        assert!(row.starts_with("| `real_go::a_second_build` | ok "), "{text}");
        assert_eq!(row.matches(" ok ").count(), RELEASES.len(), "{text}");
        assert_eq!(rows(&text), new, "what was written is read again");
    }

    #[test]
    fn a_file_with_a_hole_or_a_failure_has_no_rows() {
        let oldest = RELEASES[0];
        let rows = |lines: &[String]| new_rows("real_go", &results(lines)["real_go"]).map_err(|error| error.to_string());
        assert_eq!(rows(&run(&RELEASES[1..])), Err(format!("real_go::a_second_build was not run on Go {oldest}")));
        for result in ["FAILED", "ignored, nobody asked"] {
            let mut lines = run(&RELEASES[1..]);
            lines.push(format!("test {ALL}{}::a_second_build ... {result}", number(oldest)));
            assert_eq!(rows(&lines), Err(format!("real_go::a_second_build on Go {oldest}: {result}")));
        }
    }
}

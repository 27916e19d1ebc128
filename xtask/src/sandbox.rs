//! `docs/sandbox.md`: what hostile plugins got, written by the run of their tests.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::table::Table;
use crate::test::{Selection, run_suite};
use crate::workspace::{root, say, target_dir};

/// The table stands below this line.
const MARK: &str = "<!-- What follows is written by `cargo xtask sandbox`. -->\n";

const HEAD: [&str; 5] = ["guest or file", "what it tries", "stopped by", "measured", "who decides then"];

/// Runs the tests of hostile plugins and writes what they showed. Where one failed the table stays as it was.
pub fn run() -> Result<()> {
    // Its row may be what is to be written.
    let skip = Some("every_row_of_the_documentation");
    run_suite(&Selection { file: Some("hostile"), skip, ..Selection::default() }).context("docs/sandbox.md stays as it was")?;
    let rows = rows()?;
    if rows.is_empty() {
        bail!("no test left a row in {}", folder().display());
    }
    let path = root().join("docs/sandbox.md");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (kept, _) = text.split_once(MARK).with_context(|| format!("{} has no line {MARK:?}", path.display()))?;
    let text = format!("{kept}{MARK}\n{}", table(rows).markdown());
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    say(format!("{} is written anew", path.display()));
    Ok(())
}

/// Forgets the rows of an earlier run.
pub fn forget() {
    // Where there are none there is nothing to forget.
    let _ = std::fs::remove_dir_all(folder());
}

/// Prints what the run showed, if it had to do with hostile plugins.
pub fn print() -> Result<()> {
    let rows = rows()?;
    if !rows.is_empty() {
        println!("\n{}", table(rows).markdown());
    }
    Ok(())
}

/// Where tests leave their rows, a file each with a line a cell.
fn folder() -> PathBuf {
    target_dir().join("tmp/hostile")
}

fn rows() -> Result<Vec<Vec<String>>> {
    let Ok(files) = std::fs::read_dir(folder()) else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for file in files {
        let path = file.context("cannot list the rows")?.path();
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().map(|name| format!("`{}`", name.to_string_lossy()));
        rows.push(name.into_iter().chain(text.lines().map(str::to_owned)).collect());
    }
    rows.sort();
    Ok(rows)
}

fn table(rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new(HEAD.len(), &HEAD);
    for row in rows {
        table.row(row);
    }
    table
}

//! The floor host of the bench: its table, taken from a GOCACHE that Go's own cache has warmed, and its build.
//!
//! Go's own cache keeps an action as a file `xx/<hex>-a` that reads `v1 <action> <output> <size> <nanoseconds>`, and the output
//! as `xx/<hex>-d` (cmd/go/internal/cache). The floor host answers with the paths of these very files, so a warm run reads the
//! same bytes under either.
//!
//! Layout of the table: the number of rows; the rows, sorted, each an action in base64 (44 bytes) with offset and length of its
//! answer; the answers. Numbers are 32 bits, little-endian. An answer is what follows the ID in the JSON object.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::workspace::{root, run, rustc};

/// Writes the table of everything that Go's own cache keeps in `gocache`. Returns the number of actions.
pub fn write_table(gocache: &Path, table: &Path) -> Result<usize> {
    let mut answers: Vec<(String, String)> = Vec::new();
    for folder in read_dir(gocache)? {
        if !folder.is_dir() {
            continue;
        }
        for file in read_dir(&folder)? {
            if file.to_string_lossy().ends_with("-a") {
                let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                answers.extend(row(&text, gocache));
            }
        }
    }
    answers.sort();
    let mut bytes = (answers.len() as u32).to_le_bytes().to_vec();
    let mut offset = 0_u32;
    for (action, answer) in &answers {
        bytes.extend_from_slice(action.as_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&(answer.len() as u32).to_le_bytes());
        offset += answer.len() as u32;
    }
    for (_, answer) in &answers {
        bytes.extend_from_slice(answer.as_bytes());
    }
    std::fs::write(table, bytes).with_context(|| format!("cannot write {}", table.display()))?;
    Ok(answers.len())
}

/// Actions that Go's own cache keeps in `gocache`.
pub fn count_actions(gocache: &Path) -> Result<u64> {
    let mut actions = 0;
    for folder in read_dir(gocache)?.into_iter().filter(|folder| folder.is_dir()) {
        actions += read_dir(&folder)?.iter().filter(|file| file.to_string_lossy().ends_with("-a")).count() as u64;
    }
    Ok(actions)
}

fn read_dir(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// Action and answer from the text of an action's file; none for what the cache would not serve either.
fn row(text: &str, gocache: &Path) -> Option<(String, String)> {
    let mut words = text.split_whitespace();
    let ("v1", action, output) = (words.next()?, words.next()?, words.next()?) else { return None };
    let size: u64 = words.next()?.parse().ok()?;
    let path = gocache.join(output.get(..2)?).join(format!("{output}-d"));
    // The cache keeps executables as folders; a GOCACHEPROG host never gets them.
    if !path.is_file() {
        return None;
    }
    let answer = format!(
        ",\"OutputID\":\"{}\",\"Size\":{size},\"Time\":\"2026-01-02T03:04:05.678901234Z\",\"DiskPath\":{}}}\n",
        base64_of_hex(output)?,
        serde_json::to_string(path.to_str()?).ok()?,
    );
    Some((base64_of_hex(action)?, answer))
}

fn base64_of_hex(hex: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect();
    bytes.filter(|bytes| bytes.len() == 32).map(|bytes| STANDARD.encode(bytes))
}

/// Compiles the floor host with its table linked in.
pub fn build(table: &Path, binary: &Path) -> Result<()> {
    compile("floor", binary, Some(table))
}

/// Compiles the program that does nothing.
pub fn build_empty(binary: &Path) -> Result<()> {
    compile("empty", binary, None)
}

fn compile(name: &str, binary: &Path, table: Option<&Path>) -> Result<()> {
    let mut rustc = rustc();
    rustc.args(["--edition", "2024", "-C", "opt-level=3", "-C", "panic=abort", "-C", "target-feature=+crt-static"]);
    rustc.arg("-o").arg(binary).arg(root().join(format!("xtask/floor/{name}.rs")));
    if let Some(table) = table {
        rustc.env("FLOOR_TABLE", table);
    }
    run(&mut rustc)
}

#[cfg(test)]
mod tests {
    use super::{base64_of_hex, row, write_table};

    #[test]
    fn a_row_has_the_path_that_gos_own_cache_would_open() {
        let dir = tempfile::tempdir().unwrap();
        let (action, output) = ("0a".repeat(32), "ff".repeat(32));
        std::fs::create_dir_all(dir.path().join("ff")).unwrap();
        std::fs::create_dir_all(dir.path().join("0a")).unwrap();
        let text = format!("v1 {action} {output} {:>20} {:>20}\n", 5, 123);
        std::fs::write(dir.path().join(format!("0a/{action}-a")), &text).unwrap();
        assert_eq!(row(&text, dir.path()), None, "the object is not there yet");
        let object = dir.path().join(format!("ff/{output}-d"));
        std::fs::write(&object, "12345").unwrap();
        let (key, answer) = row(&text, dir.path()).unwrap();
        assert_eq!(Some(key), base64_of_hex(&action));
        assert!(answer.contains("\"Size\":5,") && answer.contains(object.to_str().unwrap()));
        assert_eq!(write_table(dir.path(), &dir.path().join("table")).unwrap(), 1);
    }
}

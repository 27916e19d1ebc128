//! Parts of documents that a command writes anew.

use std::path::Path;

use anyhow::{Context, Result, bail};

const END: &str = "<!-- end of what it wrote -->";

fn begin(command: &str) -> String {
    format!("<!-- written by cargo xtask {command} -->")
}

/// Puts a text between the marks of a command in a file, in the place of what an earlier run wrote.
pub fn write_between_marks(file: &Path, command: &str, written: &str) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let begin = begin(command);
    let marks = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = marks else { bail!("{} has no lines `{begin}` and `{END}`", file.display()) };
    let text = format!("{before}{begin}\n{}\n{END}{after}", written.trim_end());
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_replaces_what_an_earlier_one_wrote_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.md");
        let (one, two) = (begin("one"), begin("two"));
        std::fs::write(&file, format!("# Head\n\n{one}\nkept\n{END}\n{two}\nold\n{END}\n\ntail\n")).unwrap();
        write_between_marks(&file, "two", "new\n\n").unwrap();
        let expected = format!("# Head\n\n{one}\nkept\n{END}\n{two}\nnew\n{END}\n\ntail\n");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        std::fs::write(&file, "no marks").unwrap();
        assert!(write_between_marks(&file, "two", "new").is_err());
    }
}

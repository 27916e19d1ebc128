//! `cargo xtask keep-release`: what this version of the SDK makes, kept in tests/released for all later hosts to load.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::product;
use crate::workspace::{root, say, shown};

/// The version of workspace, SDK and contract: they are one.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The policy that `plugin new` begins, with all roles: plain `cargo build` makes it, with the imports that the standard library has on `wasm32-wasip2`.
const EVERY_ROLE: &str = "every-role";

/// Writes the folder of this version.
pub fn keep(anew: bool) -> Result<()> {
    let folder = root().join("tests/released").join(VERSION);
    if folder.exists() && !anew {
        bail!("{} is there already, and what was released does not change; before the release, --anew writes it anew", folder.display());
    }
    let binary = product::build()?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder.join("wit")).with_context(|| format!("cannot create {}", folder.display()))?;
    for entry in std::fs::read_dir(root().join("wit")).context("cannot read wit/")? {
        let file = entry.context("cannot read wit/")?;
        std::fs::copy(file.path(), folder.join("wit").join(file.file_name())).context("cannot copy wit/")?;
    }
    let questions = std::fs::read_to_string(root().join("tests/released/questions.jsonl")).context("there are no questions")?;
    let mut answers = String::new();
    for line in questions.lines() {
        let question: Value = serde_json::from_str(line).context("questions.jsonl has a line that is no JSON")?;
        let name = question["plugin"].as_str().context("a question names no plugin")?;
        let component = folder.join(name).with_extension("wasm");
        if !component.exists() {
            make(&binary, name, &component)?;
        }
        answers += &json!(ask(&binary, &component, &question)?).to_string();
        answers.push('\n');
    }
    std::fs::write(folder.join("answers.jsonl"), answers).with_context(|| format!("cannot write into {}", folder.display()))?;
    say(format!("{} has what {VERSION} makes", folder.display()));
    Ok(())
}

fn make(binary: &Path, name: &str, component: &Path) -> Result<()> {
    if name == EVERY_ROLE {
        return product::scaffolded(binary, name, &["admission", "serving", "eviction", "remote", "observer"], None, component);
    }
    std::fs::copy(product::shipped(name)?, component).with_context(|| format!("cannot write {}", component.display()))?;
    Ok(())
}

/// The answers to all events of a question, by the command that authors use.
fn ask(binary: &Path, component: &Path, question: &Value) -> Result<Vec<Value>> {
    let mut eval = Command::new(binary);
    eval.args(["plugin", "eval"]).arg(component).args(["--settings", &question["settings"].to_string()]);
    let mut child =
        eval.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{}`", shown(&eval)))?;
    if let Some(mut events) = child.stdin.take() {
        for event in question["events"].as_array().into_iter().flatten() {
            writeln!(events, "{event}").context("the plugin is not asked to the end")?;
        }
    }
    let output = child.wait_with_output().context("`plugin eval` does not end")?;
    if !output.status.success() {
        bail!("`{}` failed: {}", shown(&eval), String::from_utf8_lossy(&output.stdout));
    }
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).context("an answer is no JSON")).collect()
}

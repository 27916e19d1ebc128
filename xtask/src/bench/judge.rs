//! A plugin that judges whatever it can be asked about: the shipped ones abstain from what they refuse none of.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::product;
use crate::workspace::run;

/// The chain of such plugins, by the names of their files.
pub const JUDGES: [&str; 3] = ["judge-1.wasm", "judge-2.wasm", "judge-3.wasm"];

/// It asks for nothing: what a policy is told of a hit costs what it costs wherever it is asked for.
const CODE: &str = r#"
use cachewit_guest::{Admission, Admit, ConfigError, Group, Policy, Serve, Serving, Session};

struct Judge;

impl Policy for Judge {
    const NAME: &'static str = "judge";
    const VERSION: &'static str = "0.1.0";
    type Settings = ();

    fn configure(_: ()) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl Serving for Judge {
    fn serve(&mut self, _: &dyn Group, _: &dyn Session) -> Serve {
        Serve::NoOpinion
    }
}

impl Admission for Judge {
    fn admit(&mut self, _: &dyn Group, _: &dyn Session) -> Admit {
        Admit::NO_OPINION
    }
}

cachewit_guest::export!(Judge: serving, admission);
"#;

/// Makes its component, unless it is there.
pub fn make(binary: &Path, component: &Path) -> Result<()> {
    if component.is_file() {
        return Ok(());
    }
    product::scaffolded(binary, "judge", &["serving", "admission"], Some(CODE), component)
}

/// Has each of [`JUDGES`] taken into a configuration and compiled.
pub fn take_in(binary: &Path, component: &Path, config: &Path) -> Result<()> {
    make(binary, component)?;
    for judge in JUDGES {
        let mut add = Command::new(binary);
        add.args(["plugin", "add"]).arg(component).args(["--name", judge.trim_end_matches(".wasm"), "--config"]).arg(config);
        run(add.stdout(Stdio::null()))?;
    }
    Ok(())
}

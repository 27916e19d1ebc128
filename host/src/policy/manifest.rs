//! What a component says of itself without being asked: its roles, what it imports, and what it wishes to know.
//!
//! Read from the binary format alone, in some microseconds, so that a session finds out which plugins it will never ask without
//! starting an engine, and a reviewer without running anything.

use super::{PolicyError, Roles};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use wasmparser::{ComponentExternalKind, Parser, Payload};

/// The custom section that holds wishes, a line each.
pub const SECTION: &str = "cachewit:manifest";

/// More is nobody's manifest.
const MOST_BYTES: usize = 64 << 10;

/// A component, as far as it can be seen from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The interfaces and functions that it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it wishes to know.
    pub wishes: BTreeSet<Wish>,
}

/// Something that only an operator can let a plugin know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Wish {
    /// A fact of the session that says more than every policy needs.
    Fact(String),
    /// An environment variable.
    Environment(String),
}

/// The facts that are granted and not given.
pub const GRANTED_FACTS: [&str; 3] = ["branch", "ci-event", "commit"];

/// What `ci-event` can be.
pub const CI_EVENTS: [&str; 6] = ["push", "pull-request", "tag", "schedule", "manual", "other"];

/// A wish that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// No kind, or one that this cachewit does not know.
    #[error("`{0}` is no wish that this cachewit knows; there are `fact:NAME` and `env:NAME`")]
    Kind(String),
    /// A fact that needs no grant, or that there is not.
    #[error("there is no fact `{0}` to be granted; there are {facts}", facts = GRANTED_FACTS.join(", "))]
    Fact(String),
    /// No name of a variable.
    #[error("`{0}` is no name of an environment variable; it has letters, digits and `_`")]
    Variable(String),
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fact(name) => write!(f, "fact:{name}"),
            Self::Environment(name) => write!(f, "env:{name}"),
        }
    }
}

impl FromStr for Wish {
    type Err = WishError;

    fn from_str(text: &str) -> Result<Self, WishError> {
        match text.split_once(':') {
            Some(("fact", name)) if GRANTED_FACTS.contains(&name) => Ok(Self::Fact(name.to_owned())),
            Some(("fact", name)) => Err(WishError::Fact(crate::fault::printable(name, 64))),
            Some(("env", name)) => {
                let is_name =
                    !name.is_empty() && name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if is_name { Ok(Self::Environment(name.to_owned())) } else { Err(WishError::Variable(crate::fault::printable(name, 64))) }
            }
            _ => Err(WishError::Kind(crate::fault::printable(text, 64))),
        }
    }
}

impl Manifest {
    /// Reads a component. What is none is an error in words.
    pub fn read(component: &[u8]) -> Result<Self, PolicyError> {
        check_header(component)?;
        let mut manifest = Self::default();
        let mut lines = Vec::new();
        manifest.parse(component, &mut lines).map_err(|error| {
            let problem = crate::fault::printable(&error.to_string(), 200);
            PolicyError::Unusable(format!("is damaged: {problem}; build it or copy it again"))
        })?;
        manifest.check_contract()?;
        for line in String::from_utf8_lossy(&lines).lines().filter(|line| !line.trim().is_empty()) {
            let in_manifest = |problem: String| PolicyError::Unusable(format!("has a manifest that cannot be used: {problem}"));
            let Some(wish) = line.strip_prefix("wish ") else {
                let line = crate::fault::printable(line, 64);
                return Err(in_manifest(format!("`{line}` is no line that this cachewit knows; it may be too old for this plugin")));
            };
            manifest.wishes.insert(wish.trim().parse().map_err(|error: WishError| in_manifest(error.to_string()))?);
        }
        Ok(manifest)
    }

    /// Whether it is a policy, and one that this host can ask.
    fn check_contract(&self) -> Result<(), PolicyError> {
        let version = self.exports.iter().find_map(|export| export.strip_prefix("cachewit:policy/plugin@"));
        PolicyError::check_version(version)
    }

    fn parse(&mut self, component: &[u8], lines: &mut Vec<u8>) -> wasmparser::Result<()> {
        // Depth of the component or module that a payload belongs to: only the outermost one's imports and exports are meant.
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        self.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ComponentExternalKind::Instance {
                            self.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                // A linker leaves the section in the core module that it came with.
                Payload::CustomSection(section) if section.name() == SECTION && lines.len() + section.data().len() <= MOST_BYTES => {
                    lines.extend_from_slice(section.data());
                    lines.push(b'\n');
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The roles that it has, whatever the version of the contract.
    pub fn roles(&self) -> Roles {
        let has = |role: &str| self.exports.iter().any(|export| interface(export) == Some(role));
        Roles {
            admission: has("admission"),
            serving: has("serving"),
            eviction: has("eviction"),
            remote: has("remote"),
            observer: has("observer"),
        }
    }
}

/// `admission` of `cachewit:policy/admission@0.1.0`.
fn interface(export: &str) -> Option<&str> {
    export.strip_prefix("cachewit:policy/")?.split('@').next()
}

/// Tells a component from everything else that people pass by mistake, in words.
pub fn check_header(bytes: &[u8]) -> Result<(), PolicyError> {
    let problem = match bytes {
        bytes if Parser::is_component(bytes) => return Ok(()),
        bytes if Parser::is_core_wasm(bytes) => {
            "is a core WebAssembly module and no component; make it one with `cachewit plugin wrap`, or build it with `--target wasm32-wasip2`"
        }
        [0, b'a', b's', b'm', ..] => "is WebAssembly of a version that this cachewit does not know",
        [] => "is empty; build it or copy it again",
        _ => "is not WebAssembly; name a component, whose file mostly ends in `.wasm`",
    };
    Err(PolicyError::Unusable(problem.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::shipped;

    #[test]
    fn the_roles_and_imports_of_a_component_are_read_without_an_engine() {
        let manifest = Manifest::read(shipped::component("share-filter").unwrap()).unwrap();
        assert_eq!(manifest.roles(), Roles { admission: true, ..Roles::default() });
        let imports: BTreeSet<&str> = manifest.imports.iter().filter_map(|import| interface(import)).collect();
        assert_eq!(imports, BTreeSet::from(["group", "log", "session"]));
    }

    #[test]
    fn what_a_shipped_policy_wishes_to_know_stands_in_its_component() {
        let manifest = Manifest::read(shipped::component("read-through").unwrap()).unwrap();
        assert_eq!(manifest.wishes, BTreeSet::from([Wish::Fact("branch".to_owned())]));
        assert!(Manifest::read(shipped::component("lru").unwrap()).unwrap().wishes.is_empty());
    }

    #[test]
    fn a_wish_names_a_granted_fact_or_a_variable_and_nothing_else() {
        for good in ["fact:branch", "fact:commit", "fact:ci-event", "env:GITHUB_EVENT_NAME"] {
            assert_eq!(good.parse::<Wish>().unwrap().to_string(), good);
        }
        for (wrong, problem) in [
            ("branch", "is no wish"),
            ("host:example.com", "is no wish"),
            ("fact:module", "there is no fact `module` to be granted"),
            ("env:", "is no name"),
            ("env:A=B", "is no name"),
        ] {
            let error = wrong.parse::<Wish>().unwrap_err().to_string();
            assert!(error.contains(problem), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_version_that_draws_on_the_terminal_is_named_without_drawing() {
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        let name = format!("cachewit:policy/plugin@\x1b[2J{}", "9".repeat(80));
        // An instance of nothing, exported under this name.
        component.extend([5, 3, 1, 1, 0]);
        component.extend([11, name.len() as u8 + 6, 1, 0, name.len() as u8]);
        component.extend(name.as_bytes());
        component.extend([5, 0, 0]);
        let error = Manifest::read(&component).unwrap_err().to_string();
        assert!(error.contains("version  [2J999") && error.len() < 250 && !error.contains(char::is_control), "{error:?}");
    }

    #[test]
    fn what_is_cut_off_or_no_component_is_an_error_in_words() {
        let whole = shipped::component("lru").unwrap();
        for length in [9, 100, whole.len() / 2, whole.len() - 1] {
            let error = Manifest::read(&whole[..length]).unwrap_err().to_string();
            assert!(error.contains("is damaged"), "{length}: {error}");
        }
        assert!(Manifest::read(b"").unwrap_err().to_string().contains("is empty"));
        assert!(Manifest::read(b"\0asm\x01\0\0\0").unwrap_err().to_string().contains("core WebAssembly module"));
        assert!(Manifest::read(b"package main").unwrap_err().to_string().contains("is not WebAssembly"));
    }
}

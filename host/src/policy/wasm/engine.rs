//! wasmtime, narrowed to what a policy needs.

use super::imports::{self, Guest, Wants};
use super::limits::LIMITS;
use super::v0_1;
use crate::policy::{PolicyError, Roles};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Engine};

/// How an engine is set up. The settings that change generated code are the same for compiling and for running: an artefact made with
/// others is refused.
fn config(compiles: bool) -> Config {
    let mut config = Config::new();
    config
        // Off, a call costs a third: 131 ns and not 442.
        .concurrency_support(false)
        // How an endless loop ends. A few per cent on a tight loop, nothing that can be seen on a call.
        .epoch_interruption(true)
        // The native stack must not end first, and calling threads have 2 MiB and more.
        .max_wasm_stack(LIMITS.stack)
        // A sixth of an artefact would be tables by which native addresses are found again: in WebAssembly, for backtraces that nobody is
        // shown, and for debuggers.
        .generate_address_map(false)
        .native_unwind_info(false)
        .wasm_backtrace_max_frames(None)
        // What no policy needs is not accepted.
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        // At run time nothing compiles by accident, and the engine starts in half the time.
        .enable_compiler(compiles);
    config
}

/// The engine that runs artefacts: one a process, made at the first question.
pub(super) fn runtime() -> Result<&'static Engine, PolicyError> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| Engine::new(&config(false)).map_err(|error| format!("{error:#}")));
    engine.as_ref().map_err(|error| PolicyError::Unusable(format!("the WebAssembly engine cannot start: {error}")))
}

/// What components can import, once for all that want the same: to set it up takes a tenth of a plugin's start.
fn linker(engine: &'static Engine, wants: Wants) -> Result<Arc<Linker<Guest>>, PolicyError> {
    static LINKERS: Mutex<Vec<(Wants, Arc<Linker<Guest>>)>> = Mutex::new(Vec::new());
    let mut linkers = LINKERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, linker)) = linkers.iter().find(|(others, _)| *others == wants) {
        return Ok(linker.clone());
    }
    let mut linker = Linker::new(engine);
    imports::add_to_linker(&mut linker, wants)
        .map_err(|error| PolicyError::Unusable(format!("the host's functions cannot be linked: {error:#}")))?;
    let linker = Arc::new(linker);
    linkers.push((wants, linker.clone()));
    Ok(linker)
}

/// The engine of the compiling child.
pub(super) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&config(true))
}

/// A component, linked: all that instances share.
pub struct Prepared {
    pub(super) engine: &'static Engine,
    pub(super) pre: InstancePre<Guest>,
    pub(super) exports: v0_1::Exports,
    pub(super) wants: Wants,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("roles", &self.exports.roles()).finish_non_exhaustive()
    }
}

impl Prepared {
    /// Links an artefact that this host compiled. `None` if the artefact does not fit this engine: another version made it, or it is
    /// damaged; then it is to be compiled anew.
    pub(super) fn from_artifact(artifact: &[u8]) -> Result<Option<Self>, PolicyError> {
        let engine = runtime()?;
        // SAFETY: wasmtime trusts what it deserialises to be its own output. `ArtifactStore` hands out nothing but files from a folder
        // that belongs to this user alone, written there by this program from the output of its own compiling child.
        #[allow(unsafe_code, reason = "loading native code is unsafe by its nature")]
        let component = unsafe { Component::deserialize(engine, artifact) };
        component.ok().map(|component| Self::link(engine, &component)).transpose()
    }

    /// The same for the file of an artefact, which stays mapped.
    pub(super) fn from_file(path: &Path) -> Result<Option<Self>, PolicyError> {
        let engine = runtime()?;
        // SAFETY: as above, and files of that folder are replaced and removed but never changed.
        #[allow(unsafe_code, reason = "loading native code is unsafe by its nature")]
        let component = unsafe { Component::deserialize_file(engine, path) };
        component.ok().map(|component| Self::link(engine, &component)).transpose()
    }

    fn link(engine: &'static Engine, component: &Component) -> Result<Self, PolicyError> {
        let exports = v0_1::Exports::find(component)?;
        let kind = component.component_type();
        let wants = Wants::of(kind.imports(engine).map(|(name, _)| name));
        let pre = linker(engine, wants)?
            .instantiate_pre(component)
            .map_err(|error| PolicyError::Unusable(format!("imports something that this cachewit does not offer: {}", one_line(&error))))?;
        Ok(Self { engine, pre, exports, wants })
    }

    /// The roles that it exports.
    pub fn roles(&self) -> Roles {
        self.exports.roles()
    }

    /// What it imports.
    pub fn imports(&self) -> Vec<String> {
        let kind = self.pre.component().component_type();
        kind.imports(self.engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// What it exports.
    pub fn exports(&self) -> Vec<String> {
        let kind = self.pre.component().component_type();
        kind.exports(self.engine).map(|(name, _)| name.to_owned()).collect()
    }
}

/// An error and its causes on one line: messages go to a terminal that belongs to a build.
pub(super) fn one_line(error: &wasmtime::Error) -> String {
    let causes = error.chain().map(ToString::to_string);
    // Addresses in a stranger's code mean nothing to the person who builds.
    let told: Vec<String> = causes.filter(|cause| !cause.contains("wasm backtrace:")).collect();
    crate::fault::printable(&told.join(": "), 400)
}

//! Builds the shipped policies and embeds them, so that an installed binary is complete; and the contract, and the module
//! that `plugin wrap` puts between a module and WASI.
//!
//! Each becomes a bare core module first and a component then: `wasm32-wasip2` would make the component by itself but import
//! thirteen WASI interfaces, which no shipped policy needs.

use sha2::{Digest as _, Sha256};
use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The crates under `plugins/` that are embedded, in the order in which they are listed to people.
const SHIPPED: &[&str] = &["rebuild-cost", "lru", "s3-fifo", "share-filter", "ci-guard", "read-through"];

/// See there.
const PREVIEW1: &str = "src/cli/plugin/wrap/preview1.wat";

const TARGET: &str = "wasm32-unknown-unknown";

/// Small rather than fast: a component is compiled ahead of time on the user's machine, and its answers are short.
const PROFILE: &[(&str, &str)] = &[
    ("OPT_LEVEL", "s"),
    ("LTO", "fat"),
    ("CODEGEN_UNITS", "1"),
    ("PANIC", "abort"),
    ("STRIP", "true"),
    ("DEBUG", "false"),
    ("DEBUG_ASSERTIONS", "false"),
    ("OVERFLOW_CHECKS", "false"),
    ("INCREMENTAL", "false"),
];

/// What the outer cargo, clippy or the user set for native code, and what would lead the nested cargo to the outer one's locks.
const NOT_INHERITED: &[&str] =
    &["RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET", "CARGO_BUILD_RUSTFLAGS", "CARGO_INCREMENTAL"];

fn main() {
    if let Err(error) = embed() {
        // Cargo shows what a failed build script writes to stderr; a panic would bury it under its own words.
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn embed() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; run this through cargo")?);
    let host = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set; run this through cargo")?);
    let workspace = host.parent().ok_or("the host crate lies in no workspace")?;
    // Not all of the guest SDK: it has a part in Go.
    for watched in ["plugins", "guest-sdk/Cargo.toml", "guest-sdk/src", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(watched).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={PREVIEW1}");

    require_target()?;
    let modules = build_modules(workspace, &out.join("plugins-target"))?;
    let mut table = String::from("&[\n");
    for name in SHIPPED {
        let module = modules.join(name.replace('-', "_")).with_extension("wasm");
        let bytes = fs::read(&module).map_err(|error| format!("cannot read {}: {error}", module.display()))?;
        let component = componentize(&bytes).map_err(|error| format!("the module of `{name}` makes no component: {error}"))?;
        let path = out.join(name).with_extension("wasm");
        // Named by it, what is compiled of it is found without hashing it in every session.
        let sha256: [u8; 32] = Sha256::digest(&component).into();
        fs::write(&path, component).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        writeln!(table, "    ({name:?}, include_bytes!({:?}), {sha256:?}),", path.to_str().ok_or("OUT_DIR is not UTF-8")?)?;
    }
    table.push_str("]\n");
    fs::write(out.join("shipped.rs"), table)?;
    let mut contract = Resolve::default();
    let (package, _) = contract.push_dir(workspace.join("wit")).map_err(|error| format!("the contract cannot be read: {error:#}"))?;
    fs::write(out.join("contract.wasm"), wit_component::encode(&contract, package).map_err(|error| format!("{error:#}"))?)?;
    let adapter = adapter(contract, &host.join(PREVIEW1)).map_err(|error| format!("{PREVIEW1} is no adapter: {error}"))?;
    fs::write(out.join("preview1.wasm"), adapter)?;
    Ok(())
}

/// The module that answers WASI, with the types of what it imports itself.
fn adapter(mut resolve: Resolve, text: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut module = wat::parse_file(text)?;
    let world = "package cachewit:preview1;\nworld preview1 { import cachewit:policy/log@0.1.0; }";
    let package = resolve.push_source("preview1.wit", world)?;
    let world = resolve.select_world(&[package], None)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

/// Says what to do where the standard library for the target is missing, which cargo says in forty lines per crate.
fn require_target() -> Result<(), Box<dyn Error>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output()?;
    let libdir = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    let toolchain = env::var("RUSTUP_TOOLCHAIN").unwrap_or_else(|_| "1.95.0".to_owned());
    let toolchain = if toolchain.starts_with("1.95.0") { "1.95.0" } else { &toolchain };
    Err(format!(
        "The shipped policies need the Rust target {TARGET}. Install it with:\n\n    rustup target add {TARGET} --toolchain {toolchain}\n"
    )
    .into())
}

/// Runs a nested cargo; answers the folder of the modules.
fn build_modules(workspace: &Path, target_dir: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.current_dir(workspace).args(["build", "--release", "--locked", "--lib", "--target", TARGET]);
    // A folder of its own: the outer cargo holds the lock of its target folder until this script ends.
    cargo.arg("--target-dir").arg(target_dir).env("CARGO_BUILD_BUILD_DIR", target_dir);
    cargo.args(SHIPPED.iter().flat_map(|name| ["--package", name]));
    for name in NOT_INHERITED {
        cargo.env_remove(name);
    }
    for (name, value) in PROFILE {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", remapped_paths(workspace));
    let output = cargo.output().map_err(|error| format!("cannot run cargo for the shipped policies: {error}"))?;
    if output.status.success() {
        Ok(target_dir.join(TARGET).join("release"))
    } else {
        Err(format!("The shipped policies do not build:\n{}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// Flags that keep this machine's folders out of panic messages, so that two machines embed the same bytes. As encoded flags they
/// also outrank any that the user's cargo configuration has for native code.
fn remapped_paths(workspace: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let mut flags = OsString::new();
    for (from, to) in [(Some(workspace), "cachewit"), (home.as_deref(), "cargo")] {
        let Some(from) = from else { continue };
        if !flags.is_empty() {
            flags.push("\x1f");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push(format!("={to}"));
    }
    flags
}

/// Wraps a core module in the component that its embedded types describe; checks the result.
fn componentize(module: &[u8]) -> Result<Vec<u8>, String> {
    let encoded = ComponentEncoder::default().module(module).and_then(|encoder| encoder.validate(true).encode());
    encoded.map_err(|error| format!("{error:#}"))
}

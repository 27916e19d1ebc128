//! Guests written by hand in WebAssembly's text format, made into components against `wit/`.
//!
//! A file holds what is peculiar to its guest: imports first, then functions. What every component must have and the file does
//! not define itself is added here. Addresses below 1024 belong to what is added.

use cachewit::config::lock::{Lock, Pinned};
use cachewit::model::Digest;
use std::collections::BTreeSet;
use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const ROLES: [&str; 5] = ["admission", "serving", "eviction", "remote", "observer"];

/// Marker in the text, and what is added where it is missing.
const COMMON: [(&str, &str); 5] = [
    ("(memory ", r#"(memory (export "memory") 16)"#),
    (
        "cabi_realloc",
        r#"(global $next (mut i32) (i32.const 65536))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (global.get $next)
            (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 3) (i32.const 7)) (i32.const -8)))))"#,
    ),
    ("hostile1", r#"(data (i32.const 0) "hostile1")"#),
    (
        "plugin@0.1.0#describe",
        r#"(data (i32.const 16) "\00\00\00\00\07\00\00\00\07\00\00\00\01\00\00\00\01\00\00\00")
        (func (export "cachewit:policy/plugin@0.1.0#describe") (result i32) (i32.const 16))"#,
    ),
    (
        "plugin@0.1.0#configure",
        // 48 holds zeros: Ok.
        r#"(func (export "cachewit:policy/plugin@0.1.0#configure") (param i32 i32) (result i32) (i32.const 48))"#,
    ),
];

/// The functions of a role, and what those do that the file leaves out: nothing, or "pass".
const ROLE_FUNCTIONS: [(&str, &str, &str); 5] = [
    ("eviction", "begin", ""),
    ("eviction", "end", ""),
    ("remote", "open", "(result i32) (i32.const 0)"),
    ("remote", "route", "(result i32) (i32.const 0)"),
    ("remote", "close", "(result i32) (i32.const 0)"),
];

/// Vouches for a plugin, as `cachewit plugin add` does, in the lock of a configuration's folder, where the configuration names it `file`.
///
/// # Panics
/// Where the plugin cannot be read, or the lock cannot be written.
pub fn vouch_for(folder: &Path, file: &str) {
    vouch_and_grant(folder, file, &[]);
}

/// The same, and lets it know what it wishes to.
///
/// # Panics
/// As [`vouch_for`], and where one is no wish.
pub fn vouch_and_grant(folder: &Path, file: &str, granted: &[&str]) {
    let sha256 = Digest::of(&std::fs::read(folder.join(file)).expect("the plugin"));
    let mut lock = Lock::read(folder).expect("a lock");
    let granted = granted.iter().map(|wish| wish.parse().expect("a wish")).collect();
    lock.pin(Pinned { file: file.to_owned(), sha256, granted, denied: BTreeSet::new() });
    lock.write(folder).expect("the lock can be written");
}

/// The component of a guest that lies in `tests/guests` under this name.
///
/// # Panics
/// Where there is none, or as [`component`].
pub fn named(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests").join(name).with_extension("wat");
    component(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The component that this text describes. Its roles are those of which it exports a function.
///
/// # Panics
/// Where the text is no module, or does not fit the contract.
pub fn component(text: &str) -> Vec<u8> {
    component_with(text, None)
}

/// The same with one more package: its text in WIT, and the interface of it that the guest imports.
///
/// # Panics
/// As [`component`].
pub fn component_with(text: &str, stranger: Option<(&str, &str)>) -> Vec<u8> {
    let has_role = |role: &str| text.contains(&format!("cachewit:policy/{role}@0.1.0#"));
    let mut module = format!("(module\n{text}\n");
    for (marker, common) in COMMON {
        if !text.contains(marker) {
            module.push_str(common);
        }
    }
    for (role, function, body) in ROLE_FUNCTIONS {
        let name = format!("cachewit:policy/{role}@0.1.0#{function}");
        if has_role(role) && !text.contains(&format!("{name}\"")) {
            module.push_str(&format!("(func (export \"{name}\") {body})"));
        }
    }
    module.push(')');
    let mut module = wat::parse_str(&module).unwrap_or_else(|error| panic!("{error}\n{module}"));

    let mut resolve = Resolve::default();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    resolve.push_dir(&contract).expect("the contract can be read");
    let mut world =
        "package tests:guest;\nworld guest {\ninclude cachewit:policy/plugin-role@0.1.0;\ninclude cachewit:policy/context@0.1.0;\n"
            .to_owned();
    for role in ROLES.into_iter().filter(|role| has_role(role)) {
        world.push_str(&format!("include cachewit:policy/{role}-role@0.1.0;\n"));
    }
    if let Some((package, interface)) = stranger {
        resolve.push_source("stranger.wit", package).expect("a package");
        world.push_str(&format!("import {interface};\n"));
    }
    world.push('}');
    let package = resolve.push_source("guest.wit", &world).expect("a world");
    let world = resolve.select_world(&[package], None).expect("the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("the world fits into the module");
    let encoder = ComponentEncoder::default().module(&module).expect("a core module");
    encoder.validate(true).encode().unwrap_or_else(|error| panic!("{error:#}\n{text}"))
}

//! Guests written by hand in WebAssembly's text format, made into components against `wit/`.
//!
//! A file holds what is peculiar to its guest: imports first, then functions. What every component must have and the file does
//! not define itself is added here. Addresses below 1024 belong to what is added.
//!
//! A line `;; times N: TEXT` stands for N copies of its text, and so do the lines between `;; times N` and `;; end`; a `#` in them is the
//! number of the copy, from 0. A `(component …)` behind the guest lies in the same component and is
//! instantiated with it; one that is all there is in a file is the whole component. What a guest imports or exports beyond the contract
//! stands in WIT in a file of the same name, as the world `stranger` of its first package.

use cachewit::config::lock::{Lock, Pinned};
use cachewit::model::Digest;
use cachewit::platform::Staged;
use std::collections::BTreeSet;
use std::path::Path;
use wasmparser::{Parser, Payload};
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
    lock.write(folder).and_then(Staged::place).expect("the lock can be written");
}

/// The component of a guest that lies in `tests/guests` under this name.
///
/// # Panics
/// Where there is none, or as [`component`].
pub fn named(name: &str) -> Vec<u8> {
    from_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("guests").join(name).with_extension("wat"))
}

/// The component of the guest in this file.
///
/// # Panics
/// Where it cannot be read, or as [`component`].
pub fn from_file(path: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    component_with(&text, std::fs::read_to_string(path.with_extension("wit")).ok().as_deref())
}

/// The component that this text describes. Its roles are those of which it exports a function.
///
/// # Panics
/// Where the text is no module, or does not fit the contract.
pub fn component(text: &str) -> Vec<u8> {
    component_with(text, None)
}

/// The same with more packages: their text in WIT, whose first one has the world `stranger`.
///
/// # Panics
/// As [`component`].
pub fn component_with(text: &str, stranger: Option<&str>) -> Vec<u8> {
    let text = multiplied(&mut text.lines());
    let (text, beside) = text.split_at(text.find("\n(component").map_or(text.len(), |before| before + 1));
    let beside = (!beside.is_empty()).then(|| wat::parse_str(beside).unwrap_or_else(|error| panic!("{error}\n{beside}")));
    let alone = text.lines().all(|line| line.is_empty() || line.starts_with(";;"));
    match beside {
        Some(whole) if alone => whole,
        Some(beside) => with_beside(policy(text, stranger), &beside),
        None => policy(text, stranger),
    }
}

/// Writes out the lines that stand for many, up to the end or the line that ends them.
fn multiplied(lines: &mut std::str::Lines<'_>) -> String {
    let mut text = String::new();
    while let Some(line) = lines.next() {
        if line == ";; end" {
            break;
        }
        match line.strip_prefix(";; times ").map(|rest| rest.split_once(": ").unwrap_or((rest, ""))) {
            None => text.extend([line, "\n"]),
            Some((number, copied)) => {
                let number: u32 = number.parse().unwrap_or_else(|_| panic!("{line} has no number"));
                let copied = if copied.is_empty() { multiplied(lines) } else { format!("{copied}\n") };
                text.extend((0..number).map(|copy| copied.replace('#', &copy.to_string())));
            }
        }
    }
    text
}

/// Adds a component behind everything else, and an instance of it.
fn with_beside(mut component: Vec<u8>, beside: &[u8]) -> Vec<u8> {
    let (mut depth, mut number) = (0_u32, 0_u32);
    for payload in Parser::new(0).parse_all(&component) {
        match payload.expect("a component") {
            Payload::ModuleSection { .. } => depth += 1,
            Payload::ComponentSection { .. } => {
                number += u32::from(depth == 0);
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let mut section = |id: u8, content: &[u8]| {
        component.push(id);
        component.extend(leb128(content.len() as u32));
        component.extend_from_slice(content);
    };
    section(4, beside);
    // One instance: of the component with that number, without arguments.
    section(5, &[&[1, 0], leb128(number).as_slice(), &[0]].concat());
    component
}

/// A number as WebAssembly writes it.
pub fn leb128(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn policy(text: &str, stranger: Option<&str>) -> Vec<u8> {
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
    if let Some(text) = stranger {
        let package = resolve.push_source("stranger.wit", text).expect("a package");
        let name = &resolve.packages[package].name;
        world.push_str(&format!("include {}:{}/stranger;\n", name.namespace, name.name));
    }
    world.push('}');
    let package = resolve.push_source("guest.wit", &world).expect("a world");
    let world = resolve.select_world(&[package], None).expect("the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("the world fits into the module");
    let encoder = ComponentEncoder::default().module(&module).expect("a core module");
    encoder.validate(true).encode().unwrap_or_else(|error| panic!("{error:#}\n{text}"))
}

//! From a core module to a component.

use crate::policy::manifest::{SECTION, Wish};
use anyhow::{Context, Result, anyhow, bail};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use wasm_encoder::{CustomSection, Section};
use wasmparser::{ExternalKind, Parser, Payload};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, decode, embed_component_metadata};

/// `wit/`, in its binary form.
const CONTRACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/contract.wasm"));

/// WASI, answered without a host.
const PREVIEW1: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/preview1.wasm"));

/// Settings by their names, the one interface of WASI that a policy has a use for: as much of it as the host offers.
const CONFIG: &str = "package wasi:config@0.2.0-rc.1;
interface store {
    variant error { upstream(string), io(string) }
    get: func(key: string) -> result<option<string>, error>;
    get-all: func() -> result<list<tuple<string, string>>, error>;
}";

/// The roles of which there is a world.
const ROLES: [&str; 6] = ["admission", "serving", "eviction", "remote", "observer", "store"];

/// What a module says of itself.
#[derive(Default)]
struct Found<'a> {
    /// Names of exported functions.
    exports: Vec<&'a str>,
    /// It brings its types along, as modules of Rust do.
    typed: bool,
}

/// Makes the component, with these wishes and those that the module names.
pub(super) fn component(module: &[u8], mut wishes: BTreeSet<Wish>) -> Result<Vec<u8>> {
    if Parser::is_component(module) {
        bail!("it is a component already; take it in with `cachewit plugin add`");
    }
    if !Parser::is_core_wasm(module) {
        bail!("it is no WebAssembly module; name what `GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared` made");
    }
    let found = Found::read(module).map_err(|error| anyhow!("it is damaged: {error}; build it again"))?;
    found.check()?;
    let mut module = module.to_vec();
    if !found.typed {
        add_types(&mut module, &found.world()?)?;
    }
    // An export says it, since the source of a program in Go has no other way to.
    for name in found.exports.iter().filter_map(|export| export.strip_prefix("cachewit:wish/")) {
        wishes.insert(name.parse().with_context(|| format!("it exports `cachewit:wish/{name}`"))?);
    }
    if !wishes.is_empty() {
        let lines: String = wishes.iter().map(|wish| format!("wish {wish}\n")).collect();
        CustomSection { name: SECTION.into(), data: lines.into_bytes().into() }.append_to(&mut module);
    }
    let encoder = ComponentEncoder::default().module(&module).and_then(|encoder| encoder.adapter("wasi_snapshot_preview1", PREVIEW1));
    let encoded = encoder.and_then(|encoder| encoder.validate(true).encode());
    encoded.map_err(|error| anyhow!("it does not fit the contract: {error:#}"))
}

impl<'a> Found<'a> {
    fn read(module: &'a [u8]) -> wasmparser::Result<Self> {
        let mut found = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            found.exports.push(export.name);
                        }
                    }
                }
                Payload::CustomSection(section) => found.typed |= section.name().starts_with("component-type"),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Whether it is a policy, and can be started.
    fn check(&self) -> Result<()> {
        let is_policy = self.exports.iter().any(|export| interface(export).is_some_and(|(name, _)| name == "plugin"));
        if !is_policy {
            bail!(
                "it exports no policy; register one with the guest SDK, and build it with `GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared`"
            );
        }
        // A command of Go's sets its runtime up in `_start`, which nobody calls in a component.
        if self.exports.contains(&"_start") {
            bail!("it is a program and no library; build it with `-buildmode=c-shared`");
        }
        Ok(())
    }

    /// The world of a policy that exports what this one does.
    fn world(&self) -> Result<String> {
        let mut world = "package cachewit:wrapped;\nworld wrapped {\nimport wasi:config/store@0.2.0-rc.1;\n".to_owned();
        let mut include = |world_of: &str, version: &str| writeln!(world, "include cachewit:policy/{world_of}@{version};");
        let all: BTreeSet<(&str, &str)> = self.exports.iter().filter_map(|export| interface(export)).collect();
        for (name, version) in all {
            if version != crate::policy::CONTRACT {
                bail!(
                    "it is written for version {version} of the contract, and this cachewit wraps for {}; build it with the SDK of that version",
                    crate::policy::CONTRACT
                );
            }
            if name != "plugin" && !ROLES.contains(&name) {
                bail!("it exports `{name}`, which is no role; there are {}", ROLES.join(", "));
            }
            include(&format!("{name}-role"), version)?;
        }
        include("context", crate::policy::CONTRACT)?;
        world.push('}');
        Ok(world)
    }
}

/// Name and version of the contract's interface that an export is a function of.
fn interface(export: &str) -> Option<(&str, &str)> {
    let (interface, _function) = export.strip_prefix("cachewit:policy/")?.split_once('#')?;
    interface.split_once('@')
}

fn add_types(module: &mut Vec<u8>, world: &str) -> Result<()> {
    let DecodedWasm::WitPackage(mut resolve, _) = decode(CONTRACT)? else { bail!("this cachewit was built without its contract") };
    resolve.push_source("config.wit", CONFIG)?;
    let package = resolve.push_source("wrapped.wit", world)?;
    let world = resolve.select_world(&[package], None)?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
}

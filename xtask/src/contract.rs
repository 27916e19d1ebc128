//! `cargo xtask contract`: the contract of policies as a page, interface by interface. The WIT package is the source; this is how it reads in
//! a browser.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use wit_parser::{Docs, Function, Handle, Interface, Param, Resolve, Type, TypeDefKind, TypeId};

use crate::marks::write_between_marks;
use crate::workspace::{root, say};

const NAME: &str = "contract";

/// An interface, what it is to a component, and what the Rust SDK has for it.
struct Entry {
    name: &'static str,
    side: Side,
    rust: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The component may export it; always, or as a role.
    Exported,
    /// The component may import it.
    Imported,
    /// No host asks it yet.
    Drafted,
}

const fn entry(name: &'static str, side: Side, rust: &'static str) -> Entry {
    Entry { name, side, rust }
}

/// In the order in which a reader wants them: a role, and what it pulls.
const INTERFACES: [Entry; 21] = [
    entry("plugin", Side::Exported, "`Policy`"),
    entry("admission", Side::Exported, "`Admission`"),
    entry("serving", Side::Exported, "`Serving`"),
    entry("group", Side::Imported, "`Group`"),
    entry("session", Side::Imported, "`Session`"),
    entry("eviction", Side::Exported, "`Eviction`"),
    entry("trim", Side::Imported, "`Rows`"),
    entry("remote", Side::Exported, "`Remote`"),
    entry("targets", Side::Imported, "`Targets`"),
    entry("sets", Side::Imported, "`Sets`"),
    entry("request", Side::Imported, "`Request`"),
    entry("plan", Side::Imported, "`Plan`"),
    entry("observer", Side::Exported, "`Observer`"),
    entry("events", Side::Imported, "`Events`"),
    entry("log", Side::Imported, "`log`"),
    entry("clock", Side::Imported, "`now_ms`"),
    entry("counters", Side::Imported, "`counter`"),
    entry("state", Side::Imported, "`memory`"),
    entry("store", Side::Drafted, "nothing"),
    entry("http-request", Side::Drafted, "nothing"),
    entry("http-response", Side::Drafted, "nothing"),
];

fn page() -> PathBuf {
    root().join("docs/contract.md")
}

/// Writes the page anew.
pub fn run() -> Result<()> {
    write_between_marks(&page(), NAME, &render()?)?;
    say(format!("{} says what wit/ says", page().display()));
    Ok(())
}

fn render() -> Result<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).context("wit/ cannot be read")?;
    let interfaces = &resolve.packages[package].interfaces;
    if let Some(missing) = interfaces.keys().find(|name| !INTERFACES.iter().any(|entry| entry.name == *name)) {
        anyhow::bail!("the page has no place for the interface `{missing}`: name it in xtask/src/contract.rs");
    }
    let mut text = String::from("| interface | a component | in the Rust SDK |\n|---|---|---|\n");
    for Entry { name, side, rust } in &INTERFACES {
        let side = match side {
            Side::Exported if *name == "plugin" => "always exports it",
            Side::Exported => "exports it if it has this role",
            Side::Imported => "imports it where its code asks",
            Side::Drafted => "has no use for it yet: drafted",
        };
        writeln!(text, "| [`{name}`](#{name}) | {side} | {rust} |")?;
    }
    for Entry { name, .. } in &INTERFACES {
        let id = interfaces.get(*name).with_context(|| format!("wit/ has no interface `{name}`"))?;
        interface(&mut text, &resolve, name, &resolve.interfaces[*id])?;
    }
    Ok(text)
}

fn interface(text: &mut String, resolve: &Resolve, name: &str, interface: &Interface) -> Result<()> {
    writeln!(text, "\n## `{name}`\n\n{}", prose(&interface.docs))?;
    for (name, id) in &interface.types {
        let TypeDefKind::Record(record) = &resolve.types[*id].kind else { anyhow::bail!("the page cannot say what `{name}` is") };
        writeln!(text, "\n`record {name}`: {}\n", line(&resolve.types[*id].docs))?;
        for field in &record.fields {
            writeln!(text, "- `{}: {}`: {}", field.name, of(resolve, &field.ty)?, line(&field.docs))?;
        }
    }
    text.push_str("\n| function | |\n|---|---|\n");
    for function in interface.functions.values() {
        writeln!(text, "| `{}` | {} |", signature(resolve, function)?, cell(&function.docs))?;
    }
    Ok(())
}

fn signature(resolve: &Resolve, function: &Function) -> Result<String> {
    let parameter = |Param { name, ty, .. }: &Param| Ok(format!("{name}: {}", of(resolve, ty)?));
    let parameters: Vec<String> = function.params.iter().map(parameter).collect::<Result<_>>()?;
    let result = match &function.result {
        Some(result) => format!(" -> {}", of(resolve, result)?),
        None => String::new(),
    };
    Ok(format!("{}({}){result}", function.name, parameters.join(", ")))
}

/// A type as WIT writes it.
fn of(resolve: &Resolve, ty: &Type) -> Result<String> {
    Ok(match ty {
        Type::Bool => "bool".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::F64 => "f64".to_owned(),
        Type::String => "string".to_owned(),
        Type::Id(id) => defined(resolve, *id)?,
        other => anyhow::bail!("the page cannot say what {other:?} is"),
    })
}

fn defined(resolve: &Resolve, id: TypeId) -> Result<String> {
    let definition = &resolve.types[id];
    if let Some(name) = &definition.name {
        return Ok(name.clone());
    }
    let optional = |ty: &Option<Type>| ty.as_ref().map_or(Ok("_".to_owned()), |ty| of(resolve, ty));
    Ok(match &definition.kind {
        TypeDefKind::List(item) => format!("list<{}>", of(resolve, item)?),
        TypeDefKind::Option(item) => format!("option<{}>", of(resolve, item)?),
        TypeDefKind::Tuple(tuple) => {
            let items: Vec<String> = tuple.types.iter().map(|item| of(resolve, item)).collect::<Result<_>>()?;
            format!("tuple<{}>", items.join(", "))
        }
        TypeDefKind::Result(result) => format!("result<{}, {}>", optional(&result.ok)?, optional(&result.err)?),
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => defined(resolve, *id)?,
        other => anyhow::bail!("the page cannot say what {other:?} is"),
    })
}

fn prose(docs: &Docs) -> String {
    docs.contents.as_deref().unwrap_or_default().trim().to_owned()
}

/// In one line; a bar would end the cell of a table.
fn line(docs: &Docs) -> String {
    prose(docs).split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// In a cell of a table: paragraphs and points are lines of their own.
fn cell(docs: &Docs) -> String {
    let text = prose(docs);
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|"));
    paragraphs.collect::<Vec<_>>().join("<br>").replace(" * ", "<br>· ").replace("<br>* ", "<br>· ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_says_what_the_wit_says() {
        let page = std::fs::read_to_string(super::page()).unwrap();
        let rendered = super::render().unwrap();
        assert!(page.contains(rendered.trim_end()), "wit/ has changed: say `cargo xtask contract`");
    }
}

//! A policy of a stranger's: crates outside this workspace that depend on the guest SDK alone. Each component must export exactly the
//! roles that its author named, since the host asks whatever is there.

use anyhow::{Context, Result, bail, ensure};
use cachewit::policy::Manifest;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_parser::WorldItem;
use wit_parser::decoding::{DecodedWasm, decode};

/// One crate: its name, its roles, and what its code asks of the host. All ask `log`: the SDK reports panics there.
struct Subset {
    name: &'static str,
    roles: &'static [&'static str],
    imports: &'static [&'static str],
}

const SUBSETS: &[Subset] = &[
    Subset { name: "none", roles: &[], imports: &["log"] },
    Subset { name: "one", roles: &["eviction"], imports: &["log", "trim"] },
    Subset { name: "two", roles: &["admission", "eviction"], imports: &["group", "log", "trim"] },
    Subset { name: "other-two", roles: &["admission", "remote"], imports: &["group", "log", "plan", "targets"] },
    Subset { name: "wishful", roles: &["observer"], imports: &["counters", "events", "log", "session"] },
    Subset {
        name: "every",
        roles: &["admission", "eviction", "observer", "remote", "serving"],
        imports: &["counters", "events", "group", "log", "plan", "session", "targets", "trim"],
    },
];

const POLICY: &str = r#"
use cachewit_guest::*;

pub struct Mine;

impl Policy for Mine {
    const NAME: &'static str = "mine";
    const VERSION: &'static str = "1.0.0";
    type Settings = ();

    fn configure((): ()) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}
"#;

fn implementation(role: &str) -> &'static str {
    match role {
        "admission" => {
            "impl Admission for Mine {
                fn admit(&mut self, group: &dyn Group, _: &dyn Session) -> Admit { Admit::NO_OPINION.share(group.size() < 9) }
            }"
        }
        "serving" => {
            "impl Serving for Mine {
                fn serve(&mut self, group: &dyn Group, _: &dyn Session) -> Serve {
                    if group.trust() == Trust::Hashed { Serve::Refuse } else { Serve::NoOpinion }
                }
            }"
        }
        "eviction" => {
            "impl Eviction for Mine {
                fn score(&mut self, rows: &dyn Rows, first: u32, count: u32) -> Vec<f64> {
                    rows.ranks(first, count).into_iter().map(f64::from).collect()
                }
            }"
        }
        "remote" => {
            "impl Remote for Mine {
                fn close(&mut self, targets: &dyn Targets, _: &dyn Session, plan: &dyn Plan) -> Decision {
                    targets.all().iter().for_each(|target| plan.share(target.index));
                    Decision::Decided
                }
            }"
        }
        "observer" => {
            "impl Observer for Mine {
                fn observe(&mut self, events: &dyn Events, session: &dyn Session, first: u32, count: u32) {
                    counter::add(\"seen\", events.run(first, count).len() as u64);
                    counter::add(\"knows-the-branch\", u64::from(session.fact(\"branch\").known().is_some()));
                }
            }"
        }
        other => panic!("no role {other}"),
    }
}

/// Writes the crates as one workspace, so that one cargo builds them and the SDK once.
fn write_workspace(root: &Path) -> Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests lie in no workspace")?;
    let sdk = repository.join("guest-sdk").into_os_string().into_string().ok().context("the repository's path is not UTF-8")?;
    let names: Vec<&str> = SUBSETS.iter().map(|subset| subset.name).collect();
    fs::write(root.join("Cargo.toml"), format!("[workspace]\nresolver = \"3\"\nmembers = {names:?}\n"))?;
    // The same versions as ours, all of which were downloaded when the shipped policies were built.
    fs::copy(repository.join("Cargo.lock"), root.join("Cargo.lock"))?;
    for Subset { name, roles, .. } in SUBSETS {
        fs::create_dir_all(root.join(name).join("src"))?;
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n\
             [dependencies]\ncachewit-guest = {{ path = {sdk:?} }}\n"
        );
        fs::write(root.join(name).join("Cargo.toml"), manifest)?;
        let mut source = String::from(POLICY);
        for role in *roles {
            writeln!(source, "{}", implementation(role))?;
        }
        let list = if roles.is_empty() { String::new() } else { format!(": {}", roles.join(", ")) };
        let wishes = if *name == "wishful" { "; wishes \"fact:branch\", \"env:TEAM\"" } else { "" };
        writeln!(source, "export!(Mine{list}{wishes});")?;
        fs::write(root.join(name).join("src/lib.rs"), source)?;
    }
    Ok(())
}

/// Builds the workspace; answers the folder of the components.
fn build(root: &Path) -> Result<PathBuf> {
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("roles");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args(["build", "--release", "--offline", "--target", "wasm32-wasip2", "--target-dir"]).arg(&target_dir);
    for inherited in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_BUILD_BUILD_DIR", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(inherited);
    }
    let output = cargo.output()?;
    ensure!(output.status.success(), "cargo: {}", String::from_utf8_lossy(&output.stderr));
    Ok(target_dir.join("wasm32-wasip2/release"))
}

/// The interfaces that a component imports and exports.
fn interfaces(component: &[u8]) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let DecodedWasm::Component(resolve, world) = decode(component)? else { bail!("no component") };
    let world = &resolve.worlds[world];
    let name = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => resolve.id_of(*id).context("an interface without a name"),
        _ => bail!("not an interface: {item:?}"),
    };
    Ok((world.imports.values().map(name).collect::<Result<_>>()?, world.exports.values().map(name).collect::<Result<_>>()?))
}

fn named<'a>(interfaces: impl IntoIterator<Item = &'a &'static str>) -> BTreeSet<String> {
    interfaces.into_iter().map(|name| format!("cachewit:policy/{name}@0.1.0")).collect()
}

/// What `cachewit plugin check` says of a component that asks for WASI: it runs in the sandbox of a session.
fn load(component: &Path, home: &Path) -> Result<String> {
    let mut check = Command::new(cachewit_tests::go::binary());
    check.args(["plugin", "check"]).arg(component).env("CI", "").env("HOME", home).env("XDG_CACHE_HOME", home.join("cache"));
    let output = check.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{}: {said}{}", component.display(), String::from_utf8_lossy(&output.stderr));
    Ok(said)
}

#[test]
fn a_component_exports_the_roles_that_its_author_named_and_imports_what_it_uses() -> Result<()> {
    let root = tempfile::tempdir()?;
    write_workspace(root.path())?;
    let components = build(root.path())?;
    for Subset { name, roles, imports } in SUBSETS {
        let path = components.join(name.replace('-', "_")).with_extension("wasm");
        let component = fs::read(&path)?;
        println!("{name} ({}): {} bytes", roles.join(", "), component.len());
        let (imported, exported) = interfaces(&component)?;
        assert_eq!(exported, named(roles.iter().chain(&["plugin"])), "{name}");
        // Rust's library for this target asks for WASI; the host links it empty.
        let ours: BTreeSet<String> = imported.into_iter().filter(|interface| !interface.starts_with("wasi:")).collect();
        assert_eq!(ours, named(*imports), "{name}");
        let wishes = Manifest::read(&component)?.wishes.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(wishes, if *name == "wishful" { vec!["fact:branch", "env:TEAM"] } else { Vec::new() }, "{name}");
        let loaded = load(&path, root.path())?;
        assert!(roles.iter().all(|role| loaded.contains(role)), "{name}: {loaded}");
    }
    Ok(())
}

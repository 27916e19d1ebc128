//! `cachewit plugin new`: a crate, or a module of Go's, that is a policy.

use super::scaffold::{golang, rust};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the SDK is had from where there is no checkout.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The arguments of `plugin new`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The policy's name, or the folder to make, whose last part is its name
    name: PathBuf,
    /// What it decides: admission, serving, eviction, remote or observer; may be given several times
    #[arg(long, value_name = "ROLE", default_value = "admission")]
    role: Vec<String>,
    /// What it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
    /// The folder of the guest SDK; by default that of the checkout in which cachewit was built
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// Languages that there is a guest SDK for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Language {
    Rust,
    Go,
}

/// Writes the crate, or the module.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folder = &arguments.name;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_name || name.ends_with('-') || name.contains("--") || name.len() > 64 {
        bail!("`{name}` is no name for a policy; one has small letters, digits and single `-`, and begins with a letter, as `no-secrets`");
    }
    check(&arguments.role)?;
    if folder.exists() {
        bail!("{} is there already; name another folder", folder.display());
    }
    let sdk = match &arguments.sdk {
        Some(sdk) if is_sdk(sdk) => Some(std::path::absolute(sdk).context("the folder of the SDK cannot be found")?),
        Some(sdk) => bail!("{} is not the guest SDK; it is the folder `guest-sdk` of a checkout of cachewit", sdk.display()),
        None => checkout(),
    };
    match arguments.lang {
        Language::Rust => write_crate(folder, name, &arguments.role, sdk.as_deref())?,
        Language::Go => write_module(folder, name, &arguments.role, sdk.as_deref())?,
    }
    println!("made       {}", folder.display());
    if sdk.is_none() {
        println!("note       the SDK is fetched from {REPOSITORY}; a checkout's is named with --sdk");
    }
    println!("next       cd {}", folder.display());
    let next = match arguments.lang {
        Language::Rust => {
            let component = format!("target/wasm32-wasip2/release/{}.wasm", name.replace('-', "_"));
            let build = "cargo build --release --target wasm32-wasip2".to_owned();
            vec!["cargo test".to_owned(), build, format!("cachewit plugin check {component}")]
        }
        Language::Go => {
            let [build, wrap] = golang::commands(name);
            vec!["go test ./...".to_owned(), build, wrap, format!("cachewit plugin check {name}.wasm")]
        }
    };
    for line in next {
        println!("           {line}");
    }
    Ok(ExitCode::SUCCESS)
}

fn write_crate(folder: &Path, name: &str, roles: &[String], sdk: Option<&Path>) -> Result<()> {
    let pieces: Vec<&rust::Piece> = rust::PIECES.iter().filter(|piece| roles.iter().any(|role| piece.role == role)).collect();
    let dependency = match sdk {
        Some(sdk) => format!("{{ path = {:?} }}", sdk.to_str().context("the path of the SDK is not UTF-8")?),
        None => format!("{{ git = {REPOSITORY:?}, tag = \"v{}\" }}", env!("CARGO_PKG_VERSION")),
    };
    write(folder, "Cargo.toml", &rust::manifest(name, &dependency))?;
    write(folder, "src/lib.rs", &rust::source(name, &pieces))?;
    write(folder, "README.md", &rust::readme(name))?;
    write(folder, ".gitignore", "/target\n")?;
    write(folder, "rustfmt.toml", "use_small_heuristics = \"Max\"\n")?;
    // The versions that the checkout was built with are here already, so the first build needs no network.
    if let Some(lock) = sdk.and_then(|sdk| std::fs::read_to_string(sdk.parent()?.join("Cargo.lock")).ok()) {
        write(folder, "Cargo.lock", &lock)?;
    }
    Ok(())
}

fn write_module(folder: &Path, name: &str, roles: &[String], sdk: Option<&Path>) -> Result<()> {
    let pieces: Vec<&golang::Piece> = golang::PIECES.iter().filter(|piece| roles.iter().any(|role| piece.role == role)).collect();
    let sdk = sdk.map(|sdk| sdk.join("go"));
    let sdk = sdk.as_ref().map(|sdk| sdk.to_str().context("the path of the SDK is not UTF-8")).transpose()?;
    write(folder, "go.mod", &golang::manifest(name, sdk))?;
    write(folder, "main.go", &golang::source(name, &pieces))?;
    write(folder, "main_test.go", &golang::tests(&pieces))?;
    write(folder, "README.md", &golang::readme(name))?;
    write(folder, ".gitignore", "*.wasm\n")
}

fn write(folder: &Path, file: &str, text: &str) -> Result<()> {
    let path = folder.join(file);
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Both languages have the same roles.
fn check(roles: &[String]) -> Result<()> {
    let known = rust::PIECES.map(|piece| piece.role);
    match roles.iter().find(|role| !known.contains(&role.as_str())) {
        Some(role) => bail!("there is no role `{role}`; there are {}", known.join(", ")),
        None => Ok(()),
    }
}

fn is_sdk(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|manifest| manifest.contains("name = \"cachewit-guest\""))
}

/// The SDK of the checkout that this program or the working directory lies in, or that this program was installed from.
fn checkout() -> Option<PathBuf> {
    let (program, here) = (std::env::current_exe().ok(), std::env::current_dir().ok());
    let folders = [program, here, Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")))];
    let above = folders.iter().flatten().flat_map(|path| path.ancestors());
    above.map(|folder| folder.join("guest-sdk")).find(|folder| is_sdk(folder))
}

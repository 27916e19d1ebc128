//! `cachewit plugin new`: a crate that is a policy.

use super::scaffold::{PIECES, Piece, manifest, readme, source};
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
    /// The folder of the guest SDK; by default that of the checkout in which cachewit was built
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// Writes the crate.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folder = &arguments.name;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_name || name.ends_with('-') || name.contains("--") || name.len() > 64 {
        bail!("`{name}` is no name for a policy; one has small letters, digits and single `-`, and begins with a letter, as `no-secrets`");
    }
    let pieces = pieces(&arguments.role)?;
    if folder.exists() {
        bail!("{} is there already; name another folder", folder.display());
    }
    let sdk = match &arguments.sdk {
        Some(sdk) if is_sdk(sdk) => Some(std::path::absolute(sdk).context("the folder of the SDK cannot be found")?),
        Some(sdk) => bail!("{} is not the guest SDK; it is the folder `guest-sdk` of a checkout of cachewit", sdk.display()),
        None => checkout(),
    };
    let dependency = match &sdk {
        Some(sdk) => format!("{{ path = {:?} }}", sdk.to_str().context("the path of the SDK is not UTF-8")?),
        None => format!("{{ git = {REPOSITORY:?}, tag = \"v{}\" }}", env!("CARGO_PKG_VERSION")),
    };
    let write = |file: &str, text: &str| -> Result<()> {
        let path = folder.join(file);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write("Cargo.toml", &manifest(name, &dependency))?;
    write("src/lib.rs", &source(name, &pieces))?;
    write("README.md", &readme(name))?;
    write(".gitignore", "/target\n")?;
    write("rustfmt.toml", "use_small_heuristics = \"Max\"\n")?;
    // The versions that the checkout was built with are here already, so the first build needs no network.
    if let Some(lock) = sdk.as_ref().and_then(|sdk| std::fs::read_to_string(sdk.parent()?.join("Cargo.lock")).ok()) {
        write("Cargo.lock", &lock)?;
    }
    let module = name.replace('-', "_");
    println!("made       {}", folder.display());
    if sdk.is_none() {
        println!("note       the SDK is fetched from {REPOSITORY}; a checkout's is named with --sdk");
    }
    println!("next       cd {}", folder.display());
    println!("           cargo test");
    println!("           cargo build --release --target wasm32-wasip2");
    println!("           cachewit plugin check target/wasm32-wasip2/release/{module}.wasm");
    Ok(ExitCode::SUCCESS)
}

fn pieces(roles: &[String]) -> Result<Vec<&'static Piece>> {
    for role in roles {
        if !PIECES.iter().any(|piece| piece.role == role) {
            let known: Vec<&str> = PIECES.iter().map(|piece| piece.role).collect();
            bail!("there is no role `{role}`; there are {}", known.join(", "));
        }
    }
    Ok(PIECES.iter().filter(|piece| roles.iter().any(|role| piece.role == role)).collect())
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

//! A program that embeds a file of 1 GiB, so that one put has a body of that size.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context, Result};

use crate::golang::Machine;

const SIZE: u64 = 1 << 30;
/// Above this an object is one of an earlier run, and is removed: a bench must not fill the disk.
const LARGE: u64 = SIZE / 2;

/// Makes the program, or makes its file another one, so that `go` compiles it again; and removes what earlier runs left in the machine's
/// caches.
pub fn make_anew(dir: &Path, machine: &Machine) -> Result<()> {
    let make = || -> std::io::Result<()> {
        if !dir.exists() {
            std::fs::create_dir_all(dir)?;
            std::fs::write(dir.join("go.mod"), "module example.com/large\n\ngo 1.24\n")?;
            std::fs::write(dir.join("embed.go"), "package large\n\nimport _ \"embed\"\n\n//go:embed large\nvar Large string\n")?;
            let mut file = File::create(dir.join("large"))?;
            // Nothing that compresses to nothing: some hosts compress.
            let mut random = fastrand::Rng::with_seed(1);
            let mut block = vec![0_u8; 1 << 20];
            for _ in 0..SIZE / block.len() as u64 {
                random.fill(&mut block);
                file.write_all(&block)?;
            }
        }
        let mut file = File::options().write(true).open(dir.join("large"))?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&fastrand::u64(..).to_le_bytes())
    };
    make().with_context(|| format!("cannot write the program in {}", dir.display()))?;
    remove_large(&machine.gocache())
}

fn remove_large(dir: &Path) -> Result<()> {
    let listed = std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    for entry in listed {
        let entry = entry?;
        // What goes while it is listed needs no removal.
        let Ok(data) = entry.metadata() else { continue };
        if data.is_dir() {
            remove_large(&entry.path())?;
        } else if data.len() > LARGE {
            std::fs::remove_file(entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

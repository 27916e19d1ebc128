//! The store that builds use: where it lies, whether it can be used, and by whom.

use super::finding::Findings;
use super::gocache;
use crate::cache::default_max_size;
use crate::cli::resolve::human;
use crate::config::Config;
use crate::model::UnixNanos;
use crate::platform;
use crate::store::{Index, Layout, Lease, open_index};
use std::fs::TryLockError;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Files that a session may want to make on a file system before there is none left for others.
const FEW_FILES: u64 = 1000;

/// Looks. None if there is nothing further to look at.
pub(super) fn look(findings: &mut Findings, config: &Config, gocache: &Path) -> Option<Layout> {
    if !config.root.starts_with(gocache) {
        findings.warn(
            "CW040",
            format!("the store {} does not lie under GOCACHE", config.root.display()),
            "leave `root` out if you can: `go build -o lib.a` renames a file that is not under GOCACHE, out of the store",
        );
    }
    let layout = match Layout::new(&config.root) {
        Ok(layout) => layout,
        Err(error) => {
            findings.error("CW041", error.to_string(), "set a `root` that is valid UTF-8; until then builds go on without a cache");
            return None;
        }
    };
    if let Err(error) = layout.create() {
        let text = format!("{error}{}", owner(&layout));
        findings.error("CW041", text, "make the folder writable, or set another `root`; until then builds go on without a cache");
        return None;
    }
    if let Some(kind) = platform::remote_file_system(layout.dir()) {
        findings.warn(
            "CW047",
            format!("the store lies on a file system of the kind {kind}, where the index is slower and locks may not work"),
            "put GOCACHE on a local disk, and let machines share through a [[store]]",
        );
    }
    match open_index(&layout) {
        Ok((index, damage)) => {
            match damage {
                None => findings.good("CW043", "the index opens"),
                Some(damage) => findings.warn("CW043", format!("{damage}; it was set aside"), "nothing: an empty one was begun"),
            }
            usable(findings, &layout, &index);
            gocache::newest_entry(findings, &index);
        }
        Err(error) => findings.error(
            "CW043",
            format!("{error}{}", owner(&layout)),
            "make it readable; where it is yours, delete it: that costs one cold build",
        ),
    }
    space(findings, config);
    said(findings, &layout);
    Some(layout)
}

/// Whether sessions can write there, and hold what they are handed.
fn usable(findings: &mut Findings, layout: &Layout, index: &Index) {
    let place = layout.dir().display();
    let writable = !index.is_read_only() && can_write(layout, index);
    if writable {
        findings.good("CW041", format!("the store is {place}"));
        match Lease::take(layout).and_then(|lease| lease.is_seen().map(|seen| (lease, seen))) {
            Ok((lease, seen)) => {
                lease.end();
                if !seen {
                    findings.error(
                        "CW042",
                        format!("locks do nothing in {place}: a trim would take what running builds use"),
                        "put the store on a local file system",
                    );
                }
            }
            Err(error) => findings.error(
                "CW042",
                format!("a file in the store cannot be locked: {error}; builds go on without a cache"),
                "put the store on a local file system",
            ),
        }
    } else {
        findings.warn(
            "CW041",
            format!(
                "the store {place} cannot be written{}: what it holds is answered, and what cannot be put there is not kept",
                owner(layout)
            ),
            "nothing, if that is meant; otherwise give its files to one user, or set a `root` of your own",
        );
    }
    // Held alone for a moment; who comes in it waits.
    match std::fs::File::open(layout.readers_lock()).map(|file| file.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => findings.warn(
            "CW048",
            "a session reads this store from where it cannot write, and while it lives nothing is evicted",
            "nothing, if it is a container's; otherwise end it",
        ),
        // What cannot be locked at all is said of the leases.
        Ok(Err(TryLockError::Error(error))) if !writable => findings.error(
            "CW042",
            format!("{} cannot be locked: {error}; builds go on without a cache", layout.readers_lock().display()),
            "put the store on a local file system, or let this user read the file",
        ),
        Err(error) if !writable => findings.error(
            "CW042",
            format!("{} cannot be locked: {error}; builds go on without a cache", layout.readers_lock().display()),
            "let this user read the file",
        ),
        Ok(Ok(()) | Err(TryLockError::Error(_))) | Err(_) => {}
    }
}

/// Whether files can be made where sessions make them, and rows. A full disk is said elsewhere, and a busy index is none that is forbidden.
fn can_write(layout: &Layout, index: &Index) -> bool {
    // The log beside the index may be somebody else's although the index is not: only a write tells.
    let row = index.set_meta("doctor", &UnixNanos::now().seconds().to_string());
    let rows = row.err().is_none_or(|error| !error.is_forbidden());
    rows && object_folders(layout).iter().all(|folder| platform::may_fill(folder))
        && [layout.tmp_dir(), layout.lease_dir()].iter().all(|folder| {
            let probe = folder.join(format!("doctor-{}", std::process::id()));
            let made = std::fs::write(&probe, b"");
            let _ = std::fs::remove_file(probe);
            made.map_or_else(|error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded), |()| true)
        })
}

/// The 256 folders of objects, as far as they are there.
fn object_folders(layout: &Layout) -> Vec<PathBuf> {
    let all = std::fs::read_dir(layout.objects_dir()).into_iter().flatten().flatten();
    all.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Whose the store is, where it is somebody else's or has something that is: a `go` that was run by root leaves such files.
fn owner(layout: &Layout) -> String {
    let mut paths: Vec<PathBuf> = [layout.versions_dir(), layout.dir()].map(Path::to_owned).into();
    paths.extend([layout.index(), layout.objects_dir(), layout.tmp_dir(), layout.lease_dir(), layout.readers_lock(), layout.generation()]);
    for suffix in ["-wal", "-shm"] {
        let mut path = layout.index().into_os_string();
        path.push(suffix);
        paths.push(path.into());
    }
    paths.extend(object_folders(layout));
    let foreign = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|data| !platform::is_ours(&data));
    match paths.iter().find(|path| foreign(path)).and_then(|path| Some((path, platform::owner(path)?))) {
        Some((path, user)) => format!(" ({} belongs to the user {user})", path.display()),
        None => String::new(),
    }
}

fn space(findings: &mut Findings, config: &Config) {
    let Some(space) = platform::space(&config.root) else { return };
    let limit = config.limits.max_size.unwrap_or_else(|| default_max_size(&config.root));
    let text = format!("{} free of {}; the store may have {}", human(space.free), human(space.total), human(limit));
    if space.free < space.total / 50 {
        findings.warn("CW044", text, "free some space, or set a smaller `max-size`");
    } else if let Some(files) = space.files.filter(|files| *files < FEW_FILES) {
        findings.warn(
            "CW044",
            format!("{text}, and the file system takes only {files} more files"),
            "remove some files, or set a smaller `max-size`",
        );
    } else {
        findings.good("CW044", text);
    }
}

/// What sessions had to say after their `go` had gone.
fn said(findings: &mut Findings, layout: &Layout) {
    let said = std::fs::read_to_string(layout.journal()).unwrap_or_default();
    for message in said.lines().filter_map(|line| line.splitn(3, '\t').nth(2)).filter(|message| !message.is_empty()) {
        findings.warn("CW046", format!("an earlier run says: {message}"), "see what it names");
    }
}

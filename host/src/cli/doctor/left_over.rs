//! What lies there and need not: files of sessions that were killed, and whole stores that builds do not use.

use super::finding::Findings;
use crate::cli::resolve::human;
use crate::config::Config;
use crate::store::{self, Layout, OtherFormat};
use std::path::Path;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn look(findings: &mut Findings, config: &Config, layout: &Layout, gocache: &Path) {
    half_written(findings, layout);
    for format in store::other_formats(layout) {
        other_format(findings, &format);
    }
    other_store(findings, config, gocache);
    let (files, bytes) = store::left_over_bodies();
    if files > 0 {
        findings.warn(
            "CW061",
            format!("{files} bodies with {} lie in temporary folders, from sessions that could not write into their store", human(bytes)),
            "run `cachewit trim`",
        );
    }
    // Sessions sweep them hourly, if they can.
    let leases = store::left_over_leases(layout, config.limits.grace.saturating_add(DAY));
    if leases > 0 {
        findings.warn("CW062", format!("{leases} leases are of sessions that have been gone for more than a day"), "run `cachewit trim`");
    }
    for file in store::set_aside(layout) {
        let size = std::fs::metadata(&file).map_or(0, |data| data.len());
        findings.warn(
            "CW063",
            format!("{} with {} is of an index that could not be read, and was set aside", file.display(), human(size)),
            "nothing: it goes after a week; if it comes again, look at the disk",
        );
    }
}

/// What trims and daily sweeps would take.
fn half_written(findings: &mut Findings, layout: &Layout) {
    let is_old = |time: SystemTime| SystemTime::now().duration_since(time).is_ok_and(|age| age >= DAY);
    let all = std::fs::read_dir(layout.tmp_dir()).into_iter().flatten().flatten();
    let left = all.filter(|file| file.metadata().and_then(|data| data.modified()).is_ok_and(is_old)).count();
    if left > 0 {
        findings.warn("CW045", format!("{left} half-written files are left over"), "run `cachewit trim`");
    }
}

fn other_format(findings: &mut Findings, format: &OtherFormat) {
    let (place, size) = (format.path.display(), human(format.bytes()));
    if !format.is_older() {
        findings.warn(
            "CW049",
            format!("{place} with {size} is the store of a newer cachewit, and is never touched by this one"),
            "use the newer one here as well, or remove the folder if nobody does",
        );
    } else if format.is_unused() {
        findings.good(
            "CW049",
            format!(
                "{place} with {size} is the store of an older cachewit, unused for a week: it goes with a build, or by `cachewit trim`"
            ),
        );
    } else {
        findings.warn(
            "CW049",
            format!("{place} with {size} is the store of an older cachewit, used within the last week"),
            "use one version of cachewit; it goes a week after its last use",
        );
    }
}

/// The one that builds would use if nothing named another.
fn other_store(findings: &mut Findings, config: &Config, gocache: &Path) {
    let default = gocache.join("cachewit");
    let Ok(layout) = Layout::new(&default) else { return };
    if config.root != default && layout.index().exists() {
        let bytes = store::bytes_of_folder(&default);
        findings.warn(
            "CW060",
            format!("{} is a store of {}, and builds use {}", default.display(), human(bytes), config.root.display()),
            "remove the folder if no build uses it any more; each store may grow up to its own limit",
        );
    }
}

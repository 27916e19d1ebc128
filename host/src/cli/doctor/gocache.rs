//! GOCACHE: `go` needs it whether or not GOCACHEPROG is set, and the store lies in it. And the clock, by which test results expire.

use super::finding::Findings;
use super::golang::go_env;
use crate::model::UnixNanos;
use crate::store::Index;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far clocks may be apart before it matters.
const APART: Duration = Duration::from_secs(5);

/// Looks at the setting. False if `go` cannot use it, and so never starts a host.
pub(super) fn setting(findings: &mut Findings) -> bool {
    let set = std::env::var("GOCACHE").ok().filter(|value| !value.is_empty());
    // `go` says "off" of whatever is no absolute path.
    let value = go_env("GOCACHE").or_else(|| set.clone());
    if value.as_deref().is_none_or(|value| Path::new(value).is_absolute()) {
        return true;
    }
    match set {
        Some(set) if set != "off" => {
            findings.error("CW011", format!("GOCACHE is `{set}` and no absolute path; every build fails"), "give its absolute path");
        }
        Some(_) => findings.error("CW011", "GOCACHE=off switches every cache off, and every build fails", "unset GOCACHE"),
        None => findings.error(
            "CW011",
            "GOCACHE is off in the go/env file, or there is no HOME to put it in; every build fails",
            "run `go env -u GOCACHE`, or set HOME or GOCACHE",
        ),
    }
    false
}

/// Looks at the folder.
pub(super) fn folder(findings: &mut Findings, gocache: &Path) {
    let probe = gocache.join(format!("cachewit-doctor-{}", std::process::id()));
    let written = std::fs::create_dir_all(gocache).and_then(|()| std::fs::write(&probe, b"doctor"));
    let time = std::fs::metadata(&probe).and_then(|data| data.modified());
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(()) => findings.good("CW011", format!("GOCACHE is {}", gocache.display())),
        Err(error) => findings.error(
            "CW011",
            format!("GOCACHE {} cannot be written: {error}; `go` fails as soon as it misses a folder in it", gocache.display()),
            "make it writable, or set GOCACHE to a folder that is; the store may lie elsewhere by `root`",
        ),
    }
    if time.is_ok_and(|time| apart(time, SystemTime::now()) > APART) {
        findings.warn(
            "CW012",
            "the file system's clock and this machine's differ by more than 5 s",
            "correct one: `go clean -testcache` compares times",
        );
    }
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}

/// How far a time lies ahead of now, if it matters.
fn ahead(time: SystemTime) -> Option<Duration> {
    time.duration_since(SystemTime::now()).ok().filter(|ahead| *ahead > APART)
}

fn human(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(duration.as_secs()))
}

/// Looks at what was put by a clock that is ahead of this one, or at a time when this one was.
pub(super) fn newest_entry(findings: &mut Findings, index: &Index) {
    let Ok(Some(UnixNanos(newest))) = index.newest_put() else { return };
    if let Some(ahead) = ahead(UNIX_EPOCH + Duration::from_nanos(newest.max(0).cast_unsigned())) {
        findings.warn(
            "CW013",
            format!("the newest entry was put {} ahead of this machine's clock", human(ahead)),
            "correct the clock; until it is past that time, `go clean -testcache` does not reach such test results",
        );
    }
}

/// Looks at when test results expire: `go clean -testcache` writes the time into GOCACHE, and results that were put before do not count.
pub(super) fn test_expiry(findings: &mut Findings, gocache: &Path) {
    let Ok(text) = std::fs::read_to_string(gocache.join("testexpire.txt")) else { return };
    let Ok(nanos) = text.trim().parse() else { return };
    if let Some(ahead) = ahead(UNIX_EPOCH + Duration::from_nanos(nanos)) {
        findings.warn(
            "CW014",
            format!("`go clean -testcache` was run {} ahead of this machine's clock, and until then every test runs again", human(ahead)),
            "correct the clock, and run `go clean -testcache` again",
        );
    }
}

//! Go's own cache directory as a lower layer: what `go` made before cachewit served it is found, so the first build after the switch
//! compiles nothing. Nothing is written there but the times by which `go` tells what is still in use.
//!
//! The format is that of golang/go `src/cmd/go/internal/cache/cache.go`, unchanged since Go 1.11: an action's file `ab/<action>-a`
//! holds one line with output, size and time; the body lies in `cd/<output>-d`. `go` writes the last byte of a body last and the
//! action's file after it, so a body of the right size is whole.

use crate::model::{Digest, UnixNanos};
use crate::platform;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Bytes of an action's file: `v1 <64> <64> <20> <20>\n`.
const LINE: usize = 175;

/// How old a time must be before it is refreshed; `go` itself does so at this interval (`mtimeInterval`).
const REFRESH: Duration = Duration::from_secs(3600);

/// Go's own cache directory.
#[derive(Debug)]
pub struct Native {
    dir: String,
}

/// What is found there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeHit {
    /// SHA-256 of the body.
    pub output: Digest,
    /// Bytes of the body.
    pub size: u64,
    /// When `go` put it.
    pub put: UnixNanos,
    /// The body.
    pub path: String,
}

impl Native {
    /// The cache under `gocache`; None if `go` could not be told its paths.
    pub fn new(gocache: &Path) -> Option<Self> {
        Some(Self { dir: gocache.to_str()?.to_owned() })
    }

    /// Looks an action up. Whatever is not exactly as `go` writes it is a miss.
    pub fn find(&self, action: Digest) -> Option<NativeHit> {
        let entry = self.path(action, 'a');
        let file = File::open(entry).ok()?;
        // One byte more than a line has: a longer file is none of `go`'s.
        let mut line = Vec::with_capacity(LINE + 1);
        (&file).take(LINE as u64 + 1).read_to_end(&mut line).ok()?;
        let (output, size, put) = parse(&line, action)?;
        let path = self.path(output, 'd');
        let body = std::fs::symlink_metadata(&path).ok().filter(|data| data.is_file() && data.len() == size)?;
        if !platform::is_readable(Path::new(&path), &body) {
            return None;
        }
        let now = SystemTime::now();
        if file.metadata().is_ok_and(|data| is_due(&data, now)) {
            // Somebody else's file, or a read-only file system: nothing to be done.
            let _ = file.set_modified(now);
        }
        if is_due(&body, now) {
            let _ = File::open(&path).and_then(|body| body.set_modified(now));
        }
        Some(NativeHit { output, size, put, path })
    }

    fn path(&self, digest: Digest, suffix: char) -> String {
        let hex = digest.to_hex();
        format!("{}/{}/{hex}-{suffix}", self.dir, &hex[..2])
    }
}

/// Output, size and time of an action's file.
fn parse(line: &[u8], action: Digest) -> Option<(Digest, u64, UnixNanos)> {
    let line = std::str::from_utf8(line).ok().filter(|line| line.len() == LINE)?.strip_suffix('\n')?;
    let rest = line.strip_prefix("v1 ")?;
    let (key, rest) = rest.split_at_checked(64)?;
    let (output, rest) = rest.strip_prefix(' ')?.split_at_checked(64)?;
    let (size, put) = rest.strip_prefix(' ')?.split_at_checked(20)?;
    if Digest::from_hex(key)? != action {
        return None;
    }
    let put: i64 = put.strip_prefix(' ')?.trim_start_matches(' ').parse().ok()?;
    let size = size.trim_start_matches(' ').parse().ok()?;
    Some((Digest::from_hex(output)?, size, UnixNanos(put)))
}

/// Whether `go` would refresh a file's time now. It throws away what was not used for five days.
fn is_due(data: &Metadata, now: SystemTime) -> bool {
    data.modified().is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age >= REFRESH))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        dir: tempfile::TempDir,
        native: Native,
        action: Digest,
    }

    fn fixture(body: &[u8]) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let native = Native::new(dir.path()).unwrap();
        let action = Digest::of(b"an action");
        write(&native, action, Digest::of(body), body.len(), 1_700_000_000_123_456_789);
        let data = native.path(Digest::of(body), 'd');
        std::fs::create_dir_all(Path::new(&data).parent().unwrap()).unwrap();
        std::fs::write(data, body).unwrap();
        Fixture { dir, native, action }
    }

    fn write(native: &Native, action: Digest, output: Digest, size: usize, time: i64) {
        let path = native.path(action, 'a');
        std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(path, format!("v1 {action} {output} {size:20} {time:20}\n")).unwrap();
    }

    #[test]
    fn what_go_wrote_is_found_with_its_time() {
        let Fixture { native, action, dir } = fixture(b"a body");
        let hit = native.find(action).unwrap();
        assert_eq!((hit.output, hit.size, hit.put), (Digest::of(b"a body"), 6, UnixNanos(1_700_000_000_123_456_789)));
        assert_eq!(std::fs::read(hit.path).unwrap(), b"a body");
        assert_eq!(native.find(Digest::of(b"another")), None);
        drop(dir);
        assert_eq!(native.find(action), None);
    }

    #[test]
    fn a_body_that_is_not_whole_is_a_miss() {
        let Fixture { native, action, dir: _dir } = fixture(b"a body");
        std::fs::write(native.path(Digest::of(b"a body"), 'd'), b"a bod").unwrap();
        assert_eq!(native.find(action), None);
    }

    #[test]
    fn anything_but_the_line_that_go_writes_is_a_miss() {
        let Fixture { native, action, dir: _dir } = fixture(b"a body");
        let path = native.path(action, 'a');
        let good = std::fs::read(&path).unwrap();
        assert_eq!(good.len(), LINE);
        let mut wrong: Vec<Vec<u8>> = (0..LINE).map(|end| good[..end].to_vec()).collect();
        wrong.push([good.as_slice(), b"x"].concat());
        wrong.push(good.iter().map(|byte| if *byte == b' ' { b'-' } else { *byte }).collect());
        wrong.push([&good[..LINE - 2], b"\xff\n".as_slice()].concat());
        for line in wrong {
            std::fs::write(&path, &line).unwrap();
            assert_eq!(native.find(action), None, "{:?}", String::from_utf8_lossy(&line));
        }
        // Another action's line: a file that was copied by hand.
        let other = Digest::of(b"other");
        write(&native, other, Digest::of(b"a body"), 6, 1);
        std::fs::copy(native.path(other, 'a'), &path).unwrap();
        assert_eq!(native.find(action), None);
    }

    #[test]
    fn an_old_time_is_refreshed_and_a_fresh_one_left_alone() {
        let Fixture { native, action, dir: _dir } = fixture(b"a body");
        let files = [native.path(action, 'a'), native.path(Digest::of(b"a body"), 'd')];
        let set = |age| {
            for file in &files {
                File::options().write(true).open(file).unwrap().set_modified(SystemTime::now() - age).unwrap();
            }
        };
        let age = |file: &String| std::fs::metadata(file).unwrap().modified().unwrap().elapsed().unwrap();
        set(Duration::from_secs(1800));
        native.find(action).unwrap();
        assert!(files.iter().all(|file| age(file) > Duration::from_secs(1700)));
        set(Duration::from_secs(7200));
        native.find(action).unwrap();
        assert!(files.iter().all(|file| age(file) < Duration::from_secs(1700)));
    }
}

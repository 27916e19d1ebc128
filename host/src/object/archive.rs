//! What a package archive says of itself.
//!
//! An archive holds `__.PKGDEF` (what the compiler reads of an imported package), then `_go_.o` (what the linker reads), then
//! what an assembler or a C compiler made (golang/go `src/cmd/compile/internal/gc/obj.go`). The first line of the first two names
//! the toolchain. The import path stands nowhere as such: it is the qualifier of the symbols that `_go_.o` defines. Of those,
//! `go:cuinfo.packagename.<path>` and `go:cuinfo.producer.<path>` are the ones to look for. The compiler defines the first in every
//! package, an empty one too, and the second nearly always, with the path unescaped and exactly as `-p` gave it
//! (`src/cmd/compile/internal/dwarfgen/dwarf.go`, `RecordPackageName` and `RecordFlags`), and no package defines another's, as
//! happens with instances of foreign generic functions and with `//go:linkname`.

use super::kind::find;
use crate::model::Facts;
use std::io::{self, Read, Seek, SeekFrom};

const ARCHIVE: &[u8] = b"!<arch>\n";
const MEMBER_HEADER: usize = 60;

/// What is read of an archive's beginning: the header of its first member and the `go object` line.
const FIRST_READ: usize = 512;

/// What is read of another member at a time, until the object file in it begins.
const MEMBER_READ: usize = 4096;

/// `_go_.o` is the second member; a few more are looked at in case a tool put something between.
const MEMBERS: usize = 8;

/// The text before the object file holds cgo's directives, some dozens of bytes for each C symbol used.
const MAX_TEXT: u64 = 1 << 20;

/// The end of the text, and the magic number of the object format since Go 1.20 (golang/go `src/cmd/internal/goobj/objfile.go`).
const TEXT_END: &[u8] = b"\n!\n";
const OBJECT: &[u8] = b"\x00go120ld";

/// Magic number, fingerprint and flags stand before the offsets of the blocks, four bytes each.
const OFFSETS: usize = 8 + 8 + 4;

/// The block of defined symbols that others refer to by name, and the one behind it.
const NON_PACKAGE_DEFINITIONS: usize = 6;
const NON_PACKAGE_REFERENCES: usize = 7;

/// A symbol: length and offset of its name, ABI (2), type, two flags, size (4), alignment (4).
const SYMBOL: usize = 8 + 2 + 1 + 2 + 4 + 4;

/// `SDWARFCUINFO` is 8 until Go 1.23 and 12 since (golang/go `src/cmd/internal/objabi/symkind.go`). Code, read-only data and most
/// other data have lower numbers, so what is of this or a higher type is worth a look at its name.
const LEAST_TYPE: u8 = 8;

const PATH_SYMBOLS: [&[u8]; 2] = [b"go:cuinfo.producer.", b"go:cuinfo.packagename."];
const MAX_PATH: usize = 4096;

/// Bounds for files that are not what they seem. In the archives of `std` and `cmd/go` the first name read is the one.
const MAX_SYMBOLS: u64 = 1 << 20;
const MAX_NAMES: usize = 64;

/// Reads what the archive in `file` says of itself; whatever cannot be read is `None`.
///
/// The import path is the one that the compiler was given: `main` for any program and for a generated test main, `a` for the test
/// variant `a [a.test]`, **`a_test`** for the external tests of `a`, `vendor/…` for what the standard library vendors.
///
/// Reads 512 bytes of the beginning, 4 KiB of the second member (more under cgo, by the length of its directives), the header of
/// the object file behind its text, then symbols without their names, 1.3 KiB and, behind many functions, 21 KiB at a time, and the
/// name of the first that may be the one. That is 10 KiB for most packages and 100 KiB for the largest of `std`; never more than
/// 24 MiB of a hostile file, 26 KiB of it at once.
pub fn read_facts(file: &mut (impl Read + Seek)) -> Facts {
    let mut facts = Facts::default();
    // A file that ends early or lies about itself has said all that it can say.
    let _: Option<()> = fill(file, &mut facts);
    facts
}

fn fill(file: &mut (impl Read + Seek), facts: &mut Facts) -> Option<()> {
    let head = read_at(file, 0, FIRST_READ)?;
    let first = Member::parse(head.strip_prefix(ARCHIVE)?)?;
    if first.name != "__.PKGDEF" {
        return None;
    }
    read_object_line(&head[ARCHIVE.len() + MEMBER_HEADER..], facts);
    let mut start = ARCHIVE.len() as u64;
    let mut member = first;
    for _ in 0..MEMBERS {
        start = member.end(start)?;
        let bytes = read_at(file, start, MEMBER_READ)?;
        member = Member::parse(&bytes)?;
        if member.name == "_go_.o" {
            let body = start + MEMBER_HEADER as u64;
            facts.import_path = Object::find(file, body, body.checked_add(member.size)?)?.import_path(file);
            return Some(());
        }
    }
    None
}

/// The header of a member.
struct Member {
    name: String,
    size: u64,
}

impl Member {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..MEMBER_HEADER)?;
        let text = |range| str::from_utf8(header.get::<std::ops::Range<usize>>(range)?).ok().map(str::trim_end);
        let name = text(0..16)?.to_owned();
        let size = text(48..58)?.parse().ok()?;
        (&header[58..] == b"`\n").then_some(Self { name, size })
    }

    /// Where the next member begins if this one begins at `start`: each has an even length.
    fn end(&self, start: u64) -> Option<u64> {
        start.checked_add(MEMBER_HEADER as u64)?.checked_add(self.size)?.checked_next_multiple_of(2)
    }
}

/// `go object linux amd64 go1.27.3 GOAMD64=v1 X:none`: the version may be of several words, and the rest may be missing.
fn read_object_line(bytes: &[u8], facts: &mut Facts) -> Option<()> {
    let line = bytes.split(|&byte| byte == b'\n').next()?;
    let line = str::from_utf8(line).ok()?.strip_prefix("go object ")?;
    let (goos, rest) = line.split_once(' ')?;
    let (goarch, rest) = rest.split_once(' ')?;
    let end = rest.match_indices(' ').map(|(at, _)| at).find(|at| {
        let word = rest[at + 1..].split(' ').next().unwrap_or_default();
        word.starts_with("X:") || (word.starts_with("GO") && word.contains('='))
    });
    let (toolchain, experiments) = match end {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    facts.goos = Some(goos.to_owned());
    facts.goarch = Some(goarch.to_owned());
    facts.toolchain = Some(toolchain.to_owned());
    facts.experiments = experiments.map(str::to_owned);
    Some(())
}

/// Where in the file an object file lies.
struct Object {
    start: u64,
    end: u64,
}

impl Object {
    /// The object file behind the text of the member that lies from `start` to `end`.
    fn find(file: &mut (impl Read + Seek), start: u64, end: u64) -> Option<Self> {
        let mark = [TEXT_END, OBJECT].concat();
        let mut at = start;
        while at < end && at - start < MAX_TEXT {
            let text = read_at(file, at, MEMBER_READ)?;
            if let Some(found) = find(&text, &mark) {
                return Some(Self { start: at + (found + TEXT_END.len()) as u64, end });
            }
            // The mark may lie across the end of what was read.
            at += text.len().checked_sub(mark.len())? as u64 + 1;
        }
        None
    }

    /// The one path that the object file says it is of.
    fn import_path(&self, file: &mut (impl Read + Seek)) -> Option<String> {
        let header = read_at(file, self.start, OFFSETS + 4 * (NON_PACKAGE_REFERENCES + 1))?;
        let block = |number: usize| word(&header, OFFSETS + 4 * number).and_then(|offset| self.at(offset));
        let (mut at, end) = (block(NON_PACKAGE_DEFINITIONS)?, block(NON_PACKAGE_REFERENCES)?);
        let end = end.min(at.saturating_add(MAX_SYMBOLS * SYMBOL as u64));
        let mut names = 0;
        let mut count = 64;
        while at < end {
            let symbols = read_at(file, at, count * SYMBOL)?;
            for symbol in symbols.chunks_exact(SYMBOL) {
                let length = word(symbol, 0)? as usize;
                if symbol[10] < LEAST_TYPE || length > PATH_SYMBOLS[1].len() + MAX_PATH {
                    continue;
                }
                names += 1;
                if names > MAX_NAMES {
                    return None;
                }
                let Some(name) = read_at(file, self.at(word(symbol, 4)?)?, length) else { continue };
                let path = PATH_SYMBOLS.iter().find_map(|prefix| name.strip_prefix(*prefix));
                if let Some(path) = path.filter(|_| name.len() == length).and_then(believable) {
                    return Some(path);
                }
            }
            at += (symbols.len() - symbols.len() % SYMBOL).max(SYMBOL) as u64;
            count = 1024;
        }
        None
    }

    /// The place in the file of what lies `offset` bytes into the object.
    fn at(&self, offset: u32) -> Option<u64> {
        Some(self.start + u64::from(offset)).filter(|&at| at <= self.end)
    }
}

/// The text of an import path. The compiler writes `<unlinkable>` where it was given none.
fn believable(path: &[u8]) -> Option<String> {
    let path = str::from_utf8(path).ok()?;
    let plain = path.chars().all(|c| c > ' ' && c != '\x7f' && !"<>\"'`\\".contains(c));
    (plain && !path.is_empty()).then(|| path.to_owned())
}

/// The little-endian word at `at`.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// Up to `length` bytes at `at`, fewer where the file ends; `None` where it cannot be read or has none there.
fn read_at(file: &mut (impl Read + Seek), at: u64, length: usize) -> Option<Vec<u8>> {
    let read = |file: &mut _| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        Seek::seek(file, SeekFrom::Start(at))?;
        Read::take(file, length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read(file).ok().filter(|bytes| !bytes.is_empty())
}

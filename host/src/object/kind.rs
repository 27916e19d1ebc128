//! The kind of an object, read off its first bytes.

use crate::model::Kind;

/// How many first bytes of a body [`sniff`] looks at; more are ignored.
pub const HEAD: usize = 512;

/// The header of an archive and the name of its first member when the compiler wrote it
/// (golang/go `src/cmd/compile/internal/gc/obj.go`).
const ARCHIVE: &[u8] = b"!<arch>\n__.PKGDEF ";

/// golang/go `src/cmd/go/internal/modindex/write.go`; the version follows.
const MODULE_INDEX: &[u8] = b"go index v";

/// golang/go `src/cmd/go/internal/test/test.go`.
const TEST_LOG: &[u8] = b"# test log\n";

/// What the kind of a body is whose first bytes are `head`: all of a short body, at least [`HEAD`] bytes of a long one.
///
/// Never [`Kind::Unknown`]: what nothing matches, an empty body too, is [`Kind::Other`]. Binary formats are told by their magic
/// numbers, text by whole lines, so a generated Go file that quotes one of them stays what it is.
pub fn sniff(head: &[u8]) -> Kind {
    let head = &head[..head.len().min(HEAD)];
    if head.starts_with(ARCHIVE) {
        Kind::Archive
    } else if head.starts_with(MODULE_INDEX) {
        Kind::ModuleIndex
    } else if head.starts_with(TEST_LOG) {
        Kind::TestLog
    } else if is_executable(head) {
        Kind::Executable
    } else if is_vet_facts(head) {
        Kind::VetFacts
    } else if is_source_list(head) {
        Kind::SourceList
    } else if is_test_result(head) {
        Kind::TestResult
    } else {
        Kind::Other
    }
}

/// ELF, Mach-O of either width and byte order or with several architectures, PE, WebAssembly: what `go` can link.
fn is_executable(head: &[u8]) -> bool {
    match head {
        [0x7f, b'E', b'L', b'F', ..]
        | [0, b'a', b's', b'm', ..]
        | [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..]
        | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..]
        | [0xca, 0xfe, 0xba, 0xbe | 0xbf, ..] => true,
        // Two letters are too little to go by. The DOS stub says where the real header lies.
        [b'M', b'Z', ..] => head
            .get(0x3c..0x40)
            .and_then(|at| at.try_into().ok())
            .and_then(|at| usize::try_from(u32::from_le_bytes(at)).ok())
            .and_then(|at| head.get(at..))
            .is_some_and(|header| header.starts_with(b"PE\0\0")),
        _ => false,
    }
}

/// A gob stream of `[]gobFact` (golang/tools `internal/facts/facts.go`), or nothing where there are no facts, which is why
/// most vet facts are empty bodies and so of another kind. The stream begins with the definitions of its types. The pattern
/// holds 0xff, which no text in UTF-8 contains.
fn is_vet_facts(head: &[u8]) -> bool {
    const DEFINITION: &[u8] = b"\x07gobFact\x01\xff";
    const FIRST_FIELD: &[u8] = b"\x07PkgPath\x01\x0c";
    let start = &head[..head.len().min(96)];
    match find(start, DEFINITION) {
        Some(at) => find(&start[at..], FIRST_FIELD).is_some(),
        None => false,
    }
}

/// The list that `go` keeps under the subkey `srcfiles` (golang/go `src/cmd/go/internal/work/exec.go`, `cacheSrcFiles`): a name
/// a line, Go files first. Those that were not generated have `./` before them, a test main even before an absolute path.
fn is_source_list(head: &[u8]) -> bool {
    let whole = head.len() < HEAD;
    let Some(end) = head.iter().rposition(|&byte| byte == b'\n') else { return false };
    if whole && end + 1 != head.len() {
        return false;
    }
    head[..end].split(|&byte| byte == b'\n').enumerate().all(|(number, line)| {
        let name = line.strip_prefix(b"./").unwrap_or(line);
        is_source_name(name, number == 0) || (line.starts_with(b".//") && is_visible(name))
    })
}

/// A base name that ends like a source file, like a Go file if it is the first of a list.
fn is_source_name(name: &[u8], first: bool) -> bool {
    const EXTENSIONS: [&[u8]; 15] = [b"go", b"s", b"S", b"sx", b"c", b"cc", b"cpp", b"cxx", b"m", b"h", b"hh", b"f", b"F", b"f90", b"syso"];
    let Some(dot) = name.iter().rposition(|&byte| byte == b'.') else { return false };
    let extension = &name[dot + 1..];
    let fits = if first { extension == b"go" } else { EXTENSIONS.contains(&extension) };
    fits && dot > 0 && is_visible(name) && !name.iter().any(|byte| b"/\\\"'`(){}<>;,".contains(byte))
}

fn is_visible(name: &[u8]) -> bool {
    name.iter().all(|&byte| byte > b' ' && byte != 0x7f)
}

/// What a passing test printed (no other is cached), with the line that `go test` adds at the end. Under `-v` and `-json` the
/// test binary marks its runs; without, it may have printed anything before that last line.
fn is_test_result(head: &[u8]) -> bool {
    const LINES: [&[u8]; 7] = [
        b"ok  \t",
        b"=== RUN   ",
        b"--- PASS: ",
        b"--- SKIP: ",
        b"\x16=== RUN   ",
        b"\x16--- PASS: ",
        b"testing: warning: no tests to run",
    ];
    // Go's generators keep their input's text, and a test's source may quote any of these lines.
    let generated = [b"//".as_slice(), b"/*", b"package ", b"\npackage "].iter().any(|start| head.starts_with(start));
    !generated
        && head.split(|&byte| byte == b'\n').any(|line| {
            let line_is_pass = line == b"PASS" || line == b"\x16PASS";
            line_is_pass || LINES.iter().any(|start| line.starts_with(start))
        })
}

/// Where `needle` first stands in `haystack`.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of the facts that vet noted of `testing/fstest`, written by Go 1.26.8.
    const VET_FACTS: &[u8] = b"\r\xff\x81\x02\x01\x02\xff\x82\x00\x01\xff\x80\x00\x004\x7f\x03\x01\x01\x07gobFact\x01\xff\x80\x00\
        \x01\x03\x01\x07PkgPath\x01\x0c\x00\x01\x06Object\x01\x0c\x00\x01\x04Fact\x01\x10\x00\x00\x00T\xff\x82\x00\x01\x01";

    #[test]
    fn bodies_of_real_go_commands_are_told_apart() {
        let cases: [(&[u8], Kind); 25] = [
            (b"!<arch>\n__.PKGDEF       0           0     0     644     36970     `\ngo object linux amd64 go1.26.8 G", Kind::Archive),
            (b"go index v2\n\xf4\x02\x00\x00\x01\x00\x00\x00", Kind::ModuleIndex),
            (b"./test2json.go\n", Kind::SourceList),
            (b"_cgo_gotypes.go\nfuncs.cgo1.go\n_cgo_import.go\n", Kind::SourceList),
            (b"covervars.go\na.cover.go\n./a_test.go\n./asm_amd64.s\n", Kind::SourceList),
            (b".//home/me/.cache/go-build/71/719f-d\n", Kind::SourceList),
            (VET_FACTS, Kind::VetFacts),
            (b"# test log\ngetenv HOME\n", Kind::TestLog),
            (b"ok  \texample.com/t\t0.003s\n", Kind::TestResult),
            (b"hello\nok  \texample.com/t\t0.003s\tcoverage: 100.0% of statements\n", Kind::TestResult),
            (b"=== RUN   TestA\nhello 1\n--- PASS: TestA (0.00s)\n", Kind::TestResult),
            (b"\x16=== RUN   TestA\nhello 1\n\x16--- PASS: TestA (0.00s)\n\x16=== NAME  \n", Kind::TestResult),
            (b"testing: warning: no tests to run\nPASS\nok  \texample.com/t\t0.003s [no tests to run]\n", Kind::TestResult),
            (b"\x7fELF\x02\x01\x01\0", Kind::Executable),
            (b"\xcf\xfa\xed\xfe\x0c\0\0\x01", Kind::Executable),
            (b"\xfe\xed\xfa\xce\0\0\0\x07", Kind::Executable),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", Kind::Executable),
            (b"\0asm\x01\0\0\0", Kind::Executable),
            (b"", Kind::Other),
            (b"true", Kind::Other),
            (b"{}\n", Kind::Other),
            (b"mode: set\nexample.com/t/a.go:3.33,3.56 1 1\n", Kind::Other),
            (b"/usr/bin/gcc\0stat 1301496 1ed 2025-04-07 11:26:17 +0000 UTC false\n\0\xdf%;", Kind::Other),
            (b"//go:cgo_ldflag \"-O2\"\n//go:cgo_ldflag \"-g\"\n// Code generated by cmd/cgo; DO NOT EDIT.\n", Kind::Other),
            (b"package cgobench\n//go:cgo_import_dynamic __libc_start_main __libc_start_main#GLIBC_2.34 \"libc.so.6\"\n", Kind::Other),
        ];
        for (head, kind) in cases {
            assert_eq!(sniff(head), kind, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn generated_text_that_quotes_another_kind_stays_other() {
        let cases: [&[u8]; 8] = [
            b"// Code generated by cmd/cgo; DO NOT EDIT.\n\n//line a.go:1:1\npackage a\nconst s = `\nok  \tx\t1s\n`\n",
            b"\npackage t\n\nvar x = \"\x07gobFact\x01PkgPath\"\n",
            b"package a // see b.go\n",
            b"import \"a.go\"\n",
            b"./a.go\n./b.go",
            b"!<arch>\n_go_.o          0           0     0     644     36970     `\n",
            b"MZ is how this text begins, and it is long enough to hold a pointer to a header.\n",
            b"# test log of another program\n",
        ];
        for head in cases {
            assert_eq!(sniff(head), Kind::Other, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_list_cut_off_inside_a_name_is_still_a_list() {
        let list = "./a_rather_long_name.go\n".repeat(60);
        assert_eq!(sniff(list.as_bytes()), Kind::SourceList);
        assert_eq!(sniff(&list.as_bytes()[..HEAD]), Kind::SourceList);
    }

    #[test]
    fn a_portable_executable_is_told_by_the_header_its_stub_points_to() {
        let mut head = [0; 256];
        head[..2].copy_from_slice(b"MZ");
        head[0x3c] = 0x80;
        assert_eq!(sniff(&head), Kind::Other);
        head[0x80..0x84].copy_from_slice(b"PE\0\0");
        assert_eq!(sniff(&head), Kind::Executable);
        head[0x3c..0x40].fill(0xff);
        assert_eq!(sniff(&head), Kind::Other);
    }
}

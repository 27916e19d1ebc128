//! Tools that drive `go` and open what it prints after it has gone: staticcheck, gopls and golangci-lint, on a module with cgo. They find
//! the same through cachewit as with Go's own cache, and once everything is in the store, nothing is compiled for them.

use cachewit::model::Digest;
use cachewit::trace::{self, What};
use cachewit_tests::go::Machine;
use serde_json::Value;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

cachewit_tests::on_every_go!(when_asked [
    staticcheck_finds_the_same_cold_and_warm,
    gopls_finds_the_same_cold_and_warm,
    golangci_lint_finds_the_same_cold_and_warm,
    tools_read_what_go_told_them_from_a_store_that_is_too_small,
]);

/// A tool with its arguments, and words of the findings that each of them has to have, cgo's included.
struct Tool {
    variable: &'static str,
    args: &'static [&'static str],
    finds: &'static [&'static str],
}

const STATICCHECK: Tool = Tool {
    variable: "CACHEWIT_STATICCHECK",
    args: &["./..."],
    finds: &["native.go:11:2: self-assignment of n", "use.go:12:13: Printf format %s has arg #1 of wrong type int"],
};

const GOPLS: Tool = Tool {
    variable: "CACHEWIT_GOPLS",
    args: &["check", "-severity=hint", "native/native.go", "use/use.go"],
    finds: &["native.go:11:2: self-assignment of n", "use.go:12:14-16: fmt.Printf format %s has arg native.Seven() of wrong type int"],
};

const GOLANGCI_LINT: Tool = Tool {
    variable: "CACHEWIT_GOLANGCI_LINT",
    // The lock that keeps two of them apart belongs to a user who runs two by mistake.
    args: &["run", "--allow-parallel-runners", "./..."],
    finds: &[
        "native.go:11:2: assign: self-assignment of n",
        "use.go:12:14: printf: fmt.Printf format %s has arg native.Seven() of wrong type int",
        "use.go:13:11: Error return value of `os.Remove` is not checked",
    ],
};

/// What `go` serves a run of a tool with.
enum Cache<'a> {
    Native,
    /// Cachewit with this configuration.
    Cachewit(&'a str),
}

/// What a run left.
struct Ran {
    /// Its lines in an order of their own, since gopls has none.
    findings: Vec<String>,
    sessions: Vec<Value>,
}

impl Ran {
    fn count(&self, name: &str) -> u64 {
        self.sessions.iter().map(|session| session[name].as_u64().unwrap_or_else(|| panic!("no `{name}` in {session}"))).sum()
    }
}

/// A module of a package with cgo and a program that uses it, with something to find in both. Returns its folder.
fn write_module(machine: &Machine, name: &str) -> PathBuf {
    machine.write(&format!("{name}/go.mod"), "module example.test/linted\n\ngo 1.21\n");
    let native = "package native\n\n// static int seven(void) { return 7; }\nimport \"C\"\n\n// Seven comes from C, as os/user and net do that the program uses.\nfunc Seven() int {\n\tn := int(C.seven())\n\n\t// Nothing comes of it.\n\tn = n\n\treturn n\n}\n";
    machine.write(&format!("{name}/native/native.go"), native);
    let program = "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"os/user\"\n\n\t\"example.test/linted/native\"\n)\n\nfunc main() {\n\tfmt.Printf(\"%s\\n\", native.Seven())\n\tos.Remove(\"x\")\n\tif me, err := user.Current(); err == nil {\n\t\tfmt.Println(me)\n\t}\n}\n";
    machine.write(&format!("{name}/use/use.go"), program);
    // `go` indexes no package with files younger than two seconds, which a second run would make up for.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    machine.work().join(name)
}

/// Runs a tool that has cached nothing itself, to the end of every process that it leads to.
fn run(tool: &Tool, machine: &Machine, cache: &Cache, dir: &Path) -> Ran {
    let program = std::env::var_os(tool.variable).unwrap_or_else(|| {
        panic!("{} names no program; run the tests with `cargo xtask test --toolchains`", tool.variable);
    });
    let home = tempfile::tempdir().expect("a home without caches");
    let go = machine.go([]).env("CGO_ENABLED", "1");
    let go = match cache {
        Cache::Native => go.native(),
        Cache::Cachewit(config) => go.config(machine.write("tools.toml", config)),
    };
    let mut command = Command::new(program);
    for (name, value) in go.into_command().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let bin = machine.toolchain().path().parent().expect("the folder of go");
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default()));
    command.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("cache")).env("XDG_CONFIG_HOME", home.path().join("config"));
    let summaries = home.path().join("summaries");
    command.env("CACHEWIT_SUMMARY", &summaries);
    let output = command.args(tool.args).current_dir(dir).stdin(Stdio::null()).output().expect("the tool starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // Go's own cache starts nothing that could be waited for, and others use this machine as well.
    if let Cache::Cachewit(_) = cache {
        machine.wait_for_silence();
    }
    let mut findings: Vec<String> = said.lines().map(str::to_owned).collect();
    findings.sort();
    for found in tool.finds {
        assert!(findings.iter().any(|line| line.contains(found)), "{} does not find `{found}`:\n{said}", tool.variable);
    }
    let sessions = std::fs::read_to_string(summaries).unwrap_or_default();
    Ran { findings, sessions: sessions.lines().map(|line| serde_json::from_str(line).expect("a summary")).collect() }
}

fn finds_the_same_cold_and_warm(tool: &Tool, name: &str, native: &Machine) {
    // Whose GOCACHE of its own holds nothing that Go's cache put there.
    let ours = Machine::new(native.toolchain());
    let dir = write_module(native, name);
    let expected = run(tool, native, &Cache::Native, &dir);
    assert!(expected.sessions.is_empty(), "Go's own cache has no sessions");
    let cold = run(tool, &ours, &Cache::Cachewit(""), &dir);
    assert_eq!(cold.findings, expected.findings, "in an empty store");
    let put = actions(&ours, 0, What::Put);
    let sessions = cold.sessions.len();
    let warm = run(tool, &ours, &Cache::Cachewit(""), &dir);
    assert_eq!(warm.findings, expected.findings, "in a full store");
    assert!(cold.count("puts") > 100, "{:?}", cold.sessions);
    assert_eq!((warm.count("puts"), warm.count("evicted_groups")), (0, 0), "{:?}", warm.sessions);
    assert!(warm.count("hits") > 100, "{:?}", warm.sessions);
    // What still misses is what nobody ever puts: programs that are looked up and not kept, and archives that are looked up and not built.
    let missed = actions(&ours, sessions, What::Miss);
    assert!(missed.is_disjoint(&put), "{:?}", warm.sessions);
}

/// What all sessions but the first ones did of this kind.
fn actions(machine: &Machine, skip: usize, what: What) -> HashSet<Digest> {
    let traces = trace::list(&machine.layout().traces_dir()).expect("traces");
    let events = traces.iter().skip(skip).flat_map(|file| trace::read(&file.path).expect("a trace").events);
    events.filter(|event| event.what == what).map(|event| event.action).collect()
}

fn staticcheck_finds_the_same_cold_and_warm(machine: &Machine) {
    finds_the_same_cold_and_warm(&STATICCHECK, "staticcheck", machine);
}

fn gopls_finds_the_same_cold_and_warm(machine: &Machine) {
    finds_the_same_cold_and_warm(&GOPLS, "gopls", machine);
}

fn golangci_lint_finds_the_same_cold_and_warm(machine: &Machine) {
    finds_the_same_cold_and_warm(&GOLANGCI_LINT, "golangci-lint", machine);
}

/// The trim behind `go`'s back comes before the tool has opened what `go` printed.
fn tools_read_what_go_told_them_from_a_store_that_is_too_small(native: &Machine) {
    let ours = Machine::new(native.toolchain());
    let dir = write_module(native, "small");
    let mut evicted = 0;
    for tool in [&STATICCHECK, &GOPLS, &GOLANGCI_LINT] {
        let expected = run(tool, native, &Cache::Native, &dir);
        let small = run(tool, &ours, &Cache::Cachewit("[limits]\nmax-size = \"1MiB\"\n"), &dir);
        assert_eq!(small.findings, expected.findings);
        evicted += small.count("evicted_groups");
    }
    assert!(evicted > 0, "no trim took anything, so nothing is proven");
}

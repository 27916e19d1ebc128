//! Every fault under every kind of command: a real `go` is green, says what it should, and what it prints can be used. The table that
//! comes out is printed.

use cachewit_tests::go::{Finished, GoRun, Machine, Toolchain};
use cachewit_tests::guest;
use cachewit_tests::s3::{Fault as ServerFault, Kind, S3Server};
#[cfg(target_os = "linux")]
use cachewit_tests::shim;
use cachewit_tests::stored;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const COMMANDS: [&[&str]; 4] =
    [&["build", "./..."], &["test", "./..."], &["vet", "./..."], &["list", "-export", "-f", "{{.Export}}", "./..."]];

/// A fault of the cache.
struct Fault {
    name: &'static str,
    /// What one line of the session says; empty = it says nothing, since all is made anew.
    says: &'static str,
    /// Brings it about in a store that is warm.
    strike: fn(&Machine),
    /// What is mounted for the command alone.
    mount: fn(&Machine) -> Option<String>,
    /// Variables of cachewit's environment alone.
    variables: fn(&Machine) -> Vec<(OsString, OsString)>,
    /// The configuration, with the endpoint of a bucket that does not answer.
    config: fn(&Machine, &S3Server) -> String,
}

const FAULTS: [Fault; 11] = [
    Fault { name: "the store's disk is full", says: "its disk is full", mount: |machine| Some(tmpfs(machine, "200k")), ..NONE },
    Fault { name: "the user's quota is used up", says: QUOTA_SAYS, variables: quota, ..NONE },
    Fault { name: "the store is read-only", says: "cannot be written", mount: |machine| Some(read_only(machine)), ..NONE },
    Fault { name: "the index was deleted", says: "", strike: delete_index, ..NONE },
    Fault { name: "the index is garbled", says: "set aside", strike: garble_index, ..NONE },
    Fault { name: "the objects were deleted", says: "", strike: |machine| each_object(machine, |path| std::fs::remove_file(path)), ..NONE },
    Fault { name: "the objects were truncated", says: "", strike: truncate_objects, ..NONE },
    Fault { name: "the clock was a day ahead", says: "", strike: |machine| shift_times(machine, 1), ..NONE },
    Fault { name: "the clock was a day behind", says: "", strike: |machine| shift_times(machine, -1), ..NONE },
    Fault { name: "the bucket does not answer", says: "store bucket", config: |_, server| stored::store(server, "read-write"), ..NONE },
    Fault { name: "a plugin traps", says: "traps.wasm failed in eviction", config: trapping, ..NONE },
];

const NONE: Fault = Fault { name: "", says: "", strike: |_| {}, mount: |_| None, variables: |_| Vec::new(), config: |_, _| String::new() };

/// Elsewhere the shim does nothing.
const QUOTA_SAYS: &str = if cachewit_shim::SUPPORTED { "quota" } else { "" };

/// So little is left of it that some bodies fit and others do not.
fn quota(machine: &Machine) -> Vec<(OsString, OsString)> {
    #[cfg(target_os = "linux")]
    return shim::variables(&machine.gocache(), [(cachewit_shim::QUOTA, "5000".into())]);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = machine;
        Vec::new()
    }
}

fn tmpfs(machine: &Machine, size: &str) -> String {
    format!("mount -t tmpfs -o size={size} tmpfs {}", machine.gocache().join("cachewit").display())
}

fn read_only(machine: &Machine) -> String {
    let store = machine.gocache().join("cachewit").display().to_string();
    format!("mount --bind {store} {store}\nmount -o remount,bind,ro {store}")
}

fn index_files(machine: &Machine) -> Vec<PathBuf> {
    let index = machine.layout().index().display().to_string();
    ["", "-wal", "-shm"].iter().map(|suffix| PathBuf::from(format!("{index}{suffix}"))).filter(|path| path.exists()).collect()
}

fn delete_index(machine: &Machine) {
    for file in index_files(machine) {
        std::fs::remove_file(file).expect("a file of the index");
    }
}

fn garble_index(machine: &Machine) {
    delete_index(machine);
    std::fs::write(machine.layout().index(), vec![b'x'; 100_000]).expect("a file in the place of the index");
}

fn each_object(machine: &Machine, strike: impl Fn(&Path) -> std::io::Result<()>) {
    let mut struck = 0;
    for folder in std::fs::read_dir(machine.layout().objects_dir()).expect("objects").flatten() {
        for file in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
            strike(&file.path()).expect("an object");
            struck += 1;
        }
    }
    assert!(struck > 0);
}

fn truncate_objects(machine: &Machine) {
    each_object(machine, |path| {
        let half = std::fs::metadata(path)?.len() / 2;
        // Objects are read-only: a new file takes its place.
        std::fs::remove_file(path)?;
        std::fs::write(path, vec![0; half as usize])
    });
}

/// As after puts under another clock.
fn shift_times(machine: &Machine, days: i64) {
    let sql = "UPDATE entry SET put_ns = put_ns + ?1, used_s = used_s + ?1 / 1000000000";
    let rows = stored::index(machine).connection().execute(sql, [days * 24 * 3600 * 1_000_000_000]).expect("the index can be written");
    assert!(rows > 10, "{rows}");
}

fn trapping(machine: &Machine, _: &S3Server) -> String {
    let trap = guest::component("(func (export \"cachewit:policy/eviction@0.1.0#score\") (param i32 i32) (result i32) unreachable)");
    let plugin = machine.work().join("traps.wasm");
    std::fs::write(&plugin, trap).expect("a plugin");
    guest::vouch_for(&machine.work(), "traps.wasm");
    "[limits]\nmax-size = \"1kB\"\n[[policy]]\nuse = \"traps.wasm\"\n".to_owned()
}

/// A module with a package, a test of it, and a package that needs it. Each version has other outputs.
fn write_module(machine: &Machine, version: u32) -> PathBuf {
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    machine.write("m/a/a.go", &format!("package a\n\nfunc Two() int {{ return 2 * {version} / {version} }}\n"));
    machine.write(
        "m/a/a_test.go",
        "package a\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tif Two() != 2 {\n\t\tt.Fatal()\n\t}\n}\n",
    );
    machine.write("m/b/b.go", "package b\n\nimport \"example.test/m/a\"\n\nfunc Four() int { return a.Two() * a.Two() }\n");
    machine.work().join("m")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn configured<'a>(machine: &'a Machine, config: &str, run: GoRun<'a>) -> GoRun<'a> {
    let home = machine.work().join("home");
    let run = run.config(machine.write("faults.toml", config)).env("HOME", &home).env("XDG_CACHE_HOME", home.join("xdg"));
    S3Server::environment().into_iter().fold(run, |run, (name, value)| run.env(name, value))
}

fn check(fault: &Fault, command: &[&str], run: &Finished) {
    let at = format!("{} × {}: {:?}\n{}{}", fault.name, command[0], run.sessions, run.stdout, run.stderr);
    assert!(run.success, "{at}");
    let faults: Vec<String> =
        run.sessions.iter().flat_map(|session| session["faults"].as_array().expect("faults")).map(ToString::to_string).collect();
    if fault.says.is_empty() {
        assert!(fault.name.contains("full") || faults.is_empty(), "{at}");
    } else if command[0] == "list" && !faults.iter().any(|line| line.contains(fault.says)) {
        // What a list has nothing to do with it does not speak of: a full trim, a bucket that nobody needs to ask.
        assert!(faults.is_empty(), "{at}");
    } else {
        assert!(faults.iter().any(|line| line.contains(fault.says)), "{at}");
    }
    if command[0] == "list" {
        let paths: Vec<&str> = run.stdout.lines().collect();
        assert_eq!(paths.len(), 2, "{at}");
        // What the small disk held has gone with its namespace.
        let here = paths.iter().filter(|path| !fault.name.contains("full") || !path.contains("/gocache/"));
        assert!(here.into_iter().all(|path| std::fs::read(path).is_ok_and(|body| body.starts_with(b"!<arch>"))), "{at}");
    }
}

#[test]
fn no_fault_fails_any_command() {
    let server = S3Server::start().expect("a server");
    server.fail(Some(ServerFault::always(Kind::Stall)));
    println!("| fault | build | test | vet | list -export |\n|---|---|---|---|---|");
    // What all of them need of the standard library is compiled once.
    let first = Machine::new(&Toolchain::machine());
    let dir = write_module(&first, 1);
    for command in COMMANDS {
        first.go(command.iter().copied()).dir(&dir).succeed();
    }
    // Without namespaces nothing can be mounted, and the first two are left out.
    for fault in FAULTS.iter().filter(|fault| cachewit_tests::namespaces() || (fault.mount)(&first).is_none()) {
        let machine = Machine::new(&Toolchain::machine());
        copy(&first.gocache(), &machine.gocache());
        let dir = write_module(&machine, 1);
        for command in COMMANDS {
            machine.go(command.iter().copied()).dir(&dir).succeed();
        }
        let mut cells = Vec::new();
        for (version, command) in (2..).zip(COMMANDS) {
            // Something is new each time, so that there are misses and puts.
            write_module(&machine, version);
            (fault.strike)(&machine);
            let config = (fault.config)(&machine, &server);
            let run = machine.go(command.iter().copied()).dir(&dir).for_cachewit((fault.variables)(&machine));
            let run = configured(&machine, &config, run);
            let run = match (fault.mount)(&machine) {
                Some(lines) => run.mounted(lines),
                None => run,
            };
            // `list -export` compiles what it prints, and its sessions may end after it.
            let run = run.run();
            check(fault, command, &run);
            let lines: usize = run.sessions.iter().map(|session| session["faults"].as_array().map_or(0, Vec::len)).sum();
            cells.push(if lines == 0 { "green".to_owned() } else { format!("green, {lines} line{}", if lines == 1 { "" } else { "s" }) });
        }
        println!("| {} | {} |", fault.name, cells.join(" | "));
    }
}

//! Machines with a bucket: how their runs are configured, and what their stores hold.

use crate::go::{GoRun, Machine};
use crate::s3::{BUCKET, S3Server};
use cachewit::model::{Digest, Kind};
use cachewit::store::{Index, Layout};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The store of a configuration: the server's bucket.
pub fn store(server: &S3Server, mode: &str) -> String {
    let endpoint = server.endpoint();
    format!(
        "[[store]]\nname = \"bucket\"\nkind = \"s3\"\nbucket = \"{BUCKET}\"\nendpoint = \"{endpoint}\"\npath-style = true\nmode = \"{mode}\"\n"
    )
}

/// A run of `go` on CI, where close waits for the uploads, with this configuration and the credentials of the server.
pub fn configured<'a>(machine: &'a Machine, name: &str, config: &str, run: GoRun<'a>) -> GoRun<'a> {
    let home = machine.work().join("home");
    let run = run.config(machine.write(&format!("{name}.toml"), config)).ci(true);
    let run = run.env("HOME", &home).env("XDG_CACHE_HOME", home.join("xdg")).env("XDG_CONFIG_HOME", home.join("config"));
    S3Server::environment().into_iter().fold(run, |run, (name, value)| run.env(name, value))
}

/// The index of a machine, as sessions left it.
///
/// # Panics
/// Where it cannot be opened.
pub fn index(machine: &Machine) -> Index {
    let layout = Layout::new(&machine.gocache().join("cachewit")).expect("a store folder");
    Index::open(&layout.index()).expect("the index opens")
}

/// A row of a machine's index.
#[derive(Clone, Debug)]
pub struct Row {
    /// The action of the group's head.
    pub head: Digest,
    /// SHA-256 of the body.
    pub output: Digest,
    /// Bytes of the body.
    pub size: u64,
    /// What the body is.
    pub kind: Kind,
    /// When it was put, in nanoseconds since 1970.
    pub time: i64,
    /// Whether it was put here.
    pub local: bool,
}

/// All rows of a machine by action.
///
/// # Panics
/// Where the index cannot be read.
pub fn rows(machine: &Machine) -> BTreeMap<Digest, Row> {
    let index = index(machine);
    let mut all =
        index.connection().prepare("SELECT action, coalesce(head, action), output, size, kind, put_ns, origin FROM entry").expect("SQL");
    let mut rows = all.query([]).expect("rows");
    let digest = |bytes: Vec<u8>| Digest::from_slice(&bytes).expect("32 bytes");
    let mut found = BTreeMap::new();
    while let Some(row) = rows.next().expect("a row") {
        let size: i64 = row.get(3).expect("a size");
        let origin: i64 = row.get(6).expect("an origin");
        let one = Row {
            head: digest(row.get(1).expect("a head")),
            output: digest(row.get(2).expect("an output")),
            size: size.unsigned_abs(),
            kind: Kind::from_code(row.get(4).expect("a kind")),
            time: row.get(5).expect("a time"),
            local: origin == 1,
        };
        found.insert(digest(row.get(0).expect("an action")), one);
    }
    found
}

/// A module of packages that need nothing of the standard library: a build takes a second. Returns its folder.
pub fn write_module(machine: &Machine, packages: u32) -> PathBuf {
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    for package in 0..packages {
        let functions: String = (0..40).map(|n| format!("func F{n}(a, b int) int {{ return a*{n} + b/{} }}\n", n + 1)).collect();
        machine.write(&format!("m/p{package}/a.go"), &format!("package p{package}\n\n{functions}"));
    }
    machine.work().join("m")
}

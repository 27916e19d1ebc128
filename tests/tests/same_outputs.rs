//! What is built through cachewit is what is built without it: the same action leads to the same output, and a program linked from
//! them has the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cachewit_tests::go::{Machine, binary};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

cachewit_tests::on_every_go!([builds_the_same_through_cachewit]);

fn builds_the_same_through_cachewit(machine: &Machine) {
    let (native, ours) = (Machine::new(machine.toolchain()), Machine::new(machine.toolchain()));
    let chain = ["serve", "builtin:rebuild-cost", "builtin:share-filter", "builtin:read-through"];
    let build = ["build", "-trimpath", "-o", "program", "cmd/go"];
    native.go(build).native().succeed();
    let cold = ours.go(build).cachewit(&chain).succeed();
    assert!(cold.count("puts") > 0, "the first build makes something");

    let program = |machine: &Machine| Sha256::digest(std::fs::read(machine.work().join("program")).expect("the program"));
    assert_eq!(program(&native), program(&ours), "the linked program");

    let (native_map, our_map) = (native_outputs(&native.gocache()), ask(&ours, &native.gocache()));
    assert!(native_map.len() > 500, "Go's own cache has {} entries", native_map.len());
    let different: Vec<_> = native_map.iter().filter(|(action, output)| our_map.get(*action) != Some(*output)).collect();
    assert!(different.is_empty(), "{} of {} actions lead elsewhere: {different:?}", different.len(), native_map.len());

    let warm = ours.go(build).cachewit(&chain).succeed();
    // The link step of a program is asked for and never put.
    assert!(warm.count("misses") <= 1, "{} misses in the second build", warm.count("misses"));
    assert_eq!(warm.count("archive_puts"), 0, "the second build compiles nothing");
}

/// Action to output, as hexadecimal digits, from the entry files of Go's own cache: `v1 <action> <output> <size> <time>`.
fn native_outputs(gocache: &Path) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for folder in std::fs::read_dir(gocache).expect("GOCACHE").flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(folder.path()).expect("a folder of GOCACHE").flatten() {
            if file.file_name().to_string_lossy().ends_with("-a") {
                let text = std::fs::read_to_string(file.path()).expect("an entry");
                let words: Vec<&str> = text.split_whitespace().collect();
                map.insert(words[1].to_owned(), words[2].to_owned());
            }
        }
    }
    map
}

/// What a session on our store answers for every action of Go's own cache.
fn ask(ours: &Machine, native: &Path) -> BTreeMap<String, String> {
    let actions: Vec<String> = native_outputs(native).into_keys().collect();
    let mut child = Command::new(binary())
        .arg("serve")
        .env("GOCACHE", ours.gocache())
        .env("CACHEWIT_CONFIG", ours.write("empty.toml", ""))
        .env("CI", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cachewit");
    let mut requests = String::new();
    for (id, action) in actions.iter().enumerate() {
        let action = STANDARD.encode(cachewit::model::Digest::from_hex(action).expect("64 hexadecimal digits").0);
        requests += &format!("{{\"ID\":{},\"Command\":\"get\",\"ActionID\":\"{action}\"}}\n\n", id + 1);
    }
    let mut stdin = child.stdin.take().expect("stdin");
    let writer = std::thread::spawn(move || stdin.write_all(requests.as_bytes()));
    let output = child.wait_with_output().expect("the end of the session");
    writer.join().expect("the writer").expect("the requests");
    let mut map = BTreeMap::new();
    for line in String::from_utf8(output.stdout).expect("JSON").lines().skip(1) {
        let answer: serde_json::Value = serde_json::from_str(line).expect("an answer");
        let id = answer["ID"].as_u64().expect("an ID") as usize;
        if let Some(found) = answer["OutputID"].as_str() {
            let output = STANDARD.decode(found).ok().and_then(|bytes| cachewit::model::Digest::from_slice(&bytes)).expect("32 bytes");
            map.insert(actions[id - 1].clone(), output.to_hex());
        }
    }
    map
}

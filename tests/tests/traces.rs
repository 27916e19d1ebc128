//! Sessions leave a trace, and the commands that read it.

use cachewit::model::{Digest, Kind};
use cachewit::trace::{self, What};
use cachewit_tests::go::binary;
use cachewit_tests::script::{Home, archive};
use serde_json::Value;
use std::process::{Command, Output};

fn action(number: u64) -> Digest {
    Digest::of(format!("action {number}").as_bytes())
}

/// `cachewit trace …` on a machine.
fn trace(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("trace").args(arguments).arg("--root").arg(home.path().join("gocache/cachewit"));
    command.env("HOME", home.path()).env("CACHEWIT_CONFIG", home.path().join("default.toml"));
    command.output().expect("cachewit starts")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn a_trace_has_every_request_with_what_became_of_it() {
    let home = Home::new();
    let mut go = home.session(&[]).start();
    assert_eq!(go.get(action(1)), None);
    let body = archive(1, 4_000);
    go.put(action(1).subkey("srcfiles"), b"a.go\n");
    go.put(action(1), &body);
    assert!(go.get(action(1)).is_some());
    go.close();
    let mut go = home.session(&[]).start();
    assert!(go.get(action(1)).is_some());
    go.vanish();

    let files = trace::list(&home.layout().traces_dir()).expect("the folder");
    let traces: Vec<_> = files.iter().map(|file| trace::read(&file.path).expect("a trace")).collect();
    let [first, second] = traces.as_slice() else { panic!("{files:?}") };
    assert!(first.header.closed && !second.header.closed);
    assert!(first.header.facts.contains_key("stream") && first.header.wall_us > 0);
    let whats: Vec<What> = first.events.iter().map(|event| event.what).collect();
    assert_eq!(whats, [What::Miss, What::Put, What::Put, What::Hit]);
    let [miss, companion, head, hit] = first.events.as_slice() else { panic!() };
    assert_eq!((miss.action, miss.output), (action(1), None));
    assert_eq!((companion.kind(), companion.head, companion.size), (Kind::SourceList, Some(action(1)), 5));
    assert_eq!((head.kind(), head.head, head.output, head.size), (Kind::Archive, None, Some(Digest::of(&body)), 4_000));
    assert!(head.cost.is_some_and(|cost| cost <= first.header.wall_us), "{head:?}");
    assert_eq!((hit.action, hit.output, hit.size), (action(1), Some(Digest::of(&body)), 4_000));
    assert!(first.events.windows(2).all(|pair| pair[0].t <= pair[1].t));
    assert_eq!(second.events.iter().map(|event| (event.what, event.output)).collect::<Vec<_>>(), [(What::Hit, Some(Digest::of(&body)))]);

    let listed = text(&trace(&home, &["list"]));
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.lines().next().is_some_and(|line| line.contains("1 hits, 1 misses, 2 puts")), "{listed}");
    let shown = text(&trace(&home, &["show", &files[0].id]));
    assert!(shown.contains("archive") && shown.contains(&action(1).to_hex()), "{shown}");
    let last: Vec<Value> = text(&trace(&home, &["show", "--json"])).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((last.len(), &last[1]["what"]), (2, &Value::from("hit")));
    let out = home.path().join("out");
    text(&trace(&home, &["export", "--to", out.to_str().expect("a path")]));
    let exported = trace::read(&out.join(format!("{}.jsonl", files[0].id))).expect("a plain trace");
    assert_eq!(&exported, first);
    // A file is as good as a name.
    text(&trace(&home, &["show", files[1].path.to_str().expect("a path")]));
    let missing = trace(&home, &["show", "nonsense"]);
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("trace list"), "{missing:?}");
}

#[test]
fn the_newest_traces_are_kept_and_none_where_nobody_wants_them() {
    let home = Home::new();
    let config = home.write("traces.toml", "[trace]\nkeep = 2\n");
    for number in 0..4 {
        let mut go = home.session(&["--config", config.to_str().expect("a path")]).start();
        go.put(action(number), b"a body");
        go.close();
    }
    let kept = trace::list(&home.layout().traces_dir()).expect("the folder");
    let actions: Vec<Digest> = kept.iter().map(|file| trace::read(&file.path).expect("a trace").events[0].action).collect();
    assert_eq!(actions, [action(2), action(3)]);

    home.write("traces.toml", "[trace]\nkeep = 0\n");
    let mut go = home.session(&["--config", config.to_str().expect("a path")]).start();
    go.put(action(5), b"a body");
    go.close();
    assert_eq!(trace::list(&home.layout().traces_dir()).expect("the folder"), kept);
}

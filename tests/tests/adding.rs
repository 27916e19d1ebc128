//! `cachewit plugin add`: what an operator vouched for stays what it is until she says otherwise.
#![cfg(unix)]

use cachewit_tests::guest;
use cachewit_tests::script::Home;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Every guest of the tests calls itself so.
const OWN_NAME: &str = "hostile";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A folder with a configuration, and commands over it.
struct Operator {
    home: Home,
    config: PathBuf,
}

impl Operator {
    fn new(config: &str) -> Self {
        let home = Home::new();
        std::fs::create_dir(home.path().join("ours")).expect("a folder");
        let config = home.write("ours/config.toml", config);
        Self { home, config }
    }

    fn add(&self, file: &Path, arguments: &[&str]) -> Output {
        let config = self.config.to_str().expect("UTF-8");
        self.home.cachewit(&[&["plugin", "add", file.to_str().expect("UTF-8"), "--config", config], arguments].concat())
    }

    fn remove(&self, name: &str) -> Output {
        self.home.cachewit(&["plugin", "remove", name, "--config", self.config.to_str().expect("UTF-8")])
    }

    /// Everything in the folder.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.home.path().join("ours")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.clone(), std::fs::read(path).expect("a file"));
                }
            }
        }
        files
    }
}

#[test]
fn a_plugin_does_not_choose_whom_it_replaces() {
    let operator = Operator::new("");
    let first = operator.home.write("hostile.wasm", guest::named("refuses_everything"));
    let added = operator.add(&first, &[]);
    assert!(added.status.success() && !said(&added).contains("replaced"), "{}", said(&added));
    let before = operator.files();

    let other = operator.home.write("weather.wasm", guest::named("abstains_at_once"));
    let refused = operator.add(&other, &[]);
    assert!(!refused.status.success() && said(&refused).contains("say --name hostile to replace"), "{}", said(&refused));
    assert_eq!(operator.files(), before);
    let beside = operator.add(&other, &["--name", "weather"]);
    assert!(beside.status.success(), "{}", said(&beside));
    assert_eq!(operator.files().len(), before.len() + 1);

    // A newer one from the same place is what an operator does every week.
    operator.home.write("hostile.wasm", guest::named("abstains_after_a_look"));
    let newer = operator.add(&first, &[]);
    assert!(newer.status.success() && said(&newer).contains("replaced   plugins/hostile.wasm"), "{}", said(&newer));
    let meant = operator.add(&other, &["--name", OWN_NAME]);
    assert!(meant.status.success() && said(&meant).contains("replaced   plugins/hostile.wasm"), "{}", said(&meant));
}

#[test]
fn a_name_may_end_as_files_do_and_is_the_same_one() {
    let operator = Operator::new("");
    let plugin = operator.home.write("any.wasm", guest::named("refuses_everything"));
    for name in ["team", "team.wasm", "team.wasm.wasm"] {
        let added = operator.add(&plugin, &["--name", name]);
        assert!(added.status.success() && said(&added).contains("added      plugins/team.wasm to"), "{}", said(&added));
    }
    assert_eq!(operator.files().len(), 3, "configuration, lock and one copy");
    let removed = operator.remove("team.wasm");
    assert!(removed.status.success(), "{}", said(&removed));
    assert_eq!(operator.files().len(), 2);
}

#[test]
fn what_cannot_be_added_leaves_everything_as_it_was() {
    let operator = Operator::new("# Ours.\n");
    let plugin = operator.home.write("hostile.wasm", guest::named("refuses_everything"));
    assert!(operator.add(&plugin, &[]).status.success());
    let before = operator.files();
    operator.home.write("hostile.wasm", guest::named("abstains_at_once"));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    for (settings, problem) in [
        ("null", "no JSON object"),
        ("{\"a\": 18446744073709551615}", "too large"),
        ("{\"a\": [null, 1]}", "null"),
        (deep.as_str(), "would be no good any more"),
    ] {
        let refused = operator.add(&plugin, &["--settings", settings]);
        assert!(!refused.status.success() && said(&refused).contains(problem), "{settings}: {}", said(&refused));
        assert_eq!(operator.files(), before, "{settings}");
    }

    let inline = Operator::new("policy = [{ use = \"plugins/hostile.wasm\" }]\n");
    let before = inline.files();
    let refused = inline.add(&plugin, &[]);
    assert!(!refused.status.success() && said(&refused).contains("inline"), "{}", said(&refused));
    assert_eq!(inline.files(), before);
}

//! The command line, as people and scripts call it.

use cachewit_tests::go::{Machine, Toolchain, binary};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// Runs cachewit on a machine of its own, not on CI, with an empty configuration unless the arguments name one.
fn cachewit(machine: &Machine, args: &[&str]) -> Output {
    let toolchain = Toolchain::machine();
    let bin = toolchain.path().parent().expect("the folder of go");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("GO") || text.starts_with("CACHEWIT_") {
            command.env_remove(&name);
        }
    }
    command.args(args).current_dir(machine.work()).env("PATH", path).env("CI", "");
    command.env("GOCACHE", machine.gocache()).env("GOENV", "off").env("GOTOOLCHAIN", "local").env("GOFLAGS", "").env("GOPROXY", "off");
    command.env("HOME", machine.work()).env("XDG_CACHE_HOME", machine.work().join("cache"));
    command.env("CACHEWIT_CONFIG", machine.write("empty.toml", ""));
    command.output().expect("cachewit starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}

/// A machine with a small module that was built twice with `cachewit run`.
fn built() -> (Machine, Value) {
    let machine = Machine::new(&Toolchain::machine());
    machine.write("go.mod", "module example.com/small\n\ngo 1.24\n");
    machine.write("small.go", "package small\n\nimport \"errors\"\n\nvar Err = errors.New(\"small\")\n");
    let run = ["run", "--summary", "summary.json", "--", "go", "build", "./..."];
    let first = cachewit(&machine, &run);
    assert!(first.status.success(), "{}", stderr(&first));
    let second = cachewit(&machine, &run);
    assert!(stderr(&second).contains("0 puts"), "{}", stderr(&second));
    let summary = std::fs::read_to_string(machine.work().join("summary.json")).expect("the summary");
    (machine, serde_json::from_str(&summary).expect("JSON"))
}

/// Some object of the store that is not empty.
fn an_object(machine: &Machine) -> std::path::PathBuf {
    let objects = machine.gocache().join("cachewit/v1/objects");
    let folders = std::fs::read_dir(objects).expect("objects").flatten();
    let mut files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).expect("a folder").flatten());
    files.find(|file| file.metadata().is_ok_and(|data| data.len() > 0)).expect("an object").path()
}

fn flip_a_byte(path: &Path) {
    let mut bytes = std::fs::read(path).expect("the object");
    bytes[0] ^= 1;
    std::fs::remove_file(path).expect("the object goes");
    std::fs::write(path, bytes).expect("a damaged one comes");
}

#[test]
fn run_serves_one_command_and_stats_adds_up_what_happened() {
    let (machine, summary) = built();
    assert_eq!((summary["puts"].as_u64(), summary["misses"].as_u64()), (Some(0), Some(0)), "{summary}");
    let stats = json(&cachewit(&machine, &["stats", "--json"]));
    assert!(stats["entries"].as_u64() > Some(0) && stats["totals"]["sessions"].as_i64() >= Some(2), "{stats}");
    assert_eq!(stats["totals"]["gets"], stats["totals"]["hits"].as_i64().unwrap() + stats["totals"]["misses"].as_i64().unwrap());
    assert!(stdout(&cachewit(&machine, &["stats"])).contains("lookups"));
}

/// What a session finds out behind `go`'s back it cannot say any more, and within the hour it does not say it again.
#[test]
fn run_says_what_went_wrong_in_each_of_its_commands() {
    let (machine, _) = built();
    let store = machine.work().join("team");
    let text = format!(
        "[[policy]]\nuse = \"builtin:share-filter\"\nsettings.share.deny-package = [\"x\"]\n\
         [[store]]\nname = \"team\"\nkind = \"folder\"\npath = '{}'\nmode = \"read-write\"\n",
        store.display()
    );
    let config = machine.write("wrong.toml", &text);
    for number in 0..3 {
        machine.write("small.go", &format!("package small\n\nconst Number = {number}\n"));
        let run = cachewit(&machine, &["run", "--config", config.to_str().expect("a path"), "--", "go", "build", "./..."]);
        let said = stderr(&run);
        assert!(run.status.success() && said.contains("share-filter has a wrong setting `share.deny-package`"), "{number}: {said}");
        assert!(said.contains("nothing is shared"), "{said}");
    }
}

#[test]
fn run_has_the_exit_code_of_its_command() {
    let machine = Machine::new(&Toolchain::machine());
    let output = cachewit(&machine, &["run", "--", "go", "build", "./nowhere"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let output = cachewit(&machine, &["run", "--", "no-such-command"]);
    assert!(stderr(&output).contains("no-such-command"), "{}", stderr(&output));
}

#[test]
fn trim_goes_down_to_a_size_and_clear_leaves_nothing() {
    let (machine, _) = built();
    let before = json(&cachewit(&machine, &["stats", "--json"]))["bytes"].as_u64().expect("bytes");
    let trimmed = json(&cachewit(&machine, &["trim", "--to", &(before / 2).to_string(), "--json"]));
    assert!(trimmed["after"].as_u64().expect("after") <= before / 2, "{trimmed}");
    assert!(trimmed["by"].as_str().is_some_and(|by| by.starts_with("rebuild-cost")), "{trimmed}");
    let refused = cachewit(&machine, &["clear"]);
    assert!(!refused.status.success() && stderr(&refused).contains("--yes"), "{}", stderr(&refused));
    assert!(cachewit(&machine, &["clear", "--yes"]).status.success());
    let stats = json(&cachewit(&machine, &["stats", "--json"]));
    assert_eq!((stats["entries"].as_u64(), stats["bytes"].as_u64()), (Some(0), Some(0)), "{stats}");
}

#[test]
fn verify_finds_a_damaged_object_and_repair_lets_the_next_build_make_it_anew() {
    let (machine, _) = built();
    assert!(cachewit(&machine, &["verify"]).status.success());
    let object = an_object(&machine);
    flip_a_byte(&object);
    let found = cachewit(&machine, &["verify", "--json"]);
    assert_eq!(found.status.code(), Some(1));
    assert_eq!(json(&found)["damaged"][0].as_str(), object.file_name().and_then(|name| name.to_str()));
    assert!(cachewit(&machine, &["verify", "--repair"]).status.success());
    assert!(!object.exists(), "the damaged file is gone");
    assert!(cachewit(&machine, &["verify"]).status.success());
    assert!(cachewit(&machine, &["run", "--", "go", "build", "./..."]).status.success());
}

#[test]
fn a_store_that_does_not_exist_is_an_error_and_not_an_empty_store() {
    let machine = Machine::new(&Toolchain::machine());
    let output = cachewit(&machine, &["stats", "--root", "/nowhere/at/all"]);
    assert!(!output.status.success() && stderr(&output).contains("/nowhere/at/all"), "{}", stderr(&output));
}

#[test]
fn doctor_names_what_is_wrong_with_a_code_and_a_remedy() {
    let machine = Machine::new(&Toolchain::machine());
    let finding = |output: &Output, code: &str| {
        let found = json(output)["findings"].as_array().expect("findings").iter().find(|finding| finding["code"] == code).cloned();
        found.unwrap_or_else(|| panic!("no finding {code}: {}", stdout(output)))
    };
    let good = cachewit(&machine, &["doctor", "--json"]);
    assert!(good.status.success(), "{}", stdout(&good));
    assert_eq!(finding(&good, "CW001")["level"], "good");
    assert_eq!(finding(&good, "CW020")["level"], "warning", "GOCACHEPROG is not set");
    let wrong = machine.write("wrong.toml", "[[policy]]\nuse = \"missing.wasm\"\n");
    let bad = cachewit(&machine, &["doctor", "--json", "--config", wrong.to_str().expect("a path")]);
    assert_eq!(bad.status.code(), Some(1));
    assert_eq!(finding(&bad, "CW051")["level"], "error");
    let endless = machine.write("endless.toml", "[limits]\ngrace = \"18446744073709551615s\"\n");
    let endless = cachewit(&machine, &["doctor", "--json", "--config", endless.to_str().expect("a path")]);
    assert_eq!(finding(&endless, "CW001")["level"], "good", "{}", stderr(&endless));
}

#[test]
fn plugin_check_says_what_a_plugin_is_or_what_is_wrong_with_it() {
    let machine = Machine::new(&Toolchain::machine());
    let check = |args: &[&str]| {
        let output = cachewit(&machine, &[&["plugin", "check"], args].concat());
        (output.status.success(), stdout(&output) + &stderr(&output))
    };
    let (good, text) = check(&["builtin:share-filter"]);
    assert!(good && text.contains("admission"), "{text}");
    let (good, text) = check(&["builtin:rebuild-cost", "--settings", "{\"idle-run\": 3}"]);
    assert!(!good && text.contains("idle-run"), "{text}");
    let (good, text) = check(&["builtin:lrv"]);
    assert!(!good && text.contains("builtin:lru"), "the nearest one: {text}");
    let (good, text) = check(&["missing.wasm"]);
    assert!(!good && text.contains("missing.wasm"), "{text}");
    let text_file = machine.write("text.wasm", "no wasm at all");
    let (good, text) = check(&[text_file.to_str().expect("a path")]);
    assert!(!good && text.contains("not WebAssembly"), "{text}");
    let inspected = json(&cachewit(&machine, &["plugin", "inspect", "builtin:lru", "--json"]));
    assert_eq!(inspected["roles"], serde_json::json!(["eviction"]));
    assert!(stdout(&cachewit(&machine, &["plugin", "list"])).contains("builtin:read-through"));
}

#[test]
fn config_show_tells_the_settings_in_force_and_an_unknown_key_its_nearest() {
    let machine = Machine::new(&Toolchain::machine());
    let file = machine.write("config.toml", "limits.max-size = \"3GiB\"\n");
    let shown = json(&cachewit(&machine, &["config", "show", "--json", "--config", file.to_str().expect("a path")]));
    assert_eq!(shown["max_size"].as_u64(), Some(3 << 30));
    let file = machine.write("wrong.toml", "limit.max-size = \"3GiB\"\n");
    let output = cachewit(&machine, &["config", "show", "--config", file.to_str().expect("a path")]);
    assert!(!output.status.success() && stderr(&output).contains("`limits`"), "{}", stderr(&output));
}

#[test]
fn completions_are_there_and_a_wrong_command_names_the_nearest() {
    let machine = Machine::new(&Toolchain::machine());
    assert!(stdout(&cachewit(&machine, &["completions", "bash"])).contains("cachewit"));
    let wrong = cachewit(&machine, &["stat"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("stats"), "{}", stderr(&wrong));
    assert!(stdout(&wrong).is_empty(), "no greeting");
}

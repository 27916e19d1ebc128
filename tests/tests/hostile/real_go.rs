//! A real `go` with plugins that break, or are none: it prints and makes the same.

use super::checks::{component, with_store};
use super::files::{core_module, honest, no_policy, of_another_version, with_an_unknown_import};
use cachewit_tests::go::{Machine, Toolchain};
use cachewit_tests::guest;
use cachewit_tests::s3::objects;
use cachewit_tests::script::Home;
use std::collections::BTreeSet;

/// A package and one that imports it; neither needs anything of the standard library.
fn write_module(machine: &Machine) {
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    machine.write("m/a/a.go", "package a\n\nfunc Two() int { return 2 }\n");
    machine.write("m/b/b.go", "package b\n\nimport \"example.test/m/a\"\n\nfunc Four() int { return a.Two() * a.Two() }\n");
}

/// What `go` makes of the module, natively and with the plugin in a store that has to be trimmed.
fn a_real_build_is_the_same_with(name: &str, cause: &str) {
    let machine = Machine::new(&Toolchain::machine());
    let home = Home::new();
    write_module(&machine);
    let dir = machine.work().join("m");
    let build = ["build", "-trimpath", "-o", "x.a", "./b"];
    machine.go(build).dir(&dir).native().succeed();
    let native = std::fs::read(dir.join("x.a")).expect("the archive");
    std::fs::remove_file(dir.join("x.a")).expect("the archive can be removed");
    let plugin = component(&home, name);
    let run = machine.go(build).dir(&dir).cachewit(&[plugin.to_str().expect("UTF-8")]).env("CACHEWIT_MAX_SIZE", "1000");
    // Go's own cache would answer.
    let run = run.config(machine.write("alone.toml", "use-go-cache = false\n"));
    let run = run.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg")).succeed();
    assert_eq!(std::fs::read(dir.join("x.a")).expect("the archive"), native);
    let session = &run.sessions[0];
    assert!(session["policies"][0]["calls"]["eviction"].as_u64() > Some(0), "{session}");
    assert_eq!(session["evicted_by"], "rebuild-cost (native)", "{session}");
    let faults = session["faults"].as_array().expect("faults");
    assert!(faults.len() == 1 && faults[0].as_str().is_some_and(|fault| fault.contains(name) && fault.contains(cause)), "{session}");
}

#[test]
fn a_real_build_is_the_same_with_a_plugin_that_traps() {
    a_real_build_is_the_same_with("traps_in_score", "it panicked");
}

#[test]
fn a_real_build_is_the_same_with_a_plugin_that_never_answers() {
    a_real_build_is_the_same_with("loops_in_score", "it did not come to an end in time");
}

/// What `go` printed, with every time that it took replaced.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| word.trim_matches(['(', ')']).strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok());
    let line = |line: &str| line.split_whitespace().map(|word| if is_time(word) { "TIME" } else { word }).collect::<Vec<_>>().join(" ");
    text.lines().filter(|line| !line.starts_with("cachewit: ")).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn build_test_and_vet_print_and_make_the_same_with_a_plugin_that_traps_on_every_call() {
    let machine = Machine::new(&Toolchain::machine());
    write_module(&machine);
    machine.write(
        "m/a/a_test.go",
        "package a\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tif Two() != 2 {\n\t\tt.Fatal()\n\t}\n}\n",
    );
    // Something for vet to find, so that it fails in both.
    machine.write("m/b/c.go", "package b\n\nimport \"fmt\"\n\nfunc Say() { fmt.Printf(\"%d\", \"x\") }\n");
    let dir = machine.work().join("m");
    let plugin = dir.join("traps.wasm");
    std::fs::write(&plugin, guest::named("traps_in_everything")).expect("a plugin");
    let plugin = plugin.to_str().expect("UTF-8");
    let (home, bucket) = (Home::new(), tempfile::tempdir().expect("a folder"));
    let config = std::fs::read_to_string(with_store(&home, bucket.path())).expect("a configuration");
    let config = machine.write("store.toml", &format!("use-go-cache = false\n{config}"));
    let commands = [
        &["build", "-trimpath", "-o", "x.a", "./b"][..],
        &["test", "-v", "-count=1", "./..."],
        &["vet", "./..."],
        &["list", "-export", "-f", "{{.ImportPath}}", "./..."],
    ];
    let expected: Vec<_> = commands.iter().map(|command| machine.go(command.iter().copied()).dir(&dir).native().run()).collect();
    let native = std::fs::read(dir.join("x.a")).expect("the archive");
    let mut asked = BTreeSet::new();
    // Cold, and then with everything to be judged.
    for _ in 0..2 {
        for (command, expected) in commands.iter().zip(&expected) {
            std::fs::remove_file(dir.join("x.a")).ok();
            let run = machine.go(command.iter().copied()).dir(&dir).cachewit(&[plugin]).config(&config);
            let run = run.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg")).run();
            assert_eq!(run.success, expected.success, "{command:?}: {}", run.stderr);
            assert_eq!(without_times(&run.stdout), without_times(&expected.stdout), "{command:?}");
            assert_eq!(without_times(&run.stderr), without_times(&expected.stderr), "{command:?}");
            if command[0] == "build" {
                assert!(std::fs::read(dir.join("x.a")).expect("the archive") == native);
            }
            for session in &run.sessions {
                let calls = session["policies"][0]["calls"].as_object().expect("calls");
                asked.extend(calls.keys().cloned());
                let named = session["faults"]
                    .as_array()
                    .expect("faults")
                    .iter()
                    .any(|fault| fault.as_str().is_some_and(|fault| fault.contains("traps.wasm")));
                assert!(calls.is_empty() || named, "{session}");
            }
        }
    }
    // After the third failure it is asked nothing more, so no session comes to the roles of its end; each alone has a test above.
    assert!(["admission", "remote", "serving"].iter().all(|role| asked.contains(*role)), "{asked:?}");
    assert_eq!(objects(bucket.path()).expect("the bucket").len(), 0, "who was to say what may leave said nothing");
}

#[test]
fn a_real_build_is_green_with_a_chain_of_files_that_are_no_plugins() {
    let machine = Machine::new(&Toolchain::machine());
    let home = Home::new();
    write_module(&machine);
    let whole = honest();
    let files = [
        home.path().join("missing.wasm"),
        home.write("empty.wasm", ""),
        home.write("text.wasm", "text"),
        home.write("module.wasm", core_module()),
        home.write("nothing.wasm", no_policy()),
        home.write("version.wasm", of_another_version()),
        home.write("import.wasm", with_an_unknown_import()),
        home.write("half.wasm", &whole[..whole.len() / 2]),
    ];
    let arguments: Vec<&str> = files.iter().map(|file| file.to_str().expect("UTF-8")).collect();
    let run = machine.go(["build", "./..."]).dir(machine.work().join("m")).cachewit(&arguments);
    let run = run.env("CACHEWIT_MAX_SIZE", "1000").env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg")).succeed();
    let faults = run.sessions[0]["faults"].to_string();
    for file in &arguments {
        assert_eq!(faults.matches(file).count(), 1, "{faults}");
    }
}

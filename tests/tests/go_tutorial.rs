//! docs/go-policy.md, literally: every command in it, in its order, in one shell; and what `plugin new --lang go` makes of every role.

use cachewit_tests::docs::commands;
use cachewit_tests::go::{Machine, Toolchain, binary};
use cachewit_tests::go_policy;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A shell of an author's: a `go` and cachewit on the path, nothing to be fetched from anywhere.
struct Author {
    home: tempfile::TempDir,
    go: Toolchain,
}

impl Author {
    fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a home"), go: Toolchain::minor("1.27") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs a script that is to succeed; what it said.
    fn shell(&self, script: &str) -> String {
        let tools = [binary(), self.go.path().to_owned()];
        let tools = tools.iter().filter_map(|tool| tool.parent()?.to_str()).collect::<Vec<_>>().join(":");
        let mut shell = Command::new("sh");
        shell.args(["-euc", script]).current_dir(self.home.path());
        shell.env("PATH", format!("{tools}:{}", std::env::var("PATH").unwrap_or_default()));
        shell.env("HOME", self.home.path()).env("XDG_CONFIG_HOME", self.path("config")).env("XDG_CACHE_HOME", self.path("cache"));
        let caches = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-policies");
        shell.env("GOCACHE", caches.join("gocache")).env("GOPATH", caches.join("gopath"));
        shell.env("GOPROXY", "off").env("GOTOOLCHAIN", "local").env("GOENV", "off").env("GOWORK", "off");
        for inherited in ["GOFLAGS", "GOCACHEPROG", "CACHEWIT_CONFIG", "GOOS", "GOARCH"] {
            shell.env_remove(inherited);
        }
        let output = shell.output().expect("a shell");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}:\n{said}");
        said
    }
}

#[test]
fn every_command_of_the_recipe_works_as_it_stands_there() {
    let author = Author::new();
    let commands = commands(include_str!("../../docs/go-policy.md"));
    assert_eq!(commands.len(), 6, "{commands:?}");
    let said = author.shell(&commands.join("\n"));
    assert!(said.contains("ok  \t"), "its tests were run: {said}");
    assert!(said.contains("wrapped    no-secrets.wasm") && said.contains("roles      admission"), "{said}");
    assert!(said.contains("{\"keep\":null,\"share\":false}"), "{said}");
    assert!(said.contains("added      plugins/no-secrets.wasm"), "{said}");

    // Active in a real build: what is private does not leave the machine, and what is not does.
    let machine = Machine::new(&Toolchain::machine());
    machine.write("m/go.mod", "module corp.example\n\ngo 1.24\n");
    machine.write("m/secret/key/a.go", "package key\n\nfunc Answer() int { return 42 }\n");
    let shared = author.path("shared");
    let config = author.path("config/cachewit/config.toml");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let store = format!("[[store]]\nname = \"team\"\nkind = \"folder\"\npath = '{}'\nmode = \"read-write\"\n", shared.display());
    std::fs::write(&config, format!("{text}\n{store}")).expect("a configuration with a store");
    let build = |package: &str| {
        let run = machine.go(["build", "-trimpath", package]).dir(machine.work().join("m")).config(&config).ci(true);
        run.env("HOME", author.home.path()).env("XDG_CACHE_HOME", author.path("cache")).succeed()
    };
    let private = build("./secret/key");
    assert_eq!(private.sessions[0]["faults"], json!([]), "{:?}", private.sessions);
    let policy = &private.sessions[0]["policies"][0];
    assert!(policy["name"] == "no-secrets.wasm" && policy["calls"]["admission"].as_u64() > Some(0), "{:?}", private.sessions);
    assert_eq!(private.sessions[0]["remote"]["records"], 0, "{:?}", private.sessions);
    machine.write("m/shop/a.go", "package shop\n\nfunc Price() int { return 1 }\n");
    let public = build("./shop");
    assert!(public.sessions[0]["remote"]["records"].as_u64() > Some(0), "{:?}", public.sessions);
}

#[test]
fn a_module_of_every_role_builds_tests_and_is_formatted_as_generated() {
    let author = Author::new();
    let roles = ["admission", "serving", "eviction", "remote", "observer"];
    let make = |name: &str, roles: &[&str]| {
        let sdk = go_policy::sdk();
        let sdk = sdk.parent().expect("the folder of the SDKs").display();
        let roles: String = roles.iter().map(|role| format!(" --role {role}")).collect();
        author.shell(&format!("cachewit plugin new {name} --lang go --sdk '{sdk}'{roles}"));
        let next = "test -z \"$(gofmt -l .)\" && go vet ./... && go test ./... && GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o ";
        author.shell(&format!("cd {name} && {next} {name}.wasm . && cachewit plugin wrap {name}.wasm && cachewit plugin check {name}.wasm"))
    };
    for role in roles {
        let said = make(&format!("only-{role}"), &[role]);
        assert!(
            said.contains("ok  \t") && said.contains(&format!("roles      {role}\n")) && said.contains("settings   accepted"),
            "{said}"
        );
    }
    let said = make("every-role", &roles);
    assert!(said.contains(&format!("roles      {}", roles.join(", "))), "{said}");
    // And they decide as their comments say.
    let eval = |settings: &str, event: &str| {
        author.shell(&format!("echo '{event}' | cachewit plugin eval every-role/every-role.wasm --settings '{settings}'"))
    };
    let hit = "{\"serve\": {\"origin\": \"remote\", \"age-seconds\": 10000}}";
    assert_eq!(eval("{\"oldest-remote\": \"2h\"}", hit).trim(), "{\"serve\":false}");
    assert_eq!(eval("{\"oldest-remote\": \"3h\"}", hit).trim(), "{\"serve\":null}");
    let trim = "{\"score\": {\"rows\": [{\"cost-us\": 5000000}, {\"cost-us\": 10}, {\"cost-us\": 20}]}}";
    assert!(eval("{}", trim).contains("\"order\":[1,2,0]"), "{}", eval("{}", trim));
    let put = "{\"observe\": {\"events\": [{\"what\": \"put\", \"cost-us\": 2000000}, {\"what\": \"miss\"}]}}";
    assert!(eval("{}", put).contains("\"slow\":1"), "{}", eval("{}", put));
}

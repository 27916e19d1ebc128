//! Components of earlier versions: they load, answer what they answered, and find all of the contract that they were made for.

use cachewit_tests::go::binary;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wit_parser::{Function, InterfaceId, Resolve, Type, TypeDefKind};

fn released() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("released")
}

/// The folder of each version.
fn versions() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(released()).expect("the folder of releases").map(|entry| entry.expect("an entry").path());
    let folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    assert!(!folders.is_empty(), "no version is kept");
    folders
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("a file of lines");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Asks all events of a question of one instance.
fn ask(home: &Path, component: &Path, question: &Value) -> Vec<Value> {
    let mut eval = Command::new(binary());
    eval.args(["plugin", "eval"]).arg(component).args(["--settings", &question["settings"].to_string()]);
    eval.env("HOME", home).env("XDG_CACHE_HOME", home.join("cache")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = eval.spawn().expect("cachewit runs");
    let mut events = child.stdin.take().expect("a pipe");
    for event in question["events"].as_array().expect("events") {
        writeln!(events, "{event}").expect("it is read");
    }
    drop(events);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}: {output:?}", component.display());
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("an answer a line")).collect()
}

#[test]
fn every_component_that_was_released_answers_what_it_answered_then() {
    let home = tempfile::tempdir().expect("a home");
    let questions = lines(&released().join("questions.jsonl"));
    for version in versions() {
        let answers = lines(&version.join("answers.jsonl"));
        let mut asked = BTreeSet::new();
        for (question, answer) in questions.iter().zip(&answers) {
            let name = question["plugin"].as_str().expect("a plugin");
            let found = ask(home.path(), &version.join(name).with_extension("wasm"), question);
            assert_eq!(found.len(), question["events"].as_array().map_or(0, Vec::len));
            assert_eq!(&Value::from(found), answer, "{name} of {}", version.display());
            asked.insert(format!("{name}.wasm"));
        }
        let files =
            std::fs::read_dir(&version).expect("a folder").map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let kept: BTreeSet<String> =
            files.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "wasm")).collect();
        assert_eq!(asked, kept, "{}: each of them is asked", version.display());
    }
}

/// The interfaces of a contract, by name.
struct Contract {
    resolve: Resolve,
    interfaces: Vec<(String, InterfaceId)>,
}

impl Contract {
    fn read(folder: &Path) -> Self {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(folder).expect("a contract");
        let interfaces = resolve.packages[package].interfaces.iter().map(|(name, id)| (name.clone(), *id)).collect();
        Self { resolve, interfaces }
    }

    /// What a component has to find of an interface, with types in full: a line a function. Documentation may change.
    fn functions(&self, id: InterfaceId) -> BTreeSet<String> {
        self.resolve.interfaces[id].functions.values().map(|function| self.function(function)).collect()
    }

    fn function(&self, function: &Function) -> String {
        let parameters: Vec<String> = function.params.iter().map(|parameter| self.ty(&parameter.ty)).collect();
        let result = function.result.as_ref().map_or("nothing".to_owned(), |result| self.ty(result));
        format!("{}({}) -> {result}", function.name, parameters.join(", "))
    }

    fn ty(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else { return format!("{ty:?}") };
        let all = |types: &[Type]| types.iter().map(|ty| self.ty(ty)).collect::<Vec<_>>().join(", ");
        match &self.resolve.types[*id].kind {
            TypeDefKind::List(item) => format!("list<{}>", self.ty(item)),
            TypeDefKind::Option(item) => format!("option<{}>", self.ty(item)),
            TypeDefKind::Tuple(tuple) => format!("tuple<{}>", all(&tuple.types)),
            TypeDefKind::Result(result) => {
                format!("result<{:?}, {:?}>", result.ok.map(|ty| self.ty(&ty)), result.err.map(|ty| self.ty(&ty)))
            }
            TypeDefKind::Record(record) => {
                let fields: Vec<String> = record.fields.iter().map(|field| format!("{}: {}", field.name, self.ty(&field.ty))).collect();
                format!("record {{ {} }}", fields.join(", "))
            }
            other => panic!("a contract of flat types has a {other:?}"),
        }
    }
}

/// Interfaces that a component exports. These may not even gain a function: who was compiled before does not export it.
const EXPORTED: [&str; 6] = ["plugin", "admission", "serving", "eviction", "remote", "observer"];

/// Interfaces that no host asks or answers: they are drafts, and may change.
const DRAFTED: [&str; 3] = ["store", "http-request", "http-response"];

#[test]
fn the_contract_of_today_has_all_that_a_released_one_had() {
    let today = Contract::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit"));
    for version in versions() {
        let then = Contract::read(&version.join("wit"));
        for (name, id) in then.interfaces.iter().filter(|(name, _)| !DRAFTED.contains(&name.as_str())) {
            let now = today.interfaces.iter().find(|(other, _)| other == name);
            let (_, now) = now.unwrap_or_else(|| panic!("{name} of {} is gone", version.display()));
            let (then, now) = (then.functions(*id), today.functions(*now));
            let missing: Vec<&String> = then.difference(&now).collect();
            assert!(missing.is_empty(), "{name} of {} had {missing:?}, and compiled policies need it", version.display());
            assert!(
                !EXPORTED.contains(&name.as_str()) || then == now,
                "{name}: a role has gained {:?}",
                now.difference(&then).collect::<Vec<_>>()
            );
        }
    }
}

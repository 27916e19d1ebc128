//! What strangers can hand to cachewit as a file, as functions that take any bytes: whatever these are, there is an answer or an error in
//! one line, soon, and in little memory. `tests/tests/fuzz.rs` runs them.

use crate::go::binary;
use crate::guest;
use cachewit::config::lock::Lock;
use cachewit::config::{Config, Flags, parse_text};
use cachewit::model::{EventColumns, TrimColumns, TrimReason};
use cachewit::policy::wasm::{ArtifactStore, Identity, WasmPolicy};
use cachewit::policy::{Manifest, NetworkView, Policy, PolicyError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Something that takes any bytes.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What is to be given to it.
    pub run: fn(&[u8]),
    /// True ones to begin with.
    pub corpus: fn() -> Vec<Vec<u8>>,
    /// Words that mean something to it.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: [Target; 4] = [
    Target {
        name: "manifest",
        run: manifest,
        corpus: components,
        words: &["cachewit:manifest", "wish fact:branch\n", "wish env:A\n", "@0.1.0"],
    },
    Target {
        name: "component",
        run: component,
        corpus: guests,
        words: &["cachewit:policy/plugin@0.1.0", "describe", "wasi:io/poll@0.2.0"],
    },
    Target { name: "lock", run: lock, corpus: locks, words: LOCK_WORDS },
    Target { name: "configuration", run: configuration, corpus: configurations, words: CONFIGURATION_WORDS },
];

const LOCK_WORDS: &[&str] =
    &["[[plugin]]\n", "granted = [\"env:A\"]\n", "denied = []\n", "version = 1\n", "\"\"\"", "'''", "\\u0000", "=", "[", "{"];

const CONFIGURATION_WORDS: &[&str] = &[
    "[[policy]]\n",
    "[[store]]\n",
    "[limits]\n",
    "use = \"builtin:lru\"\n",
    "settings = { a = [{ b = 1e400 }] }\n",
    "max-size = \"99999999999TiB\"\n",
    "max-age = \"9999999999999y\"\n",
    "kind = \"s3\"\n",
    "path = \"/\"\n",
    "\"\"\"",
    "[a.b.c]\n",
    "-9223372036854775808",
    "nan",
];

/// An error is one short line that can be printed.
fn check_words(words: &str) {
    assert!(!words.is_empty() && words.len() < 2000 && !words.contains(char::is_control), "{words:?}");
}

/// Reads a component's manifest, as whoever looks at a file does.
///
/// # Panics
/// Where it breaks what it promises.
pub fn manifest(bytes: &[u8]) {
    match Manifest::read(bytes) {
        Ok(manifest) => {
            assert!(manifest.wishes.len() <= 64 << 10);
            for wish in &manifest.wishes {
                assert_eq!(wish.to_string().parse().as_ref(), Ok(wish));
            }
        }
        Err(error) => check_words(&error.to_string()),
    }
}

/// Compiles a component in a child, and asks it everything if that comes to something.
///
/// # Panics
/// Where it breaks what it promises.
pub fn component(bytes: &[u8]) {
    if Manifest::read(bytes).is_err() {
        return;
    }
    // Artefacts of components that nobody sees twice are of no use to anybody.
    let folder = tempfile::tempdir().expect("a folder");
    let prepared = match ArtifactStore::new(folder.path().to_owned(), binary()).compile(&bytes.to_vec().into()) {
        Ok((prepared, _)) => prepared,
        Err(error) => {
            let words = error.to_string();
            check_words(&words);
            assert!(!words.contains("breaks the compiler"), "{words}");
            return;
        }
    };
    let mut policy = WasmPolicy::new(Identity::alone(serde_json::json!({}), 4), prepared);
    let roles = policy.roles();
    let mut asked = vec![policy.describe().err()];
    if roles.eviction {
        asked.push(policy.score(&mut TrimColumns::empty(TrimReason::Asked)).err());
    }
    if roles.remote {
        asked.push(policy.close(&NetworkView::default()).err());
    }
    if roles.observer {
        asked.push(policy.observe(&Arc::new(EventColumns::default())).err());
    }
    asked.into_iter().flatten().for_each(|error: PolicyError| check_words(&error.to_string()));
    assert!(policy.spent() < Duration::from_secs(15), "{:?}", policy.spent());
}

/// Reads a lock, and writes it again.
///
/// # Panics
/// Where it breaks what it promises.
pub fn lock(bytes: &[u8]) {
    match Lock::parse(&String::from_utf8_lossy(bytes)) {
        Ok(lock) => assert_eq!(Lock::parse(&lock.text()).as_ref(), Ok(&lock)),
        Err(words) => check_words(&words),
    }
}

/// Resolves a configuration, beside an empty lock.
///
/// # Panics
/// Where it breaks what it promises.
pub fn configuration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(words) = parse_text(&text) {
        return check_words(&words);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    std::fs::write(&file, &*text).expect("the configuration");
    let flags = Flags { config: Some(file), ..Flags::default() };
    if let Err(error) = Config::resolve(&flags, &BTreeMap::new(), Path::new("/gocache")) {
        check_words(&error.to_string());
    }
}

fn wat_files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).expect("guests").map(|file| file.expect("a guest").path());
    // What takes its time takes it here as well, from nearly everything that is made of it.
    let slow = ["_to_compile", "/loops_", "/waits_", "/burns_", "/copies_", "/poisons_"];
    let quick =
        |path: &PathBuf| path.extension().is_some_and(|end| end == "wat") && !slow.iter().any(|part| path.to_string_lossy().contains(part));
    let mut files: Vec<PathBuf> = files.filter(quick).collect();
    files.sort();
    files
}

/// The guests of the tests, honest and hostile.
fn guests() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests");
    let files = [wat_files(&folder), wat_files(&folder.join("hostile"))].concat();
    files.iter().map(|file| guest::from_file(file)).collect()
}

/// The same, and what is shipped.
fn components() -> Vec<Vec<u8>> {
    let shipped = cachewit::policy::shipped::NAMES.iter().filter_map(|name| cachewit::policy::shipped::component(name));
    shipped.map(<[u8]>::to_vec).chain(guests()).collect()
}

fn locks() -> Vec<Vec<u8>> {
    let digest = "9".repeat(64);
    let one = format!("version = 1\n\n[[plugin]]\nfile = \"plugins/a.wasm\"\nsha256 = \"{digest}\"\n");
    let wishes = "granted = [\"fact:branch\", \"env:TEAM\"]\ndenied = [\"fact:commit\"]\n";
    let other = format!("[[plugin]]\nfile = '''b'''\nsha256 = '{digest}'\n");
    ["version = 1\n".to_owned(), one.clone(), format!("{one}{wishes}"), format!("{one}{wishes}{other}")].map(String::into_bytes).to_vec()
}

fn configurations() -> Vec<Vec<u8>> {
    let limits =
        "root = \"/store\"\nuse-go-cache = false\n[limits]\nmax-size = \"20GiB\"\nmin-free = 1000\nmax-age = \"30d\"\ngrace = \"10m\"\n";
    let policies = "[[policy]]\nuse = \"builtin:share-filter\"\nrequired = true\n[policy.settings]\nshare = { deny = [\"a/...\"] }\n";
    let stores = "[[store]]\nname = \"team\"\nkind = \"s3\"\nbucket = \"b\"\nregion = \"r\"\nendpoint = \"https://e\"\npath-style = true\nmode = \"read-write\"\n";
    let folder = "[[store]]\nname = \"here\"\nkind = \"folder\"\npath = \"/srv/cache\"\nnamespace = \"main\"\nshare-tests = true\n";
    let rest = "[close]\nwait-for-uploads = \"1m\"\n[trace]\nkeep = 3\n";
    [limits.to_owned(), format!("{limits}{policies}"), format!("{stores}{folder}"), format!("{limits}{rest}{policies}{stores}{folder}")]
        .map(String::into_bytes)
        .to_vec()
}

//! What `cachewit doctor` finds. Each trap is laid for real, and each finding has its code and a remedy; `docs/doctor.md` lists them.

mod gocacheprog;
mod golang;
mod left_over;
mod patient;
mod store;

use cachewit_tests::go::binary;
use patient::{Patient, entries};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn a_set_up_with_which_nothing_is_wrong_has_good_findings_alone() {
    let patient = Patient::new();
    let report = patient.doctor();
    // How full this machine's disk is this test cannot know.
    let wrong: Vec<&Value> = report.findings.iter().filter(|one| one["level"] != "good" && one["code"] != "CW044").collect();
    assert!(wrong.is_empty() && report.code == Some(0), "{wrong:#?}");
    for finding in &report.findings {
        let keys: Vec<&String> = finding.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["code", "level", "remedy", "text"]);
    }
    assert!(
        entries(patient.home.layout().lease_dir()).is_empty() && entries(patient.home.layout().tmp_dir()).is_empty(),
        "it leaves nothing"
    );
}

#[test]
fn every_code_stands_in_the_documentation_and_no_other_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let codes = |text: &str| {
        let found = text.match_indices("CW0").filter_map(|(at, _)| text.get(at..at + 5));
        found.filter(|code| code[2..].bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let mut sources = BTreeSet::new();
    for file in entries(root.join("host/src/cli/doctor")) {
        sources.extend(codes(&std::fs::read_to_string(file).expect("a source")));
    }
    let documented = std::fs::read_to_string(root.join("docs/doctor.md")).expect("the documentation");
    let rows: Vec<&str> = documented.lines().filter_map(|line| line.strip_prefix("| CW")?.split_once(" |")).map(|(code, _)| code).collect();
    let documented: BTreeSet<String> = rows.iter().map(|code| format!("CW{code}")).collect();
    assert_eq!(rows.len(), documented.len(), "a code stands twice");
    assert!(sources.len() > 30);
    assert_eq!(sources, documented);
}

#[test]
fn settings_that_cannot_be_used_and_those_that_gocacheprog_names() {
    let mut patient = Patient::new();
    let wrong = patient.home.write("wrong.toml", "[limits]\nmax-sizze = \"1GiB\"\n");
    patient.set("GOCACHEPROG", format!("{} --config {}", binary().display(), wrong.display()));
    patient.doctor().fails("CW030", "max-sizze");
    let right = patient.home.write("right.toml", "");
    patient.doctor_with(&["--config", right.to_str().expect("a path")]).is_well("CW030");
}

#[test]
fn plugins_that_cannot_be_used() {
    let mut patient = Patient::new();
    let text = patient.home.write("text.wasm", "no wasm");
    patient.set("GOCACHEPROG", format!("{} {}", binary().display(), text.display()));
    patient.doctor().fails("CW051", "not WebAssembly");
    patient.set("GOCACHEPROG", format!("{} builtin:lru builtin:rebuild-cost", binary().display()));
    patient.doctor().fails("CW052", "all decide eviction");
    patient.set("GOCACHEPROG", binary());
    patient.unset("HOME");
    patient.unset("XDG_CACHE_HOME");
    patient.doctor().fails("CW050", "no cache folder");
}

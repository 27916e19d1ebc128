//! Hosts that do something wrong to their files, or with what they know of them.

use super::between::{Answer, Between, Request, Session};
use super::{Wrong, between};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cachewit::model::Digest;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fs::{Permissions, set_permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) fn all() -> [(&'static str, Wrong); 9] {
    [
        ("dies-of-a-damaged-object", Wrong::Between(between::<DiesOfDamage>)),
        ("answers-large-puts-too-early", Wrong::Between(between::<TooEarly>)),
        ("writes-objects-in-their-place", Wrong::Between(between::<InPlace>)),
        ("writes-equal-bytes-again", Wrong::Between(between::<WritesAgain>)),
        ("believes-that-files-stay", Wrong::Between(between::<Believes>)),
        ("makes-files-that-nobody-can-execute", Wrong::Between(between::<NotExecutable>)),
        ("names-files-with-an-extension", Wrong::Between(between::<Extension>)),
        ("forgets-what-it-handed-out", Wrong::Between(between::<NoLease>)),
        ("leaves-half-a-file", Wrong::Between(between::<HalfAFile>)),
    ]
}

/// What puts were answered with, remembered over sessions.
#[derive(Default)]
struct Remembered(HashMap<String, Map<String, Value>>);

impl Remembered {
    fn load(&mut self) {
        let text = std::fs::read_to_string(Session::note("remembered")).unwrap_or_default();
        self.0 = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    }

    /// Notes the answer to a put; returns what is known about a miss.
    fn look(&mut self, answer: &Answer) -> Option<&Map<String, Value>> {
        let request = answer.request.as_ref()?;
        let action = request.text("ActionID").to_owned();
        if request.is("get") {
            return answer.fields.contains_key("Miss").then(|| self.0.get(&action)).flatten();
        }
        let hit = json!({
            "OutputID": request.text("OutputID"),
            "Size": request.size(),
            "DiskPath": answer.text("DiskPath")?,
            "Time": "2026-01-01T00:00:00Z",
        });
        self.0.insert(action, hit.as_object().cloned().unwrap_or_default());
        None
    }

    fn save(&self) {
        let lines: String = self.0.iter().map(|one| serde_json::to_string(&one).unwrap_or_default() + "\n").collect();
        // Where it cannot be written, the next session knows nothing.
        let _ = std::fs::write(Session::note("remembered"), lines);
    }
}

#[derive(Default)]
struct DiesOfDamage(Remembered);

impl Between for DiesOfDamage {
    fn begins(&mut self, _: &Session) {
        self.0.load();
    }

    fn answer(&mut self, answer: &mut Answer, session: &Session) {
        if self.0.look(answer).is_some() {
            session.fail("an object is damaged");
        }
    }

    fn ended(&mut self, _: bool, _: &Session) {
        self.0.save();
    }
}

/// Answers from what it knows, and does not look at the disk.
#[derive(Default)]
struct Believes(Remembered);

impl Between for Believes {
    fn begins(&mut self, _: &Session) {
        self.0.load();
    }

    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if let Some(hit) = self.0.look(answer) {
            answer.fields.extend(hit.clone());
            answer.fields.remove("Miss");
        }
    }

    fn ended(&mut self, _: bool, _: &Session) {
        self.0.save();
    }
}

/// The file of a large body comes two seconds after the answer.
#[derive(Default)]
struct TooEarly {
    away: Vec<(PathBuf, PathBuf)>,
}

impl Between for TooEarly {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        let large = answer.request.as_ref().is_some_and(|request| request.is("put") && request.size() >= 1_000_000);
        if let (true, Some(path)) = (large, answer.text("DiskPath").map(PathBuf::from)) {
            let away = path.with_file_name("on-its-way");
            if std::fs::rename(&path, &away).is_ok() {
                self.away.push((away.clone(), path.clone()));
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_secs(2));
                    // It may have come at the end of the session.
                    let _ = std::fs::rename(away, path);
                });
            }
        }
    }

    fn ended(&mut self, _: bool, _: &Session) {
        for (away, path) in self.away.drain(..) {
            // It may have come already.
            let _ = std::fs::rename(away, path);
        }
    }
}

/// Writes a file as an object has to be, other than that it is not all there at once.
fn write_in_place(path: &Path, bytes: &[u8]) {
    // What fails here is found by nobody, and the test that should fail does not.
    let _ = std::fs::remove_file(path);
    let _ = path.parent().map(std::fs::create_dir_all);
    let _ = std::fs::write(path, bytes);
    let _ = set_permissions(path, Permissions::from_mode(0o555));
}

/// Takes the room for an object under its name, and fills it when the body has come.
#[derive(Default)]
struct InPlace {
    path: PathBuf,
    text: Vec<u8>,
}

impl Between for InPlace {
    fn request(&mut self, request: &mut Request, _: &Session) {
        let output = STANDARD.decode(request.text("OutputID")).ok().and_then(|bytes| Digest::from_slice(&bytes));
        self.path = PathBuf::new();
        // Large ones are spared: they would be held in memory here.
        if let (true, Some(output)) = (request.is("put") && (1..1 << 20).contains(&request.size()), output) {
            self.path = Session::layout().object(output).into();
            self.text.clear();
            write_in_place(&self.path, &vec![0; request.size() as usize]);
        }
    }

    fn text(&mut self, text: &[u8]) {
        if self.path.is_absolute() {
            self.text.extend_from_slice(text);
        }
    }

    fn body_ends(&mut self, _: &Session) -> &'static str {
        if let (true, Ok(body)) = (self.path.is_absolute(), STANDARD.decode(&self.text)) {
            write_in_place(&self.path, &body);
        }
        ""
    }
}

/// Opens the file of an output that is put again, and writes what is in it.
#[derive(Default)]
struct WritesAgain;

impl Between for WritesAgain {
    fn request(&mut self, request: &mut Request, _: &Session) {
        let output = STANDARD.decode(request.text("OutputID")).ok().and_then(|bytes| Digest::from_slice(&bytes));
        let Some(path) = output.map(|output| Session::layout().object(output)) else { return };
        if request.is("put")
            && let Ok(bytes) = std::fs::read(&path)
        {
            let _ = set_permissions(&path, Permissions::from_mode(0o755));
            let file = std::fs::File::options().write(true).truncate(true).open(&path);
            let _ = file.and_then(|mut file| file.write_all(&bytes));
            let _ = set_permissions(&path, Permissions::from_mode(0o555));
        }
    }
}

#[derive(Default)]
struct NotExecutable;

impl Between for NotExecutable {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if let Some(path) = answer.text("DiskPath") {
            let _ = set_permissions(path, Permissions::from_mode(0o444));
        }
    }
}

#[derive(Default)]
struct Extension;

impl Between for Extension {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if let Some(path) = answer.text("DiskPath").map(str::to_owned) {
            let named = format!("{path}.a");
            // It may be there already.
            let _ = std::fs::hard_link(path, &named);
            answer.set("DiskPath", named);
        }
    }
}

/// Where no close has come, the store forgets at once that anybody was told of anything.
#[derive(Default)]
struct NoLease;

impl Between for NoLease {
    fn ended(&mut self, closed: bool, _: &Session) {
        if !closed {
            let _ = std::fs::remove_dir_all(Session::layout().lease_dir());
            let _ = Session::layout().create_again();
        }
    }
}

/// Where no close has come, it leaves what it was writing.
#[derive(Default)]
struct HalfAFile;

impl Between for HalfAFile {
    fn ends(&mut self, inside: bool, closed: bool, _: &Session) {
        if !inside && !closed {
            let _ = std::fs::write(Session::layout().tmp_dir().join("half"), "a file");
        }
    }
}

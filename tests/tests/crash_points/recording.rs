//! Sessions of the real binary on one store, with every call that they made on it.

use crate::disk::{Disk, Image};
use cachewit::model::Digest;
use cachewit_shim::log::{self, Call};
use cachewit_tests::go::binary;
use cachewit_tests::script::{Home, Script, Session};
use cachewit_tests::shim;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which outputs an action was put with, in order.
pub type Puts = BTreeMap<Digest, Vec<Digest>>;

/// What must be found after so many calls, until the next of these says something else: actions, and how many of their outputs are out of
/// date.
#[derive(Clone, Debug, Default)]
pub struct Mark {
    pub calls: usize,
    pub found: BTreeMap<Digest, usize>,
}

/// See the module.
pub struct Recording {
    pub home: Home,
    variables: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    log: PathBuf,
    read: u64,
    disk: Disk,
    pub calls: Vec<Call>,
    pub puts: Puts,
    /// Actions that nothing has happened to since they were put.
    kept: BTreeSet<Digest>,
    /// After the death of processes.
    pub answered: Vec<Mark>,
    /// After a power cut.
    pub synced: Vec<Mark>,
}

impl Recording {
    /// On a machine whose run has this name; its own, where there is none.
    pub fn new(boot: Option<&str>) -> Self {
        let home = Home::new();
        // What is watched can start no processes, so the plugin that decides what goes is compiled beforehand.
        let mut go = home.session(&[]).env("GOCACHE", home.path().join("other")).max_size(1).start();
        go.put(Digest::of(b"an action"), b"a body that has to go");
        assert_eq!(go.close().summary["evicted_by"], "rebuild-cost");
        let root = home.path().join("gocache/cachewit");
        std::fs::create_dir(&root).expect("a folder for the store");
        let log = home.path().join("calls");
        let mut settings = vec![(cachewit_shim::LOG, log.clone().into_os_string())];
        settings.extend(boot.map(|name| (cachewit_shim::BOOT, home.write("boot", format!("{name}\n")).into_os_string())));
        let variables = shim::variables(&root, settings);
        Self {
            home,
            variables,
            log,
            read: 0,
            disk: Disk::default(),
            calls: Vec::new(),
            puts: Puts::new(),
            kept: BTreeSet::new(),
            answered: Vec::new(),
            synced: Vec::new(),
        }
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("gocache/cachewit")
    }

    /// A session that is recorded.
    pub fn session(&self) -> Session<'_> {
        let session = self.home.session(&[]);
        self.variables.iter().fold(session, |session, (name, value)| session.env(name, value))
    }

    /// A command of the command line that is recorded.
    pub fn command(&mut self, arguments: &[&str]) {
        let home = self.home.path();
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().env("HOME", home).env("GOCACHE", home.join("gocache"));
        command
            .env("CACHEWIT_CONFIG", home.join("default.toml"))
            .env("XDG_CACHE_HOME", home.join("xdg"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = command.output().expect("cachewit starts");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        self.ended();
    }

    /// Puts a body in a session.
    pub fn put(&mut self, go: &mut Script, action: Digest, body: &[u8]) {
        let output = Digest::of(body);
        if self.puts.get(&action).is_none_or(|outputs| outputs.last() != Some(&output)) {
            // Its old row may give way to one that names what a power cut took.
            let calls = self.catch_up();
            let mut found = self.synced.last().map(|mark| mark.found.clone()).unwrap_or_default();
            if found.remove(&action).is_some() {
                self.synced.push(Mark { calls, found });
            }
            self.puts.entry(action).or_default().push(output);
        }
        self.kept.insert(action);
        go.put(action, body);
    }

    /// Closes a session: from its answer on all that was put must be found, and from the end of a sync on after a power cut, too.
    pub fn close(&mut self, mut go: Script) {
        go.begin_close();
        let found: BTreeMap<Digest, usize> = self.kept.iter().map(|action| (*action, self.puts[action].len() - 1)).collect();
        let answered = self.catch_up();
        self.answered.push(Mark { calls: answered, found: found.clone() });
        let ended = go.vanish();
        assert!(ended.success && ended.faults().is_empty(), "{ended:?}");
        self.ended();
        let calls = self.calls[answered..].iter().position(|call| *call == Call::SyncAll);
        self.synced.extend(calls.map(|place| Mark { calls: answered + place + 1, found }));
    }

    /// From here on what was put may be evicted or damaged.
    pub fn may_forget(&mut self) {
        self.kept.clear();
        let calls = self.catch_up();
        for marks in [&mut self.answered, &mut self.synced] {
            marks.push(Mark { calls, found: BTreeMap::new() });
        }
    }

    /// Reads what was recorded since it was read last. Returns how many calls there are.
    fn catch_up(&mut self) -> usize {
        let mut new = Vec::new();
        let mut log = File::open(&self.log).expect("a log");
        // Nobody is in the middle of a record while this is held.
        log.lock_shared().expect("a lock");
        std::io::Seek::seek(&mut log, std::io::SeekFrom::Start(self.read)).expect("a place in the log");
        log.read_to_end(&mut new).expect("the log can be read");
        self.read += new.len() as u64;
        for call in log::read(&new) {
            self.disk.call(&call);
            self.calls.push(call);
        }
        self.calls.len()
    }

    /// Every process has ended: what the calls make is what stands there, so none was missed.
    pub fn ended(&mut self) {
        self.catch_up();
        let (made, real) = (self.disk.now(), read_folder(&self.root()));
        let named = |image: &Image| image.keys().cloned().collect::<Vec<_>>();
        assert_eq!(named(&made), named(&real.keys().map(|name| (name.clone(), None)).collect()));
        for (name, bytes) in &real {
            // The index of the log is memory, which whoever comes first makes anew.
            if let (Some((bytes, _)), Some(made)) = (bytes, &made[name])
                && !name.ends_with("-shm")
            {
                assert!(*bytes == made.0, "{name} has {} bytes, and {} were recorded", bytes.len(), made.0.len());
            }
        }
    }

    /// Changes the store by hand. What is different after it counts as calls.
    pub fn by_hand(&mut self, change: impl FnOnce(&Home)) {
        change(&self.home);
        let (before, after) = (self.disk.now(), read_folder(&self.root()));
        let mut calls = Vec::new();
        calls.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| Call::Unlink(name.clone())));
        for (name, bytes) in &after {
            let Some((bytes, inode)) = bytes.as_ref().filter(|_| !name.ends_with("-shm")) else { continue };
            let old: &[u8] = match before.get(name) {
                Some(Some(old)) if self.disk.stands(name, *inode) => &old.0,
                _ => {
                    calls.push(Call::Create(name.clone(), *inode));
                    &[]
                }
            };
            let same = bytes.iter().zip(old).take_while(|(new, old)| new == old).count();
            if same < bytes.len() {
                calls.push(Call::Write(*inode, same as u64, bytes[same..].to_vec()));
            }
            if bytes.len() < old.len() {
                calls.push(Call::Resize(*inode, bytes.len() as u64));
            }
        }
        for call in calls {
            self.disk.call(&call);
            self.calls.push(call);
        }
        self.ended();
    }
}

/// What stands in a folder, with the inodes of its files.
fn read_folder(root: &Path) -> HashMap<String, Option<(Vec<u8>, u64)>> {
    let (mut found, mut folders) = (HashMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
            let data = entry.metadata().expect("metadata");
            let bytes = data.is_file().then(|| (std::fs::read(&path).expect("a file"), data.ino()));
            if bytes.is_none() {
                folders.push(path);
            }
            found.insert(name, bytes);
        }
    }
    found
}

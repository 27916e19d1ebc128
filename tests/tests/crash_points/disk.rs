//! What a disk may hold: the calls that were made, and which of them are certain to have reached it.
//!
//! The model promises less than any file system does. A synced file has its bytes and not its name; a synced folder has its names and not
//! the bytes behind them; all else may be lost or kept, call by call.

use cachewit_shim::log::{Call, Inode};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What stands under each name: a file's bytes, or None for a folder.
pub type Image = BTreeMap<String, Option<Arc<Bytes>>>;

/// The bytes of a file, with a number that tells them from others.
#[derive(Debug, Default)]
pub struct Bytes(pub Vec<u8>, u64);

impl Bytes {
    fn new(bytes: Vec<u8>) -> Arc<Self> {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Arc::new(Self(bytes, hasher.finish()))
    }
}

/// A number that tells images apart.
pub fn number(image: &Image) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, bytes) in image {
        (name, bytes.as_ref().map(|bytes| bytes.1)).hash(&mut hasher);
    }
    hasher.finish()
}

/// Writes an image into an empty folder.
pub fn write(image: &Image, folder: &Path) {
    for (name, bytes) in image {
        let path = folder.join(name);
        match bytes {
            None => std::fs::create_dir(path).expect("a folder"),
            Some(bytes) => std::fs::write(path, &bytes.0).expect("a file"),
        }
    }
}

/// What became of a change of bytes that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It reached the disk.
    Kept,
    /// It did not.
    Lost,
    /// The file is as long as it made it, and what it added is filled with this.
    Filled(u8),
    /// So many of its bytes reached the disk.
    Torn(usize),
}

/// What a file is to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The index, its log, its journal.
    Index,
    /// A body.
    Object,
    /// Leases, traces and the like.
    Other,
}

/// A file, whatever its name.
#[derive(Debug)]
pub struct File {
    /// By the name that it was made under.
    pub class: Class,
    /// What reached the disk.
    certain: Arc<Bytes>,
    /// What was changed since.
    edits: Vec<Edit>,
    now: Vec<u8>,
    /// The same, once somebody has asked.
    shared: OnceLock<Arc<Bytes>>,
}

#[derive(Clone, Debug)]
enum Edit {
    Write(u64, Vec<u8>),
    Resize(u64),
}

#[derive(Clone, Debug)]
enum NameChange {
    Is(String, Option<usize>),
    Moves(String, String, Option<usize>),
    Goes(String),
}

/// The disk after some calls.
#[derive(Default)]
pub struct Disk {
    files: Vec<File>,
    inodes: HashMap<Inode, usize>,
    /// Names that reached the disk, with the numbers of their files.
    certain: BTreeMap<String, Option<usize>>,
    /// What was changed since, and whether it has reached the disk all the same.
    changes: Vec<(NameChange, bool)>,
    now: BTreeMap<String, Option<usize>>,
    last: Option<(usize, usize)>,
}

impl Disk {
    /// One more call.
    pub fn call(&mut self, call: &Call) {
        self.last = None;
        match call {
            Call::Create(path, inode) => {
                self.files.push(File {
                    class: class(path),
                    certain: Bytes::new(Vec::new()),
                    edits: Vec::new(),
                    now: Vec::new(),
                    shared: OnceLock::new(),
                });
                let file = self.files.len() - 1;
                self.inodes.insert(*inode, file);
                self.change(NameChange::Is(path.clone(), Some(file)));
            }
            Call::Write(inode, at, data) => self.edit(*inode, Edit::Write(*at, data.clone())),
            Call::Resize(inode, length) => self.edit(*inode, Edit::Resize(*length)),
            Call::Reserve(inode, length) => {
                if self.files[self.inodes[inode]].now.len() < *length as usize {
                    self.edit(*inode, Edit::Resize(*length));
                }
            }
            Call::Rename(from, to) => self.change(NameChange::Moves(from.clone(), to.clone(), self.now[from])),
            Call::Link(from, to) => self.change(NameChange::Is(to.clone(), self.now[from])),
            Call::Unlink(path) | Call::RemoveFolder(path) => self.change(NameChange::Goes(path.clone())),
            // The store's root is there in every image.
            Call::MakeFolder(path) if path.is_empty() => {}
            Call::MakeFolder(path) => self.change(NameChange::Is(path.clone(), None)),
            Call::Sync(inode) => self.files[self.inodes[inode]].sync(),
            Call::SyncFolder(folder) => {
                let within = |path: &str| path.rsplit_once('/').map_or("", |(parent, _)| parent) == folder;
                for (change, certain) in &mut self.changes {
                    *certain |= match change {
                        NameChange::Is(path, _) | NameChange::Goes(path) => within(path),
                        NameChange::Moves(from, to, _) => within(from) || within(to),
                    };
                }
            }
            Call::SyncAll => {
                self.files.iter_mut().for_each(File::sync);
                self.certain = self.now.clone();
                self.changes.clear();
            }
        }
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.now);
        self.changes.push((change, false));
    }

    fn edit(&mut self, inode: Inode, edit: Edit) {
        let number = self.inodes[&inode];
        let file = &mut self.files[number];
        edit.apply(Fate::Kept, &mut file.now);
        file.shared.take();
        file.edits.push(edit);
        self.last = Some((number, file.edits.len() - 1));
    }

    /// Whether this name has the file with this inode.
    pub fn stands(&self, name: &str, inode: Inode) -> bool {
        self.now.get(name).is_some_and(|file| file.is_some() && self.inodes.get(&inode) == file.as_ref())
    }

    /// Changes of names that may be lost.
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// The bytes that the last call wrote, if it wrote any: its file and number, and how many.
    pub fn last_write(&self) -> Option<((usize, usize), usize)> {
        let (file, edit) = self.last?;
        match &self.files[file].edits[edit] {
            Edit::Write(_, data) => Some(((file, edit), data.len())),
            Edit::Resize(_) => None,
        }
    }

    /// All of it, as processes see it.
    pub fn now(&self) -> Image {
        image(&self.now, |file| self.files[file].shared())
    }

    /// What is left where of the changes of names those are kept that `names` says, by their number, and of the changes of bytes what
    /// `fate` says, by the file, its number and the number of the change.
    pub fn after(&self, mut names: impl FnMut(usize) -> bool, mut fate: impl FnMut(&File, (usize, usize)) -> Fate) -> Image {
        let mut left = self.certain.clone();
        for (number, (change, certain)) in self.changes.iter().enumerate() {
            // Asked in any case, so that dice fall alike.
            if names(number) | certain {
                change.apply(&mut left);
            }
        }
        image(&left, |file| self.files[file].after(|edit| fate(&self.files[file], (file, edit))))
    }
}

fn image(names: &BTreeMap<String, Option<usize>>, mut bytes: impl FnMut(usize) -> Arc<Bytes>) -> Image {
    let mut image = Image::new();
    for (name, file) in names {
        // Where its folder did not come to be, it has not either.
        if name.rsplit_once('/').is_none_or(|(parent, _)| matches!(image.get(parent), Some(None))) {
            image.insert(name.clone(), file.map(&mut bytes));
        }
    }
    image
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, Option<usize>>) {
        match self {
            Self::Is(path, file) => drop(names.insert(path.clone(), *file)),
            Self::Moves(from, to, file) => {
                if names.get(from) == Some(file) {
                    names.remove(from);
                }
                names.insert(to.clone(), *file);
            }
            Self::Goes(path) => drop(names.remove(path)),
        }
    }
}

impl File {
    fn shared(&self) -> Arc<Bytes> {
        self.shared.get_or_init(|| Bytes::new(self.now.clone())).clone()
    }

    fn sync(&mut self) {
        self.certain = self.shared();
        self.edits.clear();
    }

    fn after(&self, fate: impl FnMut(usize) -> Fate) -> Arc<Bytes> {
        let fates: Vec<Fate> = (0..self.edits.len()).map(fate).collect();
        if fates.iter().all(|fate| *fate == Fate::Kept) {
            return self.shared();
        }
        if fates.iter().all(|fate| *fate == Fate::Lost) {
            return self.certain.clone();
        }
        let mut bytes = self.certain.0.clone();
        for (edit, fate) in self.edits.iter().zip(fates) {
            edit.apply(fate, &mut bytes);
        }
        Bytes::new(bytes)
    }
}

impl Edit {
    fn apply(&self, fate: Fate, bytes: &mut Vec<u8>) {
        match (self, fate) {
            (_, Fate::Lost) => {}
            (Self::Resize(length), _) => bytes.resize(*length as usize, 0),
            (Self::Write(at, data), Fate::Filled(with)) => {
                let end = *at as usize + data.len();
                if bytes.len() < end {
                    bytes.resize(end, with);
                }
            }
            (Self::Write(at, data), _) => {
                let data = if let Fate::Torn(most) = fate { &data[..data.len().min(most)] } else { data.as_slice() };
                let (at, end) = (*at as usize, *at as usize + data.len());
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[at..end].copy_from_slice(data);
            }
        }
    }
}

fn class(path: &str) -> Class {
    if path.contains("/index.db") {
        Class::Index
    } else if path.contains("/tmp/") || path.contains("/objects/") {
        Class::Object
    } else {
        Class::Other
    }
}

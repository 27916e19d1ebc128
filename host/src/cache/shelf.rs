//! The local store of a session: what is found, what is put, and the lease over it. Shared by the reading thread and, where a remote
//! store is configured, the fetching one.

use super::hit::{Hit, Verdict};
use super::hold::Hold;
use super::judge::Judge;
use super::recall::{self, Recalled};
use super::room::{lacks_room, refusal};
use super::snapshots::Snapshots;
use crate::fault::Faults;
use crate::model::{Digest, Entry, Origin, UnixNanos};
use crate::platform::Folder;
use crate::store::{
    self, Aside, Incoming, Index, IndexError, Layout, PublishError, Published, SessionRow, Standing, StoreError, Suspects, Used, Writer,
};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// See the module.
pub struct Shelf {
    layout: Layout,
    faults: Arc<Faults>,
    /// The folder of objects, once one was looked for; None if it was not there then.
    objects: OnceLock<Option<Folder>>,
    full: AtomicBool,
    inner: Arc<Mutex<Inner>>,
}

pub(super) struct Inner {
    /// None = it cannot be used; everything is a miss then.
    pub(super) index: Option<Index>,
    /// Nothing can be written here, and nothing is kept.
    read_only: bool,
    hold: Hold,
    writer: Option<Writer>,
    /// What this session put or fetched: found again before anything is committed.
    fresh: HashMap<Digest, Fresh>,
    /// What was looked up before it is asked for.
    pub(super) recalled: Recalled,
    /// Epochs that a power cut may have cut short; empty on nearly every day.
    suspects: Suspects,
    /// Objects of these epochs that this session has hashed.
    checked: HashSet<Digest>,
    pub(super) snapshots: Snapshots,
    /// Whether a row was queued.
    grown: bool,
    empty_stands: bool,
}

#[derive(Clone)]
struct Fresh {
    output: Digest,
    size: u64,
    put: UnixNanos,
    origin: Origin,
    /// Where it lies if not under its name.
    private: Option<String>,
}

impl Fresh {
    fn new(entry: &Entry, private: Option<String>) -> Self {
        Self { output: entry.output, size: entry.size, put: entry.put, origin: entry.origin, private }
    }
}

impl Inner {
    /// Notes an object; true if it must not be relied on.
    pub(super) fn is_unsafe(&mut self, output: Digest, layout: &Layout, faults: &Faults) -> bool {
        self.hold.note(output, self.index.as_ref(), layout, faults)
    }

    /// Whether this session knows better than the index.
    pub(super) fn has_put(&self, action: Digest) -> bool {
        self.fresh.contains_key(&action)
    }

    /// What the index knows of the name that a body is to have.
    fn standing(&self, output: Digest) -> Standing {
        match self.index.as_ref().map(|index| index.knows(output)) {
            None | Some(Ok(false)) => Standing::Unknown,
            // An index that cannot say may know it.
            Some(_) => Standing::Known,
        }
    }
}

impl Shelf {
    /// Opens the store. What cannot be opened is a fault, and everything is a miss.
    pub fn open(layout: Layout, faults: Arc<Faults>) -> Self {
        let opened = layout.create().and_then(|()| Ok(store::open_index(&layout)?));
        let index = match opened {
            Ok((index, None)) => Some(index),
            Ok((index, Some(damage))) => {
                faults.say("index", format!("{damage}; it was set aside and an empty one begun, so this build is a cold one"));
                Some(index)
            }
            Err(error) => {
                let why = match &error {
                    StoreError::Index(index) => lacks_room(index, &layout),
                    _ => None,
                };
                faults.say("store", format!("{}; this build goes on without a cache", why.unwrap_or_else(|| error.to_string())));
                None
            }
        };
        let read_only = index.as_ref().is_some_and(Index::is_read_only);
        let hold = Hold::new(read_only, &layout, &faults);
        let suspects = index.as_ref().and_then(|index| index.suspects().inspect_err(|error| faults.say("index", error)).ok());
        let inner = Inner {
            index,
            read_only,
            hold,
            writer: None,
            fresh: HashMap::new(),
            recalled: Recalled::default(),
            suspects: suspects.unwrap_or_default(),
            checked: HashSet::new(),
            snapshots: Snapshots::default(),
            grown: false,
            empty_stands: false,
        };
        Self { layout, faults, objects: OnceLock::new(), full: AtomicBool::new(false), inner: Arc::new(Mutex::new(inner)) }
    }

    /// Whether there is an index: without one everything is a miss.
    pub fn is_usable(&self) -> bool {
        self.lock().index.is_some()
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Another thread's panic leaves plain data behind, which is as good as before.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks an action up. The order is what keeps a path: row, note in the lease, look again whether it is doomed, stat.
    pub fn find(&self, action: Digest) -> Option<Hit> {
        let mut inner = self.lock();
        if let Some(fresh) = inner.fresh.get(&action) {
            let Fresh { output, size, put, origin, private } = fresh.clone();
            let path = private.unwrap_or_else(|| self.layout.object(output));
            let verdict = if origin == Origin::Local { Verdict::Passes } else { Verdict::Open };
            let hit = Hit { output, size, put, path, used: Used::Action(action), origin, verdict };
            return store::stands(&hit.path, size).then_some(hit);
        }
        if let Some(hit) = inner.recalled.take(action) {
            return Some(hit);
        }
        let Inner { index, snapshots, .. } = &mut *inner;
        snapshots.keep(index.as_ref(), &self.inner);
        let found = match inner.index.as_ref()?.find(action) {
            Ok(found) => found?,
            Err(error) => {
                self.index_fault(&error);
                return None;
            }
        };
        if self.note(&mut inner, found.output) {
            return None;
        }
        let path = self.layout.object(found.output);
        let stands = match self.objects.get_or_init(|| Folder::open(&self.layout.objects_dir())) {
            Some(folder) => folder.size_of_file(self.layout.name_of_object(&path)) == Some(found.size),
            None => false,
        };
        // A vanished, truncated or damaged object heals by being made anew.
        if !stands || self.is_damaged(&mut inner, found.output, &path) {
            return None;
        }
        Some(Hit::found(&found, path))
    }

    /// Whether an object that a power cut may have damaged is damaged. Each is hashed once.
    fn is_damaged(&self, inner: &mut Inner, output: Digest, path: &str) -> bool {
        if inner.suspects.is_empty() || inner.checked.contains(&output) {
            return false;
        }
        let suspect = inner.index.as_ref().map(|index| index.is_suspect(output, &inner.suspects));
        if matches!(suspect, None | Some(Ok(false))) {
            return false;
        }
        if !store::is_whole(path, output) {
            return true;
        }
        inner.checked.insert(output);
        if !inner.read_only {
            self.writer(inner).rows().checked(output);
        }
        false
    }

    fn writer<'a>(&self, inner: &'a mut Inner) -> &'a Writer {
        inner.writer.get_or_insert_with(|| Writer::start(&self.layout.index()))
    }

    /// Epochs whose objects are to be hashed again.
    pub fn suspects(&self) -> Suspects {
        self.lock().suspects.clone()
    }

    /// Looks up what the last session of this stream used before it is asked for, as far as it can be relied on as it is, and has it
    /// judged.
    pub(super) fn recall(&self, stream: &str, unread: bool, judge: &Arc<Judge>) {
        if self.suspects().is_empty() {
            let ids = self.with_index(|index| index.working_set(stream, unread)).unwrap_or_default();
            recall::begin(ids, self.layout.clone(), self.faults.clone(), Arc::downgrade(&self.inner), judge.clone());
        }
    }

    /// Notes an object; true if it must not be relied on.
    fn note(&self, inner: &mut Inner, output: Digest) -> bool {
        inner.is_unsafe(output, &self.layout, &self.faults)
    }

    fn index_fault(&self, error: &IndexError) {
        self.say(error, "what it would have known is made anew");
    }

    /// Says what is wrong with the index, or with the room for it.
    fn say(&self, error: &IndexError, then: &str) {
        match lacks_room(error, &self.layout) {
            Some(refusal) => self.takes_no_more(&refusal),
            None => self.faults.say("index", format!("{error}; {then}")),
        }
    }

    fn takes_no_more(&self, refusal: &str) {
        self.full.store(true, Ordering::Relaxed);
        self.faults.say("full", format!("{refusal}; what does not fit is not kept"));
    }

    /// Whether the store has refused something, which was said: what else cannot be written there need not be.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// A place for a body.
    pub fn incoming(&self) -> Incoming {
        Incoming::new(&self.layout)
    }

    /// Takes the empty body, which is one shared file, without writing it again.
    pub fn admit_empty(&self, entry: Entry) -> Result<String, PublishError> {
        let path = self.layout.object(Digest::EMPTY);
        {
            let mut inner = self.lock();
            let usable = !self.note(&mut inner, Digest::EMPTY) && (inner.empty_stands || store::stands(&path, 0));
            if usable {
                inner.empty_stands = true;
                self.keep(&mut inner, entry, None);
                return Ok(path);
            }
        }
        self.admit(entry, self.incoming())
    }

    /// Publishes a body and queues its row. The path is whole and stays until this session ends, whatever the disk does.
    pub fn admit(&self, entry: Entry, incoming: Incoming) -> Result<String, PublishError> {
        let standing = {
            let mut inner = self.lock();
            if self.note(&mut inner, entry.output) { Standing::Doomed } else { inner.standing(entry.output) }
        };
        let published = incoming.publish(&self.layout, entry.output, standing)?;
        let mut inner = self.lock();
        match published {
            Published::Shared => {
                let path = self.layout.object(entry.output);
                self.keep(&mut inner, entry, None);
                Ok(path)
            }
            Published::Private(path, aside) => {
                // That there is no store at all, or only one to read, is said elsewhere.
                if let Aside::Refused(error) = aside
                    && !inner.read_only
                    && inner.index.is_some()
                {
                    if let Some(refusal) = refusal(&error, &self.layout) {
                        self.takes_no_more(&refusal);
                    } else {
                        let object = self.layout.object(entry.output);
                        self.faults.say("store", format!("the store cannot take {object}: {error}; it is not kept"));
                    }
                }
                Ok(self.keep_private(&mut inner, &entry, &path))
            }
        }
    }

    /// Not indexed: it is this session's alone.
    fn keep_private(&self, inner: &mut Inner, entry: &Entry, path: &Path) -> String {
        let path = path.to_string_lossy().into_owned();
        if inner.read_only {
            self.queue(inner, entry.clone());
        }
        inner.recalled.forget(entry.action);
        inner.fresh.insert(entry.action, Fresh::new(entry, Some(path.clone())));
        path
    }

    /// Indexes an entry whose object is here already; None if it is not.
    pub fn adopt(&self, entry: Entry) -> Option<String> {
        let mut inner = self.lock();
        if self.note(&mut inner, entry.output) {
            return None;
        }
        let path = self.layout.object(entry.output);
        if !store::stands(&path, entry.size) || self.is_damaged(&mut inner, entry.output, &path) {
            return None;
        }
        // Rows that a power cut took said whether it had reached the disk; without them nobody knows.
        if inner.standing(entry.output) == Standing::Unknown && !store::is_whole(&path, entry.output) {
            return None;
        }
        self.keep(&mut inner, entry, None);
        Some(path)
    }

    fn keep(&self, inner: &mut Inner, entry: Entry, private: Option<String>) {
        inner.recalled.forget(entry.action);
        inner.fresh.insert(entry.action, Fresh::new(&entry, private));
        self.queue(inner, entry);
    }

    fn queue(&self, inner: &mut Inner, entry: Entry) {
        if inner.read_only {
            let store = self.layout.dir().display();
            self.faults.say("store", format!("the store {store} cannot be written; what this build makes is not kept"));
        } else if inner.index.is_some() {
            inner.grown = true;
            self.writer(inner).rows().put(entry);
        }
    }

    /// Queues an entry again that belongs to a group after all.
    pub fn relink(&self, entry: Entry) {
        let mut inner = self.lock();
        self.queue(&mut inner, entry);
    }

    /// Whether nothing can be written here.
    pub fn is_read_only(&self) -> bool {
        self.lock().read_only
    }

    /// Whether this session has added to the store.
    pub fn has_grown(&self) -> bool {
        self.lock().grown
    }

    /// Whether rows are to be committed.
    pub fn has_rows(&self) -> bool {
        self.lock().writer.is_some()
    }

    /// Nothing is looked up for a while.
    pub fn rest(&self) {
        if let Some(index) = &self.lock().index {
            index.end_snapshot();
        }
    }

    /// Commits what is queued.
    pub fn commit(&self, session: Option<SessionRow>) {
        self.rest();
        let writer = self.lock().writer.take();
        if let Some(Err(error)) = writer.map(|writer| writer.finish(session)) {
            self.say(&error, "what this build made is not kept");
        }
    }

    /// Runs `work` with the index, if there is one, and reports its error.
    pub fn with_index<T>(&self, work: impl FnOnce(&Index) -> Result<T, IndexError>) -> Option<T> {
        let inner = self.lock();
        work(inner.index.as_ref()?).inspect_err(|error| self.index_fault(error)).ok()
    }

    /// Gives the lease up: `go` has closed, and nobody will open what it was handed.
    pub fn end_lease(&self) {
        let mut inner = self.lock();
        inner.recalled.end();
        inner.hold.end();
    }

    /// `go` has gone without closing: the grace of what it was handed begins now.
    pub fn leave_lease(&self) {
        let mut inner = self.lock();
        inner.recalled.end();
        inner.hold.leave();
    }

    /// The folder whose file system has the objects.
    pub fn folder(&self) -> &Path {
        self.layout.dir()
    }
}

//! The remote side of a session, plugged into the local store and the chain.

use super::Shelf;
use super::decide::ChainDecides;
use crate::fault::Faults;
use crate::model::{Digest, Entry, Facts, Kind};
use crate::object;
use crate::policy::SharedChain;
use crate::remote::client::{Client, Settings};
use crate::remote::record::{Group, Member};
use crate::remote::share::{ShareJob, ShareReport, SharedGroup};
use crate::remote::target::{Health, StoreConfig};
use crate::remote::{Incoming, Local};
use crate::store::index::MemberRow;
use crate::store::{self, GroupRow, Used};
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

/// The client of a session's stores. None where there are none, or where they cannot be used as configured.
pub(super) fn client(
    stores: &[StoreConfig],
    stream: &str,
    shelf: &Arc<Shelf>,
    chain: &Arc<SharedChain>,
    faults: &Faults,
) -> Option<Client> {
    if stores.is_empty() {
        return None;
    }
    let local = Arc::new(ShelfLocal(shelf.clone()));
    let decide = Box::new(ChainDecides(chain.clone()));
    let settings = Settings::new(stream, shelf.layout().remote_dir());
    Client::new(stores.to_vec(), local, decide, settings)
        .inspect_err(|error| faults.say("remote", format!("{error}; nothing is fetched or shared")))
        .ok()
}

/// The shelf, as the remote room sees it.
struct ShelfLocal(Arc<Shelf>);

/// A body that arrives from a store.
struct ShelfIncoming {
    shelf: Arc<Shelf>,
    body: Option<store::Incoming>,
}

impl Write for ShelfIncoming {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        match &mut self.body {
            Some(body) => {
                body.write(chunk);
                Ok(chunk.len())
            }
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Incoming for ShelfIncoming {
    fn finish(mut self: Box<Self>, entry: &Entry) -> io::Result<String> {
        let body = self.body.take().ok_or(io::ErrorKind::BrokenPipe)?;
        if body.written() != entry.size {
            body.discard();
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is not {} bytes long", entry.output, entry.size)));
        }
        self.shelf.admit(entry.clone(), body).map_err(|error| match error {
            store::PublishError::Hash { .. } => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
            store::PublishError::NoRoom { .. } => io::Error::new(io::ErrorKind::StorageFull, error.to_string()),
        })
    }
}

impl Drop for ShelfIncoming {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            body.discard();
        }
    }
}

impl Local for ShelfLocal {
    fn incoming(&self, _size: u64) -> io::Result<Box<dyn Incoming>> {
        Ok(Box::new(ShelfIncoming { shelf: self.0.clone(), body: Some(self.0.incoming()) }))
    }

    fn adopt(&self, entry: &Entry) -> io::Result<Option<String>> {
        Ok(self.0.adopt(entry.clone()))
    }

    fn open(&self, output: Digest) -> io::Result<File> {
        File::open(self.0.layout().object(output))
    }
}

/// What a session shared.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub report: ShareReport,
    /// Bytes and kind of each group that a store did not hold before.
    pub groups: Vec<(u64, Kind)>,
}

/// What a session shares.
pub(super) struct Sharing<'a> {
    pub client: &'a Client,
    pub shelf: &'a Shelf,
    pub stores: &'a [StoreConfig],
    pub stream: &'a str,
    /// How long it may take.
    pub deadline: Duration,
}

impl Sharing<'_> {
    /// Shares those groups of what a session used that `may_leave` lets out (None = all), and notes in the index what each store is known to hold
    /// from now on. None if nothing is to be shared or published.
    pub fn run(&self, used: &[Used], may_leave: Option<impl FnMut(&GroupRow) -> bool>) -> Option<Shared> {
        let mut heads = self.shelf.with_index(|index| index.heads(used))?;
        heads.retain(|head| head.kind != Kind::ModuleIndex);
        if heads.is_empty() {
            return None;
        }
        let mut plan = self.client.close_plan();
        if let Some(mut may_leave) = may_leave {
            let groups = self.shelf.with_index(|index| index.groups(&heads))?;
            heads = groups.iter().filter(|group| may_leave(group)).map(|group| *group.head()).collect();
        }
        // Which bit of `held` a store has depends on what and where it is, not on its name or its place in the configuration.
        let identities: Vec<String> = self.stores.iter().map(|store| format!("{:?} {}", store.kind, store.namespace)).collect();
        let bits = self.shelf.with_index(|index| index.target_bits(&identities))?;
        // What an emptied bucket was once known to hold it does not hold any more.
        let emptied: Vec<bool> = self.client.targets().iter().map(|target| target.health == Health::Empty).collect();
        let noted = |head: &MemberRow| {
            let held = |target: &usize| head.held >> bits[*target] & 1 == 1 && !emptied[*target];
            (0..bits.len()).filter(held).fold(0, |mask, target| mask | 1 << target)
        };
        let known: Vec<u64> = heads.iter().map(|head| noted(head) | self.client.held(head.action, head.output)).collect();
        // A set that was published before, of groups that are all there, is not published again: a warm session touches no network, and reads
        // nothing but their heads.
        let contents = contents(&heads);
        let all_there = known.iter().fold(u64::MAX, |all, known| all & known);
        plan.publish.retain(|(target, name)| {
            let key = published_key(bits[*target], name);
            all_there >> target & 1 == 0 || self.shelf.with_index(|index| index.meta(&key)).flatten().as_deref() != Some(&contents)
        });
        plan.share.retain(|target| all_there >> target & 1 == 0);
        if heads.is_empty() || plan.share.is_empty() && plan.publish.is_empty() {
            return None;
        }
        let rows = self.shelf.with_index(|index| index.groups(&heads))?;
        let groups =
            std::iter::zip(&rows, &known).map(|(row, known)| SharedGroup { group: record(self.shelf, row), known: *known }).collect();
        let published = plan.publish.clone();
        let job = ShareJob { stream: self.stream.to_owned(), groups, plan, deadline: self.deadline };
        let report = self.client.share(job);
        let mut held = Vec::new();
        for (head, known) in std::iter::zip(&heads, &report.known) {
            let now = (0..bits.len()).filter(|target| known >> target & 1 == 1).fold(head.held, |mask, target| mask | 1 << bits[target]);
            if now != head.held {
                held.push((head.id, head.output, now));
            }
        }
        self.shelf.with_index(|index| index.note_held(&held));
        if report.complete {
            for (target, name) in published {
                self.shelf.with_index(|index| index.set_meta(&published_key(bits[target], &name), &contents));
            }
        }
        let before_and_after = std::iter::zip(&known, &report.known);
        let new = std::iter::zip(&rows, before_and_after).filter(|(_, (before, after))| *after & !*before != 0);
        let groups = new.map(|(row, _)| (row.size(), row.head().kind)).collect();
        Some(Shared { report, groups })
    }
}

/// What a set of the groups with these heads would name, whatever their order.
fn contents(heads: &[MemberRow]) -> String {
    let mut named: Vec<[u8; 64]> = Vec::with_capacity(heads.len());
    for head in heads {
        let mut pair = [0; 64];
        pair[..32].copy_from_slice(&head.action.0);
        pair[32..].copy_from_slice(&head.output.0);
        named.push(pair);
    }
    named.sort_unstable();
    Digest::of(named.as_flattened()).to_hex()
}

fn published_key(bit: u32, name: &str) -> String {
    format!("published/{bit}/{name}")
}

/// A member as a record has it, its body still to come.
pub fn member_of_record(row: &MemberRow) -> Member {
    let MemberRow { action, output, size, put, kind, cost, .. } = *row;
    Member { action, output, size, put, kind, cost, body: None }
}

fn record(shelf: &Shelf, row: &GroupRow) -> Group {
    let facts = match row.head().kind {
        Kind::Archive => File::open(shelf.layout().object(row.head().output))
            .map(|file| object::read_facts(&mut io::BufReader::new(file)))
            .unwrap_or_default(),
        _ => Facts::default(),
    };
    Group { members: row.members.iter().map(member_of_record).collect(), facts }
}

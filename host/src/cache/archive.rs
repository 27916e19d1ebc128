//! What archives say of themselves: read when a policy asks, once an object.

use crate::cache::Shelf;
use crate::model::{Digest, Facts};
use crate::object;
use crate::policy::FactSource;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads facts out of the store's archives, and remembers them in the index.
pub(super) struct ArchiveFacts {
    shelf: Arc<Shelf>,
    read: Mutex<HashMap<Digest, Option<Facts>>>,
}

impl ArchiveFacts {
    pub fn new(shelf: Arc<Shelf>) -> Self {
        Self { shelf, read: Mutex::default() }
    }
}

impl FactSource for ArchiveFacts {
    fn facts(&self, output: Digest) -> Option<Facts> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.entry(output)
            .or_insert_with(|| {
                if let Some(Some(known)) = self.shelf.with_index(|index| index.facts(output)) {
                    return Some(known);
                }
                let file = File::open(self.shelf.layout().object(output)).ok()?;
                let facts = object::read_facts(&mut BufReader::new(file));
                self.shelf.with_index(|index| index.keep_facts(output, &facts));
                Some(facts)
            })
            .clone()
    }
}

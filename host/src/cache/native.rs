//! What was found in Go's own cache directory, taken into the store where it is to be shared: other machines want it as much as what
//! cachewit itself was given, and a record can only name what the store holds and has hashed.

use super::groups::Groups;
use super::{PutBody, Shelf};
use crate::model::{Digest, Entry, Kind, Origin};
use crate::object;
use crate::store::{Native, NativeHit};
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Takes what these actions lead to into the store, in their order and until `most` is over. What turns out not to be what its name
/// says is left where it is.
pub(super) fn adopt(native: &Native, shelf: &Shelf, actions: &[Digest], most: Duration) {
    let until = Instant::now() + most;
    let mut groups = Groups::default();
    for action in actions {
        groups.missed(*action);
    }
    let mut buffer = vec![0; 256 << 10];
    for action in actions {
        if Instant::now() > until {
            return;
        }
        let Some(hit) = native.find(*action) else { continue };
        let (head, kind) = groups.head(*action);
        // What `go` cannot read either is no fault of this session's.
        let _ = adopt_one(shelf, *action, hit, head, kind, &mut buffer);
    }
}

fn adopt_one(shelf: &Shelf, action: Digest, hit: NativeHit, head: Digest, kind: Option<Kind>, buffer: &mut [u8]) -> io::Result<()> {
    let NativeHit { output, size, put, path } = hit;
    let mut body = PutBody { incoming: shelf.incoming(), head: Vec::new() };
    if let Err(error) = copy(&path, &mut body, buffer) {
        body.discard();
        return Err(error);
    }
    let kind = kind.unwrap_or_else(|| object::sniff(&body.head));
    let entry = Entry { action, output, size, put, kind, cost: None, head, origin: Origin::Native };
    shelf.admit(entry, body.incoming).map(drop).map_err(io::Error::other)
}

fn copy(path: &str, body: &mut PutBody, buffer: &mut [u8]) -> io::Result<()> {
    let mut file = File::open(path)?;
    loop {
        match file.read(buffer)? {
            0 => return Ok(()),
            read => body.write(&buffer[..read]),
        }
    }
}

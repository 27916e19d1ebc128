//! A store that takes no more: what is behind it, in words that help.

use crate::store::{self, IndexError, Layout};
use std::io;

/// Why the store takes no more; None if it refused for another reason than room.
pub(super) fn refusal(error: &io::Error, layout: &Layout) -> Option<String> {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    let why = match error.kind() {
        QuotaExceeded => "this user's quota on its disk is used up: free some of it, or lower `max-size`",
        StorageFull => "its disk is full: free some space, or lower `max-size`",
        _ => return None,
    };
    Some(format!("the store {} takes no more, since {why}", layout.dir().display()))
}

/// The same, where that is what is behind an error of the index.
pub(super) fn lacks_room(error: &IndexError, layout: &Layout) -> Option<String> {
    let room = error.may_lack_room().then(|| store::room(layout))?;
    room.err().and_then(|error| refusal(&error, layout))
}

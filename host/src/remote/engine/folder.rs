//! A folder.

use super::dal::Open;
use opendal::Operator;
use opendal::services::Fs;
use std::path::Path;

/// Objects are written beside the layout and renamed into it, so that a reader never sees half of one.
const TEMPORARY: &str = "tmp";

/// What opens the folder, and makes it where it is missing.
pub(super) fn builder(path: &Path) -> Open {
    let root = path.to_string_lossy();
    let temporary = path.join(TEMPORARY);
    let service = Fs::default().root(&root).atomic_write_dir(&temporary.to_string_lossy());
    Box::new(move || Operator::new(service))
}

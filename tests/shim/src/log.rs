//! What the shim writes down: one record a call, of those that succeeded. Paths are relative to the watched folder; files are named by
//! their inodes, which a removed file may leave to a new one.

/// How the file system numbers a file.
pub type Inode = u64;

/// A call that changed something, or brought it to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A file of this name came to be.
    Create(String, Inode),
    /// Bytes were written at an offset.
    Write(Inode, u64, Vec<u8>),
    /// The file was made as long as this, be that shorter or longer.
    Resize(Inode, u64),
    /// Space was reserved up to here, and the file made longer if it was not as long.
    Reserve(Inode, u64),
    /// The first name became the second, over whatever stood there.
    Rename(String, String),
    /// The file of the first name got the second as well.
    Link(String, String),
    /// A name was removed.
    Unlink(String),
    /// A folder was made.
    MakeFolder(String),
    /// A folder was removed.
    RemoveFolder(String),
    /// A file's bytes were brought to the disk.
    Sync(Inode),
    /// A folder's names were brought to the disk.
    SyncFolder(String),
    /// All of the file system was brought to the disk.
    SyncAll,
}

/// What stands before each record's names and bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header {
    pub kind: u32,
    pub name: u32,
    pub other: u32,
    pub data: u32,
    pub inode: u64,
    pub at: u64,
}

pub(crate) const CREATE: u32 = 1;
pub(crate) const WRITE: u32 = 2;
pub(crate) const RESIZE: u32 = 3;
pub(crate) const RESERVE: u32 = 4;
pub(crate) const RENAME: u32 = 5;
pub(crate) const LINK: u32 = 6;
pub(crate) const UNLINK: u32 = 7;
pub(crate) const MAKE_FOLDER: u32 = 8;
pub(crate) const REMOVE_FOLDER: u32 = 9;
pub(crate) const SYNC: u32 = 10;
pub(crate) const SYNC_FOLDER: u32 = 11;
pub(crate) const SYNC_ALL: u32 = 12;

const HEADER: usize = 32;

impl Header {
    /// Its bytes.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing is recorded there"))]
    pub fn bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        for (place, word) in [self.kind, self.name, self.other, self.data].into_iter().enumerate() {
            bytes[place * 4..][..4].copy_from_slice(&word.to_le_bytes());
        }
        bytes[16..24].copy_from_slice(&self.inode.to_le_bytes());
        bytes[24..].copy_from_slice(&self.at.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8; HEADER]) -> Self {
        let word = |place: usize| u32::from_le_bytes([bytes[place], bytes[place + 1], bytes[place + 2], bytes[place + 3]]);
        let long = |place: usize| u64::from(word(place)) | u64::from(word(place + 4)) << 32;
        Self { kind: word(0), name: word(4), other: word(8), data: word(12), inode: long(16), at: long(24) }
    }
}

/// Reads a log.
///
/// # Panics
/// Where it is none: a recorder that loses calls proves nothing.
pub fn read(mut log: &[u8]) -> Vec<Call> {
    let mut calls = Vec::new();
    while !log.is_empty() {
        let (header, rest) = log.split_first_chunk().expect("a whole header");
        let Header { kind, name, other, data, inode, at } = Header::read(header);
        let (name, rest) = rest.split_at(name as usize);
        let (other, rest) = rest.split_at(other as usize);
        let (data, rest) = rest.split_at(data as usize);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the store's names are UTF-8");
        calls.push(match kind {
            CREATE => Call::Create(text(name), inode),
            WRITE => Call::Write(inode, at, data.to_vec()),
            RESIZE => Call::Resize(inode, at),
            RESERVE => Call::Reserve(inode, at),
            RENAME => Call::Rename(text(name), text(other)),
            LINK => Call::Link(text(name), text(other)),
            UNLINK => Call::Unlink(text(name)),
            MAKE_FOLDER => Call::MakeFolder(text(name)),
            REMOVE_FOLDER => Call::RemoveFolder(text(name)),
            SYNC => Call::Sync(inode),
            SYNC_FOLDER => Call::SyncFolder(text(name)),
            SYNC_ALL => Call::SyncAll,
            _ => panic!("a record of the kind {kind}"),
        });
        log = rest;
    }
    calls
}

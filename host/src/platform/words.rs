//! 64-bit words at the beginning of a file, shared with other processes through memory.

use std::fs::File;
use std::io;

/// A file's words, mapped. Reading or writing one is a few nanoseconds instead of a call into the kernel.
///
/// Other processes read and write the same file with ordinary calls and see the same bytes: on a file system of this machine there is
/// one copy of them in memory. [`SharedWords::map`] refuses where that does not hold.
#[derive(Debug)]
pub struct SharedWords {
    #[cfg(unix)]
    start: std::ptr::NonNull<std::sync::atomic::AtomicU64>,
    words: usize,
}

// SAFETY: the mapping belongs to this value alone and is only reached through atomics, which any thread may use.
#[cfg(unix)]
#[allow(unsafe_code, reason = "a raw pointer is neither Send nor Sync by itself")]
unsafe impl Send for SharedWords {}

impl SharedWords {
    /// Maps the first `words` words of a file that is open for reading and writing, which is made as long as they are and its space
    /// reserved: running out of it later would be a signal and not an error.
    #[cfg(unix)]
    pub fn map(file: &File, words: usize) -> io::Result<Self> {
        use rustix::fs::{FallocateFlags, fallocate, fstatfs};
        use rustix::mm::{MapFlags, ProtFlags, mmap};
        if super::volume::is_remote(&fstatfs(file)?) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let bytes = words * 8;
        fallocate(file, FallocateFlags::empty(), 0, bytes as u64)?;
        // SAFETY: the kernel chooses the place, so nothing of ours is mapped over. The file has these bytes, and nobody shortens it:
        // leases are removed and the generation is overwritten, neither is ever truncated.
        #[allow(unsafe_code, reason = "there is no safe call that maps a file which other processes write")]
        let start = unsafe { mmap(std::ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file, 0)? };
        let start = std::ptr::NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, words })
    }

    /// Maps nothing: this system's files are read and written.
    #[cfg(not(unix))]
    pub fn map(_: &File, _: usize) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Words that are mapped.
    pub fn count(&self) -> usize {
        self.words
    }

    /// Writes a word, before anything that this thread reads or writes later. Past the end nothing happens.
    pub fn store(&self, word: usize, value: u64) {
        #[cfg(unix)]
        if let Some(place) = self.place(word) {
            place.store(value.to_le(), std::sync::atomic::Ordering::SeqCst);
        }
        #[cfg(not(unix))]
        let _ = (word, value);
    }

    /// Reads a word, after everything that this thread has written. Past the end it is 0.
    pub fn load(&self, word: usize) -> u64 {
        #[cfg(unix)]
        return self.place(word).map_or(0, |place| u64::from_le(place.load(std::sync::atomic::Ordering::SeqCst)));
        #[cfg(not(unix))]
        {
            let _ = word;
            0
        }
    }

    #[cfg(unix)]
    fn place(&self, word: usize) -> Option<&std::sync::atomic::AtomicU64> {
        if word >= self.words {
            return None;
        }
        // SAFETY: within the mapping, which lives as long as `self`, starts at a page and so is aligned for words, and is only ever
        // reached as atomics by this process.
        #[allow(unsafe_code, reason = "mapped memory is reached through a pointer")]
        Some(unsafe { self.start.add(word).as_ref() })
    }
}

#[cfg(unix)]
impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: what `map` has mapped, once; no reference into it outlives `self`.
        #[allow(unsafe_code, reason = "the counterpart of mmap")]
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.words * 8) };
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn words_and_calls_see_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        let words = SharedWords::map(&file, 1024).unwrap();
        assert_eq!((words.load(3), words.count()), (0, 1024));
        words.store(3, 0x0102_0304_0506_0708);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes.len(), &bytes[24..32]), (8192, &[8, 7, 6, 5, 4, 3, 2, 1][..]));
        super::super::write_at(&file, &7_u64.to_le_bytes(), 8).unwrap();
        assert_eq!(words.load(1), 7);
        // Past the end, nothing.
        words.store(1024, 1);
        assert_eq!(words.load(1024), 0);
    }
}

//! Buffered input whose buffer can hold a whole request object.

use std::io::{self, ErrorKind, Read};

/// Bytes read at once at most. Larger than a request object may be, so that a torn one always has room to be completed.
pub(super) const BUFFER: usize = 256 * 1024;

pub(super) struct Input<R> {
    source: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<R: Read> Input<R> {
    pub fn new(source: R) -> Self {
        Self { source, buffer: vec![0; BUFFER].into_boxed_slice(), start: 0, end: 0 }
    }

    /// What has been read and not yet consumed.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Drops the first `count` bytes of the rest.
    pub fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    /// Reads behind the rest, which moves to the front of the buffer. `false` at the end of input.
    pub fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The first byte that is no blank; those before it are consumed. `None` at the end of input.
    pub fn first_unblank(&mut self) -> io::Result<Option<u8>> {
        loop {
            let rest = self.rest();
            let unblank = super::scan::skip_blanks(rest);
            let (blanks, first) = (rest.len() - unblank.len(), unblank.first().copied());
            self.consume(blanks);
            if first.is_some() {
                return Ok(first);
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }
}

//! Bodies on the wire: one zstd frame (level 1) of the bytes. Packing and unpacking stream; nothing is held whole.

use super::Incoming;
use super::envelope::WINDOW_LOG;
use crate::model::{Digest, Entry};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};

/// Why a body was not packed or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is not what its record says: damaged, of another size, of another digest.
    #[error("the body is not its output: {0}")]
    Wrong(String),
    /// The local disk did not do its part.
    #[error(transparent)]
    Local(#[from] io::Error),
}

/// Unpacks a frame into an incoming body, chunk by chunk.
pub struct Unpacker {
    decoder: zstd::stream::write::Decoder<'static, Guard>,
    wire: u64,
    wire_max: u64,
}

/// Lets as many bytes through as were announced.
struct Guard {
    sink: Box<dyn Incoming>,
    left: u64,
    local: bool,
}

impl Write for Guard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more bytes than announced"));
        }
        self.left -= bytes.len() as u64;
        self.sink.write_all(bytes).inspect_err(|_| self.local = true)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush().inspect_err(|_| self.local = true)
    }
}

impl Unpacker {
    /// Unpacks into `sink` at most `size` bytes: a bomb unfolds no further than what was announced.
    pub fn new(sink: Box<dyn Incoming>, size: u64) -> io::Result<Self> {
        let mut decoder = zstd::stream::write::Decoder::new(Guard { sink, left: size, local: false })?;
        decoder.window_log_max(WINDOW_LOG)?;
        // Frames that hold nothing could be sent for ever; an incompressible body grows by three bytes a block.
        Ok(Self { decoder, wire: 0, wire_max: size.saturating_add(size / 64).saturating_add(1024) })
    }

    /// Takes the next bytes off the wire.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        self.wire += bytes.len() as u64;
        if self.wire > self.wire_max {
            return Err(BodyError::Wrong("more compressed than plain bytes".to_owned()));
        }
        let written = self.decoder.write_all(bytes);
        self.judge(written)
    }

    /// Bytes taken off the wire.
    pub fn wire(&self) -> u64 {
        self.wire
    }

    /// Bytes still to come.
    pub fn left(&self) -> u64 {
        self.decoder.get_ref().left
    }

    /// Admits the body under `entry`, if it is whole and hashes to its output, and answers its path.
    pub fn finish(mut self, entry: &Entry) -> Result<String, BodyError> {
        let finished = self.decoder.do_finish();
        self.judge(finished)?;
        if self.left() != 0 {
            return Err(BodyError::Wrong("fewer bytes than announced".to_owned()));
        }
        admit(self.decoder.into_inner().sink, entry)
    }

    fn judge(&self, result: io::Result<()>) -> Result<(), BodyError> {
        result.map_err(|error| if self.decoder.get_ref().local { error.into() } else { BodyError::Wrong(error.to_string()) })
    }
}

/// Finishes an incoming body; wrong bytes are told from local trouble.
pub(super) fn admit(sink: Box<dyn Incoming>, entry: &Entry) -> Result<String, BodyError> {
    sink.finish(entry).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => BodyError::Wrong(error.to_string()),
        _ => BodyError::Local(error),
    })
}

/// Packs a local object, and hashes it on the way so that a damaged one never spreads.
pub struct Packer {
    file: File,
    hash: Sha256,
    read: u64,
    encoder: Option<zstd::stream::write::Encoder<'static, Vec<u8>>>,
}

impl Packer {
    /// Packs `file`, which should be `size` bytes long.
    pub fn new(file: File, size: u64) -> io::Result<Self> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
        encoder.set_pledged_src_size(Some(size))?;
        Ok(Self { file, hash: Sha256::new(), read: 0, encoder: Some(encoder) })
    }

    /// The next part of at least `least` bytes, or the last one; `None` after that.
    pub fn part(&mut self, least: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(encoder) = &mut self.encoder else { return Ok(None) };
        let mut buffer = vec![0; 128 << 10];
        while encoder.get_ref().len() < least {
            let count = self.file.read(&mut buffer)?;
            if count == 0 {
                return self.encoder.take().map(zstd::stream::write::Encoder::finish).transpose();
            }
            self.read += count as u64;
            self.hash.update(&buffer[..count]);
            encoder.write_all(&buffer[..count])?;
        }
        Ok(Some(std::mem::take(encoder.get_mut())))
    }

    /// Whether what was packed is `output`; to be asked after the last part and before anybody can read it.
    pub fn verify(self, output: Digest) -> Result<(), BodyError> {
        let found = Digest(self.hash.finalize().into());
        if self.encoder.is_none() && found == output { Ok(()) } else { Err(BodyError::Wrong(format!("{output} is damaged on this disk"))) }
    }
}

/// An object's bytes, which must be those of `output` and no more than `size`.
pub(super) fn read_small(file: File, output: Digest, size: u64) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    file.take(size + 1).read_to_end(&mut bytes)?;
    if Digest::of(&bytes) == output { Ok(bytes) } else { Err(BodyError::Wrong(format!("{output} is damaged on this disk"))) }
}

//! What records and working sets have in common: a few plain bytes, room for a signature, and a compressed payload.
//!
//! ```text
//! "cw"  kind  version  signature length (u16, big endian)  signature  one zstd frame
//! ```
//!
//! The signature will cover everything after itself, so that it can be checked before anything is decompressed. Nothing signs
//! yet and its length is zero; a reader skips what it does not verify. A change of the payload's shape is a new version, and an
//! unknown version is no record at all.

use std::io::{self, Read};

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Record = b'r' as isize,
    Set = b's' as isize,
}

/// Why bytes from a store are not what their key says.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Another format, or a version that this program does not know.
    #[error("not a format that this version reads")]
    Format,
    /// The compressed part is damaged or ends early.
    #[error("damaged: {0}")]
    Damaged(#[from] io::Error),
    /// Longer than anything we write.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// Decompressed well, but says something impossible.
    #[error("{0}")]
    Content(&'static str),
}

/// The newest version, and the only one so far.
const VERSION: u8 = 1;

/// Windows beyond 8 MiB are refused: we never write one, and a hostile frame could make us allocate it.
pub(super) const WINDOW_LOG: u32 = 23;

pub(super) fn seal(sort: Sort, payload: &[u8]) -> io::Result<Vec<u8>> {
    let mut sealed = vec![b'c', b'w', sort as u8, VERSION, 0, 0];
    zstd::stream::copy_encode(payload, &mut sealed, 1)?;
    Ok(sealed)
}

pub(super) fn open(sort: Sort, bytes: &[u8], limit: u64) -> Result<Vec<u8>, DecodeError> {
    let [b'c', b'w', what, VERSION, high, low, rest @ ..] = bytes else { return Err(DecodeError::Format) };
    if *what != sort as u8 {
        return Err(DecodeError::Format);
    }
    let signature = usize::from(u16::from_be_bytes([*high, *low]));
    let frame = rest.get(signature..).ok_or(DecodeError::Format)?;
    let mut decoder = zstd::stream::read::Decoder::with_buffer(frame)?.single_frame();
    decoder.window_log_max(WINDOW_LOG)?;
    let mut payload = Vec::new();
    decoder.take(limit + 1).read_to_end(&mut payload)?;
    if payload.len() as u64 > limit { Err(DecodeError::TooLarge(limit)) } else { Ok(payload) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_survives_and_a_bomb_does_not_unfold() {
        let sealed = seal(Sort::Set, b"payload").unwrap();
        assert_eq!(open(Sort::Set, &sealed, 7).unwrap(), b"payload");
        assert!(matches!(open(Sort::Record, &sealed, 7), Err(DecodeError::Format)));
        let bomb = seal(Sort::Set, &vec![0; 1 << 24]).unwrap();
        assert!(bomb.len() < 4096, "the bomb is no bomb: {}", bomb.len());
        assert!(matches!(open(Sort::Set, &bomb, 1 << 20), Err(DecodeError::TooLarge(_))));
    }

    #[test]
    fn a_signature_is_skipped_and_cannot_reach_past_the_end() {
        let mut sealed = seal(Sort::Record, b"x").unwrap();
        sealed[5] = 3;
        sealed.splice(6..6, *b"sig");
        assert_eq!(open(Sort::Record, &sealed, 10).unwrap(), b"x");
        sealed[4] = 255;
        assert!(matches!(open(Sort::Record, &sealed, 10), Err(DecodeError::Format)));
    }

    #[test]
    fn every_cut_is_an_error() {
        let sealed = seal(Sort::Record, &[7; 300]).unwrap();
        for cut in 0..sealed.len() {
            assert!(open(Sort::Record, &sealed[..cut], 1000).is_err(), "{cut}");
        }
    }
}

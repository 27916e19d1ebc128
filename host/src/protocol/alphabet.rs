//! The one base64 that `go` writes: standard alphabet, padded.

use base64::Engine as _;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::general_purpose::{PAD, STANDARD};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::simd::Simd;

use super::Problem;
use crate::model::Digest;

/// Characters of an encoded digest.
pub(super) const DIGEST: usize = 44;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) type Base64 = Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) type Base64 = GeneralPurpose;

/// The fastest engine of this machine, for bodies.
pub(super) fn engine() -> Base64 {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Simd::standard(PAD);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return GeneralPurpose::new(&base64::alphabet::STANDARD, PAD);
}

/// The digest that `text` encodes; without an allocation where it has the right length.
///
/// By the plain engine: finding out what the processor can do costs a start more than the digests of a `go list`.
pub(super) fn digest(text: &[u8], field: &'static str) -> Result<Digest, Problem> {
    if text.len() == DIGEST {
        // The engine wants room for three bytes a quad, padding or not.
        let mut bytes = [0; DIGEST / 4 * 3];
        let length = STANDARD.decode_slice(text, &mut bytes).map_err(|_| Problem::NotBase64(field))?;
        return Digest::from_slice(&bytes[..length]).ok_or(Problem::WrongLength { field, length });
    }
    let length = STANDARD.decode(text).map_err(|_| Problem::NotBase64(field))?.len();
    Err(Problem::WrongLength { field, length })
}

/// Characters that encode `size` bytes.
pub(super) fn encoded_length(size: u64) -> u64 {
    size.div_ceil(3).saturating_mul(4)
}

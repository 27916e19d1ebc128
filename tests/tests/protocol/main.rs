//! The protocol between `go` and one host with a store of its own, spoken by a scripted client.

mod answers;
mod framing;
mod lost;
mod refused;

use cachewit::model::Digest;

/// An action that no other number has.
fn action(number: u64) -> Digest {
    Digest::of(&number.to_le_bytes())
}

/// Bytes that repeat nowhere soon, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(byte).take(length).collect()
}

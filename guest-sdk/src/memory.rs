//! What a policy remembers from one session to the next: up to 64 KiB, under its name and [`STATE_VERSION`](crate::Policy::STATE_VERSION).
//!
//! An instance ends with its session, and its memory with it. Of sessions that run side by side the one that ends last is remembered:
//! a place for estimates, such as a sketch of what is popular, and not for truths.

/// The longest that can be remembered, in bytes.
pub const MOST_BYTES: usize = 64 << 10;

/// What was saved last; empty if nothing was.
pub fn load() -> Vec<u8> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::context::cachewit::policy::state::load();
    #[cfg(not(target_arch = "wasm32"))]
    crate::fake::memory()
}

/// Replaces it. False if it is too long; then what was saved before stays.
pub fn save(bytes: &[u8]) -> bool {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::context::cachewit::policy::state::save(bytes) == 1;
    #[cfg(not(target_arch = "wasm32"))]
    crate::fake::remember(bytes)
}

//! Counters of a policy's own, which stand in the session's summary and in `cachewit stats`.

/// Adds to a counter, which begins at 0. A name has 1 to 64 characters of `a-z0-9._-`; what has another name is dropped.
pub fn add(name: &str, value: u64) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::context::cachewit::policy::counters::add(name, value);
    #[cfg(not(target_arch = "wasm32"))]
    crate::fake::count(name, value);
}

//! Tests of a policy as builds will run it: its component, in the engine of an installed `cachewit`.
//!
//! `cachewit_guest::fake` tests the Rust code, in milliseconds. What it cannot tell is whether the component that comes out of it answers
//! the same: whether it is within the sandbox's bounds, whether it wishes for the facts that it reads, whether the host takes its answers.
//! [`Component`] has the traits of every role, so that one function tests both:
//!
//! ```
//! use cachewit_guest::fake::{Group, Session};
//! use cachewit_guest::{Admission, Admit};
//!
//! fn secrets_stay_here(policy: &mut impl Admission) {
//!     let group = Group::archive("corp.example/secret/key");
//!     assert_eq!(policy.admit(&group, &Session::default()), Admit::NO_OPINION.share(false));
//! }
//! ```
//!
//! ```no_run
//! # fn secrets_stay_here(policy: &mut impl cachewit_guest::Admission) {}
//! use cachewit_guest_test::Component;
//!
//! #[test]
//! fn secrets_stay_here_when_builds_ask() {
//!     let component = Component::built().settings(r#"{"deny": ["corp.example/secret/..."]}"#).start().unwrap();
//!     secrets_stay_here(&mut { component });
//! }
//! ```
//!
//! The program is `cachewit` on the `PATH`, or what the variable `CACHEWIT_BIN` names: what a test says holds for that version of it. Nothing
//! of WebAssembly is compiled into the test. [`Component::built`] needs `rustup target add wasm32-wasip2`, once.
//!
//! # What is different from a fake
//!
//! - All facts of a [`Session`](cachewit_guest::Session) that the component wishes for are granted. Another session is another `go` command: a new
//!   instance, which remembers what the last one saved.
//! - The host says how far a group is trusted by where it comes from, so the two have to fit.
//! - The clock is the machine's.

mod ask;
mod build;
mod event;
mod program;

pub use program::{Component, Setup, Unusable};

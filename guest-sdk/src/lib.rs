//! Write a cachewit policy.
//!
//! A policy is a plain Rust type. It implements [`Policy`] (its name and its settings) and the trait of each role that it
//! wants to have, and [`export!`] turns it into a component that exports exactly those roles:
//!
//! ```
//! use cachewit_guest::{ConfigError, Eviction, Policy, Rows, settings};
//!
//! settings! {
//!     /// What the operator may set.
//!     pub struct Settings {
//!         /// Kept last, whatever their age: groups of at least this many bytes.
//!         pub big: u64 = 1 << 20,
//!     }
//! }
//!
//! pub struct BigLast(Settings);
//!
//! impl Policy for BigLast {
//!     const NAME: &'static str = "big-last";
//!     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
//!     type Settings = Settings;
//!
//!     fn configure(settings: Settings) -> Result<Self, ConfigError> {
//!         Ok(Self(settings))
//!     }
//! }
//!
//! impl Eviction for BigLast {
//!     fn score(&mut self, rows: &dyn Rows, first: u32, count: u32) -> Vec<f64> {
//!         let ranks = rows.ranks(first, count);
//!         let sizes = rows.sizes(first, count);
//!         let later = f64::from(rows.len());
//!         std::iter::zip(ranks, sizes).map(|(rank, size)| f64::from(rank) + if size >= self.0.big { later } else { 0.0 }).collect()
//!     }
//! }
//!
//! cachewit_guest::export!(BigLast: eviction);
//! # fn main() {}
//! ```
//!
//! The crate type is `["cdylib", "rlib"]`; `cargo build --release --target wasm32-wasip2` makes the component and `cargo test`
//! runs the logic natively against the contexts in [`fake`].
//!
//! # Admission
//!
//! What may stay here and what may leave. `None` is "no opinion"; in a chain the most restrictive answer wins.
//!
//! ```
//! # use cachewit_guest::{Admission, Admit, ConfigError, Fact, Group, Pattern, Policy, Session};
//! struct Secret(Pattern);
//!
//! impl Admission for Secret {
//!     fn admit(&mut self, group: &dyn Group, _: &dyn Session) -> Admit {
//!         let secret = match group.fact("import-path") {
//!             // Every program is called `main`, wherever it lies.
//!             Fact::Known(path) => path == "main" || self.0.matches(&path),
//!             // It could not be read, or is no package: an executable may have the secret one in it.
//!             Fact::Unknown | Fact::Absent => true,
//!         };
//!         if secret { Admit::NO_OPINION.share(false) } else { Admit::NO_OPINION }
//!     }
//! }
//! # impl Policy for Secret {
//! #     const NAME: &'static str = "secret";
//! #     const VERSION: &'static str = "0.1.0";
//! #     type Settings = ();
//! #     fn configure((): ()) -> Result<Self, ConfigError> { Ok(Self("corp.example/secret/...".parse().unwrap())) }
//! # }
//! # cachewit_guest::export!(Secret: admission);
//!
//! let mut policy = Secret::configure(())?;
//! let session = cachewit_guest::fake::Session::default();
//! let group = cachewit_guest::fake::Group::archive("corp.example/secret/key");
//! assert_eq!(policy.admit(&group, &session), Admit { keep: None, share: Some(false) });
//! # Ok::<(), ConfigError>(())
//! ```
//!
//! # Serving
//!
//! Whether a hit may be served. It is asked on every hit, so have this role only to refuse some, and answer [`Serve::AbstainFromOrigin`]
//! where it refuses none of those that come from there, and [`Serve::Abstain`] where it refuses none in the whole session.
//!
//! ```
//! # use cachewit_guest::{ConfigError, Group, Policy, Serve, Serving, Session, Trust};
//! struct SignedOnly;
//!
//! impl Serving for SignedOnly {
//!     fn serve(&mut self, group: &dyn Group, _: &dyn Session) -> Serve {
//!         if group.trust() == Trust::Hashed { Serve::Refuse } else { Serve::NoOpinion }
//!     }
//! }
//! # impl Policy for SignedOnly {
//! #     const NAME: &'static str = "signed-only";
//! #     const VERSION: &'static str = "0.1.0";
//! #     type Settings = ();
//! #     fn configure((): ()) -> Result<Self, ConfigError> { Ok(Self) }
//! # }
//! # cachewit_guest::export!(SignedOnly: serving);
//!
//! let group = cachewit_guest::fake::Group { trust: Trust::Hashed, ..Default::default() };
//! assert_eq!(SignedOnly.serve(&group, &cachewit_guest::fake::Session::default()), Serve::Refuse);
//! ```
//!
//! # Eviction
//!
//! Who goes first: a score a row, the lowest first. This one keeps a count of its own in each row's tag.
//!
//! ```
//! # use cachewit_guest::{ConfigError, Eviction, Policy, Rows};
//! # use cachewit_guest::fake::{Row, Trim};
//! struct Survivors;
//!
//! impl Eviction for Survivors {
//!     fn score(&mut self, rows: &dyn Rows, first: u32, count: u32) -> Vec<f64> {
//!         rows.tags(first, count).into_iter().map(|trims_survived| trims_survived as f64).collect()
//!     }
//!
//!     fn end(&mut self, rows: &dyn Rows) {
//!         let tags: Vec<u64> = rows.tags(0, rows.len()).into_iter().map(|tag| tag + 1).collect();
//!         rows.set_tags(0, &tags);
//!     }
//! }
//! # impl Policy for Survivors {
//! #     const NAME: &'static str = "survivors";
//! #     const VERSION: &'static str = "0.1.0";
//! #     type Settings = ();
//! #     fn configure((): ()) -> Result<Self, ConfigError> { Ok(Self) }
//! # }
//! # cachewit_guest::export!(Survivors: eviction);
//!
//! let trim = Trim::new(vec![Row { tag: 3, ..Row::default() }, Row { tag: 0, ..Row::default() }], 1);
//! assert_eq!(trim.order(&mut Survivors), [1, 0]);
//! assert_eq!(trim.rows.borrow()[0].tag, 4);
//! ```
//!
//! # Observer
//!
//! Learns what happened, and counts: [`counter`] stands in summaries and in `cachewit stats`, [`memory`] is there again in the next session.
//!
//! ```
//! # use cachewit_guest::{ConfigError, Events, Observer, Policy, Session, What};
//! struct Rebuilds;
//!
//! impl Observer for Rebuilds {
//!     fn observe(&mut self, events: &dyn Events, _: &dyn Session, first: u32, count: u32) {
//!         let puts = events.run(first, count).into_iter().filter(|event| event.what == What::Put);
//!         let micros: u64 = puts.filter_map(|event| event.cost).map(|cost| cost.as_micros() as u64).sum();
//!         cachewit_guest::counter::add("rebuilt-us", micros);
//!     }
//! }
//! # impl Policy for Rebuilds {
//! #     const NAME: &'static str = "rebuilds";
//! #     const VERSION: &'static str = "0.1.0";
//! #     type Settings = ();
//! #     fn configure((): ()) -> Result<Self, ConfigError> { Ok(Self) }
//! # }
//! # cachewit_guest::export!(Rebuilds: observer);
//!
//! # use cachewit_guest::{Event, fake};
//! # use std::time::Duration;
//! let put = Event { what: What::Put, cost: Some(Duration::from_millis(3)), ..Event::default() };
//! fake::Events(vec![put; 5]).tell(&mut Rebuilds, &fake::Session::default(), 2);
//! assert_eq!(fake::take_counters()["rebuilt-us"], 15_000);
//! ```
//!
//! # Remote
//!
//! Which sets to load, whom to ask, where to share. A method that is not written passes to the next policy of the chain.
//!
//! ```
//! # use cachewit_guest::{Ask, ConfigError, Decision, Plan, Policy, Remote, Request, Session, Target, Targets};
//! # use std::time::Duration;
//! struct Patient;
//!
//! impl Remote for Patient {
//!     fn route(&mut self, request: &dyn Request, targets: &dyn Targets, _: &dyn Session, plan: &dyn Plan) -> Decision {
//!         // What is made in a moment is not worth a wait.
//!         if request.cost().is_some_and(|cost| cost < Duration::from_millis(20)) {
//!             return Decision::Decided;
//!         }
//!         for target in targets.all().iter().filter(|target| target.readable && request.named() >> target.index & 1 == 1) {
//!             plan.ask(Ask { target: target.index, wait: None });
//!         }
//!         Decision::Decided
//!     }
//! }
//! # impl Policy for Patient {
//! #     const NAME: &'static str = "patient";
//! #     const VERSION: &'static str = "0.1.0";
//! #     type Settings = ();
//! #     fn configure((): ()) -> Result<Self, ConfigError> { Ok(Self) }
//! # }
//! # cachewit_guest::export!(Patient: remote);
//!
//! let target = Target { index: 0, name: "bucket".into(), readable: true, ..Target::default() };
//! let network = cachewit_guest::fake::Network { targets: vec![target], named: 0b1, ..Default::default() };
//! let session = cachewit_guest::fake::Session::default();
//! assert_eq!(Patient.route(&network, &network, &session, &network), Decision::Decided);
//! assert_eq!(*network.plan.borrow(), ["ask 0"]);
//! ```

mod code;
pub mod counter;
pub mod fake;
pub mod log;
pub mod memory;
mod pattern;
mod role;
mod settings;
mod units;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;

pub use code::{Digest, Fact, Kind, Origin, Trust};
pub use pattern::{Pattern, PatternError};
pub use role::admission::{Admission, Admit, Group};
pub use role::eviction::{Eviction, Rows, TrimReason, UNKNOWN_COST};
pub use role::observer::{Event, Events, Level, Observer, What};
pub use role::remote::{Ask, Decision, Plan, Remote, Request, Set, Sets, Target, TargetHealth, Targets};
pub use role::serving::{Serve, Serving};
pub use role::{ConfigError, Policy, Session};
pub use settings::parse as parse_settings;
pub use units::{HumanDuration, HumanSize};

#[doc(hidden)]
pub use serde;

/// Milliseconds since 1970, the same for the length of one question.
pub fn now_ms() -> u64 {
    #[cfg(target_arch = "wasm32")]
    return bindings::context::cachewit::policy::clock::now();
    #[cfg(not(target_arch = "wasm32"))]
    fake::now_ms()
}

/// Makes a component of a policy, with the roles named: `export!(MyPolicy: admission, eviction)`. Roles are `admission`,
/// `serving`, `eviction`, `remote` and `observer`; each needs the trait of that name. Without any (`export!(MyPolicy)`) the component has
/// settings alone. On native targets nothing is exported, but the traits are still demanded.
///
/// What the policy wishes to know beyond what every policy may follows the roles, and stands in the component's manifest:
/// `export!(MyPolicy: admission; wishes "fact:branch", "env:GITHUB_EVENT_NAME")`. There are `fact:branch`, `fact:commit`, `fact:ci-event` and
/// `env:NAME`. Without the operator's grant the fact is [`Fact::Unknown`].
#[macro_export]
macro_rules! export {
    ($policy:ty $(: $($role:ident),+ $(,)?)? $(; wishes $($wish:literal),+ $(,)?)?) => {
        $(const _: () = {
            $($crate::__check_wish($wish);)+
            #[cfg(target_arch = "wasm32")]
            #[used]
            #[unsafe(link_section = "cachewit:manifest")]
            static MANIFEST: [u8; concat!($("wish ", $wish, "\n"),+).len()] = $crate::__bytes(concat!($("wish ", $wish, "\n"),+));
        };)?
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            static POLICY: $crate::guest::Slot<$policy> = $crate::guest::Slot::new();
            $crate::__role!(plugin, $policy, Exported, POLICY);
            $($($crate::__role!($role, $policy, Exported, POLICY);)+)?
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            $crate::__has_role!(plugin, $policy);
            $($($crate::__has_role!($role, $policy);)+)?
        };
    };
}

/// The bytes of a text, as an array; part of [`export!`].
#[doc(hidden)]
pub const fn __bytes<const N: usize>(text: &str) -> [u8; N] {
    let (mut bytes, mut at) = ([0; N], 0);
    while at < N {
        bytes[at] = text.as_bytes()[at];
        at += 1;
    }
    bytes
}

/// Refuses a wish of a kind that there is not, while the policy is compiled; part of [`export!`].
#[doc(hidden)]
pub const fn __check_wish(wish: &str) {
    const fn begins(text: &[u8], with: &[u8]) -> bool {
        let mut at = 0;
        while at < with.len() {
            if at >= text.len() || text[at] != with[at] {
                return false;
            }
            at += 1;
        }
        true
    }
    let known = begins(wish.as_bytes(), b"fact:") || begins(wish.as_bytes(), b"env:");
    assert!(known, "a wish is `fact:branch`, `fact:commit`, `fact:ci-event` or `env:NAME`");
}

/// Demands the trait of one role; part of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __has_role {
    (plugin, $policy:ty) => {
        $crate::__has_role!(@ $policy, $crate::Policy);
    };
    (admission, $policy:ty) => {
        $crate::__has_role!(@ $policy, $crate::Admission);
    };
    (serving, $policy:ty) => {
        $crate::__has_role!(@ $policy, $crate::Serving);
    };
    (eviction, $policy:ty) => {
        $crate::__has_role!(@ $policy, $crate::Eviction);
    };
    (remote, $policy:ty) => {
        $crate::__has_role!(@ $policy, $crate::Remote);
    };
    (observer, $policy:ty) => {
        $crate::__has_role!(@ $policy, $crate::Observer);
    };
    (@ $policy:ty, $role:path) => {
        const _: fn() = || {
            fn has_role<P: $role>() {}
            has_role::<$policy>();
        };
    };
    ($role:ident, $policy:ty) => {
        compile_error!(concat!(
            "there is no role `",
            stringify!($role),
            "`; the roles are admission, serving, eviction, remote and observer"
        ));
    };
}

/// The glue of one role; part of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __role {
    (plugin, $policy:ty, $exported:ident, $slot:ident) => {
        impl $crate::bindings::plugin::exports::cachewit::policy::plugin::Guest for $exported {
            fn describe() -> $crate::bindings::plugin::exports::cachewit::policy::plugin::Info {
                $crate::guest::describe::<$policy>()
            }
            fn configure(
                settings: String,
            ) -> Result<(), $crate::bindings::plugin::exports::cachewit::policy::plugin::ConfigError> {
                $slot.configure(&settings)
            }
        }
        $crate::bindings::plugin::__export_plugin!($exported with_types_in $crate::bindings::plugin);
    };
    (admission, $policy:ty, $exported:ident, $slot:ident) => {
        impl $crate::bindings::admission::exports::cachewit::policy::admission::Guest for $exported {
            fn admit() -> u32 {
                $slot.with(|policy| {
                    <$policy as $crate::Admission>::admit(policy, &$crate::guest::Context, &$crate::guest::Context).bits()
                })
            }
        }
        $crate::bindings::admission::__export_admission!($exported with_types_in $crate::bindings::admission);
    };
    (serving, $policy:ty, $exported:ident, $slot:ident) => {
        impl $crate::bindings::serving::exports::cachewit::policy::serving::Guest for $exported {
            fn serve() -> u32 {
                $slot.with(|policy| {
                    <$policy as $crate::Serving>::serve(policy, &$crate::guest::Context, &$crate::guest::Context).code()
                })
            }
        }
        $crate::bindings::serving::__export_serving!($exported with_types_in $crate::bindings::serving);
    };
    (eviction, $policy:ty, $exported:ident, $slot:ident) => {
        impl $crate::bindings::eviction::exports::cachewit::policy::eviction::Guest for $exported {
            fn begin() {
                $slot.with(|policy| <$policy as $crate::Eviction>::begin(policy, &$crate::guest::Context));
            }
            fn score(first: u32, count: u32) -> Vec<f64> {
                $slot.with(|policy| <$policy as $crate::Eviction>::score(policy, &$crate::guest::Context, first, count))
            }
            fn end() {
                $slot.with(|policy| <$policy as $crate::Eviction>::end(policy, &$crate::guest::Context));
            }
        }
        $crate::bindings::eviction::__export_eviction!($exported with_types_in $crate::bindings::eviction);
    };
    (remote, $policy:ty, $exported:ident, $slot:ident) => {
        impl $crate::bindings::remote::exports::cachewit::policy::remote::Guest for $exported {
            fn open() -> u32 {
                let (context, session) = (&$crate::guest::Context, &$crate::guest::Context);
                $slot.with(|policy| <$policy as $crate::Remote>::open(policy, context, context, session, context).code())
            }
            fn route() -> u32 {
                let context = &$crate::guest::Context;
                $slot.with(|policy| <$policy as $crate::Remote>::route(policy, context, context, context, context).code())
            }
            fn close() -> u32 {
                let context = &$crate::guest::Context;
                $slot.with(|policy| <$policy as $crate::Remote>::close(policy, context, context, context).code())
            }
        }
        $crate::bindings::remote::__export_remote!($exported with_types_in $crate::bindings::remote);
    };
    (observer, $policy:ty, $exported:ident, $slot:ident) => {
        impl $crate::bindings::observer::exports::cachewit::policy::observer::Guest for $exported {
            fn observe(first: u32, count: u32) {
                $slot.with(|policy| <$policy as $crate::Observer>::observe(policy, &$crate::guest::Context, &$crate::guest::Context, first, count));
            }
        }
        $crate::bindings::observer::__export_observer!($exported with_types_in $crate::bindings::observer);
    };
    ($role:ident, $policy:ty, $exported:ident, $slot:ident) => {
        compile_error!(concat!(
            "there is no role `",
            stringify!($role),
            "`; the roles are admission, serving, eviction, remote and observer"
        ));
    };
}

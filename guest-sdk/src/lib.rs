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

mod code;
pub mod fake;
pub mod log;
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
/// `serving`, `eviction` and `remote`; each needs the trait of that name. On native targets it expands to nothing.
#[macro_export]
macro_rules! export {
    ($policy:ty : $($role:ident),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            static POLICY: $crate::guest::Slot<$policy> = $crate::guest::Slot::new();
            $crate::__role!(plugin, $policy, Exported, POLICY);
            $($crate::__role!($role, $policy, Exported, POLICY);)+
        };
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
    ($role:ident, $policy:ty, $exported:ident, $slot:ident) => {
        compile_error!(concat!(
            "there is no role `",
            stringify!($role),
            "`; the roles are admission, serving, eviction and remote"
        ));
    };
}

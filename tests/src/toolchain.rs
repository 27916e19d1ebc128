//! The Go toolchains that tests run on, and the one way in which a file declares its tests for all of them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A `go` command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain(PathBuf);

impl Toolchain {
    /// The machine's own `go`, or what `CACHEWIT_GO` names.
    ///
    /// # Panics
    /// Where there is none.
    pub fn machine() -> Self {
        let named = std::env::var_os("CACHEWIT_GO").map(PathBuf::from);
        let found = named.or_else(|| {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|dir| dir.join(format!("go{}", std::env::consts::EXE_SUFFIX))).find(|go| go.is_file())
        });
        Self(found.expect("there is no `go` in PATH and none in CACHEWIT_GO; run the tests with `cargo xtask test`"))
    }

    /// The toolchain of a minor version such as `1.27`, which `CACHEWIT_GO_1_27` names. `1.21` and `1.23` are built with the
    /// experiment that makes them ask a host.
    ///
    /// # Panics
    /// Where the variable is missing: a test that skips itself looks as if it had passed.
    pub fn minor(version: &str) -> Self {
        Self::named(&format!("CACHEWIT_GO_{}", version.replace('.', "_")))
    }

    /// Go 1.23 as it was released, which knows nothing of hosts.
    ///
    /// # Panics
    /// Where `CACHEWIT_GO_1_23_STOCK` does not name it.
    pub fn stock_1_23() -> Self {
        Self::named("CACHEWIT_GO_1_23_STOCK")
    }

    fn named(variable: &str) -> Self {
        let missing = format!("{variable} names no Go; `cargo xtask toolchains` fetches what CI runs, `cargo xtask test --toolchains` all");
        Self(std::env::var_os(variable).expect(&missing).into())
    }

    /// The path of the `go` command.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The second number of its version, for expectations that differ: 27 for Go 1.27.3.
    ///
    /// # Panics
    /// Where it does not tell its version.
    pub fn number(&self) -> u32 {
        let mut command = Command::new(&self.0);
        command.arg("version").env("GOTOOLCHAIN", "local").env("GOENV", "off").env_remove("GOFLAGS");
        let output = command.output().unwrap_or_else(|error| panic!("cannot start {}: {error}", self.0.display()));
        let text = String::from_utf8_lossy(&output.stdout);
        let number = text.split("go1.").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        number.unwrap_or_else(|| panic!("`{} version` says {text:?}", self.0.display()))
    }
}

/// Declares tests, each a function of a [`Machine`](crate::go::Machine), for every Go: a module a version, with one machine that its
/// tests share. What stands after `first` is done once on that machine, before the first of them.
///
/// The oldest and the newest Go that always ask a host, and the machine's own, are always run, unless `when_asked` stands before the
/// tests. The others have to be fetched or built, so the runner calls their tests ignored until `cargo xtask test --toolchains` asks for
/// them.
#[macro_export]
macro_rules! on_every_go {
    (first $prepare:ident, [$($test:ident),+ $(,)?]) => {
        $crate::every_go!(always $prepare [$($test)+]);
    };
    ([$($test:ident),+ $(,)?]) => {
        fn nothing_first(_: &$crate::go::Machine) {}
        $crate::every_go!(always nothing_first [$($test)+]);
    };
    (when_asked [$($test:ident),+ $(,)?]) => {
        fn nothing_first(_: &$crate::go::Machine) {}
        $crate::every_go!(when_asked nothing_first [$($test)+]);
    };
}

/// A part of [`on_every_go`]: all versions.
#[doc(hidden)]
#[macro_export]
macro_rules! every_go {
    ($when:ident $prepare:ident $tests:tt) => {
        $crate::one_go!(go_1_21 when_asked, $crate::go::Toolchain::minor("1.21"), $prepare $tests);
        $crate::one_go!(go_1_23 when_asked, $crate::go::Toolchain::minor("1.23"), $prepare $tests);
        $crate::one_go!(go_1_24 $when, $crate::go::Toolchain::minor("1.24"), $prepare $tests);
        $crate::one_go!(go_1_25 when_asked, $crate::go::Toolchain::minor("1.25"), $prepare $tests);
        $crate::one_go!(go_1_26 when_asked, $crate::go::Toolchain::minor("1.26"), $prepare $tests);
        $crate::one_go!(go_1_27 $when, $crate::go::Toolchain::minor("1.27"), $prepare $tests);
        $crate::one_go!(go_of_the_machine $when, $crate::go::Toolchain::machine(), $prepare $tests);
    };
}

/// A part of [`on_every_go`]: the module of one version.
#[doc(hidden)]
#[macro_export]
macro_rules! one_go {
    ($name:ident $when:ident, $toolchain:expr, $prepare:ident [$($test:ident)+]) => {
        mod $name {
            fn machine() -> &'static $crate::go::Machine {
                static MACHINE: std::sync::OnceLock<$crate::go::Machine> = std::sync::OnceLock::new();
                MACHINE.get_or_init(|| {
                    let home = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(module_path!().replace("::", "-"));
                    let machine = $crate::go::Machine::shared(&$toolchain, &home);
                    super::$prepare(&machine);
                    machine
                })
            }

            $($crate::one_test!($when $test);)+
        }
    };
}

/// A part of [`on_every_go`]: one test for one version.
#[doc(hidden)]
#[macro_export]
macro_rules! one_test {
    (always $test:ident) => {
        #[test]
        fn $test() {
            super::$test(machine());
        }
    };
    (when_asked $test:ident) => {
        #[test]
        #[ignore = "`cargo xtask test --toolchains` asks for this Go"]
        fn $test() {
            super::$test(machine());
        }
    };
}

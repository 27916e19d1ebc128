//! What a new policy consists of: pieces a role, which together make a crate that builds, tests green and does something sensible.

/// The pieces of a role.
pub(in crate::cli::plugin) struct Piece {
    /// As `--role` and `export!` name it.
    pub role: &'static str,
    /// What its code uses of the SDK.
    uses: &'static [&'static str],
    setting: &'static str,
    code: &'static str,
    /// What its test uses beyond that.
    test_uses: &'static [&'static str],
    test: &'static str,
}

/// A piece for each role there is.
pub(in crate::cli::plugin) const PIECES: [Piece; 5] = [
    Piece {
        role: "admission",
        uses: &["Admission", "Admit", "Fact", "Group", "Pattern", "Session"],
        setting: "        /// Packages that must not leave this machine, such as `corp.example/secret/...`.
        pub private: Vec<Pattern> = Vec::new(),
",
        code: "impl Admission for TYPE {
    /// What may stay, and what may leave this machine. In a chain one \"no\" is enough.
    fn admit(&mut self, group: &dyn Group, _session: &dyn Session) -> Admit {
        if self.0.private.is_empty() {
            return Admit::NO_OPINION;
        }
        let stays_here = match group.fact(\"import-path\") {
            // Every program is called `main`, wherever it lies.
            Fact::Known(path) if path == \"main\" => true,
            Fact::Known(path) => {
                // The external tests of a package are one of their own.
                let tested = path.strip_suffix(\"_test\").unwrap_or(&path);
                let matches = |private: &Pattern| private.matches(tested) || private.matches(&path);
                self.0.private.iter().any(matches)
            }
            // It could not be read, or is no package: an executable has private ones in it.
            Fact::Unknown | Fact::Absent => true,
        };
        if stays_here { Admit::NO_OPINION.share(false) } else { Admit::NO_OPINION }
    }
}
",
        test_uses: &["Admission", "Admit"],
        test: "    #[test]
    fn private_packages_stay_here() {
        let mut policy = policy(r#\"{\"private\": [\"corp.example/secret/...\"]}\"#);
        let mut admit = |path| policy.admit(&fake::Group::archive(path), &fake::Session::default());
        for path in [\"corp.example/secret/key\", \"corp.example/secret/key_test\", \"main\"] {
            assert_eq!(admit(path).share, Some(false), \"{path}\");
        }
        assert_eq!(admit(\"corp.example/shop\"), Admit::NO_OPINION);
    }
",
    },
    Piece {
        role: "serving",
        uses: &["Group", "HumanDuration", "Origin", "Serve", "Serving", "Session"],
        setting: "        /// What a remote store has is not used when it is older.
        pub oldest_remote: Option<HumanDuration> = None,
",
        code: "impl Serving for TYPE {
    /// Whether a hit may be served. It is asked about every one, but for those from which it abstains.
    fn serve(&mut self, group: &dyn Group, _session: &dyn Session) -> Serve {
        match self.0.oldest_remote {
            None => Serve::Abstain,
            Some(_) if group.origin() != Origin::Remote => Serve::AbstainFromOrigin,
            Some(oldest) if group.age() > oldest.0 => Serve::Refuse,
            Some(_) => Serve::NoOpinion,
        }
    }
}
",
        test_uses: &["Origin", "Serve", "Serving"],
        test: "    #[test]
    fn what_is_too_old_in_a_remote_store_is_made_anew() {
        let mut policy = policy(r#\"{\"oldest-remote\": \"1h\"}\"#);
        let mut serve = |origin, minutes: u64| {
            let age = std::time::Duration::from_secs(minutes * 60);
            let group = fake::Group { origin, age, ..Default::default() };
            policy.serve(&group, &fake::Session::default())
        };
        assert_eq!(serve(Origin::Remote, 61), Serve::Refuse);
        assert_eq!(serve(Origin::Remote, 59), Serve::NoOpinion);
        assert_eq!(serve(Origin::Local, 600), Serve::AbstainFromOrigin);
    }
",
    },
    Piece {
        role: "eviction",
        uses: &["Eviction", "HumanDuration", "Rows"],
        setting: "        /// What took longer to make goes last.
        pub dear: HumanDuration = HumanDuration(std::time::Duration::from_secs(1)),
",
        code: "impl Eviction for TYPE {
    /// A score for each of `count` rows from `first` on: the lowest go first.
    fn score(&mut self, rows: &dyn Rows, first: u32, count: u32) -> Vec<f64> {
        let ranks = rows.ranks(first, count);
        let costs = rows.costs(first, count);
        let dear = u64::try_from(self.0.dear.0.as_micros()).unwrap_or(u64::MAX);
        let later = f64::from(rows.len());
        // The longest unused first. A cost that was never observed counts as dear.
        let score = |(rank, cost)| f64::from(rank) + if cost >= dear { later } else { 0.0 };
        ranks.into_iter().zip(costs).map(score).collect()
    }
}
",
        test_uses: &[],
        test: "    #[test]
    fn what_is_cheap_to_make_goes_first_and_the_longest_unused_of_it() {
        let row = |rank, cost| fake::Row { rank, cost, ..Default::default() };
        let rows = vec![row(0, 2_000_000), row(2, 10_000), row(1, 10_000)];
        assert_eq!(fake::Trim::new(rows, 1).order(&mut policy(\"{}\")), [2, 1, 0]);
    }
",
    },
    Piece {
        role: "remote",
        uses: &["Ask", "Decision", "HumanDuration", "Plan", "Remote", "Request", "Session", "Targets"],
        setting: "        /// What is made faster is not asked for.
        pub not_worth_a_wait: HumanDuration = HumanDuration(std::time::Duration::from_millis(20)),
",
        code: "impl Remote for TYPE {
    /// A local miss: whom to ask, in which order. `open` and `close` pass, as they are not written.
    fn route(
        &mut self,
        request: &dyn Request,
        targets: &dyn Targets,
        _session: &dyn Session,
        plan: &dyn Plan,
    ) -> Decision {
        if request.cost().is_some_and(|cost| cost < self.0.not_worth_a_wait.0) {
            return Decision::Decided;
        }
        let named = request.named();
        let holds_it = |index: u32| named.checked_shr(index).is_some_and(|bits| bits & 1 == 1);
        for target in targets.all().iter().filter(|target| target.readable) {
            if holds_it(target.index) {
                plan.ask(Ask { target: target.index, wait: None });
            }
        }
        Decision::Decided
    }
}
",
        test_uses: &["Remote", "Target"],
        test: "    #[test]
    fn what_is_made_in_a_moment_is_not_asked_for() {
        let plan = |milliseconds| {
            let target = Target { index: 0, readable: true, ..Target::default() };
            let cost = Some(std::time::Duration::from_millis(milliseconds));
            let targets = vec![target];
            let network = fake::Network { targets, named: 0b1, cost, ..Default::default() };
            policy(\"{}\").route(&network, &network, &fake::Session::default(), &network);
            network.plan.take()
        };
        assert_eq!(plan(500), [\"ask 0\"]);
        assert!(plan(5).is_empty());
    }
",
    },
    Piece {
        role: "observer",
        uses: &["Events", "HumanDuration", "Observer", "Session", "What", "counter"],
        setting: "        /// What took longer to make is counted as slow.
        pub slow: HumanDuration = HumanDuration(std::time::Duration::from_secs(1)),
",
        code: "impl Observer for TYPE {
    /// What happened, in batches. Counters stand in `cachewit stats`.
    fn observe(&mut self, events: &dyn Events, _session: &dyn Session, first: u32, count: u32) {
        for event in events.run(first, count) {
            if event.what == What::Put && event.cost.is_some_and(|cost| cost > self.0.slow.0) {
                counter::add(\"slow\", 1);
            }
        }
    }
}
",
        test_uses: &["Event", "What"],
        test: "    #[test]
    fn what_took_long_to_make_is_counted() {
        let put = |milliseconds| {
            let cost = Some(std::time::Duration::from_millis(milliseconds));
            Event { what: What::Put, cost, ..Event::default() }
        };
        let events = fake::Events(vec![put(2000), put(10), put(3000)]);
        events.tell(&mut policy(\"{}\"), &fake::Session::default(), 2);
        assert_eq!(fake::take_counters()[\"slow\"], 2);
    }
",
    },
];

/// `src/lib.rs` of a policy with these roles.
pub(in crate::cli::plugin) fn source(name: &str, pieces: &[&Piece]) -> String {
    let type_name = type_name(name);
    let joined = |of: fn(&Piece) -> &'static str| pieces.iter().map(|piece| of(piece)).collect::<Vec<_>>().join("\n");
    let settings: String = pieces.iter().map(|piece| piece.setting).collect();
    let roles: Vec<&str> = pieces.iter().map(|piece| piece.role).collect();
    let uses = used(&["ConfigError", "Policy"], pieces, |piece| piece.uses, 100);
    let test_uses = used(&["Policy", "fake", "parse_settings"], pieces, |piece| piece.test_uses, 96);
    let code = joined(|piece| piece.code).replace("TYPE", &type_name);
    let tests = joined(|piece| piece.test);
    format!(
        "//! A policy of Go's build cache. What a group, a session and a role is: the documentation of `cachewit_guest`.

{uses}
cachewit_guest::settings! {{
    /// What the operator may set.
    pub struct Settings {{
{settings}    }}
}}

/// The policy.
pub struct {type_name}(Settings);

impl Policy for {type_name} {{
    const NAME: &'static str = {name:?};
    const VERSION: &'static str = env!(\"CARGO_PKG_VERSION\");
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, ConfigError> {{
        Ok(Self(settings))
    }}
}}

{code}
cachewit_guest::export!({type_name}: {});

#[cfg(test)]
mod tests {{
    use super::{type_name};
{}
    /// The policy as an operator would configure it.
    fn policy(settings: &str) -> {type_name} {{
        {type_name}::configure(parse_settings(settings).unwrap()).unwrap()
    }}

{tests}}}
",
        roles.join(", "),
        indented(&test_uses),
    )
}

/// The `use` of all that some piece needs, in the order and width that rustfmt gives it.
fn used(always: &[&'static str], pieces: &[&Piece], of: fn(&Piece) -> &'static [&'static str], width: usize) -> String {
    let mut names: Vec<&str> = always.to_vec();
    names.extend(pieces.iter().flat_map(|piece| of(piece)));
    // Types before functions and modules, as rustfmt has it: upper case comes first in ASCII.
    names.sort_unstable();
    names.dedup();
    let one_line = format!("use cachewit_guest::{{{}}};\n", names.join(", "));
    // Rustfmt leaves two columns for what may follow.
    if one_line.len() <= width - 2 {
        return one_line;
    }
    let (mut lines, mut line) = (String::new(), String::new());
    for name in names {
        if 4 + line.len() + name.len() + 1 > width - 1 {
            lines.push_str(&format!("    {}\n", line.trim_end()));
            line.clear();
        }
        line.push_str(&format!("{name}, "));
    }
    format!("use cachewit_guest::{{\n{lines}    {}\n}};\n", line.trim_end())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// `NoSecrets` of `no-secrets`.
fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    name.split(['-', '_']).map(capital).collect()
}

/// `Cargo.toml`; `sdk` is how it depends on the SDK.
pub(in crate::cli::plugin) fn manifest(name: &str, sdk: &str) -> String {
    format!(
        "[package]
name = {name:?}
version = \"0.1.0\"
edition = \"2024\"
publish = false

[lib]
# A component for cachewit, and a library for its tests.
crate-type = [\"cdylib\", \"rlib\"]

[dependencies]
cachewit-guest = {sdk}

[profile.release]
# A component is compiled ahead of time where it runs, and its answers are short: small is fast.
opt-level = \"s\"
lto = true
codegen-units = 1
panic = \"abort\"
strip = true

# Alone, wherever it lies.
[workspace]
"
    )
}

/// `README.md`.
pub(in crate::cli::plugin) fn readme(name: &str) -> String {
    let file = name.replace('-', "_");
    format!(
        "# {name}

A [cachewit](https://github.com/cachewit/cachewit) policy.

```console
$ cargo test                                             # its decisions, on this machine, without WebAssembly
$ cargo build --release --target wasm32-wasip2           # the component
$ cachewit plugin check target/wasm32-wasip2/release/{file}.wasm
$ cachewit plugin add target/wasm32-wasip2/release/{file}.wasm
```
"
    )
}

#[cfg(test)]
mod tests {
    use super::type_name;

    #[test]
    fn a_name_becomes_a_type() {
        assert_eq!(type_name("no-secrets"), "NoSecrets");
        assert_eq!(type_name("lru2"), "Lru2");
    }
}

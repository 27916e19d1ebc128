//! The same in Go: pieces a role, which together make a module that builds, tests green and does something sensible.

/// The pieces of a role.
pub(in crate::cli::plugin) struct Piece {
    /// As `--role` names it; the package of the SDK is called so, too.
    pub role: &'static str,
    /// A field of the settings, and its default.
    setting: &'static str,
    default: &'static str,
    /// What it registers.
    register: &'static str,
    code: &'static str,
    /// Packages that its code uses beyond that of the role, and its test beyond those that all tests use.
    uses: &'static [&'static str],
    test_uses: &'static [&'static str],
    test: &'static str,
}

/// The module of the SDK, and the package that all of it lies below.
pub(in crate::cli::plugin) const SDK: &str = "github.com/cachewit/cachewit/guest-sdk/go";

/// A piece for each role there is.
pub(in crate::cli::plugin) const PIECES: [Piece; 5] = [
    Piece {
        role: "admission",
        setting: "	// Private packages must not leave this machine, such as corp.example/secret/...
	Private []policy.Pattern `json:\"private\"`
",
        default: "",
        register: "	admission.Register(admit)
",
        code: "// What may stay, and what may leave this machine. In a chain one \"no\" is enough.
func admit(group policy.Group, _ policy.Session) admission.Admit {
	if len(options.Private) == 0 {
		return admission.NoOpinion
	}
	path := group.Fact(\"import-path\")
	// What could not be read, or is no package, may have private ones in it; and every program is called main.
	private := path.State != policy.Known || path.Text == \"main\"
	// The external tests of a package are one of their own.
	tested := strings.TrimSuffix(path.Text, \"_test\")
	for _, pattern := range options.Private {
		private = private || pattern.Matches(path.Text) || pattern.Matches(tested)
	}
	if private {
		return admission.DoNotShare
	}
	return admission.NoOpinion
}
",
        uses: &["strings"],
        test_uses: &["policy/admission"],
        test: "func TestPrivatePackagesStayHere(t *testing.T) {
	given(t, `{\"private\": [\"corp.example/secret/...\"]}`)
	for _, path := range []string{\"corp.example/secret/key\", \"corp.example/secret/key_test\", \"main\"} {
		if answer := admit(fake.Archive(path), fake.Session{}); answer != admission.DoNotShare {
			t.Error(path, answer)
		}
	}
	if answer := admit(fake.Archive(\"corp.example/shop\"), fake.Session{}); answer != admission.NoOpinion {
		t.Error(answer)
	}
}
",
    },
    Piece {
        role: "serving",
        setting: "	// OldestRemote is how old what a remote store has may be; 0 is any age.
	OldestRemote settings.Duration `json:\"oldest-remote\"`
",
        default: "",
        register: "	serving.Register(serve)
",
        code: "// Whether a hit may be served. It is asked about every one, but for those from which it abstains.
func serve(group policy.Group, _ policy.Session) serving.Serve {
	oldest := time.Duration(options.OldestRemote)
	switch {
	case oldest <= 0:
		return serving.Abstain
	case group.Origin() != policy.Remote:
		return serving.AbstainFromOrigin
	case group.Age() > oldest:
		return serving.Refuse
	}
	return serving.NoOpinion
}
",
        uses: &["time"],
        test_uses: &["time", "policy/serving"],
        test: "func TestWhatIsTooOldInARemoteStoreIsMadeAnew(t *testing.T) {
	given(t, `{\"oldest-remote\": \"1h\"}`)
	for minutes, want := range map[time.Duration]serving.Serve{61: serving.Refuse, 59: serving.NoOpinion} {
		group := fake.Group{OfOrigin: policy.Remote, OfAge: minutes * time.Minute}
		if answer := serve(group, fake.Session{}); answer != want {
			t.Error(minutes, answer)
		}
	}
	if answer := serve(fake.Group{OfOrigin: policy.Local, OfAge: 10 * time.Hour}, fake.Session{}); answer != serving.AbstainFromOrigin {
		t.Error(answer)
	}
}
",
    },
    Piece {
        role: "eviction",
        setting: "	// Dear is what took longer to make; it goes last.
	Dear settings.Duration `json:\"dear\"`
",
        default: "Dear: settings.Duration(time.Second)",
        register: "	eviction.Register(eviction.Policy{Score: score})
",
        code: "// A score for each of count rows from first on: the lowest go first.
func score(rows eviction.Rows, first, count uint32) []float64 {
	scores := make([]float64, count)
	costs := rows.Costs(first, count)
	dear, later := uint64(time.Duration(options.Dear).Microseconds()), float64(rows.Len())
	// The longest unused first. A cost that was never observed counts as dear.
	for row, rank := range rows.Ranks(first, count) {
		scores[row] = float64(rank)
		if costs[row] >= dear {
			scores[row] += later
		}
	}
	return scores
}
",
        uses: &["time"],
        test_uses: &["slices", "policy/eviction"],
        test: "func TestWhatIsCheapToMakeGoesFirstAndTheLongestUnusedOfIt(t *testing.T) {
	given(t, \"{}\")
	trim := fake.Trim{Rows: []fake.Row{{Rank: 0, Cost: 2_000_000}, {Rank: 2, Cost: 10_000}, {Rank: 1, Cost: 10_000}}}
	if order := trim.Order(eviction.Policy{Score: score}); !slices.Equal(order, []int{2, 1, 0}) {
		t.Error(order)
	}
}
",
    },
    Piece {
        role: "remote",
        setting: "	// NotWorthAWait is what is made faster; it is not asked for.
	NotWorthAWait settings.Duration `json:\"not-worth-a-wait\"`
",
        default: "NotWorthAWait: settings.Duration(20 * time.Millisecond)",
        register: "	remote.Register(remote.Policy{Route: route})
",
        code: "// A local miss: whom to ask, in which order. Open and Close pass, as they are not written.
func route(request remote.Request, network remote.Network, _ policy.Session, plan remote.Plan) remote.Decision {
	if cost, known := request.Cost(); known && cost < time.Duration(options.NotWorthAWait) {
		return remote.Decided
	}
	named := request.Named()
	for _, target := range network.Targets() {
		if target.Readable && named>>target.Index&1 == 1 {
			plan.Ask(target.Index, 0)
		}
	}
	return remote.Decided
}
",
        uses: &["time"],
        test_uses: &["slices", "time", "policy/remote"],
        test: "func TestWhatIsMadeInAMomentIsNotAskedFor(t *testing.T) {
	given(t, \"{}\")
	for cost, want := range map[time.Duration][]string{500 * time.Millisecond: {\"ask 0\"}, 5 * time.Millisecond: nil} {
		network := &fake.Network{OfTargets: []remote.Target{{Readable: true}}, OfNamed: 0b1, OfCost: cost}
		if route(network, network, fake.Session{}, network); !slices.Equal(network.Steps, want) {
			t.Error(cost, network.Steps)
		}
	}
}
",
    },
    Piece {
        role: "observer",
        setting: "	// Slow is what took longer to make; it is counted.
	Slow settings.Duration `json:\"slow\"`
",
        default: "Slow: settings.Duration(time.Second)",
        register: "	observer.Register(observe)
",
        code: "// What happened, in batches. Counters stand in `cachewit stats`.
func observe(events observer.Events, _ policy.Session, first, count uint32) {
	for _, event := range events.Run(first, count) {
		if event.What == observer.Put && event.CostKnown && event.Cost > time.Duration(options.Slow) {
			policy.Count(\"slow\", 1)
		}
	}
}
",
        uses: &["time"],
        test_uses: &["time", "policy/observer"],
        test: "func TestWhatTookLongToMakeIsCounted(t *testing.T) {
	given(t, \"{}\")
	var events fake.Events
	for _, seconds := range []time.Duration{2, 0, 3} {
		events = append(events, observer.Event{What: observer.Put, Cost: seconds * time.Second, CostKnown: true})
	}
	fake.TakeCounters()
	observe(events, fake.Session{}, 0, events.Len())
	if counters := fake.TakeCounters(); counters[\"slow\"] != 2 {
		t.Error(counters)
	}
}
",
    },
];

/// `main.go` of a policy with these roles.
pub(in crate::cli::plugin) fn source(name: &str, pieces: &[&Piece]) -> String {
    let joined = |of: fn(&Piece) -> &'static str, by: &str| {
        pieces.iter().map(|piece| of(piece)).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(by)
    };
    let roles: Vec<String> = pieces.iter().map(|piece| format!("policy/{}", piece.role)).collect();
    let all = pieces.iter().flat_map(|piece| piece.uses.iter().copied()).chain(roles.iter().map(String::as_str));
    let imports = imports(all.chain(["policy", "policy/settings"]));
    format!(
        "// A policy of Go's build cache. What a group, a session and a role is: `go doc {SDK}/policy`.
package main

{imports}
// Settings are what the operator may set.
type Settings struct {{
{}}}

var options Settings

func configure(given policy.Settings) error {{
	options = Settings{{{}}}
	return settings.Decode(given, &options)
}}

func init() {{
	policy.Register(policy.Policy{{Name: {name:?}, Version: \"0.1.0\", Configure: configure}})
{}}}

{}
func main() {{}}
",
        joined(|piece| piece.setting, ""),
        joined(|piece| piece.default, ", "),
        joined(|piece| piece.register, ""),
        joined(|piece| piece.code, "\n"),
    )
}

/// `main_test.go`.
pub(in crate::cli::plugin) fn tests(pieces: &[&Piece]) -> String {
    let all = pieces.iter().flat_map(|piece| piece.test_uses.iter().copied());
    let imports = imports(all.chain(["testing", "policy", "policy/fake"]));
    let tests: Vec<&str> = pieces.iter().map(|piece| piece.test).collect();
    format!(
        "package main

{imports}
// The policy as an operator would configure it.
func given(t *testing.T, json string) {{
	t.Helper()
	if err := configure(policy.SettingsOf(json)); err != nil {{
		t.Fatal(err)
	}}
}}

{}",
        tests.join("\n")
    )
}

/// The imports of a file, as gofmt has them: the standard library first.
fn imports<'a>(of: impl Iterator<Item = &'a str>) -> String {
    let (mut ours, mut standard): (Vec<&str>, Vec<&str>) = of.partition(|package| package.starts_with("policy"));
    for packages in [&mut ours, &mut standard] {
        packages.sort_unstable();
        packages.dedup();
    }
    let standard: String = standard.iter().map(|package| format!("\t\"{package}\"\n")).collect();
    let ours: String = ours.iter().map(|package| format!("\t\"{SDK}/{package}\"\n")).collect();
    let between = if standard.is_empty() { "" } else { "\n" };
    format!("import (\n{standard}{between}{ours})\n")
}

/// `go.mod`; the SDK lies in a folder of this machine, or is fetched.
pub(in crate::cli::plugin) fn manifest(name: &str, folder: Option<&str>) -> String {
    let module = format!("module example.com/{name}\n\ngo 1.24\n\nrequire {SDK} v{}\n", env!("CARGO_PKG_VERSION"));
    match folder {
        Some(folder) => format!("{module}\nreplace {SDK} => {}\n", quoted(folder)),
        None => module,
    }
}

/// A path as `go.mod` has it: quoted where it has to be.
fn quoted(path: &str) -> String {
    let is_plain = path.chars().all(|c| c.is_alphanumeric() || "/\\:._-+~".contains(c));
    if is_plain { path.to_owned() } else { format!("{path:?}") }
}

/// The command that builds a module, and the one that makes a component of it.
pub(in crate::cli::plugin) fn commands(name: &str) -> [String; 2] {
    [format!("GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o {name}.wasm ."), format!("cachewit plugin wrap {name}.wasm")]
}

/// `README.md`.
pub(in crate::cli::plugin) fn readme(name: &str) -> String {
    let [build, wrap] = commands(name);
    format!(
        "# {name}

A [cachewit](https://github.com/cachewit/cachewit) policy.

```console
$ go test ./...                # its decisions, on this machine, without WebAssembly
$ {build}
$ {wrap}        # the component
$ cachewit plugin check {name}.wasm
$ cachewit plugin add {name}.wasm
```
"
    )
}

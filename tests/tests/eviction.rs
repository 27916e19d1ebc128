//! A store that holds less than what is used: which groups go is what the named policy says, as a model that shares no code with
//! the host works out, and a real `go` stays green in it.

use cachewit::cache::below_limit;
use cachewit::model::Digest;
use cachewit_tests::go::{Machine, Toolchain};
use cachewit_tests::go_policy;
use cachewit_tests::script::{Ended, Home, archive, noise};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `go` would put for a package.
#[derive(Clone, Debug)]
struct Package {
    archive: Vec<u8>,
    /// The list of source files; short ones are the same for several packages, as `doc.go` alone is.
    sources: Vec<u8>,
    /// How long compiling it takes.
    cost: Duration,
}

fn head(package: u64) -> Digest {
    Digest::of(format!("package {package}").as_bytes())
}

/// The objects of a package and their sizes. The compiler's text is empty.
fn objects(package: &Package) -> BTreeMap<Digest, u64> {
    let bodies = [package.archive.as_slice(), &package.sources, b""];
    bodies.into_iter().map(|body| (Digest::of(body), body.len() as u64)).collect()
}

/// Exact last use, and nothing else: written from the words of the design, not from the host's code.
#[derive(Default)]
struct Model {
    /// When each package that is in the store was last used. Time is a count of requests.
    last_use: BTreeMap<u64, u64>,
    now: u64,
    max: u64,
}

impl Model {
    fn used(&mut self, package: u64) {
        self.now += 1;
        self.last_use.insert(package, self.now);
    }

    /// Bytes of the objects that some package in the store needs.
    fn bytes(&self, packages: &BTreeMap<u64, Package>) -> u64 {
        let all: BTreeMap<Digest, u64> = self.last_use.keys().flat_map(|package| objects(&packages[package])).collect();
        all.values().sum()
    }

    /// Over the limit, the longest unused packages go until the store is down to what a trim goes to. Returns them.
    fn trim(&mut self, packages: &BTreeMap<u64, Package>) -> BTreeSet<u64> {
        let mut gone = BTreeSet::new();
        if self.bytes(packages) <= self.max {
            return gone;
        }
        while self.bytes(packages) > below_limit(self.max) {
            let oldest = self.last_use.iter().min_by_key(|(_, time)| **time).map(|(package, _)| *package).expect("something is left");
            self.last_use.remove(&oldest);
            gone.insert(oldest);
        }
        gone
    }

    /// Packages whose last use cannot be told from another's: which of them goes first would be chance.
    fn ties(&self) -> usize {
        let mut at: HashMap<u64, usize> = HashMap::new();
        for time in self.last_use.values() {
            *at.entry(*time).or_default() += 1;
        }
        at.values().filter(|count| **count > 1).sum()
    }
}

/// A build of these packages in this order, as `go` does it: a package that is not there is compiled and put.
fn build(home: &Home, plugin: &str, max: u64, packages: &BTreeMap<u64, Package>, order: &[u64]) -> Ended {
    let mut go = home.session(&[plugin]).max_size(max).env("CACHEWIT_CONFIG", without_grace(home)).start();
    for number in order {
        let package = &packages[number];
        let action = head(*number);
        if let Some(hit) = go.get(action) {
            assert_eq!(hit.output, Digest::of(&package.archive));
            assert!(go.get(action.subkey("stdout")).is_some(), "a companion is gone and its head is not");
        } else {
            std::thread::sleep(package.cost);
            go.put_group(action, &package.archive, &package.sources);
        }
    }
    go.close()
}

/// What sessions without close were handed stays for ten minutes otherwise.
fn without_grace(home: &Home) -> PathBuf {
    home.write("grace.toml", "[limits]\ngrace = \"1ms\"\n")
}

/// The packages whose head the store knows.
fn stored(home: &Home, packages: &BTreeMap<u64, Package>) -> BTreeSet<u64> {
    let index = home.index();
    packages.keys().filter(|package| index.find(head(**package)).expect("the index").is_some()).copied().collect()
}

/// Every row of the store leads to its file, and no file is left without one.
fn assert_consistent(home: &Home, packages: &BTreeMap<u64, Package>) {
    let (index, layout) = (home.index(), home.layout());
    let mut known = BTreeSet::new();
    for package in stored(home, packages) {
        for action in [head(package), head(package).subkey("stdout"), head(package).subkey("srcfiles")] {
            let found = index.find(action).expect("the index").unwrap_or_else(|| panic!("package {package} is there in part"));
            let size = std::fs::metadata(layout.object(found.output)).map(|data| data.len()).ok();
            assert_eq!(size, Some(found.size), "package {package}");
            known.insert(PathBuf::from(layout.object(found.output)));
        }
    }
    let mut files = BTreeSet::new();
    for folder in std::fs::read_dir(layout.objects_dir()).expect("objects") {
        let folder = folder.expect("a folder").path();
        files.extend(std::fs::read_dir(folder).expect("a folder of objects").map(|file| file.expect("an object").path()));
    }
    // Empty bodies share one file, which costs nothing and stays.
    files.remove(&PathBuf::from(layout.object(Digest::EMPTY)));
    known.remove(&PathBuf::from(layout.object(Digest::EMPTY)));
    assert_eq!(files, known);
}

/// Packages of all sizes, a third of which have their sources' list in common.
fn packages(count: u64) -> BTreeMap<u64, Package> {
    let package = |number: u64| {
        let size = 4_000 + noise(number, 2).iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte)) % 60_000;
        let sources = if number.is_multiple_of(3) { b"./doc.go\n".to_vec() } else { format!("./p{number}.go\n").into_bytes() };
        Package { archive: archive(number, size), sources, cost: Duration::ZERO }
    };
    (0..count).map(|number| (number, package(number))).collect()
}

#[test]
fn lru_evicts_exactly_what_a_model_of_exact_last_use_evicts() {
    evicts_what_the_model_does("builtin:lru", "lru");
}

#[test]
fn lru_in_go_evicts_exactly_what_a_model_of_exact_last_use_evicts() {
    let component = go_policy::example(&Toolchain::minor("1.27"), "lru", Path::new(env!("CARGO_TARGET_TMPDIR")));
    evicts_what_the_model_does(component.to_str().expect("UTF-8"), "lru.wasm");
}

fn evicts_what_the_model_does(plugin: &str, name: &str) {
    let packages = packages(60);
    let working_set: BTreeMap<Digest, u64> = packages.values().flat_map(objects).collect();
    let max = working_set.values().sum::<u64>() / 10 * 8;
    let home = Home::new();
    let mut model = Model { max, ..Model::default() };
    let (mut trims, mut evicted, mut heaviest) = (0, 0, 0);
    for round in 0..12_u64 {
        // Three quarters of them, another part and another order each time.
        let dice = noise(1_000 + round, packages.len() * 4);
        let key = |package: &u64| u32::from_le_bytes(dice[*package as usize * 4..][..4].try_into().expect("four bytes"));
        let mut order: Vec<u64> = packages.keys().copied().filter(|package| key(package) % 4 != 0).collect();
        order.sort_by_key(key);
        // Some are asked for twice: the later place is the last use.
        order.extend_from_within(..5);

        let ended = build(&home, plugin, max, &packages, &order);
        for package in &order {
            model.used(*package);
        }
        heaviest = heaviest.max(model.bytes(&packages));
        let gone = model.trim(&packages);
        assert_eq!(model.ties(), 0, "round {round}");
        let expected: BTreeSet<u64> = model.last_use.keys().copied().collect();
        assert_eq!(stored(&home, &packages), expected, "round {round}: the model lets {gone:?} go");
        assert_eq!(ended.count("/evicted_groups"), gone.len() as u64, "round {round}");
        assert_eq!(ended.faults(), [""; 0]);
        if gone.is_empty() {
            assert!(ended.summary["evicted_by"].is_null());
        } else {
            assert_eq!(ended.summary["evicted_by"], name);
            trims += 1;
            evicted += gone.len() as i64;
        }
        assert_eq!(home.index().size().expect("a size").bytes, model.bytes(&packages), "round {round}");
        assert_consistent(&home, &packages);

        // A `go list` in between: it uses without putting, and never closes.
        let mut list = home.session(&[plugin]).env("CACHEWIT_CONFIG", without_grace(&home)).start();
        for package in model.last_use.keys().copied().filter(|package| package % 7 == round % 7).collect::<Vec<_>>() {
            assert!(list.get(head(package)).is_some());
            model.used(package);
        }
        list.vanish();
    }
    assert!(trims >= 4 && evicted >= 20 && heaviest > max, "{trims} trims of {evicted} groups prove little");
    let totals = home.index().totals().expect("the totals");
    assert_eq!(totals.get(&format!("evicted-by/{name}")), Some(&evicted));
    assert_eq!(totals.get("evicted-groups"), Some(&evicted));
    // What a session is told is what the index says.
    let mut last = home.session(&[plugin]).start();
    for package in packages.keys() {
        assert_eq!(last.get(head(*package)).is_some_and(|hit| hit.is_whole()), model.last_use.contains_key(package));
    }
    last.close();
}

/// The last builds used everything. What was used first is small and dear, what was used last is large and cheap.
fn history(plugin: &str) -> (Home, BTreeMap<u64, Package>, Ended) {
    let package = |number: u64| {
        let dear = number < 20;
        let (size, cost) = if dear { (2_000, Duration::from_millis(15)) } else { (30_000, Duration::ZERO) };
        Package { archive: archive(number, size), sources: format!("./p{number}.go\n").into_bytes(), cost }
    };
    let packages: BTreeMap<u64, Package> = (0..40).map(|number| (number, package(number))).collect();
    let all: Vec<u64> = packages.keys().copied().collect();
    let home = Home::new();
    build(&home, plugin, 1 << 30, &packages, &all);
    build(&home, plugin, 1 << 30, &packages, &all);
    // One more package takes the store over its limit.
    let mut more = packages.clone();
    more.insert(99, Package { archive: archive(99, 30_000), sources: b"./p99.go\n".to_vec(), cost: Duration::ZERO });
    let all: Vec<u64> = more.keys().copied().collect();
    let ended = build(&home, plugin, 600_000, &more, &all);
    (home, more, ended)
}

#[test]
fn on_the_same_history_rebuild_cost_evicts_others_than_lru_and_the_totals_name_who_decided() {
    let mut gone = Vec::new();
    for plugin in ["lru", "rebuild-cost"] {
        let (home, packages, ended) = history(&format!("builtin:{plugin}"));
        assert_eq!(ended.summary["evicted_by"], plugin, "{}", ended.summary);
        assert!(ended.policy(plugin)["calls"]["eviction"].as_u64() > Some(0));
        assert_consistent(&home, &packages);
        let left = stored(&home, &packages);
        let evicted: BTreeSet<u64> = packages.keys().copied().filter(|package| !left.contains(package)).collect();
        let totals = home.index().totals().expect("the totals");
        assert_eq!(totals.get(&format!("evicted-by/{plugin}")), Some(&(evicted.len() as i64)), "{totals:?}");
        assert_eq!(totals.keys().filter(|name| name.starts_with("evicted-by/")).count(), 1, "{totals:?}");
        gone.push(evicted);
    }
    assert!((0..20).all(|dear| gone[0].contains(&dear)), "lru lets the first used go: {:?}", gone[0]);
    assert!(gone[1].iter().all(|cheap| *cheap >= 20) && !gone[1].is_empty(), "rebuild-cost keeps what is dear: {:?}", gone[1]);
}

#[test]
fn without_a_named_policy_the_default_decides_in_the_sandbox() {
    let packages = packages(20);
    let home = Home::new();
    let mut go = home.session(&[]).max_size(100_000).start();
    for (number, package) in &packages {
        go.put_group(head(*number), &package.archive, &package.sources);
    }
    let ended = go.close();
    assert_eq!(ended.summary["evicted_by"], "rebuild-cost", "{}", ended.summary);
    assert!(home.index().size().expect("a size").bytes <= 90_000);
}

#[test]
fn a_session_that_was_handed_the_empty_body_is_in_no_trims_way() {
    let packages = packages(20);
    let home = Home::new();
    let mut list = home.session(&[]).max_size(100_000).start();
    list.put(head(99), b"");
    let mut go = home.session(&[]).max_size(100_000).start();
    for (number, package) in &packages {
        go.put_group(head(*number), &package.archive, &package.sources);
    }
    let ended = go.close();
    assert!(ended.count("/evicted_groups") > 0, "{}", ended.summary);
    assert!(home.index().size().expect("a size").bytes <= 90_000);
    // What it was handed is there all the same.
    assert!(list.get(head(99)).is_some_and(|hit| hit.is_whole()));
    list.close();
}

#[test]
fn two_named_owners_of_eviction_are_said_and_the_default_decides() {
    let packages = packages(20);
    let home = Home::new();
    let all: Vec<u64> = packages.keys().copied().collect();
    let mut go = home.session(&["builtin:lru", "builtin:rebuild-cost"]).max_size(100_000).start();
    for number in all {
        go.put_group(head(number), &packages[&number].archive, &packages[&number].sources);
    }
    let ended = go.close();
    let faults = ended.faults();
    assert!(faults.len() == 1 && faults[0].contains("lru and rebuild-cost both decide eviction"), "{faults:?}");
    assert_eq!(ended.summary["evicted_by"], "rebuild-cost");
}

/// A module of packages that need nothing of the standard library, each of another size, so that a build takes a second.
fn write_module(machine: &Machine) -> PathBuf {
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    for package in 0..16_u32 {
        let functions = (0..10 + package * 4).map(|n| format!("func F{n}(a, b int) int {{ return a*{n} + b/{} }}\n", n + 1));
        machine.write(&format!("m/p{package}/a.go"), &format!("package p{package}\n\n{}", functions.collect::<String>()));
    }
    machine.work().join("m")
}

#[test]
fn a_real_go_stays_green_in_a_store_of_four_fifths_of_its_working_set() {
    let (roomy, narrow) = (Machine::new(&Toolchain::machine()), Machine::new(&Toolchain::machine()));
    let home = Home::new();
    let build = |machine: &Machine, packages: &[&str], max: Option<u64>| {
        let mut run = machine.go(["build"].iter().chain(packages).copied()).dir(write_module(machine));
        run = run.cachewit(&["builtin:lru"]).env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg"));
        match max {
            Some(max) => run.env("CACHEWIT_MAX_SIZE", max.to_string()).succeed(),
            None => run.succeed(),
        }
    };
    let index = |machine: &Machine| {
        let layout = cachewit::store::Layout::new(&machine.gocache().join("cachewit")).expect("a store folder");
        cachewit::store::Index::open(&layout.index()).expect("the index opens")
    };
    let names: Vec<String> = (0..16).map(|package| format!("./p{package}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    build(&roomy, &all, None);
    let max = index(&roomy).size().expect("a size").bytes / 10 * 8;
    let (mut evicted, mut misses) = (0, 0);
    for round in 0..3 {
        for packages in [&all[..], &all[..8], &all[8..]] {
            let run = build(&narrow, packages, Some(max));
            evicted += run.count("evicted_groups");
            misses += run.count("misses");
            let bytes = index(&narrow).size().expect("a size").bytes;
            assert!(run.count("puts") == 0 || bytes <= max, "round {round}: {bytes} bytes of {max}");
        }
    }
    let cold = index(&roomy).totals().expect("the totals")["misses"] as u64;
    assert!(evicted >= 10 && misses > cold + 10, "{evicted} evicted, {misses} misses, {cold} of them cold");
}

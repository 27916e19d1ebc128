//! The remote room against a real S3 server and against a folder: what one machine shares another fetches, and no fault of the
//! store or of the network does more than cost a little time.

use cachewit::model::{Digest, Entry, Facts, Kind, UnixNanos};
use cachewit::remote::client::{Answer, Client, Settings, Stats};
use cachewit::remote::engine::{Condition, EngineError, StoreKind};
use cachewit::remote::head::Head;
use cachewit::remote::record::{Group, Member};
use cachewit::remote::set::WorkingSet;
use cachewit::remote::share::{ShareJob, ShareReport, SharedGroup};
use cachewit::remote::target::{Mode, StoreConfig};
use cachewit::remote::{AskStep, ClosePlan, Decide, Incoming, Local, Pass, RequestView, SetView, TargetView};
use cachewit_tests::s3::{BUCKET, Fault, Kind as Fails, S3Server, objects};
use futures::TryStreamExt;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once, mpsc};
use std::time::{Duration, Instant};

/// Puts the server's credentials where the client looks for them.
fn credentials() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (name, value) in S3Server::environment() {
            // SAFETY: the edition demands the word. Every test that reads the environment comes through here first, so nobody
            // reads while this writes.
            unsafe { std::env::set_var(name, value) };
        }
    });
}

/// A local store that is a folder and a map.
struct Store {
    folder: tempfile::TempDir,
    entries: Mutex<HashMap<Digest, Entry>>,
}

impl Store {
    fn new() -> Arc<Self> {
        Arc::new(Self { folder: tempfile::tempdir().unwrap(), entries: Mutex::default() })
    }

    fn path(&self, output: Digest) -> PathBuf {
        self.folder.path().join(output.to_hex())
    }

    fn put(&self, body: &[u8]) -> Digest {
        let output = Digest::of(body);
        std::fs::write(self.path(output), body).unwrap();
        output
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.path()).unwrap().count()
    }
}

struct Arrival {
    file: tempfile::NamedTempFile,
    folder: PathBuf,
    bytes: Vec<u8>,
}

impl Write for Arrival {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Incoming for Arrival {
    fn finish(self: Box<Self>, entry: &Entry) -> io::Result<String> {
        if Digest::of(&self.bytes) != entry.output || self.bytes.len() as u64 != entry.size {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the body has another hash"));
        }
        let path = self.folder.join(entry.output.to_hex());
        self.file.persist(&path)?;
        Ok(path.to_string_lossy().into_owned())
    }
}

impl Local for Store {
    fn incoming(&self, _: u64) -> io::Result<Box<dyn Incoming>> {
        let folder = self.folder.path().to_path_buf();
        Ok(Box::new(Arrival { file: tempfile::NamedTempFile::new_in(&folder)?, folder, bytes: Vec::new() }))
    }

    fn adopt(&self, entry: &Entry) -> io::Result<Option<String>> {
        let path = self.path(entry.output);
        if !path.exists() {
            return Ok(None);
        }
        self.entries.lock().unwrap().insert(entry.action, entry.clone());
        Ok(Some(path.to_string_lossy().into_owned()))
    }

    fn open(&self, output: Digest) -> io::Result<File> {
        File::open(self.path(output))
    }
}

/// A store to share to, and the folder of the breakers' state.
struct Bed {
    server: Option<S3Server>,
    folder: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Bed {
    fn s3() -> Self {
        credentials();
        Self { server: Some(S3Server::start().unwrap()), ..Self::folder() }
    }

    fn folder() -> Self {
        Self { server: None, folder: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() }
    }

    /// Runs a test over both engines.
    fn both(test: impl Fn(&Self)) {
        test(&Self::folder());
        test(&Self::s3());
    }

    fn server(&self) -> &S3Server {
        self.server.as_ref().unwrap()
    }

    fn kind(&self) -> StoreKind {
        match &self.server {
            Some(server) => StoreKind::S3 {
                bucket: BUCKET.to_owned(),
                region: None,
                endpoint: Some(server.endpoint()),
                path_style: true,
                prefix: String::new(),
            },
            None => StoreKind::Folder { path: self.folder.path().to_path_buf() },
        }
    }

    fn config(&self, mode: Mode) -> StoreConfig {
        StoreConfig { name: "store".to_owned(), kind: self.kind(), mode, namespace: "main".to_owned(), share_tests: false }
    }

    fn client(&self, mode: Mode, local: &Arc<Store>) -> Client {
        self.deciding(mode, local, Box::new(Pass))
    }

    fn deciding(&self, mode: Mode, local: &Arc<Store>, decide: Box<dyn Decide>) -> Client {
        let settings = Settings::new("go build", self.state.path());
        Client::new(vec![self.config(mode)], Arc::clone(local) as Arc<dyn Local>, decide, settings).unwrap()
    }

    /// Where the objects of the store lie on this disk.
    fn root(&self) -> PathBuf {
        self.server.as_ref().map_or_else(|| self.folder.path().to_path_buf(), S3Server::bucket)
    }

    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let all = objects(&self.root()).unwrap();
        all.into_iter().filter(|(key, _)| key.starts_with("v1/")).collect()
    }

    fn head(&self) -> Head {
        Head::decode(&self.objects()["v1/main/head"]).unwrap()
    }

    /// Replaces the stored body of an output.
    fn replace_body(&self, output: Digest, bytes: &[u8]) {
        let hex = output.to_hex();
        std::fs::write(self.root().join(format!("v1/main/cas/{}/{hex}", &hex[..2])), bytes).unwrap();
    }
}

/// Bytes that no compressor makes smaller.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn action(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// A group of one large archive and two small companions, put into `store`.
fn group(store: &Store, name: &str, size: usize) -> Group {
    let head = action(name);
    let seed = head.prefix();
    let member = |action, kind, body: &[u8]| Member {
        action,
        output: store.put(body),
        size: body.len() as u64,
        put: UnixNanos(1_700_000_000_123_456_789 + i64::from(head.0[0])),
        kind,
        cost: None,
        body: None,
    };
    Group {
        members: vec![
            member(head, Kind::Archive, &noise(seed, size)),
            member(head.subkey("stdout"), Kind::Other, b""),
            member(head.subkey("srcfiles"), Kind::SourceList, name.as_bytes()),
        ],
        facts: Facts { import_path: Some(format!("example/{name}")), ..Facts::default() },
    }
}

fn job(client: &Client, stream: &str, groups: &[Group]) -> ShareJob {
    let groups = groups.iter().map(|group| SharedGroup { group: group.clone(), known: 0 }).collect();
    ShareJob { stream: stream.to_owned(), groups, plan: client.close_plan(), deadline: Duration::from_mins(1) }
}

fn share(bed: &Bed, store: &Arc<Store>, groups: &[Group]) -> ShareReport {
    let client = bed.client(Mode::ReadWrite, store);
    let report = client.share(job(&client, "go build", groups));
    client.stop();
    report
}

fn ask(client: &Client, action: Digest) -> Answer {
    ask_at(client, action, None)
}

fn ask_at(client: &Client, action: Digest, cost: Option<Duration>) -> Answer {
    let (tell, told) = mpsc::channel();
    client.miss(action, cost, Box::new(move |answer| tell.send(answer).unwrap()));
    told.recv_timeout(Duration::from_secs(30)).expect("every miss is answered")
}

fn hits(client: &Client, groups: &[Group]) -> usize {
    groups.iter().flat_map(|group| &group.members).filter(|member| ask(client, member.action) != Answer::Miss).count()
}

#[test]
fn what_one_machine_shares_another_fetches_whole_and_with_its_time() {
    Bed::both(|bed| {
        let (here, there) = (Store::new(), Store::new());
        let groups = [group(&here, "a", 100_000), group(&here, "b", 9 << 20), group(&here, "c", 300)];
        let report = share(bed, &here, &groups);
        assert!(report.complete, "{report:?}");
        assert_eq!((report.known, report.objects, report.records, report.sets), (vec![1, 1, 1], 2, 3, 1));

        let client = bed.client(Mode::Read, &there);
        for group in &groups {
            for member in &group.members {
                let Answer::Hit { entry, path } = ask(&client, member.action) else { panic!("{:?} was missed", member.kind) };
                assert_eq!(std::fs::read(path).unwrap(), std::fs::read(here.path(member.output)).unwrap());
                assert_eq!((entry.put, entry.output, entry.kind), (member.put, member.output, member.kind));
                assert_eq!(entry.head, group.members[0].action);
            }
        }
        assert_eq!(ask(&client, action("never heard of")), Answer::Miss);
        let stats = client.stats();
        assert_eq!((stats.hits, stats.misses, stats.sets, stats.named), (9, 1, 1, 9));
        assert_eq!(stats.requests, 4, "head, set, and each of the two large bodies once");
        assert_eq!(stats.errors, []);
    });
}

#[test]
fn the_bucket_holds_what_the_layout_says() {
    Bed::both(|bed| {
        let here = Store::new();
        let groups = [group(&here, "a", 100_000)];
        share(bed, &here, &groups);
        let objects = bed.objects();
        assert_eq!(objects.len(), 4, "head, set, record, body: {:?}", objects.keys());
        let [archive, stdout, srcfiles] = &groups[0].members[..] else { unreachable!() };
        let (action, output) = (archive.action.to_hex(), archive.output.to_hex());
        let record = Group::decode(archive.action, &objects[&format!("v1/main/ac/{}/{action}", &action[..2])]).unwrap();
        assert_eq!(record.facts, groups[0].facts);
        assert_eq!(record.members[0], *archive);
        assert_eq!(record.members[1], Member { body: Some(Vec::new()), ..stdout.clone() });
        assert_eq!(record.members[2], Member { body: Some(b"a".to_vec()), ..srcfiles.clone() });
        let body = zstd::decode_all(&objects[&format!("v1/main/cas/{}/{output}", &output[..2])][..]).unwrap();
        assert_eq!(Digest::of(&body), archive.output);
        let [line] = &bed.head().sets[..] else { panic!("one set was published") };
        assert_eq!((line.name.as_str(), line.stream.as_str(), line.entries), ("go-build", "go build", 3));
        let set = WorkingSet::decode(line.set, &objects[&format!("v1/main/ws/{}", line.set)]).unwrap();
        assert_eq!(set.groups, [record]);
    });
}

#[test]
fn what_the_store_is_known_to_hold_is_not_sent_again_but_stands_in_the_set() {
    Bed::both(|bed| {
        let here = Store::new();
        let groups = [group(&here, "a", 100_000), group(&here, "b", 100_000)];
        let known = share(bed, &here, &groups[..1]).known;
        let client = bed.client(Mode::ReadWrite, &here);
        let mut second = job(&client, "go build", &groups);
        second.groups[0].known = known[0];
        let report = client.share(second);
        assert_eq!((report.objects, report.records, report.sets), (1, 1, 1));
        assert_eq!(bed.head().sets[0].entries, 6);
        let mut third = job(&client, "go build", &groups);
        third.groups.iter_mut().for_each(|group| group.known = 1);
        assert_eq!(client.share(third), ShareReport { known: vec![1, 1], complete: true, ..ShareReport::default() });
    });
}

#[test]
fn an_empty_store_costs_one_request_for_the_whole_build() {
    Bed::both(|bed| {
        let client = bed.client(Mode::Read, &Store::new());
        for n in 0..50 {
            assert_eq!(ask(&client, action(&n.to_string())), Answer::Miss);
        }
        assert_eq!(client.stats().requests, 1);
        if let Some(server) = &bed.server {
            assert_eq!(server.requests(), [format!("GET /{BUCKET}/v1/main/head")]);
        }
    });
}

#[test]
fn nothing_happens_before_the_first_miss() {
    let bed = Bed::s3();
    bed.server().fail(Some(Fault::always(Fails::Stall)));
    let client = bed.client(Mode::ReadWrite, &Store::new());
    client.targets();
    client.stop();
    assert_eq!(bed.server().requests(), [""; 0]);
    assert_eq!(client.stats(), Stats::default());
}

#[test]
fn wrong_bytes_are_never_admitted() {
    Bed::both(|bed| {
        let (here, there) = (Store::new(), Store::new());
        let groups = [group(&here, "a", 100_000)];
        share(bed, &here, &groups);
        let archive = &groups[0].members[0];
        let wrong = [zstd::encode_all(&noise(99, 100_000)[..], 1).unwrap(), b"no frame at all".to_vec(), Vec::new()];
        for bytes in wrong {
            bed.replace_body(archive.output, &bytes);
            let client = bed.client(Mode::Read, &there);
            assert_eq!(ask(&client, archive.action), Answer::Miss);
            assert_eq!(there.files(), 0);
            let errors = client.stats().errors;
            assert!(errors[0].1.contains(&archive.output.to_hex()), "{errors:?}");
        }
    });
}

#[test]
fn a_bomb_does_not_unfold() {
    Bed::both(|bed| {
        let (here, there) = (Store::new(), Store::new());
        let groups = [group(&here, "a", 100_000)];
        share(bed, &here, &groups);
        let archive = &groups[0].members[0];
        bed.replace_body(archive.output, &zstd::encode_all(&vec![0; 64 << 20][..], 1).unwrap());
        let client = bed.client(Mode::Read, &there);
        assert_eq!(ask(&client, archive.action), Answer::Miss);
        assert_eq!(client.stats().errors[0].1.split(": ").last(), Some("more bytes than announced"));
        assert_eq!(there.files(), 0);
    });
}

#[test]
fn nonsense_in_the_place_of_a_head_or_set_is_an_empty_store() {
    Bed::both(|bed| {
        let here = Store::new();
        let groups = [group(&here, "a", 5000)];
        share(bed, &here, &groups);
        let set = bed.root().join(format!("v1/main/ws/{}", bed.head().sets[0].set));
        for file in [set, bed.root().join("v1/main/head")] {
            std::fs::write(file, b"\x00\xffnonsense").unwrap();
            let client = bed.client(Mode::Read, &Store::new());
            assert_eq!(hits(&client, &groups), 0);
            assert_eq!(client.stats().errors.len(), 1);
        }
        // A head that nobody can read is replaced by the next who shares.
        assert!(share(bed, &here, &groups).complete);
        assert_eq!(hits(&bed.client(Mode::Read, &Store::new()), &groups), 3);
    });
}

#[test]
fn a_stalled_store_costs_a_second_in_all_and_later_sessions_nothing() {
    let bed = Bed::s3();
    bed.server().fail(Some(Fault::always(Fails::Stall)));
    let mut waited = Duration::ZERO;
    for session in 0..20 {
        let client = bed.client(Mode::Read, &Store::new());
        for n in 0..10 {
            assert_eq!(ask(&client, action(&n.to_string())), Answer::Miss);
        }
        client.stop();
        let stats = client.stats();
        waited += stats.waited_in_vain;
        assert!(session < 4 || stats.requests == 0, "session {session} asked a dead store");
    }
    assert!(waited < Duration::from_millis(1300), "{waited:?}");
    assert!(waited > Duration::from_millis(400), "nobody ever waited: {waited:?}");
}

#[test]
fn a_store_that_stops_half_way_costs_a_second_and_the_rest_are_misses() {
    let bed = Bed::s3();
    let here = Store::new();
    let groups: Vec<Group> = (0..20).map(|n| group(&here, &n.to_string(), 200_000)).collect();
    share(&bed, &here, &groups);
    for fails in [Fails::Stall, Fails::StopAfter(50_000)] {
        bed.server().fail(Some(Fault { kind: fails, path: "/cas/".to_owned(), after: 5 }));
        let bed = Bed { server: None, ..Bed::folder() }.with_server_of(&bed);
        let client = bed.client(&Store::new());
        let begun = Instant::now();
        let found = groups.iter().filter(|group| ask(&client, group.members[0].action) != Answer::Miss).count();
        assert_eq!(found, 5, "{fails:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{fails:?}");
        let stats = client.stats();
        assert!(stats.waited_in_vain < Duration::from_millis(1500), "{fails:?}: {stats:?}");
        assert_eq!((stats.breakers_open, stats.errors.len()), (1, 1), "{fails:?}: {stats:?}");
    }
}

#[test]
fn other_faults_are_misses_and_one_message() {
    let bed = Bed::s3();
    let here = Store::new();
    let groups = [group(&here, "a", 200_000)];
    share(&bed, &here, &groups);
    for fails in [Fails::Refuse, Fails::Unavailable, Fails::CutAfter(1000), Fails::WrongBytes] {
        bed.server().fail(Some(Fault::on("", fails)));
        let there = Store::new();
        let other = Bed::folder().with_server_of(&bed);
        let client = other.client(&there);
        assert_eq!(ask(&client, groups[0].members[0].action), Answer::Miss, "{fails:?}");
        assert_eq!(there.files(), 0, "{fails:?}");
        assert_eq!(client.stats().errors.len(), 1, "{fails:?}");
    }
    bed.server().fail(None);
    assert_eq!(hits(&Bed::folder().with_server_of(&bed).client(&Store::new()), &groups), 3);
}

#[test]
fn a_short_fault_is_tried_again() {
    let bed = Bed::s3();
    let here = Store::new();
    let groups = [group(&here, "a", 200_000)];
    share(&bed, &here, &groups);
    let client = bed.client(Mode::Read, &Store::new());
    assert_eq!(hits(&client, &[Group { members: vec![groups[0].members[1].clone()], ..groups[0].clone() }]), 1);
    bed.server().fail(Some(Fault::always(Fails::Unavailable)));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| ask(&client, groups[0].members[0].action));
        while bed.server().requests().iter().filter(|request| request.contains("/cas/")).count() < 3 {
            std::thread::yield_now();
        }
        bed.server().fail(None);
        assert_ne!(asked.join().unwrap(), Answer::Miss);
    });
}

/// The server of another bed, with a breaker state of one's own.
struct Guest<'a> {
    bed: &'a Bed,
    own: Bed,
}

impl Bed {
    fn with_server_of(self, bed: &Bed) -> Guest<'_> {
        Guest { bed, own: self }
    }
}

impl Guest<'_> {
    fn client(&self, local: &Arc<Store>) -> Client {
        let settings = Settings::new("go build", self.own.state.path());
        Client::new(vec![self.bed.config(Mode::Read)], Arc::clone(local) as Arc<dyn Local>, Box::new(Pass), settings).unwrap()
    }
}

#[test]
fn an_object_that_costs_less_than_the_wait_is_not_waited_for() {
    let bed = Bed::s3();
    let here = Store::new();
    let groups = [group(&here, "a", 200_000)];
    share(&bed, &here, &groups);
    let client = bed.client(Mode::Read, &Store::new());
    ask(&client, groups[0].members[1].action);
    bed.server().fail(Some(Fault::always(Fails::Latency(Duration::from_millis(300)))));
    let archive = groups[0].members[0].action;
    assert_eq!(ask_at(&client, archive, Some(Duration::from_millis(50))), Answer::Miss);
    assert_ne!(ask_at(&client, archive, Some(Duration::from_secs(5))), Answer::Miss);
}

#[test]
fn two_who_ask_for_the_same_object_share_one_transfer() {
    let bed = Bed::s3();
    let here = Store::new();
    let groups = [group(&here, "a", 200_000)];
    share(&bed, &here, &groups);
    bed.server().forget();
    bed.server().fail(Some(Fault::on("/cas/", Fails::Latency(Duration::from_millis(100)))));
    let client = bed.client(Mode::Read, &Store::new());
    let (tell, told) = mpsc::channel();
    for _ in 0..4 {
        let tell = tell.clone();
        client.miss(groups[0].members[0].action, None, Box::new(move |answer| tell.send(answer).unwrap()));
    }
    for _ in 0..4 {
        assert_ne!(told.recv_timeout(Duration::from_secs(30)).unwrap(), Answer::Miss);
    }
    assert_eq!(bed.server().requests().len(), 3, "head, set, body: {:?}", bed.server().requests());
}

#[test]
fn what_still_waits_when_the_session_ends_is_a_miss() {
    let bed = Bed::s3();
    bed.server().fail(Some(Fault::always(Fails::Stall)));
    let client = bed.client(Mode::Read, &Store::new());
    let (tell, told) = mpsc::channel();
    client.miss(action("a"), None, Box::new(move |answer| tell.send(answer).unwrap()));
    client.stop();
    assert_eq!(told.recv_timeout(Duration::from_secs(5)).unwrap(), Answer::Miss);
}

#[test]
fn a_second_writer_adds_its_set_and_takes_none_away() {
    Bed::both(|bed| {
        let here = Store::new();
        let groups = [group(&here, "a", 5000)];
        for stream in ["one", "two", "one"] {
            let client = bed.client(Mode::ReadWrite, &here);
            assert!(
                client
                    .share(ShareJob {
                        plan: ClosePlan { publish: vec![(0, stream.to_owned())], share: vec![0] },
                        ..job(&client, stream, &groups)
                    })
                    .complete
            );
        }
        let mut names: Vec<String> = bed.head().sets.into_iter().map(|line| line.name).collect();
        names.sort();
        assert_eq!(names, ["one", "two"]);
    });
}

#[test]
fn writers_at_the_same_time_lose_at_most_the_name_of_a_set() {
    Bed::both(|bed| {
        let here = Store::new();
        let groups = [group(&here, "a", 5000)];
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (here, groups) = (&here, &groups);
                scope.spawn(move || {
                    let client = bed.client(Mode::ReadWrite, here);
                    let plan = ClosePlan { publish: vec![(0, format!("w{writer}"))], share: vec![0] };
                    client.share(ShareJob { plan, ..job(&client, &format!("stream {writer}"), groups) });
                });
            }
        });
        assert!(!bed.head().sets.is_empty());
        assert_eq!(hits(&bed.client(Mode::Read, &Store::new()), &groups), 3);
    });
}

#[test]
fn a_conditional_write_that_came_too_late_is_told() {
    let bed = Bed::s3();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let engine = bed.kind().engine();
        let late = |result| matches!(result, Err(EngineError::Conflict { .. }));
        assert!(matches!(engine.get("k").await, Err(EngineError::NotFound { .. })));
        engine.put("k", "1".into(), Condition::Absent).await.unwrap();
        assert!(late(engine.put("k", "2".into(), Condition::Absent).await));
        let old = engine.get("k").await.unwrap().etag.expect("S3 marks versions");
        engine.put("k", "3".into(), Condition::Unchanged(old.clone())).await.unwrap();
        assert!(late(engine.put("k", "4".into(), Condition::Unchanged(old)).await));
        let now: Vec<_> = engine.get("k").await.unwrap().chunks.try_collect().await.unwrap();
        assert_eq!(now.concat(), b"3");
    });
}

#[test]
fn a_damaged_local_object_never_spreads() {
    Bed::both(|bed| {
        let here = Store::new();
        let groups = [group(&here, "a", 100_000), group(&here, "b", 9 << 20), group(&here, "c", 100)];
        for group in &groups {
            let path = here.path(group.members[0].output);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[50] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }
        let report = share(bed, &here, &groups);
        assert_eq!((report.known, report.objects, report.records, report.complete), (vec![0, 0, 0], 0, 0, false));
        assert!(bed.objects().keys().all(|key| !key.contains("/ac/") && !key.contains("/cas/")), "{:?}", bed.objects().keys());
    });
}

#[test]
fn module_indexes_never_leave_and_test_results_only_where_the_operator_says_so() {
    Bed::both(|bed| {
        let here = Store::new();
        let one = |name: &str, kind| {
            let mut group = group(&here, name, 5000);
            group.members.truncate(1);
            group.members[0].kind = kind;
            group
        };
        let groups = [one("a", Kind::ModuleIndex), one("b", Kind::TestResult), one("c", Kind::TestLog), one("d", Kind::Archive)];
        assert_eq!(share(bed, &here, &groups).known, [0, 0, 0, 1]);
        let config = StoreConfig { share_tests: true, ..bed.config(Mode::ReadWrite) };
        let local = Arc::clone(&here) as Arc<dyn Local>;
        let client = Client::new(vec![config], local, Box::new(Pass), Settings::new("go test", bed.state.path())).unwrap();
        assert_eq!(client.share(job(&client, "go test", &groups)).known, [0, 1, 1, 1]);
    });
}

#[test]
fn a_store_that_may_only_be_read_is_never_written() {
    Bed::both(|bed| {
        let here = Store::new();
        let groups = [group(&here, "a", 5000)];
        let client = bed.client(Mode::Read, &here);
        assert_eq!(client.close_plan(), ClosePlan::default());
        let plan = ClosePlan { publish: vec![(0, "x".to_owned()), (7, "x".to_owned())], share: vec![0, 7] };
        let report = client.share(ShareJob { plan, ..job(&client, "s", &groups) });
        assert_eq!((report.known, report.objects), (vec![0], 0));
        assert!(bed.objects().is_empty());
    });
}

#[test]
fn sharing_to_a_dead_store_ends_soon_and_says_so() {
    for fails in [Fails::Stall, Fails::Refuse, Fails::Unavailable] {
        let bed = Bed::s3();
        let here = Store::new();
        let groups = [group(&here, "a", 5000)];
        bed.server().fail(Some(Fault::always(fails)));
        for _ in 0..2 {
            let begun = Instant::now();
            let report = share(&bed, &here, &groups);
            assert!(begun.elapsed() < Duration::from_secs(5), "{fails:?}");
            assert_eq!((report.complete, report.errors.len()), (false, 1), "{fails:?}");
        }
        bed.server().fail(None);
        assert!(bed.objects().is_empty());
    }
}

/// A policy that loads nothing and asks for everything, or for nothing.
struct Asks(bool);

impl Decide for Asks {
    fn open(&mut self, _: &[TargetView], _: &[SetView]) -> Option<Vec<usize>> {
        Some(Vec::new())
    }

    fn route(&mut self, _: &RequestView, _: &[TargetView]) -> Option<Vec<AskStep>> {
        Some(if self.0 { vec![AskStep { target: 9, wait: None }, AskStep { target: 0, wait: None }] } else { Vec::new() })
    }

    fn close(&mut self, _: &[TargetView]) -> Option<ClosePlan> {
        Some(ClosePlan::default())
    }
}

#[test]
fn only_a_policy_asks_for_what_no_set_names_and_then_within_a_second_in_all() {
    Bed::both(|bed| {
        let here = Store::new();
        let groups = [group(&here, "a", 5000)];
        share(bed, &here, &groups);
        let silent = bed.deciding(Mode::Read, &Store::new(), Box::new(Asks(false)));
        assert_eq!((hits(&silent, &groups), silent.stats().requests), (0, 1));
        let asking = bed.deciding(Mode::Read, &Store::new(), Box::new(Asks(true)));
        assert_ne!(ask(&asking, groups[0].members[0].action), Answer::Miss);
        assert_eq!(asking.stats().requests, 3, "head, record, body");
    });
    let bed = Bed::s3();
    let here = Store::new();
    share(&bed, &here, &[group(&here, "a", 5000)]);
    bed.server().fail(Some(Fault::on("/ac/", Fails::Latency(Duration::from_millis(150)))));
    let asking = bed.deciding(Mode::Read, &Store::new(), Box::new(Asks(true)));
    for n in 0..40 {
        ask(&asking, action(&n.to_string()));
    }
    let stats = asking.stats();
    assert!(stats.waited_in_vain < Duration::from_millis(1500), "{stats:?}");
    assert!((6..10).contains(&stats.requests), "{stats:?}");
    assert_eq!(stats.breakers_open, 0, "a miss is no trouble");
}

//! The table of conformance, and the points of it that are proven nowhere else.

use cachewit::model::Digest;
use cachewit_tests::client::Home;
use cachewit_tests::conformance::{self, Point};
use cachewit_tests::s3::{Fault, Kind, S3Server};
use cachewit_tests::stored;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

#[test]
fn every_point_names_tests_that_are_there() {
    let points = conformance::points();
    assert_eq!(points.keys().copied().collect::<Vec<_>>(), (1..=60).collect::<Vec<u32>>());
    for (number, Point { tests, .. }) in points {
        assert!(!tests.is_empty(), "point {number} names no test");
        for test in tests {
            let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("point {number}: {test} names no file"));
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(format!("{file}.rs"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("point {number}: {}: {error}", path.display()));
            let alone = text.split("#[test]").skip(1).any(|rest| rest.contains(&format!("fn {name}()")));
            // Declared for every Go, a test stands in a list.
            let lists = text.split("on_every_go!(").skip(1).filter_map(|rest| rest.split("]);").next());
            let found = alone || lists.flat_map(|list| list.split([',', '[', '\n'])).any(|word| word.trim() == name);
            assert!(found, "point {number}: there is no test {name} in {}", path.display());
        }
    }
}

/// `go` maps module indexes: neither a put of the same bytes nor another output of the action may change what it sees.
#[test]
fn a_file_that_is_mapped_keeps_its_bytes_whatever_is_put() {
    let home = Home::new();
    let action = Digest::of(b"an action");
    let mut host = home.host().start();
    let body = vec![b'x'; 10_000];
    let path = host.put(action, &body);
    let mut open = File::open(path).expect("the file");
    let mut content = || {
        let mut bytes = Vec::new();
        open.rewind().and_then(|()| open.read_to_end(&mut bytes)).expect("the file can be read");
        // Bytes that were cut off and written again look untouched now, and were not to those who had them mapped.
        (bytes, open.metadata().and_then(|data| data.modified()).expect("a time"))
    };
    let before = content();
    assert!(before.0 == body);
    let unchanged = |now: (Vec<u8>, SystemTime)| assert!(now == before, "the file was written at {:?} and again at {:?}", before.1, now.1);
    host.put(action, &body);
    unchanged(content());
    host.put(action, &vec![b'y'; 10_000]);
    unchanged(content());
    host.close();
    let mut other = home.host().start();
    other.put(Digest::of(b"another action"), &body);
    unchanged(content());
    other.close();
}

#[test]
fn a_get_that_waits_for_a_store_delays_no_other_answer() {
    let home = Home::new();
    let server = S3Server::start().expect("a server");
    let config = home.gocache().join("slow.toml");
    std::fs::write(&config, stored::store(&server, "read")).expect("a configuration");
    let mut launch = home.host().arg("--config").arg(&config);
    for (name, value) in S3Server::environment() {
        launch = launch.env(name, value);
    }
    let mut host = launch.start();
    let here = Digest::of(b"here");
    host.put(here, b"a body");
    server.fail(Some(Fault::always(Kind::Latency(Duration::from_millis(400)))));
    let slow: Vec<i64> = (0..16_u8).map(|number| host.send_get(Digest::of(&[number]))).collect();
    let fast = host.send_get(here);
    assert_eq!(host.response()["ID"].as_i64(), Some(fast));
    for _ in &slow {
        let response = host.response();
        assert!(response["Miss"] == true && slow.contains(&response["ID"].as_i64().unwrap_or(0)), "{response}");
    }
    host.close();
}

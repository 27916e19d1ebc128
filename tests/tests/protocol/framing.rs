//! Requests in every shape that JSON allows, and responses to all of them.

use std::collections::BTreeSet;
use std::time::Duration;

use cachewit::model::Digest;
use cachewit_tests::client::{Home, body_text, close_request, encoded, get_request, put_object, put_request};

use crate::{action, noise};

#[test]
fn the_greeting_comes_first_and_alone_and_before_any_input() {
    let home = Home::new();
    let mut host = home.host().start_silently();
    assert_eq!(host.line(), "{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}");
    assert!(host.is_silent_for(Duration::from_millis(300)), "something follows the greeting");
    let finished = host.finish();
    assert!(finished.status.success() && finished.stderr.is_empty(), "{finished:?}");
}

#[test]
fn the_greeting_comes_from_an_impossible_store_too() {
    let home = Home::new();
    let file = home.gocache().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let mut host = home.host().env("GOCACHE", file).start();
    assert!(host.misses(action(1)));
    // A put is never answered with an error because of our troubles.
    host.put(action(1), b"body");
    host.close();
}

#[test]
fn blanks_between_requests_may_be_any_or_none() {
    let home = Home::new();
    let mut host = home.host().start();
    for blanks in ["\n\n", "\n", "\r\n", "", " \t\r\n \n\n\n"] {
        for number in 0..3 {
            let id = host.next_id();
            let request = get_request(id, action(number));
            host.send_request(id, format!("{blanks}{}", request.trim_end()).as_bytes());
            assert_eq!(host.response_to(id)["Miss"], true);
        }
    }
    host.close();
}

#[test]
fn blanks_around_a_body_may_be_any_or_none() {
    let home = Home::new();
    let mut host = home.host().start();
    for (number, (before, behind)) in
        [("\n\n", "\n"), ("", ""), ("\n", "\r\n"), ("\r\n\r\n", "\n\n"), ("\n\n\n\n", " ")].into_iter().enumerate()
    {
        let body = noise(number as u64, 100);
        let (put, get) = (host.next_id(), host.next_id());
        let object = put_object(put, action(number as u64), Digest::of(&body), 100);
        host.send_request(put, format!("{}{before}{}{behind}", object.trim_end(), body_text(&body)).as_bytes());
        host.send_request(get, get_request(get, action(number as u64)).as_bytes());
        assert!(host.response_to(put)["DiskPath"].is_string());
        assert_eq!(host.response_to(get)["Size"], 100);
    }
    host.close();
}

#[test]
fn a_put_without_a_size_or_with_zero_has_no_body() {
    let home = Home::new();
    let mut host = home.host().start();
    for size in ["", ",\"BodySize\":0"] {
        let (put, get) = (host.next_id(), host.next_id());
        let object = put_object(put, action(1), Digest::EMPTY, 0);
        let object = object.trim_end().trim_end_matches('}');
        host.send_request(put, format!("{object}{size}}}\n\n").as_bytes());
        host.send_request(get, get_request(get, action(1)).as_bytes());
        assert!(host.response_to(put)["DiskPath"].is_string());
        assert_eq!(host.response_to(get)["Size"], 0);
    }
    host.close();
}

#[test]
fn requests_and_bodies_may_be_split_at_every_byte() {
    let home = Home::new();
    let mut host = home.host().start();
    let body = noise(1, 20);
    for at in 0..put_request(10, action(1), &body).len() {
        let id = 10 + at as i64;
        let request = put_request(id, action(1), &body);
        let (first, second) = request.as_bytes().split_at(at);
        host.send(first);
        // Most likely the host has read the first part by then; where not, another split is tested.
        std::thread::sleep(Duration::from_millis(1));
        host.send_request(id, second);
        assert!(host.response_to(id)["DiskPath"].is_string());
    }
    assert_eq!(host.hit(action(1)).body, body);
    host.close();
}

#[test]
fn unusual_but_right_objects_are_understood() {
    let home = Home::new();
    let mut host = home.host().start();
    host.put(action(1), b"body");
    let key = encoded(action(1));
    for (id, text) in [
        (100, format!("{{\"ActionID\":\"{key}\",\"Command\":\"get\",\"ID\":100}}")),
        (101, format!("{{\"New\":{{\"ID\":[5,{{}}]}},\"ID\":101,\"Command\":\"get\",\"ActionID\":\"{key}\",\"More\":\"}}\\\"\"}}")),
        (102, format!(" {{ \"ID\" : 102 ,\r\n\"Command\" : \"\\u0067et\" , \"ActionID\" : \"{key}\" }} ")),
    ] {
        host.send_request(id, text.as_bytes());
        assert_eq!(host.response_to(id)["Size"], 4, "{text}");
    }
    host.close();
}

#[test]
fn object_id_and_output_id_are_stored_alike() {
    let home = Home::new();
    let mut host = home.host().start();
    let body = noise(1, 50);
    let (key, output) = (encoded(action(1)), encoded(Digest::of(&body)));
    let mut paths = BTreeSet::new();
    for (id, fields) in [
        (100, format!("\"ObjectID\":\"{output}\",\"BodySize\":50")),
        (101, format!("\"OutputID\":\"{output}\",\"BodySize\":50")),
        (102, format!("\"OutputID\":\"{output}\",\"BodySize\":50,\"ObjectID\":\"{output}\"")),
    ] {
        let text = format!("{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{key}\",{fields}}}\n\n{}\n", body_text(&body));
        host.send_request(id, text.as_bytes());
        assert!(host.response_to(id)["DiskPath"].is_string(), "{fields}");
        let hit = host.hit(action(1));
        assert_eq!((hit.output, hit.body), (Digest::of(&body), body.clone()), "{fields}");
        paths.insert(hit.path);
    }
    assert_eq!(paths.len(), 1);
    host.close();
}

#[test]
fn ids_are_echoed_exactly_in_any_order() {
    let home = Home::new();
    let mut host = home.host().start();
    for id in [7, 3, 1 << 53, (1 << 53) + 1, i64::MAX, i64::MAX - 1, 5] {
        host.send_request(id, get_request(id, action(1)).as_bytes());
        assert_eq!(host.response_to(id)["Miss"], true);
    }
    host.close();
}

#[test]
fn ten_thousand_requests_get_one_response_each() {
    let home = Home::new();
    let mut host = home.host().start();
    let mut sent = String::new();
    let mut ids = BTreeSet::new();
    for number in 0..10_000_u64 {
        let id = host.next_id();
        // A third of them puts, a quarter of those empty, as a cold build has them; neighbours swapped.
        let key = action(number % 1_000);
        let request = match number % 12 {
            0 => put_request(id, key, b""),
            1..4 => put_request(id, key, &noise(number, 300)),
            _ => get_request(id, key),
        };
        ids.insert(id);
        sent.push_str(&request);
        if sent.len() > 50_000 {
            host.send(sent.as_bytes());
            sent.clear();
        }
    }
    host.send(sent.as_bytes());
    let mut answered = BTreeSet::new();
    for _ in 0..10_000 {
        let response: serde_json::Value = serde_json::from_str(&host.line()).unwrap();
        assert_eq!(response.get("Err"), None, "{response}");
        assert!(answered.insert(response["ID"].as_i64().unwrap()), "a second response: {response}");
    }
    assert_eq!(answered, ids);
    assert!(host.is_silent_for(Duration::from_millis(100)));
    let finished = host.close();
    assert!(finished.stderr.is_empty(), "{finished:?}");
}

#[test]
fn sixteen_requests_may_wait_at_once() {
    let home = Home::new();
    let mut host = home.host().start();
    for number in 0..16 {
        host.put(action(number), &noise(number, 1000));
    }
    for _ in 0..50 {
        let mut waiting: BTreeSet<i64> = (0..16).map(|number| host.send_get(action(number))).collect();
        while !waiting.is_empty() {
            let response = host.response();
            assert_eq!(response["Size"], 1000);
            assert!(waiting.remove(&response["ID"].as_i64().unwrap()));
        }
    }
    host.close();
}

#[test]
fn answers_do_not_wait_for_a_body_that_has_only_begun() {
    let home = Home::new();
    let mut host = home.host().start();
    let body = noise(1, 1000);
    let (get, put) = (host.next_id(), host.next_id());
    let text = body_text(&body);
    let (first, second) = text.split_at(500);
    let begun = [get_request(get, action(1)), put_object(put, action(1), Digest::of(&body), 1000), first.to_owned()].concat();
    host.send_request(get, begun.as_bytes());
    assert_eq!(host.response_to(get)["Miss"], true);
    host.send_request(put, second.as_bytes());
    assert!(host.response_to(put)["DiskPath"].is_string());
    host.close();
}

#[test]
fn the_end_of_input_without_a_close_is_no_fault_and_loses_nothing() {
    let home = Home::new();
    let mut host = home.host().start();
    host.put(action(1), b"body");
    let finished = host.finish();
    assert!(finished.status.success() && finished.stderr.is_empty(), "{finished:?}");
    let mut host = home.host().start();
    assert_eq!(host.hit(action(1)).body, b"body");
    host.close();
}

#[test]
fn what_follows_a_close_changes_nothing() {
    let home = Home::new();
    for late in [get_request(2, action(1)), put_request(2, action(1), b"late"), close_request(2), "junk".to_owned()] {
        let mut host = home.host().start();
        host.send_request(1, [close_request(1), late].concat().as_bytes());
        assert_eq!(host.response_to(1).as_object().map(serde_json::Map::len), Some(1));
        let finished = host.finish();
        assert!(finished.status.success() && finished.stderr.is_empty(), "{finished:?}");
    }
    let mut host = home.host().start();
    assert!(host.misses(action(1)));
    host.close();
}

use super::{S3Fifo, Settings};
use cachewit_guest::fake::{Row, Trim};
use cachewit_guest::{Policy, parse_settings};

/// One that takes a second use for enough.
fn policy() -> S3Fifo {
    S3Fifo::configure(parse_settings(r#"{"promote-after": 1}"#).unwrap()).unwrap()
}

/// A row of ten bytes, put `age` seconds ago, that `uses` sessions used.
fn row(key: u64, age: u32, uses: u32) -> Row {
    Row { key, age, uses, size: 10, ..Row::default() }
}

/// Trims, and answers the keys in the order in which they would go; those that cover the wanted bytes are gone then.
fn trim(trim: &Trim, policy: &mut S3Fifo) -> Vec<u64> {
    let order = trim.order(policy);
    let mut rows = trim.rows.borrow_mut();
    let keys: Vec<u64> = order.iter().map(|row| rows[*row].key).collect();
    let gone = &keys[..(trim.wanted.div_ceil(10) as usize).min(keys.len())];
    rows.retain(|row| !gone.contains(&row.key));
    keys
}

#[test]
fn what_was_used_by_one_session_alone_goes_first_and_as_it_came() {
    let rows = vec![row(1, 10, 3), row(2, 30, 1), row(3, 20, 1), row(4, 40, 2)];
    assert_eq!(trim(&Trim::new(rows, 10), &mut policy())[..2], [2, 3]);
}

#[test]
fn unless_told_otherwise_a_group_must_be_used_twice_again_to_stay() {
    let mut policy = S3Fifo::configure(Settings::default()).unwrap();
    let rows = vec![row(1, 30, 3), row(2, 20, 2), row(3, 10, 1)];
    assert_eq!(trim(&Trim::new(rows, 10), &mut policy), [2, 3, 1]);
}

#[test]
fn a_scan_of_new_groups_does_not_push_out_what_was_used_again() {
    let mut state = Trim::new((0..10).map(|key| row(key, 1000, 2)).chain([row(10, 1, 1)]).collect(), 10);
    let mut policy = policy();
    trim(&state, &mut policy);
    state.wanted = 50;
    for scan in 0..20 {
        state.rows.borrow_mut().extend((0..5).map(|n| row(1000 + scan * 5 + n, 10, 1)));
        trim(&state, &mut policy);
    }
    // One makes room for the tenth that new groups may have.
    let kept = state.rows.borrow().iter().filter(|row| row.key < 10).count();
    assert!(kept >= 9, "{kept}");
}

#[test]
fn what_is_made_again_soon_after_it_went_enters_the_main_queue() {
    let mut policy = S3Fifo::configure(parse_settings(r#"{"small-percent": 0, "promote-after": 1}"#).unwrap()).unwrap();
    let state = Trim::new((0..8).map(|key| row(key, 100, 2)).chain([row(50, 90, 1), row(51, 80, 1)]).collect(), 20);
    assert_eq!(trim(&state, &mut policy)[..2], [50, 51]);
    // 50 comes back, beside new ones that nobody knows: it outlives those that came after it.
    state.rows.borrow_mut().extend([row(50, 30, 1), row(60, 20, 1), row(61, 10, 1)]);
    let order = trim(&Trim { wanted: 20, ..state }, &mut policy);
    assert_eq!((order[..2].to_vec(), order.last()), (vec![60, 61], Some(&50)));
}

#[test]
fn in_the_main_queue_each_use_spares_once() {
    let mut policy = policy();
    let state = Trim::new(vec![row(1, 40, 2), row(2, 30, 2), row(3, 20, 2), row(9, 10, 1)], 10);
    assert_eq!(trim(&state, &mut policy)[0], 9);
    state.rows.borrow_mut()[0].uses = 4;
    assert_eq!(trim(&state, &mut policy), [2, 3, 1]);
}

#[test]
fn what_a_live_process_holds_stands_last_and_is_not_counted() {
    let rows = vec![Row { marks: 1, ..row(1, 100, 1) }, row(2, 50, 1), row(3, 40, 1)];
    assert_eq!(trim(&Trim::new(rows, 10), &mut policy()), [2, 3, 1]);
}

#[test]
fn nonsense_in_tags_and_memory_is_survived() {
    cachewit_guest::memory::save(&[7; 1001]);
    let rows = (0..200_u64).map(|n| Row { tag: n.wrapping_mul(0x9E37_79B9_7F4A_7C15), size: u64::MAX, ..row(n, 1, u32::MAX) });
    let mut order = Trim::new(rows.collect(), u64::MAX).order(&mut policy());
    order.sort_unstable();
    assert_eq!(order, (0..200).collect::<Vec<_>>());
}

#[test]
fn an_error_names_the_key() {
    for (json, key) in [(r#"{"small-percent": 101}"#, "small-percent"), (r#"{"promote-after": 4}"#, "promote-after")] {
        assert_eq!(S3Fifo::configure(parse_settings(json).unwrap()).unwrap_err().key, key);
    }
    assert_eq!(parse_settings::<Settings>(r#"{"small": 1}"#).unwrap_err().key, "small");
}

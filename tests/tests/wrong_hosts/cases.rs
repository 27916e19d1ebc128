//! Which tests each wrong host must fail, and which more cannot but fail with it.

use crate::run::Runs;
use cachewit_tests::wrong::HARMLESS;
use std::collections::BTreeSet;

/// The executable of which all tests run against most wrong hosts.
const PROTOCOL: &str = "protocol";

/// A wrong host and what it fails.
#[derive(Debug, Default)]
pub struct Case {
    /// Its name in `cachewit_tests::wrong`.
    pub host: &'static str,
    /// Tests that must fail, each of a point that names this host.
    pub fails: &'static [&'static str],
    /// Tests of other points that cannot but fail as well.
    pub also: &'static [&'static str],
    /// Tests that must pass beside all of [`PROTOCOL`]; only the hosts that are right name some.
    passes: &'static [&'static str],
    /// Why `also`, or why nothing but `fails` is run.
    because: &'static str,
    /// Whether only the tests in `fails` are run.
    alone: bool,
}

const fn case(host: &'static str, fails: &'static [&'static str]) -> Case {
    Case { host, fails, also: &[], passes: &[], because: "", alone: false }
}

impl Case {
    const fn also(mut self, tests: &'static [&'static str], because: &'static str) -> Self {
        (self.also, self.because) = (tests, because);
        self
    }

    const fn alone(mut self, because: &'static str) -> Self {
        (self.alone, self.because) = (true, because);
        self
    }

    const fn passes(mut self, tests: &'static [&'static str]) -> Self {
        self.passes = tests;
        self
    }

    /// Whether the host is right.
    pub fn is_harmless(&self) -> bool {
        self.fails.is_empty()
    }

    fn tests(&self) -> impl Iterator<Item = &'static str> {
        [self.fails, self.also, self.passes].into_iter().flatten().copied()
    }

    /// The executables that are run.
    pub fn files(&self) -> BTreeSet<String> {
        let named = self.tests().map(|test| file_of(test).to_owned());
        named.chain((!self.alone).then(|| PROTOCOL.to_owned())).collect()
    }

    /// Whether all tests of an executable are run.
    pub fn runs_all_of(&self, file: &str) -> bool {
        file == PROTOCOL && !self.alone
    }

    /// The tests of an executable that are run, as it names them itself but for the version of Go.
    pub fn tests_of(&self, file: &str) -> impl Iterator<Item = &'static str> {
        self.tests().filter(move |test| file_of(test) == file).map(move |test| {
            let inner = test.strip_prefix(file).unwrap_or(test);
            inner.trim_start_matches(['/', ':'])
        })
    }

    /// The name of a test in `docs/conformance.md`.
    pub fn name_of(file: &str, test: &str) -> String {
        let test = test.strip_prefix("go_of_the_machine::").unwrap_or(test);
        format!("{file}{}{test}", if file == PROTOCOL { "/" } else { "::" })
    }

    /// Whether a real `go` starts from the warm store.
    pub fn needs_go(&self) -> bool {
        self.files().iter().any(|file| starts_warm(file))
    }

    /// A line about the runs, and whether just those tests failed that should.
    pub fn verdict(&self, runs: &Runs) -> (String, bool) {
        let must: BTreeSet<&str> = self.fails.iter().copied().collect();
        let may: BTreeSet<&str> = self.also.iter().copied().collect();
        let failed: BTreeSet<&str> = runs.failed.iter().map(String::as_str).collect();
        let right = must.is_subset(&failed) && failed.iter().all(|test| must.contains(test) || may.contains(test));
        let (word, took) = (if right { "as it should" } else { "NOT AS IT SHOULD" }, runs.took.as_secs_f64());
        (format!("{word}: {} fails {} and passes {} in {took:.1} s", self.host, failed.len(), runs.passed.len()), right)
    }

    /// What was wrong about the runs.
    pub fn explain(&self, runs: &Runs) -> String {
        let names = |tests: &[&str]| tests.join(", ");
        let failed: Vec<&str> = runs.failed.iter().map(String::as_str).collect();
        format!(
            "{}: should fail {} [and may fail {}: {}], failed {}\n{}",
            self.host,
            names(self.fails),
            names(self.also),
            self.because,
            names(&failed),
            runs.output
        )
    }
}

/// Whether machines of an executable start with a copy of the warm store. Others have to see how one fills.
pub fn starts_warm(file: &str) -> bool {
    ["real_go", "go_commands"].contains(&file)
}

/// The executable of a test: what comes before `::` or, for a file in a folder, before `/`.
fn file_of(test: &str) -> &str {
    test.split(['/', ':']).next().unwrap_or(test)
}

/// All of them. The hosts that are right pass everything that a wrong one is run against: standing between harms nothing.
pub const CASES: &[Case] = &[
    case(HARMLESS, &[]).passes(&[
        "conformance::a_file_that_is_mapped_keeps_its_bytes_whatever_is_put",
        "conformance::a_get_that_waits_for_a_store_delays_no_other_answer",
        "crash::what_a_session_without_close_was_told_outlives_it_and_the_trims_after_it",
        "crash::what_was_put_before_an_answered_close_outlives_a_kill",
        "crash::whatever_a_killed_process_left_a_hit_is_whole_and_the_store_goes_on",
        "disk::many_sessions_share_an_index_with_a_rollback_journal",
        "go_commands::a_host_that_dies_ends_the_build_with_the_message_that_is_documented",
        "go_commands::a_program_under_the_action_of_its_link_step_is_executed_since_1_24",
        "go_commands::commands_that_only_look_leave_no_process_behind",
        "go_commands::run_tool_install_and_the_flags_of_build_work",
        "go_commands::two_versions_and_two_platforms_of_go_share_one_store_at_once",
        "life::a_host_that_idles_answers_again_and_keeps_nobody_from_anything",
        "life::control_c_and_kill_during_go_build_end_the_host_and_lose_nothing_that_was_put",
        "life::control_c_during_go_test_lets_it_close",
        "real_go::a_passed_test_is_cached_until_clean_testcache",
        "real_go::a_second_build_of_std_puts_and_misses_nothing",
        "real_go::a_second_vet_puts_no_bytes_and_finds_the_same",
        "real_go::paths_of_list_export_can_be_read_after_go_has_exited",
        "remote_faults::an_upload_that_is_cut_off_names_nothing_that_is_not_there",
        "sharing::a_read_only_store_gets_nothing_written",
    ]),
    case("becomes-the-real-one", &[]).passes(&[
        "go_commands::a_store_that_was_removed_is_made_again",
        "go_commands::go_commands_within_a_test_share_the_store",
        "go_commands::go_env_w_takes_a_path_with_blanks",
        "life::a_store_folder_that_json_cannot_carry_is_refused_with_a_word_and_puts_still_get_files",
        "life::no_child_of_the_host_has_a_pipe_of_go",
        "life::no_go_that_cachewit_runs_starts_a_host",
        "life::work_after_close_holds_nothing_that_a_pipeline_waits_for",
        "remote_faults::a_bucket_that_stops_answering_half_way_costs_a_second_once",
    ]),
    case("greets-when-it-is-asked", &["protocol/framing::the_greeting_comes_first_and_alone_and_before_any_input"])
        .alone("every test waits for the greeting before it sends anything"),
    case("opens-its-store-before-it-greets", &["protocol/framing::the_greeting_comes_from_an_impossible_store_too"]),
    case("takes-no-carriage-return-for-a-blank", &["protocol/framing::blanks_between_requests_may_be_any_or_none"]),
    case("wants-one-empty-line-before-a-body", &["protocol/framing::blanks_around_a_body_may_be_any_or_none"]),
    case("wants-a-body-of-no-bytes", &["protocol/framing::a_put_without_a_size_or_with_zero_has_no_body"]),
    case("holds-bodies-in-memory", &["protocol/answers::a_body_larger_than_the_memory_budget_passes_through"]),
    case("loses-a-byte-between-two-reads", &["protocol/framing::requests_and_bodies_may_be_split_at_every_byte"]),
    case("wants-a-line-break-behind-a-body", &["protocol/framing::blanks_around_a_body_may_be_any_or_none"])
        .also(&["protocol/framing::answers_do_not_wait_for_a_body_that_has_only_begun"], "its close stands directly behind the body"),
    case("refuses-unknown-fields", &["protocol/framing::unusual_but_right_objects_are_understood"]),
    case("knows-no-object-id", &["protocol/framing::object_id_and_output_id_are_stored_alike"]),
    case("counts-ids-in-doubles", &["protocol/framing::ids_are_echoed_exactly_in_any_order"]),
    case("answers-twice-now-and-then", &["protocol/framing::ten_thousand_requests_get_one_response_each"]),
    case("logs-to-stdout", &["protocol/framing::ten_thousand_requests_get_one_response_each"]),
    case("answers-when-the-body-has-come", &["protocol/framing::answers_do_not_wait_for_a_body_that_has_only_begun"]),
    case("has-a-clock-that-is-a-year-fast", &["protocol/answers::a_hit_has_the_output_the_size_the_path_and_the_time_of_the_put"]),
    case("gives-a-miss-a-size", &["protocol/answers::a_miss_says_nothing_else"]).also(
        &[
            "protocol/answers::a_file_that_vanished_or_shrank_is_a_miss_until_it_is_put_again",
            "protocol/answers::another_process_finds_a_put_while_the_first_still_runs",
            "protocol/framing::the_greeting_comes_from_an_impossible_store_too",
            "protocol/framing::what_follows_a_close_changes_nothing",
            "protocol/lost::a_large_body_that_breaks_off_leaves_nothing",
            "protocol/lost::every_session_that_is_lost_says_so",
            "protocol/lost::nesting_without_end_is_given_up_early",
            "protocol/lost::ten_megabytes_of_junk_are_given_up_early",
            "protocol/lost::the_end_of_input_inside_of_anything_is_a_failure",
            "protocol/lost::what_is_no_request_ends_the_session_while_the_input_stays_open",
            "protocol/refused::a_body_that_does_not_hash_to_its_output_is_not_published",
            "protocol/refused::a_body_that_is_not_what_was_announced_is_not_published",
            "protocol/refused::fields_that_cannot_be_used_are_answered_with_an_error",
        ],
        "every miss is looked at as closely",
    ),
    case("dies-of-a-damaged-object", &["protocol/answers::a_file_that_vanished_or_shrank_is_a_miss_until_it_is_put_again"]),
    case("refuses-puts-without-a-store", &["protocol/framing::the_greeting_comes_from_an_impossible_store_too"]),
    case("answers-large-puts-too-early", &["protocol/answers::a_put_stands_whole_below_gocache_when_it_is_answered"])
        .also(&["protocol/answers::a_body_larger_than_the_memory_budget_passes_through"], "its body is large, and its file looked at"),
    case("has-no-file-for-an-empty-body", &["protocol/answers::an_empty_body_is_a_file_of_no_length"]),
    case("closes-with-what-went-wrong", &["remote_faults::an_upload_that_is_cut_off_names_nothing_that_is_not_there"])
        .also(&["protocol/framing::the_greeting_comes_from_an_impossible_store_too"], "a store that is impossible goes wrong as well"),
    case("answers-in-order", &["conformance::a_get_that_waits_for_a_store_delays_no_other_answer"]),
    case("takes-the-end-inside-of-something-for-an-end", &["protocol/lost::the_end_of_input_inside_of_anything_is_a_failure"])
        .also(&["protocol/lost::a_large_body_that_breaks_off_leaves_nothing"], "a body that breaks off is the end inside of it"),
    case("completes-base64", &["protocol/refused::a_body_that_is_not_what_was_announced_is_not_published"]),
    case("believes-any-output", &["protocol/refused::a_body_that_does_not_hash_to_its_output_is_not_published"]),
    case("completes-ids", &["protocol/refused::fields_that_cannot_be_used_are_answered_with_an_error"]),
    case(
        "takes-junk-for-the-end",
        &[
            "protocol/lost::what_is_no_request_ends_the_session_while_the_input_stays_open",
            "protocol/lost::ten_megabytes_of_junk_are_given_up_early",
            "protocol/lost::requests_before_the_offence_are_answered",
            "protocol/lost::every_session_that_is_lost_says_so",
        ],
    ),
    case("reads-on-after-close", &["protocol/framing::what_follows_a_close_changes_nothing"]),
    case("shows-puts-when-it-has-ended", &["protocol/answers::another_process_finds_a_put_while_the_first_still_runs"]),
    case(
        "keeps-the-first-put",
        &[
            "protocol/answers::putting_another_output_replaces_output_and_time",
            "protocol/answers::putting_the_same_output_refreshes_only_the_time",
        ],
    ),
    case(
        "keeps-nothing-beside-another",
        &[
            "disk::many_sessions_share_an_index_with_a_rollback_journal",
            "go_commands::two_versions_and_two_platforms_of_go_share_one_store_at_once",
        ],
    ),
    case("writes-objects-in-their-place", &["crash::whatever_a_killed_process_left_a_hit_is_whole_and_the_store_goes_on"]).also(
        &[
            "protocol/lost::the_end_of_input_inside_of_anything_is_a_failure",
            "protocol/lost::what_is_no_request_ends_the_session_while_the_input_stays_open",
            "protocol/refused::a_body_that_does_not_hash_to_its_output_is_not_published",
            "protocol/refused::a_body_that_is_not_what_was_announced_is_not_published",
            "protocol/refused::fields_that_cannot_be_used_are_answered_with_an_error",
        ],
        "what a put announces stands in the store although no such body comes",
    ),
    case("writes-equal-bytes-again", &["conformance::a_file_that_is_mapped_keeps_its_bytes_whatever_is_put"]),
    case("believes-that-files-stay", &["protocol/answers::a_file_that_vanished_or_shrank_is_a_miss_until_it_is_put_again"]),
    case(
        "stores-outside-of-gocache",
        &[
            "protocol/answers::a_put_stands_whole_below_gocache_when_it_is_answered",
            "real_go::an_archive_built_to_a_file_stays_in_the_store",
        ],
    ),
    case(
        "makes-files-that-nobody-can-execute",
        &[
            "protocol/answers::a_put_stands_whole_below_gocache_when_it_is_answered",
            "go_commands::a_program_under_the_action_of_its_link_step_is_executed_since_1_24",
        ],
    ),
    case("forgets-what-it-handed-out", &["crash::what_a_session_without_close_was_told_outlives_it_and_the_trims_after_it"]),
    case("writes-its-folder-as-it-can", &["life::a_store_folder_that_json_cannot_carry_is_refused_with_a_word_and_puts_still_get_files"]),
    case("declares-no-put-for-what-is-read-only", &["sharing::a_read_only_store_gets_nothing_written"]),
    case("answers-close-before-its-work", &["crash::what_was_put_before_an_answered_close_outlives_a_kill"]),
    case("forgets-what-was-not-closed", &["protocol/framing::the_end_of_input_without_a_close_is_no_fault_and_loses_nothing"]),
    case("dies-of-control-c", &["life::control_c_during_go_test_lets_it_close"]),
    case("leaves-half-a-file", &["life::control_c_and_kill_during_go_build_end_the_host_and_lose_nothing_that_was_put"]),
    case("gives-its-stderr-to-a-child", &["life::work_after_close_holds_nothing_that_a_pipeline_waits_for"])
        .alone("every session waits for the child"),
    case("gives-all-its-pipes-to-a-child", &["life::no_child_of_the_host_has_a_pipe_of_go"]).alone("every session waits for the child"),
    case("gives-up-after-a-second-of-silence", &["life::a_host_that_idles_answers_again_and_keeps_nobody_from_anything"])
        .alone("a busy machine makes any test silent for a second"),
    case("runs-go-as-it-is", &["life::no_go_that_cachewit_runs_starts_a_host"]),
    case("has-a-store-of-its-own-beside-another", &["go_commands::go_commands_within_a_test_share_the_store"])
        .also(&["protocol/answers::another_process_finds_a_put_while_the_first_still_runs"], "it looks into another store"),
    case("asks-a-dead-bucket-again", &["remote_faults::a_bucket_that_stops_answering_half_way_costs_a_second_once"]),
    case(
        "loses-an-eighth-of-all-entries",
        &["real_go::a_second_build_of_std_puts_and_misses_nothing", "go_commands::run_tool_install_and_the_flags_of_build_work"],
    )
    .alone("what it loses is looked for in every test"),
    case("keeps-nothing-of-vet", &["real_go::a_second_vet_puts_no_bytes_and_finds_the_same"]),
    case("leaves-the-time-out", &["real_go::a_passed_test_is_cached_until_clean_testcache"]).alone("the time is looked at in every hit"),
    case("names-files-with-an-extension", &["real_go::paths_of_list_export_can_be_read_after_go_has_exited"])
        .alone("the name is looked at in every hit"),
    case("complains-of-a-missing-close", &["go_commands::commands_that_only_look_leave_no_process_behind"]).also(
        &[
            "protocol/framing::the_end_of_input_without_a_close_is_no_fault_and_loses_nothing",
            "protocol/framing::the_greeting_comes_first_and_alone_and_before_any_input",
            "protocol/lost::the_end_of_input_before_anything_is_no_fault",
        ],
        "they do not close either",
    ),
    case("says-goodbye-on-stdout", &["go_commands::a_host_that_dies_ends_the_build_with_the_message_that_is_documented"]).also(
        &[
            "protocol/framing::the_end_of_input_without_a_close_is_no_fault_and_loses_nothing",
            "protocol/framing::the_greeting_comes_first_and_alone_and_before_any_input",
            "protocol/lost::a_large_body_that_breaks_off_leaves_nothing",
            "protocol/lost::the_end_of_input_inside_of_anything_is_a_failure",
            "protocol/lost::the_end_of_input_before_anything_is_no_fault",
        ],
        "they do not close either",
    ),
    case("splits-its-arguments-at-blanks", &["go_commands::go_env_w_takes_a_path_with_blanks"]),
    case("does-without-a-store-that-has-gone", &["go_commands::a_store_that_was_removed_is_made_again"]),
];

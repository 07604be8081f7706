//! Two clocks that differ: measured, corrected once where tokens are refused for it, and told in seconds.

use serde_json::json;

use crate::support::{Apex, Output, PlayedApex, SWIFT, Said, side_by_side, success};

/// Seconds that the first such sentence of standard error names, with the side.
#[track_caller]
fn told_skew(output: &Output) -> (i64, String) {
    let words: Vec<&str> = output.stderr.split_whitespace().collect();
    let at = words.windows(3).position(|three| three[1] == "s" && ["ahead", "behind"].contains(&three[2]));
    let at = at.unwrap_or_else(|| panic!("no seconds are told\n{output}"));
    (words[at].parse().unwrap(), words[at + 2].to_owned())
}

#[track_caller]
fn assert_tells(output: &Output, seconds: i64, side: &str) {
    let (told, on) = told_skew(output);
    assert!((told - seconds).abs() <= 1, "{told} s are told, and it is {seconds}\n{output}");
    assert_eq!(on, side, "{output}");
}

fn warnings(output: &Output) -> usize {
    output.stderr.matches("requests are signed for the console's clock").count()
}

/// Offsets as a fault file has them, in seconds, and on which side the console is.
const OFFSETS: [(&str, i64, &str); 4] =
    [("90s", 90, "ahead"), ("-90s", 90, "behind"), ("10m", 600, "ahead"), ("-10m", 600, "behind")];

#[test]
fn a_clock_within_the_time_out_is_nobodys_affair() {
    side_by_side(OFFSETS, |(offset, ..)| {
        let faults =
            format!("{SWIFT}[apex]\nclock_offset = \"{offset}\"\ntime_out = \"15m\"\nfuture_time_out = \"15m\"\n");
        let room = Apex::new(5, &faults);
        let output = room.isolate(&["--wait=30s"]).exits(0);
        room.assert_all_off_by_one_request_each();
        assert_eq!(room.console.stats().answered(401), 0, "{offset}");
        assert_eq!(warnings(&output), 0, "{output}");
    });
}

#[test]
fn a_clock_beyond_the_time_out_is_corrected_once_and_told_in_seconds() {
    side_by_side(OFFSETS, |(offset, seconds, side)| {
        let faults =
            format!("{SWIFT}[apex]\nclock_offset = \"{offset}\"\ntime_out = \"60s\"\nfuture_time_out = \"60s\"\n");
        let room = Apex::new(70, &faults);
        let output = room.isolate(&["--wait=30s"]).exits(0);
        room.assert_all_off_by_one_request_each();
        assert_eq!(room.console.fleet().isolated(), 70);
        assert_eq!(room.console.stats().answered(401), 1, "one refusal is enough\n{output}");
        assert_eq!(room.posts(), 70, "no change was refused: {output}");
        assert_eq!(warnings(&output), 1, "{output}");
        assert_tells(&output, seconds, side);
        // It is no property of one command.
        for command in ["status", "hosts"] {
            let more: &[&str] = if command == "status" { &["hosts.txt"] } else { &[] };
            let args: Vec<&str> = [&[command, "--vendor", "apex"], more].concat();
            let output = room.env.run(args).exits(0);
            assert_tells(&output, seconds, side);
        }
    });
}

#[test]
fn check_tells_the_difference_of_the_clocks_whether_it_mattered_or_not() {
    side_by_side(OFFSETS, |(offset, seconds, side)| {
        for time_out in ["60s", "20m"] {
            let faults = format!(
                "[apex]\nclock_offset = \"{offset}\"\ntime_out = \"{time_out}\"\nfuture_time_out = \"{time_out}\"\n"
            );
            let room = Apex::new(1, &faults);
            let output = room.env.run(["check", "apex"]).exits(0);
            let line = output.stdout.lines().find(|line| line.trim_start().starts_with("clock")).unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            assert!((words[1].parse::<i64>().unwrap() - seconds).abs() <= 1, "{output}");
            assert_eq!(words[3], side, "{output}");
            let output = room.env.run(["check", "apex", "-o", "jsonl"]).exits(0);
            let told = output.result()["clock_skew_seconds"].as_i64().unwrap();
            assert_eq!(told < 0, side == "behind", "{output}");
            assert!((told.abs() - seconds).abs() <= 1, "{output}");
        }
    });
}

#[test]
fn a_user_who_wants_no_correction_is_told_the_seconds_and_nothing_is_sent() {
    side_by_side(OFFSETS, |(offset, seconds, side)| {
        let faults = format!("[apex]\nclock_offset = \"{offset}\"\ntime_out = \"60s\"\nfuture_time_out = \"60s\"\n");
        let room = Apex::new(3, &faults);
        room.env.add_config("correct_clock = false");
        let output = room.isolate(&[]).exits(4);
        room.console.was_left_alone();
        assert_eq!(room.console.stats().total(), 1, "{output}");
        assert_tells(&output, seconds, side);
        assert!(output.stderr.contains("correct_clock"), "{output}");
        assert!(output.stderr.contains("time server"), "{output}");
        room.env.run(["check", "apex"]).exits(4);
    });
}

#[test]
fn a_time_out_that_no_token_meets_is_fatal_after_one_correction() {
    for offset in ["0s", "10m"] {
        let faults = format!("[apex]\nclock_offset = \"{offset}\"\ntime_out = \"0s\"\nfuture_time_out = \"0s\"\n");
        let room = Apex::new(3, &faults);
        let output = room.isolate(&[]).exits(4);
        room.console.was_left_alone();
        assert_eq!(room.lists(), 2, "{output}");
        let (told, _) = told_skew(&output);
        assert!(if offset == "10m" { (599..=601).contains(&told) } else { told <= 2 }, "{output}");
        assert!(output.stderr.contains("communication time-out"), "{output}");
        assert!(room.env.journals().is_empty());
    }
}

#[test]
fn a_request_that_is_held_up_is_signed_anew_and_the_host_is_done_once() {
    let faults = format!(
        "{SWIFT}[apex]\ntime_out = \"2s\"\n[[fault]]\nmethod = \"POST\"\nnth = 2\ndo = {{ delay = \"3500ms\" }}\n"
    );
    let room = Apex::new(4, &faults);
    let output = room.isolate(&["--wait=30s"]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(room.posts(), 5, "{output}");
    assert_eq!(room.console.stats().answered(401), 1);
}

#[test]
fn a_clock_that_jumps_under_64_requests_costs_each_of_them_one_more_request() {
    let faults = format!(
        "latency = \"700ms\"\n{SWIFT}[[fault]]\nmethod = \"POST\"\nper_host = true\nnth = 1\ntimes = 64\n\
         do = {{ code = -6 }}\n"
    );
    let room = Apex::new(100, &faults);
    let output = room.isolate(&["--concurrency", "64", "--wait=60s"]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(room.console.fleet().isolated(), 100, "{output}");
    assert_eq!(output.outcomes().get("confirmed"), Some(&100), "{output}");
    assert_eq!(room.console.stats().answered(401), 64);
    assert_eq!(room.posts(), 100 + 64, "each was sent again once");
    assert_eq!(warnings(&output), 1, "told once: {}", output.stderr);
    assert!(output.stderr.contains("too old on arrival"), "the clocks show the same: {}", output.stderr);
    room.verify();
}

#[test]
fn some_requests_that_are_too_old_stop_nothing() {
    let faults = format!(
        "latency = \"400ms\"\n{SWIFT}[[fault]]\nmethod = \"POST\"\nper_host = true\nnth = 1\nafter = 0\ntimes = 20\n\
         do = {{ code = -6 }}\n"
    );
    let room = Apex::new(64, &faults);
    room.isolate(&["--concurrency", "64"]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(room.posts(), 64 + 20);
}

#[test]
fn a_second_disagreement_stops_the_run_and_no_host_is_lost() {
    let faults = "latency = \"20ms\"\napex.clock_offset = \"10m\"\n[[fault]]\nmethod = \"POST\"\nafter = 6\ntimes = 12\n\
         do = { code = -6 }\n";
    let room = Apex::new(40, faults);
    let output = room.isolate(&["--concurrency", "4"]).exits(7);
    assert_eq!((room.accepted(), room.off()), (6, 6), "{output}");
    assert!(room.posts() <= 6 + 4, "{} requests", room.posts());
    assert_eq!((output.outcomes()["accepted"], output.outcomes()["not_sent"]), (6, 34), "{output}");
    assert_tells(&output, 600, "ahead");
    let told = output.results().into_iter().filter(|result| result["outcome"] == "not_sent");
    assert!(told.into_iter().all(|result| result["reason_code"] == "clock_skew"), "{output}");
    // The clocks are mended; what is left of the fault stops the first resumptions, and the last one finishes.
    for _ in 0..6 {
        if room.resume(&["--concurrency", "4"]).code == Some(0) {
            break;
        }
    }
    room.assert_all_off_by_one_request_each();
    room.verify();
}

#[test]
fn a_clock_that_jumps_while_hosts_are_awaited_is_corrected_and_told_too() {
    let faults =
        "[[confirm]]\nafter = \"500ms\"\n[[fault]]\nmethod = \"GET\"\nafter = 1\ntimes = 1\ndo = { code = -6 }\n";
    let room = Apex::new(4, faults);
    let output = room.isolate(&["--wait=30s"]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(output.outcomes().get("confirmed"), Some(&4), "{output}");
    assert_eq!(warnings(&output), 1, "{output}");
}

#[test]
fn without_a_date_the_difference_cannot_be_told_and_the_words_say_so() {
    // The code decides and not the status that it comes with.
    for (status, before, code) in [(401, 0, 4), (401, 2, 7), (400, 2, 7), (200, 2, 7)] {
        let body = json!({ "result_code": -6, "result_description": "expired", "result_content": "" });
        let room = PlayedApex::new(5, move |number, agent| {
            if number <= before {
                Said::done(&success(std::slice::from_ref(agent)))
            } else {
                Said::refused(status, &body)
            }
        });
        let output = room.isolate(&["--concurrency", "1"]).exits(code);
        let before = usize::try_from(before).unwrap();
        assert_eq!((room.off(), room.posts()), (before, before + 1), "{output}");
        assert!(output.stderr.contains("no readable `Date`"), "{output}");
        let told = output.results().into_iter().filter(|result| result["outcome"] == "not_sent");
        assert!(told.into_iter().all(|result| result["reason_code"] == "clock_skew"), "{output}");
        assert_eq!(output.outcomes()["not_sent"], 5 - before, "{output}");
    }
}

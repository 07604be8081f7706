//! What a console, a gateway or a network can answer to a request that changes a host: each is told apart, settled by a
//! look where it must be, and told in words that say what to do next.

use edrctl::simulator::faults::Endpoint;

use crate::support::{Output, Room, side_by_side, wait_until};

/// Hosts confirm at once, so that a wait for proof is short.
const QUICK: &str = "[[confirm]]\nafter = \"50ms\"\n";

/// Every result has this outcome.
#[track_caller]
fn all_are(output: &Output, outcome: &str, count: usize) {
    assert_eq!(output.outcomes().get(outcome), Some(&count), "{output}");
    assert_eq!(output.results().len(), count, "{output}");
}

/// Looks at single hosts.
fn looks(room: &Room) -> u64 {
    room.console.stats().requests("GET", Endpoint::Isolation)
}

fn listings(room: &Room) -> u64 {
    room.console.stats().requests("GET", Endpoint::Computers)
}

/// The reason of the only kind of failure.
fn reason(output: &Output) -> String {
    let results = output.results();
    let failed = results.iter().find(|result| !result["reason"].is_null()).unwrap_or_else(|| panic!("{output}"));
    failed["reason"].as_str().unwrap().to_owned()
}

fn reason_code(output: &Output) -> String {
    let results = output.results();
    let failed = results.iter().find(|result| !result["reason_code"].is_null()).unwrap_or_else(|| panic!("{output}"));
    failed["reason_code"].as_str().unwrap().to_owned()
}

#[test]
fn a_stale_state_in_the_answer_is_never_believed() {
    let room = Room::new(5, &format!("answers.isolation_state = \"stale\"\n{QUICK}"));
    let output = room.isolate(&[]).exits(0);
    all_are(&output, "accepted", 5);
    assert!(output.results().iter().all(|result| result["state"].is_null()), "{output}");
    // To an `unisolate` without proof, a stale answer would look like a host that is still isolated.
    wait_until("the hosts to confirm", || {
        room.env.run(["status", "--vendor", "cisco", "hosts.txt"]).stdout.matches(" isolated").count() >= 5
    });
    all_are(&room.unisolate(&[]).exits(0), "accepted", 5);
    wait_until("the hosts to be back", || room.console.fleet().isolated() == 0);
    all_are(&room.isolate(&["--wait=30s"]).exits(0), "confirmed", 5);
}

#[test]
fn a_pending_state_in_the_answer_is_no_proof() {
    let room = Room::new(3, "[[confirm]]\nhow = \"never\"\n");
    let output = room.isolate(&["--wait=1s"]).exits(6);
    all_are(&output, "unconfirmed", 3);
}

#[test]
fn a_conflict_is_settled_by_a_look_and_nothing_is_asked_twice() {
    let room = Room::new(6, QUICK);
    room.isolate(&["--wait=30s"]).exits(0);
    let output = room.isolate(&[]).exits(0);
    all_are(&output, "already", 6);
    for host in room.console.fleet().hosts() {
        assert_eq!((host.puts, host.puts_accepted), (2, 1), "{host:?}");
    }
    assert_eq!(looks(&room), 6);
    let output = room.unisolate(&["--wait=30s"]).exits(0);
    all_are(&output, "confirmed", 6);
    let output = room.unisolate(&[]).exits(0);
    all_are(&output, "already", 6);
    for host in room.console.fleet().hosts() {
        assert_eq!((host.deletes, host.deletes_accepted), (2, 1), "{host:?}");
    }
}

#[test]
fn a_host_on_its_way_is_already_heading_there() {
    for transitional in [409, 400] {
        let faults = format!("answers.transitional = {transitional}\n[[confirm]]\nhow = \"never\"\n");
        let room = Room::new(3, &faults);
        room.isolate(&[]).exits(0);
        let output = room.isolate(&[]).exits(0);
        all_are(&output, "already", 3);
        assert!(output.results().iter().all(|result| result["state"] == "pending_start"), "{output}");
        room.assert_each_isolated_once();
    }
}

#[test]
fn a_host_on_its_way_back_is_waited_for_and_then_isolated() {
    side_by_side([409, 400], |transitional| {
        let faults = format!("answers.transitional = {transitional}\n[[confirm]]\nafter = \"700ms\"\n");
        let room = Room::new(3, &faults);
        room.isolate(&["--wait=30s"]).exits(0);
        room.unisolate(&[]).exits(0);
        let output = room.isolate(&["--wait=30s"]).exits(0);
        all_are(&output, "confirmed", 3);
        for host in room.console.fleet().hosts() {
            assert_eq!(host.puts_accepted, 2, "{host:?}");
        }
    });
}

#[test]
fn an_unknown_id_is_unresolved_and_the_others_go_on() {
    for (status, outcome) in [(404, "unresolved"), (400, "failed")] {
        let room = Room::new(4, &format!("answers.unknown_guid = {status}\n"));
        let list = room.console.guids() + "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6\n";
        room.env.file("hosts.txt", list);
        let output = room.isolate(&[]).exits(6);
        assert_eq!(output.outcomes().get("accepted"), Some(&4), "{output}");
        assert_eq!(output.outcomes().get(outcome), Some(&1), "{output}");
        room.assert_each_isolated_once();
        if status == 404 {
            assert!(reason(&output).contains("no host with this GUID"), "{output}");
            assert!(output.stderr.contains("edrctl hosts --vendor cisco"), "{output}");
        }
    }
}

#[test]
fn a_host_that_cannot_be_isolated_is_told_with_what_to_change() {
    for status in [405, 409] {
        let room = Room::new(4, &format!("answers.not_available = {status}\n[unavailable]\n"));
        let output = room.isolate(&["--wait=30s"]).exits(6);
        all_are(&output, "failed", 4);
        assert_eq!(reason_code(&output), "not_capable", "{output}");
        assert!(reason(&output).contains("policy"), "{output}");
        for host in room.console.fleet().hosts() {
            assert_eq!((host.puts, host.puts_accepted), (1, 0), "status {status}: {host:?}");
        }
    }
}

#[test]
fn a_refused_request_is_not_repeated_and_its_words_are_told() {
    let room = Room::new(4, "[[fault]]\nmethod = \"PUT\"\ndo = { status = 400 }\n");
    let output = room.isolate(&[]).exits(6);
    all_are(&output, "failed", 4);
    assert_eq!(reason_code(&output), "bad_request", "{output}");
    assert!(reason(&output).contains("The request could not be processed"), "{output}");
    assert_eq!(room.console.stats().requests("PUT", Endpoint::Isolation), 4);
    assert_eq!(room.puts(), 0);
}

#[test]
fn every_form_of_an_error_body_is_read() {
    side_by_side(["full", "no_metadata", "empty_details", "html"], |form| {
        let faults = format!("answers.error_body = \"{form}\"\n{QUICK}");
        let room = Room::new(3, &faults);
        room.isolate(&["--wait=30s"]).exits(0);
        // A 409 is a 409, whoever put it into words.
        let output = room.isolate(&[]);
        if form == "html" {
            assert!([Some(0), Some(6)].contains(&output.code), "{output}");
        } else {
            all_are(&output.exits(0), "already", 3);
        }
        room.assert_each_isolated_once();
    });
}

#[test]
fn a_key_that_only_reads_stops_the_run_before_it_changed_anything() {
    for status in [403, 401] {
        let room = Room::new(200, &format!("answers.read_only_key = {status}\n"));
        let output = room.isolate(&["--concurrency", "4"]).exits(4);
        all_are(&output, "not_sent", 200);
        assert_eq!(room.accepted(), 0);
        assert!(room.console.stats().requests("PUT", Endpoint::Isolation) <= 4, "it is not retried for every host");
        let scope = if status == 403 { "Read & Write" } else { "API key" };
        assert!(output.stderr.contains(scope), "{output}");
    }
}

#[test]
fn credentials_lost_in_the_middle_stop_the_run_resumably() {
    for status in [401, 403] {
        let faults = format!("[[fault]]\nmethod = \"PUT\"\nafter = 5\ntimes = 4\ndo = {{ status = {status} }}\n");
        let room = Room::new(60, &faults);
        let output = room.isolate(&["--concurrency", "2"]).exits(7);
        assert!(room.accepted() >= 5 && room.accepted() < 20, "{}", room.accepted());
        let told = output.outcomes();
        assert_eq!(told["accepted"] as u64, room.accepted(), "{output}");
        assert_eq!(told["not_sent"] as u64, 60 - room.accepted(), "{output}");
        assert!(output.stderr.contains("edrctl check cisco"), "{output}");
        assert!(output.stderr.contains("edrctl resume"), "{output}");
        // The key has been mended: what is left of the four refusals is met by the first resumption.
        let mut last = room.resume(&["--concurrency", "2"]);
        while last.code == Some(7) || last.code == Some(4) {
            last = room.resume(&["--concurrency", "2"]);
        }
        last.exits(0);
        room.assert_each_isolated_once();
        room.verify();
    }
}

#[test]
fn a_revoked_key_stops_the_run_and_the_resumption() {
    let room = Room::new(40, "[[fault]]\nmethod = \"PUT\"\nnth = 6\ndo = \"revoke\"\n");
    let output = room.isolate(&["--concurrency", "2"]).exits(7);
    assert!(output.stderr.contains("the console refused the credentials"), "{output}");
    let resumed = room.resume(&[]).exits(4);
    assert!(resumed.stderr.contains("the API key was read from"), "{resumed}");
    assert_eq!(room.accepted() as usize, output.outcomes()["accepted"]);
}

#[test]
fn a_console_that_fails_now_and_then_is_asked_again() {
    side_by_side(["{ status = 500 }", "{ status = 503 }", "{ html = 502 }"], |deed| {
        let faults = format!("[[fault]]\nmethod = \"PUT\"\nper_host = true\nnth = 1\ndo = {deed}\n{QUICK}");
        let room = Room::new(6, &faults);
        let output = room.isolate(&["--wait=30s"]).exits(0);
        all_are(&output, "confirmed", 6);
        assert!(output.results().iter().all(|result| result["attempts"] == 2), "{output}");
        room.assert_each_isolated_once();
    });
}

#[test]
fn a_console_that_always_fails_is_given_up_with_its_words() {
    side_by_side([("{ status = 500 }", "server_error"), ("{ html = 502 }", "gateway")], |(deed, code)| {
        let room = Room::new(2, &format!("[[fault]]\nmethod = \"PUT\"\ndo = {deed}\n"));
        let output = room.isolate(&[]).exits(6);
        all_are(&output, "failed", 2);
        assert_eq!(reason_code(&output), code, "{output}");
        assert!(room.console.stats().requests("PUT", Endpoint::Isolation) <= 12);
        assert_eq!(room.puts(), 0);
    });
}

/// A short one where the fault is that nothing comes; a loaded machine needs a long one for all else.
fn time_limit(deed: &str) -> &'static str {
    if ["silence", "delay", "slow_body"].iter().any(|late| deed.contains(late)) { "1s" } else { "20s" }
}

/// A fault that hits each host's first request, and what becomes of it.
#[track_caller]
fn asked_once_all_the_same(deed: &str, more: &[&str]) {
    side_by_side([true, false], |http2| asked_once_over(http2, deed, more));
}

#[track_caller]
fn asked_once_over(http2: bool, deed: &str, more: &[&str]) {
    let faults =
        format!("http2 = {http2}\n[[fault]]\nmethod = \"PUT\"\nper_host = true\nnth = 1\ndo = {deed}\n{QUICK}");
    let mut room = Room::new(6, &faults);
    room.env.set("EDRCTL_CISCO_TIMEOUT", time_limit(deed));
    let waits = more.iter().any(|option| option.starts_with("--wait"));
    let output = room.isolate(more).exits(0);
    for result in output.results() {
        // It was our doing, so nothing was so `already`.
        let outcome = result["outcome"].as_str().unwrap();
        let wanted: &[&str] = if waits { &["confirmed"] } else { &["accepted", "confirmed"] };
        assert!(wanted.contains(&outcome), "{deed}: {output}");
        assert!(result["reason"].is_null(), "{deed}: {output}");
    }
    for host in room.console.fleet().hosts() {
        assert_eq!((host.puts, host.puts_accepted), (1, 1), "{deed}: {host:?}");
    }
    room.verify();
}

#[test]
fn a_connection_cut_after_the_deed_leads_to_no_second_request() {
    asked_once_all_the_same("\"cut_after\"", &[]);
    asked_once_all_the_same("\"cut_after\"", &["--wait=30s"]);
    asked_once_all_the_same("\"cut_after\"", &["--concurrency", "1"]);
}

#[test]
fn an_answer_that_never_comes_leads_to_no_second_request() {
    asked_once_all_the_same("\"silence_after\"", &[]);
}

#[test]
fn an_answer_that_comes_too_late_leads_to_no_second_request() {
    asked_once_all_the_same("{ delay = \"3s\" }", &[]);
    asked_once_all_the_same("{ slow_body = \"5s\" }", &[]);
}

#[test]
fn half_an_answer_leads_to_no_second_request() {
    asked_once_all_the_same("\"half_body\"", &[]);
    asked_once_all_the_same("\"reset\"", &[]);
}

#[test]
fn an_answer_that_cannot_be_read_leads_to_no_second_request() {
    asked_once_all_the_same("\"garbage\"", &[]);
}

#[test]
fn a_slow_answer_within_the_time_limit_is_an_answer() {
    let mut room = Room::new(4, "[[fault]]\nmethod = \"PUT\"\ndo = { slow_body = \"600ms\" }\n");
    room.env.set("EDRCTL_CISCO_TIMEOUT", "10s");
    all_are(&room.isolate(&[]).exits(0), "accepted", 4);
    assert_eq!(looks(&room), 0);
}

/// A fault that keeps each host's first request from the console: it is sent again.
#[track_caller]
fn asked_again(deed: &str) {
    let faults = format!("[[fault]]\nmethod = \"PUT\"\nper_host = true\nnth = 1\ndo = {deed}\n{QUICK}");
    let mut room = Room::new(6, &faults);
    room.env.set("EDRCTL_CISCO_TIMEOUT", time_limit(deed));
    let output = room.isolate(&["--wait=30s"]).exits(0);
    all_are(&output, "confirmed", 6);
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn a_connection_cut_before_the_deed_is_looked_into_and_asked_again() {
    asked_again("\"cut_before\"");
}

#[test]
fn silence_is_looked_into_and_asked_again() {
    asked_again("\"silence\"");
}

#[test]
fn a_web_page_with_status_200_is_no_success() {
    asked_again("{ html = 200 }");
    let room = Room::new(3, "[[fault]]\nmethod = \"PUT\"\ndo = { html = 200 }\n");
    let output = room.isolate(&[]).exits(6);
    all_are(&output, "in_doubt", 3);
    assert!(reason(&output).contains("web page"), "{output}");
    assert_eq!(room.puts(), 0);
}

#[test]
fn a_host_in_doubt_is_settled_by_resume_once_the_console_answers() {
    let faults = "[[fault]]\nmethod = \"PUT\"\ndo = \"cut_after\"\n[[fault]]\nmethod = \"GET\"\nendpoint = \"isolation\"\ntimes = 15\ndo = { status = 500 }\n";
    let room = Room::new(3, faults);
    let output = room.isolate(&[]).exits(6);
    all_are(&output, "in_doubt", 3);
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    let output = room.resume(&[]).exits(0);
    assert_eq!(output.results().len(), 3, "{output}");
    assert!(output.outcomes().keys().all(|outcome| ["accepted", "confirmed"].contains(&outcome.as_str())), "{output}");
    for host in room.console.fleet().hosts() {
        assert_eq!((host.puts, host.puts_accepted), (1, 1), "{host:?}");
    }
}

#[test]
fn every_fault_before_the_first_action_is_a_console_that_cannot_be_used() {
    let days = [
        ("{ status = 401 }", "client id, API key"),
        ("{ status = 403 }", "may not do this"),
        ("{ status = 503 }", "gateway"),
        ("{ html = 502 }", "web page"),
        ("{ html = 200 }", "web page"),
        ("\"garbage\"", "not JSON"),
        ("\"cut_before\"", "cut"),
        ("\"half_body\"", "cut"),
        ("\"silence\"", "no whole answer in time"),
        ("{ slow_body = \"30s\" }", "no whole answer in time"),
        ("{ redirect = \"https://login.example/\" }", "redirect"),
    ];
    side_by_side(days, |(deed, words)| cannot_be_used(deed, words));
}

fn cannot_be_used(deed: &str, words: &str) {
    let mut room = Room::new(3, &format!("[[fault]]\nmethod = \"GET\"\ndo = {deed}\n"));
    room.env.set("EDRCTL_CISCO_TIMEOUT", time_limit(deed));
    let output = room.isolate(&[]).exits(4);
    assert!(output.stderr.contains(words), "{deed}: {output}");
    assert!(output.stderr.contains("nothing was changed"), "{deed}: {output}");
    assert!(output.stderr.contains("hint:"), "{deed}: {output}");
    assert!(output.stdout.is_empty(), "{deed}: {output}");
    assert_eq!(room.puts(), 0, "{deed}");
    assert!(room.env.journals().is_empty(), "{deed}");
    let check = room.env.run(["check", "cisco"]).exits(4);
    assert!(format!("{check}").contains(words), "{deed}: {check}");
}

#[test]
fn polls_read_listings_and_not_one_host_after_the_other() {
    let room = Room::new(40, "[[confirm]]\nafter = \"1500ms\"\n");
    let output = room.isolate(&["--wait=30s"]).exits(0);
    all_are(&output, "confirmed", 40);
    assert_eq!(looks(&room), 0);
    assert!((1..=6).contains(&listings(&room)), "{}", listings(&room));
    assert_eq!(room.console.stats().requests("PUT", Endpoint::Isolation), 40);
}

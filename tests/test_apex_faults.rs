//! What a gateway, a network or a slow agent does to a run at Apex Central: told apart, settled by a look or stopped, and
//! no host sent twice that the console has accepted.

use edrctl::simulator::faults::Endpoint;
use serde_json::json;

use crate::support::{Apex, PlayedApex, SWIFT, Said, side_by_side, success};

/// A fault for one change, the second.
fn second(deed: &str) -> String {
    format!("{SWIFT}[[fault]]\nmethod = \"POST\"\nnth = 2\n{deed}\n")
}

/// Faults that an agent is done in spite of, and which hide the answer.
const DONE_UNSEEN: [&str; 6] = [
    "do = \"cut_after\"",
    "do = \"half_body\"",
    "do = \"reset\"",
    "do = \"garbage\"",
    "do = \"silence_after\"",
    "do = { slow_body = \"20s\" }",
];

/// Faults that nothing is done by, and after which nobody can know.
const UNDONE_UNSEEN: [&str; 3] = ["do = \"cut_before\"", "do = \"silence\"", "do = { html = 200 }"];

/// Answers of a gateway that pass.
const PASSING: [&str; 5] = [
    "do = { html = 503 }",
    "do = { html = 502 }",
    "do = { html = 502 }\nretry_after = \"1s\"",
    "do = { html = 503 }\nretry_after = \"1s\"",
    "do = { html = 429 }\nretry_after = \"1s\"",
];

/// Answers that every other request would earn as well.
const STOPPING: [(&str, &str, &str); 5] = [
    ("do = { redirect = \"https://login.example.test/\" }", "gateway", "redirect"),
    ("do = { html = 401 }", "credentials_refused", "other credentials"),
    ("do = { html = 403 }", "forbidden", "let this machine in"),
    ("do = { html = 404 }", "protocol", "no Automation API"),
    ("do = { html = 407 }", "gateway", "proxy"),
];

/// A room whose console may take a second and a half to answer. HTTP/1.1, so that a cut is one request's alone.
fn hurried(hosts: u32, faults: &str) -> Apex {
    let room = Apex::new(hosts, &format!("http2 = false\n{faults}"));
    room.env.add_config("timeout = \"1500ms\"");
    room
}

#[test]
fn what_was_done_and_not_answered_is_found_by_a_look_and_never_asked_twice() {
    side_by_side(DONE_UNSEEN, |deed| {
        let room = hurried(4, &second(deed));
        let output = room.isolate(&[]).exits(0);
        room.assert_all_off_by_one_request_each();
        assert_eq!(room.posts(), 4, "{deed}\n{output}");
        assert_eq!(room.lists(), 2, "the plan's, and one that is filtered\n{output}");
        let outcomes = output.outcomes();
        assert_eq!(outcomes.values().sum::<usize>(), 4);
        let fine = |outcome: &str| outcomes.get(outcome).copied().unwrap_or_default();
        assert_eq!(fine("accepted") + fine("confirmed"), 4, "{deed}: {output}");
        room.verify();
    });
}

#[test]
fn what_was_neither_done_nor_answered_is_looked_at_and_then_asked_again() {
    side_by_side(UNDONE_UNSEEN, |deed| {
        let room = hurried(4, &second(deed));
        let output = room.isolate(&["--wait=30s"]).exits(0);
        room.assert_all_off_by_one_request_each();
        assert_eq!(room.posts(), 5, "{deed}\n{output}");
        assert_eq!(output.outcomes().get("confirmed"), Some(&4), "{deed}: {output}");
        room.verify();
    });
}

#[test]
fn a_gateway_that_fails_for_a_moment_costs_one_more_request() {
    side_by_side(PASSING, |deed| {
        let room = Apex::new(4, &second(deed));
        let begun = std::time::Instant::now();
        let output = room.isolate(&["--wait=30s"]).exits(0);
        room.assert_all_off_by_one_request_each();
        assert_eq!(room.posts(), 5, "{deed}\n{output}");
        assert_eq!(output.outcomes().get("confirmed"), Some(&4), "{deed}: {output}");
        if deed.contains("429") && deed.contains("retry_after") {
            assert!(begun.elapsed().as_millis() >= 1_000, "{deed}: {:?}", begun.elapsed());
        }
    });
}

#[test]
fn too_many_requests_without_a_word_for_how_long_makes_everything_wait() {
    let room = Apex::new(
        40,
        &format!("latency = \"20ms\"\n{SWIFT}[[fault]]\nmethod = \"POST\"\nafter = 6\ndo = {{ html = 429 }}\n"),
    );
    let output = room.isolate(&["--concurrency", "4", "--max-wait", "1s"]).exits(7);
    assert_eq!(room.accepted(), 6, "{output}");
    assert!(room.posts() <= 6 + 4, "{} requests", room.posts());
    assert_eq!((output.outcomes()["accepted"], output.outcomes()["not_sent"]), (6, 34), "{output}");
    // The list is waited for in the same way.
    let room = Apex::new(4, "[[fault]]\nmethod = \"GET\"\ndo = { html = 429 }\n");
    let output = room.isolate(&["--max-wait", "1s"]);
    assert!(matches!(output.code, Some(4 | 7)), "{output}");
    room.console.was_left_alone();
    assert_eq!(room.lists(), 1, "{output}");
}

#[test]
fn an_answer_that_all_others_would_earn_stops_the_run() {
    side_by_side(STOPPING, |(deed, reason, words)| {
        let faults = format!("latency = \"20ms\"\n{SWIFT}[[fault]]\nmethod = \"POST\"\nafter = 3\ntimes = 4\n{deed}\n");
        let room = Apex::new(30, &faults);
        let output = room.isolate(&["--concurrency", "4"]).exits(7);
        assert_eq!((room.accepted(), room.off()), (3, 3), "{deed}\n{output}");
        assert!(room.posts() <= 3 + 4, "{deed}: {} requests", room.posts());
        assert_eq!((output.outcomes()["accepted"], output.outcomes()["not_sent"]), (3, 27), "{deed}\n{output}");
        assert!(output.stderr.contains(words), "{deed}\n{output}");
        let told = output.results().into_iter().filter(|result| result["outcome"] == "not_sent");
        assert!(told.into_iter().all(|result| result["reason_code"] == reason), "{deed}\n{output}");
        // What is left of the four faults stops it again.
        let finished = (0..5).any(|_| room.resume(&["--concurrency", "4"]).code == Some(0));
        assert!(finished, "{deed}");
        room.assert_all_off_by_one_request_each();
        room.verify();
    });
}

#[test]
fn an_answer_that_stops_before_anything_was_done_is_told_as_such_by_the_exit_code() {
    side_by_side(STOPPING, |(deed, ..)| {
        let room = Apex::new(10, &format!("[[fault]]\nmethod = \"POST\"\n{deed}\n"));
        let output = room.isolate(&["--concurrency", "2"]).exits(4);
        assert_eq!(room.accepted(), 0);
        assert!(room.posts() <= 2, "{deed}");
        assert_eq!(output.outcomes()["not_sent"], 10, "{deed}\n{output}");
    });
}

#[test]
fn a_list_that_fails_ends_it_before_anything_is_sent() {
    // A console that names a wait is waited for as long as it likes, so these two are not among them.
    let failing = PASSING.into_iter().filter(|deed| !deed.contains("429") && !deed.contains("503 }\nretry_after"));
    let failing = DONE_UNSEEN.into_iter().chain(UNDONE_UNSEEN).chain(failing).map(|deed| (deed, 3));
    let cases = failing.chain(STOPPING.map(|(deed, ..)| (deed, 1)));
    side_by_side(cases, |(deed, tries)| {
        let room = hurried(4, &format!("[[fault]]\nmethod = \"GET\"\n{deed}\n"));
        let output = room.isolate(&[]).exits(4);
        room.console.was_left_alone();
        assert_eq!(room.lists(), tries, "{deed}\n{output}");
        assert!(output.stderr.contains("nothing was changed"), "{deed}\n{output}");
        assert!(output.stdout.is_empty(), "{deed}\n{output}");
        assert!(room.env.journals().is_empty(), "{deed}");
    });
}

#[test]
fn a_list_that_fails_for_a_moment_is_asked_for_again() {
    side_by_side(DONE_UNSEEN.into_iter().chain(UNDONE_UNSEEN).chain(PASSING), |deed| {
        let room = hurried(4, &format!("[[fault]]\nmethod = \"GET\"\nnth = 1\n{deed}\n"));
        room.isolate(&[]).exits(0);
        room.assert_all_off_by_one_request_each();
        assert_eq!((room.posts(), room.lists()), (4, 2), "{deed}");
    });
}

#[test]
fn a_list_that_fails_while_hosts_are_awaited_fails_no_host() {
    side_by_side(DONE_UNSEEN.into_iter().chain(UNDONE_UNSEEN).chain(PASSING), |deed| {
        let faults =
            format!("[[confirm]]\nafter = \"500ms\"\n[[fault]]\nmethod = \"GET\"\nafter = 1\ntimes = 1\n{deed}\n");
        let room = hurried(4, &faults);
        let output = room.isolate(&["--wait=60s"]).exits(0);
        room.assert_all_off_by_one_request_each();
        assert_eq!(output.outcomes().get("confirmed"), Some(&4), "{deed}\n{output}");
    });
}

#[test]
fn a_console_whose_every_answer_is_lost_isolates_each_host_once() {
    side_by_side([true, false], |http2| {
        let faults = format!(
            "http2 = {http2}\nlatency = \"20ms\"\n{SWIFT}[[fault]]\nmethod = \"POST\"\nshare = 0.3\nseed = 3\ndo = \"cut_after\"\n"
        );
        let room = Apex::new(60, &faults);
        let output = room.isolate(&["--wait=60s"]).exits(0);
        assert_eq!(room.console.fleet().isolated(), 60);
        assert_eq!(output.outcomes().get("confirmed"), Some(&60), "{}", output.stderr);
        for host in room.console.fleet().hosts() {
            assert_eq!(host.puts_accepted, 1, "http2 {http2}: {host:?}");
        }
        room.verify();
    });
}

/// Half of all answers is so much that a host may lose five in a row; then it is in doubt, and `resume` looks at it.
#[test]
fn a_console_that_loses_half_of_its_answers_isolates_each_host_once() {
    side_by_side([true, false], |http2| {
        let faults = format!(
            "http2 = {http2}\nlatency = \"20ms\"\n{SWIFT}[[fault]]\nmethod = \"POST\"\nshare = 0.5\nseed = 3\ndo = \"cut_after\"\n"
        );
        let room = Apex::new(60, &faults);
        let first = room.isolate(&["--wait=60s"]);
        let told = first.outcomes();
        let done = told.get("confirmed").copied().unwrap_or_default();
        let doubted = told.get("in_doubt").copied().unwrap_or_default();
        assert_eq!(done + doubted, 60, "nothing else came of it\n{first}");
        assert_eq!(first.code, Some(if doubted == 0 { 0 } else { 6 }), "{first}");
        for _ in 0..9 {
            let resumed = room.env.run(["resume", "--yes", "--wait=60s"]);
            if resumed.code == Some(0) {
                break;
            }
        }
        assert_eq!(room.console.fleet().isolated(), 60);
        for host in room.console.fleet().hosts() {
            assert_eq!(host.puts_accepted, 1, "http2 {http2}: {host:?}");
        }
        room.verify();
    });
}

#[test]
fn an_agent_that_is_away_ends_unconfirmed_with_its_last_state_and_the_others_are_confirmed() {
    let fleet = json!([{ "host_name": "AWAY", "offline": true }, { "host_name": "HERE" }]);
    let room = Apex::of(&fleet, SWIFT);
    room.env.file("hosts.txt", "AWAY\nHERE\n");
    let output = room.isolate(&["--wait=2s"]).exits(6);
    room.assert_all_off_by_one_request_each();
    assert_eq!(output.outcome_of("AWAY"), "unconfirmed", "{output}");
    assert_eq!(output.outcome_of("HERE"), "confirmed", "{output}");
    let away = output.results().into_iter().find(|result| result["target"] == "AWAY").unwrap();
    assert_eq!(away["state"], "endpoint_isolation_pending", "{output}");
    assert!(away["reason"].as_str().unwrap().contains("endpoint_isolation_pending"), "{output}");
    // It is on its way, so asking again is not needed.
    let posts = room.posts();
    let output = room.isolate(&[]).exits(0);
    assert_eq!(output.outcomes().get("already"), Some(&2), "{output}");
    assert_eq!(room.posts(), posts);
}

#[test]
fn a_list_that_lags_behind_fails_no_host() {
    side_by_side(["1s", "3s"], |lag| {
        let faults = format!("apex.list_lag = \"{lag}\"\n[[confirm]]\nafter = \"4s\"\n");
        let room = Apex::new(4, &faults);
        let output = room.isolate(&["--wait=30s"]).exits(0);
        assert_eq!(room.console.fleet().isolated(), 4);
        assert_eq!(output.outcomes().get("confirmed"), Some(&4), "{lag}\n{output}");
        assert_eq!(room.posts(), 4, "{lag}");
    });
}

#[test]
fn an_agent_that_falls_back_has_failed_long_before_the_deadline() {
    let room = Apex::new(3, "[[confirm]]\nhow = \"start_failure\"\nafter = \"2s\"\n");
    let begun = std::time::Instant::now();
    let output = room.isolate(&["--wait=5m"]).exits(6);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    assert_eq!((room.console.fleet().isolated(), room.posts()), (0, 3));
    assert_eq!(output.outcomes().get("failed"), Some(&3), "{output}");
    assert!(output.results().iter().all(|result| result["reason_code"] == "fallback"), "{output}");
}

#[test]
fn an_agent_on_its_way_back_is_sent_again_once_it_has_arrived() {
    // A console that takes the request and lets the agent go on to where it was sent before.
    let room = Apex::new(2, "[[confirm]]\nafter = \"700ms\"\n");
    room.isolate(&["--wait=30s"]).exits(0);
    room.unisolate(&[]).exits(0);
    let output = room.isolate(&["--wait=30s"]).exits(0);
    assert_eq!(room.console.fleet().isolated(), 2);
    assert_eq!(output.outcomes().get("confirmed"), Some(&2), "{output}");
    for host in room.console.fleet().hosts() {
        assert!((2..=3).contains(&host.puts_accepted), "{host:?}");
    }
}

#[test]
fn a_console_that_ignores_the_filter_by_id_is_listed_whole_and_no_other_agent_is_believed() {
    for done in [true, false] {
        let room = PlayedApex::new(4, move |number, agent| match number {
            2 => Said { done, status: 200, body: "<html><p>Sign in</p></html>".to_owned() },
            _ => Said::done(&success(std::slice::from_ref(agent))),
        });
        room.ignores_filters();
        let output = room.isolate(&["--concurrency", "1"]).exits(0);
        assert_eq!(room.off(), 4, "{output}");
        assert_eq!(room.posts(), if done { 4 } else { 5 }, "{output}");
        let confirmed = output.outcomes().get("confirmed").copied().unwrap_or_default();
        assert_eq!(confirmed, usize::from(done), "{output}");
    }
}

#[test]
fn nothing_but_lists_and_changes_is_asked() {
    let room = hurried(4, &second("do = \"cut_after\""));
    room.isolate(&["--wait=30s"]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(room.console.stats().requests("GET", Endpoint::Servers), 0, "the list proves the credentials as well");
    assert_eq!(room.console.stats().total(), room.posts() + room.lists());
}

//! What a gateway, a network, a disk, a kill or a revoked key does to a run at Apex Central: told apart, settled by a
//! look, stopped or resumed, and no host sent twice that the console has accepted.

use std::{collections::BTreeMap, process::Command};

use edrctl::simulator::faults::Endpoint;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Apex, Output, SWIFT, SmallDisk, intents, records, side_by_side, signal, wait_until};

/// The program dies when it has written so many lines of a journal.
const CRASH_AFTER: &str = "__EDRCTL_CRASH_AFTER_LINE";

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
            "http2 = {http2}\nlatency = \"20ms\"\n{SWIFT}[[fault]]\nmethod = \"POST\"\nshare = 0.5\nseed = 3\ndo = \"cut_after\"\n"
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

// Kills, disks, interrupts.

fn crashing(room: &Apex, line: u64, command: &mut Command) -> Output {
    let child = command.env(CRASH_AFTER, line.to_string()).output().unwrap();
    Output::new(child, room.env.path())
}

/// Kills a run of six after one line of its journal and resumes it; returns whether it died.
fn dies_after(line: u64, more: &[&str]) -> bool {
    let room = Apex::new(6, SWIFT);
    let when = format!("{more:?}, killed after line {line}");
    let first = crashing(&room, line, &mut room.command(more));
    if first.code == Some(0) {
        room.assert_all_off_by_one_request_each();
        return false;
    }
    assert_eq!(first.code, None, "{when}\n{first}");
    if room.env.journals().is_empty() {
        room.console.was_left_alone();
        room.isolate(more).exits(0);
        room.assert_all_off_by_one_request_each();
        return true;
    }
    let lists = room.lists();
    let journal = records(&room.env.only_journal());
    let answered = journal.iter().filter(|record| record["type"] == "answer").count();
    let meant = journal.iter().filter(|record| record["type"] == "intent").count();
    room.resume(&[]).exits(0);
    assert_eq!(room.off(), 6, "{when}");
    for host in room.console.fleet().hosts() {
        assert_eq!(host.puts_accepted, 1, "{when}: {host:?}");
        assert_eq!(host.puts, 1, "{when}: what was accepted was asked for again: {host:?}");
    }
    if more.is_empty() {
        let looks = (meant - answered) as u64;
        assert!(room.lists() <= lists + looks + 1, "{when}: one list of all, and one for each of {looks} in doubt");
    }
    let shown = room.env.run(["runs", "show", "-o", "jsonl"]).exits(0).outcomes();
    let fine: usize = ["accepted", "confirmed"].iter().filter_map(|outcome| shown.get(*outcome)).sum();
    assert_eq!(fine, 6, "{when}: {shown:?}");
    room.verify();
    true
}

fn dies_after_each_line(more: &[&str]) {
    let died = side_by_side(1..=24, |line| dies_after(line, more));
    let survived = died.iter().position(|died| !died).unwrap();
    assert!(survived > 13, "six intents and six answers at the least: {died:?}");
    assert!(died[survived..].iter().all(|died| !died), "{died:?}");
}

#[test]
fn a_run_killed_after_any_line_is_finished_by_resume() {
    dies_after_each_line(&[]);
}

#[test]
fn a_run_killed_after_any_line_of_its_wait_is_finished_by_resume() {
    dies_after_each_line(&["--wait=30s"]);
}

#[test]
fn a_run_with_one_request_at_a_time_is_finished_by_resume() {
    dies_after_each_line(&["--concurrency", "1"]);
}

#[test]
fn a_resumed_run_leaves_alone_what_somebody_else_has_done_meanwhile() {
    let room = Apex::new(5, SWIFT);
    crashing(&room, 4, &mut room.command(&["--concurrency", "1"]));
    let sent = room.accepted();
    assert!(sent <= 1, "{sent}");
    // Another hand isolates them all.
    let mut other = crate::support::TestEnv::new();
    other.configure(&room.console);
    other.set("EDRCTL_STATE_DIR", other.path().join("other").display().to_string());
    other.file("hosts.txt", room.console.guids());
    other.run(["isolate", "--vendor", "apex", "--yes", "--wait=30s", "hosts.txt"]).exits(0);
    let posts = room.posts();
    let output = room.resume(&[]).exits(0);
    assert_eq!(room.posts(), posts, "nothing was left to send\n{output}");
    assert!(output.outcomes().get("already").copied().unwrap_or_default() >= 3, "{output}");
    room.verify();
}

#[test]
fn a_resumed_run_refuses_a_host_that_is_protected_by_now() {
    let room = Apex::new(5, SWIFT);
    crashing(&room, 4, &mut room.command(&["--concurrency", "1"]));
    let last = room.console.fleet().hosts().pop().unwrap();
    room.env.add_config(&format!("[safety]\nprotected = [\"{}\"]", last.id));
    let output = room.resume(&[]).exits(6);
    assert_eq!(room.console.fleet().host(&last.id).unwrap().puts, 0, "{output}");
    assert_eq!(output.outcome_of(&last.id), "refused", "{output}");
    assert_eq!(room.accepted(), 4, "{output}");
}

#[test]
fn a_disk_that_is_full_stops_the_run_before_the_next_request() {
    side_by_side([4, 36, 64, 100, 128, 1024], |kib| {
        let room = Apex::new(300, "");
        let disk = SmallDisk::limit(&room.env, kib);
        let args = ["isolate", "--vendor", "apex", "--yes", "-o", "jsonl", "--concurrency", "4", "hosts.txt"];
        let run = |disk: &SmallDisk, args: &[&str]| {
            Output::new(disk.command(&room.env, args).output().unwrap(), room.env.path())
        };
        let output = run(&disk, &args);
        let mut disk = disk;
        if output.code != Some(0) {
            let output = output.exits(8);
            if let [journal] = disk.journals().as_slice() {
                assert!(room.posts() <= intents(journal), "{kib}: a request that the journal does not know");
                assert!(output.stderr.contains("edrctl resume"), "{output}");
                disk.make_room();
                run(&disk, &["resume", "--yes"]).exits(0);
            } else {
                room.console.was_left_alone();
                disk.make_room();
                run(&disk, &args).exits(0);
            }
        }
        room.assert_all_off_by_one_request_each();
        assert_eq!(room.posts(), 300);
        run(&disk, &["runs", "verify"]).exits(0);
    });
}

#[test]
fn an_interrupt_drains_and_resume_goes_on() {
    let room = Apex::new(60, "latency = \"100ms\"\n");
    let child = room.command(&["--concurrency", "4"]);
    let mut child = child;
    let child = child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_until("some to be accepted", || room.accepted() >= 8);
    signal(&child, Signal::INT);
    let output = room.env.finish(child).exits(7);
    assert_eq!(output.outcomes()["accepted"] as u64, room.accepted(), "{output}");
    assert!(room.accepted() < 40, "{}", room.accepted());
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    room.resume(&[]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(room.posts(), 60);
    room.verify();
}

// Credentials.

#[test]
fn a_wrong_key_is_refused_before_anything_is_sent_and_asked_for_once() {
    let mut room = Apex::new(3, "");
    room.set("EDRCTL_APEX_API_KEY", "11111111-2222-3333-4444-555555555555");
    let output = room.isolate(&[]).exits(4);
    room.console.was_left_alone();
    assert_eq!(room.console.stats().total(), 1, "a refusal is not asked for twice");
    assert!(output.stderr.contains("result code -7"), "{output}");
    assert!(output.stderr.contains("EDRCTL_APEX_API_KEY"), "{output}");
    assert!(!output.to_string().contains("11111111-2222"), "{output}");
}

#[test]
fn a_disabled_application_is_refused_before_anything_is_sent() {
    let room = Apex::new(3, "apex.disabled = true\n");
    let output = room.isolate(&[]).exits(4);
    room.console.was_left_alone();
    assert_eq!(room.console.stats().total(), 1);
    assert!(output.stderr.contains("result code -5"), "{output}");
    assert!(output.stderr.contains("Automation API Access Settings"), "{output}");
}

#[test]
fn an_application_that_is_disabled_in_the_middle_stops_the_run() {
    let room = Apex::new(50, "latency = \"20ms\"\n[[fault]]\nmethod = \"POST\"\nafter = 6\ndo = \"revoke\"\n");
    let output = room.isolate(&["--concurrency", "4"]).exits(7);
    assert_eq!((room.accepted(), room.off()), (6, 6), "{output}");
    assert!(room.posts() <= 6 + 4, "{} requests", room.posts());
    assert_eq!(output.outcomes()["not_sent"], 44, "{output}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    let asked = room.console.stats().total();
    room.resume(&[]).exits(4);
    assert_eq!(room.console.stats().total(), asked + 1, "it is asked for once");
    assert_eq!(room.accepted(), 6);
    room.verify();
}

#[test]
fn a_key_that_is_mended_lets_the_run_go_on() {
    let faults = "latency = \"20ms\"\n[[fault]]\nmethod = \"POST\"\nafter = 6\ntimes = 4\ndo = { code = -7 }\n";
    let room = Apex::new(50, faults);
    room.isolate(&["--concurrency", "4"]).exits(7);
    assert_eq!(room.accepted(), 6);
    let finished = (0..5).any(|_| room.resume(&["--concurrency", "4"]).code == Some(0));
    assert!(finished);
    room.assert_all_off_by_one_request_each();
    room.verify();
}

#[test]
fn no_secret_is_in_anything_that_is_written_or_kept() {
    let bad_days = [
        "",
        "apex.clock_offset = \"10m\"\n",
        "[[fault]]\nmethod = \"POST\"\ndo = { code = -7 }\n",
        "[[fault]]\nmethod = \"POST\"\nafter = 1\ndo = { code = -8 }\n",
        "[[fault]]\nmethod = \"GET\"\ndo = { code = -8 }\n",
        "[[fault]]\nmethod = \"POST\"\ntimes = 1\ndo = \"garbage\"\n",
        "[[fault]]\nmethod = \"POST\"\ntimes = 1\ndo = \"cut_after\"\n",
        "[[fault]]\nmethod = \"GET\"\ndo = { redirect = \"https://login.example.test/\" }\n",
    ];
    side_by_side(bad_days, |faults| {
        let room = Apex::new(3, faults);
        let key = room.console.inner().credentials().api_key.clone();
        let mut seen = Vec::new();
        for command in [
            vec!["isolate", "--vendor", "apex", "--yes", "--wait=30s", "-vv", "hosts.txt"],
            vec!["apex-isolate", "--yes", "--restore", "-vv", "hosts.txt"],
            vec!["check", "apex", "-vv"],
            vec!["hosts", "--vendor", "apex", "-vv", "-o", "jsonl"],
            vec!["resume", "latest", "--yes", "-vv"],
            vec!["runs", "show", "-vv"],
        ] {
            let output = room.env.command(command).env("RUST_LOG", "trace").output().unwrap();
            seen.extend([output.stdout, output.stderr]);
        }
        for journal in room.env.journals() {
            seen.push(std::fs::read(journal).unwrap());
        }
        let parts: Vec<&str> = key.split('-').filter(|part| part.len() >= 8).collect();
        assert!(!parts.is_empty(), "the key has parts to look for");
        let secrets: Vec<&str> = [key.as_str(), "eyJ", "Bearer "].into_iter().chain(parts).collect();
        assert!(seen.iter().map(Vec::len).sum::<usize>() > 500, "there was something to look through");
        for bytes in seen {
            for secret in &secrets {
                let found = bytes.windows(secret.len()).any(|window| window.eq_ignore_ascii_case(secret.as_bytes()));
                assert!(!found, "{secret} is in\n{}", String::from_utf8_lossy(&bytes));
            }
        }
    });
}

// Slow, late and wrong hosts.

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
        let faults = format!("{SWIFT}apex.list_lag = \"{lag}\"\n").replace(SWIFT, "") + "[[confirm]]\nafter = \"4s\"\n";
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
fn a_console_that_ignores_the_filter_by_id_is_listed_whole_and_nobody_else_is_believed() {
    let room = hurried(4, &second("do = \"cut_after\""));
    let output = room.isolate(&[]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert!(output.outcomes().len() <= 2, "{output}");
    assert_eq!(room.console.stats().requests("GET", Endpoint::Servers), 0, "nothing but the list and the changes");
}

// Hostile texts.

/// Everything in a text that may not reach a terminal or a table as it is.
fn hostile(text: &str) -> Option<char> {
    text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    })
}

fn hostile_fleet() -> serde_json::Value {
    json!([
        {
            "entity_id": "AAAAAAAA-0000-4000-8000-000000000001",
            "host_name": "\u{1b}[31mRED\u{1b}[0m",
            "product": "SLF\u{1b}]0;owned\u{7}",
            "folder_path": "a\r\nb\u{202e}c",
            "ad_domain": "\u{9b}31m",
        },
        {
            "entity_id": "AAAAAAAA-0000-4000-8000-000000000002",
            "host_name": "=cmd|' /C calc'!A0",
            "product": "@SUM(1+1)",
            "folder_path": "+1",
        },
        {
            "entity_id": "AAAAAAAA-0000-4000-8000-000000000003",
            "host_name": "two\r\nlines\u{2066}\u{202e}",
            "product": "-2+3",
        },
    ])
}

#[test]
fn hostile_texts_never_reach_a_terminal_or_a_table_as_they_are() {
    let room = Apex::of(&hostile_fleet(), SWIFT);
    for args in [
        vec!["apex-isolate", "--yes", "-v", "hosts.txt"],
        vec!["apex-isolate", "--yes", "-v", "--restore", "hosts.txt"],
        vec!["isolate", "--vendor", "apex", "--dry-run", "hosts.txt"],
        vec!["isolate", "--vendor", "apex", "--yes", "--wait=30s", "-v", "hosts.txt"],
        vec!["hosts", "--vendor", "apex"],
        vec!["status", "--vendor", "apex", "hosts.txt"],
        vec!["runs", "show"],
    ] {
        let output = room.env.run(&args).exits(0);
        for text in [&output.stdout, &output.stderr] {
            assert_eq!(hostile(text), None, "{args:?}\n{text:?}");
        }
    }
    for args in [
        vec!["hosts", "--vendor", "apex", "-o", "csv"],
        vec!["status", "--vendor", "apex", "-o", "csv", "hosts.txt"],
        vec!["runs", "show", "-o", "csv"],
    ] {
        let output = room.env.run(&args).exits(0);
        assert_eq!(hostile(&output.stdout.replace("\r\n", "\n")), None, "{args:?}\n{:?}", output.stdout);
        let mut reader = csv::ReaderBuilder::new().from_reader(output.stdout.as_bytes());
        for record in reader.records() {
            for field in &record.unwrap() {
                let formula = field.starts_with(['=', '+', '@']) || field.starts_with("-2");
                assert!(!formula, "{args:?}: {field:?}");
            }
        }
    }
}

#[test]
fn hostile_candidates_and_answers_are_cleaned_too() {
    let mut fleet = hostile_fleet();
    for agent in fleet.as_array_mut().unwrap() {
        agent["host_name"] = json!("TWIN");
        agent["folder_path"] = json!("\u{1b}[2J");
        agent["product"] = json!("P\u{1b}[31m\u{202e}");
    }
    let room = Apex::of(&fleet, SWIFT);
    room.env.file("hosts.txt", "TWIN\n");
    let output = room.env.run(["isolate", "--vendor", "apex", "--yes", "-v", "hosts.txt"]);
    assert_eq!(output.code, Some(6), "{output}");
    room.console.was_left_alone();
    assert_eq!(hostile(&output.stdout), None, "{output}");
    assert_eq!(hostile(&output.stderr), None, "{output}");
    // The other agent of an answer is told by its name.
    let faults = format!("{SWIFT}[[fault]]\nmethod = \"POST\"\ndo = \"other_agent\"\n");
    let room = Apex::of(&hostile_fleet(), &faults);
    let output =
        room.env.run(["isolate", "--vendor", "apex", "--yes", "-v", "--concurrency", "1", "hosts.txt"]).exits(7);
    assert_eq!(hostile(&output.stdout), None, "{output}");
    assert_eq!(hostile(&output.stderr), None, "{output}");
}

#[test]
fn an_id_with_quotes_slashes_and_percents_goes_into_the_body_and_into_no_address() {
    let ids = ["a\"b", "../../x", "50%25", "c&act=cmd_uninstall_agent", "d?e#f", "ü\\n"];
    let agents: Vec<_> =
        (0..).zip(ids).map(|(n, id)| json!({ "entity_id": id, "host_name": format!("PC-{n}") })).collect();
    // Every answer is lost, so that each is looked at as well.
    let faults =
        format!("http2 = false\n{SWIFT}[[fault]]\nmethod = \"POST\"\nper_host = true\nnth = 1\ndo = \"cut_after\"\n");
    let room = Apex::of(&json!(agents), &faults);
    room.env.file("hosts.txt", (0..ids.len()).map(|n| format!("PC-{n}\n")).collect::<String>());
    let output = room.isolate(&["--wait=30s"]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(output.outcomes().get("confirmed"), Some(&ids.len()), "{output}");
    assert_eq!(room.console.stats().requests("GET", Endpoint::Other), 0);
    let told: BTreeMap<String, String> = output
        .results()
        .iter()
        .map(|result| {
            (result["target"].as_str().unwrap().to_owned(), result["host"]["id"].as_str().unwrap().to_owned())
        })
        .collect();
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(told[&format!("PC-{n}")], *id);
    }
}

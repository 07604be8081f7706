//! A firewall on its bad days: connections lost half-way, a full table, a dead token, a killed program.

use std::process::Command;

use edrctl::simulator::faults::Endpoint;
use rustix::process::Signal;

use crate::support::{Output, Wall, addresses, side_by_side, signal, wait_until};

/// The program dies when it has written so many lines of a journal.
const CRASH_AFTER: &str = "__EDRCTL_CRASH_AFTER_LINE";

#[test]
fn a_connection_lost_between_object_and_group_is_looked_at_and_finished() {
    for (method, endpoint) in
        [("POST", "addresses"), ("POST", "members"), ("GET", "addresses"), ("GET", "address_groups")]
    {
        for deed in ["cut_before", "cut_after", "html = 502", "bare = 500"] {
            for nth in [1, 2, 3] {
                let deed = if deed.contains('=') { format!("{{ {deed} }}") } else { format!("\"{deed}\"") };
                let wall = Wall::rest(&format!(
                    "[[fault]]\nmethod = \"{method}\"\nendpoint = \"{endpoint}\"\nnth = {nth}\ndo = {deed}\n"
                ));
                let output = wall.block(&addresses(3), &[]);
                let when = format!("{method} {endpoint} {nth} {deed}");
                // Before the first action a failure may be the end; then nothing was changed.
                if output.code == Some(4) {
                    assert!(wall.blocked().is_empty(), "{when}\n{output}");
                    continue;
                }
                let output = output.exits(0);
                assert_eq!(wall.blocked().len(), 3, "{when}\n{output}");
                wall.assert_unharmed();
                wall.verify();
            }
        }
    }
}

#[test]
fn a_full_table_stops_the_run_and_it_goes_on_when_there_is_room() {
    // Five are there before anybody comes; two of ours find room.
    let wall = Wall::rest(
        "[[fault]]\nmethod = \"POST\"\nendpoint = \"addresses\"\nafter = 2\ntimes = 1\ndo = { cmdb = -4 }\n",
    );
    let output = wall.block(&addresses(5), &["--concurrency", "1"]).exits(7);
    assert_eq!(wall.blocked().len(), 2, "{output}");
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2), ("not_sent".to_owned(), 3)].into(), "{output}");
    output.says("no room");
    wall.assert_unharmed();
    wall.resume(&[]).exits(0);
    assert_eq!(wall.blocked().len(), 5);
    wall.verify();
}

#[test]
fn a_token_that_dies_in_the_middle_stops_the_run() {
    let wall = Wall::rest("[[fault]]\nmethod = \"POST\"\nendpoint = \"members\"\nnth = 2\ndo = \"revoke\"\n");
    let output = wall.block(&addresses(4), &["--concurrency", "1"]).exits(7);
    output.says("token");
    wall.assert_unharmed();
}

#[test]
fn a_wrong_token_is_told_before_anything_is_sent() {
    let mut wall = Wall::rest("");
    let saved = wall.firewall().saved();
    wall.room.env.set("EDRCTL_FORTIGATE_TOKEN", "wrong-secret-token");
    let output = wall.block("203.0.113.9\n", &[]).exits(4);
    assert!(!output.stderr.contains("wrong-secret-token"), "{output}");
    output.says("trusted hosts");
    assert_eq!(wall.firewall().saved(), saved);
    let wall = Wall::rest("[fortigate]\ntrusted = false\n");
    wall.block("203.0.113.9\n", &[]).exits(4).says("trusted hosts");
}

#[test]
fn a_token_that_may_only_read_stops_at_the_first_change() {
    for status in [403, 500] {
        let wall = Wall::rest(&format!("[fortigate]\nprofile = \"read_only\"\nno_right_status = {status}\n"));
        let saved = wall.firewall().saved();
        let output = wall.block(&addresses(3), &[]);
        assert!(matches!(output.code, Some(4 | 7)), "{output}");
        output.says("profile");
        assert_eq!(wall.firewall().saved(), saved);
    }
}

#[test]
fn releases_that_say_it_otherwise_are_understood() {
    for faults in
        ["duplicate_code = -15", "not_found_status = 500", "duplicate_member = false", "commit_takes = \"20ms\""]
    {
        let wall = Wall::rest(&format!("[fortigate]\n{faults}\n"));
        wall.block(&addresses(3), &[]).exits(0);
        assert_eq!(wall.blocked().len(), 3, "{faults}");
        let output = wall.block(&addresses(4), &[]).exits(0);
        assert_eq!(output.outcomes(), [("already".to_owned(), 3), ("confirmed".to_owned(), 1)].into(), "{output}");
        wall.unblock(&addresses(4), &[]).exits(0);
        assert!(wall.blocked().is_empty(), "{faults}");
        wall.assert_unharmed();
    }
}

#[test]
fn a_firewall_that_asks_for_patience_gets_it() {
    let wall = Wall::rest(
        "[[fault]]\nmethod = \"POST\"\nendpoint = \"addresses\"\nnth = 2\ndo = { status = 429 }\nretry_after = \"0s\"\n",
    );
    wall.block(&addresses(3), &[]).exits(0);
    assert_eq!(wall.blocked().len(), 3);
    wall.assert_unharmed();
}

#[test]
fn a_group_that_is_called_otherwise_meanwhile_stops_the_run() {
    let wall = Wall::rest("[fortigate]\nrename_group_after = 3\n");
    let output = wall.block(&addresses(4), &["--concurrency", "1"]);
    assert!(matches!(output.code, Some(6 | 7)), "{output}");
}

fn crashing(wall: &Wall, line: u64, command: &mut Command) -> Output {
    let child = command.env(CRASH_AFTER, line.to_string()).output().unwrap();
    Output::new(child, wall.env.path())
}

#[test]
fn a_run_killed_after_any_line_is_finished_by_resume() {
    let died = side_by_side(1..=14, |line| {
        let wall = Wall::rest("");
        let first = crashing(&wall, line, wall.block_command(&addresses(40)).args(["--concurrency", "1"]));
        if first.code == Some(0) {
            return false;
        }
        assert_eq!(first.code, None, "killed after line {line}\n{first}");
        if wall.env.journals().is_empty() {
            assert!(wall.blocked().is_empty());
            return true;
        }
        let output = wall.resume(&[]).exits(0);
        assert_eq!(wall.blocked().len(), 40, "killed after line {line}\n{output}");
        wall.assert_unharmed();
        wall.verify();
        true
    });
    assert!(died.iter().filter(|died| **died).count() >= 7, "{died:?}");
    assert!(died.iter().any(|died| !died), "{died:?}");
}

#[test]
fn a_program_that_is_killed_between_object_and_group_leaves_nothing_half_done() {
    for (endpoint, counted) in [("addresses", Endpoint::Addresses), ("members", Endpoint::Members)] {
        let wall = Wall::rest(&format!(
            "[[fault]]\nmethod = \"POST\"\nendpoint = \"{endpoint}\"\nnth = 3\ndo = \"silence\"\n"
        ));
        wall.env.file("list.txt", addresses(5));
        let mut child = wall.env.start(["block", "--vendor", "fortigate", "--yes", "list.txt"]);
        wait_until("the request that nobody answers", || wall.console.stats().requests("POST", counted) == 3);
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        wall.assert_unharmed();
        wall.resume(&[]).exits(0);
        assert_eq!(wall.blocked().len(), 5, "{endpoint}");
        wall.assert_unharmed();
    }
}

#[test]
fn a_resumed_run_holds_the_rest_against_the_rules_again() {
    let wall = Wall::rest(
        "[[fault]]\nmethod = \"POST\"\nendpoint = \"addresses\"\nafter = 1\ntimes = 1\ndo = { cmdb = -4 }\n",
    );
    wall.block(&addresses(3), &["--concurrency", "1"]).exits(7);
    wall.env.add_config("[safety]\nnever_block = [\"203.0.113.3\"]");
    wall.resume(&[]).exits(6);
    assert_eq!(wall.blocked(), ["203.0.113.1", "203.0.113.2"]);
}

#[test]
fn what_is_in_doubt_is_not_sent_against_rules_that_were_made_since() {
    let wall = Wall::rest("");
    let died = crashing(&wall, 3, wall.block_command(&addresses(4)).args(["--concurrency", "1"]));
    assert_eq!(died.code, None, "{died}");
    // Somebody has it written down now that these must stay reachable.
    wall.env.add_config("[safety]\nnever_block = [\"203.0.113.0/30\"]");
    let output = wall.resume(&[]).exits(6);
    let outcomes: Vec<_> = output.results().iter().map(|result| result["outcome"].clone()).collect();
    let blocked = wall.blocked();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "refused").count() + blocked.len(), 4, "{output}");
    assert!(blocked.iter().all(|value| value == "203.0.113.4"), "{blocked:?}\n{output}");
    wall.assert_unharmed();
    wall.verify();
}

#[test]
fn two_runs_at_once_lose_nothing_of_each_other_whichever_way_members_are_written() {
    for faults in ["[fortigate]\nmember_path = false\n", ""] {
        let wall = Wall::rest(&format!("latency = \"5ms\"\n{faults}"));
        let all = addresses(40);
        let lines: Vec<&str> = all.lines().collect();
        let (one, two) = lines.split_at(20);
        wall.env.file("one.txt", one.join("\n"));
        wall.env.file("two.txt", two.join("\n"));
        let runs = ["one.txt", "two.txt"]
            .map(|list| wall.env.start(["block", "--vendor", "fortigate", "--yes", "-o", "jsonl", list]));
        for run in runs {
            wall.env.finish(run).exits(0);
        }
        assert_eq!(wall.blocked().len(), 40, "{faults}");
        wall.assert_unharmed();
    }
}

#[test]
fn a_run_belongs_to_its_group_and_its_virtual_domain() {
    for (variable, value) in [("EDRCTL_FORTIGATE_GROUP", "Other"), ("EDRCTL_FORTIGATE_VDOM", "edge")] {
        let mut wall = Wall::rest("[fortigate]\nvdoms = [\"root\", \"edge\"]\n");
        wall.block("203.0.113.9\n", &["--expires", "1s"]).exits(0);
        wall.room.env.set(variable, value);
        let undo = wall.env.run(["undo", "latest", "--yes"]);
        assert!(matches!(undo.code, Some(4 | 5)), "{undo}");
        assert_eq!(wall.blocked(), ["203.0.113.9"], "{undo}");
        wall.room.env.unset(variable);
        wall.env.run(["undo", "latest", "--yes"]).exits(0);
        assert!(wall.blocked().is_empty());
    }
}

//! `--wait`: what is confirmed, what is not, and what is told of hosts that fall back.

use edrctl::simulator::{Fleet, faults::Endpoint};

use crate::support::{Console, Room, TestEnv, side_by_side};

#[test]
fn a_host_that_is_away_is_unconfirmed_with_the_time_it_was_last_seen() {
    let console = Console::new(6, "");
    let away = console.fleet().hosts()[2].id.clone();
    drop(console);
    let room =
        Room::new(6, &format!("[[confirm]]\nhow = \"never\"\nhosts = [\"{away}\"]\n[[confirm]]\nafter = \"50ms\"\n"));
    let output = room.isolate(&["--wait=2s"]).exits(6);
    assert_eq!(output.outcomes()["confirmed"], 5, "{output}");
    let results = output.results();
    let result = results.iter().find(|result| result["outcome"] == "unconfirmed").unwrap();
    assert_eq!(result["host"]["id"], away.as_str());
    assert_eq!(result["state"], "pending_start");
    let seen = result["last_seen"].as_str().unwrap();
    assert!(result["reason"].as_str().unwrap().contains(seen), "{result}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    room.assert_each_isolated_once();
    // Waiting longer asks for nothing a second time.
    let output = room.resume(&["--wait=1s"]).exits(6);
    assert_eq!(output.outcomes().get("unconfirmed"), Some(&1), "{output}");
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn without_a_wait_a_host_that_is_away_is_accepted() {
    let room = Room::new(3, "[[confirm]]\nhow = \"never\"\n");
    let output = room.isolate(&[]).exits(0);
    assert_eq!(output.outcomes()["accepted"], 3, "{output}");
}

#[test]
fn an_agent_that_cannot_isolate_is_a_failure() {
    let room = Room::new(3, "[[confirm]]\nhow = \"start_failure\"\nafter = \"2500ms\"\n");
    let output = room.isolate(&["--wait=30s"]).exits(6);
    assert_eq!(output.outcomes()["failed"], 3, "{output}");
    for result in output.results() {
        assert_eq!(result["reason_code"], "fallback", "{output}");
        assert_eq!(result["state"], "not_isolated", "{output}");
    }
    assert_eq!(room.console.fleet().isolated(), 0);
    room.assert_each_isolated_once();
}

#[test]
fn an_agent_that_cannot_release_is_a_failure() {
    let faults = "[[confirm]]\nhow = \"stop_failure\"\nafter = \"2500ms\"\n";
    let env = TestEnv::new();
    env.file("fleet.csv", "hostname,state\nweb01,isolated\nweb02,isolated\n");
    let console = Console::with(Fleet::read(&env.path().join("fleet.csv")).unwrap(), faults);
    let room = Room::with(console);
    let output = room.unisolate(&["--wait=30s"]).exits(6);
    assert_eq!(output.outcomes()["failed"], 2, "{output}");
    assert_eq!(room.console.fleet().isolated(), 2);
}

#[test]
fn a_host_unlocked_at_its_own_keyboard_is_not_told_as_isolated() {
    // It is off the network for a moment between two polls.
    let room = Room::new(2, "[[confirm]]\nhow = \"local_unlock\"\nafter = \"50ms\"\nunlock_after = \"50ms\"\n");
    let output = room.isolate(&["--wait=3s"]).exits(6);
    assert!(!output.outcomes().contains_key("confirmed"), "{output}");
    assert!(output.results().iter().all(|result| result["state"] == "not_isolated"), "{output}");
    // The run's word is `confirmed` where the console said so; `status` tells what is true now.
    let room = Room::new(2, "[[confirm]]\nhow = \"local_unlock\"\nafter = \"50ms\"\nunlock_after = \"5s\"\n");
    room.isolate(&["--wait=30s"]).exits(0);
    crate::support::wait_until("the hosts to be unlocked", || room.console.fleet().isolated() == 0);
    let status = room.env.run(["status", "--vendor", "cisco", "-o", "jsonl", "hosts.txt"]).exits(0);
    assert!(status.results().iter().all(|result| result["state"] == "not_isolated"), "{status}");
}

#[test]
fn a_poll_that_fails_is_only_a_poll() {
    let deeds = ["{ status = 500 }", "{ html = 502 }", "\"cut_before\"", "\"garbage\"", "\"half_body\"", "\"silence\""];
    side_by_side(deeds, |deed| {
        let faults = format!(
            "[[confirm]]\nafter = \"50ms\"\n[[fault]]\nmethod = \"GET\"\nendpoint = \"computers\"\ntimes = 2\ndo = {deed}\n"
        );
        let mut room = Room::new(5, &faults);
        room.env.set("EDRCTL_CISCO_TIMEOUT", if deed == "\"silence\"" { "1s" } else { "20s" });
        let output = room.isolate(&["--wait=60s"]).exits(0);
        assert_eq!(output.outcomes()["confirmed"], 5, "{deed}: {output}");
        room.assert_each_isolated_once();
    });
}

#[test]
fn small_pages_that_move_hide_no_host_from_the_polls() {
    side_by_side(["insert_after_page = 2", "remove_after_page = 2"], |moved| {
        let faults = format!("[listing]\npage_size = 2\n{moved}\n[[confirm]]\nafter = \"50ms\"\n");
        let room = Room::new(9, &faults);
        // The host that goes away is not one of ours.
        let ours: String = room.console.guids().lines().skip(1).map(|line| format!("{line}\n")).collect();
        room.env.file("hosts.txt", ours);
        let output = room.isolate(&["--wait=30s"]).exits(0);
        assert_eq!(output.outcomes()["confirmed"], 8, "{moved}: {output}");
    });
}

#[test]
fn names_are_found_on_small_pages_that_move() {
    for moved in ["insert_after_page = 2", "remove_after_page = 2"] {
        let room = Room::new(9, &format!("[listing]\npage_size = 2\n{moved}\n"));
        let names: String =
            room.console.fleet().hosts().iter().skip(1).map(|host| format!("{}\n", host.name)).collect();
        room.env.file("hosts.txt", names);
        let output = room.isolate(&[]).exits(0);
        assert_eq!(output.outcomes()["accepted"], 8, "{moved}: {output}");
        let fleet = room.console.fleet().hosts();
        assert!(fleet.iter().skip(1).take(8).all(|host| host.puts_accepted == 1), "{moved}: {fleet:?}");
        assert_eq!(fleet[0].puts, 0, "{moved}");
    }
}

#[test]
fn a_name_that_two_registrations_share_is_never_guessed() {
    let room = Room::new(4, "[listing]\nduplicate_hostnames = 1\n");
    let names: String = room.console.fleet().hosts().iter().take(4).map(|host| format!("{}\n", host.name)).collect();
    room.env.file("hosts.txt", names);
    let output = room.isolate(&[]).exits(6);
    assert_eq!(output.outcomes()["accepted"], 3, "{output}");
    let results = output.results();
    let result = results.iter().find(|result| result["outcome"] == "unresolved").unwrap();
    assert_eq!(result["candidates"].as_array().unwrap().len(), 2, "{result}");
    assert_eq!(room.accepted(), 3);
}

#[test]
fn names_are_resolved_with_one_listing_whatever_the_console_would_match() {
    for matching in ["contains", "prefix", "exact"] {
        let room = Room::new(30, &format!("[listing]\nhostname_match = \"{matching}\"\n"));
        let names: String = room.console.fleet().hosts().iter().map(|host| format!("{}\n", host.name)).collect();
        room.env.file("hosts.txt", names);
        room.isolate(&[]).exits(0);
        assert_eq!(room.console.stats().requests("GET", Endpoint::Computers), 1);
        room.assert_each_isolated_once();
    }
}

#[test]
fn a_list_of_hosts_that_moved_says_that_one_may_be_missing() {
    for moved in ["insert_after_page = 2", "remove_after_page = 2"] {
        let room = Room::new(9, &format!("[listing]\npage_size = 2\n{moved}\n"));
        let output = room.env.run(["hosts", "--vendor", "cisco", "-o", "jsonl"]).exits(0);
        assert!(output.stderr.contains("may be missing"), "{moved}: {output}");
        let still = room.env.run(["hosts", "--vendor", "cisco", "-o", "jsonl"]).exits(0);
        assert!(!still.stderr.contains("may be missing"), "{moved}: {still}");
        assert_eq!(still.results().len(), room.console.fleet().len(), "{moved}: {still}");
    }
}

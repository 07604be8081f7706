//! `isolate`, `unisolate`, `status`, `hosts` and `check` through a Security Center: the fleet's true state first.

use serde_json::Value;

use crate::support::{Ksc, TestEnv, wait_until};

#[test]
fn isolate_cuts_exactly_the_listed_hosts_off_and_unisolate_puts_them_back() {
    let room = Ksc::new(6, "");
    let ids: Vec<String> = room.console.fleet().hosts().iter().take(3).map(|host| host.id.clone()).collect();
    let output = room.isolate_list(&ids.join("\n"), &["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3)].into(), "{output}");
    assert_eq!(room.console.fleet().isolated(), 3);
    for host in room.console.fleet().hosts() {
        let expected: &[&str] = if ids.contains(&host.id) { &["isolateHost"] } else { &[] };
        assert_eq!(room.console.fleet().executed(&host.id), expected);
    }
    let output = room.env.run(["unisolate", "--vendor", "kaspersky", "--yes", "--wait=30s", "-o", "jsonl", "list.txt"]);
    assert_eq!(output.exits(0).outcomes(), [("confirmed".to_owned(), 3)].into());
    assert_eq!((room.console.fleet().isolated(), room.writes()), (0, (6, 6)));
    room.env.run(["runs", "verify"]).exits(0);
}

#[test]
fn what_ends_an_isolation_by_itself_is_told_at_the_end_of_it() {
    let room = Ksc::new(2, "");
    for more in [&[][..], &["--wait=30s"]] {
        let output = room.isolate(more).exits(0);
        assert!(output.stderr.contains("end an isolation by themselves"), "{output}");
    }
    let output = room.unisolate(&[]).exits(0);
    assert!(!output.stderr.contains("by themselves"), "{output}");
    // Nothing was done that could end.
    let output = Ksc::new(2, "kaspersky.rights = 'read'\n").isolate(&[]).exits(6);
    assert!(!output.stderr.contains("by themselves"), "{output}");
}

#[test]
fn an_isolation_ends_by_itself_and_nothing_claims_that_it_has_not() {
    let room = Ksc::new(1, "kaspersky.isolation_expires = '1s'\n");
    room.isolate(&["--wait=30s"]).exits(0);
    wait_until("the end of the isolation", || room.console.fleet().isolated() == 0);
    let status = room.env.run(["status", "--vendor", "kaspersky", "-o", "jsonl", "hosts.txt"]).exits(6);
    assert_eq!(status.result()["state"], "not_told", "{status}");
}

#[test]
fn status_says_that_the_state_is_not_told_and_changes_nothing() {
    let room = Ksc::examples("");
    let names = "frontdesk.corp.example\ninfected\nnobody\n";
    room.env.file("list.txt", names);
    let status = room.env.run(["status", "--vendor", "kaspersky", "-o", "jsonl", "list.txt"]).exits(6);
    for target in ["frontdesk.corp.example", "infected"] {
        let results = status.results();
        let result = results.iter().find(|result| result["target"] == target).unwrap();
        assert_eq!(result["state"], "not_told", "{status}");
    }
    assert_eq!(status.outcome_of("nobody"), "unresolved");
    room.was_left_alone();
    assert!(room.env.journals().is_empty());
    assert_eq!(room.calls("Session.EndSession"), room.console.stats().logons(), "it signs out");
}

#[test]
fn hosts_lists_every_host_in_every_format() {
    let room = Ksc::examples("");
    let hosts = |more: &[&str]| room.env.run(["hosts", "--vendor", "kaspersky"].iter().chain(more)).exits(0);
    let lines = hosts(&["-o", "jsonl"]).results();
    assert_eq!(lines.len(), 10);
    let desk = lines.iter().find(|host| host["name"] == "frontdesk.corp.example").unwrap();
    assert_eq!((&desk["group"], &desk["state"]), (&"Reception".into(), &"not_told".into()), "{desk}");
    assert!(desk["addresses"].as_array().unwrap().contains(&"10.20.30.50".into()), "{desk}");
    let json: Value = serde_json::from_str(&hosts(&["-o", "json"]).stdout).unwrap();
    assert_eq!(json.as_array().unwrap(), &lines);
    let (human, csv) = (hosts(&[]).stdout, hosts(&["-o", "csv"]).stdout);
    for host in room.console.fleet().hosts() {
        assert!(human.contains(&host.id) && csv.contains(&host.id), "{}", host.id);
    }
    room.was_left_alone();
    assert_eq!(room.calls("Session.EndSession"), room.console.stats().logons(), "it signs out");
}

#[test]
fn a_large_fleet_is_listed_whole_though_its_session_ends_in_between() {
    for faults in
        ["", "[[fault]]\nendpoint = \"chunks\"\nnth = 3\ndo = \"end_session\"\n", "kaspersky.chunk_cap = 70\n"]
    {
        let room = Ksc::new(1_050, faults);
        let listed = room.env.run(["hosts", "--vendor", "kaspersky", "--plain"]).exits(0);
        let mut ids: Vec<&str> = listed.stdout.lines().collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 1_050, "{faults}");
    }
}

#[test]
fn every_output_format_tells_the_same_of_a_run() {
    let room = Ksc::new(2, "");
    let run = |verb: &str, format: &str| {
        room.env.run([verb, "--vendor", "kaspersky", "--yes", "-o", format, "hosts.txt"]).exits(0)
    };
    let human = run("isolate", "human");
    for words in ["accepted", "Kaspersky Security Center", "next: edrctl undo "] {
        assert!(human.stdout.contains(words), "`{words}`\n{human}");
    }
    let json: Value = serde_json::from_str(&run("unisolate", "json").stdout).unwrap();
    assert_eq!((&json["vendor"], &json["summary"]["outcomes"]["accepted"]), (&"kaspersky".into(), &2.into()), "{json}");
    let csv = run("isolate", "csv").stdout;
    assert_eq!(
        csv.lines().filter(|line| line.contains(",kaspersky,isolate,") && line.contains(",accepted,")).count(),
        2
    );
}

#[test]
fn the_way_back_of_an_isolation_by_task_is_told_and_works() {
    let room = Ksc::new(2, "");
    let output =
        room.env.run(["ksc-task", "isolateHost", "--action", "on", "--yes", "--wait=30s", "hosts.txt"]).exits(0);
    assert_eq!(room.console.fleet().isolated(), 2, "{output}");
    let next = output.stdout.lines().find_map(|line| line.trim().strip_prefix("next: edrctl undo "));
    let next = next.unwrap_or_else(|| panic!("no way back is told\n{output}"));
    let command = next.split("  #").next().unwrap();
    let words: Vec<&str> = ["undo"].into_iter().chain(command.split(' ')).chain(["--yes", "--wait=30s"]).collect();
    room.env.run(words).exits(0);
    assert_eq!(room.console.fleet().isolated(), 0, "{next}");
}

#[test]
fn check_proves_the_console_and_tells_it_in_words_and_in_json() {
    let room = Ksc::new(7, "");
    let human = room.env.run(["check", "kaspersky"]).exits(0);
    for words in [
        "kaspersky: good",
        "Kaspersky Security Center",
        "7 hosts",
        "a Web Console is connected",
        room.console.inner().base_url(),
    ] {
        assert!(human.stdout.contains(words), "`{words}`\n{human}");
    }
    let checked = room.env.run(["check", "kaspersky", "-o", "jsonl"]).exits(0).result();
    assert_eq!(
        (&checked["vendor"], &checked["console"]),
        (&"kaspersky".into(), &room.console.inner().base_url().into())
    );
    room.was_left_alone();
    assert_eq!(room.calls("Session.EndSession"), room.console.stats().logons());
    TestEnv::new().run(["check", "kaspersky", "--simulate"]).exits(0);
}

#[test]
fn check_tells_why_an_account_is_not_let_in_and_asks_once() {
    let room = Ksc::new(1, "kaspersky.mfa = true\n");
    let output = room.env.run(["check", "kaspersky"]).exits(4);
    assert!(output.stderr.contains("two-step verification"), "{output}");
    assert_eq!(room.console.stats().total(), 1, "{output}");

    let mut room = Ksc::new(1, "kaspersky.lock_after = 1\n");
    room.set("EDRCTL_KASPERSKY_PASSWORD", "wrong");
    room.env.run(["check", "kaspersky"]).exits(4);
    room.room.env = {
        let env = TestEnv::new();
        env.configure(&room.console);
        env
    };
    let output = room.env.run(["check", "kaspersky"]).exits(4);
    assert!(output.stderr.contains("the account is blocked"), "{output}");
    assert_eq!(room.console.stats().total(), 2, "{output}");
    room.console.inner().unlock();
    room.env.run(["check", "kaspersky"]).exits(0);
}

#[test]
fn a_console_that_is_gone_or_is_another_port_is_told_before_anything_is_sent() {
    let mut room = Ksc::new(1, "");
    room.room.console.stop();
    room.isolate(&[]).exits(4);
    assert!(room.env.journals().is_empty());
}

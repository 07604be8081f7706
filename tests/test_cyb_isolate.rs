//! `isolate`, `unisolate`, `status`, `hosts` and `check` through Cybereason: the fleet's true state first.

use edrctl::simulator::faults::Endpoint;
use serde_json::Value;

use crate::support::{Cyb, TestEnv};

#[test]
fn isolate_cuts_exactly_the_listed_hosts_off_and_unisolate_puts_them_back() {
    let room = Cyb::new(6, "");
    let ids: Vec<String> = room.console.fleet().hosts().iter().take(3).map(|host| host.id.clone()).collect();
    let output = room.isolate_list(&ids.join("\n"), &["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3)].into(), "{output}");
    assert_eq!(room.isolated(), ids);
    assert_eq!(room.asked(Endpoint::IsolateSensors), 1, "one request for all of them");
    let output =
        room.env.run(["unisolate", "--vendor", "cybereason", "--yes", "--wait=30s", "-o", "jsonl", "list.txt"]);
    assert_eq!(output.exits(0).outcomes(), [("confirmed".to_owned(), 3)].into());
    assert_eq!((room.isolated().len(), room.asked(Endpoint::ReleaseSensors)), (0, 1));
    room.env.run(["runs", "verify"]).exits(0);
    assert_eq!(room.asked(Endpoint::Session), 2, "both runs sign out");
}

#[test]
fn ten_thousand_sensors_are_isolated_in_a_hundred_requests() {
    let room = Cyb::new(10_000, "");
    let output = room.isolate(&["--wait=2m"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 10_000)].into());
    assert_eq!(room.isolated().len(), 10_000);
    assert_eq!(room.asked(Endpoint::IsolateSensors), 100);
    let sensors = room.asked(Endpoint::Sensors);
    assert!(sensors <= 80, "{sensors} queries for sensors");
    for host in room.console.fleet().hosts() {
        assert_eq!(host.puts, 1, "{host:?}");
    }
}

#[test]
fn ten_thousand_names_are_resolved_in_few_queries() {
    let room = Cyb::new(10_000, "");
    let names: Vec<String> = room.console.fleet().hosts().iter().map(|host| host.name.clone()).collect();
    room.env.file("names.txt", names.join("\n"));
    let output = room.env.run(["isolate", "--vendor", "cybereason", "--dry-run", "-o", "jsonl", "names.txt"]).exits(0);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 10_000)].into());
    assert!(room.asked(Endpoint::Sensors) <= 40, "{} queries", room.asked(Endpoint::Sensors));
    room.was_left_alone();
}

#[test]
fn confirmation_takes_one_query_a_round() {
    let room = Cyb::plain(300, "cybereason.rate = 0\nconfirm = [{ after = '300ms' }]\n");
    let output = room.isolate(&["--wait=1m"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 300)].into());
    // The check, the plan, and a look each round.
    let sensors = room.asked(Endpoint::Sensors);
    assert!((2..=6).contains(&sensors), "{sensors}");
    assert_eq!(room.asked(Endpoint::IsolateSensors), 3);
}

#[test]
fn what_is_so_already_is_told_and_not_sent() {
    let room = Cyb::new(4, "");
    let ids: Vec<String> = room.console.fleet().hosts().iter().take(2).map(|host| host.id.clone()).collect();
    room.isolate_list(&ids.join("\n"), &["--wait=30s"]).exits(0);
    let output = room.isolate(&["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("already".to_owned(), 2), ("confirmed".to_owned(), 2)].into(), "{output}");
    for host in room.console.fleet().hosts() {
        assert_eq!(host.puts, 1, "{host:?}");
    }
}

#[test]
fn without_a_wait_a_host_is_accepted_and_a_resumed_run_proves_it() {
    let room = Cyb::new(3, "");
    let output = room.isolate(&[]).exits(0);
    assert_eq!(output.outcomes(), [("accepted".to_owned(), 3)].into(), "{output}");
    let output = room.resume(&["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3)].into(), "{output}");
    assert_eq!(room.asked(Endpoint::IsolateSensors), 1, "nothing is sent twice");
}

#[test]
fn status_reads_states_and_changes_nothing() {
    let room = Cyb::new(5, "");
    let hosts = room.console.fleet().hosts();
    room.isolate_list(&hosts[0].id, &["--wait=30s"]).exits(0);
    room.env.file("list.txt", format!("{}\n{}\nnobody\n", hosts[0].id, hosts[1].name));
    let status = room.env.run(["status", "--vendor", "cybereason", "-o", "jsonl", "list.txt"]).exits(6);
    let state = |target: &str| {
        let results = status.results();
        results.iter().find(|result| result["target"] == target).unwrap()["state"].clone()
    };
    assert_eq!((state(&hosts[0].id), state(&hosts[1].name)), ("isolated".into(), "not_isolated".into()), "{status}");
    assert_eq!(state("nobody"), Value::Null);
    assert_eq!(room.asked(Endpoint::IsolateSensors), 1, "that was before");
}

#[test]
fn hosts_lists_every_host_in_every_format() {
    let room = Cyb::new(2_345, "");
    let hosts = |more: &[&str]| room.env.run(["hosts", "--vendor", "cybereason"].iter().chain(more)).exits(0);
    let lines = hosts(&["-o", "jsonl"]).results();
    assert_eq!(lines.len(), 2_345);
    let first = &room.console.fleet().hosts()[0];
    let told = lines.iter().find(|line| line["id"] == *first.id).unwrap();
    assert_eq!(told["state"], "not_isolated", "{told}");
    assert_eq!(told["domain"], "corp.example", "{told}");
    assert!(told["addresses"][0].is_string() && told["macs"][0].is_string() && told["last_seen"].is_string(), "{told}");
    let plain = hosts(&["--plain"]).stdout;
    room.env.file("all.txt", &plain);
    let dry = room.env.run(["isolate", "--vendor", "cybereason", "--dry-run", "-o", "jsonl", "all.txt"]).exits(0);
    assert_eq!(dry.outcomes()["not_sent"], 2_345);
    room.was_left_alone();
}

#[test]
fn check_names_tenant_and_version() {
    let room = Cyb::new(7, "");
    let human = room.env.run(["check", "cybereason"]).exits(0);
    for words in ["cybereason: good", "version 23.2.110", "acme", "7 sensors", "password"] {
        assert!(human.stdout.contains(words), "`{words}`\n{human}");
    }
    let json: Value =
        serde_json::from_str(&room.env.run(["check", "cybereason", "-o", "json"]).exits(0).stdout).unwrap();
    assert_eq!(json["vendor"], "cybereason");
    room.was_left_alone();
    assert_eq!(room.asked(Endpoint::Session), 2, "it signs out");
}

#[test]
fn a_rehearsal_needs_no_tenant() {
    let env = TestEnv::new();
    env.file("list.txt", "ws-001\nws-002.corp.example\n10.20.0.99\nPYLUMCLIENT_ACME_DB-1_0050568A0001\n");
    let output =
        env.run(["isolate", "--vendor", "cybereason", "--simulate", "--wait=30s", "-o", "jsonl", "list.txt"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 4)].into(), "{output}");
    let output =
        env.run(["unisolate", "--vendor", "cybereason", "--simulate", "--wait=30s", "-o", "jsonl", "list.txt"]);
    assert_eq!(output.exits(0).outcomes(), [("confirmed".to_owned(), 4)].into());
}

#[test]
fn what_isolated_hosts_may_still_reach_is_told_with_the_plan() {
    let rules = "[[cybereason.rule]]\naddress = '10.0.0.5'\nport = 443\ndirection = 'OUTGOING'\n\
                 [[cybereason.rule]]\ndomain = 'patch.corp.example'\n";
    let room = Cyb::new(2, rules);
    let dry = room.env.run(["isolate", "--vendor", "cybereason", "--dry-run", "hosts.txt"]).exits(0);
    for words in ["may still reach 10.0.0.5 (port 443, outgoing)", "may still reach patch.corp.example (any port)"] {
        assert!(dry.stderr.contains(words), "`{words}`\n{dry}");
    }
    let closed = Cyb::new(2, "cybereason.rules_readable = false\n");
    let output = closed.isolate(&["--wait=30s"]).exits(0);
    assert!(output.stderr.contains("what isolated hosts may still reach could not be read"), "{output}");
    assert_eq!(closed.isolated().len(), 2, "it is a caution and no more");
}

//! Bad days at a Security Center: sessions that end, credentials that are refused, connections that are cut, a console that
//! is busy or denies; and each host's task still exactly once.

use std::process::Stdio;

use edrctl::simulator::faults::Endpoint;
use serde_json::json;

use crate::support::{Ksc, PlayedKsc, side_by_side, wait_until};

fn fault(endpoint: &str, rest: &str) -> String {
    format!("[[fault]]\nendpoint = \"{endpoint}\"\n{rest}\n")
}

#[test]
fn each_host_gets_one_incident_that_is_released_once_over_no_more_connections_than_workers() {
    for workers in [1, 4, 16] {
        let room = Ksc::new(40, "latency = '5ms'\n");
        let output = room.isolate(&["--concurrency", &workers.to_string(), "--wait=30s"]).exits(0);
        room.assert_each_carried_out_once("isolateHost", &format!("{workers} workers"));
        assert_eq!(room.writes(), (40, 40), "{output}");
        assert!(room.incidents().iter().all(|incident| incident.updates == 1));
        let stats = room.console.stats();
        assert!(stats.connections() <= workers && stats.most_in_flight() <= workers, "{workers}: {stats:?}");
        assert_eq!(stats.logons(), stats.connections(), "a session a connection");
        assert_eq!(room.calls("Session.EndSession"), stats.logons(), "and each is ended");
    }
}

#[test]
fn a_session_that_ends_in_the_middle_is_renewed_once() {
    let room = Ksc::new(80, "latency = '20ms'\n");
    let child = room.command(&["--concurrency", "4"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some incidents", || room.incidents().len() >= 15);
    let before = room.console.stats().logons();
    room.console.inner().end_sessions();
    let output = room.env.finish(child).exits(0);
    room.assert_each_carried_out_once("isolateHost", "sessions ended");
    assert_eq!((before, room.console.stats().logons()), (4, 8), "{output}");
    assert_eq!(room.incidents().len(), 80);
}

#[test]
fn a_session_that_is_idle_for_too_long_is_renewed_while_hosts_are_awaited() {
    let faults = "kaspersky.session_idle = '600ms'\nkaspersky.result = [{ state = 'finished', after = '4s' }]\n";
    let room = Ksc::new(3, faults);
    let output = room.isolate(&["--wait=30s", "--concurrency", "2"]).exits(0);
    room.assert_each_carried_out_once("isolateHost", "idle sessions");
    assert_eq!(output.outcomes()["confirmed"], 3);
    assert!(room.console.stats().logons() > 2, "{output}");
}

#[test]
fn a_session_that_ends_at_a_call_costs_no_host_its_task() {
    for endpoint in ["add_incident", "update_incident", "tasks", "find_hosts", "chunks"] {
        let room = Ksc::new(4, &fault(endpoint, "nth = 2\ndo = \"end_session\""));
        let list: String = room.console.fleet().hosts().iter().map(|host| format!("{}\n", host.name)).collect();
        let output = room.isolate_list(&list, &["--wait=30s"]).exits(0);
        room.assert_each_carried_out_once("isolateHost", endpoint);
        assert_eq!(room.incidents().len(), 4, "{endpoint}\n{output}");
    }
}

#[test]
fn a_wrong_password_is_shown_to_the_console_once_however_many_hosts_wait() {
    let mut room = Ksc::new(100, "");
    room.set("EDRCTL_KASPERSKY_PASSWORD", "not the one");
    for args in [
        &["isolate", "--vendor", "kaspersky", "--yes", "--concurrency", "64", "hosts.txt"][..],
        &["ksc-task", "getFile", "--path", r"C:\a", "--yes", "--concurrency", "64", "hosts.txt"],
        &["check", "kaspersky"],
        &["hosts", "--vendor", "kaspersky"],
    ] {
        let before = room.console.stats().logons_refused();
        let output = room.env.run(args).exits(4);
        assert_eq!(room.console.stats().logons_refused() - before, 1, "{args:?}\n{output}");
        assert!(output.stderr.contains("EDRCTL_KASPERSKY_PASSWORD"), "{output}");
    }
    room.was_left_alone();
    assert_eq!((room.console.stats().total(), room.console.stats().logons()), (4, 0));
    assert!(room.env.journals().is_empty());
}

#[test]
fn a_password_that_is_changed_in_the_middle_is_shown_once_and_stops_the_run() {
    let room = Ksc::new(100, &format!("latency = '20ms'\n{}", fault("logon", "after = 8\ndo = { status = 401 }")));
    let child = room.command(&["--concurrency", "8"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some incidents", || room.incidents().len() >= 30);
    assert_eq!(room.console.stats().logons(), 8);
    room.console.inner().end_sessions();
    let output = room.env.finish(child).exits(7);
    assert_eq!(room.console.stats().requests("POST", Endpoint::Logon), 9, "one more, and no other\n{output}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    assert!(room.incidents().len() < 100);
    room.verify();
}

#[test]
fn credentials_that_are_revoked_stop_the_run() {
    let room = Ksc::new(60, &format!("latency = '10ms'\n{}", fault("add_incident", "after = 6\ndo = \"revoke\"")));
    let output = room.isolate(&["--concurrency", "4"]).exits(7);
    assert_eq!(room.incidents().len(), 6, "{output}");
    assert!(output.outcomes()["not_sent"] >= 50, "{output}");
    assert!(room.console.stats().logons_refused() <= 1);
    assert!(room.calls("HostGroup.AddIncident") <= 6 + 4);
    room.verify();
}

#[test]
fn connections_that_are_cut_leave_each_host_with_one_task() {
    let deeds = [
        "\"cut_after\"",
        "\"cut_before\"",
        "\"reset\"",
        "\"half_body\"",
        "\"garbage\"",
        "{ html = 502 }",
        "{ status = 500 }",
        "{ status = 503 }",
    ];
    let cases = ["add_incident", "update_incident", "find_incidents", "tasks"]
        .into_iter()
        .flat_map(|endpoint| deeds.map(|deed| (endpoint, deed)));
    side_by_side(cases, |(endpoint, deed)| {
        let first = if endpoint == "find_incidents" {
            fault("add_incident", "per_host = true\nnth = 1\ndo = \"cut_after\"")
        } else {
            String::new()
        };
        let when = format!("{deed} at {endpoint}");
        // How many tasks there are is asked before the run, and three bad answers in a row end that.
        let times = if endpoint == "tasks" { 2 } else { 3 };
        let room = Ksc::new(3, &format!("{first}{}", fault(endpoint, &format!("times = {times}\ndo = {deed}"))));
        let output = room.isolate(&["--wait=40s"]).exits(0);
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3)].into(), "{when}\n{output}");
        room.assert_each_carried_out_once("isolateHost", &when);
        room.verify();
    });
}

#[test]
fn silence_after_the_deed_is_looked_into_and_not_answered_with_a_second_task() {
    for endpoint in ["add_incident", "update_incident"] {
        let room = Ksc::new(2, &fault(endpoint, "times = 2\ndo = \"silence_after\""));
        room.env.add_config("timeout = \"1s\"");
        room.isolate(&["--wait=30s"]).exits(0);
        room.assert_each_carried_out_once("isolateHost", endpoint);
        assert_eq!(room.incidents().len(), 2);
    }
}

#[test]
fn a_busy_console_is_asked_again_later() {
    // Each host meets it at its incident and at the release, and so do some of the polls.
    let busy = |endpoint: &str, more: &str| fault(endpoint, &format!("{more}\ndo = {{ status = 503 }}"));
    let faults = [
        busy("add_incident", "per_host = true\nnth = 1"),
        busy("update_incident", "per_host = true\nnth = 1"),
        busy("tasks", "after = 8\ntimes = 10"),
    ];
    let room = Ksc::new(20, &faults.concat());
    room.isolate(&["--wait=60s"]).exits(0);
    room.assert_each_carried_out_once("isolateHost", "bursts of 503");
}

#[test]
fn maintenance_is_waited_for() {
    let room = Ksc::new(3, "kaspersky.maintenance = '200ms'\n");
    room.isolate(&["--wait=30s"]).exits(0);
    room.assert_each_carried_out_once("isolateHost", "maintenance");
    for endpoint in ["add_incident", "update_incident", "tasks"] {
        let room = Ksc::new(3, &fault(endpoint, "times = 2\ndo = { error = \"KLSTD 1195 1\" }"));
        room.isolate(&["--wait=30s"]).exits(0);
        room.assert_each_carried_out_once("isolateHost", endpoint);
    }
}

#[test]
fn a_console_that_denies_is_believed_and_not_asked_again() {
    for faults in [fault("add_incident", "do = { error = \"KLSTD 1184\" }"), "kaspersky.rights = 'read'\n".to_owned()] {
        let room = Ksc::new(3, &faults);
        let output = room.isolate(&[]).exits(6);
        assert!(room.incidents().is_empty());
        assert_eq!(room.writes(), (3, 0), "{output}");
        assert!(
            output.results().iter().all(|one| one["outcome"] == "failed" && one["reason_code"] == "forbidden"),
            "{output}"
        );
        assert!(output.stdout.contains("KLSTD 1184"), "{output}");
    }
    let room = Ksc::new(3, "kaspersky.rights = 'none'\n");
    room.isolate(&[]).exits(4);
    room.was_left_alone();
}

#[test]
fn an_incident_that_cannot_be_released_is_told_and_not_added_a_second_time() {
    let room = Ksc::new(2, &fault("update_incident", "do = { error = \"KLSTD 1193\" }"));
    let output = room.isolate(&[]).exits(6);
    assert_eq!(room.incidents().len(), 2, "{output}");
    assert!(room.tasks().is_empty());
    for result in output.results() {
        assert_ne!(result["outcome"], "accepted", "{result}");
        assert!(result["reason"].as_str().unwrap().contains("created but not released"), "{result}");
    }
}

#[test]
fn a_doubt_that_no_look_can_settle_stays_one() {
    let faults = format!(
        "{}{}",
        fault("add_incident", "do = \"cut_after\""),
        fault("find_incidents", "do = { error = \"KLSTD 1184\" }")
    );
    let room = Ksc::new(2, &faults);
    let output = room.isolate(&[]).exits(6);
    assert_eq!(output.outcomes(), [("in_doubt".to_owned(), 2)].into(), "{output}");
    assert_eq!((room.incidents().len(), room.writes()), (2, (2, 0)), "nothing is sent a second time");
    room.verify();
}

#[test]
fn a_limit_of_the_console_is_told_in_its_words() {
    let room = Ksc::new(1, "kaspersky.body_limit = 50\n");
    let output = room.isolate(&[]).exits(6);
    assert!(output.result()["reason"].as_str().unwrap().contains("KLSTD 1229"), "{output}");
    assert_eq!(room.writes(), (1, 0));
}

#[test]
fn an_incident_without_a_number_is_looked_for() {
    let room = PlayedKsc::new(|method, _| (method == "HostGroup.AddIncident").then(|| (200, json!({}))));
    let output = room.isolate(&[]);
    assert!(room.arguments("HostGroup.UpdateIncident").is_empty(), "{output}");
    assert!(!room.arguments("HostGroup.FindIncidents").is_empty(), "{output}");
    assert!(matches!(output.code, Some(6 | 7)), "{output}");
}

#[test]
fn somebody_elses_incident_for_the_same_host_is_not_taken_for_ours() {
    let room = Ksc::new(2, &fault("add_incident", "after = 2\ntimes = 2\ndo = \"cut_before\""));
    // Another run of the same task, of just now.
    room.isolate(&["--wait=30s"]).exits(0);
    let output = room.isolate(&["--wait=30s"]).exits(0);
    assert_eq!(room.incidents().len(), 4, "{output}");
    for host in room.console.fleet().hosts() {
        assert_eq!(room.console.fleet().executed(&host.id), ["isolateHost", "isolateHost"], "{output}");
    }
}

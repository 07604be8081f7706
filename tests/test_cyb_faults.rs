//! What Cybereason answers for single sensors, and bad days: what is told is what is true.

use edrctl::simulator::faults::Endpoint;

use crate::support::{Cyb, wait_until};

/// What is different of the first host of a room.
fn of_first(room: &Cyb, faults: &str) -> Cyb {
    let first = room.console.fleet().hosts()[0].id.clone();
    Cyb::new(4, &format!("[[cybereason.sensor]]\nhosts = ['{first}']\n{faults}"))
}

fn with_first(faults: &str) -> (Cyb, String) {
    let room = of_first(&Cyb::new(4, ""), faults);
    let first = room.console.fleet().hosts()[0].id.clone();
    (room, first)
}

#[test]
fn an_id_that_the_answer_leaves_out_is_in_doubt_until_a_look_settles_it() {
    let (room, first) = with_first("answer = ''\ntimes = 1\n");
    let output = room.isolate(&["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 4)].into(), "{output}");
    assert!(room.isolated().contains(&first));
}

#[test]
fn a_word_that_is_not_known_is_no_success() {
    let (room, _) = with_first("answer = 'Frobnicated'\ntimes = 1\n");
    let output = room.isolate(&["--wait=30s", "-v"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 4)].into(), "{output}");
    assert!(output.stderr.contains("Frobnicated"), "{output}");
    assert_eq!(room.isolated().len(), 4);
}

#[test]
fn what_is_under_way_is_awaited_and_never_asked_for_again() {
    for word in ["Pending", "Started", "InProgress"] {
        let (room, first) = with_first(&format!("answer = '{word}'\n"));
        let output = room.isolate(&[]).exits(0);
        assert_eq!(output.outcomes(), [("accepted".to_owned(), 4)].into(), "{word}: {output}");
        assert_eq!(room.asked(Endpoint::IsolateSensors), 1, "{word}: sent once");
        wait_until("the host to be isolated", || room.isolated().contains(&first));
        let (room, first) = with_first(&format!("answer = '{word}'\n"));
        let output = room.isolate(&["--wait=30s"]).exits(0);
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 4)].into(), "{word}: {output}");
        assert_eq!(room.asked(Endpoint::IsolateSensors), 1, "{word}: sent once");
        assert!(room.isolated().contains(&first), "{word}");
    }
    // What never arrives is never told as done, and is not sent again either.
    let first = Cyb::new(4, "").console.fleet().hosts()[0].id.clone();
    let never = format!("[[confirm]]\nhow = 'never'\n[[cybereason.sensor]]\nhosts = ['{first}']\nanswer = 'Pending'\n");
    let sticks = Cyb::plain(4, &format!("cybereason.rate = 0\n{never}"));
    let output = sticks.isolate(&["--wait=50ms"]).exits(6);
    assert!(output.results().iter().any(|result| result["target"] == *first && result["outcome"] == "unconfirmed"));
    assert_eq!(sticks.asked(Endpoint::IsolateSensors), 1);
}

#[test]
fn a_word_of_failure_is_told_as_failure_and_all_others_are_done() {
    for (word, code, outcome) in [
        ("Failed", "task_failed", "failed"),
        ("NotSupported", "not_capable", "failed"),
        ("Disconnected", "offline", "failed"),
        ("UnauthorizedUser", "forbidden", "failed"),
        ("UnknownProbe", "not_found", "unresolved"),
    ] {
        let (room, first) = with_first(&format!("answer = '{word}'\n"));
        let output = room.isolate(&["--wait=30s"]).exits(6);
        let results = output.results();
        let of_first = results.iter().find(|result| result["target"] == *first).unwrap();
        assert_eq!((&of_first["outcome"], &of_first["reason_code"]), (&outcome.into(), &code.into()), "{output}");
        assert!(of_first["reason"].as_str().unwrap().contains(word), "{output}");
        assert_eq!(output.outcomes()["confirmed"], 3, "{output}");
        assert_eq!((room.isolated().len(), room.isolated().contains(&first)), (3, false));
        assert_eq!(room.asked(Endpoint::IsolateSensors), 1, "{word}: it is not asked again");
    }
}

#[test]
fn a_success_that_never_shows_is_not_confirmed() {
    let room = Cyb::plain(3, "cybereason.rate = 0\n[[confirm]]\nhow = 'never'\n");
    let output = room.isolate(&["--wait=50ms"]).exits(6);
    assert_eq!(output.outcomes(), [("unconfirmed".to_owned(), 3)].into(), "{output}");
    assert_eq!(output.results()[0]["state"], "not_isolated", "{output}");
}

/// One host that was last seen long ago, one that was seen lately, one that is there.
const FLEET: &str = "hostname,last_seen\nold.corp.example,2020-01-01T00:00:00Z\nws.corp.example,2026-01-01T00:00:00Z\n\
                     here.corp.example,\n";

#[test]
fn a_host_that_is_offline_is_refused_unless_it_is_to_be_queued() {
    let room = Cyb::of(FLEET, "cybereason.offline_answer = 'Succeeded'\n");
    let output = room.isolate(&["--wait=30s"]).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1), ("refused".to_owned(), 2)].into(), "{output}");
    let results = output.results();
    let refused = results.iter().find(|result| result["outcome"] == "refused").unwrap();
    assert_eq!(refused["reason_code"], "offline", "{output}");
    assert!(refused["reason"].as_str().unwrap().contains("--queue-offline"), "{output}");
    for host in room.console.fleet().hosts() {
        assert_eq!(host.puts, u16::from(host.name.starts_with("here")), "{host:?}");
    }
    let output = room.unisolate(&["--queue-offline"]).exits(0);
    assert_eq!(output.outcomes(), [("accepted".to_owned(), 1), ("already".to_owned(), 2)].into(), "{output}");
    let output = room.isolate(&["--queue-offline", "--wait=50ms"]).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1), ("unconfirmed".to_owned(), 2)].into(), "{output}");
    let output = room.env.run(["isolate", "--vendor", "cisco", "--queue-offline", "--simulate", "hosts.txt"]).exits(2);
    assert!(output.stderr.contains("--queue-offline"), "{output}");
}

#[test]
fn a_console_that_says_that_it_has_lost_touch_is_believed() {
    let room = Cyb::of(FLEET, "");
    let output = room.isolate(&["--queue-offline", "--wait=30s"]).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1), ("failed".to_owned(), 2)].into(), "{output}");
    assert_eq!(room.isolated().len(), 1);
}

#[test]
fn a_connection_that_is_cut_after_the_deed_is_looked_at() {
    let room = Cyb::new(250, "[[fault]]\nendpoint = 'isolate_sensors'\nnth = 2\ndo = 'cut_after'\n");
    let output = room.isolate(&["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 250)].into(), "{output}");
    assert_eq!(room.isolated().len(), 250);
}

#[test]
fn an_error_of_the_console_and_its_wish_for_patience_are_got_over() {
    for deed in ["{ status = 500 }", "{ html = 502 }", "'cut_before'", "'garbage'"] {
        let room = Cyb::new(120, &format!("[[fault]]\nendpoint = 'isolate_sensors'\nnth = 1\ndo = {deed}\n"));
        let output = room.isolate(&["--wait=30s"]).exits(0);
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 120)].into(), "{deed}: {output}");
    }
    let patient = "[[fault]]\nendpoint = 'isolate_sensors'\nnth = 1\ndo = { status = 429 }\nretry_after = '0s'\n";
    let room = Cyb::new(120, patient);
    let output = room.isolate(&["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 120)].into(), "{output}");
    assert_eq!(room.console.stats().throttled(), 1);
}

#[test]
fn a_run_that_is_killed_is_gone_on_with_and_every_host_is_isolated() {
    let rule = "[[fault]]\nendpoint = 'isolate_sensors'\nnth = 3\ndo = { delay = '1m' }\n";
    let room = Cyb::new(450, rule);
    let mut child = room
        .command(&["--concurrency", "1"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the third request", || room.asked(Endpoint::IsolateSensors) >= 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let output = room.resume(&["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 450)].into(), "{output}");
    assert_eq!(room.isolated().len(), 450);
    for host in room.console.fleet().hosts() {
        assert_eq!(host.puts_accepted, 1, "{host:?}");
    }
    room.verify();
}

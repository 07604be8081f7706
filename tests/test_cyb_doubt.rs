//! Cybereason on days on which its answers are half, spoilt or none: what is told is never more than what is known.

use edrctl::simulator::faults::Endpoint;

use crate::support::{Cyb, Output, wait_until};

#[test]
fn a_deed_whose_answer_is_spoilt_twice_is_not_called_unsent() {
    for (answer, outcome) in [("text", "confirmed"), ("elsewhere", "confirmed"), ("empty", "confirmed")] {
        let room = Cyb::new(3, &format!("cybereason.isolation_answer = '{answer}'\n"));
        let output = room.isolate(&[]);
        assert_eq!(room.isolated().len(), 3, "{answer}");
        assert_eq!(output.outcomes(), [(outcome.to_owned(), 3)].into(), "{answer}: {output}");
        assert!(!output.to_string().contains("role may not"), "{answer}: {output}");
    }
}

#[test]
fn what_a_look_finds_after_an_answer_without_content_is_ours() {
    let room = Cyb::new(2, "cybereason.isolation_answer = 'no_content'\n");
    let output = room.isolate(&[]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
}

#[test]
fn a_batch_that_failed_is_sent_again_as_one() {
    let room = Cyb::new(300, "[[fault]]\nendpoint = 'isolate_sensors'\nnth = 1\ndo = { status = 500 }\n");
    let output = room.isolate(&[]).exits(0);
    assert_eq!(output.outcomes(), [("accepted".to_owned(), 300)].into());
    let asked = room.asked(Endpoint::IsolateSensors);
    assert!((4..=5).contains(&asked), "{asked} requests for three batches, one of which failed once");
}

#[test]
fn a_password_that_the_console_quotes_is_hidden_however_it_is_written() {
    let mut room = Cyb::new(2, "cybereason.quotes_form = true\n");
    room.room.env.set("EDRCTL_CYBEREASON_PASSWORD", "p@ss w\"rd!/x");
    let output = room.isolate(&["-vv"]).exits(4);
    let told = output.to_string();
    assert!(told.contains("bad form"), "{told}");
    for part in ["p@ss", "p%40ss", "rd%21", "w%22"] {
        assert!(!told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_code_that_is_asked_for_behind_a_redirect_is_given() {
    let room = Cyb::new(2, "cybereason.totp = true\ncybereason.totp_late = true\n");
    let output = room.isolate(&[]).exits(0);
    assert_eq!(output.outcomes(), [("accepted".to_owned(), 2)].into(), "{output}");
    assert_eq!(room.console.stats().logons_refused(), 0);
}

#[test]
fn a_list_that_does_not_end_ends_for_us() {
    let room = Cyb::new(30, "cybereason.endless = true\ncybereason.page_size = 10\n");
    let output = room.env.run(["hosts", "--vendor", "cybereason", "--plain"]);
    assert!(room.asked(Endpoint::Sensors) < 20, "{} requests", room.asked(Endpoint::Sensors));
    let all = output.code == Some(0) && output.stdout.lines().count() == 30;
    assert!(all || output.stderr.contains("does not end"), "{output}");
}

fn indicators(room: &Cyb, more: &[&str]) -> Output {
    room.env.run([&["indicators", "--vendor", "cybereason", "-o", "jsonl"], more].concat())
}

fn values(output: &Output) -> Vec<String> {
    output.results().iter().filter_map(|line| line["value"].as_str().map(str::to_owned)).collect()
}

#[test]
fn an_answer_without_some_of_the_consoles_servers_is_not_called_whole() {
    let room = Cyb::new(3, "cybereason.failed_servers = 2\n");
    let output = indicators(&room, &[]).exits(6);
    assert!(output.stderr.contains("2 of the console's servers did not answer"), "{output}");
    assert_eq!(output.results().last().unwrap()["complete"], false, "{output}");
    let malop = "cybereason.failed_servers = 1\n[[cybereason.malop]]\nid = '11.-42'\nnames = ['203.0.113.66']\n";
    let room = Cyb::new(3, malop);
    let output = room.env.run(["isolate", "--vendor", "cybereason", "--malop", "11.-42", "--yes"]).exits(4);
    assert!(output.stderr.contains("did not tell all machines"), "{output}");
    room.was_left_alone();
}

#[test]
fn one_failure_of_the_console_does_not_lose_what_was_guessed() {
    let rule = "[[fault]]\nendpoint = 'search'\nnth = 1\ndo = { status = 500 }\n";
    let room = Cyb::new(3, rule);
    let found = values(&indicators(&room, &["--route", "reputation"]).exits(0));
    assert!(found.contains(&"guess.hostile.example".to_owned()), "{found:?}");
    let refused = Cyb::new(3, "cybereason.guessed_direction = 'refused'\n");
    let output = indicators(&refused, &["--route", "reputation"]).exits(0);
    assert!(output.stderr.contains("direction it has guessed"), "{output}");
}

#[test]
fn a_console_that_knows_no_upper_bound_is_asked_without_and_what_is_cut_off_is_told() {
    let faults = "cybereason.unknown_filters = ['LessThan']\ncybereason.malops = 300\ncybereason.row_limit = 100\n";
    let room = Cyb::new(3, faults);
    let output = indicators(&room, &[]).exits(6);
    assert!(output.stderr.contains("up to a moment"), "{output}");
    assert!(values(&output).len() >= 90, "what came is told\n{output}");
}

#[test]
fn causes_that_stand_only_in_the_elements_are_read_there() {
    let room = Cyb::new(3, "[[cybereason.malop]]\nnames = ['203.0.113.9']\nunnamed = true\n");
    assert_eq!(values(&indicators(&room, &[]).exits(0)), ["203.0.113.9"]);
    let none = Cyb::new(3, "[[cybereason.malop]]\nnames = []\n");
    let output = indicators(&none, &[]).exits(6);
    assert!(output.stderr.contains("does not tell the causes"), "{output}");
}

#[test]
fn a_console_that_pages_its_queries_is_read_whole_all_the_same() {
    for pagination in [true, false] {
        let faults =
            format!("cybereason.pagination = {pagination}\ncybereason.malops = 300\ncybereason.row_limit = 100\n");
        let room = Cyb::new(3, &faults);
        assert_eq!(values(&indicators(&room, &[]).exits(0)).len(), 300, "{pagination}");
    }
}

/// A MalOp of the antivirus on these hosts.
fn antivirus(hosts: u32, faults: &str, more: &str) -> Cyb {
    let names: Vec<String> =
        Cyb::new(2, "").console.fleet().hosts().iter().map(|host| format!("'{}'", host.name)).collect();
    let malop =
        format!("[[cybereason.malop]]\nid = 'AAAA0000bbbb_-11'\nepp = true\nmachines = [{}]\n", names.join(", "));
    // Others stand before it in the list, more than an answer of it has.
    Cyb::new(hosts, &format!("cybereason.malops = 70\n{faults}{malop}{more}"))
}

const MALOP: [&str; 7] = ["isolate", "--vendor", "cybereason", "--malop", "AAAA0000bbbb_-11", "--yes", "-o"];

#[test]
fn a_malop_of_the_antivirus_leads_to_its_machines_on_newer_and_older_consoles() {
    for faults in ["", "cybereason.managed_malops = false\n"] {
        let room = antivirus(5, faults, "");
        let output = room.env.run([&MALOP[..], &["jsonl"]].concat()).exits(0);
        assert_eq!(output.outcomes(), [("accepted".to_owned(), 2)].into(), "{faults}: {output}");
        let mut expected: Vec<String> =
            room.console.fleet().hosts().iter().take(2).map(|host| host.id.clone()).collect();
        expected.sort();
        let mut isolated: Vec<String> = room.isolated();
        isolated.sort();
        // They are isolated a moment after the request.
        wait_until("both hosts", || room.isolated().len() == 2);
        if isolated.len() == 2 {
            assert_eq!(isolated, expected, "{faults}");
        }
        assert!(room.console.fleet().hosts().iter().skip(2).all(|host| host.puts == 0), "{faults}: no other host");
    }
}

#[test]
fn a_machine_of_a_malop_that_cannot_be_asked_for_is_not_left_out_in_silence() {
    for stray in ["PYLUMCLIENT_ACME_WS 1_0050568A0001", "PYLUMCLIENT_ACME_W\\u0007S_0050568A0001"] {
        let room = antivirus(5, "", &format!("stray_sensor = \"{stray}\"\n"));
        let output = room.env.run([&MALOP[..], &["jsonl"]].concat()).exits(5);
        assert!(output.stderr.contains("an id that cannot be used"), "{output}");
        assert!(!output.stderr.contains('\u{7}'), "{output}");
        room.was_left_alone();
    }
}

#[test]
fn an_analyst_finds_and_sees_hosts_as_machines() {
    let room = Cyb::new(9, "cybereason.role = 'analyst'\ncybereason.analyst_isolates = true\n");
    let hosts = room.console.fleet().hosts();
    let short = hosts[1].name.split('.').next().unwrap().to_lowercase();
    let mac = hosts[2].id.rsplit('_').next().unwrap().to_owned();
    let list = format!("{}\n{short}\nmac:{mac}\nnobody\n", hosts[0].id);
    let output = room.isolate_list(&list, &[]).exits(6);
    assert_eq!(output.outcomes(), [("accepted".to_owned(), 3), ("unresolved".to_owned(), 1)].into(), "{output}");
    wait_until("three hosts", || room.isolated().len() == 3);
    let mut isolated = room.isolated();
    isolated.sort();
    let mut expected: Vec<String> = hosts.iter().take(3).map(|host| host.id.clone()).collect();
    expected.sort();
    assert_eq!(isolated, expected);
    let status = room.env.run(["status", "--vendor", "cybereason", "-o", "jsonl", "list.txt"]).exits(6);
    assert_eq!(status.results().iter().filter(|result| result["state"] == "isolated").count(), 3, "{status}");

    let listed = Cyb::new(9, "").env.run(["hosts", "--vendor", "cybereason", "-o", "jsonl"]).exits(0).results();
    let ip = listed.iter().find(|line| line["id"] == *hosts[4].id).unwrap()["addresses"][0].clone();
    let output = room.isolate_list(ip.as_str().unwrap(), &[]).exits(0);
    assert_eq!(output.result()["host"]["id"], *hosts[4].id, "{output}");

    let output = room.env.run(["hosts", "--vendor", "cybereason"]).exits(4);
    assert!(output.stderr.contains("role may not do this"), "{output}");
    let output = room.env.run(["check", "cybereason"]).exits(0);
    assert!(output.stdout.contains("may not list sensors"), "{output}");
}

#[test]
fn a_run_that_was_told_to_queue_is_gone_on_with_so() {
    use std::fmt::Write as _;
    let mut fleet = "hostname,last_seen\n".to_owned();
    for number in 0..250 {
        writeln!(fleet, "ws{number}.corp.example,2020-01-01T00:00:00Z").unwrap();
    }
    let rule = "[[fault]]\nendpoint = 'isolate_sensors'\nnth = 2\ndo = { delay = '1m' }\n";
    for queued in [true, false] {
        let online = if queued { "" } else { "[[cybereason.sensor]]\nstatus = 'online'\n" };
        let room = Cyb::of(&fleet, &format!("cybereason.offline_answer = 'Succeeded'\n{rule}{online}"));
        let option: &[&str] = if queued { &["--queue-offline"] } else { &[] };
        let mut child = room
            .command(&[&["--concurrency", "1"], option].concat())
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the second request", || room.asked(Endpoint::IsolateSensors) >= 2);
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = std::fs::read_to_string(room.env.only_journal()).unwrap();
        assert_eq!(kept.contains("\"queue_offline\""), queued, "the journal keeps it");
        if queued {
            let output = room.resume(&[]);
            assert!(!output.outcomes().contains_key("refused"), "{output}");
            let sent = room.console.fleet().hosts().iter().filter(|host| host.puts > 0).count();
            assert_eq!(sent, 250, "{output}");
        }
    }
}

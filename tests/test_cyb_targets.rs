//! Which sensors are found for what was written, however the console compares and counts.

use edrctl::simulator::faults::Endpoint;

use crate::support::Cyb;

/// What a dry run makes of a list: each target with its outcome.
fn planned(room: &Cyb, list: &str) -> crate::support::Output {
    room.env.file("list.txt", list);
    room.env.run(["isolate", "--vendor", "cybereason", "--dry-run", "-o", "jsonl", "list.txt"])
}

#[test]
fn a_host_is_found_by_every_name_that_it_has() {
    let room = Cyb::new(9, "");
    let hosts = room.console.fleet().hosts();
    let host = &hosts[4];
    let short = host.name.split('.').next().unwrap();
    let listed = room.env.run(["hosts", "--vendor", "cybereason", "-o", "jsonl"]).exits(0).results();
    let listed = listed.iter().find(|line| line["id"] == *host.id).unwrap();
    let (ip, mac) = (listed["addresses"][0].as_str().unwrap(), listed["macs"][0].as_str().unwrap());
    let sensor = format!("5f0c1a2b3c4d5e6f70819203:{}", host.id);
    let lower = host.id.to_lowercase();
    for target in [host.id.as_str(), &lower, &sensor, &host.name, short, &short.to_lowercase(), ip, mac] {
        let output = planned(&room, target).exits(0);
        assert_eq!(output.result()["host"]["id"], *host.id, "{target}: {output}");
    }
    let all = [host.id.as_str(), &sensor, &host.name, short, ip, mac].join("\n");
    let output = room.isolate_list(&all, &["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1)].into(), "{output}");
    assert_eq!(room.isolated(), std::slice::from_ref(&host.id));
}

#[test]
fn a_machine_that_is_kept_by_its_full_name_is_found_by_its_short_one() {
    let room = Cyb::new(20, "cybereason.full_names = true\n");
    let host = room.console.fleet().hosts()[7].clone();
    let short = host.name.split('.').next().unwrap();
    for target in [host.name.as_str(), short] {
        assert_eq!(planned(&room, target).exits(0).result()["host"]["id"], *host.id, "{target}");
    }
    // A part of a name is no name.
    let part = &short[..short.len() - 1];
    assert_eq!(planned(&room, part).exits(6).result()["outcome"], "unresolved");
}

#[test]
fn what_is_no_sensor_is_unresolved_and_a_damaged_id_is_a_mistake() {
    let room = Cyb::new(3, "");
    for target in ["nobody", "10.99.0.1", "PYLUMCLIENT_ACME_NOBODY_0050568AFFFF"] {
        let output = planned(&room, target).exits(6);
        assert_eq!(output.result()["outcome"], "unresolved", "{target}: {output}");
    }
    for target in ["PYLUMCLIENT_ACME_WS-1_0050568A00", "-1203040506.1198775089551518743"] {
        let output = planned(&room, target).exits(2);
        assert!(output.stderr.contains("list.txt") && output.stderr.contains("sensor"), "{target}: {output}");
    }
    room.was_left_alone();
}

const TWIN: &str = "[listing]\nduplicate_hostnames = 1\n";

#[test]
fn of_two_sensors_with_one_name_the_one_that_is_online_is_taken_and_that_is_told() {
    let room = Cyb::new(3, TWIN);
    let host = room.console.fleet().hosts()[0].clone();
    let output = room.isolate_list(&host.name, &["--wait=30s"]).exits(0);
    let result = output.result();
    assert_eq!(
        (&result["outcome"], &result["host"]["id"]),
        (&"confirmed".into(), &host.id.as_str().into()),
        "{output}"
    );
    assert!(result["note"].as_str().unwrap().contains("is offline, and was passed over"), "{output}");
    assert_eq!(room.isolated(), [host.id]);
}

#[test]
fn of_two_that_are_online_none_is_taken_and_both_are_shown() {
    let room = Cyb::new(3, &format!("{TWIN}[[cybereason.sensor]]\nstatus = 'online'\n"));
    let host = room.console.fleet().hosts()[0].clone();
    let output = room.isolate_list(&host.name, &[]).exits(6);
    let result = output.result();
    assert_eq!((&result["outcome"], &result["reason_code"]), (&"unresolved".into(), &"ambiguous".into()), "{output}");
    assert_eq!(result["candidates"].as_array().unwrap().len(), 2, "{output}");
    room.was_left_alone();
}

#[test]
fn a_sensor_that_was_put_away_is_no_host() {
    let away = "[[cybereason.sensor]]\nshare = 1.0\nstatus = 'archived'\n";
    let room = Cyb::new(3, away);
    let host = room.console.fleet().hosts()[0].clone();
    let output = room.isolate_list(&format!("{}\n{}", host.name, room.console.fleet().hosts()[1].id), &[]).exits(6);
    assert_eq!(output.outcomes(), [("unresolved".to_owned(), 2)].into(), "{output}");
    assert!(room.env.run(["hosts", "--vendor", "cybereason", "-o", "jsonl"]).exits(0).stdout.is_empty());
    room.was_left_alone();
}

#[test]
fn names_are_found_whether_offsets_count_pages_or_rows() {
    for counting in ["pages", "rows"] {
        for tells in [true, false] {
            let faults = format!(
                "cybereason.offset = '{counting}'\ncybereason.page_size = 40\ncybereason.tells_more = {tells}\n"
            );
            let room = Cyb::new(230, &faults);
            let names: Vec<String> = room.console.fleet().hosts().iter().map(|host| host.name.clone()).collect();
            let output = planned(&room, &names.join("\n")).exits(0);
            assert_eq!(output.outcomes(), [("not_sent".to_owned(), 230)].into(), "{faults}");
            let listed = room.env.run(["hosts", "--vendor", "cybereason", "--plain"]).exits(0);
            assert_eq!(listed.stdout.lines().count(), 230, "{faults}: {}", listed.stderr);
            assert!(!listed.stderr.contains("changed while"), "{faults}: {}", listed.stderr);
        }
    }
}

#[test]
fn names_are_found_whatever_filters_do() {
    for faults in [
        "cybereason.filters = 'any'\n",
        "cybereason.unknown_filters = ['EqualsIgnoreCase']\n",
        "cybereason.unknown_filters = ['machineName', 'NotEquals']\n",
        "cybereason.unknown_filters = ['internalIpAddress']\n",
        "cybereason.case_sensitive = false\n",
    ] {
        let room = Cyb::new(60, faults);
        let hosts = room.console.fleet().hosts();
        let listed = room.env.run(["hosts", "--vendor", "cybereason", "-o", "jsonl"]).exits(0).results();
        let ip = listed.iter().find(|line| line["id"] == *hosts[3].id).unwrap()["addresses"][0].clone();
        let list = format!("{}\n{}\n{}\nnobody\n", hosts[1].name, hosts[2].name.to_lowercase(), ip.as_str().unwrap());
        let output = planned(&room, &list).exits(6);
        let found: Vec<_> = output.results().iter().map(|result| result["host"]["id"].clone()).collect();
        let expected = [hosts[1].id.as_str().into(), hosts[2].id.as_str().into(), hosts[3].id.as_str().into()];
        for id in &expected {
            assert!(found.contains(id), "{faults}: {output}");
        }
        assert_eq!(output.outcomes(), [("not_sent".to_owned(), 3), ("unresolved".to_owned(), 1)].into(), "{faults}");
    }
}

#[test]
fn a_count_that_does_not_fit_what_came_is_told() {
    let room = Cyb::new(2_100, "cybereason.growing_total = true\n");
    let listed = room.env.run(["hosts", "--vendor", "cybereason", "--plain"]).exits(0);
    assert_eq!(listed.stdout.lines().count(), 2_100);
    assert!(listed.stderr.contains("changed while it was read"), "{}", listed.stderr);
}

#[test]
fn a_host_that_comes_while_the_list_is_read_is_not_missed() {
    let room = Cyb::new(1_500, "[listing]\ninsert_after_page = 1\n");
    let listed = room.env.run(["hosts", "--vendor", "cybereason", "--plain"]).exits(0);
    let mut ids: Vec<&str> = listed.stdout.lines().collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == 1_501 || listed.stderr.contains("changed while it was read"), "{}", listed.stderr);
}

#[test]
fn hosts_that_are_protected_are_left_alone_by_name_address_and_id() {
    let room = Cyb::new(6, "");
    let hosts = room.console.fleet().hosts();
    let short = hosts[0].name.split('.').next().unwrap();
    let listed = room.env.run(["hosts", "--vendor", "cybereason", "-o", "jsonl"]).exits(0).results();
    let ip = listed.iter().find(|line| line["id"] == *hosts[1].id).unwrap()["addresses"][0].clone();
    room.env.add_config(&format!("[safety]\nprotected = ['{short}', {ip}, '{}']", hosts[2].id));
    let output = room.isolate(&["--wait=30s"]).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3), ("refused".to_owned(), 3)].into(), "{output}");
    let isolated = room.isolated();
    assert!(hosts.iter().take(3).all(|host| !isolated.contains(&host.id)), "{isolated:?}");

    let domain = Cyb::new(2, "");
    domain.env.add_config("[safety]\nprotected = ['*.corp.example']");
    domain.isolate(&[]).exits(5);
    domain.was_left_alone();
}

#[test]
fn a_malop_brings_its_machines_and_no_others() {
    let room = with_malop(12, "");
    let hosts = room.console.fleet().hosts();
    let output = room.env.run([
        "isolate",
        "--vendor",
        "cybereason",
        "--malop",
        "11.-4200000000000000017",
        "--yes",
        "--wait=30s",
        "-o",
        "jsonl",
    ]);
    let output = output.exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
    assert!(output.stderr.contains("MalOp 11.-4200000000000000017: 2 hosts"), "{output}");
    let mut isolated = room.isolated();
    isolated.sort();
    let mut expected: Vec<String> = hosts.iter().take(2).map(|host| host.id.clone()).collect();
    expected.sort();
    assert_eq!(isolated, expected);
    assert_eq!(output.results()[0]["file"], "MalOp 11.-4200000000000000017", "{output}");
    let status =
        room.env.run(["status", "--vendor", "cybereason", "--malop", "11.-4200000000000000017", "-o", "jsonl"]);
    assert!(status.exits(0).results().iter().all(|result| result["state"] == "isolated"));
}

/// A room in which the first two hosts are in one MalOp, and another host is in another.
fn with_malop(hosts: u32, faults: &str) -> Cyb {
    let names: Vec<String> =
        Cyb::new(2, "").console.fleet().hosts().iter().map(|host| format!("'{}'", host.name)).collect();
    let malop = "[[cybereason.malop]]\nid = '11.-4200000000000000017'\nnames = ['203.0.113.66']\n";
    let other = "[[cybereason.malop]]\nid = 'abcdefghijklmnop'\nnames = ['bad.example']\nmachines = []\n";
    Cyb::new(hosts, &format!("{faults}{malop}machines = [{}]\n{other}", names.join(", ")))
}

#[test]
fn a_malop_that_is_none_is_a_mistake_and_one_without_machines_a_refusal() {
    let room = Cyb::new(2, "");
    let run = |id: &str| room.env.run(["isolate", "--vendor", "cybereason", "--malop", id, "--yes"]);
    for bad in ["x", "11.x", "../../etc", "\"}]}", "11.-42 00"] {
        assert!(run(bad).exits(2).stderr.contains("MalOp"), "{bad}");
    }
    let output = run("11.-99").exits(5);
    assert!(output.stderr.contains("knows no machine of a MalOp"), "{output}");
    assert_eq!(room.env.run(["isolate", "--vendor", "cisco", "--malop", "11.-42", "--yes"]).code, Some(3));
    room.was_left_alone();
}

#[test]
fn a_console_that_isolates_for_malops_only_says_so_and_is_given_one() {
    let room = with_malop(4, "cybereason.malop_id = 'required'\n");
    let output = room.isolate(&[]).exits(4);
    assert!(output.stderr.contains("--malop") || output.stdout.contains("--malop"), "{output}");
    assert_eq!(room.asked(Endpoint::IsolateSensors), 1, "{output}");
    let malop = ["isolate", "--vendor", "cybereason", "--malop", "11.-4200000000000000017", "--yes", "--wait=30s"];
    room.env.run(malop).exits(0);
    assert_eq!(room.isolated().len(), 2);
}

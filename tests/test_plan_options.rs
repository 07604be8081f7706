//! What is said when a plan is made holds when it is carried out.

use serde_json::json;

use crate::support::{Ksc, PROMPT, Place, Room, SWIFT, Wall, addresses, every_console, records};

#[test]
fn hosts_are_named_in_every_way_and_are_the_same_hosts_later() {
    for place in every_console(PROMPT) {
        let (vendor, env) = (place.vendor, &place.room.env);
        let hosts = place.room.console.fleet().hosts();
        let host = |n: usize| hosts.iter().find(|host| host.id == place.ids[n]).unwrap();
        let list = format!(
            "host,what\n{},a\nhost:{},b\n{},c\nid:{},d\n",
            host(0).name,
            host(1).name,
            place.ids[2],
            place.ids[0]
        );
        let planned = env.make_plan("isolate", vendor, &list, &["--column", "host"]).exits(0);
        assert_eq!(env.marked("will_act"), 3, "{vendor}: the fourth is the first\n{planned}");
        let plan = env.plan();
        let by = |n: usize| plan["targets"][n]["by"].as_str().unwrap().to_owned();
        assert_eq!([by(0), by(1), by(2)], ["host", "host", "id"], "{vendor}");
        assert_eq!(plan["targets"][0]["duplicates"][0]["line"], 5, "{vendor}: {plan:#}");
        env.apply(&["--wait=30s"]).exits(0);
        assert_eq!(place.off(), [0, 1, 2].into(), "{vendor}");
    }
}

#[test]
fn a_time_a_comment_and_an_allowance_go_with_the_plan() {
    for vendor in ["cisco", "apex", "kaspersky", "cybereason"] {
        let place = Place::new(vendor, SWIFT);
        let env = &place.room.env;
        env.add_config(&format!("[safety]\nprotected = [\"id:{}\"]\n", place.ids[1]));
        let list = format!("{}\n{}\n", place.ids[0], place.ids[1]);
        let more =
            ["--for", "4h", "--ticket", "INC-9", "--allow-protected", &place.ids[1], "--reason", "it is the source"];
        let planned = env.make_plan("isolate", vendor, &list, &more).exits(0);
        for words in ["4h later", "allowed although it is protected", "it is the source"] {
            assert!(planned.stdout.contains(words), "{vendor}: `{words}`\n{planned}");
        }
        env.apply(&[]).exits(0).says("although it is protected").says("it is the source");
        assert_eq!(place.off(), [0, 1].into(), "{vendor}");
        let header = &records(&env.only_journal())[0];
        let options = &header["options"];
        assert_eq!(options["for"], 14_400, "{vendor}: {options:#}");
        assert_eq!(options["allow_protected"], json!([place.ids[1]]), "{vendor}");
        assert_eq!(header["ticket"], "INC-9", "{vendor}");
        assert_eq!(options["plan"]["user"], env.plan()["plan"]["user"], "{vendor}");
    }
}

#[test]
fn limits_are_those_of_the_day_it_is_carried_out() {
    let room = Room::new(4, SWIFT);
    let list = room.console.guids();
    room.env.make_plan("isolate", "cisco", &list, &["--expect-count", "3"]).exits(5);
    assert!(!room.env.at("plan.json").exists());
    room.env.make_plan("isolate", "cisco", &list, &["--max-targets", "3"]).exits(5).says("`--max-targets` allows 3");
    room.env.make_plan("isolate", "cisco", &list, &["--expect-count", "4"]).exits(0);
    room.env.add_config("[safety]\nmax_targets = 3\n");
    room.env.apply(&[]).exits(5).says("safety.max_targets");
    room.env.make_plan("isolate", "cisco", &list, &[]).exits(5).says("safety.max_targets");
    room.console.was_left_alone();
    room.env.make_plan("isolate", "cisco", &list, &["--max-targets", "4"]).exits(0);
    room.env.apply(&[]).exits(0);
    room.assert_each_isolated_once();
}

#[test]
fn a_group_is_planned_as_the_hosts_that_were_in_it() {
    let ids: Vec<String> = (1..=3).map(|n| format!("11111111-1111-4111-8111-11111111110{n}")).collect();
    let rows: String =
        ids.iter().enumerate().map(|(n, id)| format!("{id},pc{n}.corp.example,10.1.0.{},Finance\n", n + 1)).collect();
    let room = Ksc::of(&format!("guid,hostname,ip,group\n{rows}"), "");
    let args = ["plan", "isolate", "--vendor", "kaspersky", "--group", "Finance", "--by", "host", "--out", "plan.json"];
    room.env.run(args).exits(0);
    let plan = room.env.plan();
    assert!(plan["targets"].as_array().unwrap().iter().all(|target| target["by"] == "id"), "{plan:#}");
    assert_eq!(room.env.marked("will_act"), 3);
    room.env.apply(&[]).exits(0);
    assert_eq!(room.asked().len(), 3);
    assert_eq!(records(&room.env.only_journal())[0]["targets"], 3);
}

#[test]
fn indicators_are_taken_out_again_so_long_after_they_were_put_in() {
    let mut wall = Wall::rest("");
    wall.room.env.set("__EDRCTL_NOW", "2026-11-28T08:00:00Z");
    wall.env.make_plan("block", "fortigate", &addresses(2), &["--for", "1h"]).exits(0);
    wall.room.env.set("__EDRCTL_NOW", "2026-11-28T08:30:00Z");
    wall.env.apply(&[]).exits(0);
    assert_eq!(records(&wall.env.only_journal())[0]["options"]["expires"], "2026-11-28T09:30:00.000Z");
    wall.room.env.set("__EDRCTL_NOW", "2026-11-28T09:29:00Z");
    wall.env.run(["expire", "--yes"]).exits(0);
    assert_eq!(wall.blocked().len(), 2);
    wall.room.env.set("__EDRCTL_NOW", "2026-11-28T09:31:00Z");
    wall.env.run(["expire", "--yes"]).exits(0);
    assert!(wall.blocked().is_empty());
    wall.env.make_plan("block", "fortigate", "203.0.113.0/25\n", &[]).exits(6);
    wall.env.make_plan("block", "fortigate", "203.0.113.0/25\n", &["--max-prefix", "25", "--max-new", "1"]).exits(0);
    wall.env.apply(&[]).exits(0);
    assert_eq!(wall.blocked().len(), 1);
}

#[test]
fn what_a_run_came_from_is_undone_like_any_other() {
    for place in every_console(PROMPT) {
        let (vendor, env) = (place.vendor, &place.room.env);
        env.make_plan("isolate", vendor, &format!("{}\n{}\n", place.ids[0], place.ids[1]), &[]).exits(0);
        let run = env.apply(&["--wait=30s"]).exits(0).run_name();
        place.back(&["undo", &run]).exits(0);
        assert!(place.off().is_empty(), "{vendor}");
        // It was carried out, whatever has become of it since.
        env.apply(&[]).exits(5).says(&run);
    }
}

#[test]
fn states_of_a_few_ids_are_read_without_the_whole_list() {
    let room = Room::new(5_000, SWIFT);
    let hosts = room.console.fleet().hosts();
    let ids: Vec<&str> = hosts.iter().rev().filter(|host| host.available).take(2).map(|host| &*host.id).collect();
    let list = format!("{}\n{}\n", ids[0], ids[1]);
    let before = room.console.stats().total();
    room.env.make_plan("isolate", "cisco", &list, &[]).exits(0);
    let requests = room.console.stats().total() - before;
    assert!(requests <= 5, "{requests} requests for two of five thousand hosts");
    let plan = room.env.plan();
    for target in plan["targets"].as_array().unwrap() {
        assert!(target["state"].is_string() && target["name"].is_string() && target["macs"].is_array(), "{target:#}");
    }
    room.env.apply(&[]).exits(0);
    assert_eq!(room.accepted(), 2);
}

#[test]
fn who_planned_and_who_agreed_is_told_afterwards() {
    let room = Room::new(2, SWIFT);
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    room.env.ssh_key("key", &["ed25519"], "bert@desk", "");
    room.env.approve("key", &[]).exits(0);
    room.env.apply(&["--approve-with", "key.pub"]).exits(0);
    let shown = room.env.run(["runs", "show"]).exits(0);
    let report = room.env.run(["report", "latest"]).exits(0);
    for output in [shown, report] {
        assert!(output.stdout.contains("bert@desk, SHA256:"), "{output}");
        assert!(output.stdout.contains(room.env.plan()["digest"].as_str().unwrap()), "{output}");
    }
}

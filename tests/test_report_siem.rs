//! `edrctl report --format ocsf|ecs`: events of every console's runs, held against the schemas that their owners publish.

use std::collections::BTreeSet;

use edrctl::simulator::Fleet;
use serde_json::Value;

use crate::support::{Apex, Console, Cyb, Ksc, Output, Room, TestEnv, Wall, judged};

/// The events of the newest run in one form.
fn events(env: &TestEnv, form: &str) -> Vec<Value> {
    let told: Output = env.run(["report", "latest", "--format", form]).exits(0);
    told.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Holds the newest run against both schemas; returns its events in both, and the classes of the first.
#[track_caller]
fn both(env: &TestEnv) -> (Vec<Value>, Vec<Value>, String) {
    let told = |form: &str| env.run(["report", "latest", "--format", form]).exits(0).stdout;
    let classes = judged("ocsf.py", &told("ocsf"));
    judged("ecs.js", &told("ecs"));
    (events(env, "ocsf"), events(env, "ecs"), classes.trim().to_owned())
}

#[test]
fn hosts_of_every_console_are_remedied_devices() {
    const PROMPT: &str = "confirm = [{ after = '20ms' }]\n";
    let cisco = Room::new(3, PROMPT);
    cisco.isolate(&["--wait=30s", "--ticket", "INC-1", "--comment", "why not"]).exits(0);
    isolated(&cisco.env, "cisco");
    cisco.unisolate(&["--wait=30s"]).exits(0);
    released(&cisco.env);
    let apex = Apex::new(3, PROMPT);
    apex.isolate(&["--wait=30s"]).exits(0);
    isolated(&apex.env, "apex");
    apex.unisolate(&["--wait=30s"]).exits(0);
    released(&apex.env);
    let ksc = Ksc::new(3, "");
    ksc.isolate(&["--wait=30s"]).exits(0);
    isolated(&ksc.env, "kaspersky");
    ksc.unisolate(&["--wait=30s"]).exits(0);
    released(&ksc.env);
    let cyb = Cyb::new(3, "");
    cyb.isolate(&["--wait=30s"]).exits(0);
    isolated(&cyb.env, "cybereason");
    cyb.unisolate(&["--wait=30s"]).exits(0);
    released(&cyb.env);
}

#[track_caller]
fn isolated(env: &TestEnv, vendor: &str) {
    let (ocsf, ecs, classes) = both(env);
    assert_eq!((ocsf.len(), ecs.len(), classes.as_str()), (3, 3, "[7001]"), "{vendor}");
    for event in &ocsf {
        assert_eq!((&event["type_uid"], &event["status"]), (&700_101.into(), &"Success".into()), "{event}");
        assert_eq!(event["countermeasures"][0]["d3f_technique"]["name"], "Network Isolation", "{event}");
        assert_eq!(event["unmapped"]["vendor"], vendor, "{event}");
        assert!(event["device"]["uid"].is_string(), "{event}");
    }
    for event in &ecs {
        assert_eq!(event["event"]["action"], "isolate");
        assert_eq!((&event["event"]["outcome"], &event["event"]["category"][0]), (&"success".into(), &"host".into()));
        assert_eq!(event["user"]["name"], "tester");
    }
    // The same event has the same name in both, and no other has it.
    let ids: BTreeSet<&str> = ocsf.iter().map(|event| event["metadata"]["uid"].as_str().unwrap()).collect();
    let theirs: BTreeSet<&str> = ecs.iter().map(|event| event["event"]["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), &ids), (3, &theirs));
}

#[track_caller]
fn released(env: &TestEnv) {
    let (ocsf, ..) = both(env);
    for event in ocsf {
        assert_eq!((&event["type_uid"], &event["activity_name"]), (&700_103.into(), &"Restore".into()), "{event}");
    }
}

#[test]
fn indicators_of_a_firewall_are_network_remediation() {
    for wall in [Wall::rest(""), Wall::ssh("")] {
        let list = "203.0.113.9\nbad.example\n2001:db8::9\n198.51.100.0/30\n10.0.0.1\n<script>.example\n";
        wall.block(list, &[]).exits(6);
        let (ocsf, ecs, classes) = both(&wall.env);
        assert_eq!((ocsf.len(), classes.as_str()), (6, "[7004]"));
        let of = |target: &str| ocsf.iter().find(|event| event["unmapped"]["target"] == target).unwrap().clone();
        let blocked = of("203.0.113.9");
        assert_eq!((&blocked["activity_name"], &blocked["status_id"]), (&"Isolate".into(), &1.into()), "{blocked}");
        assert_eq!(blocked["device"]["type"], "Firewall");
        assert_eq!(blocked["observables"][1]["type"], "IP Address");
        assert_eq!(of("198.51.100.0/30")["observables"][1]["type"], "Subnet");
        assert_eq!(of("bad.example")["observables"][1]["type"], "Hostname");
        assert_eq!(of("10.0.0.1")["status_code"], "private", "{}", of("10.0.0.1"));
        let event = ecs.iter().find(|event| event["edrctl"]["target"] == "203.0.113.9").unwrap();
        assert_eq!(event["threat"]["indicator"]["ip"], "203.0.113.9");
        assert_eq!(event["event"]["type"][0], "creation");
        assert_eq!(event["observer"]["type"], "firewall");
        wall.unblock("203.0.113.9\n", &[]).exits(0);
        let (ocsf, ecs, _) = both(&wall.env);
        assert_eq!(ocsf[0]["activity_name"], "Restore");
        assert_eq!(ecs[0]["event"]["type"][0], "deletion");
    }
}

#[test]
fn tasks_are_what_they_do_to_files_and_processes() {
    let room = Ksc::new(2, "");
    room.env.file("one.ioc", "<ioc id=\"1\"></ioc>");
    let exe = r"C:\Users\Public\x.exe";
    let tasks: [(&[&str], &str, &str); 5] = [
        (&["delete-file", "--path", exe], "[7002]", "Evict"),
        (&["quarantine-file", "--path", exe], "[7002]", "Isolate"),
        (&["terminate-process", "--path", exe], "[7001]", "Evict"),
        (&["get-file", "--path", exe], "[7001]", "getFile"),
        (&["ioc-scan", "--ioc", "one.ioc"], "[7001]", "Detect"),
    ];
    for (task, class, activity) in tasks {
        room.task(&[task, &["--wait=30s"]].concat()).exits(0);
        let (ocsf, ecs, classes) = both(&room.env);
        assert_eq!((classes.as_str(), &ocsf[0]["activity_name"]), (class, &activity.into()), "{task:?}");
        assert_eq!(ocsf[0]["actor"]["user"]["name"], "tester", "{task:?}");
        if class == "[7002]" {
            assert_eq!((&ocsf[0]["file"]["name"], &ecs[0]["file"]["path"]), (&"x.exe".into(), &exe.into()));
        }
    }
}

#[test]
fn only_what_is_proven_is_called_a_success() {
    let room = Room::new(4, "[[fault]]\nmethod = \"PUT\"\nnth = 1\ndo = { status = 409 }\n");
    room.isolate_list(&format!("{}nobody01\n", room.console.guids()));
    let (ocsf, ecs, _) = both(&room.env);
    for (event, other) in ocsf.iter().zip(&ecs) {
        let (status, outcome) = match event["unmapped"]["outcome"].as_str().unwrap() {
            "confirmed" | "already" => ("Success", "success"),
            "accepted" => ("accepted", "unknown"),
            "unresolved" => ("Does Not Exist", "failure"),
            "failed" => ("Failure", "failure"),
            word => panic!("{word}: {event}"),
        };
        assert_eq!((&event["status"], &other["event"]["outcome"]), (&status.into(), &outcome.into()), "{event}");
    }
    let unresolved = ocsf.iter().find(|event| event["unmapped"]["target"] == "nobody01").unwrap();
    assert!(unresolved.get("device").is_none(), "a host that is not known is no device\n{unresolved}");
}

#[test]
fn hostile_names_stay_exact_and_valid() {
    let name = "-\u{202e}<b>\u{1b}[2J\"\\ ' 端末";
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), format!("hostname\n\"{}\"\n", name.replace('"', "\"\""))).unwrap();
    let room = Room::with(Console::with(Fleet::read(file.path()).unwrap(), ""));
    room.env.run(["hosts", "--vendor", "cisco", "--group", "x", "-o", "jsonl"]);
    room.isolate(&["--wait=30s"]).exits(0);
    let (ocsf, ecs, _) = both(&room.env);
    let told = room.env.run(["report", "--format", "ocsf"]).exits(0).stdout;
    assert!(!told.chars().any(|c| c.is_control() && c != '\n'), "{told}");
    if !ocsf[0]["device"]["name"].is_null() {
        assert_eq!((&ocsf[0]["device"]["name"], &ecs[0]["host"]["name"]), (&name.into(), &name.into()));
        assert!(ocsf[0]["device"].get("hostname").is_none(), "it is no name by the rules for names of hosts");
    }
}

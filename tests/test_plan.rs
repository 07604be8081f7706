//! Plans at every console: what is written down, and that exactly that is done.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

use crate::support::{Console, PROMPT, Room, SWIFT, TestEnv, Wall, addresses, every_console};

fn off(hosts: &[isize]) -> BTreeSet<isize> {
    hosts.iter().copied().collect()
}

#[test]
fn a_plan_changes_nothing_and_is_applied_exactly() {
    for place in every_console(PROMPT) {
        let (vendor, env) = (place.vendor, &place.room.env);
        place.act("isolate", &[0], &["--wait=30s"]).exits(0);
        env.add_config(&format!("[safety]\nprotected = [\"id:{}\"]\n", place.ids[1]));
        let changes = place.changes();
        let list = format!("{}\n{}\n{}\n{}\nno-such-host\n", place.ids[0], place.ids[1], place.ids[2], place.ids[3]);
        let planned =
            env.make_plan("isolate", vendor, &list, &["--comment", "ransomware", "--ticket", "INC-7"]).exits(6);
        assert_eq!(place.changes(), changes, "{vendor}\n{planned}");
        assert_eq!(place.off(), off(&[0]), "{vendor}");
        let plan = env.plan();
        let marks: Vec<&str> =
            plan["targets"].as_array().unwrap().iter().map(|target| target["mark"].as_str().unwrap()).collect();
        // A Security Center does not tell who is isolated, so one that is would be asked again.
        let first = if vendor == "kaspersky" { "will_act" } else { "already" };
        assert_eq!(marks, [first, "protected", "will_act", "will_act", "not_found"], "{vendor}\n{planned}");
        assert_eq!(plan["plan"]["comment"], "ransomware", "{vendor}");
        assert_eq!(plan["plan"]["vendor"], vendor);
        assert_eq!(plan["targets"][2]["id"], place.ids[2].as_str(), "{vendor}");
        assert!(plan["targets"][2]["name"].is_string(), "{vendor}: {plan:#}");
        for words in ["protected (1)", "not found (1)", "no-such-host", "ticket: INC-7"] {
            assert!(planned.stdout.contains(words), "{vendor}: `{words}`\n{planned}");
        }
        let applied = env.apply(&["--wait=30s"]).exits(6);
        assert_eq!(place.off(), off(&[0, 2, 3]), "{vendor}\n{applied}");
        assert_eq!(applied.outcomes()["refused"], 1, "{vendor}\n{applied}");
        assert_eq!(applied.outcomes()["unresolved"], 1, "{vendor}\n{applied}");
        let journal = env.journals().pop().unwrap();
        let header = &crate::support::records(&journal)[0];
        let digest = env.plan()["digest"].clone();
        assert_eq!(header["options"]["plan"]["digest"], digest, "{vendor}");
        assert_eq!((&header["comment"], &header["ticket"]), (&"ransomware".into(), &"INC-7".into()), "{vendor}");
        // What was done is done once: the same plan says nothing any more.
        let changes = place.changes();
        let again = env.apply(&[]).exits(5);
        assert!(again.stderr.contains("a plan is applied once"), "{vendor}\n{again}");
        assert_eq!(place.changes(), changes, "{vendor}");
        // And back the same way, without what is left alone.
        env.make_plan("unisolate", vendor, &format!("{}\n{}\n", place.ids[2], place.ids[3]), &[]).exits(0);
        env.apply(&["--wait=30s"]).exits(0);
        assert_eq!(place.off(), off(&[0]), "{vendor}");
        env.run(["runs", "verify", "--all"]).exits(0);
    }
}

#[test]
fn a_firewall_is_planned_for_as_a_console_is() {
    for wall in [Wall::rest(""), Wall::ssh("")] {
        let list = format!("{}8.8.8.8\nnot an indicator\n", addresses(3));
        let planned = wall.env.make_plan("block", "fortigate", &list, &["--expires", "7d"]).exits(6);
        assert!(wall.blocked().is_empty(), "{planned}");
        assert_eq!((wall.env.marked("will_act"), wall.env.marked("protected")), (3, 2), "{planned}");
        let applied = wall.env.apply(&[]).exits(6);
        assert_eq!(wall.blocked().len(), 3, "{applied}");
        wall.env.apply(&[]).exits(5);
        // What somebody else has blocked meanwhile is a change, too.
        wall.env.make_plan("unblock", "fortigate", &addresses(2), &[]).exits(0);
        wall.unblock(&addresses(1), &[]).exits(0);
        let stale = wall.env.apply(&[]).exits(5);
        assert!(stale.stderr.contains("1 of 2 targets has changed"), "{stale}");
        assert_eq!(wall.blocked().len(), 2, "{stale}");
        wall.env.make_plan("unblock", "fortigate", &addresses(3), &[]).exits(0);
        wall.env.apply(&["--wait"]).exits(2);
        wall.env.apply(&[]).exits(0);
        assert!(wall.blocked().is_empty());
    }
}

#[test]
fn a_plan_is_its_owners_file_and_takes_nobodys_place() {
    let room = Room::new(3, SWIFT);
    let args = ["plan", "isolate", "--vendor", "cisco", "--out", "plan.json", "hosts.txt"];
    room.env.run(args).exits(0);
    let path = room.env.at("plan.json");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&path).unwrap();
    let requests = room.console.stats().total();
    room.env.run(args).exits(2).says("--replace");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(room.console.stats().total(), requests, "nothing is asked for a plan that has no place");
    room.env.run([&args[..], &["--replace"]].concat()).exits(0);
    room.env.run([&args[..5], &["no/such/folder.json", "hosts.txt"]].concat()).exits(2);
    let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    let credentials = room.console.inner().credentials();
    assert!(!text.contains(&credentials.api_key) && !text.contains(&credentials.client_id), "{text}");
}

#[test]
fn a_plan_that_was_edited_is_refused_whoever_made_its_digest() {
    let room = Room::new(4, SWIFT);
    let list: String = room.console.guids().lines().take(2).map(|id| format!("{id}\n")).collect();
    room.env.make_plan("isolate", "cisco", &list, &[]).exits(0);
    let text = fs::read_to_string(room.env.at("plan.json")).unwrap();
    let other = room.console.guids().lines().nth(3).unwrap().to_owned();
    let first = list.lines().next().unwrap();
    for edited in [
        text.replace(first, &other),
        text.replacen("isolate", "unisolate", 1),
        text.replacen('\n', "\r\n", 1),
        format!("{text}\n"),
        text.replacen("\"line\":1", "\"line\":1,\"line\":1", 1),
        text[..text.len() - 2].to_owned(),
        String::new(),
        "{}".to_owned(),
    ] {
        room.env.file("plan.json", &edited);
        let refused = room.env.apply(&[]).exits(5);
        assert!(refused.stderr.contains("edited") || refused.stderr.contains("no plan"), "{refused}");
    }
    room.console.was_left_alone();
    assert!(room.env.journals().is_empty());
    fs::remove_file(room.env.at("plan.json")).unwrap();
    room.env.apply(&[]).exits(2);
}

#[test]
fn a_plan_is_good_for_an_hour_and_not_before_it_was_made() {
    let mut room = Room::new(2, SWIFT);
    room.env.set("__EDRCTL_NOW", "2026-11-28T08:00:00Z");
    let list = room.console.guids();
    room.env.make_plan("isolate", "cisco", &list, &[]).exits(0);
    let cases: [(&str, &[&str], &str); 3] = [
        ("2026-11-28T09:01:01Z", &[], "1h 01m old"),
        ("2026-11-28T08:10:00Z", &["--max-age", "5m"], "`--max-age` allows 5m"),
        ("2026-11-28T07:57:00Z", &[], "from the future"),
    ];
    for (now, more, words) in cases {
        room.env.set("__EDRCTL_NOW", now);
        let refused = room.env.apply(more).exits(5);
        assert!(refused.stderr.contains(words), "{now}: `{words}`\n{refused}");
    }
    room.console.was_left_alone();
    room.env.set("__EDRCTL_NOW", "2026-11-28T10:59:59Z");
    room.env.apply(&["--max-age", "3h"]).exits(0);
    room.assert_each_isolated_once();
}

#[test]
fn consent_is_given_as_for_every_change() {
    let room = Room::new(3, SWIFT);
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    room.env.run(["apply", "plan.json"]).exits(5).says("--yes");
    room.env.run(["apply", "plan.json", "--expect-count", "4"]).exits(5);
    room.env.run(["apply", "plan.json", "--dry-run", "-o", "jsonl"]).exits(0);
    room.console.was_left_alone();
    assert!(room.env.journals().is_empty());
    room.env.run(["apply", "plan.json", "--expect-count", "3"]).exits(0);
    room.assert_each_isolated_once();
}

#[test]
fn another_console_tenant_or_profile_is_refused() {
    let mut room = Room::new(2, SWIFT);
    let list = room.console.guids();
    room.env.make_plan("isolate", "cisco", &list, &[]).exits(0);
    let other = Console::new(2, SWIFT);
    room.env.configure(&other);
    let refused = room.env.apply(&[]).exits(5);
    assert!(refused.stderr.contains("the plan is for the console"), "{refused}");
    other.was_left_alone();
    room.env.configure(&room.console);
    room.env.add_config("[profiles.acme.cisco]\nconcurrency = 3\n");
    let refused = room.env.apply(&["--profile", "acme"]).exits(5);
    assert!(refused.stderr.contains("no profile, and profile `acme`"), "{refused}");
    room.env.make_plan("isolate", "cisco", &list, &["--profile", "acme"]).exits(0);
    room.env.set("EDRCTL_CISCO_CLIENT_ID", "0123456789abcdef0000");
    room.env.apply(&[]).exits(5).says("another tenant");
    room.env.unset("EDRCTL_CISCO_CLIENT_ID");
    room.console.was_left_alone();
    // Without `--profile` it is the plan's own.
    room.env.apply(&[]).exits(0);
}

#[test]
fn a_rehearsal_goes_from_the_plan_to_its_end() {
    let env = TestEnv::new();
    for vendor in ["cisco", "apex", "kaspersky", "cybereason"] {
        let list = "alpha\n10.1.2.3\nbravo.corp.example\n";
        env.make_plan("isolate", vendor, list, &["--simulate"]).exits(0);
        env.run(["apply", "plan.json", "--simulate", "-o", "jsonl"]).exits(0);
        let refused = env.run(["apply", "plan.json", "--yes"]);
        assert_ne!(refused.code, Some(0), "{vendor}\n{refused}");
    }
    env.make_plan("block", "fortigate", &addresses(2), &["--simulate"]).exits(0);
    env.run(["apply", "plan.json", "--simulate"]).exits(0);
}

#[test]
fn what_a_plan_would_do_is_told_in_every_form() {
    let room = Room::new(2, SWIFT);
    let list = format!("{}no-such-host\n", room.console.guids());
    let planned = room.env.make_plan("isolate", "cisco", &list, &["-o", "jsonl"]).exits(6);
    assert_eq!(planned.outcomes(), [("not_sent".to_owned(), 2), ("unresolved".to_owned(), 1)].into());
    let planned = room.env.make_plan("isolate", "cisco", &list, &[]).exits(6);
    assert!(planned.stdout.contains("3 targets: 2 to act on, 1 not found"), "{planned}");
    assert!(planned.stderr.contains("`edrctl apply plan.json`"), "{planned}");
}

#[test]
fn a_plan_takes_the_place_of_files_alone() {
    let room = Room::new(1, SWIFT);
    std::process::Command::new("mkfifo").arg(room.env.at("pipe")).status().unwrap();
    let args = ["plan", "isolate", "--vendor", "cisco", "--replace", "--out", "pipe", "hosts.txt"];
    room.env.run(args).exits(2).says("is no file");
    assert!(!fs::metadata(room.env.at("pipe")).unwrap().is_file());
}

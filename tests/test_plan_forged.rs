//! Plans that were edited by somebody who can make a digest: what they say is a stranger's, and checked as such.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{FakeConsole, Place, Room, SWIFT, TestEnv, Wall, addresses};

/// Writes a plan in the way that edrctl does, with the digest that is right for it.
fn forge(env: &TestEnv, edit: impl FnOnce(&mut Value)) {
    let mut plan = env.plan();
    edit(&mut plan);
    let targets: Vec<String> = plan["targets"].as_array().unwrap().iter().map(in_order).collect();
    let head = format!("{{\"schema\":{},\n", plan["schema"]);
    let body = format!("\"plan\":{},\n\"targets\":[\n{}\n]}}\n", in_order(&plan["plan"]), targets.join(",\n"));
    let digest: String = Sha256::digest(format!("{head}{body}")).iter().map(|byte| format!("{byte:02x}")).collect();
    env.file("plan.json", format!("{head}\"digest\":\"{digest}\",\n{body}"));
}

/// What is done to a plan.
type Edit = Box<dyn Fn(&mut Value)>;

/// An object with its keys in the order in which edrctl writes them.
fn in_order(object: &Value) -> String {
    const ORDER: [&str; 45] = [
        "made",
        "user",
        "uid",
        "machine",
        "tool",
        "action",
        "vendor",
        "console",
        "account",
        "part",
        "profile",
        "simulated",
        "comment",
        "ticket",
        "options",
        "lasts",
        "product",
        "netbios",
        "queue_offline",
        "allow_rotation",
        "require_console",
        "allow_protected",
        "allow_reason",
        "max_targets",
        "max_new",
        "max_prefix",
        "max_prefix6",
        "target",
        "by",
        "file",
        "line",
        "mark",
        "id",
        "name",
        "macs",
        "state",
        "means",
        "last_seen",
        "code",
        "text",
        "reason",
        "note",
        "candidates",
        "duplicates",
        "odd",
    ];
    match object {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key).unwrap());
            let fields: Vec<String> =
                fields.into_iter().map(|(key, value)| format!("{}:{}", json!(key), in_order(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(in_order).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[test]
fn a_forged_plan_is_one_that_edrctl_reads() {
    let room = Room::new(3, SWIFT);
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    let before = fs::read(room.env.at("plan.json")).unwrap();
    forge(&room.env, |_| {});
    assert_eq!(fs::read(room.env.at("plan.json")).unwrap(), before, "otherwise the other tests say nothing");
}

#[test]
fn what_no_plan_says_is_refused_whatever_its_digest() {
    let room = Room::new(3, SWIFT);
    let list = room.console.guids();
    let ids: Vec<String> = list.lines().map(str::to_owned).collect();
    let edits: Vec<(&str, Edit)> = vec![
        ("an id for a path", Box::new(|plan| plan["targets"][0]["id"] = json!("../../v1/groups"))),
        ("a target for a path", Box::new(|plan| plan["targets"][0]["target"] = json!("id:../../v1/groups"))),
        ("another way to read", Box::new(|plan| plan["targets"][0]["by"] = json!("group"))),
        ("another id", Box::new(move |plan| plan["targets"][0]["id"] = json!(ids[1]))),
        ("no id", Box::new(|plan| drop(plan["targets"][0].as_object_mut().unwrap().remove("id")))),
        ("another action", Box::new(|plan| plan["plan"]["action"] = json!("wipe"))),
        ("a task", Box::new(|plan| plan["plan"]["action"] = json!("task"))),
        ("a firewall's action", Box::new(|plan| plan["plan"]["action"] = json!("block"))),
        ("another console", Box::new(|plan| plan["plan"]["vendor"] = json!("nobody"))),
        ("lines in a comment", Box::new(|plan| plan["plan"]["comment"] = json!("one\ntwo"))),
        ("a terminal's command", Box::new(|plan| plan["plan"]["ticket"] = json!("\u{1b}[2J"))),
        ("no time", Box::new(|plan| plan["plan"]["made"] = json!("yesterday"))),
        ("a product for a path", Box::new(|plan| plan["plan"]["options"] = json!({ "product": "../x" }))),
        (
            "all that is protected",
            Box::new(|plan| {
                plan["plan"]["options"] = json!({ "allow_protected": ["*"], "allow_reason": "why not" });
            }),
        ),
        ("no reason", Box::new(|plan| plan["plan"]["options"] = json!({ "allow_protected": ["dc01"] }))),
        ("for no time", Box::new(|plan| plan["plan"]["options"] = json!({ "lasts": 0 }))),
        ("for ever", Box::new(|plan| plan["plan"]["options"] = json!({ "lasts": u64::MAX }))),
        ("for nobody", Box::new(|plan| plan["plan"]["options"] = json!({ "max_targets": 0 }))),
        ("what is not known", Box::new(|plan| plan["plan"]["odd"] = json!(true))),
    ];
    for (what, edit) in edits {
        room.env.make_plan("isolate", "cisco", &list, &[]).exits(0);
        forge(&room.env, |plan| edit(plan));
        let refused = room.env.apply(&[]);
        assert_eq!(refused.code, Some(5), "{what}\n{refused}");
        assert!(!refused.stderr.contains('\u{1b}'), "{what}\n{refused}");
    }
    room.console.was_left_alone();
    assert!(room.env.journals().is_empty());
}

#[test]
fn what_is_protected_or_has_changed_is_so_whatever_the_plan_says() {
    for vendor in ["cisco", "apex", "kaspersky", "cybereason"] {
        let place = Place::new(vendor, SWIFT);
        let env = &place.room.env;
        env.add_config(&format!("[safety]\nprotected = [\"id:{}\"]\n", place.ids[1]));
        let list = format!("{}\n{}\n", place.ids[0], place.ids[1]);
        env.make_plan("isolate", vendor, &list, &[]).exits(6);
        forge(env, |plan| {
            plan["targets"][1]["mark"] = json!("will_act");
            plan["targets"][1].as_object_mut().unwrap().remove("reason");
        });
        env.apply(&[]).exits(5).says("it is protected now");
        env.make_plan("isolate", vendor, &list, &[]).exits(6);
        forge(env, |plan| plan["targets"][0]["name"] = json!("somebody-else"));
        env.apply(&[]).exits(5).says("was called `somebody-else`");
        assert_eq!(place.changes(), 0, "{vendor}");
    }
}

#[test]
fn a_firewalls_plan_is_held_against_the_rules_again() {
    let wall = Wall::rest("");
    let forged = |edit: &dyn Fn(&mut Value)| {
        wall.env.make_plan("block", "fortigate", &format!("{}8.8.8.8\n", addresses(2)), &[]).exits(6);
        forge(&wall.env, edit);
        wall.env.apply(&[]).exits(5);
    };
    forged(&|plan| {
        plan["targets"][2]["mark"] = json!("will_act");
        plan["targets"][2].as_object_mut().unwrap().remove("reason");
    });
    forged(&|plan| {
        plan["targets"][0]["target"] = json!("0.0.0.0/0");
        plan["targets"][0]["id"] = json!("0.0.0.0/0");
    });
    forged(&|plan| plan["targets"][0]["target"] = json!("203.0.113.77"));
    forged(&|plan| plan["plan"]["options"] = json!({ "max_prefix": 8 }));
    forged(&|plan| plan["plan"]["options"] = json!({ "max_new": 1 }));
    assert!(wall.blocked().is_empty());
    wall.assert_unharmed();
}

#[test]
fn what_a_console_or_a_forger_writes_never_reaches_a_terminal_raw() {
    const HOSTILE: &str = "we\u{1b}]0;owned\u{7}b01\u{202e}";
    let id = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201";
    let console = FakeConsole::new(move |asked| {
        let host = json!({
            "connector_guid": id, "hostname": HOSTILE, "internal_ips": ["10.0.0.1"], "last_seen": "\u{1b}[31mnow",
            "network_addresses": [], "isolation": { "available": true, "status": "\u{1b}[2Jodd" },
        });
        let data = if asked.path.starts_with("/v1/computers") { json!([host]) } else { json!({}) };
        let results = json!({ "total": 1, "current_item_count": 1, "index": 0, "items_per_page": 500 });
        (200, json!({ "version": "v1.2.0", "metadata": { "links": {}, "results": results }, "data": data }).to_string())
    });
    let env = console.env();
    let planned = env.make_plan("isolate", "cisco", &format!("{id}\n"), &[]).exits(0);
    assert!(!planned.to_string().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{planned}");
    // JSON is exact.
    assert_eq!(env.plan()["targets"][0]["name"], HOSTILE);
    let key = env.ssh_key("key", &["ed25519"], "bert", "");
    let approved = env.approve(&key, &[]).exits(0);
    assert!(!approved.to_string().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{approved}");
    forge(&env, |plan| plan["targets"][0]["name"] = json!("\u{1b}[1mother"));
    let stale = env.apply(&[]).exits(5);
    assert!(!stale.to_string().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{stale}");
}

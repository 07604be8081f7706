//! Plans that do not hold any more: nothing of them is done, and it is told which hosts are not what they were.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{FakeConsole, PROMPT, TestEnv, every_console};

#[test]
fn a_state_that_has_changed_since_stops_all_of_it() {
    for place in every_console(PROMPT) {
        let (vendor, env) = (place.vendor, &place.room.env);
        if vendor == "kaspersky" {
            // It tells of no host whether it is isolated.
            continue;
        }
        place.act("isolate", &[3], &["--wait=30s"]).exits(0);
        let list: String = place.ids.iter().map(|id| format!("{id}\n")).collect();
        env.make_plan("isolate", vendor, &list, &[]).exits(0);
        assert_eq!((env.marked("will_act"), env.marked("already")), (3, 1), "{vendor}");
        let plan = std::fs::read(env.at("plan.json")).unwrap();
        // One that was to be isolated is so by now.
        place.act("isolate", &[1], &["--wait=30s"]).exits(0);
        let changes = place.changes();
        let stale = env.apply(&["--wait=30s"]).exits(5);
        assert!(stale.stderr.contains("1 of 4 targets has changed since"), "{vendor}\n{stale}");
        assert!(stale.stderr.contains(&place.ids[1]) && !stale.stderr.contains(&place.ids[0]), "{vendor}\n{stale}");
        assert!(stale.stderr.contains("is so already"), "{vendor}\n{stale}");
        // One that was so is not any more.
        place.act("unisolate", &[1, 3], &["--wait=30s"]).exits(0);
        std::fs::write(env.at("plan.json"), &plan).unwrap();
        let changes = changes + 2;
        assert_eq!(place.changes(), changes, "{vendor}");
        let stale = env.apply(&["--wait=30s"]).exits(5);
        assert!(stale.stderr.contains("it was so already, and is not any more"), "{vendor}\n{stale}");
        assert_eq!(place.changes(), changes, "{vendor}: nothing was sent");
        // As it was made, it holds.
        place.act("isolate", &[3], &["--wait=30s"]).exits(0);
        env.apply(&["--wait=30s"]).exits(0);
        assert_eq!(place.off().len(), 4, "{vendor}");
    }
}

#[test]
fn what_is_protected_by_now_stops_all_of_it() {
    for place in every_console(PROMPT) {
        let (vendor, env) = (place.vendor, &place.room.env);
        let list: String = place.ids.iter().map(|id| format!("{id}\n")).collect();
        env.make_plan("isolate", vendor, &list, &[]).exits(0);
        env.add_config(&format!("[safety]\nprotected = [\"id:{}\"]\nmax_targets = 100\n", place.ids[2]));
        let stale = env.apply(&[]).exits(5);
        assert!(stale.stderr.contains("is protected now"), "{vendor}\n{stale}");
        assert_eq!(place.changes(), 0, "{vendor}");
    }
}

/// Hosts of a console whose inventory a test can change.
struct Inventory {
    hosts: Arc<Mutex<Vec<Value>>>,
    console: FakeConsole,
    env: TestEnv,
}

const ONE: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201";
const TWO: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202";
const THREE: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203";

fn host(id: &str, name: &str, ip: &str, mac: &str) -> Value {
    json!({
        "connector_guid": id, "hostname": name, "internal_ips": [ip], "last_seen": "2026-11-28T07:00:00Z",
        "network_addresses": [{ "ip": ip, "mac": mac }],
        "isolation": { "available": true, "status": "not_isolated" },
    })
}

impl Inventory {
    fn new() -> Self {
        let hosts = Arc::new(Mutex::new(vec![
            host(ONE, "web01", "10.0.0.1", "02:00:00:00:00:01"),
            host(TWO, "web02", "10.0.0.2", "02:00:00:00:00:02"),
        ]));
        let told = Arc::clone(&hosts);
        let console = FakeConsole::new(move |asked| {
            let hosts = told.lock().unwrap();
            let data = match asked.path.as_str() {
                path if path.contains("/isolation") => json!({ "available": true, "status": "pending_start" }),
                path if path.starts_with("/v1/computers") => json!(*hosts),
                _ => json!({}),
            };
            let results =
                json!({ "total": hosts.len(), "current_item_count": hosts.len(), "index": 0, "items_per_page": 500 });
            (
                200,
                json!({ "version": "v1.2.0", "metadata": { "links": {}, "results": results }, "data": data })
                    .to_string(),
            )
        });
        let env = console.env();
        Self { hosts, console, env }
    }

    /// Plans for this list, changes the inventory, and expects that nothing is done for this reason.
    fn is_stale(list: &str, change: impl FnOnce(&mut Vec<Value>), words: &str) {
        let here = Self::new();
        let planned = here.env.make_plan("isolate", "cisco", list, &[]).exits(0);
        assert_eq!(here.env.marked("will_act"), 2, "{planned}");
        change(&mut here.hosts.lock().unwrap());
        let stale = here.env.apply(&[]).exits(5);
        assert!(stale.stderr.contains(words), "`{words}`\n{stale}");
        assert!(here.console.asked().iter().all(|asked| asked.method == "GET"), "{stale}");
        assert!(here.env.journals().is_empty());
    }
}

const BY_ID: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201\n3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202\n";
const BY_NAME: &str = "web01\nweb02\n";
const BY_IP: &str = "10.0.0.1\n10.0.0.2\n";

#[test]
fn a_host_that_was_renamed_or_whose_id_was_reused_stops_all_of_it() {
    let renamed = |hosts: &mut Vec<Value>| hosts[1]["hostname"] = json!("dc01");
    Inventory::is_stale(BY_ID, renamed, "was called `web02`, and is called `dc01` now");
    Inventory::is_stale(BY_NAME, renamed, "is not found now");
    Inventory::is_stale(BY_IP, renamed, "was called `web02`, and is called `dc01` now");
    let reused = |hosts: &mut Vec<Value>| hosts[1] = host(TWO, "web02", "10.0.0.2", "02:00:00:00:00:99");
    Inventory::is_stale(BY_ID, reused, "its MAC addresses were 02:00:00:00:00:02, and are 02:00:00:00:00:99 now");
}

#[test]
fn a_name_or_an_address_that_leads_to_another_host_stops_all_of_it() {
    let replaced = |hosts: &mut Vec<Value>| hosts[1] = host(THREE, "web02", "10.0.0.2", "02:00:00:00:00:02");
    Inventory::is_stale(BY_NAME, replaced, "it was the host `3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202`");
    Inventory::is_stale(BY_IP, replaced, "it was the host `3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202`");
    Inventory::is_stale(BY_ID, replaced, "is not found now");
    let second = |hosts: &mut Vec<Value>| hosts.push(host(THREE, "web02", "10.0.0.3", "02:00:00:00:00:03"));
    Inventory::is_stale(BY_NAME, second, "is ambiguous now");
    let gone = |hosts: &mut Vec<Value>| drop(hosts.pop());
    Inventory::is_stale(BY_ID, gone, "is not found now");
    let swapped = |hosts: &mut Vec<Value>| {
        hosts[0]["internal_ips"] = json!(["10.0.0.2"]);
        hosts[1]["internal_ips"] = json!(["10.0.0.1"]);
        hosts[0]["network_addresses"][0]["ip"] = json!("10.0.0.2");
        hosts[1]["network_addresses"][0]["ip"] = json!("10.0.0.1");
    };
    Inventory::is_stale(BY_IP, swapped, "2 of 2 targets have changed since");
    // Two targets that were two hosts are one.
    let both = |hosts: &mut Vec<Value>| {
        hosts.pop();
        hosts[0]["internal_ips"] = json!(["10.0.0.1", "10.0.0.2"]);
    };
    Inventory::is_stale(BY_IP, both, "are one now");
    // A further line of a host leads to another machine by now, or to none.
    let moved = |hosts: &mut Vec<Value>| {
        hosts[0]["internal_ips"] = json!(["10.9.9.9"]);
        hosts[0]["network_addresses"][0]["ip"] = json!("10.9.9.9");
        hosts.push(host(THREE, "web03", "10.0.0.1", "02:00:00:00:00:03"));
    };
    Inventory::is_stale(
        "web01\n10.0.0.1\nweb02\n",
        moved,
        "`10.0.0.1` (line 2): it named one of the plan's hosts again",
    );
    let nobodys = |hosts: &mut Vec<Value>| {
        hosts[0]["internal_ips"] = json!(["10.9.9.9"]);
        hosts[0]["network_addresses"][0]["ip"] = json!("10.9.9.9");
    };
    Inventory::is_stale("web01\n10.0.0.1\nweb02\n", nobodys, "and does not now");
    let unable = |hosts: &mut Vec<Value>| hosts[0]["isolation"]["available"] = json!(false);
    Inventory::is_stale(BY_ID, unable, "is not capable now");
}

/// Lines that name one host several times are one host, as long as they do.
#[test]
fn further_lines_of_a_host_are_still_its_own() {
    let here = Inventory::new();
    let list = format!("web01\n10.0.0.1\n{ONE}\nWEB01\n{}\nweb02\n", TWO.to_uppercase());
    here.env.make_plan("isolate", "cisco", &list, &[]).exits(0);
    assert_eq!(here.env.marked("will_act"), 2);
    let applied = here.env.apply(&[]).exits(0);
    assert_eq!(applied.outcomes(), [("accepted".to_owned(), 2)].into(), "{applied}");
}

#[test]
fn what_is_left_alone_stays_alone_and_an_address_may_change() {
    let here = Inventory::new();
    here.env.make_plan("isolate", "cisco", "web01\nweb02\nweb03\n", &[]).exits(6);
    assert_eq!((here.env.marked("will_act"), here.env.marked("not_found")), (2, 1));
    {
        let mut hosts = here.hosts.lock().unwrap();
        hosts.push(host(THREE, "web03", "10.0.0.3", "02:00:00:00:00:03"));
        // The same card, elsewhere.
        hosts[0]["internal_ips"] = json!(["10.9.9.9"]);
        hosts[0]["network_addresses"][0]["ip"] = json!("10.9.9.9");
        hosts[0]["last_seen"] = json!("2026-11-28T07:59:00Z");
    }
    let applied = here.env.apply(&[]).exits(6);
    assert_eq!(applied.outcomes(), [("accepted".to_owned(), 2), ("unresolved".to_owned(), 1)].into(), "{applied}");
    let puts: Vec<String> =
        here.console.asked().into_iter().filter(|asked| asked.method == "PUT").map(|asked| asked.path).collect();
    assert_eq!(puts.len(), 2, "{applied}");
    assert!(puts.iter().all(|path| !path.contains(THREE)), "{puts:?}");
}

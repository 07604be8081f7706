//! Who is meant at a Security Center: any of a host's names, its address, its id, or its group; and never somebody else.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::{Ksc, PlayedKsc, Room, TestEnv, side_by_side};

const FIN: &str = "5593fcfd-e950-4b54-9732-2c160a35aaaa";

/// Hosts whose names would be something else in a filter.
const ODD: &str = "\
guid,hostname,ip,group,display_name
11111111-1111-4111-8111-111111111101,alpha.corp.example,10.1.0.1,Finance,
11111111-1111-4111-8111-111111111102,verylongworkstation01.corp.example,10.1.0.2,Finance,
11111111-1111-4111-8111-111111111103,desk.corp.example,10.1.0.3,Reception,\"Front desk, \"\"East\"\"\"
11111111-1111-4111-8111-111111111104,star.corp.example,10.1.0.4,Reception,PC*1
11111111-1111-4111-8111-111111111105,star1.corp.example,10.1.0.5,Reception,PC-1
11111111-1111-4111-8111-111111111106,question.corp.example,10.1.0.6,Reception,PC?1
11111111-1111-4111-8111-111111111107,range.corp.example,10.1.0.7,Reception,PC[a-f]1
11111111-1111-4111-8111-111111111108,backslash.corp.example,10.1.0.8,Reception,\"PC\\1\"
11111111-1111-4111-8111-111111111109,buero-01.corp.example,10.1.0.9,Reception,Büro 01
11111111-1111-4111-8111-11111111110a,other.corp.example,10.1.0.10,Reception,\"\"\")(KLHST_WKS_DN=\"\"*\"
";

#[test]
fn a_host_is_found_by_its_id_by_any_of_its_names_and_by_its_address() {
    let cases = [
        ("11111111-1111-4111-8111-111111111101", "alpha.corp.example"),
        ("id:11111111-1111-4111-8111-111111111101", "alpha.corp.example"),
        ("alpha", "alpha.corp.example"),
        ("ALPHA.Corp.Example", "alpha.corp.example"),
        ("alpha.corp.example.", "alpha.corp.example"),
        ("10.1.0.1", "alpha.corp.example"),
        ("verylongworkstation01", "verylongworkstation01.corp.example"),
        ("VERYLONGWORKSTA", "verylongworkstation01.corp.example"),
        ("host:Front desk, \"East\"", "desk.corp.example"),
        ("host:PC*1", "star.corp.example"),
        ("PC-1", "star1.corp.example"),
        ("host:pc?1", "question.corp.example"),
        ("host:PC[a-f]1", "range.corp.example"),
        ("host:PC\\1", "backslash.corp.example"),
        ("host:büro 01", "buero-01.corp.example"),
        ("host:\")(KLHST_WKS_DN=\"*", "other.corp.example"),
    ];
    side_by_side(cases, |(target, name)| {
        let room = Ksc::of(ODD, "");
        let output = room.isolate_list(&format!("{target}\n"), &["--wait=30s"]).exits(0);
        assert_eq!(room.asked(), [name], "{target}\n{output}");
        assert_eq!(room.console.fleet().isolated(), 1, "{target}");
        let result = output.result();
        assert_eq!((&result["target"], &result["outcome"]), (&target.into(), &"confirmed".into()), "{output}");
        // An id is not looked up before it is used.
        if !target.contains("11111111-") {
            assert!(result["host"]["name"].as_str().unwrap().eq_ignore_ascii_case(name), "{output}");
        }
    });
}

#[test]
fn what_could_be_a_filter_names_nothing_else() {
    let room = Ksc::of(ODD, "");
    for target in [
        "host:*",
        "host:?????",
        "host:alph?",
        "host:[a-z]*",
        "host:alpha*",
        "host:\"",
        "host:\")(KLHST_WKS_HOSTNAME=\"*",
        "host:x\"))(|(KLHST_WKS_DN=\"*\"",
        "host:alpha\"\")",
        "host:a&b|c!",
        "host:T\"2020-01-01\"",
        "id:11111111-1111-4111-8111-11111111110?",
        "id:*",
    ] {
        let output = room.isolate_list(&format!("{target}\n"), &["--dry-run"]);
        let fine = output.code == Some(2)
            || output.code == Some(6) && output.outcomes().get("unresolved") == Some(&1)
            // An id is not looked up before it is used; the console is the judge of it.
            || target.starts_with("id:");
        assert!(fine, "{target}\n{output}");
        let output = room.isolate_list(&format!("{target}\n"), &[]);
        assert!(output.code == Some(2) || output.code == Some(6), "{target}\n{output}");
        assert!(room.incidents().is_empty(), "{target}\n{output}");
    }
    // Bare, most of it is no name at all.
    for target in ["Front desk", "PC*1", "PC?1", "PC[a-f]1", "a\"b", "a&b", "a(b"] {
        room.isolate_list(&format!("{target}\n"), &[]).exits(2);
    }
    assert!(room.incidents().is_empty());
}

#[test]
fn several_hosts_of_one_name_are_shown_and_none_is_taken() {
    let room = Ksc::examples("");
    let output = room.isolate_list("fin-lt-014\n", &[]).exits(6);
    room.was_left_alone();
    let result = output.result();
    assert_eq!((&result["outcome"], &result["reason_code"]), (&"unresolved".into(), &"ambiguous".into()), "{output}");
    let candidates = result["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2, "{output}");
    assert!(candidates.iter().any(|candidate| candidate["id"] == FIN), "{output}");
    let output = room.isolate_list("fin-lt-014.corp.example\n", &[]).exits(0);
    assert_eq!(room.asked(), ["fin-lt-014.corp.example"], "{output}");
}

#[test]
fn a_host_that_is_not_there_is_told_and_the_others_are_acted_on() {
    let room = Ksc::of(ODD, "");
    let unknown = "99999999-9999-4999-8999-999999999999";
    let list = format!("alpha\nnobody\n10.9.9.9\n{unknown}\nalpha.other.example\n02:00:5e:10:20:30\n2001:db8::1\n");
    let output = room.isolate_list(&list, &[]).exits(6);
    assert_eq!(room.asked(), ["alpha.corp.example"], "{output}");
    assert_eq!(output.outcome_of("alpha"), "accepted", "{output}");
    for target in ["nobody", "10.9.9.9", unknown, "alpha.other.example", "02:00:5e:10:20:30", "2001:db8::1"] {
        assert_eq!(output.outcome_of(target), "unresolved", "{target}\n{output}");
    }
    let results = output.results();
    let reason = |target: &str| {
        let result = results.iter().find(|result| result["target"] == target).unwrap();
        result["reason"].to_string()
    };
    // No host was looked for by what this console cannot be asked for, and saying that there is none would be a lie.
    for (target, words) in [("02:00:5e:10:20:30", "MAC"), ("2001:db8::1", "IPv6")] {
        assert!(reason(target).contains(words) && reason(target).contains("the console"), "{}", reason(target));
        assert!(!reason(target).contains("knows no host"), "{}", reason(target));
    }
}

#[test]
fn a_host_that_is_named_twice_is_acted_on_once() {
    let room = Ksc::of(ODD, "");
    let list = "alpha\nALPHA\nalpha.corp.example\n10.1.0.1\n11111111-1111-4111-8111-111111111101\n";
    let output = room.isolate_list(list, &["--wait=30s"]).exits(0);
    assert_eq!(room.asked(), ["alpha.corp.example"], "{output}");
    assert_eq!(output.results().len(), 1, "{output}");
    assert!(output.stderr.contains("each host is acted on once"), "{output}");
}

#[test]
fn a_group_stands_for_its_hosts_and_is_counted() {
    let room = Ksc::of(ODD, "");
    let args = ["isolate", "--vendor", "kaspersky", "--yes", "-o", "jsonl", "--wait=30s"];
    let output = room.env.run([&args[..], &["--group", "finance"]].concat()).exits(0);
    assert_eq!(room.asked(), ["alpha.corp.example", "verylongworkstation01.corp.example"], "{output}");
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
    assert!(output.stderr.contains("2 hosts"), "{output}");
    // A group beside a list that names some of its hosts.
    let room = Ksc::of(ODD, "");
    room.env.file("list.txt", "alpha\nPC-1\n");
    let output =
        room.env.run([&args[..], &["--group", "Finance", "--expect-count", "3", "list.txt"]].concat()).exits(0);
    assert_eq!(
        room.asked(),
        ["alpha.corp.example", "star1.corp.example", "verylongworkstation01.corp.example"],
        "{output}"
    );
}

#[test]
fn a_group_that_nobody_knows_is_refused() {
    let room = Ksc::of(ODD, "");
    for group in ["Finanz", "*", "Fin*", "\")(name=\"Finance", "F?nance"] {
        for command in
            [&["isolate", "--vendor", "kaspersky", "--yes"][..], &["ksc-task", "isolateHost", "--action=on", "--yes"]]
        {
            let output = room.env.run([command, &["--group", group]].concat()).exits(5);
            assert!(output.stderr.contains("no host is in a group"), "{group}\n{output}");
        }
    }
    room.was_left_alone();
    assert!(room.env.journals().is_empty());
    // No other console has them.
    let cisco = Room::new(2, "");
    let output = cisco.env.run(["isolate", "--vendor", "cisco", "--yes", "--group", "Protect"]).exits(2);
    assert!(output.stderr.contains("--group"), "{output}");
}

#[test]
fn a_task_and_a_status_take_groups_too() {
    let room = Ksc::of(ODD, "");
    let output = room.env.run(["status", "--vendor", "kaspersky", "--group", "Finance", "-o", "jsonl"]).exits(6);
    assert_eq!(output.results().len(), 2, "{output}");
    room.was_left_alone();
    room.env
        .run(["ksc-task", "getFile", "--path", r"C:\a", "--yes", "--group", "Finance", "--group", "Reception"])
        .exits(0);
    assert_eq!(room.asked().len(), 10);
    room.assert_each_once("getFile", "two groups");
}

#[test]
fn a_protected_host_is_refused_by_whichever_of_its_names_and_however_it_was_meant() {
    for (pattern, target) in [
        ("alpha*", "10.1.0.1"),
        ("desk*", "10.1.0.3"),
        ("10.1.0.0/30", "alpha"),
        ("11111111-1111-4111-8111-111111111101", "alpha"),
        ("alpha*", "11111111-1111-4111-8111-111111111101"),
    ] {
        let room = Ksc::of(ODD, "");
        room.env.add_config(&format!("[safety]\nprotected = [\"{pattern}\"]"));
        let output = room.isolate_list(&format!("{target}\n"), &[]).exits(5);
        room.was_left_alone();
        assert!(output.stderr.contains("protected"), "{pattern} {target}\n{output}");
    }
    let room = Ksc::of(ODD, "");
    room.env.add_config("[safety]\nprotected = [\"alpha*\"]");
    let output =
        room.env.run(["ksc-task", "getFile", "--path", r"C:\a", "--yes", "--group", "Finance", "-o", "jsonl"]).exits(6);
    assert_eq!(room.asked(), ["verylongworkstation01.corp.example"], "{output}");
    assert_eq!(output.outcomes(), [("accepted".to_owned(), 1), ("refused".to_owned(), 1)].into(), "{output}");
}

#[test]
fn a_host_without_an_agent_is_refused_and_one_that_is_too_old_is_warned_of() {
    let room = Ksc::examples("");
    let output = room.isolate_list("printer-7\nold-ws\n", &["--wait=30s"]).exits(6);
    assert_eq!(room.asked(), ["old-ws.corp.example"], "{output}");
    assert_eq!(output.outcome_of("printer-7"), "refused", "{output}");
    assert_eq!(output.outcome_of("old-ws"), "failed", "{output}");
    assert!(output.stdout.contains("12.8.0.505"), "{output}");
    let plan = room.isolate_list("old-ws\n", &["--dry-run"]).exits(0);
    assert!(plan.stdout.contains("12.8.0.505"), "{plan}");
}

#[test]
fn ten_thousand_display_names_are_resolved_in_a_hundred_requests_at_the_most() {
    let found: Mutex<Vec<Value>> = Mutex::default();
    // It has every host that it is asked for.
    let room = PlayedKsc::new(move |method, arguments| match method {
        "HostGroup.FindHosts" => {
            let filter = arguments["wstrFilter"].as_str().unwrap();
            let names = filter.split("(KLHST_WKS_DN=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
            let host = |name: &str| {
                let number: u32 = name.rsplit(' ').next().unwrap().parse().unwrap();
                let id = format!("{number:08x}-0000-4000-8000-000000000000");
                json!({"type": "params", "value": {"KLHST_WKS_HOSTNAME": id, "KLHST_WKS_DN": name, "KLHST_WKS_STATUS": 5}})
            };
            let mut found = found.lock().unwrap();
            *found = names.map(host).collect();
            // One host, in whichever spelling it was asked for.
            found.dedup_by_key(|host| host["value"]["KLHST_WKS_HOSTNAME"].to_string());
            Some((200, json!({"strAccessor": "a", "PxgRetVal": found.len()})))
        }
        "ChunkAccessor.GetItemsChunk" => {
            let (start, count) = (arguments["nStart"].as_u64().unwrap(), arguments["nCount"].as_u64().unwrap());
            let found = found.lock().unwrap();
            let items: Vec<Value> = found.iter().skip(start as usize).take(count as usize).cloned().collect();
            Some((200, json!({"pChunk": {"KLCSP_ITERATOR_ARRAY": items}, "PxgRetVal": items.len()})))
        }
        _ => None,
    });
    room.env.file("hosts.txt", (0..10_000).map(|number| format!("host:Desk {number}\n")).collect::<String>());
    let output = room.isolate(&["--dry-run", "--allow-rotation"]).exits(0);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 10_000)].into());
    let asked = room.asked();
    assert!(asked <= 100, "{asked} requests");
    assert!(room.arguments("HostGroup.AddIncident").is_empty());
}

#[test]
fn a_console_that_takes_short_filters_only_is_asked_more_often() {
    let room = Ksc::of(ODD, "kaspersky.filter_limit = 400\nkaspersky.chunk_cap = 1\n");
    let output = room.isolate_list("alpha\nPC-1\nhost:PC*1\n10.1.0.7\nhost:büro 01\n", &[]).exits(0);
    assert_eq!(room.asked().len(), 5, "{output}");
}

#[test]
fn a_listing_is_a_target_file() {
    let room = Ksc::examples("");
    let listing = room.env.run(["hosts", "--vendor", "kaspersky", "--plain"]).exits(0);
    let status = room.env.run_with_input(["status", "--vendor", "kaspersky", "-o", "jsonl", "-"], &listing.stdout);
    assert_eq!(status.exits(6).results().len(), 10);
    room.was_left_alone();
}

#[test]
fn a_rehearsal_has_hosts_in_every_group_that_is_named() {
    let env = TestEnv::new();
    env.file("list.txt", "pc-1\npc-2\n");
    let args = ["isolate", "--vendor", "kaspersky", "--simulate", "--wait=30s", "-o", "jsonl", "--group", "Finance"];
    let output = env.run(args).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 8)].into(), "{output}");
    let output = env.run([&args[..], &["--group", "Sales", "list.txt"]].concat()).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 18)].into(), "{output}");
    let output =
        env.run(["status", "--vendor", "kaspersky", "--simulate", "--group", "Finance", "-o", "jsonl"]).exits(6);
    assert_eq!(output.results().len(), 8, "{output}");
}

#[test]
fn the_hosts_of_a_group_count_for_the_limit_of_hosts() {
    let room = Ksc::of(ODD, "");
    room.env.add_config("[safety]\nmax_targets = 7");
    let output = room.env.run(["isolate", "--vendor", "kaspersky", "--yes", "--group", "Reception"]).exits(5);
    assert!(output.stderr.contains("max_targets") && output.stderr.contains('8'), "{output}");
    room.was_left_alone();
}

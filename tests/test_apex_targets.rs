//! How targets become agents of Apex Central: from one list, whatever they are and however many, and never by guessing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{AT_ONCE, Console, Output, TestEnv};

const FIN: &str = "6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90";
const FIN_OTHER: &str = "C7702B18-0E94-4D3A-B6F1-5A90E2D4C833";
const ENGINEER: &str = "D50A7C13-4B9F-4E62-8A37-F1C80E295B4D";
const FILES: &str = "3E94B1F7-C026-4D58-B7A9-60D3F85E127C";

fn examples() -> (Console, TestEnv) {
    let console = Console::of_examples(AT_ONCE);
    let env = TestEnv::of(&console);
    (console, env)
}

/// The agents that were asked to be isolated, each as often as it was asked.
fn asked(console: &Console) -> Vec<String> {
    let hosts = console.fleet().hosts();
    hosts.iter().flat_map(|host| std::iter::repeat_n(host.id.clone(), host.puts.into())).collect()
}

/// The ways to write a target, each with the prefix that some need.
const KINDS: usize = 14;

/// A fleet in which agent `n` has its own everything, and agent `n` written in way `n % KINDS`.
fn mixed(count: usize) -> (Value, Vec<String>) {
    let mut agents = Vec::new();
    let mut targets = Vec::new();
    for n in 0..count {
        let number = format!("{:012x}", 0xfeed_0000_0000_u64 + n as u64);
        let id = match n % KINDS {
            2 => format!("{number}-{:08x}-4e61-a3d7-059c", n + 0xa000_0000),
            3 => format!("agent_{n}~Opaque"),
            0 => format!("{:08X}-7B3D-4E88-9A41-{}", n + 0xA000_0000, number.to_uppercase()),
            _ => format!("{:08x}-7b3d-4e88-9a41-{number}", n + 0xa000_0000),
        };
        let (high, low) = (n / 250, n % 250 + 1);
        let mac = format!("02-00-5E-{:02X}-{:02X}-AB", high + 0x10, low);
        let pairs: Vec<&str> = mac.split('-').collect();
        agents.push(json!({
            "entity_id": id,
            "host_name": format!("HOST-{n:04}"),
            "ad_domain": "corp.example.test",
            "ip_address_list": format!("10.7.{high}.{low},2001:db8::{n:x},fe80::5:{n:x}%{}", n % 9 + 1),
            "mac_address_list": format!("02-00-5F-00-{high:02X}-{low:02X},{mac}"),
        }));
        targets.push(match n % KINDS {
            0 => id.to_lowercase(),
            1 => id.to_uppercase(),
            2 => id,
            3 => format!("id:{}", id.to_uppercase()),
            4 => format!("host-{n:04}"),
            5 => format!("HOST-{n:04}.Corp.Example.Test."),
            6 => format!("10.7.{high}.{low}"),
            7 => format!("2001:0db8:0::{n:x}"),
            8 => format!("fe80::5:{n:x}%eth0"),
            9 => format!("FE80::5:{n:X}"),
            10 => pairs.join(":").to_lowercase(),
            11 => mac,
            12 => pairs
                .concat()
                .to_lowercase()
                .as_bytes()
                .chunks(4)
                .map(|part| String::from_utf8_lossy(part))
                .collect::<Vec<_>>()
                .join("."),
            _ => format!("ip:::ffff:10.7.{high}.{low}"),
        });
    }
    (agents.into(), targets)
}

#[test]
fn every_kind_of_target_alone_costs_one_list_and_one_action() {
    let (agents, targets) = mixed(2 * KINDS);
    let fleet = agents.as_array().unwrap().clone();
    for (target, agent) in targets.iter().zip(&fleet) {
        let console = Console::of_agents(&agents, AT_ONCE);
        let env = TestEnv::of(&console);
        let output = env.isolate_agents(target, &[]).exits(0);
        assert_eq!(console.cut_off(), [agent["entity_id"].as_str().unwrap()], "{target}\n{output}");
        console.listed_once_and_took(1);
        let result = output.result();
        assert_eq!(result["target"], target.as_str());
        assert_eq!(result["host"]["id"], agent["entity_id"], "in the console's spelling");
    }
}

#[test]
fn five_hundred_targets_of_every_kind_cost_one_list_and_five_hundred_actions() {
    let (agents, targets) = mixed(520);
    let console = Console::of_agents(&agents, AT_ONCE);
    let env = TestEnv::of(&console);
    let output = env.isolate_agents(targets[..500].join("\n"), &[]).exits(0);
    assert_eq!(output.outcomes(), BTreeMap::from([("accepted".to_owned(), 500)]));
    console.listed_once_and_took(500);
    let hosts = console.fleet().hosts();
    for (n, host) in hosts.iter().enumerate() {
        assert_eq!((host.puts, host.puts_accepted), if n < 500 { (1, 1) } else { (0, 0) }, "{n}: {}", host.id);
    }
    assert_eq!(console.cut_off().len(), 500);
}

#[test]
fn a_large_fleet_is_still_one_list_and_waiting_is_one_list_a_round() {
    let console = Console::apex(edrctl::simulator::Fleet::of_size(3_000), "[[confirm]]\nafter = \"1200ms\"\n");
    let env = TestEnv::of(&console);
    let forty: String = console.guids().lines().step_by(70).take(40).map(|line| format!("{line}\n")).collect();
    let output = env.isolate_agents(forty, &["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), BTreeMap::from([("confirmed".to_owned(), 40)]));
    assert_eq!(console.fleet().isolated(), 40);
    let (lists, posts) = (console.lists(), console.posts());
    assert_eq!((posts, console.stats().total()), (40, lists + posts), "nobody is asked for one by one");
    assert!((2..=5).contains(&lists), "a plan and a list a round: {lists}");
}

#[test]
fn nothing_is_sent_for_hosts_that_need_or_allow_no_action() {
    let (console, env) = examples();
    let cases = [
        ("RECEPTION-02", "already", ""),
        ("SALES-LT-90", "already", ""),
        ("PLANT-PANEL-3", "refused", "not_capable"),
        ("LAB-KIOSK-02", "refused", "not_capable"),
        ("SALES-LT-07", "unresolved", "ambiguous"),
        ("02:00:5e:10:01:07", "unresolved", "ambiguous"),
        ("10.20.30.41", "unresolved", "ambiguous"),
        ("nobody", "unresolved", "not_found"),
        ("10.99.99.99", "unresolved", "not_found"),
        ("02:00:5e:99:99:99", "unresolved", "not_found"),
        ("00000000-0000-4000-8000-00000000dead", "unresolved", "not_found"),
        ("FILES-02", "accepted", ""),
    ];
    let output = env.isolate_agents(cases.map(|(target, ..)| format!("{target}\n")).concat(), &[]).exits(6);
    for (target, outcome, code) in cases {
        let result = result_of(&output, target);
        assert_eq!(
            (&result["outcome"], result["reason_code"].as_str().unwrap_or("")),
            (&outcome.into(), code),
            "{result}"
        );
    }
    assert_eq!(asked(&console), [FILES]);
    console.listed_once_and_took(1);
}

#[test]
fn a_host_on_its_way_off_the_network_is_put_back_and_one_that_is_on_it_is_not_touched() {
    let (console, env) = examples();
    let list = env.file("hosts.txt", "SALES-LT-90\nRECEPTION-02\nFILES-02\nPLANT-PANEL-3\n");
    let output = env.run(["unisolate", "--vendor", "apex", "--yes", "-o", "jsonl", &list]).exits(6);
    for (target, outcome) in [
        ("SALES-LT-90", "accepted"),
        ("RECEPTION-02", "accepted"),
        ("FILES-02", "already"),
        ("PLANT-PANEL-3", "refused"),
    ] {
        assert_eq!(output.outcome_of(target), outcome, "{output}");
    }
    console.listed_once_and_took(2);
}

#[track_caller]
fn result_of(output: &Output, target: &str) -> Value {
    let results = output.results();
    results.into_iter().find(|result| result["target"] == target).unwrap_or_else(|| panic!("{target}\n{output}"))
}

#[test]
fn the_names_of_one_host_are_one_host() {
    let (console, env) = examples();
    let names = format!(
        "FILES-02\n{FILES}\n{}\nid:{FILES}\n10.20.40.10\n172.16.40.10\n2001:db8:40::10\nfe80::5eff:fe10:310%3\n\
         02-00-5E-10-03-10\n02:00:5e:10:03:11\nfiles-02\n",
        FILES.to_lowercase()
    );
    let output = env.isolate_agents(names, &[]).exits(0).says("each host is acted on once");
    assert_eq!(asked(&console), [FILES]);
    console.listed_once_and_took(1);
    let result = output.result();
    assert_eq!((&result["target"], &result["line"]), (&"FILES-02".into(), &1.into()));
    let mut lines: Vec<u64> =
        result["duplicates"].as_array().unwrap().iter().map(|also| also["line"].as_u64().unwrap()).collect();
    lines.sort_unstable();
    assert_eq!(lines, (2..=11).collect::<Vec<_>>(), "{output}");
}

#[test]
fn several_agents_of_one_name_are_shown_and_none_is_taken() {
    let (console, env) = examples();
    let output = env.isolate_agents("fin-desk-0041\n", &[]).exits(6);
    let result = output.result();
    assert_eq!((&result["outcome"], &result["reason_code"]), (&"unresolved".into(), &"ambiguous".into()));
    let mut shown = result["candidates"].as_array().unwrap().clone();
    shown.sort_by_key(|one| one["id"].to_string());
    let facts = |one: &Value| ["id", "name", "product", "state"].map(|key| one[key].as_str().unwrap().to_owned());
    assert_eq!(facts(&shown[0]), [FIN, "FIN-DESK-0041", "SLF_PRODUCT_OFFICESCAN_CE", "normal"]);
    assert_eq!(facts(&shown[1]), [FIN_OTHER, "FIN-DESK-0041", "SLF_PRODUCT_HEADLESS_DSM", "not_supported"]);
    for format in ["human", "csv"] {
        let output = env.run(["isolate", "--vendor", "apex", "--yes", "-o", format, "hosts.txt"]).exits(6);
        for fact in [FIN, FIN_OTHER, "SLF_PRODUCT_OFFICESCAN_CE", "SLF_PRODUCT_HEADLESS_DSM", "not_supported"] {
            assert!(output.stdout.contains(fact), "{format}: {fact}\n{output}");
        }
    }
    console.was_left_alone();
    // One of the shown ids is enough.
    env.isolate_agents(FIN, &[]).exits(0);
    assert_eq!(asked(&console), [FIN]);
}

#[test]
fn product_narrows_what_a_name_and_an_address_may_mean() {
    let (console, env) = examples();
    for target in ["FIN-DESK-0041\n", "10.20.30.41\n", "02-00-5E-10-00-41\n"] {
        let dry = env.isolate_agents(target, &["--dry-run", "--product", "SLF_PRODUCT_OFFICESCAN_CE"]).exits(0);
        assert_eq!(dry.result()["host"]["id"], FIN, "{dry}");
        let dry = env.isolate_agents(target, &["--dry-run", "--product", "SLF_PRODUCT_HEADLESS_DSM"]).exits(6);
        assert_eq!(dry.result()["reason_code"], "not_capable", "{dry}");
    }
    console.was_left_alone();
    env.isolate_agents("FIN-DESK-0041\n", &["--product", "SLF_PRODUCT_OFFICESCAN_CE"]).exits(0);
    assert_eq!(asked(&console), [FIN]);
    // An agent of another product is no candidate, whatever it was named by.
    let output = env.isolate_agents(FIN, &["--product", "SLF_PRODUCT_HEADLESS_DSM"]).exits(6);
    assert_eq!(output.result()["outcome"], "unresolved", "{output}");
    let says = |output: &Output| output.result()["reason"].as_str().unwrap().to_owned();
    assert!(says(&output).starts_with("no agent of product `SLF_PRODUCT_HEADLESS_DSM` has this id"), "{output}");
    for (target, what) in [("SALES-LT-07\n", "name"), ("10.99.99.99\n", "address")] {
        let output = env.isolate_agents(target, &["--product", "NOBODY"]).exits(6);
        assert!(says(&output).starts_with(&format!("no agent of product `NOBODY` has this {what}")), "{output}");
    }
    assert_eq!(asked(&console), [FIN]);
    // Two agents of one product stay two.
    env.isolate_agents("SALES-LT-07\n", &["--product", "SLF_PRODUCT_OFFICESCAN_CE"]).exits(6);
    assert_eq!(asked(&console), [FIN]);
    // What could not stand in an address is not asked for.
    let before = console.stats().total();
    env.isolate_agents(FIN, &["--product", "A&entity_id=B"]).exits(2);
    assert_eq!(console.stats().total(), before);
}

const LONG: &str = "Engineering-Workstation-7";

#[test]
fn a_name_that_the_console_cut_off_is_shown_and_not_taken() {
    let (console, env) = examples();
    for target in [LONG, "engineering-workstation-7.corp.example.test"] {
        let result = env.isolate_agents(target, &[]).exits(6).result();
        assert_eq!(
            (&result["outcome"], &result["reason_code"]),
            (&"unresolved".into(), &"not_found".into()),
            "{result}"
        );
        assert!(result["reason"].as_str().unwrap().contains("--netbios"), "{result}");
        assert_eq!(result["candidates"][0]["id"], ENGINEER, "{result}");
        assert_eq!(result["note"], Value::Null);
    }
    console.was_left_alone();
}

#[test]
fn netbios_takes_the_cut_name_and_says_so_everywhere() {
    const NOTE: &str = "the console's name is the first 15 characters of what was written";
    let (console, env) = examples();
    let output = env.isolate_agents(LONG, &["--netbios"]).exits(0);
    assert_eq!(asked(&console), [ENGINEER]);
    console.listed_once_and_took(1);
    assert_eq!(output.result()["note"], NOTE, "{output}");
    for format in ["human", "jsonl"] {
        let shown = env.run(["runs", "show", "latest", "-o", format]).exits(0);
        assert!(shown.stdout.contains(NOTE), "{format}\n{shown}");
    }
    for format in ["human", "json", "csv"] {
        let output =
            env.run(["isolate", "--vendor", "apex", "--netbios", "--dry-run", "-o", format, "hosts.txt"]).exits(0);
        assert!(output.stdout.contains(NOTE), "{format}\n{output}");
    }
    for command in [&["status", "--vendor", "apex"][..], &["apex-isolate", "--yes"]] {
        let output = env.run([command, &["--netbios", "-o", "jsonl", "hosts.txt"]].concat()).exits(0);
        assert_eq!(output.result()["note"], NOTE, "{output}");
    }
    // The full name is cut to the same.
    let output = env.isolate_agents("engineering-workstation-7.corp.example.test", &["--netbios"]).exits(0);
    assert_eq!(output.outcomes(), BTreeMap::from([("already".to_owned(), 1)]));
    // What leads on from here is as daring.
    let human = env.run(["isolate", "--vendor", "apex", "--netbios", "--dry-run", "hosts.txt"]).exits(0);
    assert!(human.stdout.contains("already"), "{human}");
}

#[test]
fn two_targets_that_are_cut_to_the_same_are_nobodys() {
    let (console, env) = examples();
    let output = env.isolate_agents(format!("{LONG}\nengineering-workbench-2\nFILES-02\n"), &["--netbios"]).exits(6);
    for target in [LONG, "engineering-workbench-2"] {
        let result = result_of(&output, target);
        assert_eq!(result["outcome"], "unresolved", "{result}");
        assert_eq!(result["candidates"][0]["id"], ENGINEER, "{result}");
    }
    assert_eq!(asked(&console), [FILES]);
    // The same name twice is one target and no quarrel.
    let list = format!("{LONG}\n{}\n{LONG}.corp.example.test\n", LONG.to_uppercase());
    let output = env.isolate_agents(list, &["--netbios"]).exits(0);
    assert_eq!(output.result()["host"]["id"], ENGINEER, "{output}");
}

#[test]
fn what_the_console_calls_by_its_whole_name_needs_no_cutting() {
    let (console, env) = examples();
    let output = env.isolate_agents("engineering-wor\n", &[]).exits(0);
    assert_eq!(asked(&console), [ENGINEER]);
    assert_eq!(output.result()["note"], Value::Null);
    // A name that only begins like a host's is another name: fifteen characters are cut, never fourteen or sixteen.
    let (console, env) = examples();
    env.isolate_agents("reception-01-old\nfiles-02x\nengineering-wo\n", &["--netbios"]).exits(6);
    console.was_left_alone();
}

#[test]
fn a_full_name_is_taken_where_nothing_speaks_against_its_domain() {
    let agents = json!([
        {"entity_id": "whole", "host_name": "WHOLE", "ad_domain": "corp.example.test"},
        {"entity_id": "first", "host_name": "FIRST", "ad_domain": "CORP"},
        {"entity_id": "none", "host_name": "NONE", "ad_domain": ""},
        {"entity_id": "other", "host_name": "OTHER", "ad_domain": "lab.example.test"},
    ]);
    for (target, taken) in [
        ("whole.corp.example.test", true),
        ("first.corp.example.test", true),
        ("none.corp.example.test", true),
        ("other.corp.example.test", false),
        ("whole.corp.example", false),
        ("other", true),
    ] {
        let console = Console::of_agents(&agents, AT_ONCE);
        let env = TestEnv::of(&console);
        let output = env.isolate_agents(target, &[]).exits(if taken { 0 } else { 6 });
        let host = target.split('.').next().unwrap();
        assert_eq!(asked(&console), if taken { vec![host] } else { vec![] }, "{target}\n{output}");
        if !taken {
            assert_eq!(output.result()["candidates"][0]["id"], host, "shown at least\n{output}");
        }
    }
}

#[test]
fn a_cut_name_in_another_domain_is_another_hosts() {
    let agents = json!([
        {"entity_id": "whole", "host_name": "ENGINEERING-WOR", "ad_domain": "corp.example.test"},
        {"entity_id": "first", "host_name": "PURCHASING-LAPT", "ad_domain": "CORP"},
        {"entity_id": "none", "host_name": "MANUFACTURING-T", "ad_domain": ""},
    ]);
    for (target, taken) in [
        ("engineering-workstation-7.corp.example.test", Some("whole")),
        ("engineering-workstation-7", Some("whole")),
        ("engineering-workstation-7.lab.example.test", None),
        ("purchasing-laptop-9.corp.example.test", Some("first")),
        ("purchasing-laptop-9.lab.example.test", None),
        ("manufacturing-tablet-3.lab.example.test", Some("none")),
    ] {
        let console = Console::of_agents(&agents, AT_ONCE);
        let env = TestEnv::of(&console);
        let output = env.isolate_agents(target, &["--netbios"]).exits(if taken.is_some() { 0 } else { 6 });
        assert_eq!(asked(&console), Vec::from_iter(taken), "{target}\n{output}");
        if taken.is_none() {
            let result = output.result();
            assert_eq!(result["candidates"].as_array().unwrap().len(), 1, "shown at least\n{output}");
            // `--netbios` was given, so it is no advice.
            assert!(!result["reason"].as_str().unwrap().contains("--netbios"), "{output}");
        }
    }
}

#[test]
fn a_cut_name_that_several_agents_have_is_nobodys_even_if_several_are_wanted() {
    let agents = json!([
        {"entity_id": "one", "host_name": "ENGINEERING-WOR"},
        {"entity_id": "two", "host_name": "ENGINEERING-WOR"},
    ]);
    let console = Console::of_agents(&agents, AT_ONCE);
    let env = TestEnv::of(&console);
    let list = env.file("hosts.txt", LONG);
    let more = ["--yes", "--netbios", "--allow-multiple", "-o", "jsonl", &list];
    let output = env.run(["apex-isolate"].iter().chain(&more)).exits(6);
    assert_eq!(output.result()["candidates"].as_array().unwrap().len(), 2, "{output}");
    console.was_left_alone();
}

#[test]
fn one_name_in_two_domains_is_told_apart_by_the_full_name() {
    let agents = json!([
        {"entity_id": "corp", "host_name": "WEB-01", "ad_domain": "corp.example.test"},
        {"entity_id": "lab", "host_name": "WEB-01", "ad_domain": "lab.example.test"},
    ]);
    for (target, taken) in
        [("web-01.lab.example.test", &["lab"][..]), ("WEB-01.CORP.example.test", &["corp"]), ("web-01", &[])]
    {
        let console = Console::of_agents(&agents, AT_ONCE);
        let env = TestEnv::of(&console);
        let output = env.isolate_agents(target, &[]);
        assert_eq!(asked(&console), taken, "{target}\n{output}");
    }
}

#[test]
fn one_host_never_passes_for_two_machines_of_two_domains() {
    let agents = json!([
        {"entity_id": "bare", "host_name": "WEB-01", "ad_domain": ""},
        {"entity_id": "cut", "host_name": "ENGINEERING-WOR", "ad_domain": ""},
    ]);
    let console = Console::of_agents(&agents, AT_ONCE);
    let env = TestEnv::of(&console);
    let names = ["web-01", LONG].map(|name| format!("{name}.corp.example.test\n{name}.lab.example.test\n")).concat();
    let output = env.isolate_agents(&names, &["--netbios"]).exits(6);
    console.was_left_alone();
    assert_eq!(output.outcomes(), BTreeMap::from([("unresolved".to_owned(), 4)]), "{output}");
    for result in output.results() {
        assert_eq!(result["candidates"].as_array().unwrap().len(), 1, "{result}");
        assert!(result["reason"].as_str().unwrap().contains("more than one target"), "{result}");
    }
    // Written by one of the two alone, it is theirs.
    env.isolate_agents("web-01.lab.example.test\n", &[]).exits(0);
    assert_eq!(asked(&console), ["bare"]);
}

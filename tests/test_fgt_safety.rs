//! What is never blocked, and when nothing is sent at all.

use crate::support::{Console, GROUP, Output, Room, Wall, addresses};

/// The reason of each target, in the order of the list.
fn reasons(output: &Output, list: &str) -> Vec<String> {
    let results = output.results();
    let of = |line: &str| {
        let found =
            results.iter().find(|result| result["target"] == line).unwrap_or_else(|| panic!("{line}\n{output}"));
        assert_eq!(found["outcome"], "refused", "{found}");
        found["reason_code"].as_str().unwrap().to_owned()
    };
    list.lines().map(of).collect()
}

#[test]
fn what_must_stay_reachable_is_refused_with_its_reason() {
    let wall = Wall::rest("");
    wall.env.add_config(
        "[safety]\nnever_block = [\"203.0.113.128/25\", \"own-shop.biz\", \"@vital.txt\"]\nprotected = [\"198.51.100.7\", \"*.vital.biz\"]",
    );
    let config = wall.env.path().join("home/.config/edrctl/vital.txt");
    std::fs::write(config, "# ours\n2001:db8:1::/48\nmail.own.biz\n").unwrap();
    let list = "10.1.2.3\n127.0.0.1\n169.254.169.254\n192.168.1.1\n224.0.0.1\n0.0.0.0\n8.8.8.8\n1.1.1.1\n::1\n\
        ::ffff:8.8.4.4\n64:ff9b::10.0.0.1\nfe80::1\n203.0.113.200\n198.51.100.7\nown-shop.biz\nwww.own-shop.biz\n\
        2001:db8:1::9\nown.biz\nx.vital.biz\nco.uk\ngithub.io\nprinter.local\nupdate.microsoft.com\ndns.google\n\
        203.0.113.0/30\n203.0.112.0/20\n255.255.255.255";
    let output = wall.block(&format!("203.0.113.9\n{list}\n"), &[]).exits(6);
    assert_eq!(
        reasons(&output, list),
        [
            "private",
            "loopback",
            "link_local",
            "private",
            "multicast",
            "unspecified",
            "public_resolver",
            "public_resolver",
            "loopback",
            "public_resolver",
            "private",
            "link_local",
            "never_block",
            "never_block",
            "never_block",
            "never_block",
            "never_block",
            "never_block",
            "protected",
            "public_suffix",
            "public_suffix",
            "special_domain",
            "vendor_domain",
            "public_resolver",
            "prefix_too_wide",
            "prefix_too_wide",
            "reserved",
        ],
        "{output}"
    );
    assert_eq!(wall.blocked(), ["203.0.113.9"]);
    wall.assert_unharmed();
}

#[test]
fn text_that_an_attacker_chose_reaches_nothing() {
    let wall = Wall::rest("");
    let texts = [
        "bad.example\"\nset member all",
        "bad.example; reboot",
        "'; drop",
        "bad.example\u{1b}[2J",
        "$(reboot).example",
        "bad\\.example",
        "a?b.example",
        "../../policy",
        "bad.example%0aend",
        "*.example",
        "-x.example",
        "xn--a.example",
        "203.0.113.9/0",
        "0x7f.1",
        "http://8.8.8.8@bad.example/",
        "１２７.0.0.1",
        "mac:x",
        "id:",
    ];
    let records: String = texts
        .iter()
        .map(|text| {
            serde_json::json!({"schema": "edrctl.indicator/1", "kind": "domain", "value": text}).to_string() + "\n"
        })
        .collect();
    let input = format!("{records}203.0.113.9\n");
    let output =
        wall.env.run_with_input(["block", "--vendor", "fortigate", "--yes", "-o", "jsonl", "-"], &input).exits(6);
    assert_eq!(wall.blocked(), ["203.0.113.9"], "{output}");
    assert_eq!(output.outcomes()["refused"], texts.len(), "{output}");
    for result in output.results().iter().filter(|result| result["outcome"] == "refused") {
        assert_eq!(result["reason_code"], "bad_indicator", "{result}");
        assert!(result["host"].is_null(), "{result}");
    }
    wall.assert_unharmed();
    // On a terminal nothing of it is obeyed.
    let output = wall.env.run_with_input(["block", "--vendor", "fortigate", "--yes", "-"], &input).exits(6);
    assert!(!output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'), "{output}");
}

#[test]
fn a_list_of_nothing_but_what_is_refused_is_refused_whole() {
    let wall = Wall::rest("");
    let saved = wall.firewall().saved();
    wall.block("10.0.0.1\n8.8.8.8\n", &[]).exits(5).says("every indicator is refused by a rule");
    assert_eq!(wall.firewall().saved(), saved);
    assert!(wall.env.journals().is_empty());
}

#[test]
fn a_list_of_what_is_never_blocked_that_cannot_be_read_stops_everything() {
    for entry in ["@missing.txt", "10.0.0.0/33", "a.*.b", ""] {
        let wall = Wall::rest("");
        let saved = wall.firewall().saved();
        wall.env.add_config(&format!("[safety]\nnever_block = [\"{entry}\"]"));
        wall.block("203.0.113.9\n", &[]).exits(3).says("never blocked");
        assert_eq!(wall.firewall().saved(), saved, "{entry}");
    }
}

#[test]
fn documents_addresses_are_open_to_tests_and_rehearsals_alone() {
    let mut wall = Wall::rest("");
    wall.room.env.unset("__EDRCTL_OPEN_EXAMPLES");
    let output = wall.block("203.0.113.9\nbad.example\nbad.test\n2001:db8::1\n", &[]).exits(5);
    assert!(wall.blocked().is_empty());
    let codes: Vec<_> = output.results().iter().map(|result| result["reason_code"].clone()).collect();
    assert_eq!(codes, ["documentation", "special_domain", "special_domain", "documentation"], "{output}");
    // Nor can a variable open a firewall elsewhere.
    wall.room.env.set("__EDRCTL_OPEN_EXAMPLES", "1").set("EDRCTL_FORTIGATE_URL", "https://198.51.100.1");
    wall.block("203.0.113.9\n", &[]).exits(5).says("for a firewall on this machine only");
}

#[test]
fn networks_are_blocked_only_where_they_are_allowed() {
    let wall = Wall::rest("");
    let output =
        wall.block("203.0.113.0/24\n203.0.112.0/23\n2001:db8:7::/48\n", &["--max-prefix", "24", "--max-prefix6", "48"]);
    let output = output.exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2), ("refused".to_owned(), 1)].into(), "{output}");
    assert_eq!(wall.blocked(), ["2001:db8:7::/48", "203.0.113.0 255.255.255.0"]);
    wall.block("203.0.113.0/24\n", &["--max-prefix", "16"]).exits(2);
}

#[test]
fn a_run_puts_in_no_more_than_was_said() {
    let wall = Wall::rest("");
    let saved = wall.firewall().saved();
    wall.block(&addresses(51), &[]).exits(5).says("51 indicators to block").says("--max-new 51");
    wall.block(&addresses(3), &["--max-new", "2"]).exits(5).says("at most 2");
    wall.env.add_config("[safety]\nmax_targets = 2");
    wall.block(&addresses(3), &[]).exits(5).says("max_targets");
    assert_eq!(wall.firewall().saved(), saved);
}

#[test]
fn a_group_takes_no_more_than_the_configuration_allows() {
    let wall = Wall::rest("");
    wall.env.add_config("max_members = 4");
    wall.block(&addresses(3), &[]).exits(5).says("2 members").says("`max_members` allows 4");
    wall.block(&addresses(2), &[]).exits(0);
    wall.block(&addresses(3), &["--max-new", "1"]).exits(0);
}

#[test]
fn each_group_has_room_of_its_own() {
    let wall = Wall::rest("");
    wall.env.add_config("max_members = 4");
    // The IPv6 group has one member, so three find room there, whatever is in the other one.
    let six = |count: u32| (1..=count).map(|n| format!("2001:db8::{n}\n")).collect::<String>();
    let saved = wall.firewall().saved();
    wall.block(&six(4), &[]).exits(5).says("4 indicators would be added to 1 members").says("`max_members` allows 4");
    assert_eq!(wall.firewall().saved(), saved);
    wall.block(&format!("{}{}", six(3), addresses(2)), &[]).exits(0);
    wall.assert_unharmed();
}

/// How many objects of ours there are, in the group or not.
fn ours_of(wall: &Wall) -> usize {
    wall.firewall().addresses().iter().filter(|address| address.name.starts_with("edr-")).count()
}

#[test]
fn a_group_that_is_full_leaves_nothing_half_written() {
    // Two are in it, and there is room for three more.
    let room = "[fortigate]\nmax_members = 5\n";
    for wall in [Wall::rest(room), Wall::ssh(room)] {
        let output = wall.block(&addresses(6), &["--concurrency", "1"]).exits(7);
        let run = output.says("no room").run_name();
        assert_eq!(wall.blocked().len(), 3);
        assert_eq!(ours_of(&wall), 3, "{:?}", wall.firewall().addresses());
        wall.assert_unharmed();
        wall.unblock(&addresses(1), &[]).exits(0);
        assert_eq!(wall.blocked().len(), 2);
        // One more finds room now, and the others do not.
        wall.env.run(["resume", &run, "--yes", "-o", "jsonl", "--concurrency", "1"]).exits(7);
        assert_eq!((wall.blocked().len(), ours_of(&wall)), (3, 3));
        wall.assert_unharmed();
        wall.env.run(["runs", "verify", "--all"]).exits(0);
    }
}

#[test]
fn a_group_with_exceptions_is_told_or_refused() {
    let spares = |names: &str| {
        format!(
            "[fortigate]\nexclude = [{names}]\n[[fortigate.people]]\nname = \"Partner\"\nsubnet = \"203.0.113.9 255.255.255.255\"\n"
        )
    };
    for make in [Wall::rest, Wall::ssh] {
        let wall = make(&spares("'Partner'"));
        let output = wall.block("203.0.113.9\n", &[]).exits(0);
        output.says("spares `Partner`").says("not that it is blocked");
        wall.assert_unharmed();
        let wall = make(&spares("'all'"));
        let saved = wall.firewall().saved();
        wall.block("203.0.113.9\n", &[]).exits(5).says("every address there is").says("nothing was sent");
        wall.env.run(["check", "fortigate"]).exits(5).says("spares `all`");
        assert_eq!(wall.firewall().saved(), saved);
    }
}

#[test]
fn a_policy_that_lets_through_stops_everything() {
    for (faults, words) in [
        ("group_policy = \"accept\"", "its action is `accept`"),
        ("group_policy = \"both\"", "its action is `accept`"),
        ("group_policy = \"nested\"", "through the group `Partners`"),
        ("negate = true", "would be spared"),
        ("folder = true", "is a folder"),
        ("version = \"v5.6.11\"", "v5.6.11"),
        ("group = \"Other\"", "policy"),
    ] {
        let mut wall = Room::with(Console::fortigate(&format!("[fortigate]\n{faults}\n")));
        wall.env.set("__EDRCTL_OPEN_EXAMPLES", "1");
        if faults.starts_with("group = ") {
            wall.env.set("EDRCTL_FORTIGATE_GROUP", "Missing");
        }
        wall.env.file("list.txt", "203.0.113.9\n");
        let saved = wall.console.inner().firewall().unwrap().saved();
        for more in [&["--yes"][..], &["--dry-run"]] {
            let args = [&["block", "--vendor", "fortigate", "list.txt"][..], more].concat();
            wall.env.run(args).exits(5).says(words).says("nothing was sent");
        }
        wall.env.run(["check", "fortigate"]).exits(5).says(words);
        assert_eq!(wall.console.inner().firewall().unwrap().saved(), saved, "{faults}");
    }
}

#[test]
fn what_a_policy_lets_through_can_be_taken_out() {
    // Somebody has made the block list a guest list: now it is most urgent that nothing of it stays.
    for take_out in [&["undo", "latest", "--yes"][..], &["unblock", "--vendor", "fortigate", "--yes", "list.txt"]] {
        let wall = Wall::rest("");
        wall.block("203.0.113.9\n", &[]).exits(0);
        wall.firewall().turn_policies("accept");
        wall.env.run(["block", "--vendor", "fortigate", "--yes", "list.txt"]).exits(5);
        wall.env.run(take_out).exits(0).says("its action is `accept`");
        assert!(wall.blocked().is_empty(), "{take_out:?}");
    }
}

#[test]
fn a_policy_that_is_off_or_missing_is_a_warning() {
    for policy in ["disabled", "none"] {
        let wall = Wall::rest(&format!("[fortigate]\ngroup_policy = \"{policy}\"\n"));
        wall.block("203.0.113.9\n", &[]).exits(0).says("is not blocked");
        assert_eq!(wall.blocked(), ["203.0.113.9"]);
    }
}

#[test]
fn a_virtual_domain_that_is_not_there_is_told() {
    let wall = Wall::rest("[fortigate]\nvdoms = [\"edge\"]\n");
    wall.block("203.0.113.9\n", &[]).exits(0);
    let mut wall = Wall::rest("");
    wall.room.env.set("EDRCTL_FORTIGATE_VDOM", "dmz");
    wall.block("203.0.113.9\n", &[]).exits(5).says("no virtual domain `dmz`");
}

#[test]
fn what_has_our_name_and_not_our_mark_is_left_alone() {
    let wall = Wall::rest("");
    wall.block("203.0.113.9\n", &[]).exits(0);
    let name = wall.firewall().addresses().into_iter().find(|address| address.name.starts_with("edr-")).unwrap().name;
    // Another firewall, where somebody has given one of those names to something else.
    let people =
        format!("[[fortigate.people]]\nname = \"{name}\"\nsubnet = \"198.18.3.3 255.255.255.255\"\nmember = true\n");
    let wall = Wall::rest(&people);
    let saved = wall.firewall().saved();
    let output = wall.block("203.0.113.9\n203.0.113.10\n", &[]).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1), ("refused".to_owned(), 1)].into(), "{output}");
    assert_eq!(wall.firewall().address(&name).unwrap().value, "198.18.3.3 255.255.255.255");
    wall.unblock("203.0.113.9\n", &[]).exits(6);
    assert!(wall.firewall().members(GROUP).unwrap().contains(&name));
    assert_eq!(wall.firewall().saved(), saved + 2);
}

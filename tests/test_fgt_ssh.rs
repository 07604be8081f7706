//! Blocking over the command line of a FortiGate: what is asked for is there, and nothing else has changed.

use crate::support::{GROUP, Wall, addresses};

#[test]
fn every_kind_of_indicator_is_blocked_proved_and_taken_out_again() {
    let wall = Wall::ssh("");
    let list = "203.0.113.7\nhxxp://bad[.]example.test/x\n2001:db8::7\n203.0.113.9\n";
    let output = wall.block(list, &[]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 4, "{output}");
    assert_eq!(wall.blocked(), ["2001:db8::7", "203.0.113.7", "203.0.113.9", "bad.example.test"]);
    wall.assert_unharmed();
    let saved = wall.firewall().saved();

    let again = wall.block(list, &[]).exits(0);
    assert_eq!(again.outcomes()["already"], 4, "{again}");
    assert_eq!(wall.firewall().saved(), saved, "the same run twice changes nothing");

    let output = wall.unblock(list, &[]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 4, "{output}");
    assert!(wall.blocked().is_empty());
    assert!(!wall.firewall().addresses().iter().any(|address| address.name.starts_with("edr-")));
    wall.assert_unharmed();
    wall.verify();
}

#[test]
fn many_go_in_one_session_and_in_few_exchanges() {
    let wall = Wall::ssh("");
    let output = wall.block(&addresses(120), &["--max-new", "500"]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 120, "{output}");
    assert_eq!(wall.blocked().len(), 120);
    assert_eq!(wall.firewall().ssh_sessions(), 1);
    wall.assert_unharmed();
}

#[test]
fn a_pager_is_answered_and_a_banner_accepted_and_no_setting_is_touched() {
    for faults in [
        "fortigate.banner = true\n",
        "fortigate = { banner = true, pager = false, new_entry_line = false }\n",
        "fortigate.version = 'v6.0.2'\n",
    ] {
        let wall = Wall::ssh(faults);
        let before = wall.firewall().setting("console", "output");
        let output = wall.block(&addresses(30), &[]).exits(0);
        assert_eq!(output.outcomes()["confirmed"], 30, "{output}");
        assert_eq!(wall.firewall().setting("console", "output"), before);
        wall.assert_unharmed();
    }
}

#[test]
fn virtual_domains_are_entered_and_none_is_made() {
    let wall = Wall::ssh("fortigate.vdoms = ['edge', 'dmz']\n");
    let output = wall.block(&addresses(5), &[]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 5, "{output}");
    wall.assert_unharmed();

    let mut wall = Wall::ssh("fortigate.vdoms = ['edge', 'dmz']\n");
    wall.room.env.set("EDRCTL_FORTIGATE_VDOM", "egde");
    let output = wall.block(&addresses(5), &[]);
    assert!(matches!(output.code, Some(4 | 5)), "{output}");
    assert!(output.stderr.contains("egde"), "{output}");
    assert_eq!(wall.firewall().vdoms(), ["dmz", "edge"], "a slip makes none");
    assert_eq!(wall.firewall().saved(), 0);
}

#[test]
fn hostile_text_never_reaches_the_command_line() {
    let wall = Wall::ssh("");
    let hostile = [
        "bad.example.test\\\"\\nend",
        "a;b.example.test",
        "$(reboot).example.test",
        "bad.example.test?",
        "x\ty.example.test",
        "evil'quote.example.test",
        "execute factoryreset",
        "bad.example.test | grep",
        "\u{1b}[2Jbad.example.test",
        "edr#x.example.test",
    ];
    let list = format!("203.0.113.7\n{}\nworse.example.test\n", hostile.join("\n"));
    let output = wall.block(&list, &["--skip-invalid"]);
    assert!(!output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'), "{output}");
    let blocked = wall.blocked();
    assert!(
        blocked.contains(&"203.0.113.7".to_owned()) && blocked.contains(&"worse.example.test".to_owned()),
        "{output}"
    );
    assert!(blocked.iter().all(|value| value.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))));
    let typed = String::from_utf8(wall.firewall().transcript()).unwrap();
    for word in ["reboot", "factoryreset", "?", ";", "\\", "$", "'", "#"] {
        assert!(!typed.contains(word), "{word}: {typed}");
    }
    wall.assert_unharmed();
}

#[test]
fn an_accept_policy_a_folder_or_a_missing_group_stops_everything() {
    for (faults, word) in [
        ("fortigate.group_policy = 'accept'\n", "accept"),
        ("fortigate.group_policy = 'nested'\n", "accept"),
        ("fortigate.folder = true\n", "folder"),
        ("fortigate.negate = true\n", "EDR-Block"),
    ] {
        let wall = Wall::ssh(faults);
        let output = wall.block(&addresses(3), &[]).exits(5);
        assert!(output.stderr.contains(word), "{output}");
        assert_eq!(wall.firewall().saved(), 0);
    }
    let mut wall = Wall::ssh("");
    wall.room.env.set("EDRCTL_FORTIGATE_GROUP", "EDR-Treats");
    let output = wall.block(&addresses(3), &[]);
    assert!(matches!(output.code, Some(4 | 5)), "{output}");
    assert_eq!(wall.firewall().groups(), [GROUP], "a slip makes none");
}

#[test]
fn a_rest_firewall_and_an_ssh_firewall_are_left_the_same() {
    let list = format!("{}worse.example.test\n2001:db8::9\n", addresses(9));
    let walls = [Wall::ssh(""), Wall::rest("")];
    let left: Vec<_> = walls
        .iter()
        .map(|wall| {
            wall.block(&list, &[]).exits(0);
            wall.assert_unharmed();
            let addresses = wall.firewall().addresses();
            let plain = addresses.into_iter().map(|address| (address.name, address.kind, address.value));
            (plain.collect::<Vec<_>>(), wall.firewall().members(GROUP).unwrap().len())
        })
        .collect();
    assert_eq!(left[0], left[1]);
}

#[test]
fn what_is_due_is_found_by_its_mark_and_a_run_is_taken_back() {
    for faults in ["", "fortigate.vdoms = ['root', 'dmz']\n"] {
        let mut wall = Wall::ssh(faults);
        wall.room.env.set("__EDRCTL_NOW", "2026-11-28T12:00:00Z");
        wall.block("203.0.113.1\n2001:db8::1\n", &["--expires", "7d"]).exits(0);
        wall.block("203.0.113.2\nbad.example\n", &[]).exits(0);
        wall.room.env.set("__EDRCTL_NOW", "2026-12-06T12:00:00Z");
        // Without any journal the marks are all there is.
        for journal in wall.env.journals() {
            std::fs::remove_file(journal.with_extension("seal")).unwrap();
            std::fs::remove_file(journal).unwrap();
        }
        wall.env.run(["expire", "--yes", "-o", "jsonl"]).exits(0);
        assert_eq!(wall.blocked(), ["203.0.113.2", "bad.example"]);
        wall.assert_unharmed();
        let output = wall.block("203.0.113.3\n", &[]).exits(0);
        let run = output.results()[0]["run"].as_str().unwrap().to_owned();
        wall.env.run(["undo", &run, "--yes", "-o", "jsonl"]).exits(0);
        assert_eq!(wall.blocked(), ["203.0.113.2", "bad.example"]);
        wall.assert_unharmed();
    }
}

#[test]
fn check_proves_the_way_and_changes_nothing() {
    let wall = Wall::ssh("");
    let output = wall.env.run(["check", "fortigate"]).exits(0);
    for word in ["v7.4.4", "fgt01", "FGVMTEST00000001", "EDR-Threats"] {
        assert!(output.stdout.contains(word) || output.stderr.contains(word), "{word}: {output}");
    }
    assert_eq!(wall.firewall().saved(), 0);
    let typed = String::from_utf8(wall.firewall().transcript()).unwrap();
    assert!(!typed.contains("edit") && !typed.contains("set "), "{typed}");
}

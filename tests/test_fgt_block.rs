//! Indicators in and out of a simulated FortiGate over REST, through the real program.

use serde_json::json;

use crate::support::{GROUP, Wall, addresses};

/// A list with every kind and every way to write it; two lines name one indicator.
const LIST: &str = "# from the morning's findings\n\
    203.0.113.9\n\
    hxxp://bad[.]example/x?y=1   # a comment\n\
    BAD.example.\n\
    2001:db8::9\n\
    evil(dot)test\n\
    ip:198.51.100.7\n";

#[test]
fn every_kind_of_indicator_is_blocked_and_read_back() {
    let wall = Wall::rest("");
    let output = wall.block(LIST, &["--comment", "case 17; drop \"table\""]).exits(0);
    assert_eq!(wall.blocked(), ["198.51.100.7", "2001:db8::9", "203.0.113.9", "bad.example", "evil.test"], "{output}");
    wall.assert_unharmed();
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 5)].into(), "{output}");
    let results = output.results();
    let bad = results.iter().find(|result| result["host"]["id"] == "bad.example").unwrap();
    assert_eq!(bad["target"], "hxxp://bad[.]example/x?y=1");
    assert_eq!(bad["action"], "block");
    assert_eq!(bad["vendor"], "fortigate");
    assert_eq!(bad["state"], json!("blocked"), "{output}");
    assert_eq!(bad["duplicates"][0]["target"], "BAD.example.");
    // The user's words go into the comment as far as it takes them.
    let comment = wall.firewall().address(bad["host"]["name"].as_str().unwrap()).unwrap().comment;
    assert!(comment.ends_with(" exp=never why=case 17_ drop _table_"), "{comment}");
    wall.verify();
}

#[test]
fn the_same_run_twice_changes_nothing_the_second_time() {
    let wall = Wall::rest("");
    wall.block(LIST, &[]).exits(0);
    let (saved, names) = (wall.firewall().saved(), wall.firewall().addresses());
    let output = wall.block(LIST, &[]).exits(0);
    assert_eq!(output.outcomes(), [("already".to_owned(), 5)].into(), "{output}");
    assert_eq!(wall.firewall().saved(), saved);
    assert_eq!(wall.firewall().addresses(), names);
}

#[test]
fn what_was_blocked_is_taken_out_again_and_nothing_else() {
    let wall = Wall::rest("");
    let before = wall.firewall().addresses();
    wall.block(LIST, &[]).exits(0);
    let output = wall.unblock(LIST, &[]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 5)].into(), "{output}");
    assert_eq!(wall.firewall().addresses(), before);
    wall.assert_unharmed();
    let output = wall.unblock(LIST, &[]).exits(0);
    assert_eq!(output.outcomes(), [("already".to_owned(), 5)].into(), "{output}");
}

#[test]
fn a_dry_run_sends_nothing_and_tells_every_verdict() {
    let wall = Wall::rest("");
    let saved = wall.firewall().saved();
    let output = wall.block("203.0.113.9\n10.0.0.1\n", &["--dry-run"]).exits(6);
    assert_eq!(wall.firewall().saved(), saved);
    assert!(wall.env.journals().is_empty());
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 1), ("refused".to_owned(), 1)].into(), "{output}");
}

#[test]
fn without_consent_nothing_is_sent() {
    let wall = Wall::rest("");
    let saved = wall.firewall().saved();
    wall.env.file("list.txt", "203.0.113.9\n203.0.113.10\n");
    let args = ["block", "--vendor", "fortigate", "list.txt"];
    wall.env.run(args).exits(5).says("block 2 indicators needs consent").says("--yes");
    wall.env.run([&args[..], &["--expect-count", "3"]].concat()).exits(5).says("3 indicators expected");
    assert_eq!(wall.firewall().saved(), saved);
    wall.env.run([&args[..], &["--expect-count", "2"]].concat()).exits(0);
    assert_eq!(wall.blocked().len(), 2);
}

#[test]
fn records_are_taken_from_a_pipe() {
    let wall = Wall::rest("");
    let record = |kind: &str, value: &str| {
        json!({"schema": "edrctl.indicator/1", "kind": kind, "value": value, "machines": ["#1", "b"]}).to_string()
    };
    let missing = json!({"schema": "edrctl.indicators/1", "complete": false}).to_string();
    let records = [record("ipv4", "203.0.113.9"), record("domain", "bad.example\0"), "203.0.113.8".to_owned(), missing];
    let args = ["block", "--vendor", "fortigate", "--yes", "-o", "jsonl", "-"];
    let output = wall.env.run_with_input(args, records.join("\n")).exits(6).says("it is not whole");
    assert_eq!(wall.blocked(), ["203.0.113.8", "203.0.113.9", "bad.example"], "{output}");
}

#[test]
fn columns_and_fields_are_taken() {
    let wall = Wall::rest("");
    let block = |list: &str, more: &[&str]| wall.block(list, more).exits(0);
    block("seen,ioc\n1,203.0.113.1\n2,bad.example\n", &["--column", "ioc"]);
    block("{\"a\":{\"ip\":\"203.0.113.2\"}}\n{\"dst\":\"203.0.113.3\"}\n", &["--field", "/a/ip", "--field", "/dst"]);
    assert_eq!(wall.blocked(), ["203.0.113.1", "203.0.113.2", "203.0.113.3", "bad.example"]);
}

#[test]
fn many_indicators_go_in_few_requests() {
    let wall = Wall::rest("");
    let list = addresses(200);
    let output = wall.block(&list, &["--max-new", "200"]).exits(0);
    assert_eq!(wall.blocked().len(), 200, "{output}");
    // Two requests that change something for each, and few that read.
    let requests = wall.console.stats().total();
    assert!(requests < 2 * 200 + 90, "{requests}");
    wall.assert_unharmed();
}

#[test]
fn a_rehearsal_needs_no_firewall_and_no_configuration() {
    let env = crate::support::TestEnv::new();
    env.file("list.txt", LIST);
    for command in ["block", "unblock"] {
        let output = env.run([command, "--vendor", "fortigate", "--simulate", "list.txt"]).exits(0);
        assert!(output.stdout.contains("rehearsal: the firewall was simulated"), "{output}");
        assert!(output.stdout.contains("5  confirmed"), "{output}");
    }
    let output = env.run(["check", "fortigate", "--simulate"]).exits(0);
    assert!(output.stdout.contains("v7.4.4") && output.stdout.contains(GROUP), "{output}");
}

#[test]
fn hosts_and_indicators_are_not_mixed_up() {
    let wall = Wall::rest("");
    wall.env.file("list.txt", "203.0.113.9\n");
    for args in
        [["isolate", "--vendor", "fortigate"], ["status", "--vendor", "fortigate"], ["block", "--vendor", "cisco"]]
    {
        wall.env.run([&args[..], &["list.txt"]].concat()).exits(2).says("possible values");
    }
}

#[test]
fn a_firewall_that_takes_whole_lists_only_keeps_every_member() {
    let wall = Wall::rest("[fortigate]\nmember_path = false\n");
    let output = wall.block(&addresses(20), &["--concurrency", "4"]).exits(0);
    assert_eq!(wall.blocked().len(), 20, "{output}");
    wall.assert_unharmed();
    wall.unblock(&addresses(20), &[]).exits(0);
    assert!(wall.blocked().is_empty());
    wall.assert_unharmed();
}

#[test]
fn a_colleague_who_is_quicker_keeps_the_member() {
    for member_path in [true, false] {
        let wall =
            Wall::rest(&format!("[fortigate]\nmember_path = {member_path}\nconcurrent_writer = \"Colleague-new\"\n"));
        wall.block("203.0.113.9\n", &[]).exits(0);
        let members = wall.firewall().members(GROUP).unwrap();
        assert!(members.contains(&"Colleague-new".to_owned()), "{members:?}");
        assert_eq!(wall.blocked(), ["203.0.113.9"]);
        wall.assert_unharmed();
    }
}

//! Indicators on and off lists that a firewall fetches by itself, through the real program.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{PermissionsExt, symlink},
};

use serde_json::json;

use crate::support::{Lists, Output, addresses, intents, side_by_side, wait_until};

/// Every kind and every way to write it; two lines name one indicator.
const LIST: &str = "203.0.113.9\n\
    hxxp://bad[.]example/x?y=1\n\
    BAD.example.\n\
    2001:db8::9\n\
    evil(dot)test\n\
    198.51.100.7\n";

/// What LIST is on the lists.
const ON_THE_LISTS: [&str; 5] = ["198.51.100.7", "2001:db8::9", "203.0.113.9", "bad.example", "evil.test"];

const CRASH_AFTER: &str = "__EDRCTL_CRASH_AFTER_LINE";

fn run_of(output: &Output) -> String {
    output.results()[0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn every_kind_goes_onto_its_list_and_off_again() {
    let lists = Lists::new("");
    let output = lists.block(LIST, &["--comment", "case 17"]).exits(0);
    assert_eq!(lists.blocked(), ON_THE_LISTS, "{output}");
    assert_eq!(lists.text("ip4.txt"), "198.51.100.7\n203.0.113.9\n");
    assert_eq!(lists.text("ip6.txt"), "2001:db8::9\n");
    assert_eq!(lists.text("domain.txt"), "bad.example\nevil.test\n");
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 5)].into(), "{output}");
    let output = output.says("`confirmed` means that the list has the line");
    let results = output.results();
    let bad = results.iter().find(|result| result["host"]["id"] == "bad.example").unwrap();
    assert_eq!(
        (&bad["action"], &bad["vendor"], &bad["state"]),
        (&json!("block"), &json!("fortigate"), &json!("blocked"))
    );

    // The same again changes nothing.
    let before = fs::metadata(lists.path("ip4.txt")).unwrap().modified().unwrap();
    let output = lists.block(LIST, &[]).exits(0);
    assert_eq!(output.outcomes(), [("already".to_owned(), 5)].into(), "{output}");
    assert_eq!(fs::metadata(lists.path("ip4.txt")).unwrap().modified().unwrap(), before);

    let output = lists.unblock(LIST, &[]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 5)].into(), "{output}");
    assert!(lists.blocked().is_empty());
    assert_eq!(lists.text(".edrctl-marks.jsonl"), "");
    let output = lists.unblock(LIST, &[]).exits(0);
    assert_eq!(output.outcomes(), [("already".to_owned(), 5)].into(), "{output}");
    lists.run(["runs", "verify", "--all"]).exits(0);
}

#[test]
fn a_dry_run_writes_nothing_and_what_is_vetted_is_vetted_here_too() {
    let lists = Lists::new("");
    let output = lists.block("203.0.113.9\n8.8.8.8\n10.0.0.1\n", &["--dry-run"]).exits(6);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 1), ("refused".to_owned(), 2)].into(), "{output}");
    assert!(lists.files().is_empty(), "{:?}", lists.files());
    lists.block("203.0.113.9\n8.8.8.8\n10.0.0.1\nx;y.example\n", &["--skip-invalid"]);
    assert_eq!(lists.blocked(), ["203.0.113.9"]);
}

#[test]
fn a_colleagues_lines_stay_byte_by_byte() {
    let lists = Lists::new("");
    let text =
        "\u{feff}# the morning shift\r\n203.0.113.200\r\n\n203.0.113.0-203.0.113.4\n 203.0.113.201 \n203.0.113.202/32";
    lists.write("ip4.txt", text);
    let list = "203.0.113.9\n203.0.113.200\n203.0.113.201\n203.0.113.202\n";
    let output = lists.block(list, &[]).exits(0);
    assert_eq!(output.outcomes(), [("already".to_owned(), 3), ("confirmed".to_owned(), 1)].into(), "{output}");
    assert_eq!(lists.text("ip4.txt"), format!("{text}\n203.0.113.9\n"));
    // What somebody else has put in is not ours to take out.
    let output = lists.unblock(list, &[]).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1), ("refused".to_owned(), 3)].into(), "{output}");
    assert_eq!(output.results().iter().filter(|result| result["reason_code"] == "not_ours").count(), 3, "{output}");
    assert!(output.stdout.contains("somebody else's"), "{output}");
    assert_eq!(lists.text("ip4.txt"), format!("{text}\n"));
}

#[test]
fn undo_and_expire_take_out_what_is_theirs() {
    let mut lists = Lists::new("");
    lists.env.set("__EDRCTL_NOW", "2026-11-28T12:00:00Z");
    lists.write("ip4.txt", "203.0.113.200\n");
    lists.block("203.0.113.1\nbad.example\n", &["--expires", "7d"]).exits(0);
    let second = run_of(&lists.block("203.0.113.1\n203.0.113.2\n2001:db8::2\n", &["--expires", "1d"]).exits(0));
    lists.env.set("__EDRCTL_NOW", "2026-11-28T12:30:00Z");
    let output = lists.run(["undo", &second, "--yes", "-o", "jsonl"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
    assert_eq!(lists.blocked(), ["203.0.113.1", "203.0.113.200", "bad.example"]);
    lists.env.set("__EDRCTL_NOW", "2026-11-28T13:00:00Z");
    lists.run(["expire", "--yes"]).exits(0).says("nothing is due");
    let endless = run_of(&lists.block("bad.example\n203.0.113.1\n", &[]).exits(0));
    lists.env.set("__EDRCTL_NOW", "2026-11-28T13:30:00Z");
    // The time that it has taken off is put back.
    let output = lists.run(["undo", &endless, "--yes", "-o", "jsonl"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
    lists.env.set("__EDRCTL_NOW", "2026-11-28T14:00:00Z");
    lists.block("bad.example\n", &[]).exits(0);
    lists.env.set("__EDRCTL_NOW", "2026-12-06T12:00:00Z");
    let output = lists.run(["expire", "--yes", "-o", "jsonl"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1)].into(), "{output}");
    assert_eq!(lists.blocked(), ["203.0.113.200", "bad.example"]);
}

#[test]
fn a_run_stays_with_its_folder() {
    let mut lists = Lists::new("");
    let run = run_of(&lists.block("203.0.113.1\n", &[]).exits(0));
    fs::create_dir(lists.env.path().join("other")).unwrap();
    let other = lists.env.path().join("other").display().to_string();
    lists.env.set("EDRCTL_FORTIGATE_FEED_FOLDER", other);
    lists.run(["undo", &run, "--yes"]).exits(5).says("belongs to");
    assert_eq!(lists.blocked(), ["203.0.113.1"]);
}

#[test]
fn a_run_killed_after_any_line_is_finished_by_resume() {
    let died = side_by_side(1..=12, |line| {
        let lists = Lists::new("");
        lists.file("list.txt", format!("{}bad.example\n", addresses(20)));
        let args = ["block", "--vendor", "fortigate", "--yes", "-o", "jsonl", "list.txt"];
        let first =
            Output::new(lists.command(args).env(CRASH_AFTER, line.to_string()).output().unwrap(), lists.env.path());
        if first.code == Some(0) {
            return false;
        }
        assert_eq!(first.code, None, "killed after line {line}\n{first}");
        if !lists.journals().is_empty() {
            let output = lists.run(["resume", "latest", "--yes", "-o", "jsonl"]).exits(0);
            assert_eq!(lists.blocked().len(), 21, "killed after line {line}\n{output}");
        }
        true
    });
    assert!(died.iter().any(|died| *died) && died.iter().any(|died| !died), "{died:?}");
}

#[test]
fn half_a_write_is_finished_or_taken_back() {
    // The mark was written, and then the power went.
    let mut lists = Lists::new("");
    lists.env.set("__EDRCTL_NOW", "2026-11-28T13:00:00Z");
    lists.block("203.0.113.1\n203.0.113.2\n", &[]).exits(0);
    lists.write("ip4.txt", "203.0.113.1\n203.0.113.2\n");
    let run = "edrctl run=20261128-110000-abcdef exp=2026-11-28T12:00:00Z";
    let marks = lists.text(".edrctl-marks.jsonl");
    let orphan = json!({"value": "203.0.113.9", "comment": run});
    lists.write(".edrctl-marks.jsonl", &format!("{marks}{orphan}\n"));
    lists.write(".ip4.txt.edrctl-draft", "203.0.1");
    let output = lists.run(["expire", "--yes", "-o", "jsonl"]).exits(0);
    assert_eq!(output.results()[0]["host"]["id"], "203.0.113.9", "{output}");
    assert_eq!(lists.text(".edrctl-marks.jsonl"), marks);
    lists.block("203.0.113.9\n", &[]).exits(0);
    assert_eq!(lists.blocked(), ["203.0.113.1", "203.0.113.2", "203.0.113.9"]);
    assert!(!lists.files().iter().any(|name| name.contains("draft")), "{:?}", lists.files());
}

#[test]
fn a_list_that_was_emptied_by_accident_is_not_written() {
    let lists = Lists::new("");
    lists.block(&addresses(10), &[]).exits(0);
    let whole = lists.text("ip4.txt");
    let six = whole.lines().take(6).map(|line| format!("{line}\n")).collect::<String>();
    for short in [Some(""), Some("# nothing here\n"), Some(six.as_str()), None] {
        match short {
            Some(text) => lists.write("ip4.txt", text),
            None => fs::remove_file(lists.path("ip4.txt")).unwrap(),
        }
        let before = lists.text("ip4.txt");
        for output in [lists.block("203.0.113.99\n", &[]), lists.unblock("203.0.113.1\n", &[])] {
            output.exits(5).says("had 10 entries").says(".edrctl-counts.json");
        }
        assert_eq!(lists.text("ip4.txt"), before);
    }
    // Seven of ten may be gone by a colleague's hand.
    let seven = whole.lines().take(7).map(|line| format!("{line}\n")).collect::<String>();
    lists.write("ip4.txt", &seven);
    lists.block("203.0.113.99\n", &[]).exits(0);
    assert_eq!(lists.blocked().len(), 8);
    // What we take out ourselves may be all of it.
    lists.unblock(&format!("{}203.0.113.99\n", addresses(10)), &[]).exits(0);
    assert!(lists.blocked().is_empty());
    lists.block("203.0.113.1\n", &[]).exits(0);
    // If it is meant, it can be said.
    lists.block(&addresses(10), &[]).exits(0);
    lists.write("ip4.txt", "");
    fs::remove_file(lists.path(".edrctl-counts.json")).unwrap();
    lists.block("203.0.113.99\n", &[]).exits(0);
    assert_eq!(lists.blocked(), ["203.0.113.99"]);
}

/// So many addresses that no run of ours has written.
fn crowd(count: u32) -> String {
    (0..count).map(|n| format!("100.{}.{}.{}\n", 128 + n / 65_536, n / 256 % 256, n % 256)).collect()
}

#[test]
fn what_a_firewall_would_cut_off_is_refused_before_anything_is_written() {
    let lists = Lists::new("");
    let crowd = crowd(131_070);
    lists.write("ip4.txt", &crowd);
    let output = lists.block(&addresses(3), &["--max-new", "3"]).exits(5);
    output.says("131070 lines of `ip4.txt`").says("`feed_class = \"legacy\"`").says("131072").says("nothing was sent");
    assert_eq!(lists.files(), ["ip4.txt"]);
    lists.block(&addresses(2), &[]).exits(0);
    let taken = lists.taken("ip4.txt");
    assert_eq!((taken.valid.len(), taken.cut), (131_072, 0));
    assert!(lists.text("ip4.txt").starts_with(&crowd));
    // A newer firewall takes more.
    lists.run(["check", "fortigate"]).exits(0);
    let mut lists = lists;
    lists.env.set("EDRCTL_FORTIGATE_FEED_CLASS", "entry");
    lists.block(&addresses(3), &[]).exits(0);
}

#[test]
fn a_list_grows_no_larger_than_a_firewall_takes_it() {
    let lists = Lists::new("");
    let line = format!("# {}\n", "x".repeat(997));
    lists.write("domain.txt", &line.repeat(10_000));
    let output = lists.block("bad.example\n", &[]).exits(5);
    output.says("bytes of `domain.txt`").says("10000000");
    lists.block("203.0.113.9\n", &[]).exits(0);
    assert_eq!(lists.text("domain.txt").len(), 10_000_000);
}

#[test]
fn somebody_who_has_the_folder_is_waited_for() {
    let lists = Lists::new("");
    lists.block("203.0.113.1\n", &[]).exits(0);
    let first = lists.only_journal();
    let lock = File::open(lists.path(".edrctl-lock")).unwrap();
    lock.lock().unwrap();
    lists.file("list.txt", "203.0.113.2\n");
    let child = lists.start(["block", "--vendor", "fortigate", "--yes", "-o", "jsonl", "list.txt"]);
    let asked = || lists.journals().iter().any(|journal| *journal != first && intents(journal) > 0);
    wait_until("the run wants to write", asked);
    assert_eq!(lists.blocked(), ["203.0.113.1"]);
    drop(lock);
    let output = lists.finish(child).exits(0);
    assert_eq!(lists.blocked(), ["203.0.113.1", "203.0.113.2"], "{output}");
}

#[test]
fn a_folder_that_cannot_be_used_is_told_before_anything_is_written() {
    let mut lists = Lists::new("");
    let check = |lists: &Lists, words: &str| {
        lists.block("203.0.113.1\n", &[]).exits(5).says(words);
        lists.run(["check", "fortigate"]).exits(5).says(words);
    };
    lists.env.set("EDRCTL_FORTIGATE_FEED_FOLDER", lists.path("nowhere").display().to_string());
    check(&lists, "nowhere");
    lists.env.file("plain", "");
    lists.env.set("EDRCTL_FORTIGATE_FEED_FOLDER", lists.env.path().join("plain").display().to_string());
    check(&lists, "is no folder");
    lists.env.unset("EDRCTL_FORTIGATE_FEED_FOLDER");
    // A link would be replaced, and what it leads to would stay as it is.
    lists.env.file("elsewhere.txt", "203.0.113.200\n");
    symlink(lists.env.path().join("elsewhere.txt"), lists.path("ip4.txt")).unwrap();
    lists.block("203.0.113.1\n", &[]).exits(5).says("no plain file");
    fs::remove_file(lists.path("ip4.txt")).unwrap();
    // Without the marks nobody knows what is ours.
    lists.write(".edrctl-marks.jsonl", "{\"value\":\"203.0.1\n");
    lists.block("203.0.113.1\n", &[]).exits(5).says("line 1 of").says("nobody knows which lines");
    assert_eq!(lists.files(), [".edrctl-marks.jsonl"]);
}

#[test]
fn a_new_list_can_be_served_and_an_old_one_keeps_its_mode() {
    let lists = Lists::new("");
    lists.block("203.0.113.1\n", &["--comment", "a reason"]).exits(0);
    let mode = |name: &str| fs::metadata(lists.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("ip4.txt"), 0o644);
    // Reasons are nobody's business who fetches lists.
    assert_eq!(mode(".edrctl-marks.jsonl"), 0o600);
    assert!(lists.text(".edrctl-marks.jsonl").contains("a reason") && !lists.text("ip4.txt").contains("reason"));
    fs::set_permissions(lists.path("ip4.txt"), fs::Permissions::from_mode(0o640)).unwrap();
    lists.block("203.0.113.2\n", &[]).exits(0);
    assert_eq!(mode("ip4.txt"), 0o640);
}

#[test]
fn check_tells_what_is_there_and_what_confirmed_means() {
    let lists = Lists::new("");
    lists.block(LIST, &[]).exits(0);
    let output = lists.run(["check", "fortigate"]).exits(0);
    assert!(output.stdout.contains("ip4.txt with 2 entries"), "{output}");
    assert!(!output.stdout.contains("token") && !output.stdout.contains("url"), "{output}");
    output.says("diagnose sys external-resource stats");
    lists.run(["check", "fortigate", "--show-certificate"]).exits(2).says("no certificate");
}

#[test]
fn the_firewall_that_fetches_the_lists_is_protected_where_it_is_named() {
    let lists = Lists::new("url = \"https://203.0.113.50\"\nssh_host = \"203.0.113.51\"");
    let output = lists.block("203.0.113.50\n203.0.113.51\n203.0.113.52\n", &[]).exits(6);
    assert_eq!(output.codes(), ["own_console", "own_console"], "{output}");
    assert_eq!(lists.blocked(), ["203.0.113.52"]);
}

#[test]
fn a_thousand_go_in_few_writes() {
    let lists = Lists::new("");
    let list: String = (0..2_500_u32).map(|n| format!("host{n}.bad.example\n")).collect();
    let output = lists.block(&list, &["--max-new", "2500"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2_500)].into());
    assert_eq!(lists.taken("domain.txt").valid.len(), 2_500);
    let mut sorted: Vec<String> = list.lines().map(str::to_owned).collect();
    sorted.sort();
    assert_eq!(lists.taken("domain.txt").valid, sorted);
    lists.unblock(&list, &[]).exits(0);
    assert!(lists.blocked().is_empty());
}

#[test]
fn whoever_may_not_open_the_lock_changes_nothing() {
    let lists = Lists::new("");
    lists.write(".edrctl-lock", "");
    fs::remove_file(lists.path(".edrctl-lock")).unwrap();
    fs::create_dir(lists.path(".edrctl-lock")).unwrap();
    lists.block("203.0.113.1\n", &[]).exits(5).says("no plain file");
    assert!(OpenOptions::new().read(true).open(lists.path("ip4.txt")).is_err());
}

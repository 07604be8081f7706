//! Lists that a firewall fetches, where colleagues and editors write them too, through the real program.

use std::fs;

use crate::support::{Lists, Output};

const CRASH_AFTER: &str = "__EDRCTL_CRASH_AFTER_LINE";

/// Lists with two lines of ours, and a time at which they are due.
fn with_due_lines() -> Lists {
    let mut lists = Lists::new("");
    lists.env.set("__EDRCTL_NOW", "2026-11-28T12:00:00Z");
    lists.block("203.0.113.1\n203.0.113.2\n", &["--expires", "1h"]).exits(0);
    lists.env.set("__EDRCTL_NOW", "2026-11-28T14:00:00Z");
    lists
}

fn expire(lists: &Lists) -> Output {
    lists.run(["expire", "--yes", "-o", "jsonl"])
}

#[test]
fn what_an_editor_has_done_to_a_line_of_ours_keeps_it_ours() {
    type Edit = fn(&str) -> String;
    let edits: [Edit; 5] = [
        |text| text.replace('\n', "\r\n"),
        |text| text.replace('\n', "  \n"),
        |text| format!("\u{feff}{text}"),
        |text| text.replace("203.0.113.2\n", "203.0.113.2 # keep an eye on it\n"),
        |text| text.trim_end().to_owned(),
    ];
    for (n, edit) in edits.into_iter().enumerate() {
        let lists = with_due_lines();
        lists.write("ip4.txt", &edit(&lists.text("ip4.txt")));
        let output = expire(&lists).exits(0);
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "edit {n}\n{output}");
        assert_eq!(
            (lists.text("ip4.txt"), lists.text(".edrctl-marks.jsonl")),
            Default::default(),
            "edit {n}\n{output}"
        );
        expire(&lists).exits(0);
    }
}

#[test]
fn a_list_with_other_line_ends_can_be_added_to_and_undone() {
    let lists = with_due_lines();
    let text = format!("# the day shift\n203.0.113.77\n{}", lists.text("ip4.txt"));
    lists.write("ip4.txt", &text.replace('\n', "\r\n"));
    let output = lists.block("203.0.113.1\n203.0.113.3\n203.0.113.77\n", &[]).exits(0);
    assert_eq!(output.outcomes(), [("already".to_owned(), 1), ("confirmed".to_owned(), 2)].into(), "{output}");
    assert_eq!(lists.blocked(), ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.77"]);
    lists.run(["undo", "latest", "--yes"]).exits(0);
    expire(&lists).exits(0);
    assert_eq!(lists.text("ip4.txt"), "# the day shift\r\n203.0.113.77\r\n");
}

#[test]
fn a_colleagues_line_of_the_same_value_is_not_taken_out_with_ours() {
    let his = "# mine, for good\n203.0.113.1\n203.0.113.77\n";
    let lists = with_due_lines();
    lists.write("ip4.txt", &format!("{his}{}", lists.text("ip4.txt")));
    // Another write leaves it where it is.
    lists.block("203.0.113.9\n", &[]).exits(0);
    assert_eq!(lists.text("ip4.txt"), format!("{his}203.0.113.1\n203.0.113.2\n203.0.113.9\n"));
    let output = expire(&lists).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1), ("failed".to_owned(), 1)].into(), "{output}");
    assert_eq!(output.codes(), ["not_ours"], "{output}");
    assert!(output.stdout.contains("somebody else's line keeps it blocked"), "{output}");
    assert!(!output.stdout.contains("not_blocked\",\"reason"), "{output}");
    assert_eq!(lists.text("ip4.txt"), format!("{his}203.0.113.9\n"));
    // It is his now: nothing is due any more, and nobody here takes it out.
    lists.run(["expire", "--yes"]).exits(0).says("nothing is due");
    assert!(!lists.run(["runs", "list"]).exits(0).stdout.contains("overdue"));
    let output = lists.unblock("203.0.113.1\n", &[]).exits(6);
    assert_eq!(output.codes(), ["not_ours"], "{output}");
    assert_eq!(lists.text("ip4.txt"), format!("{his}203.0.113.9\n"));
}

#[test]
fn undo_and_unblock_leave_a_colleagues_line_too() {
    for command in [
        &["undo", "latest", "--yes", "-o", "jsonl"][..],
        &["unblock", "--vendor", "fortigate", "--yes", "-o", "jsonl", "list.txt"],
    ] {
        let lists = Lists::new("");
        lists.block("203.0.113.1\n", &[]).exits(0);
        lists.write("ip4.txt", "203.0.113.1\r\n# mine\n203.0.113.1\n");
        let output = lists.run(command).exits(6);
        assert_eq!(
            (output.codes(), output.outcomes()),
            (vec!["not_ours".to_owned()], [("failed".to_owned(), 1)].into())
        );
        assert_eq!(lists.text("ip4.txt"), "203.0.113.1\r\n# mine\n");
        assert_eq!(lists.text(".edrctl-marks.jsonl"), "");
        // Whoever blocks it now finds it blocked.
        let output = lists.block("203.0.113.1\n", &[]).exits(0);
        assert_eq!(output.outcomes(), [("already".to_owned(), 1)].into(), "{output}");
    }
}

#[test]
fn a_removal_that_was_killed_anywhere_leaves_a_colleagues_line() {
    for line in 1..=8 {
        let lists = with_due_lines();
        let his = "# mine\n203.0.113.1\n203.0.113.2\n203.0.113.77\n";
        lists.write("ip4.txt", &format!("{his}{}", lists.text("ip4.txt")));
        let killed = lists.command(["expire", "--yes"]).env(CRASH_AFTER, line.to_string()).output().unwrap();
        for _ in 0..3 {
            expire(&lists);
        }
        assert_eq!(lists.text("ip4.txt"), his, "killed after line {line}: {killed:?}");
        assert_eq!(lists.text(".edrctl-marks.jsonl"), "");
    }
    // The list was written, and then the power went: the mark knows how many lines were never ours.
    let lists = with_due_lines();
    fs::write(lists.path("ip4.txt"), "203.0.113.1\n203.0.113.77\n").unwrap();
    let marks = lists.text(".edrctl-marks.jsonl").replace("\"}", "\",\"others\":1}");
    lists.write(".edrctl-marks.jsonl", &marks);
    expire(&lists);
    assert_eq!(lists.text("ip4.txt"), "203.0.113.1\n203.0.113.77\n");
    assert_eq!(lists.text(".edrctl-marks.jsonl"), "");
}

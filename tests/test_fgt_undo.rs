//! The way back: `undo` of a run, and `expire` from cron.

use crate::support::{GROUP, Output, Wall};

const NOON: &str = "2026-11-28T12:00:00Z";
const AN_HOUR_LATER: &str = "2026-11-28T13:00:00Z";
const NEXT_WEEK: &str = "2026-12-06T12:00:00Z";

fn at(wall: &mut Wall, time: &str) {
    wall.room.env.set("__EDRCTL_NOW", time);
}

fn undo(wall: &Wall, run: &str, more: &[&str]) -> Output {
    wall.env.run([&["undo", run, "--yes", "-o", "jsonl"], more].concat())
}

fn expire(wall: &Wall, more: &[&str]) -> Output {
    wall.env.run([&["expire", "--yes", "-o", "jsonl"], more].concat())
}

/// The name of the run that a result belongs to.
fn run_of(output: &Output) -> String {
    output.results()[0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn undo_takes_out_exactly_what_the_run_has_put_in() {
    let wall = Wall::rest("");
    let before = wall.firewall().addresses();
    wall.block("203.0.113.1\n", &[]).exits(0);
    let second = run_of(&wall.block("203.0.113.1\n203.0.113.2\nbad.example\n10.0.0.1\n", &[]).exits(6));
    let output = undo(&wall, &second, &["--dry-run"]).exits(0);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 2)].into(), "{output}");
    assert_eq!(wall.blocked().len(), 3);
    let output = undo(&wall, &second, &[]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
    assert_eq!(wall.blocked(), ["203.0.113.1"]);
    wall.assert_unharmed();
    // What is taken back is a run, too, and can be taken back.
    let output = undo(&wall, &run_of(&output), &[]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
    assert_eq!(wall.blocked().len(), 3);
    assert!(wall.firewall().addresses().len() == before.len() + 3);
}

#[test]
fn undo_leaves_what_another_run_has_asked_for_since() {
    let mut wall = Wall::rest("");
    at(&mut wall, NOON);
    let first = run_of(&wall.block("203.0.113.1\n203.0.113.2\n", &["--expires", "4h"]).exits(0));
    at(&mut wall, AN_HOUR_LATER);
    let output = wall.block("203.0.113.2\n", &[]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1)].into(), "its time is taken off\n{output}");
    let output = undo(&wall, &first, &[]).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1), ("refused".to_owned(), 1)].into(), "{output}");
    assert_eq!(wall.blocked(), ["203.0.113.2"]);
}

#[test]
fn undo_needs_consent_and_the_same_firewall() {
    let mut wall = Wall::rest("");
    let run = run_of(&wall.block("203.0.113.1\n", &[]).exits(0));
    wall.env.run(["undo", &run]).exits(5).says("--yes");
    assert_eq!(wall.blocked().len(), 1);
    let url = wall.console.inner().base_url().replace("127.0.0.1", "localhost");
    wall.room.env.set("EDRCTL_FORTIGATE_URL", url);
    undo(&wall, &run, &[]).exits(5).says("belongs to");
}

#[test]
fn what_is_due_is_taken_out_and_nothing_else() {
    let mut wall = Wall::rest("");
    at(&mut wall, NOON);
    wall.block("203.0.113.1\nbad.example\n", &["--expires", "7d"]).exits(0);
    wall.block("203.0.113.2\n", &["--expires", "30d"]).exits(0);
    wall.block("203.0.113.3\n", &[]).exits(0);
    at(&mut wall, AN_HOUR_LATER);
    expire(&wall, &[]).exits(0).says("nothing is due");
    at(&mut wall, NEXT_WEEK);
    expire(&wall, &["--dry-run"]).exits(0);
    assert_eq!(wall.blocked().len(), 4);
    wall.env.run(["expire"]).exits(5).says("--yes");
    let output = expire(&wall, &[]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
    assert_eq!(wall.blocked(), ["203.0.113.2", "203.0.113.3"]);
    wall.assert_unharmed();
    expire(&wall, &[]).exits(0).says("nothing is due");
}

#[test]
fn a_lost_journal_loses_nothing() {
    let mut wall = Wall::rest("");
    at(&mut wall, NOON);
    wall.block("203.0.113.1\n2001:db8::1\n", &["--expires", "7d"]).exits(0);
    std::fs::remove_dir_all(wall.env.runs()).unwrap();
    at(&mut wall, NEXT_WEEK);
    let output = expire(&wall, &[]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{output}");
    assert!(wall.blocked().is_empty());
    output.says("no journal here knows of it");
}

#[test]
fn what_was_taken_out_by_hand_is_not_asked_for_again() {
    let mut wall = Wall::rest("");
    at(&mut wall, NOON);
    wall.block("203.0.113.1\n", &["--expires", "7d"]).exits(0);
    at(&mut wall, AN_HOUR_LATER);
    wall.unblock("203.0.113.1\n", &[]).exits(0);
    at(&mut wall, NEXT_WEEK);
    expire(&wall, &[]).exits(0).says("nothing is due");
}

#[test]
fn a_longer_time_holds_and_a_shorter_one_does_not() {
    let mut wall = Wall::rest("");
    at(&mut wall, NOON);
    wall.block("203.0.113.1\n203.0.113.2\n", &["--expires", "7d"]).exits(0);
    at(&mut wall, AN_HOUR_LATER);
    wall.block("203.0.113.1\n", &["--expires", "30d"]).exits(0);
    let output = wall.block("203.0.113.2\n", &["--expires", "1d"]).exits(0);
    assert_eq!(output.outcomes(), [("already".to_owned(), 1)].into(), "{output}");
    at(&mut wall, NEXT_WEEK);
    expire(&wall, &[]).exits(0);
    assert_eq!(wall.blocked(), ["203.0.113.1"]);
    assert!(wall.firewall().members(GROUP).unwrap().len() == 3);
}

/// Members are refused, and what was made for them cannot be deleted: it is left lying about.
const LEFT_LYING: &str = "[[fault]]\nmethod = \"POST\"\nendpoint = \"members\"\nnth = 1\ndo = { cmdb = -651 }\n\
    [[fault]]\nmethod = \"DELETE\"\nendpoint = \"addresses\"\nnth = 1\ndo = { cmdb = -37 }\n";

fn ours(wall: &Wall) -> usize {
    wall.firewall().addresses().iter().filter(|address| address.name.starts_with("edr-")).count()
}

#[test]
fn what_a_failed_run_has_left_is_found_by_undo_and_by_expire() {
    let wall = Wall::rest(LEFT_LYING);
    let run = run_of(&wall.block("203.0.113.1\n", &[]).exits(6));
    assert_eq!((wall.blocked().len(), ours(&wall)), (0, 1));
    // What is somebody else's is not taken for it.
    let output = undo(&wall, &run, &[]).exits(0);
    assert_eq!(ours(&wall), 0, "{output}");
    wall.assert_unharmed();

    let mut wall = Wall::rest(LEFT_LYING);
    at(&mut wall, NOON);
    wall.block("203.0.113.1\n", &["--expires", "4h"]).exits(6);
    assert_eq!(ours(&wall), 1);
    at(&mut wall, NEXT_WEEK);
    let output = expire(&wall, &[]).exits(0);
    assert_eq!(ours(&wall), 0, "{output}");
    wall.assert_unharmed();
}

#[test]
fn a_time_that_a_later_run_has_made_longer_is_put_back() {
    let mut wall = Wall::rest("");
    at(&mut wall, NOON);
    let first = run_of(&wall.block("203.0.113.1\n203.0.113.2\n203.0.113.4\n", &["--expires", "4h"]).exits(0));
    at(&mut wall, "2026-11-28T12:10:00Z");
    wall.block("203.0.113.4\n", &["--expires", "9d"]).exits(0);
    at(&mut wall, "2026-11-28T12:30:00Z");
    let second = run_of(&wall.block("203.0.113.1\n203.0.113.3\n203.0.113.4\n", &[]).exits(0));
    at(&mut wall, AN_HOUR_LATER);
    undo(&wall, &second, &["--dry-run"]).exits(0);
    assert_eq!(wall.blocked().len(), 4);
    undo(&wall, &second, &["--expect-count", "2"]).exits(5).says("3 are to be taken back");
    let output = undo(&wall, &second, &["--expect-count", "3"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3)].into(), "{output}");
    // It stays for the time that its own run gave it, and is that run's again.
    assert_eq!(wall.blocked(), ["203.0.113.1", "203.0.113.2", "203.0.113.4"]);
    let comment = wall.firewall().addresses().into_iter().find(|address| address.value.starts_with("203.0.113.1 "));
    let comment = comment.unwrap().comment;
    assert!(comment.starts_with(&format!("edrctl run={first} exp=2026-11-28T16:00:00Z")), "{comment}");
    wall.assert_unharmed();
    // Nothing is left to put back.
    undo(&wall, &second, &[]).exits(0);
    at(&mut wall, "2026-11-28T17:00:00Z");
    expire(&wall, &[]).exits(0);
    assert_eq!(wall.blocked(), ["203.0.113.4"]);
    wall.env.run(["runs", "verify", "--all"]).exits(0);
}

#[test]
fn a_time_is_put_back_only_where_the_run_has_changed_it_last() {
    let mut wall = Wall::rest("");
    at(&mut wall, NOON);
    wall.block("203.0.113.1\n203.0.113.2\n", &["--expires", "4h"]).exits(0);
    at(&mut wall, "2026-11-28T12:10:00Z");
    let second = run_of(&wall.block("203.0.113.1\n203.0.113.2\n", &["--expires", "7d"]).exits(0));
    at(&mut wall, "2026-11-28T12:20:00Z");
    wall.block("203.0.113.1\n", &[]).exits(0);
    wall.unblock("203.0.113.2\n", &[]).exits(0);
    at(&mut wall, AN_HOUR_LATER);
    // One is wanted longer by a later run, and the other one was taken out since: it is not put in again.
    let output = undo(&wall, &second, &[]).exits(6);
    assert_eq!(output.outcomes(), [("already".to_owned(), 1), ("refused".to_owned(), 1)].into(), "{output}");
    assert!(output.stdout.contains("no time to put back"), "{output}");
    assert_eq!(wall.blocked(), ["203.0.113.1"]);
    at(&mut wall, NEXT_WEEK);
    expire(&wall, &[]).exits(0);
    assert_eq!(wall.blocked(), ["203.0.113.1"]);
}

#[test]
fn a_time_that_was_put_back_can_be_taken_back_itself() {
    let mut wall = Wall::rest("");
    at(&mut wall, NOON);
    wall.block("203.0.113.1\n", &["--expires", "4h"]).exits(0);
    at(&mut wall, "2026-11-28T12:10:00Z");
    let second = run_of(&wall.block("203.0.113.1\n", &[]).exits(0));
    let comment = |wall: &Wall| {
        let ours = wall.firewall().addresses().into_iter().find(|address| address.name.starts_with("edr-"));
        ours.unwrap().comment
    };
    at(&mut wall, "2026-11-28T12:20:00Z");
    let third = run_of(&undo(&wall, &second, &[]).exits(0));
    assert!(comment(&wall).contains(" exp=2026-11-28T16:00:00Z"), "{}", comment(&wall));
    at(&mut wall, "2026-11-28T12:30:00Z");
    undo(&wall, &third, &[]).exits(0);
    assert!(comment(&wall).starts_with(&format!("edrctl run={second} exp=never")), "{}", comment(&wall));
    assert_eq!(wall.blocked(), ["203.0.113.1"]);
}

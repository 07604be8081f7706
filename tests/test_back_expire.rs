//! `--for` and `expire`: what is due is put back, never early, never what somebody else wants to stay.

use std::{collections::BTreeSet, fs};

use jiff::{SignedDuration, Timestamp};

use crate::support::{Console, Gate, Output, PROMPT, Place, TestEnv, every_console};

const WAIT: &str = "--wait=30s";

/// Sets the program's clock so many hours ahead.
fn hours(place: &mut Place, hours: i64) {
    let now = Timestamp::now() + SignedDuration::from_hours(hours);
    place.room.env.set("__EDRCTL_NOW", now.to_string());
}

fn expire(place: &Place) -> Output {
    place.back(&["expire"])
}

fn off(hosts: &[isize]) -> BTreeSet<isize> {
    hosts.iter().copied().collect()
}

#[test]
fn what_is_due_is_put_back_and_nothing_else() {
    for mut place in every_console(PROMPT) {
        let vendor = place.vendor;
        place.act("isolate", &[0, 1], &["--for", "4h", WAIT]).exits(0);
        place.act("isolate", &[2], &[WAIT]).exits(0);
        hours(&mut place, 3);
        expire(&place).exits(0).says("nothing is due");
        assert_eq!(place.off(), off(&[0, 1, 2]), "{vendor}: never early");
        let listed = place.room.env.run(["runs", "list", "-o", "jsonl"]).exits(0);
        let due = &listed.results()[1]["due"];
        assert_eq!((&due["pending"], &due["overdue"]), (&2.into(), &0.into()), "{vendor}\n{listed}");
        hours(&mut place, 5);
        let listed = place.room.env.run(["runs", "list"]).exits(0);
        assert!(listed.stdout.contains("2 overdue"), "{vendor}\n{listed}");
        place.room.env.run(["expire"]).exits(5).says("--yes");
        place.room.env.run(["expire", "--dry-run"]).exits(0);
        assert_eq!(place.off(), off(&[0, 1, 2]), "{vendor}");
        let output = expire(&place).exits(0);
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into(), "{vendor}\n{output}");
        assert_eq!(place.off(), off(&[2]), "{vendor}");
        let changes = place.changes();
        expire(&place).exits(0).says("nothing is due");
        assert_eq!(place.changes(), changes, "{vendor}");
        place.room.env.run(["runs", "verify", "--all"]).exits(0);
    }
}

#[test]
fn what_a_clock_that_was_ahead_has_written_down_stays_older_than_what_came_after_it() {
    for mut place in every_console(PROMPT) {
        let vendor = place.vendor;
        hours(&mut place, 25);
        place.act("isolate", &[0], &[WAIT]).exits(0);
        place.act("unisolate", &[0], &[WAIT]).exits(0);
        // The clock is put right.
        hours(&mut place, 0);
        let run = place.act("isolate", &[0, 1], &["--for", "1h", WAIT]).exits(0).run_name();
        let latest = place.room.env.run(["runs", "show", "-o", "json"]).exits(0);
        assert!(latest.stdout.contains(&run), "{vendor}: the latest is the one that was begun last\n{latest}");
        let told = place.room.env.run(["undo", &run, "--dry-run", "-o", "jsonl"]).exits(0);
        assert_eq!(told.outcomes(), [("not_sent".to_owned(), 2)].into(), "{vendor}\n{told}");
        hours(&mut place, 2);
        let expired = expire(&place).exits(0);
        assert_eq!(expired.outcomes(), [("confirmed".to_owned(), 2)].into(), "{vendor}\n{expired}");
        assert_eq!(place.off(), off(&[]), "{vendor}");
        // Also once that hour has come.
        hours(&mut place, 1);
        let again = place.act("isolate", &[1], &[WAIT]).exits(0).run_name();
        hours(&mut place, 48);
        let undone = place.back(&["undo", &again]).exits(0);
        assert_eq!(undone.outcomes(), [("confirmed".to_owned(), 1)].into(), "{vendor}\n{undone}");
        assert_eq!(place.off(), off(&[]), "{vendor}");
    }
}

#[test]
fn a_resumption_has_its_own_place_in_the_order() {
    let mut place = Place::new("cisco", PROMPT);
    let died = |place: &mut Place| {
        place.room.env.set("__EDRCTL_CRASH_AFTER_LINE", "3");
        assert_eq!(place.act("isolate", &[0, 1], &["--for", "1h", WAIT, "--concurrency", "1"]).code, None);
        place.room.env.unset("__EDRCTL_CRASH_AFTER_LINE");
    };
    // It begins while the clock is ahead, and is gone on with once it is right.
    hours(&mut place, 30);
    died(&mut place);
    hours(&mut place, 0);
    place.back(&["resume", "latest"]).exits(0);
    assert_eq!(place.off(), off(&[0, 1]));
    place.act("unisolate", &[1], &[WAIT]).exits(0);
    hours(&mut place, 2);
    expire(&place).exits(0);
    assert_eq!(place.off(), off(&[]));
    hours(&mut place, 40);
    expire(&place).exits(0).says("nothing is due");
}

#[test]
fn the_longest_time_wins_and_without_one_a_host_stays() {
    for mut place in every_console(PROMPT) {
        let vendor = place.vendor;
        place.act("isolate", &[0, 1, 2], &["--for", "4h", WAIT]).exits(0);
        hours(&mut place, 1);
        place.act("isolate", &[0], &["--for", "8h", WAIT]).exits(0);
        place.act("isolate", &[1], &[WAIT]).exits(0);
        hours(&mut place, 5);
        expire(&place).exits(0);
        assert_eq!(place.off(), off(&[0, 1]), "{vendor}");
        let listed = place.room.env.run(["runs", "list"]).exits(0);
        assert!(listed.stdout.contains("1 kept by others"), "{vendor}\n{listed}");
        hours(&mut place, 10);
        expire(&place).exits(0);
        assert_eq!(place.off(), off(&[1]), "{vendor}");
        hours(&mut place, 1_000);
        expire(&place).exits(0).says("nothing is due");
    }
}

#[test]
fn what_was_put_back_before_or_isolated_by_somebody_else_is_not_due() {
    for mut place in every_console(PROMPT) {
        let vendor = place.vendor;
        let run = place.act("isolate", &[0], &["--for", "4h", WAIT]).exits(0).run_name();
        place.act("isolate", &[1], &["--for", "4h", WAIT]).exits(0);
        place.back(&["undo", &run]).exits(0);
        place.act("unisolate", &[1], &[WAIT]).exits(0);
        // No journal here knows of these: somebody works at the console.
        let elsewhere = ["--state-dir", "elsewhere", WAIT];
        place.act("isolate", &[0, 1, 2], &elsewhere).exits(0);
        if vendor != "kaspersky" {
            let output = place.act("isolate", &[2], &["--for", "1h", WAIT]).exits(0);
            assert_eq!(output.outcomes(), [("already".to_owned(), 1)].into(), "{vendor}\n{output}");
        }
        hours(&mut place, 9);
        expire(&place).exits(0).says("nothing is due");
        assert_eq!(place.off(), off(&[0, 1, 2]), "{vendor}");
    }
}

#[test]
fn what_is_due_survives_a_move_of_the_state_folder_and_a_failure() {
    for mut place in every_console(PROMPT) {
        let vendor = place.vendor;
        let gate = Gate::to(place.room.console.inner().base_url());
        place.room.env.configure_behind(&gate, &place.room.console);
        place.act("isolate", &[0, 1], &["--for", "4h", WAIT]).exits(0);
        let state = place.room.env.path().join("home/.local/state/edrctl");
        let moved = place.room.env.path().join("moved");
        fs::rename(state, &moved).unwrap();
        hours(&mut place, 5);
        // Nobody answers: it is said, and tried again the next time.
        gate.close();
        place.back(&["expire", "--state-dir", "moved"]).exits(4).says("error:");
        assert_eq!(place.off(), off(&[0, 1]), "{vendor}");
        gate.open(place.room.console.inner().base_url());
        place.back(&["expire", "--state-dir", "moved"]).exits(0);
        assert_eq!(place.off(), off(&[]), "{vendor}");
    }
}

#[test]
fn one_console_that_fails_does_not_keep_the_next_one_waiting() {
    let mut first = Console::new(4, PROMPT);
    let second = Console::cybereason(edrctl::simulator::Fleet::of_size(4), &format!("cybereason.rate = 0\n{PROMPT}"));
    let mut env = TestEnv::new();
    env.configure(&first);
    let ca = env.path().join("second.pem");
    fs::write(&ca, second.ca_pem()).unwrap();
    env.add_config(&second.inner().ready_config(&ca));
    for (vendor, console) in [("cisco", &first), ("cybereason", &second)] {
        let hosts = console.fleet().hosts();
        let able = hosts.iter().find(|host| host.available).unwrap();
        env.file("list.txt", &able.id);
        env.run(["isolate", "--vendor", vendor, "--yes", "--for", "4h", WAIT, "list.txt"]).exits(0);
    }
    let later = Timestamp::now() + SignedDuration::from_hours(5);
    env.set("__EDRCTL_NOW", later.to_string());
    first.stop();
    let output = env.run(["expire", "--yes", WAIT]).exits(6);
    assert_eq!(second.fleet().isolated(), 0, "{output}");
    output.says("error:");
    let listed = env.run(["runs", "list"]).exits(0);
    assert!(listed.stdout.contains("1 overdue"), "{listed}");
}

#[test]
fn a_damaged_journal_leaves_every_host_cut_off() {
    let mut place = Place::new("cisco", PROMPT);
    place.act("isolate", &[0], &["--for", "4h", WAIT]).exits(0);
    let run = place.act("isolate", &[1], &[WAIT]).exits(0).run_name();
    let journal = place.room.env.runs().join(format!("{run}.jsonl"));
    let text = fs::read_to_string(&journal).unwrap().replace("confirmed", "confirmes");
    fs::write(&journal, text).unwrap();
    hours(&mut place, 5);
    expire(&place).exits(8).says("may say that they are to stay isolated");
    assert_eq!(place.off(), off(&[0, 1]));
}

#[test]
fn a_journal_that_is_gone_is_told_and_the_rest_is_done() {
    for mut place in every_console(PROMPT) {
        let vendor = place.vendor;
        let lost = place.act("isolate", &[0], &["--for", "4h", WAIT]).exits(0).run_name();
        place.act("isolate", &[1], &["--for", "4h", WAIT]).exits(0);
        place.room.env.run(["runs", "verify", "--all"]).exits(0);
        let journal = place.room.env.journals().remove(0);
        let away = place.room.env.path().join("away.jsonl");
        fs::rename(&journal, &away).unwrap();
        let verified = place.room.env.run(["runs", "verify", "--all"]).exits(8);
        assert!(verified.stderr.contains(&lost) && verified.stderr.contains("gone"), "{vendor}\n{verified}");
        assert!(verified.stdout.contains("unbroken"), "the other is verified\n{verified}");
        // Nothing is due yet, and nobody knows whether that is all.
        let early = expire(&place).exits(8);
        assert!(early.stderr.contains(&lost) && early.stderr.contains("hint:"), "{vendor}\n{early}");
        hours(&mut place, 5);
        let output = expire(&place).exits(8);
        assert!(output.stderr.contains(&lost) && output.stderr.contains("gone"), "{vendor}\n{output}");
        assert_eq!(place.off(), off(&[0]), "{vendor}: what can be done is done");
        // With the journal back it is as if nothing had been; a run that is taken away whole is not missed.
        fs::rename(&away, &journal).unwrap();
        expire(&place).exits(0);
        assert_eq!(place.off(), off(&[]), "{vendor}");
        for file in [journal.with_extension("seal"), journal] {
            fs::remove_file(file).unwrap();
        }
        place.room.env.run(["runs", "verify", "--all"]).exits(0);
        expire(&place).exits(0).says("nothing is due");
    }
}

#[test]
fn the_only_journal_that_is_gone_is_missed_too() {
    let place = every_console(PROMPT).remove(0);
    let lost = place.act("isolate", &[0], &["--for", "4h", WAIT]).exits(0).run_name();
    fs::remove_file(place.room.env.only_journal()).unwrap();
    let output = expire(&place).exits(8);
    assert!(output.stderr.contains(&lost) && !output.stderr.contains("nothing is due"), "{output}");
    let output = place.room.env.run(["runs", "verify", "--all"]).exits(8);
    assert!(output.stderr.contains(&lost), "{output}");
}

//! Opposite actions on one host: refused while the other run is under way, and an old run does not go on against a newer one.

use std::collections::BTreeSet;

use rustix::process::Signal;

use crate::support::{PROMPT, every_console, records, side_by_side, signal, wait_until};

/// Nobody confirms in the time of a test, and what is put back is put back at once.
const NEVER: &str = "[[confirm]]\nafter = '1h'\n";

#[test]
fn a_host_that_another_run_has_in_hand_is_refused_and_the_others_are_not() {
    for place in every_console(NEVER) {
        let vendor = place.vendor;
        place.room.env.file("first.txt", format!("{}\n{}\n", place.ids[0], place.ids[1]));
        let args = ["isolate", "--vendor", vendor, "--yes", "--wait=10m", "-o", "jsonl", "first.txt"];
        let first = place.room.env.start(args);
        wait_until("both hosts to be asked for", || {
            let journals = place.room.env.journals();
            let replies = |record: &serde_json::Value| record["replies"].as_array().map_or(0, Vec::len);
            journals.first().is_some_and(|journal| records(journal).iter().map(replies).sum::<usize>() == 2)
        });
        let name = place.room.env.only_journal().file_stem().unwrap().to_str().unwrap().to_owned();
        let changes = place.changes();
        let dry = place.act("unisolate", &[0, 1], &["--dry-run"]);
        assert_eq!(dry.codes(), ["other_run", "other_run"], "{vendor}\n{dry}");
        let second = place.act("unisolate", &[0, 1], &[]).exits(6);
        assert_eq!(second.outcomes(), [("refused".to_owned(), 2)].into(), "{vendor}\n{second}");
        assert_eq!(second.codes(), ["other_run", "other_run"], "{vendor}\n{second}");
        assert!(second.stdout.contains(&name), "{vendor}: the run is named\n{second}");
        assert_eq!(place.changes(), changes, "{vendor}: nothing was sent");
        // The same direction crosses nobody, and neither does another host.
        let same = place.act("isolate", &[0, 2], &[]).exits(0);
        assert!(same.codes().is_empty(), "{vendor}\n{same}");
        place.room.env.run(["undo", &name, "--yes"]).exits(5).says("is still under way");
        signal(&first, Signal::INT);
        signal(&first, Signal::INT);
        place.room.env.finish(first);
        let after = place.act("unisolate", &[0], &[]);
        assert!(!after.codes().contains(&"other_run".to_owned()), "{vendor}\n{after}");
    }
}

#[test]
fn of_opposite_runs_that_begin_at_once_each_host_belongs_to_one() {
    let place = crate::support::Place::new("cisco", NEVER);
    place.room.env.file("list.txt", format!("{}\n", place.ids[0]));
    let commands = ["isolate", "unisolate", "isolate", "unisolate", "isolate", "unisolate"];
    let outputs = side_by_side(commands, |command| {
        place.room.env.run([command, "--vendor", "cisco", "--yes", "--wait=1s", "-o", "jsonl", "list.txt"])
    });
    // Whoever was let in never met the opposite: no console was told to go both ways at a time.
    for output in outputs {
        let result = output.result();
        let refused = result["reason_code"] == "other_run";
        assert!(refused || result["outcome"] != "refused", "{output}");
    }
    place.room.env.run(["runs", "verify", "--all"]).exits(0);
}

#[test]
fn an_old_run_does_not_go_on_against_a_newer_one() {
    for place in every_console(PROMPT) {
        let vendor = place.vendor;
        place.room.env.file("list.txt", format!("{}\n{}\n", place.ids[0], place.ids[1]));
        let mut command = place.room.env.command(["isolate", "--vendor", vendor, "--yes", "list.txt"]);
        // It dies with its plan on disk, and one intent.
        let died = command.env("__EDRCTL_CRASH_AFTER_LINE", "3").output().unwrap();
        assert_eq!(died.status.code(), None, "{vendor}");
        let old = place.room.env.only_journal().file_stem().unwrap().to_str().unwrap().to_owned();
        let newer = place.act("unisolate", &[0], &["--wait=30s"]).run_name();
        let resumed = place.room.env.run(["resume", &old, "--yes", "--wait=30s", "-o", "jsonl"]).exits(6);
        let by = |id: &str| resumed.outcome_of(id);
        assert_eq!(by(&place.ids[0]), "refused", "{vendor}\n{resumed}");
        assert_eq!(by(&place.ids[1]), "confirmed", "{vendor}\n{resumed}");
        assert!(resumed.stdout.contains(&newer), "{vendor}\n{resumed}");
        assert_eq!(place.off(), BTreeSet::from([1]), "{vendor}");
    }
}

//! Plans on bad days: the program dies while it applies one, the plan is large, two people apply it at once.

use std::{fs, process::Stdio};

use crate::support::{PROMPT, Room, SWIFT, every_console, intents, signal, wait_until};

#[test]
fn an_apply_that_died_is_gone_on_with_and_not_begun_again() {
    for place in every_console(PROMPT) {
        let (vendor, env) = (place.vendor, &place.room.env);
        let list: String = place.ids.iter().map(|id| format!("{id}\n")).collect();
        env.make_plan("isolate", vendor, &list, &[]).exits(0);
        for line in [2, 3] {
            let before = env.journals().len();
            let mut command = env.command(["apply", "plan.json", "--yes", "--concurrency", "1"]);
            let died = command.env("__EDRCTL_CRASH_AFTER_LINE", line.to_string()).output().unwrap();
            assert_ne!(died.status.code(), Some(0), "{vendor}");
            if line == 2 {
                assert_eq!(env.journals().len(), before + 1, "{vendor}");
            } else {
                assert_eq!(env.journals().len(), 1, "{vendor}: no second run of one plan");
            }
        }
        let again = env.apply(&[]).exits(5);
        assert!(again.stderr.contains("edrctl resume"), "{vendor}\n{again}");
        env.run(["resume", "latest", "--yes", "--wait=30s", "-o", "jsonl"]).exits(0);
        assert_eq!(place.off().len(), 4, "{vendor}");
        env.run(["runs", "verify"]).exits(0);
    }
}

#[test]
fn an_apply_that_died_in_the_middle_asks_nobody_twice() {
    for line in 3..9 {
        let room = Room::new(6, SWIFT);
        room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
        let mut command = room.env.command(["apply", "plan.json", "--yes", "--concurrency", "2"]);
        command.env("__EDRCTL_CRASH_AFTER_LINE", line.to_string()).output().unwrap();
        room.env.apply(&[]).exits(5).says("a plan is applied once");
        room.resume(&["--wait=30s"]).exits(0);
        room.assert_each_isolated_once();
        room.verify();
    }
}

#[test]
fn ten_thousand_hosts_are_planned_and_applied() {
    let room = Room::new(10_000, "");
    let list = room.console.guids();
    let planned = room.env.make_plan("isolate", "cisco", &list, &[]);
    assert!(matches!(planned.code, Some(0 | 6)), "{planned}");
    let will_act = room.env.marked("will_act");
    assert!(will_act > 9_000, "{planned}");
    assert!(planned.stdout.lines().count() < 200, "the fold is a fold\n{}", planned.stdout.lines().count());
    let size = std::fs::metadata(room.env.at("plan.json")).unwrap().len();
    assert!(size < 10_000 * 1_000, "{size} bytes");
    room.env.run(["apply", "plan.json", "--dry-run", "-o", "csv"]);
    room.console.was_left_alone();
    let stale = room.env.apply(&["--expect-count", "3"]).exits(5);
    assert!(stale.stderr.contains("expected"), "{stale}");
    room.console.was_left_alone();
}

#[test]
fn an_interrupt_before_anything_is_sent_leaves_the_plan_as_it_is() {
    let room = Room::new(3, SWIFT);
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    let faulty = room.env.run(["apply", "plan.json", "--yes", "--max-targets", "2"]).exits(5);
    assert!(faulty.stderr.contains("`--max-targets` allows 2"), "{faulty}");
    room.console.was_left_alone();
    room.env.apply(&["--waves", "1,100%", "--wait=30s"]).exits(0);
    room.assert_each_isolated_once();
    assert_eq!(intents(&room.env.only_journal()), 3);
}

#[test]
fn two_who_apply_it_at_once_do_it_once() {
    for _ in 0..3 {
        let room = Room::new(8, SWIFT);
        room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
        let start = || room.env.start(["apply", "plan.json", "--yes", "-o", "jsonl"]);
        let both = [start(), start(), start()];
        let ended: Vec<_> = both.into_iter().map(|child| room.env.finish(child)).collect();
        let mut codes: Vec<_> = ended.iter().map(|output| output.code).collect();
        codes.sort();
        assert_eq!(codes, [Some(0), Some(5), Some(5)], "{}\n{}\n{}", ended[0], ended[1], ended[2]);
        assert_eq!(room.env.journals().len(), 1);
        room.assert_each_isolated_once();
    }
}

#[test]
fn what_another_run_has_in_hand_stops_all_of_it() {
    // A run that waits for hosts that never come back has them in hand.
    let room = Room::new(3, "[[confirm]]\nafter = '1h'\n");
    let ids: Vec<String> = room.console.guids().lines().map(str::to_owned).collect();
    room.env.file("one.txt", format!("{}\n", ids[1]));
    let args = ["isolate", "--vendor", "cisco", "--yes", "--wait=1h", "-o", "jsonl", "one.txt"];
    let child = room.env.start(args);
    wait_until("the run has asked", || room.accepted() == 1);
    let planned = room.env.make_plan("unisolate", "cisco", &room.console.guids(), &[]).exits(6);
    assert_eq!(room.env.marked("other_run"), 1, "{planned}");
    signal(&child, rustix::process::Signal::INT);
    signal(&child, rustix::process::Signal::INT);
    room.env.finish(child);
    assert_eq!(room.console.fleet().hosts().iter().map(|host| host.deletes).sum::<u16>(), 0);
}

#[test]
fn a_plan_that_has_no_room_on_the_disk_leaves_what_was_there() {
    let room = Room::new(2, SWIFT);
    room.env.make_plan("isolate", "cisco", &room.console.guids(), &[]).exits(0);
    let before = std::fs::read(room.env.at("plan.json")).unwrap();
    room.env.run(["plan", "isolate", "--vendor", "cisco", "--out", "/dev/full", "hosts.txt"]).exits(2);
    room.env.file("bad.txt", "a b c\n");
    room.env
        .run(["plan", "isolate", "--vendor", "cisco", "--out", "plan.json", "--replace", "bad.txt"])
        .exits(2)
        .says("bad.txt:1");
    assert_eq!(std::fs::read(room.env.at("plan.json")).unwrap(), before);
    let drafts = std::fs::read_dir(room.env.path()).unwrap();
    let drafts = drafts.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".edrctl"));
    assert_eq!(drafts.count(), 0);
}

#[test]
fn a_plan_that_cannot_be_shown_is_there_all_the_same() {
    let room = Room::new(2, SWIFT);
    room.env.file("hosts.txt", room.console.guids());
    let mut command = room.env.command(["plan", "isolate", "--vendor", "cisco", "--out", "plan.json", "hosts.txt"]);
    let full = fs::File::create("/dev/full").unwrap();
    let child = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    room.env.finish(child).exits(0).says("the plan could not be shown");
    room.env.apply(&[]).exits(0);
    room.assert_each_isolated_once();
}

//! Plans on bad days: the program dies while it applies one, the plan is large, two people apply it at once.

use crate::support::{PROMPT, Room, SWIFT, every_console, intents};

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

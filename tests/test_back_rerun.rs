//! `rerun`: what did not succeed, and nothing else, until nothing is left.

use std::collections::BTreeSet;

use crate::support::{PROMPT, Place, every_console};

#[test]
fn rerun_does_only_what_did_not_succeed() {
    for place in every_console(PROMPT) {
        let vendor = place.vendor;
        let list = format!("{}\n{}\nhost:nobody-knows-me\n", place.ids[0], place.ids[1]);
        let run = place.act_on("isolate", &list, &["--wait=30s"]).exits(6).run_name();
        let changes = place.changes();
        let again = place.back(&["rerun", &run]).exits(6);
        assert_eq!(again.result()["target"], "host:nobody-knows-me", "{vendor}\n{again}");
        assert_eq!(again.result()["line"], 3, "{vendor}\n{again}");
        assert_eq!(again.outcomes(), [("unresolved".to_owned(), 1)].into(), "{vendor}\n{again}");
        assert_eq!(place.changes(), changes, "{vendor}: what succeeded was not touched");
        let shown = place.room.env.run(["runs", "list", "-o", "jsonl"]).exits(0);
        assert_eq!(shown.results()[0]["reruns"], run.as_str(), "{vendor}\n{shown}");
    }
}

#[test]
fn what_was_not_confirmed_is_done_again_until_nothing_is_left() {
    for place in every_console("[[confirm]]\nafter = '700ms'\n") {
        let vendor = place.vendor;
        let run = place.act("isolate", &[0, 1], &["--wait=50ms"]).exits(6).run_name();
        place.back(&["rerun", &run]).exits(0);
        assert_eq!(place.off(), BTreeSet::from([0, 1]), "{vendor}");
        let changes = place.changes();
        place.back(&["rerun", &run]).exits(0).says("nothing is left");
        assert_eq!(place.changes(), changes, "{vendor}");
    }
}

#[test]
fn a_run_that_all_succeeded_in_leaves_nothing_and_an_undo_is_done_again_by_undo() {
    let place = Place::new("cisco", PROMPT);
    let run = place.act("isolate", &[0, 1], &["--wait=30s"]).exits(0).run_name();
    place.back(&["rerun", &run]).exits(0).says("nothing is left");
    let undo = place.back(&["undo", &run]).exits(0).run_name();
    place.back(&["rerun", &undo]).exits(5).says(&format!("edrctl undo {run}"));
    place.act("isolate", &[0], &["--simulate"]).exits(0);
    place.back(&["rerun", "latest"]).exits(5).says("was a rehearsal");
}

/// A host that is still on its way is waited for, and not called done.
#[test]
fn what_is_still_on_its_way_is_proved_by_the_rerun() {
    for vendor in ["cisco", "apex"] {
        let place = Place::new(vendor, "[[confirm]]\nafter = '1h'\n");
        let run = place.act("isolate", &[0], &["--wait=50ms"]).exits(6).run_name();
        for _ in 0..2 {
            let again = place.room.env.run(["rerun", &run, "--yes", "-o", "jsonl", "--wait=50ms"]).exits(6);
            assert_eq!(again.outcomes(), [("unconfirmed".to_owned(), 1)].into(), "{vendor}\n{again}");
        }
    }
}

//! `undo` of runs on hosts, at every console: exactly what the run changed, and only after a look where nobody knows.

use std::collections::BTreeSet;

use crate::support::{Console, Gate, PROMPT, Place, TestEnv, every_console};

const WAIT: &[&str] = &["--wait=30s"];

fn off(hosts: &[isize]) -> BTreeSet<isize> {
    hosts.iter().copied().collect()
}

#[test]
fn undo_puts_back_exactly_what_the_run_has_isolated() {
    for place in every_console(PROMPT) {
        let vendor = place.vendor;
        place.act("isolate", &[0], WAIT).exits(0);
        let run = place.act("isolate", &[0, 1, 2], WAIT).exits(0).run_name();
        assert_eq!(place.off(), off(&[0, 1, 2]), "{vendor}");
        let dry = place.room.env.run(["undo", &run, "--dry-run", "-o", "jsonl"]).exits(0);
        assert_eq!(dry.outcomes(), [("not_sent".to_owned(), 2)].into(), "{vendor}\n{dry}");
        place.room.env.run(["undo", &run]).exits(5).says("--yes");
        assert_eq!(place.off(), off(&[0, 1, 2]), "{vendor}: nothing was sent");
        let undo = place.back(&["undo", &run, "--expect-count", "2"]).exits(0);
        assert_eq!(undo.outcomes(), [("confirmed".to_owned(), 2)].into(), "{vendor}\n{undo}");
        assert_eq!(place.off(), off(&[0]), "{vendor}: what was isolated before stays so");
        let shown = place.room.env.run(["runs", "show", &undo.run_name()]).exits(0);
        assert!(shown.stdout.contains(&format!("undo of    {run}")), "{vendor}\n{shown}");
        // A second time there is nothing left.
        let changes = place.changes();
        place.back(&["undo", &run]).exits(0).says("there is nothing to take back");
        assert_eq!(place.changes(), changes, "{vendor}");
        // An undo can be undone.
        place.back(&["undo", &undo.run_name()]).exits(0);
        assert_eq!(place.off(), off(&[0, 1, 2]), "{vendor}");
        place.room.env.run(["runs", "verify", "--all"]).exits(0);
    }
}

#[test]
fn the_latest_is_no_taking_back_itself() {
    for mut place in every_console(PROMPT) {
        let vendor = place.vendor;
        place.act("isolate", &[0], &["--for", "1h", WAIT[0]]).exits(0);
        let run = place.act("isolate", &[1], WAIT).exits(0).run_name();
        let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2);
        place.room.env.set("__EDRCTL_NOW", later.to_string());
        place.back(&["expire"]).exits(0);
        assert_eq!(place.off(), off(&[1]), "{vendor}");
        for typed in [&["undo", "latest", "--dry-run"][..], &["undo", "--dry-run"]] {
            let rehearsed = place.room.env.run(typed).exits(0);
            let next = format!("{rehearsed}");
            assert!(next.contains(&format!("undo {run} ")), "{vendor}: what is typed next names the run\n{rehearsed}");
        }
        place.back(&["undo", "latest"]).exits(0);
        assert_eq!(place.off(), off(&[]), "{vendor}: not what the expiry has put back");
        place.back(&["undo", "latest"]).exits(0).says("there is nothing to take back");
        place.back(&["undo"]).exits(0).says("there is nothing to take back");
        assert_eq!(place.off(), off(&[]), "{vendor}: once more cuts nobody off");
    }
}

#[test]
fn undo_of_a_release_isolates_again_and_minds_the_protected_list() {
    for place in every_console(PROMPT) {
        let vendor = place.vendor;
        place.act("isolate", &[0, 1, 2], WAIT).exits(0);
        let run = place.act("unisolate", &[0, 1], WAIT).exits(0).run_name();
        place.room.env.add_config(&format!("[safety]\nprotected = [\"id:{}\"]\n", place.ids[1]));
        let undo = place.back(&["undo", &run]).exits(6);
        assert_eq!(undo.codes(), ["protected"], "{vendor}\n{undo}");
        assert_eq!(place.off(), off(&[0, 2]), "{vendor}");
    }
}

#[test]
fn what_we_have_cut_off_is_put_back_though_it_is_protected_now() {
    for place in every_console(PROMPT) {
        let run = place.act("isolate", &[0, 1], WAIT).exits(0).run_name();
        place.room.env.add_config(&format!("[safety]\nprotected = [\"id:{}\"]\nmax_targets = 1\n", place.ids[1]));
        place.back(&["undo", &run]).exits(0);
        assert_eq!(place.off(), off(&[]), "{}", place.vendor);
    }
}

#[test]
fn a_host_that_a_later_run_wants_isolated_is_left_and_said() {
    for place in every_console(PROMPT) {
        let vendor = place.vendor;
        let run = place.act("isolate", &[0, 1, 2], WAIT).exits(0).run_name();
        // It finds the one isolated, and isolates the other anew.
        place.act("unisolate", &[1], WAIT).exits(0);
        let later = place.act("isolate", &[0, 1], WAIT).exits(0).run_name();
        let undo = place.back(&["undo", &run]).exits(6);
        assert_eq!(undo.codes(), ["other_run", "other_run"], "{vendor}\n{undo}");
        assert!(undo.stdout.contains(&later), "{vendor}\n{undo}");
        assert_eq!(place.off(), off(&[0, 1]), "{vendor}");
    }
}

#[test]
fn what_was_never_answered_is_looked_at_before_it_is_taken_back() {
    for place in every_console(PROMPT) {
        let vendor = place.vendor;
        place.room.env.file("list.txt", format!("{}\n", place.ids[0]));
        let mut command = place.room.env.command(["isolate", "--vendor", vendor, "--yes", "list.txt"]);
        // It dies with an intent on disk and nothing sent.
        let died = command.env("__EDRCTL_CRASH_AFTER_LINE", "3").output().unwrap();
        assert_eq!(died.status.code(), None, "{vendor}");
        let changes = place.changes();
        let undo = place.back(&["undo", "latest"]);
        if vendor == "kaspersky" {
            // Its state is not told by the console: nothing is sent on a guess.
            assert_eq!(undo.codes(), ["conflict"], "{undo}");
            assert!(undo.stdout.contains("edrctl resume"), "{undo}");
            assert_eq!(place.changes(), changes, "{undo}");
        } else {
            // It shows as it would afterwards, and the request may still be on its way: it is asked to come back all the same.
            undo.exits(0);
            assert!(place.changes() > changes, "{vendor}");
        }
        assert_eq!(place.off(), off(&[]), "{vendor}");
    }
}

/// Two hosts: the first of this name, both on the network or off it.
fn two(first: &str, state: &str) -> Console {
    let ids = ["b1cb1816-7d85-457c-9f32-2a1422d00e17", "5bb7fb0f-d8d9-415b-8725-460b8ce504db"];
    let lines = [format!("{},{first},{state}\n", ids[0]), format!("{},web02.corp.example,{state}\n", ids[1])];
    Console::of(&format!("guid,hostname,state\n{}", lines.concat()), PROMPT)
}

#[test]
fn a_host_that_is_called_otherwise_now_is_left() {
    let first = two("web01", "");
    let gate = Gate::to(first.inner().base_url());
    let env = TestEnv::new();
    env.configure_behind(&gate, &first);
    let run = env.isolate("web01\nweb02.corp.example\n", &["--wait=30s"]).exits(0).run_name();
    // Whoever joins a domain stays the same machine; whoever is called otherwise may be another.
    for (name, left) in [("db77.corp.example", 1), ("web01.corp.example", 0)] {
        let now = two(name, "isolated");
        env.configure_behind(&gate, &now);
        gate.open(now.inner().base_url());
        let undo = env.run(["undo", &run, "--yes", "--dry-run", "-o", "jsonl"]);
        assert_eq!(undo.codes().iter().filter(|code| *code == "renamed").count(), left, "{undo}");
    }
}

#[test]
fn what_is_no_run_to_be_taken_back_is_refused_with_words() {
    let place = Place::new("cisco", PROMPT);
    place.act("isolate", &[0], &["--simulate"]).exits(0);
    place.back(&["undo", "latest"]).exits(5).says("was a rehearsal");
    let run = place.act("isolate", &[0], WAIT).exits(0).run_name();
    let url = place.room.console.inner().base_url().replace("127.0.0.1", "localhost");
    let mut command = place.room.env.command(["undo", &run, "--yes"]);
    let output = command.env("EDRCTL_CISCO_BASE_URL", url).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(place.off(), off(&[0]));
    let ksc = Place::new("kaspersky", PROMPT);
    ksc.room.env.file("list.txt", format!("{}\n", ksc.ids[0]));
    ksc.room.env.run(["ksc-task", "deleteFile", "--path", r"C:\x.exe", "--yes", "list.txt"]).exits(0);
    ksc.back(&["undo", "latest"]).exits(5).says("nothing takes that back");
}

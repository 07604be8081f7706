//! What runs want of one host, one after the other and at the same time, and what becomes of a run that was taken back in part.

use std::{collections::BTreeSet, net::TcpListener};

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;

use crate::support::{Company, Gate, PROMPT, Place, Room, Terminal, every_console, signal, wait_until};

const WAIT: &[&str] = &["--wait=30s"];

fn off(hosts: &[isize]) -> BTreeSet<isize> {
    hosts.iter().copied().collect()
}

/// The later run speaks while the earlier one has not heard yet what came of its request.
#[test]
fn a_later_wish_holds_whenever_it_was_said() {
    for place in every_console(PROMPT) {
        let vendor = place.vendor;
        let run = place.act("isolate", &[0, 1], &[]).exits(0).run_name();
        let boss = place.act("isolate", &[0], WAIT).exits(0).run_name();
        place.room.env.run(["resume", &run, "--yes", "--wait=30s"]).exits(0);
        let undone = place.back(&["undo", &run]).exits(6);
        assert_eq!(undone.codes(), ["other_run"], "{vendor}\n{undone}");
        assert!(undone.stdout.contains(&boss), "{vendor}\n{undone}");
        assert_eq!(place.off(), off(&[0]), "{vendor}");
        // Once that wish is taken back, nothing is left of it.
        place.act("unisolate", &[0], WAIT).exits(0);
        place.back(&["undo", &run]).exits(0).says("nothing to take back");
        assert_eq!(place.off(), off(&[]), "{vendor}");
    }
}

#[test]
fn an_undo_that_took_nothing_back_keeps_nobody_from_going_on() {
    let room = Room::new(3, PROMPT);
    room.env.file("between.sh", "exit 1");
    let ids: Vec<String> = room.console.guids().lines().map(str::to_owned).collect();
    let waves = ["--waves", "1,100%", "--between-waves", "sh between.sh"];
    let run = room.isolate(&waves).exits(7).run_name();
    room.env.file("boss.txt", format!("{}\n", ids[0]));
    room.env.run(["isolate", "--vendor", "cisco", "--yes", "boss.txt"]).exits(0);
    room.env.run(["undo", &run, "--yes"]).exits(6);
    room.env.file("between.sh", "exit 0");
    room.env.run(["resume", &run, "--yes", "--wait=30s"]).exits(0);
    room.assert_each_isolated_once();
    // One that has taken something back does.
    let undo = room.env.run(["undo", &run, "--yes", "--wait=30s", "-o", "jsonl"]).exits(6).run_name();
    room.env.run(["rerun", &run, "--yes", "--waves", "100%"]).exits(5).says(&format!("edrctl undo {undo}"));
}

#[test]
fn a_part_that_was_taken_back_is_left_and_the_others_are_not() {
    let company = Company::new(&[("cisco", &["web01"]), ("apex", &["pc01"])], PROMPT);
    let run = company.isolate("web01\npc01\n", WAIT).exits(0).run_name();
    let yes = ["--yes", "-o", "jsonl", "--wait=30s"];
    let back = |args: &[&str]| company.env.run([args, &yes].concat());
    back(&["undo", &run, "--only", "cisco"]).exits(0);
    back(&["rerun", &run, "--only", "apex"]).exits(0).says("nothing is left");
    back(&["rerun", &run, "--only", "cisco"]).exits(5).says("was taken back by run");
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (0, 1));
}

#[test]
fn what_was_taken_back_of_a_rerun_is_left_to_do() {
    let place = Place::new("cisco", PROMPT);
    let config = place.room.env.path().join("home/.config/edrctl/config.toml");
    let free = std::fs::read_to_string(&config).unwrap();
    place.room.env.add_config(&format!("[safety]\nprotected = [\"id:{}\"]\n", place.ids[1]));
    let run = place.act("isolate", &[0, 1], WAIT).exits(6).run_name();
    std::fs::write(&config, free).unwrap();
    let again = place.back(&["rerun", &run]).exits(0).run_name();
    assert_eq!(place.off(), off(&[0, 1]));
    let mut terminal = Terminal::start(&place.room.env, &["undo", "latest", "--wait=30s"]);
    terminal.shows(&format!("takes back run {again}"));
    terminal.shows("[y/N]");
    terminal.types("y\n");
    assert_eq!(terminal.ends().1, Some(0));
    assert_eq!(place.off(), off(&[0]));
    place.back(&["rerun", &run]).exits(0);
    assert_eq!(place.off(), off(&[0, 1]), "what was taken back since is not done");
    place.back(&["rerun", &run]).exits(0).says("nothing is left");
}

#[test]
fn what_may_have_been_carried_out_stays_so_however_often_it_is_refused() {
    let place = Place::new("kaspersky", "[[confirm]]\nhow = 'never'\n");
    place.room.env.file("list.txt", format!("{}\n", place.ids[0]));
    let task = ["ksc-task", "start-process", "--executable-path", r"C:\x\wipe.exe", "--yes", "--wait=1s"];
    let run = place.room.env.run([&task[..], &["-o", "jsonl", "list.txt"]].concat()).exits(6).run_name();
    let changes = place.changes();
    for _ in 0..3 {
        let refused = place.back(&["rerun", &run]).exits(6);
        assert_eq!(refused.codes(), ["conflict"], "{refused}");
    }
    assert_eq!(place.changes(), changes, "nobody asked for it again");
}

#[test]
fn what_never_arrived_is_due_until_it_is_seen_and_no_longer() {
    for vendor in ["cisco", "apex", "cybereason"] {
        let mut place = Place::new(vendor, PROMPT);
        let list = format!("{}\n", place.ids[0]);
        place.room.env.file("list.txt", list);
        let mut command = place.room.env.command(["isolate", "--vendor", vendor, "--yes", "--for", "1s", "list.txt"]);
        let died = command.env("__EDRCTL_CRASH_AFTER_LINE", "3").output().unwrap();
        assert_eq!(died.status.code(), None, "{vendor}");
        assert_eq!(place.off(), off(&[]), "{vendor}: it died before its request left");
        let later = Timestamp::now() + SignedDuration::from_hours(2);
        place.room.env.set("__EDRCTL_NOW", later.to_string());
        place.back(&["expire"]).exits(0);
        place.back(&["expire"]).exits(0).says("nothing is due");
        let listed = place.room.env.run(["runs", "list"]).exits(0);
        assert!(!listed.stdout.contains("overdue"), "{vendor}\n{listed}");
    }
}

#[test]
fn what_was_typed_before_a_question_is_no_answer() {
    let place = Place::new("cisco", "latency = '300ms'\n");
    place.room.env.file("list.txt", format!("{}\n", place.ids[0]));
    let mut terminal = Terminal::start(&place.room.env, &["isolate", "--vendor", "cisco", "list.txt"]);
    terminal.types("y\ny\n");
    terminal.shows("[y/N]");
    assert_eq!(place.changes(), 0);
    terminal.types("n\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(5), "{screen}");
    assert_eq!(place.changes(), 0, "{screen}");
}

/// A company whose Apex Central is reached through a gate.
fn behind_a_gate() -> (Company, Gate, String) {
    let company = Company::new(&[("apex", &["pc01"]), ("cisco", &["web01"])], PROMPT);
    let url = company.console("apex").inner().base_url().to_owned();
    let gate = Gate::to(&url);
    let path = company.env.path().join("home/.config/edrctl/config.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    assert!(config.contains(&url));
    std::fs::write(&path, config.replace(&url, &gate.url())).unwrap();
    (company, gate, url)
}

/// Interrupts a command while a console keeps it waiting; what it says then.
fn interrupted(company: &Company, gate: &Gate, args: &[&str]) -> crate::support::Output {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    gate.open(&format!("https://{}", nobody.local_addr().unwrap()));
    let before = gate.connections();
    let child = company.env.start([args, &["--yes", "--wait=20s", "-o", "jsonl"]].concat());
    wait_until("the console to be asked", || gate.connections() > before);
    signal(&child, Signal::INT);
    company.env.finish(child)
}

#[test]
fn an_interrupt_in_front_of_one_console_means_all_of_them() {
    let (company, gate, url) = behind_a_gate();
    let run = company.isolate("web01\npc01\n", WAIT).exits(0).run_name();
    let stopped = interrupted(&company, &gate, &["undo", "latest"]).exits(7);
    assert!(stopped.stderr.contains("not begun: cisco (1 host)"), "{stopped}");
    assert!(stopped.stderr.contains(&format!("edrctl undo {run}")), "{stopped}");
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (1, 1), "{stopped}");
    gate.open(&url);
    company.env.run(["undo", &run, "--yes", "--wait=30s"]).exits(0);
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (0, 0));
}

#[test]
fn an_interrupted_rerun_does_not_go_on_with_the_next_console() {
    let (mut company, gate, url) = behind_a_gate();
    company.env.set("__EDRCTL_CRASH_AFTER_LINE", "2");
    assert_eq!(company.isolate("web01\npc01\n", WAIT).code, None);
    company.env.unset("__EDRCTL_CRASH_AFTER_LINE");
    let run = company.env.last_run();
    let stopped = interrupted(&company, &gate, &["rerun", "latest"]).exits(7);
    assert!(stopped.stderr.contains("not begun: cisco (1 host)"), "{stopped}");
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (0, 0), "{stopped}");
    gate.open(&url);
    company.env.run(["rerun", &run, "--yes", "--wait=30s"]).exits(0);
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (1, 1));
}

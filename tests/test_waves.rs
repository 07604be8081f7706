//! Runs in waves, and runs that halt: on every console, by what the console has seen.

use std::{fs, time::Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Apex, Cyb, Ksc, Output, Room, SWIFT, Terminal, Wall, addresses, records, signal, wait_until};

/// The wave of each result, by the line of its target.
fn waves(output: &Output) -> Vec<u64> {
    let mut results = output.results();
    results.sort_by_key(|result| result["line"].as_u64());
    results.iter().map(|result| result["wave"].as_u64().unwrap_or(0)).collect()
}

/// Fails unless nobody of a wave was meant to be sent before the journal had everybody of the one before at his end.
#[track_caller]
fn assert_in_order(room: &Room) {
    // Each target's wave, and whether it is at its end.
    let mut targets: Vec<(u64, bool)> = Vec::new();
    let is_end = |result: &Value| matches!(result["outcome"].as_str(), Some("confirmed" | "already" | "failed"));
    let place = |n: &Value| usize::try_from(n.as_u64().unwrap()).unwrap();
    for record in records(&room.env.only_journal()) {
        match record["type"].as_str().unwrap() {
            "targets" => {
                let list = record["list"].as_array().unwrap().iter();
                targets.extend(list.map(|target| (target["w"].as_u64().unwrap_or(0), false)));
            }
            "intent" => {
                for n in record["targets"].as_array().unwrap() {
                    let (wave, _) = targets[place(n)];
                    assert!(wave > 0, "{record}");
                    let left = targets.iter().filter(|(before, ended)| *before < wave && !ended).count();
                    assert_eq!(left, 0, "before {record}");
                }
            }
            "settled" if is_end(&record["result"]) => targets[place(&record["n"])].1 = true,
            "answer" => {
                for reply in record["replies"].as_array().unwrap().iter().filter(|reply| is_end(&reply["result"])) {
                    targets[place(&reply["n"])].1 = true;
                }
            }
            _ => {}
        }
    }
    assert!(targets.iter().all(|(_, ended)| *ended), "{targets:?}");
}

#[test]
fn a_run_goes_in_waves_and_proves_each_before_the_next() {
    let room = Room::new(20, SWIFT);
    let output = room.isolate(&["--waves", "1,5%,25%,100%"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 20)].into(), "waves imply --wait: {output}");
    assert_eq!(waves(&output), [vec![1], vec![2; 4], vec![3; 15]].concat(), "5% of 20 is nobody more");
    room.assert_each_isolated_once();
    assert_in_order(&room);
    for words in ["wave 1 of 3: 1 host\n", "wave 2 of 3: 4 hosts\n", "wave 3 of 3 is over: 15 confirmed\n"] {
        assert!(output.stderr.contains(words), "`{words}`\n{output}");
    }
    room.verify();
}

#[test]
fn every_console_goes_in_waves() {
    let list = ["--waves", "1,3", "--halt", "fail=50%"];
    let apex = Apex::new(6, "[[confirm]]\nafter = \"0s\"\n");
    assert_eq!(waves(&apex.isolate(&list).exits(0)), [1, 2, 2, 3, 3, 3]);
    assert_in_order(&apex);
    let cyb = Cyb::new(6, "");
    assert_eq!(waves(&cyb.isolate(&list).exits(0)), [1, 2, 2, 3, 3, 3]);
    assert_in_order(&cyb);
    assert_eq!(cyb.isolated().len(), 6);
    let wall = Wall::rest("");
    assert_eq!(waves(&wall.block(&addresses(6), &list).exits(0)), [1, 2, 2, 3, 3, 3]);
    assert_in_order(&wall);
    assert_eq!(wall.blocked().len(), 6);
    wall.assert_unharmed();
    let ksc = Ksc::new(6, "");
    let output = ksc.isolate(&list).exits(0);
    assert_eq!(waves(&output), [1, 2, 2, 3, 3, 3]);
    assert_in_order(&ksc);
}

#[test]
fn a_host_that_is_not_confirmed_stops_the_next_wave_and_resume_goes_on() {
    let room = Room::new(10, "[[confirm]]\nhow = \"never\"\n");
    let output = room.isolate(&["--waves", "1,50%,100%", "--wait=1s"]).exits(7);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 9), ("unconfirmed".to_owned(), 1)].into(), "{output}");
    assert_eq!(room.puts(), 1, "only the first host was asked for");
    assert!(output.stderr.contains("halted: 1 of 1 in wave 1 of 3 did not succeed"), "{output}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    let end = records(&room.env.only_journal()).pop().unwrap();
    assert_eq!((end["ending"].as_str(), end["exit"].as_u64()), (Some("halted"), Some(7)), "{end}");
    // It is waited for once more, and halts the run once more.
    let output = room.resume(&["--wait=1s"]).exits(7);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 9), ("unconfirmed".to_owned(), 1)].into(), "{output}");
    assert_eq!(room.puts(), 1);
    room.verify();
}

#[test]
fn a_failure_that_somebody_has_seen_does_not_stop_the_resumed_run() {
    let room = Room::new(6, SWIFT);
    let first = room.console.fleet().hosts()[0].id.clone();
    drop(room);
    let faults = format!("{SWIFT}[[fault]]\nmethod = \"PUT\"\nhosts = [\"{first}\"]\ndo = {{ status = 400 }}\n");
    let room = Room::new(6, &faults);
    let output = room.isolate(&["--waves", "1,2,100%"]).exits(7);
    assert_eq!(output.outcomes(), [("failed".to_owned(), 1), ("not_sent".to_owned(), 5)].into(), "{output}");
    let output = room.resume(&[]).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 5)].into(), "{output}");
    assert_eq!(waves(&output), [2, 3, 3, 3, 3], "with the same waves");
    assert_eq!(room.accepted(), 5);
    room.verify();
}

#[test]
fn a_run_halts_at_its_limit_of_failures() {
    let faults = "latency = \"20ms\"\n[[fault]]\nmethod = \"PUT\"\ndo = { status = 400 }\n";
    for (limit, failures) in [("fail=5%", 3), ("fail=4,soon", 4)] {
        let room = Room::new(60, faults);
        let output = room.isolate(&["--halt", limit, "--concurrency", "2"]).exits(7);
        let failed = output.outcomes()["failed"];
        assert!(failed >= failures && failed <= failures + 2, "{limit}: {output}");
        assert_eq!(room.puts() as usize, 0, "the gate before the console refused");
        assert!(output.stderr.contains(&format!("the limit is {failures}")), "{output}");
        assert_eq!(output.outcomes()["not_sent"], 60 - failed, "{output}");
    }
}

#[test]
fn a_run_that_halts_now_leaves_in_doubt_what_is_under_way_and_resume_looks() {
    let faults = "[[fault]]\nmethod = \"PUT\"\nnth = 1\ndo = { status = 400 }\n\
                  [[fault]]\nmethod = \"PUT\"\nafter = 1\ntimes = 3\ndo = { delay = \"20s\" }\n";
    let room = Room::new(12, faults);
    let begun = Instant::now();
    let output = room.isolate(&["--halt", "fail=1,now", "--concurrency", "4"]).exits(7);
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
    let told = output.outcomes();
    assert_eq!(told["failed"], 1, "{output}");
    assert!((1..=3).contains(&told["in_doubt"]), "{output}");
    let output = room.resume(&[]);
    assert!(!output.outcomes().contains_key("in_doubt"), "{output}");
    for host in room.console.fleet().hosts() {
        assert!(host.puts_accepted <= 1, "{host:?}");
    }
    room.verify();
}

/// A script that notes what it is told, and ends so.
fn script(room: &Room, ends: &str) -> String {
    let lines = format!("env | sort > seen.$EDRCTL_WAVE_NEXT\necho 'it is well'\n{ends}\n");
    room.env.file("between.sh", lines);
    "sh between.sh".to_owned()
}

#[test]
fn a_command_between_waves_is_told_where_the_run_stands_and_no_secret() {
    let mut room = Room::new(10, SWIFT);
    room.env.set("EDRCTL_CISCO_API_KEY", room.console.inner().credentials().api_key.clone());
    room.env.set("MY_TOKEN", "not-for-others");
    let command = script(&room, "exit 0");
    let output = room.isolate(&["--waves", "1,40%,100%", "--between-waves", &command, "--ticket", "INC-1"]).exits(0);
    assert!(output.stderr.contains("it is well"), "what it prints is no data: {output}");
    assert_eq!(output.results().len(), 10);
    let seen = fs::read_to_string(room.env.path().join("seen.3")).unwrap();
    let run = output.results()[0]["run"].as_str().unwrap().to_owned();
    for line in [
        &format!("EDRCTL_WAVE_RUN={run}"),
        "EDRCTL_WAVE_VENDOR=cisco",
        "EDRCTL_WAVE_ACTION=isolate",
        "EDRCTL_WAVE_ENDED=2",
        "EDRCTL_WAVE_NEXT=3",
        "EDRCTL_WAVE_OF=3",
        "EDRCTL_WAVE_SUCCEEDED=3",
        "EDRCTL_WAVE_NOT_SUCCEEDED=0",
        "EDRCTL_WAVE_NEXT_TARGETS=6",
        "EDRCTL_WAVE_RUN_SUCCEEDED=4",
        "EDRCTL_WAVE_RUN_TARGETS=10",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "`{line}`\n{seen}");
    }
    assert!(!seen.contains("API_KEY") && !seen.contains("not-for-others") && !seen.contains("__EDRCTL"), "{seen}");
    assert!(fs::exists(room.env.path().join("seen.2")).unwrap());
    assert!(!fs::exists(room.env.path().join("seen.4")).unwrap(), "there is nothing behind the last");
}

#[test]
fn a_command_that_does_not_end_well_halts_the_run_and_is_run_again_by_resume() {
    let room = Room::new(10, SWIFT);
    let command = script(&room, "test -e healthy || exit 9");
    let output = room.isolate(&["--waves", "2,100%", "--between-waves", &command]).exits(7);
    assert_eq!(room.accepted(), 2);
    assert!(output.stderr.contains("the command before wave 2 ended with exit code 9"), "{output}");
    room.resume(&[]).exits(7);
    assert_eq!(room.accepted(), 2, "nobody has mended anything");
    room.env.file("healthy", "");
    let output = room.resume(&[]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 8)].into(), "{output}");
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn an_interrupt_ends_the_command_between_waves() {
    let room = Room::new(4, SWIFT);
    room.env.file("between.sh", "touch begun\ntrap 'touch ended; exit 1' TERM\nsleep 60 &\nwait\n");
    let child = room.start_isolate(&["--waves", "1,100%", "--between-waves", "sh between.sh"]);
    let is_there = |name: &str| room.env.path().join(name).exists();
    wait_until("the command to run", || is_there("begun"));
    let begun = Instant::now();
    signal(&child, Signal::INT);
    let output = room.env.finish(child).exits(7);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1), ("not_sent".to_owned(), 3)].into(), "{output}");
    wait_until("the command to be told", || is_there("ended"));
    assert_eq!(room.accepted(), 1);
    room.env.file("between.sh", "exit 0");
    room.resume(&[]).exits(0);
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn a_command_that_does_not_heed_an_interrupt_is_killed() {
    let room = Room::new(4, SWIFT);
    room.env.file("between.sh", "trap '' TERM\necho $$ > pid.new\nmv pid.new pid\nexec sleep 600\n");
    let child = room.start_isolate(&["--waves", "1,100%", "--between-waves", "sh between.sh"]);
    let file = room.env.path().join("pid");
    wait_until("the command to run", || file.exists());
    let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    signal(&child, Signal::INT);
    room.env.finish(child).exits(7);
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    wait_until("the command to be gone", || rustix::process::test_kill_process(pid).is_err());
    assert_eq!(room.accepted(), 1);
}

#[test]
fn a_killed_run_goes_on_with_its_waves() {
    let mut room = Room::new(12, SWIFT);
    for line in ["6", "9", "14"] {
        room = Room::new(12, SWIFT);
        room.env.set("__EDRCTL_CRASH_AFTER_LINE", line);
        assert_ne!(room.isolate(&["--waves", "1,25%,100%", "--concurrency", "2"]).code, Some(0));
        room.env.unset("__EDRCTL_CRASH_AFTER_LINE");
        let output = room.resume(&[]).exits(0);
        let results = output.results();
        assert!(results.iter().all(|result| result["wave"].is_u64()), "{output}");
        room.assert_each_isolated_once();
        assert_in_order(&room);
    }
    room.verify();
}

#[test]
fn a_dry_run_shows_the_waves_and_runs_nothing() {
    let room = Room::new(10, SWIFT);
    let command = script(&room, "exit 0");
    let more =
        ["--dry-run", "--waves", "1,100%", "--wave-pause", "5m", "--halt", "fail=20%", "--between-waves", &command];
    let output = room.isolate(&more).exits(0);
    assert_eq!(waves(&output), [vec![1], vec![2; 9]].concat());
    for words in ["in 2 waves: 1, 9; 5m between two", "sh between.sh", "as soon as 2 targets have failed"] {
        assert!(output.stderr.contains(words), "`{words}`\n{output}");
    }
    assert_eq!(room.puts(), 0);
    assert!(!fs::exists(room.env.path().join("seen.2")).unwrap());
}

#[test]
fn at_a_terminal_every_wave_is_asked_for() {
    let room = Room::new(5, SWIFT);
    let args = ["isolate", "--vendor", "cisco", "--waves", "1,2,100%", "hosts.txt"];
    let mut terminal = Terminal::start(&room.env, &args);
    terminal.shows("in 3 waves: 1, 1, 3").shows("Isolate 5 hosts? [y/N]").types("y\n");
    terminal.shows("Begin wave 2 of 3 with 1 host? [y/N]");
    assert_eq!(room.accepted(), 1, "nothing goes before the answer");
    terminal.types("n\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(7), "{screen}");
    // What has had its turn is not told as if it were to come.
    let mut terminal = Terminal::start(&room.env, &["resume"]);
    terminal.shows("2 of 3 waves are left: 1, 3").shows("Isolate 4 hosts? [y/N]").types("y\n");
    terminal.shows("Begin wave 3 of 3 with 3 hosts? [y/N]").types("n\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(7), "{screen}");
    assert!(screen.contains("wave 3 was declined"), "{screen}");
    assert_eq!(room.accepted(), 2);
    // Whoever has just agreed to what is left is not asked twice.
    let mut terminal = Terminal::start(&room.env, &["resume"]);
    terminal.shows("1 of 3 waves is left: 3").shows("Isolate 3 hosts? [y/N]").types("y\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    room.assert_each_isolated_once();
}

#[test]
fn whoever_says_yes_to_all_is_not_asked_between_waves() {
    let room = Room::new(3, SWIFT);
    let mut terminal =
        Terminal::start(&room.env, &["isolate", "--vendor", "cisco", "--yes", "--waves", "1", "hosts.txt"]);
    terminal.shows("wave 2 of 2");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("[y/N]"), "{screen}");
}

#[test]
fn ctrl_c_at_the_question_between_waves_stops_the_run() {
    let room = Room::new(3, SWIFT);
    let mut terminal = Terminal::start(&room.env, &["isolate", "--vendor", "cisco", "--waves", "1", "hosts.txt"]);
    terminal.shows("[y/N]").types("y\n").shows("Begin wave 2 of 2").types("\u{3}");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(7), "{screen}");
    assert_eq!(room.accepted(), 1);
}

#[test]
fn waves_that_are_none_are_refused_before_anything_is_sent() {
    let room = Room::new(2, SWIFT);
    for more in [
        ["--waves", "0"],
        ["--waves", "5%,1%"],
        ["--waves", "many"],
        ["--wave-pause", "5m"],
        ["--between-waves", "true"],
        ["--halt", "5"],
        ["--halt", "fail=0"],
        ["--halt", "fail=1,later"],
    ] {
        room.isolate(&more).exits(2);
    }
    assert_eq!(room.console.stats().total(), 0);
}

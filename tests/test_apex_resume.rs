//! A run at Apex Central that was killed, ran out of disk or was interrupted, and what `resume` makes of it: no host sent
//! twice that the console has accepted, and none that a rule or the console rules out by now.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{
    Apex, Output, PlayedApex, SWIFT, Said, SmallDisk, TestEnv, intents, records, side_by_side, signal, success,
    wait_until,
};

/// The program dies when it has written so many lines of a journal.
const CRASH_AFTER: &str = "__EDRCTL_CRASH_AFTER_LINE";

fn crashing(room: &Apex, line: u64, command: &mut Command) -> Output {
    let child = command.env(CRASH_AFTER, line.to_string()).output().unwrap();
    Output::new(child, room.env.path())
}

/// Kills a run of six after one line of its journal and resumes it; returns whether it died.
fn dies_after(line: u64, more: &[&str]) -> bool {
    let room = Apex::new(6, SWIFT);
    let when = format!("{more:?}, killed after line {line}");
    let first = crashing(&room, line, &mut room.command(more));
    if first.code == Some(0) {
        room.assert_all_off_by_one_request_each();
        return false;
    }
    assert_eq!(first.code, None, "{when}\n{first}");
    if room.env.journals().is_empty() {
        room.console.was_left_alone();
        room.isolate(more).exits(0);
        room.assert_all_off_by_one_request_each();
        return true;
    }
    let lists = room.lists();
    let journal = records(&room.env.only_journal());
    let answered = journal.iter().filter(|record| record["type"] == "answer").count();
    let meant = journal.iter().filter(|record| record["type"] == "intent").count();
    room.resume(&[]).exits(0);
    assert_eq!(room.off(), 6, "{when}");
    for host in room.console.fleet().hosts() {
        assert_eq!(host.puts_accepted, 1, "{when}: {host:?}");
        assert_eq!(host.puts, 1, "{when}: what was accepted was asked for again: {host:?}");
    }
    if more.is_empty() {
        let looks = (meant - answered) as u64;
        assert!(room.lists() <= lists + looks + 1, "{when}: one list of all, and one for each of {looks} in doubt");
    }
    let shown = room.env.run(["runs", "show", "-o", "jsonl"]).exits(0).outcomes();
    let fine: usize = ["accepted", "confirmed"].iter().filter_map(|outcome| shown.get(*outcome)).sum();
    assert_eq!(fine, 6, "{when}: {shown:?}");
    room.verify();
    true
}

fn dies_after_each_line(more: &[&str]) {
    let died = side_by_side(1..=24, |line| dies_after(line, more));
    let survived = died.iter().position(|died| !died).unwrap();
    assert!(survived > 13, "six intents and six answers at the least: {died:?}");
    assert!(died[survived..].iter().all(|died| !died), "{died:?}");
}

#[test]
fn a_run_killed_after_any_line_is_finished_by_resume() {
    dies_after_each_line(&[]);
}

#[test]
fn a_run_killed_after_any_line_of_its_wait_is_finished_by_resume() {
    dies_after_each_line(&["--wait=30s"]);
}

#[test]
fn a_run_with_one_request_at_a_time_is_finished_by_resume() {
    dies_after_each_line(&["--concurrency", "1"]);
}

#[test]
fn a_restore_killed_after_any_line_is_finished_by_resume() {
    let died = side_by_side(2..=16, |line| {
        let room = Apex::new(3, SWIFT);
        room.isolate(&["--wait=30s"]).exits(0);
        let mut command = room.env.command(["apex-isolate", "--restore", "--yes", "hosts.txt"]);
        let first = crashing(&room, line, &mut command);
        if first.code != Some(0) {
            assert_eq!(first.code, None, "line {line}: {first}");
            room.resume(&[]).exits(0);
        }
        assert_eq!(room.console.fleet().isolated(), 0, "line {line}");
        for host in room.console.fleet().hosts() {
            assert_eq!((host.deletes, host.deletes_accepted), (1, 1), "line {line}: {host:?}");
        }
        room.verify();
        first.code != Some(0)
    });
    assert!(died.iter().filter(|died| **died).count() >= 7 && died.contains(&false), "{died:?}");
}

#[test]
fn a_resumed_run_refuses_a_host_that_cannot_do_it_by_now() {
    let room = PlayedApex::new(4, |_, agent| Said::done(&success(std::slice::from_ref(agent))));
    let mut command = room.command(&["--concurrency", "1"]);
    let died = command.env(CRASH_AFTER, "4").output().unwrap();
    assert_eq!(died.status.code(), None);
    let sent = room.off();
    assert!(sent <= 1, "{sent}");
    room.takes_nothing_any_more();
    let posts = room.posts();
    let output = room.env.run(["resume", "latest", "--yes", "-o", "jsonl"]).exits(6);
    assert_eq!((room.posts(), room.off()), (posts, sent), "{output}");
    assert!(output.outcomes().get("refused").copied().unwrap_or_default() >= 3, "{output}");
    let told = output.results().into_iter().filter(|result| result["outcome"] == "refused");
    assert!(told.into_iter().all(|result| result["reason_code"] == "not_capable"), "{output}");
}

#[test]
fn a_resumed_run_leaves_alone_what_somebody_else_has_done_meanwhile() {
    let room = Apex::new(5, SWIFT);
    crashing(&room, 4, &mut room.command(&["--concurrency", "1"]));
    let sent = room.accepted();
    assert!(sent <= 1, "{sent}");
    // Another hand isolates them all.
    let mut other = TestEnv::new();
    other.configure(&room.console);
    other.set("EDRCTL_STATE_DIR", other.path().join("other").display().to_string());
    other.file("hosts.txt", room.console.guids());
    other.run(["isolate", "--vendor", "apex", "--yes", "--wait=30s", "hosts.txt"]).exits(0);
    let posts = room.posts();
    let output = room.resume(&[]).exits(0);
    assert_eq!(room.posts(), posts, "nothing was left to send\n{output}");
    assert!(output.outcomes().get("already").copied().unwrap_or_default() >= 3, "{output}");
    room.verify();
}

#[test]
fn a_resumed_run_refuses_a_host_that_is_protected_by_now() {
    let room = Apex::new(5, SWIFT);
    crashing(&room, 4, &mut room.command(&["--concurrency", "1"]));
    let last = room.console.fleet().hosts().pop().unwrap();
    room.env.add_config(&format!("[safety]\nprotected = [\"{}\"]", last.id));
    let output = room.resume(&[]).exits(6);
    assert_eq!(room.console.fleet().host(&last.id).unwrap().puts, 0, "{output}");
    assert_eq!(output.outcome_of(&last.id), "refused", "{output}");
    assert_eq!(room.accepted(), 4, "{output}");
}

#[test]
fn a_disk_that_is_full_stops_the_run_before_the_next_request() {
    side_by_side([4, 36, 64, 100, 128, 1024], |kib| {
        let room = Apex::new(300, "");
        let mut disk = SmallDisk::limit(&room.env, kib);
        let args = ["isolate", "--vendor", "apex", "--yes", "-o", "jsonl", "--concurrency", "4", "hosts.txt"];
        let run = |disk: &SmallDisk, args: &[&str]| {
            Output::new(disk.command(&room.env, args).output().unwrap(), room.env.path())
        };
        let output = run(&disk, &args);
        if output.code != Some(0) {
            let output = output.exits(8);
            if let [journal] = disk.journals().as_slice() {
                assert!(room.posts() <= intents(journal), "{kib}: a request that the journal does not know");
                assert!(output.stderr.contains("edrctl resume"), "{output}");
                disk.make_room();
                run(&disk, &["resume", "--yes"]).exits(0);
            } else {
                room.console.was_left_alone();
                disk.make_room();
                run(&disk, &args).exits(0);
            }
        }
        room.assert_all_off_by_one_request_each();
        assert_eq!(room.posts(), 300);
        run(&disk, &["runs", "verify"]).exits(0);
    });
}

#[test]
fn an_interrupt_drains_and_resume_goes_on() {
    let room = Apex::new(60, "latency = \"100ms\"\n");
    let mut command = room.command(&["--concurrency", "4"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some to be accepted", || room.accepted() >= 8);
    signal(&child, Signal::INT);
    let output = room.env.finish(child).exits(7);
    assert_eq!(output.outcomes()["accepted"] as u64, room.accepted(), "{output}");
    assert!(room.accepted() < 40, "{}", room.accepted());
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    room.resume(&[]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(room.posts(), 60);
    room.verify();
}

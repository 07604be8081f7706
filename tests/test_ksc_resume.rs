//! A run at a Security Center that was killed or interrupted, and what `resume` makes of it: each host's task exactly once.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{Ksc, Output, side_by_side, signal, wait_until};

/// The program dies when it has written so many lines of a journal.
const CRASH_AFTER: &str = "__EDRCTL_CRASH_AFTER_LINE";

fn crashing(room: &Ksc, line: u64, command: &mut Command) -> Output {
    let child = command.env(CRASH_AFTER, line.to_string()).output().unwrap();
    Output::new(child, room.env.path())
}

fn task<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["ksc-task", "getFile", "--path", r"C:\a", "--yes", "-o", "jsonl", "hosts.txt"], more].concat()
}

/// Kills a run of three after one line of its journal and resumes it; returns whether it died.
fn dies_after(line: u64, more: &[&str], faults: &str) -> bool {
    let room = Ksc::new(3, faults);
    let when = format!("{more:?}, killed after line {line}");
    let first = crashing(&room, line, &mut room.env.command(task(more)));
    if first.code == Some(0) {
        room.assert_each_carried_out_once("getFile", &when);
        return false;
    }
    assert_eq!(first.code, None, "{when}\n{first}");
    if room.env.journals().is_empty() {
        room.was_left_alone();
        room.env.run(task(more)).exits(0);
        room.assert_each_carried_out_once("getFile", &when);
        return true;
    }
    let output = room.resume(&[]).exits(0);
    room.assert_each_carried_out_once("getFile", &format!("{when}\n{output}"));
    let shown = room.env.run(["runs", "show", "-o", "jsonl"]).exits(0);
    let outcomes = shown.outcomes();
    let fine: usize = ["accepted", "confirmed"].iter().filter_map(|outcome| outcomes.get(*outcome)).sum();
    assert_eq!(fine, 3, "{when}: {outcomes:?}");
    assert!(shown.results().iter().all(|result| result["action"] == "getFile"), "{shown}");
    room.verify();
    true
}

fn dies_after_each_line(more: &[&str], faults: &str) {
    let died = side_by_side(1..=18, |line| dies_after(line, more, faults));
    let survived = died.iter().position(|died| !died).unwrap();
    assert!(survived > 7, "three intents and three answers at the least: {died:?}");
    assert!(died[survived..].iter().all(|died| !died), "{died:?}");
}

#[test]
fn a_task_killed_after_any_line_is_finished_by_resume() {
    dies_after_each_line(&[], "");
}

#[test]
fn a_task_killed_after_any_line_of_its_wait_is_finished_by_resume() {
    dies_after_each_line(&["--wait=30s"], "");
}

#[test]
fn a_task_with_one_connection_is_finished_by_resume() {
    dies_after_each_line(&["--concurrency", "1"], "");
}

#[test]
fn a_run_killed_while_the_console_has_not_answered_yet_is_finished_by_resume() {
    // What the console has done by then: added and not answered, or released and not answered.
    side_by_side(["add_incident", "update_incident"], |endpoint| {
        let faults = format!("[[fault]]\nendpoint = \"{endpoint}\"\ntimes = 3\ndo = \"silence_after\"\n");
        let room = Ksc::new(3, &faults);
        let mut child = room.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let wanted = u32::from(endpoint == "update_incident");
        wait_until("the deed", || {
            let incidents = room.incidents();
            incidents.len() == 3 && incidents.iter().all(|incident| incident.updates == wanted)
        });
        child.kill().unwrap();
        child.wait().unwrap();
        let output = room.resume(&["--wait=30s"]).exits(0);
        assert_eq!(room.incidents().len(), 3, "{endpoint}\n{output}");
        room.assert_each_carried_out_once("isolateHost", endpoint);
        room.verify();
    });
}

#[test]
fn an_interrupt_drains_and_resume_goes_on() {
    let room = Ksc::new(60, "latency = '50ms'\n");
    let child = room.command(&["--concurrency", "4"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some incidents", || room.incidents().len() >= 8);
    signal(&child, Signal::INT);
    let output = room.env.finish(child).exits(7);
    assert_eq!(output.outcomes()["accepted"], room.incidents().len(), "{output}");
    assert!(room.incidents().len() < 40);
    assert_eq!(room.calls("Session.EndSession"), room.console.stats().logons(), "it signs out");
    room.resume(&[]).exits(0);
    room.assert_each_carried_out_once("isolateHost", "interrupted");
    assert_eq!(room.writes(), (60, 60));
    room.verify();
}

#[test]
fn a_resumed_wait_goes_on_asking_after_what_was_accepted() {
    let faults = "kaspersky.result = [{ state = 'finished', after = '3s' }]\n";
    let room = Ksc::new(3, faults);
    let child = room.command(&["--wait=60s"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("tasks", || room.tasks().len() == 3);
    signal(&child, Signal::INT);
    room.env.finish(child).exits(7);
    let output = room.resume(&["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3)].into(), "{output}");
    assert_eq!(room.writes(), (3, 3));
    room.assert_each_carried_out_once("isolateHost", "resumed");
}

#[test]
fn a_resumed_run_refuses_a_host_that_is_protected_by_now() {
    let room = Ksc::new(4, "");
    crashing(&room, 4, &mut room.command(&["--concurrency", "1"]));
    let last = room.console.fleet().hosts().pop().unwrap();
    room.env.add_config(&format!("[safety]\nprotected = [\"{}\"]", last.id));
    let output = room.resume(&[]).exits(6);
    assert_eq!(output.outcome_of(&last.id), "refused", "{output}");
    assert_eq!(room.incidents().len(), 3, "{output}");
    assert!(room.incidents().iter().all(|incident| !incident.host.eq_ignore_ascii_case(&last.id)));
}

#[test]
fn the_journal_keeps_the_task_whole_and_a_resumed_run_asks_what_it_does() {
    let room = Ksc::new(3, "");
    let args = ["ksc-task", "startProcess", "--executable", r"C:\a.exe", "--arguments=-q \"x\"", "--yes", "hosts.txt"];
    let mut command = room.env.command(args);
    command.args(["--concurrency", "1"]);
    crashing(&room, 5, &mut command);
    let sent = room.incidents().len();
    assert!(sent < 3, "{sent}");
    let refused = room.env.run(["resume"]).exits(5);
    assert!(refused.stderr.contains("--yes"), "{refused}");
    room.resume(&[]).exits(0);
    room.assert_each_carried_out_once("startProcess", "resumed");
    let parts = |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap()["params"].clone();
    let incidents = room.incidents();
    assert!(incidents.iter().all(|incident| parts(&incident.body) == parts(&incidents[0].body)), "{incidents:?}");
    assert_eq!(parts(&incidents[0].body)["arguments"], "-q \"x\"");
}

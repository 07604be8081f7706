//! A run that died, and what `resume` makes of it: no host lost, none asked twice where the console knew.

use std::{collections::BTreeMap, fs, process::Command};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    Console, Gate, Output, Room, Terminal, TestEnv, intents, records, side_by_side, signal, wait_until,
};

/// The program dies when it has written so many lines of a journal.
const CRASH_AFTER: &str = "__EDRCTL_CRASH_AFTER_LINE";
/// Hosts confirm at once, so that a wait for proof is short.
const QUICK: &str = "[[confirm]]\nafter = \"50ms\"\n";
/// More than any run of six hosts writes.
const MANY_LINES: u64 = 24;

fn crashing(room: &Room, line: u64, command: &mut Command) -> Output {
    let child = command.env(CRASH_AFTER, line.to_string()).output().unwrap();
    Output::new(child, room.env.path())
}

fn isolate(room: &Room, more: &[&str]) -> Command {
    let mut command = room.env.command(["isolate", "--vendor", "cisco", "--yes", "-o", "jsonl", "hosts.txt"]);
    command.args(more);
    command
}

fn resume(room: &Room) -> Command {
    room.env.command(["resume", "latest", "--yes", "-o", "jsonl"])
}

/// What was told of each host, by its id.
fn told(output: &Output, by_host: &mut BTreeMap<String, String>) {
    for result in output.results() {
        let host = result["host"]["id"].as_str().unwrap().to_owned();
        let outcome = result["outcome"].as_str().unwrap().to_owned();
        // A run without proof has said its last word with `accepted`; nothing may take a success back.
        if let Some(before) = by_host.get(&host) {
            assert!(
                outcome == *before || (before == "accepted" && outcome == "confirmed"),
                "{before} became {outcome}"
            );
        }
        by_host.insert(host, outcome);
    }
}

/// Every host stands in the run as the console knows it, and in success.
#[track_caller]
fn assert_all_is_well(room: &Room, told: &BTreeMap<String, String>, waits: bool, when: &str) {
    let shown = room.env.run(["runs", "show", "-o", "jsonl"]).results();
    let fleet = room.console.fleet().hosts();
    assert_eq!(shown.len(), fleet.len(), "{when}");
    for result in &shown {
        let host = result["host"]["id"].as_str().unwrap();
        let outcome = result["outcome"].as_str().unwrap();
        let fine = if waits { outcome == "confirmed" } else { ["accepted", "confirmed"].contains(&outcome) };
        assert!(fine, "{when}: {result}");
        if let Some(told) = told.get(host) {
            assert!(told == outcome || told == "accepted", "{when}: told {told}, and now {outcome}");
        }
    }
    for host in &fleet {
        assert_eq!(host.puts_accepted, 1, "{when}: {host:?}");
        assert!(host.puts <= 2, "{when}: {host:?}");
    }
    room.verify();
}

/// Where a death found a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Died {
    BeforeTheRun,
    InTheRun,
    /// It did not: it had written all its lines.
    Not,
}

/// Kills a run after each of its lines, and resumes it.
fn dies_after_each_line(more: &[&str]) {
    let found = side_by_side(1..=MANY_LINES, |line| dies_after(line, more));
    let survived = found.iter().position(|died| *died == Died::Not).unwrap();
    assert_eq!(found[0], Died::BeforeTheRun);
    assert!(found[1..survived].iter().all(|died| *died == Died::InTheRun), "{found:?}");
    assert!(survived > 13, "six intents and six answers at the least: {found:?}");
    assert!(found[survived..].iter().all(|died| *died == Died::Not), "{found:?}");
}

fn dies_after(line: u64, more: &[&str]) -> Died {
    let waits = more.iter().any(|option| option.starts_with("--wait"));
    let room = Room::new(6, QUICK);
    let when = format!("{more:?}, killed after line {line}");
    let first = crashing(&room, line, &mut isolate(&room, more));
    let mut by_host = BTreeMap::new();
    told(&first, &mut by_host);
    if first.code == Some(0) {
        assert_all_is_well(&room, &by_host, waits, &when);
        return Died::Not;
    }
    assert_eq!(first.code, None, "{when}\n{first}");
    if room.env.journals().is_empty() {
        assert_eq!(room.puts(), 0, "{when}");
        assert!(by_host.is_empty(), "{when}\n{first}");
        let resumed = room.resume(&[]).exits(2);
        assert!(resumed.stderr.contains("there is none"), "{resumed}");
        assert!(resumed.stderr.contains("hint:"), "{resumed}");
        room.isolate(more).exits(0);
        room.assert_each_isolated_once();
        return Died::BeforeTheRun;
    }
    let last = room.resume(&[]).exits(0);
    told(&last, &mut by_host);
    assert_all_is_well(&room, &by_host, waits, &when);
    Died::InTheRun
}

#[test]
fn a_run_killed_after_any_journal_line_is_finished_by_resume() {
    dies_after_each_line(&[]);
}

#[test]
fn a_run_killed_after_any_journal_line_of_its_wait_is_finished_by_resume() {
    dies_after_each_line(&["--wait=30s"]);
}

#[test]
fn a_run_with_one_request_at_a_time_is_finished_by_resume_wherever_it_died() {
    dies_after_each_line(&["--concurrency", "1"]);
}

#[test]
fn a_run_that_dies_again_in_every_resume_gets_to_its_end() {
    // Its own line, what the look found, the intent, the answer: one that dies before the fourth gets no further.
    side_by_side(4..7, |line| {
        let room = Room::new(7, QUICK);
        let mut by_host = BTreeMap::new();
        let one_at_a_time = ["--wait=30s", "--concurrency", "1"];
        let mut output = crashing(&room, line, &mut isolate(&room, &one_at_a_time));
        told(&output, &mut by_host);
        let mut deaths = 0;
        while output.code != Some(0) {
            assert_eq!(output.code, None, "{output}");
            deaths += 1;
            assert!(deaths < 40, "it gets no further: {output}");
            output = crashing(&room, line, resume(&room).args(["--concurrency", "1"]));
            told(&output, &mut by_host);
        }
        assert!(deaths >= 2, "{deaths}");
        assert_all_is_well(&room, &by_host, true, &format!("killed {deaths} times after line {line}"));
    });
}

#[test]
fn dying_often_before_the_request_leaves_does_not_use_up_its_tries() {
    let room = Room::new(2, QUICK);
    crashing(&room, 3, &mut isolate(&room, &["--concurrency", "1"]));
    for _ in 0..6 {
        // Its second line is what the look found, or the next intent: nothing has left.
        let output = crashing(&room, 2, resume(&room).args(["--concurrency", "1"]));
        assert_eq!(output.code, None, "{output}");
    }
    assert_eq!(room.puts(), 0);
    room.resume(&[]).exits(0);
    assert_all_is_well(&room, &BTreeMap::new(), false, "killed seven times");
}

#[test]
fn an_unisolate_killed_after_any_journal_line_is_finished_by_resume() {
    let survived = side_by_side(2..=MANY_LINES, |line| {
        let room = Room::new(4, QUICK);
        room.isolate(&["--wait=30s"]).exits(0);
        let mut command = room.env.command(["unisolate", "--vendor", "cisco", "--yes", "-o", "jsonl", "hosts.txt"]);
        let first = crashing(&room, line, command.arg("--wait=30s"));
        if first.code != Some(0) {
            room.resume(&[]).exits(0);
        }
        for host in room.console.fleet().hosts() {
            assert_eq!(host.deletes_accepted, 1, "line {line}: {host:?}");
        }
        assert_eq!(room.console.fleet().isolated(), 0);
        room.verify();
        first.code == Some(0)
    });
    let deaths = survived.iter().filter(|survived| !**survived).count();
    assert!(deaths >= 9 && deaths < survived.len(), "{survived:?}");
}

#[test]
fn a_kill_from_outside_in_the_middle_loses_no_host() {
    let room = Room::new(60, "latency = \"20ms\"\n[[confirm]]\nafter = \"50ms\"\n");
    for kill_at in [1, 20, 45] {
        let mut child = room.env.start(if room.env.journals().is_empty() {
            vec![
                "isolate",
                "--vendor",
                "cisco",
                "--yes",
                "-o",
                "jsonl",
                "--concurrency",
                "4",
                "--wait=30s",
                "hosts.txt",
            ]
        } else {
            vec!["resume", "--yes", "--concurrency", "4"]
        });
        wait_until("the console to have accepted some", || room.accepted() >= kill_at);
        child.kill().unwrap();
        assert_eq!(room.env.finish(child).code, None);
        let journal = room.env.only_journal();
        assert!(room.puts() <= intents(&journal), "a request went out that the journal does not know");
    }
    room.resume(&[]).exits(0);
    assert_all_is_well(&room, &BTreeMap::new(), true, "killed three times");
}

#[test]
fn a_run_of_another_console_is_not_resumed() {
    let room = Room::new(3, "");
    crashing(&room, 4, &mut isolate(&room, &[]));
    let other = Console::new(3, "");
    room.env.configure(&other);
    let output = room.resume(&[]).exits(5);
    assert!(output.stderr.contains("this run belongs to"), "{output}");
    assert!(output.stderr.contains("hint:"), "{output}");
    assert_eq!(other.stats().total(), 0, "not even a question");
    room.env.configure(&room.console);
    room.resume(&[]).exits(0);
    room.assert_each_isolated_once();
}

#[test]
fn a_finished_run_leaves_nothing_to_resume() {
    let room = Room::new(3, "");
    room.isolate(&[]).exits(0);
    let asked = room.console.stats().total();
    let output = room.resume(&[]).exits(0);
    assert!(output.stderr.contains("nothing is left to do"), "{output}");
    assert_eq!(room.console.stats().total(), asked);
}

#[test]
fn a_run_that_ended_without_proof_can_be_proved_later() {
    let room = Room::new(3, QUICK);
    room.isolate(&[]).exits(0);
    let output = room.resume(&["--wait=30s"]).exits(0);
    assert_eq!(output.outcomes().get("confirmed"), Some(&3), "{output}");
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn a_finished_run_whose_hosts_failed_keeps_its_exit_code() {
    let room = Room::new(3, "unavailable = {}\n");
    room.isolate(&[]).exits(6);
    room.resume(&[]).exits(6);
}

#[test]
fn a_rehearsal_is_resumed_as_a_rehearsal() {
    side_by_side(3..8_u64, |line| {
        let env = TestEnv::new();
        env.file("hosts.txt", "web01\nweb02\nweb03\n");
        let run = env
            .command(["isolate", "--vendor", "cisco", "--simulate", "--wait=30s", "-o", "jsonl", "hosts.txt"])
            .env(CRASH_AFTER, line.to_string())
            .output()
            .unwrap();
        assert_eq!(run.status.code(), None);
        let resumed = env.run(["resume", "-o", "jsonl"]).exits(0);
        assert!(resumed.results().iter().all(|result| result["simulated"] == true), "{resumed}");
        let shown = env.run(["runs", "show", "-o", "jsonl"]).outcomes();
        assert_eq!(shown.get("confirmed").copied().unwrap_or_default(), 3, "line {line}: {shown:?}");
        env.run(["runs", "verify"]).exits(0);
    });
}

#[test]
fn a_run_under_way_is_locked_against_a_second_hand() {
    let room = Room::new(4, "[[fault]]\nmethod = \"PUT\"\nnth = 2\ndo = { delay = \"1500ms\" }\n");
    let child = room.start_isolate(&["--concurrency", "1"]);
    wait_until("the first request to be answered", || room.accepted() >= 1);
    let asked = room.console.stats().total();
    let second = room.resume(&[]).exits(8);
    assert!(second.stderr.contains("works on it"), "{second}");
    assert!(second.stderr.contains(&format!("process {}", child.id())), "{second}");
    assert!(room.console.stats().total() <= asked + 1, "the second hand asked the console");
    // Reading needs no lock.
    room.env.run(["runs", "show"]).exits(0);
    room.env.run(["runs", "list"]).exits(0);
    room.verify();
    room.env.finish(child).exits(0);
    room.assert_each_isolated_once();
}

#[test]
fn of_two_resumes_at_once_only_one_works() {
    let room = Room::new(8, "latency = \"100ms\"\n");
    crashing(&room, 3, &mut isolate(&room, &["--concurrency", "1"]));
    let children: Vec<_> =
        (0..2).map(|_| room.env.start(["resume", "latest", "--yes", "-o", "jsonl", "--concurrency", "1"])).collect();
    let mut codes: Vec<_> = children.into_iter().map(|child| room.env.finish(child).code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(8)]);
    room.assert_each_isolated_once();
    room.verify();
}

/// A run that died after three of its hosts, and its journal's lines.
fn half_done() -> (Room, Vec<String>) {
    let room = Room::new(6, "");
    crashing(&room, 8, &mut isolate(&room, &["--concurrency", "1"]));
    let text = fs::read_to_string(room.env.only_journal()).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 8);
    (room, lines)
}

#[track_caller]
fn is_not_trusted(room: &Room, lines: &[String]) {
    let asked = room.console.stats().total();
    fs::write(room.env.only_journal(), lines.join("\n") + "\n").unwrap();
    let verified = room.env.run(["runs", "verify"]).exits(8);
    assert!(verified.stderr.contains("trust the journal"), "{verified}");
    let resumed = room.resume(&[]).exits(8);
    assert!(resumed.stderr.contains("hint:"), "{resumed}");
    assert_eq!(room.console.stats().total(), asked, "a journal that is not trusted leads to no request");
}

#[test]
fn an_edited_journal_line_is_found_and_nothing_is_resumed() {
    let (room, lines) = half_done();
    for (number, line) in lines.iter().enumerate() {
        let mut edited = lines.clone();
        let last = line.rfind(|c: char| c.is_ascii_digit()).unwrap();
        let other = if line.get(last..=last).unwrap() == "1" { "2" } else { "1" };
        let mut line = line.clone();
        line.replace_range(last..=last, other);
        edited[number] = line;
        is_not_trusted(&room, &edited);
    }
}

#[test]
fn a_removed_journal_line_is_found_and_nothing_is_resumed() {
    let (room, lines) = half_done();
    for number in 0..lines.len() - 1 {
        let mut fewer = lines.clone();
        fewer.remove(number);
        is_not_trusted(&room, &fewer);
    }
}

#[test]
fn reordered_journal_lines_are_found_and_nothing_is_resumed() {
    let (room, lines) = half_done();
    for number in 0..lines.len() - 1 {
        let mut moved = lines.clone();
        moved.swap(number, number + 1);
        is_not_trusted(&room, &moved);
    }
}

#[test]
fn the_last_line_of_an_ended_run_cannot_be_taken_away() {
    let room = Room::new(3, "");
    room.isolate(&[]).exits(0);
    let text = fs::read_to_string(room.env.only_journal()).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    is_not_trusted(&room, &lines[..lines.len() - 1]);
}

#[test]
fn half_a_line_at_the_end_is_what_a_crash_leaves() {
    let (room, lines) = half_done();
    let whole = lines.join("\n") + "\n";
    let half = lines[7].get(..lines[7].len() / 2).unwrap();
    fs::write(room.env.only_journal(), whole + half).unwrap();
    let verified = room.env.run(["runs", "verify"]).exits(0);
    assert!(verified.stdout.contains("half a line"), "{verified}");
    room.resume(&[]).exits(0);
    room.assert_each_isolated_once();
    let verified = room.env.run(["runs", "verify"]).exits(0);
    assert!(!verified.stdout.contains("half a line"), "{verified}");
}

#[test]
fn a_journal_that_cannot_be_made_stops_everything_before_it_begins() {
    let room = Room::new(3, "");
    // Not even the superuser makes a folder below a file, or below `/proc`.
    room.env.file("file", "");
    for folder in ["file/state", "/proc/edrctl"] {
        let output = room.isolate(&["--state-dir", folder]).exits(8);
        assert!(output.stderr.contains("hint:"), "{output}");
        assert!(output.stderr.contains("--state-dir"), "{output}");
    }
    assert_eq!(room.console.stats().total(), 0);
}

#[test]
fn a_journal_is_its_owners_and_keeps_no_secret() {
    use std::os::unix::fs::PermissionsExt as _;

    let mut room = Room::new(4, "");
    room.env.set("CODE", "k7h2qzsecretcode");
    let traced = room
        .isolate(&["--unlock-code=env:CODE", "--comment", "IR-4711 containment", "--ticket", "IR-4711", "-vv"])
        .exits(0);
    let journal = room.env.only_journal();
    assert_eq!(fs::metadata(&journal).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&journal).unwrap();
    assert!(text.contains("IR-4711 containment"));
    let api_key = room.console.inner().credentials().api_key.clone();
    for told in [&text, &traced.stdout, &traced.stderr] {
        assert!(!told.contains("k7h2qzsecretcode"), "{told}");
        assert!(!told.contains(&api_key), "{told}");
    }
    for host in room.console.fleet().hosts() {
        assert_eq!(host.unlock_code.as_deref(), Some("k7h2qzsecretcode"), "{host:?}");
        assert_eq!(host.comment.as_deref(), Some("IR-4711 containment"), "{host:?}");
    }
    let header = &records(&journal)[0];
    assert_eq!(header["ticket"], "IR-4711");
    assert!(header["user"].as_str().unwrap().starts_with("tester"), "{header}");
    let answers: Vec<Value> = records(&journal).into_iter().filter(|record| record["type"] == "answer").collect();
    assert!(answers.iter().all(|answer| answer["request_id"].is_string()), "{answers:?}");
}

#[test]
fn a_resumed_run_needs_its_unlock_code_again() {
    let mut room = Room::new(3, "");
    room.env.set("CODE", "k7h2qz");
    crashing(&room, 4, &mut isolate(&room, &["--concurrency", "1", "--unlock-code=env:CODE"]));
    let output = room.resume(&[]).exits(2);
    assert!(output.stderr.contains("--unlock-code"), "{output}");
    room.resume(&["--unlock-code=env:CODE"]).exits(0);
    room.assert_each_isolated_once();
    for host in room.console.fleet().hosts() {
        assert_eq!(host.unlock_code.as_deref(), Some("k7h2qz"), "{host:?}");
    }
}

#[test]
fn a_console_that_goes_away_stops_the_run_and_its_return_lets_it_finish() {
    let mut room = Room::new(30, "latency = \"20ms\"\n");
    let gate = Gate::to(room.console.inner().base_url());
    room.env.configure_behind(&gate, &room.console);
    room.env.set("__EDRCTL_SILENCE_MS", "1500");
    let child = room.start_isolate(&["--concurrency", "3"]);
    wait_until("the console to have accepted some", || room.accepted() >= 5);
    gate.close();
    let output = room.env.finish(child).exits(7);
    assert!(output.outcomes().get("not_sent").is_some_and(|count| *count > 10), "{output}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    assert!(output.stderr.contains("edrctl check cisco"), "{output}");
    // While it is away, a resume changes nothing and says so.
    room.resume(&[]).exits(4);
    gate.open(room.console.inner().base_url());
    room.resume(&[]).exits(0);
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn a_terminated_program_says_how_to_go_on() {
    let room = Room::new(30, "latency = \"20ms\"\n");
    let child = room.start_isolate(&["--concurrency", "2"]);
    wait_until("the console to have accepted some", || room.accepted() >= 3);
    signal(&child, Signal::TERM);
    let output = room.env.finish(child).exits(7);
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    room.resume(&[]).exits(0);
    room.assert_each_isolated_once();
}

#[test]
fn the_question_says_that_what_is_left_is_not_to_last_either() {
    let room = Room::new(6, QUICK);
    crashing(&room, 8, &mut isolate(&room, &["--concurrency", "1", "--for", "4h"]));
    let mut terminal = Terminal::start(&room.env, &["resume"]);
    terminal.shows("each is due to be put back 4h after it was isolated").shows("[y/N]").types("y\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    room.assert_each_isolated_once();
    // Of one that is to last nothing of the kind is said.
    let room = Room::new(6, QUICK);
    crashing(&room, 8, &mut isolate(&room, &["--concurrency", "1"]));
    let mut terminal = Terminal::start(&room.env, &["resume"]);
    terminal.shows("[y/N]").types("y\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("is due"), "{screen}");
}

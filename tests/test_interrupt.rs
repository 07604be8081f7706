//! Ctrl-C and its kin: the first drains, the second abandons, and `resume` goes on from either.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr},
    time::{Duration, Instant},
};

use edrctl::simulator::faults::Endpoint;
use rustix::process::Signal;

use crate::support::{Output, Room, records, signal, wait_until};

/// Reads what a program says until a line begins so.
fn listen_for(stderr: &mut BufReader<ChildStderr>, beginning: &str) -> String {
    let mut line = String::new();
    while !line.starts_with(beginning) {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it never said {beginning:?}");
    }
    line
}

fn listener(child: &mut Child) -> BufReader<ChildStderr> {
    BufReader::new(child.stderr.take().unwrap())
}

/// The rest of what a program said, beside what it printed.
fn finish(room: &Room, child: Child, mut stderr: BufReader<ChildStderr>) -> Output {
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    Output { stderr: rest, ..room.env.finish(child) }
}

/// The last word of a stopped run is how to go on with it.
#[track_caller]
fn says_how_to_go_on(room: &Room, output: &Output) {
    let run = records(&room.env.only_journal())[0]["run"].as_str().unwrap().to_owned();
    assert!(output.stderr.contains(&format!("edrctl resume {run}")), "{output}");
}

fn drains(which: Signal) {
    let room = Room::new(60, "latency = \"150ms\"\n");
    let mut child = room.start_isolate(&["--concurrency", "4"]);
    let mut stderr = listener(&mut child);
    wait_until("some to be accepted and others to be under way", || {
        room.accepted() >= 8 && room.console.stats().requests("PUT", Endpoint::Isolation) > room.puts()
    });
    signal(&child, which);
    listen_for(&mut stderr, "interrupted: nothing more is sent");
    let output = finish(&room, child, stderr).exits(7);
    let told = output.outcomes();
    // What was under way was carried to its end, and nothing began after.
    assert_eq!(told["accepted"] as u64, room.accepted(), "{output}");
    assert_eq!(told["not_sent"] as u64, 60 - room.accepted(), "{output}");
    assert_eq!(told.len(), 2, "{output}");
    assert!(room.accepted() < 30, "{}", room.accepted());
    says_how_to_go_on(&room, &output);
    let output = room.resume(&[]).exits(0);
    assert_eq!(output.outcomes()["accepted"], told["not_sent"], "{output}");
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn the_first_interrupt_drains() {
    drains(Signal::INT);
}

#[test]
fn a_termination_drains_as_an_interrupt_does() {
    drains(Signal::TERM);
}

#[test]
fn a_closed_terminal_drains_as_an_interrupt_does() {
    drains(Signal::HUP);
}

#[test]
fn the_second_interrupt_abandons_what_is_under_way() {
    let room = Room::new(20, "[[fault]]\nmethod = \"PUT\"\ntimes = 3\ndo = { delay = \"20s\" }\n");
    let mut child = room.start_isolate(&["--concurrency", "3"]);
    let mut stderr = listener(&mut child);
    wait_until("three requests to be under way", || room.console.stats().requests("PUT", Endpoint::Isolation) == 3);
    let begun = Instant::now();
    signal(&child, Signal::INT);
    listen_for(&mut stderr, "interrupted");
    assert_eq!(child.try_wait().unwrap(), None, "it waits for what is under way");
    signal(&child, Signal::INT);
    let output = finish(&room, child, stderr).exits(7);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(output.outcomes()["in_doubt"], 3, "{output}");
    assert_eq!(output.outcomes()["not_sent"], 17, "{output}");
    says_how_to_go_on(&room, &output);
    let shown = room.env.run(["runs", "show", "-o", "jsonl"]).exits(0).outcomes();
    assert_eq!(shown["in_doubt"], 3, "{shown:?}");
    room.resume(&[]).exits(0);
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn an_interrupted_wait_asks_for_nothing_again() {
    let room = Room::new(8, "[[confirm]]\nafter = \"3s\"\n");
    let child = room.start_isolate(&["--wait=60s"]);
    wait_until("all to be accepted", || room.accepted() == 8);
    let journal = room.env.only_journal();
    wait_until("the journal to know", || records(&journal).iter().filter(|line| line["type"] == "answer").count() == 8);
    signal(&child, Signal::INT);
    let output = room.env.finish(child).exits(7);
    assert_eq!(output.outcomes()["accepted"], 8, "{output}");
    assert!(output.results().iter().all(|result| result["reason"].is_string()), "it was not confirmed: {output}");
    says_how_to_go_on(&room, &output);
    let output = room.resume(&[]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 8, "{output}");
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn a_wait_for_the_quota_can_be_interrupted() {
    let room = Room::new(36, "[quota]\nlimit = 20\nwindow = \"5s\"\n");
    let mut child = room.start_isolate(&[]);
    let mut stderr = listener(&mut child);
    listen_for(&mut stderr, "waiting");
    let begun = Instant::now();
    signal(&child, Signal::INT);
    let output = finish(&room, child, stderr).exits(7);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(output.outcomes()["accepted"], 18, "{output}");
    assert_eq!(output.outcomes()["not_sent"], 18, "{output}");
    room.resume(&[]).exits(0);
    assert_eq!(room.console.stats().throttled(), 0);
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn a_resumption_can_be_interrupted_too() {
    let room = Room::new(60, "latency = \"50ms\"\n");
    let child = room.start_isolate(&["--concurrency", "2"]);
    wait_until("some to be accepted", || room.accepted() >= 4);
    signal(&child, Signal::INT);
    room.env.finish(child).exits(7);
    let so_far = room.accepted();
    let child = room.env.start(["resume", "--yes", "--concurrency", "2", "-o", "jsonl"]);
    wait_until("some more to be accepted", || room.accepted() >= so_far + 4);
    signal(&child, Signal::INT);
    let output = room.env.finish(child).exits(7);
    assert_eq!(output.outcomes()["not_sent"] as u64, 60 - room.accepted(), "{output}");
    says_how_to_go_on(&room, &output);
    room.resume(&[]).exits(0);
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn an_interrupt_before_the_first_action_changes_nothing() {
    let room = Room::new(3, "[[fault]]\nendpoint = \"version\"\ndo = { delay = \"20s\" }\n");
    let child = room.start_isolate(&[]);
    wait_until("the console to be asked", || room.console.stats().total() == 1);
    signal(&child, Signal::INT);
    let output = room.env.finish(child).exits(7);
    assert!(output.stderr.contains("nothing was changed"), "{output}");
    assert!(room.env.journals().is_empty());
    assert_eq!(room.puts(), 0);
}

//! The console's quota, in windows of a few seconds: no request is refused that could have waited, little time is lost,
//! and a reserve stays for whoever has to put a host back.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use crate::support::{Output, Room, wait_until};

/// Forty requests in two seconds; one of them is the reserve.
const SMALL: &str = "limit = 40\nwindow = \"2s\"\n";

fn room(hosts: u32, quota: &str) -> Room {
    Room::new(hosts, &format!("[[confirm]]\nafter = \"50ms\"\n[quota]\n{quota}\n"))
}

/// Runs `isolate` and fails if it took much longer than so many turns of two seconds.
#[track_caller]
#[expect(clippy::print_stderr, reason = "how near the time is to the best is worth seeing in a log")]
fn in_turns(room: &Room, more: &[&str], turns: u32, slack: Duration) -> Output {
    let begun = Instant::now();
    let output = room.isolate(more).exits(0);
    let (took, ideal) = (begun.elapsed(), Duration::from_secs(2) * turns);
    eprintln!("{more:?}: {took:?}, the quota allows {ideal:?}, ratio {:.3}", took.as_secs_f64() / ideal.as_secs_f64());
    assert!(took >= ideal.saturating_sub(Duration::from_millis(100)), "faster than the quota allows: {took:?}");
    assert!(took <= ideal + slack, "{took:?} where the quota allows {ideal:?}\n{output}");
    room.assert_each_isolated_once();
    output
}

/// What a slow machine may add: starting the program, and a hundred requests in a debug build.
const SLOW_MACHINE: Duration = Duration::from_millis(1_500);

#[test]
fn a_run_keeps_to_the_quota_and_uses_it_up() {
    for headers in ["plain", "hyphenated"] {
        let room = room(100, &format!("{SMALL}headers = \"{headers}\""));
        // 39 requests a window: the first asks for the version.
        let output = in_turns(&room, &[], 2, SLOW_MACHINE);
        assert_eq!(room.console.stats().throttled(), 0, "{headers}: {output}");
        assert!(output.stderr.contains("waiting"), "{headers}: {output}");
        assert!(output.stderr.contains("for the next window of the console's quota"), "{output}");
        assert!(output.stderr.contains("left in all"), "the expected end is told: {output}");
        assert_eq!(room.console.stats().total(), 101);
    }
}

#[test]
fn runs_side_by_side_share_the_quota_and_earn_no_refusal() {
    let room = room(100, SMALL);
    let all = room.console.guids();
    let lines: Vec<&str> = all.lines().collect();
    let (one, two) = lines.split_at(50);
    room.env.file("one.txt", one.join("\n"));
    room.env.file("two.txt", two.join("\n"));
    let begun = Instant::now();
    let children = ["one.txt", "two.txt"].map(|file| {
        room.env.start(["isolate", "--vendor", "cisco", "--yes", "-o", "jsonl", "--concurrency", "32", file])
    });
    for child in children {
        room.env.finish(child).exits(0);
    }
    assert_eq!(room.console.stats().throttled(), 0);
    room.assert_each_isolated_once();
    // 102 requests in windows of 39: both together take what one alone would, but for a window at its end.
    assert!(begun.elapsed() < Duration::from_secs(2 * 3) + SLOW_MACHINE, "{:?}", begun.elapsed());
}

#[test]
fn a_reset_that_is_rounded_down_earns_no_refusal_either() {
    let room = room(100, &format!("{SMALL}reset = \"down\""));
    in_turns(&room, &[], 2, SLOW_MACHINE + Duration::from_secs(1));
    assert_eq!(room.console.stats().throttled(), 0);
}

#[test]
fn one_request_at_a_time_keeps_to_the_quota_too() {
    let room = room(60, SMALL);
    in_turns(&room, &["--concurrency", "1"], 1, SLOW_MACHINE);
    assert_eq!(room.console.stats().throttled(), 0);
}

#[test]
fn a_slow_console_with_many_requests_under_way_is_not_overrun() {
    let room = Room::new(100, &format!("latency = \"120ms\"\n[quota]\n{SMALL}"));
    in_turns(&room, &["--concurrency", "64"], 2, SLOW_MACHINE);
    assert_eq!(room.console.stats().throttled(), 0);
}

#[test]
fn proof_is_asked_for_within_the_quota() {
    let room = room(70, SMALL);
    let begun = Instant::now();
    let output = room.isolate(&["--wait=60s"]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 70, "{output}");
    assert_eq!(room.console.stats().throttled(), 0);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn the_inventory_is_read_within_the_quota() {
    let room = Room::new(24, "[listing]\npage_size = 2\n[quota]\nlimit = 6\nwindow = \"1s\"\n");
    let names: String = room.console.fleet().hosts().iter().take(4).map(|host| format!("{}\n", host.name)).collect();
    let output = room.isolate_list(&names).exits(0);
    assert_eq!(output.outcomes()["accepted"], 4, "{output}");
    assert!(output.stderr.contains("quota"), "the wait is told: {output}");
    assert_eq!(room.console.stats().throttled(), 0);
}

#[test]
fn quotas_that_others_have_used_are_seen_at_once() {
    let room = room(30, SMALL);
    assert_eq!(room.console.ask_as_somebody_else(30), 0);
    let output = room.isolate(&[]).exits(0);
    assert!(output.stderr.contains("waiting"), "{output}");
    assert_eq!(room.console.stats().throttled(), 0);
    room.assert_each_isolated_once();
}

#[test]
fn another_client_on_the_same_quota_costs_one_refusal_at_most() {
    let room = room(150, "limit = 100\nwindow = \"2s\"\n");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut refused = 0;
            while !over.load(Ordering::Relaxed) {
                refused += room.console.ask_as_somebody_else(1);
                std::thread::sleep(Duration::from_millis(30));
            }
            refused
        });
        let output = room.isolate(&["--concurrency", "2"]);
        over.store(true, Ordering::Relaxed);
        let ours = room.console.stats().throttled() - others.join().unwrap();
        let output = output.exits(0);
        assert!(ours <= 1, "{ours} refusals: {output}");
    });
    room.assert_each_isolated_once();
}

#[test]
fn a_refusal_that_names_its_time_is_waited_for() {
    // Without the quota's headers nobody can know before; with them missing, one request at a time meets one refusal a
    // window.
    let room = room(60, &format!("{SMALL}headers = \"missing\"\nretry_after = true"));
    // A time that may have been rounded down is waited for a second longer.
    let output = in_turns(&room, &["--concurrency", "1"], 1, SLOW_MACHINE + Duration::from_secs(1));
    assert_eq!(room.console.stats().throttled(), 1, "{output}");
    assert!(output.stderr.contains("because the console asked us to slow down"), "{output}");
    let attempts = output.results().iter().map(|result| result["attempts"].as_u64().unwrap()).max();
    assert_eq!(attempts, Some(1), "a refusal is no try: {output}");
}

#[test]
fn a_refusal_that_names_no_time_stops_a_run_that_may_not_wait() {
    let room = room(60, &format!("{SMALL}headers = \"missing\""));
    let output = room.isolate(&["--concurrency", "1", "--max-wait", "5s"]).exits(7);
    assert_eq!(room.console.stats().throttled(), 1, "{output}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    wait_until("the next window", || room.console.ask_as_somebody_else(1) == 0);
    room.resume(&["--max-wait", "5s"]).exits(0);
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn a_wait_that_is_too_long_stops_the_run_and_resume_finishes_it() {
    let room = room(70, "limit = 40\nwindow = \"4s\"\n");
    let begun = Instant::now();
    let output = room.isolate(&["--max-wait", "1s"]).exits(7);
    assert!(begun.elapsed() < Duration::from_secs(3), "it does not wait: {:?}", begun.elapsed());
    assert_eq!(output.outcomes()["accepted"], 38, "{output}");
    assert_eq!(output.outcomes()["not_sent"], 32, "{output}");
    assert!(output.stderr.contains("longer than allowed"), "{output}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    assert_eq!(room.console.stats().total(), 39, "the reserve is kept");
    let output = room.resume(&[]).exits(0);
    assert_eq!(output.outcomes()["accepted"], 32, "{output}");
    assert_eq!(room.console.stats().throttled(), 0);
    room.assert_each_isolated_once();
    room.verify();
}

#[test]
fn the_reserve_is_there_for_an_unisolate_while_an_isolate_waits() {
    let room = room(400, "limit = 300\nwindow = \"8s\"\n");
    let begun = Instant::now();
    let mut command = room.env.command(["isolate", "--vendor", "cisco", "--yes", "hosts.txt"]);
    // Nobody reads what is told of four hundred hosts: a pipe would be full.
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("waiting") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it never waited");
    }
    assert_eq!(room.console.stats().total(), 297, "three requests are left");
    let emergency: String = room.console.guids().lines().take(1).map(|line| format!("{line}\n")).collect();
    room.env.file("emergency.txt", emergency);
    let output = room.env.run(["unisolate", "--vendor", "cisco", "--yes", "-o", "jsonl", "emergency.txt"]).exits(0);
    assert_eq!(output.outcomes()["accepted"], 1, "{output}");
    assert!(begun.elapsed() < Duration::from_secs(7), "it waited for the window: {output}");
    assert_eq!(room.console.stats().total(), 299);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    room.env.finish(child).exits(0);
    assert_eq!(room.console.stats().throttled(), 0);
    room.assert_each_isolated_once();
}

//! The disk of the journal fills up: the run stops before the next request, and nothing that was told is lost.

use std::collections::BTreeMap;

use crate::support::{Output, Room, SmallDisk, intents, side_by_side, wait_until};

const HOSTS: u32 = 300;
const ISOLATE: &[&str] = &["isolate", "--vendor", "cisco", "--yes", "-o", "jsonl", "--concurrency", "4", "hosts.txt"];

fn run(room: &Room, disk: &SmallDisk, args: &[&str]) -> Output {
    Output::new(disk.command(&room.env, args).output().unwrap(), room.env.path())
}

/// What a list of results says of each host.
fn by_host(output: &Output) -> BTreeMap<String, String> {
    let results = output.results().into_iter();
    results
        .map(|result| {
            let host = result["host"]["id"].as_str().unwrap().to_owned();
            (host, result["outcome"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// Nothing went out that the journal does not know, and what was told is what it knows.
#[track_caller]
fn assert_the_journal_knows(room: &Room, disk: &SmallDisk, told: &Output) {
    let [journal] = disk.journals().try_into().unwrap();
    let asked = room.puts();
    assert!(asked <= intents(&journal), "{asked} requests, {} intents", intents(&journal));
    let shown = by_host(&run(room, disk, &["runs", "show", "-o", "jsonl"]).exits(0));
    for host in room.console.fleet().hosts() {
        let known = shown[&host.id].as_str();
        let fits: &[&str] = if host.puts > 0 { &["accepted", "in_doubt"] } else { &["not_sent", "in_doubt"] };
        assert!(fits.contains(&known), "{known}: {host:?}");
    }
    for (host, outcome) in by_host(told) {
        let known = shown[&host].as_str();
        assert!(known == outcome || known == "in_doubt", "{host} was told as {outcome} and is {known}");
        assert!(outcome != "accepted" || known == "accepted", "{host} was told as accepted and is {known}");
    }
    run(room, disk, &["runs", "verify"]).exits(0);
}

/// Runs until the disk is full, makes room, and finishes. Returns how many hosts were asked for before.
fn fills_up(room: &Room, disk: &mut SmallDisk) -> u64 {
    let output = run(room, disk, ISOLATE);
    let asked = room.puts();
    if output.code == Some(0) {
        assert_eq!(asked, u64::from(HOSTS));
        return asked;
    }
    let output = output.exits(8);
    assert!(output.stderr.contains("no room is left") || output.stderr.contains("journal"), "{output}");
    if disk.journals().is_empty() {
        assert_eq!(asked, 0, "{output}");
        assert!(output.stderr.contains("nothing was sent"), "{output}");
        assert!(output.stderr.contains("make room"), "{output}");
        assert_eq!(disk.files(), 0, "half a plan is left behind");
        disk.make_room();
        run(room, disk, ISOLATE).exits(0);
    } else {
        assert!(output.stderr.contains("edrctl resume"), "{output}");
        assert_the_journal_knows(room, disk, &output);
        // Before there is room, a resumption does not get far and breaks nothing.
        let again = run(room, disk, &["resume", "--yes", "-o", "jsonl"]);
        assert_eq!(again.code, Some(8), "{again}");
        run(room, disk, &["runs", "verify"]).exits(0);
        disk.make_room();
        run(room, disk, &["resume", "--yes"]).exits(0);
        run(room, disk, &["runs", "verify"]).exits(0);
    }
    for host in room.console.fleet().hosts() {
        assert_eq!((host.puts, host.puts_accepted), (1, 1), "{host:?}");
    }
    asked
}

fn fills_up_at_every_size(disk_of: fn(&Room, u64) -> SmallDisk) {
    let asked = side_by_side([4, 24, 36, 64, 100, 112, 128, 160, 200, 1024], |kib| {
        let room = Room::new(HOSTS, "");
        fills_up(&room, &mut disk_of(&room, kib))
    });
    let all = u64::from(HOSTS);
    let early = asked.iter().filter(|asked| **asked == 0).count();
    let never = asked.iter().filter(|asked| **asked == all).count();
    // Before the first request, in the middle, and not at all: each has been seen.
    assert!(early >= 2 && never >= 1 && early + never + 2 <= asked.len(), "{asked:?}");
}

#[test]
fn a_disk_that_fills_up_stops_the_run_before_the_next_request() {
    fills_up_at_every_size(|room, kib| SmallDisk::new(&room.env, kib));
}

#[test]
fn a_limit_on_the_size_of_files_stops_the_run_before_the_next_request() {
    fills_up_at_every_size(|room, kib| SmallDisk::limit(&room.env, kib));
}

#[test]
fn a_disk_that_another_program_fills_keeps_room_for_what_is_under_way() {
    let room = Room::new(900, "latency = \"3ms\"\n");
    let disk = SmallDisk::new(&room.env, 2048);
    let mut child = disk.command(&room.env, ISOLATE);
    child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let child = child.spawn().unwrap();
    wait_until("the run to be under way", || room.accepted() >= 10);
    if !disk.fill() {
        eprintln!("only a disk of its own can be filled by another program; the limit is tested elsewhere");
        room.env.finish(child).exits(0);
        return;
    }
    let output = room.env.finish(child).exits(8);
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    assert!(room.puts() < 900, "it was full too late to matter");
    let nothing = Output { stdout: String::new(), ..output };
    assert_the_journal_knows(&room, &disk, &nothing);
    disk.unfill();
    run(&room, &disk, &["resume", "--yes"]).exits(0);
    for host in room.console.fleet().hosts() {
        assert_eq!((host.puts, host.puts_accepted), (1, 1), "{host:?}");
    }
    run(&room, &disk, &["runs", "verify"]).exits(0);
}

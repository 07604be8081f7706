//! The blast radius: over it nothing is sent, and the numbers are told.

use crate::support::{Apex, Cyb, FakeConsole, Ksc, Room, SWIFT, TestEnv, Wall, addresses};

/// The first so many lines of a list.
fn first(list: &str, lines: usize) -> String {
    list.lines().take(lines).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_share_of_the_inventory_is_a_limit_with_its_numbers() {
    let room = Room::new(200, SWIFT);
    room.env.add_config("[safety]\nmax_percent = 5");
    let list = room.console.guids();
    room.env.file("hosts.txt", first(&list, 11));
    let output = room.isolate(&[]).exits(5);
    for words in ["11 hosts to isolate of 200 hosts = 5.5 %", "`safety.max_percent` allows 5 %", "nothing was sent"] {
        assert!(output.stderr.contains(words), "`{words}`\n{output}");
    }
    room.console.was_left_alone();
    assert!(room.env.journals().is_empty());
    room.isolate(&["--dry-run"]).exits(5);
    room.env.file("hosts.txt", first(&list, 10));
    room.isolate(&[]).exits(0);
    assert_eq!(room.accepted(), 10);
    room.unisolate(&[]).exits(0);
}

#[test]
fn every_console_that_has_hosts_counts_them() {
    let apex = Apex::new(10, "");
    apex.env.add_config("[safety]\nmax_percent = 30");
    apex.isolate(&[]).exits(5).says("10 hosts to isolate of 10 hosts = 100 %");
    assert_eq!(apex.posts(), 0);
    apex.env.file("hosts.txt", first(&apex.console.guids(), 3));
    apex.isolate(&[]).exits(0);
    let cyb = Cyb::new(10, "");
    cyb.env.add_config("[safety]\nmax_percent = 30");
    cyb.isolate(&[]).exits(5).says("10 hosts to isolate of 10 hosts = 100 %");
    cyb.was_left_alone();
    let ksc = Ksc::new(10, "");
    ksc.env.add_config("[safety]\nmax_percent = 30");
    ksc.isolate(&[]).exits(5).says("10 hosts to isolate of 10 hosts = 100 %");
    ksc.was_left_alone();
}

#[test]
fn a_console_that_does_not_tell_how_many_hosts_it_has_fails_closed() {
    let console = FakeConsole::new(|asked| match asked.path.as_str() {
        path if path.starts_with("/v1/computers?") => {
            (200, r#"{"version":"v1.2.0","metadata":{"links":{"self":"x","next":"NEXT"}},"data":[]}"#.to_owned())
        }
        _ => (200, r#"{"version":"v1.2.0","metadata":{"links":{}},"data":{}}"#.to_owned()),
    });
    let mut env = TestEnv::new();
    env.set("EDRCTL_CISCO_BASE_URL", console.url());
    env.set("EDRCTL_CISCO_CLIENT_ID", "0123456789abcdef0123");
    env.set("EDRCTL_CISCO_API_KEY", "01234567-89ab-cdef-0123-456789abcdef");
    env.set("EDRCTL_SAFETY_MAX_PERCENT", "50");
    env.file("hosts.txt", "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201\n");
    let output = env.run(["isolate", "--vendor", "cisco", "--yes", "-o", "jsonl", "hosts.txt"]);
    assert!(matches!(output.code, Some(4 | 5)), "{output}");
    assert!(console.asked().iter().all(|asked| asked.method == "GET"), "{output}");
    assert!(env.journals().is_empty());
}

#[test]
fn the_command_line_goes_before_the_configuration_and_says_so() {
    let room = Room::new(6, SWIFT);
    room.env.add_config("[safety]\nmax_targets = 4");
    room.isolate(&["--max-targets", "5"]).exits(5).says("`--max-targets` allows 5");
    room.isolate(&[]).exits(5).says("`safety.max_targets` allows 4");
    room.console.was_left_alone();
    let output = room.isolate(&["--max-targets", "6"]).exits(0);
    assert!(output.stderr.contains("`--max-targets 6` is above `safety.max_targets`, which is 4"), "{output}");
    assert_eq!(room.accepted(), 6);
    // And both ways: a lower one holds, too.
    let room = Room::new(6, SWIFT);
    room.isolate(&["--max-targets", "5"]).exits(5);
    room.isolate(&["--max-targets", "0"]).exits(2);
    room.console.was_left_alone();
}

#[test]
fn indicators_are_counted_and_are_no_share_of_an_inventory() {
    let wall = Wall::rest("");
    wall.env.add_config("[safety]\nmax_percent = 1");
    wall.block(&addresses(3), &["--max-targets", "2"]).exits(5).says("3 indicators to block");
    assert!(wall.blocked().is_empty());
    wall.block(&addresses(3), &[]).exits(0);
    wall.unblock(&addresses(3), &["--max-targets", "2"]).exits(5);
    assert_eq!(wall.blocked().len(), 3);
}

#[test]
fn a_resumed_run_is_held_against_the_limits_of_now() {
    let room = Room::new(10, SWIFT);
    room.isolate(&["--waves", "1,100%", "--between-waves", "test -e fine"]).exits(7);
    assert_eq!(room.accepted(), 1);
    room.env.file("fine", "");
    room.env.add_config("[safety]\nmax_percent = 50");
    room.resume(&[]).exits(5).says("9 hosts to isolate of 10 hosts = 90 %");
    assert_eq!(room.accepted(), 1);
    room.resume(&["--max-targets", "8"]).exits(5).says("`--max-targets` allows 8");
    assert_eq!(room.accepted(), 1);
    room.verify();
}

#[test]
fn a_rehearsal_has_no_inventory_of_its_own() {
    let env = TestEnv::new();
    env.private_file("edrctl.toml", "[safety]\nmax_percent = 1\n");
    env.file("hosts.txt", "alpha\nbravo\n");
    let args = ["isolate", "--vendor", "cisco", "--simulate", "--config", "edrctl.toml", "hosts.txt"];
    env.run(args).exits(0).says("the simulated fleet is made of the targets");
}

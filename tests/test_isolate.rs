//! `isolate` and `unisolate`, from the target file to the fleet's true state.

use crate::support::{Console, TestEnv, wait_until};

#[test]
fn isolate_cuts_exactly_the_listed_hosts_off() {
    let console = Console::new(12, "");
    let env = TestEnv::new();
    env.configure(&console);
    let ten: String = console.guids().lines().take(10).map(|line| format!("{line}\n")).collect();
    let list = env.file("hosts.txt", ten);
    let output = env.run(["isolate", "--vendor", "cisco", "--yes", "--wait", "-o", "jsonl", &list]).exits(0);
    assert_eq!(console.fleet().isolated(), 10);
    for host in console.fleet().hosts().iter().take(10) {
        assert_eq!((host.puts, host.puts_accepted), (1, 1), "{}", host.id);
    }
    assert_eq!(output.outcomes().get("confirmed"), Some(&10), "{output}");
}

#[test]
fn a_reader_that_does_not_read_yet_does_not_hold_the_hosts_up() {
    // Far more results than a pipe takes: a pager whose reader is busy looks like this.
    let console = Console::new(1_500, "");
    let env = TestEnv::new();
    env.configure(&console);
    let list = env.file("hosts.txt", console.guids());
    let child = env.start(["isolate", "--vendor", "cisco", "--yes", "-o", "jsonl", &list]);
    wait_until("every host has been asked for", || console.fleet().hosts().iter().all(|host| host.puts_accepted == 1));
    let output = env.finish(child).exits(0);
    assert_eq!(output.outcomes().get("accepted"), Some(&1_500));
}

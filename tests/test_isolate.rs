//! `isolate` and `unisolate`, from the target file to the fleet's true state.

use crate::support::{Console, TestEnv};

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

//! What a console tells of hostile connections, blocked on a firewall: in one step, and through a pipe.

use std::{collections::BTreeSet, fs};

use edrctl::simulator::Fleet;

use crate::support::{Console, Output, Wall};

/// A room with a firewall and a tenant that tells all kinds of indicators, public resolvers and private addresses among them.
fn both(faults: &str) -> (Wall, Console) {
    let wall = Wall::rest("");
    let console = Console::cybereason(Fleet::of_size(20), faults);
    let ca = wall.env.path().join("cyb.pem");
    fs::write(&ca, console.ca_pem()).unwrap();
    wall.env.add_config(&console.inner().ready_config(&ca));
    (wall, console)
}

fn refused(output: &Output) -> BTreeSet<String> {
    let refused = output.results().into_iter().filter(|result| result["outcome"] == "refused");
    refused.map(|result| result["reason_code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_a_console_tells_of_a_day_is_vetted_and_blocked_in_one_step() {
    let (wall, _console) = both("");
    let args = ["block", "--vendor", "fortigate", "--from", "cybereason", "--since", "24h", "-o", "jsonl", "--yes"];
    let output = wall.env.run(args).exits(6);
    let reasons = refused(&output);
    assert!(reasons.contains("public_resolver") && reasons.contains("private"), "{output}");
    let blocked = wall.blocked();
    assert!(blocked.contains(&"203.0.113.66".to_owned()), "{blocked:?}");
    assert!(
        blocked.iter().any(|value| value.ends_with(|c: char| c.is_ascii_alphabetic())),
        "a domain, too: {blocked:?}"
    );
    wall.assert_unharmed();
    // A pipe comes to the same.
    let listed = wall.env.run(["indicators", "--vendor", "cybereason", "--since", "24h", "-o", "jsonl"]).exits(0);
    let piped = ["block", "--vendor", "fortigate", "-o", "jsonl", "--yes", "-"];
    let output = wall.env.run_with_input(piped, listed.stdout).exits(6);
    assert_eq!(output.outcomes().get("already").copied(), Some(blocked.len()), "{output}");
    assert_eq!(refused(&output), reasons);
    assert_eq!(wall.blocked(), blocked);
}

#[test]
fn files_and_a_console_are_not_mixed() {
    let (wall, _console) = both("");
    wall.env.file("list.txt", "203.0.113.9\n");
    let args = ["block", "--vendor", "fortigate", "--yes"];
    wall.env.run([&args[..], &["--from", "cybereason", "list.txt"]].concat()).exits(2);
    wall.env.run([&args[..], &["--since", "24h", "list.txt"]].concat()).exits(2);
    wall.env.run([&args[..], &["--from", "cisco"]].concat()).exits(2).says("possible values");
    wall.env.run(args).exits(2).says("--from cybereason");
    assert!(wall.blocked().is_empty());
}

#[test]
fn a_pipe_does_not_lose_that_the_list_is_not_whole() {
    // Some of the console's servers do not answer: what came is blocked, and more may be hostile.
    let faults = "cybereason.failed_servers = 1\n[[cybereason.malop]]\nnames = ['203.0.113.66']\n";
    let (wall, _console) = both(faults);
    let list = ["indicators", "--vendor", "cybereason", "--since", "24h"];
    let block = ["block", "--vendor", "fortigate", "-o", "jsonl", "--yes"];
    let listed = wall.env.run([&list[..], &["-o", "jsonl"]].concat()).exits(6);
    let output = wall.env.run_with_input([&block[..], &["-"]].concat(), listed.stdout.clone()).exits(6);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 1)].into(), "all that came is done: {output}");
    assert!(output.stderr.contains("it is not whole"), "{output}");
    assert_eq!(wall.blocked(), ["203.0.113.66"]);
    wall.env.run([&block[..], &["--from", "cybereason", "--since", "24h"]].concat()).exits(6);
    // The last line alone is what makes the difference.
    let (last, rest) = (listed.stdout.lines().last().unwrap(), listed.stdout.lines().next().unwrap());
    wall.env.run_with_input([&block[..], &["-"]].concat(), format!("{rest}\n")).exits(0);
    // Nothing came, and some are missing: that is no empty list.
    let output = wall.env.run_with_input([&block[..], &["-"]].concat(), format!("{last}\n")).exits(6);
    assert!(output.stderr.contains("no indicator came, and some are missing"), "{output}");
    // The other way round as well.
    let unblock = ["unblock", "--vendor", "fortigate", "-o", "jsonl", "--yes", "-"];
    wall.env.run_with_input(unblock, listed.stdout.clone()).exits(6);
    assert!(wall.blocked().is_empty());
    // Forms that have no such line have the exit code of the list.
    for form in [&["--plain"][..], &["-o", "csv"]] {
        let listed = wall.env.run([&list[..], form].concat()).exits(6);
        assert!(!listed.stdout.contains("edrctl.indicators/1"), "{listed}");
    }
}

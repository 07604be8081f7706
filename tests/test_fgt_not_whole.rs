//! Lists of indicators that say of themselves that some are missing: no exit code and no journal forgets it.

use std::fs;

use crate::support::{Lists, Output, Wall};

const END: &str =
    "{\"schema\":\"edrctl.indicators/1\",\"source\":\"cybereason\",\"complete\":false,\"missing\":[\"a server\"]}";

fn not_whole(output: &Output) {
    assert!(output.stderr.contains("not whole"), "{output}");
}

/// Two indicators, and the word that there are more.
fn list() -> String {
    format!("{{\"value\":\"203.0.113.1\"}}\n{{\"value\":\"203.0.113.2\"}}\n{END}\n")
}

#[test]
fn the_journal_keeps_it_and_every_later_command_tells_it() {
    let mut lists = Lists::new("");
    lists.env.file("list.txt", list());
    lists.env.set("__EDRCTL_CRASH_AFTER_LINE", "2");
    let died = lists.run(["block", "--vendor", "fortigate", "--yes", "list.txt"]);
    assert_eq!(died.code, None, "{died}");
    lists.env.unset("__EDRCTL_CRASH_AFTER_LINE");
    assert!(lists.blocked().is_empty());
    let resumed = lists.run(["resume", "--yes", "-o", "jsonl"]).exits(6);
    assert_eq!(resumed.outcomes(), [("confirmed".to_owned(), 2)].into(), "{resumed}");
    not_whole(&resumed);
    assert_eq!(lists.blocked(), ["203.0.113.1", "203.0.113.2"]);
    // Nothing is left to do of what is there.
    not_whole(&lists.run(["resume", "--yes"]).exits(6));
    not_whole(&lists.run(["rerun", "--yes"]).exits(6));
    let shown = lists.run(["runs", "show"]).exits(0);
    assert!(shown.stdout.contains("not whole"), "{shown}");
    let told = lists.run(["report"]).exits(0);
    assert!(told.stdout.contains("not whole"), "{told}");
    assert_eq!(lists.run(["runs", "list", "-o", "jsonl"]).exits(0).results()[0]["incomplete"], true);
    lists.run(["runs", "verify"]).exits(0);
    // What is taken back is exactly what was put in.
    lists.run(["undo", "--yes"]).exits(0);
    assert!(lists.blocked().is_empty());
    // A list that says nothing of the kind leaves no trace.
    lists.block("203.0.113.9\n", &[]).exits(0);
    assert!(lists.run(["runs", "list", "-o", "jsonl"]).exits(0).results()[0]["incomplete"].is_null());
    lists.run(["resume", "--yes"]).exits(0);
    let shown = lists.run(["runs", "show"]).exits(0);
    assert!(!shown.stdout.contains("not whole"), "{shown}");
}

#[test]
fn a_rerun_of_it_is_not_whole_either() {
    let wall = Wall::rest("[[fault]]\nmethod = \"POST\"\nendpoint = \"addresses\"\nnth = 1\ndo = { status = 424 }\n");
    let first = wall.block(&list(), &["--concurrency", "1"]).exits(6);
    assert!(first.outcomes().contains_key("failed"), "{first}");
    let run = first.results()[0]["run"].as_str().unwrap().to_owned();
    not_whole(&wall.env.run(["rerun", &run, "--yes"]).exits(6));
    assert_eq!(wall.blocked().len(), 2);
    not_whole(&wall.env.run(["resume", "latest", "--yes"]).exits(6));
}

#[test]
fn the_one_document_is_read_as_the_lines_are() {
    let lists = Lists::new("");
    let document = |complete: bool| {
        format!(
            "{{\"schema\":\"edrctl.indicators/1\",\"complete\":{complete},\"indicators\":[{{\"kind\":\"ipv4\",\"value\":\"203.0.113.1\"}},\
             {{\"kind\":\"domain\",\"value\":\"bad.example\"}}]}}\n"
        )
    };
    let output = lists.block(&document(true), &[]).exits(0);
    assert!(!output.stderr.contains("not whole"), "{output}");
    assert_eq!(lists.blocked(), ["203.0.113.1", "bad.example"]);
    let output = lists.unblock(&document(false), &[]).exits(6);
    not_whole(&output);
    assert!(lists.blocked().is_empty());
    // A whole list of nothing is no target, and nothing is missing.
    let empty = "{\"schema\":\"edrctl.indicators/1\",\"complete\":true,\"indicators\":[]}\n";
    let output = lists.block(empty, &[]).exits(5);
    assert!(!output.stderr.contains("missing"), "{output}");
    // One that is damaged is a line that cannot be read.
    lists.block("{\"schema\":\"edrctl.indicators/1\",\"complete\":true,\"indicators\":[{\"kind\":1}]}\n", &[]).exits(2);
}

#[test]
fn a_field_that_is_named_loses_it_as_little() {
    let lists = Lists::new("");
    for more in [&["--field", "/value"][..], &["--field", "/value", "--skip-invalid"]] {
        let output = lists.block(&list(), more).exits(6);
        not_whole(&output);
        assert_eq!(output.outcomes().values().sum::<usize>(), 2, "{output}");
        assert_eq!(lists.blocked().len(), 2, "{output}");
    }
    // Of hosts it is a line like any other.
    fs::write(lists.env.path().join("hosts.jsonl"), format!("{END}\n")).unwrap();
    let hosts = ["isolate", "--vendor", "cisco", "--simulate", "--yes", "--field", "/hostname", "hosts.jsonl"];
    lists.run(hosts).exits(2);
}

#[test]
fn what_is_refused_as_a_whole_names_no_run_that_is_not_there() {
    let lists = Lists::new("");
    lists.env.file("list.txt", "10.0.0.1\n192.168.1.1\n");
    let output = lists.run(["block", "--vendor", "fortigate", "--yes", "list.txt"]).exits(5);
    assert!(lists.journals().is_empty());
    for words in ["next:", "runs show", "\nrun 2"] {
        assert!(!output.stderr.contains(words) && !output.stdout.contains(words), "`{words}`\n{output}");
    }
    // Hosts as well.
    lists.env.file("hosts.txt", "dc-one\n");
    lists.env.add_config("[safety]\nprotected = [\"dc-one\"]");
    let output = lists.run(["isolate", "--vendor", "cisco", "--simulate", "--yes", "hosts.txt"]).exits(5);
    assert!(!output.stderr.contains("runs show") && !output.stderr.contains("\nrun 2"), "{output}");
}

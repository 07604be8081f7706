//! Runs over several consoles, and what comes after them: time that is over, undo, rerun, other runs, limits, the report.

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Company, Output, PROMPT, Terminal, records, signal, wait_until};

const WAIT: &str = "--wait=30s";

fn two() -> Company {
    Company::new(&[("cisco", &["web01", "web02"]), ("apex", &["pc01", "pc02"])], PROMPT)
}

fn back(company: &Company, words: &[&str]) -> Output {
    company.env.run([words, &["--yes", WAIT]].concat())
}

fn none() -> Vec<String> {
    Vec::new()
}

/// The journals of what came last, the oldest first.
fn headers(company: &Company) -> Vec<Value> {
    company.env.journals().iter().map(|path| records(path)[0].clone()).collect()
}

#[test]
fn what_is_due_is_put_back_in_every_console() {
    let mut company = two();
    company.isolate("web01\npc01\n", &["--for", "4h", WAIT]).exits(0);
    company.isolate("pc02\n", &[WAIT]).exits(0);
    assert_eq!(headers(&company)[0]["options"]["for"], 14_400);
    back(&company, &["expire"]).exits(0).says("nothing is due");
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (1, 2), "never early");
    company.env.set("__EDRCTL_NOW", (Timestamp::now() + SignedDuration::from_hours(5)).to_string());
    let listed = company.env.run(["runs", "list"]).exits(0);
    assert!(listed.stdout.contains("2 overdue"), "{listed}");
    for number in ["1", "2"] {
        let refused = company.env.run(["expire", "--expect-count", number]).exits(2).says("--vendor");
        assert_eq!((company.off("cisco").len(), company.off("apex").len()), (1, 2), "{refused}");
    }
    company.env.run(["expire", "--vendor", "cisco", "--expect-count", "2"]).exits(5);
    back(&company, &["expire"]).exits(0);
    assert_eq!(company.off("cisco"), none());
    assert_eq!(company.off("apex"), ["pc02"], "what is to stay stays");
    back(&company, &["expire"]).exits(0).says("nothing is due");
    company.env.run(["runs", "verify", "--all"]).exits(0);
}

#[test]
fn a_run_over_several_consoles_is_taken_back_in_each() {
    let company = two();
    company.isolate("pc02\n", &[WAIT]).exits(0);
    company.isolate("web01\npc01\npc02\n", &[WAIT]).exits(0);
    let refused = company.env.run(["undo", "--expect-count", "2"]).exits(2);
    assert!(refused.stderr.contains("--only"), "{refused}");
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (1, 2), "{refused}");
    let first = headers(&company)[1]["run"].as_str().unwrap().to_owned();
    back(&company, &["undo", &first, "--only", "apex"]).exits(0);
    assert_eq!(company.off("cisco"), ["web01"]);
    assert_eq!(company.off("apex"), ["pc02"], "it was isolated before that run");
    back(&company, &["undo", &first]).exits(0);
    assert_eq!(company.off("cisco"), none());
    assert_eq!(company.off("apex"), ["pc02"]);
    let changes: usize = company.consoles.iter().map(|(_, console)| console.changes() as usize).sum();
    back(&company, &["undo", &first]).exits(0).says("nothing to take back");
    let after: usize = company.consoles.iter().map(|(_, console)| console.changes() as usize).sum();
    assert_eq!(after, changes);
    let undone: Vec<Value> =
        headers(&company).into_iter().filter(|header| header["options"]["undoes"] == first.as_str()).collect();
    let vendors: Vec<&str> = undone.iter().map(|header| header["vendor"].as_str().unwrap()).collect();
    assert_eq!(vendors, ["apex", "cisco"], "a run for each console");
}

#[test]
fn what_did_not_succeed_is_done_again_where_it_lives() {
    let company = Company::new(
        &[("cisco", &["web01", "web02"]), ("apex", &["pc01"])],
        &format!("{PROMPT}\n[[fault]]\nmethod = \"PUT\"\nnth = 1\ndo = {{ status = 403 }}\n"),
    );
    company.isolate("web01\nweb02\npc01\nnowhere\n", &[WAIT, "--concurrency", "1"]).exits(7);
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (0, 1));
    let told = back(&company, &["rerun"]).exits(6);
    assert!(told.stderr.contains("1 target was in no console"), "{told}");
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (2, 1), "{told}");
    assert_eq!(company.console("apex").changes(), 1, "what succeeded is not touched\n{told}");
}

#[test]
fn a_host_in_another_runs_hands_is_left_whichever_of_the_two_has_several_consoles() {
    // Nobody confirms in the time of a test.
    let company =
        Company::new(&[("cisco", &["web01", "web02"]), ("apex", &["pc01", "pc02"])], "[[confirm]]\nafter = '1h'\n");
    let alone = |command: &str, targets: &str| {
        company.env.file("one.txt", targets);
        company.env.run([command, "--vendor", "cisco", "--yes", "-o", "jsonl", "one.txt"])
    };
    let held = |output: &Output, host: &str| {
        let results = output.results();
        let result = results.iter().find(|result| result["target"] == host).unwrap();
        result["outcome"] == "refused" && result["reason_code"] == "other_run"
    };
    let under_way = |vendor: &str, targets: &str| {
        company.env.file("first.txt", targets);
        let before = company.env.journals().len();
        let child = company.env.start(["isolate", "--vendor", vendor, "--yes", "--wait=10m", "first.txt"]);
        wait_until("all to be asked for", || {
            let journals = company.env.journals();
            let answers = |journal| records(journal).iter().filter(|record| record["type"] == "answer").count();
            journals.len() > before
                && journals.last().is_some_and(|journal| answers(journal) >= targets.lines().count())
        });
        child
    };
    let end = |child| {
        signal(&child, Signal::INT);
        signal(&child, Signal::INT);
        company.env.finish(child);
    };
    let several = under_way("auto", "web01\npc01\n");
    let changes = company.console("cisco").changes();
    let one = alone("unisolate", "web01\n").exits(6);
    assert!(held(&one, "web01"), "{one}");
    assert_eq!(company.console("cisco").changes(), changes);
    let dry = company.run("unisolate", "web01\npc01\npc02\n", &["--dry-run"]);
    assert!(held(&dry, "web01") && held(&dry, "pc01") && !held(&dry, "pc02"), "{dry}");
    end(several);
    let one = under_way("cisco", "web02\n");
    let several = company.run("unisolate", "web02\npc02\n", &["--yes"]).exits(6);
    assert!(held(&several, "web02") && !held(&several, "pc02"), "{several}");
    end(one);
}

/// What is newer holds, in each console by itself.
#[test]
fn an_old_run_over_several_consoles_does_not_go_on_against_a_newer_one() {
    let company = two();
    company.env.file("hosts.txt", "web01\nweb02\npc01\npc02\n");
    let mut command = company.env.command(["isolate", "--vendor", "auto", "--yes", "hosts.txt"]);
    let died = command.env("__EDRCTL_CRASH_AFTER_LINE", "3").output().unwrap();
    assert_eq!(died.status.code(), None);
    let first = headers(&company)[0]["run"].as_str().unwrap().to_owned();
    company.env.file("newer.txt", "web01\nweb02\n");
    company.env.run(["unisolate", "--vendor", "cisco", "--yes", WAIT, "newer.txt"]);
    let told = company.env.run(["resume", &first, "--yes", "-o", "jsonl"]).exits(6);
    assert_eq!(company.off("cisco"), none(), "{told}");
    assert_eq!(company.off("apex"), ["pc01", "pc02"], "{told}");
}

#[test]
fn a_share_is_held_against_each_console_and_a_number_against_all() {
    let company = two();
    company.env.add_config("[safety]\nmax_percent = 50\nmax_targets = 2\n");
    company.isolate("web01\nweb02\n", &[]).exits(5).says("max_percent");
    company.nothing_was_sent();
    company.isolate("web01\npc01\n", &["--max-targets", "1"]).exits(5).says("--max-targets");
    company.nothing_was_sent();
    company.isolate("web01\npc01\n", &[]).exits(0);
    assert_eq!((company.off("cisco"), company.off("apex")), (vec!["web01".to_owned()], vec!["pc01".to_owned()]));
}

#[test]
fn what_is_spread_over_time_goes_through_one_console() {
    let company = two();
    for option in [["--waves", "1,100%"], ["--halt", "fail=1"]] {
        company.isolate("web01\npc01\n", &option).exits(2).says(option[0]);
    }
    company.nothing_was_sent();
}

#[test]
fn the_report_names_the_console_of_each_host() {
    let company = two();
    company.isolate("web01\npc01\nnowhere\n", &[WAIT]).exits(6);
    let csv = company.env.run(["report", "--format", "csv"]).exits(0);
    for (host, vendor) in [("web01", "cisco"), ("pc01", "apex")] {
        let line = csv.stdout.lines().find(|line| line.contains(host)).unwrap();
        assert!(line.contains(vendor), "{line}");
    }
    let ecs = company.env.run(["report", "--format", "ecs"]).exits(0);
    let events: Vec<Value> = ecs.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let providers: Vec<&str> = events.iter().map(|event| event["event"]["provider"].as_str().unwrap()).collect();
    assert_eq!(providers, ["cisco", "apex", "auto"]);
    for format in ["markdown", "html"] {
        let told = company.env.run(["report", "--format", format]).exits(0);
        assert!(told.stdout.contains("cisco") && told.stdout.contains("apex"), "{told}");
    }
}

/// Two agents of one name, of which one is protected: no order of consoles decides which of them is meant.
#[test]
fn what_one_console_cannot_say_is_not_decided_by_preference() {
    let company = Company::new(&[("cisco", &["dup.a.example", "dup.b.example"]), ("apex", &["dup"])], PROMPT);
    let protected = company.console("cisco").fleet().hosts()[0].id.clone();
    company.env.add_config(&format!("[safety]\nprotected = [\"id:{protected}\"]\n"));
    let told = company.isolate("dup\n", &["--prefer", "apex"]).exits(6);
    assert_eq!(told.result()["outcome"], "unresolved", "{told}");
    company.nothing_was_sent();
}

/// One console knows a machine by its short name alone, and a rule may hold for it there.
#[test]
fn a_machine_that_another_console_may_know_by_its_short_name_is_left_alone() {
    let company = Company::new(&[("cisco", &["SRV2"]), ("apex", &["srv2.corp.example", "srv3.corp.example"])], PROMPT);
    for more in [&[][..], &["--prefer", "apex"]] {
        let told = company.isolate("srv2.corp.example\n", more).exits(6);
        assert_eq!(told.result()["outcome"], "unresolved", "{told}");
        assert!(told.stdout.contains("--vendor apex"), "{told}");
        company.nothing_was_sent();
    }
    company.isolate("srv3.corp.example\n", &[]).exits(0);
    assert_eq!(company.off("apex"), ["srv3.corp.example"]);
}

/// A console that shows the old state until the host has answered, in a run over several.
#[test]
fn a_release_that_comes_before_the_isolation_shows_is_sent_all_the_same() {
    let slow = "[[confirm]]\nafter = '400ms'\n";
    let company = Company::new(&[("cisco", &["web01"]), ("cybereason", &["pc01"])], slow);
    company.isolate("web01\npc01\n", &[]).exits(0);
    company.run("unisolate", "web01\npc01\n", &["--yes", WAIT]).exits(0);
    let asked = |word: &str| company.console(word).fleet().hosts().iter().filter(|host| host.deletes > 0).count();
    assert_eq!((asked("cisco"), asked("cybereason")), (1, 1), "both were asked to come back");
    wait_until("all to be free", || company.off("cisco").is_empty() && company.off("cybereason").is_empty());
}

#[test]
fn one_document_is_not_asked_of_several_runs() {
    let mut company = two();
    company.isolate("web01\npc01\n", &["--for", "4h", WAIT]).exits(0);
    let run = headers(&company)[0]["run"].as_str().unwrap().to_owned();
    let both = (company.off("cisco"), company.off("apex"));
    company.env.set("__EDRCTL_NOW", (Timestamp::now() + SignedDuration::from_hours(5)).to_string());
    let runs = headers(&company).len();
    for (words, other) in [(vec!["undo", &run], "--only"), (vec!["expire"], "--vendor")] {
        let output = back(&company, &[words, vec!["-o", "json"]].concat()).exits(2);
        assert!(output.stderr.contains("-o jsonl") && output.stderr.contains(other), "{output}");
        assert!(output.stdout.is_empty(), "{output}");
    }
    assert_eq!((company.off("cisco"), company.off("apex")), both);
    assert_eq!(headers(&company).len(), runs, "nothing was begun");
    // Of one console there is one document.
    for words in [vec!["undo", &run, "--only", "apex"], vec!["expire", "--vendor", "cisco"]] {
        let output = back(&company, &[words, vec!["-o", "json"]].concat()).exits(0);
        let document: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(document["results"].as_array().map(Vec::len), Some(1), "{output}");
    }
    assert_eq!((company.off("cisco"), company.off("apex")), (none(), none()));
}

#[test]
fn a_rerun_at_several_consoles_prints_no_two_documents() {
    let company = Company::new(
        &[("cisco", &["web01", "web02"]), ("apex", &["pc01", "pc02"])],
        &format!(
            "{PROMPT}\n[[fault]]\nmethod = \"PUT\"\nnth = 1\ndo = {{ status = 403 }}\n[[fault]]\nmethod = \"POST\"\nnth = 1\ndo = {{ status = 403 }}\n"
        ),
    );
    company.isolate("web01\npc01\n", &[WAIT, "--concurrency", "1"]);
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (0, 0));
    let output = back(&company, &["rerun", "-o", "json"]).exits(2);
    assert!(output.stderr.contains("--only") && output.stdout.is_empty(), "{output}");
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (0, 0));
    let output = back(&company, &["rerun", "-o", "json", "--only", "cisco"]).exits(0);
    serde_json::from_str::<Value>(&output.stdout).unwrap();
    assert_eq!(company.off("cisco").len(), 1);
}

#[test]
fn whoever_goes_on_with_a_run_for_a_time_is_told_of_the_time() {
    let mut company = two();
    company.env.set("__EDRCTL_CRASH_AFTER_LINE", "5");
    assert_ne!(
        company.isolate("web01\nweb02\npc01\npc02\n", &["--for", "4h", WAIT, "--concurrency", "1"]).code,
        Some(0)
    );
    company.env.unset("__EDRCTL_CRASH_AFTER_LINE");
    let mut terminal = Terminal::start(&company.env, &["resume"]);
    terminal.shows("each is due to be put back 4h after it was isolated").shows("[y/N]").types("y\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!((company.off("cisco").len(), company.off("apex").len()), (2, 2), "{screen}");
}

//! `--vendor auto`: one run over several consoles, each host where it lives.

use std::fs;

use crate::support::{Company, Console, Output, SWIFT, TestEnv, fleet_of, intents, records};

/// The console and the outcome of every target, by the target.
fn told(output: &Output) -> Vec<(String, String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut told: Vec<_> = output
        .results()
        .iter()
        .map(|result| (text(&result["target"]), text(&result["vendor"]), text(&result["outcome"])))
        .collect();
    told.sort();
    told
}

fn expected(list: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    let mut list: Vec<_> = list.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect();
    list.sort();
    list
}

#[test]
fn a_mixed_list_is_isolated_each_host_where_it_lives() {
    let company = Company::new(&[("cisco", &["web01", "web02"]), ("apex", &["pc01", "pc02"])], SWIFT);
    let id = company.console("apex").id_of("pc02");
    let output = company.isolate(&format!("web01\npc01\nnowhere\n{id}\n"), &["--wait"]).exits(6);
    assert_eq!(
        told(&output),
        expected(&[
            ("web01", "cisco", "confirmed"),
            ("pc01", "apex", "confirmed"),
            (&id, "apex", "confirmed"),
            ("nowhere", "auto", "unresolved"),
        ])
    );
    assert_eq!(company.off("cisco"), ["web01"]);
    assert_eq!(company.off("apex"), ["pc01", "pc02"]);
    let journal = company.env.only_journal();
    let records = records(&journal);
    assert_eq!(records[0]["vendor"], "auto");
    assert_eq!(records[0]["consoles"].as_object().unwrap().keys().collect::<Vec<_>>(), ["apex", "cisco"]);
    let owners: Vec<&serde_json::Value> =
        records[1]["list"].as_array().unwrap().iter().map(|target| &target["v"]).collect();
    assert_eq!(
        owners,
        ["cisco", "apex", "", "apex"]
            .map(|word| if word.is_empty() { serde_json::Value::Null } else { word.into() })
            .iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(intents(&journal), 3);
    let mut batches: Vec<u64> =
        records.iter().filter(|r| r["type"] == "intent").map(|r| r["batch"].as_u64().unwrap()).collect();
    batches.sort_unstable();
    batches.dedup();
    assert_eq!(batches.len(), records.iter().filter(|r| r["type"] == "intent").count(), "no number is given twice");
    let ends: Vec<_> = records.iter().filter(|r| r["type"] == "end").collect();
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0]["counts"]["confirmed"], 3);
    company.env.run(["runs", "verify"]).exits(0);
    let shown = company.env.run(["runs", "show", "-o", "jsonl"]).exits(0);
    assert_eq!(told(&shown), told(&output));
}

#[test]
fn every_console_takes_its_part_and_puts_it_back() {
    let hosts: [(&str, &[&str]); 4] =
        [("cisco", &["a1"]), ("apex", &["b1"]), ("kaspersky", &["c1"]), ("cybereason", &["d1"])];
    let company = Company::new(&hosts, "confirm = [{ after = '20ms' }]\nkaspersky.pick_up_after = '5ms'\n");
    let output = company.isolate("a1\nb1\nc1\nd1\n", &["--wait"]).exits(0);
    let all: Vec<(&str, &str, &str)> = hosts.iter().map(|(word, names)| (names[0], *word, "confirmed")).collect();
    assert_eq!(told(&output), expected(&all));
    for (word, names) in hosts {
        assert_eq!(company.off(word), names, "{word}");
    }
    let status = company.run("status", "a1\nb1\nc1\nd1\n", &[]);
    assert_eq!(told(&status).len(), 4, "{status}");
    for (target, vendor, _) in told(&status) {
        assert!(hosts.iter().any(|(word, names)| *word == vendor && names[0] == target), "{status}");
    }
    company.run("unisolate", "a1\nb1\nc1\nd1\n", &["--yes", "--wait"]).exits(0);
    for (word, _) in hosts {
        assert_eq!(company.off(word), Vec::<String>::new(), "{word}");
    }
}

#[test]
fn a_host_that_two_consoles_have_is_left_alone_unless_one_comes_first() {
    let company = Company::new(&[("cisco", &["twin", "web01"]), ("apex", &["twin"])], SWIFT);
    let output = company.isolate("twin\nweb01\n", &[]).exits(6);
    assert_eq!(told(&output), expected(&[("twin", "auto", "unresolved"), ("web01", "cisco", "accepted")]));
    let twin = output.results().into_iter().find(|result| result["target"] == "twin").unwrap();
    assert_eq!(twin["reason_code"], "ambiguous");
    let of: Vec<&str> =
        twin["candidates"].as_array().unwrap().iter().map(|host| host["vendor"].as_str().unwrap()).collect();
    assert_eq!(of, ["cisco", "apex"]);
    assert_eq!(company.off("apex"), Vec::<String>::new());
    // Both are made from the name, so their ids are equal, too: an id is looked up as a name is.
    let id = company.console("apex").id_of("twin");
    let output = company.isolate(&id, &["--dry-run"]).exits(6);
    assert_eq!(told(&output), expected(&[(&id, "auto", "unresolved")]));
    let output = company.isolate(&id, &["--dry-run", "--only", "apex"]).exits(0);
    assert_eq!(told(&output), expected(&[(&id, "apex", "not_sent")]));
    let output = company.isolate("twin\n", &["--prefer", "apex,cisco"]).exits(0);
    assert_eq!(told(&output), expected(&[("twin", "apex", "accepted")]));
    assert_eq!(company.off("apex"), ["twin"]);
    assert_eq!(company.off("cisco"), ["web01"]);
}

#[test]
fn nothing_is_sent_while_one_console_cannot_be_asked() {
    let mut company = Company::new(&[("cisco", &["web01"]), ("apex", &["pc01"])], SWIFT);
    company.consoles[1].1.stop();
    let output = company.isolate("web01\n", &[]).exits(4).says("nothing was changed").says("--only");
    assert_eq!(output.stdout, "");
    assert_eq!(company.off("cisco"), Vec::<String>::new());
    assert_eq!(company.console("cisco").changes(), 0);
    let output = company.isolate("web01\n", &["--only", "cisco"]).exits(0);
    assert_eq!(told(&output), expected(&[("web01", "cisco", "accepted")]));
}

#[test]
fn credentials_that_one_console_refuses_send_nothing_anywhere() {
    let company = Company::of(vec![
        ("cisco", Console::with(fleet_of(&["web01"]), SWIFT)),
        ("apex", Console::apex(fleet_of(&["pc01"]), "[[fault]]\ndo = { html = 401 }\n")),
    ]);
    company.isolate("web01\npc01\n", &[]).exits(4);
    company.nothing_was_sent();
}

#[test]
fn a_run_that_died_goes_on_in_every_console() {
    for lines in [3, 5, 8] {
        let company = Company::new(&[("cisco", &["w1", "w2", "w3"]), ("apex", &["p1", "p2", "p3"])], SWIFT);
        let mut env = company.env;
        env.set("__EDRCTL_CRASH_AFTER_LINE", lines.to_string());
        let mut company = Company { env, consoles: company.consoles };
        let dead = company.isolate("w1\np1\nw2\np2\nw3\np3\n", &[]);
        assert_eq!(dead.code, None, "{dead}");
        company.env.unset("__EDRCTL_CRASH_AFTER_LINE");
        let output = company.env.run(["resume", "latest", "--yes", "--wait", "-o", "jsonl"]).exits(0);
        for result in output.results() {
            let own = if result["target"].as_str().unwrap().starts_with('w') { "cisco" } else { "apex" };
            assert_eq!(result["vendor"], own, "{output}");
        }
        for (word, console) in &company.consoles {
            assert_eq!(company.off(word).len(), 3, "{word} after {lines}");
            for host in console.fleet().hosts() {
                assert_eq!(host.puts_accepted, 1, "{word} {}", host.name);
            }
        }
        company.env.run(["runs", "verify"]).exits(0);
        company.env.run(["resume", "latest", "--yes"]).exits(0).says("nothing is left to do");
    }
}

/// Two consoles, and a run over both that died after this many lines of its journal.
fn a_dead_run(lines: usize) -> Company {
    let mut company = Company::new(&[("cisco", &["w1", "w2", "w3"]), ("apex", &["p1", "p2", "p3"])], SWIFT);
    company.env.set("__EDRCTL_CRASH_AFTER_LINE", lines.to_string());
    let dead = company.isolate("w1\np1\nw2\np2\nw3\np3\n", &["--wait"]);
    assert_eq!(dead.code, None, "{dead}");
    company.env.unset("__EDRCTL_CRASH_AFTER_LINE");
    company
}

fn resumed(company: &Company) -> Output {
    company.env.run(["resume", "latest", "--yes", "-o", "jsonl"])
}

#[test]
fn a_console_that_is_gone_keeps_its_part_and_the_others_are_gone_on_with() {
    for lines in [8, 10] {
        let mut company = a_dead_run(lines);
        company.consoles[1].1.stop();
        let output = resumed(&company).exits(7).says("apex cannot be asked now").says("3 hosts stay as they are");
        assert!(output.results().iter().all(|result| result["vendor"] == "cisco"), "{output}");
        assert_eq!(company.off("cisco"), ["w1", "w2", "w3"]);
        for host in company.console("cisco").fleet().hosts() {
            assert_eq!(host.puts_accepted, 1, "{} after {lines}", host.name);
        }
        let journal = records(&company.env.only_journal());
        let end = journal.iter().rfind(|record| record["type"] == "end").unwrap();
        assert_eq!(end["ending"], "console_lost", "{end:#}");
        company.env.run(["runs", "verify"]).exits(0);
        // Nothing but that console's part is left, so nobody can be asked at all.
        resumed(&company).exits(4).says("apex");
    }
}

#[test]
fn a_console_whose_key_is_lost_is_gone_on_with_once_it_is_there_again() {
    let company = a_dead_run(8);
    let path = company.env.path().join("home/.config/edrctl/config.toml");
    let whole = fs::read_to_string(&path).unwrap();
    let without = whole.split_once("[apex]").map(|(before, _)| before).unwrap();
    fs::write(&path, without).unwrap();
    let before = company.off("apex");
    resumed(&company).exits(7).says("apex cannot be asked now");
    assert_eq!(company.off("cisco"), ["w1", "w2", "w3"]);
    assert_eq!(company.off("apex"), before);
    fs::write(&path, whole).unwrap();
    let output = resumed(&company).exits(0);
    assert!(output.results().iter().all(|result| result["vendor"] == "apex"), "{output}");
    assert_eq!(company.off("apex"), ["p1", "p2", "p3"]);
    for (word, console) in &company.consoles {
        for host in console.fleet().hosts() {
            assert_eq!(host.puts_accepted, 1, "{word} {}", host.name);
        }
    }
    company.env.run(["runs", "verify"]).exits(0);
    company.env.run(["resume", "latest", "--yes"]).exits(0).says("nothing is left to do");
}

#[test]
fn a_run_is_not_gone_on_with_at_another_console() {
    let company = a_dead_run(8);
    let path = company.env.path().join("home/.config/edrctl/config.toml");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.replace("https://127.0.0.1", "https://localhost")).unwrap();
    let before = company.console("cisco").changes();
    resumed(&company).exits(5).says("this run belongs to");
    assert_eq!(company.console("cisco").changes(), before);
}

#[test]
fn a_console_that_is_lost_ends_its_part_and_the_others_go_on() {
    let mut company = Company::of(vec![
        ("cisco", Console::with(fleet_of(&["w1", "w2"]), SWIFT)),
        (
            "apex",
            Console::apex(fleet_of(&["p1", "p2"]), "[[fault]]\nmethod = 'POST'\ntimes = 2\ndo = { html = 401 }\n"),
        ),
    ]);
    let output = company.isolate("w1\nw2\np1\np2\n", &["--wait"]).exits(7).says("apex");
    let told = told(&output);
    assert_eq!(
        told.iter().filter(|(_, word, outcome)| word == "cisco" && outcome == "confirmed").count(),
        2,
        "{output}"
    );
    assert_eq!(told.iter().filter(|(_, word, outcome)| word == "apex" && outcome == "not_sent").count(), 2, "{output}");
    assert_eq!(company.off("cisco"), ["w1", "w2"]);
    assert_eq!(company.off("apex"), Vec::<String>::new());
    // The console of the part that was done need not be there any more.
    company.consoles[0].1.stop();
    let resume = || company.env.run(["resume", "latest", "--yes", "--wait"]);
    let mut last = resume();
    // The credentials have been mended: what is left of the two refusals is met by the first resumption.
    while last.code == Some(4) {
        last = resume();
    }
    last.exits(0);
    assert_eq!(company.off("apex"), ["p1", "p2"]);
}

#[test]
fn a_rehearsal_has_every_console() {
    let env = TestEnv::new();
    env.file("hosts.txt", "web01\nweb02\nweb03\nweb04\n0a1b2c3d-0000-4000-8000-000000000001\n");
    let output = env.run(["isolate", "--vendor", "auto", "--simulate", "--wait", "-o", "jsonl", "hosts.txt"]).exits(0);
    let mut vendors: Vec<String> = told(&output).into_iter().map(|(_, vendor, _)| vendor).collect();
    vendors.sort();
    vendors.dedup();
    assert_eq!(vendors, ["apex", "cisco", "cybereason", "kaspersky"], "{output}");
}

#[test]
fn where_a_second_person_is_wanted_each_console_has_a_plan() {
    let company = Company::new(&[("cisco", &["web01"]), ("apex", &["pc01"])], SWIFT);
    company.env.ssh_key("key", &["ed25519"], "bert", "");
    let path = company.env.path().join("home/.config/edrctl/config.toml");
    let config = fs::read_to_string(&path).unwrap();
    let keys = company.env.path().join("key.pub");
    fs::write(&path, format!("{config}\n[safety]\nrequire_approval = \"{}\"\n", keys.display())).unwrap();
    company.isolate("web01\npc01\n", &[]).exits(5).says("edrctl plan isolate --vendor V");
    company.nothing_was_sent();
}

#[test]
fn what_is_one_consoles_is_refused_for_all() {
    let company = Company::new(&[("cisco", &["web01"]), ("apex", &["pc01"])], "");
    for option in [
        &["--unlock-code=env:CODE"][..],
        &["--product", "SLF_PRODUCT_OFFICESCAN_CE"],
        &["--queue-offline"],
        &["--allow-rotation"],
        &["--require-console"],
        &["--group", "g"],
        &["--malop", "m"],
        &["--stream", "s", "--wait"],
        &["--only", "cisco", "--prefer", "apex"],
    ] {
        company.isolate("web01\n", option).exits(2);
    }
    company.nothing_was_sent();
    company.env.run(["isolate", "--vendor", "cisco", "--prefer", "apex", "--yes", "hosts.txt"]).exits(2);
    company.nothing_was_sent();
}

#[test]
fn no_console_is_no_run() {
    let env = TestEnv::new();
    env.file("hosts.txt", "web01\n");
    env.run(["isolate", "--vendor", "auto", "--yes", "hosts.txt"]).exits(3).says("no console");
}

#[test]
fn a_dry_run_names_the_console_of_each_host_and_sends_nothing() {
    let company = Company::new(&[("cisco", &["web01"]), ("apex", &["pc01"])], "");
    let output = company.isolate("web01\npc01\n", &["--dry-run"]).exits(0);
    assert_eq!(told(&output), expected(&[("web01", "cisco", "not_sent"), ("pc01", "apex", "not_sent")]));
    company.nothing_was_sent();
    assert_eq!(company.env.journals().len(), 0);
}

#[test]
fn limits_and_expectations_count_the_hosts_of_all_consoles() {
    let company = Company::new(&[("cisco", &["web01"]), ("apex", &["pc01"])], "");
    company.run("isolate", "web01\npc01\n", &["--expect-count", "1"]).exits(5);
    company.env.add_config("[safety]\nmax_targets = 1");
    company.isolate("web01\npc01\n", &[]).exits(5);
    company.nothing_was_sent();
}

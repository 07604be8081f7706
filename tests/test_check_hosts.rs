//! The commands around the main job: `check`, `hosts`, `status`, `runs`, completions, man pages, help.

use std::fs;

use serde_json::Value;

use crate::support::{Console, ISOLATE, SWIFT, Terminal, TestEnv};

const FLEET: &str = "\
guid,hostname,ip,mac,state,available,last_seen,group
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201,alpha.corp.example,10.20.30.1,02:00:5e:10:20:01,,,2026-01-31T08:00:00Z,Protect
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202,bravo.corp.example,10.20.30.2,02:00:5e:10:20:02,isolated,,2026-01-31T08:00:00Z,Servers
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203,\"charlie #3, \"\"the\"\" third\",10.20.30.3,02:00:5e:10:20:03,,false,2026-01-31T08:00:00Z,Servers
";

fn three() -> (Console, TestEnv) {
    let console = Console::of(FLEET, SWIFT);
    let env = TestEnv::of(&console);
    (console, env)
}

#[test]
fn check_proves_address_certificate_and_credentials_and_changes_nothing() {
    let (console, env) = three();
    for args in [&["check"][..], &["check", "cisco"]] {
        let output = env.run(args).exits(0);
        assert!(output.stdout.contains(console.inner().base_url().trim_start_matches("https://")), "{output}");
    }
    let output = env.run(["check", "cisco", "-o", "jsonl"]).exits(0);
    assert_eq!(output.results()[0]["vendor"], "cisco", "{output}");
    console.was_left_alone();
    assert!(env.journals().is_empty());
    env.run(["check", "nobody"]).exits(2);
    TestEnv::new().run(["check", "cisco", "--simulate"]).exits(0);
}

#[test]
fn check_tells_a_protected_list_that_cannot_be_read() {
    let (_console, env) = three();
    env.add_config("[safety]\nprotected = [\"@nowhere.txt\"]");
    env.run(["check", "cisco"]).exits(3).says("nowhere.txt");
}

#[test]
fn hosts_lists_the_inventory_in_every_output() {
    let (console, env) = three();
    let hosts = ["hosts", "--vendor", "cisco"];
    let human = env.run(hosts).exits(0);
    let jsonl = env.run(hosts.iter().chain(&["-o", "jsonl"])).exits(0);
    let json: Value = serde_json::from_str(&env.run(hosts.iter().chain(&["-o", "json"])).exits(0).stdout).unwrap();
    assert_eq!(json.as_array().unwrap(), &jsonl.results());
    assert_eq!(jsonl.results().len(), 3);
    let alpha = &jsonl.results()[0];
    assert_eq!(alpha["id"], "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201");
    assert_eq!((&alpha["name"], &alpha["state"]), (&"alpha.corp.example".into(), &"not_isolated".into()));
    assert_eq!((&alpha["group"], &alpha["last_seen"]), (&"Protect".into(), &"2026-01-31T08:00:00Z".into()));
    assert_eq!(alpha["addresses"][0], "10.20.30.1");
    for id in console.guids().lines() {
        assert!(human.stdout.contains(id), "{human}");
    }
    console.was_left_alone();
    let empty = Console::new(0, "");
    let env = TestEnv::of(&empty);
    assert_eq!(env.run(hosts.iter().chain(&["-o", "jsonl"])).exits(0).stdout, "");
    assert_eq!(env.run(hosts.iter().chain(&["-o", "json"])).exits(0).stdout.trim(), "[]");
    assert_eq!(env.run(hosts.iter().chain(&["-o", "csv"])).exits(0).stdout.lines().count(), 1);
}

#[test]
fn hosts_can_be_chosen() {
    let (_console, env) = three();
    for (more, expected) in [
        (["--state", "isolated"], vec!["bravo.corp.example"]),
        (["--state", "not_isolated"], vec!["alpha.corp.example", "charlie #3, \"the\" third"]),
        (["--group", "servers"], vec!["bravo.corp.example", "charlie #3, \"the\" third"]),
        (["--name", "ALPHA"], vec!["alpha.corp.example"]),
        (["--name", "*.corp.example"], vec!["alpha.corp.example", "bravo.corp.example"]),
        (["--name", "*a*"], vec!["alpha.corp.example", "bravo.corp.example", "charlie #3, \"the\" third"]),
        (["--name", "alph"], vec![]),
        (["--name", "al*a*b"], vec![]),
    ] {
        let output = env.run(["hosts", "--vendor", "cisco", "-o", "jsonl"].iter().chain(&more)).exits(0);
        let names: Vec<Value> = output.results().iter().map(|host| host["name"].clone()).collect();
        assert_eq!(names, expected, "{more:?}");
    }
}

#[test]
fn a_listing_as_csv_is_a_target_file() {
    let (console, env) = three();
    let listing = env.run(["hosts", "--vendor", "cisco", "-o", "csv", "--state", "not_isolated"]).exits(0);
    assert_eq!(listing.stdout.lines().count(), 3, "{listing}");
    // Ids need no listing, so the console is the judge of the one that cannot be isolated.
    let output = env.run_with_input(ISOLATE.iter().chain(&["--column", "id", "-"]), &listing.stdout).exits(6);
    assert_eq!(output.outcomes().get("accepted"), Some(&1), "{output}");
    assert_eq!(console.fleet().hosts()[0].puts_accepted, 1);
    assert_eq!(console.fleet().hosts()[1].puts, 0);
}

#[test]
fn a_plain_listing_is_a_target_file() {
    let (console, env) = three();
    let listing = env.run(["hosts", "--vendor", "cisco", "--plain", "--state", "isolated"]).exits(0);
    let back = ["unisolate", "--vendor", "cisco", "--yes", "-"];
    env.run_with_input(back, &listing.stdout).exits(0);
    assert_eq!(console.fleet().hosts()[1].deletes_accepted, 1);
    // Names with a `#` in them are only a comment.
    let all = env.run(["hosts", "--vendor", "cisco", "--plain"]).exits(0);
    let status = env.run_with_input(["status", "--vendor", "cisco", "-o", "jsonl", "-"], &all.stdout).exits(0);
    assert_eq!(status.results().len(), 3, "{status}");
}

#[test]
fn status_reads_states_and_changes_nothing() {
    let (console, env) = three();
    let file = env.file("hosts.txt", "alpha\n3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202\n10.20.30.3\nnobody\n");
    let output = env.run(["status", "--vendor", "cisco", "-o", "jsonl", &file]).exits(6);
    console.was_left_alone();
    assert!(env.journals().is_empty());
    let state = |line: u64| {
        let results = output.results();
        let result = results.iter().find(|result| result["line"] == line).unwrap();
        (result["outcome"].as_str().unwrap().to_owned(), result["state"].as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(state(1), ("confirmed".to_owned(), "not_isolated".to_owned()));
    assert_eq!(state(2), ("confirmed".to_owned(), "isolated".to_owned()));
    assert_eq!(state(3).0, "confirmed");
    assert_eq!(state(4), ("unresolved".to_owned(), "-".to_owned()));
    assert!(output.results().iter().all(|result| result["action"] == "status"));
    let file = env.file("hosts.txt", "alpha\n");
    env.run(["status", "--vendor", "cisco", &file]).exits(0);
}

#[test]
fn runs_tell_what_was_done_by_whom_and_why() {
    let (console, env) = three();
    assert!(env.run(["runs", "list"]).exits(0).stdout.is_empty());
    env.run(["runs", "show"]).exits(2);
    let file = env.file("hosts.txt", "alpha\nnobody\n");
    let why = ["--comment", "IR-4711 containment", "--ticket", "IR-4711"];
    let acted = env.run(ISOLATE.iter().chain(&why).chain(&[file.as_str()])).exits(6);
    assert_eq!(
        console.fleet().comments().iter().map(|text| text.to_string()).collect::<Vec<_>>(),
        ["IR-4711 containment"]
    );
    let run = acted.results()[0]["run"].as_str().unwrap().to_owned();

    let list = env.run(["runs", "list", "-o", "jsonl"]).exits(0).results();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["run"], run.as_str());
    assert_eq!((&list[0]["action"], &list[0]["exit"]), (&"isolate".into(), &6.into()));
    assert_eq!((&list[0]["comment"], &list[0]["ticket"]), (&"IR-4711 containment".into(), &"IR-4711".into()));
    assert!(list[0]["user"].as_str().unwrap().contains("tester"), "{}", list[0]);
    let human = env.run(["runs", "list"]).exits(0);
    assert!(human.stdout.contains(&run) && human.stdout.contains("IR-4711"), "{human}");

    // A prefix that only one run has is enough.
    let (prefix, _) = run.split_at(run.len() - 2);
    for name in [&[][..], &["latest"], &[run.as_str()], &[prefix]] {
        let shown = env.run(["runs", "show", "-o", "jsonl"].iter().chain(name)).exits(0);
        for line in ["outcome", "state", "reason", "attempts", "line", "target", "host"] {
            let of =
                |results: &[Value], n: u64| results.iter().find(|result| result["line"] == n).unwrap()[line].clone();
            for n in 1..=2 {
                assert_eq!(of(&shown.results(), n), of(&acted.results(), n), "{line}\n{shown}");
            }
        }
        let verified = env.run(["runs", "verify"].iter().chain(name)).exits(0);
        assert!(verified.stdout.contains(&run), "{verified}");
    }
    let human = env.run(["runs", "show"]).exits(0);
    for fact in ["alpha", "nobody", "IR-4711", "tester", &run] {
        assert!(human.stdout.contains(fact), "{fact}\n{human}");
    }
    env.isolate("alpha\n", &[]).exits(0);
    assert_eq!(env.run(["runs", "list", "-o", "jsonl"]).exits(0).results().len(), 2);
    env.run(["runs", "show", "2"]).exits(2);
    env.run(["runs", "show", "../../etc/passwd"]).exits(2);
    env.run(["runs", "verify", "--all"]).exits(0);
}

#[test]
fn runs_verify_finds_any_line_that_was_edited_removed_or_moved() {
    let (_console, env) = three();
    env.isolate("alpha\nbravo\n", &[]).exits(0);
    let path = env.only_journal();
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let join = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for n in 0..lines.len() - 1 {
        let mut removed = lines.clone();
        removed.remove(n);
        let mut moved = lines.clone();
        moved.swap(n, n + 1);
        let mut edited = join(&lines[..n]);
        edited.push_str(&lines[n].replacen(|c: char| c.is_ascii_digit(), "x", 1));
        edited.push('\n');
        edited.push_str(&join(&lines[n + 1..]));
        for damaged in [join(&removed), join(&moved), edited] {
            fs::write(&path, damaged).unwrap();
            env.run(["runs", "verify"]).exits(8).says("error: ");
        }
    }
    fs::write(&path, &whole).unwrap();
    env.run(["runs", "verify"]).exits(0);
}

#[test]
fn resume_of_a_run_that_is_over_sends_nothing() {
    let console = Console::new(2, SWIFT);
    let env = TestEnv::of(&console);
    env.isolate(console.guids(), &["--wait"]).exits(0);
    let before = console.changes();
    env.run(["resume", "--yes"]).exits(0);
    env.run(["resume", "latest", "--yes"]).exits(0);
    assert_eq!(console.changes(), before);
}

#[test]
fn completions_and_man_pages_exist_for_every_shell_and_command() {
    let env = TestEnv::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = env.run(["completions", shell]).exits(0);
        assert!(output.stdout.contains("edrctl") && output.stdout.contains("unisolate"), "{output}");
        assert_eq!(output.stderr, "");
    }
    env.run(["completions", "csh"]).exits(2);
    let script = env.file("edrctl.bash", env.run(["completions", "bash"]).stdout);
    let checked = std::process::Command::new("bash").args(["-n", &script]).current_dir(env.path()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let output = env.run(["man"]).exits(0);
    assert!(output.stdout.contains(".TH edrctl") && output.stdout.contains("isolate"), "{output}");
    env.run(["man", "--dir", "man"]).exits(0);
    for page in ["edrctl.1", "edrctl-isolate.1", "edrctl-runs-verify.1", "edrctl-simulate.1"] {
        assert!(env.path().join("man").join(page).is_file(), "{page}");
    }
}

#[test]
fn help_lists_the_commands_that_exist_and_each_has_help() {
    let env = TestEnv::new();
    let help = env.run(["--help"]).exits(0);
    let listed: Vec<&str> = help
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let expected = [
        "isolate",
        "unisolate",
        "status",
        "hosts",
        "apex-isolate",
        "ksc-task",
        "block",
        "unblock",
        "plan",
        "apply",
        "approve",
        "expire",
        "undo",
        "rerun",
        "stream",
        "streams",
        "indicators",
        "check",
        "runs",
        "report",
        "resume",
        "simulate",
        "completions",
        "man",
        "help",
    ];
    assert_eq!(listed, expected, "{help}");
    for command in listed.into_iter().filter(|command| *command != "help") {
        let short = env.run([command, "-h"]).exits(0);
        let long = env.run([command, "--help"]).exits(0);
        for output in [short, long] {
            assert!(output.stdout.contains("Usage: "), "{output}");
            assert!(output.stdout.lines().all(|line| line.chars().count() <= 100), "{output}");
        }
    }
    for command in ["list", "show", "verify"] {
        env.run(["runs", command, "--help"]).exits(0);
    }
    for command in ["list", "show", "create", "update", "delete", "recreate"] {
        env.run(["streams", command, "--help"]).exits(0);
    }
}

#[test]
fn help_tells_the_exit_codes_and_a_command_to_begin_with() {
    let env = TestEnv::new();
    let help = env.run(["--help"]).exits(0).stdout;
    for code in 0..=8 {
        assert!(help.contains(&format!(" {code}  ")), "{code}\n{help}");
    }
    assert!(help.contains("--simulate"), "{help}");
}

#[test]
fn a_narrow_terminal_cuts_nothing_of_a_run_that_has_to_be_read() {
    let (_console, mut env) = three();
    let file = env.file("hosts.txt", "alpha\nnobody\n");
    let why = ["--for", "4h", "--comment", "a comment that is much longer than what such a terminal has room for"];
    let run = env.run(ISOLATE.iter().chain(&why).chain(&[file.as_str()])).exits(6).results()[0]["run"].clone();
    let run = run.as_str().unwrap();
    let shown = |env: &TestEnv| {
        let (screen, code) = Terminal::start(env, &["runs", "list"]).ends();
        assert_eq!(code, Some(0), "{screen}");
        screen
    };
    for columns in [40, 60, 80] {
        env.set("COLUMNS", columns.to_string());
        let screen = shown(&env);
        assert!(screen.lines().all(|line| line.chars().count() <= columns), "{screen}");
        assert!(screen.contains(run), "{screen}");
        let words: Vec<&str> = screen.split_whitespace().collect();
        let text = words.join(" ");
        for fact in
            ["isolate 2 hosts, completed:", "1 accepted,", "1 unresolved", "cisco http", "a comment that", "1 due 20"]
        {
            assert!(text.contains(fact), "{columns}: `{fact}`\n{screen}");
        }
    }
    env.set("COLUMNS", "250");
    let screen = shown(&env);
    assert!(screen.contains("STARTED") && screen.lines().count() == 2, "a table where there is room\n{screen}");
}

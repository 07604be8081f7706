//! What stands on standard output and on standard error, for people and for scripts, with hostile hosts in between.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use serde_json::Value;

use crate::support::{Console, FakeConsole, ISOLATE, Output, SWIFT, Terminal, TestEnv};

const FLEET: &str = "\
guid,hostname,state,available,last_seen
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201,alpha.corp.example,,,2026-01-31T08:00:00Z
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202,bravo.corp.example,,,2026-01-31T08:00:00Z
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203,charlie.corp.example,isolated,,2026-01-31T08:00:00Z
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b204,kiosk.corp.example,,false,2026-01-31T08:00:00Z
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b205,twin.corp.example,,,2026-01-31T08:00:00Z
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b206,twin.corp.example,,,2026-01-30T08:00:00Z
";

/// One target of every kind of end that needs no bad day.
const TARGETS: &str = "alpha\ncharlie\nkiosk\ntwin\nnobody\nALPHA.corp.example\n";

/// Two hosts, and everything on the screen the same each time.
fn fixed() -> (Console, TestEnv) {
    let console = Console::of(FLEET, SWIFT);
    let mut env = TestEnv::of(&console);
    env.set("__EDRCTL_NOW", "2026-11-22T03:15:02.120Z").set("__EDRCTL_RUN_ID", "20261122-031502-k3f9q2");
    env.file("hosts.txt", TARGETS);
    (console, env)
}

/// The output without what differs from run to run: the console's port, and how long it took.
fn steady(output: &Output, console: &Console) -> String {
    let text = output.to_string().replace(console.inner().base_url(), "https://CONSOLE");
    let timed = |line: &str, before: &str, after: &str| {
        let (head, rest) = line.split_once(before)?;
        Some(format!("{head}{before}TIME{after}{}", rest.split_once(after)?.1))
    };
    let line = |line: &str| {
        let told = timed(line, " succeeded in ", " with ").or_else(|| timed(line, "done in ", ": "));
        told.unwrap_or_else(|| line.to_owned())
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn the_human_output_is_a_line_a_target_and_a_summary() {
    let (console, env) = fixed();
    let output = env.run(["isolate", "--vendor", "cisco", "--yes", "hosts.txt"]);
    insta::assert_snapshot!(steady(&output, &console), @r"
    already      charlie          charlie.corp.example 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203  isolated
    refused      kiosk            kiosk.corp.example 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b204  the console says that this host cannot be isolated: its policy, product, operating system or agent version rules it out (state not_isolated, last seen 2026-01-31T08:00:00Z)
    unresolved   twin                                                       2 hosts fit, and none is taken: name one by its id
                 written at hosts.txt:4
                 candidate: 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b205  twin.corp.example  not_isolated  last seen 2026-01-31T08:00:00Z
                 candidate: 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b206  twin.corp.example  not_isolated  last seen 2026-01-30T08:00:00Z
    unresolved   nobody                                                     the console knows no host with this name
                 written at hosts.txt:5
    accepted     alpha            alpha.corp.example 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201
                 named again at hosts.txt:6 as ALPHA.corp.example

    isolate: 5 hosts, Cisco Secure Endpoint at https://CONSOLE
              1  already
              1  accepted
              2  unresolved
              1  refused
    not succeeded, by reason:
              1  refused      the console says that this host cannot be isolated: its policy, product, operating system or agent version rules it out
                              kiosk
              1  unresolved   2 hosts fit, and none is taken: name one by its id
                              twin
              1  unresolved   the console knows no host with this name
                              nobody
    2 of 5 hosts succeeded in TIME with 3 requests
    run 20261122-031502-k3f9q2
    next: edrctl resume 20261122-031502-k3f9q2 --wait  # proves that 1 host took it
    next: edrctl runs show 20261122-031502-k3f9q2  # tells every host and its reason
    next: edrctl hosts --vendor cisco  # lists the hosts that the console knows
    next: edrctl undo 20261122-031502-k3f9q2  # puts back what this run has isolated
    -- stderr --
    1 target names a host that another target has named; each host is acted on once
    isolate: 5 hosts, Cisco Secure Endpoint at https://CONSOLE, run 20261122-031502-k3f9q2
    done in TIME: 2 of 5 hosts succeeded
    -- exit --
    6
    ");
}

#[test]
fn a_dry_run_tells_the_plan_to_people() {
    let (console, env) = fixed();
    let output = env.run(["isolate", "--vendor", "cisco", "--dry-run", "hosts.txt"]);
    insta::assert_snapshot!(steady(&output, &console), @r"
    not_sent     alpha            alpha.corp.example 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201  dry run: it would isolate this host (state not_isolated, last seen 2026-01-31T08:00:00Z)
                 named again at hosts.txt:6 as ALPHA.corp.example
    already      charlie          charlie.corp.example 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203  isolated
    refused      kiosk            kiosk.corp.example 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b204  the console says that this host cannot be isolated: its policy, product, operating system or agent version rules it out (state not_isolated, last seen 2026-01-31T08:00:00Z)
    unresolved   twin                                                       2 hosts fit, and none is taken: name one by its id
                 written at hosts.txt:4
                 candidate: 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b205  twin.corp.example  not_isolated  last seen 2026-01-31T08:00:00Z
                 candidate: 3f1c2d94-7b60-4e2a-9a55-0c8e7d41b206  twin.corp.example  not_isolated  last seen 2026-01-30T08:00:00Z
    unresolved   nobody                                                     the console knows no host with this name
                 written at hosts.txt:5

    isolate: 5 hosts, Cisco Secure Endpoint at https://CONSOLE
              1  already
              2  unresolved
              1  refused
              1  not sent
    not succeeded, by reason:
              1  refused      the console says that this host cannot be isolated: its policy, product, operating system or agent version rules it out
                              kiosk
              1  unresolved   2 hosts fit, and none is taken: name one by its id
                              twin
              1  unresolved   the console knows no host with this name
                              nobody
    dry run: 1 host to isolate; nothing was sent but 2 requests to read
    next: edrctl isolate --vendor cisco hosts.txt  # does it to 1 host
    next: edrctl hosts --vendor cisco  # lists the hosts that the console knows
    -- stderr --
    1 target names a host that another target has named; each host is acted on once
    isolate: 5 hosts, Cisco Secure Endpoint at https://CONSOLE, dry run
    dry run done: nothing was sent
    -- exit --
    6
    ");
}

#[test]
fn an_error_is_a_line_its_causes_and_a_hint() {
    let (console, env) = fixed();
    let output = env.run(["isolate", "--vendor", "cisco", "hosts.txt"]);
    insta::assert_snapshot!(steady(&output, &console), @r"
    -- stderr --
    1 target names a host that another target has named; each host is acted on once
    error: isolate 1 host needs consent, and there is no terminal to ask at; nothing was sent
    hint: `--yes` gives it, or `--expect-count N` if the targets resolve to exactly N hosts
    -- exit --
    5
    ");
}

#[test]
fn every_json_line_has_the_whole_schema() {
    let (_console, env) = fixed();
    let output = env.run(ISOLATE.iter().chain(&["hosts.txt"])).exits(6);
    let results = output.results();
    assert_eq!(results.len(), 5, "{output}");
    for result in &results {
        let has = |key: &str, fits: fn(&Value) -> bool| {
            assert!(result.get(key).is_some_and(fits), "`{key}` in {result}");
        };
        assert_eq!(result["schema"], "edrctl.result/1");
        assert_eq!(result["run"], "20261122-031502-k3f9q2");
        assert_eq!(result["vendor"], "cisco");
        assert_eq!(result["action"], "isolate");
        has("target", Value::is_string);
        has("line", Value::is_u64);
        has("host", |host| host.is_null() || host["id"].is_string() && host.get("name").is_some());
        has("outcome", Value::is_string);
        has("state", |state| state.is_null() || state.is_string());
        has("attempts", Value::is_u64);
        has("reason", |reason| reason.is_null() || reason.is_string());
        for time in ["started", "finished"] {
            let text = result[time].as_str().unwrap();
            assert!(text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(), "{text}");
        }
        let success = ["confirmed", "already", "accepted"].contains(&result["outcome"].as_str().unwrap());
        assert_eq!(result["reason"].is_null(), success, "null on success, and only then: {result}");
    }
    let by_line = |line: u64| results.iter().find(|result| result["line"] == line).unwrap();
    let outcomes: Vec<&str> = (1..=5).map(|line| by_line(line)["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["accepted", "already", "refused", "unresolved", "unresolved"]);
    assert_eq!(by_line(1)["attempts"], 1);
    assert_eq!(by_line(2)["attempts"], 0);
    assert_eq!(by_line(1)["target"], "alpha");
    assert_eq!(by_line(1)["host"]["name"], "alpha.corp.example");
    assert_eq!(by_line(5)["host"], Value::Null);
}

#[test]
fn json_is_one_document_with_every_result() {
    let (_console, env) = fixed();
    let output = env.run(["isolate", "--vendor", "cisco", "--yes", "-o", "json", "hosts.txt"]).exits(6);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["run"], "20261122-031502-k3f9q2");
    assert_eq!(document["results"].as_array().unwrap().len(), 5);
    assert_eq!(document["results"][0]["schema"], "edrctl.result/1");
    let counted: u64 = document["summary"]["outcomes"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(counted, 5, "{output}");
    assert!(output.stdout.ends_with('\n'));
}

/// The cells of a CSV text by the names of its header.
fn table(text: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn csv_has_a_header_and_a_row_a_target() {
    let (_console, env) = fixed();
    let output = env.run(["isolate", "--vendor", "cisco", "--yes", "-o", "csv", "hosts.txt"]).exits(6);
    let rows = table(&output.stdout);
    assert_eq!(rows.len(), 5, "{output}");
    let row = rows.iter().find(|row| row["target"] == "alpha").unwrap();
    assert_eq!((row["outcome"].as_str(), row["line"].as_str()), ("accepted", "1"));
    assert_eq!(row["host_name"], "alpha.corp.example");
}

#[test]
fn no_cell_of_a_table_begins_a_formula() {
    let names = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", " =1", "＝1"];
    let rows: String =
        (0..).zip(names).map(|(n, name)| format!("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2{n:02},\"{name}\"\n")).collect();
    let console = Console::of(&format!("guid,hostname\n{rows}"), SWIFT);
    let env = TestEnv::of(&console);
    env.file("hosts.txt", console.guids() + "host:=1+1\nhost:@x\n");
    let outputs = [
        env.run(["status", "--vendor", "cisco", "-o", "csv", "hosts.txt"]).exits(6),
        env.run(["hosts", "--vendor", "cisco", "-o", "csv"]).exits(0),
    ];
    for output in outputs {
        let rows = table(&output.stdout);
        assert!(rows.len() >= names.len(), "{output}");
        for cell in rows.iter().flat_map(|row| row.values()) {
            let first = cell.trim_start().chars().next();
            assert!(!first.is_some_and(|c| "=+-@＝＋－＠\t\r".contains(c)), "`{cell}`");
        }
    }
}

#[test]
fn standard_output_is_data_and_standard_error_the_rest() {
    for (format, lines) in [("human", 1), ("jsonl", 1), ("json", 1), ("csv", 2)] {
        let console = Console::new(1, SWIFT);
        let env = TestEnv::of(&console);
        env.file("hosts.txt", console.guids());
        let output = env.run(["isolate", "--vendor", "cisco", "--yes", "-o", format, "hosts.txt"]).exits(0);
        assert!(output.stdout.lines().count() >= lines, "{output}");
        // The summary is for people: among the data only where the data is for people too.
        assert_eq!(output.stdout.contains("next: "), format == "human", "{output}");
        assert_eq!(output.stderr.contains("next: "), format != "human", "{output}");
        assert!(output.stderr.contains("1 of 1 host succeeded"), "{output}");
        let quiet = env.run(["unisolate", "--vendor", "cisco", "--yes", "-q", "-o", format, "hosts.txt"]);
        assert_eq!(quiet.stderr, "", "{quiet}");
        assert!(quiet.stdout.lines().count() >= lines, "{quiet}");
    }
}

#[test]
fn quiet_still_tells_errors() {
    let (_console, env) = fixed();
    env.run(["isolate", "--vendor", "cisco", "-q", "hosts.txt"]).exits(5).says("error: ");
}

#[test]
fn verbose_tells_every_failed_try_and_twice_every_exchange() {
    let faults = format!("{SWIFT}[[fault]]\nmethod = \"PUT\"\nnth = 1\ndo = {{ status = 503 }}\n");
    for (flag, tells_tries, tells_requests) in [("-q", false, false), ("-v", true, false), ("-vv", true, true)] {
        let console = Console::of(FLEET, &faults);
        let env = TestEnv::of(&console);
        let output = env.isolate("alpha\n", &[flag]).exits(0);
        assert_eq!(output.stderr.contains("503"), tells_tries, "{flag}\n{output}");
        assert_eq!(output.stderr.contains("/v1/version"), tells_requests, "{flag}\n{output}");
        assert_eq!(output.result()["attempts"], 2, "{output}");
    }
}

/// Everything that must not reach a terminal as it is.
const HOSTILE: [char; 7] = ['\u{1b}', '\u{7}', '\u{8}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}'];

#[track_caller]
fn harmless(output: &Output) {
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains(HOSTILE), "{text:?}");
        assert!(!text.contains('\r'), "{text:?}");
    }
}

#[test]
fn hostile_names_of_hosts_never_reach_the_screen_raw() {
    let name = "ev\u{1b}[2Jil\u{202e}gpj\u{7}\u{8}\u{9b}31m\u{2066}\u{200b}\rx";
    let fleet = format!(
        "guid,hostname,group,available\n3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201,\"{name}\",\"{name}\",\n\
         3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202,\"twin.{name}\",,\n3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203,\"twin.{name}\",,false\n"
    );
    let console = Console::of(&fleet, SWIFT);
    let env = TestEnv::of(&console);
    env.file("hosts.txt", console.guids() + "twin\nfoo\n");
    for format in ["human", "csv"] {
        for args in [
            &["isolate", "--vendor", "cisco", "--yes", "-vv", "hosts.txt", "-o", format][..],
            &["isolate", "--vendor", "cisco", "--dry-run", "hosts.txt", "-o", format],
            &["status", "--vendor", "cisco", "hosts.txt", "-o", format],
            &["hosts", "--vendor", "cisco", "-o", format],
            &["hosts", "--vendor", "cisco", "--plain"],
            &["runs", "show", "-o", format],
        ] {
            harmless(&env.run(args));
        }
    }
    // JSON stays exact, and is safe because it escapes.
    let output = env.run(["hosts", "--vendor", "cisco", "-o", "jsonl"]).exits(0);
    harmless(&output);
    assert_eq!(output.results()[0]["name"], name);
}

#[test]
fn hostile_words_of_a_console_never_reach_the_screen_raw() {
    let words = "\\u001b]0;owned\\u0007\\u202eno\\r\\nok";
    let refusal = format!(
        r#"{{"version":"v1.2.0","data":{{}},"errors":[{{"error_code":400,"description":"{words}","details":["{words}"]}}]}}"#
    );
    for status in [400, 404, 418, 500, 401, 403] {
        let refusal = refusal.clone();
        let fake = FakeConsole::new(move |asked| {
            let good =
                r#"{"version":"v1.2.0","metadata":{},"data":{"available":true,"status":"not\u001b[31m_isolated"}}"#;
            if asked.method == "PUT" { (status, refusal.clone()) } else { (200, good.to_owned()) }
        });
        let env = fake.env();
        env.file("hosts.txt", "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201\n");
        // What is tried again takes its time.
        let formats: &[&str] = if status == 400 { &["human", "csv", "jsonl"] } else { &["human"] };
        for format in formats {
            let args = ["isolate", "--vendor", "cisco", "--yes", "-vv", "-o", format, "hosts.txt"];
            let output = env.run(args);
            harmless(&output);
            // Refused credentials are told as such only while nothing was done.
            assert!(matches!(output.code, Some(4 | 6)), "{status}\n{output}");
        }
        harmless(&env.run(["runs", "show"]));
        harmless(&env.run(["runs", "list"]));
    }
    let fake = FakeConsole::new(move |_| (401, refusal.clone()));
    let output = fake.env().run(["check", "cisco"]).exits(4);
    harmless(&output);
}

#[test]
fn hostile_target_files_never_reach_the_screen_raw() {
    let (_console, env) = fixed();
    for text in ["ev\u{1b}[2Jil\n", "x \u{202e}gpj.exe\n", "\u{7}\n", "host:a\u{9b}b\n"] {
        harmless(&env.isolate(text, &[]));
        harmless(&env.isolate(text, &["--skip-invalid"]));
    }
    env.file("ev\u{1b}[2Jil.txt", "two words\n");
    harmless(&env.run(["status", "--vendor", "cisco", "ev\u{1b}[2Jil.txt"]).exits(2));
    harmless(&env.run(["status", "--vendor", "cisco", "no\u{1b}[2Jwhere.txt"]).exits(2));
    harmless(&env.run(["status", "--vendor", "cisco", "--column", "a\u{1b}[2J", "hosts.txt"]).exits(2));
}

#[test]
fn a_reader_that_goes_away_neither_stops_the_run_nor_is_told_of() {
    for format in ["human", "jsonl", "json", "csv"] {
        let console = Console::new(300, SWIFT);
        let env = TestEnv::of(&console);
        let file = env.file("hosts.txt", console.guids());
        let mut child = env
            .command(["isolate", "--vendor", "cisco", "--yes", "-o", format, &file])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::with_capacity(16, child.stdout.take().unwrap());
        if format == "json" {
            // Nothing comes before the end.
            drop(stdout);
        } else {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            assert_ne!(line, "");
            drop(stdout);
        }
        let output = env.finish(child).exits(0);
        assert_eq!(console.asked().len(), 300, "{format}");
        assert!(!output.stderr.contains("panicked") && !output.stderr.to_lowercase().contains("pipe"), "{output}");
        assert!(output.stderr.contains("300 of 300 hosts succeeded"), "the summary is still told\n{output}");
    }
}

#[test]
fn a_reader_of_standard_error_that_goes_away_does_not_stop_the_run() {
    let console = Console::new(50, SWIFT);
    let env = TestEnv::of(&console);
    let file = env.file("hosts.txt", console.guids());
    let mut child = env
        .command(ISOLATE.iter().chain(&["-vv", &file]))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), 50);
    env.finish(child).exits(0);
}

#[test]
fn lists_end_quietly_when_their_reader_goes_away() {
    let console = Console::new(1500, SWIFT);
    let env = TestEnv::of(&console);
    for args in [&["hosts", "--vendor", "cisco", "-o", "jsonl"][..], &["completions", "bash"], &["man"], &["--help"]] {
        let mut child = env.start(args);
        drop(child.stdout.take());
        let output = env.finish(child);
        assert_eq!(output.code, Some(0), "{args:?}\n{output}");
        assert!(!output.stderr.contains("panicked"), "{output}");
    }
}

#[test]
fn a_list_that_could_not_be_written_whole_is_no_success() {
    let console = Console::new(40, SWIFT);
    let env = TestEnv::of(&console);
    let full = || std::fs::File::create("/dev/full").unwrap();
    for args in
        [&["hosts", "--vendor", "cisco", "-o", "csv"][..], &["hosts", "--vendor", "cisco"], &["completions", "bash"]]
    {
        let child = env.command(args).stdin(Stdio::null()).stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
        env.finish(child).exits(1).says("standard output");
    }
    // A run goes on, because hosts matter more than lines; what is missing is told.
    let file = env.file("hosts.txt", console.guids());
    for format in ["human", "jsonl", "json", "csv"] {
        let args = ["isolate", "--vendor", "cisco", "--yes", "-o", format, &file];
        let child = env.command(args).stdin(Stdio::null()).stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
        env.finish(child).exits(0).says("40 of 40 hosts succeeded").says("warning: ");
    }
    assert!(console.fleet().hosts().iter().all(|host| host.puts_accepted == 1));
}

#[test]
fn colour_is_for_terminals_unless_somebody_says_otherwise() {
    let (_console, mut env) = fixed();
    env.file("hosts.txt", "alpha\nnobody\n");
    let status = ["status", "--vendor", "cisco", "hosts.txt"];
    let coloured = |output: &Output| (output.stdout.contains("\u{1b}["), output.stderr.contains("\u{1b}["));
    assert_eq!(coloured(&env.run(status)), (false, false));
    assert!(coloured(&env.run(status.iter().chain(&["--color", "always"]))).0);
    assert_eq!(coloured(&env.run(status.iter().chain(&["--color", "never"]))), (false, false));
    // Data for scripts is never coloured; the summary beside it is for people.
    let json = env.run(status.iter().chain(&["--color", "always", "-o", "jsonl"]));
    assert_eq!(coloured(&json), (false, true), "{json}");
    let (screen, _) = Terminal::start(&env, &status).ends();
    assert!(screen.contains("\u{1b}[3") || screen.contains("\u{1b}[1"), "{screen}");
    env.set("NO_COLOR", "1");
    let (screen, _) = Terminal::start(&env, &status).ends();
    let painted = screen.split("\u{1b}[").skip(1).any(|rest| {
        rest.split_once('m').is_some_and(|(number, _)| number.bytes().all(|b| b.is_ascii_digit() || b == b';'))
    });
    assert!(!painted, "{screen:?}");
    // An argument is stronger than the environment.
    assert!(coloured(&env.run(status.iter().chain(&["--color", "always"]))).0);
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    let console = Console::new(40, &format!("latency = \"30ms\"\n{SWIFT}"));
    let env = TestEnv::of(&console);
    env.file("hosts.txt", console.guids());
    let args =
        ["isolate", "--vendor", "cisco", "--yes", "--concurrency", "4", "-o", "csv", "hosts.txt", ">", "out.csv"];
    let (screen, code) = Terminal::start(&env, &args).ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("/40") || screen.contains("of 40"), "{screen:?}");
    let rows = table(&std::fs::read_to_string(env.path().join("out.csv")).unwrap());
    assert_eq!(rows.len(), 40, "data goes where it was sent");
    let output = env.run(["unisolate", "--vendor", "cisco", "--yes", "hosts.txt"]);
    assert!(!output.stderr.contains('\r') && !output.stderr.contains('\u{1b}'), "{output}");
}

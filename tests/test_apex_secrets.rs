//! What must never get out of Apex Central's answers and our configuration: credentials, and texts that would do something
//! to a terminal, a table or an address.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use edrctl::simulator::faults::Endpoint;
use serde_json::json;

use crate::support::{Apex, Asked, FakeConsole, SWIFT, Terminal, side_by_side, success};

#[test]
fn a_wrong_key_is_refused_before_anything_is_sent_and_asked_for_once() {
    let mut room = Apex::new(3, "");
    room.set("EDRCTL_APEX_API_KEY", "11111111-2222-3333-4444-555555555555");
    let output = room.isolate(&[]).exits(4);
    room.console.was_left_alone();
    assert_eq!(room.console.stats().total(), 1, "a refusal is not asked for twice");
    assert!(output.stderr.contains("result code -7"), "{output}");
    assert!(output.stderr.contains("EDRCTL_APEX_API_KEY"), "{output}");
    assert!(!output.to_string().contains("11111111-2222"), "{output}");
}

#[test]
fn a_disabled_application_is_refused_before_anything_is_sent() {
    let room = Apex::new(3, "apex.disabled = true\n");
    let output = room.isolate(&[]).exits(4);
    room.console.was_left_alone();
    assert_eq!(room.console.stats().total(), 1);
    assert!(output.stderr.contains("result code -5"), "{output}");
    assert!(output.stderr.contains("Automation API Access Settings"), "{output}");
}

#[test]
fn an_application_that_is_disabled_in_the_middle_stops_the_run() {
    let room = Apex::new(50, "latency = \"20ms\"\n[[fault]]\nmethod = \"POST\"\nafter = 6\ndo = \"revoke\"\n");
    let output = room.isolate(&["--concurrency", "4"]).exits(7);
    assert_eq!((room.accepted(), room.off()), (6, 6), "{output}");
    assert!(room.posts() <= 6 + 4, "{} requests", room.posts());
    assert_eq!(output.outcomes()["not_sent"], 44, "{output}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    let asked = room.console.stats().total();
    room.resume(&[]).exits(4);
    assert_eq!(room.console.stats().total(), asked + 1, "it is asked for once");
    assert_eq!(room.accepted(), 6);
    room.verify();
}

#[test]
fn an_application_that_is_disabled_while_hosts_are_awaited_leaves_them_accepted() {
    let faults = "[[confirm]]\nafter = \"30s\"\n[[fault]]\nmethod = \"GET\"\nafter = 1\ndo = \"revoke\"\n";
    let room = Apex::new(4, faults);
    let output = room.isolate(&["--wait=60s"]).exits(7);
    room.assert_all_off_by_one_request_each();
    assert_eq!(output.outcomes().get("accepted"), Some(&4), "{output}");
    assert_eq!(room.lists(), 2, "the plan's, and the one that was refused: {output}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    room.verify();
}

#[test]
fn a_key_that_is_mended_lets_the_run_go_on() {
    let faults = "latency = \"20ms\"\n[[fault]]\nmethod = \"POST\"\nafter = 6\ntimes = 4\ndo = { code = -7 }\n";
    let room = Apex::new(50, faults);
    room.isolate(&["--concurrency", "4"]).exits(7);
    assert_eq!(room.accepted(), 6);
    let finished = (0..5).any(|_| room.resume(&["--concurrency", "4"]).code == Some(0));
    assert!(finished);
    room.assert_all_off_by_one_request_each();
    room.verify();
}

#[test]
fn no_secret_is_in_anything_that_is_written_or_kept() {
    let bad_days = [
        "",
        "apex.clock_offset = \"10m\"\n",
        "[[fault]]\nmethod = \"POST\"\ndo = { code = -7 }\n",
        "[[fault]]\nmethod = \"POST\"\nafter = 1\ndo = { code = -8 }\n",
        "[[fault]]\nmethod = \"GET\"\ndo = { code = -8 }\n",
        "[[fault]]\nmethod = \"POST\"\ntimes = 1\ndo = \"garbage\"\n",
        "[[fault]]\nmethod = \"POST\"\ntimes = 1\ndo = \"cut_after\"\n",
        "[[fault]]\nmethod = \"GET\"\ndo = { redirect = \"https://login.example.test/\" }\n",
    ];
    side_by_side(bad_days, |faults| {
        let room = Apex::new(3, faults);
        let key = room.console.inner().credentials().api_key.clone();
        let mut seen = Vec::new();
        for command in [
            vec!["isolate", "--vendor", "apex", "--yes", "--wait=30s", "-vv", "hosts.txt"],
            vec!["apex-isolate", "--yes", "--restore", "-vv", "hosts.txt"],
            vec!["check", "apex", "-vv"],
            vec!["hosts", "--vendor", "apex", "-vv", "-o", "jsonl"],
            vec!["resume", "latest", "--yes", "-vv"],
            vec!["runs", "show", "-vv"],
        ] {
            let output = room.env.command(command).env("RUST_LOG", "trace").output().unwrap();
            seen.extend([output.stdout, output.stderr]);
        }
        for journal in room.env.journals() {
            seen.push(std::fs::read(journal).unwrap());
        }
        let parts: Vec<&str> = key.split('-').filter(|part| part.len() >= 8).collect();
        assert!(!parts.is_empty(), "the key has parts to look for");
        let secrets: Vec<&str> = [key.as_str(), "eyJ", "Bearer "].into_iter().chain(parts).collect();
        assert!(seen.iter().map(Vec::len).sum::<usize>() > 500, "there was something to look through");
        for bytes in seen {
            for secret in &secrets {
                let found = bytes.windows(secret.len()).any(|window| window.eq_ignore_ascii_case(secret.as_bytes()));
                assert!(!found, "{secret} is in\n{}", String::from_utf8_lossy(&bytes));
            }
        }
    });
}

/// Everything in a text that may not reach a terminal or a table as it is.
fn hostile(text: &str) -> Option<char> {
    text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    })
}

fn hostile_fleet() -> serde_json::Value {
    json!([
        {
            "entity_id": "AAAAAAAA-0000-4000-8000-000000000001",
            "host_name": "\u{1b}[31mRED\u{1b}[0m",
            "product": "SLF\u{1b}]0;owned\u{7}",
            "folder_path": "a\r\nb\u{202e}c",
            "ad_domain": "\u{9b}31m",
        },
        {
            "entity_id": "AAAAAAAA-0000-4000-8000-000000000002",
            "host_name": "=cmd|' /C calc'!A0",
            "product": "@SUM(1+1)",
            "folder_path": "+1",
        },
        {
            "entity_id": "AAAAAAAA-0000-4000-8000-000000000003",
            "host_name": "two\r\nlines\u{2066}\u{202e}",
            "product": "-2+3",
        },
    ])
}

#[test]
fn hostile_texts_never_reach_a_terminal_or_a_table_as_they_are() {
    let room = Apex::of(&hostile_fleet(), SWIFT);
    for args in [
        vec!["apex-isolate", "--yes", "-vv", "hosts.txt"],
        vec!["apex-isolate", "--yes", "-vv", "--restore", "hosts.txt"],
        vec!["isolate", "--vendor", "apex", "--dry-run", "hosts.txt"],
        vec!["isolate", "--vendor", "apex", "--yes", "--wait=30s", "-v", "hosts.txt"],
        vec!["hosts", "--vendor", "apex"],
        vec!["status", "--vendor", "apex", "hosts.txt"],
        vec!["runs", "show"],
    ] {
        let output = room.env.run(&args).exits(0);
        for text in [&output.stdout, &output.stderr] {
            assert_eq!(hostile(text), None, "{args:?}\n{text:?}");
            // A name of two lines is one row.
            assert!(!text.lines().any(|line| line.starts_with("lines")), "{args:?}\n{text}");
        }
    }
    for args in [
        vec!["hosts", "--vendor", "apex", "-o", "csv"],
        vec!["status", "--vendor", "apex", "-o", "csv", "hosts.txt"],
        vec!["runs", "show", "-o", "csv"],
    ] {
        let output = room.env.run(&args).exits(0);
        assert_eq!(hostile(&output.stdout.replace("\r\n", "\n")), None, "{args:?}\n{:?}", output.stdout);
        let mut reader = csv::ReaderBuilder::new().from_reader(output.stdout.as_bytes());
        for record in reader.records() {
            for field in &record.unwrap() {
                let formula = field.starts_with(['=', '+', '@']) || field.starts_with("-2");
                assert!(!formula, "{args:?}: {field:?}");
            }
        }
    }
}

#[test]
fn hostile_texts_never_reach_a_real_terminal_as_they_are() {
    let room = Apex::of(&hostile_fleet(), SWIFT);
    let (screen, code) = Terminal::start(&room.env, &["apex-isolate", "--yes", "-v", "hosts.txt"]).ends();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(room.console.fleet().isolated(), 3);
    // The program's own colours and bars are allowed, and nothing of the console's.
    for raw in ["\u{1b}[31mRED", "\u{1b}]0;", "\u{7}", "\u{9b}", "\u{202e}", "\u{2066}"] {
        assert!(!screen.contains(raw), "{raw:?} is on the screen\n{screen:?}");
    }
    assert!(screen.contains("RED") && screen.contains("=cmd"), "the hosts are shown\n{screen}");
}

#[test]
fn hostile_candidates_and_answers_are_cleaned_too() {
    let mut fleet = hostile_fleet();
    for agent in fleet.as_array_mut().unwrap() {
        agent["host_name"] = json!("TWIN");
        agent["folder_path"] = json!("\u{1b}[2J");
        agent["product"] = json!("P\u{1b}[31m\u{202e}");
    }
    let room = Apex::of(&fleet, SWIFT);
    room.env.file("hosts.txt", "TWIN\n");
    let output = room.env.run(["isolate", "--vendor", "apex", "--yes", "-v", "hosts.txt"]);
    assert_eq!(output.code, Some(6), "{output}");
    room.console.was_left_alone();
    assert_eq!(hostile(&output.stdout), None, "{output}");
    assert_eq!(hostile(&output.stderr), None, "{output}");
    // The other agent of an answer is told by its name.
    let faults = format!("{SWIFT}[[fault]]\nmethod = \"POST\"\ndo = \"other_agent\"\n");
    let room = Apex::of(&hostile_fleet(), &faults);
    let output =
        room.env.run(["isolate", "--vendor", "apex", "--yes", "-v", "--concurrency", "1", "hosts.txt"]).exits(7);
    assert_eq!(hostile(&output.stdout), None, "{output}");
    assert_eq!(hostile(&output.stderr), None, "{output}");
}

#[test]
fn an_id_with_quotes_slashes_and_percents_goes_into_the_body_and_into_no_address() {
    let ids = ["a\"b", "../../x", "50%25", "c&act=cmd_uninstall_agent", "d?e#f", "ü\\n"];
    let agents: Vec<_> =
        (0..).zip(ids).map(|(n, id)| json!({ "entity_id": id, "host_name": format!("PC-{n}") })).collect();
    // Every answer is lost, so that each is looked at as well.
    let faults =
        format!("http2 = false\n{SWIFT}[[fault]]\nmethod = \"POST\"\nper_host = true\nnth = 1\ndo = \"cut_after\"\n");
    let room = Apex::of(&json!(agents), &faults);
    room.env.file("hosts.txt", (0..ids.len()).map(|n| format!("PC-{n}\n")).collect::<String>());
    let output = room.isolate(&["--wait=30s"]).exits(0);
    room.assert_all_off_by_one_request_each();
    assert_eq!(output.outcomes().get("confirmed"), Some(&ids.len()), "{output}");
    assert_eq!(room.console.stats().requests("GET", Endpoint::Other), 0);
    let told: BTreeMap<String, String> = output
        .results()
        .iter()
        .map(|result| {
            (result["target"].as_str().unwrap().to_owned(), result["host"]["id"].as_str().unwrap().to_owned())
        })
        .collect();
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(told[&format!("PC-{n}")], *id);
    }
}

/// What a played console answers when it quotes the request: a status and a body.
type Quoting = fn(&Asked) -> (u16, String);

/// A console that says the same to every request but, if it lists, to the first, and what the program makes of it: all
/// that it prints and keeps.
fn all_that_is_told_of(quotes: Quoting, lists: bool, swapped: bool) -> String {
    let console = FakeConsole::new(move |asked| match asked.method.as_str() {
        "GET" if lists => {
            let record = json!({ "entity_id": "A-1", "host_name": "PC-1", "isolation_status": "normal", "capabilities": ["cmd_isolate_agent"] });
            (200, success(&[record]).to_string())
        }
        _ => quotes(asked),
    });
    let mut env = console.apex_env();
    if swapped {
        env.set("EDRCTL_APEX_APPLICATION_ID", "0A1B2C3D-4E5F-4061-8293-A4B5C6D7E8F9");
        env.set("EDRCTL_APEX_API_KEY", "1F2E3D4C-5B6A-4798-8897-A6B5C4D3E2F1");
    }
    env.file("hosts.txt", "PC-1\n");
    let mut told = String::new();
    for command in [
        vec!["isolate", "--vendor", "apex", "--yes", "-vv", "hosts.txt"],
        vec!["isolate", "--vendor", "apex", "--yes", "-vv", "-o", "jsonl", "hosts.txt"],
        vec!["check", "apex", "-vv"],
        vec!["runs", "show", "latest", "-vv"],
    ] {
        let output = env.run(command);
        told.push_str(&output.to_string());
    }
    for journal in env.journals() {
        told.push_str(&std::fs::read_to_string(journal).unwrap());
    }
    assert!(console.asked().iter().any(|asked| asked.authorization.contains("eyJ")), "there was a token to quote");
    told
}

#[track_caller]
fn hides_credentials(told: &str) {
    assert!(told.contains("[hidden]"), "{told}");
    // In its own letter case: a run's name has random small letters.
    assert!(!told.contains("eyJ"), "a token is in\n{told}");
    let lower = told.to_ascii_lowercase();
    for secret in ["0A1B2C3D-", "-4061-", "A4B5C6D7", "1F2E3D4C-", "-4798-", "A6B5C4D3"] {
        assert!(!lower.contains(&secret.to_ascii_lowercase()), "{secret} is in\n{told}");
    }
}

#[test]
fn a_console_that_quotes_the_token_is_not_quoted_with_it() {
    let description: Quoting = |asked| {
        let words = format!("invalid token: {}", asked.authorization);
        (400, json!({ "result_code": -3, "result_description": words, "result_content": "" }).to_string())
    };
    for lists in [false, true] {
        hides_credentials(&all_that_is_told_of(description, lists, false));
    }
    // A member of the wrong type is quoted by whatever reads JSON.
    let odd: Quoting = |asked| (200, json!({ "result_code": 1, "result_content": [asked.authorization] }).to_string());
    for lists in [false, true] {
        hides_credentials(&all_that_is_told_of(odd, lists, false));
    }
}

#[test]
fn a_web_page_that_prints_the_headers_is_not_quoted_with_them() {
    let whole: Quoting = |asked| (403, format!("<html><pre>Authorization: {}</pre></html>", asked.authorization));
    // Cut off in the middle of the token.
    let cut: Quoting =
        |asked| (403, format!("<html><pre>{}Authorization: {}</pre></html>", "y".repeat(130), asked.authorization));
    for quotes in [whole, cut] {
        for lists in [false, true] {
            hides_credentials(&all_that_is_told_of(quotes, lists, false));
        }
    }
}

#[test]
fn a_key_in_the_place_of_the_id_is_not_printed() {
    let unknown: Quoting = |asked| {
        let appid = claimed_id(&asked.authorization);
        let words = format!("unknown application {appid}");
        (400, json!({ "result_code": -5, "result_description": words, "result_content": "" }).to_string())
    };
    // Cut off in the middle of the key.
    let cut: Quoting = |asked| {
        let words = format!("{} {}", "z".repeat(280), claimed_id(&asked.authorization));
        (400, json!({ "result_code": -5, "result_description": words, "result_content": "" }).to_string())
    };
    for quotes in [unknown, cut] {
        for (lists, swapped) in [(false, true), (true, true), (false, false)] {
            hides_credentials(&all_that_is_told_of(quotes, lists, swapped));
        }
    }
}

/// The application id that a token claims, as its console reads it.
fn claimed_id(authorization: &str) -> String {
    let payload = authorization.split('.').nth(1).unwrap();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    claims["appid"].as_str().unwrap().to_owned()
}

#[test]
fn cisco_that_quotes_the_credentials_is_not_quoted_with_them() {
    for lists in [false, true] {
        let console = FakeConsole::new(move |asked| {
            if lists && asked.method == "GET" {
                let isolation = json!({ "available": true, "status": "not_isolated" });
                let computer = json!({ "connector_guid": "6a1c0f52-7b3d-4e88-9a41-0d5e2c7f1b90", "hostname": "PC-1", "isolation": isolation });
                return (200, json!({ "version": "v1", "data": [computer] }).to_string());
            }
            let details = format!("not good: {} a-key-of-a-fake-console 0123456789ABCDEF0123", asked.authorization);
            (403, json!({ "version": "v1", "errors": [{ "description": "no", "details": [details] }] }).to_string())
        });
        let env = console.env();
        env.file("hosts.txt", "PC-1\n");
        let mut told = env.run(["isolate", "--vendor", "cisco", "--yes", "-vv", "hosts.txt"]).to_string();
        told.push_str(&env.run(["check", "cisco", "-vv"]).to_string());
        for journal in env.journals() {
            told.push_str(&std::fs::read_to_string(journal).unwrap());
        }
        let basic = console.asked().last().unwrap().authorization.clone();
        let basic = basic.strip_prefix("Basic ").unwrap();
        assert!(told.contains("not good: Basic [hidden] [hidden] [hidden]"), "{told}");
        for secret in [basic, "a-key-of", "0123456789abc", "0123456789ABC"] {
            assert!(!told.contains(secret), "{secret} is in\n{told}");
        }
    }
}

//! Target files as people make them: damaged, huge, from a spreadsheet, from Windows, from a pipe.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    process::Stdio,
};

use crate::support::{Console, ISOLATE, Output, SWIFT, TestEnv};

const FLEET: &str = "\
guid,hostname,ip,mac
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201,FIN-LT-001.corp.example,10.20.30.1,02:00:5e:10:20:01
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202,FIN-LT-002.corp.example,10.20.30.2,02:00:5e:10:20:02
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203,FIN-LT-003.corp.example,10.20.30.3,02:00:5e:10:20:03
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b204,FIN-LT-004.corp.example,10.20.30.4,02:00:5e:10:20:04
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b205,10.20.30.4,10.20.30.5,02:00:5e:10:20:05
";

const FIRST: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201";
const SECOND: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202";

fn five() -> (Console, TestEnv) {
    let console = Console::of(FLEET, SWIFT);
    let env = TestEnv::of(&console);
    (console, env)
}

/// Refused before the console was even looked for.
#[track_caller]
fn unread(output: Output, code: i32, console: &Console) -> Output {
    let output = output.exits(code);
    assert_eq!(output.stdout, "", "{output}");
    console.was_left_alone();
    assert_eq!(console.stats().total(), 0, "{output}");
    output
}

#[test]
fn a_malformed_line_is_named_with_file_and_line_and_stops_everything() {
    let (console, env) = five();
    let text = format!("# the night shift's list\n{FIRST}\n\ntwo words\n{SECOND}\n{}\n", FIRST.replace('d', "g"));
    let output = unread(env.isolate(&text, &[]), 2, &console).says("hosts.txt:4").says("hosts.txt:6");
    assert!(!output.stderr.contains("hosts.txt:2") && !output.stderr.contains("hosts.txt:5"), "{output}");
    assert!(output.stderr.contains("--skip-invalid"), "{output}");
}

#[test]
fn skip_invalid_leaves_malformed_lines_out_and_says_so() {
    let (console, env) = five();
    let output = env.isolate(format!("{FIRST}\ntwo words\n{SECOND}\n"), &["--skip-invalid"]).exits(0);
    assert_eq!(console.asked(), ["FIN-LT-001.corp.example", "FIN-LT-002.corp.example"]);
    output.says("hosts.txt:2");
    // Nothing but malformed lines is no target.
    let (console, env) = five();
    unread(env.isolate("two words\n", &["--skip-invalid"]), 5, &console);
}

#[test]
fn a_file_without_targets_is_refused() {
    for text in ["", "\n\n  \n", "# one\n  # two\n", "\u{feff}", "\u{feff}# one\r\n"] {
        let (console, env) = five();
        unread(env.isolate(text, &[]), 5, &console);
    }
    let (console, env) = five();
    unread(env.run_with_input(ISOLATE.iter().chain(&["-"]), ""), 5, &console);
}

#[test]
fn what_is_no_text_file_is_refused_in_words() {
    let (console, env) = five();
    fs::create_dir(env.path().join("lists")).unwrap();
    env.file("gzip.txt", [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
    env.file("sheet.xlsx", b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00\x21\x00");
    let binary: Vec<u8> = (0..8192_u32).map(|n| (n * 7919 % 256) as u8).collect();
    env.file("binary.txt", binary);
    for (name, says) in [
        ("lists", "directory"),
        ("nowhere.txt", "no such file"),
        ("gzip.txt", "compressed"),
        ("sheet.xlsx", "spreadsheet"),
        ("binary.txt", "binary"),
    ] {
        let output = unread(env.run(ISOLATE.iter().chain(&[name])), 2, &console).says(says).says(name).says("hint: ");
        assert!(output.stderr.len() < 2000, "{output}");
        assert!(output.stderr.chars().all(|c| c == '\n' || !c.is_control()), "{output}");
        // `--skip-invalid` is for lines, not for whole files.
        unread(env.run(ISOLATE.iter().chain(&["--skip-invalid", name])), 2, &console);
    }
}

#[test]
fn a_line_of_ten_megabytes_is_named_and_not_shown() {
    let (console, env) = five();
    let text = format!("{FIRST}\n{}\n{SECOND}\n", "a".repeat(10 << 20));
    let output = unread(env.isolate(&text, &[]), 2, &console).says("hosts.txt:2");
    assert!(output.stderr.len() < 2000, "{} bytes", output.stderr.len());
    env.isolate(&text, &["--skip-invalid"]).exits(0);
    assert_eq!(console.asked().len(), 2);
}

#[test]
fn a_million_lines_fit_into_little_memory() {
    let console = Console::new(50, "");
    let env = TestEnv::of(&console);
    let mut text = String::new();
    for n in 0..1_000_000_u64 {
        writeln!(text, "{:08x}-7b60-4e2a-9a55-{:012x}", n ^ 0x5eed_5eed, n * 7919).unwrap();
    }
    let file = env.file("hosts.txt", &text);
    drop(text);
    let mut child = env
        .command(["isolate", "--vendor", "cisco", "--dry-run", "-q", &file])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (mut lines, mut peak, mut block) = (0, 0_u64, vec![0; 1 << 16]);
    loop {
        let read = stdout.read(&mut block).unwrap();
        lines += block[..read].iter().filter(|byte| **byte == b'\n').count();
        // The pipe holds so little that the program cannot be far ahead; at its end it has nothing left to say.
        let status = fs::read_to_string(&status).unwrap_or_default();
        let high =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(high.unwrap_or(0));
        if read == 0 {
            break;
        }
    }
    env.finish(child);
    assert!((1_000_000..1_000_020).contains(&lines), "a line for every target, and a summary: {lines}");
    assert!(peak > 0 && peak < 300 << 10, "{peak} KiB");
    console.was_left_alone();
}

#[test]
fn duplicates_are_acted_on_once_and_reported() {
    let (console, env) = five();
    let text = format!(
        "{FIRST}\n{}\n id:{FIRST}  # again\nFIN-LT-002.corp.example\nfin-lt-002.CORP.example.\n",
        FIRST.to_uppercase()
    );
    let output = env.isolate(text, &[]).exits(0);
    assert_eq!(console.asked(), ["FIN-LT-001.corp.example", "FIN-LT-002.corp.example"]);
    let results = output.results();
    assert_eq!(results.len(), 2, "{output}");
    let first = results.iter().find(|result| result["target"] == FIRST).unwrap();
    let lines: Vec<_> = first["duplicates"].as_array().unwrap().iter().map(|duplicate| &duplicate["line"]).collect();
    assert_eq!(lines, [2, 3], "{output}");
    output.says("each host is acted on once");
}

#[test]
fn targets_that_turn_out_to_be_one_host_are_acted_on_once() {
    let (console, env) = five();
    let text = format!("FIN-LT-001\n{FIRST}\n10.20.30.1\n02-00-5E-10-20-01\nfin-lt-001.corp.example\n{SECOND}\n");
    let output = env.isolate(text, &[]).exits(0);
    assert_eq!(console.asked(), ["FIN-LT-001.corp.example", "FIN-LT-002.corp.example"]);
    let results = output.results();
    assert_eq!(results.len(), 2, "{output}");
    let first = results.iter().find(|result| result["line"] == 1).unwrap();
    assert_eq!(first["duplicates"].as_array().unwrap().len(), 4, "{output}");
    output.says("each host is acted on once");
}

#[test]
fn every_kind_of_target_can_stand_in_one_file() {
    let (console, env) = five();
    let text = format!("{FIRST}\nFIN-LT-002\n10.20.30.3\n02:00:5e:10:20:05\n");
    env.isolate(text, &[]).exits(0);
    let names = ["10.20.30.4", "FIN-LT-001.corp.example", "FIN-LT-002.corp.example", "FIN-LT-003.corp.example"];
    assert_eq!(console.asked(), names);
}

#[test]
fn a_prefix_or_by_settles_what_a_target_is() {
    // One host has the address that is another one's name.
    for (text, more, expected) in [
        ("10.20.30.4\n", &[][..], "FIN-LT-004.corp.example"),
        ("ip:10.20.30.4\n", &[], "FIN-LT-004.corp.example"),
        ("host:10.20.30.4\n", &[], "10.20.30.4"),
        ("10.20.30.4\n", &["--by", "host"], "10.20.30.4"),
        ("10.20.30.4\n", &["--by", "ip"], "FIN-LT-004.corp.example"),
        ("ip:10.20.30.4\n", &["--by", "host"], "FIN-LT-004.corp.example"),
        ("mac:02005e102004\n", &[], "FIN-LT-004.corp.example"),
        ("02-00-5e-10-20-04\n", &["--by", "mac"], "FIN-LT-004.corp.example"),
        ("id:3F1C2D94-7B60-4E2A-9A55-0C8E7D41B204\n", &[], "FIN-LT-004.corp.example"),
    ] {
        let (console, env) = five();
        env.isolate(text, more).exits(0);
        assert_eq!(console.asked(), [expected], "{text} {more:?}");
    }
    for (text, by) in [("FIN-LT-004", "ip"), ("FIN-LT-004", "id"), ("10.20.30.4", "mac"), (FIRST, "ip")] {
        let (console, env) = five();
        unread(env.isolate(text, &["--by", by]), 2, &console).says("hosts.txt:1");
    }
}

#[test]
fn standard_input_and_several_files_are_read_in_order() {
    let (console, env) = five();
    let first = env.file("first.txt", format!("{FIRST}\n"));
    let output = env.run_with_input(ISOLATE.iter().chain(&[first.as_str(), "-"]), format!("# piped\n{SECOND}\n"));
    let results = output.exits(0).results();
    assert_eq!(console.asked().len(), 2);
    let place = |target: &str| {
        let result = results.iter().find(|result| result["target"] == target).unwrap();
        (result["file"].clone(), result["line"].clone())
    };
    assert_eq!(place(FIRST), ("first.txt".into(), 1.into()));
    assert_eq!(place(SECOND), (serde_json::Value::Null, 2.into()));
    let (console, env) = five();
    unread(env.run_with_input(ISOLATE.iter().chain(&["-", "-"]), FIRST), 2, &console);
}

#[test]
fn a_column_of_a_table_is_taken() {
    let tables = [
        format!("Name,Connector GUID,Note\nx,{FIRST},\"a, b\"\ny,{SECOND},\"two\nlines\"\n"),
        format!("Name\tConnector GUID\nx\t{FIRST}\r\ny\t{SECOND}\r\n"),
        format!("\u{feff}Name;\"Connector GUID\"\nx;\"{FIRST}\"\ny;{SECOND}\n"),
    ];
    for table in tables {
        let (console, env) = five();
        env.isolate(&table, &["--column", "Connector GUID"]).exits(0);
        assert_eq!(console.asked(), ["FIN-LT-001.corp.example", "FIN-LT-002.corp.example"], "{table}");
    }
    let (console, env) = five();
    let table = format!("Name,Connector GUID\nx,{FIRST}\n");
    unread(env.isolate(&table, &["--column", "Conector GUID"]), 2, &console).says("Connector GUID");
    let table = format!("id\n{FIRST}\nnot one\n");
    unread(env.isolate(table, &["--column", "id"]), 2, &console).says("hosts.txt:3");
}

#[test]
fn a_field_of_json_lines_is_taken() {
    let (console, env) = five();
    let text = format!(
        "{{\"host\":{{\"id\":\"{FIRST}\",\"n\":7312450098812340017}}}}\n\n{{\"host\":{{\"id\":\"{SECOND}\"}},\"x\":[]}}\n"
    );
    env.isolate(&text, &["--field", "/host/id"]).exits(0);
    assert_eq!(console.asked(), ["FIN-LT-001.corp.example", "FIN-LT-002.corp.example"]);
    let (console, env) = five();
    unread(env.isolate(&text, &["--field", "/host/name"]), 2, &console).says("hosts.txt:1");
    unread(env.isolate("{\"id\":17}\n", &["--field", "/id"]), 2, &console).says("hosts.txt:1");
    unread(env.isolate(FIRST, &["--field", "/id"]), 2, &console).says("hosts.txt:1");
    unread(env.isolate(FIRST, &["--field", "id"]), 2, &console);
    unread(env.isolate(&text, &["--field", "/host/id", "--column", "id"]), 2, &console);
}

#[test]
fn results_of_one_command_are_targets_of_the_next() {
    let (console, env) = five();
    let output = env.isolate(format!("{FIRST}\nFIN-LT-002\n"), &["--wait"]).exits(0);
    let back = ["unisolate", "--vendor", "cisco", "--yes", "--wait", "--field", "/host/id", "-"];
    env.run_with_input(back, output.stdout).exits(0);
    assert_eq!(console.fleet().isolated(), 0);
    assert_eq!(console.fleet().hosts().iter().map(|host| host.deletes).sum::<u16>(), 2);
}

#[test]
fn what_spreadsheets_and_windows_write_is_read() {
    let text = format!("\u{feff}# Liste für heute\r\n{FIRST}\r\n{SECOND}");
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
    for bytes in [text.clone().into_bytes(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
        let (console, env) = five();
        env.isolate(bytes, &[]).exits(0);
        assert_eq!(console.asked(), ["FIN-LT-001.corp.example", "FIN-LT-002.corp.example"]);
    }
}

#[test]
fn a_file_that_grows_while_it_is_piped_is_read_to_its_end() {
    let (console, env) = five();
    let mut child = env.start(ISOLATE.iter().chain(&["-"]));
    let mut stdin = child.stdin.take().unwrap();
    let (head, tail) = FIRST.split_at(10);
    for part in [head, tail, "\r", "\n", SECOND] {
        stdin.write_all(part.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }
    drop(stdin);
    env.finish(child).exits(0);
    assert_eq!(console.asked().len(), 2);
}

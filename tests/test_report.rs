//! `edrctl report`: a run in the forms for tickets and spreadsheets, from its journal alone, also on bad days.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use edrctl::simulator::Fleet;
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};

use crate::support::{Console, Output, Room, TestEnv, judged, records, signal, wait_until};

/// What a host, and whoever writes a ticket, may call itself.
const HOSTILE: &str =
    "`</code>` <script>alert(1)</script> |a|b| [x](http://evil.example) www.evil.example @all **b** _i_";

fn report(env: &TestEnv, more: &[&str]) -> Output {
    env.run([&["report"], more].concat())
}

/// The SHA-256 of the last line of a journal.
fn digest(journal: &Path) -> String {
    let text = fs::read_to_string(journal).unwrap();
    let last = text.lines().last().unwrap();
    Sha256::digest(last).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is in a folder, names only.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

#[test]
fn a_ticket_is_told_who_did_what_and_why_and_what_came_of_it() {
    let room = Room::new(6, "confirm = [{ after = '20ms' }]\n");
    room.isolate(&["--wait=30s", "--ticket", "INC-4711", "--comment", "ransomware in sales"]).exits(0);
    let journal = room.env.only_journal();
    let told = report(&room.env, &[]).exits(0);
    assert_eq!(told.stderr, "");
    let text = &told.stdout;
    let run = records(&journal)[0]["run"].as_str().unwrap().to_owned();
    for words in [
        "# isolate: 6 of 6 hosts succeeded",
        &format!("- Run: `{run}`"),
        "- Console: `Cisco Secure Endpoint at https://127.0.0.1:",
        "- By: `tester (uid ",
        "- Ticket: `INC-4711`",
        "- Comment: `ransomware in sales`",
        "- Proof: `waited for up to 30 s`",
        "- State: `ended by itself`",
        "- 6 confirmed: the console reports the state that was asked for",
        "- first: contained after ",
        "- half (3 of 6): contained after ",
        "- all (6 hosts): contained after ",
        "in the end 6 of 6 hosts contained, as the console confirms",
        &format!("- `{run}.jsonl`: "),
        "lines, unbroken; ended and sealed",
    ] {
        assert!(text.contains(words), "`{words}`\n{told}");
    }
    for words in ["Needs attention", "did not succeed", "rehearsal"] {
        assert!(!text.contains(words), "`{words}`\n{told}");
    }
    let seal = fs::read_to_string(journal.with_extension("seal")).unwrap();
    assert!(text.contains(&digest(&journal)) && seal.contains(&digest(&journal)), "{seal}\n{told}");
    assert!(!text.contains(&*room.env.path().display().to_string()) && !text.contains("[FOLDER]"), "{told}");
    judged("markdown.py", text);
    let asked = room.console.stats().total();
    report(&room.env, &["--format", "html"]).exits(0);
    assert_eq!(room.console.stats().total(), asked, "a report asks no console");
}

#[test]
fn what_needs_attention_comes_with_reasons_and_the_next_command() {
    let room = Room::new(30, "[[fault]]\nafter = 9\ndo = \"revoke\"\n");
    room.env.file("hosts.txt", format!("{}nobody01\nnobody02\n", room.console.guids()));
    room.isolate(&["--concurrency", "1"]).exits(7);
    let told = report(&room.env, &["latest"]).exits(0);
    let run = records(&room.env.only_journal())[0]["run"].as_str().unwrap().to_owned();
    for words in [
        "## Why targets did not succeed",
        "## Needs attention",
        "- `nobody01`: unresolved, ",
        "(such as `nobody01`, `nobody02`)",
        &format!("`edrctl report {run} --format csv` has each"),
        &format!("- `edrctl resume {run}"),
        "all (32 hosts): not contained",
        "- State: `stopped early: ",
    ] {
        assert!(told.stdout.contains(words), "`{words}`\n{told}");
    }
    let pressing = told.stdout.split("## Needs attention").nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    assert_eq!(pressing.lines().filter(|line| line.starts_with("- `")).count(), 20, "the list is bounded\n{told}");
    judged("markdown.py", &told.stdout);
}

#[test]
fn what_a_host_or_a_comment_says_is_never_markup() {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    fs::write(file.path(), format!("hostname\n{HOSTILE}\nweb02\n")).unwrap();
    let room = Room::with(Console::with(Fleet::read(file.path()).unwrap(), ""));
    let list = format!("{}host:{}\n", room.console.guids(), "nobody");
    room.env.file("hosts.txt", list);
    room.isolate(&["--comment", HOSTILE, "--ticket", "`` ` |"]).exits(6);
    let told = report(&room.env, &[]).exits(0);
    let spans: Vec<String> = serde_json::from_str(&judged("markdown.py", &told.stdout)).unwrap();
    assert!(spans.iter().any(|span| span == HOSTILE), "{spans:?}\n{told}");
    assert!(spans.iter().any(|span| span.trim() == "`` ` |"), "{spans:?}\n{told}");
}

#[test]
fn rows_are_those_that_other_commands_print() {
    let room = Room::new(4, "");
    room.isolate_list(&format!("{}nobody01\n", room.console.guids())).exits(6);
    let shown = room.env.run(["runs", "show", "-q", "-o", "csv"]).exits(0);
    let told = report(&room.env, &["--format", "csv"]).exits(0);
    assert_eq!(told.stdout.lines().count(), 6);
    assert_eq!(told.stdout, shown.stdout);
}

#[test]
fn a_rehearsal_is_called_one_in_every_form() {
    let env = TestEnv::new();
    env.file("hosts.txt", "web01\nweb02\n");
    env.run(["isolate", "--vendor", "cisco", "--simulate", "--wait", "hosts.txt"]).exits(0);
    let said = [
        ("markdown", "rehearsal"),
        ("html", "rehearsal"),
        ("csv", ",true,"),
        ("ocsf", "\"rehearsal\""),
        ("ecs", "\"rehearsal\""),
    ];
    for (form, words) in said {
        let told = report(&env, &["--format", form]).exits(0);
        assert!(told.stdout.contains(words), "{form}\n{told}");
    }
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let room = Room::new(2, "");
    room.isolate(&[]).exits(0);
    let told = report(&room.env, &["--format", "html", "--out", "run.html"]).exits(0);
    let path = room.env.path().join("run.html");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((told.stdout.as_str(), mode(&path)), ("", 0o600), "{told}");
    assert!(told.stderr.contains("run.html"), "{told}");
    assert!(fs::read_to_string(&path).unwrap().ends_with("</html>\n"));
    // What was there is replaced, and may be read by whoever could.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    symlink("run.html", room.env.path().join("link.html")).unwrap();
    report(&room.env, &["--out", "link.html", "-q"]).exits(0);
    assert!(fs::read_to_string(&path).unwrap().starts_with("# isolate"));
    assert_eq!(mode(&path), 0o644);
    assert!(fs::symlink_metadata(room.env.path().join("link.html")).unwrap().is_symlink());
    // `-` is standard output, as elsewhere.
    assert!(report(&room.env, &["--out", "-"]).exits(0).stdout.starts_with("# isolate"));
    let before = names(room.env.path());
    for (out, words) in [("home", "no file"), ("missing/run.md", "missing/run.md"), ("/dev/full", "no file")] {
        let told = report(&room.env, &["--out", out]).exits(2);
        assert!(told.stderr.contains(words), "{told}");
    }
    assert_eq!(names(room.env.path()), before, "nothing is left lying about");
}

#[test]
fn a_report_never_takes_the_place_of_a_journal() {
    let room = Room::new(1, "");
    room.isolate(&[]).exits(0);
    let journal = room.env.only_journal();
    let before = (names(&room.env.runs()), fs::read(&journal).unwrap());
    symlink(&journal, room.env.path().join("innocent.md")).unwrap();
    let run = journal.display().to_string();
    let beside = room.env.runs().join("new.md").display().to_string();
    for out in [run.as_str(), "innocent.md", beside.as_str()] {
        let told = report(&room.env, &["--out", out]).exits(2);
        assert!(told.stderr.contains("folder of the journals"), "{told}");
    }
    assert_eq!((names(&room.env.runs()), fs::read(&journal).unwrap()), before);
}

#[test]
fn a_journal_that_was_tampered_with_is_not_told_of() {
    let room = Room::new(3, "");
    room.isolate(&[]).exits(0);
    room.env.file("old.md", "as it was");
    let journal = room.env.only_journal();
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let without = |left_out: usize| {
        let kept =
            lines.iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, line)| format!("{line}\n"));
        kept.collect::<String>()
    };
    let damages =
        [text.replace("tester", "nobody"), without(3), without(lines.len() - 1), text.replace("accepted", "settled!")];
    for damaged in damages {
        assert_ne!(damaged, text);
        fs::write(&journal, damaged).unwrap();
        for form in ["markdown", "csv", "html", "ocsf", "ecs"] {
            let told = report(&room.env, &["--format", form]).exits(8);
            assert_eq!(told.stdout, "", "{told}");
            assert!(told.stderr.starts_with("error: ") && told.stderr.contains("line "), "{told}");
        }
        report(&room.env, &["--out", "old.md"]).exits(8);
    }
    assert_eq!(fs::read_to_string(room.env.path().join("old.md")).unwrap(), "as it was");
}

#[test]
fn a_missing_seal_is_told_of() {
    let room = Room::new(1, "");
    room.isolate(&[]).exits(0);
    fs::remove_file(room.env.only_journal().with_extension("seal")).unwrap();
    let told = report(&room.env, &[]).exits(0);
    assert!(told.stdout.contains("**The journal's seal is missing."), "{told}");
    assert!(told.stderr.contains("its seal is missing"), "{told}");
}

#[test]
fn a_run_that_was_cut_off_is_told_so_and_its_resumption_too() {
    let room = Room::new(6, "");
    let mut command = room.env.command(["isolate", "--vendor", "cisco", "--yes", "--concurrency", "1", "hosts.txt"]);
    let died = command.env("__EDRCTL_CRASH_AFTER_LINE", "7").output().unwrap();
    assert!(!died.status.success());
    fs::OpenOptions::new()
        .append(true)
        .open(room.env.only_journal())
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"{\"v\":1,\"prev\":\"half a line"))
        .unwrap();
    let told = report(&room.env, &[]).exits(0);
    for words in [
        "**The run has no end: it was cut off.",
        "**Half a line stands at the journal's end",
        "- State: `cut off",
        "in doubt",
    ] {
        assert!(told.stdout.contains(words), "`{words}`\n{told}");
    }
    assert!(told.stderr.contains("has no end"), "{told}");
    assert!(told.stdout.contains("`edrctl resume "), "{told}");
    let page = report(&room.env, &["--format", "html"]).exits(0).stdout;
    assert!(page.contains("cut off"));
    room.resume(&[]).exits(0);
    let told = report(&room.env, &[]).exits(0);
    for words in ["6 of 6 hosts succeeded", "- Resumed: `", "resumed", "ended and sealed"] {
        assert!(told.stdout.contains(words), "`{words}`\n{told}");
    }
    assert!(!told.stdout.contains("cut off"), "{told}");
    assert_eq!(told.stderr, "");
}

#[test]
fn a_run_under_way_is_told_as_it_stands_and_its_interruption_afterwards() {
    let room = Room::new(40, "latency = \"150ms\"\n");
    let child = room.start_isolate(&["--concurrency", "2"]);
    wait_until("some to be accepted", || room.accepted() >= 4);
    let told = report(&room.env, &[]).exits(0);
    for words in ["**The run is still under way.", "- State: `under way`", "not sent yet: the run is under way"] {
        assert!(told.stdout.contains(words), "`{words}`\n{told}");
    }
    assert!(told.stderr.contains("still under way"), "{told}");
    assert!(!told.stdout.contains("## Next"), "what follows is not known yet\n{told}");
    signal(&child, Signal::INT);
    room.env.finish(child).exits(7);
    let told = report(&room.env, &[]).exits(0);
    for words in
        ["- State: `stopped early: interrupted`", "interrupted; what was under way was awaited", "ended: interrupted"]
    {
        assert!(told.stdout.contains(words), "`{words}`\n{told}");
    }
    let page = report(&room.env, &["--format", "html"]).exits(0).stdout;
    assert!(page.contains("class=\"mark interrupted\""), "{page}");
}

#[test]
fn a_console_that_throttles_is_marked() {
    let room = Room::new(8, "[[fault]]\nmethod = \"PUT\"\nnth = 3\ndo = { status = 429 }\nretry_after = \"0s\"\n");
    room.isolate(&[]).exits(0);
    let told = report(&room.env, &[]).exits(0);
    assert!(told.stdout.contains("the console asked us to slow down (1 waited)"), "{told}");
    let page = report(&room.env, &["--format", "html"]).exits(0).stdout;
    assert!(page.contains("class=\"mark throttled\""), "{page}");
}

#[test]
fn runs_are_named_as_everywhere() {
    let room = Room::new(1, "");
    let told = report(&room.env, &[]).exits(2);
    assert!(told.stderr.contains("find a run: there is none"), "{told}");
    room.isolate(&[]).exits(0);
    room.unisolate(&[]).exits(0);
    let newest = records(room.env.journals().last().unwrap())[0]["run"].as_str().unwrap().to_owned();
    for name in ["latest", newest.as_str(), newest.get(..newest.len() - 1).unwrap()] {
        assert!(report(&room.env, &[name]).exits(0).stdout.starts_with("# unisolate: 1 of 1 host"), "{name}");
    }
    let told = report(&room.env, &["2"]).exits(2);
    assert!(told.stderr.contains("2 runs begin so"), "{told}");
    report(&room.env, &["nothing-like-it"]).exits(2);
    let told = report(&room.env, &["-o", "json"]).exits(2);
    assert!(told.stderr.contains("--format"), "{told}");
}

//! What the README and the docs tell people to type works as they say.
//!
//! A `console` block behind `<!-- run -->` is run, in the order of the page; `<!-- run, exit 6 -->` says how its last
//! command ends. Lines that begin with `$ ` are typed. Every other line must be among what was printed; `…` stands for
//! anything.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use edrctl::{
    domain::{
        failure::FailureKind,
        outcome::{Ending, Outcome},
    },
    reporters::csv,
};

use crate::support::TestEnv;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The README and every page of `docs/`.
fn pages() -> Vec<String> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let mut pages: Vec<String> = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().display())).collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

/// A fenced block: its language, the comment before it, its lines.
#[derive(Debug)]
struct Block {
    language: String,
    marker: Option<String>,
    line: usize,
    lines: Vec<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    let mut marker = None;
    for (number, line) in (1..).zip(page.lines()) {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(language) => {
                open = true;
                let language = language.to_owned();
                blocks.push(Block { language, marker: marker.take(), line: number, lines: Vec::new() });
            }
            None if open => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            None => {
                let comment = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                marker = comment.map(str::to_owned);
            }
        }
    }
    assert!(!open, "a block is not closed");
    blocks
}

/// The commands of a console block, each with the lines that it is said to print.
fn commands(block: &Block) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in &block.lines {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), Vec::new())),
            None => commands.last_mut().expect("output before a command").1.push(line.trim_end().to_owned()),
        }
    }
    commands
}

/// Whether a line is one that the pattern, with `…` for anything, describes.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

/// Runs one line as a shell does, with our program in the path.
fn shell(env: &TestEnv, line: &str) -> (String, Option<i32>) {
    let ours = env.command(["--version"]);
    let program = PathBuf::from(ours.get_program());
    let path = ours.get_envs().find_map(|(name, value)| (name == "PATH").then_some(value)).flatten().unwrap();
    let path = format!("{}:{}", program.parent().unwrap().display(), path.display());
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(env.path())
        .env_clear()
        .envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let both = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (both.join(""), output.status.code())
}

/// A room with the examples in it, and what the example configurations name.
fn room() -> TestEnv {
    let env = TestEnv::new();
    std::os::unix::fs::symlink(root().join("examples"), env.path().join("examples")).unwrap();
    env.file("protected.txt", "dc01\n");
    env
}

/// Ends a started program with the test, also with one that fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).unwrap();
    }
}

/// Starts the standing console of the page, and waits until it serves.
fn start(env: &TestEnv, command: &str) -> Running {
    let arguments = command.strip_prefix("edrctl ").unwrap().split(' ');
    let mut child = env.command(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let running = Running(child);
    assert!(stdout.lines().any(|line| line.unwrap().starts_with("ca_file")), "`{command}` serves nothing");
    running
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let mut env = room();
    let mut consoles = Vec::new();
    let mut run = 0;
    for block in blocks(&read("README.md")) {
        let Some(marker) = &block.marker else { continue };
        if marker == "start" {
            consoles.push(start(&env, &commands(&block).first().unwrap().0));
            env.set("EDRCTL_CONFIG", "sim.toml");
            continue;
        }
        let rest = marker.strip_prefix("run").unwrap_or_else(|| panic!("README.md: unknown marker `{marker}`"));
        let exit: i32 = rest.strip_prefix(", exit ").map_or(0, |code| code.parse().unwrap());
        let commands = commands(&block);
        for (place, (command, expected)) in (1..).zip(&commands) {
            let (printed, code) = shell(&env, command);
            let due = if place == commands.len() { exit } else { 0 };
            assert_eq!(code, Some(due), "README.md line {}: `{command}`\n{printed}", block.line);
            for pattern in expected.iter().filter(|pattern| *pattern != "…") {
                let told = printed.lines().any(|line| fits(pattern, line.trim_end()));
                assert!(told, "README.md line {}: `{command}` does not print `{pattern}`\n{printed}", block.line);
            }
            run += 1;
        }
    }
    assert!(consoles.len() == 2 && run >= 20, "only {run} commands were run");
}

#[test]
fn the_first_command_of_the_readme_isolates_and_the_second_is_the_tests() {
    let page = read("README.md");
    let first = blocks(&page).into_iter().next().unwrap();
    let commands: Vec<String> = commands(&first).into_iter().map(|(command, _)| command).collect();
    let [isolate, tests] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!(tests, "tests/run.sh");
    let arguments = isolate.strip_prefix("cargo run --release -- ").unwrap();
    let env = room();
    let output = env.run(arguments.split(' ')).exits(0);
    assert!(output.stdout.contains("12 of 12 hosts succeeded"), "{output}");
    assert_eq!(output.stdout.lines().filter(|line| line.starts_with("confirmed ")).count(), 12, "{output}");
}

/// Cuts a line of shell into its `edrctl` calls, each as the words behind the program's name.
fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls = vec![Vec::new()];
    let mut word = String::new();
    let mut quote = None;
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | ';' | '&' | '(' | ')' | ' ' | '#') => {
                let boundary = c != ' ';
                if !word.is_empty() {
                    calls.last_mut().unwrap().push(std::mem::take(&mut word));
                }
                if c == '#' {
                    break;
                }
                if boundary {
                    calls.push(Vec::new());
                }
            }
            (None, c) => word.push(c),
        }
    }
    calls.into_iter().filter_map(|words| of_ours(&words)).collect()
}

/// The words behind the program's name, up to where output is redirected.
fn of_ours(words: &[String]) -> Option<Vec<String>> {
    let start = match words {
        [cargo, run, ..] if cargo == "cargo" && run == "run" => words.iter().position(|word| word == "--")? + 1,
        _ => words.iter().position(|word| !word.contains('='))?,
    };
    let words = words.get(start..)?;
    let words = if words.first().is_some_and(|word| word == "edrctl") {
        words.get(1..)?
    } else if start > 0 {
        words
    } else {
        return None;
    };
    let stands_for = |word: &String| match word.as_str() {
        "N" => "1".to_owned(),
        "V" => "cisco".to_owned(),
        "SHELL" => "bash".to_owned(),
        "DURATION" => "10m".to_owned(),
        "ADDR" => "127.0.0.1:0".to_owned(),
        word if word.starts_with('$') => "1".to_owned(),
        word => word.to_owned(),
    };
    let end =
        words.iter().position(|word| word.starts_with(['>', '<']) || word.starts_with("2>")).unwrap_or(words.len());
    Some(words.get(..end)?.iter().map(stands_for).collect())
}

/// Every call of ours that a page names, in blocks and within sentences.
fn calls_of(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    let mut calls_found = Vec::new();
    for line in text.lines() {
        let typed = line.strip_prefix("$ ").unwrap_or(line).trim();
        if typed.starts_with("edrctl ") || typed.contains("| edrctl ") || line.starts_with("$ ") {
            calls_found.extend(calls(typed));
        } else {
            let spans = line.split('`').skip(1).step_by(2).filter(|span| span.starts_with("edrctl "));
            calls_found.extend(spans.flat_map(calls));
        }
    }
    calls_found
        .retain(|words| !words.iter().any(|word| word.contains("...") || word.contains('…') || word == "COMMAND"));
    calls_found
}

#[test]
fn every_command_that_the_docs_name_exists_with_its_options() {
    let env = TestEnv::new();
    let mut seen = 0;
    let mut texts: Vec<(String, String)> = pages().into_iter().map(|page| (read(&page), page)).collect();
    texts.push((read("examples/isolate-from-cron.sh"), "examples/isolate-from-cron.sh".to_owned()));
    texts.push((read("examples/fleet.csv"), "examples/fleet.csv".to_owned()));
    for (text, page) in texts {
        for words in calls_of(&text) {
            // Help is shown for what was understood so far: whatever stands before it must exist.
            let output = env.run(words.iter().map(String::as_str).chain(["--help"]));
            assert_eq!(output.code, Some(0), "{page}: edrctl {}\n{output}", words.join(" "));
            seen += 1;
        }
    }
    assert!(seen >= 30, "only {seen} commands were found");
}

#[test]
fn a_command_that_does_not_exist_would_be_noticed() {
    let env = TestEnv::new();
    for line in
        ["edrctl regret latest", "edrctl isolate --vendor falcon x", "x | edrctl isolate --vendor cisco --wave 2 -"]
    {
        let [words] = calls(line).try_into().unwrap();
        let output = env.run(words.iter().map(String::as_str).chain(["--help"]));
        assert_eq!(output.code, Some(2), "{line}\n{output}");
    }
}

#[test]
fn every_configuration_that_the_docs_show_loads() {
    let env = room();
    let mut texts = vec![("config.example.toml".to_owned(), read("config.example.toml"))];
    for page in ["README.md", "docs/configuration.md"] {
        for block in blocks(&read(page)).into_iter().filter(|block| block.language == "toml") {
            texts.push((format!("{page} line {}", block.line), block.lines.join("\n")));
        }
    }
    assert!(texts.len() > 2);
    for (place, text) in texts {
        env.private_file("shown.toml", text);
        let output = env.run(["check", "--simulate", "--config", "shown.toml"]);
        assert_eq!(output.code, Some(0), "{place}\n{output}");
    }
}

/// Whether a table of the page has a row for this word.
fn has_row(page: &str, word: &str) -> bool {
    page.lines().any(|line| line.starts_with(&format!("| `{word}` |")))
}

#[test]
fn the_docs_list_every_word_that_scripts_may_meet() {
    let outputs = read("docs/outputs.md");
    let readme = read("README.md");
    for outcome in Outcome::ALL {
        assert!(has_row(&readme, outcome.word()), "README.md: {outcome}");
        assert!(has_row(&outputs, outcome.word()), "docs/outputs.md: {outcome}");
    }
    for kind in FailureKind::ALL {
        assert!(has_row(&outputs, kind.word()), "docs/outputs.md: reason_code {}", kind.word());
    }
    let text = String::new;
    let endings = [
        Ending::Completed,
        Ending::Interrupted,
        Ending::QuotaWait(std::time::Duration::ZERO),
        Ending::NoRoom(text()),
        Ending::Halted(text()),
        Ending::CredentialsLost(text()),
        Ending::CertificateLost(text()),
        Ending::ConsoleLost(text()),
        Ending::JournalFailed(text()),
    ];
    for ending in endings {
        assert!(has_row(&outputs, ending.word()), "docs/outputs.md: ending {}", ending.word());
    }
    for column in csv::COLUMNS {
        assert!(outputs.contains(&format!("`{column}`")), "docs/outputs.md: column {column}");
    }
}

#[test]
fn every_exit_code_is_in_the_readme_and_in_the_help() {
    let readme = read("README.md");
    let help = TestEnv::new().run(["--help"]).exits(0).stdout;
    for code in 0..=8 {
        assert!(readme.lines().any(|line| line.starts_with(&format!("| {code} |"))), "README.md: {code}");
        assert!(help.lines().any(|line| line.starts_with(&format!("  {code}  "))), "--help: {code}\n{help}");
    }
    let source = read("src/domain/outcome.rs");
    let of_code =
        source.lines().filter(|line| line.contains(" = ") && line.starts_with("    ") && line.ends_with(',')).count();
    assert_eq!(of_code, 9, "the code has other exit codes than the README");
}

#[test]
fn the_list_of_runs_has_an_object_a_line() {
    let env = room();
    for _ in 0..2 {
        env.run(["isolate", "--vendor", "cisco", "--simulate", "examples/guids.txt"]).exits(0);
    }
    let output = env.run(["runs", "list", "-o", "jsonl"]).exits(0);
    let runs: Vec<String> = output.results().iter().map(|run| run["schema"].to_string()).collect();
    assert_eq!(runs, ["\"edrctl.run_summary/1\""; 2], "{output}");
    assert!(output.stdout.ends_with("}\n"), "{output}");
}

/// Every key of an object, and of the objects in it.
fn keys(value: &serde_json::Value, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(entries) => {
            for (key, value) in entries {
                into.push(key.clone());
                keys(value, into);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, into)),
        _ => {}
    }
}

#[test]
fn every_field_that_is_printed_is_in_the_docs() {
    let env = room();
    env.file("mixed.txt", "b1cb1816-7d85-457c-9f32-2a1422d00e17\nB1CB1816-7D85-457C-9F32-2A1422D00E17\n");
    env.file("long.txt", "ENGINEERING-WORKSTATION-12\n");
    let list = ["isolate", "--vendor", "cisco", "--simulate", "-o", "json", "mixed.txt"];
    let commands: [&[&str]; 9] = [
        &list,
        &["hosts", "--vendor", "cisco", "--simulate", "-o", "json"],
        &["check", "cisco", "--simulate", "-o", "json"],
        &["runs", "list", "-o", "json"],
        &["indicators", "--vendor", "cybereason", "--simulate", "-o", "json"],
        &["hosts", "--vendor", "apex", "--simulate", "-o", "json"],
        &["check", "apex", "--simulate", "-o", "json"],
        &["check", "apex", "--simulate", "--show-certificate", "-o", "json"],
        &["status", "--vendor", "apex", "--simulate", "--netbios", "-o", "json", "long.txt"],
    ];
    let outputs = read("docs/outputs.md");
    let mut schemas = Vec::new();
    for command in commands {
        let output = env.run(command).exits(0);
        let value: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        let mut found = Vec::new();
        keys(&value, &mut found);
        for key in found {
            assert!(outputs.contains(&format!("`{key}`")), "docs/outputs.md does not have `{key}` of {command:?}");
        }
        let first = value.as_array().map_or(&value, |list| list.first().unwrap());
        schemas.push(first["schema"].as_str().unwrap().to_owned());
    }
    schemas.push("edrctl.result/1".to_owned());
    for schema in schemas {
        assert!(outputs.contains(&format!("`{schema}`")), "docs/outputs.md does not have the schema {schema}");
    }
}

#[test]
fn every_key_of_the_configuration_is_in_the_docs() {
    let page = read("docs/configuration.md");
    for line in read("config.example.toml").lines() {
        let Some((key, _)) = line.trim_start_matches(['#', ' ']).split_once(" = ") else { continue };
        if key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            assert!(has_row(&page, key), "docs/configuration.md: {key}");
        }
    }
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    for page in pages() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        let text = read(&page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") {
                assert!(folder.join(path).exists(), "{page}: `{link}` leads nowhere");
            }
        }
    }
}

//! The code that ends an isolation at the host: checked before anything is sent, never an argument, never told.

use std::fs;

use crate::support::{Console, ISOLATE, SWIFT, Terminal, TestEnv};

fn one() -> (Console, TestEnv) {
    let console = Console::new(1, SWIFT);
    let env = TestEnv::of(&console);
    env.file("hosts.txt", console.guids());
    (console, env)
}

fn code_of(console: &Console) -> Option<String> {
    console.fleet().hosts()[0].unlock_code.as_deref().map(str::to_owned)
}

#[test]
fn it_is_taken_from_a_file_or_the_environment() {
    let (console, env) = one();
    env.private_file("code", "k7h2qz\n");
    env.run(ISOLATE.iter().chain(&["--unlock-code=file:code", "hosts.txt"])).exits(0);
    assert_eq!(code_of(&console).as_deref(), Some("k7h2qz"));

    for (variable, argument) in
        [("EDRCTL_CISCO_UNLOCK_CODE", "--unlock-code"), ("MY_CODE", "--unlock-code=env:MY_CODE")]
    {
        let (console, mut env) = one();
        env.set(variable, "q1w2e3");
        env.run(ISOLATE.iter().chain(&[argument, "hosts.txt"])).exits(0);
        assert_eq!(code_of(&console).as_deref(), Some("q1w2e3"), "{argument}");
    }
    // Nobody asked for one: the console makes it.
    let (console, env) = one();
    env.run(ISOLATE.iter().chain(&["hosts.txt"])).exits(0);
    assert_eq!(code_of(&console), None);
}

#[test]
fn it_is_asked_for_twice_at_a_terminal_and_not_shown() {
    let (console, env) = one();
    let args = ["isolate", "--vendor", "cisco", "--yes", "--unlock-code=prompt", "hosts.txt"];
    let mut terminal = Terminal::start(&env, &args);
    let (first, second) = ("Unlock code: ", "Once more: ");
    terminal.shows(first).hides_what_is_typed().types("k7h2qz\n");
    terminal.shows(second).hides_what_is_typed().types("k7h2qz\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("k7h2qz"), "{screen}");
    assert_eq!(code_of(&console).as_deref(), Some("k7h2qz"));

    let (console, env) = one();
    let mut terminal = Terminal::start(&env, &args);
    terminal.shows(first).hides_what_is_typed().types("k7h2qz\n");
    terminal.shows(second).hides_what_is_typed().types("k7h2qx\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(2), "{screen}");
    console.was_left_alone();
}

#[test]
fn a_code_that_the_console_would_refuse_is_refused_here() {
    for code in ["", "two words", "0123456789012345678901234", "a\tb", "a\u{7}b"] {
        let (console, env) = one();
        env.private_file("code", code);
        let output = env.run(ISOLATE.iter().chain(&["--unlock-code=file:code", "hosts.txt"]));
        assert!(matches!(output.code, Some(2 | 3)), "{code:?}\n{output}");
        assert!(code.is_empty() || !output.stderr.contains(code), "{output}");
        assert_eq!(console.stats().total(), 0);
    }
    let (console, env) = one();
    env.private_file("code", "012345678901234567890123");
    env.run(ISOLATE.iter().chain(&["--unlock-code=file:code", "hosts.txt"])).exits(0);
    assert_eq!(code_of(&console).unwrap().len(), 24);
}

#[test]
fn it_is_never_an_argument_and_never_guessed() {
    let (console, env) = one();
    for argument in
        ["--unlock-code=k7h2qz", "--unlock-code=file:nowhere", "--unlock-code=env:NOT_SET", "--unlock-code=prompt"]
    {
        let output = env.run(ISOLATE.iter().chain(&[argument, "hosts.txt"]));
        assert!(matches!(output.code, Some(2 | 3)), "{argument}\n{output}");
        assert!(!output.stderr.contains("k7h2qz"), "{output}");
    }
    env.run(["unisolate", "--vendor", "cisco", "--yes", "--unlock-code=file:code", "hosts.txt"]).exits(2);
    assert_eq!(console.stats().total(), 0);
}

#[test]
fn it_is_neither_told_nor_journalled() {
    let (console, env) = one();
    env.private_file("code", "k7h2qz");
    for args in [
        &[
            "isolate",
            "--vendor",
            "cisco",
            "--yes",
            "-vv",
            "--wait",
            "-o",
            "json",
            "--unlock-code=file:code",
            "hosts.txt",
        ][..],
        &["status", "--vendor", "cisco", "-vv", "-o", "json", "hosts.txt"],
        &["isolate", "--vendor", "cisco", "--yes", "-vv", "--unlock-code=file:code", "hosts.txt"],
        &["runs", "show", "-o", "json"],
    ] {
        let output = env.run(args).exits(0);
        assert!(!output.to_string().contains("k7h2qz"), "{output}");
    }
    assert_eq!(code_of(&console).as_deref(), Some("k7h2qz"));
    for journal in env.journals() {
        assert!(!fs::read_to_string(&journal).unwrap().contains("k7h2qz"), "{}", journal.display());
    }
}

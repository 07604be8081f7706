//! Nothing changes without somebody's word: at a terminal by an answer, elsewhere by an argument.

use crate::support::{Console, SWIFT, Terminal, TestEnv};

const FLEET: &str = "\
guid,hostname,state,available
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201,alpha,,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202,bravo,,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203,charlie,isolated,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b204,dc1,,
";

fn four() -> (Console, TestEnv) {
    let console = Console::of(FLEET, SWIFT);
    let env = TestEnv::of(&console);
    env.add_config("[safety]\nprotected = [\"dc*\"]");
    env.file("hosts.txt", "alpha\nbravo\ncharlie\ndc1\nnobody\n");
    (console, env)
}

const ASK: [&str; 4] = ["isolate", "--vendor", "cisco", "hosts.txt"];

#[test]
fn without_a_terminal_nobody_is_asked() {
    let (console, env) = four();
    for verb in ["isolate", "unisolate"] {
        // A yes on standard input is data, not consent.
        let output = env.run_with_input([verb, "--vendor", "cisco", "hosts.txt"], "y\ny\n").exits(5);
        assert_eq!(output.stdout, "", "{output}");
        assert!(!output.stderr.contains("[y/N]"), "{output}");
        assert!(output.stderr.contains("--yes") && output.stderr.contains("--expect-count"), "{output}");
    }
    console.was_left_alone();
    assert!(env.journals().is_empty());
}

#[test]
fn expect_count_gives_consent_for_exactly_so_many_hosts() {
    for (count, code, asked) in [("4", 6, 2), ("3", 5, 0), ("5", 5, 0), ("0", 5, 0)] {
        let (console, env) = four();
        let output = env.run(["isolate", "--vendor", "cisco", "--expect-count", count, "hosts.txt"]).exits(code);
        assert_eq!(console.asked().len(), asked, "{count}\n{output}");
        assert_eq!(env.journals().len(), usize::from(asked > 0), "{count}\n{output}");
    }
    // A count that is wrong stops the run even if somebody said yes as well.
    let (console, env) = four();
    env.run(["isolate", "--vendor", "cisco", "--yes", "--expect-count", "3", "hosts.txt"]).exits(5);
    console.was_left_alone();
}

#[test]
fn expect_count_counts_hosts_and_not_lines() {
    let (console, env) = four();
    env.file("hosts.txt", "alpha\nALPHA\n3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201\n\n# bravo\n");
    env.run(["isolate", "--vendor", "cisco", "--expect-count", "1", "hosts.txt"]).exits(0);
    assert_eq!(console.asked(), ["alpha"]);
}

#[test]
fn a_dry_run_tells_the_plan_changes_nothing_and_needs_no_consent() {
    let (console, env) = four();
    let output = env.run(["isolate", "--vendor", "cisco", "--dry-run", "-o", "jsonl", "hosts.txt"]).exits(6);
    console.was_left_alone();
    assert!(env.journals().is_empty(), "nothing was done, and nothing is journalled");
    for (target, outcome) in [
        ("alpha", "not_sent"),
        ("bravo", "not_sent"),
        ("charlie", "already"),
        ("dc1", "refused"),
        ("nobody", "unresolved"),
    ] {
        assert_eq!(output.outcome_of(target), outcome, "{target}\n{output}");
    }
    env.file("hosts.txt", "alpha\ncharlie\n");
    env.run(["isolate", "--vendor", "cisco", "--dry-run", "hosts.txt"]).exits(0);
    env.run(["unisolate", "--vendor", "cisco", "--dry-run", "hosts.txt"]).exits(0);
    console.was_left_alone();
}

#[test]
fn a_dry_run_keeps_the_limits_of_a_run() {
    let (console, env) = four();
    env.run(["isolate", "--vendor", "cisco", "--dry-run", "--expect-count", "3", "hosts.txt"]).exits(5);
    env.file("hosts.txt", "dc1\n");
    env.run(["isolate", "--vendor", "cisco", "--dry-run", "hosts.txt"]).exits(5);
    console.was_left_alone();
}

#[test]
fn a_rehearsal_needs_neither_consent_nor_configuration() {
    let env = TestEnv::new();
    env.file("hosts.txt", "alpha\n10.0.0.7\n02:00:5e:10:20:01\n3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201\n");
    for verb in ["isolate", "unisolate"] {
        let output = env.run([verb, "--vendor", "cisco", "--simulate", "-o", "jsonl", "hosts.txt"]).exits(0);
        assert_eq!(output.outcomes().get("accepted"), Some(&4), "{output}");
        assert!(output.results().iter().all(|result| result["simulated"] == true), "{output}");
    }
}

#[test]
fn a_rehearsal_leaves_the_real_console_alone() {
    let (console, env) = four();
    env.run(["isolate", "--vendor", "cisco", "--simulate", "hosts.txt"]).exits(6);
    assert_eq!(console.stats().total(), 0);
}

#[test]
fn at_a_terminal_the_question_says_what_will_happen_and_yes_does_it() {
    let (console, env) = four();
    let mut terminal = Terminal::start(&env, &ASK);
    terminal.shows("[y/N]");
    console.was_left_alone();
    let (screen, code) = {
        terminal.types("y\n");
        terminal.ends()
    };
    assert_eq!(code, Some(6), "{screen}");
    let question = screen.split("[y/N]").next().unwrap();
    let address = console.inner().base_url().trim_start_matches("https://");
    for fact in
        ["Cisco Secure Endpoint", address, "2 hosts", "1 already", "1 protected", "1 unresolved", "alpha", "bravo"]
    {
        assert!(question.contains(fact), "the question does not tell `{fact}`\n{screen}");
    }
    assert_eq!(console.asked(), ["alpha", "bravo"]);
}

#[test]
fn the_question_names_the_profile() {
    let (console, env) = four();
    env.add_config("[profiles.acme.safety]\nmax_targets = 10");
    let args = ["isolate", "--vendor", "cisco", "--profile", "acme", "hosts.txt"];
    let mut terminal = Terminal::start(&env, &args);
    terminal.shows("acme").shows("[y/N]").types("n\n");
    assert_eq!(terminal.ends().1, Some(5));
    console.was_left_alone();
}

#[test]
fn at_a_terminal_every_other_answer_changes_nothing() {
    // The last one is the end of the input, Ctrl-D.
    for answer in ["n\n", "\n", "yikes\n", "no\n", "\u{4}"] {
        let (console, env) = four();
        let mut terminal = Terminal::start(&env, &ASK);
        terminal.shows("[y/N]").types(answer);
        let (screen, code) = terminal.ends();
        assert_eq!(code, Some(5), "{answer:?}\n{screen}");
        assert!(screen.contains("nothing was sent"), "{screen}");
        console.was_left_alone();
        assert!(env.journals().is_empty(), "{screen}");
    }
}

#[test]
fn ctrl_c_at_the_question_changes_nothing() {
    let (console, env) = four();
    let mut terminal = Terminal::start(&env, &ASK);
    terminal.shows("[y/N]").types("\u{3}");
    let (screen, code) = terminal.ends();
    assert!(matches!(code, Some(5 | 7)), "{code:?}\n{screen}");
    assert!(screen.contains("nothing was"), "{screen}");
    console.was_left_alone();
}

#[test]
fn targets_from_a_pipe_leave_nobody_to_ask() {
    let (console, env) = four();
    // Standard error is a terminal here, standard input is not: the answer could only come from the targets.
    let mut terminal = Terminal::start(&env, &["isolate", "--vendor", "cisco", "-", "<", "hosts.txt"]);
    terminal.shows("--yes");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(5), "{screen}");
    console.was_left_alone();
}

#[test]
fn at_a_terminal_yes_on_the_command_line_asks_nothing() {
    let (console, env) = four();
    let (screen, code) = Terminal::start(&env, &["isolate", "--vendor", "cisco", "--yes", "hosts.txt"]).ends();
    assert_eq!(code, Some(6), "{screen}");
    assert!(!screen.contains("[y/N]"), "{screen}");
    assert_eq!(console.asked(), ["alpha", "bravo"]);
}

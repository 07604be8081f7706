//! The exit codes that scripts depend on, each by a real situation, and whether the console was changed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
};

use crate::support::{Console, ISOLATE, Output, SWIFT, TestEnv};

/// A console of five hosts, an environment that leads to it, and all five in a file.
fn five() -> (Console, TestEnv) {
    let console = Console::new(5, SWIFT);
    let env = TestEnv::of(&console);
    env.file("hosts.txt", console.guids());
    (console, env)
}

fn isolate(env: &TestEnv, more: &[&str]) -> Output {
    env.run(ISOLATE.iter().chain(more).chain(&["hosts.txt"]))
}

/// An error tells what is wrong on standard error, and nothing on standard output that a script could take for data.
#[track_caller]
fn refused(output: Output, code: i32, console: &Console) {
    let output = output.exits(code);
    assert_eq!(output.stdout, "", "{output}");
    assert!(output.stderr.contains("error: "), "{output}");
    console.was_left_alone();
}

#[test]
fn code_0_says_that_every_target_succeeded() {
    let (console, env) = five();
    isolate(&env, &["--wait"]).exits(0);
    assert_eq!(console.fleet().isolated(), 5);
    // Already so is success as well.
    let again = isolate(&env, &[]).exits(0);
    assert_eq!(again.outcomes().get("already"), Some(&5), "{again}");
    env.run(["--version"]).exits(0);
    env.run(["--help"]).exits(0);
}

#[test]
fn code_2_says_that_the_command_line_is_wrong() {
    let (console, env) = five();
    let cases: [&[&str]; 12] = [
        &[],
        &["frobnicate"],
        &["isolate", "--yes", "hosts.txt"],
        &["isolate", "--vendor", "cisco", "--yes"],
        &["isolate", "--vendor", "nobody", "--yes", "hosts.txt"],
        &["isolate", "--vendor", "cisco", "--yes", "--frobnicate", "hosts.txt"],
        &["isolate", "--vendor", "cisco", "--yes", "--wait=soon", "hosts.txt"],
        &["isolate", "--vendor", "cisco", "--yes", "-o", "xml", "hosts.txt"],
        &["isolate", "--vendor", "cisco", "--yes", "--concurrency", "0", "hosts.txt"],
        &["isolate", "--vendor", "cisco", "--yes", "--concurrency", "257", "hosts.txt"],
        &["isolate", "--vendor", "cisco", "--expect-count", "many", "hosts.txt"],
        &["runs", "show", "20000101-000000-nobody"],
    ];
    for args in cases {
        let output = env.run(args).exits(2);
        assert_eq!(output.stdout, "", "{args:?}\n{output}");
        assert_ne!(output.stderr, "", "{args:?}");
    }
    assert_eq!(console.stats().total(), 0);
}

#[test]
fn code_2_says_that_the_target_file_is_malformed() {
    let (console, env) = five();
    for bad in ["two words", "3f1c2d94-7b60-4e2a-9a55", "10.0.0.0/8", "a/b", "..."] {
        env.file("hosts.txt", format!("{}{bad}\n", console.guids()));
        refused(isolate(&env, &[]).says("hosts.txt:6"), 2, &console);
    }
    assert_eq!(console.stats().total(), 0, "the file is read before the console is asked");
}

#[test]
fn code_3_says_that_configuration_or_secret_is_missing_or_wrong() {
    let (console, env) = five();
    let good = console.config(&env);
    let without = |key: &str| good.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
    let cases = [
        without("base_url"),
        without("client_id"),
        without("api_key"),
        format!("{good}\nregoin = \"eu\"\n"),
        format!("{good}\n[safety]\nprotected = [\"@nowhere.txt\"]\n"),
        format!("{}\napi_key = {{ file = \"nowhere\" }}\n", without("api_key")),
        format!("{}\nca_file = \"nowhere.pem\"\n", without("ca_file")),
        "[cisco\n".to_owned(),
    ];
    for config in cases {
        env.private_file("edrctl.toml", &config);
        refused(isolate(&env, &["--config", "edrctl.toml"]), 3, &console);
    }
    refused(isolate(&env, &["--config", "nowhere.toml"]), 3, &console);
    refused(isolate(&env, &["--profile", "nobody"]), 3, &console);
    // Nothing at all is set.
    let empty = TestEnv::new();
    empty.file("hosts.txt", console.guids());
    refused(isolate(&empty, &[]), 3, &console);
    assert_eq!(console.stats().total(), 0);
}

#[test]
fn code_4_says_that_the_console_was_not_reached_or_refused_us_before_the_first_action() {
    let (console, env) = five();
    let good = console.config(&env);
    let stranger = Console::new(1, "");
    fs::write(env.path().join("stranger.pem"), stranger.ca_pem()).unwrap();
    let key = &console.inner().credentials().api_key;
    let mut gone = Console::new(1, "");
    let nobody = gone.inner().base_url().to_owned();
    gone.stop();
    let cases = [
        (good.replace("ca.pem", "stranger.pem"), "certificate"),
        (good.replace(key.as_str(), "00000000-0000-0000-0000-000000000000"), "credentials"),
        (good.replace(console.inner().base_url(), &nobody), "nothing was changed"),
    ];
    for (config, says) in cases {
        env.private_file("edrctl.toml", &config);
        refused(isolate(&env, &["--config", "edrctl.toml"]).says(says).says("hint: "), 4, &console);
    }
    assert!(env.journals().is_empty(), "nothing was begun");
}

#[test]
fn code_5_says_that_it_was_refused_before_anything_was_sent() {
    let (console, env) = five();
    let targets = "hosts.txt";
    // Nobody consented.
    refused(env.run(["isolate", "--vendor", "cisco", targets]), 5, &console);
    refused(env.run(["unisolate", "--vendor", "cisco", targets]), 5, &console);
    // A safety limit.
    refused(env.run(["isolate", "--vendor", "cisco", "--expect-count", "4", targets]), 5, &console);
    env.add_config("[safety]\nmax_targets = 4");
    refused(isolate(&env, &[]), 5, &console);
    // No target.
    env.file(targets, "# all of them went home\n");
    refused(isolate(&env, &[]), 5, &console);
    assert!(env.journals().is_empty(), "nothing was begun");
}

#[test]
fn code_5_says_that_every_host_is_protected() {
    let (console, env) = five();
    env.add_config("[safety]\nprotected = [\"*\"]");
    let output = isolate(&env, &[]).exits(5);
    assert_eq!(output.outcomes().get("refused"), Some(&5), "{output}");
    console.was_left_alone();
}

#[test]
fn code_6_says_that_some_targets_did_not_succeed() {
    let (console, env) = five();
    env.file("hosts.txt", format!("{}00000000-0000-4000-8000-000000000000\n", console.guids()));
    let output = isolate(&env, &["--wait"]).exits(6);
    assert_eq!(console.fleet().isolated(), 5);
    assert_eq!(output.outcomes().get("confirmed"), Some(&5), "{output}");
    assert_eq!(output.outcome_of("00000000-0000-4000-8000-000000000000"), "unresolved");
}

#[test]
fn code_7_says_that_the_credentials_were_lost_on_the_way() {
    let console = Console::new(10, "[[fault]]\nmethod = \"PUT\"\nafter = 3\ndo = \"revoke\"\n");
    let env = TestEnv::of(&console);
    let output = env.isolate(console.guids(), &["--concurrency", "1"]).exits(7).says("edrctl resume");
    assert_eq!(console.asked().len(), 3, "not one host more than was taken");
    assert_eq!(output.results().len(), 10, "every target is accounted for");
    assert_eq!(output.outcomes().get("not_sent"), Some(&7), "{output}");
}

#[test]
fn code_7_says_that_the_quota_would_take_longer_than_allowed() {
    let console = Console::new(40, "[quota]\nlimit = 20\nwindow = \"1h\"\n");
    let env = TestEnv::of(&console);
    let output = env.isolate(console.guids(), &["--max-wait", "1s"]).exits(7).says("edrctl resume");
    assert_eq!(console.stats().throttled(), 0);
    let taken = console.asked().len();
    assert!(taken > 0 && taken < 20, "{taken}");
    assert_eq!(output.outcomes().get("not_sent"), Some(&(40 - taken)), "{output}");
}

#[test]
fn code_7_says_that_it_was_interrupted_and_resume_finishes_it() {
    let console = Console::new(24, "latency = \"60ms\"\n");
    let env = TestEnv::of(&console);
    let file = env.file("hosts.txt", console.guids());
    let mut child = env.start(ISOLATE.iter().copied().chain(["--concurrency", "2", file.as_str()]));
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let told = 1 + stdout.lines().count();
    let output = env.finish(child).exits(7).says("edrctl resume");
    assert_eq!(told, 24, "every target is accounted for\n{output}");
    let taken = console.asked().len();
    assert!(taken < 24, "{taken}");
    env.run(["resume", "--yes", "latest"]).exits(0);
    assert!(console.fleet().hosts().iter().all(|host| host.puts == 1), "{:?}", console.asked());
}

#[test]
fn code_8_says_that_the_journal_cannot_be_written() {
    let (console, env) = five();
    env.file("state", "not a folder");
    refused(isolate(&env, &["--state-dir", "state"]), 8, &console);
    refused(isolate(&env, &["--state-dir", "state/below"]), 8, &console);
}

#[test]
fn code_8_says_that_the_journal_cannot_be_trusted() {
    let (console, env) = five();
    isolate(&env, &[]).exits(0);
    env.run(["runs", "verify"]).exits(0);
    let journal = env.only_journal();
    let text = fs::read_to_string(&journal).unwrap();
    let id = console.fleet().hosts()[0].id.clone();
    fs::write(&journal, text.replace(&id, "00000000-0000-4000-8000-000000000000")).unwrap();
    for args in [["runs", "verify"], ["resume", "--yes"]] {
        let output = env.run(args).exits(8);
        assert!(output.stderr.contains("error: "), "{output}");
    }
    assert_eq!(console.changes(), 5);
}

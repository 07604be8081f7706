//! What a plan says is to be typed next can be typed: with the configuration it was made with, and quoted for a shell.

use std::{fs, process::Command};

use edrctl::{domain::host::Isolation, simulator::Fleet};

use crate::support::{Console, Place, Room, SWIFT};

/// What stands between backticks and begins so.
fn told<'a>(text: &'a str, begins: &str) -> &'a str {
    text.split('`').find(|part| part.starts_with(begins)).unwrap_or_else(|| panic!("no `{begins}`: {text}"))
}

#[test]
fn what_is_to_be_typed_next_works_as_it_stands() {
    let place = Place::new("cisco", SWIFT);
    let env = &place.room.env;
    // Nothing is where the program looks by itself.
    fs::rename(env.path().join("home/.config/edrctl/config.toml"), env.path().join("my config.toml")).unwrap();
    env.file("list.txt", format!("{}\n", place.ids[0]));
    let out = "it's $(touch hit).json";
    let args = ["--config", "my config.toml", "--state-dir", "my state"];
    let plan = ["plan", "isolate", "--vendor", "cisco", "--out", out, "list.txt"];
    let planned = env.run([&args[..], &plan].concat()).exits(0);
    let apply = told(&planned.stderr, "edrctl apply ").to_owned();
    assert!(apply.contains("--config 'my config.toml'") && apply.contains("--state-dir 'my state'"), "{apply}");
    let shell = |line: &str| {
        let line = line.replacen("edrctl", env!("CARGO_BIN_EXE_edrctl"), 1);
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(env.path()).env_clear();
        for (name, value) in env.command(["help"]).get_envs() {
            command.envs(value.map(|value| (name, value)));
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = shell(&format!("{apply} --yes"));
    assert_eq!(code, Some(0), "{apply}\n{said}");
    assert_eq!(place.off(), [0].into());
    assert!(!env.path().join("hit").exists(), "{apply}");
    // A second time it says how to go on, in words that work, too.
    let (code, said) = shell(&format!("{apply} --yes"));
    assert_eq!(code, Some(5), "{said}");
    for command in ["edrctl resume ", "edrctl rerun "] {
        let next = told(&said, command);
        let (code, said) = shell(&format!("{next} --yes"));
        assert_eq!(code, Some(0), "{next}\n{said}");
    }
    // A name that begins with a dash is no option.
    let plan = ["plan", "isolate", "--vendor", "cisco", "--out=-x.json", "list.txt"];
    let planned = env.run([&args[..], &plan].concat()).exits(0);
    assert!(planned.stderr.contains("`edrctl apply ./-x.json --config"), "{planned}");
}

#[test]
fn a_host_with_a_long_name_is_planned_applied_and_taken_back() {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    let long = |length: usize| "n".repeat(length);
    fs::write(
        file.path(),
        format!("hostname,ip\n{},10.61.0.5\nweb02,10.61.0.6\n{},10.61.0.7\n", long(400), long(1_200)),
    )
    .unwrap();
    let room =
        Room::with(Console::cybereason(Fleet::read(file.path()).unwrap(), &format!("cybereason.rate = 0\n{SWIFT}")));
    let env = &room.env;
    let marks = || -> Vec<String> {
        let plan = env.plan();
        let targets = plan["targets"].as_array().unwrap().iter();
        targets.map(|target| target["mark"].as_str().unwrap().to_owned()).collect()
    };
    env.make_plan("isolate", "cybereason", "10.61.0.5\n10.61.0.6\n", &[]).exits(0);
    assert_eq!(marks(), ["will_act", "will_act"]);
    env.apply(&["--wait=30s"]).exits(0);
    env.run(["undo", "--yes", "--wait=30s"]).exits(0);
    let isolated = || room.console.fleet().hosts().iter().filter(|host| host.state == Isolation::Isolated).count();
    assert_eq!(isolated(), 0);
    // What is longer than anything that is written down is no part of the plan, and does not spoil it.
    env.make_plan("isolate", "cybereason", "10.61.0.6\n10.61.0.7\n", &[]).exits(6);
    assert_eq!(marks(), ["will_act", "not_capable"]);
    let applied = env.apply(&["--wait=30s"]).exits(6);
    assert_eq!(applied.outcomes(), [("confirmed".to_owned(), 1), ("refused".to_owned(), 1)].into(), "{applied}");
    assert_eq!(isolated(), 1);
}

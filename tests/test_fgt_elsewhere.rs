//! `expire`, where what is due at a firewall is at one that the configuration does not lead to any more.

use std::{fs, path::Path};

use crate::support::{Lists, Wall};

const NOON: &str = "2026-11-28T12:00:00Z";
const LATER: &str = "2026-11-28T14:00:00Z";
const FOLDER: &str = "EDRCTL_FORTIGATE_FEED_FOLDER";

fn config(lists: &Lists) -> std::path::PathBuf {
    lists.env.path().join("home/.config/edrctl/config.toml")
}

/// Another folder of lists, which nobody has written to.
fn other(lists: &Lists) -> String {
    let other = lists.env.path().join("other");
    fs::create_dir(&other).unwrap();
    other.display().to_string()
}

#[test]
fn what_is_due_in_a_folder_that_is_configured_no_more_is_told() {
    let mut lists = Lists::new("");
    let other = other(&lists);
    lists.env.set("__EDRCTL_NOW", NOON);
    lists.block("203.0.113.1\n203.0.113.2\n", &["--expires", "1h"]).exits(0);
    lists.block("203.0.113.3\n", &[]).exits(0);
    lists.env.set(FOLDER, &other);
    let output = lists.run(["expire", "--yes"]).exits(0);
    assert!(output.stderr.contains("/feed") && output.stderr.contains("nothing is due"), "not due yet: {output}");
    lists.env.set("__EDRCTL_NOW", LATER);
    // There is nothing due in the other folder, and something is left: that is not all of it.
    let output = lists.run(["expire", "--yes", "--quiet"]).exits(6);
    for words in ["2 indicators due at file://", "/feed left", "the configuration speaks to file://", "/other"] {
        assert!(output.stderr.contains(words), "`{words}`\n{output}");
    }
    lists.run(["expire", "--yes", "--vendor", "cisco"]).exits(0);
    // With no section at all it is the only one, and has its own exit code.
    lists.env.unset(FOLDER);
    let text = fs::read_to_string(config(&lists)).unwrap();
    fs::write(config(&lists), "").unwrap();
    let output = lists.run(["expire", "--yes", "--quiet"]).exits(3);
    assert!(output.stderr.contains("2 indicators due at file://"), "{output}");
    lists.run(["expire", "--yes", "--vendor", "fortigate"]).exits(3);
    assert_eq!(lists.blocked().len(), 3, "nothing was written");
    // The way back leads there again, and then nothing is left anywhere.
    fs::write(config(&lists), text).unwrap();
    lists.run(["expire", "--yes"]).exits(0);
    assert_eq!(lists.blocked(), ["203.0.113.3"]);
    lists.env.set(FOLDER, &other);
    lists.run(["expire", "--yes", "--quiet"]).exits(0);
}

#[test]
fn what_is_due_by_the_profile_of_its_run_is_taken_out() {
    let mut lists = Lists::new("");
    let other = other(&lists);
    lists.env.add_config(&format!("[profiles.west.fortigate]\nfeed_folder = '{other}'"));
    lists.env.set("__EDRCTL_NOW", NOON);
    lists.block("203.0.113.1\n", &["--expires", "1h"]).exits(0);
    lists.block("203.0.113.2\n", &["--expires", "1h", "--profile", "west"]).exits(0);
    let west = Path::new(&other).join("ip4.txt");
    assert_eq!(fs::read_to_string(&west).unwrap(), "203.0.113.2\n");
    lists.env.set("__EDRCTL_NOW", LATER);
    lists.run(["expire", "--yes", "--expect-count", "2"]).exits(2);
    lists.run(["expire", "--yes"]).exits(0);
    assert_eq!((lists.blocked().len(), fs::read_to_string(&west).unwrap().as_str()), (0, ""));
}

#[test]
fn a_mark_for_longer_is_told_and_kept() {
    let mut lists = Lists::new("");
    lists.env.set("__EDRCTL_NOW", NOON);
    lists.block("203.0.113.1\n", &["--expires", "1h"]).exits(0);
    // Somebody with another state folder wants it longer.
    let elsewhere = lists.env.path().join("elsewhere").display().to_string();
    lists.block("203.0.113.1\n", &["--expires", "7d", "--state-dir", &elsewhere]).exits(0);
    lists.env.set("__EDRCTL_NOW", LATER);
    let output = lists.run(["expire", "--yes"]).exits(0);
    assert!(output.stderr.contains("1 indicator stays"), "{output}");
    assert_eq!(lists.blocked(), ["203.0.113.1"]);
}

#[test]
fn what_is_due_at_a_firewall_with_another_address_is_told() {
    let mut wall = Wall::rest("");
    wall.room.env.set("__EDRCTL_NOW", NOON);
    wall.block("203.0.113.1\n", &["--expires", "1h"]).exits(0);
    let next = Wall::rest("");
    next.env.file("list.txt", "");
    wall.room.env.set("__EDRCTL_NOW", LATER);
    let (state, config) =
        (wall.env.path().join("home/.local/state/edrctl"), next.env.path().join("home/.config/edrctl/config.toml"));
    let args = ["expire", "--yes", "--config", config.to_str().unwrap(), "--state-dir", state.to_str().unwrap()];
    let output = wall.env.run(args).exits(6);
    assert!(output.stderr.contains("1 indicator due at https://"), "{output}");
    assert!(output.stderr.contains("virtual domain"), "{output}");
    assert_eq!(wall.blocked().len(), 1);
    wall.env.run(["expire", "--yes"]).exits(0);
    assert!(wall.blocked().is_empty());
    wall.env.run(args).exits(0);
}

#[test]
fn options_for_both_are_told_for_both() {
    let lists = Lists::new("");
    for command in ["undo", "rerun", "expire"] {
        let help = lists.run([command, "--help"]).exits(0);
        for words in ["at a firewall: batches", "the console's quota, or that a firewall may ask for"] {
            assert!(help.stdout.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{help}");
        }
    }
}

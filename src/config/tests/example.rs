//! The example that is shipped: it loads as it stands, and with every key in it set.

use super::*;
use crate::config::file::Sections;

const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// The example with every key set: `# ` taken off each line that is a key, `## ` lines left alone.
fn uncommented() -> String {
    let is_key = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    let line = |line: &str| match line.strip_prefix("# ").filter(|rest| is_key(rest)) {
        Some(key) => format!("{key}\n"),
        None => format!("{line}\n"),
    };
    EXAMPLE.lines().map(line).collect()
}

#[test]
fn the_example_loads_as_it_stands_even_if_all_can_read_it() {
    let room = Room::with("config.toml", EXAMPLE.as_bytes(), 0o644)
        .env("EDRCTL_CISCO_REGION", "eu")
        .env("EDRCTL_CISCO_CLIENT_ID", "abc")
        .env("EDRCTL_CISCO_API_KEY", "k");
    assert!(cisco(&room.load().unwrap()).is_ok());
    assert!(room.load().unwrap().safety().unwrap().protected.is_empty());
}

#[test]
fn the_example_loads_with_every_key_set_and_shows_the_defaults() {
    let room = Room::with("config.toml", uncommented().as_bytes(), 0o600).env("ACME_API_KEY", "k");
    let loaded = room.load().unwrap();
    let shown = cisco(&loaded).unwrap();
    let defaults = Room::new("[cisco]\nregion = \"eu\"\nclient_id = \"x\"\napi_key = \"k\"\n").load().unwrap();
    let default = cisco(&defaults).unwrap();
    let (shown, default) = (shown.link, default.link);
    assert!(trust(&shown).starts_with("SystemAnd") && trust(&default) == "System");
    assert_eq!((shown.url, shown.concurrency, shown.timeout), (default.url, default.concurrency, default.timeout));
    assert!(loaded.run().state_dir.is_some());
    assert_eq!(loaded.safety().unwrap().max_targets.map(u64::from), Some(50));
    let acme = Room::with("config.toml", uncommented().as_bytes(), 0o600).env("ACME_API_KEY", "k").profile("acme");
    let acme = acme.load().unwrap();
    assert_eq!(cisco(&acme).unwrap().link.url.as_str(), "https://edr.acme.example/");
    assert_eq!(acme.safety().unwrap().max_targets.map(u64::from), Some(10));
}

#[test]
fn every_other_way_in_the_example_is_valid_too() {
    let mut section = String::new();
    let mut tried = 0;
    for line in EXAMPLE.lines() {
        if line.starts_with('[') {
            line.clone_into(&mut section);
        } else if let Some(other) = line.strip_prefix("## ") {
            tried += 1;
            let room = Room::new(&format!("{section}\n{other}\n"));
            room.write("protected.txt", b"dc01\n", 0o600);
            assert!(room.load().unwrap().safety().is_ok(), "{other}");
        }
    }
    assert!(tried >= 6, "{tried}");
}

#[test]
fn every_key_is_in_the_example() {
    for section in Sections::default().all() {
        let header = format!("\n[{}]\n", section.name());
        let (_, after) = EXAMPLE.split_once(&header).unwrap();
        let body = after.split("\n[").next().unwrap();
        for key in section.keys() {
            assert!(body.contains(&format!("# {key} = ")), "{}.{key}", section.name());
        }
    }
}

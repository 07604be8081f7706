//! The example that is shipped: it loads as it stands, and with every key in it set.

use super::*;
use crate::{
    config::file::Sections,
    vendors::{apex_central::config::ApexConfig, kaspersky::config::KasperskyConfig},
};

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
    let room = room
        .env("EDRCTL_APEX_URL", "https://apex.example")
        .env("EDRCTL_APEX_APPLICATION_ID", "abc")
        .env("EDRCTL_APEX_API_KEY", "k");
    let room = room
        .env("EDRCTL_KASPERSKY_URL", "https://ksc.example")
        .env("EDRCTL_KASPERSKY_USER", "abc")
        .env("EDRCTL_KASPERSKY_PASSWORD", "k");
    let room = room
        .env("EDRCTL_CYBEREASON_URL", "https://acme.cybereason.example")
        .env("EDRCTL_CYBEREASON_USERNAME", "abc")
        .env("EDRCTL_CYBEREASON_PASSWORD", "k");
    let room = room
        .env("EDRCTL_FORTIGATE_URL", "https://fw.example")
        .env("EDRCTL_FORTIGATE_TOKEN", "k")
        .env("EDRCTL_FORTIGATE_GROUP", "EDR-Threats");
    for vendor in VendorName::ALL {
        assert!(room.load().unwrap().console(vendor).is_ok(), "{vendor}");
    }
    assert!(room.load().unwrap().safety().unwrap().protected.is_empty());
}

/// What every console needs before it can be spoken to, and nothing else.
fn least(vendor: VendorName) -> &'static str {
    match vendor {
        VendorName::Cisco => "[cisco]\nregion = \"eu\"\nclient_id = \"x\"\napi_key = \"k\"\n",
        VendorName::Apex => "[apex]\nurl = \"https://apex.corp.example\"\napplication_id = \"x\"\napi_key = \"k\"\n",
        VendorName::Kaspersky => "[kaspersky]\nurl = \"https://ksc.corp.example\"\nuser = \"x\"\npassword = \"k\"\n",
        VendorName::Fortigate => {
            "[fortigate]\nurl = \"https://fw.corp.example\"\ntoken = \"k\"\ngroup = \"EDR-Threats\"\n"
        }
        VendorName::Cybereason => {
            "[cybereason]\nurl = \"https://acme.cybereason.example\"\nusername = \"x\"\npassword = \"k\"\n"
        }
    }
}

#[test]
fn the_example_loads_with_every_key_set_and_shows_the_defaults() {
    let room = Room::with("config.toml", uncommented().as_bytes(), 0o600);
    let room = room
        .env("ACME_API_KEY", "k")
        .env("ACME_APEX_API_KEY", "k")
        .env("ACME_KSC_PASSWORD", "k")
        .env("ACME_FORTIGATE_TOKEN", "k")
        .env("ACME_CYBEREASON_PASSWORD", "k");
    let loaded = room.load().unwrap();
    for vendor in VendorName::ALL {
        let shown = loaded.console(vendor).unwrap();
        let defaults = Room::new(least(vendor)).load().unwrap();
        let default = defaults.console(vendor).unwrap();
        let (shown, default) = (shown.link(), default.link());
        assert_eq!(trust(default), "System");
        assert!(trust(shown).contains(".pem"), "{vendor}: {}", trust(shown));
        assert_eq!(shown.url, default.url, "{vendor}");
        assert_eq!((shown.concurrency, shown.timeout), (default.concurrency, default.timeout), "{vendor}");
        assert_eq!(shown.warnings, default.warnings, "{vendor}");
    }
    let corrects = |loaded: &Loaded| {
        let ready: Box<dyn Any> = loaded.console(VendorName::Apex).unwrap();
        ready.downcast::<ApexConfig>().unwrap().application.corrects_clock
    };
    assert_eq!(corrects(&loaded), corrects(&Room::new(least(VendorName::Apex)).load().unwrap()));
    let internal = |loaded: &Loaded| {
        let ready: Box<dyn Any> = loaded.console(VendorName::Kaspersky).unwrap();
        ready.downcast::<KasperskyConfig>().unwrap().account.internal
    };
    assert_eq!(internal(&loaded), internal(&Room::new(least(VendorName::Kaspersky)).load().unwrap()));
    assert!(loaded.run().state_dir.is_some());
    assert_eq!(loaded.safety().unwrap().max_targets.map(u64::from), Some(50));
    assert_eq!(loaded.safety().unwrap().max_percent.map(u64::from), Some(5));
    let acme = room.profile("acme").load().unwrap();
    assert_eq!(acme.console(VendorName::Cisco).unwrap().link().url.as_str(), "https://edr.acme.example/");
    assert_eq!(acme.console(VendorName::Apex).unwrap().link().url.as_str(), "https://apex.acme.example/");
    assert_eq!(acme.console(VendorName::Kaspersky).unwrap().link().url.as_str(), "https://ksc.acme.example:13299/");
    assert_eq!(acme.console(VendorName::Cybereason).unwrap().link().url.as_str(), "https://acme2.cybereason.example/");
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
            room.write("never-block.txt", b"198.51.100.0/24\n", 0o600);
            assert!(room.load().unwrap().safety().is_ok(), "{other}");
        }
    }
    assert!(tried >= 10, "{tried}");
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

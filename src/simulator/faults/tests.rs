use super::*;
use crate::simulator::{fleet::Fleet, guid::Guid};

fn wrong(text: &str) -> String {
    Faults::parse(text).unwrap_err().to_string()
}

fn script(text: &str, hosts: u32) -> Script {
    Script::new(&Faults::parse(text).unwrap(), &Fleet::of_size(hosts)).unwrap()
}

/// Which of the first twenty requests go wrong.
fn fired(script: &Script) -> Vec<u32> {
    (1..=20).filter(|_| script.fault("PUT", Endpoint::Isolation, None).is_some()).collect()
}

fn numbers_fired(text: &str) -> Vec<u32> {
    let script = script(text, 1);
    (1..=20).filter(|_| script.fault("PUT", Endpoint::Isolation, None).is_some()).collect::<Vec<u32>>()
}

#[test]
fn an_empty_file_is_a_good_day() {
    let faults = Faults::parse("").unwrap();
    assert_eq!((faults.quota.limit, faults.quota.window.0.as_secs()), (3000, 3600));
    assert_eq!(faults.listing.page_size, 500);
    assert!(faults.http2 && faults.rules.is_empty() && faults.confirm.is_empty());
    assert_eq!(fired(&script("", 1)), [0; 0]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    assert!(wrong("latency = '1s'\ncolour = 1\n").starts_with("line 2: unknown field `colour`"));
    assert!(wrong("\n[quota]\nlimits = 1\n").starts_with("line 3: unknown field `limits`"));
    assert!(wrong("[[fault]]\ndo = 'cut_after'\nwhen = 1\n").starts_with("line 3: unknown field `when`"));
    assert_eq!(wrong("latency = '5 minutes'"), "line 1: a duration is written like 250ms, 2s, 10m, 4h or 7d");
    assert_eq!(wrong("[answers]\ntransitional = 404"), "line 2: must be 409 or 400");
    assert_eq!(wrong("[unavailable]\nshare = 1.5"), "line 2: a share is a number from 0.0 to 1.0");
    assert!(wrong("[[fault]]\ndo = 'explode'").starts_with("line 2: unknown variant `explode`"));
    assert!(wrong("[[fault]]\ndo = { status = 99 }").ends_with("a status is a number from 200 to 599"));
    assert!(wrong("[[fault]]\nmethod = 'PUT'").contains("missing field `do`"));
    assert!(wrong("quota = ").starts_with("line 1: "));
    assert_eq!(wrong("[quota]\nlimit = 0"), "line 2: must be at least 1");
    assert_eq!(wrong("[quota]\nwindow = '0s'"), "line 2: must be longer than nought");
    assert_eq!(wrong("[listing]\npage_size = 0"), "line 2: must be at least 1");
    assert_eq!(wrong("[listing]\ninsert_after_page = 0"), "line 2: must be at least 1");
    assert_eq!(wrong("[[fault]]\ndo = 'reset'\nnth = 0"), "line 3: must be at least 1");
    assert!(wrong("[[fault]]\ndo = 'reset'\nmethod = 'PTU'").starts_with("line 3: unknown variant `PTU`"));
    let address = "an address begins with https:// or http:// and has no blanks";
    assert!(wrong("[[fault]]\ndo = { redirect = 'elsewhere' }").ends_with(address));
    assert!(wrong("[[fault]]\ndo = { next_link = 'https://a b' }").ends_with(address));
}

#[test]
fn rules_choose_requests_by_their_number() {
    assert_eq!(numbers_fired("[[fault]]\ndo = 'cut_after'\nnth = 3"), [3]);
    assert_eq!(numbers_fired("[[fault]]\ndo = 'cut_after'\nafter = 18"), [19, 20]);
    assert_eq!(numbers_fired("[[fault]]\ndo = 'cut_after'\nafter = 2\ntimes = 3"), [3, 4, 5]);
    assert_eq!(numbers_fired("[[fault]]\ndo = 'cut_after'\nmethod = 'GET'"), [0; 0]);
    assert_eq!(numbers_fired("[[fault]]\ndo = 'cut_after'\nmethod = 'PUT'\ntimes = 1"), [1]);
    assert_eq!(numbers_fired("[[fault]]\ndo = 'cut_after'\nendpoint = 'computers'"), [0; 0]);
}

#[test]
fn a_share_is_the_same_for_the_same_seed() {
    let share = |seed| {
        let script = script(&format!("[[fault]]\ndo = 'cut_after'\nshare = 0.25\nseed = {seed}"), 1);
        (0..1000).filter(|_| script.fault("PUT", Endpoint::Isolation, None).is_some()).collect::<Vec<u32>>()
    };
    assert_eq!(share(1), share(1));
    assert_ne!(share(1), share(2));
    assert!((200..300).contains(&share(1).len()), "{}", share(1).len());
}

#[test]
fn the_first_rule_that_fires_holds_and_all_count() {
    let script = script("[[fault]]\ndo = 'silence'\nnth = 1\n[[fault]]\ndo = 'garbage'\nnth = 2", 1);
    let deeds: Vec<_> =
        (0..3).map(|_| script.fault("GET", Endpoint::Version, None).map(|rule| rule.deed.clone())).collect();
    assert_eq!(deeds, [Some(Deed::Silence), Some(Deed::Garbage), None]);
}

#[test]
fn hosts_are_chosen_by_id_by_name_and_by_short_name() {
    let fleet = Fleet::of_size(20);
    let text = format!(
        "unavailable.hosts = ['{}', '{}', '{}']",
        fleet.guid(1),
        fleet.name(2).to_uppercase(),
        fleet.name(3).split('.').next().unwrap()
    );
    let script = script(&text, 20);
    let chosen: Vec<u32> = (0..20).filter(|number| script.is_unavailable(fleet.guid(*number))).collect();
    assert_eq!(chosen, [1, 2, 3]);
    let unknown = Faults::parse(&format!("unavailable.hosts = ['{}']", Guid(1))).unwrap();
    assert!(Script::new(&unknown, &fleet).is_err());
}

#[test]
fn a_share_of_hosts_is_chosen_by_its_seed() {
    let fleet = Fleet::of_size(1000);
    let count = |text: &str| {
        let script = script(text, 1000);
        (0..1000).filter(|number| script.is_unavailable(fleet.guid(*number))).count()
    };
    assert!((250..350).contains(&count("unavailable = { share = 0.3, seed = 1 }")));
    assert_eq!(count("unavailable = { share = 0.0 }"), 0);
    assert_eq!(count("unavailable = { share = 1.0 }"), 1000);
    assert_eq!(count("[unavailable]"), 1000);
}

#[test]
fn the_examples_of_the_documentation_are_understood() {
    let page = include_str!("../../../docs/simulator.md");
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 4, "{}", blocks.len());
    for block in blocks {
        Faults::parse(block).unwrap_or_else(|error| panic!("{error} in\n{block}"));
    }
}

#[test]
fn the_defaults_of_the_documentation_are_the_defaults() {
    let page = include_str!("../../../docs/simulator.md");
    let defaults = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let written = Faults::parse(defaults).unwrap();
    assert_eq!(format!("{written:?}"), format!("{:?}", Faults::default()));
}

#[test]
fn every_switch_of_a_section_is_in_the_documentation_with_its_default() {
    let page = include_str!("../../../docs/simulator.md");
    let defaults = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let written: toml::Table = defaults.parse().unwrap();
    for section in ["apex", "streams", "kaspersky", "cybereason"] {
        let written = written[section].as_table().unwrap();
        // The error lists every key there is.
        let error = wrong(&format!("[{section}]\ncolour = 1"));
        let keys: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert!(keys.len() >= 15, "{error}");
        for key in keys {
            assert!(written.contains_key(key), "{key}");
        }
    }
}

#[test]
fn every_rule_for_streams_is_in_the_documentation() {
    let page = include_str!("../../../docs/simulator.md");
    let section = page.split("### `[[stream_fault]]`").nth(1).unwrap().split("\n## ").next().unwrap();
    for error in [wrong("[[stream_fault]]\ncolour = 1"), wrong("[[stream_fault]]\ndo = 'explode'")] {
        let words: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert!(words.len() >= 8, "{error}");
        for word in words {
            let forms = [format!("`{word}`"), format!("`\"{word}\"`"), format!("{{ {word} = ")];
            assert!(forms.iter().any(|form| section.contains(form)), "{word}");
        }
    }
}

#[test]
fn every_endpoint_every_deed_and_every_result_is_in_the_documentation() {
    let page = include_str!("../../../docs/simulator.md");
    let errors = [
        wrong("[[fault]]\ndo = 'explode'"),
        wrong("[[fault]]\ndo = 'reset'\nendpoint = 'explode'"),
        wrong("[[kaspersky.result]]\nstate = 'explode'"),
        wrong("[[kaspersky.result]]\ncolour = 1"),
        wrong("[[cybereason.sensor]]\ncolour = 1"),
        wrong("[[cybereason.malop]]\ncolour = 1"),
    ];
    for error in errors {
        let words: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert!(words.len() >= 6, "{error}");
        for word in words {
            let forms = [format!("`{word}`"), format!("`\"{word}\"`"), format!("{{ {word} = ")];
            assert!(forms.iter().any(|form| page.contains(form)), "{word}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_switch_of_security_center_is_told() {
    for text in ["KLSTD", "KLSTD x", "klstd 1184", "KLSTD 1184 1 1"] {
        let told = wrong(&format!("[[fault]]\ndo = {{ error = '{text}' }}"));
        assert!(told.contains("an error is a module, a code and perhaps a subcode"), "{text}: {told}");
    }
    assert!(wrong("[kaspersky]\nrights = 'some'").starts_with("line 2: unknown variant `some`"));
    assert!(wrong("[[kaspersky.result]]\ntask = 'getFile'").contains("missing field `state`"));
    assert!(
        Script::new(
            &Faults::parse("kaspersky.result = [{ state = 'failed', hosts = ['x'] }]").unwrap(),
            &Fleet::of_size(1)
        )
        .is_err()
    );
}

#[test]
fn what_is_wrong_with_a_switch_of_streams_is_told() {
    assert_eq!(wrong("[streams]\nlimit = 0"), "line 2: must be at least 1");
    assert_eq!(wrong("[streams]\nunknown_id = 403"), "line 2: must be 400 or 404");
    assert_eq!(wrong("[streams]\nframe_max = 100"), "line 2: a frame has 4096 to 16777216 bytes");
    assert_eq!(wrong("[streams]\nttl = '0s'"), "line 2: must be longer than nought");
    assert!(wrong("[streams]\nport = 'word'").contains("unknown variant `word`"));
    assert!(wrong("[[stream_fault]]\ndo = { close = 99 }").ends_with("a code is a number from 200 to 599"));
    assert_eq!(wrong("[[stream_fault]]\ndo = 'cut'\nevery = 0"), "line 3: must be at least 1");
}

#[test]
fn what_is_wrong_with_a_switch_of_apex_central_is_told() {
    assert_eq!(wrong("apex.clock_offset = '+9s'"), "line 1: an offset is written like 90s or -2m");
    assert!(wrong("[apex]\nerror_status = 500").ends_with("must be \"documented\", 200 or 400"));
    assert!(wrong("[[fault]]\ndo = { code = 1 }").ends_with("a code is a number from -9999 to -1"));
    assert!(wrong("certificate = 'none'").contains("unknown variant `none`"));
}

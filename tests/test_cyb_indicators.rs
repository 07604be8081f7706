//! `edrctl indicators`: what is told of a period, what is left out, and what is told when some of it is missing.

use edrctl::simulator::faults::Endpoint;
use serde_json::Value;

use crate::support::{Cyb, Output, TestEnv};

/// A room whose console has these MalOps.
fn room(malops: &str) -> Cyb {
    Cyb::new(4, malops)
}

fn run(room: &Cyb, more: &[&str]) -> Output {
    room.env.run([&["indicators", "--vendor", "cybereason"], more].concat())
}

fn values(output: &Output) -> Vec<String> {
    output.results().iter().map(|line| line["value"].as_str().unwrap().to_owned()).collect()
}

/// All three kinds, a duplicate across MalOps and kinds of spelling, a closed one, a false alarm, and something else.
const PERIOD: &str = r#"
[[cybereason.malop]]
id = "11.-1"
decision = "blocklisted_address"
names = ["203.0.113.66"]
status = "UNREAD"
created = "5h"
updated = "4h"
[[cybereason.malop]]
id = "11.-2"
decision = "blocklisted_address"
names = ["203.0.113.66", "2001:0DB8::0066"]
status = "OPEN"
created = "9h"
updated = "2h"
[[cybereason.malop]]
id = "11.-3"
decision = "blocklisted_domain"
names = ["Drop.BadStuff.example."]
[[cybereason.malop]]
id = "11.-4"
decision = "suspicious_domain"
names = ["cdn.hostile.example", "drop.badstuff.example"]
[[cybereason.malop]]
id = "11.-5"
decision = "blocklisted_address"
names = ["8.8.8.8"]
status = "FP"
[[cybereason.malop]]
id = "11.-6"
decision = "suspicious_domain"
names = ["old.hostile.example"]
status = "CLOSED"
[[cybereason.malop]]
id = "11.-7"
decision = "other"
names = ["injector.exe"]
[[cybereason.malop]]
id = "11.-8"
decision = "blocklisted_address"
names = ["198.51.100.9"]
created = "9d"
updated = "8d"
"#;

#[test]
fn a_period_has_every_kind_once_and_not_what_people_have_closed() {
    for odd in ["", "cybereason.odd_values = true\n"] {
        let room = room(&format!("{odd}{PERIOD}"));
        let output = run(&room, &["--since", "24h", "-o", "jsonl"]).exits(0);
        assert_eq!(
            values(&output),
            ["203.0.113.66", "2001:db8::66", "cdn.hostile.example", "drop.badstuff.example"],
            "{odd}{output}"
        );
        let lines = output.results();
        let of = |value: &str| lines.iter().find(|line| line["value"] == value).unwrap().clone();
        let address = of("203.0.113.66");
        assert_eq!((&address["schema"], &address["kind"]), (&"edrctl.indicator/1".into(), &"ipv4".into()));
        assert_eq!(address["source"], "cybereason");
        assert_eq!(address["detection"], serde_json::json!(["blocklisted_address"]));
        assert_eq!(address["malops"], serde_json::json!(["11.-1", "11.-2"]));
        assert_eq!(address["machines"].as_array().unwrap().len(), 2, "{address}");
        let (first, last) = (address["first_seen"].as_str().unwrap(), address["last_seen"].as_str().unwrap());
        assert!(first < last && first.ends_with('Z'), "{address}");
        assert_eq!(of("2001:db8::66")["kind"], "ipv6");
        let domain = of("drop.badstuff.example");
        assert_eq!(domain["detection"], serde_json::json!(["blocklisted_domain", "suspicious_domain"]), "{output}");
        assert!(output.stderr.contains("2 MalOps were left out"), "{output}");
        assert_eq!(room.asked(Endpoint::Malops), 1);
        assert_eq!(room.asked(Endpoint::Session), 1, "it signs out");
        room.was_left_alone();
    }
}

#[test]
fn what_is_wanted_can_be_narrowed_and_widened() {
    let room = room(PERIOD);
    let of = |more: &[&str]| values(&run(&room, &[&["-o", "jsonl"], more].concat()).exits(0));
    assert_eq!(of(&["--kind", "ipv6"]), ["2001:db8::66"]);
    assert_eq!(of(&["--detection", "blocklisted_domain"]), ["drop.badstuff.example"]);
    assert_eq!(of(&["--kind", "ipv4", "--since", "10d"]), ["198.51.100.9", "203.0.113.66"]);
    let closed = of(&["--include-closed"]);
    assert!(closed.contains(&"8.8.8.8".to_owned()) && closed.contains(&"old.hostile.example".to_owned()), "{closed:?}");
    // Up to six hours ago: only what had begun by then.
    assert_eq!(of(&["--until", "6h"]), ["203.0.113.66", "2001:db8::66"]);
    run(&room, &["--since", "1h", "--until", "2h"]).exits(2);
    run(&room, &["--since", "yesterday"]).exits(2);
}

#[test]
fn every_format_tells_the_same() {
    let room = room(PERIOD);
    let expected = values(&run(&room, &["-o", "jsonl"]).exits(0));
    let plain = run(&room, &["--plain"]).exits(0).stdout;
    assert_eq!(plain.lines().collect::<Vec<_>>(), expected);
    let json: Value = serde_json::from_str(&run(&room, &["-o", "json"]).exits(0).stdout).unwrap();
    assert_eq!((&json["schema"], &json["complete"]), (&"edrctl.indicators/1".into(), &true.into()), "{json}");
    assert_eq!(json["indicators"].as_array().unwrap().len(), expected.len());
    assert_eq!((&json["left_out"], &json["route"]), (&2.into(), &"malops".into()));
    let csv = run(&room, &["-o", "csv"]).exits(0).stdout;
    assert!(csv.starts_with("value,kind,source,detection,malops,machines,first_seen,last_seen"), "{csv}");
    assert_eq!(csv.lines().count(), expected.len() + 1);
    let human = run(&room, &[]).exits(0).stdout;
    assert!(expected.iter().all(|value| human.contains(value)), "{human}");
}

#[test]
fn an_answer_that_is_cut_off_is_asked_for_in_shorter_stretches_until_it_is_whole() {
    let room = Cyb::new(4, "cybereason.malops = 900\ncybereason.row_limit = 100\n");
    let output = run(&room, &["--since", "24h", "-o", "jsonl"]).exits(0);
    assert_eq!(values(&output).len(), 900, "{}", output.stderr);
    let asked = room.asked(Endpoint::Malops);
    assert!((10..=80).contains(&asked), "{asked}");
}

#[test]
fn what_cannot_be_told_whole_is_told_as_incomplete() {
    // Within a minute there are more than an answer holds.
    let room = Cyb::new(4, "cybereason.malops = 200\ncybereason.row_limit = 10\n");
    let output = run(&room, &["--since", "1h", "-o", "jsonl"]).exits(6);
    let lines = output.results();
    let last = lines.last().unwrap();
    assert_eq!((&last["schema"], &last["complete"]), (&"edrctl.indicators/1".into(), &false.into()), "{last}");
    assert!(last.get("indicators").is_none() && !last["missing"].as_array().unwrap().is_empty(), "{last}");
    assert!(lines.len() > 10 && lines.len() < 201);
    assert!(output.stderr.contains("incomplete: "), "{output}");
    let json: Value = serde_json::from_str(&run(&room, &["--since", "1h", "-o", "json"]).exits(6).stdout).unwrap();
    assert_eq!(json["complete"], false);

    let causes = Cyb::new(4, "[[cybereason.malop]]\nnames = ['203.0.113.1']\ncauses = 250\n");
    let output = run(&causes, &["-o", "jsonl"]).exits(6);
    assert!(output.stderr.contains("did not tell all causes"), "{output}");
    assert_eq!(causes.asked(Endpoint::Malops), 1, "a shorter stretch would not help");
}

#[test]
fn an_answer_in_part_is_asked_for_again() {
    let room = room(&format!("cybereason.partial = 1\n{PERIOD}"));
    let output = run(&room, &["-o", "jsonl"]).exits(0);
    assert_eq!(values(&output).len(), 4, "{output}");
    assert_eq!(room.asked(Endpoint::Malops), 3, "both halves");
}

#[test]
fn names_that_an_attacker_chose_are_told_escaped_and_are_no_indicators() {
    let long = "a".repeat(300);
    let hostile = [
        "evil.example\" next\nend",
        "*.example",
        "xn--zz\u{1b}[2J",
        "10.0.0.0/8",
        "0.0.0.0.0",
        "localhost",
        "good.example/path",
        &format!("{long}.example"),
        "203.0.113.5",
        "\u{202e}elpmaxe.live",
    ];
    let names: Vec<String> = hostile.iter().map(|name| toml::Value::from(*name).to_string()).collect();
    let malop = format!(
        "[[cybereason.malop]]\ndecision = 'suspicious_domain'\nnames = [{}, 'fine.example', 'münchen.example']\n",
        names.join(", ")
    );
    let odd = "[[cybereason.malop]]\nnames = ['198.51.100.3']\ncause_type = 'Process'\n";
    let room = room(&format!("{malop}{odd}"));
    let output = run(&room, &["-o", "jsonl"]).exits(0);
    assert_eq!(values(&output), ["fine.example", "xn--mnchen-3ya.example"], "{output}");
    assert!(output.stderr.contains("11 names are no indicator"), "{output}");
    assert!(!output.stderr.contains('\u{1b}') && !output.stderr.contains('\u{202e}'), "{output}");
    assert!(output.stderr.lines().all(|line| line.len() < 400), "{output}");
}

#[test]
fn by_reputation_it_is_what_outgoing_connections_led_to() {
    for guessed in ["known", "ignored", "refused"] {
        let room = room(&format!("cybereason.guessed_direction = '{guessed}'\n"));
        let output = run(&room, &["--route", "reputation", "-o", "jsonl"]).exits(0);
        let found = values(&output);
        for value in ["203.0.113.66", "198.51.100.77", "drop.badstuff.example", "cdn-7.hostile.example"] {
            assert!(found.contains(&value.to_owned()), "{guessed} {value}: {output}");
        }
        // Sinkholed, harmless, incoming, and the address that means everything.
        for value in ["192.0.2.200", "sink.defender.example", "intranet.corp.example", "198.51.100.80", "0.0.0.0"] {
            assert!(!found.contains(&value.to_owned()), "{guessed} {value}: {output}");
        }
        assert_eq!(found.contains(&"guess.hostile.example".to_owned()), guessed != "refused", "{guessed}");
        let lines = output.results();
        let malware = lines.iter().find(|line| line["value"] == "cdn-7.hostile.example").unwrap();
        assert_eq!(malware["detection"], serde_json::json!(["suspicious_domain"]));
        assert_eq!(malware["first_seen"], Value::Null);
    }
}

#[test]
fn an_analyst_who_may_not_read_sensors_can_list_indicators() {
    let room = room(&format!("cybereason.role = 'analyst'\n{PERIOD}"));
    assert_eq!(values(&run(&room, &["-o", "jsonl"]).exits(0)).len(), 4);
    let other = Cyb::new(2, &format!("cybereason.role = 'sensor_admin'\n{PERIOD}"));
    assert!(run(&other, &[]).exits(4).stderr.contains("role may not do this"));
}

#[test]
fn a_session_that_dies_in_between_loses_nothing() {
    let rule = "[[fault]]\nendpoint = 'malops'\nnth = 3\ndo = 'end_session'\n";
    let room = Cyb::new(4, &format!("cybereason.malops = 300\ncybereason.row_limit = 100\n{rule}"));
    let output = run(&room, &["--since", "24h", "-o", "jsonl"]).exits(0);
    assert_eq!((values(&output).len(), room.console.stats().logons()), (300, 2), "{}", output.stderr);
}

#[test]
fn a_rehearsal_shows_what_there_is_to_be_careful_of_and_other_consoles_have_none() {
    let env = TestEnv::new();
    let output = env.run(["indicators", "--vendor", "cybereason", "--simulate", "-o", "jsonl"]).exits(0);
    let values = values(&output);
    assert!(values.contains(&"8.8.8.8".to_owned()) && values.contains(&"10.20.0.53".to_owned()), "{output}");
    assert!(!values.contains(&"1.1.1.1".to_owned()), "a false alarm\n{output}");
    let output = env.run(["indicators", "--vendor", "cisco", "--simulate"]).exits(2);
    assert!(output.stderr.contains("does not tell hostile connections"), "{output}");
}

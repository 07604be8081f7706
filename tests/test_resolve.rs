//! From names and addresses to hosts: exactly one, or none at all.

use edrctl::simulator::faults::Endpoint;

use crate::support::{Console, SWIFT, TestEnv};

const FLEET: &str = "\
guid,hostname,ip,mac,state,available,last_seen
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201,FIN-LT-014.corp.example,10.20.30.1,02:00:5e:10:20:01,,,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202,fin-lt-0141.corp.example,10.20.30.12,02:00:5e:10:20:02,,,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203,web01,10.20.40.1,02:00:5e:10:20:03,isolated,,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b204,kiosk-7.corp.example,10.20.40.2,02:00:5e:10:20:04,,false,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b205,DB.north.example,10.20.50.1,02:00:5e:10:20:05,,,2026-01-31T08:00:00Z
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b206,DB.south.example,10.20.50.2,02:00:5e:10:20:06,,,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b207,twin.corp.example,10.20.60.1,02:00:5e:10:20:07,,,2026-01-31T08:00:00Z
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b208,twin.corp.example,10.20.60.2,02:00:5e:10:20:08,,,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b209,nat-a.corp.example,192.168.1.7,02:00:5e:10:20:09,,,
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b20a,nat-b.corp.example,192.168.1.7,02:00:5e:10:20:0a,,,
";

fn fleet() -> (Console, TestEnv) {
    let console = Console::of(FLEET, SWIFT);
    let env = TestEnv::of(&console);
    (console, env)
}

#[test]
fn names_addresses_and_cards_find_their_one_host() {
    for (target, expected) in [
        ("fin-lt-014.corp.example", "FIN-LT-014.corp.example"),
        ("FIN-LT-014.CORP.EXAMPLE.", "FIN-LT-014.corp.example"),
        ("fin-lt-014", "FIN-LT-014.corp.example"),
        ("Fin-Lt-0141", "fin-lt-0141.corp.example"),
        ("db.NORTH.example", "DB.north.example"),
        ("10.20.30.1", "FIN-LT-014.corp.example"),
        ("02:00:5E:10:20:02", "fin-lt-0141.corp.example"),
        ("02-00-5e-10-20-02", "fin-lt-0141.corp.example"),
    ] {
        let (console, env) = fleet();
        let result = env.isolate(target, &[]).exits(0).result();
        assert_eq!(console.asked(), [expected], "{target}");
        assert_eq!(result["host"]["name"], expected);
        assert_eq!(result["host"]["id"], console.id_of(expected).as_str());
        assert_eq!(result["target"], target, "as written");
    }
}

#[test]
fn what_only_resembles_a_host_is_not_taken_for_it() {
    // The console itself compares with "contains", and a gateway's address belongs to everybody behind it.
    let shared = (1..15).map(|last| format!("203.0.113.{last}"));
    let near = ["fin", "lt-014", "014", "corp.example", "web", "web0", "web01x", "10.20.30.3", "02:00:5e:10:20:99"];
    let targets: Vec<String> = near.into_iter().map(str::to_owned).chain(shared).collect();
    let (console, env) = fleet();
    let output = env.isolate(targets.join("\n"), &[]).exits(6);
    console.was_left_alone();
    assert_eq!(output.outcomes().get("unresolved"), Some(&targets.len()), "{output}");
}

#[test]
fn a_full_name_does_not_take_a_host_of_the_same_short_name() {
    let (console, env) = fleet();
    let result = env.isolate("web01.elsewhere.example", &[]).exits(6).result();
    console.was_left_alone();
    assert_eq!(result["outcome"], "unresolved");
    let result = env.isolate("fin-lt-014.elsewhere.example", &[]).exits(6).result();
    console.was_left_alone();
    assert_eq!(result["outcome"], "unresolved");
}

#[test]
fn several_hosts_that_fit_are_shown_and_none_is_taken() {
    for (target, ids) in [
        ("twin.corp.example", ["07", "08"]),
        ("TWIN", ["07", "08"]),
        ("db", ["05", "06"]),
        ("192.168.1.7", ["09", "0a"]),
    ] {
        let (console, env) = fleet();
        let output = env.isolate(target, &[]).exits(6);
        console.was_left_alone();
        let result = output.result();
        assert_eq!(result["outcome"], "unresolved", "{output}");
        assert_eq!(result["host"], serde_json::Value::Null);
        let candidates = result["candidates"].as_array().unwrap();
        let mut found: Vec<&str> = candidates.iter().map(|candidate| candidate["id"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, ids.map(|end| format!("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2{end}")), "{output}");
        for candidate in candidates {
            assert!(candidate["name"].is_string() && candidate["last_seen"].is_string(), "{candidate}");
        }
    }
}

#[test]
fn an_ambiguous_target_does_not_keep_others_from_their_end() {
    let (console, env) = fleet();
    let output = env.isolate("twin\nfin-lt-014\nnobody\n", &[]).exits(6);
    assert_eq!(console.asked(), ["FIN-LT-014.corp.example"]);
    assert_eq!(output.outcome_of("twin"), "unresolved");
    assert_eq!(output.outcome_of("nobody"), "unresolved");
    assert_eq!(output.outcome_of("fin-lt-014"), "accepted");
}

#[test]
fn the_host_of_an_ambiguous_name_can_be_named_by_its_id() {
    let (console, env) = fleet();
    let output = env.isolate("twin\n3f1c2d94-7b60-4e2a-9a55-0c8e7d41b208\n", &[]).exits(6);
    let hosts = console.fleet().hosts();
    let asked: Vec<&str> = hosts.iter().filter(|host| host.puts > 0).map(|host| host.id.as_str()).collect();
    assert_eq!(asked, ["3f1c2d94-7b60-4e2a-9a55-0c8e7d41b208"], "{output}");
}

#[test]
fn candidates_are_shown_to_people_too() {
    let (console, env) = fleet();
    env.file("hosts.txt", "twin\n");
    let output = env.run(["isolate", "--vendor", "cisco", "--yes", "hosts.txt"]).exits(6);
    for end in ["07", "08"] {
        assert!(output.stdout.contains(&format!("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2{end}")), "{output}");
    }
    assert!(output.stdout.contains("2026-01-31T08:00:00Z"), "last seen\n{output}");
    console.was_left_alone();
}

#[test]
fn an_id_that_the_console_does_not_know_is_unresolved() {
    for faults in ["", "answers.unknown_guid = 400\n", "answers.error_body = \"empty_details\"\n"] {
        let console = Console::of(FLEET, faults);
        let env = TestEnv::of(&console);
        let result = env.isolate("00000000-0000-4000-8000-000000000000", &[]).exits(6).result();
        let expected = if faults.contains("400") { "failed" } else { "unresolved" };
        assert_eq!(result["outcome"], expected, "{faults} {result}");
        assert!(result["reason"].is_string(), "{result}");
    }
}

#[test]
fn a_host_that_cannot_be_isolated_is_refused_once_the_inventory_says_so() {
    let (console, env) = fleet();
    let output = env.isolate("kiosk-7\nfin-lt-014\n", &[]).exits(6);
    assert_eq!(console.asked(), ["FIN-LT-014.corp.example"]);
    assert_eq!(output.outcome_of("kiosk-7"), "refused");
}

#[test]
fn a_host_that_cannot_be_isolated_has_failed_if_only_the_console_says_so() {
    for faults in ["", "answers.not_available = 409\n"] {
        let console = Console::of(FLEET, faults);
        let env = TestEnv::of(&console);
        let result = env.isolate("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b204", &[]).exits(6).result();
        assert_eq!(result["outcome"], "failed", "{faults} {result}");
        assert_eq!(result["reason_code"], "not_capable", "{faults} {result}");
        assert_eq!(console.asked().len(), 1, "permanent: not asked twice");
    }
}

#[test]
fn a_host_that_is_so_already_is_told_so() {
    // Seen in the inventory: nothing is sent.
    let (console, env) = fleet();
    let result = env.isolate("web01", &[]).exits(0).result();
    assert_eq!((&result["outcome"], &result["state"]), (&"already".into(), &"isolated".into()), "{result}");
    console.was_left_alone();
    // Told by the console with 409, and looked at.
    let result = env.isolate("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203", &[]).exits(0).result();
    assert_eq!((&result["outcome"], &result["reason"]), (&"already".into(), &serde_json::Value::Null), "{result}");
    assert_eq!(console.asked(), ["web01"]);
    // The other way round.
    let file = env.file("back.txt", "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201\n");
    let output = env.run(["unisolate", "--vendor", "cisco", "--yes", "-o", "jsonl", &file]).exits(0);
    assert_eq!(output.result()["outcome"], "already", "{output}");
}

#[test]
fn a_host_that_is_on_its_way_is_already_so() {
    let console = Console::of(FLEET, "[[confirm]]\nafter = \"1h\"\n");
    let env = TestEnv::of(&console);
    assert_eq!(env.isolate("fin-lt-014", &[]).exits(0).result()["outcome"], "accepted");
    for target in ["fin-lt-014", "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201"] {
        let result = env.isolate(target, &[]).exits(0).result();
        assert_eq!((&result["outcome"], &result["state"]), (&"already".into(), &"pending_start".into()), "{result}");
    }
}

#[test]
fn many_names_cost_one_reading_of_the_inventory() {
    let console = Console::new(1200, SWIFT);
    let env = TestEnv::of(&console);
    let names: Vec<String> = console.fleet().hosts().iter().step_by(3).map(|host| host.name.clone()).collect();
    let output = env.isolate(names.join("\n"), &[]).exits(0);
    assert_eq!(output.outcomes().get("accepted"), Some(&400), "{output}");
    assert_eq!(console.stats().requests("GET", Endpoint::Computers), 3, "500 hosts a page");
    assert_eq!(console.changes(), 400);
    assert!(console.stats().total() <= 400 + 3 + 1, "{}", console.stats().total());
}

#[test]
fn ids_alone_need_no_inventory() {
    let (console, env) = fleet();
    env.isolate("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201", &[]).exits(0);
    assert_eq!(console.stats().requests("GET", Endpoint::Computers), 0);
}

#[test]
fn a_host_is_found_on_any_page_even_while_hosts_are_added() {
    for faults in ["listing.page_size = 2\n", "listing.page_size = 2\nlisting.insert_after_page = 2\n"] {
        let console = Console::of(FLEET, faults);
        let env = TestEnv::of(&console);
        let output = env.isolate("nat-b\nfin-lt-014\ndb.south.example\n", &[]).exits(0);
        assert_eq!(console.asked().len(), 3, "{output}");
    }
}

#[test]
fn an_inventory_that_loses_hosts_while_it_is_read_makes_no_name_look_unique() {
    // The first of the twins slides away under the reader; read once, the other one would look like the only one.
    let console = Console::of(FLEET, "listing.page_size = 7\nlisting.remove_after_page = 1\n");
    let env = TestEnv::of(&console);
    let output = env.isolate("twin\n", &[]).exits(6);
    console.was_left_alone();
    assert_eq!(output.result()["outcome"], "unresolved");
}

#[test]
fn pages_of_another_host_are_not_followed() {
    let other = Console::new(3, "");
    let faults = format!(
        "listing.page_size = 2\n[[fault]]\nendpoint = \"computers\"\ndo = {{ next_link = \"{}/v1/computers?offset=2\" }}\n",
        other.inner().base_url()
    );
    let console = Console::of(FLEET, &faults);
    let env = TestEnv::of(&console);
    let output = env.isolate("nat-b\n", &[]).exits(4);
    assert!(output.stderr.contains("error: "), "{output}");
    console.was_left_alone();
    assert_eq!(other.stats().total() + other.stats().connections(), 0, "credentials never leave for another host");
}

//! Agents of Apex Central that must never be touched, and how many a run may touch at all. It fails closed.

use serde_json::json;

use crate::support::{AT_ONCE, Console, TestEnv};

const FIN: &str = "6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90";
const FRONT: &str = "5f0de8b2-6c47-4a19-92e3-b840d7f1653c";
const ENGINEER: &str = "D50A7C13-4B9F-4E62-8A37-F1C80E295B4D";

fn examples() -> (Console, TestEnv) {
    let console = Console::of_examples(AT_ONCE);
    let env = TestEnv::of(&console);
    (console, env)
}

fn with_safety(safety: &str) -> (Console, TestEnv) {
    let (console, env) = examples();
    env.add_config(&format!("[safety]\n{safety}"));
    (console, env)
}

#[test]
fn expect_count_counts_the_hosts_that_the_console_knows() {
    // Two hosts, one of them twice; an id and a name that nobody has.
    let targets = format!("FILES-02\n10.20.40.10\n{FRONT}\n00000000-0000-4000-8000-00000000dead\nnobody\n");
    for (count, code, posts) in [("2", 6, 2), ("3", 5, 0), ("1", 5, 0)] {
        let (console, env) = examples();
        let list = env.file("hosts.txt", &targets);
        let output = env.run(["isolate", "--vendor", "apex", "--expect-count", count, &list]).exits(code);
        assert_eq!(console.posts(), posts, "{count}\n{output}");
    }
}

#[test]
fn expect_count_counts_every_agent_of_a_name_that_stands_for_several() {
    for (count, code, posts) in [("2", 6, 1), ("1", 5, 0)] {
        let (console, env) = examples();
        let list = env.file("hosts.txt", "FIN-DESK-0041\n");
        env.run(["apex-isolate", "--allow-multiple", "--expect-count", count, &list]).exits(code);
        assert_eq!(console.posts(), posts, "{count}");
    }
}

#[test]
fn a_protected_host_is_refused_however_it_is_protected_and_however_it_was_named() {
    for (protected, targets) in [
        ("files-02", "FILES-02\n10.20.40.10\n"),
        ("10.20.40.0/24", "files-02\n"),
        ("172.16.40.10", "files-02\n"),
        ("2001:db8:40::/48", "02-00-5E-10-03-11\n"),
        ("3e94b1f7-c026-4d58-b7a9-60d3f85e127c", "FILES-02\n"),
        ("3E94B1F7-C026-4D58-B7A9-60D3F85E127C", "3e94b1f7-c026-4d58-b7a9-60d3f85e127c\n"),
        ("5F0DE8B2-6C47-4A19-92E3-B840D7F1653C", FRONT),
        // The console tells no domain of this host, so it may be one of these.
        ("*.vital.example", "FILES-02\n"),
        ("files-02.vital.example", "FILES-02\n"),
        // All of the name that the console tells, and maybe not all of it.
        ("engineering-workstation-7", "ENGINEERING-WOR\n"),
        ("engineering-workstation-7", "10.20.32.15\n"),
        // The console tells no address of this host.
        ("192.168.0.0/16", "NEVER-SEEN-01\n"),
        ("FIN-DESK-0041.corp.example.test", FIN),
        ("*.example.test", FIN),
    ] {
        for command in [&["isolate", "--vendor", "apex"][..], &["apex-isolate"], &["unisolate", "--vendor", "apex"]] {
            let (console, env) = with_safety(&format!("protected = [\"{protected}\"]"));
            let list = env.file("hosts.txt", targets);
            let args = [command, &["--yes", "-o", "jsonl", &list]].concat();
            let result = env.run(args).exits(5).result();
            let code = (&result["outcome"], &result["reason_code"]);
            assert_eq!(code, (&"refused".into(), &"protected".into()), "{protected} {result}");
            console.was_left_alone();
            assert!(env.journals().is_empty());
        }
    }
}

#[test]
fn a_host_that_is_only_found_by_the_beginning_of_its_name_is_protected_all_the_same() {
    for protected in ["engineering-*", "engineering-workstation-7", "ENGINEERING-WOR", "10.20.32.0/24"] {
        let (console, env) = with_safety(&format!("protected = [\"{protected}\"]"));
        let output = env.isolate_agents("engineering-workstation-7\n", &["--netbios"]).exits(5);
        assert_eq!(output.result()["reason_code"], "protected", "{output}");
        console.was_left_alone();
    }
}

#[test]
fn an_id_of_no_fixed_form_is_protected_in_either_case() {
    let agents =
        json!([{"entity_id": "Agent-9", "host_name": "WEB-01"}, {"entity_id": "Agent-8", "host_name": "WEB-02"}]);
    for protected in ["id:AGENT-9", "id:agent-9", "agent-9"] {
        let console = Console::of_agents(&agents, AT_ONCE);
        let env = TestEnv::of(&console);
        env.add_config(&format!("[safety]\nprotected = [\"{protected}\"]"));
        let output = env.isolate_agents("web-01\nid:agent-9\nweb-02\n", &[]).exits(6);
        assert_eq!(console.cut_off(), ["Agent-8"], "{protected}\n{output}");
        assert_eq!(output.outcome_of("web-01"), "refused");
    }
}

#[test]
fn what_is_known_not_to_be_protected_is_acted_on() {
    // A whole domain is told of the first, fourteen characters of the second, and an address of the third.
    for (protected, target) in [("*.vital.example", FIN), ("reception-011", FRONT), ("10.20.31.0/24", ENGINEER)] {
        let (console, env) = with_safety(&format!("protected = [\"{protected}\"]"));
        env.isolate_agents(target, &[]).exits(0);
        assert_eq!(console.posts(), 1, "{protected}");
    }
}

#[test]
fn more_hosts_than_a_run_may_touch_are_refused_whole() {
    let (console, env) = with_safety("max_targets = 1");
    env.isolate_agents("FILES-02\nRECEPTION-01\n", &[]).exits(5).says("max_targets");
    console.was_left_alone();
    // An agent that is so already is not touched, and two names of one host are one host.
    env.isolate_agents("FILES-02\n10.20.40.10\nRECEPTION-02\n", &[]).exits(0);
    assert_eq!(console.posts(), 1);
    // A name that stands for several agents counts each of them.
    let twins = json!([{"entity_id": "twin-1", "host_name": "TWIN"}, {"entity_id": "twin-2", "host_name": "TWIN"}]);
    let console = Console::of_agents(&twins, AT_ONCE);
    let env = TestEnv::of(&console);
    env.add_config("[safety]\nmax_targets = 1");
    let list = env.file("hosts.txt", "TWIN\n");
    env.run(["apex-isolate", "--yes", "--allow-multiple", &list]).exits(5).says("max_targets");
    console.was_left_alone();
}

#[test]
fn an_address_that_cannot_be_read_may_be_a_protected_one() {
    for (list, sent) in [
        ("10.0.0.1,192.168.5.5/24", 0),
        ("10.0.0.1,192.168.005.005", 0),
        ("garbage, 10.0.0.1", 0),
        ("10.0.0.1,10.0.0.2", 1),
        ("10.0.0.1, ,", 1),
    ] {
        let agents = json!([{"entity_id": "A-1", "host_name": "WEB-01", "ip_address_list": list}]);
        let console = Console::of_agents(&agents, AT_ONCE);
        for protected in ["192.168.5.5", "192.168.0.0/16"] {
            let env = TestEnv::of(&console);
            env.add_config(&format!("[safety]\nprotected = [\"{protected}\"]"));
            let output = env.isolate_agents("WEB-01\n", &["--dry-run"]);
            assert_eq!(output.code, Some(if sent == 0 { 5 } else { 0 }), "{list} {protected}\n{output}");
            let told = output.stdout.contains("does not tell every address of this host");
            assert_eq!(told, sent == 0, "{list}\n{output}");
        }
    }
}

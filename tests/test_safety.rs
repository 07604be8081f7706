//! The hosts that must never be touched, and how many a run may touch at all. It fails closed.

use crate::support::{Console, Output, SWIFT, TestEnv};

const FLEET: &str = "\
guid,hostname,ip,mac
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201,alpha.corp.example,10.1.0.1,02:00:5e:10:20:01
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202,DC1.corp.example,10.2.0.1,02:00:5e:10:20:02
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203,dc2.corp.example,10.2.0.2,02:00:5e:10:20:03
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b204,web.corp.example,10.3.0.1,02:00:5e:10:20:04
";

fn ids(console: &Console) -> String {
    console.guids()
}

fn with(safety: &str, faults: &str) -> (Console, TestEnv) {
    let console = Console::of(FLEET, &format!("{SWIFT}{faults}"));
    let env = TestEnv::of(&console);
    env.add_config(&format!("[safety]\n{safety}"));
    (console, env)
}

/// Nothing was sent, and the error says so by its code.
#[track_caller]
fn closed(output: Output, code: i32, console: &Console) -> Output {
    let output = output.exits(code);
    console.was_left_alone();
    output
}

#[test]
fn a_protected_host_is_refused_however_it_was_named() {
    let lists = [
        r#"["dc*"]"#,
        r#"["DC1", "dc2.corp.example"]"#,
        r#"["*.corp.example", "nobody"]"#,
        r#"["10.2.0.1", "10.2.0.2"]"#,
        r#"["10.2.0.0/16"]"#,
        r#"["3F1C2D94-7B60-4E2A-9A55-0C8E7D41B202", "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203"]"#,
        r#""dc*""#,
        r#"["@list.txt"]"#,
    ];
    let targets = [
        "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202\n3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203\n",
        "dc1\ndc2\n",
        "10.2.0.1\n02:00:5e:10:20:03\n",
    ];
    for list in lists {
        for target in targets {
            let (console, env) = with(&format!("protected = {list}"), "");
            env.file(
                "home/.config/edrctl/list.txt",
                "# domain controllers\n\ndc1.corp.example\n10.2.0.2 # the other\n",
            );
            let output = env.isolate(target, &[]).exits(5);
            assert_eq!(output.outcomes().get("refused"), Some(&2), "{list} {target}\n{output}");
            assert!(output.results().iter().all(|result| result["reason_code"] == "protected"), "{output}");
            console.was_left_alone();
        }
    }
}

#[test]
fn hosts_that_are_not_protected_are_acted_on() {
    let (console, env) = with("protected = [\"dc*\"]", "");
    let output = env.isolate(ids(&console), &[]).exits(6);
    assert_eq!(console.asked(), ["alpha.corp.example", "web.corp.example"]);
    assert_eq!(output.outcomes().get("refused"), Some(&2), "{output}");
    // The console is asked once for the names, not once for each host.
    assert_eq!(console.changes(), 2);
}

#[test]
fn a_protected_host_is_not_released_either() {
    let (console, env) = with("protected = [\"dc*\"]", "");
    let file = env.file("hosts.txt", "dc1\n");
    closed(env.run(["unisolate", "--vendor", "cisco", "--yes", &file]), 5, &console);
}

#[test]
fn a_list_that_cannot_be_read_or_understood_lets_nothing_through() {
    for safety in [
        "protected = [\"@nowhere.txt\"]",
        "protected = [\"@empty.txt\"]",
        "protected = [\"@.\"]",
        "protected = [\"@wrong.txt\"]",
        "protected = [\"10.0.0.0/33\"]",
        "protected = [\"\"]",
        "protected = 17",
        "protected = [17]",
        "protected = [\"10.0.0.256\"]",
        "protected = [\"dc1 dc2\"]",
        "protectd = [\"dc*\"]",
        "max_targets = 0",
        "max_targets = \"many\"",
        "max_targets = -1",
    ] {
        let (console, env) = with(safety, "");
        env.file("home/.config/edrctl/empty.txt", "# nothing yet\n");
        env.file("home/.config/edrctl/wrong.txt", "dc1\ndc2, dc3\n");
        let output = env.isolate("alpha\n", &[]);
        assert_eq!(output.code, Some(3), "{safety}\n{output}");
        console.was_left_alone();
        assert!(output.stderr.contains("home/.config/edrctl/"), "{safety}\n{output}");
        assert_eq!(console.stats().total(), 0, "{safety}");
    }
}

#[test]
fn ids_are_not_sent_while_their_names_cannot_be_checked() {
    let listing_fails = "[[fault]]\nendpoint = \"computers\"\ndo = { status = 404 }\n";
    for list in ["[\"dc*\"]", "[\"10.2.0.0/16\"]"] {
        let (console, env) = with(&format!("protected = {list}"), listing_fails);
        closed(env.isolate(ids(&console), &[]), 4, &console);
        assert!(env.journals().is_empty());
    }
    // A list of ids can be checked without the console's help.
    let (console, env) = with("protected = [\"3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202\"]", listing_fails);
    env.isolate(ids(&console), &[]).exits(6);
    assert_eq!(console.asked(), ["alpha.corp.example", "dc2.corp.example", "web.corp.example"]);
}

#[test]
fn an_id_that_the_inventory_does_not_show_is_not_sent_while_names_are_protected() {
    let (console, env) = with("protected = [\"dc*\"]", "");
    let output = env.isolate("00000000-0000-4000-8000-000000000000\n", &[]).exits(6);
    console.was_left_alone();
    assert_eq!(output.result()["outcome"], "unresolved");
}

#[test]
fn a_host_of_which_the_console_tells_no_name_is_refused_while_names_are_protected() {
    let id = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201";
    for (protected, host) in [
        ("dc*", r#""hostname":null,"internal_ips":["10.1.0.1"]"#),
        ("dc*", r#""hostname":"","internal_ips":["10.1.0.1"]"#),
        ("10.2.0.0/16", r#""hostname":"alpha""#),
        ("10.2.0.0/16", r#""hostname":"alpha","internal_ips":["not an address"]"#),
    ] {
        let body = format!(
            r#"{{"version":"v1.2.0","metadata":{{"links":{{}},"results":{{"total":1,"current_item_count":1,"index":0,"items_per_page":500}}}},
            "data":[{{"connector_guid":"{id}",{host},"isolation":{{"available":true,"status":"not_isolated"}}}}]}}"#
        );
        let console = crate::support::FakeConsole::new(move |asked| {
            let version = r#"{"version":"v1.2.0","metadata":{},"data":{}}"#;
            (200, if asked.path.starts_with("/v1/computers") { body.clone() } else { version.to_owned() })
        });
        let mut env = console.env();
        env.set("EDRCTL_SAFETY_PROTECTED", protected);
        let result = env.isolate(id, &[]).exits(5).result();
        assert_eq!(result["outcome"], "refused", "{host} {result}");
        assert!(console.asked().iter().all(|asked| asked.method == "GET"), "{:?}", console.asked());
    }
}

#[test]
fn the_protected_lists_of_all_layers_add_up() {
    let (console, mut env) = with("protected = [\"dc1\"]\n[profiles.acme.safety]\nprotected = [\"dc2\"]", "");
    env.set("EDRCTL_SAFETY_PROTECTED", "web");
    let output = env.isolate(ids(&console), &["--profile", "acme"]).exits(6);
    assert_eq!(console.asked(), ["alpha.corp.example"]);
    assert_eq!(output.outcomes().get("refused"), Some(&3), "{output}");
}

#[test]
fn more_hosts_than_a_run_may_touch_are_refused_whole() {
    let (console, env) = with("max_targets = 3", "");
    closed(env.isolate(ids(&console), &[]), 5, &console).says("max_targets");
    assert!(env.journals().is_empty());
    // Nobody's yes and nobody's count lifts the limit.
    closed(env.isolate(ids(&console), &["--expect-count", "4"]), 5, &console);
    let three: String = ids(&console).lines().take(3).map(|id| format!("{id}\n{id}\n")).collect();
    env.isolate(three, &[]).exits(0);
    assert_eq!(console.asked().len(), 3, "hosts count, not lines");
}

#[test]
fn a_rehearsal_obeys_the_same_rules() {
    let (console, env) = with("protected = [\"dc*\"]\nmax_targets = 2", "");
    let file = env.file("hosts.txt", "dc1\nalpha\n");
    let output = env.run(["isolate", "--vendor", "cisco", "--simulate", "-o", "jsonl", &file]).exits(6);
    assert_eq!(output.outcome_of("dc1"), "refused", "{output}");
    let file = env.file("hosts.txt", "a\nb\nc\n");
    env.run(["isolate", "--vendor", "cisco", "--simulate", &file]).exits(5);
    assert_eq!(console.stats().total(), 0);
}

//! `isolate`, `unisolate`, `status`, `hosts` and `apex-isolate` through Apex Central: the fleet's true state first.

use edrctl::domain::host::Isolation;
use serde_json::{Value, json};

use crate::support::{AT_ONCE, Console, FakeConsole, Output, PlayedApex, Said, Terminal, TestEnv, records};

const FIN: &str = "6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90";
const FILES: &str = "3E94B1F7-C026-4D58-B7A9-60D3F85E127C";
const FRONT: &str = "5f0de8b2-6c47-4a19-92e3-b840d7f1653c";

fn examples() -> (Console, TestEnv) {
    let console = Console::of_examples(AT_ONCE);
    let env = TestEnv::of(&console);
    (console, env)
}

/// The states of the agents, by name, that are not as the fixtures have them at the start.
fn changed(console: &Console) -> Vec<(String, Isolation)> {
    let begin = Console::of_examples("").fleet().hosts();
    let now = console.fleet().hosts();
    let pairs = begin.into_iter().zip(now).filter(|(before, after)| before.state != after.state);
    pairs.map(|(_, after)| (after.name, after.state)).collect()
}

#[test]
fn isolate_cuts_exactly_the_listed_hosts_off_and_unisolate_puts_them_back() {
    let (console, env) = examples();
    let output = env.isolate_agents(format!("files-02\n{FRONT}\n"), &[]).exits(0);
    let expected = [("FILES-02".to_owned(), Isolation::Isolated), ("RECEPTION-01".to_owned(), Isolation::Isolated)];
    assert_eq!(changed(&console), expected);
    console.listed_once_and_took(2);
    assert_eq!(output.outcomes(), [("accepted".to_owned(), 2)].into(), "an answer of the console is no proof");
    let back = ["unisolate", "--vendor", "apex", "--yes", "--wait", "-o", "jsonl", "hosts.txt"];
    let output = env.run(back).exits(0);
    assert_eq!(changed(&console), []);
    assert_eq!(output.outcomes(), [("confirmed".to_owned(), 2)].into());
    assert!(output.results().iter().all(|result| result["state"] == "normal"), "{output}");
    assert_eq!((console.posts(), console.lists()), (4, 3), "a plan each, and one round");
}

#[test]
fn every_output_format_tells_the_same_of_a_run() {
    let (console, env) = examples();
    let list = env.file("hosts.txt", "FILES-02\nRECEPTION-02\n");
    let run = |verb: &str, format: &str| env.run([verb, "--vendor", "apex", "--yes", "-o", format, &list]).exits(0);
    let human = run("isolate", "human");
    for words in ["accepted     FILES-02", FILES, "already      RECEPTION-02", "isolated", "Trend Micro Apex Central"] {
        assert!(human.stdout.contains(words), "`{words}`\n{human}");
    }
    assert!(human.stdout.contains("next: edrctl undo "), "{human}");
    let lines = run("unisolate", "jsonl");
    assert_eq!(lines.outcomes(), [("accepted".to_owned(), 2)].into());
    assert!(lines.results().iter().all(|result| result["vendor"] == "apex" && result["action"] == "unisolate"));
    let json: Value = serde_json::from_str(&run("isolate", "json").stdout).unwrap();
    assert_eq!((&json["vendor"], &json["summary"]["outcomes"]["accepted"]), (&"apex".into(), &2.into()), "{json}");
    let csv = run("unisolate", "csv");
    assert_eq!(
        csv.stdout.lines().filter(|line| line.contains(",apex,unisolate,") && line.contains(",accepted,")).count(),
        2
    );
    assert!(!console.cut_off().contains(&FILES.to_owned()));
}

#[test]
fn status_tells_the_consoles_own_words_in_every_format_and_changes_nothing() {
    let (console, env) = examples();
    let states = [
        ("FILES-02", "normal"),
        ("RECEPTION-02", "isolated"),
        ("PLANT-PANEL-3", "not_supported"),
        ("SALES-LT-90", "endpoint_isolation_pending"),
        ("büro-07", "isolated"),
    ];
    let list = env.file("hosts.txt", states.map(|(name, _)| format!("{name}\n")).concat());
    let status = |format: &str| env.run(["status", "--vendor", "apex", "-o", format, &list]).exits(0);
    let lines = status("jsonl");
    for (name, state) in states {
        let results = lines.results();
        let result = results.iter().find(|result| result["target"] == name).unwrap();
        assert_eq!((&result["outcome"], &result["state"]), (&"confirmed".into(), &state.into()), "{result}");
    }
    let json: Value = serde_json::from_str(&status("json").stdout).unwrap();
    assert_eq!(json["results"].as_array().unwrap().len(), 5);
    let (human, csv) = (status("human").stdout, status("csv").stdout);
    for (name, state) in states {
        assert!(human.lines().any(|line| line.contains(name) && line.trim_end().ends_with(state)), "{name}\n{human}");
        assert!(csv.lines().any(|line| line.contains(name) && line.contains(&format!(",{state},"))), "{name}\n{csv}");
    }
    assert_eq!((console.lists(), console.stats().total()), (4, 4), "one list each");
    console.was_left_alone();
    assert!(env.journals().is_empty());
}

#[test]
fn hosts_lists_all_agents_or_those_of_one_product_in_every_format() {
    let (console, env) = examples();
    let hosts = |more: &[&str]| env.run(["hosts", "--vendor", "apex"].iter().chain(more)).exits(0);
    let lines = hosts(&["-o", "jsonl"]).results();
    assert_eq!(lines.len(), 16);
    let files = lines.iter().find(|host| host["id"] == FILES).unwrap();
    assert_eq!(
        (&files["name"], &files["state"], &files["group"]),
        (&"FILES-02".into(), &"normal".into(), &"Servers".into())
    );
    let addresses = ["10.20.40.10", "172.16.40.10", "2001:db8:40::10", "fe80::5eff:fe10:310"];
    for address in addresses {
        assert!(files["addresses"].as_array().unwrap().contains(&address.into()), "{files}");
    }
    let macs = json!(["02:00:5e:10:03:10", "02:00:5e:10:03:11"]);
    assert_eq!((&files["capable"], &files["macs"]), (&true.into(), &macs), "{files}");
    let json: Value = serde_json::from_str(&hosts(&["-o", "json"]).stdout).unwrap();
    assert_eq!(json.as_array().unwrap(), &lines);
    let (human, csv) = (hosts(&[]).stdout, hosts(&["-o", "csv"]).stdout);
    for host in console.fleet().hosts() {
        assert!(human.contains(&host.id) && csv.contains(&host.id), "{}", host.id);
    }
    for (product, count) in [("SLF_PRODUCT_HEADLESS_DSM", 1), ("slf_product_officescan_ce", 15), ("NOBODY", 0)] {
        let listed = hosts(&["--product", product, "-o", "jsonl"]).results();
        assert_eq!(listed.len(), count, "{product}");
    }
    assert_eq!(hosts(&["--state", "isolated", "-o", "jsonl"]).results().len(), 2);
    console.was_left_alone();
}

#[test]
fn a_plain_listing_is_a_target_file_that_needs_no_option() {
    let agents = json!([
        {"entity_id": "6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90", "host_name": "ONE"},
        {"entity_id": "7ad3e6150c92-48bf4e61-a3d7-059c-f2b8", "host_name": "TWO"},
        {"entity_id": "AGENT-3", "host_name": "THREE"},
        {"entity_id": "10.20.30.40", "host_name": "FOUR"},
    ]);
    let console = Console::of_agents(&agents, AT_ONCE);
    let env = TestEnv::of(&console);
    let listing = env.run(["hosts", "--vendor", "apex", "--plain"]).exits(0);
    let status = env.run_with_input(["status", "--vendor", "apex", "-o", "jsonl", "-"], &listing.stdout).exits(0);
    assert_eq!(status.results().len(), 4, "{status}");
}

#[test]
fn check_proves_the_console_and_tells_it_in_words_and_in_json() {
    let (console, env) = examples();
    let human = env.run(["check", "apex"]).exits(0);
    for words in ["apex: good", "Trend Micro Apex Central", "product servers", console.inner().base_url()] {
        assert!(human.stdout.contains(words), "`{words}`\n{human}");
    }
    for format in ["jsonl", "json"] {
        let checked = env.run(["check", "apex", "-o", format]).exits(0).result();
        assert_eq!((&checked["vendor"], &checked["console"]), (&"apex".into(), &console.inner().base_url().into()));
        assert_eq!(checked["quota_left"], Value::Null, "{checked}");
    }
    env.run(["check", "apex", "-o", "csv"]).exits(2);
    assert_eq!(console.lists(), 0, "a check reads no fleet");
    let key = &console.inner().credentials().api_key;
    assert!(!human.to_string().contains(key.as_str()));
    console.was_left_alone();
    TestEnv::new().run(["check", "apex", "--simulate"]).exits(0);
}

#[test]
fn a_dry_run_tells_the_plan_and_sends_no_action() {
    let (console, env) = examples();
    let list = env.file("hosts.txt", "FILES-02\nRECEPTION-02\nPLANT-PANEL-3\nFIN-DESK-0041\n");
    for command in [&["isolate", "--vendor", "apex"][..], &["apex-isolate"]] {
        let args = [command, &["--dry-run", "-o", "jsonl", &list]].concat();
        let output = env.run(args).exits(6);
        for (target, outcome) in [
            ("FILES-02", "not_sent"),
            ("RECEPTION-02", "already"),
            ("PLANT-PANEL-3", "refused"),
            ("FIN-DESK-0041", "unresolved"),
        ] {
            assert_eq!(output.outcome_of(target), outcome, "{output}");
        }
    }
    assert_eq!((console.lists(), console.stats().total()), (2, 2));
    console.was_left_alone();
    assert!(env.journals().is_empty());
}

#[test]
fn apex_isolate_shows_the_agents_isolates_them_and_proves_it() {
    const PRODUCT: &str = "SLF_PRODUCT_OFFICESCAN_CE";
    let (console, env) = examples();
    let list = env.file("hosts.txt", "FILES-02\nRECEPTION-01\nRECEPTION-02\nPLANT-PANEL-3\n");
    let output = env.run(["apex-isolate", "--yes", "-o", "jsonl", &list]).exits(6);
    let expected = [("FILES-02".to_owned(), Isolation::Isolated), ("RECEPTION-01".to_owned(), Isolation::Isolated)];
    assert_eq!(changed(&console), expected);
    assert_eq!((console.lists(), console.posts()), (2, 2), "a plan, and one round");
    let outcomes = [("already".to_owned(), 1), ("confirmed".to_owned(), 2), ("refused".to_owned(), 1)];
    assert_eq!(output.outcomes(), outcomes.into(), "{output}");
    let row = |first: &str| {
        let row = output.stderr.lines().find(|line| line.starts_with(first));
        let row = row.unwrap_or_else(|| panic!("no row of {first}\n{output}"));
        row.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("HOST"), ["HOST", "PRODUCT", "ADDRESS", "STATE", "ABLE", "PLAN", "ID"]);
    assert_eq!(row("FILES-02"), ["FILES-02", PRODUCT, "10.20.40.10", "normal", "yes", "isolate", FILES]);
    assert_eq!(row("RECEPTION-02")[3..6], ["isolated", "yes", "already"]);
    assert_eq!(row("PLANT-PANEL-3")[3..6], ["not_supported", "no", "refused"]);
    assert!(output.stderr.contains("found 4 agents"), "{output}");
}

#[test]
fn apex_isolate_shows_nothing_when_it_is_to_be_quiet() {
    let (console, env) = examples();
    let list = env.file("hosts.txt", "FILES-02\n");
    let output = env.run(["apex-isolate", "--yes", "-q", "-o", "jsonl", &list]).exits(0);
    assert_eq!((output.stderr.as_str(), output.outcomes().get("confirmed")), ("", Some(&1)), "{output}");
    assert_eq!(changed(&console).len(), 1);
}

#[test]
fn apex_isolate_tells_the_way_back_and_goes_it() {
    let (console, env) = examples();
    let list = env.file("hosts.txt", "FILES-02\n");
    let output = env.run(["apex-isolate", "--yes", &list]).exits(0);
    let header = &records(&env.only_journal())[0];
    let undo = format!("next: edrctl undo {}  #", header["run"].as_str().unwrap());
    assert!(output.stdout.contains(&undo), "{output}");
    assert_eq!((&header["action"], &header["vendor"]), (&"isolate".into(), &"apex".into()), "{header}");
    let output = env.run(["apex-isolate", "--restore", "--yes", "-o", "jsonl", &list]).exits(0);
    assert_eq!(changed(&console), []);
    let result = output.result();
    let told = (&result["outcome"], &result["action"], &result["state"]);
    assert_eq!(told, (&"confirmed".into(), &"unisolate".into(), &"normal".into()), "{result}");
}

#[test]
fn a_dry_run_of_apex_isolate_leads_to_apex_isolate() {
    let (_console, env) = examples();
    let list = env.file("hosts.txt", "FILES-02\nRECEPTION-01\n");
    let output = env.run(["apex-isolate", "--dry-run", "--product", "SLF_PRODUCT_OFFICESCAN_CE", &list]).exits(0);
    let next = "next: edrctl apex-isolate --product SLF_PRODUCT_OFFICESCAN_CE hosts.txt";
    assert!(output.stdout.contains(next), "{output}");
    // The way back of a way back is the way there.
    let list = env.file("hosts.txt", "RECEPTION-02\n");
    let output = env.run(["apex-isolate", "--restore", "--dry-run", &list]).exits(0);
    assert!(output.stdout.contains("next: edrctl apex-isolate --restore hosts.txt"), "{output}");
}

#[test]
fn allow_multiple_acts_on_every_agent_of_a_name_each_with_its_own_outcome() {
    let (console, env) = examples();
    let list = env.file("hosts.txt", "FIN-DESK-0041\n");
    env.run(["apex-isolate", "--yes", &list]).exits(6);
    console.was_left_alone();
    let output = env.run(["apex-isolate", "--yes", "--allow-multiple", "-o", "jsonl", &list]).exits(6);
    assert_eq!(changed(&console), [("FIN-DESK-0041".to_owned(), Isolation::Isolated)]);
    assert_eq!(console.posts(), 1, "the agent that cannot be isolated is not asked");
    let by_id = |id: &str| {
        let results = output.results();
        results.into_iter().find(|result| result["host"]["id"] == id).unwrap_or_else(|| panic!("{id}\n{output}"))
    };
    assert_eq!(by_id(FIN)["outcome"], "confirmed");
    let other = by_id("C7702B18-0E94-4D3A-B6F1-5A90E2D4C833");
    assert_eq!((&other["outcome"], &other["reason_code"]), (&"refused".into(), &"not_capable".into()));
    // Both are targets of the run, and its journal knows whose outcome is whose.
    let shown = env.run(["runs", "show", "latest", "-o", "jsonl"]).exits(0);
    assert!(shown.stdout.contains(FIN) && shown.stdout.contains("C7702B18"), "{shown}");
    env.run(["runs", "verify"]).exits(0);
}

#[test]
fn allow_multiple_takes_each_of_several_able_agents() {
    let agents = json!([
        {"entity_id": "Twin-1", "host_name": "TWIN", "ip_address_list": "10.0.0.1"},
        {"entity_id": "Twin-2", "host_name": "twin", "ip_address_list": "10.0.0.2"},
        {"entity_id": "Twin-3", "host_name": "TWIN", "isolation_status": "isolated", "ip_address_list": "10.0.0.3"},
        {"entity_id": "Other", "host_name": "OTHER", "ip_address_list": "10.0.0.4"},
    ]);
    let console = Console::of_agents(&agents, AT_ONCE);
    let env = TestEnv::of(&console);
    let list = env.file("hosts.txt", "twin\n10.0.0.2\n");
    let output = env.run(["apex-isolate", "--yes", "--allow-multiple", "-o", "jsonl", &list]).exits(0);
    assert_eq!(console.cut_off(), ["Twin-1", "Twin-2", "Twin-3"]);
    assert_eq!(console.posts(), 2);
    assert_eq!(output.outcomes(), [("already".to_owned(), 1), ("confirmed".to_owned(), 2)].into(), "{output}");
    // What leads on from here means the same agents.
    let human = env.run(["apex-isolate", "--dry-run", "--restore", "--allow-multiple", &list]).exits(0);
    assert!(human.stdout.contains("apex-isolate --restore --allow-multiple hosts.txt"), "{human}");
    // An address is no name: it stands for one agent or for none.
    let twins = json!([
        {"entity_id": "Twin-1", "host_name": "A", "ip_address_list": "10.0.0.1"},
        {"entity_id": "Twin-2", "host_name": "B", "ip_address_list": "10.0.0.1"},
    ]);
    let console = Console::of_agents(&twins, AT_ONCE);
    let env = TestEnv::of(&console);
    let list = env.file("hosts.txt", "10.0.0.1\n");
    env.run(["apex-isolate", "--yes", "--allow-multiple", &list]).exits(6);
    console.was_left_alone();
}

#[test]
fn by_says_what_every_target_is() {
    let (console, env) = examples();
    let list = env.file("hosts.txt", "LAB PC-Ü1\nlab pc-ü1\n");
    env.run(["apex-isolate", "--yes", &list]).exits(2);
    env.run(["apex-isolate", "--yes", "--by", "host", &list]).exits(0);
    assert_eq!(changed(&console), [("LAB PC-Ü1".to_owned(), Isolation::Isolated)]);
    let output = env.run(["apex-isolate", "--restore", "--yes", "--by", "host", &list]).exits(0);
    assert_eq!(changed(&console), []);
    assert!(output.stdout.contains("LAB PC-Ü1"), "{output}");
}

#[test]
fn apex_isolate_without_consent_sends_nothing() {
    let (console, env) = examples();
    let list = env.file("hosts.txt", "FILES-02\n");
    let output = env.run_with_input(["apex-isolate", &list], "y\n").exits(5).says("--yes");
    assert_eq!(output.stdout, "", "{output}");
    for answer in ["n\n", "\n", "\u{4}"] {
        let mut terminal = Terminal::start(&env, &["apex-isolate", "hosts.txt"]);
        terminal.shows("found 1 agent").shows(FILES).shows("[y/N]").types(answer);
        let (screen, code) = terminal.ends();
        assert_eq!(code, Some(5), "{answer:?}\n{screen}");
        assert!(screen.contains("nothing was sent"), "{screen}");
    }
    console.was_left_alone();
    assert!(env.journals().is_empty());
    let mut terminal = Terminal::start(&env, &["apex-isolate", "hosts.txt"]);
    terminal.shows("[y/N]").types("y\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(changed(&console), [("FILES-02".to_owned(), Isolation::Isolated)]);
}

#[test]
fn a_rehearsal_needs_neither_consent_nor_configuration() {
    let rehearse = ["apex-isolate", "--simulate", "--faults", "swift.toml", "-o", "jsonl", "hosts.txt"];
    let env = TestEnv::new();
    env.file("swift.toml", AT_ONCE);
    env.file("hosts.txt", "alpha\nbravo.corp.example\n10.0.0.7\n02:00:5e:10:20:01\nid:AGENT-9\n");
    for more in [&[][..], &["--restore"]] {
        let output = env.run(rehearse.iter().chain(more)).exits(0);
        assert_eq!(output.outcomes().get("confirmed"), Some(&5), "{output}");
        assert!(output.results().iter().all(|result| result["simulated"] == true), "{output}");
    }
    let (console, env) = examples();
    env.file("swift.toml", AT_ONCE);
    env.file("hosts.txt", "FILES-02\n");
    env.run(rehearse).exits(0);
    assert_eq!(console.stats().total(), 0, "a rehearsal leaves the real console alone");
}

#[test]
fn resume_goes_on_with_a_run_of_apex_isolate() {
    let console = Console::of_examples("[[confirm]]\nafter = \"1500ms\"\n");
    let env = TestEnv::of(&console);
    let list = env.file("hosts.txt", "FILES-02\nRECEPTION-01\n");
    let output = env.run(["apex-isolate", "--yes", "--wait=10ms", &list]).exits(6);
    assert!(output.stdout.contains("unconfirmed") && output.stdout.contains("next: edrctl resume"), "{output}");
    let output = env.run(["resume", "latest", "--yes", "--wait=20s", "-o", "jsonl"]).exits(0);
    assert_eq!(output.outcomes().get("confirmed"), Some(&2), "{output}");
    assert_eq!(console.cut_off().len(), 2 + 3, "the fixtures begin with three");
    assert_eq!(console.posts(), 2, "nothing is sent twice");
    env.run(["runs", "verify"]).exits(0);
}

/// A console with one agent, that answers and does not change.
fn one_agent(id: &'static str) -> FakeConsole {
    FakeConsole::new(move |_| {
        let agent = json!({
            "entity_id": id, "product": "SLF_PRODUCT_OFFICESCAN_CE", "host_name": "WEB-01", "ad_domain": "",
            "ip_address_list": "10.0.0.1", "mac_address_list": "", "isolation_status": "normal",
            "capabilities": ["cmd_isolate_agent", "cmd_restore_isolated_agent"],
        });
        let answer = json!({"result_code": 1, "result_description": "Operation successful", "result_content": [agent]});
        (200, answer.to_string())
    })
}

fn bodies(console: &FakeConsole) -> Vec<String> {
    console.asked().into_iter().filter(|asked| asked.method == "POST").map(|asked| asked.body).collect()
}

#[test]
fn an_action_names_one_agent_in_the_consoles_spelling_and_nothing_else() {
    for (id, targets) in [
        ("6A1c0F52-7b3D-4E88-9A41-0d5E2c7F1B90", "6a1c0f52-7b3d-4e88-9a41-0d5e2c7f1b90\n"),
        ("6A1c0F52-7b3D-4E88-9A41-0d5E2c7F1B90", "6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90\n"),
        ("7AD3E6150c92-48bf4e61-A3d7-059c-f2b8", "7ad3e6150C92-48BF4E61-a3d7-059c-F2B8\n"),
        ("Agent-\"9\"", "id:AGENT-\"9\"\n"),
        ("Agent-9", "web-01\n"),
        ("Agent-9", "10.0.0.1\n"),
    ] {
        let console = one_agent(id);
        let env = console.apex_env();
        // The console has no room for a comment, so none is sent.
        let output: Output = env.isolate_agents(targets, &["--comment", "IR-4711"]).exits(0);
        let expected = json!({"entity_id": id, "act": "cmd_isolate_agent", "allow_multiple_match": false});
        let sent: Vec<Value> = bodies(&console).iter().map(|body| serde_json::from_str(body).unwrap()).collect();
        assert_eq!(sent, [expected], "{output}");
        let asked = console.asked();
        let paths: Vec<(&str, &str)> = asked.iter().map(|asked| (asked.method.as_str(), asked.path.as_str())).collect();
        let agents = "/WebApp/API/AgentResource/ProductAgents";
        assert_eq!(paths, [("GET", agents), ("POST", agents)]);
        assert!(asked.iter().all(|asked| asked.authorized));
        assert_eq!(asked[0].body, "", "a list has no body");
    }
}

#[test]
fn several_agents_of_one_name_are_named_one_by_one_on_the_wire() {
    let console = FakeConsole::new(|asked| {
        let agent = |id: &str| {
            json!({"entity_id": id, "host_name": "TWIN", "isolation_status": "isolated",
                "capabilities": ["cmd_isolate_agent", "cmd_restore_isolated_agent"]})
        };
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let agents: Vec<Value> = match body["entity_id"].as_str() {
            Some(id) => vec![agent(id)],
            None => ["twin-1", "twin-2"].map(agent).into(),
        };
        (200, json!({"result_code": 1, "result_content": agents}).to_string())
    });
    let env = console.apex_env();
    let list = env.file("hosts.txt", "twin\n");
    // The console never says `normal`, so nothing is proved; what was sent is what counts here.
    env.run(["apex-isolate", "--restore", "--allow-multiple", "--yes", "--wait=1ms", &list]).exits(6);
    let mut sent = bodies(&console);
    sent.sort();
    let expected = ["twin-1", "twin-2"]
        .map(|id| json!({"entity_id": id, "act": "cmd_restore_isolated_agent", "allow_multiple_match": false}));
    let sent: Vec<Value> = sent.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(sent, expected);
}

#[test]
fn an_agent_without_an_id_is_never_acted_on_and_makes_its_name_ambiguous() {
    let able = json!(["cmd_isolate_agent"]);
    for id in [json!(""), json!("  "), json!(null), json!({})] {
        let able = able.clone();
        let console = FakeConsole::new(move |asked| {
            let agents = match asked.method.as_str() {
                "GET" => json!([
                    {"entity_id": "good", "host_name": "WEB-01", "capabilities": able},
                    {"entity_id": id, "host_name": "WEB-01", "capabilities": able},
                    {"entity_id": id, "host_name": "WEB-02", "capabilities": able, "ip_address_list": "10.0.0.2"},
                    {"entity_id": id, "host_name": "WEB-03", "capabilities": able},
                    {"entity_id": id, "host_name": "WEB-03", "capabilities": able},
                    {"entity_id": "other", "host_name": "WEB-04", "capabilities": able},
                ]),
                _ => json!([{"entity_id": "other"}]),
            };
            (200, json!({"result_code": 1, "result_content": agents}).to_string())
        });
        let env = console.apex_env();
        let output = env.isolate_agents("web-01\nweb-02\n10.0.0.2\nweb-03\nweb-04\n", &[]).exits(6);
        let results = output.results();
        let of = |target: &str| results.iter().find(|result| result["target"] == target).unwrap();
        for (target, code) in
            [("web-01", "ambiguous"), ("web-02", "protocol"), ("10.0.0.2", "protocol"), ("web-03", "ambiguous")]
        {
            assert_eq!(
                (&of(target)["outcome"], &of(target)["reason_code"]),
                (&json!("unresolved"), &json!(code)),
                "{output}"
            );
        }
        assert!(of("web-02")["reason"].as_str().unwrap().contains("lists this host without an id"), "{output}");
        assert_eq!(of("web-04")["outcome"], "accepted", "{output}");
        assert_eq!(bodies(&console).len(), 1, "{output}");
        let listed = env.run(["hosts", "--vendor", "apex", "--plain"]).exits(0);
        assert_eq!(listed.stdout.lines().filter(|line| line.starts_with('#')).count(), 4, "{listed}");
        // Where every agent of a name is wanted, it is none of them.
        let output =
            env.run_with_input(["apex-isolate", "--yes", "--allow-multiple", "-o", "jsonl", "-"], "web-03\n").exits(6);
        assert_eq!(output.outcomes()["unresolved"], 2, "{output}");
    }
}

#[test]
fn an_agent_that_lists_no_capability_is_refused() {
    for capabilities in [json!(null), json!("cmd_isolate_agent"), json!({}), json!([])] {
        let console = FakeConsole::new(move |_| {
            let agents = json!([{"entity_id": "a", "host_name": "WEB-01", "isolation_status": "normal", "capabilities": capabilities}]);
            (200, json!({"result_code": 1, "result_content": agents}).to_string())
        });
        let output = console.apex_env().isolate_agents("web-01\n", &[]).exits(6);
        assert_eq!(output.results()[0]["reason_code"], "not_capable", "{output}");
        assert_eq!(bodies(&console), [""; 0], "nothing was sent");
    }
}

#[test]
fn hosts_in_doubt_are_settled_by_no_more_looks_than_there_are_hosts() {
    // Every change is done, and a login page answers in the console's place.
    let played = PlayedApex::new(64, |_, _| Said { done: true, status: 200, body: "<html>login</html>".to_owned() });
    let output = played.isolate(&["--concurrency", "8"]).exits(0);
    assert_eq!((played.off(), played.posts()), (64, 64), "{output}");
    let looks = played.console.asked().into_iter().filter(|asked| asked.method == "GET").skip(1);
    let looks = looks.count();
    assert!(looks <= 64, "{looks} looks");
}

#[test]
fn the_table_before_the_question_never_cuts_a_name() {
    let agents: Vec<Value> = (0..2)
        .map(|n| json!({"entity_id": format!("A-{n}"), "host_name": format!("PAYMENTS-MASTER-IN-ROOM-{n}"), "product": "SLF_PRODUCT_OFFICESCAN_CE", "ip_address_list": "2001:db8::1234:5678:9abc"}))
        .collect();
    let console = Console::of_agents(&json!(agents), AT_ONCE);
    let mut env = TestEnv::of(&console);
    env.set("COLUMNS", "40");
    let list = env.file("hosts.txt", "id:A-0\nid:A-1\n");
    let output = env.run(["apex-isolate", "--dry-run", &list]).exits(0);
    for n in 0..2 {
        assert!(output.stderr.contains(&format!("PAYMENTS-MASTER-IN-ROOM-{n} ")), "{output}");
    }
}

#[test]
fn resume_knows_the_agents_of_one_name_apart() {
    let agents = json!([{"entity_id": "Twin-1", "host_name": "TWIN"}, {"entity_id": "Twin-2", "host_name": "TWIN"}]);
    let console = Console::of_agents(&agents, "[[confirm]]\nafter = \"1500ms\"\n");
    let env = TestEnv::of(&console);
    let list = env.file("hosts.txt", "twin\n");
    env.run(["apex-isolate", "--yes", "--allow-multiple", "--wait=10ms", &list]).exits(6);
    let output = env.run(["resume", "latest", "--yes", "--wait=20s", "-o", "jsonl"]).exits(0);
    let mut ids: Vec<Value> = output.results().iter().map(|result| result["host"]["id"].clone()).collect();
    ids.sort_by_key(Value::to_string);
    assert_eq!(ids, ["Twin-1", "Twin-2"], "{output}");
    assert_eq!((console.cut_off().len(), console.posts()), (2, 2));
}

#[test]
fn what_agents_are_called_cannot_hurt_a_terminal() {
    let agents = json!([{
        "entity_id": "Agent-\u{1b}[2J9", "host_name": "WEB\u{1b}]0;x\u{7}\n\u{202e}01", "product": "P\u{9b}31m",
        "ip_address_list": "10.0.0.1",
    }]);
    let console = Console::of_agents(&agents, AT_ONCE);
    let env = TestEnv::of(&console);
    let list = env.file("hosts.txt", "10.0.0.1\n");
    for command in [&["apex-isolate", "--yes"][..], &["isolate", "--vendor", "apex", "--dry-run"]] {
        let output = env.run(command.iter().chain(&[list.as_str()])).exits(0);
        let hostile = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!output.stdout.contains(hostile) && !output.stderr.contains(hostile), "{output}");
        assert!(output.stderr.lines().all(|line| !line.starts_with("01")), "{output}");
    }
    assert_eq!(console.cut_off().len(), 1);
}

#[test]
fn a_long_list_of_agents_is_shown_in_part_and_acted_on_whole() {
    let console = Console::apex(edrctl::simulator::Fleet::of_size(60), AT_ONCE);
    let env = TestEnv::of(&console);
    let list = env.file("hosts.txt", console.guids());
    let output = env.run(["apex-isolate", "--yes", "-o", "jsonl", &list]);
    let able = console.fleet().hosts().iter().filter(|host| host.available).count();
    assert_eq!((console.cut_off().len(), console.posts()), (able, able as u64));
    assert!(output.stderr.contains("found 60 agents") && output.stderr.contains("and 10 more"), "{output}");
}

//! What is protected without anybody having written it down, and how one host is let through all the same.

use serde_json::Value;

use crate::support::{Console, ISOLATE, Output, SWIFT, TestEnv, records};

const FLEET: &str = "\
guid,hostname,ip,mac
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b201,alpha.corp.example,10.1.0.1,02:00:5e:10:20:01
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b202,jump01.corp.example,10.2.0.1,02:00:5e:10:20:02
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b203,dns1.corp.example,10.2.0.2,02:00:5e:10:20:03
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b204,fw.corp.example,10.2.0.254,02:00:5e:10:20:04
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b205,web.corp.example,10.3.0.1,02:00:5e:10:20:05
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b206,ksc.corp.example,10.2.0.9,02:00:5e:10:20:06
";

/// A machine called `jump01`, with a resolver and a gateway, and a console beside the one that is asked.
fn machine() -> (Console, TestEnv) {
    let console = Console::of(FLEET, SWIFT);
    let env = TestEnv::of(&console);
    env.add_config("[kaspersky]\nurl = \"https://10.2.0.9:13299\"\n");
    env.file("machine/hostname", "jump01\n");
    env.file("machine/resolv.conf", "nameserver 10.2.0.2\nnameserver 127.0.0.53\n");
    // 10.2.0.254, in the order of the kernel.
    let route = if cfg!(target_endian = "little") { "FE00020A" } else { "0A0200FE" };
    env.file("machine/route", format!("Iface\tDestination\tGateway\neth0\t00000000\t{route}\t0003\n"));
    (console, env)
}

const GUARDED: [(&str, &str); 4] = [
    ("jump01.corp.example", "the machine that this runs on"),
    ("dns1.corp.example", "a resolver of this machine"),
    ("fw.corp.example", "a gateway of this machine"),
    ("ksc.corp.example", "the console of `[kaspersky]`"),
];

fn reason_of(output: &Output, name: &str) -> String {
    let results = output.results();
    let result = results.iter().find(|result| result["host"]["name"] == name).unwrap();
    assert_eq!((&result["outcome"], &result["reason_code"]), (&"refused".into(), &"protected".into()), "{output}");
    result["reason"].as_str().unwrap().to_owned()
}

#[test]
fn whoever_would_cut_off_the_way_back_is_refused_however_it_is_named() {
    let by_name = "alpha\njump01\ndns1\nfw\nweb\nksc\n";
    let by_address = "10.1.0.1\n10.2.0.1\n10.2.0.2\n10.2.0.254\n10.3.0.1\n10.2.0.9\n";
    for targets in [by_name, by_address] {
        let (console, env) = machine();
        let output = env.isolate(targets, &[]).exits(6);
        assert_eq!(console.asked(), ["alpha.corp.example", "web.corp.example"], "{output}");
        for (name, what) in GUARDED {
            assert!(reason_of(&output, name).contains(what), "{output}");
        }
    }
}

#[test]
fn ids_alone_are_looked_up_for_it() {
    let (console, env) = machine();
    let output = env.isolate(console.guids(), &[]).exits(6);
    assert_eq!(console.asked(), ["alpha.corp.example", "web.corp.example"], "{output}");
    assert_eq!(output.outcomes()["refused"], 4, "{output}");
}

#[test]
fn a_few_ids_at_a_large_console_are_looked_up_one_by_one() {
    let mut fleet = FLEET.to_owned();
    for n in 0..1_500 {
        fleet.push_str(&format!("3f1c2d94-7b60-4e2a-9a55-1c8e7d41{n:04},pc{n},10.9.{}.{},\n", n / 250, n % 250));
    }
    let console = Console::of(&fleet, SWIFT);
    let env = TestEnv::of(&console);
    env.file("machine/hostname", "jump01");
    let (jump, alpha) = (console.id_of("jump01.corp.example"), console.id_of("alpha.corp.example"));
    let output = env.isolate(format!("{jump}\n{alpha}\n"), &[]).exits(6);
    assert_eq!(console.asked(), ["alpha.corp.example"], "{output}");
    let stats = console.stats();
    assert_eq!(stats.requests("GET", edrctl::simulator::faults::Endpoint::Computers), 1);
    assert_eq!(stats.requests("GET", edrctl::simulator::faults::Endpoint::Computer), 2);
}

#[test]
fn everybody_may_be_put_back() {
    let (console, env) = machine();
    let everybody: String = GUARDED.iter().map(|(name, _)| format!("{name}\n")).collect();
    for (name, _) in GUARDED {
        env.isolate(format!("{name}\n"), &["--allow-protected", name, "--reason", "it is the patient", "--wait"])
            .exits(0);
    }
    let file = env.file("back.txt", everybody);
    env.run(["unisolate", "--vendor", "cisco", "--yes", "--wait", &file]).exits(0);
    assert!(console.fleet().hosts().iter().all(|host| host.state == edrctl::domain::host::Isolation::NotIsolated));
}

#[test]
fn one_host_is_let_through_with_a_reason_that_the_journal_keeps() {
    let (console, env) = machine();
    let more = ["--allow-protected", "dns1.corp.example", "--reason", "DNS is served from the other site"];
    let output = env.isolate("dns1\nfw\nalpha\n", &more).exits(6);
    assert_eq!(console.asked(), ["alpha.corp.example", "dns1.corp.example"], "{output}");
    let results = output.results();
    let note = results.iter().find(|result| result["target"] == "dns1").unwrap()["note"].to_string();
    assert!(note.contains("a resolver of this machine") && note.contains("--allow-protected"), "{note}");
    let header = records(&env.only_journal()).remove(0);
    assert_eq!(header["options"]["allow_protected"], Value::from(vec!["dns1.corp.example"]));
    assert_eq!(header["options"]["allow_reason"], "DNS is served from the other site");
}

#[test]
fn nothing_allows_more_than_one_host() {
    let (console, env) = machine();
    for host in ["*", "*.corp.example", "10.2.0.0/24", ""] {
        env.isolate("dns1\n", &["--allow-protected", host, "--reason", "x"]).exits(2);
    }
    // Without a reason there is no allowance, and without an allowance no reason.
    env.isolate("dns1\n", &["--allow-protected", "dns1.corp.example"]).exits(2);
    env.isolate("dns1\n", &["--reason", "x"]).exits(2);
    console.was_left_alone();
    // One that is not needed is told: it may be a slip of the pen.
    let output = env.isolate("alpha\n", &["--allow-protected", "dns2", "--reason", "x"]).exits(0);
    assert!(output.stderr.contains("`--allow-protected dns2` allows nothing"), "{output}");
}

#[test]
fn groups_and_operating_systems_protect_and_what_is_not_told_fails_closed() {
    for (entry, code) in [("os:*windows*", 5), ("os:*nothing like it*", 0), ("group:*", 5), ("group:no such group", 0)]
    {
        let console = Console::of(FLEET, SWIFT);
        let env = TestEnv::of(&console);
        env.add_config(&format!("[safety]\nprotected = [\"{entry}\"]\n"));
        let output = env.isolate("alpha\n", &[]).exits(code);
        assert_eq!(console.changes() == 0, code == 5, "{entry}\n{output}");
    }
}

#[test]
fn a_resumed_run_remembers_whom_it_was_allowed() {
    let (console, env) = machine();
    let file = env.file("hosts.txt", "dns1\n");
    let more = ["--allow-protected", "dns1.corp.example", "--reason", "the patient", &file];
    let died = env.command(ISOLATE.iter().chain(&more)).env("__EDRCTL_CRASH_AFTER_LINE", "2").output().unwrap();
    assert!(!died.status.success());
    console.was_left_alone();
    env.run(["resume", "latest", "--yes"]).exits(0);
    assert_eq!(console.asked(), ["dns1.corp.example"]);
}

#[test]
fn an_entry_that_could_cover_no_host_is_refused_behind_every_prefix() {
    let console = Console::of(FLEET, SWIFT);
    for entry in [
        "host:ALPH?",
        "host:^alpha",
        "host:[a]lpha",
        "host:alpha web",
        "host:10.1.0.1",
        "host:10.1.0.*",
        "host:alpha|web",
        "os:^win.*$",
        "os:win.*",
        "os:Windows ?",
        "group:a|b",
        "group:[ab]",
        "group:%a%",
    ] {
        let env = TestEnv::of(&console);
        env.add_config(&format!("[safety]\nprotected = [\"{entry}\"]\n"));
        let output = env.isolate("alpha\n", &[]).exits(3);
        assert!(output.stderr.contains("entry 1") && output.stderr.contains("hint:"), "{entry}\n{output}");
        let env = TestEnv::of(&console);
        env.file("vital.txt", format!("# vital\nweb\n{entry}\n"));
        let list = env.path().join("vital.txt");
        env.add_config(&format!("[safety]\nprotected = [\"@{}\"]\n", list.display()));
        let output = env.isolate("alpha\n", &[]).exits(3);
        assert!(output.stderr.contains("vital.txt line 3"), "{entry}\n{output}");
    }
    console.was_left_alone();
    // An address is told where it belongs, and a name is taken behind its prefix.
    let env = TestEnv::of(&console);
    env.add_config("[safety]\nprotected = [\"host:10.1.0.1\"]\n");
    let output = env.isolate("alpha\n", &[]).exits(3);
    assert!(output.stderr.contains("an address is no host name") && output.stderr.contains("`ip:`"), "{output}");
    let env = TestEnv::of(&console);
    env.add_config("[safety]\nprotected = [\"host:ALPH*\"]\n");
    env.isolate("alpha\n", &[]).exits(5);
    console.was_left_alone();
}

#[test]
fn a_name_protects_in_unicode_and_in_its_form_for_dns() {
    let fleet = "\
guid,hostname,ip,mac
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b301,xn--mller-kva.corp.example,10.1.0.1,02:00:5e:10:20:01
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b302,bücher.corp.example,10.1.0.2,02:00:5e:10:20:02
3f1c2d94-7b60-4e2a-9a55-0c8e7d41b303,web.corp.example,10.1.0.3,02:00:5e:10:20:03
";
    for entries in [
        ["müller.corp.example", "xn--bcher-kva.corp.example"],
        ["MÜLLER*", "XN--BCHER-KVA"],
        ["host:xn--mller-kva", "B*CHER.corp.example."],
        ["*üller.corp.example", "bü*"],
    ] {
        let console = Console::of(fleet, SWIFT);
        let env = TestEnv::of(&console);
        env.add_config(&format!("[safety]\nprotected = [\"{}\", \"{}\"]\n", entries[0], entries[1]));
        let output = env.isolate("10.1.0.1\n10.1.0.2\n10.1.0.3\n", &[]).exits(6);
        assert_eq!(console.asked(), ["web.corp.example"], "{entries:?}\n{output}");
        assert!(reason_of(&output, "xn--mller-kva.corp.example").contains("protected by"), "{output}");
        assert!(reason_of(&output, "bücher.corp.example").contains("protected by"), "{output}");
    }
    // One that is let through is let through by the name that the console keeps, and by no other.
    let console = Console::of(fleet, SWIFT);
    let env = TestEnv::of(&console);
    env.add_config("[safety]\nprotected = [\"müller*\"]\n");
    env.isolate("10.1.0.1\n", &["--allow-protected", "müller.corp.example", "--reason", "x"]).exits(5);
    console.was_left_alone();
    env.isolate("10.1.0.1\n", &["--allow-protected", "xn--mller-kva.corp.example", "--reason", "x"]).exits(0);
}

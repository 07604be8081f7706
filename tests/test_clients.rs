//! The standing simulated console, from outside: its ready configuration, other people's clients, its end.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command},
};

use edrctl::simulator::{Fleet, faults::Endpoint};
use rustix::process::Signal;

use crate::support::{Console, Output, SWIFT, TestEnv, signal};

/// A console that another process serves; its configuration is `console.toml`.
struct Standing {
    env: TestEnv,
    child: Option<Child>,
    /// Kept open: whoever serves may still have something to say.
    stdout: BufReader<ChildStdout>,
    settings: toml::Table,
}

impl Standing {
    fn new(env: TestEnv, more: &[&str]) -> Self {
        let mut child = env.start([&["simulate", "--vendor", "cisco"], more].concat());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut config = String::new();
        let consoles = 1 + usize::from(more.contains(&"apex"));
        // The last key of each section is printed when the consoles serve.
        while config.matches("ca_file").count() < consoles {
            assert!(stdout.read_line(&mut config).unwrap() > 0, "it ended before it served: {config}");
        }
        env.private_file("console.toml", &config);
        let settings = toml::from_str::<toml::Table>(&config).unwrap();
        Self { env, child: Some(child), stdout, settings: settings["cisco"].as_table().unwrap().clone() }
    }

    fn setting(&self, key: &str) -> &str {
        self.settings[key].as_str().unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        self.env.run([args, &["--config", "console.toml"]].concat())
    }

    fn guids(&self) -> Vec<String> {
        let listed = self.run(&["hosts", "--vendor", "cisco", "-o", "jsonl"]).exits(0);
        listed.results().iter().map(|host| host["id"].as_str().unwrap().to_owned()).collect()
    }

    /// One of the clients, as it lies there.
    #[track_caller]
    fn client(&self, program: &str, args: &[&str]) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(program);
        // The interpreter is found as on any machine; what it is told of the console is all it gets beside.
        let output = Command::new("python3")
            .arg(path)
            .args(args)
            .current_dir(self.env.path())
            .env("CONSOLE_URL", self.setting("base_url"))
            .env("CLIENT_ID", self.setting("client_id"))
            .env("API_KEY", self.setting("api_key"))
            .env("REQUESTS_CA_BUNDLE", self.setting("ca_file"))
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .unwrap_or_else(|error| panic!("python3 with the module `requests` is needed (tests/run.sh): {error}"));
        let output = Output::new(output, self.env.path());
        assert_eq!(output.code, Some(0), "{program} {args:?} (it needs `requests`, see tests/run.sh)\n{output}");
        output.stdout
    }

    /// Ends the console as an operator would.
    fn stop(&mut self) -> Output {
        let child = self.child.take().unwrap();
        signal(&child, Signal::TERM);
        self.env.finish(child)
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        drop(self.stdout.fill_buf());
    }
}

#[test]
fn the_ready_configuration_is_ready() {
    let mut standing = Standing::new(TestEnv::new(), &["--fleet", "15"]);
    let ca_file = PathBuf::from(standing.setting("ca_file"));
    assert!(ca_file.is_absolute());
    assert!(fs::read_to_string(&ca_file).unwrap().contains("BEGIN CERTIFICATE"));
    standing.run(&["check", "cisco"]).exits(0);
    let guids = standing.guids();
    assert_eq!(guids.len(), 15);
    standing.env.file("hosts.txt", guids.join("\n"));
    let isolate = ["isolate", "--vendor", "cisco", "--yes", "--wait=30s", "-o", "jsonl", "hosts.txt"];
    assert_eq!(standing.run(&isolate).exits(0).outcomes()["confirmed"], 15);
    let status = standing.run(&["status", "--vendor", "cisco", "-o", "jsonl", "hosts.txt"]).exits(0);
    assert!(status.results().iter().all(|result| result["state"] == "isolated"), "{status}");
    let stopped = standing.stop().exits(0);
    assert!(stopped.stderr.contains("15 hosts isolated"), "{stopped}");
    assert!(!ca_file.exists(), "the certificate of a console that is gone is of no use");
}

#[test]
fn the_configuration_can_be_written_to_a_private_file() {
    let env = TestEnv::new();
    let mut standing = Standing::new(env, &["--fleet", "3", "--write-config", "ready.toml", "--write-ca", "ready.pem"]);
    let mode = fs::metadata(standing.env.path().join("ready.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    standing.env.run(["check", "cisco", "--config", "ready.toml"]).exits(0);
    let path = standing.env.path().join("ready.pem");
    standing.stop().exits(0);
    assert!(path.is_file(), "what was asked for stays");
}

#[test]
fn one_program_serves_every_console_that_is_asked_for() {
    // Two ports in a row that nobody has.
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).ok()?.local_addr().ok();
    let port =
        (0..50).find_map(|_| free(0).map(|at| at.port()).filter(|port| *port < u16::MAX && free(port + 1).is_some()));
    let port = port.unwrap();
    let listen = format!("127.0.0.1:{port}");
    let more = ["--vendor", "apex", "--vendor", "cisco", "--fleet", "4", "--listen", &listen];
    let mut standing = Standing::new(TestEnv::new(), &more);
    for vendor in ["cisco", "apex"] {
        standing.run(&["check", vendor]).exits(0);
        let listed = standing.run(&["hosts", "--vendor", vendor, "-o", "jsonl"]).exits(0);
        assert_eq!(listed.results().len(), 4, "{vendor}: {listed}");
    }
    let config = fs::read_to_string(standing.env.path().join("console.toml")).unwrap();
    let config = toml::from_str::<toml::Table>(&config).unwrap();
    assert_eq!(config["cisco"]["base_url"].as_str().unwrap(), format!("https://127.0.0.1:{port}"));
    assert_eq!(config["apex"]["url"].as_str().unwrap(), format!("https://127.0.0.1:{}", port + 1));
    let stopped = standing.stop().exits(0);
    assert_eq!(stopped.stderr.matches("until stopped").count(), 2, "{stopped}");
}

#[test]
fn a_fleet_file_and_a_fault_file_make_a_rehearsal() {
    let env = TestEnv::new();
    env.file("fleet.csv", "hostname,state,available\nweb01,,\nweb02,isolated,\nkiosk,,false\n");
    env.file("faults.toml", "[[fault]]\nmethod = \"PUT\"\nper_host = true\nnth = 1\ndo = \"cut_after\"\n");
    let mut standing = Standing::new(env, &["--fleet", "fleet.csv", "--faults", "faults.toml"]);
    standing.env.file("hosts.txt", "web01\nweb02\nkiosk\n");
    let output = standing.run(&["isolate", "--vendor", "cisco", "--yes", "--wait=30s", "-o", "jsonl", "hosts.txt"]);
    let output = output.exits(6);
    assert_eq!(output.outcomes()["confirmed"], 1, "{output}");
    assert_eq!(output.outcomes()["already"], 1, "{output}");
    assert_eq!(output.outcomes()["refused"], 1, "{output}");
    standing.stop().exits(0);
}

#[test]
fn a_console_that_cannot_be_served_says_why() {
    let env = TestEnv::new();
    env.file("faults.toml", "[quota]\nlimt = 3\n");
    let wrong = env.run(["simulate", "--vendor", "cisco", "--faults", "faults.toml"]).exits(2);
    assert!(wrong.stderr.contains("limt"), "{wrong}");
    env.run(["simulate", "--vendor", "cisco", "--fleet", "nowhere.csv"]).exits(2);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let wrong = env.run(["simulate", "--vendor", "cisco", "--listen", &address]).exits(4);
    assert!(wrong.stderr.contains(&address), "{wrong}");
}

#[test]
fn other_peoples_clients_work_unchanged() {
    let mut standing = Standing::new(TestEnv::new(), &["--fleet", "1203"]);
    assert!(standing.client("version.py", &[]).starts_with('v'));
    let listed = standing.client("paginate.py", &[]);
    assert_eq!(listed.lines().count(), 1203, "three pages");
    let guid = listed.split_whitespace().next().unwrap().to_owned();
    assert!(standing.client("one_host.py", &["options", &guid]).contains("PUT"));
    assert!(standing.client("one_host.py", &["get", &guid]).contains("not_isolated"));
    assert!(standing.client("lifecycle.py", &[&guid]).contains("quota left"));
    assert!(standing.client("states.py", &[]).contains("not_isolated 1203"));
    standing.stop().exits(0);
}

#[test]
fn the_published_way_to_isolate_a_list_works_and_so_does_its_configuration() {
    let mut standing = Standing::new(TestEnv::new(), &["--fleet", "8"]);
    let guids = standing.guids();
    standing.env.file("guids.txt", guids.join("\n"));
    let config = format!(
        "BASE_URL={}/v1/computers/\nAPI_CLIENT_ID={}\nAPI_KEY={}\n",
        standing.setting("base_url"),
        standing.setting("client_id"),
        standing.setting("api_key")
    );
    standing.env.private_file("config.txt", config);
    assert_eq!(standing.client("bulk.py", &["isolate"]).matches("done:").count(), 8);
    // The same files are all that this program needs, but for the private CA.
    let ca_file = standing.setting("ca_file").to_owned();
    let run = |args: &[&str]| {
        let mut command = standing.env.command([args, &["--config", "config.txt"]].concat());
        Output::new(command.env("EDRCTL_CISCO_CA_FILE", &ca_file).output().unwrap(), standing.env.path())
    };
    let output = run(&["isolate", "--vendor", "cisco", "--yes", "-o", "jsonl", "guids.txt"]).exits(0);
    assert_eq!(output.outcomes()["already"], 8, "{output}");
    let output = run(&["unisolate", "--vendor", "cisco", "--yes", "--wait=30s", "-o", "jsonl", "guids.txt"]).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 8, "{output}");
    standing.stop().exits(0);
}

/// Consumes so many events of a stream, which the answer that made it says how to reach; what was printed.
#[track_caller]
fn consume(env: &TestEnv, ca_file: &str, access: &serde_json::Value, count: u32) -> Output {
    let text = |key: &str| access[key].as_str().unwrap().to_owned();
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/stream_consumer.py"))
        .arg(count.to_string())
        .current_dir(env.path())
        .env("AMQP_HOST", text("host"))
        .env("AMQP_PORT", text("port"))
        .env("AMQP_USER", text("user_name"))
        .env("AMQP_PASSWORD", text("password"))
        .env("AMQP_QUEUE", text("queue_name"))
        .env("CA_FILE", ca_file)
        .output()
        .unwrap_or_else(|error| panic!("python3 with the module `pika` is needed (tests/run.sh): {error}"));
    let output = Output::new(output, env.path());
    assert_eq!(output.code, Some(0), "it needs `pika`, see tests/run.sh\n{output}");
    output
}

#[test]
fn the_published_consumer_takes_every_event_of_a_stream_once() {
    let env = TestEnv::new();
    env.file("faults.toml", "streams.backlog = 1500\nconfirm = [{ after = '10ms' }]\n");
    let mut standing = Standing::new(env, &["--fleet", "4", "--faults", "faults.toml"]);
    let made = standing.client("make_stream.py", &["soc"]);
    let access: serde_json::Value = serde_json::from_str(&made).unwrap();
    let ca_file = standing.setting("ca_file").to_owned();
    let first = consume(&standing.env, &ca_file, &access, 1000);
    assert!(first.stdout.starts_with("waiting 1500\n"), "{first}");
    // What the first one had taken and not acknowledged comes again to the second.
    let second = consume(&standing.env, &ca_file, &access, 500);
    assert!(second.stdout.starts_with("waiting 500\n"), "{second}");
    let ids = |output: &Output| -> std::collections::BTreeSet<u64> {
        let lines = output.stdout.lines().filter(|line| line.starts_with("event "));
        lines.map(|line| line.split(' ').nth(1).unwrap().parse().unwrap()).collect()
    };
    let (first, second) = (ids(&first), ids(&second));
    assert_eq!((first.len(), second.len(), first.union(&second).count()), (1000, 500, 1500));

    standing.env.file("hosts.txt", standing.guids().join("\n"));
    let isolate = ["isolate", "--vendor", "cisco", "--yes", "--wait=30s", "-o", "jsonl", "hosts.txt"];
    standing.run(&isolate).exits(0);
    let told = consume(&standing.env, &ca_file, &access, 4);
    assert_eq!(told.stdout.matches(" 553648202 ").count(), 4, "{told}");
    let stopped = standing.stop().exits(0);
    assert!(stopped.stderr.contains("amqps://127.0.0.1:"), "{stopped}");
}

#[test]
fn the_published_way_to_isolate_an_apex_agent_works() {
    let console = Console::apex(Fleet::of_size(20), SWIFT);
    let env = TestEnv::new();
    let credentials = console.inner().credentials();
    env.file("ca.pem", console.ca_pem());
    let name = console.fleet().hosts()[7].name.clone();
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/apex_lifecycle.py"))
        .arg(&name)
        .current_dir(env.path())
        .env("CONSOLE_URL", console.inner().base_url())
        .env("APPLICATION_ID", &credentials.client_id)
        .env("API_KEY", &credentials.api_key)
        .env("CA_FILE", "ca.pem")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap_or_else(|error| panic!("python3 with the modules `requests` and `jwt` is needed: {error}"));
    let output = Output::new(output, env.path());
    assert_eq!(output.code, Some(0), "it needs `requests` and `jwt`, see tests/run.sh\n{output}");
    assert!(output.stdout.contains("agents: 20") && output.stdout.contains(&name), "{output}");
    let hosts = console.fleet().hosts();
    let asked: Vec<_> = hosts.iter().filter(|host| host.puts + host.deletes > 0).collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((asked[0].puts_accepted, asked[0].deletes_accepted, &asked[0].name), (1, 1, &name));
    assert_eq!(console.stats().requests("POST", Endpoint::Agents), 2);
    assert_eq!(console.fleet().isolated(), 0);
}

#[test]
fn a_list_of_apex_agents_is_isolated_and_restored_by_one_signed_request_after_the_other() {
    let console = Console::apex(Fleet::of_size(8), SWIFT);
    let env = TestEnv::new();
    let credentials = console.inner().credentials();
    env.file("ca.pem", console.ca_pem());
    let config = format!(
        "CONSOLE_URL={}\nAPPLICATION_ID={}\nAPI_KEY={}\n",
        console.inner().base_url(),
        credentials.client_id,
        credentials.api_key
    );
    env.private_file("config.txt", config);
    let names: Vec<String> = console.fleet().hosts().into_iter().map(|host| host.name).collect();
    env.file("hosts.txt", names.join("\n"));
    for deed in ["isolate", "restore"] {
        let output = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/apex_bulk.py"))
            .arg(deed)
            .current_dir(env.path())
            .env("REQUESTS_CA_BUNDLE", "ca.pem")
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .unwrap_or_else(|error| panic!("python3 with the modules `requests` and `jwt` is needed: {error}"));
        let output = Output::new(output, env.path());
        assert_eq!(output.code, Some(0), "it needs `requests` and `jwt`, see tests/run.sh\n{output}");
        assert_eq!(output.stdout.matches("done:").count(), 8, "{output}");
    }
    assert!(console.fleet().hosts().iter().all(|host| (host.puts_accepted, host.deletes_accepted) == (1, 1)));
    assert_eq!(console.stats().requests("POST", Endpoint::Agents), 16);
}

#[test]
fn every_signal_that_ends_a_program_ends_the_console_in_good_order() {
    for which in [Signal::INT, Signal::HUP, Signal::TERM] {
        let mut standing = Standing::new(TestEnv::new(), &[]);
        let child = standing.child.take().unwrap();
        signal(&child, which);
        let stopped = standing.env.finish(child).exits(0);
        assert!(stopped.stderr.contains("stopped after"), "{which:?}: {stopped}");
    }
}

/// The service and the hosts of a Security Center are quick.
const SWIFT_CENTER: &str = "kaspersky.pick_up_after = '10ms'\nconfirm = [{ after = '100ms' }]\n";

/// One of the clients of a Security Center; what it printed.
#[track_caller]
fn ksc_client(console: &Console, program: &str, internal: &str, args: &[&str]) -> Output {
    let env = TestEnv::new();
    let credentials = console.inner().credentials();
    env.file("klserver.pem", console.ca_pem());
    let output = Command::new("python3")
        .args(["-W", "ignore"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(program))
        .args(args)
        .current_dir(env.path())
        .env("CONSOLE_URL", console.inner().base_url())
        .env("KSC_USER", &credentials.client_id)
        .env("KSC_PASSWORD", &credentials.api_key)
        .env("KSC_INTERNAL", internal)
        .env("CERT_FILE", "klserver.pem")
        .output()
        .unwrap_or_else(|error| panic!("python3 with the module `requests` is needed (tests/run.sh): {error}"));
    Output::new(output, env.path())
}

#[test]
fn the_vendors_way_to_isolate_a_host_of_a_security_center_works() {
    for (account, internal) in [("internal", "1"), ("os", "0")] {
        let faults = format!("{SWIFT_CENTER}kaspersky.account = '{account}'\n");
        let console = Console::kaspersky(Fleet::of_size(5), &faults);
        let host = console.fleet().hosts()[3].clone();
        let shown = host.name.split('.').next().unwrap();
        let output = ksc_client(&console, "ksc_respond.py", internal, &[shown]);
        assert_eq!(output.code, Some(0), "{output}");
        assert!(output.stdout.contains("state 4 The task is completed"), "{output}");
        assert_eq!((console.fleet().isolated(), console.fleet().executed(&host.id).len()), (1, 1));
        // A login is good for one connection, and so one connection it is.
        assert_eq!((console.stats().connections(), console.stats().logons()), (1, 1));
        let output = ksc_client(&console, "ksc_respond.py", internal, &[shown, "off"]);
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!((console.fleet().isolated(), console.fleet().tasks().len()), (0, 2));
        let wrong = if internal == "1" { "0" } else { "1" };
        let refused = ksc_client(&console, "ksc_respond.py", wrong, &[shown]);
        assert!(refused.stderr.contains("login: 401"), "{refused}");
        assert_eq!(console.stats().logons_refused(), 1);
    }
}

#[test]
fn the_hosts_of_a_security_center_are_listed_through_a_session_on_a_pinned_certificate() {
    let console = Console::kaspersky(Fleet::of_size(450), SWIFT_CENTER);
    let output = ksc_client(&console, "ksc_inventory.py", "1", &[]);
    assert_eq!(output.code, Some(0), "{output}");
    let ids: std::collections::BTreeSet<&str> =
        output.stdout.lines().filter_map(|line| line.strip_prefix("host ")?.split(' ').next()).collect();
    assert_eq!(ids.len(), 450, "{output}");
    assert!(output.stdout.contains("version 15.") && output.stdout.contains("group 0 Managed devices"), "{output}");
    assert_eq!(console.stats().calls("ChunkAccessor.GetItemsChunk"), 4);
    assert_eq!(console.stats().requests("POST", Endpoint::Logon), 1);

    let other = Console::kaspersky(Fleet::of_size(1), "");
    let env = TestEnv::new();
    env.file("other.pem", other.ca_pem());
    let mismatch = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/ksc_inventory.py"))
        .current_dir(env.path())
        .env("CONSOLE_URL", console.inner().base_url())
        .env("KSC_USER", "u")
        .env("KSC_PASSWORD", "p")
        .env("CERT_FILE", "other.pem")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&mismatch.stderr).contains("Fingerprints did not match"), "{mismatch:?}");
    assert_eq!(console.stats().logons_refused(), 0, "it has not told its password");
}

#[test]
fn the_tasks_of_a_host_of_a_security_center_have_a_history() {
    let console = Console::kaspersky(Fleet::of_size(2), SWIFT_CENTER);
    let host = console.fleet().hosts()[0].clone();
    let shown = host.name.split('.').next().unwrap();
    assert_eq!(ksc_client(&console, "ksc_respond.py", "1", &[shown]).code, Some(0));
    let output = ksc_client(&console, "ksc_tasks.py", "1", &[&host.id]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(output.stdout.lines().count(), 3, "{output}");
    assert!(output.stdout.contains("completed 1 states [0, 1, 4] [Response][Kuma] isolateHost - "), "{output}");
}

/// One of the clients of a FortiGate; what it printed.
#[track_caller]
fn fgt_client(console: &Console, program: &str, args: &[&str]) -> Output {
    let env = TestEnv::new();
    env.file("ca.pem", console.ca_pem());
    let (credentials, firewall) = (console.inner().credentials(), console.inner().firewall().unwrap());
    let address = console.inner().ssh_address().unwrap();
    let mut command = Command::new("python3");
    command
        .args(["-W", "ignore"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(program))
        .args(args)
        .current_dir(env.path())
        .env("FGT_URL", console.inner().base_url())
        .env("FGT_TOKEN", &credentials.api_key)
        .env("FGT_HOST", address.ip().to_string())
        .env("FGT_PORT", address.port().to_string())
        .env("FGT_USER", &credentials.client_id)
        .env("FGT_PASSWORD", &credentials.api_key)
        .env("FGT_GROUP", firewall.group())
        .env("CA_FILE", "ca.pem")
        .env("NO_PROXY", "127.0.0.1");
    if firewall.vdoms().len() > 1 {
        command.env("FGT_VDOM", firewall.vdom());
    }
    let output = command.output().unwrap_or_else(|error| panic!("python3 is needed (tests/run.sh): {error}"));
    Output::new(output, env.path())
}

#[test]
fn the_library_that_scripts_use_drives_the_command_line_of_a_firewall() {
    for faults in ["", "fortigate.banner = true\n", "fortigate.vdoms = ['root', 'dmz']\n", "fortigate.legacy = true\n"]
    {
        let console = Console::fortigate(faults);
        let output = fgt_client(&console, "fgt_netmiko.py", &["203.0.113.7", "203.0.113.8", "203.0.113.9"]);
        if faults.contains("legacy") {
            // SSH libraries of today have dropped what the oldest units speak.
            assert_ne!(output.code, Some(0), "{output}");
            continue;
        }
        assert_eq!(output.code, Some(0), "it needs `netmiko`, see tests/run.sh\n{output}");
        assert!(output.stdout.contains("prompt fgt01 #") && output.stdout.contains("3 members"), "{output}");
        let firewall = console.inner().firewall().unwrap();
        let members = firewall.members("EDR-Threats").unwrap();
        let expected = ["none", "Partner-VPN-abuse", "nm-203.0.113.7", "nm-203.0.113.8", "nm-203.0.113.9"];
        assert_eq!(members, expected);
        assert_eq!(firewall.address("nm-203.0.113.8").unwrap().value, "203.0.113.8 255.255.255.255");
        assert_eq!(firewall.setting("console", "output").unwrap(), "more", "it puts the pager back");
        assert_eq!((firewall.ssh_sessions(), firewall.ssh_refused()), (1, 0));
    }
}

#[test]
fn the_library_that_scripts_use_drives_the_rest_interface_of_a_firewall() {
    for faults in ["", "fortigate.vdoms = ['root', 'dmz']\n"] {
        let console = Console::fortigate(faults);
        let output = fgt_client(&console, "fgt_rest.py", &["203.0.113.7", "203.0.113.8"]);
        assert_eq!(output.code, Some(0), "it needs `fortigate-api`, see tests/run.sh\n{output}");
        assert!(output.stdout.contains("policies 2"), "{output}");
        let firewall = console.inner().firewall().unwrap();
        assert_eq!(firewall.members("EDR-Threats").unwrap(), ["none", "Partner-VPN-abuse"]);
        assert_eq!(console.stats().requests("POST", Endpoint::Addresses), 4);
    }
}

#[test]
fn a_public_way_to_isolate_through_cybereason_works() {
    let console = Console::cybereason(Fleet::of_size(120), "cybereason.rate = 0\nconfirm = [{ after = '100ms' }]\n");
    let env = TestEnv::new();
    let credentials = console.inner().credentials();
    env.file("ca.pem", console.ca_pem());
    let host = console.fleet().hosts()[40].clone();
    let name = host.name.split('.').next().unwrap();
    let run = |password: &str| {
        let output = Command::new("python3")
            .args(["-W", "ignore"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/cyb_sensors.py"))
            .arg(name)
            .current_dir(env.path())
            .env("CONSOLE_URL", console.inner().base_url())
            .env("CYB_USER", &credentials.client_id)
            .env("CYB_PASSWORD", password)
            .env("CA_FILE", "ca.pem")
            .output()
            .unwrap_or_else(|error| panic!("python3 with the module `requests` is needed (tests/run.sh): {error}"));
        Output::new(output, env.path())
    };
    let output = run(&credentials.api_key);
    assert_eq!(output.code, Some(0), "it needs `requests`, see tests/run.sh\n{output}");
    for line in ["session 32", "version 23.2.110", "sensors 120", "isolate ['Succeeded']", "inbox 8", "signed out"] {
        assert!(output.stdout.contains(line), "`{line}`\n{output}");
    }
    let asked = console.fleet().host(&host.id).unwrap();
    assert_eq!((asked.puts_accepted, asked.deletes_accepted, console.fleet().isolated()), (1, 1, 0));
    assert!(run("wrong").stderr.contains("error"), "the redirect tells it");
}

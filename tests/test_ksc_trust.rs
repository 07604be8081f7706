//! Whom we speak to at a Security Center, who we are there, and what must never get out of either.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::json;

use crate::support::{Ksc, PlayedKsc, TestEnv, side_by_side};

/// An environment whose `[kaspersky]` leads to a console, with these lines instead of the one that names its certificate.
fn env_with(room: &Ksc, lines: &str) -> TestEnv {
    let env = TestEnv::new();
    let config = room.console.config(&env);
    let kept: Vec<&str> =
        config.lines().filter(|line| !line.starts_with("certificate") && !line.starts_with("ca_file")).collect();
    assert_eq!(kept.len() + 1, config.lines().count(), "{config}");
    write_config(&env, &format!("{}\n{lines}\n", kept.join("\n")));
    env.file("hosts.txt", room.console.guids());
    env
}

fn write_config(env: &TestEnv, text: &str) {
    let folder = env.path().join("home/.config/edrctl");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("config.toml");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// `key = "…/file"`.
fn file_line(env: &TestEnv, key: &str, file: &str) -> String {
    format!("{key} = \"{}\"", env.path().join(file).display())
}

const ISOLATE: [&str; 5] = ["isolate", "--vendor", "kaspersky", "--yes", "hosts.txt"];

#[test]
fn the_servers_own_certificate_is_trusted_to_the_byte_in_either_form_under_any_name() {
    let folder = TestEnv::new();
    for form in ["pem", "der"] {
        for host in ["127.0.0.1", "localhost"] {
            let room = Ksc::new(2, "");
            let der = CertificateDer::from_pem_slice(room.console.ca_pem().as_bytes()).unwrap();
            let content = if form == "pem" { room.console.ca_pem().as_bytes().to_vec() } else { der.to_vec() };
            folder.file("klserver.cer", content);
            let mut env = env_with(&room, &file_line(&folder, "certificate", "klserver.cer"));
            env.set("EDRCTL_KASPERSKY_URL", room.console.inner().base_url().replace("127.0.0.1", host));
            env.run(["check", "kaspersky"]).exits(0);
            env.run(ISOLATE).exits(0);
            assert_eq!(room.incidents().len(), 2, "{form} {host}");
        }
    }
}

#[test]
fn another_certificate_is_refused_and_nobody_is_told_the_password() {
    let (room, other) = (Ksc::new(1, ""), Ksc::new(1, ""));
    let folder = TestEnv::new();
    folder.file("other.cer", other.console.ca_pem());
    for line in
        [file_line(&folder, "certificate", "other.cer"), file_line(&folder, "ca_file", "other.cer"), String::new()]
    {
        let env = env_with(&room, &line);
        for args in [&["check", "kaspersky"][..], &ISOLATE] {
            let output = env.run(args).exits(4);
            assert!(output.stderr.contains("certificate"), "{output}");
        }
        assert!(env.journals().is_empty());
    }
    assert_eq!((room.console.stats().total(), other.console.stats().total()), (0, 0));
}

#[test]
fn an_authority_is_no_use_against_a_bare_certificate_and_a_hint_says_what_is() {
    let room = Ksc::new(1, "");
    let folder = TestEnv::new();
    folder.file("klserver.cer", room.console.ca_pem());
    let env = env_with(&room, &file_line(&folder, "ca_file", "klserver.cer"));
    let output = env.run(["check", "kaspersky"]).exits(4);
    assert!(output.stderr.contains("hint: ") && output.stderr.contains("`certificate`"), "{output}");
    let output = env_with(&room, "").run(["check", "kaspersky"]).exits(4);
    assert!(output.stderr.contains("hint: ") && output.stderr.contains("`certificate`"), "{output}");
    assert_eq!(room.console.stats().total(), 0);
    // One that has a name and an authority is trusted by that.
    let room = Ksc::new(1, "kaspersky.bare_certificate = false\n");
    folder.file("ca.pem", room.console.ca_pem());
    env_with(&room, &file_line(&folder, "ca_file", "ca.pem")).run(["check", "kaspersky"]).exits(0);
}

#[test]
fn a_pin_is_trusted_and_can_be_read_off_the_console() {
    let room = Ksc::new(1, "");
    let shown = env_with(&room, "").run(["check", "kaspersky", "--show-certificate", "-o", "jsonl"]).exits(0).result();
    for key in ["public_key_sha256", "certificate_sha256"] {
        let pin = shown[key].as_str().unwrap();
        env_with(&room, &format!("certificate_sha256 = \"{pin}\"")).run(["check", "kaspersky"]).exits(0);
    }
    let other = Ksc::new(1, "");
    let pin = shown["public_key_sha256"].as_str().unwrap();
    let output = env_with(&other, &format!("certificate_sha256 = \"{pin}\"")).run(["check", "kaspersky"]).exits(4);
    assert!(output.stderr.contains("pinned"), "{output}");
    assert_eq!(other.console.stats().total(), 0);
}

#[test]
fn two_ways_to_trust_contradict_each_other() {
    let room = Ksc::new(1, "");
    let folder = TestEnv::new();
    folder.file("klserver.cer", room.console.ca_pem());
    let certificate = file_line(&folder, "certificate", "klserver.cer");
    for other in [file_line(&folder, "ca_file", "klserver.cer"), "insecure = true".to_owned()] {
        let output = env_with(&room, &format!("{certificate}\n{other}")).run(["check", "kaspersky"]).exits(3);
        assert!(output.stderr.contains("certificate"), "{output}");
    }
    let output =
        env_with(&room, &file_line(&folder, "certificate", "nowhere.cer")).run(["check", "kaspersky"]).exits(3);
    assert!(output.stderr.contains("nowhere.cer"), "{output}");
    assert_eq!(room.console.stats().connections(), 0);
}

#[test]
fn insecure_works_and_is_told_on_every_run() {
    let room = Ksc::new(1, "");
    let env = env_with(&room, "insecure = true");
    for args in [
        &["check", "kaspersky"][..],
        &["hosts", "--vendor", "kaspersky", "-q"],
        &["status", "--vendor", "kaspersky", "hosts.txt"],
        &["isolate", "--vendor", "kaspersky", "--yes", "-q", "hosts.txt"],
        &["ksc-task", "getFile", "--path", r"C:\a", "--yes", "-q", "hosts.txt"],
    ] {
        // Whether a host is isolated this console does not tell.
        let code = if args.contains(&"status") { 6 } else { 0 };
        let output = env.run(args).exits(code).says("kaspersky.insecure").says("not verified");
        assert!(!output.stdout.contains("insecure"), "data stays data\n{output}");
    }
}

#[test]
fn accounts_of_the_console_and_of_the_domain_are_told_apart() {
    let cases = [
        ("internal", "either", "internal_user = true", 0),
        ("internal", "either", "internal_user = false", 4),
        ("os", "either", "internal_user = false\ndomain = \"CORP\"", 0),
        ("os", "raw", "internal_user = false\ndomain = \"CORP\"", 0),
        ("os", "raw", "internal_user = false\ndomain = \"CORP\"\ndomain_base64 = true", 4),
        ("os", "base64", "internal_user = false\ndomain = \"CORP\"\ndomain_base64 = true", 0),
        ("os", "base64", "internal_user = false\ndomain = \"CORP\"", 4),
        ("os", "either", "internal_user = false\ndomain = \"OTHER\"", 4),
        ("os", "either", "internal_user = true", 4),
        ("os", "either", "internal_user = true\ndomain = \"CORP\"", 3),
        ("os", "either", "domain = \"CORP\"", 3),
        ("internal", "either", "domain_base64 = true", 3),
    ];
    side_by_side(cases, |(account, form, lines, code)| {
        let room = Ksc::new(1, &format!("kaspersky.account = '{account}'\nkaspersky.domain = '{form}'\n"));
        let env = TestEnv::new();
        let config = room.console.config(&env);
        let own = ["internal_user", "domain"];
        let kept: Vec<&str> = config.lines().filter(|line| !own.iter().any(|key| line.starts_with(key))).collect();
        write_config(&env, &format!("{}\n{lines}\n", kept.join("\n")));
        env.file("hosts.txt", room.console.guids());
        let output = env.run(ISOLATE);
        assert_eq!(output.code, Some(code), "{account} {form}: {lines}\n{output}");
        assert_eq!(room.incidents().len(), usize::from(code == 0), "{account} {form}: {lines}");
        assert_eq!(room.console.stats().logons_refused(), u64::from(code == 4), "{account} {form}: {lines}");
    });
}

#[test]
fn the_hosts_of_a_virtual_server_are_found_there_and_nowhere_else() {
    let room = Ksc::new(2, "kaspersky.virtual_server = 'Zürich 2'\n");
    let output = room.isolate(&["--wait=30s"]).exits(0);
    room.assert_each_carried_out_once("isolateHost", "a virtual server");
    assert_eq!(output.outcomes()["confirmed"], 2);
    for (name, codes) in [("", [0, 6]), ("Genf", [4, 4])] {
        let env = TestEnv::new();
        let config = room.console.config(&env);
        let kept: Vec<&str> = config.lines().filter(|line| !line.starts_with("virtual_server")).collect();
        let line = if name.is_empty() { String::new() } else { format!("virtual_server = \"{name}\"") };
        write_config(&env, &format!("{}\n{line}\n", kept.join("\n")));
        env.file("hosts.txt", room.console.guids());
        env.run(["check", "kaspersky"]).exits(codes[0]);
        env.run(ISOLATE).exits(codes[1]);
    }
    assert_eq!(room.incidents().len(), 2);
}

/// Fails if one of these is in anything that was written.
#[track_caller]
fn assert_hidden(secrets: &[&str], seen: &[Vec<u8>], when: &str) {
    assert!(seen.iter().map(Vec::len).sum::<usize>() > 300, "{when}: there was something to look through");
    for bytes in seen {
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{when}: {secret} is in\n{}", String::from_utf8_lossy(bytes));
        }
    }
}

fn everything(env: &TestEnv) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    for command in [
        vec!["isolate", "--vendor", "kaspersky", "--yes", "--wait=3s", "-vv", "hosts.txt"],
        vec!["ksc-task", "getFile", "--path", r"C:\a", "--yes", "-vv", "-o", "json", "hosts.txt"],
        vec!["ksc-task", "getFile", "--path", r"C:\a", "--print", "-vv", "hosts.txt"],
        vec!["check", "kaspersky", "-vv"],
        vec!["hosts", "--vendor", "kaspersky", "-vv", "-o", "jsonl"],
        vec!["status", "--vendor", "kaspersky", "-vv", "hosts.txt"],
        vec!["resume", "latest", "--yes", "-vv"],
        vec!["runs", "show", "-vv"],
    ] {
        let output = env.command(command).env("RUST_LOG", "trace").output().unwrap();
        seen.extend([output.stdout, output.stderr]);
    }
    seen.extend(env.journals().into_iter().map(|journal| fs::read(journal).unwrap()));
    seen
}

#[test]
fn no_secret_is_in_anything_that_is_written_or_kept() {
    let bad_days = [
        "",
        "[[fault]]\nendpoint = \"logon\"\ndo = { status = 401 }\n",
        "[[fault]]\nendpoint = \"add_incident\"\ndo = { error = \"KLSTD 1184\" }\n",
        "[[fault]]\nendpoint = \"add_incident\"\ntimes = 1\ndo = \"cut_after\"\n",
        "[[fault]]\nendpoint = \"find_hosts\"\ntimes = 1\ndo = \"end_session\"\n",
        "[[fault]]\nendpoint = \"update_incident\"\ntimes = 1\ndo = \"garbage\"\n",
        "[[fault]]\nendpoint = \"logon\"\ndo = { redirect = \"https://login.example.test/\" }\n",
        "kaspersky.mfa = true\n",
    ];
    side_by_side(bad_days, |faults| {
        let room = Ksc::new(2, faults);
        let credentials = room.console.inner().credentials();
        let password = credentials.api_key.clone();
        let encoded = BASE64_STANDARD.encode(&password);
        let secrets = [password.as_str(), encoded.as_str(), "KSCBasic"];
        assert_hidden(&secrets, &everything(&room.env), faults);
    });
}

#[test]
fn a_console_that_quotes_our_secrets_is_not_repeated() {
    const PASSWORD: &str = "correct horse battery";
    const SESSION: &str = "nQ2x0m8tq5s1l3bWJvY2tldA==";
    let encoded = BASE64_STANDARD.encode(PASSWORD);
    for quoting in [
        "HostGroup.AddIncident",
        "HostGroup.UpdateIncident",
        "HostGroup.FindHosts",
        "Session.StartSession",
        "HostGroup.FindIncidents",
    ] {
        let said = format!("bad pass=\"{encoded}\" of {PASSWORD} in X-KSC-Session {SESSION}");
        let room = PlayedKsc::new(move |method, _| {
            (method == quoting).then(|| (200, json!({"PxgError": {"code": 1193, "module": "KLSTD", "message": said}})))
        });
        // What it says instead of making a session is no session yet.
        let session = if quoting == "Session.StartSession" { PASSWORD } else { SESSION };
        assert_hidden(&[PASSWORD, &encoded, session], &everything(&room.env), quoting);
    }
}

#[test]
fn no_secret_is_in_an_argument_and_none_can_be_given_as_one() {
    let room = Ksc::new(1, "");
    for option in ["--password=x", "--user=x"] {
        room.env.run([&ISOLATE[..], &[option]].concat()).exits(2);
    }
    let env = TestEnv::new();
    let config = room.console.config(&env);
    write_config(&env, &config);
    let path = env.path().join("home/.config/edrctl/config.toml");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let output = env.run(["check", "kaspersky"]).exits(3);
    assert!(!output.to_string().contains(&room.console.inner().credentials().api_key), "{output}");
    assert_eq!(room.console.stats().connections(), 0);
}

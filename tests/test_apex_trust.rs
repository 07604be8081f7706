//! Whom we speak to: private certificates, pins, addresses, and the configuration of several consoles.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::OpenOptionsExt as _,
};

use rustix::process::Signal;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{AT_ONCE, Console, TestEnv, signal};

const FILES: &str = "3E94B1F7-C026-4D58-B7A9-60D3F85E127C";

/// Who can have signed the certificate of a console.
const KINDS: [&str; 3] = ["ca", "self_signed", "self_signed_ca"];

fn console(kind: &str) -> Console {
    Console::of_examples(&format!("certificate = \"{kind}\"\n{AT_ONCE}"))
}

/// Writes the platform's configuration.
fn write_config(env: &TestEnv, text: &str) {
    use std::io::Write as _;
    let folder = env.path().join("home/.config/edrctl");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("config.toml");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The console's section without the line that says whom to trust.
fn distrustful(console: &Console, env: &TestEnv) -> String {
    let config = console.config(env);
    let lines: Vec<&str> = config.lines().filter(|line| !line.starts_with("ca_file")).collect();
    assert_eq!(lines.len() + 1, config.lines().count(), "{config}");
    lines.join("\n") + "\n"
}

/// An environment whose `[apex]` leads to a console, with these lines instead of `ca_file`.
fn env_with(console: &Console, lines: &str) -> TestEnv {
    let env = TestEnv::new();
    write_config(&env, &format!("{}{lines}\n", distrustful(console, &env)));
    env
}

fn shown(env: &TestEnv) -> Value {
    env.run(["check", "apex", "--show-certificate", "-o", "jsonl"]).exits(0).result()
}

#[test]
fn a_console_with_a_private_certificate_is_refused_until_it_is_named() {
    for kind in KINDS {
        let console = console(kind);
        let env = env_with(&console, "");
        let list = env.file("hosts.txt", "FILES-02\n");
        for args in [
            &["check", "apex"][..],
            &["isolate", "--vendor", "apex", "--yes", &list],
            &["apex-isolate", "--yes", &list],
        ] {
            let output =
                env.run(args).exits(4).says("certificate").says("hint: ").says("ca_file").says("certificate_sha256");
            assert!(output.stderr.contains("nothing was changed"), "{output}");
            assert_eq!(output.stdout, "", "{output}");
        }
        assert_eq!(console.stats().total(), 0, "{kind}: nothing is sent to a stranger");
        assert!(env.journals().is_empty());
    }
}

#[test]
fn a_named_certificate_is_trusted_whoever_signed_it() {
    for kind in KINDS {
        let console = console(kind);
        let env = TestEnv::new();
        write_config(&env, &console.config(&env));
        let list = env.file("hosts.txt", "FILES-02\n");
        env.run(["check", "apex"]).exits(0);
        env.run(["apex-isolate", "--yes", &list]).exits(0);
        assert!(console.cut_off().contains(&FILES.to_owned()), "{kind}");
    }
    // The certificate of another console of the same kind is another one.
    for kind in KINDS {
        let (console, other) = (console(kind), self::console(kind));
        let env = env_with(&console, "");
        env.file("other.pem", other.ca_pem());
        let path = env.path().join("other.pem").display().to_string();
        let config = format!("{}ca_file = \"{path}\"\n", distrustful(&console, &env));
        write_config(&env, &config);
        env.run(["check", "apex"]).exits(4).says("certificate");
        assert_eq!(console.stats().total(), 0, "{kind}");
    }
}

#[test]
fn a_pin_of_the_key_or_of_the_certificate_is_trusted_in_every_spelling() {
    for kind in KINDS {
        let console = console(kind);
        let presented = shown(&env_with(&console, ""));
        let text = |key: &str| presented[key].as_str().unwrap().to_owned();
        let (key, certificate) = (text("public_key_sha256"), text("certificate_sha256"));
        assert_ne!(key, certificate);
        let colons: Vec<String> =
            key.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        for pin in [key.clone(), certificate, format!("sha256:{key}"), colons.join(":")] {
            let env = env_with(&console, &format!("certificate_sha256 = \"{pin}\""));
            env.run(["check", "apex"]).exits(0);
        }
        let env = env_with(&console, &format!("certificate_sha256 = \"{key}\""));
        let list = env.file("hosts.txt", "FILES-02\n");
        env.run(["isolate", "--vendor", "apex", "--yes", &list]).exits(0);
        assert!(console.cut_off().contains(&FILES.to_owned()), "{kind}");
    }
}

#[test]
fn another_key_than_the_pinned_one_is_refused_and_nothing_is_sent() {
    for kind in KINDS {
        let (console, other) = (console(kind), self::console(kind));
        let pin = shown(&env_with(&other, ""))["public_key_sha256"].as_str().unwrap().to_owned();
        // A certificate that could be verified does not mend a key that is not the pinned one.
        for also in ["", "ca_file"] {
            let env = TestEnv::new();
            let config = if also.is_empty() { distrustful(&console, &env) } else { console.config(&env) };
            write_config(&env, &format!("{config}certificate_sha256 = \"{pin}\"\n"));
            let list = env.file("hosts.txt", "FILES-02\n");
            for args in [&["check", "apex"][..], &["apex-isolate", "--yes", &list]] {
                let output = env.run(args).exits(4).says("pinned");
                let presented = shown(&env)["public_key_sha256"].as_str().unwrap().to_owned();
                assert!(output.stderr.contains(&presented), "what was presented is told\n{output}");
            }
        }
        assert_eq!((console.stats().total(), other.stats().total()), (0, 0), "{kind}");
    }
    let console = console("ca");
    for wrong in ["abc", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"] {
        env_with(&console, &format!("certificate_sha256 = \"{wrong}\""))
            .run(["check", "apex"])
            .exits(3)
            .says("certificate_sha256");
    }
    let both =
        "insecure = true\ncertificate_sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"";
    env_with(&console, both).run(["check", "apex"]).exits(3).says("insecure").says("certificate_sha256");
    assert_eq!(console.stats().total(), 0);
}

#[test]
fn the_shown_certificate_is_the_presented_one_and_nothing_is_sent_for_it() {
    for kind in KINDS {
        let console = console(kind);
        let env = TestEnv::new();
        // The address is all that it takes.
        write_config(&env, &format!("[apex]\nurl = \"{}\"\n", console.inner().base_url()));
        let told = shown(&env);
        let der = CertificateDer::from_pem_slice(told["pem"].as_str().unwrap().as_bytes()).unwrap();
        let hash: String = Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(told["certificate_sha256"], hash.as_str());
        let self_signed = kind != "ca";
        assert_eq!(
            (&told["self_signed"], &told["is_ca"]),
            (&self_signed.into(), &(kind == "self_signed_ca").into()),
            "{told}"
        );
        if self_signed {
            assert_eq!(der, CertificateDer::from_pem_slice(console.ca_pem().as_bytes()).unwrap());
        }
        assert_eq!((&told["vendor"], &told["schema"]), (&"apex".into(), &"edrctl.certificate/1".into()));
        let human = env.run(["check", "apex", "--show-certificate"]).exits(0).stdout;
        for fact in ["localhost", "127.0.0.1", "2020-01-01 to 2090-01-01", hash.as_str()] {
            assert!(human.contains(fact), "`{fact}`\n{human}");
        }
        assert_eq!(human.contains("issued by    itself"), self_signed, "{human}");
        // The line that it prints works where it says that it belongs.
        let line = human.lines().find(|line| line.starts_with("certificate_sha256 = ")).unwrap();
        assert!(human.contains("[apex]"), "{human}");
        env.run(["check", "apex", "--show-certificate", "-o", "csv"]).exits(2);
        assert_eq!(console.stats().total(), 0, "{kind}: only looked at");
        assert!(console.stats().connections() >= 2);
        env_with(&console, line).run(["check", "apex"]).exits(0);
    }
}

#[test]
fn the_certificates_of_all_configured_consoles_are_shown() {
    let (apex, cisco) = (console("self_signed"), Console::new(3, ""));
    let env = TestEnv::new();
    write_config(&env, &format!("{}\n{}", distrustful(&apex, &env), distrustful(&cisco, &env)));
    let output = env.run(["check", "--show-certificate"]).exits(0);
    let address = |console: &Console| console.inner().base_url().to_owned();
    assert!(output.stdout.contains(&address(&apex)) && output.stdout.contains(&address(&cisco)), "{output}");
    // Only what can be pinned is offered as a pin.
    assert_eq!(output.stdout.matches("certificate_sha256 = ").count(), 1, "{output}");
    assert_eq!((apex.stats().total(), cisco.stats().total()), (0, 0));
}

#[test]
fn a_certificate_is_shown_without_an_address_only_in_a_rehearsal() {
    let env = TestEnv::new();
    env.run(["check", "apex", "--show-certificate"]).exits(3).says("url");
    let told = env.run(["check", "apex", "--show-certificate", "--simulate", "-o", "jsonl"]).exits(0).result();
    assert_eq!(told["public_key_sha256"].as_str().unwrap().len(), 64, "{told}");
    let mut gone = console("ca");
    let env = env_with(&gone, "");
    gone.stop();
    env.run(["check", "apex", "--show-certificate"]).exits(4);
}

#[test]
fn insecure_works_and_is_told_on_every_run() {
    let console = console("self_signed");
    let env = env_with(&console, "insecure = true");
    let list = env.file("hosts.txt", "FILES-02\n");
    for args in [
        &["check", "apex"][..],
        &["hosts", "--vendor", "apex", "-q"],
        &["status", "--vendor", "apex", &list],
        &["isolate", "--vendor", "apex", "--yes", "-q", &list],
        &["apex-isolate", "--restore", "--yes", "-q", "-o", "jsonl", &list],
        &["isolate", "--vendor", "apex", "--dry-run", &list],
    ] {
        let output = env.run(args).exits(0).says("apex.insecure").says("not verified");
        assert!(!output.stdout.contains("insecure"), "data stays data\n{output}");
    }
    // A rehearsal speaks to no console of that configuration.
    let output = env.run(["isolate", "--vendor", "apex", "--simulate", &list]).exits(0);
    assert!(!output.stderr.contains("insecure"), "{output}");
}

#[test]
fn an_address_with_a_path_is_refused_in_words() {
    let console = console("ca");
    let base = console.inner().base_url().to_owned();
    for path in ["/WebApp", "/WebApp/API/AgentResource/ProductAgents", "/x/"] {
        let env = TestEnv::new();
        write_config(&env, &console.config(&env).replace(&base, &format!("{base}{path}")));
        let list = env.file("hosts.txt", "FILES-02\n");
        for args in
            [&["check", "apex"][..], &["check", "apex", "--show-certificate"], &["apex-isolate", "--yes", &list]]
        {
            env.run(args).exits(3).says("apex.url").says("path");
        }
        let mut env = TestEnv::of(&console);
        env.set("EDRCTL_APEX_URL", format!("{base}{path}"));
        env.run(["check", "apex"]).exits(3).says("EDRCTL_APEX_URL").says("path");
    }
    assert_eq!((console.stats().total(), console.stats().connections()), (0, 0));
    // Slashes are no path.
    let mut env = TestEnv::of(&console);
    env.set("EDRCTL_APEX_URL", format!("{base}/"));
    env.run(["check", "apex"]).exits(0);
}

#[test]
fn an_option_that_a_console_has_no_use_for_is_refused() {
    let (apex, cisco) = (console("ca"), Console::new(3, ""));
    let env = TestEnv::new();
    let config = apex.config(&env);
    fs::rename(env.path().join("ca.pem"), env.path().join("apex.pem")).unwrap();
    write_config(&env, &format!("{}\n{}", config.replace("ca.pem", "apex.pem"), cisco.config(&env)));
    let list = env.file("hosts.txt", "FILES-02\n");
    env.private_file("code", "secret\n");
    for (args, option) in [
        (&["isolate", "--vendor", "cisco", "--yes", "--product", "X"][..], "--product"),
        (&["unisolate", "--vendor", "cisco", "--yes", "--product", "X"], "--product"),
        (&["status", "--vendor", "cisco", "--product", "X"], "--product"),
        (&["isolate", "--vendor", "cisco", "--yes", "--netbios"], "--netbios"),
        (&["status", "--vendor", "cisco", "--netbios"], "--netbios"),
        (&["isolate", "--vendor", "apex", "--yes", "--unlock-code=file:code"], "--unlock-code"),
    ] {
        env.run(args.iter().chain(&[list.as_str()])).exits(2).says(option);
    }
    env.run(["hosts", "--vendor", "cisco", "--product", "X"]).exits(2).says("--product");
    assert_eq!((apex.stats().total(), cisco.stats().total()), (0, 0));
    assert!(env.journals().is_empty());
}

#[test]
fn check_without_words_checks_every_configured_console_and_goes_on_after_a_failure() {
    let (mut apex, mut cisco) = (console("ca"), Console::new(3, ""));
    let env = TestEnv::new();
    let config = apex.config(&env);
    fs::rename(env.path().join("ca.pem"), env.path().join("apex.pem")).unwrap();
    write_config(&env, &format!("{}\n{}", config.replace("ca.pem", "apex.pem"), cisco.config(&env)));
    let both = env.run(["check", "-o", "jsonl"]).exits(0);
    let vendors: Vec<Value> = both.results().iter().map(|checked| checked["vendor"].clone()).collect();
    assert_eq!(vendors, ["cisco", "apex"]);
    cisco.stop();
    let output = env.run(["check", "-o", "jsonl"]).exits(4).says("Cisco Secure Endpoint").says("error: ");
    assert_eq!(output.result()["vendor"], "apex", "the one behind it is checked all the same");
    apex.stop();
    let output = env.run(["check"]).exits(4).says("Cisco Secure Endpoint").says("Trend Micro Apex Central");
    assert_eq!(output.stdout, "", "{output}");
    // Only what is configured is checked.
    let apex = console("ca");
    let env = TestEnv::of(&apex);
    assert_eq!(env.run(["check", "-o", "jsonl"]).exits(0).result()["vendor"], "apex");
    TestEnv::new().run(["check"]).exits(3).says("[apex]").says("[cisco]");
}

#[test]
fn one_simulator_serves_several_consoles() {
    let env = TestEnv::new();
    let serve =
        ["simulate", "--vendor", "apex", "--vendor", "cisco", "--vendor", "apex", "--write-config", "consoles.toml"];
    let mut child = env.start(serve);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    // The last key of each section is printed when the console serves.
    while text.matches("ca_file").count() < 2 {
        assert!(stdout.read_line(&mut text).unwrap() > 0, "it ended before it served: {text}");
    }
    let sections = toml::from_str::<toml::Table>(&text).unwrap();
    let names: Vec<&str> = sections.keys().map(String::as_str).collect();
    assert_eq!(names, ["apex", "cisco"]);
    assert_eq!(fs::read_to_string(env.path().join("consoles.toml")).unwrap(), text);
    let checked = env.run(["check", "--config", "consoles.toml", "-o", "jsonl"]).exits(0);
    assert_eq!(checked.results().len(), 2, "{checked}");
    for vendor in ["apex", "cisco"] {
        let listed = env.run(["hosts", "--vendor", vendor, "--config", "consoles.toml", "-o", "jsonl"]).exits(0);
        assert_eq!(listed.results().len(), 20, "{listed}");
    }
    signal(&child, Signal::TERM);
    env.finish(child).exits(0).says("serving https://127.0.0.1:").says("stopped after");
}

#[test]
fn the_simulator_serves_the_example_agents() {
    let env = TestEnv::new();
    let fleet = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/apex-agents.json");
    let mut child = env.start(["simulate", "--vendor", "apex", "--fleet", fleet]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("ca_file") {
        assert!(stdout.read_line(&mut text).unwrap() > 0, "it ended before it served: {text}");
    }
    env.private_file("console.toml", &text);
    let listed = env.run(["hosts", "--vendor", "apex", "--config", "console.toml", "-o", "jsonl"]).exits(0).results();
    assert_eq!(listed.len(), 16);
    assert!(listed.iter().any(|host| host["id"] == FILES && host["name"] == "FILES-02"));
    let list = env.file("hosts.txt", "FILES-02\nPLANT-PANEL-3\n");
    let output = env.run(["apex-isolate", "--config", "console.toml", "--yes", "-o", "jsonl", &list]).exits(6);
    assert_eq!(
        (output.outcome_of("FILES-02"), output.outcome_of("PLANT-PANEL-3")),
        ("confirmed".into(), "refused".into())
    );
    signal(&child, Signal::TERM);
    env.finish(child).exits(0);
}

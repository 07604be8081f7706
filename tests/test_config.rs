//! The configuration: its mistakes pointed at, its layers in order, its secrets nowhere to be seen.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::support::{Console, FakeConsole, ISOLATE, Output, SWIFT, TestEnv};

const CHECK: [&str; 2] = ["check", "cisco"];

fn one() -> (Console, TestEnv) {
    let console = Console::new(3, SWIFT);
    let env = TestEnv::of(&console);
    (console, env)
}

/// Runs `check` with this as the whole configuration.
fn check(env: &TestEnv, config: &str) -> Output {
    env.private_file("edrctl.toml", config);
    env.run(CHECK.iter().chain(&["--config", "edrctl.toml"]))
}

#[test]
fn a_mistake_is_pointed_at_with_file_line_and_what_was_meant() {
    let (console, env) = one();
    let good = console.config(&env);
    let lines = good.lines().count();
    for (extra, says) in [
        ("api_kye = \"x\"", "api_key"),
        ("concurency = 3", "concurrency"),
        ("concurrency = \"three\"", "concurrency"),
        ("concurrency = 0", "concurrency"),
        ("insecure = \"yes\"", "insecure"),
        ("timeout = 30", "timeout"),
        ("timeout = \"soon\"", "timeout"),
        ("region = \"europe\"", "region"),
        ("ca_file = [\"a\"]", ""),
        ("[cicso]", "cisco"),
        ("[safety]\nprotect = []", "protected"),
    ] {
        // One key stands there twice otherwise.
        let base: String =
            if extra.starts_with("ca_file") { good.replace("ca_file", "# ca_file") } else { good.clone() };
        let line = lines + extra.lines().count();
        let output = check(&env, &format!("{base}{extra}\n")).exits(3).says("edrctl.toml").says(says);
        assert!(output.stderr.contains(&format!("line {line}")), "{extra}\n{output}");
    }
    assert_eq!(console.stats().total(), 0);
}

#[test]
fn what_is_missing_is_named_with_the_variable_that_would_set_it() {
    let (console, env) = one();
    let good = console.config(&env);
    for (key, variable) in [
        ("client_id", "EDRCTL_CISCO_CLIENT_ID"),
        ("api_key", "EDRCTL_CISCO_API_KEY"),
        ("base_url", "EDRCTL_CISCO_REGION"),
    ] {
        let config: String =
            good.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect();
        check(&env, &config).exits(3).says(key).says(variable);
    }
    let nothing = TestEnv::new();
    nothing.run(CHECK).exits(3).says("hint: ");
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let (console, env) = one();
    let config = console.config(&env);
    for mode in [0o644, 0o640, 0o604, 0o660, 0o666] {
        env.private_file("edrctl.toml", &config);
        fs::set_permissions(env.path().join("edrctl.toml"), fs::Permissions::from_mode(mode)).unwrap();
        env.run(CHECK.iter().chain(&["--config", "edrctl.toml"])).exits(3).says("chmod 600");
    }
    assert_eq!(console.stats().total(), 0);
    // A file that only says where the secret is may be read by anybody.
    let key = console.inner().credentials().api_key.clone();
    let config: String =
        config
            .lines()
            .map(|line| {
                if line.starts_with("api_key") { "api_key = { file = \"key\" }\n".into() } else { format!("{line}\n") }
            })
            .collect();
    env.private_file("key", &key);
    env.private_file("edrctl.toml", &config);
    fs::set_permissions(env.path().join("edrctl.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    env.run(CHECK.iter().chain(&["--config", "edrctl.toml"])).exits(0);
}

#[test]
fn a_secret_is_read_from_a_file_a_variable_or_a_command() {
    let (console, mut env) = one();
    let key = console.inner().credentials().api_key.clone();
    env.private_file("key", format!("{key}\n"));
    env.set("MY_KEY", &key);
    let config = console.config(&env);
    for source in [
        "{ file = \"key\" }",
        "{ env = \"MY_KEY\" }",
        "{ command = \"cat key; echo more\" }",
        "{ command = [\"head\", \"-n1\", \"key\"] }",
    ] {
        let config: String = config
            .lines()
            .map(|line| if line.starts_with("api_key") { format!("api_key = {source}\n") } else { format!("{line}\n") })
            .collect();
        check(&env, &config).exits(0);
    }
    for source in [
        "{ file = \"nowhere\" }",
        "{ env = \"NOT_SET\" }",
        "{ command = \"exit 3\" }",
        "{ command = [\"/no/such/program\"] }",
        "{ command = \"true\" }",
        "{ file = \"key\", env = \"MY_KEY\" }",
        "{ flie = \"key\" }",
        "17",
    ] {
        let config: String = config
            .lines()
            .map(|line| if line.starts_with("api_key") { format!("api_key = {source}\n") } else { format!("{line}\n") })
            .collect();
        let output = check(&env, &config).exits(3);
        assert!(output.stderr.contains("api_key"), "{source}\n{output}");
    }
}

#[test]
fn the_environment_overrides_the_file_and_is_enough_alone() {
    let (console, mut env) = one();
    let credentials = console.inner().credentials().clone();
    let config = console.config(&env).replace(&credentials.api_key, "00000000-0000-0000-0000-000000000000");
    check(&env, &config).exits(4);
    env.set("EDRCTL_CISCO_API_KEY", &credentials.api_key);
    check(&env, &config).exits(0);
    let mut bare = TestEnv::new();
    bare.set("EDRCTL_CISCO_API_KEY", &credentials.api_key);
    bare.set("EDRCTL_CISCO_CLIENT_ID", &credentials.client_id);
    bare.set("EDRCTL_CISCO_BASE_URL", console.inner().base_url());
    bare.set("EDRCTL_CISCO_CA_FILE", env.path().join("ca.pem").display().to_string());
    bare.run(CHECK).exits(0);
    // A variable that means nothing was set for a reason.
    bare.set("EDRCTL_CISCO_API_KYE", "x");
    bare.run(CHECK).exits(3).says("EDRCTL_CISCO_API_KEY");
    // An empty one counts as not set.
    bare.set("EDRCTL_CISCO_API_KYE", "");
    bare.run(CHECK).exits(0);
    bare.unset("EDRCTL_CISCO_API_KYE");
    bare.run(CHECK).exits(0);
}

#[test]
fn a_profile_leads_to_another_tenant() {
    let (console, mut env) = one();
    let acme = Console::new(3, SWIFT);
    let (main, other) = (console.config(&env), acme.inner().ready_config(Path::new("acme.pem")));
    fs::write(env.path().join("acme.pem"), acme.ca_pem()).unwrap();
    let config = format!("{main}\n{}", other.replace("[cisco]", "[profiles.acme.cisco]"));
    check(&env, &config).exits(0);
    assert_eq!((console.stats().total(), acme.stats().total()), (1, 0));
    env.run(CHECK.iter().chain(&["--config", "edrctl.toml", "--profile", "acme"])).exits(0);
    assert_eq!((console.stats().total(), acme.stats().total()), (1, 1));
    env.run(CHECK.iter().chain(&["--config", "edrctl.toml", "--profile", "acne"])).exits(3).says("acme");
    env.set("EDRCTL_CONFIG", env.path().join("edrctl.toml").display().to_string());
    env.set("EDRCTL_PROFILE", "acme");
    env.run(CHECK).exits(0);
    assert_eq!((console.stats().total(), acme.stats().total()), (1, 2));
}

#[test]
fn the_file_of_the_published_script_is_a_configuration() {
    let (console, mut env) = one();
    console.config(&env);
    let credentials = console.inner().credentials();
    env.set("EDRCTL_CISCO_CA_FILE", env.path().join("ca.pem").display().to_string());
    for (base, quote) in [("/v1/computers/", ""), ("", "\""), ("/v1", "'")] {
        let text = format!(
            "BASE_URL={quote}{}{base}{quote}\nAPI_CLIENT_ID={quote}{}{quote}\nAPI_KEY={quote}{}{quote}\n",
            console.inner().base_url(),
            credentials.client_id,
            credentials.api_key
        );
        env.private_file("config.txt", text);
        let list = env.file("guids.txt", console.guids());
        env.run(ISOLATE.iter().chain(&["--config", "config.txt", &list])).exits(0);
    }
    assert!(console.fleet().hosts().iter().all(|host| host.puts_accepted == 1), "{:?}", console.asked());
    fs::set_permissions(env.path().join("config.txt"), fs::Permissions::from_mode(0o644)).unwrap();
    env.run(CHECK.iter().chain(&["--config", "config.txt"])).exits(3).says("chmod 600");
}

#[test]
fn an_address_is_taken_in_the_forms_that_people_paste() {
    let (console, env) = one();
    let config = console.config(&env);
    let url = console.inner().base_url();
    let bare = url.trim_start_matches("https://");
    let mut asked = 0;
    for pasted in [
        url.to_owned(),
        format!("{url}/"),
        format!("{url}/v1"),
        format!("{url}/v1/"),
        format!("{url}/v1/computers"),
        format!("{url}/v1/computers/"),
        format!("{url}//v1//computers//"),
        bare.to_owned(),
        format!("{bare}/v1/computers/"),
        format!("HTTPS://{bare}/v1"),
        format!("  {url}/v1  "),
    ] {
        check(&env, &config.replace(url, &pasted)).exits(0);
        asked += 1;
        assert_eq!(console.stats().answered(200), asked, "{pasted}");
        let output = env.run(["hosts", "--vendor", "cisco", "--config", "edrctl.toml", "-o", "jsonl"]).exits(0);
        asked += 1;
        assert_eq!(output.results().len(), 3, "{pasted}");
    }
    for wrong in ["", "not a url", "ftp://console.example", "https://user:hunter2@console.example", "https://"] {
        let output = check(&env, &config.replace(url, wrong)).exits(3);
        assert!(!output.stderr.contains("hunter2"), "{output}");
    }
}

#[test]
fn plain_http_is_for_this_machine_only() {
    let (_, mut env) = one();
    for address in
        ["http://console.example", "http://10.0.0.1:8080/v1", "http://[2001:db8::1]/", "http://127.0.0.1.example"]
    {
        env.set("EDRCTL_CISCO_BASE_URL", address);
        env.run(CHECK).exits(3);
    }
    let fake = FakeConsole::new(|_| (200, r#"{"version":"v1.2.0","metadata":{},"data":{}}"#.to_owned()));
    fake.env().run(CHECK).exits(0);
    assert!(fake.asked().iter().any(|asked| asked.authorized && asked.path == "/v1/version"), "{:?}", fake.asked());
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused_unless_told_otherwise_and_then_warned_of_every_time() {
    let (console, env) = one();
    let config = console.config(&env);
    let untrusted = config.replace("ca_file", "# ca_file");
    check(&env, &untrusted).exits(4).says("certificate").says("ca_file");
    let insecure = format!("{untrusted}\ninsecure = true\n");
    check(&env, &insecure).exits(0).says("warning: ").says("insecure");
    let list = env.file("hosts.txt", console.guids());
    let commands: [&[&str]; 3] = [
        &["isolate", "--vendor", "cisco", "--yes", "--quiet", &list],
        &["status", "--vendor", "cisco", "--quiet", &list],
        &["hosts", "--vendor", "cisco", "--quiet"],
    ];
    for args in commands {
        let output = env.run(args.iter().chain(&["--config", "edrctl.toml"])).exits(0);
        assert!(output.stderr.contains("warning: ") && output.stderr.contains("insecure"), "{output}");
    }
}

#[test]
fn a_ca_file_that_is_none_is_a_mistake_of_the_configuration() {
    let (console, env) = one();
    let config = console.config(&env);
    for (name, content) in [("missing.pem", None), ("empty.pem", Some("")), ("noise.pem", Some("not a certificate\n"))]
    {
        if let Some(content) = content {
            env.file(name, content);
        }
        let pem = env.path().join("ca.pem").display().to_string();
        let output = check(&env, &config.replace(&pem, name)).exits(3);
        assert!(output.stderr.contains(name), "{output}");
    }
    assert_eq!(console.stats().total(), 0);
}

#[test]
fn proxies_are_honoured() {
    let (console, mut env) = one();
    let proxy = FakeConsole::new(|_| (502, "no way through".to_owned()));
    env.set("HTTPS_PROXY", proxy.url());
    env.run(CHECK).exits(4);
    let asked = proxy.asked();
    assert!(asked.iter().all(|asked| asked.method == "CONNECT" && !asked.authorized), "{asked:?}");
    assert!(!asked.is_empty() && console.stats().total() == 0);
    // A rehearsal stays on this machine.
    let list = env.file("hosts.txt", "alpha\n");
    env.run(["isolate", "--vendor", "cisco", "--simulate", &list]).exits(0);
    env.set("NO_PROXY", "127.0.0.1");
    env.run(CHECK).exits(0);
    assert_eq!(proxy.asked().len(), asked.len());
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn no_secret_is_ever_shown_or_kept() {
    let console = Console::new(6, &format!("{SWIFT}[[fault]]\nmethod = \"PUT\"\nnth = 2\ndo = {{ status = 503 }}\n"));
    let env = TestEnv::of(&console);
    let key = console.inner().credentials().api_key.clone();
    let list = env.file("hosts.txt", console.guids());
    env.file("unknown.txt", "00000000-0000-4000-8000-000000000000\n");
    env.private_file("code.txt", "k7h2qz-hush\n");
    let wrong = "11111111-2222-3333-4444-555555555555";
    env.private_file("wrong.toml", console.config(&env).replace(&key, wrong));
    env.private_file("broken.toml", console.config(&env).replace("api_key = ", "api_key == "));
    env.private_file("mixed.toml", console.config(&env).replace("api_key = ", "apikey = "));
    let commands: [&[&str]; 11] = [
        &["check", "-vv"],
        &["check", "-vv", "--config", "wrong.toml"],
        &["check", "-vv", "--config", "broken.toml"],
        &["check", "-vv", "--config", "mixed.toml"],
        &["isolate", "--vendor", "cisco", "--yes", "-vv", "--wait", "--unlock-code=file:code.txt", &list],
        &["isolate", "--vendor", "cisco", "--yes", "-vv", "unknown.txt"],
        &["status", "--vendor", "cisco", "-vv", "-o", "json", &list],
        &["hosts", "--vendor", "cisco", "-vv", "-o", "json"],
        &["runs", "show", "-o", "json"],
        &["runs", "list", "-vv", "-o", "json"],
        &["resume", "--yes", "-vv"],
    ];
    let basic = |key: &str| {
        let pair = format!("{}:{key}", console.inner().credentials().client_id);
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, pair)
    };
    let hushed = [key.clone(), wrong.to_owned(), "k7h2qz-hush".to_owned(), basic(&key), basic(wrong)];
    for args in commands {
        let output = env.run(args);
        for secret in &hushed {
            assert!(!output.stdout.contains(secret.as_str()), "{args:?}\n{output}");
            assert!(!output.stderr.contains(secret.as_str()), "{args:?}\n{output}");
        }
    }
    assert_eq!(console.fleet().isolated(), 6);
    let host = &console.fleet().hosts()[0];
    assert_eq!(host.unlock_code.as_deref(), Some("k7h2qz-hush"), "the console was told");
    assert!(!env.journals().is_empty());
    for path in files(&env.path().join("home/.local")) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(hushed.iter().all(|secret| !text.contains(secret.as_str())), "{}", path.display());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn an_empty_variable_is_none() {
    let (console, mut env) = one();
    env.configure(&console);
    for name in ["EDRCTL_CONFIG", "EDRCTL_STATE_DIR", "EDRCTL_PROFILE"] {
        env.set(name, "");
    }
    env.run(CHECK).exits(0);
    env.run(["runs", "list"]).exits(0);
    // A configuration that cannot be read keeps nobody from the journals that a variable names.
    let elsewhere = env.path().join("elsewhere");
    env.set("EDRCTL_STATE_DIR", elsewhere.display().to_string());
    let list = env.file("hosts.txt", console.guids());
    env.run(["isolate", "--vendor", "cisco", "--yes", &list]).exits(0);
    assert!(env.journals().is_empty() && elsewhere.join("runs").is_dir());
    env.file("broken.toml", "[cisco\n");
    env.set("EDRCTL_CONFIG", "broken.toml");
    env.run(CHECK).exits(3);
    let told = env.run(["runs", "list"]).exits(0);
    assert!(told.stdout.contains("isolate"), "{told}");
}

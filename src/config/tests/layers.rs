//! Which file is read, and who overrides whom.

use super::*;

#[test]
fn a_file_is_read_whole() {
    let room = Room::new(
        "[cisco]\nbase_url = \"https://edr.example/amp/v1\"\nclient_id = \"abc\"\napi_key = \"hunter2\"\n\
         ca_file = \"pki/ca.pem\"\ninsecure = true\nconcurrency = 0x10\ntimeout = \"1m30s\"\n\
         [run]\nstate_dir = \"~/journals\"\n",
    );
    let loaded = room.load().unwrap();
    let cisco = cisco(&loaded).unwrap();
    assert_eq!(cisco.link.url.as_str(), "https://edr.example/amp/");
    assert_eq!((cisco.client_id.as_str(), cisco.api_key.expose()), ("abc", "hunter2"));
    assert!(cisco.link.credentials_from.to_string().ends_with("config.toml line 4"), "{}", cisco.link.credentials_from);
    assert_eq!((trust(&cisco.link).as_str(), cisco.link.warnings.len()), ("Nothing", 1));
    assert_eq!((cisco.link.concurrency.get(), cisco.link.timeout), (16, Duration::from_secs(90)));
    assert_eq!(loaded.run().state_dir, Some(room.folder.path().join("home/journals")));
    assert_eq!(loaded.path(), room.overrides.config.as_deref());
    assert!(loaded.warnings().is_empty());
    assert!(!format!("{loaded:?} {cisco:?}").contains("hunter2"));
    let room = room.env("EDRCTL_CISCO_INSECURE", "false");
    let ca_file = room.folder.path().join("pki/ca.pem");
    assert_eq!(trust(&super::cisco(&room.load().unwrap()).unwrap().link), format!("SystemAnd({ca_file:?})"));
}

#[test]
fn dotted_keys_and_a_byte_order_mark_are_fine() {
    let room =
        Room::with("c.toml", "\u{feff}cisco.region = \"apjc\"\r\ncisco.client_id = \"abc\"\r\n".as_bytes(), 0o600)
            .env("EDRCTL_CISCO_API_KEY", "k");
    assert_eq!(cisco(&room.load().unwrap()).unwrap().link.url.as_str(), "https://api.apjc.amp.cisco.com/");
}

#[test]
fn the_flag_names_the_file_before_the_variable_and_the_variable_before_the_platform() {
    let client = |room: &Room| cisco(&room.load().unwrap()).unwrap().client_id;
    let file = |id: &str| format!("[cisco]\nregion = \"eu\"\nclient_id = \"{id}\"\napi_key = \"k\"\n");
    let room = Room::empty();
    room.write("platform/config.toml", file("platform").as_bytes(), 0o600);
    assert_eq!(client(&room), "platform");
    let named: &'static str = Box::leak(
        room.write("env.toml", file("variable").as_bytes(), 0o600)
            .into_os_string()
            .into_string()
            .unwrap()
            .into_boxed_str(),
    );
    let mut room = room.env("EDRCTL_CONFIG", named);
    assert_eq!(client(&room), "variable");
    room.overrides.config = Some(room.write("flag.toml", file("flag").as_bytes(), 0o600));
    assert_eq!(client(&room), "flag");
    room.write("home/own.toml", file("home").as_bytes(), 0o600);
    room.overrides.config = Some("~/own.toml".into());
    assert_eq!(client(&room), "home");
}

#[test]
fn no_file_at_the_platforms_place_is_fine_and_an_empty_variable_names_none() {
    let room = Room::empty()
        .env("EDRCTL_CONFIG", "")
        .env("EDRCTL_PROFILE", "")
        .env("EDRCTL_CISCO_REGION", "nam")
        .env("EDRCTL_CISCO_CLIENT_ID", "abc")
        .env("EDRCTL_CISCO_API_KEY", "hunter2")
        .env("EDRCTL_CISCO_BASE_URL", "");
    let cisco = super::cisco(&room.load().unwrap()).unwrap();
    assert_eq!(cisco.link.url.as_str(), "https://api.amp.cisco.com/");
    assert_eq!(cisco.link.credentials_from.to_string(), "`EDRCTL_CISCO_API_KEY`");
    let nowhere = load(&Overrides::default(), &Environment::default(), &Folders::default()).unwrap();
    assert_eq!(nowhere.path(), None);
    assert!(nowhere.safety().unwrap().protected.is_empty());
}

#[test]
fn the_environment_overrides_every_key_and_a_flag_overrides_the_environment() {
    let text = format!("[cisco]\n{KEYS}api_key = \"file\"\nconcurrency = 8\ntimeout = \"5s\"\ninsecure = true\n");
    let mut room = Room::new(&text)
        .env("EDRCTL_CISCO_BASE_URL", "http://127.0.0.1:9000/v1/")
        .env("EDRCTL_CISCO_CLIENT_ID", "def")
        .env("EDRCTL_CISCO_API_KEY", "variable")
        .env("EDRCTL_CISCO_CA_FILE", "ca.pem")
        .env("EDRCTL_CISCO_INSECURE", "false")
        .env("EDRCTL_CISCO_CONCURRENCY", "32")
        .env("EDRCTL_CISCO_TIMEOUT", "2s")
        .env("EDRCTL_SAFETY_MAX_TARGETS", "7")
        .env("EDRCTL_RUN_STATE_DIR", "/var/lib/edrctl")
        .env("PATH", "/bin")
        .env("EDRCTL_CISCO_UNLOCK_CODE", "abc");
    let loaded = room.load().unwrap();
    let cisco = cisco(&loaded).unwrap();
    assert_eq!(cisco.link.url.as_str(), "http://127.0.0.1:9000/");
    assert_eq!((cisco.client_id.as_str(), cisco.api_key.expose()), ("def", "variable"));
    let ca_file = "SystemAnd(\"ca.pem\")";
    assert_eq!(trust(&cisco.link), ca_file, "a path of the environment is not relative to the file");
    assert_eq!((cisco.link.concurrency.get(), cisco.link.timeout), (32, Duration::from_secs(2)));
    assert_eq!(loaded.safety().unwrap().max_targets.map(u64::from), Some(7));
    assert_eq!(loaded.run().state_dir, Some("/var/lib/edrctl".into()));
    room.overrides.set("cisco", "concurrency", "--concurrency", "1");
    room.overrides.set("safety", "max_targets", "--max-targets", "3");
    let loaded = room.load().unwrap();
    assert_eq!(super::cisco(&loaded).unwrap().link.concurrency.get(), 1);
    assert_eq!(loaded.safety().unwrap().max_targets.map(u64::from), Some(3));
}

#[test]
fn the_short_name_of_the_state_folder_wins_over_the_long_one() {
    let room = Room::new("[run]\nstate_dir = \"a\"\n");
    assert_eq!(room.load().unwrap().run().state_dir, Some(room.folder.path().join("a")));
    let room = room.env("EDRCTL_RUN_STATE_DIR", "/b").env("EDRCTL_STATE_DIR", "/c");
    assert_eq!(room.load().unwrap().run().state_dir, Some("/c".into()));
}

#[test]
fn a_profile_is_laid_over_the_sections_of_the_file() {
    let text = format!(
        "[cisco]\n{KEYS}api_key = {{ env = \"TOP_KEY\" }}\nconcurrency = 8\n\
         [profiles.acme.cisco]\nbase_url = \"edr.acme.example\"\napi_key = {{ env = \"ACME_KEY\" }}\n\
         [profiles.\"big co\".cisco]\nclient_id = \"big\"\n[profiles.empty]\n"
    );
    let room = || Room::new(&text).env("TOP_KEY", "top").env("ACME_KEY", "hunter2");
    let cisco = |room: Room| super::cisco(&room.load().unwrap()).unwrap();
    let acme = cisco(room().profile("acme"));
    assert_eq!(acme.link.url.as_str(), "https://edr.acme.example/");
    assert_eq!((acme.api_key.expose(), acme.client_id.as_str()), ("hunter2", "abc"));
    assert_eq!(acme.link.concurrency.get(), 8);
    assert_eq!(acme.link.credentials_from.to_string(), "`ACME_KEY`");
    let big = cisco(room().env("EDRCTL_PROFILE", "big co"));
    assert_eq!((big.client_id.as_str(), big.link.url.as_str()), ("big", "https://api.eu.amp.cisco.com/"));
    assert_eq!(cisco(room().env("EDRCTL_PROFILE", "acme").profile("big co")).client_id, "big");
    assert_eq!(cisco(room().profile("empty")).client_id, "abc");
    assert_eq!(cisco(room()).client_id, "abc");
    assert_eq!(cisco(room().profile("acme").env("EDRCTL_CISCO_CLIENT_ID", "x")).client_id, "x");
}

#[test]
fn secrets_are_read_from_where_the_file_says_and_only_when_needed() {
    let with = |source: &str| format!("[cisco]\n{KEYS}api_key = {source}\n");
    let room = Room::with("c.toml", with("{ file = \"key\" }").as_bytes(), 0o644);
    let loaded = room.load().unwrap();
    assert!(cisco(&loaded).is_err(), "the file is not there yet");
    room.write("key", b"hunter2\n", 0o600);
    let cisco = cisco(&loaded).unwrap();
    assert_eq!(cisco.api_key.expose(), "hunter2");
    assert!(cisco.link.credentials_from.to_string().ends_with("/key"), "{}", cisco.link.credentials_from);
    #[cfg(unix)]
    {
        let room = Room::with("c.toml", with("{ command = \"echo hunter2\" }").as_bytes(), 0o644);
        let cisco = super::cisco(&room.load().unwrap()).unwrap();
        assert_eq!(
            (cisco.api_key.expose(), cisco.link.credentials_from.to_string().as_str()),
            ("hunter2", "command `echo`")
        );
        let room = Room::with("c.toml", with("{ command = [\"echo\", \"$HOME\"] }").as_bytes(), 0o644);
        assert_eq!(super::cisco(&room.load().unwrap()).unwrap().api_key.expose(), "$HOME");
    }
}

#[test]
fn the_published_scripts_file_works_as_it_is() {
    let text = "BASE_URL=https://api.eu.amp.cisco.com/v1/computers/\r\nAPI_CLIENT_ID=\"abc\"\r\nAPI_KEY=hunter2\r\n";
    let room = Room::with("config.txt", text.as_bytes(), 0o600);
    let cisco = super::cisco(&room.load().unwrap()).unwrap();
    assert_eq!(cisco.link.url.as_str(), "https://api.eu.amp.cisco.com/");
    assert_eq!((cisco.client_id.as_str(), cisco.api_key.expose()), ("abc", "hunter2"));
    assert!(
        cisco.link.credentials_from.to_string().starts_with("key `API_KEY` in "),
        "{}",
        cisco.link.credentials_from
    );
    let room = Room::with("any.name", format!("\u{feff}{text}").as_bytes(), 0o600).env("EDRCTL_CISCO_API_KEY", "k");
    assert_eq!(super::cisco(&room.load().unwrap()).unwrap().api_key.expose(), "k");
}

#[cfg(unix)]
#[test]
fn a_file_that_anybody_can_change_is_warned_of() {
    let room = Room::with("c.toml", b"[cisco]\nregion = \"eu\"\n", 0o646);
    let warnings = room.load().unwrap().warnings().join("\n");
    assert!(warnings.contains("can be changed by anybody (mode 0646)"), "{warnings}");
}

//! What a user is told when the configuration is wrong. Every text is checked not to hold a secret.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{
    config::file::{File, Sections},
    settings::Base,
};

#[test]
fn a_file_that_was_named_must_be_there() {
    let mut room = Room::empty();
    room.overrides.config = Some(room.folder.path().join("none.toml"));
    assert_snapshot!(room.load_error(), @r"
    read none.toml: No such file or directory (os error 2)
    hint: see `config.example.toml` for one that works
    ");
    room.overrides.config = Some(room.folder.path().to_owned());
    assert!(room.load_error().ends_with("Is a directory (os error 21)"), "{}", room.load_error());
}

#[test]
fn a_file_that_is_no_text_is_told() {
    let room = Room::with("c.toml", b"\xff\xfe[\0c\0", 0o600);
    assert_snapshot!(room.load_error(), @r"
    c.toml is not text in UTF-8
    hint: save the file as UTF-8
    ");
    let room = Room::with("c.toml", &vec![b'#'; 2 * 1024 * 1024], 0o600);
    assert_snapshot!(room.load_error(), @"c.toml is too large for a configuration");
}

#[test]
fn a_line_that_is_no_toml_is_pointed_at_and_not_quoted() {
    let told = |text: &str| Room::new(text).load_error();
    assert_snapshot!(told("[cisco]\napi_key = 'hunter2\nregion = \"eu\"\n"), @r#"
    config.toml line 2, column 19: not valid TOML
    hint: a setting is written `key = "value"`, with the text in quotes, under its `[section]`
    "#);
    assert_snapshot!(told("[cisco]\napi_key = hunter2\n"), @r#"
    config.toml line 2, column 11: not valid TOML
    hint: a setting is written `key = "value"`, with the text in quotes, under its `[section]`
    "#);
    assert_snapshot!(told("[cisco]\napi_key = \"a\"\napi_key = \"hunter2\"\n"), @r#"
    config.toml line 3, column 1: not valid TOML
    hint: a setting is written `key = "value"`, with the text in quotes, under its `[section]`
    "#);
}

#[test]
fn a_key_that_is_not_known_is_pointed_at_with_the_one_that_was_meant() {
    let told = |text: &str| Room::new(text).load_error();
    assert_snapshot!(told("[cisco]\nregion = \"eu\"\n\napi_kye = \"hunter2\"\n"), @r"
    key `cisco.api_kye` in config.toml line 4 is not known
    hint: did you mean `api_key`?
    ");
    assert_snapshot!(told("[cisco]\ncolour = \"hunter2\"\n"), @r"
    key `cisco.colour` in config.toml line 2 is not known
    hint: known here: `region`, `base_url`, `client_id`, `api_key`, `ca_file`, `insecure`, `concurrency`, `timeout`
    ");
    assert_snapshot!(told("[cicso]\nregion = \"eu\"\n"), @r"
    key `cicso` in config.toml line 1 is not known
    hint: did you mean `cisco`?
    ");
    assert_snapshot!(told("[zzz]\n"), @r"
    key `zzz` in config.toml line 1 is not known
    hint: known here: `cisco`, `apex`, `kaspersky`, `cybereason`, `fortigate`, `safety`, `run`, `stream`, `profiles`
    ");
    assert_snapshot!(told("[profiles.acme.safty]\n"), @r"
    key `profiles.acme.safty` in config.toml line 1 is not known
    hint: did you mean `safety`?
    ");
    assert_snapshot!(told("[profiles.acme.cisco]\nregion = \"eu\"\n\"time\\nout\" = 1\n"), @r"
    key `profiles.acme.cisco.time\nout` in config.toml line 3 is not known
    hint: did you mean `timeout`?
    ");
    assert_snapshot!(told("region = \"eu\"\n"), @r"
    key `region` in config.toml line 1 stands outside its section
    hint: put it under `[cisco]`
    ");
    assert_snapshot!(told("[profiles.acme]\nprotected = []\n"), @r"
    key `profiles.acme.protected` in config.toml line 2 stands outside its section
    hint: put it under `[profiles.acme.safety]`
    ");
}

#[test]
fn the_first_mistake_of_the_file_is_the_one_that_is_told() {
    let told = Room::new("[safety]\nzzz = 1\n[cisco]\naaa = 1\n").load_error();
    assert!(told.starts_with("key `safety.zzz` in config.toml line 2"), "{told}");
}

#[test]
fn a_value_of_another_kind_is_pointed_at_with_what_is_expected() {
    let told = |line: &str| Room::new(&format!("[cisco]\n{line}\n")).load_error();
    assert_snapshot!(told("region = \"us\""), @"key `cisco.region` in config.toml line 2 must be one of `nam`, `eu`, `apjc`");
    assert_snapshot!(told("region = [\"eu\"]"), @"key `cisco.region` in config.toml line 2 must be one of `nam`, `eu`, `apjc`");
    assert_snapshot!(told("client_id = 4711"), @"key `cisco.client_id` in config.toml line 2 must be a text in quotes");
    assert_snapshot!(told("insecure = \"hunter2\""), @"key `cisco.insecure` in config.toml line 2 must be `true` or `false`, without quotes");
    assert_snapshot!(told("concurrency = 1.5"), @"key `cisco.concurrency` in config.toml line 2 must be a whole number from 1 to 256");
    assert_snapshot!(told("concurrency = -1"), @"key `cisco.concurrency` in config.toml line 2 must be a whole number from 1 to 256");
    assert_snapshot!(told("timeout = 30"), @r#"key `cisco.timeout` in config.toml line 2 must be a duration in quotes, as in "30s""#);
    assert_snapshot!(told("timeout = \"30\""), @"read a duration from key `cisco.timeout` in config.toml line 2: a duration needs a unit: `ms`, `s`, `m`, `h` or `d`");
    assert_snapshot!(told("ca_file = true"), @"key `cisco.ca_file` in config.toml line 2 must be a path in quotes; `~/` in front is the user's own folder");
    assert_snapshot!(told("base_url = \"https://id:hunter2@h/v1\""), @"read the console's address from key `cisco.base_url` in config.toml line 2: an address holds no user and no password; they have keys of their own");
    assert_snapshot!(told("api_key = 1979-05-27"), @r#"key `cisco.api_key` in config.toml line 2 must be a text in quotes, or one of { env = "NAME" }, { file = "PATH" }, { command = "pass show NAME" } and { command = ["pass", "show", "NAME"] }"#);
    assert!(told("api_key = { value = \"hunter2\" }").contains("must be a text in quotes, or one of"));
    let told = |text: &str| Room::new(text).load_error();
    assert_snapshot!(told("cisco = 1\n"), @"key `cisco` in config.toml line 1 must be a section, written `[cisco]`");
    assert_snapshot!(told("[[cisco]]\n"), @"key `cisco` in config.toml line 1 must be a section, written `[cisco]`");
    assert_snapshot!(told("[profiles]\nacme = 1\n"), @"key `profiles.acme` in config.toml line 2 must be a section, written `[profiles.acme.cisco]`");
}

#[test]
fn a_mistake_in_a_profile_that_was_not_chosen_is_told_too() {
    let told = Room::new("[profiles.acme.cisco]\nconcurrency = 0\n").load_error();
    assert_snapshot!(told, @"key `profiles.acme.cisco.concurrency` in config.toml line 2 must be a whole number from 1 to 256");
}

#[test]
fn a_profile_that_is_not_there_is_told_with_those_that_are() {
    let text = "[profiles.acme.cisco]\n[profiles.globex.cisco]\n";
    assert_snapshot!(Room::new(text).profile("amce").load_error(), @r"
    there is no profile `amce` in config.toml
    hint: there is `acme`, `globex`
    ");
    assert_snapshot!(Room::new("").profile("acme").load_error(), @r"
    there is no profile `acme` in config.toml
    hint: a profile's sections are written `[profiles.NAME.SECTION]`
    ");
    assert_snapshot!(Room::empty().env("EDRCTL_PROFILE", "acme").load_error(), @r"
    there is no profile `acme`, as there is no configuration file
    hint: a profile's sections are written `[profiles.NAME.SECTION]`
    ");
    let published = Room::with("config.txt", b"API_KEY=hunter2\n", 0o600).profile("acme");
    assert!(published.load_error().starts_with("there is no profile `acme`"), "{}", published.load_error());
}

#[cfg(unix)]
#[test]
fn a_file_with_a_secret_that_others_can_read_is_refused() {
    let in_place = format!("[cisco]\n{KEYS}api_key = \"hunter2\"\n");
    let in_profile = "[profiles.acme.cisco]\napi_key = \"hunter2\"\n".to_owned();
    let overridden = format!("{in_place}[profiles.acme.cisco]\napi_key = {{ env = \"KEY\" }}\n");
    let published = "API_KEY=hunter2\n".to_owned();
    for text in [&in_place, &in_profile, &overridden, &published] {
        for mode in [0o644, 0o640, 0o604] {
            let mut room = Room::with("my config", text.as_bytes(), mode);
            if text.contains("profiles") {
                room = room.profile("acme");
            }
            let told = room.load_error();
            assert!(
                told.starts_with(&format!("my config has a secret in it and can be read by others (mode {mode:04o})")),
                "{told}"
            );
            assert!(told.ends_with("my config'") && told.contains("hint: chmod 600 '"), "{told}");
        }
        for mode in [0o600, 0o400, 0o620] {
            let mut room = Room::with("c.toml", text.as_bytes(), mode);
            room.overrides.profile = None;
            assert!(room.load().is_ok(), "{mode:o}");
        }
    }
    let told = Room::with("c.toml", in_place.as_bytes(), 0o644).env("EDRCTL_CISCO_API_KEY", "k").load_error();
    assert!(told.contains("can be read by others"), "a secret that is overridden is still one: {told}");
    assert!(told.ends_with("\nhint: chmod 600 c.toml"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_file_whose_secrets_are_elsewhere_may_be_read_by_all() {
    for source in ["{ env = \"KEY\" }", "{ file = \"key\" }", "{ command = \"pass\" }", "\"\""] {
        let text = format!("[cisco]\n{KEYS}api_key = {source}\n");
        assert!(Room::with("c.toml", text.as_bytes(), 0o644).load().is_ok(), "{source}");
    }
}

#[test]
fn a_variable_that_is_none_of_ours_and_looks_like_one_is_told() {
    let told = |name, value| Room::new("").env(name, value).load_error();
    assert_snapshot!(told("EDRCTL_CISCO_API_KYE", "hunter2"), @r"
    the environment variable `EDRCTL_CISCO_API_KYE` is not known
    hint: did you mean `EDRCTL_CISCO_API_KEY`?
    ");
    assert_snapshot!(told("EDRCTL_SAFTEY_PROTECTED", "dc01"), @r"
    the environment variable `EDRCTL_SAFTEY_PROTECTED` is not known
    hint: did you mean `EDRCTL_SAFETY_PROTECTED`?
    ");
    assert_snapshot!(told("EDRCTL_CISCO_COLOUR", "x"), @r"
    the environment variable `EDRCTL_CISCO_COLOUR` is not known
    hint: unset it
    ");
    for (name, value) in [
        ("EDRCTL_CISCO_API_KYE", ""),
        ("EDRCTL_APEX_API_KEY", "x"),
        ("EDRCTL_LOG", "debug"),
        ("EDRCTL_STATE_DIR", "/x"),
        ("CISCO_API_KYE", "x"),
    ] {
        assert!(Room::new("").env(name, value).load().is_ok(), "{name}");
    }
}

#[test]
fn a_variable_with_a_wrong_value_is_named() {
    let told = |name, value| Room::new("").env(name, value).load_error();
    assert_snapshot!(told("EDRCTL_CISCO_CONCURRENCY", "hunter2"), @"`EDRCTL_CISCO_CONCURRENCY` must be a whole number from 1 to 256");
    assert_snapshot!(told("EDRCTL_CISCO_REGION", "us"), @"`EDRCTL_CISCO_REGION` must be one of `nam`, `eu`, `apjc`");
    let mut room = Room::new("");
    room.overrides.set("cisco", "timeout", "--timeout", "soon");
    assert_snapshot!(room.load_error(), @"read a duration from `--timeout`: not a duration; it is written like `30s`, `10m` or `1h30m`");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};
    let bad = OsString::from_vec(b"hunter2\xff".to_vec());
    for name in ["EDRCTL_CISCO_API_KEY", "EDRCTL_PROFILE"] {
        let environment: Environment = [(name, bad.clone())].into_iter().collect();
        assert!(!format!("{environment:?}").contains("hunter2"));
        let result = load(&Overrides::default(), &environment, &Folders::default());
        assert_eq!(Room::empty().told(result), format!("the environment variable `{name}` is not text in UTF-8"));
    }
}

#[test]
fn what_is_missing_is_told_with_the_two_places_to_put_it() {
    assert_snapshot!(Room::new("").cisco_error(), @r"
    neither `cisco.region` nor `cisco.base_url` is set
    hint: set `EDRCTL_CISCO_REGION` to `nam`, `eu` or `apjc`, or `cisco.region` in config.toml; `EDRCTL_CISCO_BASE_URL` is for another console
    ");
    assert_snapshot!(Room::new("[cisco]\nregion = \"eu\"\n").cisco_error(), @r"
    `cisco.client_id` is not set
    hint: set `EDRCTL_CISCO_CLIENT_ID` or `cisco.client_id` in config.toml
    ");
    assert_snapshot!(Room::empty().env("EDRCTL_CISCO_REGION", "eu").env("EDRCTL_CISCO_CLIENT_ID", "abc").cisco_error(), @r"
    `cisco.api_key` is not set
    hint: set `EDRCTL_CISCO_API_KEY` or `cisco.api_key` in platform/config.toml
    ");
    let profile = Room::new("[profiles.acme.cisco]\nregion = \"eu\"\n").profile("acme");
    assert_snapshot!(profile.cisco_error(), @r"
    `cisco.client_id` is not set
    hint: set `EDRCTL_CISCO_CLIENT_ID` or `profiles.acme.cisco.client_id` in config.toml
    ");
    assert_snapshot!(Room::with("config.txt", b"API_KEY=hunter2\n", 0o600).cisco_error(), @r"
    neither `cisco.region` nor `cisco.base_url` is set
    hint: set `EDRCTL_CISCO_REGION` to `nam`, `eu` or `apjc`, or `BASE_URL` in config.txt; `EDRCTL_CISCO_BASE_URL` is for another console
    ");
    let nowhere = load(&Overrides::default(), &Environment::default(), &Folders::default()).unwrap();
    let told = Room::empty().told(cisco(&nowhere));
    assert!(told.contains("`cisco.region` in a file that `--config` names"), "{told}");
}

#[test]
fn two_consoles_in_one_layer_are_one_too_many() {
    let room = Room::new("[cisco]\nregion = \"eu\"\nbase_url = \"https://edr.example\"\n");
    assert_snapshot!(room.cisco_error(), @r"
    key `cisco.region` in config.toml line 2 and key `cisco.base_url` in config.toml line 3 both say where the console is
    hint: keep one of them
    ");
    let room = Room::new("[cisco]\nbase_url = \"https://edr.example\"\n").env("EDRCTL_CISCO_REGION", "eu");
    assert!(room.cisco_error().starts_with("`EDRCTL_CISCO_REGION` and key `cisco.base_url`"), "{}", room.cisco_error());
}

#[test]
fn a_secret_that_cannot_be_read_is_told_with_the_key_that_says_where_it_is() {
    let told = |source: &str| {
        let room = Room::new(&format!("[cisco]\n{KEYS}api_key = {source}\n")).env("EMPTY", "");
        room.write("two-lines", b"hunter2\nhunter2\n", 0o600);
        room.cisco_error()
    };
    assert_snapshot!(told("{ env = \"NONE\" }"), @r"
    read the secret `cisco.api_key`, set by key `cisco.api_key` in config.toml line 4: the environment variable `NONE` is not set
    hint: set `NONE`, or name another variable
    ");
    assert_snapshot!(told("{ env = \"EMPTY\" }"), @"read the secret `cisco.api_key`, set by key `cisco.api_key` in config.toml line 4: what was read from `EMPTY` is empty");
    assert_snapshot!(told("{ file = \"none\" }"), @"read the secret `cisco.api_key`, set by key `cisco.api_key` in config.toml line 4: read the file none: No such file or directory (os error 2)");
    assert_snapshot!(told("{ file = \"two-lines\" }"), @r"
    read the secret `cisco.api_key`, set by key `cisco.api_key` in config.toml line 4: what was read from file two-lines has control characters or invisible characters in it
    hint: copy the secret again, without what stands around it
    ");
    assert_snapshot!(told("\" hunter2\""), @r"
    read the secret `cisco.api_key`, set by key `cisco.api_key` in config.toml line 4: what was read from key `cisco.api_key` in config.toml line 4 has blanks or empty lines around it
    hint: copy the secret again, without what stands around it
    ");
    #[cfg(unix)]
    assert_snapshot!(told("{ command = \"echo hunter2 >&2; echo hunter2; false\" }"), @r"
    read the secret `cisco.api_key`, set by key `cisco.api_key` in config.toml line 4: the command `echo` ended with exit code 1
    hint: run the command by hand; its first line of output must be the secret
    ");
}

proptest! {
    #[test]
    fn no_complaint_quotes_a_value(
        lines in proptest::collection::vec((
            proptest::sample::select(vec![
                "api_key", "base_url", "client_id", "timeout", "insecure", "concurrency", "region", "ca_file", "api_kye",
                "API_KEY", "BASE_URL", "API_CLIENT_ID", "BASE_URI", "[cisco]\nprotected", "[safety]\nprotected",
            ]),
            "[ =:@]{1,2}[\"'{\\[a]{0,3}(hunter2|env = |https://u:hunter2@h|command|, |#|\\\\){0,4}[\"'}\\]]{0,3}",
        ), 0..5),
        section in proptest::sample::select(vec!["", "[cisco]\n", "[profiles.acme.cisco]\n", "[apex]\n"]),
    ) {
        let text: String = lines.iter().map(|(key, value)| format!("{key} {value}\n")).collect();
        let text = format!("{section}{text}");
        let file = File { path: Path::new("c.toml"), text: &text, base: &Base::default() };
        let mut sections = Sections::default();
        if let Err(error) = file.lay_over(&mut sections, None) {
            let mut told = format!("{error} {error:?} {:?}", error.hint());
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                told.push_str(&format!("{next} {next:?}"));
                cause = next.source();
            }
            prop_assert!(!told.contains("hunter2"), "{}", told);
        }
    }
}

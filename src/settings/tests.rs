use super::*;

fn origin() -> Origin {
    Origin::Key { key: "cisco.x".to_owned(), path: Path::new("c.toml").into(), line: 7 }
}

fn base() -> Base {
    Base { folder: Some("/etc/edrctl".into()), home: Some("/home/ana".into()) }
}

fn given(raw: Raw, base: &Base) -> Given<'_> {
    Given { raw, origin: origin(), layer: Layer::File, base }
}

fn text(text: &str) -> Raw {
    Raw::Text(Zeroizing::new(text.to_owned()))
}

fn word(text: &str) -> Raw {
    Raw::Word(Zeroizing::new(text.to_owned()))
}

#[test]
fn paths_are_relative_to_their_file_and_to_home() {
    let base = base();
    let path = |text: &str| base.path(text);
    assert_eq!(path("ca.pem"), Some("/etc/edrctl/ca.pem".into()));
    assert_eq!(path("/ca.pem"), Some("/ca.pem".into()));
    assert_eq!(path("~/ca.pem"), Some("/home/ana/ca.pem".into()));
    assert_eq!(path("~"), Some("/home/ana".into()));
    assert_eq!(path("~bob/ca.pem"), None, "another user's folder is not guessed");
    assert_eq!(path(""), None);
    assert_eq!(Base::default().path("~/ca.pem"), None, "no home, no guess");
    assert_eq!(Base::default().path("ca.pem"), Some("ca.pem".into()));
}

#[test]
fn a_word_is_read_as_what_the_key_takes_and_a_text_is_not() {
    let base = base();
    assert_eq!(given(word("8"), &base).whole(1..=256).unwrap().value, 8);
    assert_eq!(given(Raw::Whole(Some(8)), &base).whole(1..=256).unwrap().value, 8);
    assert!(given(text("8"), &base).whole(1..=256).is_err());
    for (spelt, truth) in [("true", true), ("1", true), ("YES", true), ("false", false), ("0", false), ("no", false)] {
        assert_eq!(given(word(spelt), &base).truth().unwrap().value, truth, "{spelt}");
    }
    assert!(given(word("maybe"), &base).truth().is_err());
    assert!(given(text("true"), &base).truth().is_err());
    assert_eq!(given(word("a, b,,c"), &base).list().unwrap().value, ["a", "b", "c"]);
    assert_eq!(given(text("a"), &base).list().unwrap().value, ["a"]);
    assert_eq!(given(Raw::List(vec![text("a"), text("b")]), &base).list().unwrap().value, ["a", "b"]);
    assert!(given(Raw::List(vec![text("a"), Raw::Truth(true)]), &base).list().is_err());
}

#[test]
fn numbers_keep_within_bounds() {
    let base = base();
    for number in [None, Some(0), Some(257)] {
        let error = given(Raw::Whole(number), &base).whole(1..=256).unwrap_err();
        assert_eq!(error.to_string(), "key `cisco.x` in c.toml line 7 must be a whole number from 1 to 256");
    }
    let error = given(word("-1"), &base).whole(1..=u64::MAX).unwrap_err();
    assert_eq!(error.to_string(), "key `cisco.x` in c.toml line 7 must be a whole number, 1 or more");
}

#[test]
fn durations_keep_within_bounds_and_have_units() {
    let (base, bounds) = (base(), Duration::from_millis(1)..=Duration::from_secs(3600));
    assert_eq!(given(text("30s"), &base).duration(bounds.clone()).unwrap().value, Duration::from_secs(30));
    let error = given(text("2h"), &base).duration(bounds.clone()).unwrap_err();
    assert_eq!(error.to_string(), "key `cisco.x` in c.toml line 7 must be a duration from 1ms to 1h");
    assert!(matches!(given(text("30"), &base).duration(bounds.clone()), Err(SettingError::Duration { .. })));
    assert!(matches!(given(Raw::Whole(Some(30)), &base).duration(bounds), Err(SettingError::Wrong { .. })));
}

#[test]
fn a_secret_is_in_place_or_elsewhere() {
    let base = base();
    let table = |key: &str, raw: Raw| Raw::Table(vec![(key.to_owned(), raw)]);
    let secret = |raw: Raw| given(raw, &base).secret().map(|setting| setting.value);
    assert!(matches!(secret(text("hunter2")), Ok(SecretSource::Literal(_, found)) if found == origin()));
    assert!(matches!(secret(table("env", text("KEY"))), Ok(SecretSource::Variable(name)) if name == "KEY"));
    assert!(
        matches!(secret(table("file", text("key"))), Ok(SecretSource::File(path)) if path == Path::new("/etc/edrctl/key"))
    );
    assert!(
        matches!(secret(table("command", text("pass show x"))), Ok(SecretSource::Command(command)) if command.name() == "pass")
    );
    let list = Raw::List(vec![text("pass"), text("show")]);
    assert!(matches!(secret(table("command", list)), Ok(SecretSource::Command(command)) if command.name() == "pass"));
}

#[test]
fn a_secret_from_nowhere_is_refused_without_quoting_it() {
    let base = base();
    let table = |key: &str, raw: Raw| Raw::Table(vec![(key.to_owned(), raw)]);
    for raw in [
        Raw::Whole(Some(4711)),
        Raw::Table(Vec::new()),
        Raw::Table(vec![("env".to_owned(), text("hunter2")), ("file".to_owned(), text("hunter2"))]),
        table("hunter2", text("hunter2")),
        table("env", text("")),
        table("env", text("hunter2=x")),
        table("env", Raw::List(vec![text("hunter2")])),
        table("file", text("~hunter2/x")),
        table("command", text(" ")),
        table("command", Raw::List(Vec::new())),
        table("command", Raw::List(vec![text("")])),
        table("command", Raw::List(vec![text("hunter2"), Raw::Truth(true)])),
    ] {
        let error = given(raw, &base).secret().unwrap_err();
        assert!(matches!(error, SettingError::Wrong { .. }));
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn a_line_has_no_control_characters_and_no_blanks_around_it() {
    let base = base();
    assert_eq!(given(text("a b"), &base).line().unwrap().value, "a b");
    for bad in ["", " a", "a\n", "a\tb", "a\u{1b}b"] {
        assert!(given(text(bad), &base).line().is_err(), "{bad:?}");
    }
}

#[test]
fn a_variable_is_named_after_its_section_and_key() {
    assert_eq!(variable_name("cisco", "api_key"), "EDRCTL_CISCO_API_KEY");
}

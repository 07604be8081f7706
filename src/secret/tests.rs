use std::collections::BTreeMap;

use super::*;

fn no_environment(_: &str) -> Option<OsString> {
    None
}

fn literal(text: &str) -> SecretSource {
    SecretSource::Literal(Secret::new(text), Origin::Flag("--key".to_owned()))
}

fn read(source: &SecretSource) -> Result<String, SecretError> {
    source.read(&no_environment).map(|(secret, _)| secret.expose().to_owned())
}

fn wrong(result: Result<String, SecretError>) -> BadSecret {
    match result {
        Err(SecretError::Malformed { wrong, .. }) => wrong,
        other => panic!("{other:?}"),
    }
}

fn file(content: &[u8]) -> (tempfile::TempDir, SecretSource) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, content).unwrap();
    (folder, SecretSource::File(path))
}

#[test]
fn nothing_prints_a_secret() {
    let secret = Secret::new("hunter2");
    assert_eq!(format!("{secret:?}"), "[secret]");
    assert_eq!(secret.expose(), "hunter2");
    let shown = format!("{:?} {:?}", literal("hunter2"), SecretSource::Command(SecretCommand::shell("echo hunter2")));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_literal_is_taken_as_it_stands() {
    assert_eq!(read(&literal("pass word: ü#")).unwrap(), "pass word: ü#");
}

#[test]
fn a_text_that_can_hardly_be_meant_so_is_no_secret() {
    for (text, expected) in [
        ("", BadSecret::Empty),
        (" key", BadSecret::Blanks),
        ("key\u{a0}", BadSecret::Blanks),
        ("key\n", BadSecret::Blanks),
        ("one\ntwo", BadSecret::Invisible),
        ("k\0y", BadSecret::Invisible),
        ("\u{200b}key", BadSecret::Invisible),
        ("ke\u{202e}y", BadSecret::Invisible),
    ] {
        assert_eq!(wrong(read(&literal(text))), expected, "{text:?}");
    }
    assert_eq!(wrong(read(&literal(&"x".repeat(MAX_BYTES + 1)))), BadSecret::TooLong);
}

#[test]
fn a_variable_is_read_when_it_is_asked_for() {
    let variables = BTreeMap::from([("KEY", "hunter2"), ("EMPTY", "")]);
    let lookup = |name: &str| variables.get(name).map(OsString::from);
    let (secret, origin) = SecretSource::Variable("KEY".to_owned()).read(&lookup).unwrap();
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!(origin.to_string(), "`KEY`");
    let missing = SecretSource::Variable("NONE".to_owned()).read(&lookup).unwrap_err();
    assert_eq!(missing.to_string(), "the environment variable `NONE` is not set");
    let empty = SecretSource::Variable("EMPTY".to_owned()).read(&lookup).unwrap_err();
    assert_eq!(empty.to_string(), "what was read from `EMPTY` is empty");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_not_guessed_at() {
    use std::os::unix::ffi::OsStringExt as _;
    let lookup = |_: &str| Some(OsString::from_vec(vec![b'k', 0xff]));
    let error = SecretSource::Variable("KEY".to_owned()).read(&lookup).unwrap_err();
    assert!(matches!(error, SecretError::Malformed { wrong: BadSecret::NotText, .. }), "{error:?}");
}

#[test]
fn a_file_may_end_its_line() {
    for content in ["hunter2", "hunter2\n", "hunter2\r\n", "\u{feff}hunter2\n"] {
        let (_folder, source) = file(content.as_bytes());
        assert_eq!(read(&source).unwrap(), "hunter2", "{content:?}");
    }
}

#[test]
fn a_file_that_is_no_secret_is_told() {
    for (content, expected) in [
        (b"".as_slice(), BadSecret::Empty),
        (b"\n", BadSecret::Empty),
        (b"hunter2\n\n", BadSecret::Blanks),
        (b"user\nhunter2\n", BadSecret::Invisible),
        (b"hunter2\xff", BadSecret::NotText),
    ] {
        let (_folder, source) = file(content);
        assert_eq!(wrong(read(&source)), expected, "{content:?}");
    }
    let (folder, _) = file(b"");
    let error = read(&SecretSource::File(folder.path().join("none"))).unwrap_err();
    assert!(matches!(error, SecretError::File { .. }), "{error:?}");
    assert!(matches!(read(&SecretSource::File(folder.path().to_owned())), Err(SecretError::File { .. })));
}

#[cfg(unix)]
mod commands {
    use super::*;

    fn shell(line: &str) -> SecretSource {
        SecretSource::Command(SecretCommand::shell(line))
    }

    fn program(program: &str, arguments: &[&str]) -> SecretSource {
        SecretSource::Command(SecretCommand::program(program, arguments.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn the_first_line_of_a_command_is_the_secret() {
        assert_eq!(read(&shell("echo hunter2")).unwrap(), "hunter2");
        assert_eq!(read(&shell("printf hunter2")).unwrap(), "hunter2");
        assert_eq!(read(&shell("printf 'hunter2\\r\\nuser: x\\n'")).unwrap(), "hunter2");
        assert_eq!(read(&program("printf", &["%s\n", "a $HOME b"])).unwrap(), "a $HOME b");
    }

    #[test]
    fn a_command_that_prints_much_after_the_secret_does_not_fail() {
        assert_eq!(read(&shell("echo hunter2; head -c 1000000 /dev/zero")).unwrap(), "hunter2");
    }

    #[test]
    fn a_command_gets_no_standard_input() {
        assert_eq!(wrong(read(&shell("cat"))), BadSecret::Empty);
    }

    #[test]
    fn a_command_that_fails_is_named_and_its_output_is_not() {
        for source in [
            shell("echo hunter2; echo hunter2 >&2; exit 3"),
            shell("kill -9 $$"),
            program("/nonexistent/pass", &["hunter2"]),
            shell("printf ' hunter2'"),
            shell("printf '\\377hunter2'"),
        ] {
            let error = read(&source).unwrap_err();
            let chain = format!("{error} {error:?} {:?}", error.hint());
            assert!(!chain.contains("hunter2"), "{chain}");
        }
        let failed = read(&shell("pass() { return 3; }; pass")).unwrap_err();
        assert_eq!(failed.to_string(), "the command `sh` ended with exit code 3");
        let killed = read(&program("sh", &["-c", "kill -9 $$"])).unwrap_err();
        assert_eq!(killed.to_string(), "the command `sh` ended with a signal");
        let missing = read(&program("/nonexistent/pass", &[])).unwrap_err();
        assert_eq!(missing.to_string(), "run the command `/nonexistent/pass`");
    }
}

#[test]
fn an_origin_reads_on_after_from() {
    let key = Origin::Key { key: "cisco.api_key".to_owned(), path: Path::new("config.toml").into(), line: 4 };
    assert_eq!(key.to_string(), "key `cisco.api_key` in config.toml line 4");
    assert_eq!(Origin::File("/run/key".into()).to_string(), "file /run/key");
    assert_eq!(Origin::Command("pass".to_owned()).to_string(), "command `pass`");
}

//! Reading as a whole: the forms, what is malformed, what is kept once.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::{
    domain::selector::{SelectorError, SelectorKind},
    vendors::cisco::id_form,
};

mod columns;
mod properties;

const GUID: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6";

fn sources(form: Form, skip_invalid: bool) -> Sources {
    Sources { files: vec![PathBuf::from("-")], form, by: None, skip_invalid, verbatim: false }
}

fn read_bytes(bytes: &[u8], form: Form, skip_invalid: bool) -> Result<Selected, SelectError> {
    let mut stdin = bytes;
    read(&sources(form, skip_invalid), &mut stdin, id_form)
}

fn column(name: &str) -> Form {
    Form::Column(name.to_owned())
}

fn field(pointer: &str) -> Form {
    Form::Field(vec![pointer.to_owned()])
}

/// The targets as written, with their lines.
fn taken(selected: &Selected) -> Vec<(u32, &str)> {
    selected.entries.iter().map(|entry| (entry.line, &**entry.selector.written())).collect()
}

fn targets(text: &str, form: Form) -> Vec<(u32, String)> {
    let selected = read_bytes(text.as_bytes(), form, false).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    taken(&selected).into_iter().map(|(line, text)| (line, text.to_owned())).collect()
}

fn owned(due: &[(u32, &str)]) -> Vec<(u32, String)> {
    due.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
}

fn refused(text: &str, form: Form) -> SelectError {
    match read_bytes(text.as_bytes(), form, false) {
        Err(error) => error,
        Ok(selected) => panic!("{text:?} was taken as {:?}", taken(&selected)),
    }
}

fn malformed(text: &str, form: Form) -> Vec<BadLine> {
    match refused(text, form) {
        SelectError::Malformed { shown, total } => {
            assert_eq!(shown.len() as u64, total.min(10));
            shown
        }
        error => panic!("{text:?}: {error}"),
    }
}

/// The line and the reason of the only malformed line.
fn bad(text: &str, form: Form) -> (u32, String) {
    let lines = malformed(text, form);
    assert_eq!(lines.len(), 1, "{lines:?}");
    (lines[0].line, lines[0].reason.to_string())
}

#[test]
fn a_list_with_everything_that_is_allowed_is_read() {
    let text = format!(
        "\u{feff}# the list\r\n\r\n  {GUID}  # laptop\r\nhost:Bob's PC\r\n10.0.0.1\rmac:02005e102030\n\u{a0}\n\u{feff}web01"
    );
    let due = [(3, GUID), (4, "host:Bob's PC"), (5, "10.0.0.1"), (6, "mac:02005e102030"), (8, "web01")];
    assert_eq!(targets(&text, Form::Lines), owned(&due));
}

#[test]
fn nothing_at_all_is_no_error_here() {
    for text in ["", "\u{feff}", "\n\n", "# none\n", "   "] {
        for form in [Form::Lines, column("host"), field("/host")] {
            if text.contains('#') && form != Form::Lines {
                continue;
            }
            assert_eq!(targets(text, form.clone()), [], "{text:?} as {form:?}");
        }
    }
    assert_eq!(targets("host,ip\n", column("host")), []);
    assert_eq!(targets("host,ip", column("host")), []);
}

#[test]
fn malformed_lines_are_told_with_file_and_line_and_stop_everything() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("list.txt");
    fs::write(&path, format!("web01\nweb 02\n{GUID}\n10.0.0.0/8 # a net\n")).unwrap();
    let sources =
        Sources { files: vec![path.clone()], form: Form::Lines, by: None, skip_invalid: false, verbatim: false };
    let error = read(&sources, &mut std::io::empty(), id_form).unwrap_err();
    let path = path.to_str().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "use the targets: 2 lines are malformed\n  \
             {path}:2: `web 02`: a blank does not belong into a host name\n  \
             {path}:4: `10.0.0.0/8`: a range of addresses does not name one host"
        )
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains("host:NAME") && hint.contains("--skip-invalid"), "{hint}");

    let sources = Sources { skip_invalid: true, ..sources };
    let selected = read(&sources, &mut std::io::empty(), id_form).unwrap();
    assert_eq!(taken(&selected), [(1, "web01"), (3, GUID)]);
    assert_eq!(selected.skipped.total, 2);
    assert!(selected.skipped.to_string().starts_with("2 lines are malformed\n  "));
    assert_eq!(selected.skipped.shown[1].reason, BadReason::Selector(SelectorError::Range));
    assert_eq!(selected.file_of(&selected.entries[0]).map(|name| &**name), Some(path));
}

#[test]
fn all_malformed_lines_are_counted_and_ten_are_shown() {
    let text = "a b\n".repeat(25);
    let error = refused(&text, Form::Lines);
    let SelectError::Malformed { shown, total } = &error else { panic!("{error}") };
    assert_eq!((shown.len(), *total), (10, 25));
    assert!(error.to_string().starts_with("use the targets: 25 lines are malformed\n  standard input:1: `a b`"));
    assert!(error.to_string().ends_with("\n  and 15 more"));
}

#[test]
fn what_is_shown_of_a_line_is_short_and_safe() {
    let shown = |text: &str| malformed(text, Form::Lines)[0].text.clone();
    assert_eq!(shown("web\u{1b}[2J\u{202e}"), "web\\u{1b}[2J\\u{202e}");
    assert_eq!(shown(&format!("{} b", "é".repeat(80))), format!("{}…", "é".repeat(60)));
    assert_eq!(shown("API_KEY=0c8e7d41-secret"), "API_KEY=…");
    assert_eq!(shown("password: hunter2"), "password:…");
    let message = refused("web\u{1b}]0;x\u{7}\n", Form::Lines).to_string();
    assert!(!message.contains(['\u{1b}', '\u{7}']), "{message}");
}

#[test]
fn a_ten_megabyte_line_is_told_by_its_length() {
    let text = format!("web01\nweb02\n{}\nweb04\n", "x".repeat(10 * 1024 * 1024));
    let lines = malformed(&text, Form::Lines);
    assert_eq!((lines[0].line, lines[0].reason.to_string()), (3, "the line is 10485760 bytes long".to_owned()));
    assert_eq!(lines[0].text.chars().count(), 61);
    let kept = read_bytes(text.as_bytes(), Form::Lines, true).unwrap();
    assert_eq!(taken(&kept), [(1, "web01"), (2, "web02"), (4, "web04")]);
}

#[test]
fn a_line_that_is_not_utf_8_is_malformed_unless_only_its_comment_is() {
    let lines = match read_bytes(b"web01\nb\xfcro\nweb03 # B\xfcro\n", Form::Lines, false) {
        Err(SelectError::Malformed { shown, .. }) => shown,
        other => panic!("{other:?}"),
    };
    assert_eq!((lines.len(), lines[0].line, &lines[0].reason), (1, 2, &BadReason::NotUtf8));
}

#[test]
fn a_binary_file_is_refused_even_when_malformed_lines_are_left_out() {
    for (bytes, words) in [
        (b"web01\nweb\0\n".as_slice(), "a binary file"),
        (b"w\0e\0b\0\r\0\n\0", "UTF-16 without a byte order mark?"),
        (b"PK\x03\x04", "a spreadsheet"),
        (b"-----BEGIN PRIVATE KEY-----\nMIIE\n", "a key or a certificate"),
    ] {
        for form in [Form::Lines, column("host"), field("/host")] {
            let error = read_bytes(bytes, form, true).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.hint().is_some());
            assert!(!error.to_string().contains("MIIE"));
        }
    }
}

#[test]
fn files_that_cannot_be_read_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let good = folder.path().join("good.txt");
    fs::write(&good, "web01\n").unwrap();
    let read_files = |files: &[PathBuf]| {
        let sources =
            Sources { files: files.to_vec(), form: Form::Lines, by: None, skip_invalid: true, verbatim: false };
        read(&sources, &mut "web02\n".as_bytes(), id_form)
    };
    let missing = folder.path().join("no\u{1b}such.txt");
    let error = read_files(&[good.clone(), missing]).unwrap_err();
    assert!(matches!(error, SelectError::Missing { .. }));
    assert!(error.to_string().ends_with("no\\u{1b}such.txt: there is no such file"), "{error}");
    let error = read_files(&[good.clone(), folder.path().to_path_buf()]).unwrap_err();
    assert!(matches!(error, SelectError::Directory { .. }), "{error}");
    let error = read_files(&[good.join("below")]).unwrap_err();
    assert!(matches!(error, SelectError::Unreadable { .. }), "{error}");
    let dash = PathBuf::from("-");
    assert!(matches!(read_files(&[dash.clone(), good.clone(), dash.clone()]), Err(SelectError::StdinTwice)));
    let many = vec![good.clone(); 65_537];
    assert!(matches!(read_files(&many), Err(SelectError::TooManyFiles { count: 65_537 })));

    let selected = read_files(&[good.clone(), dash, good]).unwrap();
    assert_eq!(taken(&selected), [(1, "web01"), (1, "web02")]);
    assert_eq!(selected.files.len(), 3);
    assert_eq!(selected.files[1], None);
    assert_eq!(selected.file_of(&selected.entries[1]), None);
    assert_eq!(selected.duplicate_count(), 1);
}

#[test]
fn a_reader_that_fails_half_way_fails_the_whole() {
    struct Broken(bool);
    impl std::io::Read for Broken {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("the pipe broke"));
            }
            room[..6].copy_from_slice(b"web01\n");
            Ok(6)
        }
    }
    let error = read(&sources(Form::Lines, true), &mut Broken(false), id_form).unwrap_err();
    assert_eq!(error.to_string(), "read standard input");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the pipe broke");
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_with_a_name_is_read_like_a_file() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "web01\nweb02\n").unwrap()
    });
    let sources = Sources { files: vec![pipe], form: Form::Lines, by: None, skip_invalid: false, verbatim: false };
    let selected = read(&sources, &mut std::io::empty(), id_form).unwrap();
    writer.join().unwrap();
    assert_eq!(taken(&selected), [(1, "web01"), (2, "web02")]);
}

#[test]
fn duplicates_are_kept_once_and_remembered_with_their_lines() {
    let upper = GUID.to_uppercase();
    let text = format!("{upper}\nweb01\n{GUID}\nWEB01 # again\nhost:web01.\nweb01\n10.0.0.1\n::ffff:10.0.0.1\nweb02\n");
    let selected = read_bytes(text.as_bytes(), Form::Lines, false).unwrap();
    assert_eq!(taken(&selected), [(1, &*upper), (2, "web01"), (7, "10.0.0.1"), (9, "web02")]);
    let duplicates = |index| -> Vec<(u32, String)> {
        selected.duplicates_of(index).into_iter().map(|repeat| (repeat.line, repeat.target.to_string())).collect()
    };
    assert_eq!(duplicates(0), owned(&[(3, GUID)]));
    assert_eq!(duplicates(1), owned(&[(4, "WEB01"), (5, "host:web01."), (6, "web01")]));
    assert_eq!(duplicates(2), owned(&[(8, "::ffff:10.0.0.1")]));
    assert_eq!(duplicates(3), []);
    assert_eq!(duplicates(4), []);
    assert_eq!(selected.duplicate_count(), 5);
}

#[test]
fn thousands_of_targets_are_each_kept_once() {
    let name = |number: u32| format!("ws-{number:05}");
    let once: String = (0..20_000).map(|number| name(number) + "\n").collect();
    let text = format!("{once}{}", once.to_uppercase());
    let selected = read_bytes(text.as_bytes(), Form::Lines, false).unwrap();
    assert_eq!(selected.entries.len(), 20_000);
    for (number, entry) in (0_u32..).zip(&selected.entries) {
        assert_eq!((entry.line, &**entry.selector.written()), (number + 1, &*name(number)));
        let repeats = selected.duplicates_of(number as usize);
        assert_eq!(repeats.iter().map(|repeat| repeat.line).collect::<Vec<_>>(), [20_001 + number]);
    }
}

#[test]
fn by_and_prefixes_settle_what_a_target_is() {
    let read_by = |text: &str, by| {
        let sources = Sources { by: Some(by), ..sources(Form::Lines, false) };
        read(&sources, &mut text.as_bytes(), id_form)
    };
    let selected = read_by("02005e102030\n", SelectorKind::Mac).unwrap();
    assert_eq!(selected.entries[0].selector.kind(), SelectorKind::Mac);
    let selected = read_by("10.0.0.1\nip:10.0.0.1\n", SelectorKind::Name).unwrap();
    assert_eq!(selected.entries[0].selector.kind(), SelectorKind::Name);
    assert_eq!(selected.entries[1].selector.kind(), SelectorKind::Ip);
    assert!(matches!(read_by("web01\n", SelectorKind::Id), Err(SelectError::Malformed { total: 1, .. })));
}

#[test]
fn hints_follow_from_what_the_lines_look_like() {
    let hint = |text: &str, form| refused(text, form).hint().unwrap();
    for (text, words) in [
        (format!("host,guid\nweb01,{GUID}\n"), "--column NAME"),
        ("host\tip\n".to_owned(), "--column NAME"),
        (r#"{"host":"web01"}"#.to_owned(), "--field /POINTER"),
        (format!("\"{GUID}\"\n"), "without quotes"),
        ("https://console/x".to_owned(), "the host name or the address alone"),
        ("CORP\\web01".to_owned(), "without `DOMAIN\\`"),
        ("10.0.0.0/8".to_owned(), "one a line"),
        ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx".to_owned(), "host:NAME"),
        ("127.0.0.1".to_owned(), "only this host"),
        ("10.0.0.300".to_owned(), "--skip-invalid"),
    ] {
        assert!(hint(&text, Form::Lines).contains(words), "{text}: {}", hint(&text, Form::Lines));
    }
    assert!(hint("[\n{\"a\":\"b\"}\n]", field("/a")).contains("JSON Lines"));
    assert!(hint("web01\n", field("/a")).contains("leave it out"));
    assert!(hint("{}", field("a")).contains("--field /host/name"));
    // A cell with a comma in it is not told to be read as a cell.
    assert!(!hint("host,x\n\"a,b\",y\n", column("host")).contains("--column"));
}

#[test]
fn a_field_of_json_lines_is_read() {
    let text = format!(
        "\u{feff}{{\"target\":\"{GUID}\",\"n\":[1,{{\"x\":null}}]}}\r\n\n{{\"a\":1,\"target\":\" host:pc #1 \"}}"
    );
    assert_eq!(targets(&text, field("/target")), owned(&[(1, GUID), (3, "host:pc #1")]));
    for (line, told) in [
        (r#"{"a":"x"}"#, "there is no field `/target`"),
        (r#"{"target":12}"#, "the field `/target` is a number, not a string"),
        (r#"{"target":""}"#, "nothing is named here"),
        (r#"{"target":"a b"}"#, "a blank does not belong into a host name"),
        (r#"{"target":"a\u0000"}"#, "the control character U+0000 does not belong into a host name"),
        ("# comment", "not JSON: a character that does not fit at byte 1"),
    ] {
        let text = format!("{{\"target\":\"web01\"}}\n\n{line}\n");
        assert_eq!(bad(&text, field("/target")), (3, told.to_owned()));
    }
    let long = format!("{{\"target\":\"{}\"}}\n", "x".repeat(17 << 20));
    assert_eq!(bad(&long, field("/target")), (1, format!("the line is {} bytes long", long.len() - 1)));
}

#[test]
fn an_entry_stays_small_enough_for_a_million() {
    assert!(size_of::<crate::domain::selector::Entry>() <= 48, "{}", size_of::<crate::domain::selector::Entry>());
}

//! What holds of any list, and of any bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Distinct targets of every kind that survive any form; no two name the same.
fn valid_targets() -> impl Strategy<Value = Vec<String>> {
    let target = prop_oneof![
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "(host:)?[a-z]{1,8}[0-9]{1,3}(\\.[a-z]{2,8}){0,2}",
        "host:[a-zäöü][a-z' ;,\"éß🖥-]{0,12}[a-z]",
        (1_u8..=126, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| format!("{a}.{b}.{c}.{d}")),
        any::<[u8; 5]>().prop_map(|[a, b, c, d, e]| format!("02-{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}")),
        any::<u64>().prop_map(|host| format!("2001:db8::{:x}:{:x}", host >> 48, host & 0xffff)),
    ];
    proptest::collection::vec(target, 0..20).prop_map(|targets| {
        let mut seen = BTreeSet::new();
        targets.into_iter().filter(|target| seen.insert(target.trim_start_matches("host:").to_owned())).collect()
    })
}

/// A text in one of the encodings that are read.
fn encoded(text: &str, encoding: u8) -> Vec<u8> {
    let wide = |bytes: fn(u16) -> [u8; 2]| std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect();
    match encoding {
        0 => text.as_bytes().to_vec(),
        1 => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        2 => wide(u16::to_le_bytes),
        _ => wide(u16::to_be_bytes),
    }
}

fn ending(which: u8) -> &'static str {
    ["\n", "\r\n", "\r"][usize::from(which)]
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

fn written(selected: &Selected) -> Vec<String> {
    taken(selected).into_iter().map(|(_, text)| text.to_owned()).collect()
}

proptest! {
    #[test]
    fn any_list_in_any_dress_reads_back_equal(
        targets in valid_targets(),
        dress in proptest::collection::vec((0_usize..3, "[ \t]{0,3}", "( ?#[^\r\n\0-\u{1f}]{0,9})?"), 20),
        encoding in 0_u8..4,
        end in 0_u8..3,
        last in any::<bool>(),
    ) {
        let mut text = String::new();
        let mut due = Vec::new();
        let mut line = 0;
        for (target, (blank, pad, comment)) in targets.iter().zip(&dress) {
            for _ in 0..*blank {
                text += pad;
                text += ending(end);
                line += 1;
            }
            text += &format!("{pad}{target}{pad}{comment}{}", ending(end));
            line += 1;
            due.push((line, target.as_str()));
        }
        if last {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        let selected = read_bytes(&encoded(&text, encoding), Form::Lines, false).unwrap();
        prop_assert_eq!(taken(&selected), due);
        prop_assert_eq!(selected.duplicate_count(), 0);
    }

    #[test]
    fn any_list_in_a_column_reads_back_equal(
        targets in valid_targets(),
        notes in proptest::collection::vec("[a-z #;\t,\"\n]{0,9}", 20),
        delimiter in prop_oneof![Just(','), Just(';'), Just('\t')],
        before in any::<bool>(),
        encoding in 0_u8..4,
        end in 0_u8..3,
    ) {
        let row = |note: &str, cell: &str| {
            let cells = if before { [note, cell] } else { [cell, note] };
            format!("{}{delimiter}{}{}", cells[0], cells[1], ending(end))
        };
        let mut text = row("note", "target");
        let mut due = Vec::new();
        let mut line = 2;
        for (target, note) in targets.iter().zip(&notes) {
            text += &row(&quoted(note), &quoted(target));
            due.push((line, target.as_str()));
            line += 1 + note.matches('\n').count() as u32;
        }
        let selected = read_bytes(&encoded(&text, encoding), column("Target"), false).unwrap();
        prop_assert_eq!(taken(&selected), due);
    }

    #[test]
    fn any_list_in_a_field_reads_back_equal(targets in valid_targets(), encoding in 0_u8..4, end in 0_u8..3) {
        let line = |target: &String| format!("{}{}", serde_json::json!({"n": 1, "host": {"name": target}}), ending(end));
        let text: String = targets.iter().map(line).collect();
        let selected = read_bytes(&encoded(&text, encoding), field("/host/name"), false).unwrap();
        prop_assert_eq!(written(&selected), targets);
    }

    #[test]
    fn a_bad_line_is_told_with_its_number_and_the_rest_is_kept(
        targets in valid_targets(),
        bad in prop_oneof!["[a-z]{1,5} [a-z]{1,5}", "[a-z]{1,5}[*?$%&(]", "10\\.0\\.0\\.[3-9][0-9]{2}", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}", "x{1025,1100}", "-[a-z]{1,5}"],
        at in any::<proptest::sample::Index>(),
        encoding in 0_u8..4,
        end in 0_u8..3,
    ) {
        let at = at.index(targets.len() + 1);
        let mut lines = targets.clone();
        lines.insert(at, bad);
        let bytes = encoded(&lines.join(ending(end)), encoding);
        let error = read_bytes(&bytes, Form::Lines, false).unwrap_err();
        let SelectError::Malformed { shown, total } = error else { panic!("{error}") };
        prop_assert_eq!((total, shown[0].line as usize), (1, at + 1));
        let kept = read_bytes(&bytes, Form::Lines, true).unwrap();
        prop_assert_eq!(written(&kept), targets);
        prop_assert_eq!((kept.skipped.total, kept.skipped.shown), (1, shown));
    }

    #[test]
    fn writing_a_list_twice_changes_nothing_but_the_duplicates(targets in valid_targets()) {
        let shout = |target: &String| if target.contains(['ß', 'é']) { target.clone() } else { target.to_uppercase() };
        let again: Vec<String> = targets.iter().rev().map(shout).collect();
        let text = format!("{}\n{}", targets.join("\n"), again.join("\n"));
        let selected = read_bytes(text.as_bytes(), Form::Lines, false).unwrap();
        prop_assert_eq!(written(&selected), targets.clone());
        for (index, target) in targets.iter().enumerate() {
            let repeats = selected.duplicates_of(index);
            prop_assert_eq!(repeats.len(), 1);
            let due = shout(target);
            prop_assert_eq!(&*repeats[0].target, due.as_str());
            prop_assert_eq!(repeats[0].line as usize, 2 * targets.len() - index);
        }
    }

    #[test]
    fn no_bytes_panic_and_no_message_carries_a_control_character(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "[a-c\"',;\t\r\n#{}:\\[\\]é\u{1b}\u{feff}-]{0,80}".prop_map(String::into_bytes),
            "host[,;\t]b\r?\n[a-c\"',;\t\r\n]{0,60}".prop_map(String::into_bytes),
        ],
        marked in any::<bool>(),
        skip in any::<bool>(),
    ) {
        let bytes = if marked { [b"\xff\xfe".as_slice(), &bytes].concat() } else { bytes };
        for form in [Form::Lines, column("host"), field("/a"), field("")] {
            if let Err(error) = read_bytes(&bytes, form, skip) {
                let told = format!("{error} {}", error.hint().unwrap_or_default());
                prop_assert!(!told.chars().any(|c| c.is_control() && c != '\n'), "{:?}", told);
            }
        }
    }
}

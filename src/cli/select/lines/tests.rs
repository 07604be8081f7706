//! Line endings, comments, long lines.

use proptest::prelude::*;

use super::*;

type Seen = Vec<(u32, String, u64, bool)>;

fn lines(blocks: &[&[u8]], keep: usize, comments: bool) -> Seen {
    let mut seen = Vec::new();
    let mut lines = Lines::new(keep, comments);
    let mut each = |line: &Line<'_>| {
        seen.push((line.number, String::from_utf8_lossy(line.text).into_owned(), line.bytes, line.cut));
        Ok(())
    };
    for block in blocks {
        lines.feed(block, &mut each).unwrap();
    }
    lines.finish(&mut each).unwrap();
    seen
}

fn texts(text: &str) -> Vec<(u32, String)> {
    lines(&[text.as_bytes()], 100, true).into_iter().map(|(number, text, ..)| (number, text)).collect()
}

#[test]
fn every_line_ending_counts_once() {
    for text in ["a\nb\n\nc", "a\r\nb\r\n\r\nc\r\n", "a\rb\r\rc\r", "a\nb\r\n\rc"] {
        let due = [(1, "a".to_owned()), (2, "b".to_owned()), (4, "c".to_owned())];
        assert_eq!(texts(text), due, "{text:?}");
    }
}

#[test]
fn an_empty_block_does_not_part_a_cr_from_its_lf() {
    let seen = lines(&[b"a\r", b"", b"\nb\n"], 100, true);
    assert_eq!(seen.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_comment_begins_anywhere() {
    assert_eq!(texts("# all\na # b\n  \n#\nc#d\n"), [(2, "a ".to_owned()), (5, "c".to_owned())]);
}

#[test]
fn a_long_line_is_cut_and_its_length_told() {
    let long = "x".repeat(5000);
    let text = format!("a\n{long}\nb {}\n{} c\nd{}#{long}\n", " ".repeat(5000), " ".repeat(5000), " ".repeat(5000));
    let seen = lines(&[text.as_bytes()], 10, true);
    let short: Vec<_> = seen.iter().map(|(number, text, bytes, cut)| (*number, text.trim(), *bytes, *cut)).collect();
    assert_eq!(
        short,
        [
            (1, "a", 1, false),
            (2, "xxxxxxxxxx", 5000, true),
            (3, "b", 5002, false),
            (4, "c", 5002, false),
            (5, "d", 10002, false)
        ]
    );
}

#[test]
fn more_lines_than_can_be_counted_are_an_error() {
    let mut lines = Lines::new(10, true);
    lines.ended = u32::MAX - 1;
    let mut numbers = Vec::new();
    let mut each = |line: &Line<'_>| {
        numbers.push(line.number);
        Ok(())
    };
    lines.feed(b"a\n", &mut each).unwrap();
    let error = lines.feed(b"b\n", &mut each).unwrap_err();
    assert!(matches!(error, SelectError::TooManyLines { .. }));
    assert_eq!(numbers, [u32::MAX]);
}

proptest! {
    #[test]
    fn where_blocks_end_makes_no_difference(text in "[ab#é \t\r\n]{0,60}", cuts in proptest::collection::vec(0_usize..60, 0..6)) {
        let whole = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
        cuts.sort_unstable();
        let mut blocks = Vec::new();
        let mut from = 0;
        for cut in cuts {
            blocks.push(&whole[from..cut]);
            from = cut;
        }
        blocks.push(&whole[from..]);
        for comments in [true, false] {
            prop_assert_eq!(lines(&blocks, 7, comments), lines(&[whole], 7, comments));
        }
    }
}

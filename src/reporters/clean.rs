//! Makes hostile text safe to show: strings from consoles, events and target files.
//!
//! A host may call itself anything. On a terminal its name must not move the cursor, change colours, hide text or turn the
//! order of characters around; in a spreadsheet it must not become a formula. JSON is not cleaned: see
//! [`super::json_text`].

use std::borrow::Cow;

/// Whether a character can do more on a terminal than show itself.
///
/// Control characters, line and paragraph separators, whatever turns the direction of text, and what is not seen at all.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}'
            | '\u{034f}'
            | '\u{061c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text as it may stand on a terminal: every hostile character is written out, as `\n` or `\u{202e}`.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_hostile(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// The text as it may stand in a cell of a CSV file: clean, and never the beginning of a formula.
///
/// What a spreadsheet would compute gets an apostrophe in front. That is decided on the text as it came, so that a tab in
/// front, which shows as `\t` here, is marked as well.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let starts = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    let formula = text.starts_with(starts) || text.trim_start().starts_with(starts);
    match clean(text) {
        safe if formula => Cow::Owned(format!("'{safe}")),
        safe => safe,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn harmless_text_is_not_touched() {
        for text in ["", "web01", "CORP\\web01", "Grüße", "端末01", "ἀβγ", "e\u{301}", "a b"] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    #[test]
    fn escape_sequences_line_breaks_and_overrides_are_written_out() {
        assert_eq!(clean("a\u{1b}]0;owned\u{7}b"), "a\\u{1b}]0;owned\\u{7}b");
        assert_eq!(clean("a\r\nb\tc\0"), "a\\r\\nb\\tc\\u{0}");
        assert_eq!(clean("cod\u{202e}exe.txt"), "cod\\u{202e}exe.txt");
        assert_eq!(clean("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(clean("we\u{200b}b01\u{feff}\u{e0041}"), "we\\u{200b}b01\\u{feff}\\u{e0041}");
        assert_eq!(clean("\u{2028}\u{2029}\u{2066}\u{2069}\u{61c}"), "\\u{2028}\\u{2029}\\u{2066}\\u{2069}\\u{61c}");
    }

    #[test]
    fn a_cell_cannot_start_a_formula() {
        for (text, cell) in [
            ("=cmd()", "'=cmd()"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\t=1"),
            ("\r=1", "'\\r=1"),
            ("\tweb01", "'\\tweb01"),
            ("  =1", "'  =1"),
            ("＝1", "'＝1"),
            ("web-01", "web-01"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(csv_cell(text), cell, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn clean_text_has_nothing_hostile_and_nothing_left_to_clean(text in ".*|\\PC*|[\\x00-\\x1f\u{7f}-\u{9f}\u{202a}-\u{202e}a=]*") {
            let safe = clean(&text);
            prop_assert!(!safe.chars().any(is_hostile));
            prop_assert!(!safe.chars().any(char::is_control));
            prop_assert_eq!(clean(&safe), safe.as_ref());
        }

        #[test]
        fn no_cell_is_hostile_or_a_formula(text in "[ \\t\\r\\n]*[=+@-]?.*") {
            let cell = csv_cell(&text);
            prop_assert!(!cell.chars().any(is_hostile));
            prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']));
        }
    }
}

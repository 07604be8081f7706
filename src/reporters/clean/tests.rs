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
fn a_long_text_is_cut_and_says_so() {
    assert_eq!(clean_to("web01", 5), "web01");
    assert_eq!(clean_to("web01\n", 6), "web01…");
    assert_eq!(clean_to(&"a".repeat(10_000_000), 4), "aaa…");
    assert_eq!(clean_to(&"e\u{301}".repeat(3), 10), "e\u{301}".repeat(3));
    assert_eq!(clean_to(&format!("e{}", "\u{301}".repeat(1_000)), 4), format!("e{}…", "\u{301}".repeat(4)));
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

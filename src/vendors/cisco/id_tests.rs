//! How connector GUIDs are told from names, addresses and damage.

use proptest::prelude::*;

use super::id_form;
use crate::domain::selector::IdForm;

const GUID: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6";

#[test]
fn a_lower_case_guid_is_its_own_canonical_spelling() {
    assert_eq!(id_form(GUID), IdForm::Id(None));
}

#[test]
fn an_upper_case_guid_has_a_lower_case_canonical_spelling() {
    assert_eq!(id_form(&GUID.to_uppercase()), IdForm::Id(Some(GUID.into())));
    assert_eq!(id_form("3F1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6"), IdForm::Id(Some(GUID.into())));
}

#[test]
fn names_and_addresses_are_no_guids() {
    for text in [
        "",
        "-",
        "----",
        "{}",
        "{",
        "}{",
        "web01",
        "fin-lt-014.corp.example",
        "dc-01-eu-west-2",
        "dead-beef",
        "deadbeef-0001",
        "10.20.30.41",
        "02:00:5e:10:20:30",
        "02-00-5e-10-20-30",
        "02005e102030",
        "2001:db8::1",
        "büro-größe-straße",
    ] {
        assert_eq!(id_form(text), IdForm::NotAnId, "{text}");
    }
}

#[test]
fn damage_is_told_and_not_looked_up_as_a_name() {
    for (text, words) in [
        ("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f", "8-4-4-4-12"),
        ("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f66", "8-4-4-4-12"),
        ("3f1c2d94-7b60-4e2a-9a55", "8-4-4-4-12"),
        ("3f1c2d94-7b60-4e2a", "8-4-4-4-12"),
        ("3f1c2d94-7b60-4e2a-9a55-0c8e-7d41b2f6", "8-4-4-4-12"),
        ("3f1c2d947b604e2a9a550c8e7d41b2f6", "8-4-4-4-12"),
        ("3f1c2d94-7b604e2a9a55-0c8e7d41-b2f6", "8-4-4-4-12"),
        ("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2g6", "0-9 and a-f"),
        ("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2O6", "0-9 and a-f"),
        ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "0-9 and a-f"),
        ("\"3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6\"", "0-9 and a-f"),
        ("{3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6}", "braces"),
        ("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6}", "braces"),
        ("{{3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f}}", "braces"),
    ] {
        let IdForm::Damaged(told) = id_form(text) else { panic!("{text} passed as {:?}", id_form(text)) };
        assert!(told.contains(words), "{text}: {told}");
    }
}

proptest! {
    #[test]
    fn every_guid_in_any_case_is_taken_and_its_canonical_spelling_is_stable(
        text in "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    ) {
        let lower = text.to_ascii_lowercase();
        let expected = (lower != text).then(|| lower.clone().into_boxed_str());
        prop_assert_eq!(id_form(&text), IdForm::Id(expected));
        prop_assert_eq!(id_form(&lower), IdForm::Id(None));
    }

    #[test]
    fn a_guid_with_one_character_lost_added_or_changed_is_never_an_id_and_never_a_name(
        text in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        at in 0_usize..36,
        new in "[g-zG-Z!;,_]",
        how in 0_u8..3,
    ) {
        let mut bytes = text.into_bytes();
        let was_dash = bytes[at] == b'-';
        match how {
            0 => { bytes.remove(at); }
            1 => bytes.insert(at, b'0'),
            _ => bytes[at] = new.as_bytes()[0],
        }
        let damaged = String::from_utf8(bytes).unwrap();
        let form = id_form(&damaged);
        prop_assert!(!matches!(form, IdForm::Id(_)));
        // With a dash overwritten too little is left to be sure of what was meant.
        prop_assert!(was_dash && how == 2 || matches!(form, IdForm::Damaged(_)), "{} is {:?}", damaged, form);
    }

    #[test]
    fn what_is_taken_for_an_id_is_safe_in_a_path(text in ".{0,40}|[{}0-9a-f-]{0,44}") {
        if let IdForm::Id(canonical) = id_form(&text) {
            let id = canonical.as_deref().unwrap_or(&text);
            prop_assert_eq!(id.len(), 36);
            prop_assert!(id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-')));
        }
    }
}

//! What is read from a text, what is refused, and what counts as the same.

use std::hash::{BuildHasher, Hasher, RandomState};

use proptest::prelude::*;

use super::*;

/// A console whose ids are `A-` and digits, in any case.
fn id_form(text: &str) -> IdForm {
    let Some((head, digits)) = text.split_once('-') else { return IdForm::NotAnId };
    if !head.eq_ignore_ascii_case("a") {
        IdForm::NotAnId
    } else if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        IdForm::Damaged("only digits follow the dash")
    } else {
        IdForm::Id((head == "A").then(|| format!("a-{digits}").into()))
    }
}

fn parse(text: &str) -> Result<Selector, SelectorError> {
    Selector::parse(text, None, id_form)
}

fn parsed(text: &str) -> Selector {
    parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn refused(text: &str) -> SelectorError {
    match parse(text) {
        Err(error) => error,
        Ok(selector) => panic!("{text:?} was taken as {selector:?}"),
    }
}

fn hash(state: &RandomState, selector: &Selector) -> u64 {
    let mut hasher = state.build_hasher();
    selector.hash_named(&mut hasher);
    hasher.finish()
}

#[test]
fn the_form_tells_the_kind() {
    for (text, kind) in [
        ("a-17", SelectorKind::Id),
        ("web01", SelectorKind::Name),
        ("web01.corp.example.", SelectorKind::Name),
        ("12345", SelectorKind::Name),
        ("02005e102030", SelectorKind::Name),
        ("größe_1", SelectorKind::Name),
        ("10.20.30.41", SelectorKind::Ip),
        ("2001:db8::1", SelectorKind::Ip),
        ("fe80::1", SelectorKind::Ip),
        ("02:00:5e:10:20:30", SelectorKind::Mac),
        ("02-00-5E-10-20-30", SelectorKind::Mac),
        ("0200.5e10.2030", SelectorKind::Mac),
    ] {
        assert_eq!(parsed(text).kind(), kind, "{text}");
        assert_eq!(&**parsed(text).written(), text);
    }
}

#[test]
fn a_prefix_settles_the_kind_in_any_case_and_over_by() {
    assert_eq!(parsed("HOST:a-17").named(), Named::Name("a-17"));
    assert_eq!(parsed("host: 10.0.0.1").named(), Named::Name("10.0.0.1"));
    assert_eq!(parsed("mac:02005e102030").kind(), SelectorKind::Mac);
    assert_eq!(parsed("ip:10.0.0.1").kind(), SelectorKind::Ip);
    assert_eq!(parsed("id:A-1").named(), Named::Id(&"a-1".into()));
    let settled = Selector::parse("host:10.0.0.1", Some(SelectorKind::Ip), id_form).unwrap();
    assert_eq!(settled.kind(), SelectorKind::Name);
    let by = Selector::parse("a-17", Some(SelectorKind::Name), id_form).unwrap();
    assert_eq!(by.named(), Named::Name("a-17"));
}

#[test]
fn an_id_is_known_by_its_canonical_spelling_and_kept_as_written() {
    let selector = parsed("A-17");
    assert_eq!(&**selector.written(), "A-17");
    assert_eq!(selector.named(), Named::Id(&"a-17".into()));
    // A million of them: the text is held once where both spellings are one.
    let plain = parsed("a-17");
    let Named::Id(id) = plain.named() else { panic!("not an id") };
    assert!(Arc::ptr_eq(id, plain.written()));
}

#[test]
fn addresses_are_canonical() {
    assert_eq!(parsed("::ffff:10.0.0.1").named(), parsed("10.0.0.1").named());
    assert_eq!(parsed("2001:DB8:0::1").named(), parsed("2001:db8::1").named());
    assert_eq!(parsed("02-00-5E-10-20-30").named(), parsed("0200.5e10.2030").named());
}

#[test]
fn damage_is_refused_in_words_that_fit() {
    use SelectorError as E;
    for (text, error) in [
        ("", E::Empty),
        ("host:", E::Empty),
        ("ip:  ", E::Empty),
        ("a-x", E::DamagedId("only digits follow the dash")),
        ("id:web01", E::NotAnId),
        ("ip:web01", E::NotAnAddress),
        ("mac:02:00:5e:10:20", E::NotAMac),
        ("mac:02:00-5e:10:20:30", E::NotAMac),
        ("mac:+2005e102030", E::NotAMac),
        ("10.0.0.256", E::NotAnAddress),
        ("10.0.0", E::NotAnAddress),
        ("010.0.0.1", E::NotAnAddress),
        ("10.0.0.1O", E::NotAnAddress),
        ("10.0.0.x", E::NotAnAddress),
        ("10.0.0.0/8", E::Range),
        ("ip:10.0.0.0/8", E::Range),
        ("2001:db8::/32", E::Range),
        ("10.0.0.1-10.0.0.9", E::Range),
        ("10.0.0.1-9", E::Range),
        ("0.0.0.0", E::Shared),
        ("127.0.0.1", E::Shared),
        ("::1", E::Shared),
        ("255.255.255.255", E::Shared),
        ("224.0.0.1", E::Shared),
        ("::ffff:127.0.0.1", E::Shared),
        ("ff:ff:ff:ff:ff:ff", E::Shared),
        ("mac:000000000000", E::Shared),
        ("02:00:5e:10:20", E::NotAName),
        ("2001:db8:::1", E::NotAName),
        ("10.0.0.1:443", E::NotAnAddress),
        ("web 01", E::BadCharacter(' ')),
        ("web*", E::BadCharacter('*')),
        ("../etc", E::BadCharacter('/')),
        ("CORP\\web01", E::BadCharacter('\\')),
        ("web01\u{1b}[31m", E::BadCharacter('\u{1b}')),
        ("web01\u{200b}", E::BadCharacter('\u{200b}')),
        ("host:web\u{202e}10", E::BadCharacter('\u{202e}')),
        ("host:a\nb", E::BadCharacter('\n')),
        ("host:.", E::NotAName),
        ("host:..", E::NotAName),
        (".", E::NotAnAddress),
        ("web..corp", E::NotAName),
        (".corp", E::NotAName),
        ("-rf", E::NotAName),
        ("web-", E::NotAName),
    ] {
        assert_eq!(refused(text), error, "{text:?}");
    }
}

#[test]
fn lengths_have_limits() {
    assert_eq!(refused(&"x".repeat(MAX_SELECTOR_BYTES + 1)), SelectorError::TooLong);
    assert_eq!(refused(&format!("host:{}", "x".repeat(254))), SelectorError::TooLong);
    assert_eq!(refused(&format!("host:{}x", " ".repeat(300))), SelectorError::TooLong);
    assert_eq!(refused(&"x".repeat(64)), SelectorError::NotAName);
    assert_eq!(parsed(&"x".repeat(63)).kind(), SelectorKind::Name);
}

#[test]
fn characters_that_cannot_be_seen_are_told_by_number() {
    for (text, words) in [
        ("web 01", "a blank does not"),
        ("web\u{a0}01", "the blank U+00A0 does not"),
        ("web\u{200b}01", "the invisible character U+200B does not"),
        ("web\u{7}01", "the control character U+0007 does not"),
        ("web–01", "`–` (U+2013) does not"),
        ("web,01", "`,` does not"),
    ] {
        let told = refused(text).to_string();
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn duplicates_are_told_by_what_is_named() {
    let state = RandomState::new();
    for (a, b) in [
        ("a-17", "A-17"),
        ("a-17", "id:a-17"),
        ("web01", "WEB01."),
        ("host:Größe", "GRÖSSE"),
        ("größe", "host:GRÖßE"),
        ("10.0.0.1", "ip:::ffff:10.0.0.1"),
        ("02:00:5e:10:20:30", "mac:02005E102030"),
    ] {
        let (a, b) = (parsed(a), parsed(b));
        let same = a.names_same(&b);
        assert_eq!(same, hash(&state, &a) == hash(&state, &b));
        assert_eq!(same, b.names_same(&a));
        // Sharp s has no single upper-case letter here; everything else in the list is one and the same.
        assert_eq!(same, b.written().as_ref() != "GRÖSSE", "{a} and {b}");
    }
    for (a, b) in [("a-1", "a-2"), ("host:a-1", "a-1"), ("host:10.0.0.1", "10.0.0.1"), ("web01", "web01.corp")] {
        assert!(!parsed(a).names_same(&parsed(b)), "{a} and {b}");
    }
}

#[test]
fn a_selector_stays_small() {
    assert!(size_of::<Selector>() <= 40, "{}", size_of::<Selector>());
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_keeps_its_text(text in "\\PC{0,40}|.{0,40}|(host|id|ip|mac)?:? ?[0-9a-f.:/-]{0,40}") {
        for by in [None, Some(SelectorKind::Id), Some(SelectorKind::Name), Some(SelectorKind::Ip), Some(SelectorKind::Mac)] {
            match Selector::parse(&text, by, id_form) {
                Ok(selector) => {
                    prop_assert_eq!(&**selector.written(), text.as_str());
                    if let Named::Name(name) = selector.named() {
                        prop_assert!(!name.is_empty());
                        prop_assert!(!name.chars().any(is_unprintable));
                    }
                }
                Err(error) => prop_assert!(!error.to_string().chars().any(is_unprintable)),
            }
        }
    }

    #[test]
    fn every_address_is_read_back_from_how_it_prints(bits in any::<u128>(), v4 in any::<u32>()) {
        for address in [IpAddr::V6(bits.into()), IpAddr::V4(v4.into())] {
            match parse(&address.to_string()) {
                Ok(selector) => prop_assert_eq!(selector.named(), Named::Ip(address.to_canonical())),
                Err(error) => prop_assert_eq!(error, SelectorError::Shared),
            }
        }
    }

    #[test]
    fn every_mac_is_read_back_from_each_of_its_spellings(mut bytes in any::<[u8; 6]>()) {
        bytes[0] = bytes[0] & 0xfe | 0x02;
        let mac = MacAddr(bytes);
        let colons = mac.to_string();
        let bare = colons.replace(':', "");
        let (a, rest) = bare.split_at(4);
        let (b, c) = rest.split_at(4);
        for text in [colons.clone(), colons.replace(':', "-").to_uppercase(), format!("{a}.{b}.{c}"), format!("mac:{bare}")] {
            let selector = parsed(&text);
            prop_assert_eq!(selector.named(), Named::Mac(mac), "{}", text);
        }
    }

    #[test]
    fn the_case_of_a_name_makes_no_difference(name in "[a-z][a-z0-9-]{0,20}[a-z0-9](\\.[a-z]{1,10}){0,3}") {
        prop_assume!(parse(&name).is_ok_and(|selector| selector.kind() == SelectorKind::Name));
        let state = RandomState::new();
        let (lower, upper) = (parsed(&name), parsed(&format!("host:{}.", name.to_uppercase())));
        prop_assert!(lower.names_same(&upper));
        prop_assert_eq!(hash(&state, &lower), hash(&state, &upper));
    }
}

proptest! {
    #[test]
    fn no_letter_beyond_ascii_becomes_one_of_it(name in any::<String>(), letters in "[kKiI\u{212a}\u{130}aÄß]{0,8}") {
        for name in [name, letters] {
            let ascii = |text: &str| text.chars().filter(char::is_ascii).count();
            prop_assert_eq!(ascii(&fold_name(&name)), ascii(&name));
            prop_assert_eq!(lower(&name).filter(char::is_ascii).count(), ascii(&name));
        }
    }
}

#[test]
fn a_name_is_the_same_in_capitals_and_not_the_same_in_signs_that_look_alike() {
    assert!(same_name("BÜRO-K", "büro-k") && !same_name("BÜRO-\u{212a}", "büro-k"));
    assert_eq!(fold_name("DES\u{212a}ÄK"), "des\u{212a}äk");
}

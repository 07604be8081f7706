use proptest::prelude::*;

use super::*;

const ID: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6";

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn by_name(text: &str, name: &str) -> bool {
    pattern(text).matches(ID, Some(name), &[]) == Match::Yes
}

fn by_address(text: &str, address: &str) -> bool {
    pattern(text).matches(ID, None, &[address.parse().unwrap()]) == Match::Yes
}

#[test]
fn a_name_covers_the_host_in_any_spelling() {
    for name in ["dc01", "DC01", "dc01.corp.example", "Dc01.Corp.Example."] {
        assert!(by_name("DC01", name), "{name}");
    }
    for name in ["dc011", "xdc01", "dc0", "www.dc01"] {
        assert!(!by_name("dc01", name), "{name}");
    }
    assert!(by_name("BÜRO", "büro"));
    assert!(by_name("host: Anna*s*Laptop", "anna's laptop"));
    assert_eq!(Pattern::of_name("Anna's Laptop").unwrap().matches(ID, Some("anna's laptop"), &[]), Match::Yes);
}

#[test]
fn a_name_with_a_domain_covers_the_host_that_a_console_keeps_without() {
    assert!(by_name("dc01.corp.example", "DC01"));
    assert!(by_name("dc*.corp.example", "DC01"));
    assert!(!by_name("dc01.corp.example", "dc01.lab.example"));
    assert!(!by_name("*.corp.example", "web01"), "nothing but a domain says nothing of a host without one");
}

#[test]
fn stars_stand_for_any_run_of_characters() {
    assert!(by_name("dc*", "dc01.corp.example"));
    assert!(by_name("*-dc", "paris-dc"));
    assert!(by_name("*-dc", "paris-dc.corp.example"), "the short name counts too");
    assert!(by_name("*.corp.example", "web01.corp.example"));
    assert!(!by_name("*.corp.example", "corp.example"));
    assert!(by_name("a*b*c", "abc"));
    assert!(by_name("a*b*c", "a-b-b-c"));
    assert!(!by_name("a*b*c", "acb"));
    assert!(!by_name("ab*ba", "aba"), "runs do not overlap");
    assert!(by_name("w*1*1", "w11"));
    assert!(!by_name("w*1*1", "w1"));
}

#[test]
fn a_lone_star_covers_even_a_host_without_a_name() {
    assert_eq!(pattern("*").matches(ID, None, &[]), Match::Yes);
    assert_eq!(pattern("**").matches("", None, &[]), Match::Yes);
}

#[test]
fn addresses_and_ranges_cover_what_is_in_them() {
    assert!(by_address("10.1.2.3", "10.1.2.3"));
    assert!(by_address("10.1.2.3", "::ffff:10.1.2.3"));
    assert!(by_address("::ffff:10.1.2.3", "10.1.2.3"));
    assert!(!by_address("10.1.2.3", "10.1.2.4"));
    assert!(by_address("10.0.0.0/8", "10.255.255.255"));
    assert!(!by_address("10.0.0.0/8", "11.0.0.0"));
    assert!(by_address("10.1.2.3/24", "10.1.2.250"), "a range may be written from any address in it");
    assert!(by_address("::ffff:10.0.0.0/104", "10.9.9.9"));
    assert!(by_address("2001:db8::/32", "2001:db8:1::1"));
    assert!(by_address("ip:2001:db8::1", "2001:db8::1"));
    assert!(by_address("0.0.0.0/0", "8.8.8.8"));
    let second = ["192.0.2.1".parse().unwrap(), "10.0.0.9".parse().unwrap()];
    assert_eq!(pattern("10.0.0.0/24").matches(ID, None, &second), Match::Yes);
}

#[test]
fn ids_are_compared_without_regard_to_capitals() {
    let upper = ID.to_ascii_uppercase();
    assert_eq!(pattern(&upper).matches(ID, None, &[]), Match::Yes);
    assert_eq!(pattern(ID).matches(&upper, None, &[]), Match::Yes);
    assert_eq!(pattern(ID).matches("00000000-0000-0000-0000-000000000000", None, &[]), Match::No);
    assert_eq!(pattern("id:-157.119").matches("-157.119", Some("web"), &[]), Match::Yes);
    assert_eq!(pattern("srv-4711").matches("SRV-4711", None, &[]), Match::Yes, "an id that looks like a name");
}

#[test]
fn a_host_that_cannot_be_compared_is_told_apart_from_one_that_differs() {
    assert_eq!(pattern("dc*").matches(ID, None, &[]), Match::CannotTell);
    assert_eq!(pattern("dc*").matches(ID, Some(""), &[]), Match::CannotTell);
    assert_eq!(pattern("10.0.0.1").matches(ID, Some("web"), &[]), Match::CannotTell);
    assert_eq!(pattern("10.0.0.0/8").matches(ID, Some("web"), &[]), Match::CannotTell);
    assert_eq!(pattern("dc*").matches(ID, Some("web"), &[]), Match::No);
    assert_eq!(pattern(ID).matches("other", None, &[]), Match::No);
}

#[test]
fn only_ids_can_be_compared_without_an_inventory() {
    assert!(!pattern(ID).needs_inventory());
    assert!(!pattern("id:4711").needs_inventory());
    for text in ["dc*", "*", "dc01", "10.0.0.1", "10.0.0.0/8"] {
        assert!(pattern(text).needs_inventory(), "{text}");
    }
}

#[test]
fn an_entry_that_could_cover_no_host_is_refused() {
    for (text, error) in [
        ("", PatternError::Empty),
        ("  ", PatternError::Empty),
        ("host:", PatternError::Empty),
        ("id:", PatternError::Empty),
        ("10.0.0.256", PatternError::NotAnAddress),
        ("10.0.0", PatternError::NotAnAddress),
        ("ip:dc01", PatternError::NotAnAddress),
        ("10.0.0.0/33", PatternError::NotARange),
        ("10.0.0.0/", PatternError::NotARange),
        ("10.0.0.0/+8", PatternError::NotARange),
        ("10.0.0.0/255.0.0.0", PatternError::NotARange),
        ("10.0.0/8", PatternError::NotARange),
        ("web/8", PatternError::NotARange),
        ("10.0.0.*", PatternError::AddressWithStar),
        ("10.0.0.1-10.0.0.9", PatternError::AddressWithStar),
        ("{3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6}", PatternError::DamagedId),
        ("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f", PatternError::DamagedId),
        ("3f1c2d947b604e2a9a550c8e7d41b2f6", PatternError::DamagedId),
        ("3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2fg", PatternError::DamagedId),
        ("id:dc*", PatternError::WildId),
        ("aa:bb:cc:dd:ee:ff", PatternError::Mac),
        ("AA-BB-CC-DD-EE-FF", PatternError::Mac),
        ("mac:aabbccddeeff", PatternError::Mac),
        ("dc0?", PatternError::BadCharacter('?')),
        ("dc01, dc02", PatternError::BadCharacter(',')),
        ("^dc", PatternError::BadCharacter('^')),
        ("dc\u{7}", PatternError::BadCharacter('\u{7}')),
        ("@protected.txt", PatternError::BadCharacter('@')),
        (".corp.example", PatternError::NotAName),
        ("dc01..corp", PatternError::NotAName),
        (".", PatternError::Empty),
        ("host:10.31.0.1", PatternError::AddressAsName),
        ("host:10.31.0.0/24", PatternError::AddressAsName),
        ("host:2001:db8::1", PatternError::AddressAsName),
        ("host:10.31.0.*", PatternError::AddressWithStar),
        ("host:AA-BB-CC-DD-EE-FF", PatternError::Mac),
        ("host:3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f", PatternError::DamagedId),
        ("group:a|b", PatternError::OtherPattern("|")),
        ("group:Server?", PatternError::OtherPattern("?")),
        ("group:[DS]*", PatternError::OtherPattern("[")),
        ("group:{DC,SQL}*", PatternError::OtherPattern("{")),
        ("group:%server%", PatternError::OtherPattern("%")),
        ("group:\"Servers\"", PatternError::OtherPattern("\"")),
        ("os:^win", PatternError::OtherPattern("^")),
        ("os:server$", PatternError::OtherPattern("$")),
        ("os:win.*server", PatternError::OtherPattern(".*")),
        ("os:windows \\d+", PatternError::OtherPattern("\\")),
    ] {
        assert_eq!(Pattern::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn a_name_behind_its_prefix_is_read_as_without_it() {
    for text in ["DC-O?E", "^dc", "[x]", "a b", "dc01,dc02", "dc01$", "a|b", "dc/1", "{dc}", "@x", "dc..1"] {
        let plain = Pattern::parse(text).unwrap_err();
        assert_eq!(Pattern::parse(&format!("host:{text}")), Err(plain), "{text}");
    }
    for text in ["dc01", "DC*", "*.corp.example", "büro_1", "*"] {
        assert_eq!(Pattern::parse(&format!("HOST: {text}")), Pattern::parse(text), "{text}");
    }
    assert_eq!(pattern(&format!("host:{ID}")).matches(ID, None, &[]), Match::Yes, "an id is a name, too");
}

#[test]
fn words_that_groups_and_systems_really_have_are_taken() {
    for text in [
        "Servers (R&D) + DMZ, Nord",
        "Managed devices/Servers",
        "CORP\\Servers\\data",
        "Café «Süd»",
        "!first #1 @home ~50%ish",
        "Windows Server 2019 10.0.17763",
        "SERVER$ and more",
        "it's",
        "{legacy}",
        "a[b",
    ] {
        let told = Traits { group: Some(text), system: None };
        assert_eq!(pattern(&format!("group:{text}")).matches_traits(told), Some(Match::Yes), "{text}");
    }
    // What a name really has and an entry may not have is written as a star.
    let told = Traits { group: Some("Really? [old]"), system: None };
    assert_eq!(pattern("group:Really* *old*").matches_traits(told), Some(Match::Yes));
}

#[test]
fn a_name_in_unicode_and_in_its_form_for_dns_are_one() {
    const DNS: &str = "xn--mller-kva";
    for text in ["müller", "MÜLLER", DNS, "XN--MLLER-KVA", "müller.corp.example"] {
        for name in ["müller", "mu\u{308}ller", "Müller.corp.example", "xn--mller-kva", "XN--MLLER-KVA.Corp.Example."]
        {
            assert!(by_name(text, name), "{text} {name}");
        }
        assert!(!by_name(text, "muller") && !by_name(text, "xn--mller-kvb"), "{text}");
    }
    for text in ["MÜLLER*", "m*ller.corp.example", "mü*", "xn--*", "xn--mller*.corp.example", "*.bücher.example"] {
        let covered = if text.starts_with('*') {
            ["müller.bücher.example", "xn--mller-kva.xn--bcher-kva.example"]
        } else {
            ["müller.corp.example", "xn--mller-kva.corp.example"]
        };
        assert!(covered.iter().all(|name| by_name(text, name)), "{text}");
        assert!(!by_name(text, "web01.corp.example"), "{text}");
    }
    // What is no international name is compared as it is.
    assert!(by_name("xn--\u{fc}", "XN--\u{dc}"));
    assert!(!by_name("xn--a", "a"));
}

#[test]
fn a_bare_name_in_the_other_spelling_is_covered_or_not_sure() {
    let bare = |text: &str, name: &str, domain: &str| pattern(text).matches_bare(ID, Some(name), domain, &[]);
    assert_eq!(bare("xn--mller-kva.corp.example", "MÜLLER", "corp.example"), Match::Yes);
    assert_eq!(bare("*.bücher.example", "WEB", "xn--bcher-kva.example"), Match::Yes);
    assert_eq!(bare("xn--mller*.vital.example", "MÜLLER", ""), Match::Yes);
    assert_eq!(bare("*.bücher.example", "WEB", "xn--bcher-kva"), Match::CannotTell);
    assert_eq!(bare("müller-and-others", "XN--MLLER-AND-O", ""), Match::CannotTell, "it may have been cut off");
    assert_eq!(bare("müller.vital.example", "web", "corp.example"), Match::No);
}

/// The slow and obvious way to compare a text with a glob.
fn slow(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skip| slow(rest, text.get(skip..).unwrap_or_default())),
        Some((first, rest)) => text.split_first().is_some_and(|(head, tail)| head == first && slow(rest, tail)),
    }
}

proptest! {
    #[test]
    fn stars_agree_with_the_obvious_way(pattern in "[ab*]{0,7}", text in "[ab]{0,9}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(wild(&pattern, &text), slow(&chars(&pattern), &chars(&text)));
    }

    #[test]
    fn a_name_always_covers_itself_in_any_case(name in "[a-zA-Z][a-zA-Z0-9-]{0,20}(\\.[a-z]{1,5}){0,3}") {
        if let Ok(pattern) = Pattern::parse(&name) {
            for spelt in [name.to_uppercase(), name.to_lowercase(), short_name(&name).to_owned()] {
                prop_assert_eq!(pattern.matches("x", Some(&spelt), &[]), Match::Yes);
            }
        }
    }

    #[test]
    fn a_range_covers_an_address_exactly_when_their_leading_bits_agree(a: u32, b: u32, length in 0_u8..=32) {
        let (net, host) = (std::net::Ipv4Addr::from(a), std::net::Ipv4Addr::from(b));
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let covered = pattern(&format!("{net}/{length}")).matches("x", None, &[host.into()]);
        prop_assert_eq!(covered, when(a & mask == b & mask));
    }

    #[test]
    fn what_is_read_reads_back_the_same(text in "[a-z0-9*.:/-]{1,20}|(10\\.[0-9]\\.0\\.[0-9]/[0-9]{1,2})") {
        if let Ok(read) = Pattern::parse(&text) {
            let again = match &read {
                Pattern::Id(id) => Pattern::parse(&format!("id:{id}")),
                Pattern::Name(glob) => Pattern::parse(&format!("host:{}", glob.written())),
                Pattern::Address(_) | Pattern::Range(_) | Pattern::Group(_) | Pattern::System(_) => {
                    Pattern::parse(&read.to_string())
                }
            };
            prop_assert_eq!(again, Ok(read));
        }
    }

    #[test]
    fn groups_and_systems_are_compared_as_the_console_words_them(word in "[A-Za-z0-9 ()-]{1,20}") {
        let word = word.trim();
        prop_assume!(!word.is_empty());
        let group = Pattern::parse(&format!("group:{word}")).unwrap();
        let told = Traits { group: Some(word), system: None };
        prop_assert_eq!(group.matches_traits(told), Some(Match::Yes));
        prop_assert_eq!(group.matches_traits(Traits::default()), Some(Match::CannotTell));
        prop_assert_eq!(group.matches_traits(Traits { group: Some("elsewhere, surely"), system: None }), Some(Match::No));
        let system = Pattern::parse(&format!("os:*{word}*")).unwrap();
        let longer = format!("x {} y", word.to_uppercase());
        prop_assert_eq!(system.matches_traits(Traits { group: None, system: Some(&longer) }), Some(Match::Yes));
        prop_assert_eq!(system.matches("id", Some(word), &[]), Match::CannotTell);
        prop_assert_eq!(pattern("dc*").matches_traits(told), None);
    }

    #[test]
    fn a_host_of_which_nothing_is_known_never_passes_for_a_different_one(text in "\\PC{0,40}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            prop_assert!(!pattern.needs_inventory() || pattern.matches("4711", None, &[]) != Match::No);
        }
    }
}

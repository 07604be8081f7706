use proptest::prelude::*;

use super::*;

fn read(text: &str) -> String {
    match Indicator::parse(text) {
        Ok(parsed) => parsed.indicator.canonical() + if parsed.narrowed { " (host)" } else { "" },
        Err(error) => format!("! {}", error.word()),
    }
}

#[test]
fn plain_and_defanged_forms_are_read() {
    for (text, expected) in [
        ("203.0.113.9", "203.0.113.9"),
        (" 203.0.113.9\r", "203.0.113.9"),
        ("203[.]0[.]113[.]9", "203.0.113.9"),
        ("203(.)0(dot)113{.}9", "203.0.113.9"),
        ("203.0.113.9:443", "203.0.113.9 (host)"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.9/32", "203.0.113.9"),
        ("hxxp://203[.]0[.]113[.]9:8080/x", "203.0.113.9 (host)"),
        ("2001:DB8::0009", "2001:db8::9"),
        ("2001[:]db8[:][:]9", "2001:db8::9"),
        ("2001:db8::/48", "2001:db8::/48"),
        ("[2001:db8::9]:443", "2001:db8::9 (host)"),
        ("https://[2001:db8::9]/a", "2001:db8::9 (host)"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("bad.example", "bad.example"),
        ("BAD.Example.", "bad.example"),
        ("bad.example\0", "bad.example"),
        ("bad(dot)example", "bad.example"),
        ("bad[.]example", "bad.example"),
        ("bad[.example", "bad.example"),
        ("hxxp://bad[.]example/x", "bad.example (host)"),
        ("hXXps[://]www[.]bad[.]example/x?y=8.8.8.8#z", "www.bad.example (host)"),
        ("fxp://bad[.]example", "bad.example (host)"),
        ("bad.example/path", "bad.example (host)"),
        ("bad.example:8443", "bad.example (host)"),
        ("_dmarc.bad.example", "_dmarc.bad.example"),
        ("r3---sn-x.bad.example", "r3---sn-x.bad.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("bad。example", "bad.example"),
        ("ｂａｄ.example", "bad.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
    ] {
        assert_eq!(read(text), expected, "{text:?}");
    }
}

#[test]
fn what_is_not_on_the_accept_list_has_a_reason() {
    for (text, word) in [
        ("", "empty"),
        ("\0\0", "empty"),
        ("bad.example\nend", "control_character"),
        ("bad.exa\0mple", "control_character"),
        ("\u{1b}[31mbad.example", "control_character"),
        ("bad.example\" set x", "bad_character"),
        ("bad.example;reboot", "bad_character"),
        ("bad .example", "bad_character"),
        ("bad.exam'ple", "bad_character"),
        ("$(x).example", "bad_character"),
        ("bad.example\\", "bad_character"),
        ("bad|grep.example", "bad_character"),
        ("`x`.example", "bad_character"),
        ("bad?.example", "single_label"),
        ("<b>.example", "bad_character"),
        ("203.0.113.256", "bad_address"),
        ("203.0.113", "bad_address"),
        ("203.0.113.09", "bad_address"),
        ("0x7f.0.0.1", "bad_address"),
        ("0x7f.1", "bad_address"),
        ("2130706433", "bad_address"),
        ("203.0.113.9.", "bad_address"),
        ("１２７.０.０.１", "bad_address"),
        ("fe80::1%eth0", "bad_address"),
        ("2001:db8:::9", "bad_address"),
        ("203.0.113.9/24", "host_bits"),
        ("203.0.113.0/33", "bad_prefix"),
        ("203.0.113.0/024", "bad_prefix"),
        ("203.0.113.0/", "bad_prefix"),
        ("203.0.113.0/+8", "bad_prefix"),
        ("::ffff:203.0.113.0/24", "bad_prefix"),
        ("http://8.8.8.8@bad.example/", "bad_url"),
        ("http://bad.example\\@good.example", "bad_url"),
        ("http:///x", "bad_url"),
        ("bad.example:port", "bad_url"),
        ("localhost", "single_label"),
        ("*.bad.example", "wildcard"),
        ("bad..example", "bad_name"),
        (".bad.example", "bad_name"),
        ("-bad.example", "bad_name"),
        ("bad-.example", "bad_name"),
        ("bad.example-", "bad_name"),
        ("bad.x1", "bad_name"),
        ("xn--a.example", "bad_idna"),
        ("bad\u{202e}.example", "bad_idna"),
    ] {
        assert_eq!(read(text), format!("! {word}"), "{text:?}");
    }
    assert_eq!(read(&format!("{}.example", "a".repeat(64))), "! bad_name");
    assert_eq!(read(&format!("{}example", "abcdefghi.".repeat(30))), "! bad_name");
    assert_eq!(read(&"a.".repeat(4000)), "! too_long");
}

#[test]
fn words_are_unique() {
    let words: std::collections::BTreeSet<_> = BadIndicator::ALL.map(BadIndicator::word).into_iter().collect();
    assert_eq!(words.len(), BadIndicator::ALL.len());
    for kind in IndicatorKind::ALL {
        assert_eq!(IndicatorKind::from_word(kind.word()), Some(kind));
    }
}

#[test]
fn ipv4_in_ipv6_clothes_is_seen() {
    let inner = |text: &str| wrapped(text.parse().expect("an address")).map(|address| address.to_string());
    assert_eq!(inner("::ffff:10.0.0.1").as_deref(), Some("10.0.0.1"));
    assert_eq!(inner("64:ff9b::8.8.8.8").as_deref(), Some("8.8.8.8"));
    assert_eq!(inner("2002:0808:0808::1").as_deref(), Some("8.8.8.8"));
    assert_eq!(inner("2a00::1"), None);
}

#[test]
fn ipv4_behind_a_tunnel_is_seen_under_any_network() {
    let inner = |text: &str| tunnelled(text.parse().expect("a network")).map(|net| net.to_string());
    assert_eq!(inner("2a00:1450::5efe:8.8.8.8/128").as_deref(), Some("8.8.8.8/32"));
    assert_eq!(inner("2a00:1450:1:2:200:5efe:10.0.0.0/120").as_deref(), Some("10.0.0.0/24"));
    assert_eq!(inner("2a00:1450::5efe:0.0.0.0/96").as_deref(), Some("0.0.0.0/0"));
    for other in ["2a00:1450::/64", "2a00:1450::100:5efe:808:808/128", "2a00:1450::5eff:808:808/128"] {
        assert_eq!(inner(other), None, "{other}");
    }
}

/// The accept-list of what may be written to a device, said once more in other words.
fn accepted(indicator: &Indicator) -> bool {
    let text = indicator.canonical();
    let name = |text: &str| {
        let labels: Vec<&str> = text.split('.').collect();
        labels.len() >= 2
            && (4..=253).contains(&text.len())
            && labels.iter().all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with(['-', '_']) | (label.len() == 1 && *label != "-")
                    && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
            })
            && labels
                .last()
                .is_some_and(|last| last.starts_with("xn--") || last.chars().all(|c| c.is_ascii_lowercase()))
    };
    match indicator {
        Indicator::Domain(_) => name(&text) && text.parse::<IpAddr>().is_err(),
        Indicator::V4(net) => net.trunc() == *net && text.chars().all(|c| matches!(c, '0'..='9' | '.' | '/')),
        Indicator::V6(net) => {
            net.trunc() == *net && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f' | ':' | '/' | '.'))
        }
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9_.:/-]{1,12}",
        "\\PC{1,6}",
        prop::sample::select(vec![
            "xn--",
            "[.]",
            "(dot)",
            "://",
            "hxxp://",
            "@",
            "\\",
            "\"",
            "'",
            "\n",
            "\r",
            "\t",
            "\0",
            "\u{1b}[2J",
            "?",
            "#",
            "$",
            ";",
            "|",
            "*",
            "%",
            "::ffff:",
            "127.0.0.1",
            "203.0.113.9",
            "/24",
            "bad.example",
            "。",
            "ß",
            "İ",
            "\u{ad}",
            "\u{200d}",
            "]",
            "[",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_outside_the_accept_list_passes_and_the_canonical_form_is_a_fixpoint(text in hostile()) {
        if let Ok(parsed) = Indicator::parse(&text) {
            prop_assert!(accepted(&parsed.indicator), "{:?} gave {}", text, parsed.indicator);
            let again = Indicator::parse(&parsed.indicator.canonical());
            prop_assert_eq!(again, Ok(Parsed { indicator: parsed.indicator, narrowed: false }));
        }
    }

    #[test]
    fn every_text_is_read_or_refused(text in "\\PC{0,80}") {
        drop(Indicator::parse(&text));
    }

    #[test]
    fn every_address_is_its_own_text(v4 in any::<[u8; 4]>(), v6 in any::<[u16; 8]>()) {
        for address in [IpAddr::from(v4), IpAddr::from(v6)] {
            let parsed = Indicator::parse(&address.to_string());
            prop_assert_eq!(parsed, Ok(Parsed { indicator: Indicator::of_address(address), narrowed: false }));
        }
    }

    #[test]
    fn defanging_changes_nothing(label in "[a-z]{1,10}", last in "[a-z]{2,5}", form in 0_usize..4) {
        let dot = ["[.]", "(.)", "[dot]", "{DOT}"].get(form).copied().unwrap_or(".");
        prop_assert_eq!(read(&format!("{label}{dot}{last}{dot}{last}")), read(&format!("{label}.{last}.{last}")));
    }
}

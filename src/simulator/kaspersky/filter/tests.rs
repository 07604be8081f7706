use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    "2026-01-02T12:00:00Z".parse().unwrap()
}

/// One host as filters see it.
fn attribute(name: &str) -> Option<Field> {
    Some(match name {
        "KLHST_WKS_DN" => Field::Text("PC-17 \"East\"".to_owned()),
        "KLHST_WKS_FQDN" => Field::Text("pc-17.corp.example".to_owned()),
        "KLHST_WKS_IP_LONG" => Field::Long(174_286_280),
        "KLHST_WKS_STATUS" => Field::Int(29),
        "KLINCDT_IS_HANDLED" => Field::Bool(false),
        "KLINCDT_ADDED" => Field::Time("2026-01-02T11:59:00Z".parse().unwrap()),
        "KLINCDT_BODY" => Field::Words("{\"task\":\"getFile\",\"path\":\"C:\\\\Temp\"}".to_owned()),
        "KEY" => Field::Binary(vec![0xab, 0x01]),
        _ => return None,
    })
}

fn passes(text: &str) -> bool {
    let filter = Filter::read(text).unwrap_or_else(|| panic!("no filter: {text}"));
    filter.passes(&attribute, Circumstances { now: now(), ignore_case: true })
}

#[track_caller]
fn all(passing: bool, filters: &[&str]) {
    for filter in filters {
        assert_eq!(passes(filter), passing, "{filter}");
    }
}

#[test]
fn what_the_reference_shows_is_understood() {
    all(
        true,
        &[
            "",
            "  ",
            r#"(KLHST_WKS_FQDN="pc-17.corp.example")"#,
            r#"( KLHST_WKS_FQDN = "PC-17.CORP.EXAMPLE" )"#,
            r#"(|(KLHST_WKS_DN="nobody")(KLHST_WKS_IP_LONG=174286280))"#,
            r#"(&(KLHST_WKS_STATUS & 4 = 4)(KLHST_WKS_STATUS & 2 = 0)(KLHST_WKS_STATUS&8<>0))"#,
            "(KLHST_WKS_STATUS | 2 = 31)",
            r#"(!KLHST_WKS_DN = "A*")"#,
            r#"(!(KLHST_WKS_DN = "A*"))"#,
            "KLINCDT_IS_HANDLED=0",
            "KLINCDT_IS_HANDLED <> 1",
            r#"KLHST_WKS_FQDN = "pc-17*""#,
            r#"(&(KLHST_WKS_FQDN="pc-17.corp.example")(KLINCDT_ADDED > T"2026-01-02 11:58:00"))"#,
            "(KLINCDT_ADDED > CURTIME(-120))",
            "(KLINCDT_ADDED < CURTIME(+10))",
            "(KLINCDT_ADDED >= CURTIME( -60 ))",
            "(KEY = 0xAB01)",
            "(KLHST_WKS_IP_LONG > -5)",
        ],
    );
    all(
        false,
        &[
            r#"(&(KLHST_WKS_FQDN="pc-17.corp.example")(KLINCDT_ADDED > T"2026-01-02 11:59:00"))"#,
            "(KLINCDT_ADDED > CURTIME(-59))",
            r#"(NOBODY_KNOWS = "*")"#,
            "(KLHST_WKS_DN = 17)",
            r#"(KLHST_WKS_STATUS = "29")"#,
            "(KEY = 0xAB)",
            r#"(!(&(KLHST_WKS_STATUS > 28)(KLHST_WKS_STATUS <= 29)))"#,
        ],
    );
}

#[test]
fn quotes_are_doubled_and_wildcards_are_alive_between_them() {
    all(
        true,
        &[
            r#"(KLHST_WKS_DN = "PC-17 ""East""")"#,
            r#"(KLHST_WKS_DN = "pc-?7*")"#,
            r#"(KLHST_WKS_DN = "*east*")"#,
            r#"(KLHST_WKS_DN = "[a-p]C-1[5-8]*")"#,
            r#"(KLHST_WKS_DN = "[^a-f]*")"#,
            r#"(KLHST_WKS_DN <> "X*")"#,
            r#"(KLHST_WKS_FQDN = "pc[-x]17.*.example")"#,
            r#"(KLHST_WKS_FQDN > "pc-16")"#,
        ],
    );
    all(false, &[r#"(KLHST_WKS_DN = "PC-17")"#, r#"(KLHST_WKS_DN = "[^p]*")"#, r#"(KLHST_WKS_DN = "??")"#]);
    let strict = Circumstances { now: now(), ignore_case: false };
    let filter = Filter::read(r#"(KLHST_WKS_DN = "pc*")"#).unwrap();
    assert!(!filter.passes(&attribute, strict));
}

#[test]
fn a_body_is_searched_by_words() {
    all(true, &[r#"(KLINCDT_BODY = "getfile")"#, r#"(KLINCDT_BODY = "get*")"#, r#"(KLINCDT_BODY <> "deleteFile")"#]);
    all(false, &[r#"(KLINCDT_BODY = "et*")"#, r#"(KLINCDT_BODY = "file")"#]);
}

#[test]
fn what_is_no_filter_is_refused() {
    for text in [
        "(",
        ")",
        "()",
        "(&)",
        "(&())",
        "((A=1))",
        "(A=1",
        "(A=1))",
        "(A=1)(B=2)",
        "A=1 B=2",
        "&(A=1)",
        "(A)",
        "(A=)",
        "(=1)",
        "(1A=1)",
        "(A==1)",
        "(A=>1)",
        "(A=x)",
        "(A=1.5)",
        "(A=\"x)",
        "(A=\"x\"y\")",
        "(A=\"x\\\"y\")",
        "(A=\"[a\")",
        "(A=\"[]\")",
        "(A<\"x*\")",
        "(A&4=\"x\")",
        "(A&=4)",
        "(A=T\"yesterday\")",
        "(A=T\"2026-01-02T03:04:05Z\")",
        "(A=T\"2026-13-02 03:04:05\")",
        "(A=CURTIME)",
        "(A=CURTIME(+-5))",
        "(A=0x)",
        "(A=0xABC)",
        "(A=99999999999999999999)",
        "(!)",
        "(!(A=1)(B=2))",
    ] {
        assert_eq!(Filter::read(text), None, "{text}");
    }
    let deep = format!("{}(A=1){}", "(!".repeat(50_000), ")".repeat(50_000));
    assert_eq!(Filter::read(&deep), None, "nobody nests so deep");
}

/// The text of a test, and whether it holds for a number and a text.
fn test(number: i64, text: &'static str) -> impl Strategy<Value = (String, bool)> {
    let numbers = (0..6_usize, -3..4_i64).prop_map(move |(which, wanted)| {
        let (operator, holds) = [
            ("=", number == wanted),
            ("<>", number != wanted),
            ("<", number < wanted),
            (">", number > wanted),
            ("<=", number <= wanted),
            (">=", number >= wanted),
        ][which];
        (format!("N {operator} {wanted}"), holds)
    });
    let bits =
        (0..8_i64, 0..8_i64).prop_map(move |(mask, wanted)| (format!("N&{mask}={wanted}"), number & mask == wanted));
    let texts =
        "[a-c\"]{0,3}".prop_map(move |wanted| (format!("S=\"{}\"", wanted.replace('"', "\"\"")), wanted == text));
    prop_oneof![numbers, bits, texts]
}

/// The text of a filter, and whether it lets through what has this number and this text.
fn filter(number: i64, text: &'static str) -> impl Strategy<Value = (String, bool)> {
    let leaf = test(number, text).prop_map(|(text, holds)| (format!("({text})"), holds));
    leaf.prop_recursive(4, 24, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..4);
        let joined =
            |filters: &[(String, bool)]| filters.iter().map(|(text, _)| format!(" {text}")).collect::<String>();
        prop_oneof![
            several.clone().prop_map(move |filters| {
                (format!("(&{})", joined(&filters)), filters.iter().all(|(_, holds)| *holds))
            }),
            several.prop_map(move |filters| {
                (format!("( |{} )", joined(&filters)), filters.iter().any(|(_, holds)| *holds))
            }),
            inner.prop_map(|(text, holds)| (format!("(!{text})"), !holds)),
        ]
    })
}

/// Whether a text fits a pattern of literal characters, `?` and `*`, worked out the slow way.
fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skipped| fits(rest, &text[skipped..])),
        Some(('?', rest)) => !text.is_empty() && fits(rest, &text[1..]),
        Some((c, rest)) => text.first() == Some(c) && fits(rest, &text[1..]),
    }
}

proptest! {
    #[test]
    fn a_filter_means_what_its_parts_mean((written, holds) in filter(2, "ab")) {
        let read = Filter::read(&written).unwrap();
        let attribute = |name: &str| match name {
            "N" => Some(Field::Int(2)),
            _ => Some(Field::Text("ab".to_owned())),
        };
        let around = Circumstances { now: now(), ignore_case: false };
        prop_assert_eq!(read.passes(&attribute, around), holds, "{}", written);
    }

    #[test]
    fn a_pattern_fits_what_it_describes(pattern in "[ab?*]{0,8}", text in "[ab]{0,8}") {
        let slow = fits(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
        prop_assert_eq!(Pattern::read(&pattern).unwrap().fits(&text, false), slow);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[(&|!)A=<>\"0-9TCx*\\[\\]^ -]{0,40}|\\PC{0,40}") {
        drop(Filter::read(&text));
    }
}

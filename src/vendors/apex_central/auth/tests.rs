//! Tokens against the worked examples of the documentation, and the clock that they are signed by.
//!
//! The examples were computed with another language's libraries. Those that are wrong on purpose are made here by the
//! very mistake that they are named after, so that a signer that makes it would be seen.

use jsonwebtoken::{DecodingKey, Validation};
use proptest::prelude::*;

use super::*;
use crate::{http::header, vendors::Scope};

const APPLICATION: &str = "1F2E3D4C-5B6A-4798-8897-A6B5C4D3E2F1";
const KEY: &str = "0A1B2C3D-4E5F-4061-8293-A4B5C6D7E8F9";

const AGENTS: &str = "/WebApp/API/AgentResource/ProductAgents";
const QUERY: &str =
    "/WebApp/API/AgentResource/ProductAgents?host_name=LAB%20PC-%C3%9C1&product=SLF_PRODUCT_OFFICESCAN_CE";
const ISOLATE: &str =
    r#"{"entity_id":"6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90","act":"cmd_isolate_agent","allow_multiple_match":false}"#;
const RESTORE: &str = r#"{"host_name":"BÜRO-07","product":"SLF_PRODUCT_OFFICESCAN_CE","act":"cmd_restore_isolated_agent","allow_multiple_match":false}"#;
const HEADERS: [(&str, &str); 3] = [("API-Trace", "Run-42"), ("Accept", "application/json"), ("api-Batch", "7")];

/// One worked example.
struct Vector {
    method: Method,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    iat: i64,
    checksum: &'static str,
    token: &'static str,
}

impl Vector {
    fn checksum(&self) -> String {
        checksum(&self.method, self.target, self.headers, self.body.as_bytes())
    }
}

fn a() -> Vector {
    Vector {
        method: Method::GET,
        target: AGENTS,
        headers: &[],
        body: "",
        iat: 1_700_000_000,
        checksum: "obV39R6kOGden2StJowtpKvaQs2Xi0u1c2XljKSSRMU=",
        token: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDAwMCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJvYlYzOVI2a09HZGVuMlN0Sm93dHBLdmFRczJYaTB1MWMyWGxqS1NTUk1VPSJ9.7rp7IlCh4hdSNH_finHiwG3b9zutLFJTCcgMECjJqKc",
    }
}

fn b() -> Vector {
    Vector {
        method: Method::GET,
        target: QUERY,
        headers: &[],
        body: "",
        iat: 1_700_000_060,
        checksum: "K1EWn2cGUJ0CUcOjlxm9HDmZK+eS/YOsFua6bntHgwQ=",
        token: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDA2MCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJLMUVXbjJjR1VKMENVY09qbHhtOUhEbVpLK2VTL1lPc0Z1YTZibnRIZ3dRPSJ9.qlVSe4Yc-YMP5CpKutTAECeguvVujP-AyADJVo54kus",
    }
}

fn c() -> Vector {
    Vector {
        method: Method::POST,
        target: AGENTS,
        headers: &[],
        body: ISOLATE,
        iat: 1_700_000_120,
        checksum: "l50ZV3RhXOUOKTZYKMTis4Wtaccjjb4RNcddqa7v9Gc=",
        token: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDEyMCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJsNTBaVjNSaFhPVU9LVFpZS01UaXM0V3RhY2NqamI0Uk5jZGRxYTd2OUdjPSJ9.h9SsYftmm2BkGIhXpEHtsvgU7L1IjE1AiSJew0vWQzE",
    }
}

fn d() -> Vector {
    Vector {
        method: Method::POST,
        target: AGENTS,
        headers: &[],
        body: RESTORE,
        iat: 1_700_000_180,
        checksum: "6iIYJ70DeHjytOI2wnjJvOz1J15nDOVKUedqjYORzDI=",
        token: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDE4MCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiI2aUlZSjcwRGVIanl0T0kyd25qSnZPejFKMTVuRE9WS1VlZHFqWU9SekRJPSJ9.LeyRff0iDDWDoiU4HAH9fRKx2f8UXlgGYp4xBehWWKw",
    }
}

fn e() -> Vector {
    Vector {
        method: Method::GET,
        target: "/WebApp/API/ServerResource/ProductServers",
        headers: &HEADERS,
        body: "",
        iat: 1_700_000_240,
        checksum: "t/oeK2KzERqlQ1hQXkBvigF9XyWCCe97OAo86xof6po=",
        token: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDI0MCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJ0L29lSzJLekVScWxRMWhRWGtCdmlnRjlYeVdDQ2U5N09Bbzg2eG9mNnBvPSJ9.JEjwzzdVwIpkVQHzLj2LAhVXNobodGpjCAJfzQ4m2f4",
    }
}

/// `HS512`, which servers accept and this program never sends.
fn f() -> Vector {
    Vector {
        method: Method::DELETE,
        target: "/WebApp/api/SuspiciousObjects/UserDefinedSO?type=domain&content=bad.example.net",
        headers: &[],
        body: "",
        iat: 1_700_000_300,
        checksum: "feeXmkqp5IXcYYvLjNY7AZa7Tcr9gvtBVPrELUhFW1I=",
        token: "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDMwMCwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJmZWVYbWtxcDVJWGNZWXZMak5ZN0FaYTdUY3I5Z3Z0QlZQckVMVWhGVzFJPSJ9.bf-pQDQQJqbrrb0G9xVdOUo-pCe5zuBjNQMP5VYplO9E7upSbwz7I-exJOzrcDsG3L3JWPJZ9MwTCrTSFFDCww",
    }
}

/// As C, with a fraction of a second, which servers accept and this program never sends.
const G: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBpZCI6IjFGMkUzRDRDLTVCNkEtNDc5OC04ODk3LUE2QjVDNEQzRTJGMSIsImlhdCI6MTcwMDAwMDEyMC4yNSwidmVyc2lvbiI6IlYxIiwiY2hlY2tzdW0iOiJsNTBaVjNSaFhPVU9LVFpZS01UaXM0V3RhY2NqamI0Uk5jZGRxYTd2OUdjPSJ9.GlL_RZkvb3_vqWzyfT2460UrTkYJFSy3rp8_4gQEMVs";

fn signer() -> Signer {
    Signer::new(APPLICATION, &Secret::new(KEY))
}

fn verifies(token: &str, algorithm: Algorithm) -> bool {
    let (message, signature) = token.rsplit_once('.').unwrap();
    crypto::verify(signature, message.as_bytes(), &DecodingKey::from_secret(KEY.as_bytes()), algorithm).unwrap()
}

#[test]
fn what_is_sent_is_byte_for_byte_the_worked_examples() {
    for (name, vector) in [("A", a()), ("B", b()), ("C", c()), ("D", d()), ("E", e())] {
        let value =
            signer().token(&vector.method, vector.target, vector.headers, vector.body.as_bytes(), vector.iat).unwrap();
        assert_eq!(value.to_str().unwrap(), format!("Bearer {}", vector.token), "{name}");
        assert_eq!(vector.checksum(), vector.checksum, "{name}");
        assert!(value.is_sensitive());
    }
}

#[test]
fn what_is_hashed_has_the_documented_length() {
    // `METHOD|target|headers|body`.
    for (vector, length) in [(a(), 45), (b(), 106), (c(), 153), (d(), 172), (e(), 75), (f(), 88)] {
        let headers = canonical_headers(vector.headers);
        assert_eq!(vector.method.as_str().len() + vector.target.len() + headers.len() + vector.body.len() + 3, length);
    }
    assert_eq!(canonical_headers(&HEADERS), "api-batch:7&api-trace:Run-42");
    assert_eq!(canonical_headers(&[("X-Api", "1"), ("Authorization", "x")]), "");
    assert_eq!(canonical_headers(&[("aPi", "  Mixed Case ")]), "api:Mixed Case");
}

#[test]
fn the_longer_hash_gives_its_worked_example_too() {
    let vector = f();
    assert_eq!(vector.checksum(), vector.checksum);
    assert_eq!(signer().sign(Algorithm::HS512, vector.iat, &vector.checksum()).unwrap(), vector.token);
}

#[test]
fn a_fraction_of_a_second_changes_the_token_and_not_the_checksum() {
    assert_eq!(signer().sign(Algorithm::HS256, 1_700_000_120.25, &c().checksum()).unwrap(), G);
    assert!(verifies(G, Algorithm::HS256));
}

/// What a mistake would have signed.
fn hashed(canonical: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(canonical))
}

#[test]
fn each_known_mistake_gives_its_known_wrong_checksum_and_ours_is_another() {
    let target = AGENTS.to_ascii_lowercase();
    let spaced = ISOLATE.replace(':', ": ").replace(',', ", ");
    let mistakes = [
        ("a dangling `?`", a(), format!("GET|{target}?||"), "XRCL3o08VfufbMEIAV6d+KT9sll7I3n14zCZlZ6GtcU="),
        (
            "the decoded query",
            b(),
            format!("GET|{target}?host_name=lab pc-ü1&product=slf_product_officescan_ce||"),
            "q7FXvBEL3+qp3v0+K45n6rMYJlzfWfLe5+Zxm1RjwVM=",
        ),
        ("no lower-casing", b(), format!("GET|{QUERY}||"), "AxaSMQvlYFtKsr5/UVuIN3HNHFZ3BdSekzIiMOQWheU="),
        (
            "`+` for a blank",
            b(),
            format!("GET|{}||", QUERY.to_ascii_lowercase().replace("%20", "+")),
            "xSoLlQaKeFVAIthf0omlNgWQRfI4OGuutSdlp69rohY=",
        ),
        ("spaced JSON", c(), format!("POST|{target}||{spaced}"), "2zH/ps8SrAk2AsTcdlfBmHZtQKKlgcTdUwSaMxerxa4="),
        (
            "a slash at the end",
            c(),
            format!("POST|{target}/||{ISOLATE}"),
            "8/qhN4UAwkZWZ6W10271fCkDzr6J1jxyGlY+WMJQR/s=",
        ),
        (
            "an escaped body",
            d(),
            format!("POST|{target}||{}", RESTORE.replace('Ü', "\\u00dc")),
            "9/qCivusPsZagGVfRzR2+ZJ7CNSfKM5a2eLYKCfdnEU=",
        ),
    ];
    for (name, vector, canonical, wrong) in mistakes {
        assert_eq!(hashed(&canonical), wrong, "{name}: the mistake is not made as it was meant");
        assert_ne!(vector.checksum(), wrong, "{name}");
    }
}

#[test]
fn the_key_and_the_token_are_in_no_debug_text() {
    let signer = signer();
    let value = signer.token(&Method::GET, AGENTS, &[], b"", 1).unwrap();
    let told = format!("{signer:?} {signer:#?} {value:?}");
    assert!(!told.contains("0A1B2C3D") && !told.contains("eyJ"), "{told}");
    assert!(!told.contains(format!("{:?}", KEY.as_bytes()).trim_matches(['[', ']'])), "{told}");
}

fn at(seconds: i64, millis: i64) -> Timestamp {
    Timestamp::from_millisecond(seconds * 1_000 + millis).unwrap()
}

fn dated(date: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::DATE, HeaderValue::from_str(date).unwrap())])
}

/// Sun, 06 Nov 1994 08:49:37 GMT.
const THEN: i64 = 784_111_777;

#[test]
fn the_consoles_clock_is_measured_at_the_middle_of_the_request() {
    let headers = dated("Sun, 06 Nov 1994 08:49:37 GMT");
    let clock = SigningClock::new(true);
    let ahead = |asked: Timestamp, answered: Timestamp| clock.stamp_at(asked).console_ahead(&headers, answered);
    for millis in 0..1_000 {
        assert_eq!(ahead(at(THEN, millis), at(THEN, millis)), Some(0), "{millis} ms: a `Date` has no fraction");
    }
    assert_eq!(ahead(at(THEN - 312, 500), at(THEN - 312, 500)), Some(312));
    assert_eq!(ahead(at(THEN + 312, 500), at(THEN + 312, 500)), Some(-312));
    assert_eq!(ahead(at(THEN - 20, 500), at(THEN + 20, 500)), Some(0), "a slow answer is no wrong clock");
    for unreadable in ["", "soon", "784111777", "Sun, 06 Nov 1994"] {
        assert_eq!(clock.stamp_at(at(THEN, 0)).console_ahead(&dated(unreadable), at(THEN, 0)), None, "{unreadable}");
    }
    assert_eq!(clock.stamp_at(at(THEN, 0)).console_ahead(&HeaderMap::new(), at(THEN, 0)), None);
}

#[test]
fn a_token_names_the_second_that_has_begun() {
    let clock = SigningClock::new(true);
    assert_eq!(clock.stamp_at(at(THEN, 999)).iat, THEN);
    drop(clock.expired(clock.stamp_at(at(THEN, 0)), Some(-40)));
    assert_eq!(clock.stamp_at(at(THEN, 999)).iat, THEN - 40);
}

fn verdict(error: &VendorError) -> (FailureKind, Again, Scope) {
    (error.failure().kind, error.again(), error.scope())
}

const ONCE_MORE: (FailureKind, Again, Scope) = (FailureKind::ClockSkew, Again::AtOnce, Scope::Targets);
const STOP: (FailureKind, Again, Scope) = (FailureKind::ClockSkew, Again::Never, Scope::Run);

#[test]
fn a_skewed_clock_is_corrected_once_and_then_stops_the_run() {
    let clock = SigningClock::new(true);
    let first = clock.expired(clock.stamp_at(at(THEN, 0)), Some(312));
    assert_eq!(verdict(&first), ONCE_MORE);
    assert_eq!(
        first.to_string(),
        "the console's clock is 312 s ahead of this machine's; requests are signed for the console's clock from here on"
    );
    let corrected = clock.stamp_at(at(THEN, 0));
    assert_eq!(corrected.iat, THEN + 312);
    let second = clock.expired(corrected, Some(312));
    assert_eq!(verdict(&second), STOP);
    assert!(second.to_string().contains("312 s ahead") && second.to_string().contains("time-out"), "{second}");
    let moved = clock.expired(corrected, Some(-90));
    assert_eq!(verdict(&moved), STOP);
    assert!(moved.to_string().contains("90 s behind") && moved.to_string().contains("312 s ahead"), "{moved}");
}

#[test]
fn of_many_requests_in_flight_each_is_signed_anew_once() {
    let clock = SigningClock::new(true);
    let stamps: Vec<Stamp> = (0..64).map(|n| clock.stamp_at(at(THEN, n))).collect();
    for (n, stamp) in (0..).zip(&stamps) {
        // Each measures a little differently; the first one counts, so that all are told the same.
        let error = clock.expired(*stamp, Some(312 + n % 2));
        assert_eq!(verdict(&error), ONCE_MORE);
        assert!(error.to_string().contains("312 s"), "{error}");
    }
    let again: Vec<Stamp> = (0..64).map(|n| clock.stamp_at(at(THEN, n))).collect();
    for stamp in again {
        assert_eq!(stamp.iat, THEN + 312);
        assert_eq!(verdict(&clock.expired(stamp, Some(312))), STOP);
    }
}

#[test]
fn without_a_measurement_or_without_leave_the_run_stops_at_once() {
    let clock = SigningClock::new(true);
    let unmeasured = clock.expired(clock.stamp_at(at(THEN, 0)), None);
    assert_eq!(verdict(&unmeasured), STOP);
    assert!(unmeasured.to_string().contains("`Date`"), "{unmeasured}");
    assert_eq!(clock.stamp_at(at(THEN, 0)).iat, THEN, "nothing is corrected by guessing");
    let fixed = SigningClock::new(false);
    for _ in 0..2 {
        let error = fixed.expired(fixed.stamp_at(at(THEN, 0)), Some(-312));
        assert_eq!(verdict(&error), STOP);
        assert!(error.to_string().contains("312 s behind") && error.to_string().contains("correct_clock"), "{error}");
    }
    assert_eq!(fixed.stamp_at(at(THEN, 0)).iat, THEN);
}

#[test]
fn clocks_that_agree_are_not_blamed() {
    for ahead in [-2, -1, 0, 1, 2] {
        let clock = SigningClock::new(true);
        let error = clock.expired(clock.stamp_at(at(THEN, 0)), Some(ahead));
        assert_eq!(verdict(&error), ONCE_MORE);
        assert!(error.to_string().contains("communication time-out"), "{error}");
        assert_eq!(verdict(&clock.expired(clock.stamp_at(at(THEN, 0)), Some(ahead))), STOP);
        let left_alone = SigningClock::new(false);
        let told = left_alone.expired(left_alone.stamp_at(at(THEN, 0)), Some(ahead)).to_string();
        assert!(told.contains("communication time-out") && !told.contains("set the clock"), "{told}");
    }
}

proptest! {
    #[test]
    fn every_token_verifies_and_claims_what_was_signed(
        target in "/\\PC{0,60}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        application in "\\PC{1,40}",
        iat in 0_i64..4_000_000_000,
    ) {
        let signer = Signer::new(&application, &Secret::new(KEY));
        let value = signer.token(&Method::POST, &target, &[], &body, iat).unwrap();
        let token = value.to_str().unwrap().strip_prefix("Bearer ").unwrap();
        prop_assert!(verifies(token, Algorithm::HS256));
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_secret(KEY.as_bytes());
        let claims = jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation).unwrap().claims;
        prop_assert_eq!(claims, serde_json::json!({
            "appid": application,
            "iat": iat,
            "version": "V1",
            "checksum": checksum(&Method::POST, &target, &[], &body),
        }));
    }

    #[test]
    fn another_method_target_or_body_has_another_checksum(
        target in "/[a-z0-9/%]{0,30}",
        other in "/[a-z0-9/%]{0,30}",
        body in "[a-zA-Z{}\",]{0,30}",
        other_body in "[a-zA-Z{}\",]{0,30}",
    ) {
        let of = |method: &Method, target: &str, body: &str| checksum(method, target, &[], body.as_bytes());
        let ours = of(&Method::GET, &target, &body);
        prop_assert_eq!(ours == of(&Method::GET, &other, &other_body), target == other && body == other_body);
        prop_assert_ne!(&ours, &of(&Method::POST, &target, &body));
        prop_assert_eq!(&ours, &of(&Method::GET, &target.to_ascii_uppercase(), &body));
    }
}

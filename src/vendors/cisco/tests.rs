//! Requests as they are built and answers as they are judged, on composed answers in `tests/fixtures/cisco`.

use std::{num::NonZeroUsize, time::Duration};

use proptest::prelude::*;

use super::{requests::*, *};
use crate::{
    domain::host::{Host, HostId, HostState, Isolation, MacAddr},
    http::{HeaderMap, Method, StatusCode},
    vendors::{Ack, QuotaReading, Scope},
};

const GUID: &str = "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cisco/", $name))
    };
}

fn answer(status: u16, body: &str) -> Response {
    answer_with(status, body, &[("content-type", "application/json; charset=utf-8")])
}

fn answer_with(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Response {
    let headers = headers
        .iter()
        .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    Response { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
}

fn page_of_html(status: u16) -> Response {
    answer_with(status, fixture!("gateway.html"), &[("content-type", "text/html")])
}

fn base(url: &str) -> Url {
    Url::parse(url).unwrap()
}

fn console() -> Url {
    base("https://console.example/")
}

/// Kind, verdict and reach of what a PUT or DELETE is answered with.
fn refusal(response: &Response) -> (FailureKind, Again, Scope) {
    let error = judge_submit(response).unwrap_err();
    (error.failure().kind, error.again(), error.scope())
}

fn words(response: &Response) -> String {
    judge_submit(response).unwrap_err().to_string()
}

#[test]
fn a_taken_request_is_accepted_whatever_state_its_answer_shows() {
    for body in [
        fixture!("isolation_pending.json"),
        fixture!("isolation_stale.json"),
        fixture!("isolation_bare.json"),
        fixture!("isolation_unknown_word.json"),
    ] {
        for status in [200, 201, 202] {
            assert!(matches!(judge_submit(&answer(status, body)), Ok(Ack::Accepted(_))), "{status} {body}");
        }
    }
}

#[test]
fn every_refusal_of_a_change_has_its_kind_its_verdict_and_its_reach() {
    use Again::{Backoff, Look, Never, Throttled};
    use FailureKind as Kind;
    use Scope::{Run, Targets};
    for (status, body, expected) in [
        (400, fixture!("bad_request.json"), (Kind::BadRequest, Look, Targets)),
        (401, fixture!("unauthorized.json"), (Kind::CredentialsRefused, Never, Run)),
        (403, fixture!("forbidden.json"), (Kind::Forbidden, Never, Run)),
        (404, fixture!("not_found.json"), (Kind::NotFound, Never, Targets)),
        (405, fixture!("not_allowed.json"), (Kind::NotCapable, Never, Targets)),
        (408, "", (Kind::Timeout, Backoff, Targets)),
        (409, fixture!("conflict.json"), (Kind::Conflict, Look, Targets)),
        (418, "", (Kind::BadRequest, Never, Targets)),
        (429, fixture!("too_many.json"), (Kind::Throttled, Throttled(None), Targets)),
        (500, fixture!("empty_words.json"), (Kind::ServerError, Backoff, Targets)),
        (500, "", (Kind::ServerError, Backoff, Targets)),
        (501, "", (Kind::ServerError, Backoff, Targets)),
        (502, "", (Kind::Gateway, Backoff, Targets)),
        (503, "busy", (Kind::Gateway, Backoff, Targets)),
        (504, "", (Kind::Gateway, Backoff, Targets)),
        (599, "", (Kind::ServerError, Backoff, Targets)),
        (302, "", (Kind::Gateway, Never, Targets)),
    ] {
        assert_eq!(refusal(&answer(status, body)), expected, "{status} {body}");
    }
}

#[test]
fn a_web_page_is_a_gateways_and_never_the_consoles_word() {
    use Again::{Backoff, InDoubt, Never, Throttled};
    use FailureKind as Kind;
    use Scope::{Run, Targets};
    for (status, expected) in [
        (200, (Kind::Gateway, InDoubt, Targets)),
        (302, (Kind::Gateway, Never, Targets)),
        (400, (Kind::Gateway, Never, Targets)),
        (401, (Kind::Gateway, Never, Run)),
        (403, (Kind::Gateway, Never, Run)),
        (404, (Kind::Gateway, Never, Targets)),
        (407, (Kind::Gateway, Never, Run)),
        (429, (Kind::Throttled, Throttled(None), Targets)),
        (500, (Kind::Gateway, Backoff, Targets)),
        (502, (Kind::Gateway, Backoff, Targets)),
    ] {
        assert_eq!(refusal(&page_of_html(status)), expected, "{status}");
        let undeclared = answer_with(status, fixture!("gateway.html"), &[]);
        assert_eq!(refusal(&undeclared), expected, "{status} without a content type");
    }
}

#[test]
fn a_success_that_does_not_speak_of_the_host_leaves_it_in_doubt() {
    for body in [
        "",
        "OK",
        "{",
        "{}",
        "[]",
        "null",
        r#"{"message":"blocked by policy"}"#,
        r#"{"version":"v1.2.0"}"#,
        r#"{"version":"v1.2.0","data":null}"#,
        r#"{"version":"v1.2.0","data":{}}"#,
        r#"{"version":"v1.2.0","data":[]}"#,
        r#"{"version":"v1.2.0","data":"queued"}"#,
        fixture!("success_with_errors.json"),
        fixture!("version.json"),
    ] {
        for status in [200, 202, 204] {
            let (_, again, scope) = refusal(&answer(status, body));
            assert_eq!((again, scope), (Again::InDoubt, Scope::Targets), "{status} {body}");
        }
    }
}

#[test]
fn the_consoles_own_words_are_quoted_where_there_are_any() {
    assert!(words(&answer(409, fixture!("conflict.json"))).contains("HTTP 409: It is so already"));
    assert!(words(&answer(401, fixture!("unauthorized.json"))).contains("Unknown API key or Client ID"));
    assert!(words(&answer(400, fixture!("bad_request.json"))).contains("Unlock code is too long"));
    assert!(words(&answer(405, fixture!("not_allowed.json"))).contains("Method Not Allowed"));
    assert!(words(&answer(500, fixture!("empty_words.json"))).contains("no reason given"));
    assert!(words(&answer(500, r#"{"errors":[]}"#)).ends_with("(HTTP 500)"));
    assert!(words(&answer(200, fixture!("success_with_errors.json"))).contains("The queue is full"));
    let flood = format!(r#"{{"errors":[{{"details":["{}"]}}]}}"#, "x".repeat(100_000));
    assert!(words(&answer(500, &flood)).len() < 500);
}

#[test]
fn the_words_say_what_to_do_next() {
    for (status, body, hint) in [
        (401, fixture!("unauthorized.json"), "region"),
        (403, fixture!("forbidden.json"), "Read & Write"),
        (405, fixture!("not_allowed.json"), "policy"),
        (302, "", "base_url"),
    ] {
        let words = words(&answer(status, body));
        assert!(words.contains(hint), "{status}: {words}");
    }
    assert!(words(&page_of_html(404)).contains("base_url"));
    assert!(words(&page_of_html(407)).contains("proxy"));
}

#[test]
fn an_answer_never_puts_the_unlock_code_into_words() {
    for status in [200, 400, 409, 500] {
        for body in [fixture!("isolation_pending.json"), fixture!("isolation_stale.json")] {
            let told =
                format!("{:?} {:?}", judge_submit(&answer(status, body)), judge_isolation(&answer(status, body)));
            assert!(!told.contains("hunter2code"), "{told}");
        }
    }
}

#[test]
fn a_429_waits_as_long_as_it_says() {
    let wait = |headers: &[(&'static str, &str)]| {
        let error = judge_submit(&answer_with(429, fixture!("too_many.json"), headers)).unwrap_err();
        match error.again() {
            Again::Throttled(wait) => wait.map(|wait| wait.as_secs()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait(&[]), None);
    assert_eq!(wait(&[("retry-after", "17")]), Some(17));
    assert_eq!(wait(&[("retry-after", " 17 ")]), Some(17));
    assert_eq!(wait(&[("retry-after", "soon")]), None);
    assert_eq!(wait(&[("retry-after", "-5")]), None);
    assert_eq!(wait(&[("retry-after", "99999999999")]), Some(86_400));
    assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]), Some(1), "a date that has passed");
    // With what remains beside it, the pace knows the turn better than this one answer.
    assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "30")]), None);
    assert_eq!(wait(&[("x-rate-limit-reset", "30")]), Some(31));
}

#[test]
fn the_quota_is_read_in_both_spellings() {
    let read = |headers: &[(&'static str, &str)]| meta(&answer_with(200, "", headers).headers).quota;
    let expected = Some(QuotaReading { limit: Some(3_000), remaining: 2_982, reset: Duration::from_secs(3_595) });
    let plain = [("x-ratelimit-limit", "3000"), ("x-ratelimit-remaining", "2982"), ("x-ratelimit-reset", "3595")];
    let hyphened = [("x-rate-limit-limit", "3000"), ("x-rate-limit-remaining", "2982"), ("x-rate-limit-reset", "3595")];
    assert_eq!(read(&plain), expected);
    assert_eq!(read(&hyphened), expected);
    assert_eq!(read(&[plain[0], hyphened[1], plain[2]]), expected);
    assert_eq!(read(&[plain[1], plain[2]]).map(|quota| quota.limit), Some(None));
    assert_eq!(read(&[plain[0], plain[2]]), None);
    assert_eq!(read(&[("x-ratelimit-remaining", "many"), plain[2]]), None);
    assert_eq!(read(&[plain[1], ("x-ratelimit-reset", "1717014382")]).unwrap().reset, Duration::from_secs(86_400));
    // A header's name has no case of its own on the wire.
    let mut headers = HeaderMap::new();
    for (name, value) in [("X-RateLimit-Remaining", "2982"), ("X-RateLimit-Reset", "3595")] {
        headers.insert(header::HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value));
    }
    assert_eq!(meta(&headers).quota.unwrap().remaining, 2_982);
}

#[test]
fn a_request_id_is_kept_if_it_can_be_shown() {
    let read = |id: &str| meta(&answer_with(200, "", &[("x-request-id", id)]).headers).request_id;
    assert_eq!(read("0b1c-22").as_deref(), Some("0b1c-22"));
    assert_eq!(read("a b"), None);
    assert_eq!(read(&"a".repeat(129)), None);
}

fn seen(status: u16, body: &str) -> Result<(Isolation, String, Option<bool>), VendorError> {
    Ok(match judge_isolation(&answer(status, body))? {
        Observed::State { state, able, .. } => (state.isolation, state.word.into_owned(), able.isolate),
        Observed::NoSuchHost => (Isolation::Unknown, "no such host".to_owned(), None),
    })
}

#[test]
fn the_four_states_and_no_other_are_understood() {
    for (word, isolation) in [
        ("not_isolated", Isolation::NotIsolated),
        ("pending_start", Isolation::Isolating),
        ("isolated", Isolation::Isolated),
        ("pending_stop", Isolation::Releasing),
        ("Isolated", Isolation::Unknown),
        ("isolated ", Isolation::Unknown),
        ("quarantined", Isolation::Unknown),
    ] {
        let body = format!(r#"{{"data":{{"available":true,"status":"{word}"}}}}"#);
        assert_eq!(seen(200, &body).unwrap(), (isolation, word.to_owned(), Some(true)));
    }
    let (isolation, word, _) = seen(200, fixture!("isolation_unknown_word.json")).unwrap();
    assert_eq!((isolation, word.as_str()), (Isolation::Unknown, "isolating_network"));
    assert_eq!(seen(200, r#"{"data":{}}"#).unwrap(), (Isolation::Unknown, "unknown".to_owned(), None));
    let bare = (Isolation::NotIsolated, "not_isolated".to_owned(), Some(false));
    assert_eq!(seen(200, fixture!("isolation_bare.json")).unwrap(), bare);
}

#[test]
fn a_look_tells_a_host_that_is_gone_from_a_wrong_address() {
    assert_eq!(judge_isolation(&answer(404, fixture!("not_found.json"))).unwrap(), Observed::NoSuchHost);
    let error = judge_isolation(&page_of_html(404)).unwrap_err();
    assert_eq!(error.failure().kind, FailureKind::Gateway);
}

#[test]
fn a_look_whose_answer_cannot_be_read_is_no_state() {
    for body in ["", "OK", "{}", r#"{"data":null}"#, r#"{"data":[]}"#, r#"{"data":{"status":7}}"#] {
        assert!(seen(200, body).is_err(), "{body}");
    }
    let text = seen(200, r#"{"data":{"status":7}}"#).unwrap_err().to_string();
    assert!(text.contains("data.status"), "the field is named: {text}");
    let again = judge_isolation(&page_of_html(200)).unwrap_err().again();
    assert_eq!(again, Again::Backoff, "nothing was changed, so it is only asked again");
}

#[test]
fn only_an_answer_of_the_console_proves_the_console() {
    let base = console();
    let tenant = judge_version(&base, &answer(200, fixture!("version.json"))).unwrap();
    assert_eq!((tenant.console.as_str(), tenant.detail.as_deref()), ("https://console.example", Some("API v1.2.0")));
    for body in ["", "OK", "{}", r#"{"message":"welcome"}"#, fixture!("gateway.html")] {
        assert!(judge_version(&base, &answer(200, body)).is_err(), "{body}");
    }
    let error = judge_version(&base, &answer(401, fixture!("unauthorized.json"))).unwrap_err();
    assert_eq!(error.failure().kind, FailureKind::CredentialsRefused);
    for status in [404, 405] {
        let text = judge_version(&base, &answer(status, "{}")).unwrap_err().to_string();
        assert!(text.contains("base_url") && !text.contains("host"), "{text}");
    }
}

#[test]
fn a_page_of_computers_is_read_with_all_that_names_a_host() {
    let page = judge_computers(&console(), &answer(200, fixture!("computers_page.json"))).unwrap();
    assert_eq!(page.total, Some(5));
    assert_eq!(&*page.next.unwrap().0, "https://console.example/v1/computers?limit=2&offset=4");
    let [laptop, web] = <[Host; 2]>::try_from(page.hosts).unwrap();
    assert_eq!(laptop.id, HostId::new(GUID));
    assert_eq!(laptop.name.as_deref(), Some("FIN-LT-014.corp.example"));
    let addresses: Vec<String> = laptop.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.20.30.41", "fe80::1"], "each once, and never the gateway's");
    assert_eq!(laptop.macs, [MacAddr([2, 0, 0x5e, 0x10, 0x20, 0x30]), MacAddr([2, 0, 0x5e, 0x10, 0x20, 0x31])]);
    assert_eq!(laptop.state, Some(HostState { isolation: Isolation::NotIsolated, word: "not_isolated".into() }));
    assert_eq!((laptop.able.isolate, laptop.last_seen.as_deref()), (Some(true), Some("2024-05-29T00:10:43Z")));
    assert_eq!(
        (laptop.os.as_deref(), laptop.group.as_deref()),
        (Some("Windows 10 (Build 19044.1466)"), Some("Protect"))
    );
    assert_eq!(web.id, HostId::new("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"), "ids are compared in lower case");
    assert_eq!((web.able.isolate, web.group.as_deref()), (Some(false), Some("Audit")));
}

#[test]
fn a_computer_without_most_fields_is_a_host_all_the_same() {
    let page = judge_computers(&console(), &answer(200, fixture!("computers_last_page.json"))).unwrap();
    assert!(page.next.is_none());
    let [host] = <[Host; 1]>::try_from(page.hosts).unwrap();
    assert_eq!(host.id, HostId::new("11111111-2222-4333-8444-555555555555"));
    assert!(host.name.is_none() && host.addresses.is_empty() && host.macs.is_empty());
    assert!(host.state.is_none() && host.able.isolate.is_none() && host.last_seen.is_none() && host.group.is_none());
}

#[test]
fn an_inventory_that_cannot_be_trusted_is_not_half_believed() {
    for (body, scope) in [
        (r#"{"data":[{"connector_guid":"web01"}]}"#, Scope::Run),
        (r#"{"data":[{"hostname":"web01"}]}"#, Scope::Targets),
        (r#"{"data":{}}"#, Scope::Targets),
        (r#"{"version":"v1"}"#, Scope::Targets),
    ] {
        let error = judge_computers(&console(), &answer(200, body)).unwrap_err();
        assert_eq!((error.failure().kind, error.scope()), (FailureKind::Protocol, scope), "{body}");
    }
}

fn next_of(base: &Url, link: &str) -> Result<String, VendorError> {
    let body = serde_json::json!({"data": [], "metadata": {"links": {"next": link}}}).to_string();
    judge_computers(base, &answer(200, &body)).map(|page| page.next.unwrap().0.to_string())
}

#[test]
fn a_next_link_is_followed_as_it_is_but_only_to_the_same_console() {
    let base = base("https://console.example:8443/edr/");
    for (link, followed) in [
        (
            "https://console.example:8443/v1/computers?offset=500&x=%20y",
            "https://console.example:8443/v1/computers?offset=500&x=%20y",
        ),
        ("https://CONSOLE.example:8443/edr/v1/computers?a", "https://console.example:8443/edr/v1/computers?a"),
        ("/edr/v1/computers?offset=1", "https://console.example:8443/edr/v1/computers?offset=1"),
        ("?offset=1", "https://console.example:8443/edr/?offset=1"),
    ] {
        assert_eq!(next_of(&base, link).unwrap(), followed);
    }
    for link in [
        "https://evil.example:8443/v1/computers",
        "https://console.example/v1/computers",
        "https://console.example:8444/v1/computers",
        "http://console.example:8443/v1/computers",
        "https://console.example.evil.example:8443/v1/computers",
        "https://console.example:8443@evil.example/v1/computers",
        "https://user:key@console.example:8443/v1/computers",
        "https://user@console.example:8443/v1/computers",
        "//evil.example/v1/computers",
        "\\\\evil.example\\v1",
        "javascript:alert(1)",
        "https://",
    ] {
        let error = next_of(&base, link).unwrap_err();
        assert_eq!((error.failure().kind, error.scope()), (FailureKind::Protocol, Scope::Run), "{link}");
    }
    // A cursor is checked again where it would become a request.
    let stolen = crate::vendors::Cursor("https://evil.example/".into());
    assert!(computers(&base, Some(&stolen)).is_err());
}

fn urls(base: &Url) -> Vec<String> {
    let action = Action { kind: ActionKind::Isolate, comment: None };
    let id = HostId::new(GUID);
    let drafts = [
        version(base),
        computers(base, None).unwrap(),
        isolation(base, &id).unwrap(),
        submit(base, &action, &id, None).unwrap(),
    ];
    drafts.into_iter().map(|draft| draft.url.to_string()).collect()
}

#[test]
fn requests_go_where_the_documentation_says_behind_a_proxys_path_too() {
    for (base_url, prefix) in [
        ("https://api.eu.amp.cisco.com/", "https://api.eu.amp.cisco.com"),
        ("https://proxy.example:8443/edr/", "https://proxy.example:8443/edr"),
        ("https://proxy.example/a/b", "https://proxy.example/a/b"),
    ] {
        let expected = [
            format!("{prefix}/v1/version"),
            format!("{prefix}/v1/computers?limit=500"),
            format!("{prefix}/v1/computers/{GUID}/isolation"),
            format!("{prefix}/v1/computers/{GUID}/isolation"),
        ];
        assert_eq!(urls(&base(base_url)), expected);
        assert_eq!(console_address(&base(base_url)), prefix);
    }
}

fn draft(kind: ActionKind, comment: Option<&str>, unlock_code: Option<&str>) -> Draft {
    let action = Action { kind, comment: comment.map(str::to_owned) };
    submit(&console(), &action, &HostId::new(GUID), unlock_code).unwrap()
}

fn body(draft: &Draft) -> Option<serde_json::Value> {
    draft.body.as_deref().map(|body| serde_json::from_slice(body).unwrap())
}

#[test]
fn a_change_carries_what_is_to_be_said_and_nothing_else() {
    let plain = draft(ActionKind::Isolate, None, None);
    assert_eq!((plain.method.clone(), body(&plain)), (Method::PUT, None));
    let full = draft(ActionKind::Isolate, Some("INC-1 \"x\"\n"), Some("hunter2code"));
    assert_eq!(body(&full), Some(serde_json::json!({"comment": "INC-1 \"x\"\n", "unlock_code": "hunter2code"})));
    let back = draft(ActionKind::Unisolate, Some("done"), Some("hunter2code"));
    assert_eq!((back.method.clone(), body(&back)), (Method::DELETE, Some(serde_json::json!({"comment": "done"}))));
    let quiet = draft(ActionKind::Unisolate, None, Some("hunter2code"));
    assert_eq!(body(&quiet), None);
}

#[test]
fn secrets_are_in_no_debug_text() {
    let draft = draft(ActionKind::Isolate, None, Some("hunter2code"));
    let bytes = format!("{:?}", b"hunter2code");
    let client = http::client(&http::ClientOptions {
        trust: http::Trust::Nothing,
        timeout: Duration::from_secs(1),
        idle_connections: 1,
        proxy: false,
    });
    let key = Secret::new("hunter2key".to_owned());
    let code = Secret::new("hunter2code".to_owned());
    let base = base("https://user:hunter2url@console.example/");
    let cisco = Cisco::new(client.unwrap(), base, "abc", &key, Some(code), NonZeroUsize::MIN).unwrap();
    let told = format!("{draft:?} {draft:#?} {cisco:?} {cisco:#?}");
    assert!(!told.contains("hunter2"), "{told}");
    assert!(!told.contains(bytes.trim_matches(['[', ']'])), "{told}");
    assert!(!told.contains(&BASE64_STANDARD.encode("abc:hunter2key")), "{told}");
}

#[tokio::test]
async fn more_or_fewer_hosts_than_one_are_refused_before_anything_is_sent() {
    let client = http::client(&http::ClientOptions {
        trust: http::Trust::Nothing,
        timeout: Duration::from_secs(1),
        idle_connections: 1,
        proxy: false,
    });
    let key = Secret::new("key".to_owned());
    let cisco = Cisco::new(client.unwrap(), console(), "abc", &key, None, NonZeroUsize::MIN).unwrap();
    let target = Target { id: HostId::new(GUID), name: None, ticket: None };
    let action = Action { kind: ActionKind::Isolate, comment: None };
    for targets in [Vec::new(), vec![target.clone(), target]] {
        let error = cisco.submit(&action, &targets).await.unwrap_err();
        assert_eq!((error.failure().kind, error.again()), (FailureKind::Internal, Again::Never));
        assert!(cisco.observe(&targets).await.is_err());
    }
}

proptest! {
    #[test]
    fn no_text_in_place_of_an_id_reaches_a_url(text in "\\PC{0,50}|[0-9a-f/.?#%-]{0,50}") {
        let id = HostId::new(text.clone());
        let action = Action { kind: ActionKind::Isolate, comment: None };
        match submit(&console(), &action, &id, None) {
            Ok(draft) => {
                prop_assert!(matches!(id_form(&text), IdForm::Id(_)));
                prop_assert_eq!(draft.url.path(), format!("/v1/computers/{text}/isolation"));
            }
            Err(error) => prop_assert_eq!(error.failure().kind, FailureKind::BadRequest),
        }
    }

    #[test]
    fn no_answer_makes_the_judges_panic_and_none_but_a_success_is_taken(status in 100_u16..=599, text in ".{0,200}") {
        let response = answer(status, &text);
        let taken = judge_submit(&response).is_ok();
        prop_assert!(!taken || (200..300).contains(&status));
        drop((judge_isolation(&response), judge_computers(&console(), &response), meta(&response.headers)));
    }
}

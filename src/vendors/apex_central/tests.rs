//! Requests as they are built and answers as they are judged, on composed answers in `tests/fixtures/apex_central`.

use std::{net::IpAddr, num::NonZeroUsize, time::Duration};

use proptest::prelude::*;

use super::{answers::Refusal, requests::*, *};
use crate::{
    domain::host::{Abilities, Host, HostId, HostState, Isolation, MacAddr},
    http::{HeaderMap, Method, StatusCode},
    vendors::{Ack, Scope},
};

const ID: &str = "5E0B7A14-93C2-4F6D-8E21-7A4C0B9D3F58";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/apex_central/", $name))
    };
}

fn answer(status: u16, body: &str) -> Response {
    answer_with(status, body, &[("content-type", "application/json; charset=utf-8")])
}

fn answer_with(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Response {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    Response { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
}

fn page_of_html(status: u16) -> Response {
    answer_with(status, fixture!("unavailable.html"), &[("content-type", "text/html")])
}

fn coded(status: u16, code: i64) -> Response {
    answer(status, &format!(r#"{{"result_code":{code},"result_description":"in its words","result_content":""}}"#))
}

fn console() -> Url {
    Url::parse("https://apex.example/").unwrap()
}

fn id() -> HostId {
    HostId::new(ID)
}

fn error(refusal: Refusal) -> VendorError {
    match refusal {
        Refusal::Error(error) => error,
        Refusal::TooOld => panic!("judged as a matter of clocks"),
    }
}

type Verdict = (FailureKind, Again, Scope);

fn verdict(error: &VendorError) -> Verdict {
    (error.failure().kind, error.again(), error.scope())
}

/// What a change that was answered so comes to.
fn change(response: &Response) -> Verdict {
    verdict(&error(judge_submit(&id(), response).unwrap_err()))
}

/// What a list that was answered so comes to.
fn read(response: &Response) -> Verdict {
    verdict(&error(judge_agents(None, response).unwrap_err()))
}

fn words(response: &Response) -> String {
    error(judge_submit(&id(), response).unwrap_err()).to_string()
}

#[test]
fn a_taken_change_is_accepted_whatever_state_its_answer_shows() {
    for body in [fixture!("accepted.json"), fixture!("accepted_before.json")] {
        for status in [200, 201, 202] {
            let ack = judge_submit(&id(), &answer(status, body)).unwrap();
            assert!(matches!(ack, Ack::Accepted(_)), "{status} {body}");
        }
    }
    let bare = format!(r#"{{"result_code":1,"result_content":[{{"entity_id":"{ID}","isolation_status":7}}]}}"#);
    assert!(judge_submit(&id(), &answer(200, &bare)).is_ok(), "the state is not even read");
    let marked = format!("\u{feff}{}", fixture!("accepted.json"));
    assert!(judge_submit(&id(), &answer(200, &marked)).is_ok(), "a mark of the byte order is no damage");
}

#[test]
fn a_success_that_touched_no_agent_is_none() {
    for body in [
        fixture!("nothing.json"),
        r#"{"result_code":1,"result_content":""}"#,
        r#"{"result_code":1,"result_content":null}"#,
        r#"{"result_code":1}"#,
    ] {
        assert_eq!(change(&answer(200, body)), (FailureKind::NothingDone, Again::Look, Scope::Targets), "{body}");
    }
}

#[test]
fn an_answer_for_any_other_agent_stops_the_run_and_names_it() {
    let wrong: Verdict = (FailureKind::WrongHost, Again::InDoubt, Scope::Run);
    let both = answer(200, fixture!("other_agent.json"));
    assert_eq!(change(&both), wrong);
    let told = words(&both);
    assert!(told.contains("77E1A0B4-2C3D-4E5F-9061-728394A5B6C7 (PAY-SRV-01)"), "{told}");
    assert!(!told.contains("FIN-LT-0041") && told.contains(ID), "the one that was asked for is no other: {told}");
    let one = |records: &str| answer(200, &format!(r#"{{"result_code":1,"result_content":[{records}]}}"#));
    for records in [
        r#"{"entity_id":"77E1A0B4-2C3D-4E5F-9061-728394A5B6C7"}"#.to_owned(),
        r#"{"host_name":"FIN-LT-0041"}"#.to_owned(),
        r#"{"entity_id":""}"#.to_owned(),
        "{}".to_owned(),
        format!(r#"{{"entity_id":"{ID}"}},{{"entity_id":"{ID}"}}"#),
    ] {
        assert_eq!(change(&one(&records)), wrong, "{records}");
    }
    assert!(
        words(&one(&format!(r#"{{"entity_id":"{ID}"}},{{"entity_id":"{ID}"}}"#))).contains("2 records of one agent")
    );
    let many: Vec<String> = (0..900)
        .map(|n| format!(r#"{{"entity_id":"{}{n}","host_name":"{}"}}"#, "é".repeat(99), "x".repeat(999)))
        .collect();
    let told = words(&one(&many.join(",")));
    assert!(told.len() < 2_000 && told.contains("895 more"), "{told}");
}

#[test]
fn a_code_means_the_same_with_every_status() {
    use Again::{Backoff, Never};
    use FailureKind as Kind;
    use Scope::{Run, Targets};
    for (codes, expected) in [
        (&[-2, -3, -4, -5, -7, -9][..], (Kind::CredentialsRefused, Never, Run)),
        (&[-8], (Kind::Altered, Never, Run)),
        (&[-21, -22, -50, -105, -106, -205, -206, -1101, -1102], (Kind::BadRequest, Never, Targets)),
        (&[-99], (Kind::ServerError, Backoff, Targets)),
        (&[-102, -202], (Kind::Ambiguous, Never, Targets)),
        (&[-103, -203], (Kind::ManagedElsewhere, Never, Targets)),
        (&[-104, -204], (Kind::Gateway, Backoff, Targets)),
        (&[-107, -207], (Kind::Unsupported, Never, Targets)),
        (&[-1, -10, -300, -9_999], (Kind::Protocol, Never, Targets)),
    ] {
        for code in codes {
            for status in [200, 400, 500, 503] {
                let response = coded(status, *code);
                assert_eq!(change(&response), expected, "{code} with {status}");
                assert_eq!(read(&response), expected, "{code} with {status}");
                let told = words(&response);
                assert!(told.contains(&format!("result code {code}: in its words")), "{told}");
            }
            if codes != [-1, -10, -300, -9_999] {
                assert_eq!(change(&coded(401, *code)), expected, "{code} with 401");
            }
        }
    }
    for (body, kind) in [
        (r#"{"result_code":-8}"#, Kind::Altered),
        (r#"{"result_code":-8,"result_content":null}"#, Kind::Altered),
        (r#"{"result_code":-8,"result_content":"sorry"}"#, Kind::Altered),
        (r#"{"result_code":-8,"result_content":{"a":[1]}}"#, Kind::Altered),
        (fixture!("refused.json"), Kind::Altered),
    ] {
        assert_eq!(change(&answer(401, body)).0, kind, "{body}");
    }
}

#[test]
fn an_unknown_code_beside_a_refused_login_stops_the_run() {
    for status in [401, 403] {
        let expected = (FailureKind::CredentialsRefused, Again::Never, Scope::Run);
        assert_eq!(change(&coded(status, -10)), expected);
    }
}

#[test]
fn a_token_that_was_too_old_is_a_matter_of_clocks() {
    for status in [200, 400, 401, 500] {
        assert!(matches!(judge_submit(&id(), &coded(status, -6)), Err(Refusal::TooOld)));
        assert!(matches!(judge_agents(None, &coded(status, -6)), Err(Refusal::TooOld)));
        assert!(matches!(judge_servers(&console(), &coded(status, -6)), Err(Refusal::TooOld)));
    }
}

#[test]
fn a_success_that_cannot_be_understood_leaves_a_change_in_doubt() {
    let doubt: Verdict = (FailureKind::Protocol, Again::InDoubt, Scope::Targets);
    for body in [
        "{}",
        r#"{"result_content":[]}"#,
        r#"{"result_code":null,"result_content":[]}"#,
        r#"{"result_code":2}"#,
        r#"{"result_code":0}"#,
    ] {
        assert_eq!(change(&answer(200, body)), doubt, "{body}");
        assert_eq!(read(&answer(200, body)), (FailureKind::Protocol, Again::Backoff, Scope::Targets), "{body}");
    }
    for body in [
        r#"{"result_code":1,"result_content":"done"}"#,
        r#"{"result_code":1,"result_content":{}}"#,
        r#"{"result_code":1,"result_content":7}"#,
        r#"{"result_code":1,"result_content":[7]}"#,
        r#"{"result_code":1,"result_content":[{"entity_id":7}]}"#,
    ] {
        assert_eq!(change(&answer(200, body)), doubt, "{body}");
        assert_eq!(read(&answer(200, body)), (FailureKind::Protocol, Again::Never, Scope::Targets), "{body}");
    }
    for status in [301, 400, 401, 500] {
        assert_eq!(change(&answer(status, fixture!("accepted.json"))), doubt, "done, with {status}");
    }
    let told = words(&answer(200, r#"{"result_code":1,"result_content":[{"entity_id":7}]}"#));
    assert!(told.contains("result_content"), "the place is named: {told}");
}

#[test]
fn an_answer_without_a_code_is_judged_by_its_status() {
    use Again::{Backoff, InDoubt, Never, Throttled};
    use FailureKind as Kind;
    use Scope::{Run, Targets};
    for (status, expected) in [
        (200, (Kind::Gateway, InDoubt, Targets)),
        (204, (Kind::Gateway, InDoubt, Targets)),
        (301, (Kind::Gateway, Never, Run)),
        (302, (Kind::Gateway, Never, Run)),
        (400, (Kind::BadRequest, Never, Targets)),
        (401, (Kind::CredentialsRefused, Never, Run)),
        (403, (Kind::Forbidden, Never, Run)),
        (404, (Kind::Protocol, Never, Run)),
        (405, (Kind::BadRequest, Never, Targets)),
        (407, (Kind::Gateway, Never, Run)),
        (408, (Kind::Timeout, Backoff, Targets)),
        (413, (Kind::BadRequest, Never, Targets)),
        (429, (Kind::Throttled, Throttled(None), Targets)),
        (501, (Kind::ServerError, Backoff, Targets)),
        (502, (Kind::Gateway, Backoff, Targets)),
        (503, (Kind::Gateway, Backoff, Targets)),
        (504, (Kind::Gateway, Backoff, Targets)),
        (599, (Kind::ServerError, Backoff, Targets)),
    ] {
        for body in ["", "sorry", "[1,\"\",[]]", "null", "7", "{\"result_code\""] {
            assert_eq!(change(&answer(status, body)), expected, "{status} {body}");
        }
        if !(200..300).contains(&status) {
            let other_json = r#"{"message":"no"}"#;
            assert_eq!(change(&answer(status, other_json)), expected, "{status} with another service's JSON");
        } else {
            assert_eq!(read(&answer(status, "sorry")), (Kind::Gateway, Backoff, Targets));
        }
        if status < 500 {
            assert_eq!(change(&page_of_html(status)), expected, "{status} as a web page");
        } else {
            assert_eq!(change(&page_of_html(status)), (Kind::Gateway, Backoff, Targets), "{status} as a web page");
        }
    }
    assert_eq!(change(&answer(500, "")), (Kind::ServerError, Backoff, Targets));
}

#[test]
fn a_web_page_is_told_by_what_a_person_would_see_first() {
    let told = words(&page_of_html(503));
    assert!(told.contains("HTTP 503: Service Unavailable)"), "{told}");
    for (body, line) in [
        ("", ""),
        ("<p>", ""),
        ("  \n Go away \n now", ": Go away"),
        ("<script>var a = 1 > 0;</script><b>Sign in</b>", ": Sign in"),
        ("<script", ""),
        ("<SCRIPT>x", ""),
        ("a < b", ": a"),
    ] {
        assert!(words(&answer(502, body)).ends_with(&format!("(HTTP 502{line})")), "{}", words(&answer(502, body)));
    }
    assert!(words(&answer(502, &"x".repeat(100_000))).len() < 400);
}

#[test]
fn the_wait_that_a_gateway_asks_for_is_kept() {
    let wait = |status: u16, value: &str| match change(&answer_with(status, "", &[("retry-after", value)])).1 {
        Again::Throttled(wait) => wait.map(|wait| wait.as_secs()),
        other => panic!("{other:?}"),
    };
    for status in [429, 503] {
        assert_eq!(wait(status, "17"), Some(17));
        assert_eq!(wait(status, "99999999999"), Some(86_400));
        assert_eq!(wait(status, "Wed, 21 Oct 2015 07:28:00 GMT"), Some(1), "a date that has passed");
    }
    assert_eq!(wait(429, "soon"), None);
    let unread = answer_with(503, "", &[("retry-after", "soon")]);
    assert_eq!(change(&unread), (FailureKind::Gateway, Again::Backoff, Scope::Targets));
}

#[test]
fn only_an_answer_of_the_console_proves_the_console() {
    let tenant = judge_servers(&console(), &answer(200, fixture!("servers.json"))).unwrap();
    assert_eq!(
        (tenant.console.as_str(), tenant.detail.as_deref()),
        ("https://apex.example", Some("2 product servers"))
    );
    let none = judge_servers(&console(), &answer(200, fixture!("nothing.json"))).unwrap();
    assert_eq!(none.detail.as_deref(), Some("0 product servers"));
    let one = judge_servers(&console(), &answer(200, r#"{"result_code":1,"result_content":[{}]}"#)).unwrap();
    assert_eq!(one.detail.as_deref(), Some("1 product server"));
    for body in ["", "OK", "{}", r#"{"message":"welcome"}"#, fixture!("unavailable.html")] {
        assert!(judge_servers(&console(), &answer(200, body)).is_err(), "{body}");
    }
}

fn hosts(body: &str) -> Vec<Host> {
    judge_agents(None, &answer(200, body)).unwrap().hosts
}

fn ips(host: &Host) -> Vec<String> {
    host.addresses.iter().map(IpAddr::to_string).collect()
}

#[test]
fn an_agent_is_read_with_all_that_names_a_host() {
    let page = judge_agents(None, &answer(200, fixture!("agents.json"))).unwrap();
    assert_eq!((page.next, page.total), (None, Some(2)));
    let [laptop, twin] = <[Host; 2]>::try_from(page.hosts).unwrap();
    assert_eq!(laptop.id.as_str(), ID, "in the console's own spelling");
    assert_eq!((laptop.name.as_deref(), laptop.domain.as_deref()), (Some("FIN-LT-0041"), Some("corp.example.test")));
    assert_eq!(ips(&laptop), ["10.20.30.41", "fe80::2b1c:4d3e:5f6a:7b8c"]);
    assert_eq!(laptop.macs, [MacAddr([2, 0, 0x5e, 0x10, 0, 0x41]), MacAddr([2, 0, 0x5e, 0x10, 0, 0x42])]);
    assert_eq!(laptop.state, Some(HostState { isolation: Isolation::NotIsolated, word: "normal".into() }));
    assert_eq!(laptop.able, Abilities { isolate: Some(true), release: Some(true) });
    assert_eq!((laptop.group.as_deref(), laptop.os.as_deref()), (Some("Ledger\\Laptops"), None));
    assert_eq!(laptop.product.as_deref(), Some("SLF_PRODUCT_OFFICESCAN_CE"));
    assert_eq!((twin.domain.as_deref(), twin.last_seen), (Some(""), None));
    assert_eq!(twin.able, Abilities { isolate: Some(false), release: Some(false) });
    assert_eq!(twin.state, Some(HostState { isolation: Isolation::Unknown, word: "not_supported".into() }));
}

#[test]
fn an_agent_with_gaps_and_words_to_come_is_a_host_all_the_same() {
    let [long, bare, opaque] = <[Host; 3]>::try_from(hosts(fixture!("agents_odd.json"))).unwrap();
    assert_eq!(long.name.as_deref(), Some("BÜRO-LANGER-NAM"));
    assert_eq!(ips(&long), ["10.20.30.50", "fe80::9"], "each once, and what cannot be read is left out");
    assert_eq!(long.macs.len(), 2);
    assert_eq!(long.able, Abilities { isolate: Some(false), release: Some(true) });
    assert_eq!(long.state.unwrap().isolation, Isolation::Isolated);
    assert_eq!(bare.id.as_str(), "3F5A7B9C1D2E-4A6B8C0D-1E2F-3A4B-5C6D");
    assert!(bare.name.is_none() && bare.group.is_none() && bare.addresses.is_empty() && bare.macs.is_empty());
    assert_eq!((bare.domain.as_deref(), bare.able), (Some(""), Abilities::default()));
    assert_eq!(bare.state, Some(HostState { isolation: Isolation::Unknown, word: "isolated_by_policy".into() }));
    assert_eq!((opaque.id.as_str(), opaque.state, opaque.product), ("opaque/id with a blank", None, None));
}

#[test]
fn the_four_states_and_no_other_are_understood() {
    for (word, isolation) in [
        ("normal", Isolation::NotIsolated),
        ("endpoint_isolation_pending", Isolation::Isolating),
        ("isolated", Isolation::Isolated),
        ("connection_restoration_pending", Isolation::Releasing),
        ("not_supported", Isolation::Unknown),
        ("Isolated", Isolation::Unknown),
        ("isolated ", Isolation::Unknown),
        ("2", Isolation::Unknown),
    ] {
        let body = format!(
            r#"{{"result_code":1,"result_content":[{{"entity_id":"{ID}","isolation_status":"{word}","capabilities":["cmd_isolate_agent"]}}]}}"#
        );
        let state = HostState { isolation, word: word.to_owned().into() };
        let can = word != "not_supported";
        let able = Abilities { isolate: Some(can), release: Some(false) };
        assert_eq!((hosts(&body)[0].state.as_ref(), hosts(&body)[0].able), (Some(&state), able), "{word}");
        let seen = judge_agent(&id(), true, &answer(200, &body)).unwrap();
        assert_eq!(seen, Sought::Known(Observed::State { state, able, last_seen: None }));
    }
}

#[test]
fn an_agent_without_an_id_spoils_the_list() {
    for record in
        ["{}", r#"{"host_name":"web01"}"#, r#"{"entity_id":""}"#, r#"{"entity_id":" "}"#, r#"{"entity_id":null}"#]
    {
        let body = format!(r#"{{"result_code":1,"result_content":[{{"entity_id":"a"}},{record}]}}"#);
        let error = error(judge_agents(None, &answer(200, &body)).unwrap_err());
        assert_eq!(verdict(&error), (FailureKind::Protocol, Again::Never, Scope::Targets));
        assert!(error.to_string().contains("result_content[1]") && error.to_string().contains("entity_id"), "{error}");
    }
}

#[test]
fn agents_of_another_product_are_left_out_even_if_the_console_sends_them() {
    let listed = |product: &str| judge_agents(Some(product), &answer(200, fixture!("agents.json"))).unwrap();
    let page = listed("slf_product_officescan_ce");
    assert_eq!((page.hosts.len(), page.total), (1, Some(1)));
    assert_eq!(page.hosts[0].id.as_str(), ID);
    assert!(listed("SLF_PRODUCT_OFFICESCAN").hosts.is_empty());
    let odd = judge_agents(Some("SLF_PRODUCT_OFFICESCAN_CE"), &answer(200, fixture!("agents_odd.json"))).unwrap();
    assert_eq!(odd.hosts.len(), 1, "an agent that names no product is none of this product");
}

#[test]
fn that_an_agent_is_gone_is_believed_of_an_empty_answer_and_of_the_whole_list() {
    let gone = HostId::new("00000000-0000-4000-8000-000000000000");
    let empty = answer(200, fixture!("nothing.json"));
    let others = answer(200, fixture!("agents.json"));
    let judge = |id: &HostId, by_id, response| judge_agent(id, by_id, response).unwrap();
    assert_eq!(judge(&gone, true, &empty), Sought::Known(Observed::NoSuchHost));
    assert_eq!(judge(&gone, false, &empty), Sought::Known(Observed::NoSuchHost));
    assert_eq!(judge(&gone, false, &others), Sought::Known(Observed::NoSuchHost));
    assert_eq!(judge(&gone, true, &others), Sought::Unfiltered);
    for by_id in [true, false] {
        let lower = HostId::new(ID.to_ascii_lowercase());
        assert!(matches!(judge(&lower, by_id, &others), Sought::Known(Observed::State { .. })), "in any case");
    }
    for status in [400, 404, 500] {
        assert!(judge_agent(&gone, true, &answer(status, "")).is_err(), "{status} is no state");
    }
}

#[test]
fn records_of_one_agent_that_disagree_are_no_state() {
    let body = |other: &str| {
        format!(
            r#"{{"result_code":1,"result_content":[{{"entity_id":"{ID}","isolation_status":"isolated"}},{{"entity_id":"{}","isolation_status":"{other}"}}]}}"#,
            ID.to_ascii_lowercase()
        )
    };
    assert!(judge_agent(&id(), true, &answer(200, &body("isolated"))).is_ok());
    let error = error(judge_agent(&id(), true, &answer(200, &body("normal"))).unwrap_err());
    assert_eq!(verdict(&error), (FailureKind::Ambiguous, Again::Never, Scope::Targets));
    assert_eq!(hosts(&body("normal")).len(), 2, "a list keeps both");
}

#[test]
fn twenty_thousand_agents_are_read_each_for_itself() {
    let record = |n: usize| {
        format!(
            r#"{{"entity_id":"{n:08X}-0000-4000-8000-0000{n:08X}","product":"SLF_PRODUCT_OFFICESCAN_CE","ad_domain":"corp.example.test","folder_path":"Floor\\{}","ip_address_list":"10.{}.{}.{},fe80::{n:x}%4","mac_address_list":"02-00-00-{:02X}-{:02X}-{:02X}","host_name":"HOST-{n}","isolation_status":"normal","capabilities":["cmd_isolate_agent","cmd_restore_isolated_agent"]}}"#,
            n % 9,
            n >> 16 & 255,
            n >> 8 & 255,
            n & 255,
            n >> 16 & 255,
            n >> 8 & 255,
            n & 255,
        )
    };
    let records: Vec<String> = (0..20_000).map(record).collect();
    let hosts = hosts(&format!(r#"{{"result_content":[{}],"result_code":1}}"#, records.join(",")));
    assert_eq!(hosts.len(), 20_000);
    for (n, host) in hosts.iter().enumerate() {
        assert_eq!(host.name.as_deref(), Some(format!("HOST-{n}").as_str()));
        assert_eq!(host.id.as_str(), format!("{n:08X}-0000-4000-8000-0000{n:08X}"));
        assert_eq!(ips(host).len(), 2);
        assert_eq!(
            host.macs[0].to_string(),
            format!("02:00:00:{:02x}:{:02x}:{:02x}", n >> 16 & 255, n >> 8 & 255, n & 255)
        );
        assert_eq!(host.group.as_deref(), Some(format!("Floor\\{}", n % 9).as_str()));
    }
}

fn isolate(kind: ActionKind) -> Draft {
    submit(&console(), &Action { kind, comment: Some("INC-1".to_owned()) }, &id()).unwrap()
}

#[test]
fn requests_are_exactly_what_is_documented() {
    let url = |path: &str| Url::parse(&format!("https://apex.example{path}")).unwrap();
    let agents_path = "/WebApp/API/AgentResource/ProductAgents";
    assert_eq!(servers(&console()).url, url("/WebApp/API/ServerResource/ProductServers"));
    assert_eq!(agents(&console(), None).url.as_str(), format!("https://apex.example{agents_path}"));
    assert_eq!(agents(&console(), Some("SLF_X")).url, url(&format!("{agents_path}?product=SLF_X")));
    assert_eq!(agent(&console(), &id()).url, url(&format!("{agents_path}?entity_id={ID}")));
    for draft in [servers(&console()), agents(&console(), None), agent(&console(), &id())] {
        assert_eq!((draft.method, draft.body), (Method::GET, None));
    }
    for (kind, act) in
        [(ActionKind::Isolate, "cmd_isolate_agent"), (ActionKind::Unisolate, "cmd_restore_isolated_agent")]
    {
        let draft = isolate(kind);
        let body = format!(r#"{{"entity_id":"{ID}","act":"{act}","allow_multiple_match":false}}"#);
        assert_eq!((draft.method, draft.url), (Method::POST, url(agents_path)));
        assert_eq!(draft.body, Some(body.into_bytes()));
    }
}

#[test]
fn a_change_without_an_id_cannot_be_built() {
    for blank in ["", " ", "\t"] {
        let action = Action { kind: ActionKind::Isolate, comment: None };
        let error = submit(&console(), &action, &HostId::new(blank)).unwrap_err();
        assert_eq!(verdict(&error), (FailureKind::BadRequest, Again::Never, Scope::Targets));
    }
}

#[test]
fn only_what_needs_no_escape_stands_in_a_query() {
    for good in [ID, "a", "A.b_c-d~9"] {
        assert!(can_be_asked_for(&HostId::new(good)), "{good}");
    }
    for bad in ["", "a b", "a&act=x", "a%20", "ä", "a/b", "{a}", "a+b", "a#b"] {
        assert!(!can_be_asked_for(&HostId::new(bad)), "{bad}");
    }
    assert!(is_product("SLF_PRODUCT_OFFICESCAN_CE") && is_product("15"));
    for bad in ["", "A B", "A&b=c", "Ä", "a/b", &"x".repeat(65)] {
        assert!(!is_product(bad), "{bad}");
    }
}

fn application(product: Option<&str>) -> Application {
    Application {
        id: "1F2E3D4C-5B6A-4798-8897-A6B5C4D3E2F1".to_owned(),
        key: Secret::new("hunter2key"),
        corrects_clock: true,
        product: product.map(str::to_owned),
    }
}

fn open(product: Option<&str>) -> Result<ApexCentral, VendorError> {
    let client = http::client(&http::ClientOptions {
        trust: http::Trust::Nothing,
        timeout: Duration::from_secs(1),
        idle_connections: 1,
        proxy: false,
    });
    ApexCentral::new(client.unwrap(), console(), application(product), NonZeroUsize::MIN)
}

#[test]
fn what_is_signed_is_the_request_that_is_sent() {
    let apex = open(None).unwrap();
    let with_query = agents(&console(), Some("SLF_X"));
    for (draft, target) in [
        (isolate(ActionKind::Isolate), "/WebApp/API/AgentResource/ProductAgents"),
        (with_query, "/WebApp/API/AgentResource/ProductAgents?product=SLF_X"),
    ] {
        let request = apex.signed(draft, 1_700_000_000).unwrap();
        let body = request.body().map_or(&b""[..], |body| body.as_bytes().unwrap());
        let token = apex.signer.token(request.method(), target, &[], body, 1_700_000_000).unwrap();
        assert_eq!(request.headers()[header::AUTHORIZATION], token);
        assert_eq!(request.headers().contains_key(header::CONTENT_TYPE), !body.is_empty());
        assert!(request.headers().keys().all(|name| !name.as_str().starts_with("api")), "none of them would be signed");
        assert!(!format!("{request:?}").contains("eyJ"), "the token is not shown");
    }
}

#[test]
fn a_product_that_is_written_like_none_is_refused_before_anything_is_sent() {
    assert!(open(Some("SLF_PRODUCT_OFFICESCAN_CE")).is_ok());
    for bad in ["", "a&b", "OfficeScan CE"] {
        let error = open(Some(bad)).unwrap_err();
        assert_eq!(verdict(&error), (FailureKind::BadRequest, Again::Never, Scope::Run), "{bad}");
    }
}

#[test]
fn secrets_are_in_no_debug_text() {
    let apex = open(None).unwrap();
    let told = format!("{apex:?} {apex:#?} {:?} {:?}", application(None), isolate(ActionKind::Isolate));
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn more_or_fewer_hosts_than_one_are_refused_before_anything_is_sent() {
    let apex = open(None).unwrap();
    let target = Target { id: id(), name: None };
    let action = Action { kind: ActionKind::Isolate, comment: None };
    for targets in [Vec::new(), vec![target.clone(), target]] {
        let error = apex.submit(&action, &targets).await.unwrap_err();
        assert_eq!(verdict(&error), (FailureKind::Internal, Again::Never, Scope::Targets));
        assert!(apex.observe(&targets).await.is_err());
    }
    assert!(apex.list(Some(&Cursor("2".into()))).await.is_err(), "there is one page");
}

#[test]
fn ids_are_told_from_names() {
    let lower = ID.to_ascii_lowercase();
    assert_eq!(id_form(ID), IdForm::Id(Some(lower.as_str().into())));
    assert_eq!(id_form(&lower), IdForm::Id(None));
    assert_eq!(id_form("3f5a7b9c1d2e-4a6b8c0d-1e2f-3a4b-5c6d"), IdForm::Id(None));
    for damaged in ["5E0B7A14-93C2-4F6D-8E21-7A4C0B9D3F5", "{5E0B7A14-93C2-4F6D-8E21-7A4C0B9D3F58}"] {
        assert!(matches!(id_form(damaged), IdForm::Damaged(_)), "{damaged}");
    }
    assert_eq!(id_form("fin-lt-0041"), IdForm::IfSaid(None));
    assert_eq!(id_form("FIN-LT-0041"), IdForm::IfSaid(Some("fin-lt-0041".into())));
    assert_eq!(id_form("10.20.30.41"), IdForm::IfSaid(None));
    assert_eq!(id_form(&"é".repeat(128)), IdForm::IfSaid(None));
    for neither in ["", "a b", "a\u{200b}b", "a\n", &"x".repeat(129)] {
        assert_eq!(id_form(neither), IdForm::NotAnId, "{neither:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_judges_panic_and_none_but_a_success_is_taken(
        status in 100_u16..=599,
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[{]\"result_code\":(1|-6|-8|2|null),\"result_content\":(\\[\\]|\"\"|null|\\[[{][}]\\]|\\[[{]\"entity_id\":\"[a-z]\"[}]\\])[}]".prop_map(String::into_bytes),
            "<?[a-z]{0,9}>?\\PC{0,100}".prop_map(String::into_bytes),
        ],
    ) {
        let response = Response { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body };
        let ours = HostId::new("a");
        if judge_submit(&ours, &response).is_ok() {
            let envelope: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            prop_assert!((200..300).contains(&status));
            prop_assert_eq!(&envelope["result_code"], 1);
            prop_assert_eq!(&envelope["result_content"][0]["entity_id"], "a");
        }
        drop((judge_agents(Some("p"), &response), judge_agent(&ours, true, &response), judge_servers(&console(), &response)));
    }

    #[test]
    fn whatever_is_an_id_stands_in_the_body_as_it_is(text in "\\PC{1,60}") {
        prop_assume!(!text.trim().is_empty());
        let action = Action { kind: ActionKind::Unisolate, comment: None };
        let body = submit(&console(), &action, &HostId::new(text.as_str())).unwrap().body.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(body, serde_json::json!({
            "entity_id": text, "act": "cmd_restore_isolated_agent", "allow_multiple_match": false,
        }));
    }
}

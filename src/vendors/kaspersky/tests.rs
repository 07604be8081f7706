//! Calls as they are built and answers as they are judged, on composed answers in `tests/fixtures/kaspersky`.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{requests::*, *};
use crate::{
    domain::host::{HostId, Isolation},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    vendors::{Again, Scope},
};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/kaspersky/", $name))
    };
}

mod console;
mod conversations;
mod sessions;

const ID: &str = "5593fcfd-e950-4b54-9732-2c160a35aaaa";

fn id() -> HostId {
    HostId::new(ID)
}

fn target() -> Target {
    Target { id: id(), name: None, ticket: None }
}

fn response(status: u16, body: &str) -> Response {
    response_with(status, body, &[])
}

fn response_with(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Response {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    Response { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
}

fn body(call: &Call) -> Value {
    serde_json::from_str(&call.body).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

type Verdict = (FailureKind, Again, Scope);

fn verdict(error: &VendorError) -> Verdict {
    (error.failure().kind, error.again(), error.scope())
}

/// What a creation of an incident that was answered so comes to.
fn change(response: &Response) -> Verdict {
    verdict(&judge_added(response).unwrap_err().error)
}

/// What a search that was answered so comes to.
fn read(response: &Response) -> Verdict {
    verdict(&judge_found(response).unwrap_err().error)
}

fn words(response: &Response) -> String {
    judge_found(response).unwrap_err().error.to_string()
}

#[test]
fn calls_are_exactly_what_is_documented() {
    let call = find_hosts("(KLHST_WKS_DN=\"PC-17\")").unwrap();
    assert_eq!((call.method, call.changes), ("HostGroup.FindHosts", false));
    let sent = body(&call);
    assert_eq!(sent["wstrFilter"], "(KLHST_WKS_DN=\"PC-17\")");
    assert_eq!(sent["vecFieldsToReturn"][0], "KLHST_WKS_HOSTNAME");
    assert_eq!(
        sent["vecFieldsToOrder"],
        json!([{"type": "params", "value": {"Name": "KLHST_WKS_HOSTNAME", "Asc": true}}])
    );
    assert_eq!(sent["pParams"], json!({"KLGRP_FIND_FROM_CUR_VS_ONLY": true}), "an argument has no type");
    assert_eq!(sent["lMaxLifeTime"], 600);
    assert_eq!(body(&chunk("3f0a", 0, 200).unwrap()), json!({"strAccessor": "3f0a", "nStart": 0, "nCount": 200}));
    assert_eq!(body(&release("3f0a").unwrap()), json!({"strAccessor": "3f0a"}));
    assert_eq!(body(&host_info(&id()).unwrap())["strHostName"], ID);
    assert_eq!(body(&tasks_of_host(&id()).unwrap()), json!({"strDomainName": "", "strHostName": ID}));
    assert_eq!(body(&task("192").unwrap()), json!({"strTask": "192"}));
    let states_call = reset_states("192").unwrap();
    assert_eq!(body(&states_call)["nHostStateMask"], 127);
    assert_eq!(body(&states("b71c").unwrap()), json!({"strHostIteratorId": "b71c", "nStart": 0, "nEnd": 100}));
    assert_eq!(body(&host_tags(&id()).unwrap()), json!({"szwHostId": ID, "pParams": {}}));
    for call in [start_session(), ping(), end_session(), is_console_there()] {
        assert_eq!(call.unwrap().body, "{}");
    }
}

#[test]
fn an_incident_is_written_as_the_vendors_sample_writes_it() {
    let task = Task::IsolateHost { on: true };
    let text = task.body(ID, &Area::default());
    let call = add_incident(&id(), &text, at("2026-01-02T04:04:05.9+01:00")).unwrap();
    assert!(call.changes);
    let escaped = serde_json::to_string(&text).unwrap();
    assert_eq!(
        call.body,
        format!(
            r#"{{"pData":{{"KLINCDT_SEVERITY":2,"KLINCDT_ADDED":{{"type":"datetime","value":"2026-01-02T03:04:05Z"}},"KLINCDT_BODY":{escaped},"KLHST_WKS_HOSTNAME":"{ID}"}}}}"#
        )
    );
    let call = update_incident(4711, &id()).unwrap();
    assert!(call.changes);
    assert_eq!(
        call.body,
        format!(r#"{{"nId":4711,"pData":{{"KLINCDT_IS_HANDLED":false,"KLHST_WKS_HOSTNAME":"{ID}"}}}}"#),
        "false is sent, and the host with it"
    );
}

#[test]
fn a_host_is_read_with_all_of_its_names() {
    let hosts: Vec<Found> = judge_chunk(&response(200, fixture!("chunk.json"))).unwrap().iter().map(host).collect();
    let [pc, front, odd] = hosts.as_slice() else { panic!("{hosts:?}") };
    assert_eq!(pc.host.id, id());
    assert_eq!(pc.host.name.as_deref(), Some("pc-17.corp.example"));
    assert_eq!(pc.names.iter().map(|name| &**name).collect::<Vec<_>>(), ["pc-17.corp.example", "pc-17", "PC-17"]);
    assert_eq!(pc.host.addresses, ["10.99.101.200".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!((pc.host.able.isolate, pc.host.able.release), (None, None), "nothing tells what a host can do");
    assert_eq!(pc.protection.as_deref(), Some("12.9.0.384"));
    assert_eq!(pc.host.group.as_deref(), Some("Managed devices"));
    assert_eq!(pc.host.state.as_ref().unwrap().isolation, Isolation::NotTold);
    assert_eq!(front.host.able.isolate, Some(false), "it has no agent");
    assert_eq!(front.host.name.as_deref(), Some("FRONT-2"));
    assert!(front.host.addresses.is_empty() && !front.host.more_addresses);
    assert!(
        odd.host.addresses.is_empty() && odd.host.more_addresses,
        "two addresses that contradict each other are none"
    );
    assert_eq!(odd.host.able.isolate, None, "a number may be a text");
}

#[test]
fn one_host_is_the_one_that_was_asked_for() {
    let info = |id: &str| judge_host_info(&HostId::new(id), &response(200, fixture!("host_info.json")));
    assert_eq!(info(ID).unwrap().host.id.as_str(), ID);
    assert_eq!(info("another").unwrap_err().error.failure().kind, FailureKind::WrongHost);
}

#[test]
fn good_answers_are_read() {
    let ok = |text| response(200, text);
    assert_eq!(judge_session(&ok(fixture!("session.json"))).unwrap(), "nQ2x0m8tq5s1l3bWJvY2tldA==");
    assert_eq!(
        judge_found(&ok(fixture!("found.json"))).unwrap(),
        ResultSet { accessor: "3f0a17".to_owned(), count: 3 }
    );
    assert_eq!(judge_added(&ok(fixture!("added.json"))).unwrap(), 4711);
    assert_eq!(judge_added(&ok(fixture!("added_text.json"))).unwrap(), 4711);
    assert!(judge_console(&ok(fixture!("console.json"))).unwrap());
    assert_eq!(judge_tags(&ok(fixture!("tags.json"))).unwrap(), ["isolated", "finance"]);
    let ids = judge_tasks_of_host(&ok(fixture!("tasks_of_host.json"))).unwrap();
    assert_eq!(ids.iter().map(|id| &**id).collect::<Vec<_>>(), ["101", "119", "192"]);
    let task = judge_task(&ok(fixture!("task.json"))).unwrap();
    assert!(task.name.starts_with("[RESPONSE]") && task.created == Some(at("2026-01-02T03:04:09Z")));
    assert_eq!(judge_task(&ok(fixture!("task_of_group.json"))).unwrap().created, None);
    let status = judge_states(&id(), &ok(fixture!("states.json"))).unwrap().own.unwrap();
    assert_eq!((status.code, status.words.as_deref()), (Some(16), Some("File not found")));
    assert_eq!(status.finished, Some(at("2026-01-02T03:05:40Z")));
    let others = judge_states(&HostId::new("x"), &ok(fixture!("states.json"))).unwrap();
    assert_eq!((others.own, others.others), (None, true));
    assert!(judge_chunk(&ok(r#"{"PxgRetVal":0,"pChunk":{}}"#)).unwrap().is_empty());
    assert_eq!(judge_next_task(&ok(r#"{"pTaskData":{}}"#)).unwrap(), None);
    assert!(judge_done(&ok("{}"), true).is_ok());
}

#[test]
fn an_incident_is_known_by_its_body() {
    let body = Task::IsolateHost { on: true }.body(ID, &Area::new("edrctl-7f3a").unwrap());
    let items = judge_chunk(&response(200, fixture!("incidents.json"))).unwrap();
    let found: Vec<_> = items.iter().map(|item| has_body(&body, item)).collect();
    assert_eq!(found, [Some(false), Some(true), Some(false)], "blanks make no difference, and a number does");
}

#[test]
fn failures_in_the_consoles_own_words_are_told_with_their_verdict() {
    use FailureKind as Kind;
    let never = |kind| (kind, Again::Never, Scope::Targets);
    for (text, expected) in [
        (fixture!("not_found.json"), never(Kind::NotFound)),
        (fixture!("denied.json"), never(Kind::Forbidden)),
        (fixture!("unreadable.json"), never(Kind::BadRequest)),
        (fixture!("maintenance.json"), (Kind::ServerError, Again::Backoff, Scope::Targets)),
        (fixture!("blocked.json"), (Kind::CredentialsRefused, Again::Never, Scope::Run)),
        (r#"{"PxgError":{"code":7,"module":"XYZ","message":"so it is"}}"#, never(Kind::ServerError)),
        (r#"{"PxgError":null}"#, never(Kind::ServerError)),
    ] {
        assert_eq!(change(&response(200, text)), expected, "{text}");
        assert_eq!(read(&response(200, text)), expected, "{text}");
        assert_eq!(change(&response(500, text)), expected, "the number wins over the status: {text}");
    }
    let told = words(&response(200, fixture!("not_found.json")));
    assert_eq!(told, "the console does not find what was asked for (KLSTD 1186: Device \"5593fcfd\" was not found)");
    let told = words(&response(200, r#"{"PxgError":{"code":7,"module":"XYZ","message":"so it is"}}"#));
    assert_eq!(told, "the console refused the request (XYZ 7: so it is)");
}

#[test]
fn what_was_sent_and_not_answered_by_the_console_is_in_doubt_only_if_it_changes_something() {
    use FailureKind as Kind;
    let one = Scope::Targets;
    for (status, text, kind) in [
        (200, "<html><title>Sign in</title></html>", Kind::Gateway),
        (200, "", Kind::Gateway),
        (200, "[]", Kind::Gateway),
        (500, "", Kind::ServerError),
        (502, "", Kind::Gateway),
        (504, "", Kind::Gateway),
    ] {
        assert_eq!(change(&response(status, text)), (kind, Again::InDoubt, one), "{status} {text}");
        assert_eq!(read(&response(status, text)), (kind, Again::Backoff, one), "{status} {text}");
    }
    assert_eq!(change(&response(200, "{}")), (Kind::Protocol, Again::InDoubt, one));
    assert_eq!(read(&response(200, "{}")), (Kind::Protocol, Again::Never, one));
    for (status, expected) in [
        (503, (Kind::ServerError, Again::InDoubt, one)),
        (403, (Kind::Gateway, Again::InDoubt, one)),
        (408, (Kind::Timeout, Again::InDoubt, one)),
        (429, (Kind::Throttled, Again::Throttled(None), one)),
        (404, (Kind::Protocol, Again::Never, one)),
        (400, (Kind::BadRequest, Again::Never, one)),
        (405, (Kind::BadRequest, Again::Never, one)),
        (302, (Kind::Gateway, Again::Never, Scope::Run)),
        (401, (Kind::CredentialsRefused, Again::Never, Scope::Run)),
    ] {
        assert_eq!(change(&response(status, "")), expected, "{status}");
    }
    let patient = response_with(503, "", &[("retry-after", "7")]);
    assert_eq!(change(&patient).1, Again::InDoubt, "a gateway may have let it through before");
    assert_eq!(read(&patient).1, Again::Throttled(Some(Duration::from_secs(7))));
    assert_eq!(judge_found(&response(403, "")).unwrap_err().why, Why::SessionGone);
}

#[test]
fn a_refusal_of_the_credentials_says_what_to_do() {
    let second = response_with(401, "", &[("www-authenticate", "Basic, KSCMFA realm=\"x\"")]);
    assert!(words(&second).contains("two-step verification"), "{}", words(&second));
    assert!(words(&response(401, "")).contains("nothing is asked a second time"));
    assert!(words(&response(401, fixture!("blocked.json"))).starts_with("the account is blocked"));
    let entra = response_with(401, "", &[("x-ksc-errormsg", "consent needed")]);
    assert!(words(&entra).ends_with("(HTTP 401: consent needed)"));
}

#[test]
fn an_id_has_the_shape_of_a_guid_or_is_said_to_be_one() {
    for good in [ID, "5593FCFD-E950-4B54-9732-2C160A35AAAA", "5593fcfd-e950-4b54-9732-2c160a35zzzz"] {
        assert_eq!(id_form(good), IdForm::Id(None), "{good}");
    }
    for name in ["PC-17", "a-b-c-d-e", "x"] {
        assert_eq!(id_form(name), IdForm::IfSaid(None), "{name}");
    }
    assert!(matches!(id_form("5593fcfd-e950-4b54-9732-2c160a35aaa"), IdForm::DamagedUnlessSaid(..)));
    assert_eq!(id_form("a b"), IdForm::NotAnId);
}

proptest! {
    #[test]
    fn no_answer_makes_the_judges_panic_and_none_but_a_success_is_taken(
        status in 100_u16..=599,
        text in ".{0,200}|\\{\"PxgRetVal\":.{0,40}\\}",
    ) {
        let response = response(status, &text);
        let taken = judge_added(&response).is_ok() || judge_done(&response, true).is_ok();
        prop_assert!(!taken || (200..300).contains(&status));
        drop((judge_chunk(&response), judge_states(&id(), &response), judge_task(&response), judge_tags(&response)));
        drop((judge_session(&response), judge_host_info(&id(), &response), judge_tasks_of_host(&response)));
    }
}

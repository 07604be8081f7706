//! Requests as they are built and answers as they are judged.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{answers::Door, *};
use crate::{
    domain::host::{HostId, Isolation},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    vendors::{Ack, Scope, indicators::Missing},
};

const ID: &str = "PYLUMCLIENT_ACME_WS-001_0050568A0001";

fn response_with(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Response {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    Response { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
}

fn response(status: u16, body: &str) -> Response {
    response_with(status, body, &[("content-type", "application/json")])
}

fn target(id: &str) -> Target {
    Target { id: HostId::new(id), name: None, ticket: None }
}

fn body(draft: &Draft) -> Value {
    serde_json::from_slice(draft.body.as_deref().unwrap()).unwrap()
}

#[test]
fn what_comes_in_the_place_of_data_is_told_apart_and_data_is_none_of_it() {
    use answers::Instead;
    let login = "<html><head><title>Cybereason | Login</title></head></html>";
    let html = [("content-type", "text/html")];
    for (instead, kind) in [
        (response_with(302, "", &[("location", "/login.html")]), Instead::Door),
        (response_with(302, "", &[("location", "https://acme.example/login.html?x")]), Instead::Door),
        (response_with(200, login, &html), Instead::Door),
        (response_with(200, login, &[("content-type", "application/json")]), Instead::Door),
        (response_with(403, login, &html), Instead::Door),
        (response_with(302, "", &[("location", "https://login.example/sso")]), Instead::Elsewhere),
        (response_with(302, "", &[("location", "/")]), Instead::Elsewhere),
        (response_with(200, "<p>hello</p>", &[]), Instead::NoData),
        (response_with(200, "OK", &[("content-type", "text/plain")]), Instead::NoData),
    ] {
        assert_eq!(answers::instead(&instead), Some(kind), "{instead:?}");
    }
    for kept in [
        response(200, "{}"),
        response(200, "[]"),
        response(204, ""),
        response_with(200, " {}", &[]),
        response_with(200, "{\"a\": 1}", &html),
        response_with(502, "<h1>Bad Gateway</h1>", &html),
        response(403, ""),
    ] {
        assert_eq!(answers::instead(&kept), None, "{kept:?}");
    }
}

#[test]
fn where_a_form_leads_tells_what_became_of_it() {
    let to = |location: &str| {
        answers::judge_form(&response_with(302, "", &[("location", location), ("set-cookie", "JSESSIONID=A")])).unwrap()
    };
    assert_eq!(to("/#/current?"), Door::Open);
    assert_eq!(to("/login.html?error"), Door::Refused);
    assert_eq!(to("https://acme.example/login.html"), Door::Refused);
    assert_eq!(to("/?originalurl=/current?"), Door::Expired);
    assert_eq!(to("/login.html?RESET"), Door::Expired);
    for name in ["preset-corp", "terror", "login.html"] {
        assert_eq!(
            to(&format!("https://{name}.cybereason.net/#/current?")),
            Door::Open,
            "a server's name says nothing"
        );
    }
    let page = |text: &str| answers::judge_form(&response_with(200, text, &[("content-type", "text/html")])).unwrap();
    assert_eq!(page("<h1>Two factor authentication</h1>"), Door::WantsCode);
    assert_eq!(page("<title>Cybereason | Login</title>"), Door::Refused);
    assert_eq!(page("<title>Cybereason</title>"), Door::Open);
    let error = answers::judge_form(&response(429, "")).unwrap_err();
    assert!(matches!(error.again(), Again::Throttled(None)));
}

#[test]
fn many_sensors_go_in_one_request_and_the_malop_only_if_there_is_one() {
    let targets = [target(ID), target("PYLUMCLIENT_ACME_WS-002_0050568A0002")];
    let draft = isolate::submit(ActionKind::Isolate, &targets, None).unwrap();
    assert_eq!((draft.path, draft.changes), ("rest/monitor/global/commands/isolate", true));
    assert_eq!(body(&draft), json!({"pylumIds": [ID, "PYLUMCLIENT_ACME_WS-002_0050568A0002"]}));
    let draft = isolate::submit(ActionKind::Unisolate, &targets, Some("11.-42")).unwrap();
    assert_eq!(draft.path, "rest/monitor/global/commands/un-isolate");
    assert_eq!(body(&draft)["malopId"], "11.-42");
    assert!(isolate::submit(ActionKind::Task, &targets, None).is_err());
}

#[test]
fn only_one_word_is_success() {
    let targets = [target(ID), target("PYLUMCLIENT_ACME_WS-002_0050568A0002"), target("x")];
    let answer = json!({ID.to_lowercase(): "Succeeded", "PYLUMCLIENT_ACME_WS-002_0050568A0002": "Wat"});
    let replies = isolate::judge(&targets, &response(200, &answer.to_string())).unwrap();
    assert!(matches!(replies[0], Ok(Ack::Accepted(_))), "the same id in another spelling");
    for reply in &replies[1..] {
        assert_eq!(reply.as_ref().unwrap_err().again(), Again::InDoubt);
    }
    for word in ["succeeded", "SUCCESS", "Success", "", "true"] {
        let answer = json!({ID: word}).to_string();
        assert!(isolate::judge(&targets[..1], &response(200, &answer)).unwrap()[0].is_err(), "{word}");
    }
    let odd = isolate::judge(&targets[..1], &response(200, &json!({ID: true}).to_string())).unwrap();
    assert!(odd[0].is_err());
}

#[test]
fn an_answer_that_says_nothing_of_any_host_is_looked_into() {
    let targets = [target(ID)];
    let judged = |response: &Response| {
        let error = isolate::judge(&targets, response).unwrap_err();
        (error.failure().kind, error.again(), error.scope())
    };
    let nothing = (FailureKind::NothingDone, Again::InDoubt, Scope::Targets);
    assert_eq!(judged(&response(204, "")), nothing);
    assert_eq!(judged(&response(400, "{\"error\":\"NO_MATCHING_SENSORS\"}")), nothing);
    assert_eq!(judged(&response(400, "no")), (FailureKind::BadRequest, Again::Never, Scope::Run));
    assert_eq!(judged(&response(403, "")), (FailureKind::Forbidden, Again::Never, Scope::Run));
    assert_eq!(judged(&response(500, "")), (FailureKind::ServerError, Again::Backoff, Scope::Targets));
    assert_eq!(judged(&response(408, "")), (FailureKind::Timeout, Again::InDoubt, Scope::Targets));
    assert_eq!(judged(&response(200, "[]")).1, Again::InDoubt, "unreadable, and it may have been done");
}

#[test]
fn ids_are_told_by_their_form_and_a_sensors_id_is_folded() {
    assert_eq!(id_form(ID), IdForm::Id(None));
    assert_eq!(id_form(&ID.to_lowercase()), IdForm::Id(None));
    assert_eq!(id_form(&format!("5f0c1a2b3c4d5e6f70819203:{ID}")), IdForm::Id(Some(ID.into())));
    assert!(matches!(id_form("PYLUMCLIENT_ACME_WS-001_0050568A00"), IdForm::DamagedUnlessSaid(..)));
    assert!(matches!(id_form("PYLUMCLIENT_ACME_\"}],_0050568A0001"), IdForm::Damaged(_)));
    assert!(matches!(id_form("-1203040506.1198775089551518743"), IdForm::Damaged(_)));
    for name in ["ws-001", "10.0.0.1", "ws-001.corp.example", "aa:bb:cc:dd:ee:ff"] {
        assert!(!matches!(id_form(name), IdForm::Id(_) | IdForm::Damaged(_)), "{name}");
    }
    assert_eq!(id_form("a b"), IdForm::NotAnId);
}

#[test]
fn a_malops_id_is_checked_before_it_goes_anywhere() {
    for good in ["11.-4200000000000000017", "11.42", "AAAA0000bbbb_-11"] {
        assert_eq!(detection::check_id(good), Ok(()), "{good}");
    }
    for bad in
        ["", "11", "11.", ".1", "11.--1", "11.1.1", "short", "a\"b0123456789abcdef", "11.-42 ", "../../../../../etc"]
    {
        assert!(detection::check_id(bad).is_err(), "{bad}");
    }
}

fn sensor(more: Value) -> Host {
    let mut sensor = json!({"pylumId": ID, "machineName": "ws-001", "fqdn": "ws-001.corp.example", "status": "Online",
        "isolated": false, "internalIpAddress": "10.1.2.3", "lastPylumInfoMsgUpdateTime": 1_700_003_000_000_i64});
    for (key, value) in more.as_object().unwrap() {
        sensor[key] = value.clone();
    }
    sensors::host(&serde_json::from_value(sensor).unwrap())
}

#[test]
fn a_host_is_read_off_a_sensor_however_odd_it_is() {
    let host = sensor(json!({}));
    assert_eq!((host.name.as_deref(), host.domain.as_deref()), (Some("ws-001"), Some("corp.example")));
    assert_eq!((host.online, host.macs.len(), host.addresses.len()), (Some(true), 1, 1));
    assert_eq!(host.last_seen.as_deref(), Some("2023-11-14T23:03:20.000Z"));
    assert_eq!(host.state.unwrap().isolation, Isolation::NotIsolated);
    assert_eq!(sensor(json!({"fqdn": null})).domain.as_deref(), Some(""), "a domain that is not known");
    assert_eq!(&*sensor(json!({"fqdn": "other.corp.example"})).aliases, ["other.corp.example".into()]);
    let full = sensor(json!({"machineName": "ws-001.corp.example"}));
    assert_eq!((full.domain, full.aliases.len()), (None, 0));
    assert!(sensor(json!({"internalIpAddress": "nonsense"})).more_addresses);
    assert_eq!(sensor(json!({"isolated": "true"})).state.unwrap().isolation, Isolation::Isolated);
    assert_eq!(sensor(json!({"isolated": null})).state.unwrap().isolation, Isolation::Unknown);
    assert_eq!(sensor(json!({"pylumId": null, "sensorId": format!("5f0c1a2b3c4d5e6f70819203:{ID}")})).id.as_str(), ID);
    assert_eq!(sensor(json!({"status": "Whatever"})).online, None);
    let two = sensor(json!({"sensorId": "5f0c1a2b3c4d5e6f70819203:PYLUMCLIENT_ACME_WS-002_0050568A0002"}));
    assert_eq!(two.able.of(ActionKind::Isolate), Some(false), "nobody knows which of two it is");
    assert_eq!(two.state.unwrap().isolation, Isolation::Unknown);
}

#[test]
fn a_list_without_sensors_is_a_filter_that_was_not_understood() {
    let error = sensors::judge(&response(200, "{\"totalResults\":0}")).unwrap_err();
    assert_eq!((error.failure().kind, error.again()), (FailureKind::Unsupported, Again::Never));
    assert!(sensors::judge(&response(200, "{\"totalResults\":0,\"sensors\":[]}")).unwrap().sensors.is_empty());
}

fn missing(change: impl FnOnce(&mut Value)) -> Option<Missing> {
    let mut answer = json!({"data": {"resultIdToElementDataMap": {"11.-1": {"simpleValues": {}, "elementValues": {}}},
        "totalPossibleResults": 1, "queryTerminated": false, "pathResultCounts": [{"count": 1}]}, "status": "SUCCESS",
        "failures": 0});
    change(&mut answer);
    query::judge(&response(200, &answer.to_string())).unwrap().missing
}

#[test]
fn every_sign_of_a_loss_is_one() {
    assert_eq!(missing(|_| {}), None);
    let told = |change: fn(&mut Value)| missing(change).map(|missing| missing.shorter_helps);
    assert_eq!(told(|answer| answer["data"]["totalPossibleResults"] = 2.into()), Some(true));
    assert_eq!(told(|answer| answer["data"]["pathResultCounts"] = json!([{"count": 9}, {"count": 2}])), Some(true));
    assert_eq!(told(|answer| answer["data"]["queryTerminated"] = true.into()), Some(true));
    assert_eq!(told(|answer| answer["status"] = "QUERY_LIMIT_CROSSED".into()), Some(true));
    assert_eq!(told(|answer| answer["status"] = "PARTIAL_SUCCESS".into()), Some(false));
    assert_eq!(told(|answer| answer["failures"] = "1".into()), Some(false));
    let servers = |name: &'static str| {
        missing(|answer| answer["failedServersInfo"] = json!({ name: ["s1", "s2"] })).map(|missing| missing.why)
    };
    for name in ["onlineFailedServers", "offlineServers"] {
        assert!(servers(name).is_some_and(|why| why.contains("2 of the console's servers")), "{name}");
    }
    for status in ["QUERY_LIMIT_CROSSED", "TIMEOUT_ERROR"] {
        let rows = query::judge(&response(200, &json!({"data": null, "status": status}).to_string())).unwrap();
        assert!(rows.missing.is_some_and(|missing| missing.shorter_helps), "{status}");
    }
    assert!(query::judge(&response(408, "")).unwrap().missing.is_some_and(|missing| missing.shorter_helps));
    let error = query::judge(&response(200, "{\"status\":\"FAILURE\",\"message\":\"no\"}")).unwrap_err();
    assert_eq!(error.failure().kind, FailureKind::ServerError);
}

#[test]
fn our_credentials_show_nothing_of_themselves() {
    let account = Account { username: "soc".to_owned(), password: Secret::new("hunter2"), totp: None };
    let told = format!("{account:?} {account:#?}");
    assert!(!told.contains("hunter2") && !told.contains("soc"), "{told}");
}

proptest! {
    #[test]
    fn whatever_is_taken_for_an_id_without_being_said_to_be_one_is_plain(text in "\\PC{0,60}") {
        if let IdForm::Id(canonical) = id_form(&text) {
            let id = canonical.as_deref().unwrap_or(&text);
            prop_assert!(id.chars().all(|c| c.is_alphanumeric() || "-._".contains(c)), "{}", id);
        }
    }
}

//! Requests about event streams as they are built, and answers as they are judged.

use serde_json::{Value, json};

use super::requests::*;
use crate::{
    domain::failure::FailureKind,
    http::{HeaderValue, Method, Response, StatusCode, Url, header},
    vendors::{
        Again, Cursor, Scope,
        streams::{Change, NewStream, RefusedFor, StreamId},
    },
};

const GROUP: &str = "6c64d0a3-6a1e-4f7b-8e55-09d1b7a3c2f4";
const PASSWORD: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
const ID: StreamId = StreamId(3187);

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cisco/", $name))
    };
}

fn answer(status: u16, body: &str) -> Response {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))].into_iter().collect();
    Response { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
}

fn base() -> Url {
    Url::parse("https://console.example/proxy/").unwrap()
}

fn new(event_types: &[u64], groups: &[&str]) -> NewStream {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    NewStream { name: "night shift".to_owned(), event_types: event_types.to_vec(), groups }
}

fn body(draft: &super::super::requests::Draft) -> Value {
    serde_json::from_slice(draft.body.as_deref().unwrap()).unwrap()
}

#[test]
fn requests_have_singular_keys_and_only_those_that_say_something() {
    let draft = create(&base(), &new(&[2_164_260_939], &[GROUP])).unwrap();
    assert_eq!((draft.method.clone(), draft.url.path()), (Method::POST, "/proxy/v1/event_streams"));
    let wanted = json!({"name": "night shift", "event_type": [2_164_260_939_u64], "group_guid": [GROUP]});
    assert_eq!(body(&draft), wanted);
    assert_eq!(body(&create(&base(), &new(&[], &[])).unwrap()), json!({"name": "night shift"}));

    let change = Change { event_types: Some(Vec::new()), ..Change::default() };
    let draft = update(&base(), ID, &change).unwrap();
    assert_eq!((draft.method.clone(), draft.url.path()), (Method::PATCH, "/proxy/v1/event_streams/3187"));
    assert_eq!(body(&draft), json!({"event_type": []}), "an empty list takes a filter away");

    for (draft, method, path) in [
        (list(&base()), Method::GET, "/proxy/v1/event_streams"),
        (show(&base(), ID), Method::GET, "/proxy/v1/event_streams/3187"),
        (delete(&base(), ID), Method::DELETE, "/proxy/v1/event_streams/3187"),
        (event_types(&base()), Method::GET, "/proxy/v1/event_types"),
        (groups(&base(), None).unwrap(), Method::GET, "/proxy/v1/groups"),
    ] {
        assert_eq!((draft.method, draft.url.path(), draft.url.query()), (method, path, None));
        assert!(draft.body.is_none());
    }
}

#[test]
fn what_is_no_name_and_no_guid_enters_no_body() {
    for name in ["", " ", "a\nb", "\u{1b}[2J"] {
        let new = NewStream { name: name.to_owned(), ..new(&[], &[]) };
        assert!(create(&base(), &new).is_err(), "{name:?}");
        let change = Change { name: Some(name.to_owned()), ..Change::default() };
        assert!(update(&base(), ID, &change).is_err(), "{name:?}");
    }
    for group in ["", "Servers", "6c64d0a3-6a1e-4f7b-8e55-09d1b7a3c2f", "../computers"] {
        assert!(create(&base(), &new(&[], &[group])).is_err(), "{group}");
    }
}

#[test]
fn a_page_of_groups_is_asked_of_the_console_alone() {
    let page =
        judge_groups(&Url::parse("https://console.example").unwrap(), &answer(200, fixture!("groups_page.json")));
    let page = page.unwrap();
    let names: Vec<_> = page.groups.iter().map(|group| (group.id.as_str(), group.name.as_str())).collect();
    assert_eq!(names, [(GROUP, "Servers"), ("11f0a0b4-52fd-4d0e-b1a8-9c7e3a5d2b60", "")]);
    let console = Url::parse("https://console.example").unwrap();
    let next = groups(&console, page.next.as_ref()).unwrap().url;
    assert_eq!(next.as_str(), "https://console.example/v1/groups?offset=2");
    assert!(groups(&console, Some(&Cursor("https://elsewhere.example/v1/groups".into()))).is_err());
}

#[test]
fn a_list_is_read_with_absent_filters_texts_for_numbers_and_half_an_address() {
    let streams = judge_list(&answer(200, fixture!("streams.json"))).unwrap();
    let [whole, bare, half] = streams.as_slice() else { panic!("{streams:?}") };
    assert_eq!((whole.id, whole.name.as_str()), (ID, "night shift"));
    assert_eq!(whole.event_types, [1_090_519_054, 2_164_260_939, 553_648_202]);
    assert_eq!(whole.groups, [GROUP]);
    let queue = whole.queue.as_ref().unwrap();
    assert_eq!((queue.host.as_str(), queue.port), ("events.console.example", 443));
    assert_eq!(
        (queue.queue_name.as_str(), queue.user_name.as_str()),
        ("event_stream_3187", "3187-0f1e2d3c4b5a69788796")
    );
    assert_eq!((bare.id, bare.event_types.len(), bare.groups.len(), &bare.queue), (StreamId(3190), 0, 0, &None));
    assert_eq!((half.id, &half.queue), (StreamId(3191), &None));
}

#[test]
fn a_created_stream_has_its_password_and_nothing_shows_it() {
    for status in [200, 201] {
        let made = judge_create(&answer(status, fixture!("stream_created.json"))).unwrap().unwrap();
        assert_eq!((made.id, made.queue.port), (ID, 443));
        assert_eq!(made.password.expose(), PASSWORD);
        assert!(!format!("{made:?}").contains(PASSWORD));
    }
}

#[test]
fn a_creation_whose_answer_is_not_whole_is_in_doubt_and_quotes_nothing() {
    let whole: Value = serde_json::from_str(fixture!("stream_created.json")).unwrap();
    let mut spoilt = vec![String::new(), "OK".to_owned(), "<html>".to_owned(), "{}".to_owned()];
    for (key, value) in [
        ("password", Value::Null),
        ("password", json!("")),
        ("password", json!([PASSWORD])),
        ("password", json!(4_711)),
        ("host", json!("a host")),
        ("host", json!("user@host")),
        ("port", json!(PASSWORD)),
        ("port", json!(70_000)),
        ("queue_name", Value::Null),
        ("user_name", json!("a\u{1b}b")),
    ] {
        let mut body = whole.clone();
        body["data"]["amqp_credentials"][key] = value;
        spoilt.push(body.to_string());
    }
    let mut body = whole.clone();
    body["data"]["id"] = json!(PASSWORD);
    spoilt.push(body.to_string());
    for body in spoilt {
        let error = judge_create(&answer(201, &body)).unwrap_err();
        assert_eq!((error.again(), error.scope()), (Again::InDoubt, Scope::Targets), "{body}");
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
        assert!(!error.to_string().contains("4711"), "{error}");
    }
}

#[test]
fn a_creation_that_failed_on_the_consoles_side_is_not_tried_again_blindly() {
    for status in [408, 500, 501, 502, 503, 504] {
        let error = judge_create(&answer(status, "")).unwrap_err();
        assert_eq!(error.again(), Again::InDoubt, "{status}");
        assert_eq!(judge_delete(ID, &answer(status, "")).unwrap_err().again(), Again::InDoubt, "{status}");
        assert_eq!(judge_update(ID, &answer(status, "")).unwrap_err().again(), Again::Backoff, "{status}");
        assert_eq!(judge_list(&answer(status, "")).unwrap_err().again(), Again::Backoff, "{status}");
    }
    let throttled = judge_create(&answer(429, fixture!("too_many.json"))).unwrap_err();
    assert_eq!(throttled.again(), Again::Throttled(None));
}

#[test]
fn refusals_are_told_apart_by_what_the_console_says() {
    let words = |said: &str| {
        json!({"version": "v1", "data": {}, "errors": [{"error_code": 400, "description": "Bad Request", "details": ["", said]}]})
            .to_string()
    };
    for (body, why) in [
        (fixture!("stream_name_taken.json").to_owned(), RefusedFor::NameTaken),
        (words("name must be unique"), RefusedFor::NameTaken),
        (words("A stream of this name ALREADY EXISTS"), RefusedFor::NameTaken),
        (fixture!("stream_too_many.json").to_owned(), RefusedFor::TooMany),
        (words("You cannot have more than 5 event streams"), RefusedFor::TooMany),
        (words("event_type is invalid"), RefusedFor::Other),
        (fixture!("empty_words.json").to_owned(), RefusedFor::Other),
    ] {
        for status in [400, 409, 422] {
            assert_eq!(judge_create(&answer(status, &body)).unwrap().unwrap_err().why, why, "{status} {body}");
            assert_eq!(judge_update(ID, &answer(status, &body)).unwrap().unwrap_err().why, why, "{status} {body}");
        }
    }
    let refusal = judge_create(&answer(400, fixture!("stream_name_taken.json"))).unwrap().unwrap_err();
    assert_eq!(refusal.said, "Name has already been taken");
    let page = judge_create(&answer(400, fixture!("gateway.html"))).unwrap_err();
    assert_eq!(page.failure().kind, FailureKind::Gateway, "a web page refuses nothing in the console's name");
}

#[test]
fn an_unknown_stream_is_a_400_that_says_so_or_a_404() {
    for response in
        [answer(400, fixture!("stream_unknown.json")), answer(404, fixture!("not_found.json")), answer(404, "")]
    {
        let kinds = [
            judge_show(ID, &response).unwrap_err(),
            judge_update(ID, &response).unwrap_err(),
            judge_delete(ID, &response).unwrap_err(),
        ];
        for error in kinds {
            assert_eq!((error.failure().kind, error.again()), (FailureKind::NotFound, Again::Never));
            assert!(error.to_string().contains("no event stream 3187"), "{error}");
        }
    }
    let other = judge_show(ID, &answer(400, fixture!("bad_request.json"))).unwrap_err();
    assert_eq!(other.failure().kind, FailureKind::BadRequest);
    let page = judge_show(ID, &answer(404, fixture!("gateway.html"))).unwrap_err();
    assert_eq!(page.failure().kind, FailureKind::Gateway);
    // Where no stream was named, the path is wrong.
    assert_eq!(judge_list(&answer(404, fixture!("not_found.json"))).unwrap_err().failure().kind, FailureKind::Gateway);
}

#[test]
fn a_deletion_need_not_say_anything_but_must_not_contradict_itself() {
    for (status, body) in
        [(200, ""), (204, ""), (200, " \n"), (202, fixture!("stream.json")), (200, fixture!("version.json"))]
    {
        assert!(judge_delete(ID, &answer(status, body)).is_ok(), "{status} {body}");
    }
    for body in [fixture!("success_with_errors.json"), fixture!("gateway.html"), "{}"] {
        assert_eq!(judge_delete(ID, &answer(200, body)).unwrap_err().again(), Again::InDoubt, "{body}");
    }
}

#[test]
fn credentials_that_are_refused_stop_everything() {
    let refused = answer(401, fixture!("unauthorized.json"));
    let errors = [
        judge_list(&refused).unwrap_err(),
        judge_show(ID, &refused).unwrap_err(),
        judge_create(&refused).unwrap_err(),
        judge_update(ID, &refused).unwrap_err(),
        judge_delete(ID, &refused).unwrap_err(),
        judge_event_types(&refused).unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.failure().kind, error.scope()), (FailureKind::CredentialsRefused, Scope::Run));
    }
    let forbidden = judge_create(&answer(403, fixture!("forbidden.json"))).unwrap_err();
    assert_eq!(forbidden.failure().kind, FailureKind::Forbidden);
}

#[test]
fn an_answer_for_another_stream_is_not_taken() {
    assert_eq!(judge_show(ID, &answer(200, fixture!("stream.json"))).unwrap().event_types, [553_648_202]);
    let error = judge_show(StreamId(9), &answer(200, fixture!("stream.json"))).unwrap_err();
    assert_eq!(error.failure().kind, FailureKind::Protocol);
}

#[test]
fn event_types_are_read_beyond_what_31_bits_hold() {
    let types = judge_event_types(&answer(200, fixture!("event_types.json"))).unwrap();
    assert_eq!(types.iter().map(|one| one.id).collect::<Vec<_>>(), [553_648_202, 2_164_260_939, 1_090_519_054]);
    assert_eq!(types[1].name, "Endpoint Isolation Start Failure");
}

//! Isolation of one host: every step, every refusal, every way to say it.

use serde_json::json;

use super::*;
use crate::domain::host::Isolation;

const AT_ONCE: &str = "confirm = [{ after = '0s' }]";
const NEVER: &str = "confirm = [{ how = 'never' }]";

#[tokio::test]
async fn a_host_is_isolated_and_released_again() {
    let room = Room::of(2, AT_ONCE).await;
    let path = room.isolation(0);
    let before = room.get(&path).await;
    assert_eq!(before.at("/data"), json!({"available": true, "status": "not_isolated", "comment": null}));

    let body = json!({"comment": "IR-4711", "unlock_code": "k7h2qz"});
    let put = Reply::read(room.request("PUT", &path).body(body.to_string()).send().await.unwrap()).await;
    assert_eq!(put.status, 200);
    let told = json!({"available": true, "status": "pending_start", "unlock_code": "k7h2qz", "comment": "IR-4711",
                      "isolated_by": "Simulated Operator"});
    assert_eq!(put.at("/data"), told);
    assert_eq!(room.get(&path).await.at("/data/status"), "isolated");
    assert_eq!(room.host(0).state, Isolation::Isolated);
    assert_eq!(room.host(0).unlock_code.as_deref(), Some("k7h2qz"));
    assert_eq!((room.console.fleet().isolated(), room.console.fleet().len()), (1, 2));

    let body = json!({"comment": "all clear"}).to_string();
    let delete = Reply::read(room.request("DELETE", &path).body(body).send().await.unwrap()).await;
    assert_eq!((delete.status, delete.at("/data/status")), (200, json!("pending_stop")));
    let after = room.get(&path).await;
    let told = json!({"available": true, "status": "not_isolated", "unlock_code": "k7h2qz", "comment": "all clear"});
    assert_eq!(after.at("/data"), told);
    assert_eq!(room.console.fleet().isolated(), 0);
    assert_eq!(room.console.fleet().comments_received(), 2);
    assert_eq!(room.console.fleet().comments().len(), 1, "the second comment took the place of the first");
    let host = room.host(0);
    assert_eq!((host.puts, host.puts_accepted, host.deletes, host.deletes_accepted), (1, 1, 1, 1));
    assert_eq!(room.host(1).puts, 0);
}

#[tokio::test]
async fn options_tell_what_is_possible_without_a_body() {
    let room = Room::of(1, AT_ONCE).await;
    let path = room.isolation(0);
    let free = room.send("OPTIONS", &path).await;
    assert_eq!((free.status, free.header("allow"), free.text.as_str()), (204, Some("OPTIONS, GET, PUT"), ""));
    assert!(free.header("x-ratelimit-remaining").is_some());
    room.send("PUT", &path).await;
    assert_eq!(room.send("OPTIONS", &path).await.header("allow"), Some("OPTIONS, GET, DELETE"));

    let slow = Room::of(1, NEVER).await;
    slow.send("PUT", &slow.isolation(0)).await;
    assert_eq!(slow.send("OPTIONS", &slow.isolation(0)).await.header("allow"), Some("OPTIONS, GET"));
}

#[tokio::test]
async fn the_console_makes_an_unlock_code_of_its_own() {
    let room = Room::of(1, AT_ONCE).await;
    let path = room.isolation(0);
    let code = |reply: &Reply| reply.at("/data/unlock_code").as_str().unwrap().to_owned();
    let first = code(&room.send("PUT", &path).await);
    assert!(first.len() == 6 && first.bytes().all(|b| b.is_ascii_lowercase()), "{first}");
    assert_eq!(code(&room.get(&path).await), first);
    assert_eq!(room.host(0).unlock_code, None);
    room.send("DELETE", &path).await;
    assert_ne!(code(&room.send("PUT", &path).await), first);
}

#[tokio::test]
async fn a_host_in_the_wanted_state_is_a_conflict() {
    let room = Room::of(1, AT_ONCE).await;
    let path = room.isolation(0);
    let delete = room.send("DELETE", &path).await;
    assert_eq!((delete.status, delete.at("/errors/0/description")), (409, json!("Conflict")));
    assert_eq!(delete.at("/data"), json!({}));
    assert_eq!(room.send("PUT", &path).await.status, 200);
    assert_eq!(room.send("PUT", &path).await.status, 409);
    let host = room.host(0);
    assert_eq!((host.puts, host.puts_accepted, host.deletes, host.deletes_accepted), (2, 1, 1, 0));
}

#[tokio::test]
async fn a_changing_host_is_a_conflict_for_both_methods() {
    let room = Room::of(1, NEVER).await;
    let path = room.isolation(0);
    room.send("PUT", &path).await;
    assert_eq!(room.send("PUT", &path).await.status, 409);
    assert_eq!(room.send("DELETE", &path).await.status, 409);
    assert_eq!(room.get(&path).await.at("/data/status"), "pending_start");
    assert_eq!(room.console.fleet().isolated(), 0);
}

#[tokio::test]
async fn hosts_that_are_not_there_are_told_from_ids_that_are_none() {
    let room = Room::of(1, "").await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let unknown = "/v1/computers/00000000-0000-4000-8000-000000000000/isolation";
        assert_eq!(room.send(method, unknown).await.status, 404, "{method}");
        assert_eq!(room.send(method, "/v1/computers/guid1/isolation").await.status, 400, "{method}");
    }
    assert_eq!(room.get("/v1/computers/guid1").await.detail(), "Invalid connector GUID");
}

#[tokio::test]
async fn the_body_may_be_empty_whatever_it_is_called() {
    for kind in [None, Some("application/json"), Some("application/x-www-form-urlencoded")] {
        let room = Room::of(1, "").await;
        let mut request = room.request("PUT", &room.isolation(0)).body("");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        assert_eq!(request.send().await.unwrap().status(), 200, "{kind:?}");
    }
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused_and_change_nothing() {
    let room = Room::of(1, "").await;
    let long = json!({"comment": "x".repeat(70_000)}).to_string();
    let cases = [
        ("PUT", "{", 400, "The request body is not a JSON object"),
        ("PUT", "[]", 400, "The request body is not a JSON object"),
        ("PUT", "comment=x", 400, "The request body is not a JSON object"),
        ("PUT", r#"{"colour":"red"}"#, 400, "Unexpected parameter: colour"),
        ("PUT", r#"{"comment":7}"#, 400, "Parameter must be a string: comment"),
        ("DELETE", r#"{"unlock_code":"abc"}"#, 400, "Unexpected parameter: unlock_code"),
        ("PUT", long.as_str(), 413, "The request body is too long"),
    ];
    for (method, body, status, detail) in cases {
        let sent = room.request(method, &room.isolation(0)).body(body.to_owned()).send().await.unwrap();
        let reply = Reply::read(sent).await;
        assert_eq!((reply.status, reply.detail().as_str()), (status, detail), "{method}");
    }
    assert_eq!(room.host(0).puts + room.host(0).deletes, 0);
}

#[tokio::test]
async fn unlock_codes_have_at_most_24_characters_and_no_blanks() {
    let room = Room::of(1, "").await;
    for code in ["abcdefghijklmnopqrstuvwxy", "two words", "tab\there"] {
        let body = json!({"unlock_code": code}).to_string();
        let reply = Reply::read(room.request("PUT", &room.isolation(0)).body(body).send().await.unwrap()).await;
        assert_eq!(reply.status, 400, "{code}");
        assert!(reply.detail().starts_with("Validation failed: Unlock code"), "{}", reply.detail());
    }
    let body = json!({"unlock_code": "abcdefghijklmnopqrstuvwx"}).to_string();
    assert_eq!(room.request("PUT", &room.isolation(0)).body(body).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn comment_and_code_may_come_as_parameters() {
    let room = Room::of(1, AT_ONCE).await;
    let put = room.send("PUT", &format!("{}?comment=from+a+tool&unlock_code=abc", room.isolation(0))).await;
    assert_eq!((put.at("/data/comment"), put.at("/data/unlock_code")), (json!("from a tool"), json!("abc")));
    let delete = room.send("DELETE", &format!("{}?comment=over&unlock_code=zzz", room.isolation(0))).await;
    assert_eq!((delete.at("/data/comment"), delete.at("/data/unlock_code")), (json!("over"), json!("abc")));
    assert_eq!(room.send("PUT", &format!("{}?unlock_code=a+b", room.isolation(0))).await.status, 400);
}

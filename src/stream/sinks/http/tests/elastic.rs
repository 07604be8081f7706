//! Elasticsearch's `_bulk`.

use super::*;

fn sink(server: &Server, auth: ElasticAuth) -> HttpSink {
    let (url, index) = (server.url.clone(), "edr-events".to_owned());
    HttpSink::elastic(ElasticOptions { url, index, auth }, &options()).unwrap()
}

/// The ids of a request, in their order.
fn ids(seen: &Seen) -> Vec<String> {
    seen.values().iter().step_by(2).map(|line| line["create"]["_id"].as_str().unwrap().to_owned()).collect()
}

/// Answers each event by its id: a status, and an error's kind and reason.
fn each(seen: &Seen, mut judge: impl FnMut(&str) -> (u16, Value)) -> Reply {
    let items: Vec<Value> = ids(seen)
        .iter()
        .map(|id| {
            let (status, error) = judge(id);
            json!({"create": {"_index": "edr-events", "_id": id, "status": status, "error": error}})
        })
        .collect();
    let errors = items.iter().any(|item| item["create"]["status"].as_u64().unwrap() >= 300);
    reply(200, &json!({"took": 3, "errors": errors, "items": items}))
}

#[tokio::test]
async fn each_event_is_created_under_its_id_with_a_timestamp_and_is_exact() {
    let server = Server::start(|seen| each(seen, |_| (201, Value::Null))).await;
    let mut sink = sink(&server, ElasticAuth::ApiKey(Secret::new("aHVudGVyMg==")));
    let own = ConsoleEvent::new(Bytes::from_static(b"{\"id\":2,\n\"@timestamp\":\"own\"}"));
    let odd = ConsoleEvent::new(Bytes::from_static(b"[1]"));
    let bare = ConsoleEvent::new(Bytes::from_static(b" { } "));
    sink.begin(None).await.unwrap();
    sink.keep(&[event(7_312_450_098_812_341_999), own, odd, bare]).await.unwrap();
    let seen = server.seen();
    assert!(seen[0].head.starts_with("post /edr-events/_bulk http"), "{}", seen[0].head);
    assert!(seen[0].head.contains("authorization: apikey ahvudgvymg==\r\n"));
    assert!(seen[0].head.contains("content-type: application/x-ndjson\r\n"));
    assert_eq!(seen[0].body.lines().count(), 8, "{}", seen[0].body);
    assert_eq!(ids(&seen[0])[..2], ["7312450098812341999", "2"]);
    let values = seen[0].values();
    assert_eq!(values[1]["@timestamp"], "2024-05-29T19:13:20.619Z");
    assert_eq!(values[1]["id"], 7_312_450_098_812_341_999_u64);
    assert_eq!(values[3], json!({"id": 2, "@timestamp": "own"}));
    assert_eq!(values[5]["base64"], "WzFd");
    assert_eq!(values[7].as_object().unwrap().len(), 1);
    let shown = format!("{sink:?}");
    assert!(!shown.contains("aHVudGVyMg"), "{shown}");
}

#[tokio::test]
async fn each_answer_is_read_by_itself() {
    let mut busy = BTreeSet::from(["4".to_owned()]);
    let server = Server::start(move |seen| {
        each(seen, |id| match id {
            // Had before: the answer was lost then.
            "2" => (409, json!({"type": "version_conflict_engine_exception", "reason": "document already exists"})),
            "3" => {
                let cause = json!({"type": "illegal_argument_exception", "reason": "not a number"});
                let why = json!({"type": "document_parsing_exception", "reason": "field [x]", "caused_by": cause});
                (400, why)
            }
            id if busy.remove(id) => (429, json!({"type": "es_rejected_execution_exception", "reason": "queue full"})),
            _ => (201, Value::Null),
        })
    })
    .await;
    let mut sink = sink(&server, ElasticAuth::None);
    let error = sink.keep(&events(1..=5)).await.unwrap_err();
    assert_eq!(error.then, Then::Again(None));
    assert!(error.text.ends_with("HTTP 429: es_rejected_execution_exception: queue full"), "{error}");
    let kept = sink.keep(&events(1..=5)).await.unwrap();
    let reason = "HTTP 400: document_parsing_exception: field [x] (illegal_argument_exception: not a number)";
    assert_eq!(kept.refused, [(2, reason.to_owned())]);
    let seen = server.seen();
    assert_eq!((seen.len(), ids(&seen[1])), (2, vec!["4".to_owned()]));
    // The next batch is another one: nothing of this one is remembered.
    sink.keep(&events([1])).await.unwrap();
    assert_eq!(ids(server.seen().last().unwrap()), ["1"]);
}

#[tokio::test]
async fn what_waiting_does_not_help_stops_in_words() {
    let password = Secret::new("hunter2");
    for (status, body, words) in [
        (401, json!({"error": {"type": "security_exception"}, "status": 401}), "the credentials are refused"),
        (403, json!({}), "the credentials are refused"),
        (400, json!({"error": "no such index name"}), "HTTP 400: {\"error\":\"no such index name\"}"),
        (
            200,
            json!({"errors": true, "items": [{"create": {"status": 404, "error": {"type": "index_not_found_exception"}}}]}),
            "the index is not there: HTTP 404: index_not_found_exception",
        ),
        (200, json!({"errors": true, "items": [{"create": {"status": 403}}]}), "the credentials do not allow it"),
    ] {
        let server = Server::start(move |_| reply(status, &body)).await;
        let auth = ElasticAuth::Basic { user: "soc".to_owned(), password: password.clone() };
        let error = sink(&server, auth).keep(&events([1])).await.unwrap_err();
        assert_eq!(error.then, Then::Stop, "{error}");
        assert!(error.text.contains(words), "{error}");
        assert!(server.seen()[0].head.contains("authorization: basic c29jomh1bnrlcji=\r\n"));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_keeps_nothing() {
    for body in [json!({"errors": false, "items": []}), json!({}), json!("<html>")] {
        let server = Server::start(move |_| reply(200, &body)).await;
        let error = sink(&server, ElasticAuth::None).keep(&events([1])).await.unwrap_err();
        assert_eq!(error.then, Then::Again(None), "{error}");
    }
}

#[tokio::test]
async fn a_throttling_or_failing_server_is_asked_again() {
    for status in [429, 500, 502, 503, 504] {
        let server = Server::start(move |_| reply(status, &json!({"error": "busy"}))).await;
        let error = sink(&server, ElasticAuth::None).keep(&events([1])).await.unwrap_err();
        assert_eq!(error.then, Then::Again(None), "{error}");
    }
}

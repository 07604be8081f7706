//! Splunk's event collector.

use super::*;

fn sink_with(server: &Server, http: &HttpOptions) -> HttpSink {
    let options = SplunkOptions {
        url: server.url.clone(),
        token: Secret::new("hunter2"),
        index: Some("edr".to_owned()),
        source: "edrctl".to_owned(),
        sourcetype: "edrctl:event".to_owned(),
    };
    HttpSink::splunk(options, http).unwrap()
}

fn sink(server: &Server) -> HttpSink {
    sink_with(server, &options())
}

fn success() -> Reply {
    reply(200, &json!({"text": "Success", "code": 0}))
}

#[tokio::test]
async fn a_batch_goes_in_one_request_with_time_host_and_the_exact_event() {
    let server = Server::start(|_| success()).await;
    let mut sink = sink_with(&server, &HttpOptions { gzip: true, ..options() });
    sink.begin(None).await.unwrap();
    let odd = ConsoleEvent::new(Bytes::from_static(b"no json"));
    assert!(sink.keep(&[event(7_312_450_098_812_341_999), odd]).await.unwrap().refused.is_empty());
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].head.starts_with("post /services/collector/event http"), "{}", seen[0].head);
    assert!(seen[0].head.contains("authorization: splunk hunter2\r\n"));
    let values = seen[0].values();
    assert_eq!(values.len(), 2);
    assert_eq!(values[0]["event"]["id"], 7_312_450_098_812_341_999_u64);
    assert_eq!((&values[0]["time"], &values[0]["host"]), (&json!("1717010000.619"), &json!("FIN-LT-014")));
    assert_eq!((&values[0]["index"], &values[0]["sourcetype"]), (&json!("edr"), &json!("edrctl:event")));
    assert_eq!(values[1]["event"]["base64"], "bm8ganNvbg==");
    let shown = format!("{sink:?} {}", sink.name());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn a_bad_event_is_refused_and_the_others_go_again() {
    for code in [6, 12] {
        let server = Server::start(move |seen| {
            let bad = seen.values().iter().position(|value| value["event"]["id"].as_u64().unwrap() % 3 == 0);
            let text = json!({"text": "Invalid data format", "code": code, "invalid-event-number": bad});
            if bad.is_some() { reply(400, &text) } else { success() }
        })
        .await;
        let kept = sink(&server).keep(&events(1..=7)).await.unwrap();
        let reason = format!("Invalid data format (code {code})");
        assert_eq!(kept.refused, [(2, reason.clone()), (5, reason)]);
        let last = server.seen().last().unwrap().values();
        let ids: Vec<u64> = last.iter().map(|value| value["event"]["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, [1, 2, 4, 5, 7]);
    }
}

#[tokio::test]
async fn a_bad_event_that_is_not_named_is_found_by_halving() {
    let server = Server::start(|seen| {
        let bad = seen.values().iter().any(|value| value["event"]["id"] == 5);
        if bad { reply(400, &json!({"text": "Event field is required", "code": 12})) } else { success() }
    })
    .await;
    let kept = sink(&server).keep(&events(1..=9)).await.unwrap();
    assert_eq!(kept.refused, [(4, "Event field is required (code 12)".to_owned())]);
}

#[tokio::test]
async fn a_busy_collector_is_asked_again_after_its_wait() {
    let mut busy = 1;
    let server = Server::start(move |_| {
        if busy > 0 {
            busy -= 1;
            let body = json!({"text": "Server is busy", "code": 9}).to_string();
            return Some((503, "Retry-After: 12\r\n".to_owned(), body));
        }
        success()
    })
    .await;
    let mut sink = sink(&server);
    let error = sink.keep(&events(1..=2)).await.unwrap_err();
    assert_eq!(error.then, Then::Again(Some(Duration::from_secs(12))));
    assert!(error.text.contains("Server is busy"), "{error}");
    sink.keep(&events(1..=2)).await.unwrap();
}

#[tokio::test]
async fn what_waiting_does_not_help_stops_in_words() {
    for (status, body, words) in [
        (403, json!({"text": "Invalid token", "code": 4}), "the token is refused: Invalid token"),
        (401, json!({"text": "Token is required", "code": 2}), "the token is refused"),
        (400, json!({"text": "Incorrect index", "code": 7, "invalid-event-number": 0}), "the index is refused"),
        (400, json!({"text": "Data channel is missing", "code": 10}), "indexer acknowledgement"),
        (404, json!("nothing"), "no event collector"),
        (302, json!({}), "points elsewhere"),
    ] {
        let server = Server::start(move |_| reply(status, &body)).await;
        let error = sink(&server).keep(&events([1])).await.unwrap_err();
        assert_eq!(error.then, Then::Stop, "{error}");
        assert!(error.text.contains(words) && error.text.starts_with("splunk+http://"), "{error}");
        assert!(!error.text.contains("hunter2"));
    }
}

#[tokio::test]
async fn an_answer_of_somebody_else_keeps_nothing() {
    for body in ["<html>Please log in</html>", "{}", ""] {
        let server = Server::start(move |_| Some((200, String::new(), body.to_owned()))).await;
        assert_eq!(sink(&server).keep(&events([1])).await.unwrap_err().then, Then::Again(None), "{body}");
    }
}

#[tokio::test]
async fn a_batch_is_divided_by_size_and_smaller_still_when_the_server_wants_it() {
    let server = Server::start(|seen| if seen.body.len() > 500 { reply(413, &json!({})) } else { success() }).await;
    let mut sink = sink_with(&server, &HttpOptions { max_bytes: 1500, ..options() });
    let mut batch = events(1..=20);
    batch.push(ConsoleEvent::new(Bytes::from(format!("{{\"id\":21,\"t\":\"{}\"}}", "x".repeat(600)))));
    let kept = sink.keep(&batch).await.unwrap();
    assert_eq!(kept.refused.len(), 1);
    assert_eq!(kept.refused[0].0, 20);
    assert!(kept.refused[0].1.contains("too large"), "{kept:?}");
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.body.len() <= 1500));
    let taken = seen.iter().filter(|seen| seen.body.len() <= 500).flat_map(Seen::values);
    let taken: Vec<u64> = taken.map(|value| value["event"]["id"].as_u64().unwrap()).collect();
    assert_eq!(taken, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn nobody_there_and_a_cut_connection_are_tried_again() {
    let server = Server::start(|_| None).await;
    let mut cut = sink(&server);
    assert_eq!(cut.keep(&events([1])).await.unwrap_err().then, Then::Again(None));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let mut nobody = sink(&Server { url: gone, seen: Arc::default(), task: tokio::spawn(async {}) });
    let error = nobody.keep(&events([1])).await.unwrap_err();
    assert_eq!(error.then, Then::Again(None));
    assert!(error.text.contains("refused: nothing listens there"), "{error}");
}

#[test]
fn a_token_that_no_header_takes_is_refused_without_showing_it() {
    let url = Url::parse("https://hec.example:8088/").unwrap();
    let (source, sourcetype) = ("edrctl".to_owned(), "edrctl:event".to_owned());
    let options = SplunkOptions { url, token: Secret::new("hunter2\n"), index: None, source, sourcetype };
    let error = HttpSink::splunk(options, &super::options()).unwrap_err();
    assert_eq!(error.then, Then::Stop);
    assert!(!error.text.contains("hunter2"), "{error}");
}

//! What every request has in common: credentials, envelope, headers, quota, paths and parameters.

use super::*;

#[tokio::test]
async fn version_answers_with_the_envelope() {
    let room = Room::of(0, "").await;
    let reply = room.get("/v1/version").await;
    assert_eq!(reply.status, 200);
    let expected = serde_json::json!({
        "version": "v1.2.0",
        "metadata": {"links": {"self": room.url("/v1/version")}},
        "data": {},
    });
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn every_answer_has_the_headers_of_the_console() {
    let room = Room::of(1, "").await;
    for (path, status) in [("/v1/version", "200 OK"), ("/v1/nothing", "404 Not Found")] {
        let reply = room.get(path).await;
        assert_eq!(reply.header("status"), Some(status));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert!(guid::Guid::parse(reply.header("x-request-id").unwrap()).is_some());
        assert!(reply.header("etag").unwrap().starts_with("W/\""));
        for name in ["cache-control", "strict-transport-security", "x-frame-options", "date"] {
            assert!(reply.header(name).is_some(), "{name} is missing");
        }
    }
    let ids = [room.get("/v1/version").await, room.get("/v1/version").await];
    assert_ne!(ids[0].header("x-request-id"), ids[1].header("x-request-id"));
}

#[tokio::test]
async fn bad_credentials_earn_401_without_metadata_and_without_quota() {
    let room = Room::of(1, "").await;
    let Credentials { client_id, api_key } = room.console.credentials().clone();
    let url = room.url("/v1/version");
    let tries = [
        room.client.get(&url),
        room.client.get(&url).basic_auth(&client_id, Some("wrong")),
        room.client.get(&url).basic_auth("wrong", Some(&api_key)),
        room.client.get(&url).bearer_auth(&api_key),
        room.client.get(&url).header("authorization", "Basic"),
    ];
    for request in tries {
        let reply = Reply::read(request.send().await.unwrap()).await;
        assert_eq!(reply.status, 401);
        assert_eq!(
            reply.json(),
            serde_json::json!({
                "version": "v1.0.0",
                "data": {},
                "errors": [{"error_code": 401, "description": "Unauthorized", "details": ["Unknown API key or Client ID"]}],
            })
        );
    }
    assert_eq!(room.get("/v1/version").await.header("x-ratelimit-remaining"), Some("2999"));
}

#[tokio::test]
async fn every_request_with_credentials_counts_and_the_quota_ends_in_429() {
    let room = Room::of(1, "quota = { limit = 4, window = '1h' }").await;
    let paths = [("GET", "/v1/version".into()), ("OPTIONS", room.isolation(0)), ("GET", "/v1/nothing".to_owned())];
    for (at, (method, path)) in paths.iter().enumerate() {
        let reply = room.send(method, path).await;
        assert_eq!(reply.header("x-ratelimit-limit"), Some("4"));
        assert_eq!(reply.header("x-ratelimit-remaining"), Some((3 - at).to_string().as_str()));
        assert!(reply.header("x-ratelimit-reset").unwrap().parse::<u64>().unwrap() <= 3600);
        let date = reply.header("x-ratelimit-resetdate").unwrap();
        assert!(date.len() == 20 && date.ends_with('Z'), "{date}");
        assert!(date.parse::<Timestamp>().unwrap() > Timestamp::now());
    }
    assert_eq!(room.send("PUT", &room.isolation(0)).await.status, 200);
    let refused = room.send("DELETE", &room.isolation(0)).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));
    assert!(refused.header("x-ratelimit-reset").unwrap().parse::<u64>().unwrap() > 3590);
    assert_eq!(refused.header("retry-after"), None);
    assert_eq!(refused.at("/errors/0/error_code"), 429);
    assert_eq!(refused.detail(), "Rate limit exceeded");
    assert_eq!((room.host(0).puts, room.host(0).deletes), (1, 0));
    assert_eq!(room.console.stats().throttled(), 1);
    assert_eq!(room.console.stats().total(), 5);
}

#[tokio::test]
async fn unknown_parameters_are_named_everywhere() {
    let room = Room::of(1, "").await;
    let one = format!("/v1/computers/{}", room.guid(0));
    let isolation = room.isolation(0);
    for (method, path) in [
        ("GET", "/v1/version"),
        ("GET", "/v1/computers"),
        ("GET", "/v1/groups"),
        ("GET", &one),
        ("GET", &isolation),
        ("OPTIONS", &isolation),
        ("PUT", &isolation),
        ("DELETE", &isolation),
    ] {
        let reply = room.send(method, &format!("{path}?colour=red")).await;
        assert_eq!(reply.status, 400, "{method} {path}");
        assert_eq!(reply.detail(), "Unexpected parameter: colour");
        assert_eq!(reply.at("/metadata/links/self"), room.url(&format!("{path}?colour=red")));
    }
    assert_eq!(room.host(0).puts, 0);
}

#[tokio::test]
async fn wrong_methods_and_paths_are_told_apart() {
    let room = Room::of(1, "").await;
    let post = room.send("POST", &room.isolation(0)).await;
    assert_eq!((post.status, post.header("allow")), (405, Some("OPTIONS, GET, PUT, DELETE")));
    assert_eq!(room.send("POST", "/v1/computers").await.status, 405);
    assert_eq!(room.send("DELETE", &format!("/v1/computers/{}", room.guid(0))).await.status, 405);
    for path in ["/", "/v1", "/v2/version", "/v1/computers/x/y/z"] {
        assert_eq!(room.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn slashes_too_many_do_no_harm() {
    let room = Room::of(1, "").await;
    let guid = room.guid(0);
    assert_eq!(room.send("PUT", &format!("/v1/computers//{guid}/isolation")).await.status, 200);
    assert_eq!(room.get("/v1/computers/").await.status, 200);
    assert_eq!(room.get(&format!("/v1/computers/{}/", guid.to_uppercase())).await.status, 200);
    assert_eq!(room.host(0).puts_accepted, 1);
}

#[tokio::test]
async fn stats_count_by_kind_and_know_the_most_in_flight() {
    let room = Room::of(2, "[[fault]]\nendpoint = 'isolation'\ndo = 'silence'").await;
    room.get("/v1/version").await;
    let stats = room.console.stats();
    let waiting: Vec<_> = (0..3).map(|at| tokio::spawn(room.request("GET", &room.isolation(at % 2)).send())).collect();
    until(|| stats.total() == 4).await;
    room.get("/v1/computers").await;
    assert_eq!(stats.requests("GET", faults::Endpoint::Isolation), 3);
    assert_eq!(stats.requests("GET", faults::Endpoint::Computers), 1);
    assert_eq!(stats.requests("PUT", faults::Endpoint::Isolation), 0);
    assert_eq!((stats.total(), stats.answered(200)), (5, 2));
    assert_eq!(stats.most_in_flight(), 4);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

//! Every switch of a faults file that changes how the console answers in general.

use serde_json::{Value, json};

use super::*;
use crate::domain::host::Isolation;

#[tokio::test]
async fn headers_can_be_hyphenated_or_missing() {
    let room = Room::of(0, "quota.headers = 'hyphenated'").await;
    let reply = room.get("/v1/version").await;
    assert_eq!(reply.header("x-rate-limit-remaining"), Some("2999"));
    assert_eq!(reply.header("x-rate-limit-limit"), Some("3000"));
    assert_eq!(reply.header("x-ratelimit-remaining"), None);

    let room = Room::of(0, "quota.headers = 'missing'").await;
    let reply = room.get("/v1/version").await;
    assert!(reply.headers.keys().all(|name| !name.as_str().contains("limit")));
}

#[tokio::test]
async fn a_429_can_tell_when_to_come_again() {
    let room = Room::of(0, "quota = { limit = 1, window = '90s', retry_after = true }").await;
    assert_eq!(room.get("/v1/version").await.header("retry-after"), None);
    let refused = room.get("/v1/version").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, refused.header("x-ratelimit-reset")));
}

#[tokio::test]
async fn a_stale_answer_tells_the_state_from_before() {
    let room = Room::of(1, "answers.isolation_state = 'stale'\nconfirm = [{ after = '0s' }]").await;
    let path = room.isolation(0);
    assert_eq!(room.send("PUT", &path).await.at("/data/status"), "not_isolated");
    assert_eq!(room.get(&path).await.at("/data/status"), "isolated");
    assert_eq!(room.send("DELETE", &path).await.at("/data/status"), "isolated");
    assert_eq!(room.host(0).state, Isolation::NotIsolated);
}

#[tokio::test]
async fn a_changing_host_can_be_a_bad_request() {
    let room = Room::of(1, "answers.transitional = 400\nconfirm = [{ how = 'never' }]").await;
    room.send("PUT", &room.isolation(0)).await;
    assert_eq!(room.send("PUT", &room.isolation(0)).await.status, 400);
}

#[tokio::test]
async fn hosts_that_cannot_be_isolated_say_so() {
    let name = Fleet::of_size(1).name(0);
    for (faults, status) in [("", 405), ("answers.not_available = 409\n", 409)] {
        let room = Room::of(2, &format!("{faults}unavailable.hosts = ['{name}']")).await;
        let path = room.isolation(0);
        assert_eq!(room.send("OPTIONS", &path).await.status, 405);
        assert_eq!(room.send("PUT", &path).await.status, status);
        assert_eq!(room.send("DELETE", &path).await.status, status);
        assert_eq!(room.get(&path).await.at("/data/available"), false);
        assert_eq!(room.get("/v1/computers").await.at("/data/0/isolation/available"), false);
        assert_eq!(room.send("PUT", &room.isolation(1)).await.status, 200);
        assert_eq!(room.host(0).puts_accepted, 0);
    }
}

#[tokio::test]
async fn an_unknown_host_can_be_a_bad_request() {
    let room = Room::of(1, "answers.unknown_guid = 400").await;
    assert_eq!(room.get("/v1/computers/00000000-0000-4000-8000-000000000000/isolation").await.status, 400);
}

#[tokio::test]
async fn a_key_that_may_only_read_changes_nothing() {
    for status in [403, 401] {
        let room = Room::of(1, &format!("answers.read_only_key = {status}")).await;
        let path = room.isolation(0);
        assert_eq!(room.get(&path).await.status, 200);
        assert_eq!(room.send("PUT", &path).await.status, status);
        assert_eq!(room.send("DELETE", &path).await.status, status);
        assert_eq!(room.host(0).puts_accepted, 0);
    }
}

#[tokio::test]
async fn error_bodies_can_lack_what_they_should_have() {
    let path = "/v1/computers/00000000-0000-4000-8000-000000000000";
    let bare = Room::of(0, "answers.error_body = 'no_metadata'").await.get(path).await;
    assert_eq!((bare.status, bare.json().get("metadata")), (404, None));
    assert_eq!(bare.detail(), "Computer not found");

    let empty = Room::of(0, "answers.error_body = 'empty_details'").await.get(path).await;
    assert_eq!((empty.status, empty.at("/errors/0/details")), (404, json!([])));

    let html = Room::of(0, "answers.error_body = 'html'").await.get(path).await;
    assert_eq!((html.status, html.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(html.text.starts_with("<html>"));
    assert!(html.header("x-ratelimit-remaining").is_some());
}

#[tokio::test]
async fn page_size_and_the_comparison_of_names_can_be_set() {
    let room = Room::of(5, "listing.page_size = 2").await;
    assert_eq!(room.get("/v1/computers?limit=500").await.at("/metadata/results/items_per_page"), 2);

    let room = Room::of(5, "listing.hostname_match = 'exact'").await;
    let name = room.host(3).name;
    let short = name.split('.').next().unwrap();
    assert_eq!(room.get(&format!("/v1/computers?hostname[]={name}")).await.at("/metadata/results/total"), 1);
    assert_eq!(room.get(&format!("/v1/computers?hostname[]={short}")).await.at("/metadata/results/total"), 0);
}

#[tokio::test]
async fn hosts_that_are_away_were_last_seen_long_ago() {
    let name = Fleet::of_size(1).name(0);
    let short = crate::domain::host::short_name(&name);
    let room = Room::of(2, &format!("[[confirm]]\nhow = 'never'\nhosts = ['{short}']")).await;
    let seen = |reply: &Reply| reply.at("/data/last_seen").as_str().unwrap().parse::<Timestamp>().unwrap();
    let ages = futures::future::join_all([0, 1].map(|number| {
        let path = format!("/v1/computers/{}", room.guid(number));
        let room = &room;
        async move { Timestamp::now().duration_since(seen(&room.get(&path).await)).as_secs() }
    }));
    let ages = ages.await;
    assert!(ages[0] > 86_400 * 19, "{ages:?}");
    assert!(ages[1] < 600, "{ages:?}");
}

#[tokio::test]
async fn latency_holds_for_every_request() {
    let room = Room::of(1, "latency = '40ms'").await;
    let begun = std::time::Instant::now();
    room.get("/v1/version").await;
    room.get("/v1/version").await;
    assert!(begun.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn faults_that_name_a_host_nobody_has_are_refused_at_the_start() {
    let faults = Faults::parse("unavailable.hosts = ['nowhere']").unwrap();
    let error = start(Options { fleet: Fleet::of_size(3), faults, ..Options::default() }).await.unwrap_err();
    let SimulatorError::Faults(source) = error else { panic!("{error}") };
    assert_eq!(source.to_string(), "no host of the fleet is called `nowhere`");
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_ask() {
    let room = Room::of(50, "").await;
    let Credentials { client_id, api_key } = room.console.credentials();
    let raw = client(&room.console).no_gzip().build().unwrap();
    for (asked, encoding) in [("gzip, deflate", Some("gzip")), ("identity", None)] {
        let request = raw.get(room.url("/v1/computers")).basic_auth(client_id, Some(api_key));
        let reply = request.header("accept-encoding", asked).send().await.unwrap();
        let told = reply.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(told.as_deref(), encoding);
    }
    assert_eq!(room.get("/v1/computers").await.at("/metadata/results/total"), 50);
    let plain = Room::of(50, "gzip = false").await;
    assert_eq!(plain.get("/v1/computers").await.header("content-encoding"), None);
    assert_ne!(plain.get("/v1/computers").await.json(), Value::Null);
}

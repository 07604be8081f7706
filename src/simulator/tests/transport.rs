//! The wire under the console: versions of HTTP, certificates, stopping, speed.

use super::*;

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let room = Room::of(1, "").await;
    let two = room.request("PUT", &room.isolation(0)).send().await.unwrap();
    assert_eq!(two.version(), reqwest::Version::HTTP_2);
    let client = client(&room.console).http1_only().build().unwrap();
    let one = client.get(room.url("/v1/version")).send().await.unwrap();
    assert_eq!((one.version(), one.status().as_u16()), (reqwest::Version::HTTP_11, 401));

    let old = Room::of(0, "http2 = false").await;
    let one = old.request("GET", "/v1/version").send().await.unwrap();
    assert_eq!(one.version(), reqwest::Version::HTTP_11);
}

#[tokio::test]
async fn cuts_and_resets_look_the_same_over_http_1() {
    for deed in ["cut_before", "cut_after", "half_body", "reset"] {
        let room = Room::of(1, &format!("http2 = false\n[[fault]]\ntimes = 1\ndo = '{deed}'")).await;
        room.fails("PUT", &room.isolation(0)).await;
        let done = if deed == "cut_before" { 0 } else { 1 };
        assert_eq!(room.host(0).puts_accepted, done, "{deed}");
        assert_eq!(room.get("/v1/version").await.status, 200, "{deed}");
    }
}

#[tokio::test]
async fn silence_over_http_1_ends_with_the_client() {
    let room = Room::of(1, "http2 = false\n[[fault]]\ntimes = 1\ndo = 'silence'").await;
    let request = tokio::spawn(room.request("GET", "/v1/version").send());
    let stats = room.console.stats();
    until(|| stats.total() == 1).await;
    assert_eq!(room.get("/v1/version").await.status, 200);
    assert!(!request.is_finished());
    request.abort();
    // The console hears that the client has left: nothing is under way any more.
    until(|| stats.in_flight() == 0).await;
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_is_not_served() {
    let (room, other) = (Room::of(0, "").await, Room::of(0, "").await);
    let stranger = client(&other.console).build().unwrap();
    assert!(stranger.get(room.url("/v1/version")).send().await.unwrap_err().is_connect());
    assert_eq!(room.console.stats().total(), 0);
}

#[tokio::test]
async fn a_stopped_console_ends_what_is_under_way_and_takes_nothing_new() {
    let room = Room::of(1, "[[fault]]\nnth = 2\ndo = { delay = '150ms' }").await;
    room.get("/v1/version").await;
    let url = room.url("/v1/version");
    let slow = tokio::spawn(room.request("PUT", &room.isolation(0)).send());
    let stats = room.console.stats();
    until(|| stats.total() == 2).await;
    let Room { console, client } = room;
    let truth = console.fleet();
    console.stop().await;
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    assert_eq!(truth.hosts()[0].puts_accepted, 1);
    assert!(client.get(url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_dropped_console_closes_its_door() {
    let Room { console, client } = Room::of(0, "").await;
    let url = format!("{}/v1/version", console.base_url());
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    drop(console);
    tokio::task::yield_now().await;
    let fresh = Client::builder().no_proxy().build().unwrap();
    assert!(fresh.get(url).send().await.is_err());
}

//! Each fault, as a client meets it, and what is true of the hosts afterwards.

use super::*;
use crate::domain::host::Isolation;

fn on_put(deed: &str) -> String {
    format!(
        "confirm = [{{ after = '0s' }}]\n[[fault]]\nmethod = 'PUT'\nendpoint = 'isolation'\ntimes = 1\ndo = {deed}\n"
    )
}

/// A room in which the first PUT goes wrong, and its one host's path.
async fn room(deed: &str) -> (Room, String) {
    let room = Room::of(1, &on_put(deed)).await;
    let path = room.isolation(0);
    (room, path)
}

/// The second request is none that goes wrong.
async fn recovers(room: &Room) {
    assert_eq!(room.get("/v1/version").await.status, 200);
}

#[tokio::test]
async fn a_status_comes_in_the_consoles_own_form_and_nothing_is_done() {
    let (room, path) = room("{ status = 503 }").await;
    let reply = room.send("PUT", &path).await;
    assert_eq!((reply.status, reply.at("/errors/0/error_code")), (503, 503.into()));
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("2999"));
    assert_eq!(room.host(0).puts, 0);
    assert_eq!(room.send("PUT", &path).await.status, 200);
}

#[tokio::test]
async fn a_gateway_answers_in_html_without_the_consoles_headers() {
    let (room, path) = room("{ html = 502 }").await;
    let reply = room.send("PUT", &path).await;
    assert_eq!((reply.status, reply.header("content-type")), (502, Some("text/html; charset=utf-8")));
    assert_eq!((reply.header("x-request-id"), reply.header("x-ratelimit-limit")), (None, None));
    assert_eq!(room.host(0).puts, 0);
    assert_eq!(room.get("/v1/version").await.header("x-ratelimit-remaining"), Some("2999"));
}

#[tokio::test]
async fn a_fault_can_tell_when_to_come_again() {
    let faults = "[[fault]]\ndo = { status = 429 }\nretry_after = '7s'\ntimes = 1";
    let room = Room::of(0, faults).await;
    let reply = room.get("/v1/version").await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")));
    recovers(&room).await;
}

#[tokio::test]
async fn a_cut_before_the_deed_changes_nothing() {
    let (room, path) = room("'cut_before'").await;
    room.fails("PUT", &path).await;
    assert_eq!((room.host(0).puts, room.host(0).state), (0, Isolation::NotIsolated));
    recovers(&room).await;
}

#[tokio::test]
async fn a_cut_after_the_deed_leaves_it_done() {
    let (room, path) = room("'cut_after'").await;
    room.fails("PUT", &path).await;
    assert_eq!((room.host(0).puts_accepted, room.host(0).state), (1, Isolation::Isolated));
    recovers(&room).await;
}

#[tokio::test]
async fn silence_lasts_until_the_client_leaves() {
    for (deed, done) in [("'silence'", 0), ("'silence_after'", 1)] {
        let (room, path) = room(deed).await;
        let request = tokio::spawn(room.request("PUT", &path).send());
        let (stats, truth) = (room.console.stats(), room.console.fleet());
        until(|| stats.total() == 1 && truth.hosts()[0].puts_accepted == done).await;
        recovers(&room).await;
        assert!(!request.is_finished(), "{deed}");
        assert_eq!(room.host(0).puts_accepted, done, "{deed}");
        request.abort();
        recovers(&room).await;
    }
}

#[tokio::test]
async fn a_delay_goes_right_in_the_end() {
    let (room, path) = room("{ delay = '60ms' }").await;
    let begun = std::time::Instant::now();
    assert_eq!(room.send("PUT", &path).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_slow_body_trickles_and_is_whole() {
    let (room, path) = room("{ slow_body = '200ms' }").await;
    let begun = std::time::Instant::now();
    assert_eq!(room.send("PUT", &path).await.at("/data/status"), "pending_start");
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_body_can_end_in_the_middle() {
    for deed in ["'half_body'", "'reset'"] {
        let (room, path) = room(deed).await;
        let response = room.request("PUT", &path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{deed}");
        response.bytes().await.unwrap_err();
        assert_eq!(room.host(0).puts_accepted, 1, "{deed}");
        recovers(&room).await;
    }
}

#[tokio::test]
async fn a_listing_can_be_reset_in_the_middle() {
    let faults = "gzip = false\nlisting.page_size = 100\n[[fault]]\nendpoint = 'computers'\nnth = 2\ndo = 'reset'";
    let room = Room::of(250, faults).await;
    assert_eq!(room.get("/v1/computers").await.status, 200);
    room.fails("GET", "/v1/computers?limit=100&offset=100").await;
    assert_eq!(room.get("/v1/computers?limit=100&offset=100").await.status, 200);
}

#[tokio::test]
async fn garbage_is_no_json() {
    let (room, path) = room("'garbage'").await;
    let reply = room.send("PUT", &path).await;
    assert_eq!(reply.status, 200);
    assert!(serde_json::from_str::<serde_json::Value>(&reply.text).is_err());
    assert_eq!(room.host(0).puts_accepted, 1);
}

#[tokio::test]
async fn a_next_link_can_lead_astray() {
    let faults = "listing.page_size = 1\n[[fault]]\ndo = { next_link = 'https://elsewhere.example' }";
    let room = Room::of(2, faults).await;
    let reply = room.get("/v1/computers").await;
    assert_eq!(reply.at("/metadata/links/next"), "https://elsewhere.example/v1/computers?limit=1&offset=1");
    assert_eq!(reply.at("/metadata/links/self"), room.url("/v1/computers"));
}

#[tokio::test]
async fn a_redirect_names_another_place() {
    let (room, path) = room("{ redirect = 'https://elsewhere.example/login' }").await;
    let reply = room.send("PUT", &path).await;
    assert_eq!((reply.status, reply.header("location")), (307, Some("https://elsewhere.example/login")));
    assert_eq!(room.host(0).puts, 0);
}

#[tokio::test]
async fn revoked_credentials_stay_revoked() {
    let room = Room::of(3, "[[fault]]\nmethod = 'PUT'\nnth = 2\ndo = 'revoke'").await;
    assert_eq!(room.send("PUT", &room.isolation(0)).await.status, 200);
    assert_eq!(room.send("PUT", &room.isolation(1)).await.status, 401);
    assert_eq!(room.get("/v1/version").await.status, 401);
    assert_eq!(room.host(1).puts, 0);
}

#[tokio::test]
async fn a_fault_can_be_for_one_host_or_for_each_hosts_first_request() {
    let second = Fleet::of_size(2).guid(1);
    let room = Room::of(2, &format!("[[fault]]\nhosts = ['{second}']\ndo = {{ status = 500 }}")).await;
    assert_eq!(room.send("PUT", &room.isolation(0)).await.status, 200);
    assert_eq!(room.send("PUT", &room.isolation(1)).await.status, 500);
    assert_eq!(room.get("/v1/version").await.status, 200);

    let each = "[[fault]]\nmethod = 'PUT'\nper_host = true\nnth = 1\ndo = { status = 500 }";
    let room = Room::of(2, each).await;
    for number in [0, 1] {
        assert_eq!(room.send("PUT", &room.isolation(number)).await.status, 500);
        assert_eq!(room.send("PUT", &room.isolation(number)).await.status, 200);
    }
}

//! Logging on, in both ways, and all the ways in which that ends.

use super::*;

async fn start_session(room: &Room, authorization: String) -> Reply {
    Reply::of(room.post("Session.StartSession").header("Authorization", authorization)).await
}

async fn ping(room: &Room, session: &str) -> u16 {
    Reply::of(room.post("Session.Ping").header("X-KSC-Session", session)).await.status
}

#[tokio::test]
async fn a_session_is_good_until_it_is_ended() {
    let room = Room::of(1, "").await;
    assert!(STANDARD.decode(&room.session).is_ok(), "{}", room.session);
    assert_eq!(room.call("Session.Ping", json!({})).await.json(), json!({}));
    assert_eq!(room.call("Session.EndSession", json!({})).await.json(), json!({}));
    assert_eq!(room.call("Session.Ping", json!({})).await.status, 403);
    assert_eq!(ping(&room, "bm9ib2R5").await, 403);
    assert_eq!(Reply::of(room.post("Session.Ping")).await.status, 401, "nobody has logged on here");
    assert_eq!((room.console.stats().logons(), room.console.stats().logons_refused()), (1, 0));
    assert_eq!(room.console.stats().calls("Session.Ping"), 4);
    assert_eq!(room.console.stats().requests("POST", Endpoint::Session), 5);
}

#[tokio::test]
async fn a_login_is_good_on_its_connection_alone() {
    let room = Room::closed(Fleet::of_size(1), "").await;
    let header = basic_with(PASSWORD, ", domain=\"\", internal=\"1\"");
    let login = room.post("login").header("Authorization", header).header("X-KSC-VServer", "");
    assert_eq!(Reply::of(login).await.json(), json!({}));
    let find = |client: &Client| client.post(room.url("HostGroup.FindHosts")).body(search("").to_string());
    assert_eq!(Reply::of(find(&room.client)).await.value(), json!(1));
    assert_eq!(Reply::of(find(&client())).await.status, 401, "another connection");
    assert_eq!(room.console.stats().connections(), 2);
}

#[tokio::test]
async fn a_session_may_be_bound_to_its_connection() {
    let elsewhere = async |faults: &str| {
        let room = Room::of(1, faults).await;
        let other = client().post(room.url("Session.Ping")).header("X-KSC-Session", &room.session);
        (Reply::of(other).await.status, room.call("Session.Ping", json!({})).await.status)
    };
    assert_eq!(elsewhere("").await, (200, 200));
    assert_eq!(elsewhere("kaspersky.shared_sessions = false").await, (403, 200));
}

#[tokio::test]
async fn an_idle_session_ends_and_takes_what_was_found_with_it() {
    let mut room = Room::of(1, "kaspersky.session_idle = '800ms'").await;
    let found = room.call("HostGroup.FindHosts", search("")).await;
    let count = json!({"strAccessor": found.at("/strAccessor")});
    assert_eq!(room.call("ChunkAccessor.GetItemsCount", count.clone()).await.value(), json!(1));
    tokio::time::sleep(std::time::Duration::from_millis(850)).await;
    assert_eq!(room.call("ChunkAccessor.GetItemsCount", count.clone()).await.status, 403);
    room.log_on().await;
    assert_eq!(room.call("ChunkAccessor.GetItemsCount", count).await.error(), "KLSTD 1186");
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_lock_the_account() {
    let room = Room::closed(Fleet::of_size(1), "kaspersky.lock_after = 3").await;
    assert_eq!(start_session(&room, "Basic YTpi".to_owned()).await.status, 401);
    let nobody = format!("KSCBasic user=\"{}\", pass=\"{}\"", STANDARD.encode("nobody"), STANDARD.encode("x"));
    assert_eq!(start_session(&room, nobody).await.status, 401, "it is not this account that is tried");
    for _ in 0..2 {
        assert_eq!(start_session(&room, basic("wrong")).await.status, 401);
    }
    assert_eq!(start_session(&room, basic(PASSWORD)).await.status, 200, "a right one forgives");
    for _ in 0..3 {
        assert_eq!(start_session(&room, basic("wrong")).await.status, 401);
    }
    assert_eq!(start_session(&room, basic(PASSWORD)).await.error(), "SPL 2013");
    room.console.unlock();
    assert_eq!(start_session(&room, basic(PASSWORD)).await.status, 200);
    assert_eq!((room.console.stats().logons(), room.console.stats().logons_refused()), (2, 8));
}

#[tokio::test]
async fn a_second_factor_is_told_by_its_header() {
    let room = Room::closed(Fleet::of_size(1), "kaspersky.mfa = true").await;
    let refused = start_session(&room, basic(PASSWORD)).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, "KSCMFA"));
    assert_eq!(start_session(&room, basic("wrong")).await.header("www-authenticate"), "");
}

#[tokio::test]
async fn whose_account_it_is_has_to_be_said_rightly() {
    let logons = async |faults: &str| {
        let room = Room::closed(Fleet::of_size(1), faults).await;
        let mut statuses = Vec::new();
        for more in [
            "",
            ", internal=true",
            ", domain=\"\", internal=\"0\"",
            ", domain=\"CORP\", internal=\"0\"",
            ", domain=Q09SUA==, internal=0",
            ", domain=\"OTHER\"",
        ] {
            statuses.push(start_session(&room, basic_with(PASSWORD, more)).await.status);
        }
        statuses
    };
    assert_eq!(logons("").await, [200, 200, 401, 401, 401, 200]);
    assert_eq!(logons("kaspersky.account = 'os'").await, [200, 401, 200, 200, 200, 401]);
    assert_eq!(logons("kaspersky = { account = 'os', domain = 'raw' }").await, [200, 401, 200, 200, 401, 401]);
    assert_eq!(logons("kaspersky = { account = 'os', domain = 'base64' }").await, [200, 401, 200, 401, 200, 401]);
}

#[tokio::test]
async fn a_virtual_server_has_hosts_of_its_own() {
    let room = Room::closed(Fleet::of_size(2), "kaspersky.virtual_server = 'Branch'").await;
    let on = async |header: Option<String>| {
        let mut request = room.post("Session.StartSession").header("Authorization", basic(PASSWORD));
        if let Some(header) = header {
            request = request.header("X-KSC-VServer", header);
        }
        Reply::of(request).await
    };
    for header in [None, Some(String::new()), Some("x".to_owned())] {
        let session = on(header).await.value();
        let find = room.post("HostGroup.FindHosts").header("X-KSC-Session", session.as_str().unwrap());
        assert_eq!(Reply::of(find.body(search("").to_string())).await.value(), json!(0), "the main server has none");
    }
    let session = on(Some(STANDARD.encode("Branch"))).await.value();
    let find = room.post("HostGroup.FindHosts").header("X-KSC-Session", session.as_str().unwrap());
    assert_eq!(Reply::of(find.body(search("").to_string())).await.value(), json!(2));
    assert_eq!(on(Some(STANDARD.encode("Elsewhere"))).await.error(), "KLSTD 1186");
    assert_eq!(on(Some("%%".to_owned())).await.status, 401);
}

#[tokio::test]
async fn a_console_that_ends_every_session_lets_clients_log_on_again() {
    let mut room = Room::of(1, "").await;
    room.console.end_sessions();
    assert_eq!(room.call("Session.Ping", json!({})).await.status, 403);
    room.log_on().await;
    assert_eq!(room.call("Session.Ping", json!({})).await.status, 200);
}

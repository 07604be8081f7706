//! Event streams: how they are made and told, and the events that the fleet's isolations make.

use serde_json::json;

use super::*;
use crate::simulator::cisco::streams::Streams;

impl Room {
    fn streams(&self) -> Arc<Streams> {
        self.console.streams().unwrap()
    }

    async fn send_json(&self, method: &str, path: &str, body: &Value) -> Reply {
        let request = self.request(method, path).header("content-type", "application/json");
        Reply::read(request.body(body.to_string()).send().await.unwrap()).await
    }

    async fn send_form(&self, body: &'static str) -> Reply {
        let request = self.request("POST", STREAMS).header("content-type", "application/x-www-form-urlencoded");
        Reply::read(request.body(body).send().await.unwrap()).await
    }

    async fn create(&self, body: &Value) -> Reply {
        self.send_json("POST", STREAMS, body).await
    }

    /// The events that wait in a stream, as they would be delivered.
    fn events(&self, id: u64) -> Vec<Value> {
        let bodies = self.streams().peek(id);
        bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
    }

    async fn until_ready(&self, id: u64, count: u64) {
        let streams = self.streams();
        until(|| streams.counts(id).unwrap().ready == count).await;
    }
}

const STREAMS: &str = "/v1/event_streams";

#[tokio::test]
async fn the_password_is_told_once() {
    let room = Room::of(1, "").await;
    let created = room.create(&json!({"name": "soc", "event_type": [553_648_202, "553648204"]})).await;
    assert_eq!(created.status, 201);
    let id = created.at("/data/id").as_u64().unwrap();
    let address = room.streams().amqp_address();
    let access = created.at("/data/amqp_credentials");
    assert_eq!(access["queue_name"], format!("event_stream_{id}"));
    assert_eq!(access["host"], address.ip().to_string());
    assert_eq!(access["port"], address.port().to_string());
    assert_eq!(access["proto"], "https");
    let user = access["user_name"].as_str().unwrap();
    assert!(user.starts_with(&format!("{id}-")) && user.len() == format!("{id}-").len() + 20, "{user}");
    let password = access["password"].as_str().unwrap().to_owned();
    assert_eq!(password.len(), 40);
    assert_eq!(created.at("/data/event_types"), Value::Null);

    for path in [STREAMS.to_owned(), format!("{STREAMS}/"), format!("{STREAMS}/{id}"), format!("{STREAMS}/{id}/")] {
        let reply = room.get(&path).await;
        assert_eq!(reply.status, 200);
        assert!(!reply.text.contains(&password), "{path}");
        let one = if path.contains(&id.to_string()) { reply.at("/data") } else { reply.at("/data/0") };
        assert_eq!((&one["id"], &one["name"]), (&json!(id), &json!("soc")));
        assert_eq!(one["event_types"], json!([553_648_202, 553_648_204]));
        assert_eq!(one["group_guids"], Value::Null, "all groups");
        assert_eq!(one["amqp_credentials"]["user_name"], user);
    }
    assert!(!format!("{:?}", room.streams()).contains(&password));
}

#[tokio::test]
async fn a_name_that_is_taken_and_a_sixth_stream_are_bad_requests() {
    let room = Room::of(1, "").await;
    for number in 1..=5 {
        assert_eq!(room.create(&json!({"name": format!("s{number}")})).await.status, 201);
    }
    let taken = room.create(&json!({"name": "s3"})).await;
    assert_eq!((taken.status, taken.detail()), (400, "Name has already been taken".into()));
    let sixth = room.create(&json!({"name": "s6"})).await;
    assert_eq!((sixth.status, sixth.detail()), (400, "Maximum number of event streams reached".into()));
    let id = room.streams().ids()[0];
    assert_eq!(room.send("DELETE", &format!("{STREAMS}/{id}")).await.status, 200);
    assert_eq!(room.create(&json!({"name": "s6"})).await.status, 201);
}

#[tokio::test]
async fn what_makes_no_stream_is_told() {
    let room = Room::of(1, "").await;
    for (body, detail) in [
        (json!({}), "Name can't be blank"),
        (json!({"name": " "}), "Name can't be blank"),
        (json!({"name": 7}), "Parameter must be a string: name"),
        (json!({"name": "a", "event_types": [1]}), "Unexpected parameter: event_types"),
        (json!({"name": "a", "event_type": 553_648_202}), "Invalid value for parameter: event_type"),
        (json!({"name": "a", "event_type": [1]}), "Unknown event type: 1"),
        (json!({"name": "a", "group_guid": ["x"]}), "Unknown group: x"),
        (json!([]), "The request body is not a JSON object"),
    ] {
        let reply = room.create(&body).await;
        assert_eq!((reply.status, reply.detail().as_str()), (400, detail), "{body}");
    }
    assert!(room.streams().ids().is_empty());
    assert_eq!(room.send("PUT", STREAMS).await.header("allow"), Some("GET, POST"));
    assert_eq!(room.get("/v1/event_streams?colour=red").await.status, 400);
}

#[tokio::test]
async fn a_form_is_taken_if_its_lists_have_brackets() {
    let room = Room::of(1, "").await;
    let made = room.send_form("name=one&event_type[]=553648202&event_type%5B%5D=553648204").await;
    assert_eq!(made.status, 201);
    assert_eq!(room.send_form("name=two&event_type=553648202").await.status, 201);
    assert_eq!(room.send_form("name=three&event_type=553648202&event_type=553648204").await.status, 400);
    let reply = room.request("POST", STREAMS).header("content-type", "application/json").body("name=four").send();
    assert_eq!(reply.await.unwrap().status(), 400);
    let listed = room.get(STREAMS).await;
    assert_eq!(listed.at("/data/0/event_types"), json!([553_648_202, 553_648_204]));
    assert_eq!(listed.at("/data/1/event_types"), json!([553_648_202]));
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_a_bad_request_or_missing() {
    for (faults, status) in [("", 400), ("streams.unknown_id = 404", 404)] {
        let room = Room::of(1, faults).await;
        for (method, id) in [("GET", "7"), ("PATCH", "8"), ("DELETE", "abc")] {
            let reply = room.send(method, &format!("{STREAMS}/{id}")).await;
            assert_eq!((reply.status, reply.detail()), (status, "Event stream not found".into()));
        }
    }
}

#[tokio::test]
async fn a_change_changes_what_it_names() {
    let room = Room::of(1, "").await;
    room.create(&json!({"name": "other"})).await;
    let made = room.create(&json!({"name": "soc", "event_type": [553_648_202]})).await;
    let path = format!("{STREAMS}/{}", made.at("/data/id"));
    let group = room.get("/v1/groups").await.at("/data/0/guid");
    let changed = room.send_json("PATCH", &path, &json!({"group_guid": [group]})).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.at("/data/event_types"), json!([553_648_202]));
    assert_eq!(changed.at("/data/group_guids"), json!([group]));
    assert_eq!(changed.at("/data/amqp_credentials/password"), Value::Null);
    let changed = room.send_json("PATCH", &path, &json!({"name": "new", "event_type": [], "group_guid": []})).await;
    assert_eq!((changed.at("/data/name"), changed.at("/data/event_types")), (json!("new"), Value::Null));
    assert_eq!(room.send_json("PATCH", &path, &json!({"name": "other"})).await.status, 400);
    assert_eq!(room.send_json("PATCH", &path, &json!({"name": "new"})).await.status, 200, "its own name");
}

#[tokio::test]
async fn answers_can_differ_as_the_faults_say() {
    let faults = "streams = { port = 'number', proto = 'amqps', password_length = 12, limit = 1, deleted = 204 }";
    let room = Room::of(1, faults).await;
    let made = room.create(&json!({"name": "soc"})).await;
    assert_eq!(made.at("/data/amqp_credentials/port"), room.streams().amqp_address().port());
    assert_eq!(made.at("/data/amqp_credentials/proto"), "amqps");
    assert_eq!(made.at("/data/amqp_credentials/password").as_str().unwrap().len(), 12);
    assert_eq!(room.create(&json!({"name": "second"})).await.status, 400);
    let gone = room.send("DELETE", &format!("{STREAMS}/{}", made.at("/data/id"))).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
}

#[tokio::test]
async fn event_types_come_on_one_page() {
    let room = Room::of(1, "").await;
    let reply = room.get("/v1/event_types").await;
    let types = reply.at("/data").as_array().unwrap().clone();
    assert_eq!(reply.at("/metadata/results"), json!({"total": types.len()}));
    let found = types.iter().find(|kind| kind["id"] == 2_164_260_939_u64).unwrap();
    assert_eq!(found["name"], "Endpoint Isolation Start Failure");
    let ids: std::collections::BTreeSet<_> = types.iter().map(|kind| kind["id"].as_u64()).collect();
    assert_eq!(ids.len(), types.len(), "each id stands once");
}

#[tokio::test]
async fn faults_know_the_new_paths() {
    let faults = "[[fault]]\nendpoint = 'event_streams'\nmethod = 'POST'\ndo = { status = 500 }\ntimes = 1\n\
                  [[fault]]\nendpoint = 'event_types'\ndo = { status = 503 }";
    let room = Room::of(1, faults).await;
    assert_eq!(room.create(&json!({"name": "a"})).await.status, 500);
    assert_eq!(room.create(&json!({"name": "a"})).await.status, 201);
    assert_eq!(room.get("/v1/event_types").await.status, 503);
    assert_eq!(room.console.stats().requests("POST", faults::Endpoint::EventStreams), 2);
    let wrong = room.client.get(room.url(STREAMS)).basic_auth("x", Some("y")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
}

/// A stream with these filters.
fn stream(room: &Room, event_types: &[u32], group_guids: &[String]) -> u64 {
    let name = format!("stream {}", room.streams().ids().len());
    let wanted = NewStream { name, event_types: event_types.to_vec(), group_guids: group_guids.to_vec() };
    room.streams().create(&wanted).unwrap().id
}

#[tokio::test]
async fn isolations_make_events_when_hosts_confirm() {
    let room = Room::of(2, "confirm = [{ after = '5ms' }]").await;
    let id = stream(&room, &[], &[]);
    assert_eq!(room.send("PUT", &room.isolation(0)).await.status, 200);
    room.until_ready(id, 1).await;
    assert_eq!(room.host(0).state, crate::domain::host::Isolation::Isolated, "never before it is so");
    assert_eq!(room.send("DELETE", &room.isolation(0)).await.status, 200);
    room.until_ready(id, 2).await;
    let events = room.events(id);
    let kinds: Vec<_> = events.iter().map(|event| event["event_type_id"].as_u64().unwrap()).collect();
    assert_eq!(kinds, [553_648_202, 553_648_204]);
    assert_eq!(events[0]["event_type"], "Endpoint Isolation Start Success");
    assert_eq!(events[0]["isolation"], Value::Null);
    assert!(events[1]["isolation"]["duration"].is_u64());
    for event in &events {
        assert_eq!(event["connector_guid"], room.guid(0));
        assert_eq!(event["computer"]["hostname"], room.host(0).name);
        assert_eq!(event["timestamp_nanoseconds"], 0);
        assert!(event["id"].as_u64().unwrap() > 1 << 53);
    }
    assert_ne!(events[0]["id"], events[1]["id"]);
}

#[tokio::test]
async fn failures_make_events_and_hosts_that_are_away_make_none() {
    let faults = "[[confirm]]\nhow = 'never'\nshare = 0.0\nseed = 1\n[[confirm]]\nhow = 'start_failure'\nafter = '1ms'";
    let room = Room::of(1, faults).await;
    let id = stream(&room, &[], &[]);
    room.send("PUT", &room.isolation(0)).await;
    room.until_ready(id, 1).await;
    assert_eq!(room.events(id)[0]["event_type_id"], 2_164_260_939_u64);

    let fleet = Fleet::of_targets([Wanted { name: Some("web01"), isolated: true, ..Wanted::default() }]).unwrap();
    let room = Room::with(fleet, "confirm = [{ how = 'stop_failure', after = '1ms' }]").await;
    let id = stream(&room, &[], &[]);
    room.send("DELETE", &room.isolation(0)).await;
    room.until_ready(id, 1).await;
    assert_eq!(room.events(id)[0]["event_type_id"], 2_164_260_941_u64);
    assert_eq!(room.events(id)[0]["error"]["description"], "Access denied");

    let room = Room::of(1, "confirm = [{ how = 'never' }]").await;
    let id = stream(&room, &[], &[]);
    assert_eq!(room.send("PUT", &room.isolation(0)).await.status, 200);
    assert_eq!(room.streams().counts(id).unwrap().published, 0);
}

#[tokio::test]
async fn a_host_that_is_unlocked_by_hand_tells_it() {
    let room = Room::of(1, "confirm = [{ how = 'local_unlock', after = '1ms', unlock_after = '5ms' }]").await;
    let id = stream(&room, &[], &[]);
    room.send("PUT", &room.isolation(0)).await;
    room.until_ready(id, 2).await;
    let kinds: Vec<_> = room.events(id).iter().map(|event| event["event_type_id"].as_u64()).collect();
    assert_eq!(kinds, [Some(553_648_202), Some(553_648_204)]);
}

#[tokio::test]
async fn a_stream_hears_of_its_types_and_groups_alone() {
    let room = Room::of(40, "confirm = [{ after = '1ms' }]\nstreams.limit = 9").await;
    let groups: Vec<String> = room
        .get("/v1/groups")
        .await
        .at("/data")
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["guid"].as_str().unwrap().to_owned())
        .collect();
    let all = stream(&room, &[], &[]);
    let starts = stream(&room, &[553_648_202], &[]);
    let stops = stream(&room, &[553_648_204], &[]);
    let by_group: Vec<u64> = groups.iter().map(|group| stream(&room, &[], std::slice::from_ref(group))).collect();
    for number in 0..40 {
        assert_eq!(room.send("PUT", &room.isolation(number)).await.status, 200);
    }
    room.until_ready(all, 40).await;
    assert_eq!(room.streams().counts(starts).unwrap().ready, 40);
    assert_eq!(room.streams().counts(stops).unwrap().ready, 0);
    let mut sum = 0;
    for (id, group) in by_group.into_iter().zip(&groups) {
        let events = room.events(id);
        assert!(!events.is_empty());
        assert!(events.iter().all(|event| event["group_guids"][0] == **group));
        sum += events.len();
    }
    assert_eq!(sum, 40);
}

#[tokio::test]
async fn a_backlog_is_varied_unique_and_of_this_fleet() {
    let room = Room::of(9, "streams.backlog = 2000").await;
    let id = stream(&room, &[], &[]);
    let events = room.events(id);
    assert_eq!(events.len(), 2000);
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), 2000);
    assert!(ids.iter().all(|id| *id > 1 << 53));
    for severity in ["Low", "Medium", "High", "Critical"] {
        assert!(events.iter().any(|event| event["severity"] == severity), "{severity}");
    }
    assert!(events.iter().any(|event| event["severity"].is_null()));
    let hostile =
        |event: &&Value| event["file"]["file_name"].as_str().is_some_and(|name| name.contains(char::is_control));
    let hostile = events.iter().filter(hostile).count();
    assert!((5..200).contains(&hostile), "{hostile}");
    let hosts: std::collections::BTreeSet<_> = events.iter().map(|event| event["connector_guid"].to_string()).collect();
    assert_eq!(hosts.len(), 9);
    // Another stream that wants less has as many of what it wants.
    let ioc = stream(&room, &[1_107_296_274], &[]);
    let events = room.events(ioc);
    assert_eq!(events.len(), 2000);
    assert!(events.iter().all(|event| event["event_type"] == "Cloud IOC"));
    // And one that wants what is never made up has nothing.
    let none = stream(&room, &[553_648_202], &[]);
    assert_eq!(room.streams().counts(none).unwrap().ready, 0);
}

#[tokio::test]
async fn odd_events_have_every_odd_shape() {
    let room = Room::of(3, "streams = { backlog = 400, odd_events = true }").await;
    let id = stream(&room, &[], &[]);
    let bodies = room.streams().peek(id);
    let (events, broken): (Vec<_>, Vec<_>) =
        bodies.iter().map(|body| serde_json::from_slice::<Value>(body)).partition(Result::is_ok);
    assert!(!broken.is_empty());
    let events: Vec<Value> = events.into_iter().map(Result::unwrap).collect();
    assert!(events.iter().any(|event| event["id"].is_null() && event["event_type_id"] == 1_107_296_344));
    assert!(events.iter().any(|event| event["connector_guid"].is_null()));
    assert!(events.iter().any(|event| event["id"].as_u64().is_some_and(|id| id > 1 << 63)));
}

#[tokio::test]
async fn detections_come_at_a_rate() {
    let room = Room::of(3, "streams.rate = 1000").await;
    let id = stream(&room, &[], &[]);
    let streams = room.streams();
    until(|| streams.counts(id).unwrap().ready >= 30).await;
    let ids: std::collections::BTreeSet<_> = room.events(id).iter().map(|event| event["id"].as_u64()).collect();
    assert!(ids.len() >= 30, "no id stands twice");
}

#[tokio::test]
async fn apex_central_has_no_streams() {
    let console = start(Options { console: Model::ApexCentral, ..Options::default() }).await.unwrap();
    assert!(console.streams().is_none());
}

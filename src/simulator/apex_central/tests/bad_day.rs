//! Faults: what goes wrong on the wire, and what is true afterwards.

use super::*;

const ISOLATE: &str = "cmd_isolate_agent";

/// A request to isolate an agent, ready to be sent.
fn isolation(room: &Room, number: usize) -> RequestBuilder {
    let body = json!({"entity_id": room.host(number).id, "act": ISOLATE, "allow_multiple_match": false});
    room.signed("POST", AGENTS, &body.to_string())
}

#[tokio::test]
async fn a_cut_after_the_deed_leaves_the_deed_done() {
    for (deed, done) in [("cut_before", 0), ("cut_after", 1), ("half_body", 1), ("reset", 1)] {
        let room = Room::of(1, &format!("[[fault]]\nmethod = 'POST'\nendpoint = 'agents'\ndo = '{deed}'")).await;
        room.fails(isolation(&room, 0)).await;
        assert_eq!(room.host(0).puts_accepted, done, "{deed}");
        assert_eq!(room.list("").await.len(), 1, "{deed}");
    }
}

#[tokio::test]
async fn rules_for_some_agents_are_for_the_agent_that_a_body_selects() {
    let name = Room::of(3, "").await.host(1).name;
    let room = Room::of(3, &format!("[[fault]]\nhosts = ['{name}']\ndo = {{ code = -99 }}")).await;
    let mut told = Vec::new();
    for number in 0..3 {
        told.push(Reply::of(isolation(&room, number)).await.told());
    }
    assert_eq!(told, [(200, 1), (500, -99), (200, 1)]);
    let by_name = json!({"host_name": name, "act": ISOLATE, "allow_multiple_match": false});
    assert_eq!(room.post(&by_name).await.told(), (500, -99));
    assert_eq!(room.host(1).puts, 0);

    let room = Room::of(2, "[[fault]]\nmethod = 'POST'\nper_host = true\nnth = 1\ndo = { html = 503 }").await;
    let mut statuses = Vec::new();
    for number in [0, 1, 0, 1] {
        statuses.push(Reply::of(isolation(&room, number)).await.status);
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
}

#[tokio::test]
async fn a_gateway_answers_a_page_and_the_console_its_envelope() {
    let room = Room::of(1, "[[fault]]\nnth = 1\ndo = { html = 503 }\nretry_after = '7s'\n[[fault]]\nnth = 2\ndo = { status = 503 }\n[[fault]]\nnth = 3\ndo = { redirect = 'https://elsewhere.example/' }").await;
    let page = Reply::of(room.signed("GET", AGENTS, "")).await;
    assert_eq!((page.status, page.header("retry-after")), (503, "7"));
    assert!(page.text.starts_with("<html>") && page.header("content-type").starts_with("text/html"));
    assert_eq!(Reply::of(room.signed("GET", AGENTS, "")).await.told(), (503, -99));
    let moved = Reply::of(room.signed("GET", AGENTS, "")).await;
    assert_eq!((moved.status, moved.header("location")), (307, "https://elsewhere.example/"));
}

#[tokio::test]
async fn the_form_of_an_error_can_be_chosen() {
    let code = "[[fault]]\ndo = { code = -104 }\n";
    for (settings, status, content) in [
        ("", 400, Some(json!(""))),
        ("[apex]\nerror_status = 200\nerror_content = 'null'\n", 200, Some(Value::Null)),
        ("[apex]\nerror_status = 'documented'\nerror_content = 'absent'\n", 400, None),
    ] {
        let room = Room::of(1, &format!("{settings}{code}")).await;
        let reply = Reply::of(isolation(&room, 0)).await;
        assert_eq!(reply.told(), (status, -104), "{settings}");
        assert_eq!(reply.json().get("result_content").cloned(), content, "{settings}");
    }
    let room = Room::of(1, "apex.error_status = 200").await;
    assert_eq!(room.ask("GET", AGENTS, "", "x").await.told(), (401, -3), "codes about tokens keep their status");
    let room = Room::of(1, "apex.error_status = 400\n[[fault]]\ndo = { code = -99 }").await;
    assert_eq!(Reply::of(isolation(&room, 0)).await.told(), (400, -99));
}

#[tokio::test]
async fn an_answer_may_show_nothing_or_another_agent() {
    let fault = |deed: &str| format!("[[fault]]\nmethod = 'POST'\ndo = '{deed}'");
    for (deed, shown, done) in [("nothing", vec![], 0), ("other_agent", vec![1], 0), ("extra_agent", vec![0, 1], 1)] {
        let room = Room::of(2, &fault(deed)).await;
        let records = Reply::of(isolation(&room, 0)).await.content();
        let ids: Vec<String> = records.iter().map(|record| record["entity_id"].as_str().unwrap().to_owned()).collect();
        let expected: Vec<String> = shown.iter().map(|number: &usize| room.host(*number).id).collect();
        assert_eq!(ids, expected, "{deed}");
        assert_eq!((room.host(0).puts_accepted, room.host(1).puts_accepted), (done, 0), "{deed}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_what_they_are_for() {
    use crate::simulator::faults::Endpoint;
    let room = Room::of(1, "").await;
    room.list("").await;
    Reply::of(isolation(&room, 0)).await;
    Reply::of(room.signed("GET", SERVERS, "")).await;
    let stats = room.console.stats();
    let counts = [("GET", Endpoint::Agents), ("POST", Endpoint::Agents), ("GET", Endpoint::Servers)];
    assert_eq!(counts.map(|(method, endpoint)| stats.requests(method, endpoint)), [1, 1, 1]);
    assert_eq!((stats.total(), stats.answered(200)), (3, 3));
}

#[tokio::test]
async fn a_long_list_is_compressed_for_a_client_that_asks() {
    let room = Room::of(100, "").await;
    let bare = client(&room.console).gzip(false).build().unwrap();
    for (asked, encoding) in [("identity", None), ("gzip, deflate", Some("gzip"))] {
        let request = room.signed("GET", AGENTS, "").header("Accept-Encoding", asked).build().unwrap();
        let answer = bare.execute(request).await.unwrap();
        assert_eq!(answer.headers().get("content-encoding").map(|value| value.to_str().unwrap()), encoding, "{asked}");
    }
}

#[tokio::test]
async fn the_ready_configuration_names_what_this_console_calls_it() {
    let room = Room::of(1, "").await;
    let table: toml::Table = room.console.ready_config(std::path::Path::new("/x/\"ca\".pem")).parse().unwrap();
    let apex = table["apex"].as_table().unwrap();
    let keys: Vec<&str> = apex.keys().map(String::as_str).collect();
    assert_eq!(keys, ["api_key", "application_id", "ca_file", "url"]);
    assert_eq!(apex["url"].as_str(), Some(room.console.base_url()));
    assert_eq!((apex["application_id"].as_str(), apex["api_key"].as_str()), (Some(APPLICATION), Some(KEY)));
    assert_eq!(apex["ca_file"].as_str(), Some("/x/\"ca\".pem"));
}

#[tokio::test]
async fn credentials_that_nobody_gave_are_made_in_capitals() {
    let console = start(Options { console: Model::ApexCentral, ..Options::default() }).await.unwrap();
    let Credentials { client_id, api_key } = console.credentials();
    for text in [client_id, api_key] {
        assert!(crate::simulator::guid::Guid::parse(text).is_some(), "no UUID");
        assert_eq!(text, &text.to_uppercase());
    }
    assert!(!format!("{console:?}").contains(api_key.as_str()));
}

#[tokio::test]
async fn the_certificate_may_be_its_own_authority() {
    for (kind, trusted) in [("ca", true), ("self_signed", true)] {
        let room = Room::of(1, &format!("certificate = '{kind}'")).await;
        let sent = room.signed("GET", AGENTS, "").send().await;
        assert_eq!(sent.is_ok(), trusted, "{kind}");
    }
    // What `openssl req -x509` makes stands in no chain that a strict client accepts.
    let room = Room::of(1, "certificate = 'self_signed_ca'").await;
    assert!(room.signed("GET", AGENTS, "").send().await.unwrap_err().is_connect());
    assert_eq!(room.console.ca_pem().matches("BEGIN CERTIFICATE").count(), 1);
}

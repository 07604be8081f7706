//! Actions: what is accepted, what it leads to, and what is refused.

use super::*;
use crate::domain::host::Isolation;

const ISOLATE: &str = "cmd_isolate_agent";
const RESTORE: &str = "cmd_restore_isolated_agent";

#[tokio::test]
async fn an_agent_goes_off_the_network_and_comes_back() {
    let room = Room::of(2, SWIFT).await;
    let id = room.host(0).id;
    let told = room.act(ISOLATE, &id).await.content();
    assert_eq!((told.len(), told[0]["isolation_status"].as_str()), (1, Some("normal")), "as it was before");
    let truth = room.console.fleet();
    until(|| truth.state_of(&id) == Some(Isolation::Isolated)).await;
    assert_eq!(room.status_of(&id).await, "isolated");
    assert_eq!(room.act(RESTORE, &id).await.content()[0]["isolation_status"], "isolated");
    until(|| truth.state_of(&id) == Some(Isolation::NotIsolated)).await;
    assert_eq!(room.status_of(&id).await, "normal");
    assert_eq!((room.host(1).puts, room.host(1).deletes), (0, 0));
}

#[tokio::test]
async fn asking_again_is_accepted_and_changes_nothing() {
    let room = Room::of(1, "[[confirm]]\nhow = 'never'").await;
    let id = room.host(0).id;
    assert_eq!(room.act(RESTORE, &id).await.content()[0]["isolation_status"], "normal");
    assert_eq!(room.status_of(&id).await, "normal");
    room.act(ISOLATE, &id).await;
    assert_eq!(room.act(ISOLATE, &id).await.content()[0]["isolation_status"], "endpoint_isolation_pending");
    assert_eq!(room.status_of(&id).await, "endpoint_isolation_pending");
    assert_eq!(room.console.fleet().isolated(), 0);
    // Restoring is the only way to take it back, and the agent was never off the network.
    room.act(RESTORE, &id).await;
    assert_eq!(room.status_of(&id).await, "connection_restoration_pending");
    assert_eq!(room.console.fleet().isolated(), 0);
    let host = room.host(0);
    assert_eq!((host.puts, host.puts_accepted, host.deletes, host.deletes_accepted), (2, 2, 2, 2));
}

#[tokio::test]
async fn an_agent_that_is_offline_stays_pending() {
    let room = Room::of_examples(SWIFT).await;
    let offline = "82F9D3A4-5E16-4BC8-97D0-3A6C1E84B752";
    let online = "1B6E40D9-83C5-4F27-A0BE-9D1740C2E5F6";
    room.act(ISOLATE, offline).await;
    room.act(ISOLATE, online).await;
    let truth = room.console.fleet();
    until(|| truth.state_of(online) == Some(Isolation::Isolated)).await;
    assert_eq!(room.status_of(offline).await, "endpoint_isolation_pending");
}

#[tokio::test]
async fn the_list_may_lag_behind_an_accepted_action() {
    let room = Room::of(1, "apex.list_lag = '1h'\n[[confirm]]\nafter = '10ms'").await;
    let id = room.host(0).id;
    room.act(ISOLATE, &id).await;
    let truth = room.console.fleet();
    until(|| truth.state_of(&id) == Some(Isolation::Isolated)).await;
    assert_eq!(room.status_of(&id).await, "normal");
    let room = Room::of(1, "apex.answer_state = 'after'").await;
    let told = room.act(ISOLATE, &room.host(0).id).await.content();
    assert_eq!(told[0]["isolation_status"], "endpoint_isolation_pending");
}

#[tokio::test]
async fn several_matches_need_to_be_allowed() {
    let room = Room::of_examples("").await;
    let name = json!({"host_name": "sales-lt-07", "act": ISOLATE, "allow_multiple_match": false});
    assert_eq!(room.post(&name).await.told(), (400, -102));
    let asked = || {
        let hosts = room.console.fleet().hosts();
        hosts.iter().map(|host| (host.puts, host.puts_accepted)).filter(|puts| puts.0 > 0).collect::<Vec<_>>()
    };
    assert_eq!(asked(), [(1, 0), (1, 0)]);
    let all = json!({"host_name": "SALES-LT-07", "ip_address": null, "product": "", "act": ISOLATE,
                     "allow_multiple_match": "True"});
    assert_eq!(room.post(&all).await.content().len(), 2);
    assert_eq!(asked(), [(2, 1), (2, 1)]);
}

#[tokio::test]
async fn agents_that_cannot_are_left_out_and_nothing_may_be_left() {
    let room = Room::of_examples("").await;
    let name = json!({"host_name": "FIN-DESK-0041", "act": ISOLATE, "allow_multiple_match": true});
    let done = room.post(&name).await.content();
    assert_eq!((done.len(), done[0]["product"].as_str()), (1, Some("SLF_PRODUCT_OFFICESCAN_CE")));
    for id in ["B3816F2D-74EA-4C05-9B68-D2A57E0F31C9", "E85B3C70-1F94-4DA2-8B06-4D29A7F5C16E", "nobody"] {
        let reply = room.act(ISOLATE, id).await;
        assert_eq!(reply.content(), Vec::<Value>::new(), "{id}");
    }
    let host = room.named("PLANT-PANEL-3");
    assert_eq!((host.available, host.puts, host.puts_accepted), (false, 1, 0));
}

#[tokio::test]
async fn servers_that_are_elsewhere_or_down_are_told() {
    let room = Room::of_examples("").await;
    assert_eq!(room.act(ISOLATE, &room.named("BRANCH-WS-14").id).await.told(), (400, -103));
    let down = room.named("STORE-SCAN-09").id;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(room.act(ISOLATE, &down).await.told().1);
    }
    assert_eq!(codes, [-104, -104, 1]);
    assert_eq!(room.named("STORE-SCAN-09").puts_accepted, 1);
}

#[tokio::test]
async fn bodies_that_mean_nothing_are_refused() {
    let room = Room::of(1, "").await;
    let id = room.host(0).id;
    for (body, code) in [
        (json!({"entity_id": id, "allow_multiple_match": false}), -22),
        (json!({"entity_id": id, "act": "cmd_explode", "allow_multiple_match": false}), -22),
        (json!({"entity_id": id, "act": "CMD_ISOLATE_AGENT", "allow_multiple_match": false}), -22),
        (json!({"entity_id": id, "act": ISOLATE}), -21),
        (json!({"entity_id": id, "act": ISOLATE, "allow_multiple_match": 0}), -21),
        (json!({"entity_id": id, "act": ISOLATE, "allow_multiple_match": "no"}), -21),
        (json!({"entity_id": 7, "act": ISOLATE, "allow_multiple_match": false}), -21),
        (json!({"entity_id": id, "act": "cmd_relocate_agent", "allow_multiple_match": false}), -21),
        (json!([id]), -21),
    ] {
        assert_eq!(room.post(&body).await.told(), (400, code), "{body}");
    }
    assert_eq!(Reply::of(room.signed("POST", AGENTS, "{")).await.told(), (400, -21));
    assert_eq!(room.host(0).puts, 0);
}

#[tokio::test]
async fn an_action_without_a_selector_is_for_everybody_unless_it_is_not() {
    let everybody = json!({"act": ISOLATE, "allow_multiple_match": true});
    let room = Room::of(30, "").await;
    assert_eq!(room.post(&everybody).await.content().len(), 30);
    assert!(room.console.fleet().hosts().iter().all(|host| host.puts_accepted == 1));
    let one = json!({"entity_id": null, "host_name": "", "act": ISOLATE, "allow_multiple_match": false});
    assert_eq!(room.post(&one).await.told(), (400, -102));
    let room = Room::of(30, "apex.no_selector = 'none'").await;
    assert_eq!(room.post(&everybody).await.content().len(), 0);
    let room = Room::of(30, "apex.no_selector = 'refused'").await;
    assert_eq!(room.post(&everybody).await.told(), (400, -21));
}

fn relocate(id: &str, server: &str, folder: &str) -> Value {
    json!({"entity_id": id, "act": "cmd_relocate_agent", "allow_multiple_match": false,
           "relocate_to_server_id": server, "relocate_to_folder_path": folder})
}

#[tokio::test]
async fn an_agent_moves_to_a_server_and_a_folder_that_exist() {
    let room = Room::of_examples(SWIFT).await;
    let id = room.named("FILES-02").id;
    let server = "e1555f6c-9a07-4b2e-a3d8-0c6b94f7212a";
    assert_eq!(room.post(&relocate(&id, "E1555F6C-0000-4B2E-A3D8-0C6B94F7212A", "\\Sales")).await.told(), (400, -105));
    assert_eq!(room.post(&relocate(&id, server, "\\Nowhere")).await.told(), (400, -21));
    let before = room.post(&relocate(&id, server, "\\Office\\Berlin")).await.content();
    assert_eq!(before[0]["folder_path"], "Servers");
    loop {
        let now = room.list(&format!("?entity_id={id}")).await;
        if now[0]["folder_path"] == "\\Office\\Berlin" {
            assert_eq!(now[0]["managing_server_id"], server);
            break;
        }
        assert_eq!(now[0]["folder_path"], "Servers");
    }
    let room = Room::of_examples("apex.folder_must_exist = false").await;
    assert_eq!(room.post(&relocate(&id, server, "\\Nowhere")).await.content().len(), 1);
}

#[tokio::test]
async fn an_uninstalled_agent_is_gone_after_a_while() {
    let room = Room::of(3, SWIFT).await;
    let id = room.host(1).id;
    assert_eq!(room.act("cmd_uninstall_agent", &id).await.content().len(), 1);
    let truth = room.console.fleet();
    until(|| truth.host(&id).unwrap().removed).await;
    assert_eq!((room.list("").await.len(), truth.len()), (2, 2));
    assert_eq!(room.act(ISOLATE, &id).await.content().len(), 0);
    let slow = Room::of(3, "").await;
    slow.act("cmd_uninstall_agent", &slow.host(1).id).await;
    assert_eq!(slow.list("").await.len(), 3);
}

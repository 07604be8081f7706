//! Lists of agents and servers.

use super::*;

fn names(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["host_name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_list_is_one_array_of_documented_records() {
    let room = Room::of_examples("").await;
    let reply = Reply::of(room.signed("GET", AGENTS, "")).await;
    assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(reply.json()["result_description"], "Operation successful");
    let agents = reply.content();
    assert_eq!(agents.len(), 16);
    let expected = json!({
        "entity_id": "6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90",
        "product": "SLF_PRODUCT_OFFICESCAN_CE",
        "managing_server_id": "9D40B7E1-22AF-4C0B-8E65-71F3A8C95D02",
        "ad_domain": "corp.example.test",
        "folder_path": "Finance\\Desktops",
        "ip_address_list": "10.20.30.41,fe80::1c2d:3e4f:5a6b:7c8d%4",
        "mac_address_list": "02-00-5E-10-00-41",
        "host_name": "FIN-DESK-0041",
        "isolation_status": "normal",
        "capabilities":
            ["cmd_isolate_agent", "cmd_restore_isolated_agent", "cmd_relocate_agent", "cmd_uninstall_agent"],
    });
    assert_eq!(agents[0], expected);
    let by_name = |name: &str| agents.iter().find(|agent| agent["host_name"] == name).unwrap().clone();
    assert_eq!(by_name("RECEPTION-01")["entity_id"], "5f0de8b2-6c47-4a19-92e3-b840d7f1653c");
    assert_eq!(by_name("RECEPTION-02")["entity_id"], "7ad3e6150c92-48bf4e61-a3d7-059c-f2b8");
    assert_eq!(by_name("NEVER-SEEN-01")["ip_address_list"], "");
    assert_eq!(by_name("PLANT-PANEL-3")["isolation_status"], "not_supported");
    assert_eq!(by_name("PLANT-PANEL-3")["capabilities"], json!([]));
    assert_eq!(by_name("SALES-LT-90")["isolation_status"], "endpoint_isolation_pending");
    assert_eq!(by_name("ENGINEERING-WOR")["host_name"].as_str().unwrap().len(), 15);
}

#[tokio::test]
async fn filters_are_all_wanted_together() {
    let room = Room::of_examples("").await;
    for (query, expected) in [
        ("?entity_id=6a1c0f52-7b3d-4e88-9a41-0d5e2c7f1b90", vec!["FIN-DESK-0041"]),
        ("?entity_id=5F0DE8B2-6C47-4A19-92E3-B840D7F1653C", vec!["RECEPTION-01"]),
        ("?entity_id=7AD3E6150C92-48BF4E61-A3D7-059C-F2B8", vec!["RECEPTION-02"]),
        // The same digits in another form are another id on the wire.
        ("?entity_id=7ad3e615-0c92-48bf-4e61-a3d7059cf2b8416e", vec![]),
        ("?entity_id=7ad3e615-0c92-48bf-4e61-a3d7059cf2b8", vec![]),
        ("?host_name=fin-desk-0041", vec!["FIN-DESK-0041", "FIN-DESK-0041"]),
        ("?host_name=fin-desk-0041&product=SLF_PRODUCT_OFFICESCAN_CE", vec!["FIN-DESK-0041"]),
        ("?host_name=fin-desk", vec![]),
        ("?host_name=sales-lt-07", vec!["SALES-LT-07", "SALES-LT-07"]),
        ("?ip_address=fe80::5eff:fe10:310", vec!["FILES-02"]),
        ("?ip_address=172.16.40.10", vec!["FILES-02"]),
        ("?ip_address=172.16.40.1", vec![]),
        ("?mac_address=02-00-5e-10-03-11", vec!["FILES-02"]),
        ("?mac_address=02:00:5e:10:03:11", vec![]),
        ("?managing_server_id=2c64a9f0-d85e-4b17-83ca-5f9e0172b6d4", vec!["BRANCH-WS-14"]),
        ("?host_name=&entity_id=&ip_address=10.20.31.7", vec!["SALES-LT-07"]),
        ("?ip_address=10.20.31.7&top=1", vec!["SALES-LT-07"]),
        ("?entity_id=no-such-id", vec![]),
    ] {
        let found = room.list(query).await;
        assert_eq!(names(&found), expected, "{query}");
    }
    assert_eq!(room.list("?host_name%3DFILES-02").await.len(), 16, "an escaped = makes no filter");
}

#[tokio::test]
async fn what_is_assumed_of_filters_can_be_chosen() {
    let room = Room::of_examples("apex.host_name_match = 'prefix'\napex.unknown_filter = 'empty'").await;
    assert_eq!(room.list("?host_name=reception").await.len(), 2);
    assert_eq!(room.list("?top=1").await.len(), 0);
    let room = Room::of_examples("apex.host_name_match = 'contains'").await;
    assert_eq!(room.list("?host_name=-LT-").await.len(), 3);
    let long = Fleet::from_text("hostname\nengineering-workstation-7.corp.example\n").unwrap();
    let room = Room::with(long, "apex.netbios_names = true").await;
    assert_eq!(names(&room.list("").await), ["ENGINEERING-WOR"]);
}

#[tokio::test]
async fn paths_are_taken_in_any_case_with_a_slash_and_with_the_first_version() {
    let room = Room::of(2, "").await;
    for target in ["/webapp/api/agentresource/productagents/", "/WebApp/API/v1/AgentResource/ProductAgents"] {
        assert_eq!(Reply::of(room.signed("GET", target, "")).await.content().len(), 2, "{target}");
    }
    let second = "/WebApp/API/v2/AgentResource/ProductAgents";
    for target in
        [second, "/WebApp/API/ServerResource/ProductAgents", "/", "/WebApp/API/v2/ServerResource/ProductServers"]
    {
        assert_eq!(Reply::of(room.signed("GET", target, "")).await.status, 404, "{target}");
    }
    let room = Room::of(2, "apex.v2 = true").await;
    let agents = Reply::of(room.signed("GET", second, "")).await.content();
    assert_eq!((agents.len(), agents[0]["product"].as_u64()), (2, Some(15)));
    assert_eq!(agents[0]["endpointID"].as_str(), Some(room.host(0).id.as_str()));
}

#[tokio::test]
async fn methods_that_a_path_does_not_have_earn_their_code() {
    let room = Room::of(1, "").await;
    for (method, target) in [("PUT", AGENTS), ("DELETE", AGENTS), ("POST", SERVERS)] {
        assert_eq!(Reply::of(room.signed(method, target, "")).await.told(), (400, -50), "{method} {target}");
    }
}

#[tokio::test]
async fn servers_are_listed_and_filtered() {
    let room = Room::of_examples("").await;
    let servers = async |query: &str| {
        let target = format!("{SERVERS}{query}");
        Reply::of(room.signed("GET", &target, "")).await.content()
    };
    let all = servers("").await;
    assert_eq!(all.len(), 5);
    assert_eq!(all[0]["capabilities"], json!(["cmd_deploy_update_sources"]));
    let mut members: Vec<&str> = all[0].as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["ad_domain", "capabilities", "entity_id", "host_name", "ip_address_list", "product"]);
    assert_eq!(servers("?entity_id=9d40b7e1-22af-4c0b-8e65-71f3a8c95d02").await.len(), 1);
    assert_eq!(servers("?host_name=x").await.len(), 0);
}

#[tokio::test]
async fn made_up_agents_are_spelt_as_this_console_spells_them() {
    let room = Room::of(300, "").await;
    for (number, agent) in room.list("").await.iter().enumerate() {
        let (id, name) = (agent["entity_id"].as_str().unwrap(), agent["host_name"].as_str().unwrap());
        assert_eq!(id, id.to_uppercase());
        assert!(name.len() <= 15 && !name.contains('.'), "{name}");
        assert_eq!((id, name), (room.host(number).id.as_str(), room.host(number).name.as_str()));
        assert_eq!(agent["mac_address_list"].as_str().unwrap().matches('-').count(), 5);
    }
    let id = room.host(7).id;
    let truth = room.console.fleet();
    assert_eq!(truth.host(&id.to_lowercase()).unwrap().id, id);
    assert_eq!(truth.host("nobody").map(|host| host.id), None);
}

#[tokio::test]
async fn an_id_may_be_any_text() {
    let wanted = crate::simulator::Wanted { id: Some("agent/7 ü"), ..Default::default() };
    let room = Room::with(Fleet::of_targets([wanted]).unwrap(), SWIFT).await;
    assert_eq!(room.list("?entity_id=AGENT%2F7%20%C3%BC").await.len(), 1);
    assert_eq!(room.list("?entity_id=agent%2F7%20u").await.len(), 0);
    assert_eq!(room.list("").await[0]["entity_id"], "agent/7 ü");
    assert_eq!(room.act("cmd_isolate_agent", "agent/7 ü").await.content().len(), 1);
    assert_eq!(room.console.fleet().host("agent/7 ü").unwrap().puts_accepted, 1);
}

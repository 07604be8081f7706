use std::sync::Arc;

use serde_json::{Value, json};

use crate::simulator::{Console, Faults, Firewall, Model, Options, faults::Endpoint, start};

/// A unit, and a client that trusts it.
struct Room {
    console: Console,
    client: reqwest::Client,
}

impl Room {
    async fn new(faults: &str) -> Self {
        let faults = Faults::parse(faults).unwrap();
        let options = Options { console: Model::Fortigate, faults, ..Options::default() };
        let console = start(options).await.unwrap();
        let authority = reqwest::Certificate::from_pem(console.ca_pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([authority]).no_proxy().build().unwrap();
        Self { console, client }
    }

    fn firewall(&self) -> Arc<Firewall> {
        self.console.firewall().unwrap()
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/api/v2/{path}", self.console.base_url());
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, url).bearer_auth(&self.console.credentials().api_key);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None).await.1
    }

    async fn post(&self, path: &str, body: Value) -> (u16, i64) {
        let (status, answer) = self.ask("POST", path, Some(body)).await;
        (status, answer["error"].as_i64().unwrap_or_default())
    }
}

fn address(name: &str, subnet: &str) -> Value {
    json!({"name": name, "type": "ipmask", "subnet": subnet, "comment": "by a test"})
}

const ADDRESSES: &str = "cmdb/firewall/address?vdom=root";
const MEMBERS: &str = "cmdb/firewall/addrgrp/EDR-Threats/member?vdom=root";

#[tokio::test]
async fn an_address_is_made_joins_the_group_and_leaves_again() {
    let room = Room::new("").await;
    let (status, made) = room.ask("POST", ADDRESSES, Some(address("edr-1", "203.0.113.9 255.255.255.255"))).await;
    assert_eq!((status, &made["status"], &made["mkey"]), (200, &json!("success"), &json!("edr-1")));
    assert_eq!((&made["revision_changed"], &made["serial"]), (&json!(true), &json!("FGVMTEST00000001")));
    assert_ne!(made["revision"], made["old_revision"]);
    assert_eq!(room.post(ADDRESSES, address("edr-1", "203.0.113.9 255.255.255.255")).await, (500, -5));
    assert_eq!(room.post(MEMBERS, json!({"name": "edr-1"})).await, (200, 0));
    assert_eq!(room.post(MEMBERS, json!({"name": "edr-1"})).await, (500, -5));
    assert_eq!(room.post(MEMBERS, json!({"name": "edr-2"})).await, (404, -3));
    assert_eq!(room.firewall().members("EDR-Threats").unwrap(), ["none", "Partner-VPN-abuse", "edr-1"]);
    let (status, busy) = room.ask("DELETE", "cmdb/firewall/address/edr-1?vdom=root", None).await;
    assert_eq!((status, &busy["error"]), (500, &json!(-23)));
    let member = "cmdb/firewall/addrgrp/EDR-Threats/member/edr-1?vdom=root";
    assert_eq!(room.get(member).await["results"][0]["name"], "edr-1");
    assert_eq!(room.ask("DELETE", member, None).await.0, 200);
    assert_eq!(room.ask("DELETE", member, None).await.0, 404);
    assert_eq!(room.ask("GET", member, None).await.0, 404);
    assert_eq!(room.ask("DELETE", "cmdb/firewall/address/edr-1?vdom=root", None).await.0, 200);
    assert_eq!(room.firewall().address("edr-1"), None);
    assert_eq!(room.console.stats().requests("POST", Endpoint::Members), 3);
}

#[tokio::test]
async fn only_a_token_in_the_header_is_let_in() {
    for (faults, in_url) in [("", 401), ("fortigate.url_token = true\n", 200)] {
        let room = Room::new(faults).await;
        let base = format!("{}/api/v2/monitor/system/status", room.console.base_url());
        let bare = room.client.get(&base).send().await.unwrap();
        assert_eq!(bare.status(), 401);
        let url = format!("{base}?access_token={}", room.console.credentials().api_key);
        assert_eq!(room.client.get(url).send().await.unwrap().status(), in_url);
        let wrong = room.client.get(&base).bearer_auth("wrong").send().await.unwrap();
        assert_eq!(wrong.status(), 401);
        let status = room.get("monitor/system/status").await;
        assert_eq!((&status["version"], &status["results"]["hostname"]), (&json!("v7.4.4"), &json!("fgt01")));
    }
    let room = Room::new("fortigate.trusted = false\n").await;
    assert_eq!(room.ask("GET", "monitor/system/status", None).await.0, 401);
}

#[tokio::test]
async fn an_address_without_its_value_is_everything_here_too() {
    let room = Room::new("").await;
    assert_eq!(room.post(ADDRESSES, json!({"name": "edr-1"})).await, (200, 0));
    assert!(room.firewall().address("edr-1").unwrap().is_everything());
}

#[tokio::test]
async fn every_refusal_has_its_status_and_its_number() {
    let room = Room::new("fortigate.max_addresses = 5\n").await;
    assert_eq!(room.post(ADDRESSES, address("a", "1.1 255.255.255.255")).await, (500, -8));
    assert_eq!(room.post(ADDRESSES, address("a", "1.1.1.1 255.0.255.0")).await, (500, -9));
    assert_eq!(room.post(ADDRESSES, json!({"name": "a", "type": "fqdn", "fqdn": "a;b"})).await, (500, -651));
    assert_eq!(room.post(ADDRESSES, address("EDR-Threats", "1.1.1.1/32")).await, (500, -163));
    assert_eq!(room.post(ADDRESSES, address("a<b", "1.1.1.1/32")).await, (500, -173));
    assert_eq!(room.post(ADDRESSES, address(&"a".repeat(80), "1.1.1.1/32")).await, (500, -1));
    assert_eq!(room.post(ADDRESSES, json!({"subnet": "1.1.1.1/32"})).await, (424, 0));
    assert_eq!(room.post(ADDRESSES, json!([1])).await, (424, 0));
    assert_eq!(room.post("cmdb/firewall/address/x?vdom=root", json!({})).await, (405, 0));
    assert_eq!(room.post("cmdb/firewall/address?vdom=nowhere", address("a", "1.1.1.1/32")).await, (404, 0));
    assert_eq!(room.post(ADDRESSES, address("a", "1.1.1.1/32")).await, (200, 0));
    assert_eq!(room.post(ADDRESSES, address("b", "1.1.1.2/32")).await, (500, -4));
    let room = Room::new("fortigate = { profile = 'read_only', not_found_status = 500 }\n").await;
    assert_eq!(room.post(ADDRESSES, address("a", "1.1.1.1/32")).await, (403, -37));
    let (status, answer) = room.ask("GET", "cmdb/firewall/address/nobody?vdom=root", None).await;
    assert_eq!((status, &answer["error"]), (500, &json!(-3)));
}

#[tokio::test]
async fn a_release_without_a_path_for_members_says_405_and_takes_the_whole_list() {
    let room = Room::new("fortigate = { member_path = false, concurrent_writer = 'late' }\n").await;
    assert_eq!(room.post(MEMBERS, json!({"name": "Servers"})).await, (405, 0));
    let group = room.get("cmdb/firewall/addrgrp/EDR-Threats?vdom=root").await;
    assert_eq!(group["results"][0]["member"].as_array().unwrap().len(), 2);
    assert_eq!(room.firewall().members("EDR-Threats").unwrap().len(), 3, "a colleague was quicker");
    let members = json!({"member": [{"name": "none"}, {"name": "Partner-VPN-abuse"}, {"name": "Servers"}]});
    assert_eq!(room.ask("PUT", "cmdb/firewall/addrgrp/EDR-Threats?vdom=root", Some(members)).await.0, 200);
    assert!(!room.firewall().members("EDR-Threats").unwrap().contains(&"late".to_owned()), "and is lost");
}

#[tokio::test]
async fn tables_are_filtered_cut_and_shown_for_all_virtual_domains() {
    let room = Room::new("fortigate.vdoms = ['root', 'dmz']\n").await;
    let names = |answer: &Value| -> Vec<String> {
        answer["results"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = room.get(ADDRESSES).await;
    assert_eq!(names(&all), ["Partner-VPN-abuse", "Servers", "all", "none"]);
    assert_eq!(names(&room.get(&format!("{ADDRESSES}&filter=name==all,name==none")).await), ["all", "none"]);
    assert_eq!(names(&room.get(&format!("{ADDRESSES}&filter=name=@a&filter=name!=all")).await), ["Partner-VPN-abuse"]);
    let cut = room.get(&format!("{ADDRESSES}&start=1&count=2&format=name|subnet")).await;
    assert_eq!(
        cut["results"][0],
        json!({"name": "Servers", "q_origin_key": "Servers", "subnet": "10.20.0.0 255.255.0.0"})
    );
    assert_eq!((names(&cut).len(), &cut["matched_count"]), (2, &json!(4)));
    let scopes = room.get("cmdb/firewall/address?global=1").await;
    let vdoms: Vec<&str> = scopes.as_array().unwrap().iter().map(|one| one["vdom"].as_str().unwrap()).collect();
    assert_eq!(vdoms, ["dmz", "root"]);
    assert_eq!(names(&room.get("cmdb/system/vdom").await), ["dmz", "root"]);
    let policies = room.get("cmdb/firewall/policy?vdom=root").await;
    assert_eq!((&policies["results"][0]["policyid"], &policies["results"][0]["action"]), (&json!(5), &json!("deny")));
    assert_eq!(policies["results"][0]["dstaddr"][0]["name"], "EDR-Threats");
    let usage = room.get("monitor/system/object/usage?vdom=root&q_path=firewall&q_name=addrgrp&mkey=EDR-Threats").await;
    assert_eq!(usage["results"]["currently_using"][0]["mkey"], "5");
}

#[tokio::test]
async fn a_transaction_is_seen_by_nobody_until_it_is_whole() {
    let room = Room::new("").await;
    let begun = room.ask("POST", "cmdb?action=transaction-start&vdom=root", Some(json!({"timeout": 60}))).await.1;
    let number = begun["results"]["transaction_id"].as_u64().unwrap();
    let inside = async |method: &str, path: &str, body: Value| {
        let url = format!("{}/api/v2/{path}", room.console.base_url());
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = room.client.request(method, url).bearer_auth(&room.console.credentials().api_key);
        let request = request.header("X-TRANSACTION-ID", number.to_string()).body(body.to_string());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(inside("POST", ADDRESSES, address("edr-1", "203.0.113.9/32")).await, 200);
    assert_eq!(inside("POST", MEMBERS, json!({"name": "edr-1"})).await, 200);
    assert_eq!(inside("POST", MEMBERS, json!({"name": "edr-2"})).await, 404);
    assert_eq!(room.firewall().address("edr-1"), None);
    let ended = json!({"transaction_id": number});
    assert_eq!(room.ask("POST", "cmdb?action=transaction-commit&vdom=root", Some(ended.clone())).await.0, 200);
    assert_eq!(room.firewall().members("EDR-Threats").unwrap().last().unwrap(), "edr-1");
    assert_eq!(room.ask("POST", "cmdb?action=transaction-commit&vdom=root", Some(ended)).await.0, 400);
}

#[tokio::test]
async fn requests_go_wrong_as_the_script_says() {
    let faults = "fault = [\
        { endpoint = 'addresses', nth = 1, do = { bare = 500 } },\
        { endpoint = 'addresses', nth = 2, do = { cmdb = -4 } },\
        { endpoint = 'members', nth = 1, do = { status = 429 }, retry_after = '7s' },\
        { endpoint = 'members', nth = 2, do = 'revoke' }]\n";
    let room = Room::new(faults).await;
    assert_eq!(room.ask("GET", ADDRESSES, None).await, (500, Value::Null));
    assert_eq!(room.post(ADDRESSES, address("a", "1.1.1.1/32")).await, (500, -4));
    let url = format!("{}/api/v2/{MEMBERS}", room.console.base_url());
    let busy = room.client.get(url).bearer_auth(&room.console.credentials().api_key).send().await.unwrap();
    assert_eq!((busy.status().as_u16(), busy.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(room.ask("GET", MEMBERS, None).await.0, 401);
    assert_eq!(room.ask("GET", ADDRESSES, None).await.0, 401);
}

#[tokio::test]
async fn the_ready_configuration_names_both_faces() {
    let room = Room::new("").await;
    let ca_file = std::path::Path::new("/x/ca.pem");
    let table: toml::Table = room.console.ready_config(ca_file).parse().unwrap();
    let section = &table["fortigate"];
    let text = |key: &str| section[key].as_str().unwrap().to_owned();
    assert_eq!(text("url"), room.console.base_url());
    assert_eq!((text("vdom"), text("group")), ("root".to_owned(), "EDR-Threats".to_owned()));
    assert_eq!((text("ca_file"), text("ssh_known_hosts")), ("/x/ca.pem".to_owned(), "/x/ca.known_hosts".to_owned()));
    assert_eq!(section["ssh_port"].as_integer().unwrap(), i64::from(room.console.ssh_address().unwrap().port()));
    let (path, line) = room.console.known_hosts(ca_file).unwrap();
    assert_eq!(path, std::path::Path::new("/x/ca.known_hosts"));
    let port = room.console.ssh_address().unwrap().port();
    assert!(line.starts_with(&format!("[127.0.0.1]:{port} ssh-ed25519 AAAA")), "{line}");
}

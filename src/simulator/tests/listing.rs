//! The inventory: pages, filters, single hosts, groups, and an inventory that changes under the reader.

use serde_json::{Value, json};

use super::*;

/// Follows `next` to the end: every id, and how many pages there were.
async fn walk(room: &Room, first: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut path) = (Vec::new(), 0, first.to_owned());
    loop {
        let reply = room.get(&path).await;
        assert_eq!(reply.status, 200, "{path}");
        let page = ids_of(&reply);
        assert_eq!(reply.at("/metadata/results/current_item_count"), page.len());
        assert_eq!(reply.at("/metadata/links/self"), room.url(&path));
        ids.extend(page);
        pages += 1;
        match reply.at("/metadata/links/next") {
            Value::String(next) => path = next.strip_prefix(room.console.base_url()).unwrap().to_owned(),
            _ => return (ids, pages),
        }
    }
}

fn ids_of(reply: &Reply) -> Vec<String> {
    let data = reply.at("/data");
    data.as_array().unwrap().iter().map(|host| host["connector_guid"].as_str().unwrap().to_owned()).collect()
}

fn all_ids(room: &Room) -> Vec<String> {
    room.console.fleet().hosts().into_iter().map(|host| host.id).collect()
}

#[tokio::test]
async fn pages_of_500_lead_to_the_end() {
    let room = Room::of(1203, "").await;
    let first = room.get("/v1/computers").await;
    assert_eq!(
        first.at("/metadata/results"),
        json!({"total": 1203, "current_item_count": 500, "index": 0, "items_per_page": 500})
    );
    assert_eq!(first.at("/metadata/links/prev"), Value::Null);
    assert_eq!(first.at("/metadata/links/next"), room.url("/v1/computers?limit=500&offset=500"));
    assert_eq!(walk(&room, "/v1/computers").await, (all_ids(&room), 3));
}

#[tokio::test]
async fn limit_and_offset_choose_the_part() {
    let room = Room::of(5, "").await;
    let ids = all_ids(&room);
    let middle = room.get("/v1/computers?limit=2&offset=2").await;
    assert_eq!(ids_of(&middle), ids[2..4]);
    assert_eq!(middle.at("/metadata/links/prev"), room.url("/v1/computers?limit=2&offset=0"));
    assert_eq!(middle.at("/metadata/links/next"), room.url("/v1/computers?limit=2&offset=4"));
    assert_eq!(middle.at("/metadata/results/index"), 2);
    assert!(ids_of(&room.get("/v1/computers?offset=99").await).is_empty());
    assert_eq!(room.get("/v1/computers?limit=9999").await.at("/metadata/results/items_per_page"), 500);
    for wrong in ["limit=0", "limit=x", "offset=-1", "last_seen_within=soon"] {
        assert_eq!(room.get(&format!("/v1/computers?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_host_is_told_the_same_alone_and_in_the_list() {
    let room = Room::of(2, "").await;
    let listed = room.get("/v1/computers").await.at("/data/1");
    let alone = room.get(&format!("/v1/computers/{}", room.guid(1))).await;
    assert_eq!(alone.at("/data"), listed);
    assert_eq!(alone.at("/metadata/results"), Value::Null);
    assert_eq!(listed["isolation"], json!({"available": true, "status": "not_isolated"}));
    assert_eq!(listed["links"]["computer"], room.url(&format!("/v1/computers/{}", room.guid(1))));
    assert_eq!(listed["internal_ips"][0], listed["network_addresses"][0]["ip"]);
    assert_eq!(listed["hostname"], room.host(1).name);
    assert!(listed["last_seen"].as_str().unwrap().parse::<Timestamp>().is_ok());
    for key in ["windows_processor_id", "active", "policy", "groups", "faults", "orbital", "install_date", "demo"] {
        assert!(listed.get(key).is_some(), "{key}");
    }
    assert_eq!(room.get("/v1/computers/00000000-0000-4000-8000-000000000000").await.status, 404);
}

#[tokio::test]
async fn filters_choose_hosts() {
    let fleet = Fleet::from_text(
        "guid,hostname,ip,last_seen,group\n\
         11111111-1111-4111-8111-111111111111,web01.corp.example,10.0.0.1,,Web\n\
         22222222-2222-4222-8222-222222222222,WEB02,10.0.0.2,2020-01-01T00:00:00Z,Web\n\
         33333333-3333-4333-8333-333333333333,db01,10.0.0.3,,Data\n",
    );
    let room = Room::with(fleet.unwrap(), "").await;
    let group = guid::Guid::derived("group", "Data");
    for (query, expected) in [
        ("hostname%5B%5D=web".to_owned(), "12"),
        ("hostname[]=Web01&hostname[]=db".to_owned(), "13"),
        ("hostname=web02".to_owned(), "2"),
        ("internal_ip=10.0.0.3".to_owned(), "3"),
        ("internal_ip=10.0.0.9".to_owned(), ""),
        (format!("group_guid[]={group}"), "3"),
        ("last_seen_within=1".to_owned(), "13"),
        ("last_seen_over=30".to_owned(), "2"),
        ("hostname[]=web&last_seen_within=1".to_owned(), "1"),
    ] {
        let (ids, _) = walk(&room, &format!("/v1/computers?{query}")).await;
        let firsts: String = ids.iter().map(|id| id.chars().next().unwrap()).collect();
        assert_eq!(firsts, expected, "{query}");
    }
    let external = room.get("/v1/computers").await.at("/data/0/external_ip").as_str().unwrap().to_owned();
    let (ids, _) = walk(&room, &format!("/v1/computers?external_ip={external}")).await;
    assert!(ids.contains(&room.guid(0)));
}

#[tokio::test]
async fn links_keep_the_filter_and_the_page() {
    let room = Room::of(30, "").await;
    let first = room.get("/v1/computers?hostname[]=corp&limit=10").await;
    assert_eq!(first.at("/metadata/links/next"), room.url("/v1/computers?hostname%5B%5D=corp&limit=10&offset=10"));
    assert_eq!(walk(&room, "/v1/computers?hostname[]=corp&limit=10").await, (all_ids(&room), 3));
}

#[tokio::test]
async fn links_lead_to_the_address_that_the_client_knows() {
    let room = Room::of(3, "").await;
    let port = room.console.base_url().rsplit_once(':').unwrap().1;
    let Credentials { client_id, api_key } = room.console.credentials();
    let url = format!("https://localhost:{port}/v1/computers?limit=1");
    let reply = Reply::read(room.client.get(url).basic_auth(client_id, Some(api_key)).send().await.unwrap()).await;
    assert_eq!(reply.at("/metadata/links/next"), format!("https://localhost:{port}/v1/computers?limit=1&offset=1"));
}

#[tokio::test]
async fn groups_are_listed() {
    let room = Room::of(40, "").await;
    let groups = room.get("/v1/groups").await;
    let guids: Vec<Value> = groups.at("/data").as_array().unwrap().iter().map(|group| group["guid"].clone()).collect();
    assert_eq!(groups.at("/metadata/results/total"), guids.len());
    for host in room.get("/v1/computers").await.at("/data").as_array().unwrap() {
        assert!(guids.contains(&host["group_guid"]));
    }
    assert_eq!(room.get("/v1/groups?name=serv").await.at("/data/0/name"), "Servers");
}

#[tokio::test]
async fn a_host_inserted_between_pages_shows_another_twice() {
    let room = Room::of(6, "listing = { page_size = 2, insert_after_page = 1 }").await;
    let before = all_ids(&room);
    let (seen, _) = walk(&room, "/v1/computers").await;
    assert_eq!(seen[..2], before[..2]);
    assert_eq!(seen[2], before[1], "the second host has moved to the second page");
    assert_eq!(seen.len(), 7);
    assert_eq!(room.console.fleet().len(), 7);
    let (again, _) = walk(&room, "/v1/computers").await;
    assert_eq!(again.len(), 7, "it is inserted once");
    assert_eq!(again[1..], before[..]);
}

#[tokio::test]
async fn a_host_removed_between_pages_hides_another() {
    let room = Room::of(6, "listing = { page_size = 2, remove_after_page = 1 }").await;
    let before = all_ids(&room);
    let (seen, _) = walk(&room, "/v1/computers").await;
    assert!(!seen.contains(&before[2]), "the third host has moved to the first page");
    assert_eq!(room.get(&format!("/v1/computers/{}", before[0])).await.status, 404);
    assert!(room.host(0).removed);
    let (again, _) = walk(&room, "/v1/computers").await;
    assert_eq!(again, before[1..]);
}

#[tokio::test]
async fn duplicate_names_are_pairs_under_two_ids() {
    let room = Room::of(3, "listing.duplicate_hostnames = 2").await;
    let hosts = room.console.fleet().hosts();
    assert_eq!(hosts.len(), 5);
    assert_eq!((&hosts[0].name, &hosts[1].name), (&hosts[3].name, &hosts[4].name));
    assert_ne!(hosts[0].id, hosts[3].id);
    let found = room.get(&format!("/v1/computers?hostname[]={}", hosts[0].name)).await;
    assert_eq!(found.at("/metadata/results/total"), 2);
}

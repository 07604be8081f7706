//! Searches for hosts and groups, and what is read of them piece by piece.

use super::*;

const CSV: &str = "guid,hostname,ip,display_name,agent,version,os,group\n\
    5593fcfd-e950-4b54-9732-2c160a35aaaa,pc-17.corp.example,10.99.101.200,PC-17,,,,Sales\n\
    5593fcfd-e950-4b54-9732-2c160a35aaab,pc-17.branch.example,10.99.101.201,PC-17,,12.8.0.500,,Sales\n\
    ,printer,,,false,,,\n\
    ,srv-lx.corp.example,,,,none,Debian GNU/Linux 12,Web\n";

async fn room() -> Room {
    Room::with(Fleet::from_text(CSV).unwrap(), "").await
}

#[tokio::test]
async fn a_host_is_told_as_it_is_known() {
    let room = room().await;
    let all = "KLHST_WKS_HOSTNAME KLHST_WKS_DN KLHST_WKS_WINHOSTNAME KLHST_WKS_FQDN KLHST_WKS_IP_LONG KLHST_WKS_IP \
               KLHST_WKS_STATUS KLHST_WKS_RTP_AV_VERSION KLHST_WKS_OS_NAME KLHST_INSTANCEID NOBODY_KNOWS name";
    let fields: Vec<&str> = all.split_whitespace().collect();
    let order = json!([{"type": "params", "value": {"Name": "KLHST_WKS_FQDN", "Asc": false}}]);
    let arguments = json!({
        "wstrFilter": r#"(|(KLHST_WKS_DN="pc-17")(KLHST_WKS_IP_LONG=174286280)(KLHST_WKS_DN="printer"))"#,
        "vecFieldsToReturn": fields,
        "vecFieldsToOrder": order,
        "pParams": {"KLGRP_FIND_FROM_CUR_VS_ONLY": true},
        "lMaxLifeTime": 600,
    });
    let found = room.call("HostGroup.FindHosts", arguments).await;
    assert_eq!(found.value(), json!(3));
    let rows = room.rows(&found).await;
    assert_eq!(
        rows[0],
        json!({
            "KLHST_WKS_HOSTNAME": "5593fcfd-e950-4b54-9732-2c160a35aaaa",
            "KLHST_WKS_DN": "PC-17",
            "KLHST_WKS_WINHOSTNAME": "PC-17",
            "KLHST_WKS_FQDN": "pc-17.corp.example",
            "KLHST_WKS_IP_LONG": {"type": "long", "value": 174_286_280},
            "KLHST_WKS_IP": -932_879_606,
            "KLHST_WKS_STATUS": 29,
            "KLHST_WKS_RTP_AV_VERSION": "12.9.0.384",
            "KLHST_WKS_OS_NAME": rows[0]["KLHST_WKS_OS_NAME"],
            "KLHST_INSTANCEID": rows[0]["KLHST_INSTANCEID"],
            "name": "Sales",
        })
    );
    assert_ne!(rows[0]["KLHST_INSTANCEID"], rows[0]["KLHST_WKS_HOSTNAME"]);
    assert_eq!(
        (&rows[1]["KLHST_WKS_DN"], &rows[1]["KLHST_WKS_RTP_AV_VERSION"]),
        (&json!("PC-17"), &json!("12.8.0.500"))
    );
    let keys: Vec<&String> = rows[2].as_object().unwrap().keys().collect();
    let known = ["KLHST_WKS_DN", "KLHST_WKS_HOSTNAME", "KLHST_WKS_STATUS", "KLHST_WKS_WINHOSTNAME", "name"];
    assert_eq!(keys, known, "nobody asks a host that has no agent");
    assert_eq!(rows[2]["KLHST_WKS_STATUS"], 1);
}

#[tokio::test]
async fn one_host_can_be_asked_for_by_its_id() {
    let room = room().await;
    let ask = async |host: &str, fields: Value| {
        room.call("HostGroup.GetHostInfo", json!({"strHostName": host, "pFields2Return": fields})).await
    };
    let id = "5593FCFD-e950-4b54-9732-2c160a35aaaa";
    assert_eq!(ask(id, json!(["KLHST_WKS_DN"])).await.value(), json!({"KLHST_WKS_DN": "PC-17"}));
    assert!(ask(id, json!([])).await.value().as_object().unwrap().len() > 15);
    assert_eq!(ask("PC-17", json!([])).await.error(), "KLSTD 1186", "a name is no id");
    assert_eq!(room.call("HostGroup.GetHostInfo", json!({})).await.error(), "KLPRSS 1125");
    let tags = room.call("HostTagsApi.GetHostTags", json!({"szwHostId": id, "pParams": {}})).await;
    assert_eq!(tags.value(), json!([]));
}

#[tokio::test]
async fn a_filter_that_is_none_or_too_long_is_refused() {
    let room = Room::of(1, "kaspersky.filter_limit = 40").await;
    let refused = async |filter: &str| room.call("HostGroup.FindHosts", search(filter)).await.error();
    assert_eq!(refused("(KLHST_WKS_DN=").await, "KLSTD 1192");
    assert_eq!(refused("(KLHST_WKS_ISOLATED=1)").await, "KLSTD 1192", "nobody knows such an attribute");
    assert_eq!(refused(&format!("(KLHST_WKS_DN=\"{}\")", "x".repeat(40))).await, "KLSTD 1229");
    let lenient = Room::of(1, "kaspersky.unknown_attribute = 'absent'").await;
    assert_eq!(lenient.hosts("(KLHST_WKS_ISOLATED=1)").await, [""; 0]);
    let wrong = json!({"wstrFilter": null, "vecFieldsToOrder": ["KLHST_WKS_DN"]});
    assert_eq!(room.call("HostGroup.FindHosts", wrong).await.error(), "KLSTD 1192", "a bare name is no order");
    let bare = json!({"wstrFilter": null, "vecFieldsToReturn": ["KLHST_WKS_DN"]});
    assert_eq!(room.call("HostGroup.FindHosts", bare).await.value(), json!(1), "what is left out is no fault");
}

#[tokio::test]
async fn a_result_is_read_piece_by_piece() {
    let room = Room::of(450, "kaspersky.chunk_cap = 200").await;
    let found = room.call("HostGroup.FindHosts", search("")).await;
    let accessor = found.at("/strAccessor");
    let chunk = async |from: Value, count: usize| {
        let arguments = json!({"strAccessor": accessor, "nStart": from, "nCount": count});
        room.call("ChunkAccessor.GetItemsChunk", arguments).await
    };
    let mut ids = std::collections::BTreeSet::new();
    for (from, count) in [(0, 200), (200, 200), (400, 50), (450, 0), (9999, 0)] {
        let read = chunk(json!(from), 1000).await;
        assert_eq!(read.value(), json!(count), "{from}");
        let rows = read.at("/pChunk/KLCSP_ITERATOR_ARRAY");
        assert_eq!(rows.as_array().unwrap().len(), count);
        ids.extend(rows.as_array().unwrap().iter().map(|row| row["value"]["KLHST_WKS_HOSTNAME"].to_string()));
    }
    assert_eq!(ids.len(), 450);
    assert_eq!(chunk(json!(null), 10).await.error(), "KLPRSS 1125");
    assert_eq!(chunk(json!(-1), 10).await.error(), "KLSTD 1192");
    let wrong = json!({"wstrIteratorId": accessor, "nStart": 0, "nCount": 10});
    assert_eq!(room.call("ChunkAccessor.GetItemsChunk", wrong).await.error(), "KLPRSS 1125");
    let release = json!({"strAccessor": accessor});
    assert_eq!(room.call("ChunkAccessor.Release", release.clone()).await.json(), json!({}));
    assert_eq!(room.call("ChunkAccessor.Release", release.clone()).await.error(), "KLSTD 1186");
    assert_eq!(room.call("ChunkAccessor.GetItemsCount", release).await.error(), "KLSTD 1186");
}

#[tokio::test]
async fn a_result_belongs_to_its_session_and_does_not_live_for_ever() {
    let mut room = Room::of(3, "").await;
    for life in [json!(7201), json!(0), json!(-5)] {
        let arguments = json!({"wstrFilter": "", "lMaxLifeTime": life});
        assert_eq!(room.call("HostGroup.FindHosts", arguments).await.error(), "KLSTD 1192", "{life}");
    }
    let short = room.call("HostGroup.FindHosts", json!({"wstrFilter": "", "lMaxLifeTime": 1})).await;
    let found = room.call("HostGroup.FindHosts", search("")).await;
    let count = |found: &Reply| json!({"strAccessor": found.at("/strAccessor")});
    tokio::time::sleep(std::time::Duration::from_millis(1050)).await;
    assert_eq!(room.call("ChunkAccessor.GetItemsCount", count(&short)).await.error(), "KLSTD 1186");
    assert_eq!(room.call("ChunkAccessor.GetItemsCount", count(&found)).await.value(), json!(3));
    room.log_on().await;
    assert_eq!(room.call("ChunkAccessor.GetItemsCount", count(&found)).await.error(), "KLSTD 1186");
}

#[tokio::test]
async fn a_search_in_the_background_has_a_name_of_its_own() {
    let room = Room::of(3, "").await;
    let request = room.call("HostGroup.FindHostsAsync", search("")).await.at("/strRequestId");
    let found = room.call("HostGroup.FindHostsAsyncGetAccessor", json!({"strRequestId": request})).await;
    assert_eq!((found.value(), found.at("/pFailedSlavesInfo")), (json!(3), json!({})));
    assert_eq!(room.rows(&found).await.len(), 3);
    assert_eq!(room.call("HostGroup.FindHostsAsyncCancel", json!({"strRequestId": request})).await.json(), json!({}));
    let gone = room.call("HostGroup.FindHostsAsyncGetAccessor", json!({"strRequestId": request})).await;
    assert_eq!(gone.error(), "KLSTD 1186");
}

#[tokio::test]
async fn a_group_is_found_by_its_name_and_its_hosts_by_its_number() {
    let room = room().await;
    let arguments = json!({
        "wstrFilter": "(name=\"sales\")",
        "vecFieldsToReturn": ["id", "name", "grp_full_name"],
        "vecFieldsToOrder": [],
        "pParams": {},
        "lMaxLifeTime": 100,
    });
    let found = room.call("HostGroup.FindGroups", arguments).await;
    assert_eq!(found.value(), json!(1));
    let group = room.rows(&found).await.remove(0);
    assert_eq!((&group["name"], &group["grp_full_name"]), (&json!("Sales"), &json!("Managed devices/Sales/")));
    let hosts = room.hosts(&format!("(KLHST_WKS_GROUPID={})", group["id"])).await;
    assert_eq!(hosts, [room.id(0), room.id(1)]);
    assert_eq!(
        room.call("HostGroup.GetGroupInfo", json!({"nGroupId": group["id"]})).await.at("/PxgRetVal/name"),
        "Sales"
    );
    assert_eq!(room.call("HostGroup.GetGroupInfo", json!({"nGroupId": 999})).await.error(), "KLSTD 1186");
    let root = room.call("HostGroup.GroupIdGroups", json!({})).await.value();
    let inside = room.call("HostGroup.GetSubgroups", json!({"nGroupId": root, "nDepth": 0})).await.value();
    assert!(inside.as_array().unwrap().iter().any(|one| one["value"] == json!({"id": group["id"], "name": "Sales"})));
}

#[tokio::test]
async fn targets_are_known_by_whatever_they_are_called() {
    let wanted = ["5593fcfd-e950-4b54-9732-2c160a35aaaa", "PC-18", "web01.corp.example", "Front desk PC"];
    let named = wanted.iter().enumerate().map(|(number, text)| match number {
        0 => crate::simulator::Wanted { id: Some(text), ..Default::default() },
        _ => crate::simulator::Wanted { name: Some(text), ..Default::default() },
    });
    let by_ip = crate::simulator::Wanted { ip: Some("10.9.8.7".parse().unwrap()), ..Default::default() };
    let room = Room::with(Fleet::of_targets(named.chain([by_ip])).unwrap(), "").await;
    for (number, filter) in [
        (0, r#"(KLHST_WKS_HOSTNAME="5593fcfd-e950-4b54-9732-2c160a35aaaa")"#),
        (1, r#"(KLHST_WKS_DN="PC-18")"#),
        (2, r#"(KLHST_WKS_FQDN="web01.corp.example")"#),
        (2, r#"(KLHST_WKS_DN="web01")"#),
        (3, r#"(KLHST_WKS_DN="front desk pc")"#),
        (4, "(KLHST_WKS_IP_LONG=168364039)"),
    ] {
        assert_eq!(room.hosts(filter).await, [room.id(number)], "{filter}");
    }
    let twice = Room::of(3, "listing.duplicate_hostnames = 1").await;
    let name = twice.host(0).name;
    assert_eq!(twice.hosts(&format!("(KLHST_WKS_FQDN=\"{name}\")")).await.len(), 2);
}

#[tokio::test]
async fn the_server_tells_what_it_is() {
    let room = Room::of(7, "").await;
    let some = json!({"pValues": ["KLADMSRV_SERVER_VERSION_ID", "KLADMSRV_PRODUCT_FULL_VERSION", "NOBODY"]});
    let told = room.call("HostGroup.GetStaticInfo", some).await.value();
    assert_eq!(told, json!({"KLADMSRV_SERVER_VERSION_ID": 51, "KLADMSRV_PRODUCT_FULL_VERSION": "15.1.0.20748"}));
    let all = room.call("HostGroup.GetRunTimeInfo", json!({"pValues": null})).await.value();
    assert_eq!(all.as_object().unwrap().len(), 10);
    let statistics = room.call("HostGroup.GetInstanceStatistics", json!({})).await.value();
    assert_eq!(statistics["KLSRV_ST_TOTAL_HOSTS_COUNT"], 7);
}

#[tokio::test]
async fn the_example_has_one_of_every_awkward_kind() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/ksc-fleet.csv");
    let room = Room::with(Fleet::read(std::path::Path::new(path)).unwrap(), SWIFT).await;
    let count = async |filter: &str| room.hosts(filter).await.len();
    assert_eq!(count(r#"(KLHST_WKS_DN="fin-lt-014")"#).await, 2);
    assert_eq!(count(r#"(KLHST_WKS_DN="Front desk, ""East""")"#).await, 1);
    assert_eq!(count("(KLHST_WKS_STATUS & 4 = 0)").await, 1, "no agent");
    assert_eq!(count("(KLHST_WKS_STATUS & 1 = 0)").await, 1, "away");
    assert_eq!(count("(&(KLHST_WKS_STATUS & 16 = 0)(KLHST_WKS_STATUS & 4 = 4))").await, 1, "no protection");
    assert_eq!(count(r#"(KLHST_WKS_OS_NAME="*Linux*")"#).await, 1);
    assert_eq!(room.console.fleet().isolated(), 1);
    for number in 0..room.console.fleet().len() {
        room.isolate(number).await;
    }
    until(|| room.console.fleet().tasks().iter().filter(|task| [1, 4, 16].contains(&task.state)).count() == 10).await;
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    let states: Vec<u32> = room.console.fleet().tasks().iter().map(|task| task.state).collect();
    assert_eq!(states, [4, 4, 4, 1, 16, 16, 16, 16, 1, 4]);
}

//! What goes wrong at the worst moment.

use super::*;

#[tokio::test]
async fn a_connection_is_cut_after_the_incident_was_added() {
    let faults = format!("{SWIFT}[[fault]]\nendpoint = 'add_incident'\nnth = 1\ndo = 'cut_after'\n");
    let room = Room::of(1, &faults).await;
    let host = room.id(0);
    room.fails("HostGroup.AddIncident", json!({"pData": incident(&host, &isolation(&host, 1))})).await;
    let arguments = json!({
        "strFilter": format!("(KLHST_WKS_HOSTNAME=\"{host}\")"),
        "pFieldsToReturn": ["KLINCDT_ID", "KLINCDT_BODY"],
        "lMaxLifeTime": 60,
    });
    let found = room.call("HostGroup.FindIncidents", arguments).await;
    let [row] = &room.rows(&found).await[..] else { panic!("it is there") };
    assert_eq!(room.update(&row["KLINCDT_ID"], &host).await.json(), json!({}));
    until(|| room.console.fleet().isolated() == 1).await;
    assert_eq!(room.console.fleet().executed(&host).len(), 1);
}

#[tokio::test]
async fn a_connection_is_cut_before_and_after_an_update() {
    let faults = format!(
        "{SWIFT}[[fault]]\nendpoint = 'update_incident'\nnth = 1\ndo = 'cut_before'\n\
         [[fault]]\nendpoint = 'update_incident'\nnth = 2\ndo = 'cut_after'\n"
    );
    let room = Room::of(1, &faults).await;
    let host = room.id(0);
    let id = room.add(&host, &isolation(&host, 1)).await.value();
    let data = json!({"nId": id, "pData": {"KLINCDT_IS_HANDLED": false, "KLHST_WKS_HOSTNAME": host}});
    room.fails("HostGroup.UpdateIncident", data.clone()).await;
    assert_eq!(room.console.fleet().incidents()[0].updates, 0);
    room.fails("HostGroup.UpdateIncident", data).await;
    assert_eq!(room.console.fleet().incidents()[0].updates, 1);
    until(|| room.console.fleet().isolated() == 1).await;
    assert_eq!(room.update(&id, &host).await.json(), json!({}), "once more does no harm");
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    assert_eq!(room.console.fleet().executed(&host).len(), 1);
}

#[tokio::test]
async fn a_login_ends_with_its_connection() {
    let room =
        Room::closed(Fleet::of_size(1), "[[fault]]\nendpoint = 'find_hosts'\nnth = 1\ndo = 'cut_before'\n").await;
    let login = room.post("login").header("Authorization", basic(PASSWORD));
    assert_eq!(Reply::of(login).await.status, 200);
    let find = || room.post("HostGroup.FindHosts").body(search("").to_string());
    find().send().await.unwrap_err();
    assert_eq!(Reply::of(find()).await.status, 401);
}

#[tokio::test]
async fn a_session_ends_in_the_middle_of_a_result() {
    let mut room = Room::of(50, "[[fault]]\nendpoint = 'chunks'\nnth = 2\ndo = 'end_session'\n").await;
    let accessor = room.call("HostGroup.FindHosts", search("")).await.at("/strAccessor");
    let chunk = |from: u32| json!({"strAccessor": accessor, "nStart": from, "nCount": 20});
    assert_eq!(room.call("ChunkAccessor.GetItemsChunk", chunk(0)).await.value(), json!(20));
    assert_eq!(room.call("ChunkAccessor.GetItemsChunk", chunk(20)).await.status, 403);
    room.log_on().await;
    assert_eq!(
        room.call("ChunkAccessor.GetItemsChunk", chunk(20)).await.error(),
        "KLSTD 1186",
        "it has to begin again"
    );
}

#[tokio::test]
async fn the_server_is_busy_or_under_maintenance() {
    let faults = "[[fault]]\nendpoint = 'find_hosts'\ntimes = 2\ndo = { status = 503 }\nretry_after = '7s'\n";
    let room = Room::of(1, faults).await;
    for expected in [503, 503, 200] {
        let answer = room.call("HostGroup.FindHosts", search("")).await;
        assert_eq!(answer.status, expected);
        assert_eq!(answer.header("retry-after") == "7", expected == 503);
    }
    let room = Room::of(1, "kaspersky.maintenance = '900ms'").await;
    let refused = room.call("HostGroup.FindHosts", search("")).await;
    assert_eq!((refused.error(), refused.at("/PxgError/subcode")), ("KLSTD 1195".to_owned(), json!(1)));
    tokio::time::sleep(std::time::Duration::from_millis(950)).await;
    assert_eq!(room.call("HostGroup.FindHosts", search("")).await.value(), json!(1));
}

#[tokio::test]
async fn an_error_can_be_chosen_and_may_have_no_locdata() {
    let faults =
        |more: &str| format!("{more}[[fault]]\nendpoint = 'add_incident'\ndo = {{ error = 'KLSTD 1195 2' }}\n");
    let room = Room::of(1, &faults("")).await;
    let refused = room.add(&room.id(0), &json!({})).await;
    assert_eq!((refused.error(), refused.at("/PxgError/subcode")), ("KLSTD 1195".to_owned(), json!(2)));
    assert_eq!(refused.at("/PxgError/locdata/value/format-id"), json!(1195));
    assert!(room.console.fleet().incidents().is_empty());
    let found = room.call("HostGroup.GetHostInfo", json!({"strHostName": "PC-17"})).await;
    assert_eq!(found.at("/PxgError/message"), "Object \"PC-17\" was not found");
    assert_eq!(found.at("/PxgError/locdata/value/args"), json!(["PC-17"]));
    let bare = Room::of(1, &faults("kaspersky.locdata = false\n")).await;
    let refused = bare.add(&bare.id(0), &json!({})).await;
    assert_eq!((refused.error(), refused.at("/PxgError/locdata")), ("KLSTD 1195".to_owned(), Value::Null));
}

#[tokio::test]
async fn faults_choose_the_host_that_a_call_is_about() {
    let fleet = Fleet::of_size(2);
    let faults =
        format!("[[fault]]\nhosts = ['{}']\nmethod = 'POST'\ndo = {{ error = 'KLSTD 1184' }}\n", fleet.guid(1));
    let room = Room::with(fleet, &faults).await;
    assert_eq!(room.add(&room.id(0), &json!({})).await.error(), " null");
    assert_eq!(room.add(&room.id(1), &json!({})).await.error(), "KLSTD 1184");
    let ask = async |host: String| room.call("HostGroup.GetHostInfo", json!({"strHostName": host})).await.error();
    assert_eq!((ask(room.id(0)).await, ask(room.id(1)).await), (" null".to_owned(), "KLSTD 1184".to_owned()));
}

#[tokio::test]
async fn revoked_credentials_end_every_session() {
    let room = Room::of(1, "[[fault]]\nendpoint = 'add_incident'\ndo = 'revoke'\n").await;
    assert_eq!(room.add(&room.id(0), &json!({})).await.status, 403);
    let again = room.post("Session.StartSession").header("Authorization", basic(PASSWORD));
    assert_eq!(Reply::of(again).await.status, 401);
}

#[tokio::test]
async fn answers_come_broken_late_or_from_a_gateway() {
    let room = Room::of(
        30,
        "[[fault]]\nendpoint = 'chunks'\nnth = 1\ndo = 'garbage'\n[[fault]]\nendpoint = 'chunks'\nnth = 2\ndo = 'half_body'\n\
         [[fault]]\nendpoint = 'chunks'\nnth = 3\ndo = { html = 502 }\n\
         [[fault]]\nendpoint = 'chunks'\nnth = 4\ndo = { delay = '30ms' }\n",
    )
    .await;
    let accessor = room.call("HostGroup.FindHosts", search("")).await.at("/strAccessor");
    let chunk = json!({"strAccessor": accessor, "nStart": 0, "nCount": 30});
    let broken = room.call("ChunkAccessor.GetItemsChunk", chunk.clone()).await;
    assert!(broken.status == 200 && serde_json::from_str::<Value>(&broken.text).is_err());
    room.fails("ChunkAccessor.GetItemsChunk", chunk.clone()).await;
    let page = room.call("ChunkAccessor.GetItemsChunk", chunk.clone()).await;
    assert_eq!((page.status, page.header("content-type")), (502, "text/html; charset=utf-8"));
    assert_eq!(room.call("ChunkAccessor.GetItemsChunk", chunk).await.value(), json!(30));
}

//! Incidents: what is taken, what is refused, what becomes of them.

use super::*;

fn changed(host: &str, name: &str, value: Value) -> Value {
    let mut data = incident(host, &isolation(host, 1));
    data[name] = value;
    json!({"pData": data})
}

#[tokio::test]
async fn an_incident_that_was_added_and_updated_isolates_its_host() {
    let room = Room::of(3, SWIFT).await;
    let id = room.isolate(1).await;
    assert!(id.is_i64());
    until(|| room.console.fleet().isolated() == 1).await;
    let incidents = room.console.fleet().incidents();
    assert_eq!((incidents.len(), &incidents[0].host, incidents[0].updates), (1, &room.id(1), 1));
    assert_eq!((incidents[0].handled, incidents[0].tasks.len()), (false, 1));
    assert_eq!(room.console.fleet().executed(&room.id(1)), ["isolateHost"]);
    let host = room.host(1);
    assert_eq!((host.puts, host.puts_accepted, host.state), (1, 1, crate::domain::host::Isolation::Isolated));
    assert_eq!(room.console.stats().requests("POST", Endpoint::AddIncident), 1);
}

#[tokio::test]
async fn an_incident_that_was_never_updated_stays_what_it_is() {
    let room = Room::of(1, SWIFT).await;
    let host = room.id(0);
    let id = room.add(&host, &isolation(&host, 1)).await.value();
    let silent = json!({"nId": id, "pData": {"KLHST_WKS_HOSTNAME": host, "KLINCDT_SEVERITY": 1}});
    assert_eq!(room.call("HostGroup.UpdateIncident", silent).await.json(), json!({}));
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    assert_eq!((room.console.fleet().tasks().len(), room.console.fleet().isolated()), (0, 0));
}

#[tokio::test]
async fn a_body_is_taken_whatever_it_says() {
    let room = Room::of(1, SWIFT).await;
    let host = room.id(0);
    for body in [json!("nonsense"), json!({"task": "isolateHost"}), isolation("PC-17", 1)] {
        let id = room.add(&host, &body).await.value();
        assert_eq!(room.update(&id, &host).await.json(), json!({}));
    }
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    assert_eq!((room.console.fleet().incidents().len(), room.console.fleet().tasks().len()), (3, 0));
}

#[tokio::test]
async fn what_an_incident_lacks_is_told() {
    let room = Room::of(1, "kaspersky.body_limit = 300").await;
    let host = room.id(0);
    let refused = async |arguments: Value| room.call("HostGroup.AddIncident", arguments).await.error();
    for name in ["KLINCDT_SEVERITY", "KLINCDT_ADDED", "KLINCDT_BODY", "KLHST_WKS_HOSTNAME"] {
        let mut lacking = changed(&host, name, Value::Null);
        assert_eq!(refused(lacking.clone()).await, "KLPRSS 1125", "{name}");
        lacking["pData"].as_object_mut().unwrap().remove(name);
        assert_eq!(refused(lacking).await, "KLPRSS 1125", "{name}");
    }
    assert_eq!(refused(json!({})).await, "KLPRSS 1125");
    for (name, value) in [
        ("KLINCDT_ADDED", json!(NOW)),
        ("KLINCDT_ADDED", json!({"type": "datetime", "value": "2026-01-02T03:04:05+00:00Z"})),
        ("KLINCDT_ADDED", json!({"type": "date", "value": "2026-01-02"})),
        ("KLINCDT_SEVERITY", json!("2")),
        ("KLINCDT_BODY", json!({"task": "isolateHost"})),
    ] {
        assert_eq!(refused(changed(&host, name, value.clone())).await, "KLSTD 1192", "{name} {value}");
    }
    assert_eq!(refused(changed(&host, "KLHST_WKS_HOSTNAME", json!("PC-17"))).await, "KLSTD 1186");
    assert_eq!(refused(changed(&host, "KLINCDT_BODY", json!("x".repeat(301)))).await, "KLSTD 1229");
    let ignored = room.call("HostGroup.AddIncident", changed(&host, "KLINCDT_IS_HANDLED", json!(true))).await;
    assert!(ignored.value().is_i64() && !room.console.fleet().incidents()[0].handled);
}

#[tokio::test]
async fn an_update_names_its_incident_and_its_host() {
    let room = Room::of(2, "").await;
    let (host, other) = (room.id(0), room.id(1));
    let id = room.add(&host, &isolation(&host, 1)).await.value();
    let update =
        async |id: Value, data: Value| room.call("HostGroup.UpdateIncident", json!({"nId": id, "pData": data})).await;
    assert_eq!(update(json!(1), json!({"KLHST_WKS_HOSTNAME": host})).await.error(), "KLSTD 1186");
    assert_eq!(update(json!("x"), json!({"KLHST_WKS_HOSTNAME": host})).await.error(), "KLSTD 1192");
    assert_eq!(update(id.clone(), json!({"KLINCDT_IS_HANDLED": false})).await.error(), "KLPRSS 1125");
    assert_eq!(update(id.clone(), json!({"KLHST_WKS_HOSTNAME": other})).await.error(), "KLSTD 1193");
    assert_eq!(
        update(id.clone(), json!({"KLHST_WKS_HOSTNAME": host, "KLINCDT_IS_HANDLED": 0})).await.error(),
        "KLSTD 1192"
    );
    let handled = json!({"KLHST_WKS_HOSTNAME": host, "KLINCDT_IS_HANDLED": true, "KLINCDT_BODY": "new"});
    assert_eq!(update(json!(id.to_string()), handled).await.json(), json!({}), "a number may be written as text");
    let incident = room.console.fleet().incidents().remove(0);
    assert_eq!((incident.handled, incident.body.as_str(), incident.updates), (true, "new", 1));
    assert_eq!(room.call("HostGroup.DeleteIncident", json!({"nId": id})).await.json(), json!({}));
    assert_eq!(room.call("HostGroup.DeleteIncident", json!({"nId": id})).await.error(), "KLSTD 1186");
    let lenient = Room::of(1, "kaspersky = { update_needs_host = false, id_as_text = true }").await;
    let id = lenient.add(&lenient.id(0), &json!({})).await.value();
    assert!(id.is_string());
    let bare = json!({"nId": id, "pData": {"KLINCDT_IS_HANDLED": false}});
    assert_eq!(lenient.call("HostGroup.UpdateIncident", bare).await.json(), json!({}));
}

#[tokio::test]
async fn incidents_are_found_by_host_and_time() {
    let room = Room::of(2, "").await;
    for number in [0, 1, 0] {
        let host = room.id(number);
        room.add(&host, &isolation(&host, 1)).await.value();
    }
    let find = async |filter: &str, order: &str| {
        let arguments = json!({
            "strFilter": filter,
            "pFieldsToReturn": ["KLINCDT_ID", "KLINCDT_BODY", "KLINCDT_IS_HANDLED", "KLINCDT_ADDED"],
            "pFieldsToOrder": [{"type": "params", "value": {"Name": order, "Asc": false}}],
            "lMaxLifeTime": 100,
        });
        room.call("HostGroup.FindIncidents", arguments).await
    };
    let host = room.id(0);
    let filter = format!("(&(KLHST_WKS_HOSTNAME=\"{host}\")(KLINCDT_ADDED > T\"2026-01-02 03:02:05\"))");
    let found = find(&filter, "KLINCDT_ID").await;
    assert_eq!(found.value(), json!(2));
    let rows = room.rows(&found).await;
    assert!(rows[0]["KLINCDT_ID"].as_i64() > rows[1]["KLINCDT_ID"].as_i64());
    assert_eq!(rows[0]["KLINCDT_BODY"], isolation(&host, 1).to_string());
    assert_eq!(rows[0]["KLINCDT_ADDED"], json!({"type": "datetime", "value": NOW}));
    assert_eq!(find("KLINCDT_IS_HANDLED=1", "KLINCDT_ID").await.value(), json!(0));
    assert_eq!(find("(KLINCDT_BODY=\"isolate*\")", "KLINCDT_ADDED").await.value(), json!(3));
    assert_eq!(find("(KLINCDT_BODY=\"*Host\")", "KLINCDT_ID").await.error(), "KLSTD 1192");
    assert_eq!(find("(KLHST_WKS_DN=\"x\")", "KLINCDT_ID").await.error(), "KLSTD 1192");
    assert_eq!(find("", "KLHST_WKS_HOSTNAME").await.error(), "KLSTD 1192");
}

#[tokio::test]
async fn rights_are_asked_for_what_they_are_for() {
    let told = async |rights: &str| {
        let room = Room::of(1, &format!("kaspersky.rights = '{rights}'")).await;
        let found = room.call("HostGroup.FindHosts", search("")).await.error();
        let added = room.add(&room.id(0), &json!({})).await.error();
        (found, added, room.call("Session.Ping", json!({})).await.status)
    };
    let denied = || "KLSTD 1184".to_owned();
    let fine = || " null".to_owned();
    assert_eq!(told("all").await, (fine(), fine(), 200));
    assert_eq!(told("read").await, (fine(), denied(), 200));
    assert_eq!(told("none").await, (denied(), denied(), 200));
}

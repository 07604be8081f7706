//! Tasks as a client sees them, and what a client sees of the service that makes them.

use super::*;

async fn response_tasks(room: &Room, host: &str) -> Vec<Value> {
    let all = room.call("Tasks.GetAllTasksOfHost", json!({"strDomainName": "", "strHostName": host})).await.value();
    let all = all.as_array().unwrap().clone();
    assert_eq!(all[..2], [json!("101"), json!("119")], "tasks that have nothing to do with it");
    all[2..].to_vec()
}

/// Lets a host be isolated, and waits for the task.
async fn task(room: &Room, number: usize) -> Value {
    room.isolate(number).await;
    until(|| room.console.fleet().tasks().iter().any(|task| task.host == room.id(number))).await;
    response_tasks(room, &room.id(number)).await.remove(0)
}

async fn statuses(room: &Room, task: &Value, mask: u32) -> Vec<Value> {
    let fields = ["hostname", "state_code", "state_descr", "start_time", "finish_time", "completed_percent"];
    let arguments = json!({"strTask": task, "pFields2Return": fields, "nHostStateMask": mask, "nLifetime": 120});
    let iterator = room.call("Tasks.ResetHostIteratorForTaskStatus", arguments).await.at("/strHostIteratorId");
    let count = room.call("Tasks.GetHostStatusRecordsCount", json!({"strHostIteratorId": iterator})).await.value();
    let range = json!({"strHostIteratorId": iterator, "nStart": 0, "nEnd": count});
    let read = room.call("Tasks.GetHostStatusRecordRange", range).await;
    assert_eq!(read.value(), count);
    let release = json!({"strHostIteratorId": iterator});
    assert_eq!(room.call("Tasks.ReleaseHostStatusIterator", release.clone()).await.json(), json!({}));
    assert_eq!(room.call("Tasks.ReleaseHostStatusIterator", release).await.error(), "KLSTD 1186");
    let rows = read.at("/pParHostStatus/statuses");
    rows.as_array().unwrap().iter().map(|row| row["value"].clone()).collect()
}

#[tokio::test]
async fn a_task_says_what_it_is_and_how_it_went() {
    let room = Room::of(2, SWIFT).await;
    assert_eq!(response_tasks(&room, &room.id(0)).await, [json!(null); 0]);
    let task = task(&room, 0).await;
    let told = room.call("Tasks.GetTask", json!({"strTask": task})).await.value();
    let name = told["DisplayName"].as_str().unwrap();
    assert!(name.starts_with("[Response][edrctl] isolateHost - 02.01.2026 03:04:0"), "{name}");
    assert_eq!((&told["TASK_UNIQUE_ID"], &told["TASK_NAME"]), (&task, &json!("isolateHost")));
    assert_eq!(told["PRTS_TASK_CREATION_DATE"]["type"], "datetime");
    let data = room.call("Tasks.GetTaskData", json!({"strTask": task})).await.value();
    assert_eq!(data.pointer("/TASK_INFO_PARAMS/value/PRTS_TASK_GROUPID"), Some(&json!(-1)));
    assert_eq!(room.call("Tasks.GetTaskGroup", json!({"strTaskId": task})).await.value(), json!(-1));
    assert_eq!(room.call("Tasks.GetTaskGroup", json!({"strTaskId": "101"})).await.value(), json!(0));
    until(|| room.console.fleet().isolated() == 1).await;
    let [status] = &statuses(&room, &task, 127).await[..] else { panic!() };
    assert_eq!((&status["hostname"], &status["state_code"]), (&json!(room.id(0)), &json!(4)));
    assert_eq!((&status["state_descr"], &status["completed_percent"]), (&json!("The task is completed"), &json!(100)));
    assert_eq!(status["finish_time"]["type"], "datetime");
    assert!(statuses(&room, &task, 1 + 2 + 16).await.is_empty(), "only the states that are asked for");
    assert_eq!(room.call("Tasks.GetTask", json!({"strTask": "9"})).await.error(), "KLSTD 1186");
    assert_eq!(room.call("Tasks.GetTask", json!({"strTask": 1001})).await.error(), "KLSTD 1192", "an id is text");
}

#[tokio::test]
async fn a_host_that_is_away_keeps_its_task_pending() {
    let faults = "kaspersky.pick_up_after = '5ms'\nconfirm = [{ how = 'never' }]\n";
    let room = Room::of(1, faults).await;
    let task = task(&room, 0).await;
    let [status] = &statuses(&room, &task, 127).await[..] else { panic!() };
    assert_eq!((&status["state_code"], status.get("finish_time")), (&json!(1), None));
}

#[tokio::test]
async fn statistics_are_kept_under_an_old_and_a_new_name() {
    let room = Room::of(3, SWIFT).await;
    let task = task(&room, 0).await;
    until(|| room.console.fleet().isolated() == 1).await;
    for method in ["Tasks.GetTaskStatistics", "Tasks.GetTaskStatistics2"] {
        let counts = room.call(method, json!({"strTask": task})).await.value();
        assert_eq!(
            counts,
            json!({
                "1": 0, "2": 0, "4": 1, "8": 0, "16": 0, "32": 0, "64": 0,
                "GNRL_COMPLETED_PERCENT": 100, "KLTSK_NEED_RBT_CNT": 0,
            })
        );
        assert_eq!(room.call(method, json!({"strTask": "101"})).await.value()["4"], 3);
    }
    let old = Room::of(1, "kaspersky.statistics2 = false").await;
    assert_eq!(old.call("Tasks.GetTaskStatistics2", json!({"strTask": "101"})).await.status, 404);
    assert_eq!(old.call("Tasks.GetTaskStatistics", json!({"strTask": "101"})).await.status, 200);
}

#[tokio::test]
async fn tasks_are_iterated_by_group_by_host_or_all_together() {
    let room = Room::of(2, SWIFT).await;
    let task = task(&room, 1).await;
    let names = async |significant: bool| {
        let arguments = json!({
            "nGroupId": 0, "bGroupIdSignificant": significant, "strProductName": null, "strVersion": null,
            "strComponentName": null, "strInstanceId": null, "strTaskName": null, "bIncludeSupergroups": true,
        });
        let iterator = room.call("Tasks.ResetTasksIterator", arguments).await.at("/strTaskIteratorId");
        let mut ids = Vec::new();
        loop {
            let next = room.call("Tasks.GetNextTask", json!({"strTaskIteratorId": iterator})).await.at("/pTaskData");
            if next == json!({}) {
                break;
            }
            assert!(next["TASK_INFO_PARAMS"]["value"]["DisplayName"].is_string());
            ids.push(next["TASK_UNIQUE_ID"].clone());
        }
        let released = room.call("Tasks.ReleaseTasksIterator", json!({"strTaskIteratorId": iterator})).await;
        assert_eq!(released.json(), json!({}));
        ids
    };
    assert_eq!(names(true).await, [json!("101"), json!("119")], "a task of single hosts is in no group");
    assert_eq!(names(false).await, [json!("101"), json!("119"), task.clone()]);
    let object = room.call("HostGroup.GetHostTasks", json!({"strHostName": room.id(1)})).await.value();
    assert_eq!(room.call("HostTasks.ResetTasksIterator", json!({"strSrvObjId": object})).await.json(), json!({}));
    let mut last = Value::Null;
    for _ in 0..3 {
        last = room.call("HostTasks.GetNextTask", json!({"strSrvObjId": object})).await.at("/pTaskData/TASK_UNIQUE_ID");
    }
    assert_eq!(last, task);
}

#[tokio::test]
async fn a_task_has_a_history() {
    let room = Room::of(1, SWIFT).await;
    let task = task(&room, 0).await;
    until(|| room.console.fleet().isolated() == 1).await;
    let arguments = json!({
        "strTask": task,
        "pFields2Return": ["event_type", "task_new_state", "event_id", "rise_time"],
        "pSortFields": [{"type": "params", "value": {"Name": "event_id", "Asc": false}}],
        "strHostName": "",
        "pFilter": {"event_type": "KLPRCI_TaskState"},
    });
    let iterator = room.call("Tasks.GetTaskHistory", arguments).await.at("/strIteratorId");
    assert_eq!(room.call("EventProcessing.GetRecordCount", json!({"strIteratorId": iterator})).await.value(), json!(3));
    let range = json!({"strIteratorId": iterator, "nStart": 0, "nEnd": 3});
    let read = room.call("EventProcessing.GetRecordRange", range).await.at("/pParamsEvents/KLEVP_EVENT_RANGE_ARRAY");
    let states: Vec<i64> =
        read.as_array().unwrap().iter().map(|row| row["value"]["task_new_state"].as_i64().unwrap()).collect();
    assert_eq!(states, [4, 1, 0]);
    let released = room.call("EventProcessing.ReleaseIterator", json!({"strIteratorId": iterator})).await;
    assert_eq!(released.json(), json!({}));
}

#[tokio::test]
async fn old_tasks_disappear_and_their_hosts_may_still_be_isolated() {
    let room = Room::of(4, &format!("{SWIFT}kaspersky.keep_tasks = 2")).await;
    for number in 0..4 {
        task(&room, number).await;
        until(|| room.console.fleet().isolated() == number + 1).await;
    }
    assert!(response_tasks(&room, &room.id(0)).await.is_empty());
    assert_eq!(room.console.fleet().tasks().iter().filter(|task| task.rotated).count(), 2);
    assert_eq!(response_tasks(&room, &room.id(3)).await.len(), 1);
}

#[tokio::test]
async fn whether_a_console_is_there_is_told_rightly_or_not() {
    let told = async |faults: &str| {
        let room = Room::of(1, &format!("{SWIFT}{faults}")).await;
        room.isolate(0).await;
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        let any = room.call("ConEvents.IsAnyServiceConsoleAvailable", json!({})).await.value();
        let named = json!({"wstrProdName": "KES", "wstrProdVersion": "12.9.0.0"});
        assert_eq!(room.call("ConEvents.IsServiceConsoleAvailable", named).await.value(), any);
        assert_eq!(room.call("ConEvents.IsServiceConsoleAvailable", json!({})).await.error(), "KLPRSS 1125");
        (any, room.console.fleet().tasks().len())
    };
    assert_eq!(told("").await, (json!(true), 1));
    assert_eq!(told("kaspersky.console_connected = false").await, (json!(false), 0));
    assert_eq!(told("kaspersky.console_shown = false").await, (json!(false), 1));
}

#[tokio::test]
async fn an_isolation_may_be_shown_as_a_tag_and_expires() {
    let room =
        Room::of(1, &format!("{SWIFT}kaspersky.isolation_tag = 'Isolated'\nkaspersky.isolation_expires = '1500ms'"))
            .await;
    let tags =
        async || room.call("HostTagsApi.GetHostTags", json!({"szwHostId": room.id(0), "pParams": {}})).await.value();
    assert_eq!(tags().await, json!([]));
    room.isolate(0).await;
    until(|| room.console.fleet().isolated() == 1).await;
    assert_eq!(tags().await[0]["value"]["KLHST_TagValue"], "Isolated");
    until(|| room.console.fleet().isolated() == 0).await;
    assert_eq!(tags().await, json!([]));
}

#[tokio::test]
async fn the_consoles_clock_may_be_wrong() {
    let room = Room::of(1, &format!("{SWIFT}kaspersky.clock_offset = '-10m'")).await;
    let told = room.call("Tasks.GetTask", json!({"strTask": task(&room, 0).await})).await.value();
    assert!(told["DisplayName"].as_str().unwrap().contains(" - 02.01.2026 02:54:0"), "{told}");
    assert!(
        told.pointer("/PRTS_TASK_CREATION_DATE/value").unwrap().as_str().unwrap().starts_with("2026-01-02T02:54:0")
    );
}

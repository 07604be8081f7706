//! Whole conversations on real sockets: which calls, in which order, and what follows from an answer that does not come.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{
    console::{Arrived, Console, Reply, ok},
    *,
};
use crate::{
    domain::{
        id::Ticket,
        selector::{Selector, SelectorKind},
    },
    vendors::Ack,
};

fn ticket(number: u32) -> Ticket {
    Ticket(Some(format!("incident:{number}").into()))
}

fn isolate() -> Action {
    Action { kind: ActionKind::Isolate, comment: None }
}

fn area() -> Area {
    Area::new("edrctl-7f3a").unwrap()
}

fn selector(text: &str, by: SelectorKind) -> Selector {
    Selector::parse(text, Some(by), id_form).unwrap()
}

/// A console of so many hosts, whose chunks hold at most this many.
fn inventory(hosts: usize, most: usize) -> impl Fn(&Arrived) -> Option<Reply> {
    move |call| {
        let number = |key: &str| usize::try_from(call.body[key].as_u64().unwrap()).unwrap();
        match call.method.as_str() {
            "HostGroup.FindHosts" => Some(ok(&format!(r#"{{"strAccessor":"a/b","PxgRetVal":{hosts}}}"#))),
            "ChunkAccessor.GetItemsChunk" => {
                let end = hosts.min(number("nStart") + number("nCount").min(most));
                let items: Vec<Value> = (number("nStart")..end)
                    .map(|at| json!({"type": "params", "value": {"KLHST_WKS_HOSTNAME": format!("id-{at:04}"), "KLHST_WKS_DN": format!("PC-{at}")}}))
                    .collect();
                let chunk = json!({"PxgRetVal": items.len(), "pChunk": {"KLCSP_ITERATOR_ARRAY": items}});
                Some(ok(&chunk.to_string()))
            }
            _ => None,
        }
    }
}

#[tokio::test]
async fn an_action_is_an_incident_that_is_created_and_released() {
    let console =
        Console::start(|call| (call.method.ends_with("AddIncident")).then(|| ok(fixture!("added.json")))).await;
    let kaspersky = console.open(2);
    let replies = kaspersky.submit(&isolate(), &[target()]).await.unwrap().value;
    assert!(matches!(replies.as_slice(), [Ok(Ack::Accepted(done))] if *done == ticket(4711)));
    assert_eq!(console.methods(), ["StartSession", "AddIncident", "UpdateIncident"]);
    let arrived = console.arrived();
    let text = arrived[1].body["pData"]["KLINCDT_BODY"].as_str().unwrap();
    assert_eq!(text, Task::IsolateHost { on: true }.body(ID, &Area::default()));
    assert_eq!(arrived[2].body["nId"], 4711);
    assert_eq!(arrived[2].connection, arrived[1].connection);
}

#[tokio::test]
async fn an_incident_that_is_there_is_only_released() {
    let console = Console::start(|_| None).await;
    let task = Task::IsolateHost { on: false };
    let kaspersky = console.open(1);
    let ack = kaspersky.submit_task(&task, &target(), &area(), Some(&ticket(7))).await.unwrap();
    assert_eq!(ack, Ack::Accepted(ticket(7)));
    assert_eq!(console.methods(), ["StartSession", "UpdateIncident"]);
    let other = Ticket(Some("task:7".into()));
    assert!(kaspersky.submit_task(&task, &target(), &area(), Some(&other)).await.is_err());
    let nobody = Target { id: HostId::new(" "), name: None, ticket: None };
    assert!(kaspersky.submit_task(&task, &nobody, &area(), None).await.is_err());
    assert_eq!(console.count("Incident"), 1);
}

#[tokio::test]
async fn once_the_incident_is_there_nothing_says_that_all_is_to_be_asked_again() {
    for (reply, expected, words) in [
        (
            "denied",
            (FailureKind::Forbidden, Again::InDoubt),
            "incident 4711 was created but not released: the console denies",
        ),
        (
            "maintenance",
            (FailureKind::ServerError, Again::InDoubt),
            "incident 4711 was created but not released: the console is",
        ),
        (
            "cut",
            (FailureKind::Cut, Again::InDoubt),
            "incident 4711 was created but perhaps not released: the connection",
        ),
    ] {
        let console = Console::start(move |call| match (call.method.as_str(), reply) {
            ("HostGroup.AddIncident", _) => Some(ok(fixture!("added.json"))),
            ("HostGroup.UpdateIncident", "denied") => Some(ok(fixture!("denied.json"))),
            ("HostGroup.UpdateIncident", "maintenance") => Some(ok(fixture!("maintenance.json"))),
            ("HostGroup.UpdateIncident", _) => Some(Reply::Cut),
            _ => None,
        })
        .await;
        let kaspersky = console.open(1);
        let task = Task::IsolateHost { on: true };
        let failed = kaspersky.submit_task(&task, &target(), &area(), None).await.unwrap_err();
        assert_eq!((failed.error.failure().kind, failed.error.again()), expected, "{reply}");
        assert!(failed.error.to_string().starts_with(words), "{}", failed.error);
        assert_eq!(failed.begun, Some(ticket(4711)));
        // The release alone may be asked for again.
        let again = kaspersky.submit_task(&task, &target(), &area(), failed.begun.as_ref()).await.unwrap_err();
        let expected = if reply == "denied" { Again::Never } else { Again::InDoubt };
        assert_eq!(again.error.again(), expected, "nothing is repeated without a look");
        assert_eq!(console.count("AddIncident"), 1, "{reply}");
    }
}

#[tokio::test]
async fn a_creation_that_is_cut_off_is_in_doubt_and_not_made_again() {
    let console = Console::start(|call| call.method.ends_with("AddIncident").then_some(Reply::Cut)).await;
    let error = console.open(1).submit(&isolate(), &[target()]).await.unwrap_err();
    assert_eq!(verdict(&error), (FailureKind::Cut, Again::InDoubt, Scope::Targets));
    assert_eq!(console.methods(), ["StartSession", "AddIncident"]);
}

/// Looks for a request at a console with these incidents and these tasks.
async fn recalled(incidents: &'static str, tasks: &'static str, states: &'static str, body: &str) -> Recalled {
    let tasks = with_tasks(tasks, states);
    let console = Console::start(move |call| match call.method.as_str() {
        "HostGroup.FindIncidents" => Some(ok(fixture!("found.json"))),
        "ChunkAccessor.GetItemsChunk" => Some(ok(incidents)),
        _ => tasks(call),
    })
    .await;
    let found = console.open(1).find_own_request(&target(), body, &area(), at("2026-01-03T17:04:05Z")).await.unwrap();
    let asked = console.arrived().into_iter().find(|call| call.method.ends_with("FindIncidents")).unwrap();
    assert_eq!(
        asked.body["strFilter"],
        format!("(&(KLHST_WKS_HOSTNAME=\"{ID}\")(KLINCDT_ADDED > T\"2026-01-02 03:04:04\"))"),
        "clocks and zones may differ, and the body tells"
    );
    found
}

const NO_TASK: &str = r#"{"PxgRetVal":["101"]}"#;

#[tokio::test]
async fn a_request_of_ours_is_found_by_its_incident_or_its_task() {
    let body = |on| Task::IsolateHost { on }.body(ID, &area());
    let incidents = fixture!("incidents.json");
    assert_eq!(recalled(incidents, NO_TASK, "{}", &body(true)).await, Recalled::There(ticket(4711)));
    assert_eq!(recalled(incidents, NO_TASK, "{}", "{}").await, Recalled::NotThere);
    // There is a task of it, whatever became of the incident: nothing may be sent again.
    let (tasks, states) = (fixture!("tasks_of_host.json"), fixture!("states.json"));
    for (body, number) in [(body(true), "incident:4711 task:192"), ("{}".to_owned(), "task:192")] {
        assert_eq!(
            recalled(incidents, tasks, states, &body).await,
            Recalled::Taken(Ticket(Some(number.into()))),
            "{body}"
        );
    }
    // The task is another host's, and only stands in the list.
    let others = r#"{"pParHostStatus":{"statuses":[{"type":"params","value":{"hostname":"x","state_code":4}}]}}"#;
    assert_eq!(recalled(incidents, tasks, others, "{}").await, Recalled::NotThere);
}

#[tokio::test]
async fn what_cannot_be_compared_is_not_called_missing() {
    let body = Task::IsolateHost { on: true }.body(ID, &area());
    let incident = |rest: &str| -> &'static str {
        let row = format!(r#"{{"type":"params","value":{{"KLHST_WKS_HOSTNAME":"{ID}"{rest}}}}}"#);
        let rows = [row.as_str(); 3].join(",");
        format!(r#"{{"PxgRetVal":3,"pChunk":{{"KLCSP_ITERATOR_ARRAY":[{rows}]}}}}"#).leak()
    };
    let text = serde_json::to_string(&body).unwrap();
    for (rest, words) in [
        (r#","KLINCDT_ID":4711"#.to_owned(), "cannot be compared"),
        (format!(r#","KLINCDT_BODY":{text}"#), "cannot be compared"),
        (format!(r#","KLINCDT_ID":4711,"KLINCDT_BODY":{text},"KLINCDT_IS_HANDLED":true"#), "marked as handled"),
    ] {
        let found = recalled(incident(&rest), NO_TASK, "{}", &body).await;
        assert!(matches!(&found, Recalled::Unclear(said) if said.contains(words)), "{rest}: {found:?}");
    }
}

#[tokio::test]
async fn the_inventory_is_read_page_by_page_on_one_session() {
    let console = Console::start(inventory(450, 150)).await;
    let kaspersky = console.open(4);
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = kaspersky.list(cursor.as_ref()).await.unwrap().value;
        assert_eq!(page.total, Some(450));
        seen.extend(page.hosts.into_iter().map(|host| host.id.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..450).map(|at| format!("id-{at:04}")).collect();
    assert_eq!(seen, expected, "chunks that are smaller than asked for lose nobody");
    let arrived = console.arrived();
    assert!(arrived[1..].iter().all(|call| call.session.as_deref() == Some("session-0")));
    assert_eq!(arrived.last().unwrap().method, "ChunkAccessor.Release");
    assert!(kaspersky.list(Some(&Cursor("x".into()))).await.is_err());
}

#[tokio::test]
async fn a_list_that_the_console_let_go_of_is_asked_for_anew_and_goes_on() {
    let inventory = inventory(300, 200);
    let asked = AtomicUsize::new(0);
    let console = Console::start(move |call| {
        if call.method.ends_with("GetItemsChunk") && asked.fetch_add(1, Ordering::SeqCst) == 1 {
            return Some(ok(fixture!("not_found.json")));
        }
        inventory(call)
    })
    .await;
    let kaspersky = console.open(1);
    let first = kaspersky.list(None).await.unwrap().value;
    let error = kaspersky.list(first.next.as_ref()).await.unwrap_err();
    assert_eq!(verdict(&error), (FailureKind::ServerError, Again::Backoff, Scope::Targets));
    let second = kaspersky.list(first.next.as_ref()).await.unwrap().value;
    assert_eq!((second.hosts.len(), second.next, second.total), (100, None, Some(300)));
    assert_eq!(second.hosts[0].id.as_str(), "id-0200");
    assert_eq!(console.count("FindHosts"), 2);
}

#[tokio::test]
async fn hosts_are_looked_at_by_their_ids() {
    let console = Console::start(|call| match call.method.as_str() {
        "HostGroup.FindHosts" => Some(ok(fixture!("found.json"))),
        "ChunkAccessor.GetItemsChunk" => Some(ok(fixture!("chunk.json"))),
        "HostGroup.GetHostInfo" if call.body["strHostName"] == ID => Some(ok(fixture!("host_info.json"))),
        "HostGroup.GetHostInfo" => Some(ok(fixture!("not_found.json"))),
        _ => None,
    })
    .await;
    let kaspersky = console.open(1);
    let other = Target { id: HostId::new("gone"), name: None, ticket: None };
    let seen = kaspersky.observe(&[target(), other.clone()]).await.unwrap().value;
    let [Observed::State { state, .. }, Observed::NoSuchHost] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((state.isolation, &*state.word), (Isolation::NotTold, "not_told"));
    assert!(matches!(kaspersky.observe(&[target()]).await.unwrap().value.as_slice(), [Observed::State { .. }]));
    assert_eq!(kaspersky.observe(&[other]).await.unwrap().value, [Observed::NoSuchHost]);
    assert!(kaspersky.observe(&[]).await.is_err());
}

#[tokio::test]
async fn names_are_looked_for_in_batches_that_the_console_takes() {
    let inventory = inventory(40, 200);
    let console = Console::start(move |call| {
        let filter = call.body["wstrFilter"].as_str().unwrap_or_default();
        if filter.matches("KLHST_WKS_DN=").count() > 20 {
            Some(ok(fixture!("unreadable.json")))
        } else {
            inventory(call)
        }
    })
    .await;
    let kaspersky = console.open(1);
    let mut selectors: Vec<Selector> = (0..30).map(|at| selector(&format!("pc-{at}"), SelectorKind::Name)).collect();
    selectors.push(selector("pc-99", SelectorKind::Name));
    selectors.push(selector("ID-0003", SelectorKind::Id));
    selectors.push(selector("02:00:5e:10:00:41", SelectorKind::Mac));
    let sought = kaspersky.find_hosts(&selectors).await.unwrap();
    for (at, sought) in sought.iter().take(30).enumerate() {
        let Sought::Hosts(hosts) = sought else { panic!("{sought:?}") };
        let [found] = hosts.as_slice() else { panic!("{hosts:?}") };
        assert_eq!(found.host.id.as_str(), format!("id-{at:04}"), "equality, though the console showed all");
    }
    assert!(matches!(&sought[30], Sought::Hosts(hosts) if hosts.is_empty()));
    assert!(matches!(&sought[31], Sought::Hosts(hosts) if hosts.len() == 1));
    assert!(matches!(&sought[32], Sought::CannotAsk(_)));
    let targets: Vec<Target> =
        (30..45).map(|at| Target { id: HostId::new(format!("id-{at:04}")), name: None, ticket: None }).collect();
    let seen = kaspersky.observe(&targets).await.unwrap().value;
    assert!(seen[..10].iter().all(|seen| matches!(seen, Observed::State { .. })), "{seen:?}");
    assert!(seen[10..].iter().all(|seen| *seen == Observed::NoSuchHost), "{seen:?}");
    let before = console.count("FindHosts");
    kaspersky.find_hosts(&selectors[..30]).await.unwrap();
    assert!(console.count("FindHosts") - before <= 4, "what the console takes is remembered");
}

#[tokio::test]
async fn a_repeated_name_is_told_with_all_of_its_hosts() {
    let console = Console::start(|call| match call.method.as_str() {
        "HostGroup.FindHosts" => Some(ok(fixture!("found.json"))),
        "ChunkAccessor.GetItemsChunk" => Some(ok(fixture!("chunk.json"))),
        _ => None,
    })
    .await;
    let kaspersky = console.open(1);
    let selectors = [
        selector("pc-17", SelectorKind::Name),
        selector("RECEPTION", SelectorKind::Name),
        selector("10.99.101.200", SelectorKind::Ip),
        selector("10.0.0.1", SelectorKind::Ip),
    ];
    let sought = kaspersky.find_hosts(&selectors).await.unwrap();
    let count = |sought: &Sought| match sought {
        Sought::Hosts(hosts) => hosts.len(),
        Sought::CannotAsk(why) => panic!("{why}"),
    };
    assert_eq!(sought.iter().map(count).collect::<Vec<_>>(), [2, 1, 1, 0], "the last address is contradicted");
    let groups = kaspersky.groups("managed DEVICES").await.unwrap();
    assert_eq!(groups.iter().map(|group| group.hosts.len()).collect::<Vec<_>>(), [1]);
    assert!(kaspersky.groups("others").await.unwrap().is_empty());
}

/// A console with tasks: `101` is somebody's, `192` is ours once it is there.
fn with_tasks(ids: &'static str, states: &'static str) -> impl Fn(&Arrived) -> Option<Reply> {
    move |call| match call.method.as_str() {
        "Tasks.GetAllTasksOfHost" => Some(ok(ids)),
        "Tasks.GetTask" if call.body["strTask"] == "192" => Some(ok(fixture!("task.json"))),
        "Tasks.GetTask" => Some(ok(fixture!("task_of_group.json"))),
        "Tasks.ResetHostIteratorForTaskStatus" => Some(ok(r#"{"strHostIteratorId":"b71c"}"#)),
        "Tasks.GetHostStatusRecordRange" => Some(ok(states)),
        _ => None,
    }
}

#[tokio::test]
async fn a_task_is_followed_up_the_ladder() {
    let follow = async |ids, states| {
        let console = Console::start(with_tasks(ids, states)).await;
        console.open(1).follow(&target(), &area(), None).await.unwrap()
    };
    let all = fixture!("tasks_of_host.json");
    assert_eq!(follow(r#"{"PxgRetVal":["101"]}"#, "{}").await.rung, Rung::Submitted);
    assert_eq!(follow(all, r#"{"PxgRetVal":0,"pParHostStatus":{}}"#).await.rung, Rung::TaskCreated);
    let failed = follow(all, fixture!("states.json")).await;
    assert_eq!((failed.rung, failed.said.as_deref()), (Rung::Failed, Some("File not found")));
    assert_eq!(failed.task.as_ref().map(|task| &*task.id), Some("192"));
    for (code, rung) in [
        ("1", Rung::Pending),
        ("32", Rung::Pending),
        ("2", Rung::Running),
        ("64", Rung::Paused),
        ("4", Rung::Completed),
        ("8", Rung::CompletedWithWarning),
        ("128", Rung::TaskCreated),
    ] {
        let states = format!(
            r#"{{"pParHostStatus":{{"statuses":[{{"type":"params","value":{{"hostname":"{ID}","state_code":{code}}}}}]}}}}"#
        );
        assert_eq!(follow(all, states.leak()).await.rung, rung, "{code}");
    }
}

#[tokio::test]
async fn only_a_task_of_ours_is_taken() {
    let console = Console::start(with_tasks(fixture!("tasks_of_host.json"), fixture!("states.json"))).await;
    let kaspersky = console.open(1);
    let rung = async |area: &str| {
        let area = Area::new(area).unwrap();
        kaspersky.follow(&target(), &area, None).await.unwrap().rung
    };
    assert_eq!(rung("edrctl").await, Rung::Submitted, "its word is another");
    assert_eq!(rung("edrctl-7f3a").await, Rung::Failed);
    assert_eq!(console.count("GetTask"), 3, "names are asked for once");
    assert_eq!(console.count("ReleaseHostStatusIterator"), 1);
    // A console that lists the tasks of other hosts, too.
    let others = r#"{"pParHostStatus":{"statuses":[{"type":"params","value":{"hostname":"x","state_code":4}}]}}"#;
    let console = Console::start(with_tasks(fixture!("tasks_of_host.json"), others)).await;
    assert_eq!(console.open(1).follow(&target(), &area(), None).await.unwrap().rung, Rung::Submitted);
    // Two records of one host: the one that promises less.
    let twice = format!(
        r#"{{"pParHostStatus":{{"statuses":[{{"type":"params","value":{{"hostname":"{ID}","state_code":4}}}},
            {{"type":"params","value":{{"hostname":"{ID}","state_code":16}}}}]}}}}"#
    );
    let console = Console::start(with_tasks(fixture!("tasks_of_host.json"), twice.leak())).await;
    assert_eq!(console.open(1).follow(&target(), &area(), None).await.unwrap().rung, Rung::Failed);
}

#[tokio::test]
async fn a_console_that_does_not_show_tasks_leaves_what_is_proved() {
    for refused in [fixture!("denied.json"), fixture!("not_found.json"), fixture!("unreadable.json")] {
        let console = Console::start(move |call| call.method.ends_with("GetAllTasksOfHost").then(|| ok(refused))).await;
        let followed = console.open(1).follow(&target(), &area(), None).await.unwrap();
        assert_eq!(followed.rung, Rung::Submitted);
        assert!(followed.said.unwrap().contains("cannot be seen: "));
    }
}

#[tokio::test]
async fn a_known_task_that_is_gone_is_lost() {
    let console = Console::start(with_tasks(fixture!("tasks_of_host.json"), fixture!("states.json"))).await;
    let kaspersky = console.open(1);
    let known = |id: &str| KnownTask { id: id.into(), name: "x".into(), created: None };
    let follow = async |id| kaspersky.follow(&target(), &area(), Some(&known(id))).await;
    let lost = follow("7").await.unwrap();
    assert_eq!((lost.rung, lost.task, lost.rung.is_final()), (Rung::Lost, Some(known("7")), true));
    assert_eq!(follow("192").await.unwrap().rung, Rung::Failed);
    assert_eq!(console.count("GetTask"), 0);
}

#[tokio::test]
async fn a_check_tells_hosts_and_whether_anybody_listens() {
    let checked = async |there: &'static str| {
        let console = Console::start(move |call| match call.method.as_str() {
            "HostGroup.FindHosts" => Some(ok(fixture!("found.json"))),
            "ConEvents.IsAnyServiceConsoleAvailable" => Some(ok(there)),
            _ => None,
        })
        .await;
        console.open(1).check().await.unwrap().value.detail.unwrap()
    };
    assert_eq!(
        checked(fixture!("console.json")).await,
        "3 hosts; a Web Console is connected; whether the account may create tasks shows only when one is sent"
    );
    assert!(checked(r#"{"PxgRetVal":false}"#).await.contains("nothing will be carried out"));
    assert!(checked(fixture!("denied.json")).await.contains("cannot be learnt"));
}

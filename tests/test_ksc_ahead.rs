//! What is looked at before a run is sent to a Security Center: who is there to carry it out, what is there already and how it
//! stands, and which group is meant.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use crate::support::{Ksc, PlayedKsc, wait_until};

const GET: [&str; 3] = ["getFile", "--path", r"C:\Temp\a.exe"];

fn with<'a>(task: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [task, more].concat()
}

/// Two target files: the first hosts, and the others.
fn split(room: &Ksc, first: usize) {
    let ids = room.console.guids();
    let lines =
        |from: usize, to: usize| ids.lines().skip(from).take(to).map(|id| format!("{id}\n")).collect::<String>();
    room.env.file("first.txt", lines(0, first));
    room.env.file("others.txt", lines(first, usize::MAX));
}

#[test]
fn after_a_hundred_isolations_every_host_can_be_put_back() {
    let room = Ksc::new(100, "");
    split(&room, 1);
    room.isolate(&["--wait=60s"]).exits(0);
    let args = ["unisolate", "--vendor", "kaspersky", "--yes", "-o", "jsonl"];
    let output = room.env.run(with(&args, &["first.txt"])).exits(0);
    assert!(output.stderr.contains("the oldest 1, which are done"), "{output}");
    let output = room.env.run(with(&args, &["--wait=60s", "others.txt"])).exits(0);
    assert!(output.stderr.contains("the oldest 99"), "{output}");
    assert_eq!(room.console.fleet().isolated(), 0);
    // And a third time: what was pushed out in between is not taken for waiting.
    room.isolate(&["--wait=60s"]).exits(0);
    assert_eq!(room.console.fleet().isolated(), 100);
    assert!(room.tasks().iter().all(|task| task.executed), "pushed out before it was done");
}

#[test]
fn statistics_are_asked_for_by_the_older_method_where_the_newer_is_not_there() {
    let room = Ksc::new(60, "kaspersky.statistics2 = false\n");
    room.task(&with(&GET, &["--wait=60s"])).exits(0);
    room.task(&GET).exits(0);
    assert!(room.calls("Tasks.GetTaskStatistics") >= 60);
}

#[test]
fn tasks_that_are_not_done_are_not_pushed_out() {
    let room = Ksc::new(60, "kaspersky.result = [{ state = 'pending' }]\n");
    room.task(&GET).exits(0);
    wait_until("tasks", || room.tasks().len() == 60);
    for more in [&["--wait=10s"][..], &[]] {
        let output = room.task(&with(&GET, more)).exits(5);
        assert!(output.stderr.contains("60 tasks would be added to 60"), "{output}");
        assert!(output.stderr.contains("60 of those are not known to be done"), "{output}");
    }
    assert_eq!(room.writes(), (60, 60));
}

#[test]
fn incidents_that_are_no_tasks_yet_take_room_as_well() {
    let room = Ksc::new(120, "kaspersky.pick_up = 'never'\n");
    split(&room, 60);
    let args = ["isolate", "--vendor", "kaspersky", "--yes", "-o", "jsonl"];
    room.env.run(with(&args, &["first.txt"])).exits(0);
    let output = room.env.run(with(&args, &["others.txt"])).exits(5);
    assert!(output.stderr.contains("60 tasks would be added to 60"), "{output}");
    assert_eq!(room.writes(), (60, 60));
    room.env.run(with(&args, &["--allow-rotation", "others.txt"])).exits(0);
    // Of a console that marks what it has picked up, nothing is left to count.
    let room = Ksc::new(120, "kaspersky.marks_handled = true\n");
    split(&room, 60);
    room.env.run(with(&args, &["--wait=60s", "first.txt"])).exits(0);
    let output = room.env.run(with(&args, &["others.txt"])).exits(0);
    assert!(output.stderr.contains("added to 60"), "{output}");
}

#[test]
fn what_cannot_be_counted_is_refused_unless_rotation_is_allowed() {
    // A list without an end, and one that cannot be read.
    let ordinary = |method: &str, _: &Value| match method {
        "Tasks.GetNextTask" => Some((200, json!({"pTaskData": {"DisplayName": "Update", "TASK_UNIQUE_ID": "7"}}))),
        _ => None,
    };
    let broken = |method: &str, _: &Value| (method == "Tasks.ResetTasksIterator").then(|| (500, json!({})));
    let denied = |method: &str, _: &Value| {
        let error = json!({"PxgError": {"module": "KLSTD", "code": 1184, "message": "Access is denied"}});
        (method == "Tasks.ResetTasksIterator").then_some((200, error))
    };
    let rooms = [PlayedKsc::new(ordinary), PlayedKsc::new(broken), PlayedKsc::new(denied)];
    for (room, words) in rooms.iter().zip(["more than 5000 tasks", "HTTP 500", "KLSTD 1184"]) {
        let output = room.isolate(&[]).exits(5);
        assert!(output.stderr.contains("could not be counted") && output.stderr.contains(words), "{words}\n{output}");
        assert!(room.arguments("HostGroup.AddIncident").is_empty(), "{output}");
        room.isolate(&["--allow-rotation"]).exits(0);
    }
}

#[test]
fn a_question_that_only_warns_stops_no_run() {
    for answer in [(500, json!({})), (404, json!({})), (200, json!({"PxgRetVal": "perhaps"}))] {
        let said = answer.clone();
        let room = PlayedKsc::new(move |method, _| method.starts_with("ConEvents.").then(|| said.clone()));
        let output = room.isolate(&[]).exits(0);
        assert!(output.stderr.contains("cannot be learnt"), "{answer:?}\n{output}");
        let output = room.isolate(&["--require-console"]).exits(5);
        assert!(output.stderr.contains("--require-console"), "{answer:?}\n{output}");
        assert_eq!(room.arguments("HostGroup.AddIncident").len(), 1, "{answer:?}");
        room.env.run(["check", "kaspersky"]).exits(0);
    }
    // Incidents that cannot be counted are warned of.
    let room = PlayedKsc::new(|method, _| (method == "HostGroup.FindIncidents").then(|| (404, json!({}))));
    let output = room.isolate(&[]).exits(0);
    assert!(output.stderr.contains("are none yet cannot be counted"), "{output}");
}

#[test]
fn a_dry_run_is_refused_where_the_run_would_be() {
    let room = Ksc::new(150, "kaspersky.console_connected = false\n");
    let output = room.task(&with(&GET, &["--dry-run"])).exits(5);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 150)].into(), "{output}");
    for words in ["150 tasks would be added", "no Web Console is connected", r"the task fetches `C:\Temp\a.exe`"] {
        assert!(output.stderr.contains(words), "`{words}`\n{output}");
    }
    room.task(&with(&GET, &["--dry-run", "--wait"])).exits(0);
    let output = room.task(&with(&GET, &["--dry-run", "--allow-rotation"])).exits(0);
    assert!(output.stderr.contains("no Web Console is connected"), "{output}");
    room.task(&with(&GET, &["--dry-run", "--allow-rotation", "--require-console"])).exits(5);
    room.was_left_alone();
}

#[test]
fn a_resumption_looks_at_the_console_anew() {
    let host = Ksc::slow(150, "").console.fleet().hosts()[0].id.clone();
    let room = Ksc::new(150, &format!("kaspersky.result = [{{ state = 'pending', hosts = ['{host}'] }}]\n"));
    room.task(&with(&GET, &["--wait=5s"])).exits(7);
    let sent = room.incidents().len();
    // Somebody else has a task for the same host, which is not done either.
    room.env.file("one.txt", format!("{host}\n"));
    room.env.run(["isolate", "--vendor", "kaspersky", "--yes", "one.txt"]).exits(0);
    wait_until("its task", || room.tasks().iter().any(|task| task.kind == "isolateHost"));
    let run = room.env.journals()[0].file_stem().unwrap().to_string_lossy().split('.').next().unwrap().to_owned();
    let output = room.env.run(["resume", &run, "--yes"]).exits(5);
    assert!(output.stderr.contains("1 of those is not known to be done"), "{output}");
    assert_eq!(room.incidents().len(), sent + 1, "{output}");
}

#[test]
fn a_resumption_requires_a_console_if_the_run_did() {
    let (is_there, is_locked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
    let (there, locked) = (Arc::clone(&is_there), Arc::clone(&is_locked));
    let room = PlayedKsc::new(move |method, _| match method {
        "ConEvents.IsAnyServiceConsoleAvailable" => Some((200, json!({"PxgRetVal": there.load(Ordering::SeqCst)}))),
        "HostGroup.AddIncident" if locked.load(Ordering::SeqCst) => Some((401, json!({}))),
        _ => None,
    });
    let output = room.isolate(&["--require-console"]);
    assert!(output.code == Some(4) || output.code == Some(7), "{output}");
    is_locked.store(false, Ordering::SeqCst);
    is_there.store(false, Ordering::SeqCst);
    let output = room.env.run(["resume", "--yes"]).exits(5);
    assert!(output.stderr.contains("--require-console"), "{output}");
    is_there.store(true, Ordering::SeqCst);
    room.env.run(["resume", "--yes"]).exits(0);
}

#[test]
fn nothing_is_asked_twice_before_the_first_host() {
    let room = Ksc::new(1, "");
    room.isolate(&[]).exits(0);
    for method in ["ConEvents.IsAnyServiceConsoleAvailable", "HostGroup.FindHosts", "Tasks.ResetTasksIterator"] {
        assert_eq!(room.calls(method), 1, "{method}");
    }
}

/// A console whose hosts are those, whatever it is asked for.
fn with_hosts(hosts: Vec<Value>) -> PlayedKsc {
    PlayedKsc::new(move |method, arguments| match method {
        "HostGroup.FindHosts" => Some((200, json!({"strAccessor": "a", "PxgRetVal": hosts.len()}))),
        "ChunkAccessor.GetItemsChunk" => {
            let items: Vec<Value> = hosts.iter().map(|host| json!({"type": "params", "value": host})).collect();
            Some((200, json!({"pChunk": {"KLCSP_ITERATOR_ARRAY": items}, "PxgRetVal": hosts.len()})))
        }
        "HostGroup.GetGroupInfo" => {
            let name = format!("Managed devices/Branch {}/Servers/", arguments["nGroupId"]);
            Some((200, json!({"PxgRetVal": {"grp_full_name": name}})))
        }
        _ => None,
    })
}

fn host(number: u32, group: &str, of: Option<i64>) -> Value {
    let id = format!("5593fcfd-e950-4b54-9732-{number:012}");
    let mut host = json!({"KLHST_WKS_HOSTNAME": id, "KLHST_WKS_DN": format!("srv-{number}"), "KLHST_WKS_STATUS": 5, "name": group});
    if let Some(of) = of {
        host["KLHST_WKS_GROUPID"] = of.into();
    }
    host
}

#[test]
fn groups_of_one_name_are_different_groups() {
    let hosts = vec![
        host(1, "Servers", Some(5)),
        host(2, "Servers", Some(5)),
        host(3, "Servers", Some(9)),
        host(4, "servers", Some(11)),
        host(5, "Others", Some(12)),
    ];
    let room = with_hosts(hosts);
    let run =
        |group: &str| room.env.run(["isolate", "--vendor", "kaspersky", "--yes", "-o", "jsonl", "--group", group]);
    let output = run("Servers").exits(5);
    for words in
        ["3 groups are called `Servers`", "id:5  Managed devices/Branch 5/Servers/  2 hosts", "id:11", "--group id:7"]
    {
        assert!(output.stderr.contains(words), "`{words}`\n{output}");
    }
    assert!(room.arguments("HostGroup.AddIncident").is_empty());
    let sent = || {
        let ids = room.arguments("HostGroup.AddIncident");
        ids.iter()
            .map(|call| call["pData"]["KLHST_WKS_HOSTNAME"].as_str().unwrap()[35..].to_owned())
            .collect::<Vec<_>>()
    };
    run("id:9").exits(0);
    assert_eq!(sent(), ["3"]);
    run("managed devices/branch 11/Servers").exits(0);
    assert_eq!(sent(), ["3", "4"]);
    run("id:7").exits(5);
    run("Managed devices/Branch 7/Servers").exits(5);
    run("Others").exits(0);
    assert_eq!(sent(), ["3", "4", "5"]);
    // Hosts of whose group nothing but a name is told may be in several.
    let room = with_hosts(vec![host(1, "Servers", None), host(2, "Servers", None)]);
    let output = room.env.run(["isolate", "--vendor", "kaspersky", "--yes", "--group", "Servers"]).exits(5);
    assert!(output.stderr.contains("does not tell the number"), "{output}");
}

#[test]
fn a_rehearsal_has_a_group_of_any_number() {
    let room = Ksc::new(1, "");
    let args = ["isolate", "--vendor", "kaspersky", "--simulate", "-o", "jsonl", "--group", "id:7"];
    assert_eq!(room.env.run(args).exits(0).results().len(), 8);
}

#[test]
fn one_spelling_of_a_name_does_not_hide_another_hosts() {
    let csv = "\
guid,hostname,ip,group,display_name
11111111-1111-4111-8111-111111111101,first.corp.example,10.1.0.1,Finance,PC-17
11111111-1111-4111-8111-111111111102,pc-17.branch.example,10.1.0.2,Finance,Reception
";
    for faults in ["kaspersky.ignore_case = false\n", ""] {
        for target in ["pc-17", "PC-17", "Pc-17"] {
            let room = Ksc::of(csv, faults);
            let output = room.isolate_list(&format!("{target}\n"), &[]).exits(6);
            room.was_left_alone();
            assert_eq!(output.result()["reason_code"], "ambiguous", "{target} {faults}\n{output}");
        }
    }
}

#[test]
fn a_state_that_the_console_does_not_tell_is_not_confirmed() {
    let room = Ksc::new(2, "");
    for more in [&[][..], &["--by", "id"]] {
        let args = ["status", "--vendor", "kaspersky", "-o", "jsonl", "hosts.txt"];
        let output = room.env.run(with(&args, more)).exits(6);
        assert_eq!(output.outcomes(), [("unconfirmed".to_owned(), 2)].into(), "{output}");
        for result in output.results() {
            assert_eq!(
                (&result["state"], &result["reason_code"]),
                (&"not_told".into(), &"not_confirmed".into()),
                "{result}"
            );
            assert!(
                result["reason"].as_str().unwrap().contains("does not tell whether a host is isolated"),
                "{result}"
            );
        }
        assert!(!output.stderr.contains("resume"), "{output}");
    }
}

#[test]
fn a_check_warns_in_both_places_and_says_what_it_does_not_prove() {
    let room = Ksc::new(2, "kaspersky.console_connected = false\nkaspersky.rights = 'read'\n");
    let output = room.env.run(["check", "kaspersky", "-o", "jsonl"]).exits(0);
    let checked: Value = serde_json::from_str(&output.stdout).unwrap();
    assert!(checked["warnings"][0].as_str().unwrap().contains("no Web Console is connected"), "{output}");
    assert!(output.stderr.contains("no Web Console is connected"), "{output}");
    assert!(checked["detail"].as_str().unwrap().contains("create tasks shows only when one is sent"), "{output}");
    // What cannot even be read is a warning, too.
    let denied = json!({"PxgError": {"module": "KLSTD", "code": 1184, "message": "Access is denied"}});
    let room = PlayedKsc::new(move |method, _| method.starts_with("Tasks.").then(|| (200, denied.clone())));
    let output = room.env.run(["check", "kaspersky"]).exits(0);
    assert!(output.stderr.contains("cannot be counted") && output.stderr.contains("1184"), "{output}");
}

#[test]
fn a_host_of_another_system_has_a_caution_and_one_without_an_agent_its_reason() {
    let mut other = host(1, "Servers", Some(5));
    other["KLHST_WKS_OS_NAME"] = "Ubuntu 22.04".into();
    let mut bare = host(2, "Servers", Some(5));
    bare["KLHST_WKS_STATUS"] = 1.into();
    let room = with_hosts(vec![other, bare]);
    room.env.file("hosts.txt", "srv-1\nsrv-2\n");
    let output = room.isolate(&[]).exits(6);
    assert_eq!(
        (output.outcome_of("srv-1"), output.outcome_of("srv-2")),
        ("accepted".into(), "refused".into()),
        "{output}"
    );
    let results = output.results();
    let of = |target: &str| results.iter().find(|result| result["target"] == target).unwrap().clone();
    assert!(of("srv-1")["note"].as_str().unwrap().contains("documented for Windows only"), "{output}");
    assert!(of("srv-2")["reason"].as_str().unwrap().contains("has no agent"), "{output}");
}

#[test]
fn a_task_that_is_told_otherwise_than_it_would_be_carried_out_is_refused() {
    let room = Ksc::new(1, "");
    let params = r#""params": {"path": "C:\\a.exe"}"#;
    for (text, words) in [
        (format!(r#"{{"task": "getFile", {params}, "targetHost": "5593fcfd"}}"#), "targetHost"),
        (format!(r#"{{"task": "getFile", {params}, "task": "deleteFile"}}"#), "`task` is there twice"),
        (
            r#"{"task": "getFile", "params": {"path": "C:\\a.exe", "path": "C:\\b.exe"}}"#.to_owned(),
            "`path` is there twice",
        ),
        (format!(r#"{{"task": "getFile", {params}, "host": "x"}}"#), "no key `host`"),
        (format!(r#"{{"task": "getFile", {params}, "responseEventIncident": false}}"#), "responseEventIncident"),
        (
            r#"{"task": "onDemandScan", "params": [{"enabled": false, "path": "", "recursive": true, "type": 14}]}"#
                .to_owned(),
            "switched off",
        ),
    ] {
        room.env.file("task.json", &text);
        let output = room.env.run(["ksc-task", "--task-file", "task.json", "--yes", "hosts.txt"]).exits(2);
        assert!(output.stderr.contains(words), "{text}\n{output}");
    }
    for (args, words) in [
        (["getFile", "--path", "/etc/passwd"], "whole path of Windows"),
        (["getFile", "--path", "a.exe"], "whole path of Windows"),
        (["getFile", "--path", r"C:a.exe"], "whole path of Windows"),
        (["getFile", "--path", r"%TEMP%\a.exe"], "variable"),
        (["getFile", "--path", r"C:\Users\%USERNAME%\a.exe"], "variable"),
        (["startProcess", "--executable-path", "cmd.exe"], "whole path of Windows"),
        (["onDemandScan", "--object", "22:"], "whole path of Windows"),
        (["onDemandScan", "--object", r"22:C:\Temp"], "whole path of Windows"),
    ] {
        let output = room.task(&args).exits(2);
        assert!(output.stderr.contains(words), "{args:?}\n{output}");
    }
    room.was_left_alone();
    for path in [r"\\server\share\a.exe", "c:/a.exe", r"C:\100%.exe", r"C:\50% of 100%\a.exe"] {
        room.task(&["getFile", "--path", path, "--dry-run"]).exits(0);
    }
}

#[test]
fn a_link_in_a_folder_of_indicators_is_not_followed() {
    let room = Ksc::new(1, "");
    std::fs::create_dir(room.env.path().join("ioc")).unwrap();
    room.env.file("ioc/a.ioc", "<ioc/>");
    room.env.file("secret.txt", "secret");
    std::os::unix::fs::symlink(room.env.path().join("secret.txt"), room.env.path().join("ioc/b.ioc")).unwrap();
    let output = room.task(&["iocScan", "--ioc", "ioc"]).exits(2);
    assert!(output.stderr.contains("links in a folder are not followed"), "{output}");
    room.was_left_alone();
}

#[test]
fn words_say_what_is_meant() {
    let room = Ksc::new(3, "");
    let output = room.env.run(["ksc-task", "getfile", "--path", r"C:\x", "hosts.txt"]).exits(2);
    assert!(output.stderr.contains("there is no task `getfile`; did you mean `getFile`?"), "{output}");
    let output = room.env.run(["ksc-task", "--yes", "getFile", "--path", r"C:\x", "hosts.txt"]).exits(2);
    assert!(output.stderr.contains("the task comes first"), "{output}");
    room.env.run(["ksc-task", "getfile"]).exits(2).says("did you mean `getFile`?");
    let output = room.env.run(["ksc-task", "startProcess", "--executable-path", r"C:\x.exe", "--dry-run", "hosts.txt"]);
    assert!(
        output.stdout.contains("3 hosts to run startProcess on;")
            || output.stderr.contains("3 hosts to run startProcess on;"),
        "{output}"
    );
    room.env.run(["ksc-task", "--help"]).exits(0);
    // A connection that breaks is told without the address of a library's pages.
    let cut = AtomicUsize::new(0);
    let room = PlayedKsc::new(move |method, _| {
        (method == "Tasks.GetAllTasksOfHost").then(|| (200, json!({"PxgRetVal": [cut.fetch_add(1, Ordering::SeqCst)]})))
    });
    let output = room.isolate(&["--wait=1s"]).exits(6);
    assert!(!output.stdout.contains("docs.rs") && !output.stderr.contains("docs.rs"), "{output}");
}

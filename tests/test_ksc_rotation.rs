//! What is told of response tasks at a Security Center is what is proved, and no task of a run pushes out another of it.

use std::process::Stdio;

use crate::support::{Ksc, side_by_side, wait_until};

const GET: [&str; 3] = ["getFile", "--path", r"C:\Temp\a.exe"];

fn with<'a>(task: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [task, more].concat()
}

#[test]
fn without_a_wait_accepted_is_all_that_is_told() {
    let room = Ksc::slow(3, "");
    let output = room.task(&GET).exits(0);
    assert_eq!(output.outcomes(), [("accepted".to_owned(), 3)].into(), "{output}");
    assert_eq!(room.calls("Tasks.GetAllTasksOfHost"), 0, "nobody asked how they stand");
    for result in output.results() {
        assert!(result["ticket"].as_str().unwrap().starts_with("incident:"), "{result}");
        assert!(result["reason"].is_null(), "{result}");
    }
}

#[test]
fn a_wait_confirms_by_the_task_of_each_host_and_tells_its_number() {
    let room = Ksc::new(3, "");
    let output = room.task(&with(&GET, &["--wait=30s"])).exits(0);
    room.assert_each_carried_out_once("getFile", "a wait");
    for result in output.results() {
        assert_eq!((&result["outcome"], &result["state"]), (&"confirmed".into(), &"completed".into()), "{result}");
        let ticket = result["ticket"].as_str().unwrap();
        let id = result["host"]["id"].as_str().unwrap();
        let task = room.tasks().into_iter().find(|task| task.host.eq_ignore_ascii_case(id)).unwrap();
        assert_eq!(ticket, format!("incident:{} task:{}", task.incident, task.id), "{result}");
    }
}

#[test]
fn a_task_that_fails_is_told_with_the_hosts_own_words() {
    let faults = "kaspersky.result = [{ state = 'failed', description = 'The file is gone', share = 1.0 }]\n";
    let room = Ksc::new(2, faults);
    let output = room.task(&with(&GET, &["--wait=30s"])).exits(6);
    assert!(room.tasks().iter().all(|task| task.state == 16));
    for result in output.results() {
        assert_eq!((&result["outcome"], &result["reason_code"]), (&"failed".into(), &"task_failed".into()), "{result}");
        assert!(result["reason"].as_str().unwrap().contains("The file is gone"), "{result}");
        assert_eq!(result["state"], "failed", "{result}");
    }
    assert_eq!(room.writes(), (2, 2), "a task that failed is not sent again");
}

#[test]
fn a_wait_that_ends_first_tells_the_last_state_that_is_proved() {
    let result = |state: &str| format!("kaspersky.result = [{{ state = '{state}' }}]\n");
    let cases = [
        (result("pending"), "pending"),
        (result("scheduled"), "pending"),
        (result("running"), "running"),
        (result("paused"), "paused"),
        ("kaspersky.pick_up = 'never'\n".to_owned(), "submitted"),
        ("kaspersky.console_connected = false\n".to_owned(), "submitted"),
    ];
    side_by_side(cases, |(faults, state)| {
        let room = Ksc::new(2, &faults);
        let output = room.isolate(&["--wait=3s"]);
        let output = output.exits(6);
        assert_eq!(room.writes(), (2, 2), "{faults}: what waits is not sent again");
        for result in output.results() {
            let told = (&result["outcome"], &result["state"], &result["reason_code"]);
            assert_eq!(told, (&"unconfirmed".into(), &state.into(), &"not_confirmed".into()), "{faults}\n{output}");
        }
    });
}

#[test]
fn a_warning_of_the_host_is_not_called_done() {
    let room = Ksc::new(1, "kaspersky.result = [{ state = 'warning', description = 'after a restart' }]\n");
    let output = room.task(&with(&GET, &["--wait=30s"])).exits(6);
    let result = output.result();
    assert_eq!(
        (&result["outcome"], &result["state"]),
        (&"unconfirmed".into(), &"completed_with_warning".into()),
        "{output}"
    );
    assert!(result["reason"].to_string().contains("after a restart"), "{output}");
}

#[test]
fn a_host_that_is_away_is_pending_and_another_is_confirmed() {
    let room = Ksc::examples("");
    let output = room.isolate_list("travel-lt\nfrontdesk.corp.example\n", &["--wait=4s"]).exits(6);
    assert_eq!(output.outcome_of("travel-lt"), "unconfirmed", "{output}");
    assert_eq!(output.outcome_of("frontdesk.corp.example"), "confirmed", "{output}");
    let results = output.results();
    let away = results.iter().find(|result| result["target"] == "travel-lt").unwrap();
    assert_eq!(away["state"], "pending", "{output}");
}

#[test]
fn a_console_that_is_not_connected_is_warned_of_and_nothing_is_said_to_be_done() {
    let room = Ksc::new(2, "kaspersky.console_connected = false\n");
    let check = room.env.run(["check", "kaspersky"]).exits(0);
    assert!(check.stdout.contains("no Web Console is connected"), "{check}");
    let output = room.task(&GET).exits(0);
    assert!(output.stderr.contains("no Web Console is connected"), "{output}");
    assert_eq!(output.outcomes(), [("accepted".to_owned(), 2)].into(), "{output}");
    let output = room.task(&with(&GET, &["--require-console"])).exits(5);
    assert!(output.stderr.contains("--require-console"), "{output}");
    assert_eq!(room.writes(), (2, 2), "nothing was added for the refused run");
    assert_eq!(room.env.journals().len(), 1);
    assert!(room.tasks().is_empty());
    // One that is connected is no reason to refuse.
    Ksc::new(1, "").task(&with(&GET, &["--require-console"])).exits(0);
}

#[test]
fn more_tasks_than_the_console_keeps_are_refused_with_the_numbers() {
    let room = Ksc::new(150, "");
    let output = room.task(&GET).exits(5);
    room.was_left_alone();
    assert!(room.env.journals().is_empty());
    for words in ["150 tasks", "keeps 100", "--wait", "--allow-rotation", "nothing was sent"] {
        assert!(output.stderr.contains(words), "`{words}`\n{output}");
    }
    assert!(room.isolate(&[]).code == Some(5));
    room.was_left_alone();
}

#[test]
fn whoever_allows_it_pushes_older_tasks_out() {
    let room = Ksc::new(150, "");
    let output = room.task(&with(&GET, &["--allow-rotation"])).exits(0);
    assert_eq!((room.writes(), output.outcomes()["accepted"]), ((150, 150), 150), "{output}");
    wait_until("every incident to become a task", || room.tasks().len() == 150);
    assert_eq!(room.tasks().iter().filter(|task| task.rotated).count(), 50);
}

#[test]
fn a_wait_sends_in_waves_in_which_nothing_is_pushed_out_before_it_is_done() {
    side_by_side(["20ms", "1500ms"], |after| {
        let faults = format!("kaspersky.pick_up_after = '5ms'\nconfirm = [{{ after = '{after}' }}]\n");
        let room = Ksc::slow(150, &faults);
        let output = room.task(&with(&GET, &["--wait=60s"])).exits(0);
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 150)].into(), "{after}");
        assert!(output.stderr.contains("150 tasks would be added"), "{output}");
        room.assert_each_carried_out_once("getFile", after);
        let tasks = room.tasks();
        assert_eq!(tasks.iter().filter(|task| task.rotated).count(), 50, "{after}");
        assert!(tasks.iter().all(|task| task.executed && task.state == 4), "{after}: pushed out before it was done");
    });
}

#[test]
fn a_straggler_stops_the_waves_and_resume_goes_on() {
    let host = Ksc::slow(150, "").console.fleet().hosts()[0].id.clone();
    let faults = format!("kaspersky.result = [{{ state = 'pending', hosts = ['{host}'] }}]\n");
    let room = Ksc::new(150, &faults);
    let output = room.task(&with(&GET, &["--wait=5s"])).exits(7);
    let outcomes = output.outcomes();
    let left = outcomes["not_sent"];
    assert!(left > 0 && left <= 100, "{outcomes:?}");
    assert_eq!(outcomes["unconfirmed"], 1, "{outcomes:?}");
    assert!(output.stderr.contains("edrctl resume"), "{output}");
    assert_eq!(room.incidents().len(), 150 - left);
    assert!(room.tasks().iter().all(|task| !task.rotated), "nothing was pushed out");
    let resumed = room.resume(&[]);
    assert!(resumed.code == Some(6) || resumed.code == Some(7), "{resumed}");
    let sent = room.incidents().len();
    assert!(sent > 150 - left, "{sent} of 150: it has not gone on\n{resumed}");
    let tasks = room.tasks();
    assert!(tasks.iter().all(|task| !task.rotated || task.executed), "pushed out before it was done");
    assert!(tasks.iter().all(|task| tasks.iter().filter(|other| other.host == task.host).count() == 1));
    room.verify();
}

#[test]
fn a_task_that_is_pushed_out_before_it_is_done_is_not_told_as_done() {
    // Somebody else sends while this run waits for its host.
    let host = Ksc::slow(120, "").console.fleet().hosts()[0].id.clone();
    let faults = format!("kaspersky.result = [{{ state = 'pending', hosts = ['{host}'] }}]\n");
    let room = Ksc::new(120, &faults);
    room.env.file("one.txt", format!("{host}\n"));
    room.env.file("others.txt", room.console.guids().replace(&format!("{host}\n"), ""));
    let args = ["ksc-task", "getFile", "--path", r"C:\a", "--yes", "-o", "jsonl"];
    let mut command = room.env.command([&args[..], &["--wait=20s", "one.txt"]].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("its task", || !room.tasks().is_empty());
    // It has been seen once.
    wait_until("a look", || room.calls("Tasks.GetHostStatusRecordRange") > 0);
    room.env.run([&args[..], &["--allow-rotation", "others.txt"]].concat()).exits(0);
    let output = room.env.finish(child).exits(6);
    let result = output.result();
    assert_eq!((&result["outcome"], &result["state"]), (&"unconfirmed".into(), &"lost".into()), "{output}");
    assert_eq!(room.console.fleet().executed(&host), Vec::<String>::new());
}

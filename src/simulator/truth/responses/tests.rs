use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::advance;

use super::*;
use crate::{
    domain::host::Isolation,
    simulator::{Faults, Fleet, faults::Script},
};

/// A fleet of two, with switches, on a clock that the test moves.
struct Room(Truth);

impl Room {
    fn new(faults: &str) -> Self {
        Self::of(Fleet::of_size(2), faults)
    }

    fn of(fleet: Fleet, faults: &str) -> Self {
        let faults = Faults::parse(faults).unwrap();
        let script = Script::new(&faults, &fleet).unwrap();
        let truth = Truth::new(fleet, script, Timestamp::UNIX_EPOCH);
        truth.keep_responses(faults.kaspersky);
        Self(truth)
    }

    fn id(&self, host: u32) -> String {
        self.0.lock().fleet.id(host)
    }

    fn add(&self, host: u32, body: &str) -> i32 {
        let incident = Incident::new(host, 2, Timestamp::UNIX_EPOCH, body.to_owned());
        self.0.add_incident(&mut self.0.lock(), incident).unwrap()
    }

    fn release(&self, id: i32) {
        let update = Update { handled: Some(false), ..Update::default() };
        self.0.update_incident(&mut self.0.lock(), id, update);
    }

    /// Adds an incident for a host and lets the service have it.
    fn submit(&self, host: u32, task: &str, params: Value) -> i32 {
        let id = self.add(host, &self.body(host, task, params).to_string());
        self.release(id);
        id
    }

    fn body(&self, host: u32, task: &str, params: Value) -> Value {
        json!({"task": task, "targetHost": self.id(host), "params": params, "responseEventIncidentArea": "edrctl"})
    }

    fn isolate(&self, host: u32, on: bool) -> i32 {
        self.submit(host, "isolateHost", json!({"action": u8::from(on)}))
    }

    fn state(&self, host: u32) -> Isolation {
        self.0.hosts()[host as usize].state
    }

    fn states(&self) -> Vec<u32> {
        self.0.tasks().iter().map(|task| task.state).collect()
    }
}

async fn pass(seconds: u64) {
    advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn an_incident_becomes_a_task_that_isolates_its_host_until_it_expires() {
    let room = Room::new("confirm = [{ after = '8s' }]\n");
    pass(5).await;
    let incident = room.isolate(0, true);
    assert!(room.0.tasks().is_empty(), "the service needs a second");
    pass(1).await;
    let [task] = &room.0.tasks()[..] else { panic!() };
    assert_eq!((task.state, task.incident, task.kind.as_str()), (1, incident, "isolateHost"));
    assert!(task.name.starts_with("[Response][edrctl] isolateHost - 01.01.1970 00:00:06 - "), "{}", task.name);
    let mut seen = Vec::new();
    for _ in 0..4 {
        pass(2).await;
        seen.push((room.states()[0], room.state(0) == Isolation::Isolated));
    }
    assert_eq!(seen, [(32, false), (2, false), (2, false), (4, true)]);
    assert_eq!((room.0.executed(&room.id(0)).len(), room.0.executed(&room.id(1)).len()), (1, 0));
    pass(8 * 3600 - 1).await;
    assert_eq!(room.state(0), Isolation::Isolated);
    pass(1).await;
    assert_eq!(room.state(0), Isolation::NotIsolated, "it has put itself back");
    let host = room.0.hosts()[0].clone();
    assert_eq!((host.puts, host.puts_accepted, host.deletes), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_due_is_seen_however_late_somebody_looks() {
    let room = Room::new("kaspersky.isolation_expires = '1h'\n");
    room.isolate(0, true);
    pass(10).await;
    room.isolate(0, false);
    pass(10).await;
    room.isolate(0, true);
    pass(3601).await;
    assert_eq!(room.state(0), Isolation::Isolated, "the first isolation was over before its time");
    pass(3).await;
    assert_eq!(room.state(0), Isolation::NotIsolated);
    assert_eq!(room.0.executed(&room.id(0)), ["isolateHost"; 3]);
}

#[tokio::test(start_paused = true)]
async fn when_an_incident_is_picked_up_is_a_switch() {
    let count = async |faults: &str, handled: Option<bool>| {
        let room = Room::new(faults);
        let id = room.add(0, &room.body(0, "isolateHost", json!({"action": 1})).to_string());
        for _ in 0..2 {
            room.0.update_incident(&mut room.0.lock(), id, Update { handled, ..Update::default() });
            pass(100).await;
        }
        let tasks = room.0.tasks().len();
        assert_eq!(room.0.incidents()[0].tasks.len(), tasks);
        (tasks, room.0.incidents()[0].handled)
    };
    assert_eq!(count("", Some(false)).await, (1, false), "not twice, and not marked");
    assert_eq!(count("", None).await, (0, false), "an update has to say that it is not handled");
    assert_eq!(count("", Some(true)).await, (0, true));
    assert_eq!(count("kaspersky.picks_up_again = true", Some(false)).await, (2, false));
    assert_eq!(count("kaspersky.marks_handled = true", Some(false)).await.0, 1);
    assert_eq!(count("kaspersky.pick_up = 'add'", None).await, (1, false));
    assert_eq!(count("kaspersky.pick_up = 'never'", Some(false)).await, (0, false));
    assert_eq!(count("kaspersky.console_connected = false", Some(false)).await, (0, false));
    assert_eq!(count("kaspersky.pick_up_after = '1h'", Some(false)).await, (0, false));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_means_nothing_is_ignored_without_a_word() {
    let room = Room::new("");
    let good = room.body(0, "deleteFile", json!({"md5hash": "", "sha256hash": "", "path": "C:\\a.exe"}));
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let mut flagged = good.clone();
    flagged["responseEventIncident"] = json!(false);
    for body in [
        with("/task", json!("deletefile")),
        with("/targetHost", json!(room.id(1))),
        with("/targetHost", json!("PC-17")),
        with("/responseEventIncidentArea", json!("")),
        with("/params/path", json!("")),
        with("/params/md5hash", json!("abc")),
        with("/params", json!([])),
        flagged,
        json!("text"),
        room.body(0, "isolateHost", json!({"action": "1"})),
        room.body(0, "isolateHost", json!({"action": 2})),
        room.body(0, "preventExecution", json!({"hash": "", "path": "C:\\a.exe", "caseSensitive": false})),
        room.body(0, "onDemandScan", json!([])),
        room.body(0, "onDemandScan", json!([{"enabled": true, "path": "", "recursive": true, "type": 22}])),
        room.body(0, "onDemandScan", json!([{"enabled": true, "path": "", "recursive": true, "type": 19}])),
        room.body(0, "iocScan", json!({"ioc": "UEs=", "scanCriticalAreas": true, "quarantineObject": true})),
    ] {
        let id = room.add(0, &body.to_string());
        room.release(id);
        pass(100).await;
        assert_eq!(room.0.tasks(), [], "{body}");
    }
    let id = room.add(0, "{\"task\":");
    room.release(id);
    pass(100).await;
    assert_eq!(room.0.tasks(), []);
    assert_eq!(room.0.incidents().len(), 17);
}

#[tokio::test(start_paused = true)]
async fn each_of_the_nine_tasks_is_carried_out() {
    let room = Room::new("");
    let file = json!({"md5hash": "d41d8cd98f00b204e9800998ecf8427e", "sha256hash": "", "path": "C:\\Temp\\a.exe"});
    let with = |name: &str| {
        let mut params = file.clone();
        params[name] = json!(false);
        params
    };
    let prevent = json!({"hash": "d41d8cd98f00b204e9800998ecf8427e", "path": "C:\\x.exe", "caseSensitive": true});
    let scan = json!({"ioc": "UEs=", "isolateHost": false, "scanCriticalAreas": true, "quarantineObject": true});
    let areas = json!([
        {"enabled": true, "path": "", "recursive": true, "type": 14},
        {"enabled": true, "path": "C:\\Temp", "recursive": true, "type": 22}
    ]);
    let all = [
        ("getFile", file.clone()),
        ("deleteFile", with("searchInSubfolders")),
        ("deleteFile", file.clone()),
        ("quarantineFile", file.clone()),
        ("terminateProcess", with("caseSensitive")),
        ("iocScan", scan),
        ("startProcess", json!({"executablePath": "C:\\Windows\\System32\\cmd.exe", "arguments": "/c whoami"})),
        ("preventExecution", prevent),
        ("isolateHost", json!({"action": 0})),
        ("onDemandScan", areas),
    ];
    for (task, params) in all.clone() {
        room.submit(1, task, params);
    }
    pass(10).await;
    let kinds: Vec<&str> = all.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(room.0.executed(&room.id(1)), kinds);
    assert_eq!(room.0.executed(&room.id(0)), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_parameter_and_a_missing_flag_are_switches() {
    let tasks = async |faults: &str| {
        let room = Room::new(faults);
        let mut flagged = room.body(0, "isolateHost", json!({"action": 1, "duration": 5}));
        flagged["responseEventIncident"] = json!(true);
        let bare = room.body(0, "isolateHost", json!({"action": 1}));
        for body in [flagged, bare] {
            let id = room.add(0, &body.to_string());
            room.release(id);
        }
        pass(10).await;
        room.0.incidents().iter().map(|incident| incident.tasks.len()).collect::<Vec<_>>()
    };
    assert_eq!(tasks("").await, [1, 1]);
    assert_eq!(tasks("kaspersky.unknown_parameter = 'no_task'").await, [0, 1]);
    assert_eq!(tasks("kaspersky.needs_flag = true").await, [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn hosts_that_cannot_say_so_in_their_own_ways() {
    let csv = "hostname,available,last_seen,agent,version,os\n\
               away,,2026-01-01T00:00:00Z,,,\n\
               bare,,,false,,\n\
               old,,,,12.8.0.1,\n\
               linux,,,,12.9.0.1,Debian 12\n\
               unfit,false,,,,\n\
               new,,,,13.0.0.0,\n";
    let room = Room::of(Fleet::from_text(csv).unwrap(), "");
    for host in 0..6 {
        room.isolate(host, true);
    }
    pass(100).await;
    assert_eq!(room.states(), [1, 1, 16, 16, 16, 4]);
    assert_eq!(room.0.isolated(), 1);
    let room = Room::of(Fleet::from_text(csv).unwrap(), "kaspersky.unsupported = 'pending'");
    for host in 0..6 {
        room.isolate(host, true);
    }
    pass(100).await;
    assert_eq!(room.states(), [1, 1, 1, 1, 16, 4]);
}

#[tokio::test(start_paused = true)]
async fn how_tasks_end_is_written_into_the_script() {
    let fleet = Fleet::of_size(7);
    let ends = ["finished", "warning", "failed", "pending", "scheduled", "running", "paused"];
    let mut faults = String::new();
    for (number, end) in (0..).zip(ends) {
        faults += &format!(
            "[[kaspersky.result]]\nstate = '{end}'\nhosts = ['{}']\ntask = 'isolateHost'\nafter = '4s'\n",
            fleet.guid(number)
        );
    }
    let room = Room::of(fleet, &faults);
    for host in 0..7 {
        room.isolate(host, true);
    }
    pass(5).await;
    assert_eq!(room.states(), [4, 8, 16, 1, 32, 2, 64]);
    assert_eq!(room.0.isolated(), 2);
    let room = Room::new("confirm = [{ how = 'start_failure' }]");
    room.isolate(0, true);
    pass(5).await;
    assert_eq!((room.states(), room.0.isolated()), (vec![16], 0));
}

#[tokio::test(start_paused = true)]
async fn older_tasks_are_deleted_whether_or_not_they_are_finished() {
    let room = Room::of(Fleet::of_size(4), "kaspersky.keep_tasks = 2\nconfirm = [{ after = '8s' }]\n");
    room.isolate(0, true);
    pass(6).await;
    for host in 1..4 {
        room.isolate(host, true);
    }
    pass(20).await;
    let tasks = room.0.tasks();
    let rotated: Vec<bool> = tasks.iter().map(|task| task.rotated).collect();
    assert_eq!(rotated, [true, true, false, false]);
    // The first had begun when it was deleted, and its host went on; the second had not.
    let isolated: Vec<bool> = (0..4).map(|host| room.state(host) == Isolation::Isolated).collect();
    assert_eq!(isolated, [true, false, true, true]);
    assert_eq!(tasks.iter().map(|task| task.executed).collect::<Vec<_>>(), isolated);
    let kept = room.0.lock();
    assert_eq!(kept.responses.as_ref().unwrap().tasks().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_incident_makes_no_task() {
    let room = Room::new("");
    let id = room.isolate(0, true);
    Truth::delete_incident(&mut room.0.lock(), id);
    pass(10).await;
    assert_eq!(room.0.tasks(), []);
    assert!(room.0.incidents()[0].deleted);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_short_and_ends_as_it_is_wanted() {
    let room = Room::new("kaspersky.name_ends_with = 'incident'");
    let mut body = room.body(0, "isolateHost", json!({"action": 1}));
    let id = room.add(0, &body.to_string());
    room.release(id);
    body["responseEventIncidentArea"] = json!("x".repeat(200));
    let long = room.add(1, &body.to_string().replace(&room.id(0), &room.id(1)));
    room.release(long);
    pass(5).await;
    let tasks = room.0.tasks();
    assert!(tasks[0].name.ends_with(&format!(" - {id}")), "{}", tasks[0].name);
    assert_eq!(tasks[1].name.chars().count(), 100);
}

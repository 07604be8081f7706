//! What becomes of a request to a Security Center whose answer was lost, odd or half: it is looked for, never guessed, and
//! never made twice.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use crate::support::PlayedKsc;

const HOST: &str = "5593fcfd-e950-4b54-9732-2c160a35aaaa";

/// What the console has, and how it goes wrong.
#[derive(Debug, Default)]
struct Desk {
    incidents: Mutex<Vec<Incident>>,
    /// Whether it marks an incident as handled and makes a task of it once it is released.
    picks_up: bool,
    /// Whether it hides its incidents.
    hides: bool,
}

#[derive(Debug)]
struct Incident {
    number: i64,
    body: String,
    host: String,
    released: usize,
}

impl Desk {
    /// What a well-behaved console answers.
    fn answer(&self, method: &str, arguments: &Value) -> Option<Value> {
        let mut incidents = self.incidents.lock().unwrap();
        Some(match method {
            "HostGroup.AddIncident" => {
                let data = &arguments["pData"];
                let number = 4711 + i64::try_from(incidents.len()).unwrap();
                let text = |key: &str| data[key].as_str().unwrap().to_owned();
                incidents.push(Incident {
                    number,
                    body: text("KLINCDT_BODY"),
                    host: text("KLHST_WKS_HOSTNAME"),
                    released: 0,
                });
                json!({"PxgRetVal": number})
            }
            "HostGroup.UpdateIncident" => {
                let number = arguments["nId"].as_i64().unwrap();
                incidents.iter_mut().find(|incident| incident.number == number).unwrap().released += 1;
                json!({})
            }
            "HostGroup.FindIncidents" => {
                let count = if self.hides { 0 } else { incidents.len() };
                json!({"strAccessor": "a1", "PxgRetVal": count})
            }
            "ChunkAccessor.GetItemsChunk" if !self.hides => {
                let row = |incident: &Incident| {
                    json!({"type": "params", "value": {
                        "KLINCDT_ID": incident.number, "KLINCDT_BODY": incident.body,
                        "KLHST_WKS_HOSTNAME": incident.host,
                        "KLINCDT_IS_HANDLED": self.picks_up && incident.released > 0,
                    }})
                };
                let rows: Vec<Value> = incidents.iter().map(row).collect();
                json!({"PxgRetVal": rows.len(), "pChunk": {"KLCSP_ITERATOR_ARRAY": rows}})
            }
            "Tasks.GetAllTasksOfHost" if self.picks_up => {
                let made = incidents.iter().filter(|incident| incident.released > 0);
                json!({"PxgRetVal": made.map(|incident| incident.number.to_string()).collect::<Vec<_>>()})
            }
            "Tasks.GetTask" => {
                let number: i64 = arguments["strTask"].as_str().unwrap().parse().unwrap();
                let incident = incidents.iter().find(|incident| incident.number == number).unwrap();
                let body: Value = serde_json::from_str(&incident.body).unwrap();
                let area = body["responseEventIncidentArea"].as_str().unwrap();
                json!({"PxgRetVal": {"DisplayName": format!("[Response][{area}] {} - {number}", body["task"])}})
            }
            "Tasks.ResetHostIteratorForTaskStatus" => json!({"strHostIteratorId": arguments["strTask"]}),
            "Tasks.GetHostStatusRecordRange" => {
                let number: i64 = arguments["strHostIteratorId"].as_str().unwrap().parse().unwrap();
                let incident = incidents.iter().find(|incident| incident.number == number).unwrap();
                json!({"PxgRetVal": 1, "pParHostStatus": {"statuses": [
                    {"type": "params", "value": {"hostname": incident.host, "state_code": 8,
                        "state_descr": "The file is critical for the system and was not deleted"}}]}})
            }
            _ => return None,
        })
    }

    fn made(&self) -> usize {
        self.incidents.lock().unwrap().len()
    }

    fn released(&self) -> usize {
        self.incidents.lock().unwrap().iter().map(|incident| incident.released).sum()
    }
}

/// A console that does what it is asked, and then answers `method` so instead, as long as `wrong` says so.
fn console(
    desk: Desk,
    method: &'static str,
    wrong: impl Fn() -> Option<(u16, Value)> + Send + Sync + 'static,
) -> (PlayedKsc, Arc<Desk>) {
    let desk = Arc::new(desk);
    let inside = Arc::clone(&desk);
    let room = PlayedKsc::new(move |called, arguments| {
        let answer = inside.answer(called, arguments);
        let wrong = (called == method).then(&wrong).flatten();
        wrong.or_else(|| answer.map(|answer| (200, answer)))
    });
    (room, desk)
}

/// Wrong for the first call only.
fn once(status: u16) -> impl Fn() -> Option<(u16, Value)> + Send + Sync {
    let was = AtomicBool::new(false);
    move || (!was.swap(true, Ordering::SeqCst)).then(|| (status, json!({})))
}

#[test]
fn a_change_whose_answer_is_no_answer_is_looked_for_and_not_made_twice() {
    for status in [403, 500, 503, 408] {
        let (room, desk) = console(Desk::default(), "HostGroup.AddIncident", once(status));
        let output = room.isolate(&[]).exits(0);
        assert_eq!((desk.made(), desk.released()), (1, 1), "{status}: the console had done it\n{output}");
        assert_eq!(output.result()["outcome"], "accepted", "{output}");
    }
}

#[test]
fn a_release_that_a_task_proves_is_not_made_again() {
    for status in [500, 403] {
        let desk = Desk { picks_up: true, ..Desk::default() };
        let (room, desk) = console(desk, "HostGroup.UpdateIncident", once(status));
        let output = room.isolate(&[]).exits(0);
        assert_eq!((desk.made(), desk.released()), (1, 1), "{status}\n{output}");
        let result = output.result();
        assert_eq!((&result["outcome"], &result["ticket"]), (&"accepted".into(), &"incident:4711 task:4711".into()));
    }
}

#[test]
fn a_console_that_never_shows_what_it_took_gets_it_twice_at_the_most() {
    let desk = Desk { hides: true, ..Desk::default() };
    let (room, desk) = console(desk, "HostGroup.AddIncident", || Some((500, json!({}))));
    let output = room.isolate(&[]).exits(6);
    assert_eq!(desk.made(), 2, "{output}");
    assert_eq!(output.result()["outcome"], "in_doubt", "whether it was done is not known\n{output}");
}

#[test]
fn credentials_that_are_refused_between_the_two_calls_leave_a_doubt_that_a_resumed_run_settles() {
    let refuses = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&refuses);
    let (room, desk) = console(Desk::default(), "HostGroup.UpdateIncident", move || {
        still.load(Ordering::SeqCst).then(|| (401, json!({})))
    });
    let output = room.isolate(&[]).exits(7);
    let result = output.result();
    assert_eq!(result["outcome"], "in_doubt", "{output}");
    assert!(result["reason"].to_string().contains("incident 4711 was created"), "{output}");
    refuses.store(false, Ordering::SeqCst);
    let released = desk.released();
    let output = room.env.run(["resume", "--yes", "-o", "jsonl"]).exits(0);
    assert_eq!((desk.made(), desk.released() - released), (1, 1), "{output}");
    assert_eq!(output.result()["outcome"], "accepted", "{output}");
}

#[test]
fn a_release_that_is_refused_leaves_a_doubt_with_the_incidents_number() {
    for code in [1186, 1184] {
        let refused = json!({"PxgError": {"module": "KLSTD", "code": code, "message": "no"}});
        let (room, desk) = console(Desk::default(), "HostGroup.UpdateIncident", move || Some((200, refused.clone())));
        let output = room.isolate(&[]).exits(6);
        let result = output.result();
        assert_eq!(desk.made(), 1, "{output}");
        assert_eq!((&result["outcome"], &result["ticket"]), (&"in_doubt".into(), &"incident:4711".into()), "{output}");
    }
}

#[test]
fn a_number_that_was_another_hosts_is_not_taken_for_this_ones() {
    let (room, _) = console(Desk::default(), "HostGroup.AddIncident", || Some((200, json!({"PxgRetVal": 4711}))));
    room.env.file("hosts.txt", format!("{HOST}\n5593fcfd-e950-4b54-9732-2c160a35bbbb\n"));
    let output = room.isolate(&["--concurrency", "1"]).exits(0);
    let tickets: Vec<String> = output.results().iter().map(|result| result["ticket"].to_string()).collect();
    assert_eq!(tickets, ["\"incident:4711\"", "\"incident:4712\""], "the second was looked for\n{output}");
    for number in ["0", "-1"] {
        let wrong: Value = number.parse().unwrap();
        let (room, desk) = console(Desk { hides: true, ..Desk::default() }, "HostGroup.AddIncident", move || {
            Some((200, json!({"PxgRetVal": wrong})))
        });
        let output = room.isolate(&[]).exits(6);
        assert_eq!(output.result()["outcome"], "in_doubt", "{output}");
        assert!(desk.made() <= 2 && desk.released() == 0, "{output}");
    }
}

#[test]
fn a_task_that_ends_with_a_warning_is_not_called_done() {
    let (room, _) = console(Desk { picks_up: true, ..Desk::default() }, "", || None);
    let output = room.isolate(&["--wait=30s"]).exits(6);
    let result = output.result();
    assert_eq!(
        (&result["outcome"], &result["state"]),
        (&"unconfirmed".into(), &"completed_with_warning".into()),
        "{output}"
    );
    assert!(result["reason"].to_string().contains("was not deleted"), "{output}");
}

#[test]
fn a_password_that_was_changed_meanwhile_is_shown_to_the_console_a_few_times_at_the_most() {
    let logons = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&logons);
    let (room, _) = console(Desk::default(), "Session.StartSession", move || {
        (counted.fetch_add(1, Ordering::SeqCst) > 0).then(|| (401, json!({})))
    });
    let hosts: String = (0..40).map(|n| format!("5593fcfd-e950-4b54-9732-2c160a35{n:04}\n")).collect();
    room.env.file("hosts.txt", &hosts);
    // Whether a connection for hosts was the first to learn of it, or one for what is asked before.
    let output = room.isolate(&[]);
    assert!(matches!(output.code, Some(4 | 7)), "{output}");
    let logons = logons.load(Ordering::SeqCst);
    assert!(logons <= 5, "{logons} passwords were shown");
}

#[test]
fn a_password_with_several_blanks_is_hidden_where_it_is_quoted() {
    const PASSWORD: &str = "Corr3ct<Horse>  \"Battery\"-Stap1e";
    let quoted = json!({"PxgError": {"module": "KLSTD", "code": 1184, "message": format!("not as {PASSWORD} today")}});
    let (mut room, _) = console(Desk::default(), "HostGroup.AddIncident", move || Some((200, quoted.clone())));
    room.env.set("EDRCTL_KASPERSKY_PASSWORD", PASSWORD);
    let output = room.isolate(&["-vv"]).exits(6);
    let journal = room.env.journals().iter().map(|path| std::fs::read_to_string(path).unwrap()).collect::<String>();
    for text in [&output.stdout, &output.stderr, &journal] {
        assert!(!text.contains("Battery") && !text.contains("Stap1e"), "{text}");
    }
    assert!(output.stdout.contains("[hidden]"), "{output}");
}

//! The event streams of a console: made, read, changed and removed, with a password that is seen by nobody.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::support::{Asked, FakeConsole, Output, Terminal, TestEnv, signal, wait_until};

const GROUP: &str = "6c64d0a3-6a1e-4f7b-8e55-09d1b7a3c2f4";
/// What every password of the fake console begins with.
const PASSWORD: &str = "c0ffeec0ffee";

/// What the fake console knows, and what it is to say instead of doing what it is asked.
#[derive(Default)]
struct State {
    streams: Vec<Value>,
    asked: Vec<(String, String, Value)>,
    next: u64,
    /// The answers to the next requests of a method, first to last; `true` for after the deed.
    instead: Vec<(&'static str, bool, u16, String)>,
}

/// A console with event streams.
struct Streams {
    fake: FakeConsole,
    env: TestEnv,
    state: Arc<Mutex<State>>,
}

impl Streams {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// `before`: what happens when a request comes in.
    fn with(before: impl Fn(&Asked) + Send + Sync + 'static) -> Self {
        let state = Arc::new(Mutex::new(State { next: 3187, ..State::default() }));
        let inside = Arc::clone(&state);
        let fake = FakeConsole::new(move |asked| {
            before(asked);
            answer(&mut inside.lock().unwrap(), asked)
        });
        let env = fake.env();
        Self { fake, env, state }
    }

    fn run(&self, args: &[&str]) -> Output {
        let output = self.env.run([&["streams"], args].concat());
        assert!(!format!("{output}").contains(PASSWORD), "the password was told\n{output}");
        output
    }

    fn made(self, names: &[&str]) -> Self {
        for name in names {
            self.run(&["create", name, "--yes"]).exits(0);
        }
        self
    }

    /// The next request of this method is answered so instead.
    fn instead(&self, method: &'static str, done: bool, status: u16, body: &str) -> &Self {
        self.state.lock().unwrap().instead.push((method, done, status, body.to_owned()));
        self
    }

    /// How often a method was used.
    fn count(&self, method: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|(used, ..)| used == method).count()
    }

    /// The body of the last request of a method.
    fn body(&self, method: &str) -> Value {
        let state = self.state.lock().unwrap();
        state.asked.iter().rev().find(|(used, ..)| used == method).unwrap().2.clone()
    }

    fn names(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.streams.iter().map(|stream| stream["name"].as_str().unwrap().to_owned()).collect()
    }

    fn folder(&self) -> PathBuf {
        self.env.path().join("home/.local/state/edrctl/streams")
    }

    /// The passwords on this machine, by stream.
    fn kept(&self) -> Vec<Value> {
        let Ok(entries) = fs::read_dir(self.folder()) else { return Vec::new() };
        let mut kept: Vec<Value> =
            entries.map(|entry| serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap()).collect();
        kept.sort_by_key(|stream| stream["id"].as_u64());
        kept
    }
}

fn errors(status: u16, detail: &str) -> (u16, String) {
    let error = json!({"error_code": status, "description": "Refused", "details": [detail]});
    (status, json!({"version": "v1.2.0", "metadata": {}, "data": {}, "errors": [error]}).to_string())
}

fn data(status: u16, data: Value) -> (u16, String) {
    (status, json!({"version": "v1.2.0", "metadata": {"links": {}}, "data": data}).to_string())
}

fn answer(state: &mut State, asked: &Asked) -> (u16, String) {
    assert!(asked.authorized);
    let body = serde_json::from_str(&asked.body).unwrap_or(Value::Null);
    state.asked.push((asked.method.clone(), asked.path.clone(), body));
    let at = state.instead.iter().position(|(method, ..)| *method == asked.method);
    match at.map(|at| state.instead.remove(at)) {
        Some((_, done, status, body)) => {
            if done {
                obey(state, asked);
            }
            (status, body)
        }
        None => obey(state, asked),
    }
}

/// Does what is asked, as the documentation says.
fn obey(state: &mut State, asked: &Asked) -> (u16, String) {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or(Value::Null);
    match asked.path.as_str() {
        "/v1/event_types" => {
            return data(
                200,
                json!([{"id": 553_648_202, "name": "Endpoint Isolation Start Success", "description": ""},
                       {"id": 2_164_260_939_u64, "name": "Endpoint Isolation Start Failure", "description": ""},
                       {"id": 1_090_519_054, "name": "Threat Detected", "description": ""}]),
            );
        }
        "/v1/groups" => {
            let page = json!([{"name": "Servers", "guid": "11f0a0b4-52fd-4d0e-b1a8-9c7e3a5d2b60"},
                              {"name": "Audit", "guid": "2a52c3d0-3c7a-4d41-9a0e-6d3b0b5c7e11"}]);
            let metadata = json!({"links": {"next": "/v1/groups?offset=2"}});
            return (200, json!({"version": "v1.2.0", "metadata": metadata, "data": page}).to_string());
        }
        "/v1/groups?offset=2" => {
            return data(
                200,
                json!([{"name": "Night", "guid": GROUP}, {"name": "Audit", "guid": "3b52c3d0-3c7a-4d41-9a0e-6d3b0b5c7e12"}]),
            );
        }
        "/v1/event_streams" if asked.method == "GET" => return data(200, state.streams.clone().into()),
        "/v1/event_streams" => return create(state, &body),
        _ => {}
    }
    let id: u64 = asked.path.rsplit('/').next().unwrap().parse().unwrap();
    let Some(at) = state.streams.iter().position(|stream| stream["id"] == id) else {
        return errors(400, "Event stream not found");
    };
    match asked.method.as_str() {
        "DELETE" => {
            state.streams.remove(at);
            return (200, String::new());
        }
        "PATCH" => {
            for (key, value) in body.as_object().unwrap() {
                let key = match key.as_str() {
                    "event_type" => "event_types",
                    "group_guid" => "group_guids",
                    _ => key,
                };
                state.streams[at][key] = value.clone();
            }
        }
        _ => {}
    }
    data(200, state.streams[at].clone())
}

fn create(state: &mut State, body: &Value) -> (u16, String) {
    if state.streams.iter().any(|stream| stream["name"] == body["name"]) {
        return errors(400, "Name has already been taken");
    }
    if state.streams.len() >= 5 {
        return errors(400, "The most event streams are in use");
    }
    let id = state.next;
    state.next += 1;
    let mut stream = json!({"id": id, "name": body["name"], "amqp_credentials": {
        "user_name": format!("{id}-0f1e2d"), "queue_name": format!("event_stream_{id}"),
        "host": "events.console.example", "port": "443", "proto": "https"}});
    for (from, to) in [("event_type", "event_types"), ("group_guid", "group_guids")] {
        if !body[from].is_null() {
            stream[to] = body[from].clone();
        }
    }
    state.streams.push(stream.clone());
    stream["amqp_credentials"]["password"] = format!("{PASSWORD}{id}").into();
    data(201, stream)
}

#[test]
fn a_stream_is_made_and_its_password_kept_where_nobody_else_reads_it() {
    let console = Streams::new();
    let args = ["create", "night shift", "--yes", "-o", "jsonl", "-vv"];
    let filters =
        ["--event-type", "endpoint isolation start FAILURE", "--event-type", "1090519054", "--group", "night"];
    let output = console.run(&[&args[..], &filters].concat()).exits(0);
    let wanted =
        json!({"name": "night shift", "event_type": [2_164_260_939_u64, 1_090_519_054], "group_guid": [GROUP]});
    assert_eq!(console.body("POST"), wanted);
    let told = &output.results()[0];
    assert_eq!(told["schema"], "edrctl.stream/1");
    assert_eq!((&told["id"], &told["name"], &told["action"]), (&json!(3187), &json!("night shift"), &json!("create")));
    assert_eq!(
        (&told["password_kept"], &told["simulated"], &told["dry_run"]),
        (&json!(true), &json!(false), &json!(false))
    );
    assert_eq!(
        told["queue"],
        json!({"host": "events.console.example", "port": 443, "name": "event_stream_3187", "user": "3187-0f1e2d"})
    );

    let kept = console.kept();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["password"], format!("{PASSWORD}3187"));
    assert_eq!((&kept[0]["name"], &kept[0]["console"]), (&json!("night shift"), &json!(console.fake.url())));
    let path = fs::read_dir(console.folder()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let human = console.run(&["create", "second", "--yes"]).exits(0);
    assert!(human.stdout.contains("created event stream 3188: second") && human.stdout.contains("kept in"), "{human}");
}

#[test]
fn the_list_says_of_which_streams_this_machine_has_the_password() {
    let console = Streams::new();
    let empty = console.run(&["list"]).exits(0);
    assert!(empty.stdout.is_empty() && empty.stderr.contains("no event stream"), "{empty}");
    assert_eq!(console.run(&["list", "-o", "json"]).exits(0).stdout, "[]\n");
    let console = console.made(&["ours", "exposed"]);
    let elsewhere = json!({"id": "9", "name": "=elsewhere\u{1b}[2J", "event_types": [553_648_202]});
    console.state.lock().unwrap().streams.push(elsewhere);
    let exposed = fs::read_dir(console.folder()).unwrap().map(|entry| entry.unwrap().path());
    let exposed = exposed.into_iter().find(|path| path.display().to_string().contains("-3188.")).unwrap();
    fs::set_permissions(&exposed, fs::Permissions::from_mode(0o644)).unwrap();

    let output = console.run(&["list", "-o", "jsonl"]).exits(0);
    let told: Vec<(u64, bool)> = output
        .results()
        .iter()
        .map(|stream| (stream["id"].as_u64().unwrap(), stream["password_kept"].as_bool().unwrap()))
        .collect();
    assert_eq!(told, [(9, false), (3187, true), (3188, false)]);
    assert!(output.stderr.contains("others can read") && output.stderr.contains("chmod 600"), "{output}");
    let document: Value = serde_json::from_str(&console.run(&["list", "-o", "json"]).exits(0).stdout).unwrap();
    assert_eq!(document.as_array().unwrap().len(), 3);
    let csv = console.run(&["list", "-o", "csv"]).exits(0).stdout;
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(!csv.contains('\u{1b}') && !csv.contains(",=else"), "{csv}");
    let human = console.run(&["list"]).exits(0).stdout;
    assert!(
        human.contains("not here")
            && human.contains("not usable")
            && human.contains("ours")
            && !human.contains('\u{1b}'),
        "{human}"
    );
    let shown = console.run(&["show", "9"]).exits(0).stdout;
    assert!(shown.contains("553648202 Endpoint Isolation Start Success") && shown.contains("all groups"), "{shown}");
    assert_eq!(console.run(&["show", "ours", "-o", "jsonl"]).exits(0).results()[0]["id"], 3187);
}

#[test]
fn a_stream_that_is_not_there_is_told_with_those_that_are() {
    let console = Streams::new().made(&["soc"]);
    for command in ["show", "delete", "recreate"] {
        for (wanted, near) in [("sco", "`soc`"), ("SOC", "`soc`"), ("77", "`soc`")] {
            let output = console.run(&[command, wanted]).exits(6);
            assert!(output.stderr.contains(&format!("no event stream `{wanted}`")), "{output}");
            assert!(output.stderr.contains(near), "{output}");
        }
    }
    assert_eq!(console.count("DELETE"), 0);
    console.run(&["show", ""]).exits(2);
}

#[test]
fn name_taken_a_sixth_stream_and_a_bad_request_are_told_apart() {
    let console = Streams::new().made(&["one", "two", "three", "four"]);
    let posts = console.count("POST");
    let taken = console.run(&["create", "two", "--yes"]).exits(5);
    assert!(taken.stderr.contains("already has an event stream named `two`: number 3188"), "{taken}");
    assert!(taken.stderr.contains("edrctl streams recreate 3188"), "{taken}");
    assert_eq!(console.count("POST"), posts, "the list says it already");

    // Somebody else was faster than the request.
    let (status, body) = errors(400, "Name has already been taken");
    console.instead("POST", false, status, &body);
    let taken = console.run(&["create", "five", "--yes"]).exits(5);
    assert!(taken.stderr.contains("already has an event stream named `five`"), "{taken}");

    let (status, body) = errors(400, "event_type has a type that is not known");
    console.instead("POST", false, status, &body);
    let bad = console.run(&["create", "five", "--event-type", "7", "--yes"]).exits(6);
    assert!(bad.stderr.contains("a type that is not known") && bad.stderr.contains("check the event types"), "{bad}");

    let console = console.made(&["five"]);
    let sixth = console.run(&["create", "six", "--yes"]).exits(5);
    assert!(sixth.stderr.contains("all the 5 event streams that it allows"), "{sixth}");
    assert!(sixth.stderr.contains("`three`") && sixth.stderr.contains("edrctl streams delete NAME"), "{sixth}");
    assert_eq!(console.kept().len(), 5);
}

#[test]
fn refused_credentials_and_other_consoles_are_told_before_anything_is_done() {
    let console = Streams::new();
    for args in [&["list"][..], &["create", "soc", "--yes"], &["delete", "soc", "--yes"]] {
        let (status, body) = errors(401, "Unknown API key or Client ID");
        console.instead("GET", false, status, &body);
        let output = console.run(args).exits(4);
        assert!(output.stderr.contains("refused the credentials") && output.stderr.contains("region"), "{output}");
    }
    assert_eq!((console.count("POST"), console.count("DELETE")), (0, 0));
    let apex = console.run(&["list", "--vendor", "apex"]).exits(2);
    assert!(apex.stderr.contains("has no event streams") && apex.stderr.contains("`cisco`"), "{apex}");
    console.run(&["list", "--vendor", "cisco"]).exits(0);
    TestEnv::new().run(["streams", "list"]).exits(3);
}

#[test]
fn nothing_is_changed_without_consent() {
    let console = Streams::new().made(&["soc"]);
    let changing: [&[&str]; 4] =
        [&["create", "new"], &["update", "soc", "--name", "other"], &["delete", "soc"], &["recreate", "soc"]];
    for args in changing {
        let output = console.run(args).exits(5);
        assert!(output.stderr.contains("needs consent") && output.stderr.contains("--yes"), "{output}");
        let output = console.run(&[args, &["--dry-run"]].concat()).exits(0);
        assert!(output.stdout.starts_with("dry run: would "), "{output}");
        let told = console.run(&[args, &["--dry-run", "-o", "jsonl"]].concat()).exits(0);
        assert_eq!((&told.results()[0]["dry_run"], &told.results()[0]["action"]), (&json!(true), &json!(args[0])));
    }
    assert_eq!((console.count("POST"), console.count("PATCH"), console.count("DELETE")), (1, 0, 0));

    for (answer, code, left) in [("n\n", 5, 1), ("y\n", 0, 0)] {
        let mut terminal = Terminal::start(&console.env, &["streams", "delete", "soc"]);
        terminal.shows("Delete it? [y/N]").types(answer);
        let (screen, ended) = terminal.ends();
        assert_eq!(ended, Some(code), "{screen}");
        assert!(screen.contains("events that wait in its queue are lost"), "{screen}");
        assert_eq!(console.names().len(), left);
    }
}

#[test]
fn a_creation_in_doubt_is_looked_at_before_it_is_repeated() {
    // Not done: it is asked for again.
    let console = Streams::new();
    console.instead("POST", false, 503, "");
    console.run(&["create", "soc", "--yes"]).exits(0);
    assert_eq!((console.count("POST"), console.names().len(), console.kept().len()), (2, 1, 1));

    // Done, and the answer with the password did not come: never a second one.
    for (status, body) in [(502, ""), (201, ""), (201, "<html>"), (200, r#"{"version":"v1","data":{"id":3187}}"#)] {
        let console = Streams::new();
        console.instead("POST", true, status, body);
        let output = console.run(&["create", "soc", "--yes"]).exits(6);
        assert!(output.stderr.contains("the answer with its password did not come"), "{output}");
        assert!(output.stderr.contains("edrctl streams recreate 3187"), "{output}");
        assert_eq!((console.count("POST"), console.names().len(), console.kept().len()), (1, 1, 0));
        console.run(&["recreate", "3187", "--yes"]).exits(0);
        assert_eq!(console.kept()[0]["id"], 3188);
    }
}

#[test]
fn a_password_that_cannot_be_kept_is_known_before_the_stream_is_made() {
    let console = Streams::new();
    fs::create_dir_all(console.folder().parent().unwrap()).unwrap();
    fs::write(console.folder(), "a file").unwrap();
    let output = console.run(&["create", "soc", "--yes"]).exits(8);
    assert!(output.stderr.contains("--state-dir"), "{output}");
    assert_eq!(console.count("POST"), 0);
}

#[test]
fn a_password_that_cannot_be_kept_in_the_end_is_shown_to_nobody_and_its_stream_goes_again() {
    for deleted in [true, false] {
        let folder: Arc<Mutex<PathBuf>> = Arc::default();
        let inside = Arc::clone(&folder);
        let console = Streams::with(move |asked| {
            if asked.method == "POST" {
                // The disk goes away while the console answers.
                let folder = inside.lock().unwrap();
                fs::remove_dir_all(&*folder).unwrap();
                fs::write(&*folder, "a file").unwrap();
            }
        });
        *folder.lock().unwrap() = console.folder();
        if !deleted {
            let (status, body) = errors(403, "Forbidden");
            console.instead("DELETE", false, status, &body);
        }
        let output = console.run(&["create", "soc", "--yes", "-vv"]).exits(8);
        assert_eq!((console.count("POST"), console.count("DELETE")), (1, 1));
        assert_eq!(console.names().is_empty(), deleted);
        let told = if deleted { "so the stream was deleted again" } else { "edrctl streams delete 3187" };
        assert!(output.stderr.contains(told) && output.stdout.is_empty(), "{output}");
    }
}

#[test]
fn an_interrupt_while_the_console_answers_does_not_lose_the_password() {
    let asked: Arc<Mutex<bool>> = Arc::default();
    let go: Arc<Mutex<bool>> = Arc::default();
    let (asked_in, go_in) = (Arc::clone(&asked), Arc::clone(&go));
    let console = Streams::with(move |request| {
        if request.method == "POST" {
            *asked_in.lock().unwrap() = true;
            wait_until("the test lets the console answer", || *go_in.lock().unwrap());
        }
    });
    let child = console.env.start(["streams", "create", "soc", "--yes"]);
    wait_until("the console is asked", || *asked.lock().unwrap());
    signal(&child, rustix::process::Signal::INT);
    *go.lock().unwrap() = true;
    console.env.finish(child).exits(0);
    assert_eq!(console.kept().len(), 1);
}

#[test]
fn a_change_is_sent_as_it_is_meant_and_read_back() {
    let console = Streams::new();
    console.run(&["create", "soc", "--yes", "--event-type", "1090519054", "--group", GROUP]).exits(0);
    console.run(&["update", "soc", "--yes", "--event-type", "threat detected", "--group", "NIGHT"]).exits(0);
    assert_eq!(console.count("PATCH"), 0, "it is so already");
    let args = ["update", "3187", "--yes", "--name", "night", "--all-groups", "-o", "jsonl"];
    let told = console.run(&args).exits(0).results();
    assert_eq!(console.body("PATCH"), json!({"name": "night", "group_guid": []}));
    assert_eq!((&told[0]["name"], &told[0]["groups"]), (&json!("night"), &json!([])));
    assert_eq!((&told[0]["event_types"], &told[0]["password_kept"]), (&json!([1_090_519_054]), &json!(true)));
    assert_eq!((console.kept().len(), &console.kept()[0]["name"]), (1, &json!("night")));

    let (status, body) = errors(400, "Name has already been taken");
    console.instead("PATCH", false, status, &body);
    let taken = console.run(&["update", "night", "--yes", "--name", "day"]).exits(5);
    assert!(taken.stderr.contains("named `day`"), "{taken}");
    // A success that changed nothing is none.
    console.instead("PATCH", false, 200, "");
    let output = console.run(&["update", "night", "--yes", "--all-event-types"]).exits(6);
    assert!(output.stderr.contains("shows it otherwise"), "{output}");
    console.run(&["update", "night", "--yes"]).exits(2);
    console.run(&["update", "night", "--yes", "--all-groups", "--group", GROUP]).exits(2);
}

#[test]
fn a_deletion_takes_the_password_along_and_a_look_settles_doubt() {
    let console = Streams::new().made(&["soc", "lab", "day"]);
    console.run(&["delete", "soc", "--yes"]).exits(0);
    assert_eq!(console.kept().len(), 2);
    console.instead("DELETE", true, 502, "");
    console.run(&["delete", "lab", "--yes"]).exits(0);
    assert_eq!((console.names(), console.kept().len()), (vec!["day".to_owned()], 1));
    console.instead("DELETE", false, 502, "");
    let output = console.run(&["delete", "day", "--yes"]).exits(6);
    assert!(output.stderr.contains("did not delete"), "{output}");
    assert_eq!((console.names().len(), console.kept().len()), (1, 1), "it is still there, and so is its password");
}

#[test]
fn a_stream_made_again_has_the_same_filters_and_a_new_password() {
    let console = Streams::new();
    console.run(&["create", "night shift", "--yes", "--event-type", "553648202", "--group", GROUP]).exits(0);
    let output = console.run(&["recreate", "night shift", "--yes", "-o", "jsonl"]).exits(0);
    assert!(output.stderr.contains("has the stream's password already"), "{output}");
    assert_eq!(output.results()[0]["id"], 3188);
    let wanted = json!({"name": "night shift", "event_type": [553_648_202], "group_guid": [GROUP]});
    assert_eq!(console.body("POST"), wanted);
    assert_eq!((console.kept().len(), &console.kept()[0]["id"]), (1, &json!(3188)));

    // What cannot be made again is told with the command that makes it.
    let (status, body) = errors(400, "not today");
    console.instead("POST", false, status, &body);
    let output = console.run(&["recreate", "3188", "--yes"]).exits(6);
    let command = format!("edrctl streams create 'night shift' --event-type 553648202 --group {GROUP}");
    assert!(output.stderr.contains(&command) && output.stderr.contains("not today"), "{output}");
    assert!(console.names().is_empty());
}

#[test]
fn names_of_types_and_groups_are_never_guessed() {
    let console = Streams::new();
    for (args, told) in [
        (["--event-type", "Threat Detecte"], "`Threat Detected`"),
        (["--event-type", "isolation"], "`Endpoint Isolation Start Success`"),
        (["--group", "Nihgt"], "`Night`"),
        (["--group", "audit"], "3b52c3d0-3c7a-4d41-9a0e-6d3b0b5c7e12"),
        (["--group", "6c64d0a3-6a1e-4f7b-8e55-09d1b7a3c2f"], "was meant as a group's GUID"),
    ] {
        let output = console.run(&[&["create", "soc", "--yes"], &args[..]].concat()).exits(2);
        assert!(output.stderr.contains(told), "{output}");
    }
    for name in ["", " soc", "a\nb", "\u{1b}[2J", "4711", &"x".repeat(256)] {
        console.run(&["create", name, "--yes"]).exits(2);
    }
    assert_eq!(console.count("POST"), 0);
}

#[test]
fn people_read_a_table_and_a_page() {
    let console = Streams::new();
    let filters = ["--event-type", "threat detected", "--event-type", "2164260939", "--group", "night"];
    let planned = console.run(&[&["create", "night shift", "--dry-run"], &filters[..]].concat()).exits(0);
    insta::assert_snapshot!(planned.stdout, @r"
    dry run: would create event stream: night shift
      event types  1090519054 Threat Detected
                   2164260939 Endpoint Isolation Start Failure
      groups       6c64d0a3-6a1e-4f7b-8e55-09d1b7a3c2f4 Night
    ");
    console.run(&[&["create", "night shift", "--yes"], &filters[..]].concat()).exits(0);
    console.state.lock().unwrap().streams.push(json!({"id": 9, "name": "elsewhere"}));
    insta::assert_snapshot!(console.run(&["list"]).exits(0), @r"
      ID  NAME         EVENT TYPES  GROUPS  QUEUE                   PASSWORD
       9  elsewhere    all          all     -                       not here
    3187  night shift  2            1       events.console.example  here
    -- stderr --
    -- exit --
    0
    ");
    insta::assert_snapshot!(console.run(&["show", "elsewhere"]).exits(0), @r"
    event stream 9: elsewhere
      event types  all types
      groups       all groups
      password     not on this machine; the console does not tell it again, `edrctl streams recreate 9` makes the stream again, with a new one
    -- stderr --
    -- exit --
    0
    ");
    let shown = console.run(&["show", "night shift"]).exits(0).stdout;
    let (shown, path) = shown.rsplit_once("  password     kept in ").unwrap();
    insta::assert_snapshot!(shown, @r"
    event stream 3187: night shift
      event types  1090519054 Threat Detected
                   2164260939 Endpoint Isolation Start Failure
      groups       6c64d0a3-6a1e-4f7b-8e55-09d1b7a3c2f4 Night
      queue        event_stream_3187 at events.console.example:443
      user         3187-0f1e2d
    ");
    assert!(path.starts_with("[FOLDER]/home/.local/state/edrctl/streams/127.0.0.1_"), "{path}");
    assert!(path.ends_with("-3187.json\n"), "{path}");
    let deleted = console.run(&["delete", "9", "--yes"]).exits(0);
    insta::assert_snapshot!(deleted, @r"
    deleted event stream 9: elsewhere
      event types  all types
      groups       all groups
    -- stderr --
    -- exit --
    0
    ");
}

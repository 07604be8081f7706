//! `ksc-task`: the nine response tasks, from the command line or a file to the body of an incident.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use edrctl::simulator::faults::Endpoint;
use serde_json::{Value, json};

use crate::support::{Ksc, Output, PlayedKsc, Terminal, TestEnv, area_of, side_by_side};

const RUN: &str = "20261122-031502-k3f9q2";
const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const EXE: &str = r"C:\Users\Public\x.exe";

fn room(hosts: u32) -> Ksc {
    let mut room = Ksc::new(hosts, "");
    room.set("__EDRCTL_RUN_ID", RUN);
    room.env.file("one.ioc", "<ioc id=\"1\"></ioc>");
    room
}

/// What is typed, in both spellings, and the task with its parameters as the vendor documents them.
fn nine() -> Vec<([&'static str; 2], Vec<&'static str>, Value)> {
    vec![
        (["get-file", "getFile"], vec!["--path", EXE], json!({"md5hash": "", "sha256hash": "", "path": EXE})),
        (
            ["delete-file", "deleteFile"],
            vec!["--path", r"C:\Temp\a.exe", "--md5", "D41D8CD98F00B204E9800998ECF8427E", "--search-in-subfolders"],
            json!({"md5hash": MD5, "sha256hash": "", "path": r"C:\Temp\a.exe", "searchInSubfolders": true}),
        ),
        (
            ["quarantine-file", "quarantineFile"],
            vec!["--path", EXE, "--md5hash", MD5, "--sha256hash", SHA256],
            json!({"md5hash": MD5, "sha256hash": SHA256, "path": EXE}),
        ),
        (
            ["ioc-scan", "iocScan"],
            vec!["--ioc", "one.ioc", "--scan-critical-areas", "--quarantine-object"],
            json!({"ioc": null, "isolateHost": false, "scanCriticalAreas": true, "quarantineObject": true}),
        ),
        (
            ["start-process", "startProcess"],
            vec!["--executable-path", r"C:\Windows\System32\cmd.exe", "--arguments", "/c whoami"],
            json!({"executablePath": r"C:\Windows\System32\cmd.exe", "arguments": "/c whoami"}),
        ),
        (
            ["terminate-process", "terminateProcess"],
            vec!["--path", EXE, "--sha256", SHA256],
            json!({"md5hash": "", "sha256hash": SHA256, "path": EXE, "caseSensitive": false}),
        ),
        (["isolate-host", "isolateHost"], vec!["--action", "on"], json!({"action": 1})),
        (
            ["prevent-execution", "preventExecution"],
            vec!["--hash", MD5, "--path", r"C:\x.exe", "--case-sensitive"],
            json!({"hash": MD5, "path": r"C:\x.exe", "caseSensitive": true}),
        ),
        (
            ["on-demand-scan", "onDemandScan"],
            vec!["--object", "SystemMemory", "--object", r"C:\Temp"],
            json!([{"enabled": true, "path": "", "recursive": true, "type": 14},
                {"enabled": true, "path": r"C:\Temp", "recursive": true, "type": 22}]),
        ),
    ]
}

/// The document of a task, as a file of `--task-file` has it.
fn document(task: &str, params: &Value) -> String {
    let mut params = params.clone();
    if task == "iocScan" {
        params["ioc"] = archive().into();
    }
    json!({"task": task, "params": params}).to_string()
}

/// A ZIP archive with one file of indicators, stored as it is.
fn archive() -> String {
    let room = room(1);
    room.task(&["iocScan", "--ioc", "one.ioc"]).exits(0);
    room.only_body()["params"]["ioc"].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_body(body: &Value, task: &str, host: &str, params: &Value) {
    let mut body = body.clone();
    if task == "iocScan" {
        let zip = BASE64_STANDARD.decode(body["params"]["ioc"].as_str().unwrap()).unwrap();
        assert!(zip.starts_with(b"PK\x03\x04") && zip.windows(7).any(|window| window == b"one.ioc"));
        body["params"]["ioc"] = Value::Null;
    }
    let expected = json!({"task": task, "targetHost": host, "params": params, "responseEventIncident": true,
        "responseEventIncidentArea": area_of(RUN)});
    assert_eq!(body, expected);
}

#[test]
fn all_nine_tasks_in_both_spellings_reach_the_console_with_the_documented_body() {
    let cases: Vec<_> = nine()
        .into_iter()
        .flat_map(|(words, options, params)| words.map(|word| (word, words[1], options.clone(), params.clone())))
        .collect();
    assert_eq!(cases.len(), 18);
    side_by_side(cases, |(word, task, options, params)| {
        let room = room(1);
        let output = room.task(&[&[word], options.as_slice()].concat()).exits(0);
        let host = room.console.fleet().hosts()[0].id.clone();
        assert_body(&room.only_body(), task, &host, &params);
        room.assert_each_carried_out_once(task, word);
        let result = output.result();
        assert_eq!((&result["vendor"], &result["outcome"]), (&"kaspersky".into(), &"accepted".into()), "{output}");
        // What there is a command for has its word everywhere.
        assert_eq!(result["action"], if task == "isolateHost" { "isolate" } else { task }, "{output}");
        let name = &room.tasks()[0].name;
        assert!(name.starts_with(&format!("[Response][{}] {task} - ", area_of(RUN))), "{name}");
        room.verify();
    });
}

#[test]
fn a_task_comes_from_a_file_with_its_name_or_without() {
    let cases = nine().into_iter().flat_map(|(words, _, params)| {
        [vec![], vec![words[0]], vec![words[1]]].map(|typed| (typed, words[1], params.clone()))
    });
    side_by_side(cases, |(typed, task, params)| {
        let room = room(1);
        room.env.file("task.json", document(task, &params));
        room.task(&[typed.as_slice(), &["--task-file", "task.json"]].concat()).exits(0);
        let host = room.console.fleet().hosts()[0].id.clone();
        assert_body(&room.only_body(), task, &host, &params);
        room.assert_each_carried_out_once(task, task);
    });
}

#[test]
fn a_file_with_another_task_or_with_options_beside_it_is_refused() {
    let room = room(1);
    room.env.file("task.json", document("deleteFile", &json!({"path": EXE})));
    let refused = room.task(&["get-file", "--task-file", "task.json"]).exits(2);
    assert!(refused.stderr.contains("deleteFile") && refused.stderr.contains("getFile"), "{refused}");
    for options in [
        &["delete-file", "--task-file", "task.json", "--path", EXE][..],
        &["delete-file", "--task-file", "task.json", "--md5", MD5],
        &["delete-file", "--task-file", "task.json", "--search-in-subfolders"],
        &["isolate-host", "--task-file", "task.json", "--action", "on"],
    ] {
        room.task(options).exits(2);
    }
    room.task(&["--task-file", "nowhere.json"]).exits(2).says("nowhere.json");
    assert_eq!(room.console.stats().connections(), 0);
    assert!(room.env.journals().is_empty());
}

#[test]
fn what_the_rules_of_a_task_refuse_is_refused_before_the_console_is_asked_for_anything() {
    let long = "a".repeat(64);
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (vec!["get-file"], "--path"),
        (vec!["get-file", "--path", ""], "path"),
        (vec!["get-file", "--path", r"C:\*.exe"], "masks"),
        (vec!["get-file", "--path", EXE, "--md5", "abc"], "32 hexadecimal digits"),
        (vec!["get-file", "--path", EXE, "--md5", &long], "32 hexadecimal digits"),
        (vec!["get-file", "--path", EXE, "--md5", "g41d8cd98f00b204e9800998ecf8427e"], "32 hexadecimal digits"),
        (vec!["delete-file", "--path", EXE, "--sha256", MD5], "64 hexadecimal digits"),
        (vec!["quarantine-file", "--md5", MD5], "--path"),
        (vec!["terminate-process", "--sha256", SHA256], "--path"),
        (vec!["prevent-execution", "--path", EXE], "--hash"),
        (vec!["prevent-execution", "--path", EXE, "--hash", ""], "32 hexadecimal digits"),
        (vec!["prevent-execution", "--path", EXE, "--hash", SHA256], "32 hexadecimal digits"),
        (vec!["prevent-execution", "--path", EXE, "--sha256", SHA256], "--sha256"),
        (vec!["prevent-execution", "--hash", MD5], "--path"),
        (vec!["start-process"], "--executable-path"),
        (vec!["start-process", "--executable-path", " "], "executable-path"),
        (vec!["start-process", "--executable-path", EXE, "--arguments", "a\nb"], "one line"),
        (vec!["isolate-host"], "--action"),
        (vec!["isolate-host", "--action", "maybe"], "maybe"),
        (vec!["on-demand-scan"], "--object"),
        (vec!["on-demand-scan", "--object", "SystemMemry"], "system-memory"),
        (vec!["on-demand-scan", "--object", "19"], "19"),
        (vec!["on-demand-scan", "--object", "Folder"], "path"),
        (vec!["ioc-scan"], "--ioc"),
        (vec!["ioc-scan", "--ioc", "nowhere.ioc"], "nowhere.ioc"),
        (vec!["ioc-scan", "--ioc", "notes.txt"], "notes.txt"),
        (vec!["ioc-scan", "--ioc", "empty"], ".ioc"),
        (vec!["ioc-scan", "--ioc", "large.ioc"], "2000000"),
        (vec!["ioc-scan", "--ioc", "one.ioc", "--ioc", "broken.zip"], "archive"),
        (vec!["ioc-scan", "--ioc", "broken.zip"], "archive"),
        (vec!["ioc-scan", "--ioc", "one.ioc", "--ioc", "again/one.ioc"], "one.ioc"),
        (vec!["ioc-scan", "--ioc", "many"], "10000000"),
        (vec!["iocscan", "--ioc", "one.ioc"], "did you mean `iocScan`"),
    ];
    let room = room(2);
    for folder in ["empty", "again", "many"] {
        std::fs::create_dir(room.env.path().join(folder)).unwrap();
    }
    room.env.file("notes.txt", "no indicators");
    room.env.file("again/one.ioc", "<ioc/>");
    room.env.file("large.ioc", vec![b'a'; 2_000_001]);
    room.env.file("broken.zip", "PK\x03\x04 and no more");
    for number in 0..6 {
        room.env.file(&format!("many/{number}.ioc"), vec![b'a'; 1_900_000]);
    }
    for (options, words) in cases {
        let output = room.task(&options).exits(2);
        assert!(output.stderr.contains(words), "{options:?} does not say `{words}`\n{output}");
        assert_eq!(output.stdout, "", "{output}");
    }
    assert_eq!(room.console.stats().connections(), 0, "nobody was asked");
    assert!(room.env.journals().is_empty());
}

#[test]
fn a_file_that_is_no_documented_task_is_refused_with_the_key_that_is_wrong() {
    let room = room(1);
    let cases = [
        ("{", "no JSON"),
        ("[]", "object"),
        ("{}", "task"),
        (r#"{"task": "getFiles", "params": {"path": "C:\\a"}}"#, "getFile"),
        (r#"{"task": "getFile", "params": {"path": "C:\\a", "sha265hash": ""}}"#, "sha256hash"),
        (r#"{"task": "getFile", "params": {"path": "C:\\a"}, "host": "x"}"#, "host"),
        (r#"{"task": "getFile", "params": {}}"#, "path"),
        (r#"{"task": "getFile"}"#, "params"),
        (r#"{"task": "getFile", "params": {"path": 7}}"#, "path"),
        (r#"{"task": "isolateHost", "params": {"action": "1"}}"#, "without quotes"),
        (r#"{"task": "isolateHost", "params": {"action": 2}}"#, "action"),
        (r#"{"task": "isolateHost", "params": {"action": true}}"#, "action"),
        (r#"{"task": "terminateProcess", "params": {"path": "C:\\a"}}"#, "caseSensitive"),
        (r#"{"task": "terminateProcess", "params": {"path": "C:\\a", "caseSensitive": "no"}}"#, "caseSensitive"),
        (
            r#"{"task": "preventExecution", "params": {"sha256hash": "", "path": "C:\\a", "caseSensitive": true}}"#,
            "sha256hash",
        ),
        (r#"{"task": "onDemandScan", "params": []}"#, "at least one"),
        (r#"{"task": "onDemandScan", "params": {"enabled": true}}"#, "list"),
        (r#"{"task": "onDemandScan", "params": [{"enabled": true, "path": "", "recursive": true, "type": 19}]}"#, "14"),
        (
            r#"{"task": "onDemandScan", "params": [{"enabled": true, "path": "", "recursive": true, "type": 22}]}"#,
            "path",
        ),
        (
            r#"{"task": "onDemandScan", "params": [{"enabled": true, "path": "C:\\T", "recursive": true, "type": 14}]}"#,
            "path",
        ),
        (
            r#"{"task": "iocScan", "params": {"ioc": "C:\\iocs", "isolateHost": false, "scanCriticalAreas": false, "quarantineObject": false}}"#,
            "base64",
        ),
        (
            r#"{"task": "iocScan", "params": {"ioc": "UEsDBA==", "isolateHost": false, "scanCriticalAreas": false}}"#,
            "quarantineObject",
        ),
    ];
    for (text, words) in cases {
        room.env.file("task.json", text);
        let output = room.task(&["--task-file", "task.json"]).exits(2);
        assert!(output.stderr.contains(words), "{text} does not say `{words}`\n{output}");
    }
    assert_eq!(room.console.stats().connections(), 0);
}

#[test]
fn indicators_come_from_a_folder_from_files_or_from_an_archive_as_it_is() {
    let zip = BASE64_STANDARD.decode(archive()).unwrap();
    side_by_side([vec!["iocs"], vec!["iocs/b.xml", "one.ioc"], vec!["ready.zip"]], |given| {
        let room = room(1);
        std::fs::create_dir_all(room.env.path().join("iocs/below")).unwrap();
        for name in ["iocs/a.IOC", "iocs/b.xml", "iocs/readme.txt", "iocs/below/c.ioc"] {
            room.env.file(name, "<ioc/>");
        }
        room.env.file("ready.zip", &zip);
        let options: Vec<&str> = given.iter().flat_map(|path| ["--ioc", path]).collect();
        room.task(&[&["ioc-scan"], options.as_slice()].concat()).exits(0);
        let sent = BASE64_STANDARD.decode(room.only_body()["params"]["ioc"].as_str().unwrap()).unwrap();
        let has = |name: &str| sent.windows(name.len()).any(|window| window == name.as_bytes());
        match given.as_slice() {
            ["iocs"] => assert!(has("a.IOC") && has("b.xml") && !has("readme.txt") && !has("c.ioc")),
            ["ready.zip"] => assert_eq!(sent, zip, "it is sent as it is"),
            _ => assert!(has("b.xml") && has("one.ioc") && !has("iocs/")),
        }
    });
}

#[test]
fn objects_of_a_scan_are_named_in_every_spelling_and_the_folders_below_can_be_left_out() {
    let room = room(1);
    let objects = [
        "system-memory",
        "StartupObjectsAndRunningProcesses",
        "16",
        "SYSTEMBACKUPSTORAGE",
        "email",
        "all-removable-drives",
        "AllNetworkDrives",
        "25",
        r"D:\Data",
        r"\\files\data",
    ];
    let options: Vec<&str> = objects.iter().flat_map(|object| ["--object", object]).collect();
    room.task(&[&["on-demand-scan", "--not-recursive"], options.as_slice()].concat()).exits(0);
    let body = room.only_body();
    let told: Vec<(i64, &str)> = body["params"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| (object["type"].as_i64().unwrap(), object["path"].as_str().unwrap()))
        .collect();
    let expected = [
        (14, ""),
        (15, ""),
        (16, ""),
        (17, ""),
        (18, ""),
        (23, ""),
        (24, ""),
        (25, ""),
        (22, r"D:\Data"),
        (22, r"\\files\data"),
    ];
    assert_eq!(told, expected);
    assert!(
        body["params"]
            .as_array()
            .unwrap()
            .iter()
            .all(|object| object["recursive"] == false && object["enabled"] == true)
    );
}

#[test]
fn print_shows_exactly_what_would_be_sent_and_sends_nothing() {
    let mut room = room(3);
    room.set("TZ", "America/New_York");
    let printed = room.env.run(["ksc-task", "startProcess", "--executable", EXE, "--print", "hosts.txt"]).exits(0);
    room.was_left_alone();
    assert!(room.env.journals().is_empty());
    let lines: Vec<Value> = printed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let now = jiff::Timestamp::now();
    room.task(&["startProcess", "--executable", EXE]).exits(0);
    let incidents = room.incidents();
    assert_eq!((lines.len(), incidents.len()), (3, 3));
    for line in &lines {
        let data = &line["pData"];
        let host = data["KLHST_WKS_HOSTNAME"].as_str().unwrap();
        let sent = incidents.iter().find(|incident| incident.host.eq_ignore_ascii_case(host)).unwrap();
        assert_eq!(data["KLINCDT_BODY"], sent.body.as_str(), "to the byte");
        assert_eq!(data["KLINCDT_SEVERITY"], 2);
        assert_eq!(data["KLINCDT_ADDED"]["type"], "datetime");
        let added = data["KLINCDT_ADDED"]["value"].as_str().unwrap();
        assert!(added.ends_with('Z') && added.len() == 20, "{added}");
        let added: jiff::Timestamp = added.parse().unwrap();
        assert!(now.duration_since(added).as_secs().abs() < 60, "{added} is no time of UTC");
    }
}

#[test]
fn print_tells_which_targets_nothing_would_be_sent_for() {
    let room = room(2);
    let list = format!("{}nobody\n", room.console.guids());
    room.env.file("hosts.txt", list);
    let output = room.env.run(["ksc-task", "isolateHost", "--action", "off", "--print", "hosts.txt"]).exits(6);
    assert_eq!(output.stdout.lines().count(), 2, "{output}");
    assert!(output.stderr.contains("nobody"), "{output}");
    room.was_left_alone();
}

#[test]
fn the_calls_are_written_as_the_vendors_own_sample_writes_them() {
    let mut room = PlayedKsc::new(|_, _| None);
    room.env.set("TZ", "Asia/Tokyo");
    room.isolate(&[]).exits(0);
    let now = jiff::Timestamp::now();
    let added = room.arguments("HostGroup.AddIncident");
    assert_eq!(added.len(), 1);
    let data = &added[0]["pData"];
    let at: jiff::Timestamp = data["KLINCDT_ADDED"]["value"].as_str().unwrap().parse().unwrap();
    assert!(now.duration_since(at).as_secs().abs() < 60, "{data}");
    let expected = json!({"nId": 4711, "pData": {"KLINCDT_IS_HANDLED": false,
        "KLHST_WKS_HOSTNAME": "5593fcfd-e950-4b54-9732-2c160a35aaaa"}});
    assert_eq!(room.arguments("HostGroup.UpdateIncident"), [expected]);
    let sessions = room.arguments("Session.StartSession").len();
    assert_eq!(room.arguments("Session.EndSession").len(), sessions, "it signs out of each");
}

#[test]
fn whoever_is_asked_is_told_what_a_task_does() {
    let cases = [
        (
            r"start-process --executable-path 'C:\Temp\a.exe' --arguments '/q /s'",
            r"runs `C:\Temp\a.exe /q /s` on each host",
        ),
        (r"delete-file --path 'C:\Temp\a.exe'", r"permanently deletes `C:\Temp\a.exe`, whatever is in it,"),
        (r"terminate-process --path 'C:\Temp\a.exe'", "ends every process of"),
        (r"quarantine-file --path 'C:\Temp\a.exe'", "quarantine"),
        (
            r"prevent-execution --path 'C:\Temp\a.exe' --hash d41d8cd98f00b204e9800998ecf8427e",
            "perhaps on every host of its group",
        ),
        ("ioc-scan --ioc one.ioc --isolate-host", "cuts the host off the network"),
        ("isolate-host --action on", "cuts each host off the network"),
        ("isolate-host --action off", "puts each host back on the network"),
        ("on-demand-scan --object system-memory", "scans system-memory"),
        (r"get-file --path 'C:\Temp\a.exe'", "into the console's storage"),
    ];
    side_by_side(cases, |(task, words)| {
        let room = room(2);
        let mut args = vec!["ksc-task"];
        args.extend(task.split(' '));
        args.push("hosts.txt");
        let mut terminal = Terminal::start(&room.env, &args);
        terminal.shows("[y/N]").types("n\n");
        let (screen, code) = terminal.ends();
        assert_eq!(code, Some(5), "{screen}");
        assert!(screen.contains(words), "`{words}`\n{screen}");
        assert!(screen.contains("2 hosts to"), "{screen}");
        room.was_left_alone();
        assert!(room.env.journals().is_empty());
    });
    let room = room(1);
    let mut terminal = Terminal::start(&room.env, &["ksc-task", "isolate-host", "--action", "on", "hosts.txt"]);
    terminal.shows("[y/N]").types("y\n");
    let (screen, code) = terminal.ends();
    assert_eq!((code, room.writes()), (Some(0), (1, 1)), "{screen}");
}

#[test]
fn without_a_terminal_or_a_word_nothing_is_sent() {
    let room = room(2);
    let output = room.env.run(["ksc-task", "delete-file", "--path", EXE, "hosts.txt"]).exits(5);
    assert!(output.stderr.contains("--yes"), "{output}");
    room.env.run(["ksc-task", "delete-file", "--path", EXE, "--expect-count", "3", "hosts.txt"]).exits(5);
    room.was_left_alone();
    room.env.run(["ksc-task", "delete-file", "--path", EXE, "--expect-count", "2", "hosts.txt"]).exits(0);
    assert_eq!(room.writes(), (2, 2));
}

#[test]
fn a_task_has_to_be_named() {
    let room = room(1);
    let output = room.env.run(["ksc-task", "--yes", "hosts.txt"]).exits(2).says("a task is asked for");
    assert!(output.stderr.contains("hint: ") && output.stderr.contains("ksc-task --help"), "{output}");
    room.env.run(["ksc-task"]).exits(2);
    room.env.run(["ksc-task", "get-file", "--path", EXE]).exits(2);
    assert_eq!(room.console.stats().connections(), 0);
}

#[test]
fn help_tells_every_task_and_what_accepted_means() {
    let env = TestEnv::new();
    let help = env.run(["ksc-task", "--help"]).exits(0).stdout;
    let flowing = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["`accepted` means that the incident is there, and no more", "--wait", "--allow-rotation", "hundred"] {
        assert!(flowing(&help).contains(words), "`{words}`\n{help}");
    }
    for (words, options, _) in nine() {
        assert!(help.contains(words[0]) && help.contains(words[1]), "{help}");
        for word in words {
            let help = env.run(["ksc-task", word, "--help"]).exits(0).stdout;
            for option in options.iter().filter(|option| option.starts_with("--")) {
                assert!(help.contains(option), "{word}: {option}\n{help}");
            }
            for option in ["--task-file", "--print", "--require-console", "--wait", "--yes", "--group", "--simulate"] {
                assert!(help.contains(option), "{word}: {option}\n{help}");
            }
        }
    }
}

#[test]
fn every_task_is_rehearsed_without_a_console() {
    side_by_side(nine(), |(words, options, _)| {
        let env = TestEnv::new();
        env.file("one.ioc", "<ioc/>");
        env.file("hosts.txt", "fin-lt-014.corp.example\n10.20.30.41\n5593fcfd-e950-4b54-9732-2c160a35aaaa\n");
        let args =
            [&["ksc-task", words[0]], options.as_slice(), &["--simulate", "--wait=30s", "-o", "jsonl", "hosts.txt"]];
        let output: Output = env.run(args.concat()).exits(0);
        assert_eq!(output.outcomes(), [("confirmed".to_owned(), 3)].into(), "{output}");
    });
}

#[test]
fn a_dry_run_of_a_task_reads_and_writes_nothing() {
    let room = room(3);
    let output = room.env.run(["ksc-task", "getFile", "--path", EXE, "--dry-run", "-o", "jsonl", "hosts.txt"]).exits(0);
    assert_eq!(output.outcomes(), [("not_sent".to_owned(), 3)].into(), "{output}");
    room.was_left_alone();
    assert_eq!(room.console.stats().requests("POST", Endpoint::AddIncident), 0);
    assert!(room.env.journals().is_empty());
}

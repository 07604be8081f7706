//! Live events through the real program: from a simulated broker to files and standard output, on good days and bad ones.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use edrctl::simulator::NewStream;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Live, Output, signal, sorted, wait_until};

#[test]
fn a_drained_stream_is_in_the_file_event_by_event_and_acknowledged() {
    let live = Live::with_backlog(2500);
    let waiting = live.waiting();
    assert_eq!(waiting.len(), 2500);
    let output = live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    assert_eq!(live.lines("events.jsonl"), waiting);
    live.assert_all_acknowledged();
    assert!(output.stderr.contains("soc: 2,500 events kept in "), "{output}");
    assert_eq!(output.stdout, "", "nothing is told twice");
    live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    assert_eq!(live.lines("events.jsonl"), waiting, "an empty queue adds nothing");
}

#[test]
fn standard_output_has_bodies_envelopes_or_clean_lines() {
    let live = Live::with_backlog(120);
    let waiting = live.waiting();
    for name in ["enveloped", "read"] {
        live.make(name);
    }
    let raw = live.run(&["--drain", "-o", "jsonl"]).exits(0);
    assert_eq!(raw.stdout.lines().collect::<Vec<_>>(), waiting);

    let output = live.env.run(["stream", "enveloped", "--drain", "--format", "event"]).exits(0);
    let events = output.results();
    assert_eq!(events.len(), 120);
    for (event, body) in events.iter().zip(&waiting) {
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(event["schema"], "edrctl.event/1");
        assert_eq!(event["body"], body);
        assert_eq!(event["id"], body["id"].to_string());
        assert_eq!(event["type_id"], body["event_type_id"]);
        assert_eq!(event["host"]["id"], body["connector_guid"]);
    }

    let output = live.env.run(["stream", "read", "--drain"]).exits(0);
    assert_eq!(output.stdout.lines().count(), 120, "{output}");
    assert!(!output.stdout.chars().any(|c| c.is_control() && c != '\n'), "{output}");
    for (line, body) in output.stdout.lines().zip(&waiting) {
        let body: Value = serde_json::from_str(body).unwrap();
        assert!(line.contains(body["event_type"].as_str().unwrap()), "{line}\n{body}");
    }
}

#[test]
fn what_is_not_wanted_is_acknowledged_and_counted() {
    let live = Live::with_backlog(300);
    let severe = |body: &String| {
        let body: Value = serde_json::from_str(body).unwrap();
        matches!(body["severity"].as_str(), Some("High" | "Critical"))
    };
    let waiting = live.waiting();
    let wanted: Vec<String> = waiting.iter().filter(|body| severe(body)).cloned().collect();
    assert!(!wanted.is_empty() && wanted.len() < 300);
    let output = live.run(&["--drain", "--where", "severity >= high", "--to", "severe.jsonl"]).exits(0);
    assert_eq!(live.lines("severe.jsonl"), wanted);
    live.assert_all_acknowledged();
    assert!(output.stderr.contains(&format!("{}  not wanted by --where", 300 - wanted.len())), "{output}");
    let output = live.run(&["--drain", "--where", "severity >= hihg"]).exits(2);
    assert!(output.stderr.contains("`hihg` at character 13 is no severity"), "{output}");
}

#[test]
fn a_count_takes_so_many_and_leaves_the_rest() {
    let live = Live::with_backlog(50);
    let waiting = live.waiting();
    for part in waiting.chunks(20) {
        let output = live.run(&["--count", &part.len().to_string(), "-o", "jsonl"]).exits(0);
        assert_eq!(output.stdout.lines().collect::<Vec<_>>(), part);
    }
    live.assert_all_acknowledged();
}

#[test]
fn a_stream_that_is_not_there_is_made_if_that_was_asked_for() {
    let live = Live::with_backlog(5);
    let output = live.env.run(["stream", "night", "--drain", "-o", "jsonl"]).exits(6);
    assert!(output.stderr.contains("`--create` makes it"), "{output}");
    assert_eq!(live.streams.ids().len(), 1, "nothing is made unasked");
    let output = live.env.run(["stream", "night", "--create", "--drain", "-o", "jsonl"]).exits(0);
    assert_eq!(output.stdout.lines().count(), 5, "{output}");
    assert_eq!(live.streams.ids().len(), 2);
    live.env.run(["stream", "night", "--create", "--drain"]).exits(0);
    assert_eq!(live.streams.ids().len(), 2, "it is there already");
    let output = live.env.run(["stream", "--drain"]).exits(2);
    assert!(output.stderr.contains("soc") && output.stderr.contains("night"), "{output}");
}

#[test]
fn without_a_password_here_nothing_is_taken() {
    let live = Live::with_backlog(5);
    let elsewhere = NewStream { name: "elsewhere".to_owned(), ..NewStream::default() };
    let id = live.streams.create(&elsewhere).unwrap().id;
    for more in [None, Some("--create")] {
        let output = live.env.run(["stream", "elsewhere", "--drain"].into_iter().chain(more)).exits(3);
        assert!(output.stderr.contains("its password is not on this machine"), "{output}");
        assert!(output.stderr.contains(&format!("edrctl streams recreate {id}")), "{output}");
    }
    assert_eq!(live.streams.counts(id).unwrap().delivered, 0);
}

#[test]
fn two_of_ours_take_one_stream_only_if_both_share_it() {
    let live = Live::new("");
    let first = live.start(&["--shared", "--prefetch", "2", "--to", "first.jsonl"]);
    live.consumed();
    let output = live.run(&["--drain"]).exits(5);
    assert!(output.stderr.contains("another `edrctl stream` takes the events of `soc`"), "{output}");
    let second = live.start(&["--shared", "--prefetch", "2", "--to", "second.jsonl"]);
    wait_until("both to be there", || live.counts().consumers == 2);
    let mut expected = Vec::new();
    wait_until("both to have some", || {
        for _ in 0..20 {
            let body = format!("{{\"id\":{}}}", expected.len());
            live.streams.publish(live.soc, body.clone());
            expected.push(body);
        }
        let counts = || live.counts();
        wait_until("all to be acknowledged", || counts().acknowledged == counts().published);
        !live.lines("first.jsonl").is_empty() && !live.lines("second.jsonl").is_empty()
    });
    for child in [first, second] {
        signal(&child, Signal::INT);
        live.env.finish(child).exits(0);
    }
    let (first, second) = (live.lines("first.jsonl"), live.lines("second.jsonl"));
    assert_eq!(sorted([first, second].concat()), sorted(expected));
}

#[test]
fn an_interrupt_keeps_and_acknowledges_what_was_taken() {
    for which in [Signal::INT, Signal::TERM] {
        let live = Live::with_backlog(20_000);
        let waiting = live.waiting();
        let child = live.start(&["--prefetch", "20", "--to", "events.jsonl"]);
        wait_until("some to be acknowledged", || live.counts().acknowledged >= 40);
        signal(&child, which);
        let output = live.env.finish(child).exits(0);
        let counts = live.counts();
        let kept = live.lines("events.jsonl");
        assert!(kept.len() < 20_000, "it was too fast to be interrupted");
        assert_eq!(kept.len() as u64, counts.acknowledged, "{output}");
        assert_eq!(kept, waiting[..kept.len()]);
        live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
        assert_eq!(live.lines("events.jsonl"), waiting);
        live.assert_all_acknowledged();
    }
}

#[test]
fn a_program_that_is_killed_again_and_again_loses_nothing_and_repeats_nothing_in_its_file() {
    let live = Live::with_backlog(6000);
    let waiting = live.waiting();
    for _ in 0..8 {
        let before = live.counts().acknowledged;
        let mut child = live.start(&["--prefetch", "20", "--to", "events.jsonl"]);
        wait_until("some to be acknowledged", || live.counts().acknowledged >= before + 30);
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until("the broker to notice", || live.counts().consumers == 0);
    }
    assert!(live.counts().acknowledged < 6000, "it was too fast to be killed");
    assert!(live.counts().redelivered > 0, "nothing was taken back");
    live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    assert_eq!(sorted(live.lines("events.jsonl")), sorted(waiting));
    live.assert_all_acknowledged();
}

#[test]
fn a_connection_that_is_cut_or_closed_is_made_again() {
    for (deed, words) in [("\"cut\"", "warning: "), ("{ close = 320 }", "the broker has closed the connection")] {
        let live = Live::new(&format!(
            "[streams]\nbacklog = 400\n[[stream_fault]]\nafter = 100\nevery = 90\ntimes = 2\ndo = {deed}\n"
        ));
        let waiting = live.waiting();
        let output = live.run(&["--drain", "--prefetch", "50", "--to", "events.jsonl"]).exits(0);
        assert_eq!(sorted(live.lines("events.jsonl")), sorted(waiting), "{output}");
        live.assert_all_acknowledged();
        assert_eq!(live.streams.connections_made(), 3, "{output}");
        assert!(output.stderr.contains(words) && output.stderr.contains("connected again to soc"), "{output}");
        assert!(output.stderr.contains("2  connections made again"), "{output}");
    }
}

#[test]
fn an_event_that_comes_twice_is_kept_once() {
    let live = Live::new("[streams]\nbacklog = 200\n[[stream_fault]]\nevery = 10\ndo = \"duplicate\"\n");
    let waiting = live.waiting();
    let output = live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    assert_eq!(live.lines("events.jsonl"), waiting);
    assert!(output.stderr.contains("  had before, and left out"), "{output}");
}

#[test]
fn credentials_that_are_worth_nothing_are_told_with_what_helps() {
    let live = Live::with_backlog(5);
    live.streams.delete(live.soc);
    let output = live.run(&["--drain", "--to", "events.jsonl"]).exits(4);
    assert!(output.stderr.contains("the stream was deleted, or its password is another one"), "{output}");
    assert!(output.stderr.contains(&format!("edrctl streams recreate {}", live.soc)), "{output}");
}

#[test]
fn a_stream_that_is_deleted_while_it_is_read_stops_the_program() {
    for backlog in [0_u32, 30] {
        let live = Live::with_backlog(backlog);
        let child = live.start(&["--to", "events.jsonl"]);
        live.consumed();
        wait_until("all to be acknowledged", || live.counts().acknowledged == u64::from(backlog));
        live.streams.delete(live.soc);
        let output = live.env.finish(child).exits(7);
        assert!(output.stderr.contains("take events of the stream `soc`"), "{output}");
        assert!(output.stderr.contains(&format!("edrctl streams show {}", live.soc)), "{output}");
        assert_eq!(live.lines("events.jsonl").len() as u32, backlog);
    }
}

#[test]
fn odd_bodies_are_kept_as_they_are_and_cannot_harm_a_terminal() {
    let live = Live::new("");
    live.make("terminal");
    let large = format!("{{\"id\":1,\"padding\":\"{}\"}}", "x".repeat(5_000_000));
    let bodies: [&[u8]; 6] = [
        b"no JSON \x1b[2J",
        b"\xff\xfe\x00",
        b"",
        large.as_bytes(),
        b"{\"id\":18446744073709551615,\n\"event_type\":\"\\u001b[31mred\\u0007\"}",
        b"{\"id\":2,\"computer\":{\"hostname\":\"a\\nb\\u202ec\"}}",
    ];
    for id in live.streams.ids() {
        for body in bodies {
            live.streams.publish(id, body.to_vec());
        }
    }
    live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    let lines = live.lines("events.jsonl");
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0], "{\"edrctl\":\"raw\",\"base64\":\"bm8gSlNPTiAbWzJK\"}");
    assert_eq!(lines[1], "{\"edrctl\":\"raw\",\"base64\":\"//4A\"}");
    assert_eq!(lines[2], "{\"edrctl\":\"raw\",\"base64\":\"\"}");
    assert!(lines[3] == large, "the large one is another one");
    assert_eq!(lines[4], "{\"id\":18446744073709551615, \"event_type\":\"\\u001b[31mred\\u0007\"}");
    live.assert_all_acknowledged();
    let output = live.env.run(["stream", "terminal", "--drain"]).exits(0);
    assert_eq!(output.stdout.lines().count(), 6, "{output}");
    let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!output.stdout.contains(harmful), "{:?}", output.stdout);
}

#[test]
fn figures_are_in_a_file_for_collectors() {
    let live = Live::with_backlog(70);
    live.run(&["--drain", "--where", "severity >= low", "--to", "events.jsonl", "--metrics", "edrctl.prom"]).exits(0);
    let kept = live.lines("events.jsonl").len();
    let text = fs::read_to_string(live.env.path().join("edrctl.prom")).unwrap();
    for (name, value) in
        [("delivered_total", 70), ("kept_total", kept), ("filtered_total", 70 - kept), ("connected", 0)]
    {
        assert!(text.contains(&format!("edrctl_stream_{name}{{stream=\"soc\"}} {value}\n")), "{name}\n{text}");
    }
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/streams.md")).unwrap();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split('{').next().unwrap().strip_prefix("edrctl_stream_").unwrap();
        assert!(page.contains(&format!("`{name}`")), "docs/streams.md does not have {name}");
    }
}

#[test]
fn the_password_is_in_its_file_and_nowhere_else() {
    let live = Live::new("[streams]\nbacklog = 40\n[[stream_fault]]\nnth = 20\ndo = \"cut\"\n");
    let (file, password) = live.password();
    let output = live.run(&["-vv", "--drain", "--to", "events.jsonl", "--metrics", "edrctl.prom"]).exits(0);
    assert!(!format!("{output}").contains(&password), "{output}");
    live.streams.delete(live.soc);
    let output = live.run(&["-vv", "--drain"]).exits(4);
    assert!(!format!("{output}").contains(&password), "{output}");
    let mut folders = vec![live.env.path().to_owned()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path != file {
                let content = fs::read(&path).unwrap();
                let found = content.windows(password.len()).any(|part| part == password.as_bytes());
                assert!(!found, "{} has the password", path.display());
                read += 1;
            }
        }
    }
    assert!(read >= 4, "only {read} files were read");
}

#[test]
fn severe_events_isolate_their_hosts_through_a_pipe() {
    let live = Live::with_backlog(60);
    let mut hosts = BTreeSet::new();
    for body in live.waiting() {
        let body: Value = serde_json::from_str(&body).unwrap();
        if body["severity"] == "Critical" {
            hosts.insert(body["connector_guid"].as_str().unwrap().to_owned());
        }
    }
    assert!(!hosts.is_empty() && hosts.len() < 20, "{hosts:?}");
    let mut events = live
        .env
        .command(["stream", "soc", "--drain", "-q", "-o", "jsonl", "--where", "severity >= critical"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut isolate: Command =
        live.env.command(["isolate", "--vendor", "cisco", "--yes", "-o", "jsonl", "--field", "/connector_guid", "-"]);
    let isolated = isolate.stdin(events.stdout.take().unwrap()).output().unwrap();
    assert!(events.wait().unwrap().success());
    let output = Output::new(isolated, live.env.path()).exits(0);
    assert_eq!(output.outcomes()["accepted"], hosts.len(), "{output}");
    for host in live.console.fleet().hosts() {
        assert_eq!(host.puts_accepted > 0, hosts.contains(&host.id.to_string()), "{host:?}");
    }
}

#[test]
fn a_reader_that_has_gone_ends_the_stream_quietly() {
    let live = Live::with_backlog(3000);
    let mut child = live.start(&["-o", "jsonl", "--prefetch", "20"]);
    drop(child.stdout.take());
    let output = live.env.finish(child).exits(0);
    assert!(!output.stderr.contains("error"), "{output}");
    assert!(live.counts().acknowledged < 3000, "what nobody read was acknowledged");
}

#[test]
fn an_odd_field_hides_no_event_from_a_filter_and_what_cannot_be_read_is_kept_and_told() {
    let live = Live::new("");
    let odd = [
        r#"{"id":1,"severity":"High","file":{"file_name":"a\ud800.exe"}}"#,
        r#"{"id":2,"severity":"Critical","file":"x","group_guids":[null],"detection":["y"]}"#,
        r#"{"id":3,"severity":{}}"#,
        r#"{"id":4,"severity":"Low","file":{"file_name":"\udfff"}}"#,
        r#"{"id":5,"severity":"High""#,
        r#"{"id":6}"#,
    ];
    for body in odd {
        assert!(live.streams.publish(live.soc, body.to_owned()));
    }
    let output = live.run(&["--drain", "-o", "jsonl", "--where", "severity >= high"]).exits(0);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{output}");
    assert_eq!(lines[..3], odd[..3], "{output}");
    assert!(lines[3].contains(r#""edrctl":"raw""#), "{output}");
    assert!(output.stderr.contains("2 events had no readable field for --where"), "{output}");
    live.assert_all_acknowledged();
}

#[test]
fn what_goes_into_a_stream_is_said_only_where_it_is_made() {
    let live = Live::with_backlog(5);
    for filter in [["--event-type", "553648202"], ["--group", "Servers"]] {
        let output = live.run(&[&["--drain"], filter.as_slice()].concat()).exits(2);
        assert!(output.stderr.contains("--where 'type = "), "{output}");
    }
    let output = live.run(&["--drain", "--create", "--event-type", "553648202"]).exits(5);
    assert!(output.stderr.contains("edrctl streams update"), "{output}");
    assert_eq!(live.counts().delivered, 0);
    let night = ["stream", "night", "--drain", "--create", "--event-type", "553648202"];
    live.env.run(night).exits(0);
    live.env.run(night).exits(0);
}

#[test]
fn a_type_that_the_console_does_not_know_is_warned_of() {
    let live = Live::new("");
    let output = live.run(&["--drain", "--where", "type = 'Thread Detected' or type = 'threat detected'"]).exits(0);
    assert!(output.stderr.contains("no event type `thread detected`"), "{output}");
    assert!(!output.stderr.contains("`threat detected`"), "{output}");
    for filter in ["severity >= h*", "group = Servers", "hash = xyz"] {
        let output = live.run(&["--drain", "--where", filter]).exits(2);
        assert!(output.stderr.contains("at character"), "{output}");
    }
}

#[test]
fn another_clients_stream_is_not_taken() {
    let live = Live::with_backlog(5);
    let (file, _) = live.password();
    let text = fs::read_to_string(&file).unwrap();
    let mut kept: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(kept["account"].as_str().unwrap().len(), 32);
    kept["account"] = "0".repeat(32).into();
    fs::write(&file, kept.to_string()).unwrap();
    let output = live.run(&["--drain"]).exits(3);
    assert!(output.stderr.contains("was made for another client"), "{output}");
    live.env.run(["stream", "--drain"]).exits(3);
    assert_eq!(live.counts().delivered, 0);
    kept.as_object_mut().unwrap().remove("account");
    fs::write(&file, kept.to_string()).unwrap();
    live.run(&["--drain"]).exits(0);
    live.assert_all_acknowledged();
}

#[test]
fn hosts_of_old_and_odd_events_are_isolated_by_the_envelopes_pointer() {
    let live = Live::new("");
    let hosts = live.console.fleet().hosts();
    let (old, odd) = (&hosts[0].id, &hosts[1].id);
    for body in [
        format!(r#"{{"id":1,"severity":"High","computer":{{"connector_guid":"{old}"}}}}"#),
        format!(r#"{{"id":2,"severity":"High","connector_guid":"{odd}","file":{{"file_name":"\ud800"}}}}"#),
        r#"{"id":3,"severity":"High"}"#.to_owned(),
    ] {
        assert!(live.streams.publish(live.soc, body));
    }
    let events = live.run(&["--drain", "--format", "event", "--where", "severity >= high"]).exits(0).stdout;
    assert_eq!(events.lines().count(), 3, "{events}");
    let isolate = ["isolate", "--vendor", "cisco", "--field", "/host/id", "--skip-invalid", "--yes", "-"];
    let output = live.env.run_with_input(isolate, events);
    let asked = live.console.fleet().hosts().iter().filter(|host| host.puts > 0).count();
    assert_eq!(asked, 2, "{output}");
    assert!(output.stdout.contains("next: edrctl undo "), "{output}");
    assert!(!output.stdout.contains("same standard input"), "{output}");
}

#[test]
fn a_pipe_that_does_not_end_is_told_to_be_waited_for() {
    let live = Live::new("");
    let mut run = live.env.start(["isolate", "--vendor", "cisco", "--field", "/host/id", "--yes", "-"]);
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    let told = lines.find(|line| line.as_ref().unwrap().contains("nothing is sent before it ends"));
    assert!(told.is_some());
    drop(run.stdin.take());
    assert_eq!(run.wait().unwrap().code(), Some(5), "there is no target");
}

//! Where events of a stream go, and what is told when they cannot go there.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::Child,
    sync::atomic::{AtomicU64, Ordering},
};

use edrctl::stream::ledger;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{FakeConsole, Live, TestEnv, signal, sorted, wait_until};

/// Reads what a program says on standard error until a line has this.
#[track_caller]
fn says(child: &mut Child, wanted: &str) {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(wanted) {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it never said {wanted:?}");
    }
    child.stderr = Some(stderr.into_inner());
}

#[test]
fn two_places_have_every_event() {
    let live = Live::with_backlog(90);
    let waiting = live.waiting();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("syslog://{}", receiver.local_addr().unwrap());
    let listening = std::thread::spawn(move || {
        let mut text = String::new();
        receiver.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    live.run(&["--drain", "--to", "events.jsonl", "--to", &place]).exits(0);
    let received = listening.join().unwrap();
    assert_eq!(live.lines("events.jsonl"), waiting);
    assert_eq!(waiting.iter().filter(|body| received.contains(*body)).count(), 90);
    assert!(received.contains("<13") && received.contains(">1 20"), "{received}");
    live.assert_all_acknowledged();
}

#[test]
fn what_a_receiver_will_never_take_is_in_the_dead_letters() {
    let mut live = Live::with_backlog(10);
    let waiting = live.waiting();
    let asked = AtomicU64::new(0);
    let splunk = FakeConsole::new(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => (400, r#"{"text":"Invalid data format","code":6,"invalid-event-number":3}"#.to_owned()),
        _ => (200, r#"{"text":"Success","code":0}"#.to_owned()),
    });
    let place = format!("splunk+{}", splunk.url());
    let output = live.run(&["--drain", "--to", &place]).exits(3);
    assert!(output.stderr.contains("splunk_token"), "{output}");
    assert_eq!(live.counts().delivered, 0, "nothing is taken before everything is known");

    live.env.set("EDRCTL_STREAM_SPLUNK_TOKEN", "a-token-of-a-fake-collector");
    let output = live.run(&["-vv", "--drain", "--to", &place, "--dead-letters", "dead.jsonl"]).exits(0);
    assert!(!format!("{output}").contains("a-token-of"), "{output}");
    assert!(output.stderr.contains("will never take an event: Invalid data format (code 6)"), "{output}");
    assert!(output.stderr.contains("1  refused by a sink, and in the dead letters"), "{output}");
    let letters = live.lines("dead.jsonl");
    let letter: Value = serde_json::from_str(&letters[0]).unwrap();
    assert_eq!((letters.len(), letter["body"].as_str()), (1, Some(waiting[3].as_str())));
    assert!(splunk.asked().iter().all(|asked| asked.authorization == "Splunk a-token-of-a-fake-collector"));
    live.assert_all_acknowledged();
}

#[test]
fn files_are_put_away_whole_before_they_are_too_large() {
    let live = Live::with_backlog(3000);
    let waiting = live.waiting();
    let rotated = ["--drain", "--prefetch", "100", "--to", "out/events.jsonl", "--max-size", "200K"];
    fs::create_dir(live.env.path().join("out")).unwrap();
    live.run(&rotated).exits(0);
    let names: Vec<String> = fs::read_dir(live.env.path().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".jsonl"))
        .collect();
    assert!(names.len() > 3, "{names:?}");
    let mut lines = Vec::new();
    for name in &names {
        let size = fs::metadata(live.env.path().join("out").join(name)).unwrap().len();
        assert!(size <= 200 * 1024, "{name} has {size} bytes");
        lines.extend(live.lines(&format!("out/{name}")));
    }
    assert_eq!(sorted(lines), sorted(waiting));
}

#[test]
fn a_second_interrupt_does_not_wait_for_a_place_that_takes_nothing() {
    let live = Live::with_backlog(10);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = live.start(&["--to", &format!("syslog://{nobody}")]);
    says(&mut child, "takes nothing");
    signal(&child, Signal::INT);
    signal(&child, Signal::INT);
    wait_until("it to end", || child.try_wait().unwrap().is_some());
    let code = live.env.finish(child).code;
    // Two signals at once may be one to the system: then it ends in order, and says the same.
    assert!(matches!(code, Some(0 | 7)), "{code:?}");
    let counts = live.counts();
    assert_eq!(counts.acknowledged, 0, "what was not kept was not acknowledged");
    wait_until("all to be back in the queue", || live.counts().ready == 10);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_taken() {
    let live = Live::with_backlog(5);
    let wrong: [(&[&str], i32, &str); 8] = [
        (&["--to", "syslog://me:secret@127.0.0.1"], 2, "an address holds no user, password or token"),
        (&["--to", "ftp://collector.example"], 2, "events go to"),
        (&["--to", "splunk+http://collector.example"], 2, "plain `http` is for this machine only"),
        (&["--to", "elastic+https://search.example:9200"], 2, "no index is named"),
        (&["--to", "a.jsonl", "--to", "a.jsonl"], 2, "is named twice"),
        (&["-o", "csv"], 2, "a stream has no end"),
        (&["--where", "severity >= high and"], 2, "the filter breaks off"),
        (&["--count", "0"], 2, "0"),
    ];
    for (args, code, words) in wrong {
        let output = live.run(&[&["--drain"], args].concat()).exits(code);
        assert!(output.stderr.contains(words), "{args:?}\n{output}");
        assert!(!output.stderr.contains("secret"), "{output}");
    }
    assert_eq!(live.counts().delivered, 0);
}

#[test]
fn a_ledger_that_is_damaged_is_not_guessed_at() {
    let live = Live::with_backlog(5);
    live.run(&["--count", "2", "--to", "events.jsonl"]).exits(0);
    let path = live.password().0.with_extension("ledger");
    let mut bytes = fs::read(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "it is for its owner alone");
    bytes[0] ^= 0xff;
    fs::write(&path, bytes).unwrap();
    let output = live.run(&["--drain", "--to", "events.jsonl"]).exits(8);
    assert!(output.stderr.contains("ledger"), "{output}");
    assert_eq!(live.counts().acknowledged, 2);
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/streams.md")).unwrap();
    // One of the two generations may have been forgotten just now.
    let promised = ledger::WINDOW / 2;
    assert!(page.contains(&format!("the last {},{:03}", promised / 1000, promised % 1000)), "docs/streams.md");
}

#[test]
fn somebody_elsewhere_has_the_stream() {
    let live = Live::with_backlog(0);
    let elsewhere = TestEnv::new();
    elsewhere.configure(&live.console);
    let (file, password) = live.password();
    let folder = elsewhere.path().join("home/.local/state/edrctl/streams");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
    let first = live.start(&["--to", "events.jsonl"]);
    live.consumed();
    let output = elsewhere.run(["stream", "soc", "-vv"]).exits(4);
    assert!(output.stderr.contains("another consumer has this stream"), "{output}");
    assert!(output.stderr.contains("`--shared` joins them"), "{output}");
    assert!(!format!("{output}").contains(&password), "{output}");
    signal(&first, Signal::INT);
    live.env.finish(first).exits(0);
}

#[test]
fn a_time_ends_a_stream_also_where_the_broker_never_answers() {
    let live = Live::new("[[stream_fault]]\ndo = \"no_tls\"\n");
    let output = live.run(&["--for", "1500ms", "--to", "events.jsonl"]).exits(0);
    assert!(output.stderr.contains("trying again in"), "{output}");
    let live = Live::with_backlog(7);
    live.run(&["--for", "1500ms", "--to", "events.jsonl"]).exits(0);
    assert_eq!(live.lines("events.jsonl").len(), 7);
}

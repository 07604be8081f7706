//! Where events of a stream go, and what is told when they cannot go there.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use edrctl::stream::ledger;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{FakeConsole, Live, Output, TestEnv, signal, sorted, wait_until};

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
    std::os::unix::fs::symlink("a.jsonl", live.env.path().join("link.jsonl")).unwrap();
    fs::write(live.env.path().join("a.jsonl"), "").unwrap();
    let wrong: [(&[&str], i32, &str); 15] = [
        (&["--to", "syslog://me:secret@127.0.0.1"], 2, "an address holds no user, password or token"),
        (&["--to", "ftp://collector.example"], 2, "events go to"),
        (&["--to", "splunk+http://collector.example"], 2, "plain `http` is for this machine only"),
        (&["--to", "elastic+https://search.example:9200"], 2, "no index is named"),
        (&["--to", "a.jsonl", "--to", "a.jsonl"], 2, "is named twice"),
        (&["--to", "a.jsonl", "--to", "./a.jsonl"], 2, "is named twice"),
        (&["--to", "a.jsonl", "--to", "link.jsonl"], 2, "is named twice"),
        (&["--to", "new.jsonl", "--to", "home/../new.jsonl"], 2, "is named twice"),
        (&["--to", "none/x"], 2, "the folder of `none/x` is not there"),
        (&["--to", "a.jsonl/x"], 2, "the folder of `a.jsonl/x` is not there"),
        (&["--to", "home"], 2, "is a folder"),
        (&["--to", "/dev/null"], 2, "is not a plain file"),
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
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(output.stderr.contains("hint: to begin a new one: `mv '"), "{output}");
    assert!(output.stderr.contains(&format!("{name}.damaged'`; no event is lost by that")), "{output}");
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

#[test]
fn a_file_that_another_stream_has_written_to_meanwhile_loses_nothing() {
    let live = Live::new("");
    live.make("lab");
    let publish = |stream: u64, ids: std::ops::Range<u64>| -> Vec<String> {
        let bodies: Vec<String> = ids.map(|id| format!("{{\"id\":{id}}}")).collect();
        for body in &bodies {
            live.streams.publish(stream, body.clone());
        }
        bodies
    };
    let lab = live.streams.ids().into_iter().find(|id| *id != live.soc).unwrap();
    let mut expected = publish(live.soc, 0..10);
    live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    expected.extend(publish(lab, 100..110));
    live.env.run(["stream", "lab", "--drain", "--to", "events.jsonl"]).exits(0);
    // Somebody who is not us, and has not ended the line.
    let path = live.env.path().join("events.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap() + "{\"id\":7777}").unwrap();
    expected.push("{\"id\":7777}".to_owned());
    expected.extend(publish(live.soc, 10..20));
    let output = live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    assert_eq!(live.lines("events.jsonl"), expected, "{output}");
    assert!(output.stderr.contains("10 lines stand behind where this stream had stopped, and they stay"), "{output}");
    assert!(output.stderr.contains("its last line had no end and is not one of ours"), "{output}");
    // Told once, for what was told then is known now.
    expected.extend(publish(live.soc, 20..21));
    let output = live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    assert_eq!(live.lines("events.jsonl"), expected);
    assert!(!output.stderr.contains("warning"), "{output}");
}

#[test]
fn a_file_of_the_same_name_in_another_folder_is_another_file() {
    let live = Live::new("");
    let mut expected = Vec::new();
    for id in 0..5 {
        let body = format!("{{\"id\":{id}}}");
        live.streams.publish(live.soc, body.clone());
        expected.push(body);
    }
    live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    let elsewhere = live.env.path().join("home");
    fs::write(elsewhere.join("events.jsonl"), "{\"id\":0}\n".repeat(50)).unwrap();
    let mut command = live.env.command(["stream", "soc", "--drain", "--to", "events.jsonl"]);
    live.streams.publish(live.soc, "{\"id\":9}");
    let output = Output::new(command.current_dir(&elsewhere).output().unwrap(), live.env.path()).exits(0);
    assert!(!output.stderr.contains("warning"), "{output}");
    assert_eq!(live.lines("home/events.jsonl").len(), 51);
    assert_eq!(live.lines("events.jsonl"), expected);
}

#[test]
fn a_standard_output_that_keeps_nothing_is_refused() {
    let live = Live::with_backlog(5);
    for to in [&["--drain"][..], &["--drain", "--to", "-"]] {
        let mut command = live.env.command([&["stream", "soc"], to].concat());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let output = Output::new(child.wait_with_output().unwrap(), live.env.path()).exits(2);
        assert!(output.stderr.contains("standard output is closed or /dev/null: events would be gone"), "{output}");
        assert!(output.stderr.contains("`--to events.jsonl`"), "{output}");
    }
    // Closed, as a shell does it.
    let ours = live.env.command(["stream"]);
    let mut closed = Command::new("sh");
    closed.arg("-c").arg("exec \"$0\" stream soc --drain >&-").arg(ours.get_program()).env_clear();
    closed.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
    closed.current_dir(live.env.path());
    let output = Output::new(closed.output().unwrap(), live.env.path()).exits(2);
    assert!(output.stderr.contains("events would be gone"), "{output}");
    assert_eq!(live.counts().delivered, 0);
    // A file has them all the same.
    let mut command = live.env.command(["stream", "soc", "--drain", "--to", "-", "--to", "events.jsonl"]);
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
    assert_eq!(live.lines("events.jsonl").len(), 5);
}

#[test]
fn a_place_that_does_not_take_the_last_batch_is_named_at_the_end() {
    let live = Live::with_backlog(5);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begun = Instant::now();
    let output = live.run(&["--for", "1s", "--to", &format!("elastic+http://{nobody}/ix")]).exits(7);
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    let told = output.stderr.replace('\n', " ");
    assert!(told.contains("did not take the last batch within 5s: 5 events were not kept and come again"), "{output}");
    assert!(told.contains("error: elastic"), "{output}");
    assert!(!told.contains("ended at once"), "{output}");
    assert_eq!(live.counts().acknowledged, 0);

    // Nobody reads.
    let child = live.start(&["-o", "jsonl"]);
    for id in 0..200 {
        live.streams.publish(live.soc, format!("{{\"id\":{id},\"text\":\"{}\"}}", "x".repeat(4096)));
    }
    wait_until("some to be on the way", || live.counts().unacknowledged >= 100);
    // A pipe holds 64 KiB. It is full once nothing more gets in: until then a batch may just have fitted.
    let pipe = child.stdout.as_ref().unwrap();
    let mut last = (0, Instant::now());
    wait_until("the pipe to be full", || {
        let held = rustix::io::ioctl_fionread(pipe).unwrap();
        if held != last.0 {
            last = (held, Instant::now());
        }
        held >= 56 * 1024 && last.1.elapsed() >= Duration::from_millis(700)
    });
    let begun = Instant::now();
    signal(&child, Signal::TERM);
    let mut child = child;
    wait_until("it to end", || child.try_wait().unwrap().is_some());
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    let output = live.env.finish(child).exits(7);
    assert!(output.stderr.contains("stdout did not take the last batch"), "{output}");
}

#[test]
fn an_outage_that_lasts_to_the_end_is_told_and_counted() {
    let live = Live::new("[streams]\nbacklog = 50\n[[stream_fault]]\nafter = 20\nevery = 1\ndo = \"cut\"\n");
    let args = ["--for", "4s", "--prefetch", "10", "--to", "events.jsonl", "--metrics", "edrctl.prom"];
    let child = live.start(&args);
    live.consumed();
    let output = live.env.finish(child).exits(0);
    let figures = fs::read_to_string(live.env.path().join("edrctl.prom")).unwrap();
    let gaps = figures.lines().find_map(|line| line.strip_prefix("edrctl_stream_gaps_total{stream=\"soc\"} "));
    assert!(gaps.unwrap().parse::<u64>().unwrap() >= 1, "{figures}");
    assert!(output.stderr.contains("without a connection"), "{output}");
}

#[test]
fn another_event_under_the_same_id_is_kept_and_told() {
    let live = Live::new("");
    let bodies: Vec<String> = (0..4).map(|n| format!("{{\"id\":0,\"n\":{n}}}")).collect();
    for body in bodies.iter().chain(&bodies[..2]) {
        live.streams.publish(live.soc, body.clone());
    }
    let output = live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    assert_eq!(live.lines("events.jsonl"), bodies);
    assert!(output.stderr.contains("3  with the id of another event and another body, and kept"), "{output}");
    assert!(output.stderr.contains("2  had before, and left out"), "{output}");
}

#[test]
fn what_was_remembered_goes_with_a_deleted_stream_but_for_what_is_in_use_and_dead_letters() {
    let live = Live::with_backlog(5);
    live.run(&["--drain", "--to", "events.jsonl"]).exits(0);
    let (password, _) = live.password();
    let letters = password.with_extension("dead.jsonl");
    fs::write(&letters, "{}\n").unwrap();
    fs::write(password.with_extension("2.ledger.lock"), "").unwrap();
    let output = live.env.run(["streams", "delete", "soc", "--yes"]).exits(0);
    assert!(output.stderr.contains("events that a place would never take are still in"), "{output}");
    let names: Vec<PathBuf> =
        fs::read_dir(password.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names, [letters], "{output}");

    let live = Live::with_backlog(0);
    let (password, _) = live.password();
    let ledger = password.with_extension("ledger");
    let held = ledger::Ledger::open(&ledger, 100).unwrap();
    let output = live.env.run(["streams", "delete", "soc", "--yes"]).exits(0);
    assert!(output.stderr.contains("an `edrctl stream` still has"), "{output}");
    assert!(ledger.exists() && !password.exists());
    drop(held);
}

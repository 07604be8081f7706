//! `--wait --stream`: hosts are confirmed by the events of the console's stream, and no quota is spent on asking.

use edrctl::simulator::{NewStream, faults::Endpoint};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Live, Output, records, signal, wait_until};

/// Readings of the inventory, and looks at single hosts.
fn asked(live: &Live) -> u64 {
    let stats = live.console.stats();
    stats.requests("GET", Endpoint::Computers) + stats.requests("GET", Endpoint::Isolation)
}

fn act(live: &Live, command: &str, more: &[&str]) -> Output {
    live.env.file("hosts.txt", live.console.guids());
    let base = [command, "--vendor", "cisco", "--yes", "-o", "jsonl", "hosts.txt"];
    live.env.run([&base, more].concat())
}

const HEARING: [&str; 2] = ["--wait=40s", "--stream=soc"];

#[test]
fn hosts_are_confirmed_by_their_events_and_nothing_is_taken_out_of_the_stream() {
    let live = Live::new("[[confirm]]\nafter = \"200ms\"\n");
    for (command, done) in [("isolate", 20), ("unisolate", 0)] {
        let before = (asked(&live), live.counts().published);
        let output = act(&live, command, &HEARING).exits(0);
        assert_eq!(output.outcomes()["confirmed"], 20, "{output}");
        assert_eq!(live.console.fleet().isolated(), done);
        assert_eq!(asked(&live), before.0, "nothing was spent on asking");
        let counts = live.counts();
        assert_eq!(counts.published - before.1, 20);
        assert_eq!((counts.acknowledged, counts.unacknowledged), (0, 0), "{counts:?}");
        assert_eq!(counts.ready, counts.published, "every event is still there: {counts:?}");
        assert_eq!(counts.consumers, 0);
    }
    let journals = live.env.journals();
    let settled: Vec<Value> =
        journals.iter().flat_map(|journal| records(journal)).filter(|record| record["type"] == "settled").collect();
    assert_eq!(settled.len(), 40);
    assert!(settled.iter().all(|record| record["result"]["by"] == "stream"), "{settled:?}");
}

#[test]
fn an_agent_that_cannot_is_told_in_its_words_long_before_the_wait_is_over() {
    for (command, how, state) in
        [("isolate", "start_failure", "not_isolated"), ("unisolate", "stop_failure", "isolated")]
    {
        let live = Live::new(&format!("[[confirm]]\nhow = \"{how}\"\nafter = \"100ms\"\n"));
        if command == "unisolate" {
            act(&live, "isolate", &HEARING).exits(0);
        }
        let before = asked(&live);
        let output = act(&live, command, &HEARING).exits(6);
        assert_eq!(output.outcomes()["failed"], 20, "{output}");
        for result in output.results() {
            assert_eq!(result["reason_code"], "fallback", "{result}");
            assert_eq!(result["state"], state, "{result}");
            assert!(result["reason"].as_str().unwrap().contains("Endpoint Isolation"), "{result}");
        }
        assert_eq!(asked(&live), before);
    }
}

#[test]
fn what_waits_in_the_stream_already_confirms_nothing() {
    let live = Live::new("[[confirm]]\nafter = \"50ms\"\n");
    act(&live, "isolate", &HEARING).exits(0);
    act(&live, "unisolate", &HEARING).exits(0);
    let (first, rest) = live.waiting().split_first().map(|(first, rest)| (first.clone(), rest.len())).unwrap();
    assert_eq!(rest, 39);
    let event: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(event["event_type_id"], 553_648_202);
    // The same events come again, as from somebody who was late: they are from before the run.
    let old: Vec<String> = live
        .waiting()
        .iter()
        .map(|body| {
            let mut body: Value = serde_json::from_str(body).unwrap();
            body["id"] = (body["id"].as_u64().unwrap() + 1_000_000).into();
            body["timestamp"] = (body["timestamp"].as_i64().unwrap() - 3600).into();
            body.to_string()
        })
        .collect();
    let away = Live::new("[[confirm]]\nhow = \"never\"\n");
    for body in old {
        assert!(away.streams.publish(away.soc, body));
    }
    let output = act(&away, "isolate", &["--wait=3s", "--stream=soc"]).exits(6);
    assert_eq!(output.outcomes()["unconfirmed"], 20, "{output}");
}

#[test]
fn a_stream_that_somebody_else_takes_is_made_up_for_by_listings() {
    let live = Live::new("[[confirm]]\nafter = \"100ms\"\n");
    let mut taker = live.start(&["--to", "events.jsonl", "-q"]);
    live.consumed();
    let output = act(&live, "isolate", &HEARING).exits(0);
    assert_eq!(output.outcomes()["confirmed"], 20, "{output}");
    assert!(output.stderr.contains("a run needs a stream of its own"), "{output}");
    assert!(asked(&live) > 0);
    wait_until("every event to be taken by whoever had it", || live.counts().acknowledged == 20);
    signal(&taker, Signal::TERM);
    assert!(taker.wait().unwrap().success());
    assert_eq!(live.lines("events.jsonl").len(), 20);
}

#[test]
fn a_stream_that_cannot_tell_is_said_to_be_so() {
    let live = Live::new("[[confirm]]\nafter = \"100ms\"\n");
    live.env.run(["streams", "create", "faults", "--event-type", "553648195", "--yes"]).exits(0);
    let output = act(&live, "isolate", &["--wait=30s", "--stream=faults"]).exits(0);
    assert!(output.stderr.contains("leaves out the events of type"), "{output}");
    assert!(output.stderr.contains("553648202") && output.stderr.contains("2164260939"), "{output}");
    assert_eq!(output.outcomes()["confirmed"], 20, "{output}");
    // It is gone at the console, and its password is still here.
    let id = live.streams.ids().into_iter().max().unwrap();
    assert!(live.streams.delete(id));
    let output = act(&live, "unisolate", &["--wait=30s", "--stream=faults"]).exits(0);
    assert!(output.stderr.contains("has no stream `faults`"), "{output}");
}

#[test]
fn a_broker_that_cuts_the_connection_loses_no_host() {
    for fault in ["\"cut\"", "{ close = 320 }", "\"cancel\"", "\"delete\""] {
        let live = Live::new(&format!(
            "[[confirm]]\nafter = \"300ms\"\n[[stream_fault]]\ndo = {fault}\nafter = 4\ntimes = 1\n"
        ));
        let output = act(&live, "isolate", &["--wait=90s", "--stream=soc"]).exits(0);
        assert_eq!(output.outcomes()["confirmed"], 20, "{fault} {output}");
        assert!(output.stderr.contains("the event stream is not heard"), "{fault} {output}");
    }
}

#[test]
fn a_stream_is_only_for_who_waits_and_where_there_are_streams() {
    let live = Live::new("");
    let output = act(&live, "isolate", &["--stream=soc"]).exits(2);
    assert!(output.stderr.contains("--wait"), "{output}");
    let output = act(&live, "isolate", &["--wait", "--stream=night"]).exits(3);
    assert!(output.stderr.contains("the password of an event stream `night` is not on this machine"), "{output}");
    let elsewhere = NewStream { name: "elsewhere".to_owned(), ..NewStream::default() };
    live.streams.create(&elsewhere).unwrap();
    act(&live, "isolate", &["--wait", "--stream=elsewhere"]).exits(3);
    assert_eq!(live.console.fleet().hosts().iter().filter(|host| host.puts > 0).count(), 0, "nothing was sent");
    live.env.file("names.txt", "host-1\n");
    let output =
        live.env.run(["isolate", "--vendor", "apex", "--simulate", "--wait", "--stream=soc", "names.txt"]).exits(2);
    assert!(output.stderr.contains("Apex Central has no event streams"), "{output}");
}

#[test]
fn a_rehearsal_has_a_stream_of_its_own() {
    let live = Live::new("");
    live.env.file("list.txt", live.console.guids());
    let output = live
        .env
        .run(["isolate", "--vendor", "cisco", "--simulate", "--wait", "--stream=any", "-o", "jsonl", "list.txt"])
        .exits(0);
    assert_eq!(output.outcomes()["confirmed"], 20, "{output}");
    assert_eq!(live.streams.ids(), [live.soc], "the real console was not asked");
}

#[test]
fn a_resumed_run_may_listen_too() {
    let live = Live::new("[[confirm]]\nhow = \"never\"\n");
    act(&live, "isolate", &["--wait=1s", "--stream=soc"]).exits(6);
    let before = asked(&live);
    let mut resuming = live.env.start(["resume", "--wait=60s", "--stream=soc", "-o", "jsonl"]);
    // What happens before it listens is asked for once, and from then on it hears.
    wait_until("the hosts to be asked for once", || asked(&live) > before);
    for (n, host) in (1_i64..).zip(live.console.fleet().hosts()) {
        let now = jiff::Timestamp::now().as_second();
        let body = format!(
            r#"{{"id":{n},"timestamp":{now},"event_type":"Endpoint Isolation Start Success","event_type_id":553648202,"connector_guid":"{}"}}"#,
            host.id
        );
        assert!(live.streams.publish(live.soc, body));
    }
    assert!(resuming.wait().unwrap().success());
    let live = Live::new("");
    act(&live, "isolate", &[]).exits(0);
    let output = live.env.run(["resume", "--stream=soc", "latest"]).exits(2);
    assert!(output.stderr.contains("--wait"), "{output}");
}

/// An event in which the agent of the host says how it went, so many seconds from now.
fn told(n: u64, seconds: i64, kind: u64, host: &str) -> String {
    let at = jiff::Timestamp::now().as_second() + seconds;
    format!(
        r#"{{"id":{n},"timestamp":{at},"event_type_id":{kind},"connector_guid":"{host}","file":{{"file_name":"\ud800"}}}}"#
    )
}

#[test]
fn an_event_of_another_time_settles_no_host_and_makes_the_console_be_asked() {
    for (seconds, kind) in [(-290, 553_648_202), (365 * 86400, 553_648_202), (-290, 2_164_260_939)] {
        let live = Live::new("[[confirm]]\nhow = \"never\"\n");
        live.env.file("hosts.txt", live.console.guids());
        let mut run = live.env.start([
            "isolate",
            "--vendor",
            "cisco",
            "--yes",
            "-o",
            "jsonl",
            "--wait=8s",
            "--stream=soc",
            "hosts.txt",
        ]);
        wait_until("all requests to be there", || live.console.fleet().hosts().iter().all(|host| host.puts > 0));
        for (n, host) in (1..).zip(live.console.fleet().hosts()) {
            assert!(live.streams.publish(live.soc, told(n, seconds, kind, &host.id.to_string())));
        }
        assert_eq!(run.wait().unwrap().code(), Some(6), "{seconds} {kind}");
        let journal = live.env.journals().pop().unwrap();
        let settled: Vec<Value> = records(&journal).into_iter().filter(|record| record["type"] == "settled").collect();
        assert_eq!(settled.len(), 20);
        for record in settled {
            assert_eq!(record["result"]["outcome"], "unconfirmed", "{seconds} {kind} {record}");
        }
    }
}

#[test]
fn an_event_with_odd_fields_still_confirms_its_host() {
    let live = Live::new("[[confirm]]\nhow = \"never\"\n");
    live.env.file("hosts.txt", live.console.guids());
    let mut run = live.env.start(["isolate", "--vendor", "cisco", "--yes", "--wait=60s", "--stream=soc", "hosts.txt"]);
    wait_until("all requests to be there", || live.console.fleet().hosts().iter().all(|host| host.puts > 0));
    let before = asked(&live);
    for (n, host) in (1..).zip(live.console.fleet().hosts()) {
        assert!(live.streams.publish(live.soc, told(n, 0, 553_648_202, &host.id.to_string())));
    }
    assert!(run.wait().unwrap().success());
    assert_eq!(asked(&live), before, "nothing was spent on asking");
}

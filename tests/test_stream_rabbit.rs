//! Events from a real RabbitMQ, on good days and bad ones: none is lost, and none is written twice.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use edrctl::{
    http::Trust,
    stream::{
        amqp::{AmqpOptions, AmqpSource},
        cancel::Cancel,
        dead_letters::DeadLetters,
        ledger::{self, Ledger},
        pump::{Ending, Listener, Pump, PumpLimits, StreamEvent, StreamStats},
        sinks::file::{FileOptions, FileSink},
        store::{StoredStream, StreamStore},
    },
};
use rustix::process::Signal;

use crate::support::{Console, EVENT, Output, Rabbit, TestEnv, numbers, signal, wait_until};

/// A sealed room where the password of one queue is kept.
struct Consumer {
    env: TestEnv,
    queue: &'static str,
    _console: Console,
}

impl Consumer {
    fn new(rabbit: &Rabbit, queue: &'static str) -> Self {
        Self::with(rabbit, queue, |_| {})
    }

    /// `change`: what is otherwise about what is kept.
    fn with(rabbit: &Rabbit, queue: &'static str, change: impl FnOnce(&mut StoredStream)) -> Self {
        let env = TestEnv::new();
        let console = Console::new(1, "");
        env.configure(&console);
        env.file("ca.pem", format!("{}\n{}", console.ca_pem(), rabbit.ca_pem()));
        let mut stored = rabbit.stored(console.inner().base_url(), queue);
        change(&mut stored);
        StreamStore::at(&env.path().join("home/.local/state/edrctl")).save(&stored).unwrap();
        Self { env, queue, _console: console }
    }

    fn events(&self) -> PathBuf {
        self.env.path().join("events.jsonl")
    }

    /// How many events are in the file, or nearly.
    fn written(&self) -> u64 {
        fs::metadata(self.events()).map_or(0, |file| file.len() / EVENT)
    }

    /// Waits for so many events, and fails at once if the program ends before: what is waited for then never comes.
    #[track_caller]
    fn wait_for(&self, child: &mut Child, events: u64) {
        let begun = Instant::now();
        while self.written() < events {
            let ended = child.try_wait().unwrap();
            // A broker that takes long to start makes the waits between tries long.
            let late = begun.elapsed() > Duration::from_secs(120);
            assert!(ended.is_none() && !late, "{} of {events} events; {ended:?}\n{}", self.written(), self.told());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn numbers(&self) -> Vec<u64> {
        numbers(&fs::read_to_string(self.events()).unwrap())
    }

    /// Takes events to the file; what it tells can be read meanwhile.
    fn start(&self, more: &[&str]) -> Child {
        let told = File::create(self.env.path().join("told.txt")).unwrap();
        let args = [&["stream", self.queue, "--to", "events.jsonl"], more].concat();
        self.env.command(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(told).spawn().unwrap()
    }

    fn told(&self) -> String {
        fs::read_to_string(self.env.path().join("told.txt")).unwrap_or_default()
    }

    #[track_caller]
    fn wait_for_words(&self, words: &str) {
        wait_until(words, || self.told().contains(words));
    }

    fn finish(&self, child: Child) -> Output {
        let mut output = self.env.finish(child);
        output.stderr = self.told();
        output
    }

    fn run(&self, more: &[&str]) -> Output {
        self.finish(self.start(more))
    }
}

/// A number of a line of the closing summary, or of the metrics.
#[track_caller]
fn figure(text: &str, words: &str) -> u64 {
    let line = text.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("no `{words}` in\n{text}"));
    let figure = |word: &str| word.replace(',', "").parse().ok();
    line.split_whitespace().find_map(figure).unwrap_or_else(|| panic!("no number in `{line}`"))
}

/// Some number from 1 to `most`.
fn random(most: u64) -> u64 {
    u64::from(getrandom::u32().unwrap()) % most + 1
}

#[test]
fn a_queue_is_drained_to_the_last_event_and_what_comes_twice_is_written_once() {
    let rabbit = Rabbit::shared();
    let consumer = Consumer::new(&rabbit, "drained");
    rabbit.publish("drained", (0..5000).chain(4000..4100));
    let output = consumer.run(&["--drain"]).exits(0);
    assert!(consumer.numbers().into_iter().eq(0..5000), "not in the order of the queue, or not all of it");
    assert_eq!((figure(&output.stderr, "events kept"), figure(&output.stderr, "had before")), (5000, 100));
    assert_eq!(rabbit.left("drained"), 0);
    assert!(!output.stderr.contains("warning"), "{output}");

    // Another process, another day: what was had before is known still.
    rabbit.publish("drained", (4990..5010).rev());
    let output = consumer.run(&["--drain"]).exits(0);
    assert!(consumer.numbers().into_iter().eq((0..5000).chain((5000..5010).rev())));
    assert_eq!((figure(&output.stderr, "events kept"), figure(&output.stderr, "had before")), (10, 10));
}

/// A figure of a file of metrics.
#[track_caller]
fn metric(figures: &str, name: &str) -> u64 {
    let line = figures.lines().find(|line| line.starts_with(&format!("edrctl_stream_{name}{{")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{name}: {figures}"))
}

#[test]
fn however_often_the_broker_and_the_program_are_killed_nothing_is_lost_or_written_twice() {
    // Far more than all steps together: a test that is late for a kill must not find the queue empty.
    const ALL: u64 = 20_000;
    const TWICE: u64 = 200;
    const STEP: u64 = 300;
    let mut rabbit = Rabbit::start();
    let consumer = Consumer::new(&rabbit, "killed");
    rabbit.publish("killed", (0..ALL).chain(0..TWICE));
    // Small batches make many moments to be killed in.
    let small = ["--drain", "--prefetch", "20", "--metrics", "figures.prom"];
    let figures = || fs::read_to_string(consumer.env.path().join("figures.prom")).unwrap();
    // Every delivery was kept or had before, whatever became of its acknowledgement.
    let assert_all_told = |figures: &str| {
        let told = metric(figures, "kept_total") + metric(figures, "duplicates_total");
        assert_eq!(metric(figures, "delivered_total"), told, "{figures}");
    };
    for _ in 0..2 {
        let mut child = consumer.start(&small);
        consumer.wait_for(&mut child, consumer.written() + random(STEP));
        rabbit.kill();
        let before = consumer.written();
        rabbit.restart();
        consumer.wait_for(&mut child, before + 1 + random(STEP));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(consumer.told().contains("trying again"), "{}", consumer.told());
        assert_all_told(&figures());
    }
    for _ in 0..6 {
        let mut child = consumer.start(&small);
        consumer.wait_for(&mut child, consumer.written() + random(STEP));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut child = consumer.start(&small);
    consumer.wait_for(&mut child, consumer.written() + random(STEP));
    rabbit.kill();
    rabbit.restart();
    let output = consumer.finish(child).exits(0);

    let mut numbers = consumer.numbers();
    let lines = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), lines, "an event was written twice");
    assert!(numbers.into_iter().eq(0..ALL), "an event was lost");
    assert_eq!(rabbit.left("killed"), 0);

    let figures = figures();
    assert_all_told(&figures);
    let duplicates = metric(&figures, "duplicates_total");
    assert!(duplicates >= TWICE, "{figures}");
    assert_eq!(figure(&output.stderr, "had before"), duplicates);
    assert_eq!(figure(&output.stderr, "connections made again"), 1);
    assert_eq!(metric(&figures, "reconnects_total"), 1);
}

/// Passes on how the connection is.
#[derive(Debug)]
struct Hear(mpsc::Sender<String>);

impl Listener for Hear {
    fn on_event(&mut self, event: &StreamEvent<'_>, _: &StreamStats) {
        if let StreamEvent::Disconnected { error, .. } = event {
            // Once the test has heard enough it listens no more.
            drop(self.0.send(error.text.clone()));
        }
    }
}

#[test]
fn a_broker_that_stands_still_is_missed_and_found_again() {
    let rabbit = Rabbit::start();
    rabbit.publish("frozen", 0..100);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let stored = rabbit.stored("", "frozen");
    // The program's own patience is longer than this test's.
    let source = AmqpSource::new(AmqpOptions {
        host: stored.host,
        port: stored.port,
        user: stored.user,
        password: stored.password,
        queue: stored.queue,
        trust: Trust::Only(rabbit.ca_pem().to_owned()),
        exclusive: true,
        plain: false,
        connect_timeout: Duration::from_secs(1),
        heartbeat: Duration::from_secs(1),
    });
    let sink = FileSink::new(FileOptions::new(path.clone())).unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger"), ledger::WINDOW).unwrap();
    let dead_letters = DeadLetters::new(folder.path().join("dead.jsonl"));
    let limits = PumpLimits { count: Some(200), ..PumpLimits::default() };
    let (told, hears) = mpsc::channel();
    let mut pump = Pump::new(Box::new(source.unwrap()), vec![Box::new(sink)], ledger, dead_letters, limits)
        .with_listener(Box::new(Hear(told)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let pumped = runtime.spawn(async move {
        let ending = pump.run(&Cancel::new()).await;
        (ending, pump.stats().clone())
    });
    wait_until("the first events", || fs::metadata(&path).is_ok_and(|file| file.len() >= 100 * EVENT));
    rabbit.freeze();
    let missed = hears.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(missed, "the broker has not been heard of for too long");
    let refused = hears.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(refused, "no connection within 1 s");
    rabbit.thaw();
    rabbit.publish("frozen", 100..200);
    let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), pumped).await });
    let (ending, stats) = ended.unwrap().unwrap();
    assert!(matches!(ending, Ending::Count), "{ending:?}");
    assert!(numbers(&fs::read_to_string(path).unwrap()).into_iter().eq(0..200));
    assert_eq!((stats.kept, stats.reconnects, stats.gaps.count), (200, 1, 1));
}

#[test]
fn a_connection_that_is_forced_closed_is_made_again() {
    let rabbit = Rabbit::shared();
    let consumer = Consumer::new(&rabbit, "forced");
    rabbit.publish("forced", 0..100);
    let mut child = consumer.start(&["--count", "200"]);
    consumer.wait_for(&mut child, 100);
    rabbit.close_connections("forced");
    consumer.wait_for_words("trying again");
    rabbit.publish("forced", 100..200);
    let output = consumer.finish(child).exits(0);
    assert!(consumer.numbers().into_iter().eq(0..200));
    assert!(output.stderr.contains("the broker has closed the connection (CONNECTION_FORCED"), "{output}");
    assert_eq!(figure(&output.stderr, "connections made again"), 1);
}

#[test]
fn a_queue_that_is_deleted_ends_the_stream_in_words_that_say_what_to_do() {
    let rabbit = Rabbit::shared();
    let consumer = Consumer::new(&rabbit, "deleted");
    let child = consumer.start(&[]);
    wait_until("a consumer", || rabbit.consumers("deleted") == 1);
    rabbit.delete_queue("deleted");
    // It had begun, even though nothing had happened yet.
    let output = consumer.finish(child).exits(7);
    let gone = |output: &Output| {
        assert!(output.stderr.contains("the queue is gone (NOT_FOUND"), "{output}");
        assert!(output.stderr.contains("edrctl streams recreate "), "{output}");
        assert!(!output.stderr.contains("trying again"), "{output}");
    };
    gone(&output);
    // It is not there from the start.
    gone(&consumer.run(&[]).exits(4));
}

#[test]
fn credentials_that_are_refused_are_not_tried_again() {
    let rabbit = Rabbit::shared();
    let wrong = "a-password-of-yesterday";
    let consumer = Consumer::with(&rabbit, "gone", |stored| stored.password = edrctl::secret::Secret::new(wrong));
    let begun = Instant::now();
    let output = consumer.run(&[]).exits(4);
    assert!(begun.elapsed() < Duration::from_secs(10), "{output}");
    assert!(output.stderr.contains("the broker refuses to sign in (ACCESS_REFUSED"), "{output}");
    assert!(output.stderr.contains("edrctl streams recreate "), "{output}");
    assert!(!output.stderr.contains("trying again") && !output.stderr.contains(wrong), "{output}");

    // The password is the right one, and the queue is somebody else's.
    let consumer = Consumer::with(&rabbit, "gone", |stored| stored.queue = "plain".to_owned());
    let output = consumer.run(&[]).exits(4);
    assert!(output.stderr.contains("the broker does not let this user at the queue (ACCESS_REFUSED"), "{output}");
    assert!(!output.stderr.contains("trying again"), "{output}");
}

#[test]
fn an_acknowledgement_that_comes_too_late_costs_a_connection_and_no_event() {
    let rabbit = Rabbit::shared();
    let consumer = Consumer::new(&rabbit, "late");
    rabbit.publish("late", 0..500);
    // Nobody reads, so nothing is acknowledged, until the broker has had enough.
    let child = consumer.env.start(["stream", "late", "-o", "jsonl", "--drain"]);
    wait_until("a consumer", || rabbit.consumers("late") == 1);
    wait_until("the broker has had enough", || rabbit.consumers("late") == 0);
    let output = consumer.env.finish(child).exits(0);
    assert!(numbers(&output.stdout).into_iter().eq(0..500));
    assert!(output.stderr.contains("an acknowledgement came too late for the broker (PRECONDITION_FAILED"), "{output}");
    assert!(figure(&output.stderr, "had before") > 0);
    assert_eq!(figure(&output.stderr, "connections made again"), 1);
    assert_eq!(rabbit.left("late"), 0);
}

#[test]
fn a_broker_that_speaks_no_tls_is_told_nothing_and_tried_again_until_the_end() {
    let rabbit = Rabbit::shared();
    let consumer = Consumer::with(&rabbit, "plain", |stored| stored.port = rabbit.plain_port());
    let child = consumer.start(&[]);
    consumer.wait_for_words("warning: no TLS connection");
    signal(&child, Signal::INT);
    let output = consumer.finish(child).exits(0);
    assert!(output.stderr.contains("trying again"), "{output}");
    assert!(output.stderr.contains("plain: 0 events kept"), "{output}");
}

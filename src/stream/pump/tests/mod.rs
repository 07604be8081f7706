//! The pump between a queue and files in memory.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::stream::{
    sinks::memory::MemoryFile,
    source::{
        SourceErrorKind,
        memory::{Act as Connection, MemoryQueue},
    },
};

mod endings;
mod property;
mod sinks;

/// What a listener heard, in words.
#[derive(Clone, Debug, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self, begin: &str) -> usize {
        self.all().iter().filter(|line| line.starts_with(begin)).count()
    }
}

impl Listener for Heard {
    fn on_event(&mut self, event: &StreamEvent<'_>, stats: &StreamStats) {
        let line = match event {
            StreamEvent::Connected => "connected".to_owned(),
            StreamEvent::Disconnected { error, .. } => format!("disconnected {:?}", error.kind),
            StreamEvent::Batch(batch) => format!("batch {}", batch.events),
            StreamEvent::SinkHeld { sink, .. } => format!("held {sink} with {} taken", stats.unacknowledged),
            StreamEvent::SinkBack { sink } => format!("back {sink}"),
            StreamEvent::Refused { sink, reason } => format!("refused by {sink}: {reason}"),
            StreamEvent::Note { sink, text } => format!("note of {sink}: {text}"),
            StreamEvent::CloseFailed { sink, .. } => format!("close failed {sink}"),
            StreamEvent::Ended(ending) => format!("ended {ending:?}"),
        };
        self.0.lock().unwrap().push(line);
    }
}

fn body(id: u64) -> String {
    format!(r#"{{"id":{id},"timestamp":1700000000,"timestamp_nanoseconds":5000000}}"#)
}

fn bodies(ids: std::ops::Range<u64>) -> Vec<String> {
    ids.map(body).collect()
}

fn draining() -> PumpLimits {
    PumpLimits { prefetch: 8, drain: true, ..PumpLimits::default() }
}

fn pump_in(folder: &Path, queue: &MemoryQueue, files: &[&MemoryFile], limits: PumpLimits) -> Pump {
    let sinks = files.iter().map(|file| Box::new((*file).clone()) as Box<dyn Sink>).collect();
    let ledger = Ledger::open(&folder.join("ledger"), 1000).unwrap();
    let dead_letters = DeadLetters::new(folder.join("dead.jsonl"));
    Pump::new(Box::new(queue.clone()), sinks, ledger, dead_letters, limits)
}

/// Everything that one test has.
struct Scene {
    folder: TempDir,
    queue: MemoryQueue,
    file: MemoryFile,
}

impl Scene {
    fn new(queue: MemoryQueue) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), queue, file: MemoryFile::new("file") }
    }

    fn pump(&self, limits: PumpLimits) -> Pump {
        pump_in(self.folder.path(), &self.queue, &[&self.file], limits)
    }
}

#[tokio::test(start_paused = true)]
async fn every_event_is_in_the_file_in_its_order_and_acknowledged() {
    let scene = Scene::new(MemoryQueue::new(bodies(0..100)));
    let mut pump = scene.pump(draining());
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::Drained));
    assert_eq!(scene.file.lines(), bodies(0..100));
    assert_eq!((scene.queue.waiting(), scene.queue.closed(), scene.file.closed()), (0, 1, 1));
    let stats = pump.stats();
    assert_eq!((stats.delivered, stats.kept, stats.unacknowledged), (100, 100, 0));
    assert_eq!(stats.last_event.unwrap().to_string(), "2023-11-14T22:13:20.005Z");
}

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_the_queue_room_to_go_on_while_it_is_kept() {
    let scene = Scene::new(MemoryQueue::new(bodies(0..100)));
    scene.pump(draining()).run(&Cancel::new()).await;
    assert!(scene.file.batches().iter().all(|events| *events <= 4), "{:?}", scene.file.batches());
    assert!(scene.queue.most_unacknowledged() <= 8);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_no_larger_than_its_bytes() {
    let scene = Scene::new(MemoryQueue::new(bodies(0..40)));
    let limits = PumpLimits { prefetch: 1000, batch_bytes: body(0).len() * 10, ..draining() };
    scene.pump(limits).run(&Cancel::new()).await;
    assert!(scene.file.batches().iter().all(|events| *events <= 10), "{:?}", scene.file.batches());
}

#[tokio::test(start_paused = true)]
async fn duplicates_are_counted_and_written_once_in_a_batch_and_after_a_restart() {
    let mut twice = bodies(0..10);
    twice.extend(bodies(0..10));
    twice.insert(1, body(0));
    let scene = Scene::new(MemoryQueue::new(twice));
    let mut pump = scene.pump(PumpLimits { prefetch: 12, ..draining() });
    pump.run(&Cancel::new()).await;
    assert_eq!((pump.stats().delivered, pump.stats().kept, pump.stats().duplicates), (21, 10, 11));
    drop(pump);

    scene.queue.push(bodies(5..12));
    let mut pump = scene.pump(draining());
    pump.run(&Cancel::new()).await;
    assert_eq!((pump.stats().kept, pump.stats().duplicates), (2, 5));
    assert_eq!(scene.file.lines(), bodies(0..12));
}

#[tokio::test(start_paused = true)]
async fn another_body_under_the_same_id_is_kept_counted_and_had_when_it_comes_again() {
    let twins = ["{\"id\":0,\"a\":1}", "{\"id\":0,\"a\":2}", "{\"id\":0,\"a\":1}"].map(str::to_owned);
    let scene = Scene::new(MemoryQueue::new(twins.to_vec()));
    let mut pump = scene.pump(draining());
    pump.run(&Cancel::new()).await;
    assert_eq!((pump.stats().kept, pump.stats().twins, pump.stats().duplicates), (2, 1, 1));
    drop(pump);
    scene.queue.push([&twins[1], "{\"id\":0,\"a\":3}"].map(|body| body.to_owned()).to_vec());
    let mut pump = scene.pump(draining());
    pump.run(&Cancel::new()).await;
    assert_eq!((pump.stats().kept, pump.stats().twins, pump.stats().duplicates), (1, 1, 1));
    assert_eq!(scene.file.lines().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_is_open_is_a_gap_from_its_first_moment_to_the_end() {
    let acts = [Connection::Cut(2, SourceErrorKind::Unreachable)];
    let acts = acts.into_iter().chain((0..1000).map(|_| Connection::Refuse(SourceErrorKind::Unreachable)));
    let scene = Scene::new(MemoryQueue::new(bodies(0..2)).script(acts));
    let limits = PumpLimits { drain: false, until: Some(Instant::now() + Duration::from_secs(60)), ..draining() };
    let mut pump = scene.pump(limits);
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::Time));
    let gaps = &pump.stats().gaps;
    assert_eq!((gaps.count, pump.stats().reconnects), (1, 0));
    assert!(gaps.total >= Duration::from_secs(59) && gaps.longest == gaps.total, "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_failed_makes_duplicates_and_no_second_line() {
    for taken in [false, true] {
        let acts = [Connection::FailAck { number: 1, taken }];
        let scene = Scene::new(MemoryQueue::new(bodies(0..20)).script(acts));
        let mut pump = scene.pump(draining());
        assert!(matches!(pump.run(&Cancel::new()).await, Ending::Drained));
        assert_eq!(scene.file.lines(), bodies(0..20));
        let again = if taken { 0 } else { 4 };
        assert_eq!((pump.stats().duplicates, pump.stats().redelivered), (again, again));
        assert_eq!((pump.stats().reconnects, pump.stats().unacknowledged), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_filter_does_not_want_is_acknowledged_and_counted() {
    let scene = Scene::new(MemoryQueue::new(bodies(0..100)));
    let even: Filter = Box::new(|event| matches!(event.id, EventId::Number(number, _) if number % 2 == 0));
    let mut pump = scene.pump(draining()).with_filter(even);
    pump.run(&Cancel::new()).await;
    assert_eq!((pump.stats().kept, pump.stats().filtered, scene.queue.waiting()), (50, 50, 0));
    assert_eq!(scene.file.lines().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn odd_bodies_are_events_like_any_other() {
    let odd = vec![
        Bytes::from_static(b"no JSON at all"),
        Bytes::from_static(b""),
        Bytes::from_static(b"\xff\x00\x1b[2J{"),
        Bytes::from(format!(r#"{{"id":18446744073709551615,"a":"{}"}}"#, "x".repeat(5_000_000))),
        Bytes::from_static(b"{\"a\":\"\\u001b]0;\x07\"}"),
        Bytes::from_static(b"[1]"),
    ];
    let scene = Scene::new(MemoryQueue::new(odd.clone()));
    scene.queue.push(odd.clone());
    let mut pump = scene.pump(draining());
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::Drained));
    assert_eq!(scene.file.lines(), odd);
    assert_eq!(pump.stats().duplicates, 6);
}

#[tokio::test(start_paused = true)]
async fn cuts_are_reconnected_to_and_told_as_gaps() {
    let cut = |after| Connection::Cut(after, SourceErrorKind::Unreachable);
    let acts = [cut(0), Connection::Refuse(SourceErrorKind::Unreachable), cut(7), cut(30), Connection::Well];
    let scene = Scene::new(MemoryQueue::new(bodies(0..100)).script(acts));
    let heard = Heard::default();
    let mut pump = scene.pump(draining()).with_listener(Box::new(heard.clone()));
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::Drained));
    assert_eq!(scene.file.lines(), bodies(0..100));
    let stats = pump.stats();
    assert_eq!((stats.reconnects, stats.gaps.count, stats.gaps.recent.len()), (3, 3, 3));
    assert!(stats.gaps.longest >= Duration::from_millis(1000), "one gap has two waits: {:?}", stats.gaps);
    assert!(stats.gaps.total >= stats.gaps.longest);
    assert_eq!((heard.count("connected"), heard.count("disconnected Unreachable")), (4, 4));
    assert_eq!(stats.delivered, scene.queue.delivered() as u64);
    assert_eq!(stats.redelivered, scene.queue.redelivered() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_sink_begins_where_the_last_commit_left_it() {
    let scene = Scene::new(MemoryQueue::new(bodies(0..3)));
    scene.pump(draining()).run(&Cancel::new()).await;
    scene.pump(draining()).run(&Cancel::new()).await;
    let there = Position { file: "file".to_owned(), length: 3 };
    assert_eq!(scene.file.begun(), [None, Some(there)]);
}

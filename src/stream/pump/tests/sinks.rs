//! Sinks that fail, hold, refuse and go away.

use super::*;
use crate::stream::sinks::{Then, memory::Act as Keeping};

#[tokio::test(start_paused = true)]
async fn nothing_is_acknowledged_while_a_sink_holds_and_the_other_sink_is_not_asked_twice() {
    let held = [Keeping::Fail(2, Then::Again(Some(Duration::from_secs(90)))), Keeping::Fail(0, Then::Again(None))];
    let bad = MemoryFile::new("bad").script(held);
    let scene = Scene::new(MemoryQueue::new(bodies(0..20)));
    let heard = Heard::default();
    let files = [&scene.file, &bad];
    let mut pump =
        pump_in(scene.folder.path(), &scene.queue, &files, draining()).with_listener(Box::new(heard.clone()));
    let began = Instant::now();
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::Drained));
    assert!(began.elapsed() >= Duration::from_secs(90));
    assert_eq!((scene.file.lines(), bad.lines()), (bodies(0..20), bodies(0..20)).into_lines());
    assert_eq!(scene.file.batches().len(), 5);
    assert_eq!(bad.batches().len(), 7);
    assert!(scene.queue.most_unacknowledged() <= 8);
    let heard = heard.all();
    assert_eq!(heard[..5], ["connected", "held bad with 4 taken", "held bad with 4 taken", "back bad", "batch 4"]);
}

trait IntoLines {
    fn into_lines(self) -> (Vec<Bytes>, Vec<Bytes>);
}

impl IntoLines for (Vec<String>, Vec<String>) {
    fn into_lines(self) -> (Vec<Bytes>, Vec<Bytes>) {
        let bytes = |lines: Vec<String>| lines.into_iter().map(Bytes::from).collect();
        (bytes(self.0), bytes(self.1))
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_a_sink_refuses_is_with_the_dead_letters_and_in_the_other_sink() {
    let picky = MemoryFile::without_positions("picky").script([Keeping::Refuse(1), Keeping::Refuse(0)]);
    let scene = Scene::new(MemoryQueue::new(bodies(0..6)));
    let heard = Heard::default();
    let files = [&scene.file, &picky];
    let mut pump =
        pump_in(scene.folder.path(), &scene.queue, &files, draining()).with_listener(Box::new(heard.clone()));
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::Drained));
    assert_eq!((scene.file.lines().len(), picky.lines().len(), scene.queue.waiting()), (6, 4, 0));
    assert_eq!((pump.stats().kept, pump.stats().refused), (4, 2));
    let dead = std::fs::read_to_string(scene.folder.path().join("dead.jsonl")).unwrap();
    let dead: Vec<serde_json::Value> = dead.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(dead[0]["body"], body(1));
    assert_eq!(dead[1]["body"], body(4));
    assert_eq!(heard.count("refused by picky: not wanted"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_dead_letters_cannot_be_written_stops_and_acknowledges_nothing() {
    let picky = MemoryFile::new("picky").script([Keeping::Refuse(0)]);
    let scene = Scene::new(MemoryQueue::new(bodies(0..6)));
    std::fs::create_dir(scene.folder.path().join("dead.jsonl")).unwrap();
    let mut pump = pump_in(scene.folder.path(), &scene.queue, &[&picky], draining());
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::DeadLetters(_)));
    assert_eq!(scene.queue.waiting(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_has_gone_ends_it_quietly_and_what_it_missed_comes_again() {
    let pipe = MemoryFile::without_positions("stdout").script([Keeping::Well, Keeping::Fail(1, Then::Ended)]);
    let scene = Scene::new(MemoryQueue::new(bodies(0..20)));
    let mut pump = pump_in(scene.folder.path(), &scene.queue, &[&pipe, &scene.file], draining());
    let Ending::ReaderGone { sink } = pump.run(&Cancel::new()).await else { panic!("it should have ended") };
    assert_eq!((sink.as_str(), scene.queue.waiting()), ("stdout", 16));
    drop(pump);
    scene.pump(draining()).run(&Cancel::new()).await;
    assert_eq!(scene.file.lines(), bodies(0..20));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_cannot_go_on_stops_the_stream_and_another_one_is_not_tried_again() {
    let full = MemoryFile::new("full").script([Keeping::Fail(1, Then::Stop)]);
    let held = MemoryFile::new("held").script((0..9).map(|_| Keeping::Fail(0, Then::Again(None))));
    let scene = Scene::new(MemoryQueue::new(bodies(0..4)));
    let mut pump = pump_in(scene.folder.path(), &scene.queue, &[&held, &full], draining());
    let began = Instant::now();
    let Ending::Sink { sink, .. } = pump.run(&Cancel::new()).await else { panic!("it should have stopped") };
    assert_eq!((sink.as_str(), scene.queue.waiting()), ("full", 4));
    assert!(began.elapsed() < Duration::from_secs(1));
}

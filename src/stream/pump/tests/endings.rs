//! When a stream ends, and when it goes on.

use super::*;
use crate::stream::{
    sinks::{Then, memory::Act as Keeping},
    source::memory::error,
};

fn going_on() -> PumpLimits {
    PumpLimits { drain: false, ..draining() }
}

#[tokio::test(start_paused = true)]
async fn so_many_events_are_taken_and_the_others_stay_in_the_queue() {
    let mut some = bodies(0..5);
    some.extend(bodies(0..20));
    let scene = Scene::new(MemoryQueue::new(some));
    let mut pump = scene.pump(PumpLimits { count: Some(10), prefetch: 100, ..going_on() });
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::Count));
    assert_eq!(scene.file.lines(), bodies(0..10));
    assert_eq!((pump.stats().duplicates, scene.queue.waiting()), (5, 10));
}

#[tokio::test(start_paused = true)]
async fn a_time_ends_it_while_it_waits_for_events_and_while_it_waits_for_the_queue() {
    let limits = || PumpLimits { until: Some(Instant::now() + Duration::from_secs(60)), ..going_on() };
    let scene = Scene::new(MemoryQueue::new(bodies(0..3)));
    assert!(matches!(scene.pump(limits()).run(&Cancel::new()).await, Ending::Time));
    assert_eq!((scene.file.lines().len(), scene.queue.waiting(), scene.queue.closed()), (3, 0, 1));

    let acts = (0..1000).map(|_| Connection::Refuse(SourceErrorKind::Unreachable));
    let scene = Scene::new(MemoryQueue::default().script(acts));
    assert!(matches!(scene.pump(limits()).run(&Cancel::new()).await, Ending::Time));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_mended_ends_it_at_once_before_and_after_a_connection() {
    for kind in [SourceErrorKind::Refused, SourceErrorKind::Gone, SourceErrorKind::Certificate] {
        for act in [Connection::Refuse(kind), Connection::Cut(2, kind)] {
            let scene = Scene::new(MemoryQueue::new(bodies(0..3)).script([act]));
            let mut pump = scene.pump(going_on());
            let Ending::Source(ending) = pump.run(&Cancel::new()).await else { panic!("{kind:?}") };
            assert_eq!(ending, error(kind));
            assert_eq!(pump.stats().reconnects, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_came_too_late_is_no_reason_to_stop() {
    let acts = (0..20).map(|number| Connection::FailAck { number: number % 2, taken: false });
    let scene = Scene::new(MemoryQueue::new(bodies(0..40)).script(acts));
    let mut pump = scene.pump(draining());
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::Drained));
    assert_eq!(scene.file.lines(), bodies(0..40));
    assert_eq!(pump.stats().delivered, pump.stats().kept + pump.stats().duplicates);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_queue_is_tried_for_ever_unless_a_number_of_tries_is_set() {
    let refused = || (0..500).map(|_| Connection::Refuse(SourceErrorKind::Unreachable));
    let scene = Scene::new(MemoryQueue::new(bodies(0..3)).script(refused()));
    assert!(matches!(scene.pump(draining()).run(&Cancel::new()).await, Ending::Drained));

    let scene = Scene::new(MemoryQueue::default().script(refused()));
    let heard = Heard::default();
    let limits = PumpLimits { tries_at_start: Some(3), ..draining() };
    let mut pump = scene.pump(limits).with_listener(Box::new(heard.clone()));
    assert!(matches!(pump.run(&Cancel::new()).await, Ending::Source(_)));
    assert_eq!(heard.count("disconnected"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_somebody_else_has_is_waited_for_longer_if_it_may_be_ourselves() {
    let taken = |times| (0..times).map(|_| Connection::Refuse(SourceErrorKind::Taken));
    let scene = Scene::new(MemoryQueue::default().script(taken(1000)));
    let began = Instant::now();
    assert!(matches!(scene.pump(draining()).run(&Cancel::new()).await, Ending::Source(_)));
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());

    let cut = [Connection::Cut(2, SourceErrorKind::Unreachable)];
    let scene = Scene::new(MemoryQueue::new(bodies(0..9)).script(cut.into_iter().chain(taken(6))));
    assert!(matches!(scene.pump(draining()).run(&Cancel::new()).await, Ending::Drained));
    assert_eq!(scene.file.lines(), bodies(0..9));

    let cut = [Connection::Cut(2, SourceErrorKind::Unreachable)];
    let scene = Scene::new(MemoryQueue::new(bodies(0..9)).script(cut.into_iter().chain(taken(1000))));
    let began = Instant::now();
    assert!(matches!(scene.pump(draining()).run(&Cancel::new()).await, Ending::Source(_)));
    assert!(began.elapsed() > Duration::from_secs(180), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_it_with_everything_taken_kept_and_acknowledged() {
    let scene = Scene::new(MemoryQueue::new(bodies(0..10)));
    let cancel = Cancel::new();
    let mut pump = scene.pump(going_on());
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        scene.queue.push(bodies(10..12));
        tokio::task::yield_now().await;
        cancel.interrupt();
    };
    let (ending, ()) = tokio::join!(pump.run(&cancel), interrupt);
    assert!(matches!(ending, Ending::Cancelled));
    assert_eq!(scene.file.lines().len() + scene.queue.waiting(), 12);
    assert_eq!((pump.stats().unacknowledged, scene.queue.closed(), scene.file.closed()), (0, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_while_a_batch_is_kept_waits_for_the_batch() {
    let held = [Keeping::Fail(1, Then::Again(Some(Duration::from_secs(6))))];
    let scene = Scene { file: MemoryFile::new("file").script(held), ..Scene::new(MemoryQueue::new(bodies(0..3))) };
    let cancel = Cancel::new();
    cancel_after(&cancel, 2, 1);
    assert!(matches!(scene.pump(going_on()).run(&cancel).await, Ending::Cancelled));
    assert_eq!((scene.file.lines().len(), scene.queue.waiting()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_holds_a_batch_for_too_long_after_an_interrupt_is_not_waited_for() {
    let held = (0..99).map(|_| Keeping::Fail(0, Then::Again(None)));
    let scene = Scene { file: MemoryFile::new("file").script(held), ..Scene::new(MemoryQueue::new(bodies(0..3))) };
    let cancel = Cancel::new();
    cancel_after(&cancel, 2, 1);
    let began = Instant::now();
    let Ending::Late { sinks, events, .. } = scene.pump(going_on()).run(&cancel).await else { panic!("not late") };
    assert_eq!((sinks, events), (vec!["file".to_owned()], 3));
    // With what comes behind it that is well within the ten seconds after which containers are killed.
    assert_eq!(began.elapsed().as_secs(), 7);
    assert_eq!((scene.queue.waiting(), scene.queue.closed()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_second_interrupt_abandons_at_once() {
    let scene =
        Scene { file: MemoryFile::new("file").script([Keeping::Hang]), ..Scene::new(MemoryQueue::new(bodies(0..3))) };
    let cancel = Cancel::new();
    cancel_after(&cancel, 2, 2);
    let began = Instant::now();
    assert!(matches!(scene.pump(going_on()).run(&cancel).await, Ending::Abandoned));
    assert_eq!(began.elapsed().as_secs(), 2);
}

fn cancel_after(cancel: &Cancel, seconds: u64, times: u32) {
    let cancel = cancel.clone();
    drop(tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        for _ in 0..times {
            cancel.interrupt();
        }
    }));
}

#[tokio::test(start_paused = true)]
async fn waits_grow_while_connections_do_not_last_and_are_short_again_after_a_good_one() {
    let cuts = (0..12).map(|_| Connection::Cut(0, SourceErrorKind::Unreachable));
    let good = [Connection::Cut(1, SourceErrorKind::Unreachable), Connection::Well];
    let scene = Scene::new(MemoryQueue::default().script(cuts.chain(good)));
    let push = async {
        // By then the twelve are over, and the good one waits for something to deliver.
        tokio::time::sleep(Duration::from_secs(600)).await;
        scene.queue.push(bodies(0..2));
        tokio::time::sleep(Duration::from_secs(600)).await;
    };
    let cancel = Cancel::new();
    let mut pump = scene.pump(going_on());
    tokio::select! {
        _ = pump.run(&cancel) => panic!("nothing ends it"),
        () = push => {}
    }
    let gaps: Vec<Duration> = pump.stats().gaps.recent.iter().map(|gap| gap.length).collect();
    assert_eq!(gaps.len(), 13);
    assert!(gaps.iter().all(|gap| (Duration::from_millis(500)..=Duration::from_secs(31)).contains(gap)), "{gaps:?}");
    assert!(gaps[5..12].iter().sum::<Duration>() > Duration::from_secs(20), "{gaps:?}");
    assert!(gaps[12] <= Duration::from_millis(1010), "{gaps:?}");
}

//! What must not be told: that nothing was sent where something may have been, that a host is there that is only on its
//! way, that a host has failed which the console was merely slow to show.

use super::{
    fake::{Fake, Play, What, World, error, observed, state},
    *,
};
use crate::{
    domain::{
        failure::FailureKind,
        host::{HostId, Isolation},
        outcome::{Ending, ExitCode},
    },
    journal::{Need, WriterOptions, tests::memory::Memory},
    vendors::{Again, Page, Reply},
};

/// A console that carries out every request and answers so; its looks and lists tell the old state for a while.
fn slow_to_show(kind: FailureKind, again: Again, lag: Duration) -> Fake {
    let late = move |world: &World, id: &HostId| {
        let shown = world.get(id);
        if world.since(id) < lag { Isolation::NotIsolated } else { shown }
    };
    Fake::new()
        .whole()
        .with_hosts(1, Duration::from_secs(1))
        .on_submit(move |world: &mut World, action, ids| -> Play<Vec<Reply>> {
            ids.iter().for_each(|id| world.deed(action, id));
            Play::Answer(Err(error(kind, again)))
        })
        .on_observe(move |world, ids| Play::Answer(Ok(ids.iter().map(|id| observed(late(world, id))).collect())))
        .on_list(move |world: &mut World, _| -> Play<Page> {
            let mut page = world.page(None, usize::MAX);
            for host in &mut page.hosts {
                host.state = Some(state(late(world, &host.id)));
            }
            Play::Answer(Ok(page))
        })
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_and_looked_at_in_vain_is_in_doubt_when_the_run_is_interrupted() {
    let cancel = Cancel::new();
    let interrupt = cancel.clone();
    let fake = slow_to_show(FailureKind::Cut, Again::InDoubt, Duration::from_secs(60)).on_observe(move |_, _| {
        interrupt.interrupt();
        Play::Answer(Ok(vec![observed(Isolation::NotIsolated)]))
    });
    let memory = Memory::new();
    let mut room = Room { cancel, ..Room::new(fake.shared(), 1) };
    room.journal = Some(memory.journal(1, &WriterOptions::default()));
    let after = room.go().await;
    assert_eq!(after.only().outcome, Outcome::InDoubt, "{:?}", after.only());
    assert_eq!(after.report.exit, ExitCode::Stopped);
    let replay = memory.replay();
    assert_eq!(replay.targets[0].outcome(), Outcome::InDoubt);
    assert_eq!(replay.targets[0].needs(true), Need::Look, "whoever resumes looks first");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_fails_leaves_the_host_in_doubt_while_it_is_tried_again() {
    let cancel = Cancel::new();
    let interrupt = cancel.clone();
    let fake = Fake::new().on_submit(move |world: &mut World, kind, ids| -> Play<Vec<Reply>> {
        world.deed(kind, &ids[0]);
        interrupt.interrupt();
        Play::Answer(Err(error(FailureKind::Gateway, Again::Backoff)))
    });
    let memory = Memory::new();
    let mut room = Room { cancel, ..Room::new(fake.shared(), 1) };
    room.journal = Some(memory.journal(1, &WriterOptions::default()));
    let after = room.go().await;
    assert_eq!(after.only().outcome, Outcome::InDoubt);
    assert_eq!(memory.replay().targets[0].needs(false), Need::Look);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_a_failing_gateway_let_through_is_confirmed_once_the_console_shows_it() {
    for (kind, again) in [(FailureKind::Gateway, Again::Backoff), (FailureKind::Cut, Again::InDoubt)] {
        let fake = slow_to_show(kind, again, Duration::from_secs(20)).shared();
        let after = Room::new(Arc::clone(&fake), 1).waiting(120).go().await;
        assert_eq!(after.only().outcome, Outcome::Confirmed, "{kind:?}: {:?}", after.only());
        assert_eq!(after.report.ending, Ending::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_never_shows_an_effect_has_failed_if_the_console_answered_and_is_in_doubt_if_it_did_not() {
    let never = Duration::from_secs(86_400);
    for (kind, again, expected) in [
        (FailureKind::Gateway, Again::Backoff, Outcome::Failed),
        (FailureKind::ServerError, Again::Backoff, Outcome::Failed),
        (FailureKind::Cut, Again::InDoubt, Outcome::InDoubt),
    ] {
        for wait in [None, Some(Duration::from_secs(30))] {
            let fake = slow_to_show(kind, again, never).shared();
            let after = Room { wait, ..Room::new(Arc::clone(&fake), 1) }.go().await;
            assert_eq!(after.only().outcome, expected, "{kind:?} {wait:?}");
            assert_eq!(after.only().reason.as_ref().unwrap().kind, kind, "the first words are kept");
            assert_eq!(fake.calls(What::Submit).len(), 5);
        }
    }
}

fn followed(fake: &Arc<Fake>) -> Room {
    let room = Room { follows: true, before: vec![Isolation::Isolating], ..Room::new(Arc::clone(fake), 1) };
    room.waiting(60)
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_on_its_way_is_waited_for_and_nothing_is_sent() {
    for (arrives, expected) in [(3, Outcome::Already), (86_400, Outcome::Unconfirmed)] {
        let fake = Fake::new().whole().with_hosts(1, Duration::from_secs(arrives)).shared();
        fake.world(|world| world.set(&fake::id(0), Isolation::Isolating));
        let after = followed(&fake).go().await;
        assert_eq!(after.only().outcome, expected);
        assert_eq!(after.only().attempts, 0);
        assert!(fake.calls(What::Submit).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_on_its_way_and_turns_back_is_sent() {
    let mut rounds = 0;
    let fake = Fake::new().whole().with_hosts(1, Duration::from_secs(2)).on_list(move |world: &mut World, _| {
        rounds += 1;
        if rounds == 2 {
            world.set(&fake::id(0), Isolation::NotIsolated);
        }
        Play::Answer(Ok(world.page(None, usize::MAX)))
    });
    let fake = fake.shared();
    fake.world(|world| {
        world.away.insert(fake::id(0));
        world.set(&fake::id(0), Isolation::Isolating);
    });
    let world = Arc::clone(&fake);
    let mut room = followed(&fake);
    room.on_event = Some(Box::new(move |event| {
        if matches!(event.kind, RunEventKind::BatchStarted { .. }) {
            world.world(|world| world.away.clear());
        }
    }));
    let after = room.go().await;
    assert_eq!(after.only().outcome, Outcome::Confirmed, "this time it was us");
    assert_eq!(fake.calls(What::Submit).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_on_its_way_is_not_sent_when_the_run_is_interrupted() {
    let fake = Fake::new().whole().with_hosts(1, Duration::from_secs(86_400)).shared();
    fake.world(|world| world.set(&fake::id(0), Isolation::Isolating));
    let cancel = Cancel::new();
    let interrupt = cancel.clone();
    let mut room = Room { cancel, ..followed(&fake) };
    room.on_event = Some(Box::new(move |_| {
        interrupt.interrupt();
    }));
    let after = room.go().await;
    assert_eq!((after.only().outcome, after.only().attempts), (Outcome::NotSent, 0));
}

//! What stops a run, and what becomes of every host then; and how a resumed run goes on.

use tokio::time::Instant;

use super::{
    fake::{Fake, Play, What, error, number},
    *,
};
use crate::{
    domain::{
        failure::FailureKind,
        host::Isolation,
        outcome::{Ending, ExitCode},
    },
    journal::{WriterOptions, tests::memory::Memory},
    vendors::{Again, VendorError},
};

fn tally(after: &After) -> BTreeMap<&'static str, usize> {
    let mut tally = BTreeMap::new();
    for outcome in after.outcomes() {
        *tally.entry(outcome.word()).or_default() += 1;
    }
    tally
}

fn refused() -> VendorError {
    VendorError::stops_run(FailureKind::CredentialsRefused, "the console refused the credentials")
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_stop_the_run_at_once_and_nothing_counts_as_sent() {
    for (kind, exit) in [
        (FailureKind::CredentialsRefused, ExitCode::Console),
        (FailureKind::Forbidden, ExitCode::Console),
        (FailureKind::Certificate, ExitCode::Console),
    ] {
        let fake = Fake::new().on_submit(move |_, _, _| Play::Answer(Err(VendorError::stops_run(kind, "no"))));
        let fake = fake.shared();
        let after = Room::new(Arc::clone(&fake), 50).go().await;
        assert_eq!(after.outcomes(), [Outcome::NotSent; 50]);
        assert_eq!(after.report.exit, exit, "nothing was changed");
        assert!(fake.calls(What::Submit).len() <= 8);
        assert!(after.settled().values().all(|result| result.reason.as_ref().unwrap().kind == kind));
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_lost_on_the_way_leave_the_rest_to_a_resumed_run() {
    let memory = Memory::new();
    let mut tries = 0;
    let fake = Fake::new().on_submit(move |world, kind, ids| {
        tries += 1;
        if tries > 10 { Play::Answer(Err(refused())) } else { world.take(kind, ids) }
    });
    let fake = fake.shared();
    let mut room = Room::new(Arc::clone(&fake), 50);
    room.journal = Some(memory.journal(50, &WriterOptions::default()));
    let after = room.go().await;
    assert_eq!(tally(&after), BTreeMap::from([("accepted", 10), ("not_sent", 40)]));
    assert_eq!(after.report.exit, ExitCode::Stopped);
    assert!(matches!(after.report.ending, Ending::CredentialsLost(_)));
    assert!(fake.calls(What::Submit).len() <= 10 + 8);
    super::journalled::assert_as_told(&memory.replay(), &after);
}

#[tokio::test(start_paused = true)]
async fn a_console_that_is_unreachable_for_long_stops_the_run() {
    let fake = Fake::new().on_submit(|_, _, _| Play::Answer(Err(error(FailureKind::Unreachable, Again::Backoff))));
    let after = Room::new(fake.shared(), 20).go().await;
    assert_eq!(after.outcomes(), [Outcome::NotSent; 20]);
    assert!(after.settled().values().all(|result| result.attempts == 0), "nothing left this machine");
    assert!(matches!(after.report.ending, Ending::ConsoleLost(_)), "{:?}", after.report.ending);
    assert_eq!(after.report.exit, ExitCode::Console);
    let took = after.events.last().unwrap().elapsed;
    assert!(took >= Duration::from_secs(30) && took < Duration::from_secs(120), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_console_that_is_away_for_a_moment_costs_no_host_a_try() {
    let begun = Instant::now();
    let fake = Fake::new().on_submit(move |world, kind, ids| {
        if begun.elapsed() < Duration::from_secs(12) {
            return Play::Answer(Err(error(FailureKind::Unreachable, Again::Backoff)));
        }
        world.take(kind, ids)
    });
    let after = Room::new(fake.shared(), 20).go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 20]);
    assert!(after.settled().values().all(|result| result.attempts == 1));
}

#[tokio::test(start_paused = true)]
async fn a_single_host_at_an_unreachable_console_ends_too() {
    let fake = Fake::new().on_submit(|_, _, _| Play::Answer(Err(error(FailureKind::Unreachable, Again::Backoff))));
    let after = Room::new(fake.shared(), 1).go().await;
    assert_eq!(after.only().outcome, Outcome::NotSent);
    assert_eq!(after.report.exit, ExitCode::Console);
}

#[tokio::test(start_paused = true)]
async fn lists_that_another_program_writes_for_long_stop_the_run_and_cost_no_try() {
    let busy = || Play::Answer(Err(error(FailureKind::FolderBusy, Again::Backoff)));
    let after = Room::new(Fake::new().on_submit(move |_, _, _| busy()).shared(), 20).go().await;
    assert_eq!(after.outcomes(), [Outcome::NotSent; 20]);
    assert!(matches!(after.report.ending, Ending::FolderFailed(_)), "{:?}", after.report.ending);
    assert_eq!(after.report.exit, ExitCode::Refused);
    let took = after.events.last().unwrap().elapsed;
    assert!(took >= Duration::from_secs(30) && took < Duration::from_secs(120), "{took:?}");

    let begun = Instant::now();
    let fake =
        Fake::new().on_submit(
            move |world, kind, ids| {
                if begun.elapsed() < Duration::from_secs(12) { busy() } else { world.take(kind, ids) }
            },
        );
    let after = Room::new(fake.shared(), 20).go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 20]);
}

#[tokio::test(start_paused = true)]
async fn lists_that_cannot_be_written_are_refused_before_the_first_and_stop_the_run_later() {
    let broken = || VendorError::stops_run(FailureKind::FolderFailed, "the disk is full");
    let fake = Fake::new().on_submit(move |_, _, _| Play::Answer(Err(broken())));
    let after = Room::new(fake.shared(), 5).go().await;
    assert_eq!((after.outcomes(), after.report.exit), (vec![Outcome::NotSent; 5], ExitCode::Refused));
    let mut tries = 0;
    let fake = Fake::new().on_submit(move |world, kind, ids| {
        tries += 1;
        if tries > 10 { Play::Answer(Err(broken())) } else { world.take(kind, ids) }
    });
    let after = Room::new(fake.shared(), 50).go().await;
    assert_eq!(tally(&after), BTreeMap::from([("accepted", 10), ("not_sent", 40)]));
    assert_eq!(after.report.exit, ExitCode::Stopped);
    assert_eq!(after.report.ending, Ending::FolderFailed("the disk is full".to_owned()));
}

/// Interrupts once as many requests have begun.
fn interrupt_after(room: &mut Room, begun: usize, times: usize) {
    let cancel = room.cancel.clone();
    let mut seen = 0;
    room.on_event = Some(Box::new(move |event| {
        seen += usize::from(matches!(event.kind, RunEventKind::BatchStarted { .. }));
        if seen == begun && matches!(event.kind, RunEventKind::BatchStarted { .. }) {
            for _ in 0..times {
                cancel.interrupt();
            }
        }
    }));
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_awaits_what_is_under_way_and_sends_nothing_more() {
    let fake = Fake::new().shared();
    let mut room = Room::new(Arc::clone(&fake), 100);
    interrupt_after(&mut room, 20, 1);
    let after = room.go().await;
    let sent = fake.calls(What::Submit).len();
    assert_eq!(sent, 20);
    assert_eq!(tally(&after), BTreeMap::from([("accepted", sent), ("not_sent", 100 - sent)]));
    assert_eq!(after.count(|kind| matches!(kind, RunEventKind::CancelRequested)), 1);
    assert!(matches!(after.report.ending, Ending::Interrupted));
    assert_eq!(after.report.exit, ExitCode::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_drained_run_still_looks_at_hosts_in_doubt() {
    let fake = Fake::new().on_submit(|world, kind, ids| {
        ids.iter().for_each(|id| world.deed(kind, id));
        Play::Answer(Err(error(FailureKind::Cut, Again::InDoubt)))
    });
    let fake = fake.shared();
    let mut room = Room::new(Arc::clone(&fake), 100);
    room.limits.concurrency = NonZeroUsize::new(4).unwrap();
    interrupt_after(&mut room, 5, 1);
    let after = room.go().await;
    let sent = fake.calls(What::Submit).len();
    assert_eq!(tally(&after), BTreeMap::from([("confirmed", sent), ("not_sent", 100 - sent)]));
}

#[tokio::test(start_paused = true)]
async fn a_second_interrupt_leaves_what_is_under_way_in_doubt_at_once() {
    let fake = Fake::new().on_submit(
        |world, kind, ids| {
            if number(&ids[0]) >= 10 { Play::Silence } else { world.take(kind, ids) }
        },
    );
    let memory = Memory::new();
    let mut room = Room::new(fake.shared(), 100);
    room.journal = Some(memory.journal(100, &WriterOptions::default()));
    interrupt_after(&mut room, 15, 2);
    let after = room.go().await;
    let tally = tally(&after);
    assert!((5..=8).contains(&tally["in_doubt"]), "{tally:?}");
    assert!((7..=10).contains(&tally["accepted"]), "{tally:?}");
    assert_eq!(tally["not_sent"], 85, "{tally:?}");
    assert_eq!(after.report.exit, ExitCode::Stopped);
    super::journalled::assert_as_told(&memory.replay(), &after);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_during_the_wait_leaves_hosts_accepted() {
    let fake = Fake::new().with_hosts(20, Duration::from_secs(3_000)).shared();
    let room = Room::new(fake, 20).waiting(6_000);
    let cancel = room.cancel.clone();
    let stopper = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(100)).await;
        cancel.interrupt()
    });
    let after = room.go().await;
    stopper.await.unwrap();
    assert_eq!(after.outcomes(), [Outcome::Accepted; 20]);
    assert_eq!(after.report.exit, ExitCode::Stopped);
    assert!(after.events.last().unwrap().elapsed < Duration::from_secs(102));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_during_a_wait_for_the_quota_ends_the_run_at_once() {
    let fake = Fake::new().with_quota(50, Duration::from_secs(3_600)).shared();
    let room = Room::new(fake, 100);
    let cancel = room.cancel.clone();
    let stopper = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        cancel.interrupt()
    });
    let after = room.go().await;
    stopper.await.unwrap();
    assert_eq!(tally(&after), BTreeMap::from([("accepted", 49), ("not_sent", 51)]));
    assert!(after.events.last().unwrap().elapsed < Duration::from_secs(62));
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_looks_before_it_repeats_and_tells_nothing_twice() {
    let fake = Fake::new().with_hosts(6, Duration::ZERO).shared();
    fake.world(|world| world.set(&fake::id(2), Isolation::Isolated));
    let mut room = Room::new(Arc::clone(&fake), 6);
    room.standings = vec![
        (0, Resumed::Settled(Outcome::Confirmed)),
        (1, Resumed::Unsent { attempts: 0 }),
        (2, Resumed::InDoubt { attempts: 1 }),
        (3, Resumed::InDoubt { attempts: 2 }),
        (4, Resumed::Accepted { attempts: 1 }),
        (5, Resumed::Unsent { attempts: 3 }),
    ];
    let after = room.go().await;
    let mut told = BTreeMap::new();
    for event in &after.events {
        if let RunEventKind::TargetSettled(result) = &event.kind {
            assert!(told.insert(result.n, (result.outcome, result.attempts)).is_none());
        }
    }
    let expected = [
        (1, (Outcome::Accepted, 1)),
        (2, (Outcome::Confirmed, 1)),
        (3, (Outcome::Accepted, 3)),
        (5, (Outcome::Accepted, 4)),
    ];
    assert_eq!(told, BTreeMap::from(expected));
    let submitted: Vec<u32> = fake.calls(What::Submit).iter().map(|call| number(&call.hosts[0])).collect();
    assert!(!submitted.contains(&2) && !submitted.contains(&0) && !submitted.contains(&4), "{submitted:?}");
    let looked: Vec<u32> = fake.calls(What::Observe).iter().map(|call| number(&call.hosts[0])).collect();
    assert_eq!(looked, [2, 3]);
    assert_eq!(after.report.counts.total(), 6);
    assert_eq!(after.report.exit, ExitCode::Success);
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_awaits_what_was_accepted_before() {
    let fake = Fake::new().with_hosts(20, Duration::from_secs(5)).shared();
    fake.world(|world| (0..20).for_each(|n| world.set(&fake::id(n), Isolation::Isolating)));
    let mut room = Room::new(Arc::clone(&fake), 20).waiting(60);
    room.standings = (0..20).map(|n| (n, Resumed::Awaiting { attempts: 1, ticket: None })).collect();
    let after = room.go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 20]);
    assert!(fake.calls(What::Submit).is_empty());
}

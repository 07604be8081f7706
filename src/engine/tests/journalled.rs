//! The order of things: intent on disk, then sent, then the answer on disk, then told.

use super::{
    fake::{Fake, Play, What, World, error, number},
    *,
};
use crate::{
    domain::{
        failure::FailureKind,
        host::HostId,
        outcome::{Ending, ExitCode},
    },
    journal::{
        Phase, Replay, StateFolder, WriterOptions,
        tests::{header as journal_header, memory::Memory, plan},
    },
    vendors::{Again, Completion, Repeat, Reply},
};

fn room(fake: Arc<Fake>, targets: u32, memory: &Memory) -> Room {
    let journal = memory.journal(targets, &WriterOptions::default());
    let mut room = Room::new(fake, targets);
    room.journal = Some(journal);
    // The journal's thread does not know that time is paused.
    room.limits.silence = Duration::from_secs(86_400);
    room
}

/// Every request is in the synced part of the journal, unanswered, when it is sent.
fn assert_meant(replay: &Replay, ids: &[HostId]) {
    for id in ids {
        let target = &replay.targets[number(id) as usize];
        assert!(matches!(target.phase, Phase::InDoubt { .. }), "{id} was sent and is {:?} on disk", target.phase);
    }
}

/// What is told is in the synced part of the journal, which may be ahead of what is told.
fn assert_kept(replay: &Replay, event: &RunEvent) {
    let kept = |n: u32| replay.targets[n as usize].outcome();
    match &event.kind {
        RunEventKind::TargetSettled(result) => {
            assert_eq!(kept(result.n), result.outcome, "{} was told before it was on disk", result.target);
        }
        RunEventKind::TargetAccepted(result) => {
            assert!(
                matches!(kept(result.n), Outcome::Accepted | Outcome::Confirmed),
                "{} was told before it was on disk",
                result.target
            );
        }
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_is_on_disk_before_it_is_sent_and_every_answer_before_it_is_told() {
    for max_batch in [1, 7] {
        let memory = Memory::new();
        let disk = memory.clone();
        let mut tries = 0_u32;
        let fake = Fake::with(max_batch, Repeat::Safe, Completion::Observed).on_submit(move |world, kind, ids| {
            assert_meant(&disk.replay(), ids);
            tries += 1;
            match tries % 7 {
                0 => Play::Answer(Err(error(FailureKind::ServerError, Again::Backoff))),
                3 => Play::Answer(Err(error(FailureKind::Cut, Again::InDoubt))),
                _ => world.take(kind, ids),
            }
        });
        let mut room = room(fake.shared(), 200, &memory);
        room.limits.concurrency = NonZeroUsize::new(64).unwrap();
        let disk = memory.clone();
        room.on_event = Some(Box::new(move |event| assert_kept(&disk.replay(), event)));
        let after = room.go().await;
        assert_eq!(after.outcomes().len(), 200);
        assert!(memory.replay().ended);
    }
}

#[tokio::test(start_paused = true)]
async fn confirmations_are_on_disk_before_they_are_told() {
    let memory = Memory::new();
    let fake = Fake::new().with_hosts(40, Duration::from_secs(3));
    let mut room = room(fake.shared(), 40, &memory).waiting(600);
    let disk = memory.clone();
    room.on_event = Some(Box::new(move |event| assert_kept(&disk.replay(), event)));
    let after = room.go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 40]);
}

#[tokio::test(start_paused = true)]
async fn the_same_holds_for_a_journal_in_a_file() {
    let state = tempfile::tempdir().unwrap();
    let folder = StateFolder::at(state.path()).unwrap();
    let header = journal_header(run_id().as_str(), 20);
    let journal = Journal::create(&folder, header, plan(20), &WriterOptions::default()).unwrap();
    let reading = StateFolder::reading(state.path());
    let sending = reading.clone();
    let fake = Fake::new().on_submit(move |world, kind, ids| {
        assert_meant(&sending.replay(&run_id()).unwrap(), ids);
        world.take(kind, ids)
    });
    let mut room = Room::new(fake.shared(), 20);
    room.journal = Some(journal);
    let telling = reading.clone();
    room.on_event = Some(Box::new(move |event| assert_kept(&telling.replay(&run_id()).unwrap(), event)));
    let after = room.go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 20]);
    assert!(!reading.is_live(&run_id()).unwrap(), "the journal is closed");
    reading.verify(&run_id()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_the_run_before_anything_is_sent() {
    let memory = Memory::new();
    let fake = Fake::new().shared();
    let room = room(Arc::clone(&fake), 20, &memory);
    memory.leave(100);
    let after = room.go().await;
    assert_eq!(after.outcomes(), [Outcome::NotSent; 20]);
    assert!(after.settled().values().all(|result| result.attempts == 0));
    assert!(matches!(after.report.ending, Ending::JournalFailed(_)), "{:?}", after.report.ending);
    assert_eq!(after.report.exit, ExitCode::Journal);
    assert!(fake.calls(What::Submit).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_on_the_way_loses_no_answer() {
    let memory = Memory::new();
    let fake = Fake::new().shared();
    let room = room(Arc::clone(&fake), 5_000, &memory);
    memory.leave(400 * 1024);
    let after = room.go().await;
    let outcomes = after.outcomes();
    let sent = fake.calls(What::Submit).len();
    assert!(sent > 0 && sent < 5_000, "{sent}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted).count(), sent);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::NotSent).count(), 5_000 - sent);
    assert_eq!(after.report.exit, ExitCode::Journal);
    assert_as_told(&memory.replay(), &after);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_kept_is_told_as_in_doubt_and_nothing_more_is_sent() {
    let memory = Memory::new();
    let disk = memory.clone();
    let mut tries = 0;
    let fake = Fake::new().on_submit(move |world: &mut World, kind, ids| -> Play<Vec<Reply>> {
        tries += 1;
        disk.disk().failing_write = tries >= 4;
        world.take(kind, ids)
    });
    let fake = fake.shared();
    let mut room = room(Arc::clone(&fake), 20, &memory);
    room.limits.concurrency = NonZeroUsize::MIN;
    let after = room.go().await;
    let outcomes = after.outcomes();
    assert_eq!(outcomes[..3], [Outcome::Accepted; 3]);
    assert_eq!(outcomes[3], Outcome::InDoubt);
    assert_eq!(outcomes[4..], [Outcome::NotSent; 16]);
    assert_eq!(fake.calls(What::Submit).len(), 4);
    assert_eq!(after.report.exit, ExitCode::Journal);
    assert_as_told(&memory.replay(), &after);
}

/// What the journal comes to is what was told.
pub(super) fn assert_as_told(replay: &Replay, after: &After) {
    for (n, result) in after.settled() {
        let target = &replay.targets[n as usize];
        assert_eq!(target.outcome(), result.outcome, "{}: told {result:?}, kept {target:?}", result.target);
        // A host that the run left behind has no line of its own; the last look at it may have.
        let left_behind = match result.outcome {
            Outcome::NotSent => true,
            Outcome::InDoubt => after.report.ending != Ending::Completed,
            Outcome::Accepted => result.reason.is_some(),
            _ => false,
        };
        if let Some(kept) = target.settled().filter(|_| !left_behind) {
            assert_eq!(kept.state, result.state, "{}", result.target);
            assert_eq!(kept.attempts, result.attempts, "{}", result.target);
            assert_eq!(kept.failure(), result.reason, "{}", result.target);
        }
    }
}

//! Work that a console knows by a ticket: never done twice, followed to its end, and never pushed out by our own.

use std::num::NonZeroUsize;

use super::{
    fake::{Fake, Play, What, World, error, id, ticket},
    *,
};
use crate::{
    domain::{
        failure::FailureKind,
        host::HostId,
        outcome::{Ending, ExitCode},
    },
    vendors::{Again, Completion, Progress, Recalled, Repeat, Reply, Stage},
};

const SECOND: Duration = Duration::from_secs(1);

fn desk() -> Fake {
    Fake::with(1, Repeat::Unsafe, Completion::Polled)
}

fn cut() -> Play<Vec<Reply>> {
    Play::Answer(Err(error(FailureKind::Cut, Again::InDoubt)))
}

/// How often the work of each host was begun.
fn deeds(fake: &Fake) -> Vec<u32> {
    fake.world(|world| world.deeds.values().copied().collect())
}

#[tokio::test(start_paused = true)]
async fn accepted_work_is_asked_after_and_nothing_is_listed() {
    let fake = desk().with_hosts(30, 20 * SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 30).waiting(600).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 30]);
    assert!(after.settled().values().all(|result| result.state.as_deref() == Some("completed")));
    assert_eq!(deeds(&fake), [1; 30]);
    assert_eq!(fake.calls(What::List).len() + fake.calls(What::Observe).len(), 0);
    assert!(fake.calls(What::Poll).len() >= 30);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_after_the_deed_leads_to_one_deed() {
    let taken_and_cut = |world: &mut World, kind, ids: &[HostId]| {
        drop(world.take(kind, ids));
        cut()
    };
    for waits in [false, true] {
        let fake = desk().on_submit(taken_and_cut).with_hosts(5, SECOND).shared();
        let room = Room::new(Arc::clone(&fake), 5);
        let after = if waits { room.waiting(60) } else { room }.go().await;
        let outcome = if waits { Outcome::Confirmed } else { Outcome::Accepted };
        assert_eq!(after.outcomes(), [outcome; 5]);
        assert_eq!(deeds(&fake), [1; 5]);
        assert_eq!(fake.calls(What::Finish).len(), 5, "what was begun is finished");
        assert!(after.settled().values().all(|result| result.ticket.as_deref() == Some("7")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_arrived_is_missing_twice_before_it_is_sent_again() {
    let mut tries = 0;
    let cut_once = move |world: &mut World, kind, ids: &[HostId]| {
        tries += 1;
        if tries == 1 { cut() } else { world.take(kind, ids) }
    };
    let fake = desk().on_submit(cut_once).with_hosts(1, SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 1).waiting(60).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed]);
    assert_eq!(deeds(&fake), [1]);
    assert_eq!(fake.calls(What::Recall).len(), 2);
    let (recalled, sent) = (fake.calls(What::Recall), fake.calls(What::Submit));
    assert!(recalled[1].at < sent[1].at && recalled[1].at - recalled[0].at >= SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_late_is_not_sent_again() {
    // The first look does not see it yet.
    let mut looks = 0;
    let late = move |_: &mut World, _: &[HostId]| {
        looks += 1;
        let recalled = if looks == 1 { Recalled::NotThere } else { Recalled::There(ticket()) };
        Play::Answer(Ok(vec![recalled]))
    };
    let taken_and_cut = |world: &mut World, kind, ids: &[HostId]| {
        drop(world.take(kind, ids));
        cut()
    };
    let fake = desk().on_submit(taken_and_cut).on_recall(late).with_hosts(1, SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 1).waiting(60).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed]);
    assert_eq!(deeds(&fake), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_cannot_tell_leaves_it_in_doubt() {
    let fake = desk()
        .on_submit(|_, _, _| cut())
        .on_recall(|_, _| Play::Answer(Err(error(FailureKind::ServerError, Again::Backoff))))
        .with_hosts(2, SECOND)
        .shared();
    let mut room = Room::new(Arc::clone(&fake), 2);
    room.limits.silence = Duration::from_secs(3600);
    let after = room.go().await;
    assert_eq!(after.outcomes(), [Outcome::InDoubt; 2]);
    assert_eq!(fake.calls(What::Submit).len(), 2, "nothing is sent again in doubt");
    assert_eq!(after.report.exit, ExitCode::SomeFailed);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_gives_up_is_no_reason_to_do_it_twice() {
    let taken_and_refused = |world: &mut World, kind, ids: &[HostId]| {
        drop(world.take(kind, ids));
        Play::Answer(Err(error(FailureKind::Gateway, Again::Backoff)))
    };
    let fake = desk().on_submit(taken_and_refused).with_hosts(3, SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 3).waiting(60).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 3]);
    assert_eq!(deeds(&fake), [1; 3]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_work_is_told_in_the_consoles_words() {
    let poll = |_: &mut World, ids: &[HostId]| {
        let progress = |id: &HostId| match fake::number(id) {
            0 => Progress {
                stage: Stage::Failed,
                word: "failed".into(),
                said: "File not found".to_owned(),
                ticket: None,
            },
            1 => {
                Progress { stage: Stage::Lost, word: "lost".into(), said: "the task is gone".to_owned(), ticket: None }
            }
            2 => Progress { stage: Stage::UnderWay, word: "running".into(), said: String::new(), ticket: None },
            _ => Progress { stage: Stage::Done, word: "completed".into(), said: String::new(), ticket: None },
        };
        Play::Answer(Ok(ids.iter().map(progress).collect()))
    };
    let fake = desk().on_poll(poll).with_hosts(4, SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 4).waiting(30).go().await;
    assert_eq!(after.outcomes(), [Outcome::Failed, Outcome::Unconfirmed, Outcome::Unconfirmed, Outcome::Confirmed]);
    let settled = after.settled();
    let reason = |n: u32| settled[&n].reason.clone().unwrap();
    assert_eq!((reason(0).kind, reason(0).text.as_str()), (FailureKind::TaskFailed, "File not found"));
    assert!(reason(1).text.contains("gone"));
    assert!(reason(2).text.contains("`running`"), "{}", reason(2));
    assert_eq!(settled[&2].state.as_deref(), Some("running"));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_fails_says_nothing_of_the_work() {
    let mut polls = 0;
    let poll = move |world: &mut World, ids: &[HostId]| {
        polls += 1;
        if polls % 3 != 0 {
            return Play::Answer(Err(error(FailureKind::ServerError, Again::Backoff)));
        }
        Play::Answer(Ok(ids.iter().map(|id| world.progress(id)).collect()))
    };
    let fake = desk().on_poll(poll).with_hosts(6, SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 6).waiting(600).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 6]);
    assert_eq!(deeds(&fake), [1; 6]);
}

/// The most that was open at once behind the oldest that was not done, when each was sent.
fn most_behind_an_open_one(fake: &Fake, takes: Duration) -> usize {
    let sent = fake.calls(What::Submit);
    let behind = |(n, call): (usize, &fake::Call)| {
        let oldest = sent[..n].iter().position(|earlier| call.at < earlier.at + takes);
        oldest.map_or(0, |oldest| n - oldest)
    };
    sent.iter().enumerate().map(behind).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn waves_never_push_out_what_is_not_done() {
    let fake = desk().with_hosts(40, 10 * SECOND).shared();
    let mut room = Room::new(Arc::clone(&fake), 40).waiting(600);
    room.limits.outstanding = NonZeroUsize::new(6);
    let after = room.go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 40]);
    assert_eq!(deeds(&fake), [1; 40]);
    let most = most_behind_an_open_one(&fake, 10 * SECOND);
    assert!((1..6).contains(&most), "{most} behind an open one, and the console keeps 6");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_away_stops_the_waves_before_it_is_pushed_out() {
    let fake = desk().with_hosts(20, SECOND).shared();
    fake.world(|world| world.away.insert(id(2)));
    let mut room = Room::new(Arc::clone(&fake), 20).waiting(60);
    room.limits.outstanding = NonZeroUsize::new(5);
    let after = room.go().await;
    let outcomes = after.outcomes();
    assert_eq!(outcomes[2], Outcome::Unconfirmed);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Confirmed).count(), 6);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::NotSent).count(), 13);
    assert!(matches!(&after.report.ending, Ending::NoRoom(text) if text.contains('5')), "{:?}", after.report.ending);
    assert_eq!(after.report.exit, ExitCode::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_goes_on_asking_and_begins_nothing_twice() {
    let fake = desk().with_hosts(4, SECOND).shared();
    fake.world(|world| {
        for n in 0..3 {
            world.deed(ActionKind::Isolate, &id(n));
        }
    });
    let mut room = Room::new(Arc::clone(&fake), 4).waiting(60);
    room.standings = vec![
        (0, Resumed::Awaiting { attempts: 1, ticket: Some(ticket()) }),
        (1, Resumed::Awaiting { attempts: 1, ticket: None }),
        (2, Resumed::InDoubt { attempts: 1 }),
        (3, Resumed::InDoubt { attempts: 1 }),
    ];
    let after = room.go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 4]);
    assert_eq!(deeds(&fake), [1; 4]);
}

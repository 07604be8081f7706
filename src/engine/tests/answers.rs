//! What becomes of one host, by what the console answers.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{
    fake::{Fake, Play, What, World, error, number, observed},
    *,
};
use crate::{
    domain::{
        action::Observed,
        failure::FailureKind,
        host::{Abilities, HostId, Isolation},
        outcome::{Ending, ExitCode},
    },
    engine::event::{NextStep, Throttle},
    vendors::{Ack, Again, Completion, Repeat, Reply, VendorError},
};

/// Answers the first requests as told, and the others as on a good day.
fn first(
    answers: Vec<Result<Ack, VendorError>>,
) -> impl FnMut(&mut World, ActionKind, &[HostId]) -> Play<Vec<Reply>> + Send + 'static {
    let mut answers = answers.into_iter();
    move |world, kind, ids| match answers.next() {
        Some(Ok(ack)) => Play::Answer(Ok(vec![Ok(ack)])),
        Some(Err(error)) => Play::Answer(Err(error)),
        None => world.take(kind, ids),
    }
}

fn backoffs(count: usize) -> Vec<Result<Ack, VendorError>> {
    (0..count).map(|_| Err(error(FailureKind::ServerError, Again::Backoff))).collect()
}

fn in_doubt() -> Vec<Result<Ack, VendorError>> {
    vec![Err(error(FailureKind::Cut, Again::InDoubt))]
}

fn conflict() -> Result<Ack, VendorError> {
    Err(error(FailureKind::Conflict, Again::Look))
}

async fn one(fake: Fake) -> (Arc<TargetResult>, Arc<Fake>) {
    let fake = fake.shared();
    let after = Room::new(Arc::clone(&fake), 1).go().await;
    (after.only(), fake)
}

#[tokio::test(start_paused = true)]
async fn a_taken_request_ends_as_accepted_and_is_sent_once() {
    let fake = Fake::new().shared();
    let after = Room::new(Arc::clone(&fake), 100).go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 100]);
    assert_eq!(after.report.exit, ExitCode::Success);
    assert!(fake.world(|world| world.deeds.values().all(|deeds| *deeds == 1)));
    assert_eq!(fake.calls(What::Submit).len(), 100);
    assert!(fake.calls(What::Observe).is_empty() && fake.calls(What::List).is_empty());
    assert!(after.settled().values().all(|result| result.attempts == 1 && result.reason.is_none()));
}

#[tokio::test(start_paused = true)]
async fn what_the_console_vouches_for_is_confirmed() {
    let (result, _) = one(Fake::new().on_submit(first(vec![Ok(Ack::Done)]))).await;
    assert_eq!((result.outcome, result.attempts), (Outcome::Confirmed, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_so_before_is_already_but_not_after_a_request_that_may_have_been_ours() {
    let (result, _) = one(Fake::new().on_submit(first(vec![Ok(Ack::AlreadyInState)]))).await;
    assert_eq!(result.outcome, Outcome::Already);

    let mut answers = in_doubt();
    answers.push(Ok(Ack::AlreadyInState));
    let fake =
        Fake::new().on_submit(first(answers)).on_observe(|_, _| Play::Answer(Ok(vec![observed(Isolation::Unknown)])));
    let (result, _) = one(fake).await;
    assert_eq!((result.outcome, result.attempts), (Outcome::Confirmed, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_in_the_consoles_words_and_not_repeated() {
    for (kind, outcome) in [
        (FailureKind::BadRequest, Outcome::Failed),
        (FailureKind::NotCapable, Outcome::Failed),
        (FailureKind::NotFound, Outcome::Unresolved),
    ] {
        let (result, fake) = one(Fake::new().on_submit(first(vec![Err(error(kind, Again::Never))]))).await;
        assert_eq!(result.outcome, outcome);
        let reason = result.reason.as_ref().unwrap();
        assert_eq!((reason.kind, reason.text.clone()), (kind, format!("it says {}", kind.word())));
        assert_eq!(fake.calls(What::Submit).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_console_that_fails_is_tried_again_after_growing_waits() {
    let fake = Fake::new().on_submit(first(backoffs(2))).shared();
    let after = Room::new(Arc::clone(&fake), 1).go().await;
    let result = after.only();
    assert_eq!((result.outcome, result.attempts), (Outcome::Accepted, 3));
    assert!(result.reason.is_none());
    let calls = fake.calls(What::Submit);
    assert!(calls[1].at - calls[0].at >= Duration::from_millis(50));
    let told = |kind: &RunEventKind| {
        matches!(kind, RunEventKind::AttemptFailed { attempt: 1 | 2, next: NextStep::Retry(_), .. })
    };
    assert_eq!(after.count(told), 2);
}

#[tokio::test(start_paused = true)]
async fn tries_are_used_up_and_the_last_words_are_told() {
    let (result, fake) = one(Fake::new().on_submit(first(backoffs(99)))).await;
    assert_eq!((result.outcome, result.attempts), (Outcome::Failed, 5));
    assert_eq!(result.reason.as_ref().unwrap().kind, FailureKind::ServerError);
    assert_eq!(fake.calls(What::Submit).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_looked_at_before_anything_is_repeated() {
    for (found, outcome, submits) in [
        (Isolation::Isolated, Outcome::Confirmed, 1),
        (Isolation::Isolating, Outcome::Accepted, 1),
        (Isolation::NotIsolated, Outcome::Accepted, 2),
        (Isolation::Unknown, Outcome::Accepted, 2),
    ] {
        let fake = Fake::new().on_submit(first(in_doubt()));
        let fake = fake.on_observe(move |_, _| Play::Answer(Ok(vec![observed(found)])));
        let (result, fake) = one(fake).await;
        assert_eq!((result.outcome, result.attempts), (outcome, submits), "{found:?}");
        assert_eq!(fake.calls(What::Submit).len() as u32, submits, "{found:?}");
        assert_eq!(fake.calls(What::Observe).len(), 1, "{found:?}");
        assert!(fake.calls(What::Observe)[0].at > fake.calls(What::Submit)[0].at);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_unsafe_to_repeat_is_never_repeated_and_stays_in_doubt_if_a_look_cannot_tell() {
    for (found, outcome) in [
        (Isolation::Isolated, Outcome::Confirmed),
        (Isolation::Isolating, Outcome::Accepted),
        (Isolation::NotIsolated, Outcome::InDoubt),
        (Isolation::Unknown, Outcome::InDoubt),
    ] {
        let fake = Fake::with(1, Repeat::Unsafe, Completion::Observed).on_submit(first(in_doubt()));
        let fake = fake.on_observe(move |_, _| Play::Answer(Ok(vec![observed(found)])));
        let (result, fake) = one(fake).await;
        assert_eq!(result.outcome, outcome, "{found:?}");
        assert_eq!(fake.calls(What::Submit).len(), 1, "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_for_good_leaves_the_host_in_doubt() {
    let fake = Fake::new().on_submit(first(in_doubt()));
    let fake = fake.on_observe(|_, _| Play::Answer(Err(error(FailureKind::Protocol, Again::Never))));
    let (result, fake) = one(fake).await;
    assert_eq!(result.outcome, Outcome::InDoubt);
    let text = &result.reason.as_ref().unwrap().text;
    assert!(text.contains("it says cut") && text.contains("it says protocol"), "{text}");
    assert_eq!(fake.calls(What::Submit).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_for_a_while_is_made_again() {
    let mut failures = 3;
    let fake = Fake::new().on_submit(first(in_doubt())).on_observe(move |_, _| {
        failures -= 1;
        let seen = vec![observed(Isolation::Isolated)];
        Play::Answer(if failures > 0 { Err(error(FailureKind::Gateway, Again::Backoff)) } else { Ok(seen) })
    });
    let (result, fake) = one(fake).await;
    assert_eq!(result.outcome, Outcome::Confirmed);
    assert_eq!((fake.calls(What::Observe).len(), fake.calls(What::Submit).len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_contradiction_is_settled_by_a_look() {
    for found in [Isolation::Isolated, Isolation::Isolating] {
        let fake = Fake::new().on_submit(first(vec![conflict()]));
        let fake = fake.on_observe(move |_, _| Play::Answer(Ok(vec![observed(found)])));
        let (result, fake) = one(fake).await;
        assert_eq!(result.outcome, Outcome::Already, "{found:?}");
        assert_eq!(fake.calls(What::Submit).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_on_its_way_back_is_awaited_and_then_sent() {
    let mut looks = 0;
    let fake = Fake::new().on_submit(first(vec![conflict()])).on_observe(move |_, _| {
        looks += 1;
        let isolation = if looks < 4 { Isolation::Releasing } else { Isolation::NotIsolated };
        Play::Answer(Ok(vec![observed(isolation)]))
    });
    let (result, fake) = one(fake).await;
    assert_eq!((result.outcome, result.attempts), (Outcome::Accepted, 2));
    assert_eq!(fake.calls(What::Observe).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_contradiction_that_nothing_explains_ends_as_failed() {
    for found in [Isolation::NotIsolated, Isolation::Releasing, Isolation::Unknown] {
        let fake = Fake::new().on_submit(first((0..99).map(|_| conflict()).collect()));
        let fake = fake.on_observe(move |_, _| Play::Answer(Ok(vec![observed(found)])));
        let (result, fake) = one(fake).await;
        assert_eq!(result.outcome, Outcome::Failed, "{found:?}");
        let reason = result.reason.as_ref().unwrap();
        assert_eq!(reason.kind, FailureKind::Conflict);
        assert!(result.state.is_some(), "the state that was read is told");
        assert!(fake.calls(What::Submit).len() <= 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_the_console_calls_incapable_is_not_tried_again() {
    let fake = Fake::new().on_submit(first((0..99).map(|_| conflict()).collect())).on_observe(|_, _| {
        let state = fake::state(Isolation::NotIsolated);
        Play::Answer(Ok(vec![Observed::State {
            state,
            able: Abilities { isolate: Some(false), release: None },
            last_seen: None,
        }]))
    });
    let (result, fake) = one(fake).await;
    assert_eq!(result.outcome, Outcome::Failed);
    assert_eq!(result.reason.as_ref().unwrap().kind, FailureKind::NotCapable);
    assert_eq!(fake.calls(What::Submit).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_a_look_does_not_find_is_unresolved() {
    let fake = Fake::new().on_submit(first(vec![conflict()]));
    let (result, _) = one(fake.on_observe(|_, _| Play::Answer(Ok(vec![Observed::NoSuchHost])))).await;
    assert_eq!(result.outcome, Outcome::Unresolved);
}

#[tokio::test(start_paused = true)]
async fn one_refusal_makes_every_worker_wait_and_is_no_try_of_its_host() {
    let begun = tokio::time::Instant::now();
    let mut refused = false;
    let fake = Fake::new().on_submit(move |world, kind, ids| {
        if number(&ids[0]) == 20 && !refused {
            refused = true;
            let wait = Some(Duration::from_secs(60));
            return Play::Answer(Err(error(FailureKind::Throttled, Again::Throttled(wait))));
        }
        world.take(kind, ids)
    });
    let fake = fake.shared();
    let after = Room::new(Arc::clone(&fake), 100).go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 100]);
    assert!(after.settled().values().all(|result| result.attempts == 1));
    let calls: Vec<Duration> = fake.calls(What::Submit).iter().map(|call| call.at - begun).collect();
    let before = calls.iter().filter(|at| **at < Duration::from_secs(1)).count();
    assert!((21..=21 + 8).contains(&before), "{before}");
    assert!(calls.iter().all(|at| *at < Duration::from_secs(1) || *at >= Duration::from_secs(60)), "{calls:?}");
    let told = |kind: &RunEventKind| matches!(kind, RunEventKind::Throttled { why: Throttle::Refused, .. });
    assert_eq!(after.count(told), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_through_three_windows_is_never_refused_and_tells_its_waits() {
    let fake = Fake::new().with_quota(100, Duration::from_secs(600)).shared();
    let after = Room::new(Arc::clone(&fake), 250).go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 250]);
    assert_eq!(fake.calls(What::Submit).len(), 250, "a refused request would have been sent again");
    let told = |kind: &RunEventKind| matches!(kind, RunEventKind::Throttled { why: Throttle::Quota, .. });
    assert_eq!(after.count(told), 2);
    let took = after.events.last().unwrap().elapsed;
    assert!(took >= Duration::from_secs(1_200) && took < Duration::from_secs(1_210), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_above_the_limit_stops_the_run_and_leaves_the_rest_unsent() {
    let fake = Fake::new().with_quota(100, Duration::from_secs(600)).shared();
    let mut room = Room::new(Arc::clone(&fake), 250);
    room.limits.max_wait = Duration::from_secs(300);
    let after = room.go().await;
    assert!(matches!(after.report.ending, Ending::QuotaWait(_)), "{:?}", after.report.ending);
    assert_eq!(after.report.exit, ExitCode::Stopped);
    let outcomes = after.outcomes();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted).count(), 99);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::NotSent).count(), 151);
    assert!(after.events.last().unwrap().elapsed < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_bug_in_one_request_is_that_hosts_outcome_and_the_run_goes_on() {
    let fake = Fake::new().on_submit(
        |world, kind, ids| {
            if number(&ids[0]) == 3 { Play::Panic } else { world.take(kind, ids) }
        },
    );
    let after = Room::new(fake.shared(), 10).go().await;
    for (n, result) in after.settled() {
        assert_eq!(result.outcome, if n == 3 { Outcome::InDoubt } else { Outcome::Accepted });
    }
    assert_eq!(after.report.exit, ExitCode::SomeFailed);
}

#[tokio::test(start_paused = true)]
async fn reading_states_tells_each_hosts_word_and_changes_nothing() {
    let fake = Fake::new().on_observe(|_, ids| match number(&ids[0]) {
        0 => Play::Answer(Ok(vec![observed(Isolation::Isolated)])),
        1 => Play::Answer(Ok(vec![Observed::NoSuchHost])),
        2 => Play::Answer(Err(error(FailureKind::BadRequest, Again::Never))),
        3 => Play::Panic,
        _ => Play::Answer(Ok(vec![observed(Isolation::Unknown)])),
    });
    let fake = fake.shared();
    let after = Room { kind: None, ..Room::new(Arc::clone(&fake), 5) }.go().await;
    assert_eq!(
        after.outcomes(),
        [Outcome::Confirmed, Outcome::Unresolved, Outcome::Failed, Outcome::Failed, Outcome::Confirmed]
    );
    let settled = after.settled();
    assert_eq!(settled[&0].state.as_deref(), Some("isolated"));
    assert_eq!(settled[&4].state.as_deref(), Some("hibernating"));
    assert!(fake.calls(What::Submit).is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_allowed() {
    static UNDER_WAY: AtomicU32 = AtomicU32::new(0);
    let fake = Fake::new().shared();
    let mut room = Room::new(Arc::clone(&fake), 200);
    room.limits.concurrency = NonZeroUsize::new(16).unwrap();
    room.on_event = Some(Box::new(|event| {
        UNDER_WAY.fetch_max(u32::try_from(event.stats.in_flight).unwrap(), Ordering::Relaxed);
    }));
    room.go().await;
    let calls = fake.calls(What::Submit);
    // All of a wave are sent at the same instant of the paused clock.
    let most = calls.iter().map(|call| calls.iter().filter(|other| other.at == call.at).count()).max();
    assert_eq!(most, Some(16));
    assert!(UNDER_WAY.load(Ordering::Relaxed) <= 16);
}

#[tokio::test(start_paused = true)]
async fn one_look_that_leaves_a_host_out_is_no_proof_that_it_is_gone() {
    for (missed, outcome) in [(1, Outcome::Confirmed), (u32::MAX, Outcome::InDoubt)] {
        let mut looks = 0;
        let mut answers = in_doubt().into_iter();
        let fake = Fake::new().on_submit(move |world, kind, ids| match answers.next() {
            // It was carried out, and the answer was lost.
            Some(answer) => {
                drop(world.take(kind, ids));
                Play::Answer(answer.map(|ack| vec![Ok(ack)]))
            }
            None => world.take(kind, ids),
        });
        let fake = fake.on_observe(move |_, _| {
            looks += 1;
            let gone = looks <= missed;
            Play::Answer(Ok(vec![if gone { Observed::NoSuchHost } else { observed(Isolation::Isolated) }]))
        });
        let (result, _) = one(fake).await;
        assert_eq!(result.outcome, outcome);
    }
}

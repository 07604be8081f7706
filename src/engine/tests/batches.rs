//! Consoles that take many hosts in one request.

use super::{
    fake::{Fake, Play, What, accepted, error, id, number, observed},
    *,
};
use crate::{
    domain::{
        failure::FailureKind,
        host::{HostId, Isolation},
        outcome::ExitCode,
    },
    vendors::{Ack, Again, Completion, Repeat},
};

fn batch(size: usize) -> Fake {
    Fake::with(size, Repeat::Safe, Completion::Observed)
}

fn sizes(fake: &Fake) -> Vec<usize> {
    fake.calls(What::Submit).iter().map(|call| call.hosts.len()).collect()
}

#[tokio::test(start_paused = true)]
async fn hosts_go_together_as_far_as_the_console_takes_them() {
    let fake = batch(10).shared();
    let after = Room::new(Arc::clone(&fake), 25).go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 25]);
    assert_eq!(sizes(&fake), [10, 10, 5]);
    let told: Vec<usize> = after
        .events
        .iter()
        .filter_map(|event| match event.kind {
            RunEventKind::BatchStarted { targets, .. } => Some(targets),
            _ => None,
        })
        .collect();
    assert_eq!(told, [10, 10, 5]);
}

#[tokio::test(start_paused = true)]
async fn each_reply_of_a_mixed_answer_belongs_to_its_own_host() {
    let fake = batch(10).on_submit(|_, _, ids| {
        let reply = |id: &HostId| match number(id) % 5 {
            0 => Err(error(FailureKind::NotCapable, Again::Never)),
            1 => Ok(Ack::Done),
            2 => Ok(Ack::AlreadyInState),
            3 => Err(error(FailureKind::NotFound, Again::Never)),
            _ => accepted(),
        };
        Play::Answer(Ok(ids.iter().map(reply).collect()))
    });
    let fake = fake.shared();
    let after = Room::new(Arc::clone(&fake), 20).go().await;
    for (n, result) in after.settled() {
        let expected = [Outcome::Failed, Outcome::Confirmed, Outcome::Already, Outcome::Unresolved, Outcome::Accepted];
        assert_eq!(result.outcome, expected[n as usize % 5], "{n}");
        assert_eq!(result.host, Some(id(n)));
    }
    assert_eq!(sizes(&fake), [10, 10]);
    assert_eq!(after.report.exit, ExitCode::SomeFailed);
}

#[tokio::test(start_paused = true)]
async fn only_hosts_that_may_be_asked_again_go_into_the_next_try() {
    let mut tries = 0;
    let fake = batch(10).on_submit(move |_, _, ids| {
        tries += 1;
        let failing = |id: &HostId| tries == 1 && number(id).is_multiple_of(4);
        let reply =
            |id: &HostId| if failing(id) { Err(error(FailureKind::ServerError, Again::Backoff)) } else { accepted() };
        Play::Answer(Ok(ids.iter().map(reply).collect()))
    });
    let fake = fake.shared();
    let after = Room::new(Arc::clone(&fake), 10).go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 10]);
    let again: Vec<u32> = fake.calls(What::Submit)[1..].iter().flat_map(|call| call.hosts.iter().map(number)).collect();
    let mut sorted = again.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [0, 4, 8], "in some order, each once: {again:?}");
    for (n, result) in after.settled() {
        assert_eq!(result.attempts, if n.is_multiple_of(4) { 2 } else { 1 }, "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_the_answer_leaves_out_is_looked_at() {
    let fake = batch(10).on_submit(|world, kind, ids| {
        ids.iter().for_each(|id| world.deed(kind, id));
        Play::Answer(Ok(ids.iter().skip(1).map(|_| accepted()).collect()))
    });
    let fake = fake.with_hosts(10, Duration::ZERO).shared();
    let after = Room::new(Arc::clone(&fake), 10).go().await;
    let settled = after.settled();
    assert_eq!(settled[&9].outcome, Outcome::Confirmed, "a look found it isolated");
    assert!((0..9).all(|n| settled[&n].outcome == Outcome::Accepted));
    let looked: Vec<u32> = fake.calls(What::Observe).iter().flat_map(|call| call.hosts.iter().map(number)).collect();
    assert_eq!(looked, [9]);
    assert_eq!(sizes(&fake), [10], "nothing was asked twice");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_nothing_leaves_every_host_to_a_look() {
    for repeat in [Repeat::Safe, Repeat::Unsafe] {
        let fake = Fake::with(10, repeat, Completion::Observed).on_submit(|_, _, _| Play::Answer(Ok(Vec::new())));
        let fake = fake.on_observe(|_, _| Play::Answer(Ok(vec![observed(Isolation::Isolated)]))).shared();
        let after = Room::new(Arc::clone(&fake), 10).go().await;
        assert_eq!(after.outcomes(), [Outcome::Confirmed; 10]);
        assert_eq!((fake.calls(What::Submit).len(), fake.calls(What::Observe).len()), (1, 10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_request_without_an_answer_leaves_every_host_to_a_look_of_its_own() {
    let mut tries = 0;
    let fake = batch(10).on_submit(move |world, kind, ids| {
        tries += 1;
        if tries > 1 {
            return world.take(kind, ids);
        }
        // The connection is cut when half of it is done.
        ids.iter().take(5).for_each(|id| world.deed(kind, id));
        Play::Answer(Err(error(FailureKind::Cut, Again::InDoubt)))
    });
    let fake = fake.with_hosts(10, Duration::ZERO).shared();
    let after = Room::new(Arc::clone(&fake), 10).go().await;
    for (n, result) in after.settled() {
        let expected = if n < 5 { (Outcome::Confirmed, 1) } else { (Outcome::Accepted, 2) };
        assert_eq!((result.outcome, result.attempts), expected, "{n}");
    }
    assert!(fake.world(|world| world.deeds.values().all(|deeds| *deeds == 1)), "no host was asked twice");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_was_one_too_many_makes_everything_wait_and_only_it_is_sent_again() {
    let begun = tokio::time::Instant::now();
    let mut tries = 0;
    let fake = batch(10).on_submit(move |_, _, ids| {
        tries += 1;
        let throttled = |id: &HostId| tries == 1 && number(id) >= 7;
        let reply = |id: &HostId| {
            let wait = Some(Duration::from_secs(30));
            if throttled(id) { Err(error(FailureKind::Throttled, Again::Throttled(wait))) } else { accepted() }
        };
        Play::Answer(Ok(ids.iter().map(reply).collect()))
    });
    let fake = fake.shared();
    let mut room = Room::new(Arc::clone(&fake), 12);
    room.limits.concurrency = NonZeroUsize::MIN;
    let after = room.go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 12]);
    let calls = fake.calls(What::Submit);
    assert_eq!(calls.len(), 2);
    assert!(calls[1].at - begun >= Duration::from_secs(30), "{:?}", calls[1].at - begun);
    let mut again: Vec<u32> = calls[1].hosts.iter().map(number).collect();
    again.sort_unstable();
    assert_eq!(again, [7, 8, 9, 10, 11]);
}

#[tokio::test(start_paused = true)]
async fn a_bug_in_a_batch_is_the_outcome_of_its_hosts_alone() {
    let fake =
        batch(5).on_submit(|world, kind, ids| if number(&ids[0]) == 5 { Play::Panic } else { world.take(kind, ids) });
    let after = Room::new(fake.shared(), 15).go().await;
    for (n, result) in after.settled() {
        assert_eq!(result.outcome, if (5..10).contains(&n) { Outcome::InDoubt } else { Outcome::Accepted }, "{n}");
    }
}

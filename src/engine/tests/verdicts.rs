//! Verdicts that only some consoles give: put right and asked again at once, stopped with a host in doubt, nothing done,
//! and a request that was taken while the host was on its way elsewhere.

use super::{
    fake::{Fake, Play, What, World, error, number, observed},
    *,
};
use crate::{
    domain::{
        failure::FailureKind,
        outcome::{Ending, ExitCode},
    },
    engine::event::NextStep,
    journal::{Need, Phase, WriterOptions, tests::memory::Memory},
    vendors::{Ack, Again, Reply, VendorError},
};

/// Refused whole, and put right on our side.
fn mended() -> VendorError {
    error(FailureKind::ClockSkew, Again::AtOnce)
}

fn nothing_done() -> Play<Vec<Reply>> {
    Play::Answer(Err(error(FailureKind::NothingDone, Again::Look)))
}

fn accept() -> Play<Vec<Reply>> {
    Play::Answer(Ok(vec![fake::accepted()]))
}

/// A console that answers the first requests of each host as told, and the others as on a good day.
fn first_of_each(times: u32, answer: fn() -> Play<Vec<Reply>>) -> Fake {
    let mut asked: BTreeMap<u32, u32> = BTreeMap::new();
    Fake::new().on_submit(move |world, kind, ids| {
        let count = asked.entry(number(&ids[0])).or_default();
        *count += 1;
        if *count <= times { answer() } else { world.take(kind, ids) }
    })
}

fn submits(fake: &Fake) -> usize {
    fake.calls(What::Submit).len()
}

#[tokio::test(start_paused = true)]
async fn what_was_put_right_is_asked_again_without_a_wait_and_told_once() {
    let fake = first_of_each(1, || Play::Answer(Err(mended()))).shared();
    let after = Room::new(Arc::clone(&fake), 30).go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 30]);
    assert_eq!(submits(&fake), 60, "each once more");
    assert!(fake.world(|world| world.deeds.values().all(|deeds| *deeds == 1)));
    assert!(after.settled().values().all(|result| result.attempts == 2 && result.reason.is_none()));
    assert_eq!(after.count(|kind| matches!(kind, RunEventKind::Mended { .. })), 1);
    let retried = |kind: &RunEventKind| {
        matches!(kind, RunEventKind::AttemptFailed { next: NextStep::Retry(Duration::ZERO), attempt: 1, .. })
    };
    assert_eq!(after.count(retried), 30);
    // Sixty requests, eight at a time, of ten milliseconds each: nothing was waited for.
    let took = after.events.last().unwrap().elapsed;
    assert!(took < Duration::from_millis(200), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_whole_is_not_taken_for_our_doing() {
    let mut answers = vec![Err(mended()), Ok(Ack::AlreadyInState)].into_iter();
    let fake = Fake::new().on_submit(move |_, _, _| match answers.next().unwrap() {
        Ok(ack) => Play::Answer(Ok(vec![Ok(ack)])),
        Err(error) => Play::Answer(Err(error)),
    });
    let after = Room::new(fake.shared(), 1).go().await;
    assert_eq!(after.only().outcome, Outcome::Already, "nothing of ours was done");
}

#[tokio::test(start_paused = true)]
async fn what_is_never_right_is_given_up_after_the_usual_tries() {
    let fake = first_of_each(99, || Play::Answer(Err(mended()))).shared();
    let after = Room::new(Arc::clone(&fake), 3).go().await;
    assert_eq!(after.outcomes(), [Outcome::Failed; 3]);
    assert_eq!(submits(&fake), 3 * 5);
    assert!(fake.calls(What::Observe).is_empty(), "nothing was done, so there is nothing to look at");
    for result in after.settled().values() {
        assert_eq!((result.attempts, result.reason.as_ref().unwrap().kind), (5, FailureKind::ClockSkew));
    }
    assert_eq!(after.count(|kind| matches!(kind, RunEventKind::Mended { .. })), 1);
}

fn wrong_host() -> Play<Vec<Reply>> {
    Play::Answer(Err(VendorError::stops_run_in_doubt(FailureKind::WrongHost, "it answered for another host")))
}

/// Hosts by what a resumed run has to do with them.
fn needs(memory: &Memory) -> BTreeMap<u32, Need> {
    memory.replay().targets.iter().map(|target| (target.record.n, target.needs(false))).collect()
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_another_host_stops_the_run_and_leaves_its_own_host_in_doubt() {
    for (stops_at, limit) in [(0, 1), (7, 1), (7, 8)] {
        let memory = Memory::new();
        let fake = Fake::new().on_submit(move |world, kind, ids| {
            if number(&ids[0]) == stops_at {
                world.deed(kind, &ids[0]);
                return wrong_host();
            }
            world.take(kind, ids)
        });
        let fake = fake.shared();
        let mut room = Room::new(Arc::clone(&fake), 50);
        room.limits.concurrency = NonZeroUsize::new(limit).unwrap();
        room.journal = Some(memory.journal(50, &WriterOptions::default()));
        let after = room.go().await;
        let settled = after.settled();
        let doubtful: Vec<u32> =
            settled.values().filter(|result| result.outcome == Outcome::InDoubt).map(|result| result.n).collect();
        assert_eq!(doubtful, [stops_at]);
        assert_eq!(settled[&stops_at].reason.as_ref().unwrap().kind, FailureKind::WrongHost);
        assert!(submits(&fake) <= stops_at as usize + 2 * limit, "{} requests", submits(&fake));
        assert!(fake.calls(What::Observe).is_empty(), "nothing more is asked");
        assert!(matches!(after.report.ending, Ending::ConsoleLost(_)), "{:?}", after.report.ending);
        assert_eq!(after.report.exit, ExitCode::Stopped, "something was done");
        super::journalled::assert_as_told(&memory.replay(), &after);
        let kept = &memory.replay().targets[stops_at as usize];
        assert!(matches!(kept.phase, Phase::InDoubt { .. }), "{:?}", kept.phase);
        let needs = needs(&memory);
        assert_eq!(needs[&stops_at], Need::Look);
        assert_eq!(needs.values().filter(|need| **need == Need::Look).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_looks_at_that_host_before_anything_is_asked_for_it() {
    for done in [true, false] {
        let fake = Fake::new().with_hosts(3, Duration::ZERO).shared();
        if done {
            fake.world(|world| world.set(&fake::id(1), Isolation::Isolated));
        }
        let mut room = Room::new(Arc::clone(&fake), 3);
        room.standings = vec![
            (0, Resumed::Settled(Outcome::Accepted)),
            (1, Resumed::InDoubt { attempts: 1 }),
            (2, Resumed::Unsent { attempts: 0 }),
        ];
        let after = room.go().await;
        let looked = fake.calls(What::Observe);
        assert_eq!(looked.iter().map(|call| number(&call.hosts[0])).collect::<Vec<_>>(), [1]);
        let asked: Vec<_> = fake.calls(What::Submit).into_iter().filter(|call| number(&call.hosts[0]) == 1).collect();
        assert_eq!(asked.len(), usize::from(!done));
        assert!(asked.iter().all(|call| call.at > looked[0].at), "looked at first");
        assert_eq!(after.report.exit, ExitCode::Success);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_done_is_asked_once_more_and_then_told() {
    let fake = first_of_each(99, nothing_done).shared();
    let after = Room::new(Arc::clone(&fake), 2).go().await;
    assert_eq!(after.outcomes(), [Outcome::Failed; 2]);
    assert_eq!(submits(&fake), 4);
    for result in after.settled().values() {
        assert_eq!(result.reason.as_ref().unwrap().kind, FailureKind::NothingDone);
        assert_eq!(result.attempts, 2);
        assert!(result.state.is_some(), "what the look found is told");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_done_that_is_done_the_second_time_is_a_success() {
    let fake = first_of_each(1, nothing_done).shared();
    let after = Room::new(Arc::clone(&fake), 2).go().await;
    assert_eq!(after.outcomes(), [Outcome::Accepted; 2]);
    assert_eq!((submits(&fake), fake.calls(What::Observe).len()), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn nothing_done_because_nothing_was_left_to_do_is_already() {
    for found in [Isolation::Isolated, Isolation::Isolating] {
        let fake = first_of_each(99, nothing_done).on_observe(move |_, _| Play::Answer(Ok(vec![observed(found)])));
        let fake = fake.shared();
        let after = Room::new(Arc::clone(&fake), 1).go().await;
        assert_eq!(after.only().outcome, Outcome::Already, "{found:?}");
        assert_eq!(submits(&fake), 1);
    }
}

/// One host in a state, at a console that takes the first requests and lets the host go on to where it was sent before.
fn deaf_to(times: u32, state: Isolation) -> Arc<Fake> {
    let fake = first_of_each(times, accept).whole().with_hosts(1, Duration::from_secs(3)).shared();
    fake.world(|world| world.set(&fake::id(0), state));
    fake
}

fn leaving(fake: &Arc<Fake>, before: Isolation) -> Room {
    Room { before: vec![before], ..Room::new(Arc::clone(fake), 1).waiting(60) }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_leaving_is_sent_again_once_it_has_arrived_where_it_was_sent_before() {
    let fake = deaf_to(1, Isolation::Releasing);
    let begun = tokio::time::Instant::now();
    let after = leaving(&fake, Isolation::Releasing).go().await;
    assert_eq!(after.only().outcome, Outcome::Confirmed);
    let calls = fake.calls(What::Submit);
    assert_eq!(calls.len(), 2);
    assert!(calls[1].at - begun >= Duration::from_secs(3), "not before it has arrived");
    assert_eq!(after.only().attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_leaving_and_turns_round_at_once_is_sent_once() {
    let fake = deaf_to(0, Isolation::Releasing);
    let after = leaving(&fake, Isolation::Releasing).go().await;
    assert_eq!(after.only().outcome, Outcome::Confirmed);
    assert_eq!(submits(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_leaving_is_sent_a_second_time_and_never_a_third() {
    let fake = deaf_to(99, Isolation::Releasing);
    let after = leaving(&fake, Isolation::Releasing).go().await;
    assert_eq!(after.only().outcome, Outcome::Unconfirmed);
    assert_eq!(submits(&fake), 2);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_not_leaving_is_never_sent_again() {
    for before in [Isolation::NotIsolated, Isolation::Unknown] {
        let fake = deaf_to(99, Isolation::NotIsolated);
        let after = leaving(&fake, before).go().await;
        assert_eq!(after.only().outcome, Outcome::Unconfirmed, "{before:?}");
        assert_eq!(submits(&fake), 1, "{before:?}");
    }
    // Nothing is known of it, and somebody else is releasing it.
    let fake = deaf_to(99, Isolation::Releasing);
    let after = Room::new(Arc::clone(&fake), 1).waiting(60).go().await;
    assert_eq!(after.only().outcome, Outcome::Unconfirmed);
    assert_eq!(submits(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_wait_a_host_that_was_leaving_is_accepted_and_sent_once() {
    let fake = deaf_to(99, Isolation::Releasing);
    let after = Room { wait: None, ..leaving(&fake, Isolation::Releasing) }.go().await;
    assert_eq!(after.only().outcome, Outcome::Accepted);
    assert_eq!(submits(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_console_that_lists_everything_at_once_is_polled_by_one_list_a_round() {
    for targets in [1, 40] {
        let fake = Fake::new().whole().with_hosts(1_000, Duration::from_secs(5)).shared();
        let after = Room::new(Arc::clone(&fake), targets).waiting(60).go().await;
        assert!(after.outcomes().iter().all(|outcome| *outcome == Outcome::Confirmed));
        assert!(fake.calls(What::Observe).is_empty(), "no host is asked for by itself");
        let lists = fake.calls(What::List).len();
        assert!((2..=6).contains(&lists), "{lists} lists in five seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hears_late_of_the_request_fails_no_host() {
    let fake = Fake::new().whole().with_hosts(4, Duration::from_secs(8)).on_list(|world: &mut World, _| {
        let mut page = world.page(None, usize::MAX);
        for host in &mut page.hosts {
            // It says the old state for as long as the host is on its way.
            if world.get(&host.id) == Isolation::Isolating {
                host.state = Some(fake::state(Isolation::NotIsolated));
            }
        }
        Play::Answer(Ok(page))
    });
    let fake = fake.shared();
    let after = Room::new(Arc::clone(&fake), 4).waiting(60).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 4]);
    assert_eq!(submits(&fake), 4);
}

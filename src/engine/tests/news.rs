//! What is heard of hosts unasked: it settles them without a request, and its absence never leaves one unasked.

use tokio::sync::mpsc::{self, Sender};

use super::{
    fake::{Fake, What, accepted, id, state},
    *,
};
use crate::{
    domain::{
        failure::FailureKind,
        host::{HostId, Isolation},
    },
    engine::{News, Sighting},
};

const SECOND: Duration = Duration::from_secs(1);

fn news_of(host: HostId, kind: ActionKind, reached: bool) -> News {
    let isolated = (kind == ActionKind::Isolate) == reached;
    let state = state(if isolated { Isolation::Isolated } else { Isolation::NotIsolated });
    News::Host(Sighting {
        host,
        kind,
        reached,
        state,
        said: "so says the agent".to_owned(),
        at: Some(crate::clock::now()),
    })
}

fn isolated(n: u32) -> News {
    news_of(id(n), ActionKind::Isolate, true)
}

/// A room that hears; news are sent by the second hand, at these times.
fn hearing(room: Room, news: Vec<(Duration, News)>) -> Room {
    let (tell, heard) = mpsc::channel(crate::engine::NEWS_AT_ONCE);
    tokio::spawn(tell_at(tell, news));
    Room { news: Some(heard), ..room }
}

async fn tell_at(tell: Sender<News>, news: Vec<(Duration, News)>) {
    let begun = tokio::time::Instant::now();
    for (at, news) in news {
        tokio::time::sleep_until(begun + at).await;
        if tell.send(news).await.is_err() {
            return;
        }
    }
    // Nothing more is heard, and whoever listens does not stop.
    tell.closed().await;
}

fn lists(fake: &Fake) -> usize {
    fake.calls(What::List).len() + fake.calls(What::Observe).len()
}

fn took(after: &After) -> Duration {
    after.events.last().unwrap().elapsed
}

#[tokio::test(start_paused = true)]
async fn hosts_that_are_heard_of_are_confirmed_and_none_is_asked_for() {
    let fake = Fake::new().with_hosts(50, 2 * SECOND).shared();
    let news = (0..50).map(|n| (SECOND + SECOND / 2 * n, isolated(n))).collect();
    let after = hearing(Room::new(Arc::clone(&fake), 50).waiting(600), news).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 50]);
    assert_eq!(lists(&fake), 0, "no request beside those that isolate");
    assert_eq!(fake.calls(What::Submit).len(), 50);
    assert!(after.settled().values().all(|result| result.state.as_deref() == Some("isolated")));
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_before_the_answer_counts_once_the_answer_is_there() {
    let slow = |world: &mut fake::World, kind, ids: &[HostId]| {
        drop(world.take(kind, ids));
        fake::Play::After(5 * SECOND, Ok(ids.iter().map(|_| accepted()).collect()))
    };
    let fake = Fake::new().on_submit(slow).with_hosts(3, 2 * SECOND).shared();
    let news = (0..3).map(|n| (2 * SECOND, isolated(n))).collect();
    let after = hearing(Room::new(Arc::clone(&fake), 3).waiting(600), news).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 3]);
    assert_eq!(lists(&fake), 0);
    assert!(took(&after) < 8 * SECOND, "{:?}", took(&after));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_says_it_could_not_is_a_failure_in_its_words() {
    let fake = Fake::new().with_hosts(2, 900 * SECOND).shared();
    let news = vec![(3 * SECOND, news_of(id(0), ActionKind::Isolate, false)), (4 * SECOND, isolated(1))];
    let after = hearing(Room::new(Arc::clone(&fake), 2).waiting(600), news).go().await;
    assert_eq!(after.outcomes(), [Outcome::Failed, Outcome::Confirmed]);
    let settled = after.settled();
    let reason = settled[&0].reason.clone().unwrap();
    assert_eq!(reason.kind, FailureKind::Fallback);
    assert!(reason.text.contains("so says the agent"), "{reason}");
    assert_eq!(settled[&0].state.as_deref(), Some("not_isolated"));
    assert_eq!(lists(&fake), 0);
}

#[tokio::test(start_paused = true)]
async fn hosts_that_nobody_tells_of_are_asked_for_after_a_silence() {
    let fake = Fake::new().with_hosts(30, 2 * SECOND).shared();
    let news = (0..10).map(|n| (SECOND * (n + 1), isolated(n))).collect();
    let after = hearing(Room::new(Arc::clone(&fake), 30).waiting(600), news).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 30]);
    assert!(lists(&fake) > 0);
    let begun = fake.calls(What::Submit)[0].at;
    let first = fake.calls(What::List)[0].at;
    assert!(first - begun >= 65 * SECOND, "the silence begins with the last host: {:?}", first - begun);
    assert!(took(&after) < 120 * SECOND, "{:?}", took(&after));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_away_costs_few_requests_and_is_told_at_the_deadline() {
    let fake = Fake::new().with_hosts(10, SECOND).shared();
    fake.world(|world| world.away.insert(id(9)));
    let news = (0..9).map(|n| (SECOND, isolated(n))).collect();
    let after = hearing(Room::new(Arc::clone(&fake), 10).waiting(3600), news).go().await;
    assert_eq!(after.outcomes()[9], Outcome::Unconfirmed);
    assert_eq!(after.settled()[&9].state.as_deref(), Some("pending_start"), "the last look was at the deadline");
    assert!(lists(&fake) <= 8, "the silence is taken for longer each time: {}", lists(&fake));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_lost_is_made_up_for_at_once() {
    for ends in [false, true] {
        let fake = Fake::new().with_hosts(20, 2 * SECOND).shared();
        let mut room = Room::new(Arc::clone(&fake), 20).waiting(600);
        if ends {
            room.news = Some(mpsc::channel(1).1);
        } else {
            room = hearing(room, vec![(SECOND, News::Lost("the broker is gone".to_owned()))]);
        }
        let after = room.go().await;
        assert_eq!(after.outcomes(), [Outcome::Confirmed; 20]);
        assert!(took(&after) < 15 * SECOND, "{ends} {:?}", took(&after));
        let lost = |kind: &RunEventKind| matches!(kind, RunEventKind::HearingLost { .. });
        assert_eq!(after.count(lost), usize::from(!ends));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_back_is_relied_on_again() {
    let fake = Fake::new().with_hosts(20, 30 * SECOND).shared();
    let mut news = vec![(SECOND, News::Lost("cut".to_owned())), (2 * SECOND, News::Back)];
    news.extend((0..20).map(|n| (30 * SECOND, isolated(n))));
    let after = hearing(Room::new(Arc::clone(&fake), 20).waiting(600), news).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 20]);
    assert!(lists(&fake) <= 6, "{}", lists(&fake));
    assert_eq!(after.count(|kind| matches!(kind, RunEventKind::HearingBack)), 1);
}

#[tokio::test(start_paused = true)]
async fn that_somebody_has_put_a_host_back_confirms_nothing() {
    let fake = Fake::new().with_hosts(1, SECOND).shared();
    fake.world(|world| world.away.insert(id(0)));
    let news = vec![
        (3 * SECOND, news_of(id(0), ActionKind::Unisolate, true)),
        (4 * SECOND, news_of(id(0), ActionKind::Unisolate, false)),
        (5 * SECOND, news_of(id(77), ActionKind::Isolate, true)),
    ];
    let after = hearing(Room::new(Arc::clone(&fake), 1).waiting(60), news).go().await;
    // Its end was not reached after all, says the second: so it is isolated, whoever did it.
    assert_eq!(after.outcomes(), [Outcome::Unconfirmed]);
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_asks_once_for_what_may_have_happened_before_it_listened() {
    let fake = Fake::new().with_hosts(20, SECOND).shared();
    fake.world(|world| (0..20).for_each(|n| world.set(&id(n), Isolation::Isolated)));
    let mut room = Room::new(Arc::clone(&fake), 20).waiting(600);
    room.standings = (0..20).map(|n| (n, Resumed::Awaiting { attempts: 1, ticket: None })).collect();
    let after = hearing(room, Vec::new()).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 20]);
    assert!(took(&after) < 10 * SECOND, "{:?}", took(&after));
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_before_a_request_left_says_nothing_of_it() {
    // The first try is refused for a while, and what is heard then is about somebody else's.
    let mut tries = 0;
    let refused_once = move |world: &mut fake::World, kind, ids: &[HostId]| {
        tries += 1;
        if tries == 1 {
            let failure = fake::error(FailureKind::Gateway, crate::vendors::Again::Backoff);
            return fake::Play::After(2 * SECOND, Err(failure));
        }
        drop(world.take(kind, ids));
        fake::Play::Answer(Ok(ids.iter().map(|_| accepted()).collect()))
    };
    let fake = Fake::new().on_submit(refused_once).with_hosts(1, 20 * SECOND).shared();
    fake.world(|world| world.away.insert(id(0)));
    let after = hearing(Room::new(Arc::clone(&fake), 1).waiting(30), vec![(SECOND, isolated(0))]).go().await;
    assert_eq!(after.outcomes(), [Outcome::Unconfirmed]);
}

#[tokio::test(start_paused = true)]
async fn news_of_another_time_settle_nothing_and_make_the_hosts_be_asked_for() {
    let dated = |seconds: Option<i64>, reached| {
        let News::Host(mut sighting) = news_of(id(0), ActionKind::Isolate, reached) else { unreachable!() };
        sighting.at = seconds.map(|seconds| crate::clock::now() + jiff::SignedDuration::from_secs(seconds));
        News::Host(sighting)
    };
    for (seconds, reached) in [(Some(-60), true), (Some(-60), false), (Some(600), true), (None, true), (None, false)] {
        let fake = Fake::new().with_hosts(1, 900 * SECOND).shared();
        let news = vec![(3 * SECOND, dated(seconds, reached))];
        let after = hearing(Room::new(Arc::clone(&fake), 1).waiting(30), news).go().await;
        assert_eq!(after.outcomes(), [Outcome::Unconfirmed], "{seconds:?} {reached}");
        assert!(lists(&fake) > 1, "it is asked for long before the deadline: {seconds:?}");
        let fake = Fake::new().with_hosts(1, 900 * SECOND).shared();
        let news = vec![(3 * SECOND, dated(Some(-3), true))];
        let after = hearing(Room::new(Arc::clone(&fake), 1).waiting(30), news).go().await;
        assert_eq!((after.outcomes(), lists(&fake)), (vec![Outcome::Confirmed], 0));
    }
}

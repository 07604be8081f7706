//! `--wait`: how accepted work is confirmed, with how many requests, and when it is given up.

use super::{
    fake::{Fake, PAGE, Play, What, World, error, host, id, number},
    *,
};
use crate::{
    domain::{
        failure::FailureKind,
        host::Isolation,
        outcome::{Ending, ExitCode},
    },
    vendors::{Again, Cursor, Page},
};

const SECOND: Duration = Duration::from_secs(1);

fn counts(fake: &Fake) -> (usize, usize, usize) {
    (fake.calls(What::Submit).len(), fake.calls(What::List).len(), fake.calls(What::Observe).len())
}

fn is_accepted(kind: &RunEventKind) -> bool {
    matches!(kind, RunEventKind::TargetAccepted(_))
}

#[tokio::test(start_paused = true)]
async fn many_hosts_are_confirmed_by_listing_and_none_is_asked_for_by_itself() {
    let fake = Fake::new().with_hosts(50, 2 * SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 50).waiting(600).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 50]);
    assert_eq!(after.report.exit, ExitCode::Success);
    assert_eq!(after.count(is_accepted), 50, "each is told as taken first");
    assert!(after.settled().values().all(|result| result.state.as_deref() == Some("isolated")));
    let (submits, lists, looks) = counts(&fake);
    assert_eq!((submits, looks), (50, 0));
    assert!(lists <= 3 * 5, "{lists} pages of {PAGE}");
    assert!(after.events.last().unwrap().elapsed < 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn few_hosts_of_a_large_fleet_are_looked_at_one_by_one() {
    let fake = Fake::new().with_hosts(1_000, 2 * SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 3).waiting(600).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 3]);
    let (submits, lists, looks) = counts(&fake);
    assert_eq!((submits, lists), (3, 1), "one page tells how large the fleet is");
    assert!((3..=9).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn a_console_that_cannot_be_asked_for_one_host_is_listed() {
    let fake = Fake::new().without_looks().with_hosts(100, SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 1).waiting(600).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed]);
    assert_eq!(fake.calls(What::Observe).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_away_ends_unconfirmed_at_the_deadline_with_its_last_state() {
    let fake = Fake::new().with_hosts(20, SECOND).shared();
    fake.world(|world| world.away.insert(id(7)));
    let after = Room::new(Arc::clone(&fake), 20).waiting(60).go().await;
    let settled = after.settled();
    assert_eq!(settled.values().filter(|result| result.outcome == Outcome::Confirmed).count(), 19);
    let away = &settled[&7];
    assert_eq!(away.outcome, Outcome::Unconfirmed);
    assert_eq!(away.state.as_deref(), Some("pending_start"));
    let reason = away.reason.as_ref().unwrap();
    assert_eq!(reason.kind, FailureKind::NotConfirmed);
    assert!(reason.text.contains("pending_start"), "{reason}");
    assert_eq!(after.report.exit, ExitCode::SomeFailed);
    let took = after.events.last().unwrap().elapsed;
    assert!(took >= 60 * SECOND && took < 62 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_arrives_just_before_the_deadline_is_confirmed() {
    let fake = Fake::new().with_hosts(20, 59 * SECOND).shared();
    let after = Room::new(fake, 20).waiting(60).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 20]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_falls_back_has_failed_long_before_the_deadline() {
    let fake = Fake::new().with_hosts(20, 5 * SECOND);
    let mut lists = 0;
    let fake = fake.on_list(move |world, cursor| {
        lists += usize::from(cursor.is_none());
        if lists == 3 {
            world.set(&id(4), Isolation::NotIsolated);
        }
        Play::Answer(Ok(world.page(cursor, PAGE)))
    });
    let after = Room::new(fake.shared(), 20).waiting(3_600).go().await;
    let settled = after.settled();
    assert_eq!(settled[&4].outcome, Outcome::Failed);
    assert_eq!(settled[&4].reason.as_ref().unwrap().kind, FailureKind::Fallback);
    assert_eq!(settled.values().filter(|result| result.outcome == Outcome::Confirmed).count(), 19);
    assert!(after.events.last().unwrap().elapsed < 120 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn one_stale_page_is_no_fall_back() {
    let fake = Fake::new().with_hosts(20, 20 * SECOND);
    let mut lists = 0;
    let fake = fake.on_list(move |world, cursor| {
        lists += usize::from(cursor.is_none());
        let mut page = world.page(cursor, PAGE);
        if lists == 3 {
            page.hosts.iter_mut().for_each(|host| host.state = Some(fake::state(Isolation::NotIsolated)));
        }
        Play::Answer(Ok(page))
    });
    let after = Room::new(fake.shared(), 20).waiting(3_600).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 20]);
}

/// Every page names the first one as the next.
fn circle(world: &mut World, _cursor: Option<&str>) -> Play<Page> {
    let mut page = world.page(None, PAGE);
    page.next = Some(Cursor("0".into()));
    Play::Answer(Ok(page))
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_leads_in_a_circle_does_not_hold_the_run_beyond_the_deadline() {
    let fake = Fake::new().without_looks().with_hosts(30, SECOND).on_list(circle).shared();
    let after = Room::new(Arc::clone(&fake), 30).waiting(60).go().await;
    let settled = after.settled();
    assert_eq!(settled.values().filter(|result| result.outcome == Outcome::Confirmed).count(), PAGE);
    assert_eq!(settled.values().filter(|result| result.outcome == Outcome::Unconfirmed).count(), 30 - PAGE);
    assert!(after.events.last().unwrap().elapsed < 65 * SECOND);
    let lists = fake.calls(What::List).len();
    assert!(lists < 60, "{lists} pages");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_the_listing_does_not_show_ends_unconfirmed() {
    let fake = Fake::new().with_hosts(10, SECOND).on_list(|world, cursor| {
        let mut page = world.page(cursor, PAGE);
        page.hosts.retain(|host| host.id != id(3));
        Play::Answer(Ok(page))
    });
    let after = Room::new(fake.shared(), 10).waiting(30).go().await;
    for (n, result) in after.settled() {
        assert_eq!(result.outcome, if n == 3 { Outcome::Unconfirmed } else { Outcome::Confirmed }, "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_read_again_and_the_hosts_on_it_are_confirmed() {
    let mut pages = 0;
    let fake = Fake::new().with_hosts(30, SECOND).on_list(move |world, cursor| {
        pages += 1;
        if pages % 3 == 2 {
            return Play::Answer(Err(error(FailureKind::Gateway, Again::Backoff)));
        }
        Play::Answer(Ok(world.page(cursor, PAGE)))
    });
    let after = Room::new(fake.shared(), 30).waiting(600).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 30]);
}

#[tokio::test(start_paused = true)]
async fn a_bug_in_reading_a_page_is_no_storm_of_requests() {
    let fake = Fake::new().with_hosts(10, SECOND).on_list(|_, _| Play::Panic).shared();
    let after = Room::new(Arc::clone(&fake), 10).waiting(60).go().await;
    assert_eq!(after.outcomes(), [Outcome::Unconfirmed; 10]);
    let lists = fake.calls(What::List).len();
    assert!(lists < 40, "{lists} pages in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_bug_in_a_look_does_not_put_an_accepted_host_in_doubt() {
    let fake = Fake::new().with_hosts(1_000, 10 * SECOND).on_observe(|_, _| Play::Panic).shared();
    let after = Room::new(fake, 2).waiting(30).go().await;
    assert_eq!(after.outcomes(), [Outcome::Unconfirmed; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_spent_does_not_hold_the_wait_beyond_its_deadline() {
    let fake = Fake::new().with_hosts(95, 3_000 * SECOND).with_quota(100, 3_600 * SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 95).waiting(120).go().await;
    assert_eq!(after.outcomes(), [Outcome::Unconfirmed; 95]);
    let took = after.events.last().unwrap().elapsed;
    assert!(took >= 120 * SECOND && took < 130 * SECOND, "{took:?}");
    assert!(matches!(after.report.ending, Ending::Completed));
}

#[tokio::test(start_paused = true)]
async fn polls_of_a_day_long_wait_are_spread_over_the_quota() {
    let fake = Fake::new().with_hosts(30, 7_000 * SECOND).with_quota(200, 3_600 * SECOND).shared();
    let after = Room::new(Arc::clone(&fake), 30).waiting(86_400).go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 30]);
    let held = |kind: &RunEventKind| matches!(kind, RunEventKind::Throttled { .. });
    assert_eq!(after.count(held), 0, "the polls never used the quota up");
}

#[tokio::test(start_paused = true)]
async fn a_host_seen_in_an_unknown_state_is_neither_confirmed_nor_failed() {
    let fake = Fake::new().with_hosts(10, SECOND).on_list(|world, cursor| {
        let mut page = world.page(cursor, PAGE);
        page.hosts[number(&id(0)) as usize] = host(id(0), Isolation::Unknown);
        Play::Answer(Ok(page))
    });
    let after = Room::new(fake.shared(), 10).waiting(30).go().await;
    let settled = after.settled();
    assert_eq!(settled[&0].outcome, Outcome::Unconfirmed);
    assert_eq!(settled[&0].state.as_deref(), Some("hibernating"));
}

//! The pace against a simulated quota: properties of whole days at a console.

mod quota;

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use self::quota::{Case, Rounding, day};
use super::{Pace, Permit};
use crate::vendors::QuotaReading;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn roundings() -> impl Strategy<Value = Rounding> {
    prop_oneof![Just(Rounding::Up), Just(Rounding::Down)]
}

fn millis(range: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

/// Days without anybody else: any window, limit, latency and concurrency, answers that overtake each other.
fn days() -> impl Strategy<Value = Case> {
    let windows = prop_oneof![2_u64..=10, Just(60), Just(600), Just(3_600)].prop_map(Duration::from_secs);
    let limits = prop_oneof![3_u64..=50, 50_u64..=400, Just(3_000)];
    let slow = prop_oneof![Just(Duration::ZERO), millis(200..=8_000)];
    (
        windows,
        limits,
        roundings(),
        1_u64..=400,
        1_u64..=64,
        millis(1..=80),
        millis(0..=80),
        slow,
        3_u64..=400,
        any::<(bool, u64)>(),
    )
        .prop_map(
            |(window, limit, rounding, share, concurrency, way, spread, slow, slow_every, (uses_reserve, seed))| {
                // From a hundredth of a window to four windows.
                let requests = (limit * share / 100).max(1);
                Case {
                    window,
                    limit,
                    rounding,
                    requests,
                    concurrency,
                    way,
                    spread,
                    slow,
                    slow_every,
                    uses_reserve,
                    tells: true,
                    others: Vec::new(),
                    seed,
                }
            },
        )
}

/// What the documentation of the pace says is left to others: one in a hundred, thirty at the most.
fn reserve(case: &Case) -> u64 {
    if case.uses_reserve || case.limit < 4 { 0 } else { (case.limit / 100).clamp(1, 30) }
}

/// The longest way out and back.
fn trip(case: &Case) -> Duration {
    (case.way + case.spread) * 2
}

/// What so many requests take at the most where no quota holds them back.
fn flow(case: &Case, requests: u64) -> Duration {
    trip(case) * u32::try_from(requests.div_ceil(case.concurrency)).unwrap_or(u32::MAX)
}

#[test]
fn runs_that_share_a_quota_keep_to_their_parts_of_it() {
    let now = Instant::now();
    let mut pace = Pace::new(true);
    pace.sent(now);
    let reading = QuotaReading { limit: Some(100), remaining: 10, reset: Duration::from_secs(60) };
    pace.answered(now, now, Some(reading), false);
    pace.share_with(2, 7);
    let mut sent = 0;
    while pace.ask(now) == Permit::Go {
        pace.sent(now);
        sent += 1;
    }
    assert_eq!(sent, 3, "ten are left, and others may have sent seven since");
    pace.answered(now, now, Some(QuotaReading { remaining: 4, ..reading }), false);
    assert_eq!(pace.ask(now), Permit::Answers, "near the end there is one request at a time");
    pace.answered(now, now, Some(QuotaReading { remaining: 4, ..reading }), false);
    pace.answered(now, now, Some(QuotaReading { remaining: 3, ..reading }), false);
    assert_eq!(pace.ask(now), Permit::Go);
    pace.sent(now);
    pace.answered(now, now, Some(QuotaReading { remaining: 2, ..reading }), false);
    assert!(matches!(pace.ask(now), Permit::Wait { .. }), "one is left for each of the others");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_client_that_is_alone_is_never_refused(case in days()) {
        let day = day(&case);
        prop_assert_eq!(day.refusals, 0, "{:?}", day);
    }

    #[test]
    fn the_reserve_is_kept_but_for_the_one_request_that_finds_the_turn(case in days()) {
        let day = day(&case);
        prop_assert!(day.least_left.unwrap_or(0) + 1 >= reserve(&case), "{:?}", day);
    }

    #[test]
    fn the_end_comes_within_a_hair_of_what_the_quota_allows(case in days()) {
        let case = Case { slow: Duration::ZERO, ..case };
        let day = day(&case);
        let a_window = case.limit - reserve(&case);
        let turns = u32::try_from((case.requests - 1) / a_window).unwrap_or(u32::MAX);
        let trip = trip(&case);
        let flow = |requests| flow(&case, requests);
        // A window that the latency fills more than the quota does is no wait of ours.
        let full = case.window.max(flow(a_window));
        let ideal = full * turns + flow(case.requests - u64::from(turns) * a_window);
        let rounding = if case.rounding == Rounding::Down { SECOND } else { Duration::ZERO };
        let rounding = if reserve(&case) == 0 { SECOND } else { rounding };
        let at_the_turn = trip * 3 + Duration::from_millis(20) + rounding;
        let most = ideal.mul_f64(1.02) + at_the_turn * turns + trip;
        prop_assert!(day.took <= most, "{:?} instead of {:?}, ideal {:?}, {} turns", day, most, ideal, turns);
    }

    #[test]
    fn a_console_that_tells_nothing_refuses_at_the_end_of_one_window_and_never_again(case in days()) {
        let case = Case { tells: false, slow: Duration::ZERO, ..case };
        // What a window holds can only be learnt from one that is used up well before it turns.
        prop_assume!(flow(&case, case.limit) < case.window / 2);
        let day = day(&case);
        prop_assert_eq!(day.repeated_refusals, 0, "{:?}", day);
        prop_assert!(day.refusals <= case.concurrency, "{:?}", day);
    }

    #[test]
    fn another_client_that_drains_the_quota_costs_one_refusal_and_no_second(
        case in days(),
        at in 0.0_f64..1.0,
        share in 1_u64..=120,
    ) {
        let at = case.window.mul_f64(at * 2.0);
        let case = Case { others: vec![(at, case.limit * share / 100)], ..case };
        let day = day(&case);
        prop_assert_eq!(day.repeated_refusals, 0, "{:?}", day);
    }
}

/// A pace that has read this of a window of an hour.
fn pace_with(limit: u64, remaining: u64, now: Instant) -> Pace {
    let mut pace = Pace::new(false);
    pace.sent(now);
    let reading = QuotaReading { limit: Some(limit), remaining, reset: HOUR };
    pace.answered(now, now, Some(reading), false);
    pace
}

#[test]
fn the_first_request_goes_alone_and_a_slow_answer_holds_the_others_for_a_second() {
    let start = Instant::now();
    let mut pace = Pace::new(false);
    assert_eq!(pace.ask(start), Permit::Go);
    pace.sent(start);
    assert_eq!(pace.ask(start + Duration::from_millis(999)), Permit::Answers);
    assert_eq!(pace.ask(start + SECOND), Permit::Go);
}

#[test]
fn a_console_that_tells_no_quota_is_not_held_back() {
    let start = Instant::now();
    let mut pace = Pace::new(false);
    pace.sent(start);
    pace.answered(start, start, None, false);
    for _ in 0..1_000 {
        assert_eq!(pace.ask(start), Permit::Go);
        pace.sent(start);
    }
    assert_eq!(pace.left(), None);
    assert_eq!(pace.delay_for(1_000_000, start), Duration::ZERO);
    assert_eq!(pace.poll_interval(20, start), Duration::ZERO);
}

#[test]
fn the_last_request_above_the_reserve_goes_and_the_next_waits_for_the_turn() {
    let start = Instant::now();
    let mut pace = pace_with(3_000, 31, start);
    assert_eq!(pace.ask(start), Permit::Go);
    pace.sent(start);
    // Its answer may tell that another is left.
    assert_eq!(pace.ask(start), Permit::Answers);
    let reading = QuotaReading { limit: Some(3_000), remaining: 30, reset: HOUR };
    pace.answered(start, start, Some(reading), false);
    let Permit::Wait { until, refused } = pace.ask(start) else { panic!("{:?}", pace.ask(start)) };
    assert!(!refused);
    assert!(until >= start + HOUR && until <= start + HOUR + Duration::from_millis(100), "{:?}", until - start);
    // And at the turn one goes to see.
    assert_eq!(pace.ask(until), Permit::Go);
    pace.sent(until);
    assert_eq!(pace.ask(until), Permit::Answers);
}

#[test]
fn putting_hosts_back_may_use_the_reserve() {
    let start = Instant::now();
    let mut pace = Pace::new(true);
    pace.sent(start);
    let reading = QuotaReading { limit: Some(3_000), remaining: 1, reset: HOUR };
    pace.answered(start, start, Some(reading), false);
    assert_eq!(pace.ask(start), Permit::Go);
}

#[test]
fn refusals_that_name_no_time_are_waited_for_longer_each_time_and_an_hour_at_the_most() {
    let mut now = Instant::now();
    let mut pace = Pace::new(false);
    let mut waits = Vec::new();
    for _ in 0..9 {
        assert_eq!(pace.ask(now), Permit::Go);
        pace.sent(now);
        pace.answered(now, now, None, true);
        let wait = pace.refused(now, None);
        assert!(matches!(pace.ask(now), Permit::Wait { refused: true, .. }), "{:?}", pace.ask(now));
        waits.push(wait.as_secs());
        now += wait;
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
}

#[test]
fn requests_that_left_before_the_refusal_came_back_do_not_lengthen_it() {
    let start = Instant::now();
    let mut pace = pace_with(3_000, 2_000, start);
    for _ in 0..3 {
        pace.sent(start);
    }
    let until = |pace: &Pace, now| match pace.ask(now) {
        Permit::Wait { until, .. } => until,
        other => panic!("{other:?}"),
    };
    pace.answered(start, start, None, true);
    pace.refused(start, Some(Duration::from_secs(20)));
    let first = until(&pace, start);
    pace.answered(start, start, None, true);
    pace.refused(start, Some(Duration::from_secs(5)));
    assert_eq!(until(&pace, start), first, "the longer wait holds");
    // After the wait the last of them is still under way: nobody goes before it is back.
    assert_eq!(pace.ask(first), Permit::Answers);
    pace.answered(start, first, None, false);
    assert_eq!(pace.ask(first), Permit::Go);
    pace.sent(first);
    assert_eq!(pace.ask(first), Permit::Answers, "the first after a refusal goes alone");
    pace.answered(first, first, None, false);
    assert_eq!(pace.ask(first), Permit::Go);
}

#[test]
fn an_answer_that_was_long_on_its_way_is_not_taken_for_a_new_window() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut pace = pace_with(100, 90, start);
    pace.sent(start);
    pace.sent(at(2));
    let spent = QuotaReading { limit: Some(100), remaining: 1, reset: Duration::from_secs(3_598) };
    pace.answered(at(2), at(2), Some(spent), false);
    let late = QuotaReading { limit: Some(100), remaining: 89, reset: HOUR };
    pace.answered(start, at(10), Some(late), false);
    assert_eq!(pace.left(), Some(1));
    let Permit::Wait { until, .. } = pace.ask(at(10)) else { panic!("{:?}", pace.ask(at(10))) };
    assert!(until < at(3_601), "{:?}", until - start);
}

proptest! {
    #[test]
    fn the_expected_delay_is_nothing_while_it_fits_and_grows_with_every_window_after(
        limit in 3_u64..=5_000,
        share in 0_u64..=100,
        requests in 0_u64..=50_000,
    ) {
        let start = Instant::now();
        let remaining = limit * share / 100;
        let pace = pace_with(limit, remaining, start);
        let reserve = if limit < 4 { 0 } else { (limit / 100).clamp(1, 30) };
        let free = remaining.saturating_sub(reserve);
        let delay = pace.delay_for(requests, start);
        prop_assert_eq!(delay.is_zero(), requests <= free);
        prop_assert!(pace.delay_for(requests + 1, start) >= delay);
        let turns = u32::try_from(requests.saturating_sub(free).div_ceil(limit - reserve)).unwrap();
        prop_assert!(delay >= HOUR * turns, "{:?} for {} turns", delay, turns);
        prop_assert!(delay <= HOUR * turns + 2 * SECOND, "{:?} for {} turns", delay, turns);
    }

    #[test]
    fn polls_leave_half_of_what_is_left_to_other_work(remaining in 0_u64..=3_000, cost in 1_u64..=100) {
        let start = Instant::now();
        let pace = pace_with(3_000, remaining, start);
        let interval = pace.poll_interval(cost, start);
        let polls = HOUR.as_secs_f64() / interval.as_secs_f64();
        let free = remaining.saturating_sub(30);
        prop_assert!(polls * cost as f64 <= (free as f64 / 2.0).max(cost as f64) * 1.001, "every {:?}", interval);
    }
}

#[test]
fn a_console_that_names_nothing_is_paced_by_what_its_first_refusal_has_taught() {
    const LIMIT: u64 = 40;
    const WINDOW: Duration = Duration::from_secs(2);
    let start = Instant::now();
    let (mut now, mut opened, mut used) = (start, None::<Instant>, 0);
    let (mut pace, mut granted, mut refusals) = (Pace::new(false), 0, 0);
    while granted < 400 {
        match pace.ask(now) {
            Permit::Wait { until, .. } => now = until,
            Permit::Answers => panic!("nothing is under way"),
            Permit::Go => {
                pace.sent(now);
                if opened.is_none_or(|opened| now >= opened + WINDOW) {
                    (opened, used) = (Some(now), 0);
                }
                let sent = now;
                now += Duration::from_millis(5);
                used += 1;
                let refused = used > LIMIT;
                pace.answered(sent, now, None, refused);
                if refused {
                    refusals += 1;
                    let left = opened.map_or(WINDOW, |opened| (opened + WINDOW).saturating_duration_since(now));
                    pace.refused(now, Some(Duration::from_secs(left.as_secs() + 1)));
                } else {
                    granted += 1;
                }
            }
        }
    }
    assert_eq!(refusals, 1);
    assert!(now - start < Duration::from_secs(10 * 4), "{:?}", now - start);
}

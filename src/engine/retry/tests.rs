//! What follows a failed try: the whole table, and the bounds of every wait.

use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::*;

fn limits(max_attempts: u32, first: u64, most: u64) -> Limits {
    Limits {
        max_attempts,
        backoff_first: Duration::from_millis(first),
        backoff_most: Duration::from_millis(most),
        ..Limits::new(NonZeroUsize::MIN)
    }
}

/// Every verdict that a vendor can give.
fn verdicts() -> impl Strategy<Value = Again> {
    prop_oneof![
        Just(Again::Never),
        Just(Again::Throttled(None)),
        (0_u64..=86_400).prop_map(|seconds| Again::Throttled(Some(Duration::from_secs(seconds)))),
        Just(Again::Backoff),
        Just(Again::InDoubt),
        Just(Again::Look),
    ]
}

#[test]
fn every_verdict_has_its_step() {
    let limits = limits(5, 500, 30_000);
    let wait = Duration::from_secs(7);
    for attempt in [1, 4, 5, 99] {
        assert_eq!(next(Again::Never, attempt, &limits, 0.5), Next::GiveUp);
        assert_eq!(next(Again::Throttled(None), attempt, &limits, 0.5), Next::Pause(None));
        assert_eq!(next(Again::Throttled(Some(wait)), attempt, &limits, 0.5), Next::Pause(Some(wait)));
        assert_eq!(next(Again::InDoubt, attempt, &limits, 0.5), Next::Look);
        assert_eq!(next(Again::Look, attempt, &limits, 0.5), Next::Look);
    }
    assert!(matches!(next(Again::Backoff, 4, &limits, 0.5), Next::After(_)));
    assert_eq!(next(Again::Backoff, 5, &limits, 0.5), Next::GiveUp);
    assert_eq!(next(Again::Backoff, 6, &limits, 0.5), Next::GiveUp);
}

#[test]
fn the_ceiling_doubles_until_it_is_capped() {
    let limits = limits(10, 500, 30_000);
    let ceilings: Vec<u128> = (1..=8).map(|attempt| backoff(attempt, &limits, 1.0).as_millis()).collect();
    assert_eq!(ceilings, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
}

#[test]
fn jitter_is_a_share_and_differs() {
    let drawn: Vec<f64> = (0..64).map(|_| jitter()).collect();
    assert!(drawn.iter().all(|share| (0.0..=1.0).contains(share)), "{drawn:?}");
    assert!(drawn.iter().any(|share| *share != drawn[0]), "{drawn:?}");
}

proptest! {
    #[test]
    fn only_a_wait_of_ours_is_ever_bounded_by_the_tries(
        verdict in verdicts(), attempt in any::<u32>(), most in 1_u32..20, jitter in 0.0_f64..=1.0,
    ) {
        let limits = limits(most, 500, 30_000);
        let gives_up = verdict == Again::Never || verdict == Again::Backoff && attempt >= most;
        prop_assert_eq!(next(verdict, attempt, &limits, jitter) == Next::GiveUp, gives_up);
    }

    #[test]
    fn a_wait_is_never_nothing_and_never_above_the_cap(
        attempt in any::<u32>(), first in 1_u64..=10_000, more in 0_u64..=100_000, jitter in -1.0_f64..=2.0,
    ) {
        let limits = limits(5, first, first + more);
        let wait = backoff(attempt, &limits, jitter);
        prop_assert!(wait >= limits.backoff_first / 10, "{:?}", wait);
        prop_assert!(wait > Duration::ZERO);
        prop_assert!(wait <= limits.backoff_most, "{:?}", wait);
    }

    #[test]
    fn the_ceiling_never_falls_with_the_tries(attempt in 0_u32..=1_000, first in 1_u64..=10_000, more in 0_u64..=100_000) {
        let limits = limits(5, first, first + more);
        prop_assert!(backoff(attempt + 1, &limits, 1.0) >= backoff(attempt, &limits, 1.0));
    }

    #[test]
    fn the_whole_range_below_the_ceiling_is_used(attempt in 1_u32..=40, low in 0.1_f64..=0.4, high in 0.6_f64..=1.0) {
        let limits = limits(5, 500, 30_000);
        let ceiling = backoff(attempt, &limits, 1.0);
        prop_assert!(backoff(attempt, &limits, low) < ceiling.mul_f64(0.5));
        prop_assert!(backoff(attempt, &limits, high) > ceiling.mul_f64(0.5));
    }
}

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{host::HostId, outcome::Outcome},
    engine::roster::Detail,
};

fn waves(text: &str) -> Waves {
    text.parse().unwrap()
}

fn roster(targets: u32) -> Roster {
    let mut roster = Roster::default();
    for n in 0..targets {
        let id = HostId::new(format!("host-{n}"));
        roster.push(id.as_str().into(), None, n + 1, Some(id), Detail::default());
    }
    roster
}

#[test]
fn steps_add_up_and_the_last_wave_takes_the_rest() {
    for (text, targets, sizes) in [
        ("1,5%,25%,100%", 100, vec![1, 4, 20, 75]),
        ("1,5%,25%", 100, vec![1, 4, 20, 75]),
        ("1,5%,25%,100%", 2_000, vec![1, 99, 400, 1_500]),
        ("10,100", 1_000, vec![10, 90, 900]),
        ("100%", 7, vec![7]),
        // A list that is short has fewer waves, and none is empty.
        ("1,5%,25%,100%", 10, vec![1, 2, 7]),
        ("1,5%,25%,100%", 1, vec![1]),
        ("50,60,70", 3, vec![3]),
        ("1,5%,25%,100%", 0, vec![]),
        // A share that rounds down to nothing is one.
        ("0.01%,100%", 3, vec![1, 2]),
        // A number may be more than the share behind it.
        ("30,5%,50%", 100, vec![30, 20, 50]),
    ] {
        assert_eq!(waves(text).sizes(targets), sizes, "{text} of {targets}");
    }
}

#[test]
fn what_names_no_waves_is_told_apart() {
    for text in ["", "1,,2", "0", "1,x", "101%"] {
        assert!(matches!(text.parse::<Waves>(), Err(WavesError::Step { .. })), "{text}");
    }
    for text in ["5%,5%", "25%,5%", "10,10", "10,1"] {
        assert!(matches!(text.parse::<Waves>(), Err(WavesError::Order { .. })), "{text}");
    }
    let many: Vec<String> = (1..=101).map(|n| n.to_string()).collect();
    assert_eq!(many.join(",").parse::<Waves>(), Err(WavesError::TooMany));
    assert_eq!(waves(" 1, 2.50% ,100%").to_string(), "1,2.5%,100%");
}

#[test]
fn only_targets_that_may_be_sent_are_in_a_wave() {
    let mut roster = roster(6);
    roster.settle(1, Outcome::Refused, None);
    roster.detail_mut(3).follows = true;
    assert_eq!(waves("1,100%").assign(&mut roster), [1, 3]);
    let of: Vec<u16> = (0..6).map(|n| roster.wave(n)).collect();
    assert_eq!(of, [1, 0, 2, 2, 2, 2], "who is followed belongs to the last");
}

proptest! {
    #[test]
    fn every_target_is_in_exactly_one_wave_in_order_and_no_wave_is_empty(
        counts in prop::collection::btree_set(1..500_u64, 0..6),
        percents in prop::collection::btree_set(1..=10_000_u32, 0..6),
        targets in 0..600_u32,
    ) {
        let steps: Vec<Share> =
            counts.into_iter().map(Share::Count).chain(percents.into_iter().map(Share::Percent)).collect();
        let waves = Waves(steps.clone());
        let mut roster = roster(targets);
        let sizes = waves.assign(&mut roster);
        prop_assert_eq!(sizes.iter().sum::<u64>(), u64::from(targets));
        prop_assert!(sizes.iter().all(|size| *size > 0));
        prop_assert!(sizes.len() <= steps.len() + 1);
        let of: Vec<u16> = (0..targets).map(|n| roster.wave(n)).collect();
        prop_assert!(of.is_sorted());
        for (wave, size) in (1_u16..).zip(&sizes) {
            prop_assert_eq!(of.iter().filter(|of| **of == wave).count() as u64, *size);
        }
        if targets > 0 && !steps.is_empty() {
            // Nobody goes earlier than the first step says.
            prop_assert_eq!(sizes[0], steps[0].of(u64::from(targets)).min(u64::from(targets)));
            prop_assert!(waves.to_string().split(',').all(|step| step.parse::<Share>().is_ok()));
        }
    }
}

#[test]
fn whoever_puts_the_whole_first_is_told() {
    for text in ["100%,1", "100%,100%", "1,100%,5"] {
        assert!(matches!(text.parse::<Waves>(), Err(WavesError::Order { .. })), "{text}");
    }
    let falls = |text: &str, targets| text.parse::<Waves>().unwrap().falls(targets).is_some();
    assert!(falls("25%,1", 20) && falls("1,50%,3", 100));
    assert!(!falls("25%,5", 20) && !falls("1,5%,25%,100%", 3));
    // A short list makes any share small.
    assert!(!falls("10,5%,100%", 20));
}

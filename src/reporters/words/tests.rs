use proptest::prelude::*;

use super::*;

#[test]
fn one_is_singular_and_everything_else_is_not() {
    assert_eq!(hosts(0), "0 hosts");
    assert_eq!(hosts(1), "1 host");
    assert_eq!(hosts(2), "2 hosts");
    assert_eq!(hosts(1_000_000), "1,000,000 hosts");
    assert_eq!(number(u64::MAX), "18,446,744,073,709,551,615");
    assert_eq!(number(100), "100");
}

#[test]
fn durations_have_at_most_two_units() {
    let told: Vec<String> = [0, 400, 1000, 9_999, 42_000, 59_700, 250_000, 3_600_000, 7_500_000, 273_600_000]
        .into_iter()
        .map(|millis| duration(Duration::from_millis(millis)))
        .collect();
    assert_eq!(told, ["0 s", "0.4 s", "1 s", "10.0 s", "42 s", "1 min", "4 min 10 s", "1 h", "2 h 5 min", "3 d 4 h"]);
    assert_eq!(countdown(Duration::from_millis(41_001)), "42 s");
    assert_eq!(countdown(Duration::ZERO), "0 s");
}

#[test]
fn all_but_one_is_not_a_hundred_per_cent() {
    assert_eq!(percent(999_999, 1_000_000), 99);
    assert_eq!(percent(1, 1), 100);
    assert_eq!(percent(0, 0), 0);
    assert_eq!(percent(u64::MAX, u64::MAX), 100);
}

#[test]
fn wide_characters_count_as_two_columns() {
    assert_eq!(fit("端末端末", 5), "端末…");
    assert_eq!(fit("端末端末", 4), "端…");
    assert_eq!(fit("端末", 4), "端末");
    assert_eq!(fit("web01", 0), "");
    assert_eq!(fit("web01", 1), "…");
    // A sign that an emoji follows makes its neighbour wider than it is alone.
    assert_eq!(width(&fit("❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}", 5)), 5);
    assert_eq!(pad("端末", 6), "端末  ");
}

proptest! {
    #[test]
    fn what_is_fitted_fits(text in "\\PC*", columns in 0_usize..40) {
        prop_assert!(width(&fit(&text, columns)) <= columns);
    }
}

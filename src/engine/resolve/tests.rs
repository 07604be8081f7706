//! Selectors become hosts by equality alone, and never by a guess.

use proptest::prelude::*;

use super::*;
use crate::domain::{
    host::Abilities,
    selector::{IdForm, Selector, SelectorKind},
};

/// Ids of these tests begin with `id-`.
pub(crate) fn id_form(text: &str) -> IdForm {
    if text.starts_with("id-") { IdForm::Id(None) } else { IdForm::NotAnId }
}

pub(crate) fn entry(text: &str) -> Entry {
    Entry { selector: Selector::parse(text, None, id_form).unwrap(), file: 0, line: 1 }
}

pub(crate) fn host(id: &str, name: Option<&str>, addresses: &[&str], macs: &[[u8; 6]]) -> Host {
    Host {
        id: HostId::new(id),
        name: name.map(Into::into),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        macs: macs.iter().map(|mac| MacAddr(*mac)).collect(),
        state: None,
        able: Abilities::default(),
        domain: None,
        product: None,
        last_seen: None,
        os: None,
        group: None,
    }
}

fn named(id: &str, name: &str) -> Host {
    host(id, Some(name), &[], &[])
}

/// What one selector comes to in this inventory: the host's id, or how many candidates and near ones.
fn resolved(text: &str, hosts: &[Host]) -> Result<String, (usize, usize)> {
    let mut resolver = Resolver::new([entry(text)].iter());
    hosts.iter().for_each(|host| resolver.offer(host));
    match resolver.take(0) {
        Resolution::Host(host) => Ok(host.id.to_string()),
        Resolution::Several { candidates } => Err((candidates.len(), 0)),
        Resolution::None { near } => Err((0, near.len())),
    }
}

#[test]
fn a_name_is_equal_or_it_is_another() {
    let hosts = [named("1", "web1"), named("2", "web10"), named("3", "xweb1"), named("4", "web1-old")];
    assert_eq!(resolved("web1", &hosts), Ok("1".to_owned()));
    assert_eq!(resolved("web", &hosts), Err((0, 0)));
    assert_eq!(resolved("eb1", &hosts), Err((0, 0)));
    assert_eq!(resolved("web100", &hosts), Err((0, 0)));
}

#[test]
fn capitals_and_a_dot_at_the_end_make_no_difference_to_a_name() {
    for (written, known) in
        [("WEB1", "web1"), ("web1", "WEB1"), ("web1.", "web1"), ("web1.corp", "Web1.Corp."), ("BÜRO", "büro")]
    {
        assert_eq!(resolved(written, &[named("1", known)]), Ok("1".to_owned()), "{written} {known}");
    }
}

#[test]
fn a_short_name_finds_a_full_one_and_a_full_name_takes_no_short_one() {
    assert_eq!(resolved("web1", &[named("1", "web1.corp.example")]), Ok("1".to_owned()));
    assert_eq!(resolved("web1.corp.example", &[named("1", "web1")]), Err((0, 1)), "shown, and not taken");
    assert_eq!(resolved("web1.corp.example", &[named("1", "web1.other.example")]), Err((0, 1)));
    assert_eq!(resolved("web1.corp", &[named("1", "web1.corp.example")]), Err((0, 1)));
}

#[test]
fn an_equal_name_beats_short_ones() {
    let hosts = [named("1", "web1.corp.example"), named("2", "web1"), named("3", "web1.other.example")];
    assert_eq!(resolved("web1", &hosts), Ok("2".to_owned()));
    assert_eq!(resolved("web1.corp.example", &hosts), Ok("1".to_owned()));
}

#[test]
fn several_that_fit_equally_well_are_none() {
    assert_eq!(resolved("web1", &[named("1", "web1"), named("2", "WEB1")]), Err((2, 0)));
    assert_eq!(resolved("web1", &[named("1", "web1.a.example"), named("2", "web1.b.example")]), Err((2, 0)));
    let shared = [host("1", None, &["10.0.0.1"], &[]), host("2", None, &["10.0.0.1", "10.0.0.2"], &[])];
    assert_eq!(resolved("10.0.0.1", &shared), Err((2, 0)));
    assert_eq!(resolved("10.0.0.2", &shared), Ok("2".to_owned()));
    let card = [2, 0, 0x5e, 0, 0, 1];
    assert_eq!(
        resolved("02:00:5e:00:00:01", &[host("1", None, &[], &[card]), host("2", None, &[], &[card])]),
        Err((2, 0))
    );
}

#[test]
fn the_same_host_seen_twice_is_one_host() {
    let twice = [named("1", "web1"), named("1", "web1")];
    assert_eq!(resolved("web1", &twice), Ok("1".to_owned()));
    let both_ways = host("1", Some("web1"), &["10.0.0.1", "10.0.0.1"], &[]);
    assert_eq!(resolved("10.0.0.1", &[both_ways.clone(), both_ways]), Ok("1".to_owned()));
}

#[test]
fn addresses_are_equal_in_any_spelling() {
    let hosts = [host("1", None, &["10.20.30.41", "2001:db8::1"], &[[2, 0, 0x5e, 0x10, 0x20, 0x30]])];
    for written in ["10.20.30.41", "::ffff:10.20.30.41", "2001:DB8:0:0::1", "02-00-5E-10-20-30", "0200.5e10.2030"] {
        assert_eq!(resolved(written, &hosts), Ok("1".to_owned()), "{written}");
    }
    for written in ["10.20.30.4", "10.20.30.141", "2001:db8::11", "02:00:5e:10:20:31"] {
        assert_eq!(resolved(written, &hosts), Err((0, 0)), "{written}");
    }
}

#[test]
fn two_ways_to_write_one_name_are_both_answered() {
    let entries = [entry("web1"), entry("web1.corp.example"), entry("id-1"), entry("10.0.0.1")];
    let mut resolver = Resolver::new(entries.iter());
    resolver.offer(&host("id-1", Some("web1.corp.example"), &["10.0.0.1"], &[]));
    for n in 0..4 {
        assert!(matches!(resolver.take(n), Resolution::Host(host) if host.id.as_str() == "id-1"), "{n}");
    }
}

#[test]
fn a_crowd_of_candidates_is_cut_short_and_stays_a_crowd() {
    let hosts: Vec<Host> = (0..5_000).map(|n| named(&n.to_string(), "localhost.localdomain")).collect();
    assert_eq!(resolved("localhost", &hosts), Err((20, 0)));
}

/// Few different names, so that they meet.
fn names() -> impl Strategy<Value = String> {
    "[abAB]{1,2}(\\.[cC])?(\\.d)?"
}

proptest! {
    /// Against the rule in its plainest words.
    #[test]
    fn a_name_comes_to_what_the_rule_says(written in names(), known in prop::collection::vec(names(), 0..8)) {
        let hosts: Vec<Host> = known.iter().enumerate().map(|(n, name)| named(&n.to_string(), name)).collect();
        let want = written.to_lowercase();
        let equal: Vec<usize> = (0..known.len()).filter(|n| known[*n].to_lowercase() == want).collect();
        let short: Vec<usize> =
            (0..known.len()).filter(|n| known[*n].to_lowercase().split('.').next() == Some(&want)).collect();
        let fits = if equal.is_empty() { short } else { equal };
        match resolved(&written, &hosts) {
            Ok(id) => prop_assert_eq!(vec![id.parse::<usize>().unwrap()], fits),
            Err((0, _)) => prop_assert!(fits.is_empty()),
            Err((candidates, _)) => prop_assert_eq!(candidates, fits.len()),
        }
    }

    #[test]
    fn the_order_of_the_inventory_changes_nothing(written in names(), known in prop::collection::vec(names(), 0..8)) {
        let mut hosts: Vec<Host> = known.iter().enumerate().map(|(n, name)| named(&n.to_string(), name)).collect();
        let forward = resolved(&written, &hosts);
        hosts.reverse();
        prop_assert_eq!(resolved(&written, &hosts), forward);
    }

    #[test]
    fn a_host_is_taken_only_for_an_address_that_it_has(octets in prop::collection::vec(1_u8..=4, 1..6), want in 1_u8..=4) {
        let addresses: Vec<String> = octets.iter().map(|octet| format!("10.0.0.{octet}")).collect();
        let hosts: Vec<Host> =
            addresses.iter().enumerate().map(|(n, address)| host(&n.to_string(), None, &[address], &[])).collect();
        let having = octets.iter().filter(|octet| **octet == want).count();
        match resolved(&format!("10.0.0.{want}"), &hosts) {
            Ok(id) => prop_assert_eq!((having, octets[id.parse::<usize>().unwrap()]), (1, want)),
            Err((candidates, _)) => prop_assert_eq!((candidates, having == 1), (having, false)),
        }
    }
}

#[test]
fn the_kind_that_is_written_is_the_kind_that_is_compared() {
    let odd = host("1", Some("10.0.0.1"), &[], &[]);
    assert_eq!(resolved("10.0.0.1", std::slice::from_ref(&odd)), Err((0, 0)), "an address is no name");
    let by_name = Entry {
        selector: Selector::parse("host:10.0.0.1", Some(SelectorKind::Name), id_form).unwrap(),
        file: 0,
        line: 1,
    };
    let mut resolver = Resolver::new([by_name].iter());
    resolver.offer(&odd);
    assert!(matches!(resolver.take(0), Resolution::Host(_)));
}

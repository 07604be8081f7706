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
        aliases: Box::default(),
        caution: None,
        online: None,
        id: HostId::new(id),
        name: name.map(Into::into),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        more_addresses: false,
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
    let mut resolver = Resolver::new([entry(text)].iter(), Rules::default());
    hosts.iter().for_each(|host| resolver.offer(host));
    match resolver.take(0, entry(text).selector.named()) {
        Resolution::Host { host, .. } => Ok(host.id.to_string()),
        Resolution::Several { candidates, .. } => Err((candidates.len(), 0)),
        Resolution::None { near, .. } => Err((0, near.len())),
        Resolution::All { hosts } => panic!("one is wanted, not {}", hosts.len()),
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
    let mut resolver = Resolver::new(entries.iter(), Rules::default());
    resolver.offer(&host("id-1", Some("web1.corp.example"), &["10.0.0.1"], &[]));
    for n in 0..4 {
        assert!(
            matches!(resolver.take(n, entries[n as usize].selector.named()), Resolution::Host { host, .. } if host.id.as_str() == "id-1"),
            "{n}"
        );
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
    let mut resolver = Resolver::new([by_name.clone()].iter(), Rules::default());
    resolver.offer(&odd);
    assert!(matches!(resolver.take(0, by_name.selector.named()), Resolution::Host { .. }));
}

/// A host at a console that keeps names without domains.
fn agent(id: &str, name: &str, domain: &str, product: &str) -> Host {
    Host { domain: Some(domain.into()), product: Some(product.into()), ..host(id, Some(name), &[], &[]) }
}

fn resolve_by(rules: Rules, texts: &[&str], hosts: &[Host]) -> Vec<Resolution> {
    let entries: Vec<Entry> = texts.iter().map(|text| entry(text)).collect();
    let mut resolver = Resolver::new(entries.iter(), rules);
    hosts.iter().for_each(|host| resolver.offer(host));
    (0_u32..).zip(&entries).map(|(n, entry)| resolver.take(n, entry.selector.named())).collect()
}

fn told(resolution: &Resolution) -> String {
    match resolution {
        Resolution::Host { host, cut: false, .. } => host.id.to_string(),
        Resolution::Host { host, cut: true, .. } => format!("{} cut", host.id),
        Resolution::None { near, why } => format!("none, {} near, {why:?}", near.len()),
        Resolution::Several { fits, .. } => format!("{fits} fit"),
        Resolution::All { hosts } => {
            format!("all: {}", hosts.iter().map(|host| host.id.as_str()).collect::<Vec<_>>().join(" "))
        }
    }
}

#[test]
fn a_full_name_is_taken_by_a_bare_one_only_if_the_console_says_nothing_against_its_domain() {
    for (domain, expected) in [
        ("corp.example", "id-1"),
        ("CORP.Example", "id-1"),
        ("corp", "id-1"),
        ("", "id-1"),
        ("test.example", "none, 1 near, OtherDomain"),
        ("test", "none, 1 near, OtherDomain"),
        ("example", "none, 1 near, OtherDomain"),
    ] {
        let hosts = [agent("id-1", "WEB01", domain, "A")];
        let resolved = resolve_by(Rules::default(), &["web01.corp.example"], &hosts);
        assert_eq!(told(&resolved[0]), expected, "{domain}");
    }
    let whole_names = [host("id-1", Some("web01"), &[], &[])];
    let resolved = resolve_by(Rules::default(), &["web01.corp.example"], &whole_names);
    assert_eq!(told(&resolved[0]), "none, 1 near, OtherDomain", "a console that keeps whole names says what it means");
}

#[test]
fn the_host_of_the_right_domain_wins_over_one_of_none() {
    let hosts = [agent("id-1", "WEB01", "", "A"), agent("id-2", "WEB01", "corp.example", "A")];
    assert_eq!(told(&resolve_by(Rules::default(), &["web01.corp.example"], &hosts)[0]), "id-2");
    assert_eq!(told(&resolve_by(Rules::default(), &["web01"], &hosts)[0]), "2 fit");
}

#[test]
fn a_name_that_was_cut_off_is_shown_and_taken_only_if_that_was_allowed() {
    let hosts = [agent("id-1", "WORKSTATION-000", "", "A")];
    let rules = |cut_names| Rules { cut_names, all_agents: false };
    for (cutting, expected) in
        [(Cutting::Ignored, "none, 0 near, Cut"), (Cutting::Shown, "none, 1 near, Cut"), (Cutting::Taken, "id-1 cut")]
    {
        for text in ["workstation-00041", "WORKSTATION-00041.corp.example"] {
            assert_eq!(told(&resolve_by(rules(cutting), &[text], &hosts)[0]), expected, "{cutting:?} {text}");
        }
    }
    let whole = [agent("id-1", "WORKSTATION-000", "", "A"), agent("id-2", "WORKSTATION-00041", "", "A")];
    assert_eq!(
        told(&resolve_by(rules(Cutting::Taken), &["workstation-00041"], &whole)[0]),
        "id-2",
        "the whole name wins"
    );
    let shorter = [agent("id-1", "WORKSTATION-00", "", "A")];
    let resolved = resolve_by(rules(Cutting::Taken), &["workstation-00041"], &shorter);
    assert_eq!(told(&resolved[0]), "none, 0 near, Cut", "fourteen characters are nobody's cut");
}

#[test]
fn two_targets_that_are_cut_to_the_same_name_are_both_left_alone() {
    let hosts = [agent("id-1", "WORKSTATION-000", "", "A")];
    let rules = Rules { cut_names: Cutting::Taken, all_agents: false };
    let resolved = resolve_by(rules, &["workstation-00041", "workstation-00042"], &hosts);
    assert_eq!(resolved.iter().map(told).collect::<Vec<_>>(), ["none, 1 near, CutShared"; 2]);
    let resolved = resolve_by(rules, &["workstation-00041", "workstation-00041.corp.example"], &hosts);
    assert_eq!(resolved.iter().map(told).collect::<Vec<_>>(), ["id-1 cut"; 2], "one machine, written twice");
}

#[test]
fn a_cut_name_of_another_domain_is_not_taken() {
    let rules = |cut_names| Rules { cut_names, all_agents: false };
    for (domain, expected) in [
        ("corp.example", "id-1 cut"),
        ("CORP.Example", "id-1 cut"),
        ("corp", "id-1 cut"),
        ("", "id-1 cut"),
        ("lab.example", "none, 1 near, CutElsewhere"),
        ("lab", "none, 1 near, CutElsewhere"),
    ] {
        let hosts = [agent("id-1", "WORKSTATION-000", domain, "A")];
        let resolved = resolve_by(rules(Cutting::Taken), &["workstation-00041.corp.example"], &hosts);
        assert_eq!(told(&resolved[0]), expected, "{domain}");
        let resolved = resolve_by(rules(Cutting::Taken), &["workstation-00041"], &hosts);
        assert_eq!(told(&resolved[0]), "id-1 cut", "no domain was written, so none is wrong: {domain}");
    }
    let hosts = [agent("id-1", "WORKSTATION-000", "lab.example", "A"), agent("id-2", "WORKSTATION-000", "", "A")];
    let resolved = resolve_by(rules(Cutting::Taken), &["workstation-00041.corp.example"], &hosts);
    assert_eq!(told(&resolved[0]), "id-2 cut");
}

#[test]
fn one_host_is_not_taken_for_two_full_names() {
    let rules = Rules { cut_names: Cutting::Taken, all_agents: false };
    let told_of = |texts: &[&str], hosts: &[Host]| resolve_by(rules, texts, hosts).iter().map(told).collect::<Vec<_>>();
    let two = ["web01.corp.example", "web01.lab.example"];
    let shared = "none, 1 near, BareShared";
    let other = "none, 1 near, OtherDomain";
    for (domain, expected) in [
        ("", [shared, shared]),
        ("CORP", ["id-1", other]),
        ("corp.example", ["id-1", other]),
        ("test.example", [other, other]),
    ] {
        assert_eq!(told_of(&two, &[agent("id-1", "WEB01", domain, "A")]), expected, "{domain}");
    }
    let same_first = ["web01.corp.example", "web01.corp.test"];
    assert_eq!(told_of(&same_first, &[agent("id-1", "WEB01", "corp", "A")]), [shared; 2]);
    let both = [agent("id-1", "WEB01", "corp.example", "A"), agent("id-2", "WEB01", "", "A")];
    assert_eq!(told_of(&two, &both), ["id-1", "none, 1 near, BareShared"], "what is left is nobody's for sure");
    assert_eq!(told_of(&["web01", "web01.corp.example"], &[agent("id-1", "WEB01", "", "A")]), ["id-1"; 2]);
    let two = ["workstation-00041.corp.example", "workstation-00041.lab.example"];
    for (domain, expected) in
        [("", ["none, 1 near, CutShared"; 2]), ("corp.example", ["id-1 cut", "none, 1 near, CutElsewhere"])]
    {
        assert_eq!(told_of(&two, &[agent("id-1", "WORKSTATION-000", domain, "A")]), expected, "{domain}");
    }
}

#[test]
fn out_of_a_crowd_that_was_not_kept_whole_nobody_is_picked_for_his_domain() {
    // The last one fits as well as the first, and was not kept.
    let crowd = |name: &str| {
        let mut hosts = vec![agent("id-first", name, "", "A")];
        hosts.extend((0..30).map(|n| agent(&format!("id-{n}"), name, &format!("d{n}.example"), "A")));
        hosts.push(agent("id-last", name, "", "A"));
        hosts
    };
    let rules = Rules { cut_names: Cutting::Taken, all_agents: false };
    let resolved = resolve_by(rules, &["web01.corp.example"], &crowd("WEB01"));
    assert_eq!(told(&resolved[0]), "none, 20 near, OtherDomain");
    let resolved = resolve_by(rules, &["workstation-00041.corp.example"], &crowd("WORKSTATION-000"));
    assert_eq!(told(&resolved[0]), "none, 20 near, CutElsewhere");
    // Who has the very domain is never one of a crowd.
    let mut hosts = crowd("WEB01");
    hosts.push(agent("id-exact", "WEB01", "corp.example", "A"));
    assert_eq!(told(&resolve_by(rules, &["web01.corp.example"], &hosts)[0]), "id-exact");
}

#[test]
fn every_agent_of_a_name_is_taken_where_all_are_wanted_and_for_nothing_but_a_name() {
    let mut hosts =
        vec![agent("id-1", "WEB01", "", "A"), agent("id-2", "WEB01", "", "B"), agent("id-1", "WEB01", "", "C")];
    hosts.extend((3..50).map(|n| agent(&format!("id-{n}"), "WEB01", "", "A")));
    for host in &mut hosts {
        host.addresses = vec!["10.0.0.1".parse().unwrap()];
    }
    let rules = Rules { cut_names: Cutting::Ignored, all_agents: true };
    let resolved = resolve_by(rules, &["web01", "10.0.0.1", "id-1"], &hosts);
    let Resolution::All { hosts: all } = &resolved[0] else { panic!("{:?}", resolved[0]) };
    assert_eq!(all.len(), 50);
    assert_eq!(told(&resolved[1]), "50 fit", "an address names one host");
    assert_eq!(told(&resolved[2]), "2 fit", "one id of two products is nobody's");
    assert_eq!(told(&resolve_by(Rules::default(), &["web01"], &hosts)[0]), "at least 20 fit");
    assert_eq!(
        told(&resolve_by(Rules::default(), &["web01"], &hosts[..19])[0]),
        "19 fit",
        "one id of two products counts as two"
    );
}

#[test]
fn an_id_is_found_in_any_case_and_keeps_the_consoles_spelling() {
    let hosts = [host("ID-AbC", None, &[], &[])];
    assert_eq!(told(&resolve_by(Rules::default(), &["id-abc"], &hosts)[0]), "ID-AbC");
}

#[test]
fn an_agent_that_is_listed_in_two_states_is_in_none_that_is_known() {
    let in_state = |isolation, word: &'static str| Host {
        state: Some(HostState { isolation, word: word.into() }),
        ..host("id-1", Some("web01"), &[], &[])
    };
    let isolated = || in_state(Isolation::Isolated, "isolated");
    let normal = || in_state(Isolation::NotIsolated, "normal");
    for (hosts, expected) in [
        (vec![isolated(), isolated()], Isolation::Isolated),
        (vec![isolated(), normal()], Isolation::Unknown),
        (vec![normal(), isolated(), isolated()], Isolation::Unknown),
    ] {
        let resolved = resolve_by(Rules::default(), &["web01"], &hosts);
        let Resolution::Host { host, .. } = &resolved[0] else { panic!("{resolved:?}") };
        assert_eq!(host.state.as_ref().unwrap().isolation, expected);
    }
}

#[test]
fn a_sign_that_only_looks_like_a_letter_makes_another_name() {
    let kelvin = "DES\u{212a}-01";
    for (written, host, same) in [
        ("desk-01", kelvin, false),
        (kelvin, "DESK-01", false),
        (kelvin, kelvin, true),
        ("BÜRO\u{212a}", "büro\u{212a}", true),
    ] {
        let found = resolved(&format!("host:{written}"), &[named("id-1", host)]);
        assert_eq!(found.is_ok(), same, "{written} {host}");
    }
}

#[test]
fn hosts_without_an_id_are_as_many_as_are_listed() {
    let nobody = || named("", "web01");
    assert_eq!(resolved("web01", &[nobody(), nobody()]), Err((2, 0)), "two of one name are two");
    assert_eq!(resolved("web01", &[nobody(), named("id-1", "web01")]), Err((2, 0)));
    assert_eq!(resolved("web01", &[nobody()]), Ok(String::new()));
}

#[test]
fn of_several_that_fit_the_one_that_is_online_is_taken_and_only_if_all_others_are_not() {
    let with = |states: &[Option<bool>]| {
        let hosts: Vec<Host> =
            (1..).zip(states).map(|(n, online)| Host { online: *online, ..named(&n.to_string(), "web1") }).collect();
        resolved("web1", &hosts)
    };
    assert_eq!(with(&[Some(false), Some(true), Some(false)]), Ok("2".to_owned()));
    assert_eq!(with(&[Some(true), Some(true), Some(false)]), Err((3, 0)), "two are there");
    assert_eq!(with(&[Some(false), Some(false)]), Err((2, 0)), "none is there");
    assert_eq!(with(&[Some(true), None]), Err((2, 0)), "of one nobody knows");
    assert_eq!(with(&[Some(false)]), Ok("1".to_owned()), "one is one");
    let mut crowd = vec![Some(true)];
    crowd.resize(MAX_CANDIDATES, Some(false));
    assert_eq!(with(&crowd), Err((MAX_CANDIDATES, 0)), "of a crowd that may not be whole, none");
}

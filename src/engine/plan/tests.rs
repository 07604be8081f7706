//! What is planned for a list, with which requests, and what is never planned.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{
        host::{HostState, Isolation},
        protect::{Match, Pattern},
        selector::Selector,
    },
    engine::{
        limits::Limits,
        resolve::tests::{host, id_form},
        tests::fake::{Fake, PAGE, Play, What, error, state},
    },
    vendors::{Again, Cursor, Page},
};

fn page(hosts: &[Host], cursor: Option<&str>) -> Page {
    let first: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
    let end = hosts.len().min(first + PAGE);
    let next = (end < hosts.len()).then(|| Cursor(end.to_string().into()));
    Page { hosts: hosts.get(first..end).unwrap_or_default().to_vec(), next, total: Some(hosts.len() as u64) }
}

fn listing(hosts: Vec<Host>) -> Fake {
    Fake::new().on_list(move |_, cursor| Play::Answer(Ok(page(&hosts, cursor))))
}

fn in_state(mut host: Host, isolation: Isolation) -> Host {
    host.state = Some(state(isolation));
    host
}

/// So many hosts: `id-0` is `web0.corp.example` at 10.0.0.0, and so on.
fn fleet(count: usize) -> Vec<Host> {
    let one = |n: usize| {
        let address = format!("10.0.{}.{}", n / 250, n % 250 + 1);
        in_state(
            host(&format!("id-{n}"), Some(&format!("web{n}.corp.example")), &[&address], &[]),
            Isolation::NotIsolated,
        )
    };
    (0..count).map(one).collect()
}

struct Planned {
    survey: Result<Survey, Halt>,
    roster: Roster,
    lists: usize,
}

impl Planned {
    /// How a target that is not to be acted on ended.
    fn settled(&self, n: u32) -> Option<(Outcome, Option<FailureKind>)> {
        let settled = self.roster.detail(n)?.settled.as_ref()?;
        Some((settled.outcome, settled.reason.as_ref().map(|reason| reason.kind)))
    }

    fn to_act(&self) -> Vec<&str> {
        self.roster.to_act().map(|n| self.roster.item(n).unwrap().host.as_ref().unwrap().as_str()).collect()
    }
}

struct Asked<'a> {
    texts: &'a [&'a str],
    protected: &'a [&'a str],
    built_in: &'a [(&'a str, &'a str)],
    allowed: &'a [&'a str],
    kind: Option<ActionKind>,
    states: States,
    limits: Limits,
}

fn isolating<'a>(texts: &'a [&'a str]) -> Asked<'a> {
    let limits = Limits::new(NonZeroUsize::MIN);
    Asked {
        texts,
        protected: &[],
        built_in: &[],
        allowed: &[],
        kind: Some(ActionKind::Isolate),
        states: States::Incidentally,
        limits,
    }
}

async fn planned(fake: Fake, asked: Asked<'_>) -> Planned {
    let fake = Arc::new(fake);
    let entries: Vec<Entry> = asked
        .texts
        .iter()
        .zip(1..)
        .map(|(text, line)| Entry { selector: Selector::parse(text, None, id_form).unwrap(), file: 0, line })
        .collect();
    let mut roster = Roster::new(&entries, vec![None], []);
    let listed = |text: &&str| Guarded { pattern: Pattern::parse(text).unwrap(), built_in: None };
    let built_in = |(text, what): &(&str, &str)| Guarded {
        pattern: Pattern::parse(text).unwrap(),
        built_in: Some((*what).into()),
    };
    let guarded = asked.protected.iter().map(listed).chain(asked.built_in.iter().map(built_in)).collect();
    let allowed = asked.allowed.iter().map(|host| Allowance { host: (*host).into() }).collect();
    let protection = Protection { guarded, allowed };
    let mut console = Console::new(Arc::clone(&fake) as _, asked.limits, false);
    let wish = Wish {
        kind: asked.kind,
        protection: &protection,
        states: asked.states,
        rules: Rules::default(),
        follows: false,
        keeps_hosts: false,
        product: None,
        queues: false,
    };
    let survey = plan(&mut console, &entries, &mut roster, wish, &Cancel::new(), &mut |_| {}).await;
    Planned { survey, roster, lists: fake.calls(What::List).len() }
}

#[tokio::test(start_paused = true)]
async fn ids_alone_need_no_inventory() {
    let planned = planned(listing(fleet(30)), isolating(&["id-1", "id-999"])).await;
    assert_eq!(planned.lists, 0);
    assert_eq!(planned.to_act(), ["id-1", "id-999"]);
}

#[tokio::test(start_paused = true)]
async fn states_are_read_beforehand_only_if_that_costs_no_more_requests_than_there_are_hosts() {
    let mut hosts = fleet(30);
    hosts[1] = in_state(hosts[1].clone(), Isolation::Isolated);
    let cheap = |texts| Asked { states: States::IfCheap, ..isolating(texts) };
    let few = planned(listing(hosts.clone()), cheap(&["id-0", "id-1"])).await;
    assert_eq!((few.lists, few.to_act()), (1, vec!["id-0", "id-1"]), "one page told that there are too many");
    let many = planned(listing(hosts), cheap(&["id-0", "id-1", "id-2"])).await;
    assert_eq!((many.lists, many.to_act()), (3, vec!["id-0", "id-2"]));
    assert_eq!(many.settled(1), Some((Outcome::Already, None)));
}

#[tokio::test(start_paused = true)]
async fn any_number_of_names_and_addresses_costs_one_listing() {
    let texts = ["web3", "web17.corp.example", "10.0.0.6", "id-29", "web99", "10.9.9.9"];
    let planned = planned(listing(fleet(30)), isolating(&texts)).await;
    assert_eq!(planned.lists, 3);
    assert_eq!(planned.to_act(), ["id-3", "id-17", "id-5", "id-29"]);
    for n in [4, 5] {
        assert_eq!(planned.settled(n), Some((Outcome::Unresolved, Some(FailureKind::NotFound))));
    }
    assert_eq!(planned.survey.unwrap(), Survey { read: true, hosts: 30, ..Survey::default() });
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_name_is_never_taken_and_its_candidates_are_shown() {
    let mut hosts = fleet(30);
    hosts[20].name = Some("WEB3.corp.example".into());
    for text in ["web3", "web3.corp.example"] {
        let planned = planned(listing(hosts.clone()), isolating(&[text])).await;
        assert_eq!(planned.settled(0), Some((Outcome::Unresolved, Some(FailureKind::Ambiguous))));
        let candidates = &planned.roster.detail(0).unwrap().candidates;
        let ids: Vec<&str> = candidates.iter().map(|candidate| candidate.id.as_str()).collect();
        assert_eq!(ids, ["id-3", "id-20"]);
        assert!(planned.to_act().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_so_or_on_its_way_is_left_alone() {
    use Isolation::{Isolated, Isolating, NotIsolated, Releasing, Unknown};
    let hosts = || {
        let states = [NotIsolated, Isolating, Isolated, Releasing, Unknown];
        states.into_iter().zip(fleet(5)).map(|(state, host)| in_state(host, state)).collect::<Vec<Host>>()
    };
    let texts = ["web0", "web1", "web2", "web3", "web4"];
    let isolate = planned(listing(hosts()), isolating(&texts)).await;
    assert_eq!(isolate.to_act(), ["id-0", "id-3", "id-4"]);
    let note = |n: u32| isolate.roster.detail(n).and_then(|detail| detail.note.as_deref());
    assert_eq!((note(1), note(2)), (Some(ON_ITS_WAY), None), "what has not arrived is told as such");
    let asked = Asked { kind: Some(ActionKind::Unisolate), ..isolating(&texts) };
    let release = planned(listing(hosts()), asked).await;
    assert_eq!(release.to_act(), ["id-1", "id-2", "id-4"]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_cannot_be_isolated_is_refused_but_can_be_put_back() {
    let mut hosts = fleet(1);
    hosts[0].able.isolate = Some(false);
    let isolate = planned(listing(hosts.clone()), isolating(&["web0"])).await;
    assert_eq!(isolate.settled(0), Some((Outcome::Refused, Some(FailureKind::NotCapable))));
    hosts[0].state = Some(HostState { isolation: Isolation::Isolated, word: "isolated".into() });
    let asked = Asked { kind: Some(ActionKind::Unisolate), ..isolating(&["web0"]) };
    assert_eq!(planned(listing(hosts), asked).await.to_act(), ["id-0"]);
}

#[tokio::test(start_paused = true)]
async fn a_protected_host_is_refused_by_whatever_it_is_written_as() {
    for protected in ["web3", "web3.corp.example", "WEB3*", "10.0.0.4", "10.0.0.4/30", "id:id-3", "*3.corp*"] {
        for text in ["id-3", "web3", "web3.corp.example", "10.0.0.4"] {
            let asked = Asked { protected: &[protected], ..isolating(std::slice::from_ref(&text)) };
            let planned = planned(listing(fleet(30)), asked).await;
            let expected = Some((Outcome::Refused, Some(FailureKind::Protected)));
            assert_eq!(planned.settled(0), expected, "{protected} {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_cannot_be_checked_against_the_protected_list_is_not_touched() {
    let mut hosts = fleet(3);
    hosts[0].name = None;
    hosts[1].addresses.clear();
    for (protected, text) in [("dc*", "id-0"), ("192.168.0.0/16", "id-1"), ("192.168.0.1", "id-1")] {
        let asked = Asked { protected: &[protected], ..isolating(std::slice::from_ref(&text)) };
        let planned = planned(listing(hosts.clone()), asked).await;
        assert_eq!(planned.settled(0), Some((Outcome::Refused, Some(FailureKind::Protected))), "{protected}");
    }
    let asked = Asked { protected: &["dc*"], ..isolating(&["id-999"]) };
    let unseen = planned(listing(hosts.clone()), asked).await;
    assert!(unseen.to_act().is_empty(), "a host that the inventory does not show could be any");
    let asked = Asked { protected: &["dc*"], ..isolating(&["id-2"]) };
    let broken = Fake::new().on_list(|_, _| Play::Answer(Err(error(FailureKind::ServerError, Again::Backoff))));
    assert!(matches!(planned(broken, asked).await.survey, Err(Halt::Failed(_))));
}

#[tokio::test(start_paused = true)]
async fn reading_states_is_allowed_for_protected_hosts_too() {
    let asked = Asked { kind: None, protected: &["web*"], ..isolating(&["web1"]) };
    let planned = planned(listing(fleet(3)), asked).await;
    assert_eq!(planned.settled(0), Some((Outcome::Confirmed, None)));
}

#[tokio::test(start_paused = true)]
async fn lines_that_name_one_host_are_one_target_that_remembers_them_all() {
    let texts = ["10.0.0.2", "web1", "id-2", "id-1", "web1.corp.example", "web2"];
    let planned = planned(listing(fleet(5)), isolating(&texts)).await;
    assert_eq!(planned.to_act(), ["id-1", "id-2"]);
    let lines = |n| {
        let duplicates = &planned.roster.detail(n).unwrap().duplicates;
        duplicates.iter().map(|also| (also.line, also.target.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(lines(0), [(2, "web1".to_owned()), (4, "id-1".to_owned()), (5, "web1.corp.example".to_owned())]);
    assert_eq!(lines(1), [(6, "web2".to_owned())]);
    assert_eq!(planned.survey.unwrap().folded, 4);
}

#[tokio::test(start_paused = true)]
async fn an_inventory_that_moves_while_it_is_read_is_read_again() {
    let mut readings = 0;
    let fake = Fake::new().on_list(move |_, cursor| {
        readings += usize::from(cursor.is_none());
        let mut hosts = fleet(30);
        // After the first page, its first host is gone: the host at the boundary moves into what was read.
        if readings == 1 && cursor.is_some() {
            hosts.remove(0);
        }
        Play::Answer(Ok(page(&hosts, cursor)))
    });
    let planned = planned(fake, isolating(&["web10"])).await;
    assert_eq!(planned.to_act(), ["id-10"], "the first reading did not show it");
    assert_eq!(planned.lists, 6);
    assert!(!planned.survey.unwrap().incomplete);
}

#[tokio::test(start_paused = true)]
async fn an_inventory_that_never_stands_still_is_told_as_incomplete() {
    let fake = Fake::new().on_list(move |_, cursor| {
        let mut page = page(&fleet(30), cursor);
        page.hosts.pop();
        Play::Answer(Ok(page))
    });
    let planned = planned(fake, isolating(&["web3"])).await;
    assert!(planned.survey.unwrap().incomplete);
    assert_eq!(planned.lists, 9, "three times, and no more");
}

#[tokio::test(start_paused = true)]
async fn an_inventory_in_one_answer_is_read_once_whatever_it_says_of_its_size() {
    for texts in [&["id-3"][..], &["web3", "id-4", "10.0.0.6"]] {
        for total in [None, Some(0), Some(60), Some(9_999)] {
            let hosts = fleet(60);
            let fake = Fake::new().whole();
            let fake = fake.on_list(move |_, _| Play::Answer(Ok(Page { hosts: hosts.clone(), next: None, total })));
            let planned = planned(fake, isolating(texts)).await;
            let survey = planned.survey.as_ref().unwrap();
            assert_eq!(planned.lists, 1, "{texts:?} with {total:?}");
            assert_eq!((survey.read, survey.hosts, survey.incomplete), (true, 60, false), "{texts:?} with {total:?}");
            assert_eq!(planned.to_act().len(), texts.len());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_inventory_in_one_answer_checks_hosts_that_are_named_by_their_ids_too() {
    let mut hosts = fleet(5);
    hosts[1].state = Some(state(Isolation::Isolated));
    hosts[2].state = Some(state(Isolation::Isolating));
    hosts[3].able.isolate = Some(false);
    let fake = Fake::new().whole();
    let fake = fake.on_list(move |_, _| Play::Answer(Ok(Page { hosts: hosts.clone(), next: None, total: None })));
    let asked = Asked { protected: &["id-4"], ..isolating(&["id-0", "id-1", "id-2", "id-3", "id-4", "id-9"]) };
    let planned = planned(fake, asked).await;
    assert_eq!(planned.to_act(), ["id-0"]);
    let settled: Vec<_> = (1..6).map(|n| planned.settled(n).unwrap()).collect();
    assert_eq!(
        settled,
        [
            (Outcome::Already, None),
            (Outcome::Already, None),
            (Outcome::Refused, Some(FailureKind::NotCapable)),
            (Outcome::Refused, Some(FailureKind::Protected)),
            (Outcome::Unresolved, Some(FailureKind::NotFound)),
        ]
    );
}

#[test]
fn an_inventory_in_one_answer_costs_one_request() {
    for hosts in [0, 1, 500, 1_000_000] {
        assert_eq!(Inventory::Whole.pages(hosts), 1);
    }
    assert_eq!(Inventory::Pages(NonZeroUsize::new(500).unwrap()).pages(501), 2);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_leads_in_a_circle_is_refused() {
    let fake = Fake::new().on_list(|_, _| {
        let mut page = page(&fleet(30), None);
        page.next = Some(Cursor("0".into()));
        Play::Answer(Ok(page))
    });
    let planned = planned(fake, isolating(&["web3"])).await;
    let Err(Halt::Failed(failure)) = planned.survey else { panic!("{:?}", planned.survey) };
    assert!(failure.text.contains("circle"), "{failure}");
    assert!(planned.lists <= 3, "{}", planned.lists);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_tried_three_times_and_waits_when_it_is_told_to() {
    for (failures, works) in [(0, true), (2, true), (3, false)] {
        let mut left = failures;
        let fake = Fake::new().on_list(move |_, cursor| {
            if left > 0 {
                left -= 1;
                return Play::Answer(Err(error(FailureKind::Gateway, Again::Backoff)));
            }
            Play::Answer(Ok(page(&fleet(3), cursor)))
        });
        assert_eq!(planned(fake, isolating(&["web1"])).await.survey.is_ok(), works, "{failures}");
    }
    let mut throttled = 5;
    let fake = Fake::new().on_list(move |_, cursor| {
        throttled -= 1;
        if throttled > 0 {
            let wait = Some(Duration::from_secs(600));
            return Play::Answer(Err(error(FailureKind::Throttled, Again::Throttled(wait))));
        }
        Play::Answer(Ok(page(&fleet(3), cursor)))
    });
    assert_eq!(planned(fake, isolating(&["web1"])).await.to_act(), ["id-1"]);
    let fake = Fake::new().on_list(move |_, _| {
        let wait = Some(Duration::from_secs(6_000));
        Play::Answer(Err(error(FailureKind::Throttled, Again::Throttled(wait))))
    });
    assert!(matches!(planned(fake, isolating(&["web1"])).await.survey, Err(Halt::QuotaWait(_))));
}

/// A host of which anything may be unknown.
fn hosts() -> impl Strategy<Value = Vec<Host>> {
    let one = (prop::option::of("[ab]{1,2}(\\.c)?"), prop::collection::vec(1_u8..=4, 0..2), 0_u8..5);
    prop::collection::vec(one, 0..25).prop_map(|hosts| {
        let make = |(n, (name, octets, isolation)): (usize, (Option<String>, Vec<u8>, u8))| {
            let addresses: Vec<String> = octets.iter().map(|octet| format!("10.0.0.{octet}")).collect();
            let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
            let host = host(&format!("id-{n}"), name.as_deref(), &addresses, &[]);
            let states = [Isolation::NotIsolated, Isolation::Isolating, Isolation::Isolated, Isolation::Releasing];
            match states.get(usize::from(isolation)) {
                Some(isolation) => in_state(host, *isolation),
                None => host,
            }
        };
        hosts.into_iter().enumerate().map(make).collect()
    })
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    let one = prop_oneof!["id-[0-9]{1,2}", "[ab]{1,2}(\\.c)?", "10\\.0\\.0\\.[1-5]"];
    prop::collection::btree_set(one, 1..20).prop_map(|texts| texts.into_iter().collect())
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof!["[ab]\\*", "10\\.0\\.0\\.[1-4]", "10\\.0\\.0\\.0/30", "id:id-[0-9]"], 0..3)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(work)
}

fn built_in<'a>(texts: &'a [&'a str], built_in: &'a [(&'a str, &'a str)]) -> Asked<'a> {
    Asked { built_in, ..isolating(texts) }
}

fn named(planned: &Planned, n: u32) -> (Outcome, String) {
    let settled = planned.roster.detail(n).and_then(|detail| detail.settled.clone()).unwrap();
    (settled.outcome, settled.reason.map(|reason| reason.text).unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn what_is_built_in_protects_hosts_that_are_named_by_their_ids_alone() {
    let me = [("host:web7", "the machine that this runs on")];
    let planned = planned(listing(fleet(30)), built_in(&["id-3", "id-7", "id-8"], &me)).await;
    assert_eq!(planned.to_act(), ["id-3", "id-8"]);
    let (outcome, text) = named(&planned, 1);
    assert_eq!(outcome, Outcome::Refused);
    assert_eq!(text, "protected: it is the machine that this runs on (`web7`)");
}

#[tokio::test(start_paused = true)]
async fn an_allowance_lets_one_host_through_and_says_so() {
    let me = [("host:web*", "one of ours")];
    let asked = Asked { allowed: &["WEB7.corp.example", "id-9", "nobody"], ..built_in(&["id-3", "id-7", "id-9"], &me) };
    let planned = planned(listing(fleet(30)), asked).await;
    assert_eq!(planned.to_act(), ["id-7", "id-9"]);
    let note = planned.roster.detail(1).and_then(|detail| detail.note.clone()).unwrap();
    assert_eq!(&*note, "protected: it is one of ours (`web*`); allowed by `--allow-protected`");
    let needless: Vec<String> = planned.survey.unwrap().needless.iter().map(|host| host.to_string()).collect();
    assert_eq!(needless, ["nobody"]);
}

#[tokio::test(start_paused = true)]
async fn an_allowance_whose_name_two_hosts_have_lets_none_through() {
    let mut hosts = fleet(5);
    hosts[2].name = hosts[1].name.clone();
    let name = hosts[1].name.clone().unwrap();
    let listed = [&*name];
    let asked = Asked { protected: &listed, allowed: &listed, ..isolating(&["id-1", "id-2", "id-3"]) };
    let planned = planned(listing(hosts), asked).await;
    assert_eq!(planned.to_act(), ["id-3"]);
    assert!(named(&planned, 0).1.contains("names 2 hosts, and it is for one"), "{}", named(&planned, 0).1);
}

#[tokio::test(start_paused = true)]
async fn what_was_found_before_a_list_broke_off_stays_protected() {
    let all = fleet(3 * PAGE);
    let fake = Fake::new().on_list(move |_, cursor| match cursor {
        None => Play::Answer(Ok(page(&all, None))),
        Some(_) => Play::Answer(Err(error(FailureKind::NotFound, Again::Never))),
    });
    let me = [("host:web1", "the machine that this runs on")];
    let planned = planned(fake, built_in(&["id-1", "id-2"], &me)).await;
    assert_eq!(planned.to_act(), ["id-2"]);
    assert!(planned.survey.unwrap().unwatched, "and nobody knows the rest");
}

#[tokio::test(start_paused = true)]
async fn a_console_that_does_not_list_its_hosts_can_still_isolate_and_whoever_asked_is_told() {
    let me = [("host:web7", "the machine that this runs on")];
    let fake = Fake::new().on_list(|_, _| Play::Answer(Err(error(FailureKind::NotFound, Again::Never))));
    let planned = planned(fake, built_in(&["id-7"], &me)).await;
    assert_eq!(planned.to_act(), ["id-7"]);
    assert!(planned.survey.unwrap().unwatched);
}

proptest! {
    #[test]
    fn nothing_protected_or_unknown_is_ever_acted_on_and_no_line_is_lost(
        hosts in hosts(), texts in texts(), patterns in patterns(),
    ) {
        let by_id: HashMap<HostId, Host> = hosts.iter().map(|host| (host.id.clone(), host.clone())).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let protected: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let asked = Asked { protected: &protected, ..isolating(&texts) };
        let planned = run(planned(listing(hosts.clone()), asked));
        let survey = planned.survey.as_ref().unwrap();
        let patterns: Vec<Pattern> = protected.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        let guarded = patterns.iter().any(Pattern::needs_inventory);

        // Every line is a target of its own or a duplicate of one.
        let lines = u64::from(planned.roster.len()) + planned.roster.duplicate_lines();
        prop_assert_eq!(lines, texts.len() as u64);
        prop_assert_eq!(survey.folded as u64, planned.roster.duplicate_lines());

        let acted = planned.to_act();
        let mut once = acted.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), acted.len(), "no host is acted on twice");
        for id in acted {
            match by_id.get(&HostId::new(id)) {
                Some(host) => {
                    for pattern in &patterns {
                        let matched = pattern.matches(id, host.name.as_deref(), &host.addresses);
                        prop_assert_eq!(matched, Match::No, "{} is protected by {}", id, pattern);
                    }
                    if survey.read {
                        let isolation = host.state.as_ref().map(|state| state.isolation);
                        prop_assert!(!matches!(isolation, Some(Isolation::Isolated | Isolation::Isolating)));
                    }
                }
                None => prop_assert!(!guarded, "{} is not in the inventory and could be any host", id),
            }
        }
        for n in planned.roster.to_act() {
            prop_assert!(planned.roster.item(n).unwrap().host.is_some());
        }
    }
}

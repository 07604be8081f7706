//! What every vendor declares and what it does, held together against its simulated console.
//!
//! A new vendor gets a line in [`open`] and passes everything here.

use std::{path::Path, sync::Arc, time::Duration};

use edrctl::{
    config::{self, Overrides},
    domain::{
        action::{Action, ActionKind, Observed, Standing, Target, Thing},
        failure::FailureKind,
        host::{HostId, Isolation},
    },
    http::{ClientOptions, Trust},
    simulator::{self, Faults, Fleet, Model, Options},
    vendors::{Ack, Again, Capability, Completion, Inventory, Repeat, Reply, Vendor, VendorName, Wishes},
};

/// A vendor's client, and the console that it speaks to.
struct Pair {
    vendor: Arc<dyn Vendor>,
    console: simulator::Console,
    /// Requests that signed in.
    before: u64,
}

const KINDS: [ActionKind; 2] = [ActionKind::Isolate, ActionKind::Unisolate];

/// The consoles of hosts that there is a simulated one of. What blocks indicators has a contract of its own.
fn simulated() -> impl Iterator<Item = VendorName> {
    VendorName::that_act_on(Thing::Host).filter(|name| Model::from_word(name.word()).is_some())
}

/// Hosts of every console here: more than two batches, than one page, and than one question may be about.
fn fleet_size(vendor: VendorName) -> u32 {
    match vendor {
        VendorName::Cisco => 1_203,
        VendorName::Apex => 1_403,
        VendorName::Kaspersky => 603,
        VendorName::Fortigate => 0,
        VendorName::Cybereason => 2_203,
    }
}

/// Whether the console has a quota and tells what is left of it.
fn tells_quota(vendor: VendorName) -> bool {
    match vendor {
        VendorName::Cisco => true,
        VendorName::Apex | VendorName::Kaspersky | VendorName::Cybereason | VendorName::Fortigate => false,
    }
}

/// Whether the console tells if a host is isolated.
fn tells_states(vendor: VendorName) -> bool {
    match vendor {
        VendorName::Cisco | VendorName::Apex | VendorName::Cybereason => true,
        VendorName::Kaspersky | VendorName::Fortigate => false,
    }
}

/// What one answer takes, where it takes more than one request.
struct Takes {
    /// A check.
    check: u64,
    /// One batch.
    batch: u64,
    /// The states of as many hosts as one question may be about.
    states: u64,
    /// What a listing takes beyond its pages.
    listing: u64,
}

fn takes(vendor: VendorName) -> Takes {
    match vendor {
        VendorName::Cisco | VendorName::Apex | VendorName::Fortigate => {
            Takes { check: 1, batch: 1, states: 1, listing: 0 }
        }
        // An incident is added and released; what is found is asked for, read, and let go.
        VendorName::Kaspersky => Takes { check: 3, batch: 2, states: 3, listing: 2 },
        // The version, and how many sensors there are.
        VendorName::Cybereason => Takes { check: 2, batch: 1, states: 1, listing: 0 },
    }
}

async fn open(name: VendorName, faults: &str) -> Pair {
    let faults = Faults::parse(faults).unwrap();
    let model = Model::from_word(name.word()).unwrap();
    let options = Options { console: model, fleet: Fleet::of_size(fleet_size(name)), faults, ..Options::default() };
    let console = simulator::start(options).await.unwrap();
    let loaded = config::of_text(&console.ready_config(Path::new("ca.pem")), &Overrides::default()).unwrap();
    let ready = loaded.console(name).unwrap();
    let options = ClientOptions {
        trust: if console.is_pinned() {
            Trust::OnlyExactly(console.ca_pem().to_owned())
        } else {
            Trust::Only(console.ca_pem().to_owned())
        },
        timeout: Duration::from_secs(20),
        idle_connections: 4,
        proxy: false,
    };
    let vendor = ready.open_with(&options, Wishes::default()).unwrap();
    // A session is there from now on, where there are any.
    if matches!(name, VendorName::Kaspersky | VendorName::Cybereason) {
        vendor.check().await.unwrap();
    }
    let before = console.stats().total();
    Pair { vendor, console, before }
}

/// Hosts change at once.
const AT_ONCE: &str = "cybereason.rate = 0\nkaspersky.pick_up_after = \"0s\"\n[[confirm]]\nafter = \"0s\"\n";

impl Pair {
    fn capability(&self, kind: ActionKind) -> Option<Capability> {
        self.vendor.capabilities().actions.get(&kind).cloned()
    }

    /// So many hosts that can be acted on, from this one on.
    fn targets(&self, from: usize, count: usize) -> Vec<Target> {
        let hosts = self.console.fleet().hosts();
        let able = hosts.iter().filter(|host| host.available).skip(from).take(count);
        let targets: Vec<Target> =
            able.map(|host| Target { id: HostId::new(host.id.as_str()), name: None, ticket: None }).collect();
        assert_eq!(targets.len(), count, "the fleet is too small for this test");
        targets
    }

    fn state(&self, target: &Target) -> Isolation {
        let hosts = self.console.fleet().hosts();
        hosts.iter().find(|host| host.id == target.id.as_str()).unwrap().state
    }

    async fn submit(&self, kind: ActionKind, targets: &[Target]) -> Vec<Reply> {
        let action = Action { kind, comment: Some("the contract".to_owned()) };
        let replies = self.vendor.submit(&action, targets).await.unwrap().value;
        assert_eq!(replies.len(), targets.len(), "one reply a target");
        replies
    }

    fn asked(&self) -> u64 {
        self.console.stats().total() - self.before
    }
}

fn is_taken(reply: &Reply, completion: Completion) -> bool {
    match completion {
        Completion::Immediate => matches!(reply, Ok(Ack::Done)),
        Completion::Observed | Completion::Polled => matches!(reply, Ok(Ack::Accepted(_))),
    }
}

#[tokio::test]
async fn declared_actions_work_on_as_many_hosts_as_declared_and_on_no_others() {
    for name in simulated() {
        let pair = open(name, AT_ONCE).await;
        for kind in KINDS {
            let Some(capability) = pair.capability(kind) else { continue };
            let targets = pair.targets(5, capability.max_batch.get());
            let before = pair.asked();
            let replies = pair.submit(kind, &targets).await;
            assert_eq!(pair.asked() - before, takes(name).batch, "{name} {kind}: requests for a batch");
            assert!(replies.iter().all(|reply| is_taken(reply, capability.completion)), "{name} {kind}: {replies:?}");
            for target in &targets {
                assert_eq!(kind.standing(pair.state(target)), Standing::Reached, "{name} {kind}");
            }
        }
        assert_eq!(
            pair.console.fleet().isolated(),
            0,
            "{name}: what was isolated was put back, and nothing else touched"
        );
    }
}

#[tokio::test]
async fn undeclared_actions_are_refused_and_nothing_is_sent() {
    for name in simulated() {
        let pair = open(name, AT_ONCE).await;
        assert!(!pair.vendor.capabilities().actions.is_empty(), "{name} can do something");
        for kind in KINDS.into_iter().filter(|kind| pair.capability(*kind).is_none()) {
            let action = Action { kind, comment: None };
            let error = pair.vendor.submit(&action, &pair.targets(0, 1)).await.unwrap_err();
            assert_eq!(error.failure().kind, FailureKind::Unsupported, "{name} {kind}");
        }
        if !pair.vendor.capabilities().actions.values().any(|one| one.completion == Completion::Polled) {
            let error = pair.vendor.poll(&Action { kind: ActionKind::Isolate, comment: None }, &[]).await.unwrap_err();
            assert_eq!((error.failure().kind, error.again()), (FailureKind::Unsupported, Again::Never), "{name}");
        }
        assert_eq!(pair.asked(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_or_empty_is_refused_and_nothing_is_sent() {
    for name in simulated() {
        let pair = open(name, AT_ONCE).await;
        for kind in KINDS {
            let Some(capability) = pair.capability(kind) else { continue };
            for count in [0, capability.max_batch.get() + 1] {
                let action = Action { kind, comment: None };
                let error = pair.vendor.submit(&action, &pair.targets(0, count)).await.unwrap_err();
                assert_eq!(error.again(), Again::Never, "{name} {kind} of {count}");
            }
        }
        assert_eq!(pair.asked(), 0, "{name}");
    }
}

#[tokio::test]
async fn each_reply_is_that_of_the_target_in_its_place() {
    for name in simulated() {
        let pair = open(name, AT_ONCE).await;
        let Some(capability) = pair.capability(ActionKind::Isolate) else { continue };
        let unknown = Target { id: HostId::new("00000000-0000-4000-8000-00000000dead"), name: None, ticket: None };
        let mut mixed = pair.targets(0, capability.max_batch.get());
        mixed.insert(mixed.len() / 2, unknown.clone());
        let mut told = Vec::new();
        for part in mixed.chunks(capability.max_batch.get()) {
            let action = Action { kind: ActionKind::Isolate, comment: None };
            match pair.vendor.submit(&action, part).await {
                Ok(answer) => told.extend(answer.value.into_iter().map(|reply| reply.is_ok())),
                // A request for one host may fail as a whole; a console that only did nothing is looked at to know why.
                Err(error) => {
                    let kind = error.failure().kind;
                    let looks = kind == FailureKind::NothingDone && error.again() == Again::Look;
                    assert!(part.len() == 1 && (kind == FailureKind::NotFound || looks), "{name}: {error}");
                    told.push(false);
                }
            }
        }
        let expected: Vec<bool> = mixed.iter().map(|target| *target != unknown).collect();
        assert_eq!(told, expected, "{name}");
    }
}

#[tokio::test]
async fn what_is_called_safe_to_repeat_is() {
    for name in simulated() {
        let pair = open(name, AT_ONCE).await;
        for kind in KINDS {
            let Some(capability) = pair.capability(kind).filter(|one| one.repeat == Repeat::Safe) else { continue };
            let targets = pair.targets(0, capability.max_batch.get());
            pair.submit(kind, &targets).await;
            let action = Action { kind, comment: None };
            let settled = match pair.vendor.submit(&action, &targets).await {
                Ok(answer) => answer.value.iter().all(|reply| match reply {
                    Ok(_) => true,
                    Err(error) => error.again() == Again::Look,
                }),
                Err(error) => error.again() == Again::Look,
            };
            assert!(settled, "{name} {kind}: the second request is settled by a look");
            assert_eq!(kind.standing(pair.state(&targets[0])), Standing::Reached, "{name} {kind}");
        }
    }
}

#[tokio::test]
async fn the_state_of_as_many_hosts_as_declared_is_read_in_one_request_and_in_their_order() {
    for name in simulated() {
        let pair = open(name, AT_ONCE).await;
        let most = pair.vendor.capabilities().max_observe;
        let targets = pair.targets(3, most);
        if let (Some(_), Some(first)) = (pair.capability(ActionKind::Isolate), targets.first()) {
            pair.submit(ActionKind::Isolate, std::slice::from_ref(first)).await;
        }
        let before = pair.asked();
        let seen = pair.vendor.observe(&targets).await.unwrap().value;
        assert_eq!((seen.len(), pair.asked() - before), (most, takes(name).states), "{name}");
        for (target, seen) in targets.iter().zip(seen) {
            let Observed::State { state, .. } = seen else { panic!("{name}: {seen:?}") };
            let expected = if tells_states(name) { pair.state(target) } else { Isolation::Unknown };
            assert_eq!(state.isolation, expected, "{name}");
        }
        let unknown = Target { id: HostId::new("00000000-0000-4000-8000-00000000dead"), name: None, ticket: None };
        assert_eq!(pair.vendor.observe(&[unknown]).await.unwrap().value, [Observed::NoSuchHost], "{name}");
        let error = pair.vendor.observe(&pair.targets(0, most + 1)).await.unwrap_err();
        assert_eq!(error.again(), Again::Never, "{name}");
    }
}

#[tokio::test]
async fn the_inventory_shows_every_host_once_in_pages_of_the_declared_size() {
    for name in simulated() {
        let pair = open(name, AT_ONCE).await;
        let size = match pair.vendor.capabilities().inventory {
            Inventory::Pages(size) => size.get(),
            Inventory::Whole => usize::MAX,
        };
        let hosts = pair.console.fleet().hosts();
        let mut listed = Vec::new();
        let mut cursor = None;
        loop {
            let page = pair.vendor.list(cursor.as_ref()).await.unwrap().value;
            assert_eq!(page.total, Some(hosts.len() as u64), "{name}");
            assert!(page.hosts.len() == size || page.next.is_none(), "{name}: {} on a page", page.hosts.len());
            listed.extend(page.hosts.into_iter().map(|host| host.id.to_string()));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let pages = hosts.len().div_ceil(size) as u64;
        assert_eq!(pair.asked(), pages + takes(name).listing, "{name}: requests");
        let mut known: Vec<String> = hosts.iter().map(|host| host.id.clone()).collect();
        known.sort();
        listed.sort();
        assert_eq!(listed, known, "{name}");
    }
}

#[tokio::test]
async fn a_check_takes_few_requests_names_the_console_and_changes_nothing() {
    for name in simulated() {
        let pair = open(name, AT_ONCE).await;
        let tenant = pair.vendor.check().await.unwrap().value;
        assert_eq!(tenant.console, pair.console.base_url(), "{name}");
        assert_eq!(pair.asked(), takes(name).check, "{name}");
        assert!(!tenant.console.contains(&pair.console.credentials().api_key), "{name}");
        let told = format!("{:?}", pair.vendor);
        assert!(!told.contains(&pair.console.credentials().api_key), "{name}: {told}");
    }
}

#[tokio::test]
async fn a_quota_that_the_console_tells_is_passed_on_with_good_answers_and_with_bad() {
    for name in simulated() {
        let pair = open(name, "cybereason.rate = 0\n[quota]\nlimit = 2\nwindow = \"1h\"\n").await;
        let mut readings = Vec::new();
        for _ in 0..3 {
            readings.push(match pair.vendor.check().await {
                Ok(answer) => answer.meta.quota,
                Err(error) => {
                    assert!(matches!(error.again(), Again::Throttled(_)), "{name}: {error}");
                    error.meta().quota
                }
            });
        }
        if !tells_quota(name) {
            assert_eq!(readings, [None; 3], "{name}: nobody makes up a quota");
            let asked = 3 * takes(name).check;
            assert_eq!((pair.asked(), pair.console.stats().throttled()), (asked, 0), "{name}");
            continue;
        }
        let left: Vec<u64> = readings.iter().map(|reading| reading.unwrap().remaining).collect();
        assert_eq!(left, [1, 0, 0], "{name}");
        assert!(readings.iter().all(|reading| reading.unwrap().reset <= Duration::from_secs(3_600)), "{name}");
        assert_eq!(pair.console.stats().throttled(), 1, "{name}");
    }
}

//! FortiGate firewalls (FortiOS 6.0 and later): indicators in and out of one address group that a deny policy uses.
//!
//! Login: the token of a REST API administrator, in a header on every request; there is no session.
//!
//! Oddities, each of which this module must be right about:
//! - A new address object means every address there is until it is told otherwise. So what was written is read back and
//!   compared before it becomes a member of anything.
//! - A group's members are never set as a whole, because that throws out what others have put in. Where a release takes
//!   nothing else, the list is read right before and right after, and ours are written one at a time.
//! - Groups of IPv4 and of IPv6 addresses are two tables. A domain stands among the IPv4 addresses.
//! - A group in a policy that accepts would turn a block list into a guest list: `preflight` refuses.
//! - Address objects have no expiry. It stands in their comment, which also says that they are ours.
//! - `-5` and `-15` say "it is there", `-3` "it is not", `-23` "something uses it", `-4` "the table is full".
//!
//! | file | what it does |
//! |---|---|
//! | `objects` | names, comments and marks: what makes an object ours |
//! | `converse` | the two conversations, over whichever channel |
//! | `preflight` | whether it is safe to add to the group at all |
//! | `channel` | what can be asked, whichever way the firewall is reached |
//! | `rest`, `requests`, `wire`, `codes` | the channel over REST |
//! | `ssh` | the channel over the command line |
//! | `feed` | lists that the firewall fetches, in place of a group |

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    net::IpAddr,
    num::NonZeroUsize,
};

use async_trait::async_trait;

use crate::{
    clock,
    domain::{
        action::{Action, ActionKind, Observed, Target, Thing},
        failure::{Failure, FailureKind},
        host::{Abilities, Host, HostId, HostState, Isolation},
        id::RunId,
        indicator::Indicator,
        selector::{IdForm, Named, Selector},
    },
    vendors::{
        Again, Answer, Capabilities, Capability, Completion, Driver, Errand, Inventory, Kept, Meta, Preflight, Repeat,
        Reply, Takes, TakesBack, Tenant, Unit, Vacancies, Vendor, VendorError,
    },
};

mod advice;
mod channel;
mod codes;
pub mod config;
mod converse;
mod feed;
mod objects;
mod preflight;
mod requests;
mod rest;
mod ssh;
#[cfg(test)]
mod tests;
mod wire;

use channel::{Channel, Group};
use converse::{Job, Replies};
use objects::{Mark, Object, Table, name_of};

/// The firewall's name for people.
const CONSOLE: &str = "FortiGate";

/// What is known of it before any of its settings are.
pub(super) const DRIVER: Driver = Driver {
    word: config::NAME,
    console: CONSOLE,
    acts_on: Thing::Indicator,
    id_form,
    section: || Box::new(config::FortigateSection::default()),
    takes: Takes::NOTHING,
    advice: advice::REST,
};

/// What has to be known of a domain's address object.
const OF_DOMAINS: &str = "a domain is blocked by the addresses that the firewall itself resolves it to, which may not be those \
                          that others get";

/// Indicators in one conversation: enough that reading back costs little, few enough that little is in doubt after a cut.
const BATCH: usize = 16;

/// Indicators that are read in one conversation.
const READ: usize = 64;

/// The groups of one virtual domain that are ours to fill.
#[derive(Clone, Debug)]
struct Groups {
    v4: String,
    v6: String,
}

impl Groups {
    fn of(&self, table: Table) -> &str {
        match table {
            Table::V4 => &self.v4,
            Table::V6 => &self.v6,
        }
    }
}

/// A firewall, as one API administrator sees it.
pub struct Fortigate {
    channel: Box<dyn Channel>,
    address: String,
    vdom: String,
    groups: Groups,
    max_members: usize,
    /// What the run leaves with each object.
    mark: Option<Mark>,
    takes_back: Option<TakesBack>,
    capabilities: Capabilities,
}

impl Fortigate {
    fn new(
        channel: Box<dyn Channel>,
        address: String,
        vdom: &str,
        groups: Groups,
        max_members: usize,
        max_in_flight: NonZeroUsize,
        errand: Option<Errand>,
    ) -> Self {
        let capability = Capability {
            max_batch: NonZeroUsize::new(channel.batch()).unwrap_or(NonZeroUsize::MIN),
            completion: Completion::Immediate,
            repeat: Repeat::Safe,
            ends_by_itself: None,
            recalls: false,
        };
        let read = READ.max(channel.batch());
        let capabilities = Capabilities {
            console: CONSOLE,
            actions: BTreeMap::from([(ActionKind::Block, capability.clone()), (ActionKind::Unblock, capability)]),
            max_observe: read,
            max_find: read,
            finds_ids: false,
            looks_ahead: true,
            looks_first: true,
            inventory: Inventory::Whole,
            max_in_flight,
        };
        let mark = errand.as_ref().map(|errand| {
            let run = match &errand.takes_back {
                // The earlier run's time holds again, so it is the one that wants it.
                Some(TakesBack::Time { to, .. }) => to,
                _ => &errand.run,
            };
            Mark { run: run.clone(), expires: errand.expires }
        });
        let takes_back = errand.and_then(|errand| errand.takes_back);
        Self { channel, address, vdom: vdom.to_owned(), groups, max_members, mark, takes_back, capabilities }
    }

    /// How one table stands to a number of indicators: the objects of their names, and the group's members.
    async fn look(&self, table: Table, wanted: &[&Indicator]) -> Result<(Vec<Object>, Option<Group>), VendorError> {
        let names: Vec<String> = wanted.iter().map(|indicator| name_of(indicator)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let objects = self.channel.objects(table, &names).await?;
        let group = self.channel.group(table, self.groups.of(table)).await?;
        let objects = match &group {
            Some(group) => converse::with_hidden(&*self.channel, table, objects, &names, &group.members).await?,
            None => objects,
        };
        Ok((objects, group))
    }

    /// Whether this run wants an indicator to stay for another time than it would.
    fn wants_another_time(&self, seen: &Seen) -> bool {
        let found = seen.object.as_ref().and_then(Object::mark);
        let Some((found, wanted)) = found.zip(self.mark.as_ref()) else { return false };
        match &self.takes_back {
            None | Some(TakesBack::Time { .. }) => !converse::may_stay(&found, wanted, self.takes_back.as_ref()),
            Some(TakesBack::Run(_) | TakesBack::Due(_)) => false,
        }
    }

    /// The same for indicators of both tables, one answer each, in order.
    async fn look_at(&self, wanted: &[Option<Indicator>]) -> Result<Vec<Option<Seen>>, VendorError> {
        let mut seen: Vec<Option<Seen>> = vec![None; wanted.len()];
        for table in Table::ALL {
            let of_table = |indicator: &&Indicator| Table::of(indicator) == table;
            let indicators: Vec<&Indicator> = wanted.iter().flatten().filter(of_table).collect();
            if indicators.is_empty() {
                continue;
            }
            let (objects, group) = self.look(table, &indicators).await?;
            let members: HashSet<&str> = group.iter().flat_map(|group| &group.members).map(String::as_str).collect();
            let objects: HashMap<&str, &Object> = objects.iter().map(|object| (object.name.as_str(), object)).collect();
            for (slot, indicator) in seen.iter_mut().zip(wanted) {
                let Some(indicator) = indicator.as_ref().filter(of_table) else { continue };
                let name = name_of(indicator);
                let object = objects.get(name.as_str()).map(|object| (*object).clone());
                let member = members.contains(name.as_str());
                let no_group = group.is_none().then(|| self.groups.of(table).to_owned());
                let others = object.as_ref().filter(|object| object.mark().is_none());
                let others = others.map(|object| Others {
                    text: self.channel.not_ours(object),
                    blocks: member && self.channel.is_shared(),
                });
                *slot = Some(Seen { object, member, no_group, others });
            }
        }
        Ok(seen)
    }
}

/// What is there of one indicator.
#[derive(Clone, Debug)]
struct Seen {
    object: Option<Object>,
    member: bool,
    /// The name of the group that is not there.
    no_group: Option<String>,
    /// What is said of it if it is somebody else's.
    others: Option<Others>,
}

/// What is there and not ours.
#[derive(Clone, Debug)]
struct Others {
    text: String,
    /// Whether it does what ours would do.
    blocks: bool,
}

impl Seen {
    /// What that means for the indicator.
    fn state(&self, indicator: &Indicator) -> HostState {
        let (isolation, word) = match &self.object {
            Some(_) if self.others.as_ref().is_some_and(|others| others.blocks) => (Isolation::Blocked, "not_ours"),
            Some(object) if object.mark().is_none() => (Isolation::Unknown, "not_ours"),
            Some(object) if object.value.as_ref() != Some(indicator) => (Isolation::Unknown, "altered"),
            Some(_) if self.member => (Isolation::Blocked, "blocked"),
            // What broke off half-way: an object that is in no group.
            Some(_) => (Isolation::Unknown, "not_in_group"),
            None => (Isolation::NotBlocked, "not_blocked"),
        };
        HostState { isolation, word: word.into() }
    }

    /// What can be done, and what speaks against the rest.
    fn able(&self, takes_back: Option<&TakesBack>) -> (Abilities, Option<String>) {
        if let Some(group) = &self.no_group {
            let why = format!("the firewall has no address group `{group}` for this kind of address");
            return (Abilities { isolate: Some(false), release: None }, Some(why));
        }
        let Some(object) = &self.object else {
            let time_alone = matches!(takes_back, Some(TakesBack::Time { .. }));
            let why = time_alone.then(|| converse::NOTHING_TO_TIME.to_owned());
            return (Abilities { isolate: time_alone.then_some(false), release: None }, why);
        };
        let Some(mark) = object.mark() else {
            let others = self.others.clone();
            let isolate = others.as_ref().is_some_and(|others| !others.blocks).then_some(false);
            return (Abilities { isolate, release: Some(false) }, others.map(|others| others.text));
        };
        match converse::may_go(&mark, takes_back) {
            Ok(()) => (Abilities::default(), None),
            Err(why) => (Abilities { isolate: None, release: Some(false) }, Some(why)),
        }
    }
}

/// The indicator that an id is; ids are canonical texts of ours.
fn indicator(id: &str) -> Result<Indicator, VendorError> {
    match Indicator::parse(id) {
        Ok(parsed) if parsed.indicator.canonical() == id => Ok(parsed.indicator),
        _ => Err(VendorError::new(FailureKind::BadRequest, "the target is no indicator in its one form", Again::Never)),
    }
}

fn plain<T>(value: T) -> Answer<T> {
    Answer { value, meta: Meta::default() }
}

impl fmt::Debug for Fortigate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fortigate").field("address", &self.address).field("vdom", &self.vdom).finish_non_exhaustive()
    }
}

#[async_trait]
impl Vendor for Fortigate {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<Answer<Tenant>, VendorError> {
        if let Some(detail) = self.channel.detail().await? {
            return Ok(plain(Tenant { console: self.address.clone(), detail: Some(detail), clock_skew: None }));
        }
        let device = self.channel.device().await?;
        let mut detail = vec![device.version.clone()];
        detail.extend(device.hostname.clone());
        detail.extend(device.serial.as_ref().map(|serial| format!("serial {serial}")));
        detail.push(format!("virtual domain {}", self.vdom));
        detail.push(format!("group {}", self.groups.v4));
        detail.retain(|part| !part.is_empty());
        Ok(plain(Tenant { console: self.address.clone(), detail: Some(detail.join(", ")), clock_skew: None }))
    }

    async fn submit(&self, action: &Action, targets: &[Target]) -> Result<Answer<Vec<Reply>>, VendorError> {
        let unmarked = || Mark { run: RunId::from_parts(clock::now(), [0; 4]), expires: None };
        let mark = self.mark.clone().unwrap_or_else(unmarked);
        let mut replies = Replies::new(targets.len());
        let mut of_table: BTreeMap<Table, Vec<Job>> = BTreeMap::new();
        for (n, target) in targets.iter().enumerate() {
            match indicator(target.id.as_str()) {
                Ok(indicator) => {
                    let object = Object::new(&indicator, &mark, action.comment.as_deref());
                    of_table.entry(object.table).or_default().push(Job { n, object });
                }
                Err(error) => replies.set(n, Err(error)),
            }
        }
        for (table, jobs) in of_table {
            let place = (table, self.groups.of(table));
            match action.kind {
                ActionKind::Block => {
                    converse::block(&*self.channel, place, jobs, (&mark, self.takes_back.as_ref()), &mut replies).await;
                }
                ActionKind::Unblock => {
                    converse::unblock(&*self.channel, place, jobs, self.takes_back.as_ref(), &mut replies).await;
                }
                ActionKind::Isolate | ActionKind::Unisolate | ActionKind::Task => {
                    return Err(VendorError::unsupported("act on hosts"));
                }
            }
        }
        let replies = replies.finish();
        let is_busy = |reply: &Reply| matches!(reply, Err(error) if error.failure().kind == FailureKind::FolderBusy);
        match replies.first() {
            // Then nothing was asked at all, and the run knows for how long that may go on.
            Some(Err(error)) if replies.iter().all(is_busy) => Err(error.clone()),
            _ => Ok(plain(replies)),
        }
    }

    async fn observe(&self, targets: &[Target]) -> Result<Answer<Vec<Observed>>, VendorError> {
        let wanted: Vec<Option<Indicator>> = targets.iter().map(|target| indicator(target.id.as_str()).ok()).collect();
        let seen = self.look_at(&wanted).await?;
        let observed = wanted.iter().zip(seen).map(|(indicator, seen)| match (indicator, seen) {
            (Some(indicator), Some(seen)) => Observed::State {
                state: seen.state(indicator),
                able: seen.able(self.takes_back.as_ref()).0,
                last_seen: None,
            },
            _ => Observed::NoSuchHost,
        });
        Ok(plain(observed.collect()))
    }

    /// A firewall knows every indicator: either it blocks it, or it does not.
    async fn find(&self, selectors: &[Selector]) -> Result<Answer<Vec<Host>>, VendorError> {
        let named = |selector: &Selector| match selector.named() {
            Named::Id(id) => indicator(id).ok(),
            _ => None,
        };
        let wanted: Vec<Option<Indicator>> = selectors.iter().map(named).collect();
        let seen = self.look_at(&wanted).await?;
        let hosts = wanted.iter().zip(seen).filter_map(|(indicator, seen)| {
            let (indicator, seen) = (indicator.as_ref()?, seen?);
            let (able, caution) = seen.able(self.takes_back.as_ref());
            let mut state = seen.state(indicator);
            // Blocked, and not for the time that this run wants: there is something to do.
            if state.isolation == Isolation::Blocked && self.wants_another_time(&seen) {
                state.isolation = Isolation::Unknown;
            }
            Some(host(indicator, Some(state), able, caution))
        });
        Ok(plain(hosts.collect()))
    }

    async fn kept(&self) -> Result<Answer<Vec<Kept>>, VendorError> {
        let mut kept = Vec::new();
        for table in Table::ALL {
            let objects = self.channel.ours(table).await?;
            if objects.is_empty() {
                continue;
            }
            let group = self.channel.group(table, self.groups.of(table)).await?.unwrap_or_default();
            for object in objects {
                let (Some(mark), Some(value)) = (object.mark(), &object.value) else { continue };
                // A name that is not the digest of its value was given to something else.
                if name_of(value) != object.name {
                    continue;
                }
                kept.push(Kept {
                    id: HostId::new(value.canonical()),
                    in_force: group.members.contains(&object.name),
                    name: object.name.into(),
                    run: mark.run,
                    expires: mark.expires,
                });
            }
        }
        Ok(plain(kept))
    }

    async fn preflight(&self, _more: Option<usize>) -> Result<Answer<Preflight>, VendorError> {
        if let Some(ahead) = self.channel.ahead().await? {
            return Ok(plain(ahead));
        }
        let device = self.channel.device().await?;
        let mut found = preflight::device(&device, &self.vdom);
        let mut vacancies = Vec::new();
        if found.refusal.is_none() {
            let policies = self.channel.policies(&device).await?;
            for table in Table::ALL {
                let name = self.groups.of(table);
                let groups = self.channel.groups(table).await?;
                // Whoever blocks no IPv6 addresses needs no group for them; the other one always has to be there.
                let own = groups.iter().find(|group| group.name == name);
                if let (Table::V6, None) = (table, own) {
                    continue;
                }
                let taken = own.map_or(0, |group| group.members.len());
                let more = preflight::group(table, name, &groups, &policies);
                found.warnings.extend(more.warnings);
                found.refusal = found.refusal.or(more.refusal);
                found.harmful = found.harmful.or(more.harmful);
                vacancies.push(Vacancies {
                    kinds: table.kinds().to_vec(),
                    unit: Unit::Targets,
                    limit: self.max_members,
                    taken,
                    what: format!("members of the group `{name}`"),
                    by: "`max_members`".to_owned(),
                    is_fixed: false,
                });
            }
        }
        let failure = |text: Option<String>| text.map(|text| Failure::new(FailureKind::UnsafePolicy, text));
        let (refusal, harmful) = (failure(found.refusal), failure(found.harmful));
        Ok(plain(Preflight {
            warnings: found.warnings,
            refusal,
            harmful,
            vacancies,
            of_domains: Some(OF_DOMAINS),
            ..Preflight::default()
        }))
    }

    async fn close(&self) {
        self.channel.close().await;
    }
}

/// An indicator, as a plan sees its targets.
fn host(indicator: &Indicator, state: Option<HostState>, able: Abilities, caution: Option<String>) -> Host {
    let address = match indicator {
        Indicator::V4(net) => Some(IpAddr::V4(net.addr())),
        Indicator::V6(net) => Some(IpAddr::V6(net.addr())),
        Indicator::Domain(_) => None,
    };
    Host {
        id: HostId::new(indicator.canonical()),
        name: Some(name_of(indicator).into()),
        aliases: Box::default(),
        domain: None,
        addresses: address.into_iter().collect(),
        more_addresses: false,
        macs: Vec::new(),
        state,
        able,
        caution: caution.map(Into::into),
        unable: None,
        online: None,
        last_seen: None,
        os: None,
        group: None,
        product: None,
    }
}

/// Every text that is an indicator in its one form is an id.
pub fn id_form(text: &str) -> IdForm {
    match Indicator::parse(text) {
        Ok(parsed) if parsed.indicator.canonical() == text => IdForm::Id(None),
        Ok(parsed) => IdForm::Id(Some(parsed.indicator.canonical().into())),
        Err(_) => IdForm::NotAnId,
    }
}

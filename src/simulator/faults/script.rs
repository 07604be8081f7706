//! A faults file made ready for one fleet: names looked up, requests counted.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Confirm, Endpoint, Faults, FaultsError, HowConfirmed, Rule, SensorFault, Share, Span, TaskResult};
use crate::{
    domain::host::short_name,
    simulator::{
        fleet::Fleet,
        guid::{Guid, mix},
    },
};

/// A choice of hosts, ready to be asked.
#[derive(Clone, Debug)]
pub(in crate::simulator) enum Hosts {
    All,
    Some { listed: HashSet<Guid>, share: Option<(Share, u64)> },
}

impl Hosts {
    pub(in crate::simulator) fn include(&self, guid: Guid) -> bool {
        match self {
            Self::All => true,
            Self::Some { listed, share } => {
                listed.contains(&guid) || share.is_some_and(|(share, seed)| share.includes(guid.hash(seed)))
            }
        }
    }

    fn new(written: &[String], share: Option<(Share, u64)>, book: &Book) -> Result<Self, FaultsError> {
        if written.is_empty() && share.is_none() {
            return Ok(Self::All);
        }
        let mut listed = HashSet::new();
        for name in written {
            listed.extend(book.guids(name)?);
        }
        Ok(Self::Some { listed, share })
    }
}

/// Where each name that a faults file says was found in the fleet.
struct Book(HashMap<String, Vec<Guid>>);

impl Book {
    fn new(faults: &Faults, fleet: &Fleet) -> Self {
        let written = faults.confirm.iter().flat_map(|confirm| &confirm.hosts);
        let written = written.chain(faults.rules.iter().flat_map(|rule| &rule.hosts));
        let written = written.chain(faults.unavailable.iter().flat_map(|chosen| &chosen.hosts));
        let written = written.chain(faults.kaspersky.result.iter().flat_map(|result| &result.hosts));
        let written = written.chain(faults.cybereason.sensor.iter().flat_map(|sensor| &sensor.hosts));
        let mut found: HashMap<String, Vec<Guid>> = written.map(|name| (name.to_lowercase(), Vec::new())).collect();
        let mut names_left = false;
        for (name, guids) in &mut found {
            guids.extend(fleet.find_text(name).map(|number| fleet.guid(number)));
            names_left |= guids.is_empty();
        }
        if names_left {
            for number in 0..u32::try_from(fleet.len()).unwrap_or(u32::MAX) {
                let name = fleet.name(number).to_lowercase();
                let short = short_name(&name);
                for spelling in std::iter::once(name.as_str()).chain((short != name).then_some(short)) {
                    if let Some(guids) = found.get_mut(spelling) {
                        guids.push(fleet.guid(number));
                    }
                }
            }
        }
        Self(found)
    }

    fn guids(&self, name: &str) -> Result<Vec<Guid>, FaultsError> {
        match self.0.get(&name.to_lowercase()) {
            Some(guids) if !guids.is_empty() => Ok(guids.clone()),
            _ => Err(FaultsError::NoSuchHost(name.to_owned())),
        }
    }
}

/// How one host confirms.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Confirmation {
    pub(in crate::simulator) how: HowConfirmed,
    pub(in crate::simulator) after: Duration,
    pub(in crate::simulator) unlock_after: Duration,
}

impl Confirmation {
    fn new(confirm: Option<&Confirm>) -> Self {
        let span = |given: Option<Span>, default| given.map_or(default, |span| span.0);
        let two_seconds = Duration::from_secs(2);
        Self {
            how: confirm.map(|confirm| confirm.how).unwrap_or_default(),
            after: span(confirm.and_then(|confirm| confirm.after), two_seconds),
            unlock_after: span(confirm.and_then(|confirm| confirm.unlock_after), two_seconds * 5),
        }
    }
}

/// What goes wrong, ready to be asked for every request.
#[derive(Debug)]
pub(in crate::simulator) struct Script {
    confirmations: Vec<(Hosts, Confirmation)>,
    unavailable: Option<Hosts>,
    rules: Vec<(Rule, Hosts)>,
    results: Vec<(TaskResult, Hosts)>,
    sensors: Vec<(SensorFault, Hosts)>,
    counted: Mutex<Vec<Counted>>,
}

#[derive(Clone, Debug, Default)]
struct Counted {
    seen: u64,
    seen_per_host: HashMap<Guid, u64>,
    fired: u64,
}

impl Script {
    pub(in crate::simulator) fn new(faults: &Faults, fleet: &Fleet) -> Result<Self, FaultsError> {
        let book = Book::new(faults, fleet);
        if faults.confirm.len() > 250 {
            return Err(FaultsError::TooMany);
        }
        let mut confirmations = Vec::new();
        for confirm in &faults.confirm {
            let share = confirm.share.map(|share| (share, confirm.seed));
            confirmations.push((Hosts::new(&confirm.hosts, share, &book)?, Confirmation::new(Some(confirm))));
        }
        confirmations.push((Hosts::All, Confirmation::new(None)));
        let unavailable = faults
            .unavailable
            .as_ref()
            .map(|chosen| Hosts::new(&chosen.hosts, chosen.share.map(|share| (share, chosen.seed)), &book))
            .transpose()?;
        let mut rules = Vec::new();
        for rule in &faults.rules {
            rules.push((rule.clone(), Hosts::new(&rule.hosts, None, &book)?));
        }
        let mut results = Vec::new();
        for result in &faults.kaspersky.result {
            let share = result.share.map(|share| (share, result.seed));
            results.push((result.clone(), Hosts::new(&result.hosts, share, &book)?));
        }
        let mut sensors = Vec::new();
        for sensor in &faults.cybereason.sensor {
            let share = sensor.share.map(|share| (share, sensor.seed));
            sensors.push((sensor.clone(), Hosts::new(&sensor.hosts, share, &book)?));
        }
        let counted = Mutex::new(vec![Counted::default(); rules.len()]);
        Ok(Self { confirmations, unavailable, rules, results, sensors, counted })
    }

    /// How a task of this type ends on a host, if somebody said it.
    pub(in crate::simulator) fn result(&self, guid: Guid, task: &str) -> Option<&TaskResult> {
        let fits = |(result, hosts): &&(TaskResult, Hosts)| {
            result.task.as_deref().is_none_or(|wanted| wanted == task) && hosts.include(guid)
        };
        self.results.iter().find(fits).map(|(result, _)| result)
    }

    /// What somebody said of a sensor.
    pub(in crate::simulator) fn sensor(&self, guid: Guid) -> Option<&SensorFault> {
        self.sensors.iter().find(|(_, hosts)| hosts.include(guid)).map(|(sensor, _)| sensor)
    }

    /// Whether any rule wants to know what a request is for.
    pub(in crate::simulator) const fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Which confirmation holds for a host, as a number for [`Script::confirmation`].
    pub(in crate::simulator) fn confirmation_of(&self, guid: Guid) -> u8 {
        let at = self.confirmations.iter().position(|(hosts, _)| hosts.include(guid));
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
    }

    pub(in crate::simulator) fn confirmation(&self, number: u8) -> Confirmation {
        self.confirmations.get(usize::from(number)).map_or_else(|| Confirmation::new(None), |(_, how)| *how)
    }

    /// Whether a host cannot be isolated.
    pub(in crate::simulator) fn is_unavailable(&self, guid: Guid) -> bool {
        self.unavailable.as_ref().is_some_and(|hosts| hosts.include(guid))
    }

    /// What is done to this request. Every rule counts every request that fits it; the first that fires holds.
    pub(in crate::simulator) fn fault(&self, method: &str, endpoint: Endpoint, guid: Option<Guid>) -> Option<&Rule> {
        if self.rules.is_empty() {
            return None;
        }
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut holding = None;
        for ((rule, hosts), counted) in self.rules.iter().zip(counted.iter_mut()) {
            let fits = rule.method.is_none_or(|wanted| wanted.word() == method)
                && rule.endpoint.is_none_or(|wanted| wanted == endpoint)
                && match (hosts, guid) {
                    (Hosts::All, _) => true,
                    (hosts, Some(guid)) => hosts.include(guid),
                    (Hosts::Some { .. }, None) => false,
                };
            if !fits {
                continue;
            }
            let seen = match guid {
                Some(guid) if rule.per_host => counted.seen_per_host.entry(guid).or_default(),
                _ => &mut counted.seen,
            };
            *seen += 1;
            let seen = *seen;
            let salt = if rule.per_host { guid.map_or(0, |guid| guid.hash(rule.seed)) } else { mix(rule.seed) };
            let fires = rule.nth.is_none_or(|nth| nth == seen)
                && seen > rule.after
                && rule.times.is_none_or(|times| counted.fired < times)
                && rule.share.is_none_or(|share| share.includes(mix(salt ^ seen)));
            if fires && holding.is_none() {
                counted.fired += 1;
                holding = Some(rule);
            }
        }
        holding
    }
}

//! What runs have done for a time, at every console that journals here know of, and when that is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{Back, EXPIRED, Earlier, Look, selector_of};
use crate::{
    cli::commands::blocklist,
    domain::{
        action::{ActionKind, Thing},
        id::RunId,
    },
    journal::{Header, JournalError, Lasts, Ledger, Pending, Piece, StateFolder, Touch, lasts},
    reporters::clean::clean,
    vendors::VendorName,
};

/// A console as journals know it, and what is to be taken back there.
#[derive(Debug)]
pub(crate) struct Place {
    /// The console's word.
    pub(crate) vendor: String,
    /// Its address.
    pub(crate) console: String,
    /// The part of what is at that address, where there are several.
    pub(crate) part: Option<String>,
    /// The profile of the newest run that did something for a time there.
    pub(crate) profile: Option<String>,
    /// What runs have done for a time, and still stands.
    pub(crate) pending: Vec<Pending>,
    /// Journals that may say that it is to stay.
    pub(crate) unread: Vec<(RunId, Arc<JournalError>)>,
}

impl Place {
    /// What is due at this time.
    pub(crate) fn due(&self, now: Timestamp) -> impl Iterator<Item = &Pending> {
        self.pending.iter().filter(move |pending| pending.due.is_some_and(|due| due <= now))
    }

    /// The console, if this version knows it and it has hosts.
    pub(crate) fn host_console(&self) -> Option<VendorName> {
        VendorName::from_word(&self.vendor).filter(|vendor| vendor.acts_on() == Thing::Host)
    }

    /// The firewall, if this version knows it.
    pub(crate) fn firewall(&self) -> Option<VendorName> {
        VendorName::from_word(&self.vendor).filter(|vendor| vendor.acts_on() == Thing::Indicator)
    }

    /// Whether it is in that part of what is at its address.
    pub(crate) fn is_in(&self, part: Option<&str>) -> bool {
        self.part.as_deref().zip(part).is_none_or(|(its, other)| its == other)
    }

    /// Its address, and its part where it has one, for people.
    pub(crate) fn name(&self) -> String {
        let address = clean(&self.console);
        self.part.as_deref().map_or_else(|| address.to_string(), |part| format!("{address} ({})", clean(part)))
    }

    /// What puts back the hosts that are due, and says whose time was over.
    pub(crate) fn back(&self, vendor: VendorName, now: Timestamp) -> Back {
        let mut runs: BTreeSet<&str> = BTreeSet::new();
        let mut hosts = Vec::new();
        for (line, pending) in (1_u32..).zip(self.due(now)) {
            let written: Arc<str> = pending.id.as_str().into();
            let Some(selector) = selector_of(pending.id.as_str(), &written, vendor.id_form()) else { continue };
            runs.extend(pending.runs.iter().map(|run| run.as_str()));
            hosts.push(Earlier {
                selector,
                file: None,
                line,
                name: pending.name.clone(),
                run: (*pending.holder).clone(),
                look: match pending.touch {
                    Touch::Unclear | Touch::Perhaps => Look::Must,
                    Touch::Asked => Look::IfTold,
                    Touch::Taken | Touch::Done | Touch::Wanted => Look::No,
                },
                knows_before: pending.touch != Touch::Unclear,
                unproven: pending.touch < Touch::Done,
                leave: None,
            });
        }
        let runs: Vec<serde_json::Value> = runs.into_iter().map(Into::into).collect();
        Back {
            hosts,
            console: self.console.clone(),
            options: BTreeMap::from([(EXPIRED.to_owned(), runs.into())]),
            says: vec!["their time is over".to_owned()],
            takes_back: true,
        }
    }
}

/// The runs of which nobody knows where they were.
pub(crate) fn unread(journals: &StateFolder) -> Result<Vec<(RunId, Arc<JournalError>)>, JournalError> {
    let entries = journals.runs()?.into_iter();
    Ok(entries.filter_map(|entry| Some((entry.run, Arc::new(entry.summary.err()?)))).collect())
}

/// Every console at which a run has done something for a time.
pub(crate) fn places(journals: &StateFolder) -> Result<Vec<Place>, JournalError> {
    struct Found {
        place: Place,
        ledger: Ledger,
    }
    let mut unread: Vec<(RunId, Arc<JournalError>)> = Vec::new();
    let mut headers = Vec::new();
    for entry in journals.runs()? {
        match entry.summary {
            Ok(summary) => headers.push(summary.header),
            Err(error) => unread.push((entry.run, Arc::new(error))),
        }
    }
    let place_of = |header: &Header| {
        (header.vendor.clone(), header.console.clone(), blocklist::part_in(header).map(str::to_owned))
    };
    let mut found: BTreeMap<(String, String, Option<String>), Found> = BTreeMap::new();
    // The newest comes first, and its profile is the one that is most likely to lead there still.
    let for_a_time = |header: &&Header| !header.simulated && lasts(header) != Lasts::ForGood;
    for header in headers.iter().filter(for_a_time).flat_map(Header::heads) {
        found.entry(place_of(&header)).or_insert_with(|| Found {
            place: Place {
                vendor: header.vendor.clone(),
                console: header.console.clone(),
                part: blocklist::part_in(&header).map(str::to_owned),
                profile: header.profile.clone(),
                pending: Vec::new(),
                unread: unread.clone(),
            },
            ledger: Ledger::default(),
        });
    }
    for header in headers.iter().filter(|header| !header.simulated) {
        let kind = ActionKind::from_word(&header.action).filter(|kind| kind.undone_by().is_some());
        let heads = header.heads();
        let places: Vec<_> = heads.iter().map(place_of).filter(|place| found.contains_key(place)).collect();
        let Some(kind) = kind.filter(|_| !places.is_empty()) else { continue };
        match journals.replay(&header.run) {
            Ok(replay) => {
                for Piece { replay, .. } in replay.apart().pieces {
                    if let Some(found) = found.get_mut(&place_of(&replay.header)) {
                        found.ledger.add(&replay, kind, lasts(&replay.header), None);
                    }
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for place in places {
                    if let Some(found) = found.get_mut(&place) {
                        found.place.unread.push((header.run.clone(), Arc::clone(&error)));
                    }
                }
            }
        }
    }
    let whole = found.into_values().map(|Found { place, mut ledger }| {
        ledger.put_in_order();
        let vendor = VendorName::from_word(&place.vendor);
        let keeps_no_state = vendor.is_some_and(|vendor| vendor.driver().takes.keeps_no_state);
        let pending = ledger.pending(if keeps_no_state { was_taken } else { was_seen });
        Place { pending, ..place }
    });
    Ok(whole.collect())
}

/// Whether the host was seen as the release wanted it.
pub(super) const fn was_seen(touch: Touch) -> bool {
    matches!(touch, Touch::Taken | Touch::Done | Touch::Wanted)
}

/// Whether the console took the release at least.
pub(super) const fn was_taken(touch: Touch) -> bool {
    !matches!(touch, Touch::Unclear | Touch::Perhaps)
}

/// How what one run did for a time stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// How much of it is to be taken back, at whatever time.
    pub(crate) pending: u64,
    /// How much of that is due.
    pub(crate) overdue: u64,
    /// How much another run wants so for good.
    pub(crate) kept: u64,
    /// When the first of it is due.
    pub(crate) first: Option<Timestamp>,
    /// When the last of it is.
    pub(crate) last: Option<Timestamp>,
}

/// How it stands for every run that did something for a time.
pub(crate) fn dues(places: &[Place], now: Timestamp) -> BTreeMap<RunId, Due> {
    let mut dues: BTreeMap<RunId, Due> = BTreeMap::new();
    for pending in places.iter().flat_map(|place| &place.pending) {
        for run in &pending.runs {
            let due = dues.entry((**run).clone()).or_default();
            match pending.due {
                Some(at) => {
                    due.pending += 1;
                    due.overdue += u64::from(at <= now);
                    due.first = Some(due.first.map_or(at, |first| first.min(at)));
                    due.last = due.last.max(Some(at));
                }
                None => due.kept += 1,
            }
        }
    }
    dues
}

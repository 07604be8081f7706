//! Reading hosts: the inventory page by page, some by their ids, some by what analysts write.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{PoisonError, atomic::Ordering},
};

use super::{
    Kaspersky,
    answers::{Refusal, Why},
    container::Container,
    filter::{self, Wanted},
    requests::{self, Found, ResultSet},
    session::Talk,
};
use crate::{
    domain::{
        action::{Observed, Target},
        failure::FailureKind,
        host::HostId,
        selector::{Named, Selector},
    },
    vendors::{Again, Cursor, Page, VendorError},
};

/// The most names in one filter. A console that finds a filter too long is asked for half.
///
/// Each stands in it with every attribute that holds a name, in up to three spellings.
pub(super) const MOST_NAMES: usize = 400;

/// Hosts or incidents that one chunk brings where all of them are wanted.
const MOST_READ: u64 = 1_000;

/// The most chunks that one conversation reads. A console may give fewer than it was asked for in each.
pub(super) const MOST_CHUNKS: u64 = 1_000;

/// What a selector was found to name.
#[derive(Clone, Debug)]
pub enum Sought {
    /// These hosts; none, one, or several that repeat a name.
    Hosts(Vec<Found>),
    /// The console cannot be asked for this; the text says why.
    CannotAsk(&'static str),
}

/// Where the next page of the inventory is: the slot whose session asked, the first host, how many there are, and what
/// the console calls the result.
struct Place<'a> {
    slot: usize,
    start: u64,
    total: u64,
    accessor: &'a str,
}

impl<'a> Place<'a> {
    fn read(cursor: &'a Cursor) -> Option<Self> {
        let mut parts = cursor.0.splitn(4, '/');
        let slot = parts.next()?.parse().ok()?;
        let (start, total) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { slot, start, total, accessor: parts.next()? })
    }

    fn cursor(&self) -> Cursor {
        Cursor(format!("{}/{}/{}/{}", self.slot, self.start, self.total, self.accessor).into())
    }
}

impl Kaspersky {
    /// Reads one page of the inventory.
    ///
    /// A result that the console has let go of is told, and asked for anew when the same page is asked for again. It is in
    /// the order of the ids, so it goes on where it stood.
    pub(super) async fn page(&self, cursor: Option<&Cursor>) -> Result<Page, VendorError> {
        let bad = || VendorError::new(FailureKind::Internal, "no page of the inventory is there", Again::Never);
        let place = cursor.map(|cursor| Place::read(cursor).ok_or_else(bad)).transpose()?;
        let (mut talk, start, known) = match &place {
            None => (self.pool.talk().await?, 0, None),
            Some(place) => {
                let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).take();
                let is_there = lost.as_deref() != Some(place.accessor);
                let known = is_there.then(|| ResultSet { accessor: place.accessor.to_owned(), count: place.total });
                (self.pool.talk_at(place.slot).await?, place.start, known)
            }
        };
        let ResultSet { accessor, count: total } = match known {
            Some(set) => set,
            None => find(&mut talk, "").await.map_err(|refusal| refusal.error)?,
        };
        let items = match talk.ask(requests::chunk(&accessor, start, requests::PAGE), requests::judge_chunk).await {
            Ok(items) => items,
            Err(refusal) if refusal.why == Why::Unknown => {
                *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(accessor.into());
                return Err(lost(&refusal));
            }
            Err(refusal) => return Err(refusal.error),
        };
        let read = items.len() as u64;
        // A chunk may be smaller than was asked for. Whoever counts sees whether hosts are missing.
        let is_last = start + read >= total || read == 0;
        if is_last {
            let_go(&mut talk, &accessor).await;
        }
        let next = Place { slot: talk.number(), start: start + read, total, accessor: &accessor };
        Ok(Page {
            hosts: items.iter().map(|item| requests::host(item).host).collect(),
            next: (!is_last).then(|| next.cursor()),
            total: Some(total),
        })
    }

    /// Reads hosts by their ids.
    pub(super) async fn look(&self, targets: &[Target]) -> Result<Vec<Observed>, VendorError> {
        let state =
            |found: &Found| Observed::State { state: requests::not_told(), able: found.host.able, last_seen: None };
        if targets.is_empty() || targets.len() > self.capabilities.max_observe {
            return Err(VendorError::new(FailureKind::Internal, "one to 200 hosts at a time", Again::Never));
        }
        if let [Target { id, .. }] = targets {
            let mut talk = self.pool.talk().await?;
            let found = talk.ask(requests::host_info(id), |response| requests::judge_host_info(id, response)).await;
            return match found {
                Ok(found) => Ok(vec![state(&found)]),
                Err(refusal) if refusal.why == Why::Unknown => Ok(vec![Observed::NoSuchHost]),
                Err(refusal) => Err(refusal.error),
            };
        }
        let ids = targets.iter().map(|target| target.id.as_str()).filter(|id| filter::can_be_asked_for(id));
        let wanted: Vec<Wanted<'_>> = ids.map(Wanted::Id).collect();
        let found: Vec<Found> = self.seek(&wanted).await?.into_iter().flatten().collect();
        let seen: HashMap<&HostId, &Found> = found.iter().map(|found| (&found.host.id, found)).collect();
        Ok(targets
            .iter()
            .map(|target| seen.get(&target.id).map_or(Observed::NoSuchHost, |found| state(found)))
            .collect())
    }

    /// Finds the hosts that selectors name: one answer per selector, in order. Compared for equality, in any case.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the console could not be asked; nothing is changed.
    pub async fn find_hosts(&self, selectors: &[Selector]) -> Result<Vec<Sought>, VendorError> {
        let wanted: Vec<Result<Wanted<'_>, &'static str>> = selectors.iter().map(wanted).collect();
        let asked: Vec<Wanted<'_>> = wanted.iter().filter_map(|wanted| wanted.ok()).collect();
        let mut found = self.seek(&asked).await?.into_iter();
        let answer = |wanted: Result<Wanted<'_>, &'static str>| match wanted {
            Ok(_) => Sought::Hosts(found.next().unwrap_or_default()),
            Err(why) => Sought::CannotAsk(why),
        };
        Ok(wanted.into_iter().map(answer).collect())
    }

    /// Looks for hosts, as many at once as the console takes: one answer each, in order.
    async fn seek(&self, wanted: &[Wanted<'_>]) -> Result<Vec<Vec<Found>>, VendorError> {
        let mut answers = Vec::with_capacity(wanted.len());
        let mut waiting: VecDeque<&[Wanted<'_>]> = wanted.chunks(self.batch.load(Ordering::Relaxed).max(1)).collect();
        let mut talk = self.pool.talk().await?;
        while let Some(batch) = waiting.pop_front() {
            let Some(filter) = filter::hosts(batch.iter().copied()) else {
                return Err(VendorError::new(FailureKind::Internal, "a name cannot be asked for", Again::Never));
            };
            match read(&mut talk, &filter, MOST_CHUNKS).await {
                Ok(hosts) => {
                    self.reads.store(true, Ordering::Relaxed);
                    answers.extend(batch.iter().map(|wanted| fitting(*wanted, &hosts)));
                }
                Err(refusal) if refusal.why == Why::Unreadable && batch.len() > 1 => {
                    let half = batch.len().div_ceil(2);
                    self.batch.fetch_min(half, Ordering::Relaxed);
                    let (first, second) = batch.split_at(half);
                    waiting.push_front(second);
                    waiting.push_front(first);
                }
                Err(refusal) => match batch {
                    // Even one name is too long in all of its spellings at once.
                    [Wanted::Name(name)] if refusal.why == Why::Unreadable => {
                        let mut hosts = Vec::new();
                        for filter in filter::one_by_one(name).unwrap_or_default() {
                            hosts.extend(read(&mut talk, &filter, MOST_CHUNKS).await.map_err(|refusal| refusal.error)?);
                        }
                        answers.push(fitting(Wanted::Name(name), &hosts));
                    }
                    _ => return Err(refusal.error),
                },
            }
        }
        Ok(answers)
    }

    /// The tags of one host. None of them is documented to say anything.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the console could not be asked.
    pub async fn host_tags(&self, target: &Target) -> Result<Vec<String>, VendorError> {
        let mut talk = self.pool.talk().await?;
        talk.ask(requests::host_tags(&target.id), requests::judge_tags).await.map_err(|refusal| refusal.error)
    }
}

/// The hosts that are one that is wanted, each once.
fn fitting(wanted: Wanted<'_>, hosts: &[Found]) -> Vec<Found> {
    let mut found: Vec<Found> = hosts.iter().filter(|host| filter::fits(wanted, host)).cloned().collect();
    found.sort_unstable_by(|a, b| a.host.id.cmp(&b.host.id));
    found.dedup_by(|a, b| a.host.id == b.host.id);
    found
}

/// What a selector asks the console for.
pub(super) fn wanted(selector: &Selector) -> Result<Wanted<'_>, &'static str> {
    match selector.named() {
        Named::Id(id) if filter::can_be_asked_for(id) => Ok(Wanted::Id(id)),
        Named::Name(name) if filter::can_be_asked_for(name) => Ok(Wanted::Name(name)),
        Named::Ip(IpAddr::V4(address)) => Ok(Wanted::Ip(address)),
        Named::Id(_) | Named::Name(_) => Err("no name and no id has control characters"),
        Named::Ip(IpAddr::V6(_)) => Err("the console keeps no IPv6 addresses; name the host instead"),
        Named::Mac(_) => Err("the console cannot be asked for MAC addresses; name the host instead"),
    }
}

async fn find(talk: &mut Talk<'_>, filter: &str) -> Result<ResultSet, Refusal> {
    talk.ask(requests::find_hosts(filter), requests::judge_found).await
}

/// Reads the hosts of a filter, all of them.
pub(super) async fn read(talk: &mut Talk<'_>, filter: &str, chunks: u64) -> Result<Vec<Found>, Refusal> {
    let set = find(talk, filter).await?;
    let items = all_items(talk, &set, chunks).await?;
    Ok(items.iter().map(requests::host).collect())
}

/// Reads every item of a result set, and lets it go.
pub(super) async fn all_items(talk: &mut Talk<'_>, set: &ResultSet, chunks: u64) -> Result<Vec<Container>, Refusal> {
    let mut items = Vec::new();
    for _ in 0..chunks {
        let read = items.len() as u64;
        if read >= set.count {
            break;
        }
        let chunk = talk.ask(requests::chunk(&set.accessor, read, MOST_READ), requests::judge_chunk).await;
        let chunk = chunk.map_err(|refusal| match refusal.why {
            // It is not the host that is unknown.
            Why::Unknown => lost(&refusal).into(),
            _ => refusal,
        })?;
        if chunk.is_empty() {
            break;
        }
        items.extend(chunk);
    }
    let_go(talk, &set.accessor).await;
    if (items.len() as u64) < set.count {
        let text = format!("the console counted {} and showed {}", set.count, items.len());
        return Err(VendorError::new(FailureKind::Protocol, text, Again::Backoff).into());
    }
    Ok(items)
}

/// Whether it is let go of now or by and by changes nothing.
pub(super) async fn let_go(talk: &mut Talk<'_>, accessor: &str) {
    drop(talk.ask(requests::release(accessor), |response| requests::judge_done(response, false)).await);
}

/// A result set dies with its session, and when nobody has read from it for a while.
fn lost(refusal: &Refusal) -> VendorError {
    let text = format!("the console let go of the list while it was read; it is asked for anew ({})", refusal.error);
    VendorError::new(FailureKind::ServerError, text, Again::Backoff)
}

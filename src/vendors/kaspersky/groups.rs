//! Groups of hosts, by name, by the names of those above them as well, or by number. Names repeat, so every group that one
//! fits is told, each with its own hosts; a group's hosts are those in it, and not those of groups below.

use std::collections::BTreeMap;

use super::{
    Kaspersky,
    answers::Refusal,
    filter,
    hosts::{self, MOST_CHUNKS},
    requests::{self, Found},
    session::Talk,
};
use crate::{
    domain::failure::FailureKind,
    vendors::{Again, Group, VendorError},
};

/// What stands in front of a group's number.
const NUMBER: &str = "id:";

/// What stands between the names of a group and of those above it.
const ABOVE: char = '/';

/// The most groups of one name that are asked for theirs above.
const MOST_ASKED: usize = 50;

/// Groups by their numbers; one without a number is in none that can be told from others.
type Groups = BTreeMap<Option<i64>, Vec<Found>>;

impl Kaspersky {
    /// Finds the groups that this names, and their hosts.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the console could not be asked, or the name cannot be one.
    pub async fn groups(&self, name: &str) -> Result<Vec<Group>, VendorError> {
        if !filter::can_be_asked_for(name) {
            let text = "the name of a group has no control characters";
            return Err(VendorError::new(FailureKind::BadRequest, text, Again::Never));
        }
        let mut talk = self.pool.talk().await?;
        let asked = async {
            if let Some(number) = name.strip_prefix(NUMBER).and_then(|number| number.trim().parse().ok()) {
                let filter = filter::group_number(number);
                return of_groups(&mut talk, &filter, &|found| found.group == Some(number)).await;
            }
            let groups = named(&mut talk, name).await?;
            let last = name.trim_end_matches(ABOVE).rsplit_once(ABOVE).map(|(_, last)| last);
            match last.filter(|last| groups.is_empty() && !last.is_empty()) {
                Some(last) => named(&mut talk, last).await,
                None => Ok(groups),
            }
        };
        let groups = asked.await.map_err(|refusal| refusal.error)?;
        let by_path = groups.values().flatten().any(|found| !is_called(found, name)) && !name.starts_with(NUMBER);
        let asks = groups.len() > 1 || by_path;
        let mut told = Vec::with_capacity(groups.len());
        for (at, (number, hosts)) in groups.into_iter().enumerate() {
            let own = hosts.first().and_then(|found| found.host.group.clone()).unwrap_or_default();
            let whole = match number.filter(|_| asks && at < MOST_ASKED) {
                Some(number) => whole_name(&mut talk, number).await?,
                None => None,
            };
            let is_meant = !by_path || whole.as_deref().is_some_and(|whole| same_path(whole, name));
            if is_meant {
                let hosts = hosts.into_iter().map(|found| found.host).collect();
                told.push(Group { number, name: whole.unwrap_or(own), hosts });
            }
        }
        Ok(told)
    }
}

/// The groups of this very name, in any case.
async fn named(talk: &mut Talk<'_>, name: &str) -> Result<Groups, Refusal> {
    let filter = filter::group(name).unwrap_or_default();
    of_groups(talk, &filter, &|found| is_called(found, name)).await
}

/// Whether the console filters by these attributes is not documented. Where it refuses to, or finds nothing, every host is
/// read.
async fn of_groups(
    talk: &mut Talk<'_>,
    filter: &str,
    is_wanted: &(dyn Fn(&Found) -> bool + Sync),
) -> Result<Groups, Refusal> {
    let mut hosts = match hosts::read(talk, filter, MOST_CHUNKS).await {
        Ok(hosts) => hosts,
        Err(refusal) if refusal.error.failure().kind == FailureKind::BadRequest => Vec::new(),
        Err(refusal) => return Err(refusal),
    };
    hosts.retain(is_wanted);
    if hosts.is_empty() {
        hosts = hosts::read(talk, "", MOST_CHUNKS).await?;
        hosts.retain(is_wanted);
    }
    let mut groups = Groups::new();
    for found in hosts {
        groups.entry(found.group).or_default().push(found);
    }
    Ok(groups)
}

fn is_called(found: &Found, name: &str) -> bool {
    found.host.group.as_deref().is_some_and(|group| group.to_lowercase() == name.to_lowercase())
}

/// A group's name with those above it; `None` where it is not told.
async fn whole_name(talk: &mut Talk<'_>, number: i64) -> Result<Option<Box<str>>, VendorError> {
    match talk.ask(requests::group_info(number), requests::judge_group_info).await {
        Ok(name) => Ok(name),
        // It would only have been told.
        Err(refusal) if refusal.error.scope() != crate::vendors::Scope::Run => Ok(None),
        Err(refusal) => Err(refusal.error),
    }
}

/// Whether two names with those above are the same, with or without a stroke at their ends.
fn same_path(one: &str, other: &str) -> bool {
    let plain = |path: &str| path.trim_matches(ABOVE).to_lowercase();
    plain(one) == plain(other)
}

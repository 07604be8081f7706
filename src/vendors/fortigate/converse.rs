//! The two conversations: an indicator in, an indicator out. Each is bounded, and right from wherever the last one broke off.
//!
//! In: what is there is read; what is missing is made; what was written is read back and compared before it becomes a member,
//! because an object with a default for a value means every address there is; the member is added; the group is read.
//! Out: the member is taken out, then the object is deleted if it is ours and nothing else uses it; the group is read.

use std::collections::HashSet;

use super::{
    channel::{Channel, Created, Deleted},
    objects::{Mark, Object, Table},
};
use crate::{
    clock,
    domain::failure::FailureKind,
    vendors::{Ack, Again, Reply, Scope, TakesBack, VendorError},
};

/// One target of a batch.
pub(super) struct Job {
    /// Its place in the batch.
    pub(super) n: usize,
    /// The object for it, as it is wanted.
    pub(super) object: Object,
}

/// How an object that may become a member came to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Was {
    /// It was there, as it has to be.
    There,
    /// It was made just now.
    Made,
    /// It was there and has been changed, or somebody else has just made it.
    Changed,
}

/// The replies to a batch, filled in as they are known.
pub(super) struct Replies(Vec<Option<Reply>>);

impl Replies {
    pub(super) fn new(targets: usize) -> Self {
        Self(std::iter::repeat_with(|| None).take(targets).collect())
    }

    pub(super) fn set(&mut self, n: usize, reply: Reply) {
        if let Some(slot) = self.0.get_mut(n) {
            *slot = Some(reply);
        }
    }

    fn fail<'j>(&mut self, jobs: impl IntoIterator<Item = &'j Job>, error: &VendorError) {
        for job in jobs {
            self.set(job.n, Err(error.clone()));
        }
    }

    pub(super) fn finish(self) -> Vec<Reply> {
        let missing = || Err(VendorError::new(FailureKind::Internal, "no reply was made", Again::InDoubt));
        self.0.into_iter().map(|reply| reply.unwrap_or_else(missing)).collect()
    }
}

fn names<'j>(jobs: impl IntoIterator<Item = &'j Job>) -> Vec<&'j str> {
    jobs.into_iter().map(|job| job.object.name.as_str()).collect()
}

/// Something was written before this failed: only a look tells how things stand.
fn in_doubt(error: &VendorError) -> VendorError {
    let failure = error.failure();
    match error.scope() {
        Scope::Run => VendorError::stops_run_in_doubt(failure.kind, failure.text.clone()),
        Scope::Targets => VendorError::new(failure.kind, failure.text.clone(), Again::InDoubt),
    }
}

/// What is there under our name and is not ours.
fn not_ours(channel: &dyn Channel, object: &Object) -> VendorError {
    VendorError::new(FailureKind::NotOurs, channel.not_ours(object), Again::Never)
}

fn group_is_gone(group: &str) -> VendorError {
    VendorError::stops_run(FailureKind::NotFound, format!("the address group `{group}` is not there any more"))
}

/// Puts objects of one table into the group.
pub(super) async fn block(
    channel: &dyn Channel,
    (table, group): (Table, &str),
    jobs: Vec<Job>,
    (mark, takes_back): (&Mark, Option<&TakesBack>),
    replies: &mut Replies,
) {
    let there = match channel.objects(table, &names(&jobs)).await {
        Ok(there) => there,
        Err(error) => return replies.fail(&jobs, &error),
    };
    let mut settled = Vec::new();
    let (mut missing, mut differing) = (Vec::new(), Vec::new());
    for job in jobs {
        match there.iter().find(|object| object.name == job.object.name) {
            None if matches!(takes_back, Some(TakesBack::Time { .. })) => {
                replies.set(job.n, Err(VendorError::new(FailureKind::NotOurs, NOTHING_TO_TIME, Again::Never)));
            }
            None => missing.push(job),
            Some(found) => match found.mark() {
                None => replies.set(job.n, Err(not_ours(channel, found))),
                Some(old) if found.value == job.object.value && may_stay(&old, mark, takes_back) => {
                    settled.push((job, Was::There));
                }
                Some(_) => differing.push(job),
            },
        }
    }
    let written = write(channel, missing, differing, replies).await;
    if !written.is_empty() {
        let (there, written) = match channel.objects(table, &names(written.iter().map(|(job, _)| job))).await {
            Ok(there) => (there, written),
            Err(error) => {
                replies.fail(written.iter().map(|(job, _)| job), &in_doubt(&error));
                (Vec::new(), Vec::new())
            }
        };
        for (job, was) in written {
            let found = there.iter().find(|object| object.name == job.object.name);
            match found {
                Some(found) if found.mark().is_none() && was != Was::Made => {
                    replies.set(job.n, Err(not_ours(channel, found)))
                }
                Some(found) if found.value == job.object.value && found.mark().is_some() => settled.push((job, was)),
                Some(_) => {
                    // What means something else than was asked for must never become a member, nor be left lying about.
                    let error = VendorError::new(
                        FailureKind::NothingDone,
                        format!("the firewall keeps another value in `{}` than was written", job.object.name),
                        Again::Never,
                    );
                    replies.set(job.n, Err(error));
                    take_back(channel, table, &job, was).await;
                }
                None => {
                    let text = "the firewall took the object and does not show it";
                    replies.set(job.n, Err(VendorError::new(FailureKind::NothingDone, text, Again::Look)));
                }
            }
        }
    }
    join(channel, (table, group), settled, replies).await;
}

/// Makes what is missing and changes what differs; what may have been written comes back.
async fn write(
    channel: &dyn Channel,
    missing: Vec<Job>,
    differing: Vec<Job>,
    replies: &mut Replies,
) -> Vec<(Job, Was)> {
    let mut written = Vec::new();
    if !missing.is_empty() {
        let created = channel.create(&missing.iter().map(|job| &job.object).collect::<Vec<_>>()).await;
        for (job, created) in missing.into_iter().zip(created) {
            match created {
                Ok(Created::Made) => written.push((job, Was::Made)),
                Ok(Created::WasThere) => written.push((job, Was::Changed)),
                Err(error) => replies.set(job.n, Err(error)),
            }
        }
    }
    if !differing.is_empty() {
        let changed = channel.change(&differing.iter().map(|job| &job.object).collect::<Vec<_>>()).await;
        for (job, changed) in differing.into_iter().zip(changed) {
            match changed {
                Ok(()) => written.push((job, Was::Changed)),
                Err(error) => replies.set(job.n, Err(error)),
            }
        }
    }
    written
}

/// Deletes an object that was made just now and is good for nothing. If it cannot be, it stays in no group.
async fn take_back(channel: &dyn Channel, table: Table, job: &Job, was: Was) {
    if was == Was::Made {
        drop(channel.delete(table, &[&job.object.name]).await);
    }
}

/// Makes objects that are as they have to be members of the group.
async fn join(channel: &dyn Channel, (table, group): (Table, &str), jobs: Vec<(Job, Was)>, replies: &mut Replies) {
    if jobs.is_empty() {
        return;
    }
    // An object that was made just now is nobody's member.
    let before = if jobs.iter().any(|(_, was)| *was != Was::Made) {
        match members(channel, table, group).await {
            Ok(before) => before,
            Err(error) => {
                return replies.fail(jobs.iter().map(|(job, _)| job), &in_doubt(&error));
            }
        }
    } else {
        HashSet::new()
    };
    let (inside, outside): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|(job, _)| before.contains(&job.object.name));
    for (job, was) in inside {
        let ack = if was == Was::There { Ack::AlreadyInState } else { Ack::Done };
        replies.set(job.n, Ok(ack));
    }
    if outside.is_empty() {
        return;
    }
    let added = channel.add(table, group, &names(outside.iter().map(|(job, _)| job))).await;
    let mut open = Vec::new();
    for ((job, was), added) in outside.into_iter().zip(added) {
        match added {
            Ok(()) => open.push(job),
            Err(error) => {
                // A group that takes no more was not given this one, nor any that stands behind it.
                let is_full = matches!(error.failure().kind, FailureKind::TableFull | FailureKind::FolderFailed);
                let refused = error.again() == Again::Never && (error.scope() == Scope::Targets || is_full);
                if refused {
                    take_back(channel, table, &job, was).await;
                }
                // The object may have been made: whoever resumes looks first.
                let is_known = refused || was == Was::There || error.failure().kind == FailureKind::FolderBusy;
                let error = if is_known { error } else { in_doubt(&error) };
                replies.set(job.n, Err(error));
            }
        }
    }
    if open.is_empty() {
        return;
    }
    match members(channel, table, group).await {
        Ok(after) => {
            for job in open {
                let reply = if after.contains(&job.object.name) {
                    Ok(Ack::Done)
                } else {
                    let text = "the firewall took the member and does not show it in the group";
                    Err(VendorError::new(FailureKind::NothingDone, text, Again::Look))
                };
                replies.set(job.n, reply);
            }
        }
        Err(error) => replies.fail(&open, &in_doubt(&error)),
    }
}

async fn members(channel: &dyn Channel, table: Table, group: &str) -> Result<HashSet<String>, VendorError> {
    match channel.group(table, group).await? {
        Some(found) if found.untold => Err(VendorError::new(
            FailureKind::Protocol,
            format!("the firewall does not tell the members of the group `{group}`"),
            Again::Backoff,
        )),
        Some(found) => Ok(found.members.into_iter().collect()),
        None => Err(group_is_gone(group)),
    }
}

/// Adds objects that are members and were not shown: a firewall that understands no filter, or cuts its answer off, shows none,
/// and what is in the group is there for sure.
pub(super) async fn with_hidden<'m>(
    channel: &dyn Channel,
    table: Table,
    mut there: Vec<Object>,
    names: &[&str],
    members: impl IntoIterator<Item = &'m String>,
) -> Result<Vec<Object>, VendorError> {
    let members: HashSet<&str> = members.into_iter().map(String::as_str).collect();
    for name in names.iter().filter(|name| members.contains(**name)) {
        if there.iter().any(|object| object.name == **name) {
            continue;
        }
        match channel.objects(table, &[name]).await?.into_iter().find(|object| object.name == **name) {
            Some(object) => there.push(object),
            None => {
                let text =
                    format!("`{name}` is a member of the group, and the firewall does not show the object itself");
                return Err(VendorError::new(FailureKind::Protocol, text, Again::Backoff));
            }
        }
    }
    Ok(there)
}

/// Takes objects of one table out of the group.
pub(super) async fn unblock(
    channel: &dyn Channel,
    (table, group): (Table, &str),
    jobs: Vec<Job>,
    takes_back: Option<&TakesBack>,
    replies: &mut Replies,
) {
    let there = match channel.objects(table, &names(&jobs)).await {
        Ok(there) => there,
        Err(error) => return replies.fail(&jobs, &error),
    };
    let before = match members(channel, table, group).await {
        Ok(before) => before,
        Err(error) => return replies.fail(&jobs, &error),
    };
    let there = match with_hidden(channel, table, there, &names(&jobs), &before).await {
        Ok(there) => there,
        Err(error) => return replies.fail(&jobs, &error),
    };
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for job in jobs {
        match there.iter().find(|object| object.name == job.object.name) {
            None => replies.set(job.n, Ok(Ack::AlreadyInState)),
            Some(found) => match found.mark() {
                None => replies.set(job.n, Err(not_ours(channel, found))),
                Some(mark) => match may_go(&mark, takes_back) {
                    Err(why) => replies.set(job.n, Err(VendorError::new(FailureKind::NotOurs, why, Again::Never))),
                    Ok(()) if before.contains(&job.object.name) => inside.push(job),
                    Ok(()) => outside.push(job),
                },
            },
        }
    }
    let mut done = HashSet::new();
    if !inside.is_empty() {
        let removed = channel.remove(table, group, &names(&inside)).await;
        for (job, removed) in std::mem::take(&mut inside).into_iter().zip(removed) {
            match removed {
                Ok(()) => {
                    done.insert(job.n);
                    outside.push(job);
                }
                Err(error) => replies.set(job.n, Err(error)),
            }
        }
    }
    if outside.is_empty() {
        return;
    }
    let deleted = channel.delete(table, &names(&outside)).await;
    let after = if done.is_empty() { Ok(before) } else { members(channel, table, group).await };
    for (job, deleted) in outside.into_iter().zip(deleted) {
        let reply = match (&after, deleted) {
            (Err(error), _) => Err(in_doubt(error)),
            (Ok(_), Ok(Deleted::Others)) => Err(VendorError::new(FailureKind::NotOurs, OTHERS_STAY, Again::Never)),
            (Ok(after), _) if after.contains(&job.object.name) => {
                let text = "the firewall took the removal and still shows the member in the group";
                Err(VendorError::new(FailureKind::NothingDone, text, Again::Look))
            }
            // It blocks nothing any more. An object that was left is told, and found again by its mark.
            (Ok(_), Ok(Deleted::Gone)) if !done.contains(&job.n) => Ok(Ack::DoneBut(
                "it was no member of the group; the object that was left of it has been deleted".into(),
            )),
            (Ok(_), Ok(Deleted::Gone)) => Ok(Ack::Done),
            // It was no member, and it is still of use somewhere: it may well be blocked there.
            (Ok(_), Ok(Deleted::InUse)) if !done.contains(&job.n) => {
                let text = format!(
                    "it is no member of the group `{group}`, and something else uses its object `{}`: it may be blocked there",
                    job.object.name
                );
                Err(VendorError::new(FailureKind::NothingDone, text, Again::Never))
            }
            (Ok(_), Ok(Deleted::InUse)) => {
                Ok(Ack::DoneBut(format!("something else uses the object `{}`, so it was left", job.object.name).into()))
            }
            (Ok(_), Err(error)) => Err(in_doubt(&error)),
        };
        replies.set(job.n, reply);
    }
}

/// What is said where ours is out, and somebody else's does the same.
const OTHERS_STAY: &str =
    "the line of ours is off the list, and somebody else's line keeps it blocked: it was left alone";

/// What is said of an indicator whose time alone is to be put back.
pub(super) const NOTHING_TO_TIME: &str = "it is not blocked any more, so there is no time to put back";

/// Whether an object that is there may keep its mark, where another one is wanted.
pub(super) fn may_stay(found: &Mark, wanted: &Mark, takes_back: Option<&TakesBack>) -> bool {
    match takes_back {
        // What another run has asked for since is not this one's to change.
        Some(TakesBack::Time { of, .. }) => found.run != *of,
        _ => found.outlasts(wanted, clock::now()),
    }
}

/// Whether an object with this mark may be taken out for what is taken back.
pub(super) fn may_go(mark: &Mark, takes_back: Option<&TakesBack>) -> Result<(), String> {
    match takes_back {
        None | Some(TakesBack::Time { .. }) => Ok(()),
        Some(TakesBack::Run(run)) if mark.run == *run => Ok(()),
        Some(TakesBack::Run(_)) => Err(format!("run {} wants it blocked, too", mark.run)),
        Some(TakesBack::Due(now)) => match mark.expires {
            Some(at) if at <= *now => Ok(()),
            Some(at) => Err(format!("run {} wants it blocked until {}", mark.run, at.strftime("%Y-%m-%dT%H:%M:%SZ"))),
            None => Err(format!("run {} wants it blocked for good", mark.run)),
        },
    }
}

//! What stands in a run's way: nobody who makes tasks of incidents, and a console that keeps so many tasks and no more.
//!
//! Three conversations at once, each in a session of its own where there are sessions enough.

use std::{
    collections::BTreeMap,
    sync::{
        PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Kaspersky,
    answers::{Refusal, Why},
    container::Container,
    errand::OURS,
    filter,
    follow::{RESPONSE, starts_with},
    hosts,
    requests::{self, ListedTask},
};
use crate::{
    clock,
    domain::{failure::FailureKind, host::HostId},
    vendors::{Again, Preflight, Room, Scope, Taken, VendorError},
};

/// Response tasks that a console keeps; one more pushes out the oldest, whether it is done or not.
const MOST_TASKS: usize = 100;

/// The most tasks of every kind that are read to find those: there is a request for each.
const MOST_READ: usize = 5_000;

/// The most response tasks that are asked after, each by a request of its own.
const MOST_ASKED: usize = 1_000;

/// How many of them at once.
const AT_ONCE: usize = 8;

/// Incidents in one chunk: a scan for indicators has megabytes in its own.
const CHUNK: u64 = 100;

/// The most chunks of them.
const MOST_CHUNKS: u64 = 50;

/// An incident that nobody has picked up for so long is not counted any more.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

/// Where a Web Console is connected, one that became no task in this time will become none.
const PICKED_UP: SignedDuration = SignedDuration::from_mins(15);

/// Tries before what cannot be learnt is taken for unknown: as many as whoever asks makes.
const TRIES: usize = 3;

/// An incident of a run of ours, as far as it counts.
#[derive(Debug)]
struct Waiting {
    id: i64,
    host: Option<HostId>,
    area: String,
    added: Option<Timestamp>,
}

/// Incidents that are no tasks yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Queue {
    all: usize,
    /// Of other runs.
    others: usize,
}

impl Kaspersky {
    /// What would keep tasks from being carried out, as far as the console tells. `more`: so many are to be added, if there
    /// has to be room for them.
    pub(super) async fn looks_ahead(&self, more: Option<usize>) -> Result<Preflight, VendorError> {
        let is_last = self.looks.fetch_add(1, Ordering::Relaxed) + 1 >= TRIES;
        let counting = more.is_some();
        let (tasks, (attended, incidents), proof) = futures::join!(
            async { if counting { Some(self.response_tasks().await) } else { None } },
            async {
                let attended = self.is_attended().await;
                (attended, if counting { Some(self.unhandled_incidents().await) } else { None })
            },
            self.proves_reading(),
        );
        proof?;
        let mut warnings = Vec::new();
        let attended = lasting(attended, is_last)?.unwrap_or_default();
        match attended {
            Some(true) => {}
            Some(false) => warnings.push(
                "no Web Console is connected to the Administration Server: incidents wait until one is, and nothing is carried \
                 out before; the connection in the background is switched on in the Web Console's integration settings"
                    .to_owned(),
            ),
            None => warnings.push(
                "whether a Web Console is connected, which makes tasks of incidents, cannot be learnt from this console"
                    .to_owned(),
            ),
        }
        let room = match (tasks, more) {
            (Some(tasks), Some(more)) => {
                let tasks = lasting(tasks, is_last)?;
                let incidents = incidents.map(|incidents| lasting(incidents, is_last)).transpose()?;
                Some(self.room(tasks, incidents, attended, more, is_last, &mut warnings).await?)
            }
            _ => None,
        };
        self.looks.store(0, Ordering::Relaxed);
        Ok(Preflight { warnings, attended, room, ..Preflight::default() })
    }

    /// The answer that a check has just had serves once more.
    async fn is_attended(&self) -> Result<Option<bool>, VendorError> {
        let known = self.attended.lock().unwrap_or_else(PoisonError::into_inner).take();
        match known {
            Some(known) => Ok(known),
            None => self.is_console_there().await,
        }
    }

    /// That the account may read hosts at all, unless that was seen before.
    async fn proves_reading(&self) -> Result<(), VendorError> {
        if self.reads.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut talk = self.pool.talk().await?;
        let set = talk.ask(requests::find_hosts(""), requests::judge_found).await.map_err(|refusal| refusal.error)?;
        self.reads.store(true, Ordering::Relaxed);
        hosts::let_go(&mut talk, &set.accessor).await;
        Ok(())
    }

    async fn room(
        &self,
        tasks: Result<Vec<ListedTask>, VendorError>,
        incidents: Option<Result<Vec<Waiting>, VendorError>>,
        attended: Option<bool>,
        more: usize,
        is_last: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Room, VendorError> {
        let tasks = match tasks {
            Ok(tasks) => tasks,
            Err(error) => {
                warnings.push(format!("the response tasks that are there already cannot be counted: {error}"));
                return Ok(Room { limit: MOST_TASKS, taken: None });
            }
        };
        let queue = match incidents {
            Some(Ok(incidents)) => lasting(self.queue(&incidents, &tasks, attended).await, is_last)?,
            Some(Err(error)) => Err(error),
            None => Ok(Queue::default()),
        };
        let queue = queue.unwrap_or_else(|error| {
            warnings.push(format!("incidents that are to become tasks and are none yet cannot be counted: {error}"));
            Queue::default()
        });
        let all = tasks.len() + queue.all;
        // How each stands costs a request each, and matters only if one has to go.
        if all + more <= MOST_TASKS {
            return Ok(Room { limit: MOST_TASKS, taken: Some(Taken { all, ..Taken::default() }) });
        }
        let stands = self.how_they_stand(tasks, is_last).await?;
        let is_own = |task: &ListedTask| self.errand.is_some() && is_of(task, self.area.as_str());
        let open = stands.iter().filter(|(task, is_over)| *is_over != Some(true) && !is_own(task)).count();
        let taken = Taken { all: stands.len() + queue.all, open: open + queue.others, spare: spare(stands) };
        Ok(Room { limit: MOST_TASKS, taken: Some(taken) })
    }

    /// The response tasks that the console shows.
    ///
    /// Such tasks belong to single hosts, and whether this list has them is not documented: it is a lower bound.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the console could not be asked, or has more tasks than are read.
    async fn response_tasks(&self) -> Result<Vec<ListedTask>, VendorError> {
        let mut talk = self.pool.talk().await?;
        let iterator = talk.ask(requests::reset_tasks(), requests::judge_tasks_iterator).await;
        let iterator = iterator.map_err(|refusal| refusal.error)?;
        let mut tasks = Vec::new();
        let mut is_whole = false;
        for _ in 0..MOST_READ {
            let next = talk.ask(requests::next_task(&iterator), requests::judge_next_task).await;
            let next = next.map_err(|refusal| match refusal.why {
                // It dies with its session: it is the list that is unknown.
                Why::Unknown => {
                    let text = format!("the console let go of its tasks while they were counted ({})", refusal.error);
                    VendorError::new(FailureKind::ServerError, text, Again::Backoff)
                }
                _ => refusal.error,
            });
            let Some(task) = next? else {
                is_whole = true;
                break;
            };
            if starts_with(&task.name, RESPONSE) {
                tasks.push(task);
            }
        }
        // It ends by itself, too.
        drop(talk.ask(requests::release_tasks(&iterator), |response| requests::judge_done(response, false)).await);
        if is_whole {
            return Ok(tasks);
        }
        let text = format!("the console has more than {MOST_READ} tasks of all kinds, and no more are read");
        Err(VendorError::new(FailureKind::Unsupported, text, Again::Never))
    }

    /// Which tasks are over. `None`: it is not told. Those that have gone in the meantime are left out.
    async fn how_they_stand(
        &self,
        mut tasks: Vec<ListedTask>,
        is_last: bool,
    ) -> Result<Vec<(ListedTask, Option<bool>)>, VendorError> {
        let rest = tasks.split_off(tasks.len().min(MOST_ASKED));
        let older = AtomicBool::new(false);
        let asked = tasks.into_iter().map(|task| {
            let older = &older;
            async move {
                let is_over = match task.id.as_deref() {
                    Some(id) => self.is_over(id, older).await,
                    None => Ok(None),
                };
                (task, is_over)
            }
        });
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let mut stands = Vec::with_capacity(answers.len() + rest.len());
        for (task, is_over) in answers {
            match is_over {
                Ok(is_over) => stands.push((task, is_over)),
                Err(refusal) if refusal.why == Why::Unknown => {}
                Err(refusal) => stands.push((task, lasting(Err(refusal.error), is_last)?.unwrap_or_default())),
            }
        }
        stands.extend(rest.into_iter().map(|task| (task, None)));
        Ok(stands)
    }

    async fn is_over(&self, task: &str, older: &AtomicBool) -> Result<Option<bool>, Refusal> {
        let mut talk = self.pool.talk().await?;
        if !older.load(Ordering::Relaxed) {
            match talk.ask(requests::statistics(task, false), requests::judge_statistics).await {
                Err(refusal) if refusal.why == Why::NoMethod => older.store(true, Ordering::Relaxed),
                answer => return answer,
            }
        }
        talk.ask(requests::statistics(task, true), requests::judge_statistics).await
    }

    /// Incidents of ours that nobody has marked as handled. That mark proves nothing where it is missing: not every console
    /// may set it.
    async fn unhandled_incidents(&self) -> Result<Vec<Waiting>, VendorError> {
        let now = clock::now();
        let filter = filter::unhandled(now.checked_sub(FORGOTTEN).unwrap_or(now));
        let mut talk = self.pool.talk().await?;
        let set = talk.ask(requests::find_incidents(&filter), requests::judge_found).await;
        let set = set.map_err(|refusal| refusal.error)?;
        let mut found = Vec::new();
        let mut read = 0;
        for _ in 0..MOST_CHUNKS {
            if read >= set.count {
                break;
            }
            let chunk = talk.ask(requests::chunk(&set.accessor, read, CHUNK), requests::judge_chunk).await;
            let chunk = chunk.map_err(|refusal| refusal.error)?;
            if chunk.is_empty() {
                break;
            }
            read += chunk.len() as u64;
            found.extend(chunk.iter().filter_map(waiting));
        }
        hosts::let_go(&mut talk, &set.accessor).await;
        if read >= set.count {
            return Ok(found);
        }
        let text = format!("the console counted {} and showed {read}", set.count);
        Err(VendorError::new(FailureKind::Unsupported, text, Again::Never))
    }

    /// How many incidents of ours are still to become tasks.
    ///
    /// They are picked up in their order. So an incident whose run has a task for its newest incident, or that is older than
    /// one of which that is known, has been one: it was pushed out or deleted. Of a run that has fewer tasks than incidents,
    /// the difference is waiting.
    async fn queue(
        &self,
        incidents: &[Waiting],
        tasks: &[ListedTask],
        attended: Option<bool>,
    ) -> Result<Queue, VendorError> {
        let mut runs: BTreeMap<&str, Vec<&Waiting>> = BTreeMap::new();
        for incident in incidents {
            runs.entry(&incident.area).or_default().push(incident);
        }
        let mut picked_up = i64::MIN;
        let mut missing: Vec<(&str, usize, Vec<&Waiting>)> = Vec::new();
        for (area, incidents) in runs {
            let own: Vec<&ListedTask> = tasks.iter().filter(|task| is_of(task, area)).collect();
            let Some(newest) = incidents.iter().max_by_key(|incident| incident.id) else { continue };
            let is_whole = own.len() >= incidents.len();
            if is_whole || !own.is_empty() && self.has_one_of(newest, &own).await? {
                picked_up = picked_up.max(newest.id);
            } else {
                missing.push((area, incidents.len() - own.len(), incidents));
            }
        }
        let now = clock::now();
        let may_wait = |incident: &Waiting| {
            let is_young = incident.added.is_none_or(|added| now.duration_since(added) < PICKED_UP);
            incident.id > picked_up && (is_young || attended != Some(true))
        };
        let mut queue = Queue::default();
        for (area, most, incidents) in missing {
            let count = incidents.into_iter().filter(|incident| may_wait(incident)).count().min(most);
            queue.all += count;
            let is_own = self.errand.is_some() && area.eq_ignore_ascii_case(self.area.as_str());
            queue.others += if is_own { 0 } else { count };
        }
        Ok(queue)
    }

    /// Whether the incident's host has one of these tasks.
    async fn has_one_of(&self, incident: &Waiting, tasks: &[&ListedTask]) -> Result<bool, VendorError> {
        let Some(host) = &incident.host else { return Ok(false) };
        let mut talk = self.pool.talk().await?;
        match talk.ask(requests::tasks_of_host(host), requests::judge_tasks_of_host).await {
            Ok(ids) => Ok(tasks.iter().any(|task| task.id.as_ref().is_some_and(|id| ids.contains(id)))),
            // The host is gone, and will have none.
            Err(refusal) if refusal.why == Why::Unknown => Ok(false),
            Err(refusal) => Err(refusal.error),
        }
    }
}

/// A failure that asking again may mend is told to whoever asks, as long as that is done; what is wrong with the run is told
/// at once. All others are an answer of a kind: it cannot be known.
fn lasting<T>(asked: Result<T, VendorError>, is_last: bool) -> Result<Result<T, VendorError>, VendorError> {
    match asked {
        Err(error) if error.scope() == Scope::Run || error.failure().kind == FailureKind::Throttled => Err(error),
        Err(error) if error.again() != Again::Never && !is_last => Err(error),
        asked => Ok(asked),
    }
}

/// How many of the oldest tasks are over, before the first that is not. The console pushes out the oldest first, and numbers
/// them as they come; where they have no numbers, one that is not over may be anywhere.
fn spare(stands: Vec<(ListedTask, Option<bool>)>) -> usize {
    let numbered: Option<Vec<(u64, bool)>> = stands
        .iter()
        .map(|(task, is_over)| Some((task.id.as_deref()?.parse().ok()?, *is_over == Some(true))))
        .collect();
    match numbered {
        Some(mut numbered) => {
            numbered.sort_unstable();
            numbered.iter().take_while(|(_, is_over)| *is_over).count()
        }
        None if stands.iter().all(|(_, is_over)| *is_over == Some(true)) => stands.len(),
        None => 0,
    }
}

/// Whether a task is one of this word.
fn is_of(task: &ListedTask, area: &str) -> bool {
    let rest = task.name.get(RESPONSE.len()..).and_then(|rest| rest.strip_prefix('['));
    rest.and_then(|rest| rest.split_once(']')).is_some_and(|(own, _)| own.eq_ignore_ascii_case(area))
}

/// An incident, if it is one of ours and is not marked as handled.
fn waiting(item: &Container) -> Option<Waiting> {
    if item.truth("KLINCDT_IS_HANDLED") == Some(true) {
        return None;
    }
    let body: Value = serde_json::from_str(item.text("KLINCDT_BODY")?).ok()?;
    let area = body.get("responseEventIncidentArea")?.as_str()?.to_ascii_lowercase();
    area.starts_with(OURS).then(|| Waiting {
        id: item.whole("KLINCDT_ID").unwrap_or(i64::MAX),
        host: item.text("KLHST_WKS_HOSTNAME").map(HostId::new),
        area,
        added: item.time("KLINCDT_ADDED"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, name: &str) -> ListedTask {
        ListedTask { id: Some(id.into()), name: name.into() }
    }

    #[test]
    fn the_oldest_that_are_over_may_go() {
        let stands =
            |told: &[(&str, Option<bool>)]| spare(told.iter().map(|(id, is_over)| (task(id, "x"), *is_over)).collect());
        assert_eq!(stands(&[("9", Some(true)), ("10", Some(false)), ("8", Some(true))]), 2);
        assert_eq!(stands(&[("10", Some(true)), ("9", None)]), 0, "what is not told may be under way");
        assert_eq!(stands(&[("a", Some(true)), ("b", Some(true))]), 2);
        assert_eq!(stands(&[("a", Some(true)), ("b", Some(false))]), 0);
        assert_eq!(stands(&[]), 0);
    }

    #[test]
    fn a_task_belongs_to_the_word_in_its_name_and_to_no_other() {
        assert!(is_of(&task("1", "[Response][EDRCTL-ab12] isolateHost - x"), "edrctl-ab12"));
        for name in ["[Response][edrctl-ab123] x", "[Response] edrctl-ab12", "[Response][edrctl-ab1", "[Résponse", ""]
        {
            assert!(!is_of(&task("1", name), "edrctl-ab12"), "{name}");
        }
    }
}

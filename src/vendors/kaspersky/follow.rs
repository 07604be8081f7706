//! What came of a response task: the highest rung of a ladder that is proved, and never more.
//!
//! No method tells it. A task whose name begins with our word, on that host, made after we asked, is taken for ours.

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Kaspersky,
    answers::{Refusal, Why},
    requests::{self, HostStatus, TaskInfo},
    session::Talk,
    tasks::Area,
};
use crate::{
    domain::{action::Target, failure::FailureKind},
    vendors::VendorError,
};

/// How far the console's clock may be behind ours. The word in the name is the run's own, so this is generous: whoever is
/// wrong about the time zone is wrong by hours.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

/// The most tasks that are asked for their names in one conversation; the next one goes on.
const MOST_NAMES: usize = 100;

/// The most names of tasks that are kept.
const MOST_KEPT: usize = 50_000;

/// How every response task is called.
pub(super) const RESPONSE: &str = "[Response]";

/// How far a response task has come, as far as the console proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// The incident is there and released; nothing shows that anybody has read it.
    Submitted,
    /// The console has made a task of it.
    TaskCreated,
    /// The task waits for its host.
    Pending,
    /// The host is at it.
    Running,
    /// Somebody has paused it.
    Paused,
    /// The host has done it.
    Completed,
    /// The host has done it, with a warning.
    CompletedWithWarning,
    /// The host could not do it.
    Failed,
    /// The task was there and is gone, before it was seen to end: others have pushed it out, or somebody deleted it.
    Lost,
}

impl Rung {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::TaskCreated => "task_created",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::CompletedWithWarning => "completed_with_warning",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }

    /// What it means.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Submitted => "the console has the incident and has made no task of it yet",
            Self::TaskCreated => "the console has made a task of it, and does not tell how it stands",
            Self::Pending => "the task waits for the host",
            Self::Running => "the host is carrying it out",
            Self::Paused => "the task is paused",
            Self::Completed => "the host has carried it out",
            Self::CompletedWithWarning => "the host has carried it out, with a warning",
            Self::Failed => "the host could not carry it out",
            Self::Lost => {
                "the task is gone before it was seen to end: newer ones have pushed it out, or somebody has deleted it"
            }
        }
    }

    /// Whether it can change no more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::CompletedWithWarning | Self::Failed | Self::Lost)
    }

    /// The rung of a host's state in a task.
    const fn of_state(code: i64) -> Option<Self> {
        Some(match code {
            0x01 | 0x20 => Self::Pending,
            0x02 => Self::Running,
            0x04 => Self::Completed,
            0x08 => Self::CompletedWithWarning,
            0x10 => Self::Failed,
            0x40 => Self::Paused,
            _ => return None,
        })
    }
}

/// A task that was seen to be ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTask {
    /// The console's id of it.
    pub id: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// How a response task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The highest rung that is proved.
    pub rung: Rung,
    /// The task, once it is there.
    pub task: Option<KnownTask>,
    /// What the host says, in the console's words.
    pub said: Option<Box<str>>,
    /// How much of it is done, in percent.
    pub percent: Option<i64>,
    /// When the host ended.
    pub finished: Option<Timestamp>,
}

impl Kaspersky {
    /// Looks how far a response task has come: in one conversation, about one host.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the console could not be asked; that says nothing of the task.
    pub async fn follow(
        &self,
        target: &Target,
        area: &Area,
        since: Timestamp,
        known: Option<&KnownTask>,
    ) -> Result<Followed, VendorError> {
        self.followed(target, area, since, known).await.map_err(|refusal| refusal.error)
    }

    async fn followed(
        &self,
        target: &Target,
        area: &Area,
        since: Timestamp,
        known: Option<&KnownTask>,
    ) -> Result<Followed, Refusal> {
        let mut talk = self.pool.talk().await?;
        let ids = talk.ask(requests::tasks_of_host(&target.id), requests::judge_tasks_of_host).await?;
        let task = match known {
            Some(known) if ids.contains(&known.id) => known.clone(),
            Some(known) => return Ok(at(Rung::Lost, Some(known.clone()))),
            None => match self.own_task(&mut talk, ids, area, since).await? {
                Some(task) => task,
                None => return Ok(at(Rung::Submitted, None)),
            },
        };
        let status = match states(&mut talk, &task.id, target).await {
            Ok(status) => status,
            // The task went while we were asking: the next look tells.
            Err(refusal) if matches!(refusal.why, Why::Unknown | Why::NoMethod) => None,
            // It may be seen, and its states may not.
            Err(refusal) if refusal.error.failure().kind == FailureKind::Forbidden => None,
            Err(refusal) => return Err(refusal),
        };
        let status = status.unwrap_or_default();
        let rung = status.code.and_then(Rung::of_state).unwrap_or(Rung::TaskCreated);
        Ok(Followed { said: status.words, percent: status.percent, finished: status.finished, ..at(rung, Some(task)) })
    }

    /// The newest task of the host that is ours.
    async fn own_task(
        &self,
        talk: &mut Talk<'_>,
        mut ids: Vec<Box<str>>,
        area: &Area,
        since: Timestamp,
    ) -> Result<Option<KnownTask>, Refusal> {
        // The newest first: ids are numbers that grow.
        ids.sort_unstable_by_key(|id| std::cmp::Reverse((id.len(), id.clone())));
        let begin = format!("{RESPONSE}[{area}]");
        let earliest = since.checked_sub(SKEW).unwrap_or(since);
        let mut asked = 0;
        let mut own: Option<KnownTask> = None;
        for id in ids {
            let known = self.names().get(&id).cloned();
            let info = match known {
                Some(info) => info,
                None if asked == MOST_NAMES => break,
                None => {
                    asked += 1;
                    match talk.ask(requests::task(&id), requests::judge_task).await {
                        Ok(info) => self.keep(&id, info),
                        // Gone since it was listed, or not for this account to see: not ours, or not yet.
                        Err(refusal)
                            if refusal.why == Why::Unknown
                                || refusal.error.failure().kind == FailureKind::Forbidden =>
                        {
                            continue;
                        }
                        Err(refusal) => return Err(refusal),
                    }
                }
            };
            // A task without a date is judged by its name alone: the word in it is this run's own.
            let is_new = info.created.is_none_or(|created| created >= earliest);
            if starts_with(&info.name, &begin) && is_new && own.as_ref().is_none_or(|own| own.created < info.created) {
                own = Some(KnownTask { id, name: info.name.clone(), created: info.created });
            }
        }
        Ok(own)
    }

    fn names(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<TaskInfo>>> {
        self.known_tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task that has no name yet may get one.
    fn keep(&self, id: &str, info: TaskInfo) -> Arc<TaskInfo> {
        let info = Arc::new(info);
        let mut names = self.names();
        if names.len() >= MOST_KEPT {
            names.clear();
        }
        if !info.name.is_empty() {
            names.insert(id.into(), Arc::clone(&info));
        }
        info
    }
}

fn at(rung: Rung, task: Option<KnownTask>) -> Followed {
    Followed { rung, task, said: None, percent: None, finished: None }
}

/// How a task stands on a host.
async fn states(talk: &mut Talk<'_>, task: &str, target: &Target) -> Result<Option<HostStatus>, Refusal> {
    let iterator = talk.ask(requests::reset_states(task), requests::judge_states_iterator).await?;
    let id = &target.id;
    let status = talk.ask(requests::states(&iterator), |response| requests::judge_states(id, response)).await;
    drop(talk.ask(requests::release_states(&iterator), |response| requests::judge_done(response, false)).await);
    status
}

/// Whether a name begins so, in any case.
pub(super) fn starts_with(name: &str, begin: &str) -> bool {
    name.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin))
}

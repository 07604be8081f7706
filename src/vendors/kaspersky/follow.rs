//! What came of a response task: the highest rung of a ladder that is proved, and never more.
//!
//! No method tells it. A task whose name begins with our word, on that host, is taken for ours.

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::{
    Kaspersky,
    answers::{Refusal, Why},
    requests::{self, HostStatus, States, TaskInfo},
    session::Talk,
    tasks::Area,
};
use crate::{
    domain::{action::Target, failure::FailureKind},
    vendors::VendorError,
};

/// The most tasks that are asked for their names in one conversation; the next one goes on.
const MOST_NAMES: usize = 100;

/// The most tasks of the run in a host's list whose states are asked for: more than one is of a console that lists others' too.
const MOST_OWN: usize = 16;

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
        known: Option<&KnownTask>,
    ) -> Result<Followed, VendorError> {
        self.followed(target, area, known).await.map_err(|refusal| refusal.error)
    }

    async fn followed(&self, target: &Target, area: &Area, known: Option<&KnownTask>) -> Result<Followed, Refusal> {
        let mut talk = self.pool.talk().await?;
        let ids = match talk.ask(requests::tasks_of_host(&target.id), requests::judge_tasks_of_host).await {
            Ok(ids) => ids,
            // The incident is there all the same, and that is what is told.
            Err(refusal) if is_kept_from_us(&refusal) => {
                let said = format!("whether there is a task of it cannot be seen: {}", refusal.error);
                return Ok(Followed { said: Some(said.into()), ..at(Rung::Submitted, known.cloned()) });
            }
            Err(refusal) => return Err(refusal),
        };
        let tasks = match known {
            Some(known) if ids.contains(&known.id) => vec![known.clone()],
            Some(known) => return Ok(at(Rung::Lost, Some(known.clone()))),
            None => self.own_tasks(&mut talk, ids, area).await?,
        };
        for task in tasks {
            if let Some(status) = status_of(&mut talk, &task, target).await? {
                let rung = status.code.and_then(Rung::of_state).unwrap_or(Rung::TaskCreated);
                let HostStatus { words: said, percent, finished, .. } = status;
                return Ok(Followed { said, percent, finished, ..at(rung, Some(task)) });
            }
        }
        Ok(at(Rung::Submitted, None))
    }

    /// The task of a host that is called after the run, if there is one and it can be seen.
    pub(super) async fn task_of(
        &self,
        talk: &mut Talk<'_>,
        target: &Target,
        area: &Area,
    ) -> Result<Option<KnownTask>, Refusal> {
        let ids = match talk.ask(requests::tasks_of_host(&target.id), requests::judge_tasks_of_host).await {
            Ok(ids) => ids,
            Err(refusal) if is_kept_from_us(&refusal) => return Ok(None),
            Err(refusal) => return Err(refusal),
        };
        for task in self.own_tasks(talk, ids, area).await? {
            if status_of(talk, &task, target).await?.is_some() {
                return Ok(Some(task));
            }
        }
        Ok(None)
    }

    /// The tasks among these that are called after the run, the newest first. Their dates are the console's, and say nothing
    /// beside a word that is this run's own.
    async fn own_tasks(
        &self,
        talk: &mut Talk<'_>,
        mut ids: Vec<Box<str>>,
        area: &Area,
    ) -> Result<Vec<KnownTask>, Refusal> {
        // The newest first: ids are numbers that grow.
        ids.sort_unstable_by_key(|id| std::cmp::Reverse((id.len(), id.clone())));
        let begin = format!("{RESPONSE}[{area}]");
        let mut asked = 0;
        let mut own = Vec::new();
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
                        Err(refusal) if is_kept_from_us(&refusal) => continue,
                        Err(refusal) => return Err(refusal),
                    }
                }
            };
            if starts_with(&info.name, &begin) {
                own.push(KnownTask { id, name: info.name.clone(), created: info.created });
            }
        }
        own.sort_by_key(|task| std::cmp::Reverse(task.created));
        own.truncate(MOST_OWN);
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

/// Whether the console does not show something: it knows no such thing, or it is not for this account to see.
fn is_kept_from_us(refusal: &Refusal) -> bool {
    matches!(refusal.why, Why::Unknown | Why::NoMethod | Why::Unreadable)
        || refusal.error.failure().kind == FailureKind::Forbidden
}

/// How a task stands on a host; `None` if it is a task of others.
async fn status_of(talk: &mut Talk<'_>, task: &KnownTask, target: &Target) -> Result<Option<HostStatus>, Refusal> {
    match states(talk, &task.id, target).await {
        Ok(States { own: Some(status), .. }) => Ok(Some(status)),
        Ok(States { own: None, others: true }) => Ok(None),
        // The host's own list has it.
        Ok(States { own: None, others: false }) => Ok(Some(HostStatus::default())),
        // The task went while we were asking, and the next look tells; or it may be seen, and its states may not.
        Err(refusal) if is_kept_from_us(&refusal) => Ok(Some(HostStatus::default())),
        Err(refusal) => Err(refusal),
    }
}

async fn states(talk: &mut Talk<'_>, task: &str, target: &Target) -> Result<States, Refusal> {
    let iterator = talk.ask(requests::reset_states(task), requests::judge_states_iterator).await?;
    let id = &target.id;
    let states = talk.ask(requests::states(&iterator), |response| requests::judge_states(id, response)).await;
    drop(talk.ask(requests::release_states(&iterator), |response| requests::judge_done(response, false)).await);
    states
}

/// Whether a name begins so, in any case.
pub(super) fn starts_with(name: &str, begin: &str) -> bool {
    name.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin))
}

//! Responses as a Security Center keeps them: incidents, the tasks that a service makes of them, what those do to hosts.
//!
//! No timer runs. Whatever is due has its instant, and is done in order of these instants whenever somebody looks at the
//! fleet, so that nobody can see a fleet in which something overdue has not happened.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use super::{Inner, Truth};
use crate::simulator::faults::KasperskyFaults;

mod body;
mod service;
mod task;

pub(in crate::simulator) use task::{Phase, Task};

/// An incident as it truly is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentTruth {
    /// Its number.
    pub id: i32,
    /// The host's id.
    pub host: String,
    /// The body, as it was sent.
    pub body: String,
    /// Whether it is marked as handled.
    pub handled: bool,
    /// How often it was updated.
    pub updates: u32,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The ids of the tasks that were made of it: none for a body that means nothing.
    pub tasks: Vec<String>,
}

/// A task of a response as it truly is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTruth {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type, such as `isolateHost`.
    pub kind: String,
    /// The host's id.
    pub host: String,
    /// The incident that it was made of.
    pub incident: i32,
    /// How it stands on the host: 1, 2, 4, 8, 16, 32 or 64.
    pub state: u32,
    /// Whether the host did what the task says.
    pub executed: bool,
    /// Whether the server deleted it to make room.
    pub rotated: bool,
}

/// One incident.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Incident {
    pub(in crate::simulator) host: u32,
    pub(in crate::simulator) severity: i64,
    pub(in crate::simulator) added: Timestamp,
    pub(in crate::simulator) body: String,
    pub(in crate::simulator) handled: bool,
    updates: u32,
    deleted: bool,
    /// Whether the service has it, or will have it once the time has come.
    picked: bool,
    tasks: Vec<u32>,
}

impl Incident {
    pub(in crate::simulator) const fn new(host: u32, severity: i64, added: Timestamp, body: String) -> Self {
        Self {
            host,
            severity,
            added,
            body,
            handled: false,
            updates: 0,
            deleted: false,
            picked: false,
            tasks: Vec::new(),
        }
    }
}

/// What an update changes.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Update {
    pub(in crate::simulator) severity: Option<i64>,
    pub(in crate::simulator) added: Option<Timestamp>,
    pub(in crate::simulator) body: Option<String>,
    pub(in crate::simulator) handled: Option<bool>,
}

/// What happens at some instant.
#[derive(Clone, Copy, Debug)]
enum Due {
    PickUp(i32),
    Ends(u32),
    Expires { host: u32, isolated_at: Duration },
}

/// Every incident and every task.
#[derive(Debug)]
pub(in crate::simulator) struct Responses {
    settings: KasperskyFaults,
    incidents: BTreeMap<i32, Incident>,
    tasks: BTreeMap<u32, Task>,
    /// The tasks that are there, the oldest first.
    kept: VecDeque<u32>,
    /// What is still to come, by its instant since the start, and by the order in which it was planned.
    due: BTreeMap<(Duration, u64), Due>,
    planned: u64,
    next_incident: i32,
    next_task: u32,
}

impl Responses {
    pub(in crate::simulator) fn new(settings: KasperskyFaults) -> Self {
        Self {
            settings,
            incidents: BTreeMap::new(),
            tasks: BTreeMap::new(),
            kept: VecDeque::new(),
            due: BTreeMap::new(),
            planned: 0,
            next_incident: 4711,
            next_task: 1001,
        }
    }

    /// Incidents that are there, with their numbers.
    pub(in crate::simulator) fn incidents(&self) -> impl Iterator<Item = (i32, &Incident)> {
        self.incidents.iter().filter(|(_, incident)| !incident.deleted).map(|(id, incident)| (*id, incident))
    }

    pub(in crate::simulator) fn incident(&self, id: i32) -> Option<&Incident> {
        self.incidents.get(&id).filter(|incident| !incident.deleted)
    }

    /// Tasks that are there, with their numbers.
    pub(in crate::simulator) fn tasks(&self) -> impl Iterator<Item = (u32, &Task)> {
        self.kept.iter().filter_map(|id| Some((*id, self.tasks.get(id)?)))
    }

    pub(in crate::simulator) fn task(&self, id: u32) -> Option<&Task> {
        self.tasks.get(&id).filter(|task| task.removed.is_none())
    }

    fn plan(&mut self, at: Duration, due: Due) {
        self.planned += 1;
        self.due.insert((at, self.planned), due);
    }
}

impl Truth {
    /// Every incident that was ever added, in order.
    pub fn incidents(&self) -> Vec<IncidentTruth> {
        let inner = self.lock();
        let Some(responses) = &inner.responses else { return Vec::new() };
        let tell = |(id, incident): (&i32, &Incident)| IncidentTruth {
            id: *id,
            host: inner.fleet.id(incident.host),
            body: incident.body.clone(),
            handled: incident.handled,
            updates: incident.updates,
            deleted: incident.deleted,
            tasks: incident.tasks.iter().map(u32::to_string).collect(),
        };
        responses.incidents.iter().map(tell).collect()
    }

    /// Every task that was ever made of an incident, in order.
    pub fn tasks(&self) -> Vec<TaskTruth> {
        let inner = self.lock();
        let Some(responses) = &inner.responses else { return Vec::new() };
        let now = self.started.elapsed();
        let tell = |(id, task): (&u32, &Task)| {
            let seen_at = task.removed.map_or(now, |removed| removed.min(now));
            let phase = task.phase(seen_at);
            TaskTruth {
                id: id.to_string(),
                name: task.name.clone(),
                kind: task.kind.to_owned(),
                host: inner.fleet.id(task.host),
                incident: task.incident,
                state: phase.code(),
                executed: task.is_done(now),
                rotated: task.removed.is_some(),
            }
        };
        responses.tasks.iter().map(tell).collect()
    }

    /// The types of the tasks that a host has carried out, in order: twice the same is the same thing done twice.
    pub fn executed(&self, host: &str) -> Vec<String> {
        let done = |task: &TaskTruth| task.executed && task.host.eq_ignore_ascii_case(host);
        self.tasks().into_iter().filter(done).map(|task| task.kind).collect()
    }

    /// Adds an incident; its number. The body is not looked at.
    pub(in crate::simulator) fn add_incident(&self, inner: &mut Inner, incident: Incident) -> Option<i32> {
        let now = self.started.elapsed();
        count(inner, &incident);
        let responses = inner.responses.as_mut()?;
        let id = responses.next_incident;
        responses.next_incident += 1;
        responses.incidents.insert(id, incident);
        responses.added(id, now);
        Some(id)
    }

    /// Changes an incident that is there.
    pub(in crate::simulator) fn update_incident(&self, inner: &mut Inner, id: i32, update: Update) {
        let now = self.started.elapsed();
        if let Some(responses) = inner.responses.as_mut() {
            responses.updated(id, update, now);
        }
    }

    /// Deletes an incident that is there.
    pub(in crate::simulator) fn delete_incident(inner: &mut Inner, id: i32) {
        if let Some(incident) = inner.responses.as_mut().and_then(|responses| responses.incidents.get_mut(&id)) {
            incident.deleted = true;
        }
    }
}

/// Counts what an incident asks of a host, for whoever counts requests of every console alike.
fn count(inner: &mut Inner, incident: &Incident) {
    let Some(isolate) = body::asks_to_isolate(&incident.body) else { return };
    let Some(state) = inner.states.get_mut(incident.host as usize) else { return };
    let count = if isolate { &mut state.puts } else { &mut state.deletes };
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests;

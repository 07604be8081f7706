//! The service beside the console: it makes tasks of incidents, and says nothing of those that it does not understand.

use std::time::Duration;

use super::{Due, Incident, Responses, Task, Update, body};
use crate::simulator::{
    faults::{HowConfirmed, NameEnd, PickUp, TaskEnd, Unsupported},
    guid::mix,
    truth::{
        Inner, Truth,
        state::{AVAILABLE, AWAY, CHANGING, ISOLATED},
    },
};

/// The longest name that a task has.
const LONGEST_NAME: usize = 100;

impl Responses {
    pub(super) fn added(&mut self, id: i32, now: Duration) {
        if self.settings.pick_up == PickUp::Add {
            self.pick_up(id, now);
        }
    }

    pub(super) fn updated(&mut self, id: i32, update: Update, now: Duration) {
        let Some(incident) = self.incidents.get_mut(&id) else { return };
        incident.updates += 1;
        incident.severity = update.severity.unwrap_or(incident.severity);
        incident.added = update.added.unwrap_or(incident.added);
        incident.handled = update.handled.unwrap_or(incident.handled);
        if let Some(body) = update.body {
            incident.body = body;
        }
        if self.settings.picks_up_again {
            incident.picked = false;
        }
        // An update that does not say so leaves the service asleep.
        if self.settings.pick_up == PickUp::Update && update.handled == Some(false) {
            self.pick_up(id, now);
        }
    }

    fn pick_up(&mut self, id: i32, now: Duration) {
        let connected = self.settings.console_connected;
        let Some(incident) = self.incidents.get_mut(&id) else { return };
        if connected && !incident.picked {
            incident.picked = true;
            self.plan(now + self.settings.pick_up_after.0, Due::PickUp(id));
        }
    }

    /// Deletes the oldest tasks above the limit, whether or not they are finished.
    fn rotate(&mut self, at: Duration) {
        let keep = self.settings.keep_tasks;
        while keep > 0 && self.kept.len() > keep {
            let oldest = self.kept.pop_front().and_then(|id| self.tasks.get_mut(&id));
            if let Some(task) = oldest {
                task.removed = Some(at);
            }
        }
    }
}

impl Truth {
    /// Does all that is due by now.
    pub(in crate::simulator::truth) fn settle(&self, inner: &mut Inner) {
        let Some(mut responses) = inner.responses.take() else { return };
        let now = self.started.elapsed();
        while let Some(entry) = responses.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), due) = entry.remove_entry();
            match due {
                Due::PickUp(id) => self.make_task(&mut responses, inner, id, at),
                Due::Ends(id) => Self::end_task(&mut responses, inner, id, at),
                Due::Expires { host, isolated_at } => expire(inner, host, isolated_at, at),
            }
        }
        inner.responses = Some(responses);
    }

    /// Whether nothing reaches a host.
    pub(in crate::simulator) fn is_away(&self, inner: &Inner, number: u32) -> bool {
        let state = inner.state(number);
        state.is(AWAY) || self.script.confirmation(state.confirmation).how == HowConfirmed::Never
    }

    fn make_task(&self, responses: &mut Responses, inner: &mut Inner, id: i32, at: Duration) {
        let Some(incident) = responses.incidents.get(&id).filter(|incident| !incident.deleted && !incident.handled)
        else {
            return;
        };
        let Some(asked) = body::read(&incident.body, &responses.settings) else { return };
        let host = incident.host;
        // A body for another host than the incident's is one that nobody understands.
        if !inner.fleet.id(host).eq_ignore_ascii_case(&asked.host) {
            return;
        }
        let number = responses.next_task;
        let end = match responses.settings.name_ends_with {
            NameEnd::Random => format!("{:08x}", mix(u64::from(number)) >> 32),
            NameEnd::Incident => id.to_string(),
        };
        let time = self.wall.checked_add(at).unwrap_or(self.wall).strftime("%d.%m.%Y %H:%M:%S");
        let name = format!("[Response][{}] {} - {time} - {end}", asked.area, asked.kind);
        let (end, description, takes) =
            self.fate(inner, host, asked.kind, asked.isolates, responses.settings.unsupported);
        let task = Task {
            name: name.chars().take(LONGEST_NAME).collect(),
            kind: asked.kind,
            host,
            incident: id,
            created: at,
            isolates: asked.isolates,
            end,
            description,
            takes,
            removed: None,
        };
        responses.next_task += 1;
        if let Some(ends) = task.ends() {
            responses.plan(ends, Due::Ends(number));
        }
        responses.tasks.insert(number, task);
        responses.kept.push_back(number);
        let marks = responses.settings.marks_handled;
        if let Some(incident) = responses.incidents.get_mut(&id) {
            accept(incident, number, marks);
        }
        if let (Some(isolates), Some(state)) = (asked.isolates, inner.states.get_mut(host as usize)) {
            let count = if isolates { &mut state.puts_accepted } else { &mut state.deletes_accepted };
            *count = count.saturating_add(1);
        }
        responses.rotate(at);
    }

    /// How a task will end on a host, what the host will say of it, and how long that takes.
    fn fate(
        &self,
        inner: &Inner,
        host: u32,
        kind: &str,
        isolates: Option<bool>,
        unsupported: Unsupported,
    ) -> (TaskEnd, String, Duration) {
        let state = inner.state(host);
        let confirmation = self.script.confirmation(state.confirmation);
        let guid = inner.fleet.guid(host);
        let takes = confirmation.after;
        let failed = |why: &str| (TaskEnd::Failed, why.to_owned(), takes);
        if self.is_away(inner, host) || !inner.fleet.has_agent(host) {
            return (TaskEnd::Pending, String::new(), takes);
        }
        if let Some(result) = self.script.result(guid, kind) {
            let said = result.description.clone().unwrap_or_else(|| words(result.state).to_owned());
            return (result.state, said, result.after.map_or(takes, |span| span.0));
        }
        if !inner.fleet.takes_responses(host) {
            return match unsupported {
                Unsupported::Fails => failed("The task type is not supported"),
                Unsupported::Pending => (TaskEnd::Pending, String::new(), takes),
            };
        }
        if isolates.is_some() && !state.is(AVAILABLE) {
            return failed("The Network Isolation component is not installed");
        }
        match (confirmation.how, isolates) {
            (HowConfirmed::StartFailure, Some(true)) => failed("Network isolation could not be enabled"),
            (HowConfirmed::StopFailure, Some(false)) => failed("Network isolation could not be disabled"),
            _ => (TaskEnd::Finished, words(TaskEnd::Finished).to_owned(), takes),
        }
    }

    fn end_task(responses: &mut Responses, inner: &mut Inner, id: u32, at: Duration) {
        let Some(task) = responses.tasks.get(&id).filter(|task| task.is_done(at)) else { return };
        let (host, Some(isolates)) = (task.host, task.isolates) else { return };
        set(inner, host, isolates, at);
        let expires = responses.settings.isolation_expires.0;
        if isolates && !expires.is_zero() {
            responses.plan(at + expires, Due::Expires { host, isolated_at: at });
        }
    }
}

fn accept(incident: &mut Incident, task: u32, marks: bool) {
    incident.tasks.push(task);
    incident.handled |= marks;
}

/// The host puts itself back, unless something happened to it since.
fn expire(inner: &mut Inner, host: u32, isolated_at: Duration, at: Duration) {
    let state = inner.state(host);
    if state.is(ISOLATED) && state.since == millis(isolated_at) {
        set(inner, host, false, at);
    }
}

fn set(inner: &mut Inner, host: u32, isolated: bool, at: Duration) {
    if let Some(state) = inner.states.get_mut(host as usize) {
        state.since = millis(at);
        state.set(ISOLATED, isolated);
        state.set(CHANGING, false);
    }
}

fn millis(at: Duration) -> u32 {
    u32::try_from(at.as_millis()).unwrap_or(u32::MAX)
}

/// What a host says of a task, if nobody wrote it into the script.
const fn words(end: TaskEnd) -> &'static str {
    match end {
        TaskEnd::Finished => "The task is completed",
        TaskEnd::Warning => "The task is completed with warnings",
        TaskEnd::Failed => "The task has failed",
        TaskEnd::Paused => "The task is paused",
        TaskEnd::Pending | TaskEnd::Scheduled | TaskEnd::Running => "",
    }
}

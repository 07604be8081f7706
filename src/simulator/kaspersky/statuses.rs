//! How a task stands on its hosts, and its history: iterators with names of their own.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Answer, Caller, Kaspersky, Params,
    arguments::Arguments,
    errors::PxgError,
    hosts, results,
    sessions::Rows,
    tasks::{Asked, unwritten},
    values::{Field, wrapped},
};
use crate::simulator::truth::{
    Inner,
    responses::{Phase, Task},
};

/// What is told of a host in a task, to whoever asks for nothing in particular.
const FIELDS: [&str; 10] = [
    "hostname",
    "hostdn",
    "domain_name",
    "state_code",
    "try_count",
    "state_descr",
    "start_time",
    "finish_time",
    "completed_percent",
    "src_event_id",
];

/// One event in the history of a task.
struct Event {
    number: i64,
    host: u32,
    at: Duration,
    state: i64,
}

impl Kaspersky {
    pub(super) fn call_of_statuses(&self, method: &str, arguments: &Arguments, caller: &Caller) -> Answer {
        const STATUSES: &str = "strHostIteratorId";
        const EVENTS: &str = "strIteratorId";
        match method {
            "Tasks.ResetHostIteratorForTaskStatus" => self.iterate_statuses(arguments, caller),
            "Tasks.GetHostStatusRecordsCount" => self.count(arguments, STATUSES, caller),
            "Tasks.GetHostStatusRecordRange" => {
                let rows = self.range(arguments, STATUSES, caller)?;
                Ok(results([("PxgRetVal", rows.len().into()), ("pParHostStatus", json!({"statuses": rows}))]))
            }
            "Tasks.ReleaseHostStatusIterator" => self.release(arguments, STATUSES, caller),
            "Tasks.GetTaskHistory" => self.history(arguments, caller),
            "EventProcessing.GetRecordCount" => self.count(arguments, EVENTS, caller),
            "EventProcessing.GetRecordRange" => {
                let rows = self.range(arguments, EVENTS, caller)?;
                Ok(results([("pParamsEvents", json!({"KLEVP_EVENT_RANGE_ARRAY": rows}))]))
            }
            "EventProcessing.ReleaseIterator" => self.release(arguments, EVENTS, caller),
            _ => Err(unwritten()),
        }
    }

    /// Rows from one to another, the last of them not included.
    fn range(&self, arguments: &Arguments, name: &str, caller: &Caller) -> Result<Vec<Value>, super::Failure> {
        let (from, to) = (arguments.count("nStart")?, arguments.count("nEnd")?);
        let count = to.checked_sub(from).ok_or_else(|| PxgError::malformed("nEnd"))?;
        self.rows(arguments, name, caller, count)
    }

    fn iterate_statuses(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let mask = arguments.number("nHostStateMask")?;
        let mut fields = arguments.names("pFields2Return")?;
        if fields.is_empty() {
            fields = FIELDS.iter().map(ToString::to_string).collect();
        }
        let inner = self.truth.lock();
        let task = self.asked(&inner, arguments)?;
        let states = self.states(&inner, &task);
        let wanted = states.iter().filter(|(_, phase)| mask & i64::from(phase.code()) != 0);
        let tell = |(host, phase): &(u32, Phase)| {
            let told = fields
                .iter()
                .filter_map(|name| Some((name.clone(), self.of_status(&inner, &task, *host, *phase, name)?.json())));
            wrapped(told.collect())
        };
        let rows = wanted.map(tell).collect();
        drop(inner);
        let iterator = self.hold(Rows::Ready(rows), arguments, "nLifetime", caller)?;
        Ok(results([("strHostIteratorId", iterator.into())]))
    }

    fn of_status(&self, inner: &Inner, task: &Asked<'_>, host: u32, phase: Phase, name: &str) -> Option<Field> {
        let response = |tell: &dyn Fn(&Task) -> Option<Field>| match task {
            Asked::Response(_, task) => tell(task),
            Asked::Usual(..) => None,
        };
        let time = |at: Duration| Field::Time(self.truth.time_of(at));
        Some(match name {
            "hostname" => Field::Text(inner.fleet.id(host)),
            "hostdn" => Field::Text(inner.fleet.names(host).display),
            "domain_name" => self.attribute(inner, host, "KLHST_WKS_WINDOMAIN")?,
            "state_code" => Field::Int(phase.code().into()),
            "try_count" => Field::Int(0),
            "state_descr" if phase.is_over() || phase == Phase::Paused => {
                response(&|task| Some(Field::Text(task.description.clone())))?
            }
            "start_time" if !matches!(phase, Phase::Pending | Phase::Scheduled) => {
                response(&|task| task.starts().map(time))?
            }
            "finish_time" if phase.is_over() => response(&|task| task.ends().map(time))?,
            "completed_percent" if phase.is_over() => Field::Int(100),
            "completed_percent" => Field::Int(if phase == Phase::Running { 50 } else { 0 }),
            "src_event_id" => response(&|task| Some(Field::Int(i64::from(task.incident) * 10)))?,
            _ => return None,
        })
    }

    /// How a task went, event by event.
    fn history(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let fields = arguments.names("pFields2Return")?;
        let order = arguments.order("pSortFields")?;
        let host = arguments.text_or_empty("strHostName")?;
        let inner = self.truth.lock();
        let task = self.asked(&inner, arguments)?;
        let mut events = match task {
            Asked::Response(number, task) => events(number, task, self.truth.elapsed()),
            Asked::Usual(..) => Vec::new(),
        };
        events.retain(|event| host.is_empty() || inner.fleet.id(event.host).eq_ignore_ascii_case(host));
        let attribute = |event: &Event, name: &str| {
            Some(match name {
                "event_id" => Field::Int(event.number),
                "event_type" => Field::Text("KLPRCI_TaskState".to_owned()),
                "task_new_state" => Field::Int(event.state),
                "rise_time" => Field::Time(self.truth.time_of(event.at)),
                "hostname" => Field::Text(inner.fleet.id(event.host)),
                "hostdn" => Field::Text(inner.fleet.names(event.host).display),
                _ => return None,
            })
        };
        hosts::sort(&mut events, &order, attribute);
        let tell = |event: &Event| -> Params {
            fields.iter().filter_map(|name| Some((name.clone(), attribute(event, name)?.json()))).collect()
        };
        let rows = events.iter().map(|event| wrapped(tell(event))).collect();
        drop(inner);
        let iterator = self.hold(Rows::Ready(rows), &Arguments::default(), "", caller)?;
        Ok(results([("strIteratorId", iterator.into())]))
    }
}

/// What has happened to a task by now. Events have numbers that never change.
fn events(number: u32, task: &Task, now: Duration) -> Vec<Event> {
    const CREATED: i64 = 0;
    const RUNNING: i64 = 1;
    const FAILED: i64 = 3;
    const COMPLETED: i64 = 4;
    let end = if task.phase(task.ends().unwrap_or_default()) == Phase::Failed { FAILED } else { COMPLETED };
    let all = [(Some(task.created), CREATED), (task.starts(), RUNNING), (task.ends(), end)];
    let first = i64::from(number) * 10;
    let made = (first..).zip(all).filter_map(|(number, (at, state))| {
        let at = at.filter(|at| *at <= now)?;
        Some(Event { number, host: task.host, at, state })
    });
    made.collect()
}

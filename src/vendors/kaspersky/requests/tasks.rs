//! The calls about tasks: which there are of a host, what one is, how it stands.

use jiff::Timestamp;

use super::{Call, Container, Refusal, answers, ids, read};
use crate::{
    domain::host::HostId,
    http::Response,
    vendors::{
        VendorError,
        kaspersky::wire::{
            GetAllTasksOfHost, GetHostStatusRecordRange, GetTask, HostIterator, ResetHostIterator, ResetTasksIterator,
            TasksIterator,
        },
    },
};

/// Every state that a host may have in a task.
const EVERY_STATE: u32 = 127;

/// Seconds that an iterator lives.
const ITERATOR_LIFE: u32 = 120;

/// A response task is of one host; whatever else comes is compared.
const MOST_RECORDS: u32 = 100;

/// The ids of every task of a host.
pub(in crate::vendors::kaspersky) fn tasks_of_host(id: &HostId) -> Result<Call, VendorError> {
    read("Tasks.GetAllTasksOfHost", &GetAllTasksOfHost { domain: "", host: id.as_str() })
}

/// `Tasks.GetAllTasksOfHost`.
pub(in crate::vendors::kaspersky) fn judge_tasks_of_host(response: &Response) -> Result<Vec<Box<str>>, Refusal> {
    let answer = answers::content(response, false)?;
    answers::needed(ids(&answer, "PxgRetVal"), "list of tasks", false)
}

/// One task.
pub(in crate::vendors::kaspersky) fn task(id: &str) -> Result<Call, VendorError> {
    read("Tasks.GetTask", &GetTask { task: id })
}

/// What a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::vendors::kaspersky) struct TaskInfo {
    pub(in crate::vendors::kaspersky) name: Box<str>,
    pub(in crate::vendors::kaspersky) created: Option<Timestamp>,
}

/// `Tasks.GetTask`: the task stands under `PxgRetVal`, or is the answer itself.
pub(in crate::vendors::kaspersky) fn judge_task(response: &Response) -> Result<TaskInfo, Refusal> {
    let answer = answers::content(response, false)?;
    Ok(info(&answer.inner("PxgRetVal").unwrap_or(answer)))
}

/// A task without a name is nobody's.
fn info(task: &Container) -> TaskInfo {
    let nested = task.inner("TASK_INFO_PARAMS").unwrap_or_default();
    let name = task.text("DisplayName").or_else(|| nested.text("DisplayName")).unwrap_or_default();
    let created = task.time("PRTS_TASK_CREATION_DATE").or_else(|| nested.time("PRTS_TASK_CREATION_DATE"));
    TaskInfo { name: name.into(), created }
}

/// Begins a reading of every task of the console.
pub(in crate::vendors::kaspersky) fn reset_tasks() -> Result<Call, VendorError> {
    let every = ResetTasksIterator {
        group: 0,
        group_counts: false,
        product: "",
        version: "",
        component: "",
        instance: "",
        task: "",
        groups_above: false,
    };
    read("Tasks.ResetTasksIterator", &every)
}

/// `Tasks.ResetTasksIterator`.
pub(in crate::vendors::kaspersky) fn judge_tasks_iterator(response: &Response) -> Result<String, Refusal> {
    let answer = answers::content(response, false)?;
    answers::needed(answer.text("strTaskIteratorId").map(str::to_owned), "`strTaskIteratorId`", false)
}

/// The next task.
pub(in crate::vendors::kaspersky) fn next_task(iterator: &str) -> Result<Call, VendorError> {
    read("Tasks.GetNextTask", &TasksIterator { iterator })
}

/// A task as the list of all tasks has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::vendors::kaspersky) struct ListedTask {
    pub(in crate::vendors::kaspersky) id: Option<Box<str>>,
    pub(in crate::vendors::kaspersky) name: Box<str>,
}

/// `Tasks.GetNextTask`: the task, or `None` at the end.
pub(in crate::vendors::kaspersky) fn judge_next_task(response: &Response) -> Result<Option<ListedTask>, Refusal> {
    const ID: &str = "TASK_UNIQUE_ID";
    let answer = answers::content(response, false)?;
    // The vendor's own sample takes an answer without the member for the end, too.
    let task = answer.inner("pTaskData").unwrap_or_default();
    let nested = task.inner("TASK_INFO_PARAMS").unwrap_or_default();
    let id = [&task, &nested].into_iter().find_map(|from| match from.text(ID) {
        Some(id) => Some(id.trim().to_owned()),
        None => from.whole(ID).map(|number| number.to_string()),
    });
    let id = id.filter(|id| !id.is_empty()).map(String::into_boxed_str);
    Ok((!task.is_empty()).then(|| ListedTask { id, name: info(&task).name }))
}

/// On how many hosts a task stands how; the older method of the two, if that is the one that there is.
pub(in crate::vendors::kaspersky) fn statistics(task: &str, older: bool) -> Result<Call, VendorError> {
    read(if older { "Tasks.GetTaskStatistics" } else { "Tasks.GetTaskStatistics2" }, &GetTask { task })
}

/// Both of them: whether the task is done on every host, well or badly; `None` where that is not told.
pub(in crate::vendors::kaspersky) fn judge_statistics(response: &Response) -> Result<Option<bool>, Refusal> {
    let answer = answers::content(response, false)?;
    let counts = answer.inner("PxgRetVal").unwrap_or(answer);
    let any = |states: &[&str]| states.iter().any(|state| counts.whole(state).is_some_and(|hosts| hosts != 0));
    let (open, over) = (any(&["1", "2", "32", "64"]), any(&["4", "8", "16"]));
    Ok((open || over).then_some(!open))
}

/// Ends the reading.
pub(in crate::vendors::kaspersky) fn release_tasks(iterator: &str) -> Result<Call, VendorError> {
    read("Tasks.ReleaseTasksIterator", &TasksIterator { iterator })
}

/// Begins a reading of how a task stands on its hosts.
pub(in crate::vendors::kaspersky) fn reset_states(task: &str) -> Result<Call, VendorError> {
    let fields = ["hostname", "state_code", "state_descr", "start_time", "finish_time", "completed_percent"];
    read(
        "Tasks.ResetHostIteratorForTaskStatus",
        &ResetHostIterator { task, fields: &fields, states: EVERY_STATE, life: ITERATOR_LIFE },
    )
}

/// `Tasks.ResetHostIteratorForTaskStatus`.
pub(in crate::vendors::kaspersky) fn judge_states_iterator(response: &Response) -> Result<String, Refusal> {
    let answer = answers::content(response, false)?;
    answers::needed(answer.text("strHostIteratorId").map(str::to_owned), "`strHostIteratorId`", false)
}

/// The hosts of a task.
pub(in crate::vendors::kaspersky) fn states(iterator: &str) -> Result<Call, VendorError> {
    read("Tasks.GetHostStatusRecordRange", &GetHostStatusRecordRange { iterator, start: 0, end: MOST_RECORDS })
}

/// How a task stands on one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::vendors::kaspersky) struct HostStatus {
    pub(in crate::vendors::kaspersky) code: Option<i64>,
    pub(in crate::vendors::kaspersky) words: Option<Box<str>>,
    pub(in crate::vendors::kaspersky) percent: Option<i64>,
    pub(in crate::vendors::kaspersky) finished: Option<Timestamp>,
}

/// How a task stands, as far as one host is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::vendors::kaspersky) struct States {
    /// How it stands on this host; `None` where the task does not name it.
    pub(in crate::vendors::kaspersky) own: Option<HostStatus>,
    /// Whether it names any other.
    pub(in crate::vendors::kaspersky) others: bool,
}

/// `Tasks.GetHostStatusRecordRange`.
pub(in crate::vendors::kaspersky) fn judge_states(id: &HostId, response: &Response) -> Result<States, Refusal> {
    let answer = answers::content(response, false)?;
    let records = answer.inner("pParHostStatus").and_then(|status| match status.get("statuses") {
        None => (answer.whole("PxgRetVal") == Some(0)).then(Vec::new),
        Some(_) => status.containers("statuses"),
    });
    let records = answers::needed(records, "`pParHostStatus`", false)?;
    let ours = |record: &&Container| record.text("hostname").is_some_and(|name| name.eq_ignore_ascii_case(id.as_str()));
    let status = |record: &Container| HostStatus {
        code: record.whole("state_code"),
        words: record.text("state_descr").map(Into::into),
        percent: record.whole("completed_percent"),
        finished: record.time("finish_time"),
    };
    // Of records that contradict each other, the one that promises least.
    let own = records.iter().filter(ours).map(status).min_by_key(|status| status.code.map_or(0, promises));
    Ok(States { own, others: records.iter().any(|record| record.text("hostname").is_some() && !ours(&record)) })
}

/// How much a state promises: what goes on first, then what went wrong.
const fn promises(code: i64) -> u8 {
    match code {
        0x04 => 3,
        0x08 => 2,
        0x10 => 1,
        _ => 0,
    }
}

/// Ends that reading.
pub(in crate::vendors::kaspersky) fn release_states(iterator: &str) -> Result<Call, VendorError> {
    read("Tasks.ReleaseHostStatusIterator", &HostIterator { iterator })
}

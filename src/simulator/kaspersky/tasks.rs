//! Tasks: those of responses, and two of the kind that every console has.

use serde_json::{Value, json};

use super::{
    Answer, Caller, Failure, Kaspersky, Params, arguments::Arguments, errors::PxgError, results, returns,
    sessions::Rows, values::Field,
};
use crate::simulator::truth::{
    Inner,
    responses::{Phase, Task},
};

/// Tasks that all hosts have, whatever clients do.
const USUAL: [(u32, &str, &str); 2] = [(101, "Install update", "Updater"), (119, "Virus scan", "Scan")];

/// The product whose tasks these are, and its version.
const PRODUCT: (&str, &str) = ("KES", "12.9.0.0");

/// A task that a client asks for.
#[derive(Clone, Copy)]
pub(super) enum Asked<'a> {
    Usual(u32, &'static str, &'static str),
    Response(u32, &'a Task),
}

impl Asked<'_> {
    pub(super) const fn number(&self) -> u32 {
        match self {
            Self::Usual(number, ..) | Self::Response(number, _) => *number,
        }
    }

    const fn name(&self) -> &str {
        match self {
            Self::Usual(_, name, _) => name,
            Self::Response(_, task) => task.name.as_str(),
        }
    }

    const fn kind(&self) -> &str {
        match self {
            Self::Usual(_, _, kind) => kind,
            Self::Response(_, task) => task.kind,
        }
    }
}

impl Kaspersky {
    /// Calls of tasks, of hosts' states in them and of their history.
    pub(super) fn call_of_tasks(&self, method: &str, arguments: &Arguments, caller: &Caller) -> Answer {
        match method {
            "HostGroup.GetHostTasks" => self.host_tasks(arguments, caller),
            "HostTasks.ResetTasksIterator" => self.iterate_host_tasks(arguments, caller),
            "HostTasks.GetNextTask" => self.next_task(arguments, "strSrvObjId", caller),
            "Tasks.GetAllTasksOfHost" => self.all_of_host(arguments, caller),
            "Tasks.GetTask" => self.task(arguments),
            "Tasks.GetTaskData" => self.task_data(arguments),
            "Tasks.GetTaskGroup" => self.task_group(arguments),
            "Tasks.ResetTasksIterator" => self.iterate(arguments, caller),
            "Tasks.GetNextTask" => self.next_task(arguments, "strTaskIteratorId", caller),
            "Tasks.ReleaseTasksIterator" => self.release(arguments, "strTaskIteratorId", caller),
            "Tasks.GetTaskStatistics" | "Tasks.GetTaskStatistics2" => self.task_statistics(arguments),
            _ => self.call_of_statuses(method, arguments, caller),
        }
    }

    pub(super) fn asked<'a>(&self, inner: &'a Inner, arguments: &Arguments) -> Result<Asked<'a>, PxgError> {
        Self::named(inner, arguments.text("strTask")?)
    }

    fn named<'a>(inner: &'a Inner, text: &str) -> Result<Asked<'a>, PxgError> {
        let number = text.parse::<u32>().ok();
        let usual = USUAL.iter().find(|(id, ..)| Some(*id) == number);
        let usual = usual.map(|(id, name, kind)| Asked::Usual(*id, name, kind));
        let response = || {
            let number = number?;
            Some(Asked::Response(number, inner.responses.as_ref()?.task(number)?))
        };
        usual.or_else(response).ok_or_else(|| PxgError::not_found(text))
    }

    fn of_host<'a>(inner: &'a Inner, host: u32) -> Vec<Asked<'a>> {
        let usual = USUAL.iter().filter(|_| inner.fleet.has_agent(host));
        let usual = usual.map(|(id, name, kind)| Asked::Usual(*id, name, kind));
        let responses = inner.responses.iter().flat_map(|responses| responses.tasks());
        let responses = responses.filter(|(_, task)| task.host == host);
        usual.chain(responses.map(|(id, task)| Asked::Response(id, task))).collect()
    }

    fn all_of_host(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        // The name of a domain is of no use where hosts are known by ids.
        arguments.text_or_empty("strDomainName")?;
        let inner = self.truth.lock();
        let host = self.find(&inner, arguments.text("strHostName")?, caller)?;
        let ids =
            Self::of_host(&inner, host).iter().map(|task| task.number().to_string().into()).collect::<Vec<Value>>();
        Ok(returns(ids))
    }

    fn info(&self, task: &Asked<'_>) -> Params {
        let (product, version) = PRODUCT;
        let created = match task {
            Asked::Usual(..) => "2024-03-01T08:00:00Z".parse().ok(),
            Asked::Response(_, task) => Some(self.truth.time_of(task.created)),
        };
        let mut info = results([
            ("DisplayName", task.name().into()),
            ("TASKID_PRODUCT_NAME", product.into()),
            ("TASKID_VERSION", version.into()),
            ("TASKID_COMPONENT_NAME", "file".into()),
            ("TASK_NAME", task.kind().into()),
            ("TASK_UNIQUE_ID", task.number().to_string().into()),
        ]);
        if let Some(created) = created {
            info.insert("PRTS_TASK_CREATION_DATE".to_owned(), Field::Time(created).json());
        }
        info
    }

    /// The settings of a task, as iterators give them.
    fn data(&self, inner: &Inner, task: &Asked<'_>) -> Params {
        let (product, version) = PRODUCT;
        let mut info = self.info(task);
        match task {
            Asked::Usual(..) => info.insert("PRTS_TASK_GROUPID".to_owned(), super::groups::ROOT.into()),
            // A task for single hosts is in no group.
            Asked::Response(_, task) => {
                info.insert("KLPRTS_TaskScope".to_owned(), json!([inner.fleet.id(task.host)]));
                info.insert("PRTS_TASK_GROUPID".to_owned(), (-1).into())
            }
        };
        results([
            ("TASKID_PRODUCT_NAME", product.into()),
            ("TASKID_VERSION", version.into()),
            ("TASK_NAME", task.kind().into()),
            ("TASK_UNIQUE_ID", task.number().to_string().into()),
            ("TASK_INFO_PARAMS", json!({"type": "params", "value": info})),
        ])
    }

    fn task(&self, arguments: &Arguments) -> Answer {
        let inner = self.truth.lock();
        let task = self.asked(&inner, arguments)?;
        Ok(returns(self.info(&task)))
    }

    fn task_data(&self, arguments: &Arguments) -> Answer {
        let inner = self.truth.lock();
        let task = self.asked(&inner, arguments)?;
        Ok(returns(self.data(&inner, &task)))
    }

    fn task_group(&self, arguments: &Arguments) -> Answer {
        let inner = self.truth.lock();
        // This one method has another name for its argument.
        Ok(returns(match Self::named(&inner, arguments.text("strTaskId")?)? {
            Asked::Usual(..) => super::groups::ROOT,
            Asked::Response(..) => -1,
        }))
    }

    /// Tasks of a group, or all of them if no group is meant: those of single hosts are in none.
    fn iterate(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let group = arguments.given("bGroupIdSignificant").and_then(Value::as_bool).unwrap_or_default();
        let inner = self.truth.lock();
        let usual = USUAL.iter().map(|(id, name, kind)| Asked::Usual(*id, name, kind));
        let responses = inner.responses.iter().filter(|_| !group).flat_map(|responses| responses.tasks());
        let tasks = usual.chain(responses.map(|(id, task)| Asked::Response(id, task)));
        let rows = tasks.map(|task| Value::Object(self.data(&inner, &task))).collect();
        drop(inner);
        let iterator = self.hold(Rows::Ready(rows), &Arguments::default(), "", caller)?;
        Ok(results([("strTaskIteratorId", iterator.into())]))
    }

    /// An object that stands for the tasks of one host.
    fn host_tasks(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let inner = self.truth.lock();
        let host = self.find(&inner, arguments.text("strHostName")?, caller)?;
        let rows = Self::of_host(&inner, host).iter().map(|task| Value::Object(self.data(&inner, task))).collect();
        drop(inner);
        let object = self.hold(Rows::Ready(rows), &Arguments::default(), "", caller)?;
        Ok(returns(object))
    }

    fn iterate_host_tasks(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let object = arguments.text("strSrvObjId")?;
        self.sessions().rewind(&caller.owner, object, self.truth.elapsed())?;
        Ok(Params::new())
    }

    fn next_task(&self, arguments: &Arguments, name: &str, caller: &Caller) -> Answer {
        let next = self.sessions().next(&caller.owner, arguments.text(name)?, self.truth.elapsed())?;
        Ok(results([("pTaskData", next.unwrap_or_else(|| json!({})))]))
    }

    fn task_statistics(&self, arguments: &Arguments) -> Answer {
        let inner = self.truth.lock();
        let task = self.asked(&inner, arguments)?;
        let states = self.states(&inner, &task);
        let of = |phase: Phase| states.iter().filter(|(_, own)| *own == phase).count();
        let over = states.iter().filter(|(_, phase)| phase.is_over()).count();
        let percent = (100 * over).checked_div(states.len()).unwrap_or_default();
        let mut counts: Params = Phase::ALL.iter().map(|phase| (phase.code().to_string(), of(*phase).into())).collect();
        counts.insert("GNRL_COMPLETED_PERCENT".to_owned(), percent.into());
        counts.insert("KLTSK_NEED_RBT_CNT".to_owned(), 0.into());
        Ok(returns(counts))
    }

    /// The hosts of a task, and how it stands on each.
    pub(super) fn states(&self, inner: &Inner, task: &Asked<'_>) -> Vec<(u32, Phase)> {
        match task {
            Asked::Response(_, task) => vec![(task.host, task.phase(self.truth.elapsed()))],
            Asked::Usual(..) => {
                let managed = self.truth.agents(inner).filter(|number| inner.fleet.has_agent(*number));
                managed.map(|number| (number, Phase::Finished)).collect()
            }
        }
    }
}

/// What a call of a method that is listed and not written would be: there is none.
pub(super) fn unwritten() -> Failure {
    Failure::Status(hyper::StatusCode::NOT_FOUND)
}

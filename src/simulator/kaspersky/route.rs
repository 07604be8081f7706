//! What a request is for: one path for each method, spelt exactly.

use hyper::Request;

use crate::simulator::faults::Endpoint;

/// What a caller needs for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Credentials.
    Credentials,
    /// A session.
    Session,
    /// The right to read.
    Read,
    /// The right to change.
    Change,
}

use Needs::{Change, Credentials, Read, Session};

/// Every method that is served.
const METHODS: [(&str, Endpoint, Needs); 48] = [
    ("login", Endpoint::Logon, Credentials),
    ("Session.StartSession", Endpoint::Logon, Credentials),
    ("Session.Ping", Endpoint::Session, Session),
    ("Session.EndSession", Endpoint::Session, Session),
    ("HostGroup.FindHosts", Endpoint::FindHosts, Read),
    ("HostGroup.FindHostsAsync", Endpoint::FindHosts, Read),
    ("HostGroup.FindHostsAsyncGetAccessor", Endpoint::FindHosts, Read),
    ("HostGroup.FindHostsAsyncCancel", Endpoint::FindHosts, Read),
    ("ChunkAccessor.GetItemsCount", Endpoint::Chunks, Read),
    ("ChunkAccessor.GetItemsChunk", Endpoint::Chunks, Read),
    ("ChunkAccessor.Release", Endpoint::Chunks, Read),
    ("HostGroup.GetHostInfo", Endpoint::HostInfo, Read),
    ("HostTagsApi.GetHostTags", Endpoint::HostInfo, Read),
    ("HostGroup.FindGroups", Endpoint::HostGroups, Read),
    ("HostGroup.GetGroupInfo", Endpoint::HostGroups, Read),
    ("HostGroup.GetSubgroups", Endpoint::HostGroups, Read),
    ("HostGroup.GroupIdGroups", Endpoint::HostGroups, Read),
    ("HostGroup.GroupIdUnassigned", Endpoint::HostGroups, Read),
    ("HostGroup.GroupIdSuper", Endpoint::HostGroups, Read),
    ("HostGroup.AddIncident", Endpoint::AddIncident, Change),
    ("HostGroup.UpdateIncident", Endpoint::UpdateIncident, Change),
    ("HostGroup.DeleteIncident", Endpoint::DeleteIncident, Change),
    ("HostGroup.FindIncidents", Endpoint::FindIncidents, Read),
    ("HostGroup.GetStaticInfo", Endpoint::ServerInfo, Read),
    ("HostGroup.GetRunTimeInfo", Endpoint::ServerInfo, Read),
    ("HostGroup.GetInstanceStatistics", Endpoint::ServerInfo, Read),
    ("ConEvents.IsAnyServiceConsoleAvailable", Endpoint::ServerInfo, Read),
    ("ConEvents.IsServiceConsoleAvailable", Endpoint::ServerInfo, Read),
    ("HostGroup.GetHostTasks", Endpoint::Tasks, Read),
    ("HostTasks.ResetTasksIterator", Endpoint::Tasks, Read),
    ("HostTasks.GetNextTask", Endpoint::Tasks, Read),
    ("Tasks.GetAllTasksOfHost", Endpoint::Tasks, Read),
    ("Tasks.GetTask", Endpoint::Tasks, Read),
    ("Tasks.GetTaskData", Endpoint::Tasks, Read),
    ("Tasks.GetTaskGroup", Endpoint::Tasks, Read),
    ("Tasks.ResetTasksIterator", Endpoint::Tasks, Read),
    ("Tasks.GetNextTask", Endpoint::Tasks, Read),
    ("Tasks.ReleaseTasksIterator", Endpoint::Tasks, Read),
    ("Tasks.GetTaskStatistics", Endpoint::Tasks, Read),
    ("Tasks.GetTaskStatistics2", Endpoint::Tasks, Read),
    ("Tasks.ResetHostIteratorForTaskStatus", Endpoint::Tasks, Read),
    ("Tasks.GetHostStatusRecordsCount", Endpoint::Tasks, Read),
    ("Tasks.GetHostStatusRecordRange", Endpoint::Tasks, Read),
    ("Tasks.ReleaseHostStatusIterator", Endpoint::Tasks, Read),
    ("Tasks.GetTaskHistory", Endpoint::Tasks, Read),
    ("EventProcessing.GetRecordCount", Endpoint::Tasks, Read),
    ("EventProcessing.GetRecordRange", Endpoint::Tasks, Read),
    ("EventProcessing.ReleaseIterator", Endpoint::Tasks, Read),
];

/// A request's head, read.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) verb: String,
    pub(super) endpoint: Endpoint,
    /// The method and what it needs; `None` for what nobody knows.
    pub(super) method: Option<(&'static str, Needs)>,
}

impl Route {
    pub(super) fn read<B>(request: &Request<B>) -> Self {
        let called = request.uri().path().strip_prefix("/api/v1.0/").unwrap_or_default();
        // An instance of a class may stand before it.
        let bare = match called.match_indices('.').nth_back(1) {
            Some((dot, _)) => called.split_at_checked(dot + 1).map_or(called, |(_, bare)| bare),
            None => called,
        };
        let found = METHODS.iter().find(|(name, ..)| *name == bare);
        Self {
            verb: request.method().as_str().to_owned(),
            endpoint: found.map_or(Endpoint::Other, |(_, endpoint, _)| *endpoint),
            method: found.map(|(name, _, needs)| (*name, *needs)),
        }
    }
}

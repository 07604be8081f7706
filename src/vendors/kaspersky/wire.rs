//! The arguments of the console's methods, exactly, and nothing else. Answers are read as containers.

use serde::Serialize;

use super::container::{DateTime, Params};

/// A call without arguments: `{}`.
#[derive(Serialize)]
pub(super) struct Nothing {}

/// `HostGroup.FindHosts`.
#[derive(Serialize)]
pub(super) struct FindHosts<'a> {
    #[serde(rename = "wstrFilter")]
    pub(super) filter: &'a str,
    #[serde(rename = "vecFieldsToReturn")]
    pub(super) fields: &'a [&'a str],
    #[serde(rename = "vecFieldsToOrder")]
    pub(super) order: [Params<Order>; 1],
    #[serde(rename = "pParams")]
    pub(super) params: FindParams,
    #[serde(rename = "lMaxLifeTime")]
    pub(super) life: u32,
}

/// `HostGroup.FindIncidents`.
#[derive(Serialize)]
pub(super) struct FindIncidents<'a> {
    #[serde(rename = "strFilter")]
    pub(super) filter: &'a str,
    #[serde(rename = "pFieldsToReturn")]
    pub(super) fields: &'a [&'a str],
    #[serde(rename = "pFieldsToOrder")]
    pub(super) order: [Params<Order>; 1],
    #[serde(rename = "lMaxLifeTime")]
    pub(super) life: u32,
}

/// By what a result is ordered.
#[derive(Serialize)]
pub(super) struct Order {
    #[serde(rename = "Name")]
    pub(super) name: &'static str,
    #[serde(rename = "Asc")]
    pub(super) ascending: bool,
}

/// Where hosts are looked for.
#[derive(Serialize)]
pub(super) struct FindParams {
    /// A host of another virtual server cannot be acted on from here.
    #[serde(rename = "KLGRP_FIND_FROM_CUR_VS_ONLY")]
    pub(super) own_server_only: bool,
}

/// `ChunkAccessor.GetItemsChunk`.
#[derive(Serialize)]
pub(super) struct GetItemsChunk<'a> {
    #[serde(rename = "strAccessor")]
    pub(super) accessor: &'a str,
    #[serde(rename = "nStart")]
    pub(super) start: u64,
    #[serde(rename = "nCount")]
    pub(super) count: u64,
}

/// `ChunkAccessor.Release`.
#[derive(Serialize)]
pub(super) struct Release<'a> {
    #[serde(rename = "strAccessor")]
    pub(super) accessor: &'a str,
}

/// `HostGroup.GetHostInfo`.
#[derive(Serialize)]
pub(super) struct GetHostInfo<'a> {
    #[serde(rename = "strHostName")]
    pub(super) host: &'a str,
    #[serde(rename = "pFields2Return")]
    pub(super) fields: &'a [&'a str],
}

/// `HostGroup.GetGroupInfo`.
#[derive(Serialize)]
pub(super) struct GetGroupInfo {
    #[serde(rename = "nGroupId")]
    pub(super) group: i64,
}

/// `HostGroup.AddIncident`.
#[derive(Serialize)]
pub(super) struct AddIncident<'a> {
    #[serde(rename = "pData")]
    pub(super) data: NewIncident<'a>,
}

/// An incident, in the vendor's order.
#[derive(Serialize)]
pub(super) struct NewIncident<'a> {
    #[serde(rename = "KLINCDT_SEVERITY")]
    pub(super) severity: u8,
    #[serde(rename = "KLINCDT_ADDED")]
    pub(super) added: DateTime,
    #[serde(rename = "KLINCDT_BODY")]
    pub(super) body: &'a str,
    #[serde(rename = "KLHST_WKS_HOSTNAME")]
    pub(super) host: &'a str,
}

/// `HostGroup.UpdateIncident`.
#[derive(Serialize)]
pub(super) struct UpdateIncident<'a> {
    #[serde(rename = "nId")]
    pub(super) id: i64,
    #[serde(rename = "pData")]
    pub(super) data: Handling<'a>,
}

/// What releases an incident. `false` is sent, not left out.
#[derive(Serialize)]
pub(super) struct Handling<'a> {
    #[serde(rename = "KLINCDT_IS_HANDLED")]
    pub(super) handled: bool,
    #[serde(rename = "KLHST_WKS_HOSTNAME")]
    pub(super) host: &'a str,
}

/// `Tasks.GetAllTasksOfHost`.
#[derive(Serialize)]
pub(super) struct GetAllTasksOfHost<'a> {
    #[serde(rename = "strDomainName")]
    pub(super) domain: &'a str,
    #[serde(rename = "strHostName")]
    pub(super) host: &'a str,
}

/// `Tasks.GetTask`.
#[derive(Serialize)]
pub(super) struct GetTask<'a> {
    #[serde(rename = "strTask")]
    pub(super) task: &'a str,
}

/// `Tasks.ResetTasksIterator`.
#[derive(Serialize)]
pub(super) struct ResetTasksIterator {
    #[serde(rename = "nGroupId")]
    pub(super) group: i64,
    #[serde(rename = "bGroupIdSignificant")]
    pub(super) group_counts: bool,
    #[serde(rename = "strProductName")]
    pub(super) product: &'static str,
    #[serde(rename = "strVersion")]
    pub(super) version: &'static str,
    #[serde(rename = "strComponentName")]
    pub(super) component: &'static str,
    #[serde(rename = "strInstanceId")]
    pub(super) instance: &'static str,
    #[serde(rename = "strTaskName")]
    pub(super) task: &'static str,
    #[serde(rename = "bIncludeSupergroups")]
    pub(super) groups_above: bool,
}

/// `Tasks.GetNextTask` and `Tasks.ReleaseTasksIterator`.
#[derive(Serialize)]
pub(super) struct TasksIterator<'a> {
    #[serde(rename = "strTaskIteratorId")]
    pub(super) iterator: &'a str,
}

/// `Tasks.ResetHostIteratorForTaskStatus`.
#[derive(Serialize)]
pub(super) struct ResetHostIterator<'a> {
    #[serde(rename = "strTask")]
    pub(super) task: &'a str,
    #[serde(rename = "pFields2Return")]
    pub(super) fields: &'a [&'a str],
    #[serde(rename = "nHostStateMask")]
    pub(super) states: u32,
    #[serde(rename = "nLifetime")]
    pub(super) life: u32,
}

/// `Tasks.GetHostStatusRecordRange`.
#[derive(Serialize)]
pub(super) struct GetHostStatusRecordRange<'a> {
    #[serde(rename = "strHostIteratorId")]
    pub(super) iterator: &'a str,
    #[serde(rename = "nStart")]
    pub(super) start: u32,
    #[serde(rename = "nEnd")]
    pub(super) end: u32,
}

/// `Tasks.ReleaseHostStatusIterator`.
#[derive(Serialize)]
pub(super) struct HostIterator<'a> {
    #[serde(rename = "strHostIteratorId")]
    pub(super) iterator: &'a str,
}

/// `HostTagsApi.GetHostTags`.
#[derive(Serialize)]
pub(super) struct GetHostTags<'a> {
    #[serde(rename = "szwHostId")]
    pub(super) host: &'a str,
    #[serde(rename = "pParams")]
    pub(super) params: Nothing,
}

//! What goes over the wire, exactly as it is sent and received.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::loose::{Count, Items, Text, Texts, Truth};

/// The body of `POST /rest/sensors/query`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SensorQuery<'a> {
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) sorting_field_name: &'static str,
    pub(super) sort_direction: &'static str,
    pub(super) filters: &'a [SensorFilter],
}

/// One condition; several values are alternatives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SensorFilter {
    pub(super) field_name: &'static str,
    pub(super) operator: &'static str,
    pub(super) values: Vec<String>,
}

/// Its answer. Without `sensors` the console has not understood a filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SensorAnswer {
    pub(super) total_results: Count,
    pub(super) has_more_results: Truth,
    pub(super) sensors: Option<Items<Sensor>>,
}

/// One sensor, as far as it is of use here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Sensor {
    pub(super) sensor_id: Text,
    pub(super) pylum_id: Text,
    pub(super) machine_name: Text,
    pub(super) fqdn: Text,
    pub(super) internal_ip_address: Text,
    pub(super) os_type: Text,
    pub(super) os_version_type: Text,
    pub(super) status: Text,
    pub(super) isolated: Truth,
    pub(super) organization: Text,
    pub(super) group_name: Text,
    pub(super) last_pylum_info_msg_update_time: Text,
}

/// The body of `…/commands/isolate` and `…/commands/un-isolate`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Isolation<'a> {
    pub(super) pylum_ids: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) malop_id: Option<&'a str>,
}

/// Its answer: a word for each sensor.
pub(super) type Isolated = HashMap<String, Text>;

/// What an isolated host may still reach, or not.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct IsolationRule {
    pub(super) ip_address_string: Text,
    pub(super) ip_address: Text,
    pub(super) domain: Text,
    pub(super) port: Text,
    pub(super) direction: Text,
    pub(super) blocking: Truth,
}

/// `GET /rest/monitor/global/server/version/all`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Version {
    pub(super) data: Option<VersionData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VersionData {
    pub(super) version: Text,
}

/// The body of an investigation query, and of `POST /rest/crimes/unified`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query {
    pub(super) query_path: Vec<PathPart>,
    pub(super) total_result_limit: u64,
    pub(super) per_group_limit: u64,
    pub(super) per_feature_limit: u64,
    pub(super) template_context: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) query_timeout: Option<u64>,
    pub(super) custom_fields: &'static [&'static str],
}

/// One element of a query's chain.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PathPart {
    pub(super) requested_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) filters: Vec<Facet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guid_list: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connection_feature: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_result: Option<bool>,
    /// The same, in the form that the list of `MalOp`s is asked in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<bool>,
}

/// A condition of an element; several values are alternatives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Facet {
    pub(super) facet_name: &'static str,
    pub(super) values: Vec<serde_json::Value>,
    pub(super) filter_type: &'static str,
}

/// What leads from an element to the next.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    pub(super) element_instance_type: &'static str,
    pub(super) feature_name: &'static str,
}

/// The answer to a query.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Found {
    pub(super) data: Option<FoundData>,
    pub(super) status: Text,
    pub(super) message: Text,
    pub(super) failures: Count,
    pub(super) failed_servers_info: Option<FailedServers>,
}

/// Which of the console's servers had no part in an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FailedServers {
    pub(super) online_failed_servers: Items<serde_json::Value>,
    pub(super) offline_servers: Items<serde_json::Value>,
}

impl FailedServers {
    pub(super) fn count(&self) -> usize {
        self.online_failed_servers.0.len() + self.offline_servers.0.len()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FoundData {
    pub(super) result_id_to_element_data_map: Option<HashMap<String, Element>>,
    pub(super) total_possible_results: Count,
    pub(super) query_terminated: Truth,
    pub(super) path_result_counts: Items<PathCount>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PathCount {
    pub(super) count: Count,
}

/// One row.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Element {
    pub(super) simple_values: Option<HashMap<String, Feature>>,
    pub(super) element_values: Option<HashMap<String, Linked>>,
}

/// Texts that a row has under one name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Feature {
    pub(super) total_values: Count,
    pub(super) values: Texts,
}

/// Elements that a row is linked with under one name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Linked {
    pub(super) total_values: Count,
    pub(super) element_values: Items<Named>,
}

/// An element that a row is linked with.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Named {
    pub(super) element_type: Text,
    pub(super) name: Text,
}

/// The body of `POST /rest/mmng/v2/malops`: here `offset` is the number of a row.
#[derive(Debug, Serialize)]
pub(super) struct ManagedAsked {
    search: serde_json::Value,
    range: serde_json::Value,
    pagination: serde_json::Value,
    filter: serde_json::Value,
    federation: serde_json::Value,
    sort: serde_json::Value,
}

impl ManagedAsked {
    /// The `MalOp`s of a period, in whatever state, those that were changed last first.
    pub(super) fn new(from: i64, to: i64, offset: usize, page_size: usize) -> Self {
        Self {
            search: json!({}),
            range: json!({"from": from, "to": to}),
            pagination: json!({"pageSize": page_size, "offset": offset}),
            filter: json!({"malop": {"status": ["Active", "Remediated", "Closed", "Excluded"]}}),
            federation: json!({"groups": []}),
            sort: json!([{"field": "LastUpdateTime", "order": "desc"}]),
        }
    }
}

/// Its answer.
#[derive(Debug, Deserialize)]
pub(super) struct Managed {
    pub(super) data: ManagedList,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ManagedList {
    pub(super) data: Items<InboxMalop>,
    pub(super) total_hits: Count,
}

/// The body of `POST /rest/detection/inbox`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InboxAsked {
    pub(super) start_time: i64,
    pub(super) end_time: i64,
}

/// Its answer.
#[derive(Debug, Deserialize)]
pub(super) struct Inbox {
    pub(super) malops: Items<InboxMalop>,
}

/// A `MalOp` of any kind, as people are shown it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InboxMalop {
    pub(super) guid: Text,
    pub(super) machines: Items<InboxMachine>,
}

/// A machine of it; the older list does not tell its sensor.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct InboxMachine {
    pub(super) guid: Text,
    pub(super) pylum_id: Text,
    pub(super) display_name: Text,
    pub(super) connected: Truth,
    pub(super) isolated: Truth,
}

//! The JSON that Secure Endpoint sends and takes, exactly, and nothing else.
//!
//! Everything but the error list is optional in some capture or other, so everything is optional here.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The envelope of every answer, success and error alike (vendor's API overview, "JSON envelope").
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    pub(super) errors: Option<Vec<ApiError>>,
    pub(super) metadata: Option<Metadata>,
    pub(super) version: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ApiError {
    pub(super) description: Option<String>,
    pub(super) details: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Metadata {
    pub(super) links: Option<Links>,
    pub(super) results: Option<Results>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Links {
    pub(super) next: Option<String>,
}

/// `index` is the offset of the first item, not a page's number.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Results {
    pub(super) total: Option<u64>,
}

/// `data` of `/v1/computers/{guid}/isolation`. The unlock code that comes with it is a credential and is not read.
#[derive(Debug, Deserialize)]
pub(super) struct IsolationState {
    pub(super) available: Option<bool>,
    pub(super) status: Option<String>,
}

/// One item of `GET /v1/computers`.
#[derive(Debug, Deserialize)]
pub(super) struct Computer {
    pub(super) connector_guid: String,
    pub(super) hostname: Option<String>,
    pub(super) internal_ips: Option<Vec<Option<String>>>,
    pub(super) network_addresses: Option<Vec<NetworkAddress>>,
    pub(super) last_seen: Option<String>,
    pub(super) operating_system: Option<String>,
    pub(super) policy: Option<Named>,
    pub(super) groups: Option<Vec<Named>>,
    pub(super) isolation: Option<IsolationState>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NetworkAddress {
    pub(super) mac: Option<String>,
    pub(super) ip: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) name: Option<String>,
}

/// The body of PUT and DELETE on `/v1/computers/{guid}/isolation`; an unknown key is refused with 400.
#[derive(Serialize)]
pub(super) struct IsolationRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unlock_code: Option<&'a str>,
}

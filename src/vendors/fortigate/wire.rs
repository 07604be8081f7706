//! What goes over the wire of the firewall's REST interface, exactly as sent and received.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What stands around every answer. With `global=1` there would be one for each virtual domain; that is not asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Envelope {
    /// `success` or `error`.
    pub(super) status: Option<String>,
    /// The firewall's own error number.
    pub(super) error: Option<i64>,
    /// Its words, where it has some.
    pub(super) cli_error: Option<String>,
    /// The virtual domain that answered.
    pub(super) vdom: Option<String>,
    /// The unit's serial number.
    pub(super) serial: Option<String>,
    /// Its version.
    pub(super) version: Option<String>,
    /// What was asked for.
    #[serde(default)]
    pub(super) results: Value,
}

/// A member of a group, an address of a policy.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Named {
    pub(super) name: String,
}

/// An entry of `firewall/address` or `firewall/address6`, as far as it is read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct AddressRead {
    #[serde(default)]
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// Address and mask, `203.0.113.9 255.255.255.255`.
    pub(super) subnet: Option<String>,
    pub(super) fqdn: Option<String>,
    /// Address and prefix, `2001:db8::9/128`.
    pub(super) ip6: Option<String>,
    #[serde(default)]
    pub(super) comment: String,
}

/// The same, as it is written. Everything that has a default is named: a default may mean every address that there is.
#[derive(Debug, Serialize)]
pub(super) struct AddressWritten<'a> {
    pub(super) name: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subnet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fqdn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip6: Option<String>,
    pub(super) comment: &'a str,
}

/// An entry of `firewall/addrgrp` or `firewall/addrgrp6`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct GroupRead {
    #[serde(default)]
    pub(super) name: String,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    /// Absent where the firewall leaves it out, which is not the same as empty.
    pub(super) member: Option<Vec<Named>>,
    /// Whether what follows counts.
    #[serde(default)]
    pub(super) exclude: String,
    #[serde(rename = "exclude-member", default)]
    pub(super) exclude_member: Vec<Named>,
}

/// The members of a group, all of them.
#[derive(Debug, Serialize)]
pub(super) struct Members {
    pub(super) member: Vec<Named>,
}

/// An entry of `firewall/policy`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PolicyRead {
    #[serde(default)]
    pub(super) policyid: Value,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) action: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) srcaddr: Vec<Named>,
    #[serde(default)]
    pub(super) dstaddr: Vec<Named>,
    #[serde(default)]
    pub(super) srcaddr6: Vec<Named>,
    #[serde(default)]
    pub(super) dstaddr6: Vec<Named>,
    #[serde(rename = "srcaddr-negate", default)]
    pub(super) srcaddr_negate: String,
    #[serde(rename = "dstaddr-negate", default)]
    pub(super) dstaddr_negate: String,
    #[serde(rename = "srcaddr6-negate", default)]
    pub(super) srcaddr6_negate: String,
    #[serde(rename = "dstaddr6-negate", default)]
    pub(super) dstaddr6_negate: String,
}

/// `monitor/system/status`, as far as it is read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct StatusRead {
    pub(super) hostname: Option<String>,
}

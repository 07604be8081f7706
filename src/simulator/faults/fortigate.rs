//! `[fortigate]`: how the simulated FortiGate behaves where releases and models differ, and what is wrong with it.

use std::time::Duration;

use serde::Deserialize;

use super::{Span, values};

/// `[fortigate]`: how the simulated FortiGate behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FortigateFaults {
    /// The name in its prompts.
    pub hostname: String,
    /// Its release, as it writes it: `v7.4.4`.
    pub version: String,
    /// The number behind the release.
    pub build: u32,
    /// Its serial number.
    pub serial: String,
    /// Its virtual domains; none: they are off, and everything is in `root`.
    pub vdoms: Vec<String>,
    /// The group that takes indicators, in the first virtual domain.
    pub group: String,
    /// Whether that group is a folder.
    pub folder: bool,
    /// Which policies use it.
    pub group_policy: GroupPolicy,
    /// Whether the policy that uses it means every address but those.
    pub negate: bool,
    /// What the group spares though it is in it, by name.
    pub exclude: Vec<String>,
    /// Whether a group may be empty.
    pub empty_group: bool,
    /// How many addresses of each kind the model has room for.
    #[serde(deserialize_with = "values::at_least_one")]
    pub max_addresses: usize,
    /// How many addresses of each kind a virtual domain may have.
    pub vdom_addresses: Option<usize>,
    /// How many members a group has room for.
    #[serde(deserialize_with = "values::at_least_one")]
    pub max_members: usize,
    /// Whether a FortiManager has the say over it.
    pub central_management: bool,
    /// Addresses that people have made.
    pub people: Vec<PeoplesAddress>,
    /// What the account may do.
    pub profile: Profile,
    /// How long a change takes to be saved.
    pub commit_takes: Span,
    /// After so many saved changes, somebody calls the group otherwise.
    pub rename_group_after: Option<u64>,
    /// After so many saved changes, somebody makes the policy that uses the group one that lets through.
    pub flip_policy_after: Option<u64>,
    /// REST: whether a token is taken in the address.
    pub url_token: bool,
    /// REST: whether the caller's address is one that is trusted.
    pub trusted: bool,
    /// REST: whether single members have a path of their own; else 405.
    pub member_path: bool,
    /// REST: the status that comes with -3.
    pub not_found_status: u16,
    /// REST: the status that comes with -37.
    pub no_right_status: u16,
    /// REST: the number for what is there already.
    pub duplicate_code: i32,
    /// REST: whether a member that is there already is refused.
    pub duplicate_member: bool,
    /// REST: after the group was read for the first time, a colleague adds this one.
    pub concurrent_writer: Option<String>,
    /// SSH: what is asked, one hidden question each, in place of taking the password at once. The first is the password.
    pub questions: Option<Vec<String>>,
    /// SSH: a public key that is let in beside the password.
    pub authorized_key: Option<String>,
    /// SSH: whether there is a banner that asks for a key before the first prompt.
    pub banner: bool,
    /// SSH: whether long answers stop at every screen.
    pub pager: bool,
    /// SSH: whether a new entry is told.
    pub new_entry_line: bool,
    /// SSH: how long a session may be idle.
    pub idle: Span,
    /// SSH: whether nothing newer is spoken than SHA-1 with group 14.
    pub legacy: bool,
    /// SSH: the entry with this number, among those that are new, fails with -361, and the session is out of its mode.
    pub add_fails: Option<u64>,
    /// SSH: the `set subnet` with this number is refused.
    pub reject_subnet: Option<u64>,
    /// SSH: the session is cut after an entry was saved for the time with this number.
    pub cut_after_next: Option<u64>,
    /// SSH: the session is cut before an entry is saved for the time with this number.
    pub cut_before_next: Option<u64>,
    /// SSH: the first session is cut after so many bytes.
    pub cut_at_byte: Option<usize>,
}

impl Default for FortigateFaults {
    fn default() -> Self {
        Self {
            hostname: "fgt01".to_owned(),
            version: "v7.4.4".to_owned(),
            build: 2662,
            serial: "FGVMTEST00000001".to_owned(),
            vdoms: Vec::new(),
            group: "EDR-Threats".to_owned(),
            folder: false,
            group_policy: GroupPolicy::Deny,
            negate: false,
            exclude: Vec::new(),
            empty_group: false,
            max_addresses: 5000,
            vdom_addresses: None,
            max_members: 5000,
            central_management: false,
            people: Vec::new(),
            profile: Profile::Full,
            commit_takes: Span(Duration::ZERO),
            rename_group_after: None,
            flip_policy_after: None,
            url_token: false,
            trusted: true,
            member_path: true,
            not_found_status: 404,
            no_right_status: 403,
            duplicate_code: -5,
            duplicate_member: true,
            concurrent_writer: None,
            questions: None,
            authorized_key: None,
            banner: false,
            pager: true,
            new_entry_line: true,
            idle: Span(Duration::from_secs(300)),
            legacy: false,
            add_fails: None,
            reject_subnet: None,
            cut_after_next: None,
            cut_before_next: None,
            cut_at_byte: None,
        }
    }
}

/// Which policies use the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupPolicy {
    /// One that denies.
    Deny,
    /// One that denies and is off.
    Disabled,
    /// One that lets through.
    Accept,
    /// One of each.
    Both,
    /// A group that has it as a member is used by one that lets through, and it by one that denies.
    Nested,
    /// None.
    None,
}

/// What the account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Everything.
    Full,
    /// Read; a change is refused.
    ReadOnly,
    /// Read; a change prints nothing, and nothing is changed.
    Silent,
}

/// An address that a person has made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeoplesAddress {
    /// Its name.
    pub name: String,
    /// Address and mask.
    pub subnet: Option<String>,
    /// A domain.
    pub fqdn: Option<String>,
    /// What is written to it.
    #[serde(default)]
    pub comment: String,
    /// Whether it is a member of the group.
    #[serde(default)]
    pub member: bool,
}

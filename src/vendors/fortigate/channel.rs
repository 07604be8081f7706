//! What can be asked of a firewall, over whichever way it is reached.
//!
//! The conversations that block and unblock are written once, over this. A channel makes requests and judges answers; it
//! decides nothing. Where several things are asked at once there is one answer for each, in order: one that was not sent
//! because another had failed says so.

use std::fmt;

use async_trait::async_trait;

use super::objects::{Object, Table};
use crate::vendors::{Preflight, VendorError};

/// A way to the firewall.
#[async_trait]
pub(super) trait Channel: fmt::Debug + Send + Sync {
    /// How many targets one conversation takes.
    fn batch(&self) -> usize {
        super::BATCH
    }

    /// Whether what somebody else has put in is the very thing that is asked for, and not an object that happens to be called so.
    fn is_shared(&self) -> bool {
        false
    }

    /// What is said of what is there and not ours.
    fn not_ours(&self, object: &Object) -> String {
        format!(
            "there is an object `{}` that no run of ours has marked: it is somebody else's, and was left alone",
            object.name
        )
    }

    /// What there is to know before anything is sent, where there is no firewall to ask for its groups and policies.
    async fn ahead(&self) -> Result<Option<Preflight>, VendorError> {
        Ok(None)
    }

    /// What answers, in words, where that is no firewall.
    async fn detail(&self) -> Result<Option<String>, VendorError> {
        Ok(None)
    }

    /// Who answers.
    async fn device(&self) -> Result<Device, VendorError>;

    /// Every group of a table, for what lies in what.
    async fn groups(&self, table: Table) -> Result<Vec<Group>, VendorError>;

    /// One group; `None` if there is none of this name.
    async fn group(&self, table: Table, name: &str) -> Result<Option<Group>, VendorError>;

    /// Every policy.
    async fn policies(&self, device: &Device) -> Result<Vec<Policy>, VendorError>;

    /// The objects of these names that there are, in any order.
    async fn objects(&self, table: Table, names: &[&str]) -> Result<Vec<Object>, VendorError>;

    /// Every object whose name begins as ours do.
    async fn ours(&self, table: Table) -> Result<Vec<Object>, VendorError>;

    /// Makes objects of one table, which are not there as far as is known.
    async fn create(&self, objects: &[&Object]) -> Vec<Result<Created, VendorError>>;

    /// Gives objects of one table their value and comment anew.
    async fn change(&self, objects: &[&Object]) -> Vec<Result<(), VendorError>>;

    /// Adds members to a group, and touches no other.
    async fn add(&self, table: Table, group: &str, members: &[&str]) -> Vec<Result<(), VendorError>>;

    /// Takes members out of a group, and touches no other. One that is not there is no error.
    async fn remove(&self, table: Table, group: &str, members: &[&str]) -> Vec<Result<(), VendorError>>;

    /// Deletes objects that are in no group of ours any more.
    async fn delete(&self, table: Table, names: &[&str]) -> Vec<Result<Deleted, VendorError>>;

    /// Leaves, where there is a session.
    async fn close(&self) {}
}

/// What came of making an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// It was made.
    Made,
    /// One of this name is there: it has to be read.
    WasThere,
}

/// What came of deleting an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    /// It is gone.
    Gone,
    /// Something else uses it; it was left.
    InUse,
    /// It is gone, and what somebody else has put in for himself does the same.
    Others,
}

/// The unit and the part of it that is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Device {
    /// Its version, as it writes it: `v7.4.4`.
    pub(super) version: String,
    /// Its serial number, if it tells it.
    pub(super) serial: Option<String>,
    /// Its name, if it tells it.
    pub(super) hostname: Option<String>,
    /// Whether the virtual domain of the configuration is there.
    pub(super) has_vdom: bool,
    /// Whether another machine manages its settings, as far as it says so.
    pub(super) managed_elsewhere: bool,
}

impl Device {
    /// Major and minor version.
    pub(super) fn release(&self) -> Option<(u32, u32)> {
        let mut parts = self.version.trim().trim_start_matches(['v', 'V']).split(['.', ',', ' ']);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

/// A group of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// Its name.
    pub(super) name: String,
    /// Its members' names.
    pub(super) members: Vec<String>,
    /// Whether they were left out of what was told: then nobody knows them.
    pub(super) untold: bool,
    /// `default` or `folder`; empty where the unit knows only one kind.
    pub(super) kind: String,
    /// What it spares though it is in it, by name.
    pub(super) spares: Vec<String>,
}

/// A policy, as far as it says whom it lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    /// Its number.
    pub(super) id: String,
    /// Its name, if it has one.
    pub(super) name: String,
    /// `accept`, `deny`, `ipsec`.
    pub(super) action: String,
    /// Whether it is in force.
    pub(super) enabled: bool,
    /// Its two sides in IPv4.
    pub(super) v4: Sides,
    /// The same in IPv6.
    pub(super) v6: Sides,
}

impl Policy {
    /// A policy of the table that IPv6 once had for itself: there the plain names are IPv6 addresses.
    pub(super) fn of_ipv6(self) -> Self {
        Self { v6: self.v4, v4: Sides::default(), ..self }
    }

    /// Its two sides where objects of a table stand.
    pub(super) const fn sides(&self, table: Table) -> &Sides {
        match table {
            Table::V4 => &self.v4,
            Table::V6 => &self.v6,
        }
    }
}

/// Where a policy's traffic comes from, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sides {
    /// From.
    pub(super) source: Side,
    /// To.
    pub(super) destination: Side,
}

/// Addresses and groups on one side of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Side {
    /// Their names.
    pub(super) names: Vec<String>,
    /// Whether everything but these is meant.
    pub(super) negated: bool,
}

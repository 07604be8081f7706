//! The analyst's way to sensors: machines, as investigations see them.
//!
//! A user who may investigate and may not read the list of sensors finds hosts, and sees how they stand, by the elements that
//! machines are in queries. It is slower and tells less, so it is taken only where the list is refused.

use std::{collections::HashSet, sync::atomic::Ordering};

use super::{
    Cybereason,
    query::{self, Rows, link},
    sensors::{self, Wanted},
    session::Draft,
    wire::{Element, Facet, PathPart},
};
use crate::{
    domain::{
        failure::FailureKind,
        host::{Abilities, Host, HostId, HostState, Isolation},
        selector::parse_ip,
    },
    vendors::{Again, VendorError},
};

/// What is wanted of a machine.
pub(super) const FIELDS: &[&str] = &["elementDisplayName", "pylumId", "isActiveProbeConnected", "isIsolated"];

/// A condition on machines.
#[derive(Clone, Debug)]
enum Condition {
    /// A feature of the machine itself.
    Own(&'static str, &'static str, Vec<String>),
    /// One of its addresses: one at a time, because the answer does not say which machine has which.
    Address(String),
}

impl Condition {
    fn draft(&self) -> Result<Draft, VendorError> {
        let facet = |facet_name, filter_type, values: &[String]| Facet {
            facet_name,
            values: values.iter().map(|value| value.as_str().into()).collect(),
            filter_type,
        };
        let machine = PathPart { requested_type: "Machine", is_result: Some(true), ..PathPart::default() };
        let path = match self {
            Self::Own(name, how, values) => vec![PathPart { filters: vec![facet(name, how, values)], ..machine }],
            Self::Address(address) => vec![
                PathPart { connection_feature: link("Machine", "networkInterfaces"), ..machine },
                PathPart {
                    requested_type: "NetworkInterface",
                    connection_feature: link("NetworkInterface", "ipAddress"),
                    ..PathPart::default()
                },
                PathPart {
                    requested_type: "IpAddress",
                    filters: vec![facet("elementDisplayName", "Equals", std::slice::from_ref(address))],
                    ..PathPart::default()
                },
            ],
        };
        Draft::ask(query::SEARCH, &query::chain(path, FIELDS))
    }

    /// The same in two parts, if it is of several values.
    fn halves(&self) -> Option<[Self; 2]> {
        let Self::Own(name, how, values) = self else { return None };
        let (first, second) = values.split_at_checked(values.len() / 2).filter(|(first, _)| !first.is_empty())?;
        Some([first, second].map(|values| Self::Own(name, how, values.to_vec())))
    }
}

impl Cybereason {
    /// Whether the list of sensors has been refused to this user.
    pub(super) fn goes_by_machines(&self) -> bool {
        self.by_machines.load(Ordering::Relaxed)
    }

    /// Takes the other way where the list of sensors is refused, and tells any other failure.
    pub(super) fn take_other_way(&self, error: VendorError) -> Result<(), VendorError> {
        if error.failure().kind != FailureKind::Forbidden {
            return Err(error);
        }
        self.by_machines.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether this user may ask about machines: one that nobody has is asked for.
    pub(super) async fn may_investigate(&self) -> bool {
        let nobody = Condition::Own("pylumId", "Equals", vec!["PYLUMCLIENT_NOBODY_NOBODY_000000000000".to_owned()]);
        match nobody.draft() {
            Ok(draft) => self.sessions.ask(&draft, query::judge).await.is_ok(),
            Err(_) => false,
        }
    }

    /// The machines that selectors may name. More may come than fit.
    pub(super) async fn machines_named(&self, wanted: &Wanted) -> Result<Vec<Host>, VendorError> {
        // Capitals count in no comparison but in that of ids, which are asked for in three spellings.
        let own =
            |name, how, values: &[String]| (!values.is_empty()).then(|| Condition::Own(name, how, values.to_vec()));
        let conditions = [
            own("elementDisplayName", "ContainsIgnoreCase", &wanted.names),
            own("pylumId", "Equals", &wanted.ids),
            own("pylumId", "ContainsIgnoreCase", &wanted.macs),
        ];
        let mut hosts = Vec::new();
        for condition in conditions.into_iter().flatten() {
            hosts.extend(self.machines(condition).await?);
        }
        let addresses: HashSet<&String> = wanted.addresses.iter().collect();
        for address in addresses {
            let found = self.machines(Condition::Address(address.clone())).await?;
            hosts.extend(
                found.into_iter().map(|host| Host { addresses: parse_ip(address).into_iter().collect(), ..host }),
            );
        }
        Ok(hosts)
    }

    /// The machines with these sensors.
    pub(super) async fn machines_with(&self, ids: Vec<String>) -> Result<Vec<Host>, VendorError> {
        self.machines(Condition::Own("pylumId", "Equals", ids)).await
    }

    async fn machines(&self, condition: Condition) -> Result<Vec<Host>, VendorError> {
        let mut hosts = Vec::new();
        let mut left = vec![condition];
        while let Some(condition) = left.pop() {
            let Rows { elements, missing } = self.sessions.ask(&condition.draft()?, query::judge).await?;
            match (missing, condition.halves()) {
                (None, _) => hosts.extend(elements.values().filter_map(|row| of_row(row).ok())),
                (Some(missing), Some(halves)) if missing.shorter_helps => left.extend(halves),
                (Some(missing), _) => {
                    let text = format!("the console did not tell all machines that fit: {}", missing.why);
                    return Err(VendorError::new(FailureKind::Protocol, text, Again::Backoff));
                }
            }
        }
        Ok(hosts)
    }
}

/// What is to be known of a user who may not list sensors.
pub(super) const NO_LIST: &str = "the user's role may not list sensors; hosts that are named are found as machines";

/// Why there is no list of hosts for an analyst.
pub(super) fn no_list() -> VendorError {
    VendorError::stops_run(FailureKind::Forbidden, NO_LIST)
}

/// The host that a row tells; or what is wrong with it. The first of several sensors is nobody's choice.
pub(super) fn of_row(machine: &Element) -> Result<Host, &'static str> {
    let (ids, some_missing) = machine.texts("pylumId");
    let id = match ids {
        [id] if !some_missing && !id.trim().is_empty() => id,
        [] | [_] => return Err("no sensor"),
        _ => return Err("several sensors"),
    };
    let truth = |name: &str| machine.text(name).map(|word| word.eq_ignore_ascii_case("true"));
    Ok(host(id, machine.text("elementDisplayName"), truth("isActiveProbeConnected"), truth("isIsolated")))
}

/// The host of a machine.
pub(super) fn host(id: &str, name: Option<&str>, online: Option<bool>, isolated: Option<bool>) -> Host {
    let state = isolated.map(|isolated| match isolated {
        true => HostState { isolation: Isolation::Isolated, word: "isolated".into() },
        false => HostState { isolation: Isolation::NotIsolated, word: "not_isolated".into() },
    });
    let bare = name.is_some_and(|name| !name.contains('.'));
    Host {
        id: HostId::new(id),
        name: name.map(Into::into),
        aliases: Box::default(),
        // Which domain it is of is not told.
        domain: bare.then(Box::default),
        addresses: Vec::new(),
        more_addresses: true,
        macs: sensors::mac_of(id).into_iter().collect(),
        state,
        able: Abilities::default(),
        caution: None,
        unable: None,
        online,
        last_seen: None,
        os: None,
        group: None,
        product: None,
    }
}

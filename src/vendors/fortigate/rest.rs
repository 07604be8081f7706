//! The firewall over its REST interface: one request for each thing, the token in a header.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    channel::{Channel, Created, Deleted, Device, Group, Policy},
    codes::Meaning,
    objects::{Object, Table, is_our_name},
    requests::{self, Draft, Fault},
    wire::{AddressRead, Envelope, GroupRead, PolicyRead, StatusRead},
};
use crate::{
    domain::failure::FailureKind,
    http::{self, Client, HeaderValue, Request, Url, header},
    secret::Secret,
    vendors::{Again, Hidden, Scope, VendorError},
};

/// How often a group that somebody else is changing is read again before it is replaced.
const MAX_MERGES: u32 = 3;

/// The REST interface of one firewall.
pub(super) struct Rest {
    client: Client,
    base: Url,
    vdom: String,
    authorization: HeaderValue,
    hidden: Hidden,
    /// Whether the firewall is known to take members only as a whole list.
    whole_lists: AtomicBool,
    /// Held while a whole list is read, merged and written: two of ours must not lose each other's members.
    merging: Mutex<()>,
}

impl Rest {
    pub(super) fn new(client: Client, base: Url, vdom: &str, token: &Secret) -> Result<Self, VendorError> {
        let bearer = zeroize::Zeroizing::new(format!("Bearer {}", token.expose()));
        let mut authorization = HeaderValue::from_str(&bearer).map_err(|_| {
            VendorError::stops_run(FailureKind::CredentialsRefused, "the token does not fit into a header")
        })?;
        authorization.set_sensitive(true);
        Ok(Self {
            client,
            base,
            vdom: vdom.to_owned(),
            authorization,
            hidden: Hidden::new([token.expose()]),
            whole_lists: AtomicBool::new(false),
            merging: Mutex::new(()),
        })
    }

    async fn send(&self, draft: Result<Draft, VendorError>, changes: bool) -> Result<Envelope, Fault> {
        let silent = |error: VendorError| Fault::new(0, None, error);
        let draft = draft.map_err(silent)?;
        let mut request = Request::new(draft.method, draft.url);
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = draft.body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        let judged = match http::send(&self.client, request).await {
            Ok(response) => requests::judge(&response, changes),
            Err(error) => Err(silent(requests::judge_silence(&error, changes))),
        };
        judged.map_err(|fault| fault.without(&self.hidden))
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        draft: Result<Draft, VendorError>,
    ) -> Result<Vec<T>, VendorError> {
        let envelope = self.send(draft, false).await.map_err(Fault::into_error)?;
        requests::rows(envelope)
    }

    async fn object(&self, table: Table, name: &str) -> Result<Option<Object>, VendorError> {
        match self.send(requests::object(&self.base, &self.vdom, table, name), false).await {
            Ok(envelope) => {
                let rows: Vec<AddressRead> = requests::rows(envelope)?;
                Ok(rows.into_iter().map(|row| requests::object_of(table, row)).find(|object| object.name == name))
            }
            Err(fault) if fault.is_missing() => Ok(None),
            Err(fault) => Err(fault.into_error()),
        }
    }

    async fn create_one(&self, object: &Object) -> Result<Created, VendorError> {
        match self.send(requests::create(&self.base, &self.vdom, object), true).await {
            Ok(_) => Ok(Created::Made),
            Err(fault) if fault.means(Meaning::Duplicate) => Ok(Created::WasThere),
            Err(fault) => Err(fault.into_error()),
        }
    }

    async fn change_one(&self, object: &Object) -> Result<(), VendorError> {
        let sent = self.send(requests::change(&self.base, &self.vdom, object), true).await;
        sent.map(drop).map_err(Fault::into_error)
    }

    async fn add_one(&self, table: Table, group: &str, member: &str) -> Result<(), VendorError> {
        if self.whole_lists.load(Ordering::Relaxed) {
            return self.merge(table, group, member, true).await;
        }
        match self.send(requests::add(&self.base, &self.vdom, table, group, member), true).await {
            Ok(_) => Ok(()),
            Err(fault) if fault.means(Meaning::Duplicate) => Ok(()),
            // No such address below the group: this release takes members as a whole list only.
            Err(fault) if matches!(fault.http, 404 | 405) => {
                self.merge(table, group, member, true).await?;
                self.whole_lists.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(fault) => Err(fault.into_error()),
        }
    }

    async fn remove_one(&self, table: Table, group: &str, member: &str) -> Result<(), VendorError> {
        if self.whole_lists.load(Ordering::Relaxed) {
            return self.merge(table, group, member, false).await;
        }
        match self.send(requests::remove(&self.base, &self.vdom, table, group, member), true).await {
            Ok(_) => Ok(()),
            Err(fault) if fault.http == 405 || fault.is_missing() => {
                // Either the member is gone or there is no such address: the whole list tells.
                let unsupported = fault.http == 405;
                self.merge(table, group, member, false).await?;
                if unsupported {
                    self.whole_lists.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Err(fault) => Err(fault.into_error()),
        }
    }

    /// Changes one member by reading the whole list and writing it back. A whole list that is written replaces whatever
    /// somebody else has added in between, so it is read a second time right before, and once more afterwards.
    async fn merge(&self, table: Table, group: &str, member: &str, inside: bool) -> Result<(), VendorError> {
        let _alone = self.merging.lock().await;
        let mut before = self.members(table, group).await?;
        for _ in 0..MAX_MERGES {
            if before.iter().any(|name| name == member) == inside {
                return Ok(());
            }
            let again = self.members(table, group).await?;
            if again != before {
                before = again;
                continue;
            }
            let mut members = before.clone();
            members.retain(|name| name != member);
            if inside {
                members.push(member.to_owned());
            }
            let draft = requests::replace(&self.base, &self.vdom, table, group, &members);
            self.send(draft, true).await.map_err(Fault::into_error)?;
            before = self.members(table, group).await?;
            let lost = members.iter().any(|name| !before.contains(name));
            if !lost && before.iter().any(|name| name == member) == inside {
                return Ok(());
            }
        }
        let text = format!("somebody else keeps changing the group `{group}`");
        Err(VendorError::new(FailureKind::Conflict, text, Again::Backoff))
    }

    async fn members(&self, table: Table, group: &str) -> Result<Vec<String>, VendorError> {
        let found = self.group(table, group).await?.ok_or_else(|| {
            VendorError::stops_run(FailureKind::NotFound, format!("the address group `{group}` is not there any more"))
        })?;
        if found.untold {
            // A list that is written back without them would take out everybody else's.
            let text = format!(
                "the firewall does not tell the members of the group `{group}`, so they cannot be written back"
            );
            return Err(VendorError::stops_run(FailureKind::Protocol, text));
        }
        Ok(found.members)
    }

    async fn delete_one(&self, table: Table, name: &str) -> Result<Deleted, VendorError> {
        match self.send(requests::delete(&self.base, &self.vdom, table, name), true).await {
            Ok(_) => Ok(Deleted::Gone),
            Err(fault) if fault.means(Meaning::InUse) => Ok(Deleted::InUse),
            Err(fault) if fault.is_missing() || fault.means(Meaning::Duplicate) => Ok(Deleted::Gone),
            Err(fault) => Err(fault.into_error()),
        }
    }
}

/// Answers of a row of requests: once one of them fails in a way that the next would share, the rest is not sent.
struct Row<T> {
    answers: Vec<Result<T, VendorError>>,
    stopped: Option<VendorError>,
}

impl<T> Row<T> {
    const fn new() -> Self {
        Self { answers: Vec::new(), stopped: None }
    }

    /// Whether the next one is to be sent; if not, it is answered for.
    fn goes_on(&mut self) -> bool {
        match &self.stopped {
            Some(error) => {
                self.answers.push(Err(error.clone()));
                false
            }
            None => true,
        }
    }

    fn push(&mut self, answer: Result<T, VendorError>) {
        if let Err(error) = &answer {
            self.stopped = match (error.scope(), error.again()) {
                (Scope::Run, Again::InDoubt) => {
                    Some(VendorError::stops_run(error.failure().kind, error.failure().text.clone()))
                }
                (Scope::Run, _) | (_, Again::Throttled(_)) => Some(error.clone()),
                _ if matches!(
                    error.failure().kind,
                    FailureKind::Unreachable | FailureKind::Timeout | FailureKind::Cut | FailureKind::Gateway
                ) =>
                {
                    let text = format!("not sent, because the request before it failed: {}", error.failure().text);
                    Some(VendorError::new(FailureKind::Unreachable, text, Again::Backoff))
                }
                _ => None,
            };
        }
        self.answers.push(answer);
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("base", &self.base.as_str()).field("vdom", &self.vdom).finish_non_exhaustive()
    }
}

#[async_trait]
impl Channel for Rest {
    async fn device(&self) -> Result<Device, VendorError> {
        let envelope = match self.send(requests::status(&self.base, &self.vdom), false).await {
            Ok(envelope) => envelope,
            // A release or a profile without this page still answers for its groups.
            Err(fault) if matches!(fault.http, 404 | 424) => Envelope::default(),
            Err(fault) => return Err(fault.into_error()),
        };
        let (version, serial) = (envelope.version.clone(), envelope.serial.clone());
        let rows: Vec<StatusRead> = requests::rows(envelope)?;
        // The virtual domain is proved by a table that is in it.
        let groups = self.send(requests::groups(&self.base, &self.vdom, Table::V4), false).await;
        let (has_vdom, told) = match groups {
            Ok(envelope) => (envelope.vdom.as_deref().is_none_or(|vdom| vdom == self.vdom), envelope.version),
            Err(fault) if fault.error().scope() == Scope::Run => return Err(fault.into_error()),
            Err(fault) if matches!(fault.http, 400 | 404 | 424) || fault.http == 500 && fault.code.is_some() => {
                (false, None)
            }
            Err(fault) => return Err(fault.into_error()),
        };
        let management = requests::get(&self.base, &self.vdom, &["cmdb", "system", "central-management"]);
        // Nothing depends on it, and not every profile may read it.
        let managed: Vec<serde_json::Value> = self.read(management).await.unwrap_or_default();
        let managed_elsewhere = managed.iter().any(|row| {
            let kind = row.get("type").and_then(serde_json::Value::as_str).unwrap_or_default();
            kind == "fortimanager"
                || kind == "fortiguard"
                    && row.get("fmg").and_then(serde_json::Value::as_str).is_some_and(|fmg| !fmg.is_empty())
        });
        Ok(Device {
            version: version.or(told).unwrap_or_default(),
            serial,
            hostname: rows.into_iter().find_map(|row| row.hostname),
            has_vdom,
            managed_elsewhere,
        })
    }

    async fn groups(&self, table: Table) -> Result<Vec<Group>, VendorError> {
        let rows: Vec<GroupRead> = self.read(requests::groups(&self.base, &self.vdom, table)).await?;
        Ok(rows.into_iter().map(requests::group_of).collect())
    }

    async fn group(&self, table: Table, name: &str) -> Result<Option<Group>, VendorError> {
        match self.send(requests::group(&self.base, &self.vdom, table, name), false).await {
            Ok(envelope) => {
                let rows: Vec<GroupRead> = requests::rows(envelope)?;
                Ok(rows.into_iter().map(requests::group_of).find(|group| group.name == name))
            }
            Err(fault) if fault.is_missing() => Ok(None),
            Err(fault) => Err(fault.into_error()),
        }
    }

    async fn policies(&self, device: &Device) -> Result<Vec<Policy>, VendorError> {
        let rows: Vec<PolicyRead> = self.read(requests::policies(&self.base, &self.vdom, "policy")).await?;
        let mut six: Vec<PolicyRead> = Vec::new();
        // IPv6 had policies of its own once.
        if device.release().is_some_and(|release| release < (6, 4)) {
            match self.send(requests::policies(&self.base, &self.vdom, "policy6"), false).await {
                Ok(envelope) => six = requests::rows(envelope)?,
                Err(fault) if fault.is_missing() => {}
                Err(fault) => return Err(fault.into_error()),
            }
        }
        let six = six.into_iter().map(|row| requests::policy_of(row).of_ipv6());
        Ok(rows.into_iter().map(requests::policy_of).chain(six).collect())
    }

    async fn objects(&self, table: Table, names: &[&str]) -> Result<Vec<Object>, VendorError> {
        if names.len() > 1 {
            match self.send(requests::objects(&self.base, &self.vdom, table, names), false).await {
                Ok(envelope) => {
                    let rows: Vec<AddressRead> = requests::rows(envelope)?;
                    let objects = rows.into_iter().map(|row| requests::object_of(table, row));
                    return Ok(objects.filter(|object| names.contains(&object.name.as_str())).collect());
                }
                // A release that does not take the filter is asked for one after the other.
                Err(fault) if matches!(fault.http, 400 | 404 | 424) => {}
                Err(fault) => return Err(fault.into_error()),
            }
        }
        let mut found = Vec::new();
        for name in names {
            found.extend(self.object(table, name).await?);
        }
        Ok(found)
    }

    async fn ours(&self, table: Table) -> Result<Vec<Object>, VendorError> {
        let rows: Vec<AddressRead> = self.read(requests::ours(&self.base, &self.vdom, table)).await?;
        let objects = rows.into_iter().map(|row| requests::object_of(table, row));
        Ok(objects.filter(|object| is_our_name(&object.name)).collect())
    }

    async fn create(&self, objects: &[&Object]) -> Vec<Result<Created, VendorError>> {
        let mut row = Row::new();
        for object in objects {
            if row.goes_on() {
                row.push(self.create_one(object).await);
            }
        }
        row.answers
    }

    async fn change(&self, objects: &[&Object]) -> Vec<Result<(), VendorError>> {
        let mut row = Row::new();
        for object in objects {
            if row.goes_on() {
                row.push(self.change_one(object).await);
            }
        }
        row.answers
    }

    async fn add(&self, table: Table, group: &str, members: &[&str]) -> Vec<Result<(), VendorError>> {
        let mut row = Row::new();
        for member in members {
            if row.goes_on() {
                row.push(self.add_one(table, group, member).await);
            }
        }
        row.answers
    }

    async fn remove(&self, table: Table, group: &str, members: &[&str]) -> Vec<Result<(), VendorError>> {
        let mut row = Row::new();
        for member in members {
            if row.goes_on() {
                row.push(self.remove_one(table, group, member).await);
            }
        }
        row.answers
    }

    async fn delete(&self, table: Table, names: &[&str]) -> Vec<Result<Deleted, VendorError>> {
        let mut row = Row::new();
        for name in names {
            if row.goes_on() {
                row.push(self.delete_one(table, name).await);
            }
        }
        row.answers
    }
}

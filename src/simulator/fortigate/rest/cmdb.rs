//! Tables over REST: read, made, changed and removed.

use hyper::StatusCode;
use serde_json::{Map, Value as Json, json};

use super::{
    Rest,
    envelope::{Frame, revision},
    filter::{choose, json_of},
    route::Route,
};
use crate::simulator::fortigate::{
    refusal::Refusal,
    schema::{Field, Kind, Table},
    store::{Change, Delete, Done, How, Must, Op, Store, Write},
    value::Value,
};

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) enum No {
    /// For what the unit has saved.
    Refused(Refusal),
    /// For what the request is.
    Status(u16),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Where a request stands: before what is saved, or in a transaction.
pub(super) struct Place<'a> {
    pub(super) vdom: &'a str,
    pub(super) store: &'a mut Store,
    /// In a transaction: what was written in it so far.
    pub(super) staged: Option<&'a mut Vec<Op>>,
}

impl Rest {
    /// Whether there is an entry, by the table's own key.
    fn known(place: &Place<'_>, table: Table, key: &str) -> Result<(), No> {
        let entry = place.store.entry(place.vdom, table, key);
        entry.map(drop).ok_or_else(|| No::Refused(Refusal::bare(Refusal::NOT_FOUND)))
    }

    pub(super) fn read_table(place: &Place<'_>, table: Table, key: Option<&str>, route: &Route) -> Result<Json, No> {
        let Some(key) = key else {
            let all: Vec<Map<String, Json>> = if table.is_single() {
                place.store.single(table).map(|entry| json_of(table, "", entry)).into_iter().collect()
            } else {
                let entries = place.store.entries(place.vdom, table);
                entries.map(|(key, entry)| json_of(table, key, entry)).collect()
            };
            let size = all.len();
            let (results, matched) = choose(all, route);
            if table.is_single() {
                return Ok(json!({"results": results.into_iter().next()}));
            }
            return Ok(json!({"results": results, "size": size, "matched_count": matched, "next_idx": matched}));
        };
        let entry = place.store.entry(place.vdom, table, key).ok_or_else(|| Refusal::bare(Refusal::NOT_FOUND))?;
        let (results, _) = choose(vec![json_of(table, key, entry)], route);
        Ok(json!({"results": results, "mkey": key}))
    }

    pub(super) fn read_members(
        place: &Place<'_>,
        table: Table,
        key: &str,
        field: &Field,
        member: Option<&str>,
    ) -> Result<Json, No> {
        let entry = place.store.entry(place.vdom, table, key).ok_or_else(|| Refusal::bare(Refusal::NOT_FOUND))?;
        let names = entry.names(field.name).iter().filter(|name| member.is_none_or(|member| member == *name));
        let results: Vec<Json> = names.map(|name| json!({"name": name, "q_origin_key": name})).collect();
        if results.is_empty() && member.is_some() {
            return Err(Refusal::bare(Refusal::NOT_FOUND).into());
        }
        Ok(json!({"results": results, "mkey": member.unwrap_or(key)}))
    }

    /// Creates an entry.
    pub(super) fn create(&self, place: &mut Place<'_>, table: Table, body: &Map<String, Json>) -> Result<Json, No> {
        let key = match body.get(table.key_name()) {
            Some(Json::String(key)) if !key.is_empty() => key.clone(),
            Some(Json::Number(number)) if table.is_numbered() => number.to_string(),
            _ => return Err(No::Status(424)),
        };
        let changes = changes(table, body)?;
        self.save(place, Write { vdom: place.vdom.to_owned(), table, key, must: Must::BeNew, changes })
    }

    /// Changes what a request names of an entry; a list is replaced as a whole.
    pub(super) fn update(
        &self,
        place: &mut Place<'_>,
        table: Table,
        key: &str,
        body: &Map<String, Json>,
    ) -> Result<Json, No> {
        Self::known(place, table, key)?;
        let changes = changes(table, body)?;
        self.save(place, Write { vdom: place.vdom.to_owned(), table, key: key.to_owned(), must: Must::Exist, changes })
    }

    pub(super) fn add_member(
        &self,
        place: &mut Place<'_>,
        (table, key): (Table, &str),
        field: &'static Field,
        body: &Map<String, Json>,
    ) -> Result<Json, No> {
        let Some(Json::String(name)) = body.get("name") else { return Err(No::Status(424)) };
        let entry = place.store.entry(place.vdom, table, key).ok_or_else(|| Refusal::bare(Refusal::NOT_FOUND))?;
        if entry.names(field.name).contains(name) && self.firewall.settings().duplicate_member {
            return Err(Refusal::bare(Refusal::DUPLICATE).into());
        }
        let changes = vec![Change { field, how: How::Append(vec![name.clone()]) }];
        let write = Write { vdom: place.vdom.to_owned(), table, key: key.to_owned(), must: Must::Exist, changes };
        self.save(place, write).map(|mut saved| {
            saved["mkey"] = name.as_str().into();
            saved
        })
    }

    pub(super) fn remove_member(
        &self,
        place: &mut Place<'_>,
        (table, key): (Table, &str),
        field: &'static Field,
        name: &str,
    ) -> Result<Json, No> {
        Self::read_members(place, table, key, field, Some(name))?;
        let changes = vec![Change { field, how: How::Unselect(vec![name.to_owned()]) }];
        let write = Write { vdom: place.vdom.to_owned(), table, key: key.to_owned(), must: Must::Exist, changes };
        self.save(place, write)
    }

    pub(super) fn delete(&self, place: &mut Place<'_>, table: Table, key: &str) -> Result<Json, No> {
        Self::known(place, table, key)?;
        let delete = Delete { vdom: place.vdom.to_owned(), table, key: key.to_owned() };
        let done = self.commit(place, Op::Delete(delete))?;
        Ok(told(done, key))
    }

    fn save(&self, place: &mut Place<'_>, write: Write) -> Result<Json, No> {
        let key = write.key.clone();
        let done = self.commit(place, Op::Write(write))?;
        Ok(told(done, &key))
    }

    /// Saves a change, or keeps it for the end of the transaction.
    fn commit(&self, place: &mut Place<'_>, op: Op) -> Result<Done, Refusal> {
        match place.staged.as_mut() {
            None => self.firewall.apply_in(place.store, &op),
            Some(staged) => {
                let done = place.store.apply(&op)?;
                staged.push(op);
                Ok(done)
            }
        }
    }
}

fn told(done: Done, key: &str) -> Json {
    json!({
        "mkey": key,
        "revision": revision(done.after),
        "revision_changed": done.changed,
        "old_revision": revision(done.before),
    })
}

/// What a body sets. Members that the table does not have are ignored, as every release ignores those of another.
fn changes(table: Table, body: &Map<String, Json>) -> Result<Vec<Change>, No> {
    let mut changes = Vec::new();
    for (name, value) in body {
        let Some(field) = table.field(name) else { continue };
        if field.kind == Kind::Made {
            continue;
        }
        let words: Vec<String> = match value {
            Json::String(text) => vec![text.clone()],
            Json::Number(number) => vec![number.to_string()],
            Json::Array(all) => {
                let name = |one: &Json| one.get("name").and_then(Json::as_str).map(str::to_owned);
                all.iter().map(name).collect::<Option<_>>().ok_or(No::Status(424))?
            }
            _ => return Err(No::Status(424)),
        };
        // An empty text is the default, where there can be none.
        let how = match words.first() {
            Some(first) if first.is_empty() && !field.is_list() => How::Reset,
            _ => How::Set(Value::read(field, &words)?),
        };
        changes.push(Change { field, how });
    }
    Ok(changes)
}

/// An error's part of an answer.
pub(super) fn error(no: &No, rest: &Rest) -> (StatusCode, Json) {
    match no {
        No::Status(status) => (StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST), json!({})),
        No::Refused(refusal) => {
            let settings = rest.firewall.settings();
            let code = if refusal.code == Refusal::DUPLICATE { settings.duplicate_code } else { refusal.code };
            (refusal.status(settings), json!({"error": code, "revision_changed": false}))
        }
    }
}

/// The answer to a request for a table.
pub(super) fn frame_of<'a>(table: Table, route: &'a Route, vdom: &'a str, rest: &'a Rest, revision: u64) -> Frame<'a> {
    let (path, name) = table.path();
    Frame { method: &route.method, vdom, path, name, settings: rest.firewall.settings(), revision }
}

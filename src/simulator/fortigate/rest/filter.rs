//! `filter=`, `format=`, `start=`, `count=`, `sort=`: which entries of a table are shown, and what of them.

use serde_json::{Map, Value as Json, json};

use super::route::Route;
use crate::simulator::fortigate::{
    schema::{Kind, Table},
    store::Entry,
    value::Value,
};

/// An entry as JSON.
pub(super) fn json_of(table: Table, key: &str, entry: &Entry) -> Map<String, Json> {
    let mut object = Map::new();
    if !table.is_single() {
        let key: Json = match key.parse::<u32>() {
            Ok(number) if table.is_numbered() => number.into(),
            _ => key.into(),
        };
        object.insert(table.key_name().to_owned(), key.clone());
        object.insert("q_origin_key".to_owned(), key);
    }
    for field in table.fields() {
        let value = match (field.kind, entry.value(field.name)) {
            (_, Value::Names(names)) => {
                names.iter().map(|name| json!({"name": name, "q_origin_key": name})).collect::<Vec<_>>().into()
            }
            (Kind::Number(..), Value::Text(text)) => text.parse::<u64>().unwrap_or_default().into(),
            (_, Value::Text(text)) => text.as_str().into(),
        };
        object.insert(field.name.to_owned(), value);
    }
    object
}

/// The entries that a request wants to see, and how many fitted before it cut.
pub(super) fn choose(mut all: Vec<Map<String, Json>>, route: &Route) -> (Vec<Json>, usize) {
    for filter in route.all("filter") {
        all.retain(|object| filter.split(',').any(|term| fits(object, term)));
    }
    if let Some(sort) = route.given("sort") {
        let (name, order) = sort.split_once(',').unwrap_or((sort, "asc"));
        all.sort_by_key(|object| text_of(object.get(name)));
        if order.starts_with("desc") {
            all.reverse();
        }
    }
    let matched = all.len();
    let number = |name: &str| route.given(name).and_then(|text| text.parse::<usize>().ok());
    let wanted: Vec<&str> = route.given("format").map(|format| format.split('|').collect()).unwrap_or_default();
    let shown = all.into_iter().skip(number("start").unwrap_or(0)).take(number("count").unwrap_or(usize::MAX));
    let shown = shown.map(|mut object| {
        if !wanted.is_empty() {
            object.retain(|name, _| name == "q_origin_key" || wanted.contains(&name.as_str()));
        }
        Json::Object(object)
    });
    (shown.collect(), matched)
}

fn text_of(value: Option<&Json>) -> String {
    match value {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Array(all)) => {
            let names: Vec<String> = all.iter().map(|one| text_of(one.get("name"))).collect();
            names.join(" ")
        }
        Some(Json::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Whether an entry fits one term: `name==x`.
fn fits(object: &Map<String, Json>, term: &str) -> bool {
    let operators = ["==", "!=", "=@", "!@", "<=", ">="];
    let at = operators.iter().filter_map(|operator| term.find(operator).map(|at| (at, *operator))).min();
    let Some((at, operator)) = at else { return true };
    let (name, rest) = term.split_at(at);
    let wanted = rest.strip_prefix(operator).unwrap_or_default();
    let names: Vec<String> = match object.get(name) {
        Some(Json::Array(all)) => all.iter().map(|one| text_of(one.get("name"))).collect(),
        other => vec![text_of(other)],
    };
    let numbers = |text: &str| Some((text.parse::<i64>().ok()?, wanted.parse::<i64>().ok()?));
    match operator {
        "==" => names.iter().any(|own| own == wanted),
        "!=" => names.iter().all(|own| own != wanted),
        "=@" => names.iter().any(|own| own.contains(wanted)),
        "!@" => names.iter().all(|own| !own.contains(wanted)),
        "<=" => names.iter().any(|own| numbers(own).is_some_and(|(own, wanted)| own <= wanted)),
        _ => names.iter().any(|own| numbers(own).is_some_and(|(own, wanted)| own >= wanted)),
    }
}

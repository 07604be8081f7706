//! How what is saved is shown on the command line.

use crate::simulator::fortigate::{
    schema::{Field, Kind, Table},
    store::Entry,
    value::Value,
};

/// One attribute's value, as `set` would take it.
fn written(field: &Field, value: &Value) -> String {
    match (field.kind, value) {
        (_, Value::Names(names)) => {
            let quoted: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            quoted.join(" ")
        }
        (Kind::Text(_) | Kind::Domain, Value::Text(text)) => quoted(text),
        (_, Value::Text(text)) => text.clone(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What is set of an entry, each as a line that would set it; all of it, if `full`.
fn settings(table: Table, entry: &Entry, full: bool) -> Vec<String> {
    let is_shown = |field: &&'static Field| {
        let value = entry.value(field.name);
        full || *value != Value::default_of(field)
    };
    let line = |field: &'static Field| match entry.value(field.name) {
        Value::Names(names) if names.is_empty() => format!("unset {}", field.name),
        Value::Text(text) if text.is_empty() => format!("unset {}", field.name),
        value => format!("set {} {}", field.name, written(field, value)),
    };
    table.fields().iter().filter(is_shown).map(line).collect()
}

/// A table, or those entries of it, as the commands that would make it.
pub(super) fn config<'a>(table: Table, entries: impl Iterator<Item = (&'a str, &'a Entry)>, full: bool) -> Vec<String> {
    let (path, name) = table.path();
    let mut lines = vec![format!("config {path} {name}")];
    for (key, entry) in entries {
        if table.is_single() {
            lines.extend(settings(table, entry, full).into_iter().map(|line| format!("    {line}")));
            continue;
        }
        let key = if table.is_numbered() { key.to_owned() } else { format!("\"{key}\"") };
        lines.push(format!("    edit {key}"));
        lines.extend(settings(table, entry, full).into_iter().map(|line| format!("        {line}")));
        lines.push("    next".to_owned());
    }
    lines.push("end".to_owned());
    lines
}

/// Everything about one entry, for people.
pub(super) fn get(table: Table, key: &str, entry: &Entry) -> Vec<String> {
    let line = |name: &str, value: &str| format!("{name:<20}: {value}");
    let mut lines = Vec::new();
    if !table.is_single() {
        lines.push(line(table.key_name(), key));
    }
    for field in table.fields() {
        let value = match (field.kind, entry.value(field.name)) {
            // Masks and names stand there without quotes.
            (Kind::Text(_) | Kind::Domain, Value::Text(text)) => text.clone(),
            (_, value) => written(field, value),
        };
        lines.push(line(field.name, &value));
    }
    lines
}

/// The names in a table, for people.
pub(super) fn list<'a>(table: Table, keys: impl Iterator<Item = &'a str>) -> Vec<String> {
    keys.flat_map(|key| [format!("== [ {key} ]"), format!("{}: {key}", table.key_name())]).collect()
}

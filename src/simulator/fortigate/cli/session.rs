//! A session's place in the tree of commands, and what a line does there.

use std::{sync::Arc, time::Duration};

use super::{
    editor::{Words, words},
    show,
};
use crate::simulator::{
    faults::Profile,
    fortigate::{
        firewall::{AtNext, Firewall},
        refusal::Refusal,
        schema::{Field, Table},
        store::{Change, Delete, Entry, How, Must, Op, Write},
        value::{self, Value},
    },
};

/// Where a session is among virtual domains.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    /// In none; where there are none, this is all there is.
    Top,
    Global,
    /// In the table of virtual domains.
    Vdoms,
    Vdom(String),
}

/// How deep a session is in the configuration.
#[derive(Debug)]
enum Mode {
    Exec,
    Table(Table),
    Entry(Editing),
}

/// An entry that is being written; nothing of it is saved yet.
#[derive(Debug)]
struct Editing {
    table: Table,
    key: String,
    is_new: bool,
    entry: Entry,
    changes: Vec<Change>,
}

/// What a line brought.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) lines: Vec<String>,
    /// How long it takes.
    pub(super) takes: Duration,
    /// Whether the session ends as the client wished.
    pub(super) over: bool,
    /// Whether the session is cut.
    pub(super) cut: bool,
}

impl Said {
    fn lines(lines: Vec<String>) -> Self {
        Self { lines, ..Self::default() }
    }
}

type Answer = Result<Said, Refusal>;

/// A session's place.
#[derive(Debug)]
pub(super) struct Session {
    firewall: Arc<Firewall>,
    scope: Scope,
    mode: Mode,
}

/// A word that means nothing here.
fn unknown(word: &str) -> Refusal {
    Refusal::new(1, [format!("command parse error before '{word}'")])
}

/// A line that means nothing outside of the configuration.
fn no_action() -> Refusal {
    Refusal::new(-1, ["Unknown action 0".to_owned()])
}

impl Session {
    pub(super) const fn new(firewall: Arc<Firewall>) -> Self {
        Self { firewall, scope: Scope::Top, mode: Mode::Exec }
    }

    pub(super) fn prompt(&self) -> String {
        let place = match (&self.mode, &self.scope) {
            (Mode::Entry(editing), _) if !editing.table.is_single() => Some(editing.key.as_str()),
            (Mode::Entry(Editing { table, .. }) | Mode::Table(table), _) => Some(table.path().1),
            (Mode::Exec, Scope::Top) => None,
            (Mode::Exec, Scope::Global) => Some("global"),
            (Mode::Exec, Scope::Vdoms) => Some("vdom"),
            (Mode::Exec, Scope::Vdom(name)) => Some(name.as_str()),
        };
        let sign = if self.firewall.may_write() { '#' } else { '$' };
        let host = &self.firewall.settings().hostname;
        match place {
            Some(place) => format!("{host} ({place}) {sign} "),
            None => format!("{host} {sign} "),
        }
    }

    /// Whether long answers stop at every screen.
    pub(super) fn has_pager(&self) -> bool {
        self.firewall.store().single(Table::Console).is_some_and(|console| console.text("output") == "more")
    }

    /// Carries out a line.
    pub(super) fn run(&mut self, line: &str) -> Said {
        let Words { words, filter } = words(line);
        if words.is_empty() {
            return Said::default();
        }
        self.firewall.line_done();
        let mut said = self.command(&words).unwrap_or_else(|refusal| {
            // An object that is discarded is told by its text; the number is another one.
            let code = if refusal.code == Refusal::BAD_OBJECT { 1 } else { refusal.code };
            let mut lines = refusal.lines;
            lines.push(format!("Command fail. Return code {code}"));
            Said::lines(lines)
        });
        if let Some(filter) = filter {
            said.lines = grep(said.lines, &filter);
        }
        said
    }

    /// What may stand next in a line.
    pub(super) fn choices(&self, line: &str) -> Vec<String> {
        let words = words(line).words;
        let at_blank = line.is_empty() || line.ends_with(' ');
        let before: Vec<&str> = words.iter().map(String::as_str).collect();
        let (before, begun) = match before.split_last() {
            Some((last, rest)) if !at_blank => (rest, *last),
            _ => (&before[..], ""),
        };
        let all: Vec<String> = match (&self.mode, before) {
            (Mode::Exec, []) => ["config", "get", "show", "print", "exit"].map(str::to_owned).to_vec(),
            (Mode::Table(_), []) => {
                ["edit", "delete", "rename", "get", "show", "abort", "end"].map(str::to_owned).to_vec()
            }
            (Mode::Entry(_), []) => {
                let verbs = ["set", "unset", "append", "unselect", "select", "clear", "get", "show", "next"];
                verbs.iter().chain(&["abort", "end"]).map(|&verb| verb.to_owned()).collect()
            }
            (Mode::Exec, ["config" | "get" | "show"]) => vec!["firewall".to_owned(), "system".to_owned()],
            (Mode::Exec, ["config" | "get" | "show", path]) => {
                let paths = Table::ALL.iter().map(|table| table.path());
                paths.filter(|(own, _)| own == path).map(|(_, name)| name.to_owned()).collect()
            }
            (Mode::Table(table), ["edit" | "delete" | "rename"]) => {
                let store = self.firewall.store();
                store.entries(self.vdom(), *table).map(|(key, _)| key.to_owned()).collect()
            }
            (Mode::Entry(editing), ["set" | "unset" | "append" | "unselect" | "select" | "clear"]) => {
                editing.table.fields().iter().map(|field| field.name.to_owned()).collect()
            }
            _ => Vec::new(),
        };
        all.into_iter().filter(|choice| choice.starts_with(begun)).collect()
    }

    fn vdom(&self) -> &str {
        match &self.scope {
            Scope::Vdom(name) => name,
            _ => self.firewall.vdom(),
        }
    }

    fn command(&mut self, words: &[String]) -> Answer {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some((verb, rest)) = words.split_first() else { return Ok(Said::default()) };
        match (&self.mode, *verb) {
            (Mode::Exec, "config") => self.open_table(rest),
            (Mode::Exec, "edit" | "show") if self.scope == Scope::Vdoms => self.vdoms(verb, rest),
            (Mode::Exec, "end" | "abort") if self.scope != Scope::Top => {
                self.scope = Scope::Top;
                Ok(Said::default())
            }
            (Mode::Exec, "next") if matches!(self.scope, Scope::Vdom(_)) => {
                self.scope = Scope::Vdoms;
                Ok(Said::default())
            }
            (Mode::Exec, "exit" | "quit") => Ok(Said { over: true, ..Said::default() }),
            (Mode::Exec, "show") => self.show(rest),
            (Mode::Exec, "get") => self.get(rest),
            (Mode::Exec, "print") if rest == ["tablesize"] => Ok(Said::lines(self.table_sizes())),
            (Mode::Exec, _) => Err(no_action()),
            (Mode::Table(table), _) => self.in_table(*table, verb, rest),
            (Mode::Entry(_), _) => self.in_entry(verb, rest),
        }
    }

    /// The table that two words name, if it is to be had from here.
    fn table(&self, words: &[&str]) -> Result<Table, Refusal> {
        let [path, name, ..] = words else { return Err(value::incomplete()) };
        let table = Table::of_path(path, name).ok_or_else(|| unknown(name))?;
        let is_here = match &self.scope {
            Scope::Top => !self.firewall.has_vdoms(),
            Scope::Global => table.is_global(),
            Scope::Vdom(_) => !table.is_global(),
            Scope::Vdoms => false,
        };
        if is_here { Ok(table) } else { Err(unknown(path)) }
    }

    fn open_table(&mut self, words: &[&str]) -> Answer {
        match words {
            ["global"] if self.firewall.has_vdoms() && self.scope == Scope::Top => self.scope = Scope::Global,
            ["vdom"] if self.firewall.has_vdoms() && self.scope == Scope::Top => self.scope = Scope::Vdoms,
            [] => return Err(value::incomplete()),
            _ => {
                let table = self.table(words)?;
                if let Some(surplus) = words.get(2) {
                    return Err(unknown(surplus));
                }
                self.mode = Mode::Table(table);
                if table.is_single() {
                    self.mode = Mode::Entry(self.editing(table, ""));
                }
            }
        }
        Ok(Said::default())
    }

    /// Virtual domains themselves: one that is not there is made by entering it, as with every other table.
    fn vdoms(&mut self, verb: &str, rest: &[&str]) -> Answer {
        if verb == "show" {
            let mut lines = vec!["config vdom".to_owned()];
            lines.extend(self.firewall.vdoms().iter().flat_map(|vdom| [format!("edit {vdom}"), "next".to_owned()]));
            lines.push("end".to_owned());
            return Ok(Said::lines(lines));
        }
        let [name] = rest else { return Err(value::incomplete()) };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Err(Refusal::parse(name));
        }
        let is_new = !self.firewall.store().has_vdom(name);
        if is_new && !self.firewall.may_write() {
            return Err(Refusal::bare(Refusal::NO_RIGHT));
        }
        self.firewall.store().add_vdom(name);
        self.scope = Scope::Vdom((*name).to_owned());
        Ok(Said::lines(vec![format!("current vf={name}:{}", u8::from(is_new))]))
    }

    fn editing(&self, table: Table, key: &str) -> Editing {
        let found = self.firewall.store().entry(self.vdom(), table, key).cloned();
        let is_new = found.is_none();
        let entry = found.unwrap_or_else(|| Entry::new(table));
        Editing { table, key: key.to_owned(), is_new, entry, changes: Vec::new() }
    }

    /// Refuses who may only read; `false` if the command is to do nothing and say nothing.
    fn rights(&self) -> Result<bool, Refusal> {
        match self.firewall.settings().profile {
            Profile::Full => Ok(true),
            Profile::ReadOnly => Err(Refusal::bare(Refusal::NO_RIGHT)),
            Profile::Silent => Ok(false),
        }
    }

    fn in_table(&mut self, table: Table, verb: &str, rest: &[&str]) -> Answer {
        match (verb, rest) {
            ("edit", [key]) => {
                let editing = self.editing(table, key);
                if !editing.is_new {
                    self.mode = Mode::Entry(editing);
                    return Ok(Said::default());
                }
                if !self.rights()? {
                    return Ok(Said::default());
                }
                self.firewall.store().check_new(self.vdom(), table, key)?;
                let lines = if self.firewall.settings().new_entry_line {
                    vec![format!("new entry '{key}' added")]
                } else {
                    Vec::new()
                };
                self.mode = Mode::Entry(editing);
                Ok(Said::lines(lines))
            }
            ("delete", [key]) => {
                if self.rights()? {
                    let (vdom, key) = (self.vdom().to_owned(), (*key).to_owned());
                    self.firewall.apply(&Op::Delete(Delete { vdom, table, key }))?;
                }
                Ok(self.slow(Vec::new()))
            }
            ("rename", [from, "to", to]) => {
                if self.rights()? {
                    self.firewall.store().rename(self.vdom(), table, from, to)?;
                }
                Ok(self.slow(Vec::new()))
            }
            ("edit" | "delete" | "rename", _) => match rest.get(1) {
                Some(surplus) => Err(unknown(surplus)),
                None => Err(value::incomplete()),
            },
            ("show" | "get", _) => {
                let (path, name) = table.path();
                let full = [&[path, name], rest].concat();
                if verb == "show" { self.show(&full) } else { self.get(&full) }
            }
            ("end" | "abort", []) => {
                self.mode = Mode::Exec;
                Ok(Said::default())
            }
            _ => Err(unknown(verb)),
        }
    }

    fn in_entry(&mut self, verb: &str, rest: &[&str]) -> Answer {
        match verb {
            "set" | "select" | "append" | "unselect" | "unset" | "clear" => self.change(verb, rest),
            "next" | "end" => self.leave(verb == "end"),
            "abort" => {
                self.mode = Mode::Exec;
                Ok(Said::default())
            }
            "show" | "get" => {
                let Mode::Entry(editing) = &self.mode else { return Ok(Said::default()) };
                let Editing { table, key, entry, .. } = editing;
                if verb == "get" {
                    return Ok(Said::lines(show::get(*table, key, entry)));
                }
                let full = rest.first() == Some(&"full-configuration");
                Ok(Said::lines(show::config(*table, std::iter::once((key.as_str(), entry)), full)))
            }
            _ => Err(unknown(verb)),
        }
    }

    fn change(&mut self, verb: &str, rest: &[&str]) -> Answer {
        let may = self.rights()?;
        let Mode::Entry(editing) = &self.mode else { return Ok(Said::default()) };
        let Some((name, values)) = rest.split_first() else { return Err(value::incomplete()) };
        let field: &'static Field = editing.table.field(name).ok_or_else(|| unknown(name))?;
        if !may {
            return Ok(Said::default());
        }
        let words: Vec<String> = values.iter().map(|&word| word.to_owned()).collect();
        let named = || match Value::read(field, &words)? {
            Value::Names(names) if !names.is_empty() => Ok(names),
            _ => Err(value::incomplete()),
        };
        if *name == "subnet" && verb == "set" && self.firewall.rejects_subnet() {
            let said = "invalid ip address";
            return Err(Refusal::value(Refusal::BAD_IP, said, values.first().copied().unwrap_or_default()));
        }
        let how = match verb {
            "set" if field.is_list() => How::Set(Value::Names(named()?)),
            "set" => How::Set(Value::read(field, &words)?),
            "unset" | "clear" if words.is_empty() => How::Reset,
            "select" if field.is_list() => How::Set(Value::Names(named()?)),
            "append" if field.is_list() => How::Append(named()?),
            "unselect" if field.is_list() => How::Unselect(named()?),
            _ => return Err(Refusal::parse(name)),
        };
        let names = match &how {
            How::Set(Value::Names(names)) | How::Append(names) => names.as_slice(),
            _ => &[],
        };
        self.firewall.store().check_members(self.vdom(), field, names)?;
        let change = Change { field, how };
        if let Mode::Entry(editing) = &mut self.mode {
            editing.entry.change(&change);
            editing.changes.push(change);
        }
        Ok(Said::default())
    }

    /// `next` and `end`: what was written is saved now, or discarded.
    fn leave(&mut self, to_top: bool) -> Answer {
        let at_next = self.firewall.at_next();
        let Mode::Entry(editing) = std::mem::replace(&mut self.mode, Mode::Exec) else { return Ok(Said::default()) };
        if at_next == AtNext::CutBefore {
            return Ok(Said { cut: true, ..Said::default() });
        }
        let Editing { table, key, is_new, changes, .. } = editing;
        if is_new && self.firewall.add_fails() {
            return Err(Refusal::bare(Refusal::ADD_FAILED));
        }
        if !to_top && !table.is_single() {
            self.mode = Mode::Table(table);
        }
        if is_new || !changes.is_empty() {
            let vdom = self.vdom().to_owned();
            self.firewall.apply(&Op::Write(Write { vdom, table, key, must: Must::Either, changes }))?;
        }
        Ok(Said { cut: at_next == AtNext::CutAfter, ..self.slow(Vec::new()) })
    }

    fn slow(&self, lines: Vec<String>) -> Said {
        Said { lines, takes: self.firewall.settings().commit_takes.0, ..Said::default() }
    }

    fn show(&self, rest: &[&str]) -> Answer {
        let (full, rest) = match rest {
            ["full-configuration", rest @ ..] => (true, rest),
            _ => (false, rest),
        };
        let table = self.table(rest)?;
        let store = self.firewall.store();
        match rest.get(2) {
            Some(key) if !table.is_single() => {
                let entry = store.entry(self.vdom(), table, key).ok_or_else(Refusal::entry_not_found)?;
                Ok(Said::lines(show::config(table, std::iter::once((*key, entry)), full)))
            }
            _ if table.is_single() => {
                let entry = store.single(table).map(|entry| ("", entry));
                Ok(Said::lines(show::config(table, entry.into_iter(), full)))
            }
            _ => Ok(Said::lines(show::config(table, store.entries(self.vdom(), table), full))),
        }
    }

    fn get(&self, rest: &[&str]) -> Answer {
        if rest == ["system", "status"] {
            return Ok(Said::lines(self.status()));
        }
        let table = self.table(rest)?;
        let store = self.firewall.store();
        match rest.get(2) {
            None if table.is_single() => {
                let entry = store.single(table).ok_or_else(Refusal::entry_not_found)?;
                Ok(Said::lines(show::get(table, "", entry)))
            }
            None => Ok(Said::lines(show::list(table, store.entries(self.vdom(), table).map(|(key, _)| key)))),
            Some(key) => {
                let entry = store.entry(self.vdom(), table, key).ok_or_else(Refusal::entry_not_found)?;
                Ok(Said::lines(show::get(table, key, entry)))
            }
        }
    }

    fn status(&self) -> Vec<String> {
        let settings = self.firewall.settings();
        let vdoms = self.firewall.vdoms();
        let mode = if self.firewall.has_vdoms() { "multiple" } else { "disable" };
        vec![
            format!("Version: FortiGate-VM64 {},build{},240514 (GA.F)", settings.version, settings.build),
            format!("Serial-Number: {}", settings.serial),
            "License Status: Valid".to_owned(),
            "Log hard disk: Available".to_owned(),
            format!("Hostname: {}", settings.hostname),
            "Operation Mode: NAT".to_owned(),
            format!("Current virtual domain: {}", self.vdom()),
            "Max number of virtual domains: 10".to_owned(),
            format!("Virtual domains status: {} in NAT mode, 0 in TP mode", vdoms.len()),
            format!("Virtual domain configuration: {mode}"),
            "FIPS-CC mode: disable".to_owned(),
            "Current HA mode: standalone".to_owned(),
            "Branch point: 2662".to_owned(),
        ]
    }

    fn table_sizes(&self) -> Vec<String> {
        let (unit, vdom) = self.firewall.store().room();
        let most = self.firewall.settings().max_members;
        let vdom = vdom.unwrap_or(0);
        vec![
            format!("firewall.address: 0 {vdom} {unit}"),
            format!("firewall.address6: 0 {vdom} {unit}"),
            "firewall.addrgrp: 0 2500 5000".to_owned(),
            format!("firewall.addrgrp:member: {most} 0 0"),
            "firewall.policy: 0 5000 10000".to_owned(),
        ]
    }
}

/// The lines that `grep` would leave.
fn grep(lines: Vec<String>, filter: &[String]) -> Vec<String> {
    let [verb, options @ .., pattern] = filter else { return lines };
    if verb != "grep" {
        return lines;
    }
    let has = |option: &str| options.iter().any(|own| own == option);
    let fold = |text: &str| if has("-i") { text.to_lowercase() } else { text.to_owned() };
    let pattern = fold(pattern);
    lines.into_iter().filter(|line| fold(line).contains(&pattern) != has("-v")).collect()
}

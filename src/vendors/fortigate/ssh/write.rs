//! The conversations that change something. Each ends at the top, or with the session.

use super::{
    super::{
        channel::Deleted,
        codes::Meaning,
        objects::{Object, Table},
    },
    Seat, Ssh,
    dialogue::Said,
    judge::Trouble,
    line::Line,
};
use crate::{
    domain::{failure::FailureKind, indicator::Indicator},
    vendors::{Again, Scope, VendorError},
};

/// Members in one line, and deletions typed together.
const MEMBERS: usize = 8;
const DELETIONS: usize = 50;

type Done<T> = Vec<Result<T, VendorError>>;

/// The session broke off where something may have been saved.
fn in_doubt(error: &VendorError) -> VendorError {
    let failure = error.failure();
    match error.scope() {
        Scope::Run => VendorError::stops_run_in_doubt(failure.kind, failure.text.clone()),
        Scope::Targets => VendorError::new(failure.kind, failure.text.clone(), Again::InDoubt),
    }
}

/// Nothing was typed for this one.
fn not_typed(error: &VendorError) -> VendorError {
    if error.scope() == Scope::Run {
        return error.clone();
    }
    let text = format!("not asked for, because another failed: {}", error.failure().text);
    VendorError::new(error.failure().kind, text, Again::Backoff)
}

/// The session is somewhere else than a line leads to.
fn astray(line: &Line) -> VendorError {
    let text = format!("the firewall's prompt is not where `{}` leads to", line.as_str());
    VendorError::new(FailureKind::Protocol, text, Again::Backoff)
}

fn silent() -> VendorError {
    let text = "the firewall did nothing and said nothing: the administrator may only read";
    VendorError::stops_run(FailureKind::Forbidden, text)
}

fn config(table: &str) -> Line {
    Line::new("config firewall").word(table)
}

fn says_new(said: &Said) -> bool {
    said.lines.iter().any(|line| line.trim_start().starts_with("new entry"))
}

/// The lines that make an object, between the one that opens it and the one that saves it.
fn lines_of(object: &Object) -> Result<Vec<Line>, VendorError> {
    let mut lines = vec![Line::new("edit").quoted(&object.name)];
    match &object.value {
        Some(Indicator::V4(net)) => {
            lines.push(Line::new("set type ipmask"));
            lines.push(Line::new("set subnet").word(&net.addr().to_string()).word(&net.netmask().to_string()));
        }
        Some(Indicator::V6(net)) => {
            lines.push(Line::new("set type ipprefix"));
            lines.push(Line::new("set ip6").word(&net.to_string()));
        }
        Some(Indicator::Domain(name)) => {
            lines.push(Line::new("set type fqdn"));
            lines.push(Line::new("set fqdn").quoted(&name.to_string()));
        }
        None => {
            let text = "an object without a value would mean every address, and is never written";
            return Err(VendorError::new(FailureKind::Internal, text, Again::Never));
        }
    }
    lines.push(Line::new("set comment").quoted(&object.comment));
    // One that cannot be typed must not fail the others.
    for line in &lines {
        line.bytes()?;
    }
    Ok(lines)
}

impl Seat<'_> {
    /// Enters a table.
    async fn enter(&mut self, table: &str) -> Result<(), VendorError> {
        let line = config(table);
        let said = self.one(&line).await?;
        if let Some(trouble) = Trouble::of(&said.lines) {
            let error = trouble.verdict();
            return if self.is_top(&said) { Err(error) } else { Err(self.lose(error)) };
        }
        if said.after.is_at(Some(table)) {
            return Ok(());
        }
        if self.is_top(&said) { Err(silent()) } else { Err(self.lose(astray(&line))) }
    }

    /// Abandons whatever is being written, and proves that it is abandoned.
    async fn abort(&mut self) -> Result<(), VendorError> {
        let line = Line::new("abort");
        let said = self.one(&line).await?;
        if self.is_top(&said) { Ok(()) } else { Err(self.lose(astray(&line))) }
    }

    /// Leaves a table in which nothing is being written.
    async fn finish(&mut self) -> Result<(), VendorError> {
        let line = Line::new("end");
        let said = self.one(&line).await?;
        if self.is_top(&said) { Ok(()) } else { Err(self.lose(astray(&line))) }
    }

    fn lose(&mut self, error: VendorError) -> VendorError {
        self.end();
        error
    }
}

/// Objects on their way: what is known of each.
struct Course<'o> {
    results: Vec<Option<Result<(), VendorError>>>,
    objects: &'o [&'o Object],
}

impl Course<'_> {
    fn set(&mut self, n: usize, result: Result<(), VendorError>) {
        if let Some(slot) = self.results.get_mut(n) {
            *slot = Some(result);
        }
    }

    fn name(&self, n: usize) -> &str {
        self.objects.get(n).map_or("", |object| object.name.as_str())
    }

    /// Whatever is not known yet was not typed.
    fn finish(self, because: &VendorError) -> Done<()> {
        self.results.into_iter().map(|result| result.unwrap_or_else(|| Err(not_typed(because)))).collect()
    }
}

/// What came of the line that saves an entry.
fn saved(said: &Said) -> Result<(), VendorError> {
    match Trouble::of(&said.lines) {
        Some(trouble) => Err(trouble.verdict()),
        None => Ok(()),
    }
}

impl Ssh {
    /// Writes objects of one table, one after the other.
    pub(super) async fn write(&self, objects: &[&Object], are_new: bool) -> Done<()> {
        let mut course = Course { results: vec![None; objects.len()], objects };
        let Some(table) = objects.first().map(|object| object.table.addresses()) else { return Vec::new() };
        let because = match self.sit_inside().await {
            Ok(mut seat) => write_all(&mut seat, table, &mut course, are_new).await.err(),
            Err(error) => Some(error),
        };
        let unknown = || VendorError::new(FailureKind::Internal, "an object was passed over", Again::Backoff);
        course.finish(&because.unwrap_or_else(unknown))
    }

    /// Adds members to a group, or takes them out.
    pub(super) async fn edit_group(&self, place: (Table, &str), verb: &'static str, members: &[&str]) -> Done<()> {
        let mut seat = match self.sit_inside().await {
            Ok(seat) => seat,
            Err(error) => return vec![Err(error); members.len()],
        };
        match edit_members(&mut seat, place, verb, members).await {
            Ok(()) => vec![Ok(()); members.len()],
            // One of them was refused, and nothing was saved: which one shows when they go one by one. So it does how many there is
            // room for.
            Err(error) if (is_refusal(&error) || is_full(&error)) && members.len() > 1 => {
                let mut done: Vec<Result<(), VendorError>> = Vec::new();
                for member in members {
                    let full = done.iter().find_map(|done| done.as_ref().err().filter(|error| is_full(error))).cloned();
                    done.push(match full {
                        Some(error) => Err(error),
                        None => edit_members(&mut seat, place, verb, &[member]).await,
                    });
                }
                done
            }
            Err(error) => vec![Err(error); members.len()],
        }
    }

    pub(super) async fn delete_objects(&self, table: Table, names: &[&str]) -> Done<Deleted> {
        let mut seat = match self.sit_inside().await {
            Ok(seat) => seat,
            Err(error) => return vec![Err(error); names.len()],
        };
        if let Err(error) = seat.enter(table.addresses()).await {
            return vec![Err(error); names.len()];
        }
        let mut done = Vec::new();
        for names in names.chunks(DELETIONS) {
            let lines: Vec<Line> = names.iter().map(|name| Line::new("delete").quoted(name)).collect();
            match seat.ask(&lines).await {
                Ok(said) => done.extend(said.iter().map(deleted)),
                Err(error) => done.extend(names.iter().map(|_| Err(in_doubt(&error)))),
            }
        }
        // Each deletion was saved by itself; a session that does not come back is not used again.
        drop(seat.finish().await);
        done
    }
}

/// Whether the firewall refused something by itself, and the session goes on.
fn is_refusal(error: &VendorError) -> bool {
    error.again() == Again::Never && error.scope() == Scope::Targets
}

/// Whether there was no room, and nothing was saved.
fn is_full(error: &VendorError) -> bool {
    error.failure().kind == FailureKind::TableFull
}

fn deleted(said: &Said) -> Result<Deleted, VendorError> {
    match Trouble::of(&said.lines) {
        None => Ok(Deleted::Gone),
        Some(trouble) if trouble.means(Meaning::NotFound) => Ok(Deleted::Gone),
        Some(trouble) if trouble.means(Meaning::InUse) => Ok(Deleted::InUse),
        Some(trouble) => Err(trouble.verdict()),
    }
}

/// Writes the objects of a course. An error is why the rest of them were not typed.
async fn write_all(
    seat: &mut Seat<'_>,
    table: &str,
    course: &mut Course<'_>,
    are_new: bool,
) -> Result<(), VendorError> {
    let next = Line::new("next");
    let mut is_inside = false;
    // The entry that is whole, and not saved yet.
    let mut whole: Option<usize> = None;
    for n in 0..course.objects.len() {
        let Some(object) = course.objects.get(n) else { break };
        let lines = match lines_of(object) {
            Ok(lines) => lines,
            Err(error) => {
                course.set(n, Err(error));
                continue;
            }
        };
        if !is_inside {
            seat.enter(table).await?;
            is_inside = true;
        }
        let mut typed = Vec::new();
        if let Some(before) = whole
            && !seat.may_run_on()
        {
            let said = seat.one(&next).await.map_err(|error| doubt(course, before, error))?;
            course.set(before, saved(&said));
            whole = None;
            if !said.after.is_at(Some(table)) {
                leave(seat, &said).await?;
                seat.enter(table).await?;
            }
        }
        if whole.is_some() {
            typed.push(next.clone());
        }
        typed.extend(lines);
        let said = match seat.ask(&typed).await {
            Ok(said) => said,
            Err(error) => {
                if let Some(before) = whole {
                    course.set(before, Err(in_doubt(&error)));
                }
                return Err(doubt(course, n, error));
            }
        };
        let mut answers = said.as_slice();
        if let (Some(before), Some((first, rest))) = (whole.take(), answers.split_first()) {
            course.set(before, saved(first));
            answers = rest;
        }
        match entry(answers, course.name(n), are_new) {
            Ok(()) => whole = Some(n),
            Err(error) => {
                let stops = error.scope() == Scope::Run;
                course.set(n, Err(error.clone()));
                is_inside = false;
                if let Some(last) = said.last() {
                    leave(seat, last).await?;
                }
                if stops {
                    return Err(error);
                }
            }
        }
    }
    if let Some(last) = whole {
        let end = Line::new("end");
        let said = seat.one(&end).await.map_err(|error| doubt(course, last, error))?;
        course.set(last, saved(&said));
        if !seat.is_top(&said) {
            return leave(seat, &said).await;
        }
    } else if is_inside {
        seat.finish().await?;
    }
    Ok(())
}

fn doubt(course: &mut Course<'_>, n: usize, error: VendorError) -> VendorError {
    course.set(n, Err(in_doubt(&error)));
    error
}

/// Goes back to the top from wherever an answer left the session, without saving anything.
async fn leave(seat: &mut Seat<'_>, said: &Said) -> Result<(), VendorError> {
    if seat.is_top(said) { Ok(()) } else { seat.abort().await }
}

/// Judges the lines of an entry, none of which has saved anything.
fn entry(said: &[Said], name: &str, are_new: bool) -> Result<(), VendorError> {
    for answer in said {
        if let Some(trouble) = Trouble::of(&answer.lines) {
            // Where the first line said nothing and led nowhere, the others only complain about that.
            let first = said.first().is_some_and(|first| first.lines.is_empty() && !first.after.is_at(Some(name)));
            return Err(if first { silent() } else { trouble.verdict() });
        }
    }
    let is_there = |answer: &Said| answer.after.is_at(Some(name));
    if said.is_empty() || !said.iter().all(is_there) {
        return Err(silent());
    }
    if !are_new && said.first().is_some_and(says_new) {
        let text = format!("the object `{name}` was not there any more, and was not made anew");
        return Err(VendorError::new(FailureKind::Conflict, text, Again::Look));
    }
    Ok(())
}

/// One visit to a group. Nothing is saved unless every line was taken.
async fn edit_members(
    seat: &mut Seat<'_>,
    (table, group): (Table, &str),
    verb: &'static str,
    members: &[&str],
) -> Result<(), VendorError> {
    seat.enter(table.groups()).await?;
    let edit = Line::new("edit").quoted(group);
    let said = seat.one(&edit).await?;
    let trouble = Trouble::of(&said.lines).map(|trouble| trouble.verdict());
    // Whoever opens a group that is not there makes one.
    let problem = match trouble {
        Some(error) => Some(error),
        None if says_new(&said) => {
            let text = format!("the address group `{group}` is not there any more");
            Some(VendorError::stops_run(FailureKind::NotFound, text))
        }
        None if !said.after.is_at(Some(group)) => Some(silent()),
        None => None,
    };
    if let Some(error) = problem {
        leave(seat, &said).await?;
        return Err(error);
    }
    let lines: Vec<Line> = members
        .chunks(MEMBERS)
        .map(|names| names.iter().fold(Line::new(verb), |line, name| line.quoted(name)))
        .collect();
    let answers = seat.ask(&lines).await?;
    for answer in &answers {
        let Some(trouble) = Trouble::of(&answer.lines) else { continue };
        // Alone, a member that is not there is out already.
        let is_out = verb.starts_with("unselect") && members.len() == 1 && trouble.means(Meaning::NotFound);
        leave(seat, answers.last().unwrap_or(answer)).await?;
        return if is_out { Ok(()) } else { Err(trouble.verdict()) };
    }
    let end = Line::new("end");
    let said = seat.one(&end).await.map_err(|error| in_doubt(&error))?;
    let result = saved(&said);
    if !seat.is_top(&said) {
        leave(seat, &said).await?;
    }
    result
}

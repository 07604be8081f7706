//! Decides where each target lives, from what every console has said of it.
//!
//! Pure. A host that one console has is that console's. One that several have is nobody's, unless somebody has said which
//! console comes first; one that none has is told with what nearly fits.

use std::{
    collections::{HashMap, hash_map},
    sync::Arc,
};

use crate::{
    domain::{
        failure::{Failure, FailureKind},
        host::HostId,
        outcome::Outcome,
        selector::Entry,
    },
    engine::{
        event::{Candidate, Duplicate},
        roster::{Detail, Roster, Settlement},
    },
};

/// What one console has said. In its roster, the line of a target is the target's number in the whole: a console is asked
/// only for what can be its own, and a plan closes up over what it folds.
#[derive(Debug)]
pub struct Asked {
    /// The console's word.
    pub vendor: &'static str,
    /// The planned targets.
    pub roster: Roster,
}

/// Every target, and where it lives.
#[derive(Debug, Default)]
pub struct Sorted {
    /// All of them, in the order in which they were written.
    pub roster: Roster,
    /// The place of each target's console among those that were asked; `None` where none has it, or several do.
    pub owners: Vec<Option<usize>>,
    /// How many targets turned out to name a host that another target names.
    pub folded: usize,
}

/// What one console says of one target.
enum Word<'r> {
    /// It has the host.
    Here(&'r Roster, u32),
    /// It has hosts that fit, and cannot say which.
    Unclear(&'r Roster, u32),
    /// It cannot be asked so.
    CannotSay(String),
    /// It has none.
    NotHere(&'r Roster, u32),
}

impl Word<'_> {
    fn of(roster: &Roster, n: u32) -> Word<'_> {
        let settled = roster.detail(n).and_then(|detail| detail.settled.as_ref());
        match settled.filter(|settled| settled.outcome == Outcome::Unresolved) {
            None => Word::Here(roster, n),
            Some(settled) => match &settled.reason {
                Some(reason) if reason.kind == FailureKind::NotFound => Word::NotHere(roster, n),
                Some(reason) if reason.kind == FailureKind::Unsupported => Word::CannotSay(reason.text.clone()),
                _ => Word::Unclear(roster, n),
            },
        }
    }
}

/// Sorts targets. `duplicates`: further lines that name the same as a target, by its number. `prefer`: the words of consoles
/// that come first where several have a host.
pub fn sort(
    entries: &[Entry],
    files: &[Option<Arc<str>>],
    duplicates: Vec<(u32, Vec<Duplicate>)>,
    asked: &[Asked],
    prefer: &[&str],
) -> Sorted {
    let places: Vec<HashMap<u32, u32>> = asked.iter().map(|asked| places(&asked.roster)).collect();
    let mut duplicates: HashMap<u32, Vec<Duplicate>> = duplicates.into_iter().collect();
    let mut sorted = Sorted::default();
    let mut first_of: HashMap<(usize, HostId), u32> = HashMap::new();
    for (n, entry) in (0_u32..).zip(entries) {
        let said: Vec<(usize, Word<'_>)> = asked
            .iter()
            .zip(&places)
            .enumerate()
            .filter_map(|(k, (asked, places))| Some((k, Word::of(&asked.roster, *places.get(&n)?))))
            .collect();
        let (owner, host, mut detail) = place(&said, asked, prefer);
        let file = files.get(usize::from(entry.file)).cloned().flatten();
        let written = entry.selector.written();
        let again = duplicates.remove(&n).unwrap_or_default();
        if let (Some(owner), Some(host)) = (owner, &host) {
            match first_of.entry((owner, host.clone())) {
                hash_map::Entry::Occupied(first) => {
                    let also = Duplicate { target: Arc::clone(written), file, line: entry.line };
                    let known = &mut sorted.roster.detail_mut(*first.get()).duplicates;
                    known.push(also);
                    known.extend(again);
                    sorted.folded += 1;
                    continue;
                }
                hash_map::Entry::Vacant(free) => {
                    free.insert(sorted.roster.len());
                }
            }
        }
        detail.duplicates = again;
        sorted.roster.push(Arc::clone(written), file, entry.line, host, detail);
        sorted.owners.push(owner);
    }
    sorted
}

impl Sorted {
    /// The targets of one console, and the numbers that they have in the whole.
    pub fn part(&self, owner: usize) -> (Roster, Vec<u32>) {
        let (mut part, mut numbers) = (Roster::default(), Vec::new());
        for (n, item, detail) in self.of(Some(owner)) {
            let file = self.roster.file(n).cloned();
            part.push(
                Arc::clone(&item.written),
                file,
                item.line,
                item.host.clone(),
                detail.cloned().unwrap_or_default(),
            );
            numbers.push(n);
        }
        (part, numbers)
    }

    /// The numbers of the targets that no console has.
    pub fn aside(&self) -> impl Iterator<Item = u32> + '_ {
        self.of(None).map(|(n, ..)| n)
    }

    fn of(
        &self,
        owner: Option<usize>,
    ) -> impl Iterator<Item = (u32, &crate::engine::roster::Item, Option<&Detail>)> + '_ {
        let owned = (0_u32..).zip(&self.owners).filter(move |(_, of)| **of == owner);
        owned.filter_map(|(n, _)| Some((n, self.roster.item(n)?, self.roster.detail(n))))
    }
}

/// Where each target of the whole stands in a console's roster.
fn places(roster: &Roster) -> HashMap<u32, u32> {
    let mut places = HashMap::new();
    for local in 0..roster.len() {
        let Some(item) = roster.item(local) else { continue };
        places.insert(item.line, local);
        let folded = roster.detail(local).map(|detail| detail.duplicates.as_slice()).unwrap_or_default();
        places.extend(folded.iter().map(|also| (also.line, local)));
    }
    places
}

fn place(said: &[(usize, Word<'_>)], asked: &[Asked], prefer: &[&str]) -> (Option<usize>, Option<HostId>, Detail) {
    let word = |k: usize| asked.get(k).map_or("", |asked| asked.vendor);
    let has = |(_, word): &&(usize, Word<'_>)| matches!(word, Word::Here(..) | Word::Unclear(..));
    let holders: Vec<&(usize, Word<'_>)> = said.iter().filter(has).collect();
    let by_rule = holders.iter().find(|(_, word)| is_forbidden(word));
    // Which of its hosts one console means is not known, and one of them may be protected: then no order of consoles decides.
    let unclear = holders.iter().any(|(_, word)| matches!(word, Word::Unclear(..)));
    let preferred = || prefer.iter().find_map(|first| holders.iter().find(|(k, _)| word(*k) == *first));
    let taken = match holders.as_slice() {
        [] => return (None, None, nobody(said, asked)),
        [only] if by_rule.is_some() || !is_by_short_name_elsewhere(said) => only,
        [(k, _)] => return (None, None, by_short_name(word(*k), said, asked)),
        // A rule that holds in one console holds: it is the same machine.
        _ => match by_rule.or_else(|| if unclear { None } else { preferred() }) {
            Some(taken) => taken,
            None => return (None, None, several(&holders, asked)),
        },
    };
    let (k, Word::Here(roster, local) | Word::Unclear(roster, local)) = taken else {
        return (None, None, nobody(said, asked));
    };
    let mut detail = detail_of(roster, *local, word(*k));
    let others: Vec<&str> = holders.iter().map(|(other, _)| word(*other)).filter(|other| *other != word(*k)).collect();
    if !others.is_empty() {
        add_note(&mut detail, format!("{} has a host that fits, too, and was passed over", others.join(" and ")));
    }
    for (other, said) in said {
        if let Word::CannotSay(why) = said {
            add_note(&mut detail, format!("{} was not asked: {why}", word(*other)));
        }
    }
    (Some(*k), roster.item(*local).and_then(|item| item.host.clone()), detail)
}

/// Whether a console has a host of the same short name and no domain: it may be the same machine, known there by that name alone, and a rule
/// may hold for it there.
fn is_by_short_name_elsewhere(said: &[(usize, Word<'_>)]) -> bool {
    said.iter().any(|(_, word)| {
        let Word::NotHere(roster, n) = word else { return false };
        let near = roster.detail(*n).map(|detail| detail.candidates.as_slice()).unwrap_or_default();
        near.iter().any(|candidate| candidate.name.as_deref().is_some_and(|name| !name.contains('.')))
    })
}

/// A host that one console has by its whole name, and another perhaps by its short one.
fn by_short_name(owner: &str, said: &[(usize, Word<'_>)], asked: &[Asked]) -> Detail {
    let mut candidates = Vec::new();
    for (k, said) in said {
        if let Word::NotHere(roster, n) = said {
            candidates.extend(detail_of(roster, *n, asked.get(*k).map_or("", |asked| asked.vendor)).candidates);
        }
    }
    let text = format!(
        "{owner} has this host, and another console one of the same short name, which may be the same machine: `--vendor {owner}` says \
         that this one is meant"
    );
    unresolved(FailureKind::Ambiguous, text, candidates)
}

fn is_forbidden(word: &Word<'_>) -> bool {
    let Word::Here(roster, n) = word else { return false };
    let settled = roster.detail(*n).and_then(|detail| detail.settled.as_ref());
    settled.is_some_and(|settled| {
        settled.outcome == Outcome::Refused && settled.reason.as_ref().is_some_and(|reason| reason.kind.is_a_rule())
    })
}

/// What a console says of a target, with its word beside every host that it names.
fn detail_of(roster: &Roster, n: u32, vendor: &str) -> Detail {
    let mut detail = roster.detail(n).cloned().unwrap_or_default();
    for candidate in &mut detail.candidates {
        candidate.vendor = Some(vendor.into());
    }
    detail
}

/// A host that several consoles have.
fn several(holders: &[&(usize, Word<'_>)], asked: &[Asked]) -> Detail {
    let mut candidates = Vec::new();
    let mut words = Vec::new();
    for (k, said) in holders {
        let vendor = asked.get(*k).map_or("", |asked| asked.vendor);
        words.push(vendor);
        match said {
            Word::Here(roster, n) => {
                let Some(id) = roster.item(*n).and_then(|item| item.host.clone()) else { continue };
                let detail = roster.detail(*n);
                candidates.push(Candidate {
                    id,
                    name: detail.and_then(|detail| detail.name.as_deref()).map(Into::into),
                    last_seen: detail.and_then(|detail| detail.last_seen.as_deref()).map(Into::into),
                    product: None,
                    state: detail.and_then(|detail| detail.before.as_ref()).map(|state| (&*state.word).into()),
                    vendor: Some(vendor.into()),
                });
            }
            Word::Unclear(roster, n) => candidates.extend(detail_of(roster, *n, vendor).candidates),
            Word::NotHere(..) | Word::CannotSay(_) => {}
        }
    }
    let text = format!(
        "{} have a host that fits, and none is taken: say with `--prefer` which console comes first",
        words.join(" and ")
    );
    unresolved(FailureKind::Ambiguous, text, candidates)
}

/// A host that no console has.
fn nobody(said: &[(usize, Word<'_>)], asked: &[Asked]) -> Detail {
    let mut candidates = Vec::new();
    let mut nearly = None;
    let (mut without, mut cannot) = (Vec::new(), Vec::new());
    for (k, said) in said {
        let vendor = asked.get(*k).map_or("", |asked| asked.vendor);
        match said {
            Word::NotHere(roster, n) => {
                without.push(vendor);
                let detail = detail_of(roster, *n, vendor);
                if !detail.candidates.is_empty() {
                    let reason = detail.settled.and_then(|settled| settled.reason);
                    nearly = nearly.or(reason.map(|reason| format!("{vendor}: {}", reason.text)));
                }
                candidates.extend(detail.candidates);
            }
            Word::CannotSay(why) => cannot.push(format!("{vendor}: {why}")),
            Word::Here(..) | Word::Unclear(..) => {}
        }
    }
    let kind = if without.is_empty() && !cannot.is_empty() { FailureKind::Unsupported } else { FailureKind::NotFound };
    let mut text = match (nearly, without.is_empty(), cannot.is_empty()) {
        (Some(nearly), ..) => nearly,
        (None, true, true) => "no console that is asked has ids of this form".to_owned(),
        (None, true, false) => String::new(),
        (None, false, _) => format!("no console knows this host ({} asked)", without.join(", ")),
    };
    for why in cannot {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&why);
    }
    unresolved(kind, text, candidates)
}

fn unresolved(kind: FailureKind, text: String, candidates: Vec<Candidate>) -> Detail {
    let settled = Settlement { outcome: Outcome::Unresolved, reason: Some(Failure::new(kind, text)) };
    Detail { settled: Some(settled), candidates, ..Detail::default() }
}

fn add_note(detail: &mut Detail, text: String) {
    let note = detail.note.as_ref().map_or_else(|| text.clone(), |note| format!("{note}; {text}"));
    detail.note = Some(note.into());
}

//! The journals of a console, side by side.

use std::collections::HashSet;

use super::UNDOES;
use crate::{
    cli::{context::Context, error::CommandError},
    domain::{action::ActionKind, host::HostId, id::RunId, outcome::ExitCode},
    journal::{Header, JournalError, Ledger, Piece, StateFolder, Touch, lasts, touch},
};

/// What the journals say.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// What runs have done.
    pub(crate) ledger: Ledger,
    /// Journals that cannot be read, and may say more.
    pub(crate) unread: Vec<(RunId, JournalError)>,
}

impl History {
    /// Refuses to go on where a journal may say what nobody has read: that a host is to stay cut off.
    pub(crate) fn must_be_whole(&self, context: &Context) -> Result<(), CommandError> {
        let Some((run, _)) = self.unread.first() else { return Ok(()) };
        for (run, error) in &self.unread {
            context.ui.warn(&format!("{run}: {error}"));
        }
        let text = format!(
            "the journal of run {run} cannot be read, and may say that hosts are to stay as they are; nothing was sent"
        );
        Err(CommandError::text(ExitCode::Journal, text).hint(
            "`edrctl runs verify --all` names what is wrong; a run whose journal and seal are moved out of the folder is asked no more",
        ))
    }
}

/// The run that has taken something of this one back at a console, unless that was taken back in its turn. A run over several consoles is
/// taken back at each of them by itself, and an undo that reached nobody has taken nothing back.
pub(crate) fn undone_by(journals: &StateFolder, run: &RunId, at: (&str, &str)) -> Result<Option<RunId>, JournalError> {
    let headers = journals.runs()?.into_iter().filter_map(|entry| entry.summary.ok()).map(|summary| summary.header);
    let is_here = |header: &Header| (header.vendor.as_str(), header.console.as_str()) == at;
    let undoes = |header: &Header| header.options.contains_key(UNDOES) && !header.simulated && is_here(header);
    let headers: Vec<Header> = headers.filter(undoes).collect();
    undo_of(journals, &headers, run, &mut HashSet::new())
}

/// `seen`: undoes that have been looked at. One that undoes itself in the end is nobody's doing, and ends here.
fn undo_of(
    journals: &StateFolder,
    undoes: &[Header],
    run: &RunId,
    seen: &mut HashSet<RunId>,
) -> Result<Option<RunId>, JournalError> {
    for undo in undoes {
        let undone = undo.options.get(UNDOES).and_then(serde_json::Value::as_str);
        if undone != Some(run.as_str()) || !seen.insert(undo.run.clone()) {
            continue;
        }
        let replay = journals.replay(&undo.run)?;
        let kind = ActionKind::from_word(&undo.action);
        let has_done = |target| kind.and_then(|kind| touch(target, kind)).is_some_and(|touch| touch != Touch::Wanted);
        if replay.targets.iter().any(has_done) && undo_of(journals, undoes, &undo.run, seen)?.is_none() {
            return Ok(Some(undo.run.clone()));
        }
    }
    Ok(None)
}

/// Refuses to go on with a run that was taken back: whoever did that wants nothing more of it.
pub(crate) fn refuse_undone(run: &RunId, by: Option<RunId>, context: &Context) -> Result<(), CommandError> {
    let Some(by) = by else { return Ok(()) };
    let text = format!("run {run} was taken back by run {by}; nothing was sent");
    Err(CommandError::text(ExitCode::Refused, text).hint(format!(
        "`{}` takes that back; what is meant now is a list of its own",
        context.typed(&["undo", by.as_str()])
    )))
}

/// Reads every journal whose header is wanted. `only`: the hosts that matter, if not all do.
pub(crate) fn read(
    journals: &StateFolder,
    only: Option<&HashSet<HostId>>,
    is_wanted: impl Fn(&Header) -> bool,
) -> Result<History, JournalError> {
    let mut history = History::default();
    for entry in journals.runs()? {
        let header = match entry.summary {
            Ok(summary) => summary.header,
            Err(error) => {
                history.unread.push((entry.run, error));
                continue;
            }
        };
        let kind = ActionKind::from_word(&header.action).filter(|kind| kind.undone_by().is_some());
        let wanted = || !header.simulated && header.heads().iter().any(&is_wanted);
        let Some(kind) = kind.filter(|_| wanted()) else { continue };
        match journals.replay(&entry.run) {
            Ok(replay) => {
                for Piece { replay, .. } in replay.apart().pieces {
                    if is_wanted(&replay.header) {
                        history.ledger.add(&replay, kind, lasts(&replay.header), only);
                    }
                }
            }
            Err(error) => history.unread.push((entry.run, error)),
        }
    }
    history.ledger.put_in_order();
    Ok(history)
}

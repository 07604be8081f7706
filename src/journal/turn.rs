//! In which order runs began, whatever the clock said.
//!
//! A clock may be ahead for an hour: a machine's own one failed, or a virtual machine was woken. What was done in that hour would
//! look newer than all that is done in the next, and a host that is isolated then would pass for one that was given back since. So
//! every state folder counts the runs and resumptions that begin in it, and each keeps its number. Where the numbers of one folder
//! and the clock contradict each other, the numbers are right.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{Read as _, Seek as _, Write as _},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{error::JournalError, folder::StateFolder, resume::Replay, sink::private, words};

/// A place in the order of one state folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Turn {
    /// The folder. Numbers of two folders say nothing of each other.
    #[serde(with = "words::shared")]
    pub of: Arc<str>,
    /// The number, from 1.
    pub n: u64,
}

impl Turn {
    /// Its line, always of the same length: it is written in the place of the last one.
    fn line(&self) -> String {
        format!("{} {:020}\n", self.of, self.n)
    }

    fn parse(line: &str) -> Option<Self> {
        let (of, n) = line.strip_suffix('\n')?.split_once(' ')?;
        let is_name = of.len() == 16 && of.bytes().all(|byte| byte.is_ascii_hexdigit());
        let n = Some(n).filter(|n| n.len() == 20)?.parse().ok()?;
        is_name.then(|| Self { of: of.into(), n })
    }

    /// A folder that counts from now on.
    fn first() -> Result<Self, JournalError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(JournalError::Random)?;
        Ok(Self { of: format!("{:016x}", u64::from_be_bytes(random)).into(), n: 0 })
    }
}

impl StateFolder {
    /// The number of whatever begins now.
    ///
    /// # Errors
    ///
    /// The folder cannot be written, or its file system knows no locks.
    pub fn take_turn(&self) -> Result<Turn, JournalError> {
        let path = self.turn_path();
        let failed = |what| move |error| JournalError::io(what, &path, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        let mut file = options.open(self.turn_path()).map_err(failed.clone()("open"))?;
        file.lock().map_err(failed.clone()("lock"))?;
        let mut line = String::new();
        // What is no line of ours is no count: the folder begins anew, and older numbers say nothing of newer ones.
        let read = (&file).take(64).read_to_string(&mut line);
        let last = read.ok().and_then(|_| Turn::parse(&line));
        let last = last.map_or_else(Turn::first, Ok)?;
        let turn = Turn { n: last.n.saturating_add(1), ..last };
        file.rewind().map_err(failed.clone()("write"))?;
        file.write_all(turn.line().as_bytes()).map_err(failed.clone()("write"))?;
        file.set_len(turn.line().len() as u64).map_err(failed("write"))?;
        Ok(turn)
    }

    /// The last number that was given; none if nobody has counted.
    pub(super) fn last_turn(&self) -> Option<Turn> {
        std::fs::read_to_string(self.turn_path()).ok().and_then(|line| Turn::parse(&line))
    }
}

/// How far the clock was ahead while what has these numbers was done.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    began: BTreeMap<Turn, Timestamp>,
    /// When it began by its own clock, and by that of what came later.
    ahead: BTreeMap<Turn, (Timestamp, Timestamp)>,
}

impl Clocks {
    /// Takes note of when a run and its resumptions began.
    pub(super) fn hear(&mut self, run: &Replay) {
        let begun = [(run.header.turn.as_ref(), run.started)].into_iter();
        let again = run.resumptions.iter().map(|(at, resumed)| (resumed.turn.as_ref(), *at));
        for (turn, at) in begun.chain(again) {
            if let Some(turn) = turn {
                self.began.insert(turn.clone(), at);
            }
        }
    }

    /// Finds the contradictions.
    pub(super) fn compare(&mut self) {
        self.ahead.clear();
        let mut later: Option<(Arc<str>, Timestamp)> = None;
        for (turn, own) in self.began.iter().rev() {
            let known = later.take().filter(|(of, _)| *of == turn.of).map(|(_, at)| at);
            if let Some(at) = known.filter(|at| at < own) {
                self.ahead.insert(turn.clone(), (*own, at));
            }
            later = Some((Arc::clone(&turn.of), known.map_or(*own, |at| at.min(*own))));
        }
    }

    /// When something was done, told in a time that agrees with the order.
    pub(super) fn agreed(&self, turn: Option<&Turn>, at: Timestamp) -> Timestamp {
        let Some((own, later)) = turn.and_then(|turn| self.ahead.get(turn)) else { return at };
        // It was over before the later one began; by how much is not known to the millisecond.
        at.checked_sub(own.duration_since(*later)).unwrap_or(at).min(*later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_counts_and_begins_anew_where_its_count_is_lost() {
        let state = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(state.path()).unwrap();
        let first = folder.take_turn().unwrap();
        assert_eq!(first.n, 1);
        assert_eq!(folder.take_turn().unwrap(), Turn { n: 2, ..first.clone() });
        assert_eq!(folder.last_turn().unwrap().n, 2);
        for lost in ["", "x", "0123456789abcdef 7\n", "0123456789abcdef 0000000000000000000x\n"] {
            std::fs::write(folder.turn_path(), lost).unwrap();
            let again = folder.take_turn().unwrap();
            assert_eq!(again.n, 1, "{lost}");
            assert_ne!(again.of, first.of);
        }
    }

    #[test]
    fn the_order_is_right_where_the_clock_contradicts_it() {
        let turn = |n| Turn { of: "f".into(), n };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut clocks = Clocks::default();
        for (n, began) in [(1, "2026-11-28T10:00:00Z"), (2, "2026-11-29T16:00:00Z"), (3, "2026-11-28T11:00:00Z")] {
            clocks.began.insert(turn(n), at(began));
        }
        clocks.began.insert(Turn { of: "elsewhere".into(), n: 9 }, at("2026-01-01T00:00:00Z"));
        clocks.compare();
        let agreed = |n, when| clocks.agreed(Some(&turn(n)), at(when));
        assert_eq!(agreed(1, "2026-11-28T10:00:05Z"), at("2026-11-28T10:00:05Z"));
        assert_eq!(agreed(2, "2026-11-29T16:00:05Z"), at("2026-11-28T11:00:00Z"));
        assert_eq!(agreed(3, "2026-11-28T11:00:05Z"), at("2026-11-28T11:00:05Z"));
        assert_eq!(clocks.agreed(None, at("2026-11-29T16:00:05Z")), at("2026-11-29T16:00:05Z"));
    }
}

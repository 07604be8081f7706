//! A run over several consoles, taken apart: at each of them it is a run like any other. Pure.
//!
//! Whoever asks what runs have done at a console, or takes that back, sees no difference.

use super::{
    record::Header,
    resume::{Replay, TargetReplay},
};

/// What one run is at one console.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The run, with that console as the only one; its targets are numbered from 0.
    pub replay: Replay,
    /// Which number each of these targets has in the whole.
    pub numbers: Vec<u32>,
}

/// A run, taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Apart {
    /// One for each console.
    pub pieces: Vec<Piece>,
    /// What belongs to none: the plan found it in no console, or in several.
    pub rest: Vec<TargetReplay>,
}

impl Header {
    /// Whether the run is one over several consoles.
    pub fn is_of_several(&self) -> bool {
        !self.consoles.is_empty()
    }

    /// The run's header as it would be at each of its consoles alone.
    pub fn heads(&self) -> Vec<Self> {
        if !self.is_of_several() {
            return vec![self.clone()];
        }
        let at = |(vendor, console): (&String, &String)| self.at(vendor, console);
        self.consoles.iter().map(at).collect()
    }

    fn at(&self, vendor: &str, console: &str) -> Self {
        let header = self.clone();
        Self { vendor: vendor.to_owned(), console: console.to_owned(), consoles: Default::default(), ..header }
    }
}

impl Replay {
    /// The run at each of its consoles. One that has only one is its only piece.
    pub fn apart(self) -> Apart {
        if !self.header.is_of_several() {
            let numbers = self.targets.iter().map(|target| target.record.n).collect();
            return Apart { pieces: vec![Piece { replay: self, numbers }], rest: Vec::new() };
        }
        let Self { header, targets, started, resumptions, interruptions, ends, ended, next_batch, lines, last_at } =
            self;
        let piece = |header: Header| Piece {
            replay: Self {
                header,
                started,
                targets: Vec::new(),
                resumptions: resumptions.clone(),
                interruptions: interruptions.clone(),
                ends: ends.clone(),
                ended,
                next_batch,
                lines,
                last_at,
            },
            numbers: Vec::new(),
        };
        let mut pieces: Vec<Piece> = header.heads().into_iter().map(piece).collect();
        let mut rest = Vec::new();
        for mut target in targets {
            let Some(word) = target.record.v.as_deref() else {
                rest.push(target);
                continue;
            };
            let place = pieces.iter().position(|piece| piece.replay.header.vendor == word).unwrap_or_else(|| {
                // No address is this one, so nothing is sent there.
                pieces.push(piece(header.at(word, "")));
                pieces.len() - 1
            });
            if let Some(piece) = pieces.get_mut(place) {
                piece.numbers.push(target.record.n);
                target.record.n = u32::try_from(piece.replay.targets.len()).unwrap_or(u32::MAX);
                piece.replay.targets.push(target);
            }
        }
        Apart { pieces, rest }
    }
}

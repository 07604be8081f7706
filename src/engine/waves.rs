//! Which target goes in which wave. Pure.
//!
//! Steps say how many targets have had their turn when a wave is over, so they add up by themselves: `1,5%,25%,100%`. A
//! step that adds nobody, because the list is short, is no wave. The last wave takes whoever is left.

use std::{fmt, str::FromStr};

use super::roster::Roster;
use crate::domain::share::{Share, ShareError};

/// More waves than anybody watches.
const MOST: usize = 100;

/// The steps of a run in waves, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waves(Vec<Share>);

impl Waves {
    /// How many targets each wave has, of so many: none is empty, and together they are all.
    pub fn sizes(&self, targets: u64) -> Vec<u64> {
        let mut sizes = Vec::new();
        let mut so_far = 0;
        for step in self.0.iter().map(|step| step.of(targets).min(targets)).chain([targets]) {
            if step > so_far {
                sizes.push(step - so_far);
                so_far = step;
            }
        }
        sizes
    }

    /// The first number that is less than the share before it, with so many targets: whoever wrote it wanted fewer to begin with.
    ///
    /// A share that is less than the number before it is what a short list makes of any waves, and adds nobody.
    pub fn falls(&self, targets: u64) -> Option<WavesError> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        let mut falling = pairs.filter(|(before, after)| {
            matches!((before, after), (Share::Percent(_), Share::Count(_))) && after.of(targets) < before.of(targets)
        });
        falling.next().map(|(before, after)| WavesError::Order { before: *before, after: *after })
    }

    /// Gives every target of a roster that may be sent its wave, in the order in which they were written; returns the sizes.
    ///
    /// Whoever was on its way before is only waited for. If it turns back it is sent, so it belongs to the last wave.
    pub fn assign(&self, roster: &mut Roster) -> Vec<u64> {
        let to_act: Vec<u32> = roster.to_act().collect();
        let sizes = self.sizes(to_act.len() as u64);
        let mut numbers = to_act.into_iter();
        let mut wave = 0_u16;
        for size in &sizes {
            wave += 1;
            for n in numbers.by_ref().take(usize::try_from(*size).unwrap_or(usize::MAX)) {
                roster.set_wave(n, wave);
            }
        }
        let follows = |n: &u32| roster.detail(*n).is_some_and(|detail| detail.follows && detail.settled.is_none());
        let following: Vec<u32> = (0..roster.len()).filter(follows).collect();
        for n in following {
            roster.set_wave(n, wave.max(1));
        }
        sizes
    }
}

/// A text names no waves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavesError {
    /// A step is no number and no share.
    #[error("`{step}`: {source}")]
    Step {
        /// The step.
        step: String,
        /// What is wrong with it.
        source: ShareError,
    },
    /// A step is not more than the one before.
    #[error("each step says how many have had their turn by then, so `{after}` after `{before}` adds nobody")]
    Order {
        /// The step before.
        before: Share,
        /// The step.
        after: Share,
    },
    /// There are too many.
    #[error("there are more than {MOST} waves")]
    TooMany,
}

impl FromStr for Waves {
    type Err = WavesError;

    fn from_str(text: &str) -> Result<Self, WavesError> {
        let mut steps: Vec<Share> = Vec::new();
        for step in text.split(',') {
            let step = step.trim();
            let share = step.parse().map_err(|source| WavesError::Step { step: step.to_owned(), source })?;
            // How a number stands to a share depends on the targets.
            let rises = match (steps.last(), share) {
                (Some(Share::Count(before)), Share::Count(after)) => *before < after,
                (Some(Share::Percent(before)), Share::Percent(after)) => *before < after,
                (Some(before), _) => *before != Share::ALL,
                (None, _) => true,
            };
            if let (Some(before), false) = (steps.last(), rises) {
                return Err(WavesError::Order { before: *before, after: share });
            }
            steps.push(share);
        }
        if steps.len() > MOST { Err(WavesError::TooMany) } else { Ok(Self(steps)) }
    }
}

impl fmt::Display for Waves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&steps.join(","))
    }
}

#[cfg(test)]
mod tests;

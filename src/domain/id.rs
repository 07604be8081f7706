//! Names of runs, batches and accepted work.

use std::fmt;

use jiff::Timestamp;

/// The name of one run: sortable by time, unique, safe as a file name.
///
/// Written as `20261122-031502-k3f9q2`: the UTC second in which the run began, then six random characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    /// Takes a run's name, if it has the form of one: lower-case letters, digits and dashes, at most 40 characters.
    ///
    /// # Errors
    ///
    /// [`BadRunId`] for any other text, so that a name can never leave the state folder.
    pub fn parse(text: &str) -> Result<Self, BadRunId> {
        let fits = !text.is_empty()
            && text.len() <= 40
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadRunId) }
    }

    /// Names a run by when it begins and by six random bytes.
    pub fn from_parts(began: Timestamp, random: [u8; 6]) -> Self {
        /// Digits and letters without those that are taken for one another.
        const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let signs = random.map(|byte| SIGNS.get(usize::from(byte & 31)).copied().map_or('0', char::from));
        Self(format!("{}-{}", began.strftime("%Y%m%d-%H%M%S"), signs.into_iter().collect::<String>()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no run's name.
#[derive(Debug, thiserror::Error)]
#[error("a run's name has only lower-case letters, digits and dashes")]
pub struct BadRunId;

/// The number of one batch within its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub u64);

/// What a console gave us to ask after accepted work; empty where the host itself is what is asked after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ticket(pub Option<Box<str>>);

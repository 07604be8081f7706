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

    /// Names a run by when it begins and by four random bytes.
    ///
    /// The first two of the six signs at the end are 1024ths of the second, so that runs of one second, too, are in
    /// their order when their names are: `latest` is the newest.
    pub fn from_parts(began: Timestamp, random: [u8; 4]) -> Self {
        /// Digits and letters without those that are taken for one another, in the order of their bytes.
        const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let part = u32::try_from(began.subsec_nanosecond()).unwrap_or(0) / 976_563;
        let of_five_bits = |bits: u32| SIGNS.get((bits & 31) as usize).copied().map_or('0', char::from);
        let when = [part >> 5, part].map(of_five_bits);
        let signs = when.into_iter().chain(random.map(|byte| of_five_bits(u32::from(byte))));
        Self(format!("{}-{}", began.strftime("%Y%m%d-%H%M%S"), signs.collect::<String>()))
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

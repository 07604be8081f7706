//! How values of the ground floor are written in a journal: each by its own word.
//!
//! The ground floor knows no format, so the spelling lives here.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is shared in memory.
pub(super) mod shared {
    use std::sync::Arc;

    use super::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        Ok(Box::<str>::deserialize(from)?.into())
    }
}

/// A text that is shared in memory, or nothing.
pub(super) mod shared_option {
    use std::sync::Arc;

    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(text: &Option<Arc<str>>, to: S) -> Result<S::Ok, S::Error> {
        text.as_deref().serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<str>>, D::Error> {
        Ok(Option::<Box<str>>::deserialize(from)?.map(Into::into))
    }
}

/// Whether a number says nothing, and is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands every field over by reference")]
pub(super) const fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// A run's name.
pub(super) mod run_id {
    use super::{Deserialize, Deserializer, Serializer};
    use crate::domain::id::RunId;

    pub(in super::super) fn serialize<S: Serializer>(run: &RunId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(run.as_str())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RunId, D::Error> {
        RunId::parse(&Box::<str>::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// How a target ended.
pub(super) mod outcome {
    use super::{Deserialize, Deserializer, Serializer, unknown};
    use crate::domain::outcome::Outcome;

    pub(in super::super) fn serialize<S: Serializer>(outcome: &Outcome, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(outcome.word())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Outcome, D::Error> {
        Outcome::from_word(&Box::<str>::deserialize(from)?).ok_or_else(unknown)
    }
}

/// The class of a failure, or none.
pub(super) mod failure_kind {
    use super::{Deserialize, Deserializer, Serialize, Serializer, unknown};
    use crate::domain::failure::FailureKind;

    pub(in super::super) fn serialize<S: Serializer>(kind: &Option<FailureKind>, to: S) -> Result<S::Ok, S::Error> {
        kind.map(FailureKind::word).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<FailureKind>, D::Error> {
        let Some(word) = Option::<Box<str>>::deserialize(from)? else { return Ok(None) };
        FailureKind::from_word(&word).map(Some).ok_or_else(unknown)
    }
}

/// How many targets ended in each outcome: the outcomes that occurred, by their words.
pub(super) mod counts {
    use std::collections::BTreeMap;

    use super::{Deserialize, Deserializer, Serializer, unknown};
    use crate::domain::outcome::{Counts, Outcome};

    pub(in super::super) fn serialize<S: Serializer>(counts: &Counts, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(counts.present().map(|(outcome, count)| (outcome.word(), count)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Counts, D::Error> {
        let mut counts = Counts::default();
        for (word, count) in BTreeMap::<Box<str>, u64>::deserialize(from)? {
            counts.add_many(Outcome::from_word(&word).ok_or_else(unknown)?, count);
        }
        Ok(counts)
    }
}

/// A time of day.
pub(super) mod time {
    use jiff::Timestamp;

    use super::{Deserialize, Deserializer};

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Box::<str>::deserialize(from)?.parse().map_err(|_| super::unknown())
    }
}

/// A time of day, or none.
pub(super) mod time_option {
    use jiff::Timestamp;

    use super::{Deserialize, Deserializer, Serialize, Serializer, unknown};
    use crate::clock;

    pub(in super::super) fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        at.map(clock::rfc3339).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<Box<str>>::deserialize(from)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| unknown())
    }
}

/// The word itself is not quoted: a journal that somebody wrote could hold anything.
fn unknown<E: serde::de::Error>() -> E {
    E::custom("a word that this version does not know")
}

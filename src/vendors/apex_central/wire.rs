//! The JSON that Apex Central sends and takes, exactly, and nothing else.
//!
//! A list of tens of thousands of agents comes in one piece, so its texts are borrowed from the answer and its records
//! handed on one by one. Only the code is needed to judge an answer: everything beside it may be absent or `null`.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::loose::Loose;
use crate::domain::{action::ActionKind, host::HostId};

/// The envelope of every answer, success and error alike.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
pub(super) struct Envelope<'a, C> {
    pub(super) result_code: Option<i64>,
    #[serde(borrow)]
    pub(super) result_description: Option<Text<'a>>,
    pub(super) result_content: Option<C>,
}

/// The envelope where only the code matters.
pub(super) type Bare<'a> = Envelope<'a, IgnoredAny>;

/// A text, borrowed where the answer spells it without escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// `result_content`: an array; with an error an empty text, or nothing.
#[derive(Debug)]
pub(super) struct Content<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Content<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or an empty text")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(all)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
                if text.is_empty() { Ok(Vec::new()) } else { Err(E::custom("a text in place of a list")) }
            }
        }

        deserializer.deserialize_any(Each(PhantomData)).map(Self)
    }
}

/// One agent of `GET /WebApp/API/AgentResource/ProductAgents`.
///
/// A member of another type than is documented counts as absent: one odd record must not keep all others from being read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Agent<'a> {
    #[serde(borrow)]
    pub(super) entity_id: Loose<'a>,
    #[serde(borrow)]
    pub(super) product: Loose<'a>,
    #[serde(borrow)]
    pub(super) ad_domain: Loose<'a>,
    #[serde(borrow)]
    pub(super) folder_path: Loose<'a>,
    /// One text, with commas, or a list of texts.
    #[serde(borrow)]
    pub(super) ip_address_list: Loose<'a>,
    /// One text, with commas, or a list of texts.
    #[serde(borrow)]
    pub(super) mac_address_list: Loose<'a>,
    #[serde(borrow)]
    pub(super) host_name: Loose<'a>,
    #[serde(borrow)]
    pub(super) isolation_status: Loose<'a>,
    pub(super) capabilities: Commands,
}

/// An agent of the answer to a change: who it is, and never its state, which is the one from before.
#[derive(Debug, Deserialize)]
pub(super) struct Affected<'a> {
    #[serde(borrow)]
    pub(super) entity_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) host_name: Option<Text<'a>>,
}

/// A product server of `GET /WebApp/API/ServerResource/ProductServers`; they are only counted.
pub(super) type Server = IgnoredAny;

/// What isolates an agent.
const ISOLATE: &str = "cmd_isolate_agent";

/// What brings it back.
const RESTORE: &str = "cmd_restore_isolated_agent";

/// `capabilities`: the commands that an agent takes, as far as they are of use here. Whatever is no list has none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Commands {
    pub(super) isolate: bool,
    pub(super) restore: bool,
}

impl<'de> Deserialize<'de> for Commands {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut commands = Self::default();
        if let Loose::Several(words) = Loose::deserialize(deserializer)? {
            commands.isolate = words.iter().any(|word| word == ISOLATE);
            commands.restore = words.iter().any(|word| word == RESTORE);
        }
        Ok(commands)
    }
}

/// The body of a change. It always names one agent by its id: a body that names none might mean all of them, and cannot
/// be made.
#[derive(Serialize)]
pub(super) struct Change<'a> {
    #[serde(serialize_with = "id")]
    entity_id: &'a HostId,
    act: &'static str,
    allow_multiple_match: bool,
}

impl<'a> Change<'a> {
    /// `None` if the id is empty, because the console takes an empty text for an absent one; and for what it has no word for.
    pub(super) fn new(kind: ActionKind, id: &'a HostId) -> Option<Self> {
        let act = match kind {
            ActionKind::Isolate => ISOLATE,
            ActionKind::Unisolate => RESTORE,
            ActionKind::Task | ActionKind::Block | ActionKind::Unblock => return None,
        };
        let named = !id.as_str().trim().is_empty();
        named.then_some(Self { entity_id: id, act, allow_multiple_match: false })
    }
}

fn id<S: Serializer>(id: &HostId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

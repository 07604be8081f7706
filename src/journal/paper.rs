//! What a journal keeps of the plan that its run has carried out.

use std::fmt;

use serde_json::{Map, Value};

use super::record::Header;

/// Where the journal keeps it.
const PLAN: &str = "plan";

/// A plan that a run has carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanNote {
    /// Its digest.
    pub digest: String,
    /// When it was made.
    pub made: String,
    /// Who made it.
    pub user: String,
    /// On which machine.
    pub machine: String,
    /// Who has agreed to it, if somebody has: the name beside the key, and the key's fingerprint.
    pub approved: Option<(Option<String>, String)>,
}

impl PlanNote {
    /// What the first line of a journal says of it; none for a run of no plan.
    pub fn of(header: &Header) -> Option<Self> {
        let kept = header.options.get(PLAN)?.as_object()?;
        let text = |of: &Map<String, Value>, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
        let approved = kept.get("approved").and_then(Value::as_object);
        Some(Self {
            digest: text(kept, "digest")?,
            made: text(kept, "made").unwrap_or_default(),
            user: text(kept, "user").unwrap_or_default(),
            machine: text(kept, "machine").unwrap_or_default(),
            approved: approved.and_then(|approved| Some((text(approved, "principal"), text(approved, "key")?))),
        })
    }

    /// Puts it where [`PlanNote::of`] finds it.
    pub fn keep(&self, header: &mut Header) {
        let mut kept = Map::new();
        for (key, value) in
            [("digest", &self.digest), ("made", &self.made), ("user", &self.user), ("machine", &self.machine)]
        {
            kept.insert(key.to_owned(), value.as_str().into());
        }
        if let Some((principal, key)) = &self.approved {
            let mut approved = Map::new();
            if let Some(principal) = principal {
                approved.insert("principal".to_owned(), principal.as_str().into());
            }
            approved.insert("key".to_owned(), key.as_str().into());
            kept.insert("approved".to_owned(), approved.into());
        }
        header.options.insert(PLAN.to_owned(), kept.into());
    }

    /// Who has agreed, in words.
    pub fn approval(&self) -> Option<String> {
        self.approved.as_ref().map(|(principal, key)| match principal {
            Some(principal) => format!("{principal}, {key}"),
            None => key.clone(),
        })
    }

    /// Whether an option of the journal is what this reads.
    pub fn is_kept_at(key: &str) -> bool {
        key == PLAN
    }
}

impl fmt::Display for PlanNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, made, user, machine, .. } = self;
        write!(f, "made {made} by {user} on {machine}, digest {digest}")
    }
}

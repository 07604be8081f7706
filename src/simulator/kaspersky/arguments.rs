//! The arguments of a call, and what is told of those that are missing or wrong.

use serde_json::Value;

use super::{
    errors::PxgError,
    values::{Params, unwrapped},
};

/// The arguments of a call: a JSON object.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments(pub(super) Params);

/// By what to sort, and whether upwards.
pub(super) type Order = Vec<(String, bool)>;

impl Arguments {
    /// Reads a body; an empty one has no arguments.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        if body.is_empty() { Some(Self::default()) } else { serde_json::from_slice(body).ok().map(Self) }
    }

    /// What is given and not `null`.
    pub(super) fn given(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn needed(&self, name: &str) -> Result<&Value, PxgError> {
        self.given(name).ok_or_else(|| PxgError::no_parameter(name))
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, PxgError> {
        self.needed(name)?.as_str().ok_or_else(|| PxgError::malformed(name))
    }

    /// A text that may be missing, or `null`.
    pub(super) fn text_or_empty(&self, name: &str) -> Result<&str, PxgError> {
        if self.given(name).is_some() { self.text(name) } else { Ok("") }
    }

    pub(super) fn number(&self, name: &str) -> Result<i64, PxgError> {
        self.needed(name)?.as_i64().ok_or_else(|| PxgError::malformed(name))
    }

    pub(super) fn count(&self, name: &str) -> Result<usize, PxgError> {
        usize::try_from(self.number(name)?).map_err(|_| PxgError::malformed(name))
    }

    pub(super) fn container(&self, name: &str) -> Result<&Params, PxgError> {
        self.needed(name)?.as_object().ok_or_else(|| PxgError::malformed(name))
    }

    /// Names of attributes; none if there is no such argument.
    pub(super) fn names(&self, name: &str) -> Result<Vec<String>, PxgError> {
        let Some(value) = self.given(name) else { return Ok(Vec::new()) };
        let names = value.as_array().ok_or_else(|| PxgError::malformed(name))?;
        let names = names.iter().map(|name| name.as_str().map(str::to_owned));
        names.collect::<Option<_>>().ok_or_else(|| PxgError::malformed(name))
    }

    /// By what to sort: an array of wrapped containers.
    pub(super) fn order(&self, name: &str) -> Result<Order, PxgError> {
        let Some(value) = self.given(name) else { return Ok(Vec::new()) };
        let wrong = || PxgError::malformed(name);
        let mut order = Vec::new();
        for element in value.as_array().ok_or_else(wrong)? {
            let element = unwrapped(element).ok_or_else(wrong)?;
            let by = element.get("Name").and_then(Value::as_str).ok_or_else(wrong)?;
            let upwards = element.get("Asc").map_or(Some(true), Value::as_bool).ok_or_else(wrong)?;
            order.push((by.to_owned(), upwards));
        }
        Ok(order)
    }
}

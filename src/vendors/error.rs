//! What can go wrong between us and a console, with the one answer that the engine needs: what now?

use std::{fmt, time::Duration};

use super::{Hidden, Meta};
use crate::domain::failure::{Failure, FailureKind};

/// A request that did not do what was asked.
#[derive(Clone, Debug)]
pub struct VendorError {
    failure: Failure,
    again: Again,
    scope: Scope,
    meta: Meta,
}

/// What to do after a failure. The verdict is the vendor's, once; the deed is the engine's, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Asking again cannot help.
    Never,
    /// The console asks for patience: everything waits, then this is asked again.
    Throttled(Option<Duration>),
    /// Nothing was done; ask again after a growing, jittered wait.
    Backoff,
    /// Refused whole, and what was wrong has been put right on our side: ask again at once. The user is told.
    AtOnce,
    /// Sent and not answered: it may have been done. Look, then decide.
    InDoubt,
    /// Answered with a contradiction (it is so already, or it is changing). Look, then decide.
    Look,
}

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This request's targets alone.
    Targets,
    /// Every further request would fail in the same way: the run stops.
    Run,
}

impl VendorError {
    /// Makes an error that concerns one request's targets.
    pub fn new(kind: FailureKind, text: impl Into<String>, again: Again) -> Self {
        Self { failure: Failure::new(kind, text), again, scope: Scope::Targets, meta: Meta::default() }
    }

    /// Makes an error that stops the run.
    pub fn stops_run(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { failure: Failure::new(kind, text), again: Again::Never, scope: Scope::Run, meta: Meta::default() }
    }

    /// Makes an error that stops the run and leaves its own targets in doubt: something was done, and not what was asked.
    pub fn stops_run_in_doubt(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { again: Again::InDoubt, ..Self::stops_run(kind, text) }
    }

    /// A method that this console does not have.
    pub fn unsupported(what: &str) -> Self {
        Self::new(FailureKind::Unsupported, format!("this console cannot {what}"), Again::Never)
    }

    /// Adds what came beside the answer.
    #[must_use]
    pub fn with_meta(mut self, meta: Meta) -> Self {
        self.meta = meta;
        self
    }

    /// Takes our own credentials out of the words: whatever they quote may have quoted the request.
    #[must_use]
    pub fn without(mut self, hidden: &Hidden) -> Self {
        self.failure.text = hidden.scrub(&self.failure.text);
        self.meta.request_id = self.meta.request_id.map(|id| hidden.scrub(&id).into());
        self
    }

    /// What went wrong.
    pub const fn failure(&self) -> &Failure {
        &self.failure
    }

    /// What to do now.
    pub const fn again(&self) -> Again {
        self.again
    }

    /// How far it reaches.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// What came beside the answer.
    pub const fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Takes the failure out.
    pub fn into_failure(self) -> Failure {
        self.failure
    }
}

impl fmt::Display for VendorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl std::error::Error for VendorError {}

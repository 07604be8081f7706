//! What a journal keeps of a command line beside the plan.

use std::collections::BTreeMap;

use super::{
    ATTENDED, MALOP, QUEUE_OFFLINE, ROTATION, TASK, WAVE,
    back::{self, Back, Reading},
};
use crate::{
    cli::{args::CrowdArgs, commands::rollout::Planned, protection::AllowArgs},
    journal::FOR,
    vendors::kaspersky::Task,
};

/// What a resumption has to know beside the plan.
pub(super) struct Options<'a> {
    pub(super) with_unlock_code: bool,
    pub(super) task: Option<&'a Task>,
    pub(super) wave: Option<std::num::NonZeroUsize>,
    pub(super) crowd: CrowdArgs,
    pub(super) queue_offline: bool,
    pub(super) malop: Option<String>,
    pub(super) lasts: Option<std::time::Duration>,
    pub(super) reading: Reading,
    pub(super) back: Option<Back>,
    pub(super) allowed: &'a AllowArgs,
    pub(super) planned: &'a Planned,
}

/// What the journal keeps of it.
pub(super) fn options(of: Options<'_>) -> BTreeMap<String, serde_json::Value> {
    let Options { with_unlock_code, task, wave, crowd, queue_offline, malop, lasts, reading, back, allowed, planned } =
        of;
    let mut options = back.map(|back| back.options).unwrap_or_default();
    allowed.record(&mut options);
    planned.keep(&mut options);
    if let Some(lasts) = lasts {
        options.insert(FOR.to_owned(), back::whole_seconds(lasts).into());
    }
    if let Some(reading) = reading.record() {
        options.insert(back::READING.to_owned(), reading);
    }
    if queue_offline {
        options.insert(QUEUE_OFFLINE.to_owned(), true.into());
    }
    if let Some(malop) = malop {
        options.insert(MALOP.to_owned(), malop.into());
    }
    if let Some(wave) = wave {
        options.insert(WAVE.to_owned(), wave.get().into());
    }
    for (key, given) in [(ROTATION, crowd.allow_rotation), (ATTENDED, crowd.require_console)] {
        if given {
            options.insert(key.to_owned(), true.into());
        }
    }
    if let Some(Ok(task)) = task.map(|task| serde_json::from_str(&task.document())) {
        options.insert(TASK.to_owned(), task);
    }
    if with_unlock_code {
        options.insert("unlock_code".to_owned(), true.into());
    }
    options
}

//! One request, carried out away from the task that decides: its intent on disk, then sent, then brought back.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{recorder::Synced, slot::Why};
use crate::{
    domain::action::{Action, Observed, Target},
    vendors::{Again, Answer, Cursor, Page, Progress, QuotaReading, Recalled, Reply, Vendor, VendorError},
};

/// What a request brought.
#[derive(Debug)]
pub(super) enum Done {
    /// An action was submitted.
    Submitted { batch: u64, targets: Vec<u32>, took: Duration, result: Result<Answer<Vec<Reply>>, VendorError> },
    /// The intent could not be written, so nothing was sent.
    NotSent { targets: Vec<u32> },
    /// Hosts were looked at.
    Looked { targets: Vec<u32>, why: Why, result: Result<Answer<Vec<Observed>>, VendorError> },
    /// Requests that nobody had answered were looked for.
    Recalled { targets: Vec<u32>, why: Why, result: Result<Answer<Vec<Recalled>>, VendorError> },
    /// Accepted work was asked after.
    Polled { targets: Vec<u32>, result: Result<Answer<Vec<Progress>>, VendorError> },
    /// A page of the inventory was read.
    Listed { result: Result<Answer<Page>, VendorError> },
}

impl Done {
    /// What it says of the quota; and whether a request, or a part of it, was one too many, with the wait that the
    /// console wants.
    pub(super) fn of_the_quota(&self) -> (Option<QuotaReading>, Option<Option<Duration>>) {
        match self {
            Self::Submitted { result: Ok(answer), .. } => {
                let refusals = answer.value.iter().filter_map(|reply| reply.as_ref().err().and_then(refusal));
                (answer.meta.quota, refusals.max())
            }
            Self::Submitted { result: Err(error), .. } => of_an_error(error),
            Self::NotSent { .. } => (None, None),
            Self::Recalled { result, .. } => {
                result.as_ref().map_or_else(of_an_error, |answer| (answer.meta.quota, None))
            }
            Self::Polled { result, .. } => result.as_ref().map_or_else(of_an_error, |answer| (answer.meta.quota, None)),
            Self::Looked { result, .. } => result.as_ref().map_or_else(of_an_error, |answer| (answer.meta.quota, None)),
            Self::Listed { result } => result.as_ref().map_or_else(of_an_error, |answer| (answer.meta.quota, None)),
        }
    }
}

fn of_an_error(error: &VendorError) -> (Option<QuotaReading>, Option<Option<Duration>>) {
    (error.meta().quota, refusal(error))
}

fn refusal(error: &VendorError) -> Option<Option<Duration>> {
    match error.again() {
        Again::Throttled(wait) => Some(wait),
        _ => None,
    }
}

pub(super) async fn submit(
    vendor: Arc<dyn Vendor>,
    action: Arc<Action>,
    batch: u64,
    numbers: Vec<u32>,
    targets: Vec<Target>,
    mut intent: Synced,
) -> Done {
    if intent.wait().await.is_err() {
        return Done::NotSent { targets: numbers };
    }
    let begun = Instant::now();
    let result = vendor.submit(&action, &targets).await;
    Done::Submitted { batch, targets: numbers, took: begun.elapsed(), result }
}

pub(super) async fn look(vendor: Arc<dyn Vendor>, numbers: Vec<u32>, targets: Vec<Target>, why: Why) -> Done {
    let result = vendor.observe(&targets).await;
    Done::Looked { targets: numbers, why, result }
}

pub(super) async fn recall(
    vendor: Arc<dyn Vendor>,
    action: Arc<Action>,
    numbers: Vec<u32>,
    targets: Vec<Target>,
    why: Why,
) -> Done {
    let result = vendor.recall(&action, &targets).await;
    Done::Recalled { targets: numbers, why, result }
}

pub(super) async fn poll(
    vendor: Arc<dyn Vendor>,
    action: Arc<Action>,
    numbers: Vec<u32>,
    targets: Vec<Target>,
) -> Done {
    let result = vendor.poll(&action, &targets).await;
    Done::Polled { targets: numbers, result }
}

pub(super) async fn list(vendor: Arc<dyn Vendor>, cursor: Option<Cursor>) -> Done {
    Done::Listed { result: vendor.list(cursor.as_ref()).await }
}

//! One console, asked one thing at a time, at its pace: for all that comes before a run, and for commands without one.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    cancel::Cancel,
    event::{NextStep, Throttle},
    limits::Limits,
    pace::{Pace, Permit},
    retry::{self, Next},
};
use crate::{
    domain::failure::{Failure, FailureKind},
    vendors::{Again, Answer, Cursor, Page, Tenant, Vendor, VendorError},
};

/// A console with its pace.
#[derive(Debug)]
pub struct Console {
    /// The console.
    pub vendor: Arc<dyn Vendor>,
    /// The bounds.
    pub limits: Limits,
    /// What is known of its quota.
    pub pace: Pace,
    /// Requests sent so far.
    pub requests: u64,
    /// Who else asks it.
    pub company: Option<Company>,
}

/// Tells how many other runs ask a console now, and how many requests they may have under way.
#[derive(Clone)]
pub struct Company(Arc<dyn Fn() -> (u64, u64) + Send + Sync>);

impl Company {
    /// Of whoever can count them.
    pub fn new(count: impl Fn() -> (u64, u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(count))
    }

    /// So many.
    pub fn count(&self) -> (u64, u64) {
        (self.0)()
    }
}

impl std::fmt::Debug for Company {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Company")
    }
}

/// What is told while the console is asked.
#[derive(Clone, Debug)]
pub enum Notice {
    /// Everything waits.
    Waiting {
        /// How long.
        wait: Duration,
        /// Why.
        why: Throttle,
    },
    /// A request failed and is tried again.
    Retrying {
        /// The number of the try that failed.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// What comes next.
        next: NextStep,
    },
    /// Something was wrong on our side and has been put right.
    Mended(Failure),
    /// A period takes many questions.
    Extracting {
        /// Questions so far.
        questions: u64,
        /// Names that have come.
        names: u64,
        /// The end of the stretch that was asked about last.
        upto: jiff::Timestamp,
    },
    /// So many hosts of the inventory have been read.
    Listed {
        /// Hosts read.
        hosts: u64,
        /// Hosts in the inventory, where the console says it.
        total: Option<u64>,
    },
}

/// Why a question has no answer.
#[derive(Clone, Debug)]
pub enum Halt {
    /// It failed for good.
    Failed(Failure),
    /// The quota would have made it wait for longer than allowed.
    QuotaWait(Duration),
    /// Somebody interrupted.
    Interrupted,
}

/// Tries of a question before the first action: an analyst waits for the answer.
const MAX_TRIES: u32 = 3;

impl Console {
    /// A console of which nothing is known yet.
    pub fn new(vendor: Arc<dyn Vendor>, limits: Limits, uses_reserve: bool) -> Self {
        Self { vendor, limits, pace: Pace::new(uses_reserve), requests: 0, company: None }
    }

    /// Asks one thing, waits where the console wants it, and tries again where that can help.
    ///
    /// # Errors
    ///
    /// [`Halt`] says why there is no answer.
    pub async fn ask<T, F>(
        &mut self,
        cancel: &Cancel,
        tell: &mut (dyn FnMut(Notice) + Send),
        question: impl FnMut(Arc<dyn Vendor>) -> F,
    ) -> Result<T, Halt>
    where
        F: Future<Output = Result<Answer<T>, VendorError>>,
    {
        self.converse(cancel, tell, question, false).await
    }

    /// The same for what changes something: an answer that is under way is awaited, whoever interrupts. It may hold what
    /// nobody can ask for again.
    ///
    /// # Errors
    ///
    /// [`Halt`] says why there is no answer.
    pub async fn change<T, F>(
        &mut self,
        cancel: &Cancel,
        tell: &mut (dyn FnMut(Notice) + Send),
        question: impl FnMut(Arc<dyn Vendor>) -> F,
    ) -> Result<T, Halt>
    where
        F: Future<Output = Result<Answer<T>, VendorError>>,
    {
        self.converse(cancel, tell, question, true).await
    }

    async fn converse<T, F>(
        &mut self,
        cancel: &Cancel,
        tell: &mut (dyn FnMut(Notice) + Send),
        mut question: impl FnMut(Arc<dyn Vendor>) -> F,
        awaits_answer: bool,
    ) -> Result<T, Halt>
    where
        F: Future<Output = Result<Answer<T>, VendorError>>,
    {
        let mut attempt = 1;
        loop {
            self.permit(cancel, tell).await?;
            let sent = Instant::now();
            self.pace.sent(sent);
            self.requests += 1;
            let answer = tokio::select! {
                answer = question(Arc::clone(&self.vendor)) => answer,
                () = cancel.requested(), if !awaits_answer => return Err(Halt::Interrupted),
            };
            let now = Instant::now();
            let error = match answer {
                Ok(answer) => {
                    self.pace.answered(sent, now, answer.meta.quota, false);
                    return Ok(answer.value);
                }
                Err(error) => error,
            };
            let throttled = error.failure().kind == FailureKind::Throttled;
            self.pace.answered(sent, now, error.meta().quota, throttled);
            match retry::next(error.again(), attempt, &self.limits, retry::jitter()) {
                Next::Pause(wait) => {
                    self.pace.refused(now, wait);
                }
                Next::After(_) if error.again() == Again::AtOnce && attempt < MAX_TRIES => {
                    tell(Notice::Mended(error.into_failure()));
                    attempt += 1;
                }
                Next::After(wait) if attempt < MAX_TRIES => {
                    let failure = error.into_failure();
                    tell(Notice::Retrying { attempt, failure, next: NextStep::Retry(wait) });
                    self.sleep(wait, cancel).await?;
                    attempt += 1;
                }
                Next::After(_) | Next::GiveUp | Next::Look => return Err(Halt::Failed(error.into_failure())),
            }
        }
    }

    async fn permit(&mut self, cancel: &Cancel, tell: &mut (dyn FnMut(Notice) + Send)) -> Result<(), Halt> {
        loop {
            let now = Instant::now();
            match self.pace.ask(now) {
                Permit::Go | Permit::Answers => return Ok(()),
                Permit::Wait { until, refused } => {
                    let wait = until.saturating_duration_since(now);
                    if wait > self.limits.max_wait {
                        return Err(Halt::QuotaWait(wait));
                    }
                    let why = if refused { Throttle::Refused } else { Throttle::Quota };
                    tell(Notice::Waiting { wait, why });
                    self.sleep(wait, cancel).await?;
                }
            }
        }
    }

    async fn sleep(&self, wait: Duration, cancel: &Cancel) -> Result<(), Halt> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = cancel.requested() => Err(Halt::Interrupted),
        }
    }

    /// Proves address, certificate and credentials.
    ///
    /// # Errors
    ///
    /// [`Halt`] says what could not be proved.
    pub async fn check(&mut self, cancel: &Cancel, tell: &mut (dyn FnMut(Notice) + Send)) -> Result<Tenant, Halt> {
        self.ask(cancel, tell, |vendor| async move { vendor.check().await }).await
    }

    /// Reads one page of the inventory.
    ///
    /// # Errors
    ///
    /// [`Halt`] says why there is none.
    pub async fn page(
        &mut self,
        cursor: Option<Cursor>,
        cancel: &Cancel,
        tell: &mut (dyn FnMut(Notice) + Send),
    ) -> Result<Page, Halt> {
        self.ask(cancel, tell, move |vendor| {
            let cursor = cursor.clone();
            async move { vendor.list(cursor.as_ref()).await }
        })
        .await
    }
}

//! Whole runs with answers drawn at random: whatever a console says, every host is told once, and truthfully.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use proptest::prelude::*;

use super::{
    fake::{Fake, PAGE, Play, accepted, error, host, id, number, observed},
    journalled::assert_as_told,
    *,
};
use crate::{
    domain::{
        action::Observed,
        failure::FailureKind,
        host::{HostId, Isolation},
    },
    journal::{WriterOptions, tests::memory::Memory},
    vendors::{Ack, Again, Completion, Page, Repeat, Reply, VendorError},
};

#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    targets: u32,
    max_batch: usize,
    concurrency: usize,
    repeat: Repeat,
    wait: Option<u64>,
    /// Of a hundred answers, so many are good.
    good: u64,
    stops: bool,
    interrupts: Vec<u64>,
}

fn cases() -> impl Strategy<Value = Case> {
    let repeat = prop_oneof![Just(Repeat::Safe), Just(Repeat::Unsafe)];
    let wait = prop_oneof![Just(None), (1_u64..=300).prop_map(Some)];
    let interrupts = prop::collection::vec(0_u64..=20_000, 0..=2);
    (any::<u64>(), 1_u32..=40, 1_usize..=5, 1_usize..=12, repeat, wait, 0_u64..=95, any::<bool>(), interrupts).prop_map(
        |(seed, targets, max_batch, concurrency, repeat, wait, good, stops, interrupts)| Case {
            seed,
            targets,
            max_batch,
            concurrency,
            repeat,
            wait,
            good,
            stops,
            interrupts,
        },
    )
}

/// What really happened to the hosts, as the script knows it.
#[derive(Debug, Default)]
struct Seen {
    random: u64,
    /// How often each was sent in a way that counts as a try.
    tries: BTreeMap<u32, u32>,
    /// Hosts that the console has shown, or vouched for, in the state that was asked for.
    shown: BTreeSet<u32>,
    /// Hosts for which a request may have been carried out and of which no look has since said otherwise.
    open: BTreeSet<u32>,
}

impl Seen {
    fn below(&mut self, most: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % most
    }

    fn error(&mut self) -> VendorError {
        match self.below(8) {
            0 => error(FailureKind::ServerError, Again::Backoff),
            1 => error(FailureKind::Cut, Again::InDoubt),
            2 => error(FailureKind::Conflict, Again::Look),
            3 => error(FailureKind::Throttled, Again::Throttled(Some(Duration::from_secs(self.below(5))))),
            4 => error(FailureKind::NotFound, Again::Never),
            5 => error(FailureKind::Unreachable, Again::Backoff),
            6 => error(FailureKind::Gateway, Again::Backoff),
            _ => error(FailureKind::BadRequest, Again::Never),
        }
    }

    fn reply(&mut self, good: u64) -> Reply {
        if self.below(100) >= good {
            return Err(self.error());
        }
        match self.below(4) {
            0 => Ok(Ack::Done),
            1 => Ok(Ack::AlreadyInState),
            _ => accepted(),
        }
    }

    fn note(&mut self, n: u32, reply: Option<&Reply>) {
        let unsent =
            |error: &VendorError| matches!(error.failure().kind, FailureKind::Throttled | FailureKind::Unreachable);
        if !matches!(reply, Some(Err(error)) if unsent(error)) {
            *self.tries.entry(n).or_default() += 1;
        }
        match reply {
            Some(Ok(Ack::Done | Ack::DoneBut(_) | Ack::AlreadyInState)) => {
                self.shown.insert(n);
                self.open.insert(n);
            }
            Some(Ok(Ack::Accepted(_))) | None => {
                self.open.insert(n);
            }
            Some(Err(error)) if error.again() == Again::InDoubt => {
                self.open.insert(n);
            }
            Some(Err(_)) => {}
        }
    }

    fn submit(&mut self, case: &Case, ids: &[HostId]) -> Play<Vec<Reply>> {
        let numbers: Vec<u32> = ids.iter().map(number).collect();
        let draw = self.below(100);
        if draw >= case.good {
            match self.below(7) {
                0 => {
                    numbers.iter().for_each(|n| self.note(*n, None));
                    return Play::Panic;
                }
                1 if case.stops => {
                    numbers.iter().for_each(|n| *self.tries.entry(*n).or_default() += 1);
                    return Play::Answer(Err(VendorError::stops_run(FailureKind::CredentialsRefused, "no")));
                }
                2..=4 => {
                    let whole = self.error();
                    let (kind, again) = (whole.failure().kind, whole.again());
                    numbers.iter().for_each(|n| self.note(*n, Some(&Err(error(kind, again)))));
                    return Play::Answer(Err(whole));
                }
                _ => {}
            }
        }
        let mut replies: Vec<Reply> = numbers.iter().map(|_| self.reply(case.good)).collect();
        if self.below(100) >= case.good {
            // Some are left out at the end, or one is too many.
            let length = usize::try_from(self.below(ids.len() as u64 + 2)).unwrap();
            replies.truncate(length);
            replies.resize_with(length, accepted);
        }
        for (place, n) in numbers.iter().enumerate() {
            self.note(*n, replies.get(place));
        }
        Play::After(Duration::from_millis(self.below(3_000)), Ok(replies))
    }

    fn isolation(&mut self, n: u32) -> Isolation {
        let isolation = match self.below(6) {
            0 | 1 => Isolation::NotIsolated,
            2 => Isolation::Isolating,
            3 => Isolation::Releasing,
            4 => Isolation::Unknown,
            _ => Isolation::Isolated,
        };
        match isolation {
            Isolation::Isolated => drop(self.shown.insert(n)),
            Isolation::NotIsolated | Isolation::Unknown | Isolation::NotTold | Isolation::Releasing => {
                self.open.remove(&n);
            }
            Isolation::Isolating | Isolation::Blocked | Isolation::NotBlocked => {}
        }
        isolation
    }

    fn look(&mut self, case: &Case, ids: &[HostId]) -> Play<Vec<Observed>> {
        if self.below(100) < case.good {
            let n = number(&ids[0]);
            return Play::Answer(Ok(vec![observed(self.isolation(n))]));
        }
        match self.below(4) {
            0 => Play::Answer(Ok(vec![Observed::NoSuchHost])),
            1 => Play::Answer(Ok(Vec::new())),
            2 => Play::Panic,
            _ => Play::Answer(Err(self.error())),
        }
    }

    fn list(&mut self, case: &Case, cursor: Option<&str>) -> Play<Page> {
        if self.below(100) >= case.good {
            return if self.below(5) == 0 { Play::Panic } else { Play::Answer(Err(self.error())) };
        }
        let first: u32 = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let end = case.targets.min(first + PAGE as u32);
        let hosts = (first..end).map(|n| host(id(n), self.isolation(n))).collect();
        let next = (end < case.targets).then(|| crate::vendors::Cursor(end.to_string().into()));
        Play::Answer(Ok(Page { hosts, next, total: Some(u64::from(case.targets)) }))
    }
}

type Shared = Arc<Mutex<Seen>>;

fn fake(case: &Case, seen: &Shared) -> Arc<Fake> {
    let with = |seen: &Shared| (Arc::clone(seen), case.clone());
    let (submits, observes, lists) = (with(seen), with(seen), with(seen));
    Fake::with(case.max_batch, case.repeat, Completion::Observed)
        .on_submit(move |_, _, ids| locked(&submits.0).submit(&submits.1, ids))
        .on_observe(move |_, ids| locked(&observes.0).look(&observes.1, ids))
        .on_list(move |_, cursor| locked(&lists.0).list(&lists.1, cursor))
        .shared()
}

fn locked(seen: &Shared) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn run(case: &Case, seen: &Shared, memory: &Memory) -> After {
    let mut room = Room::new(fake(case, seen), case.targets);
    room.journal = Some(memory.journal(case.targets, &WriterOptions::default()));
    room.limits.concurrency = NonZeroUsize::new(case.concurrency).unwrap();
    room.wait = case.wait.map(Duration::from_secs);
    // The journal's thread does not know that time is paused.
    room.limits.silence = Duration::from_secs(3_600);
    for millis in case.interrupts.clone() {
        let cancel = room.cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            cancel.interrupt()
        });
    }
    room.go().await
}

fn check(case: &Case, seen: &Seen, memory: &Memory, after: &After) {
    let outcomes = after.outcomes();
    assert_eq!(outcomes.len(), case.targets as usize);
    assert!(matches!(after.events.first().unwrap().kind, RunEventKind::RunStarted(_)));
    assert!(matches!(after.events.last().unwrap().kind, RunEventKind::RunFinished(_)));
    for event in &after.events {
        assert!(event.stats.settled.total() <= event.stats.total, "{event:?}");
    }
    assert_as_told(&memory.replay(), after);
    for (n, result) in after.settled() {
        let success = result.outcome.is_success(case.wait.is_some());
        assert!(result.reason.is_none() || !success, "{result:?}");
        assert!(
            result.reason.is_some()
                || matches!(result.outcome, Outcome::Confirmed | Outcome::Already | Outcome::Accepted),
            "{result:?}"
        );
        match result.outcome {
            Outcome::Confirmed => assert!(seen.shown.contains(&n), "never shown so: {result:?}"),
            Outcome::NotSent => assert!(!seen.open.contains(&n), "it may have been done: {result:?}"),
            _ => {}
        }
        let abandoned = !case.interrupts.is_empty();
        if !abandoned {
            assert_eq!(result.attempts, seen.tries.get(&n).copied().unwrap_or_default(), "{result:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn every_host_is_told_once_and_as_the_journal_has_it(case in cases()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let seen = Shared::new(Mutex::new(Seen { random: case.seed | 1, ..Seen::default() }));
        let memory = Memory::new();
        let after = runtime.block_on(run(&case, &seen, &memory));
        check(&case, &locked(&seen), &memory, &after);
    }
}

//! Waves: who goes when, what holds up the next, and what halts a run.

use std::sync::Mutex;

use async_trait::async_trait;

use super::{
    fake::{Fake, Play, What, error, number},
    *,
};
use crate::{
    domain::{
        failure::FailureKind,
        outcome::{Counts, Ending, ExitCode},
    },
    engine::{
        event::{Between, Wave},
        halt::{HaltHow, HaltRule},
        rollout::{Gate, Interval},
    },
    journal::{WriterOptions, tests::memory::Memory},
    vendors::Again,
};

/// A gate that notes what it is told, and says what it was made to say.
#[derive(Debug, Default)]
struct Says {
    words: Mutex<Vec<Result<(), String>>>,
    asked: Mutex<Vec<Interval>>,
    asks: bool,
    never: bool,
}

#[async_trait]
impl Gate for Says {
    fn asks(&self) -> bool {
        self.asks
    }

    async fn pass(&self, interval: &Interval) -> Result<(), String> {
        self.asked.lock().unwrap().push(interval.clone());
        if self.never {
            std::future::pending::<()>().await;
        }
        self.words.lock().unwrap().pop().unwrap_or(Ok(()))
    }
}

fn in_waves(fake: &Arc<Fake>, targets: u32, waves: &'static str) -> Room {
    Room { waves: Some(waves), ..Room::new(Arc::clone(fake), targets).waiting(600) }
}

fn sent(fake: &Fake) -> Vec<u32> {
    fake.calls(What::Submit).iter().flat_map(|call| call.hosts.iter().map(number)).collect()
}

fn started(after: &After) -> Vec<Wave> {
    let waves = after.events.iter().filter_map(|event| match event.kind {
        RunEventKind::WaveStarted(wave) => Some(wave),
        _ => None,
    });
    waves.collect()
}

fn only(outcome: Outcome, n: u64) -> Counts {
    let mut counts = Counts::default();
    counts.add_many(outcome, n);
    counts
}

/// Refuses these hosts for good.
fn refusing(bad: &'static [u32], hosts: u32, arrives: u64) -> Arc<Fake> {
    let fake = Fake::new().with_hosts(hosts, Duration::from_secs(arrives)).on_submit(move |world, kind, ids| {
        if ids.iter().any(|id| bad.contains(&number(id))) {
            return Play::Answer(Err(error(FailureKind::Forbidden, Again::Never)));
        }
        world.take(kind, ids)
    });
    fake.shared()
}

#[tokio::test(start_paused = true)]
async fn a_wave_begins_when_every_host_of_the_one_before_is_confirmed() {
    let fake = Fake::new().with_hosts(40, Duration::from_secs(7)).shared();
    let after = in_waves(&fake, 40, "1,10%,50%,100%").go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 40]);
    assert_eq!(after.report.exit, ExitCode::Success);
    let sizes: Vec<u64> = started(&after).iter().map(|wave| wave.targets).collect();
    assert_eq!(sizes, [1, 3, 16, 20]);
    // By the console's own log: nobody was asked for before all before him had arrived.
    let calls = fake.calls(What::Submit);
    let at = |n: u32| calls.iter().find(|call| number(&call.hosts[0]) == n).unwrap().at;
    for (first, before) in [(1, 0..1), (4, 1..4), (20, 4..20)] {
        for n in before {
            assert!(at(first) >= at(n) + Duration::from_secs(7), "{first} went before {n} had arrived");
        }
    }
    for (n, result) in after.settled() {
        let wave = match n {
            0 => 1,
            1..=3 => 2,
            4..=19 => 3,
            _ => 4,
        };
        assert_eq!(result.wave, Some(wave), "{n}");
    }
    let ended = after.events.iter().filter_map(|event| match event.kind {
        RunEventKind::WaveEnded { wave, counts } => Some((wave.number, counts)),
        _ => None,
    });
    let expected = [(1, 1), (2, 3), (3, 16), (4, 20)].map(|(wave, n)| (wave, only(Outcome::Confirmed, n)));
    assert_eq!(ended.collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_wave_is_told_after_every_host_of_the_one_before() {
    let fake = Fake::new().with_hosts(6, Duration::from_secs(1)).shared();
    let after = in_waves(&fake, 6, "2,4").go().await;
    let mut wave = 0;
    let mut told = 0;
    for event in &after.events {
        match &event.kind {
            RunEventKind::WaveStarted(started) => {
                assert_eq!((told, started.number), (2 * wave, wave + 1));
                wave = started.number;
            }
            RunEventKind::TargetSettled(result) => {
                assert_eq!(result.wave.map(u32::from), Some(wave));
                told += 1;
            }
            RunEventKind::BatchStarted { .. } => assert!(wave > 0),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_succeed_keeps_the_next_wave_from_beginning() {
    for unconfirmed in [false, true] {
        let fake = if unconfirmed {
            let fake = Fake::new().with_hosts(20, Duration::from_secs(1)).shared();
            fake.world(|world| world.away.insert(fake::id(1)));
            fake
        } else {
            refusing(&[1], 20, 1)
        };
        let memory = Memory::new();
        let mut room = in_waves(&fake, 20, "1,25%,100%");
        room.journal = Some(memory.journal(20, &WriterOptions::default()));
        let after = room.go().await;
        assert_eq!(after.report.exit, ExitCode::Stopped);
        let Ending::Halted(why) = &after.report.ending else { panic!("{:?}", after.report.ending) };
        assert_eq!(why, "1 of 4 in wave 2 of 3 did not succeed");
        assert_eq!(sent(&fake).len(), 5, "the wave itself goes on to its end");
        assert_eq!(after.report.counts.get(Outcome::Confirmed), 4);
        assert_eq!(after.report.counts.get(Outcome::NotSent), 15);
        let reason = after.settled()[&19].reason.clone().unwrap();
        assert!(reason.text.contains("wave 2 of 3"), "{reason}");
        assert_eq!(after.count(|kind| matches!(kind, RunEventKind::Halted { .. })), 1);
        super::journalled::assert_as_told(&memory.replay(), &after);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_wave_may_fail_without_halting_anything() {
    let fake = refusing(&[3], 4, 1);
    let after = in_waves(&fake, 4, "1,100%").go().await;
    assert_eq!(after.report.ending, Ending::Completed);
    assert_eq!(after.report.exit, ExitCode::SomeFailed);
}

#[tokio::test(start_paused = true)]
async fn a_limit_says_how_many_failures_waves_bear() {
    let fake = refusing(&[0, 1], 20, 1);
    let mut room = in_waves(&fake, 20, "2,25%,100%");
    room.rollout.halt = Some(HaltRule { failures: 3, how: HaltHow::Soon });
    let after = room.go().await;
    assert_eq!(after.report.ending, Ending::Completed, "two are fewer than three");
    assert_eq!(sent(&fake).len(), 20);

    let fake = refusing(&[0, 3, 4, 19], 20, 1);
    let mut room = in_waves(&fake, 20, "2,50%,100%");
    room.rollout.halt = Some(HaltRule { failures: 3, how: HaltHow::Soon });
    let after = room.go().await;
    let Ending::Halted(why) = &after.report.ending else { panic!("{:?}", after.report.ending) };
    assert!(why.contains("3 of") && why.contains("the limit is 3"), "{why}");
    assert!(sent(&fake).iter().all(|n| *n < 10), "the last wave has not begun");
    assert_eq!(after.report.exit, ExitCode::Stopped);
}

#[tokio::test(start_paused = true)]
async fn without_waves_a_run_halts_as_soon_as_so_many_have_failed() {
    let fake = Fake::new().on_submit(|_, _, _| Play::Answer(Err(error(FailureKind::Forbidden, Again::Never))));
    let fake = fake.shared();
    let mut room = Room::new(Arc::clone(&fake), 500);
    room.rollout.halt = Some(HaltRule { failures: 5, how: HaltHow::Soon });
    let after = room.go().await;
    assert!(matches!(after.report.ending, Ending::Halted(_)));
    assert!(sent(&fake).len() <= 5 + 8, "{}", sent(&fake).len());
    let failed = after.report.counts.get(Outcome::Failed);
    assert_eq!(failed, sent(&fake).len() as u64, "what was under way is awaited");
    assert_eq!(after.report.counts.get(Outcome::NotSent), 500 - failed);
    assert_eq!(after.report.counts.get(Outcome::InDoubt), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_halts_now_gives_up_what_is_under_way() {
    let fake = Fake::new().on_submit(|world, kind, ids| {
        if number(&ids[0]) == 0 {
            // The first request goes alone for a second: the others have to be under way by then.
            return Play::After(Duration::from_secs(2), Err(error(FailureKind::Forbidden, Again::Never)));
        }
        ids.iter().for_each(|id| world.deed(kind, id));
        Play::Silence
    });
    let fake = fake.shared();
    let mut room = Room::new(Arc::clone(&fake), 100);
    // No journal: its thread is not on the paused clock, which runs on while the requests wait for it.
    room.rollout.halt = Some(HaltRule { failures: 1, how: HaltHow::Now });
    let after = room.go().await;
    assert_eq!(after.report.counts.get(Outcome::Failed), 1);
    assert_eq!(after.report.counts.get(Outcome::InDoubt), 7);
    assert_eq!(after.report.counts.get(Outcome::NotSent), 92);
    assert_eq!(after.report.exit, ExitCode::Stopped);
}

#[tokio::test(start_paused = true)]
async fn the_pause_is_kept_between_two_waves_and_not_behind_the_last() {
    let fake = Fake::new().with_hosts(3, Duration::ZERO).shared();
    let mut room = in_waves(&fake, 3, "1,2");
    room.rollout.pause = Some(Duration::from_secs(300));
    let after = room.go().await;
    assert_eq!(after.outcomes(), [Outcome::Confirmed; 3]);
    let calls = fake.calls(What::Submit);
    for pair in calls.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_secs(300));
    }
    let took = after.events.last().unwrap().elapsed;
    assert!(took >= Duration::from_secs(600) && took < Duration::from_secs(660), "{took:?}");
    let pause = |kind: &RunEventKind| matches!(kind, RunEventKind::BetweenWaves(Between::Pause { .. }));
    assert_eq!(after.count(pause), 2);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_a_pause() {
    let fake = Fake::new().with_hosts(3, Duration::ZERO).shared();
    let mut room = in_waves(&fake, 3, "1,2");
    room.rollout.pause = Some(Duration::from_secs(3_600));
    let cancel = room.cancel.clone();
    room.on_event = Some(Box::new(move |event| {
        if matches!(event.kind, RunEventKind::BetweenWaves(_)) {
            cancel.interrupt();
        }
    }));
    let after = room.go().await;
    assert_eq!(after.report.ending, Ending::Interrupted);
    assert_eq!(sent(&fake), [0]);
    assert!(after.events.last().unwrap().elapsed < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn the_gate_is_told_where_the_run_stands_and_its_no_halts() {
    let fake = Fake::new().with_hosts(10, Duration::ZERO).shared();
    let gate = Arc::new(Says { words: Mutex::new(vec![Err("not today".to_owned()), Ok(())]), ..Says::default() });
    let mut room = in_waves(&fake, 10, "1,5,100%");
    room.rollout.gate = Some(Arc::clone(&gate) as Arc<dyn Gate>);
    let after = room.go().await;
    assert_eq!(after.report.ending, Ending::Halted("not today".to_owned()));
    assert_eq!(after.report.exit, ExitCode::Stopped);
    assert_eq!(sent(&fake).len(), 5);
    let asked = gate.asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    let second = &asked[1];
    assert_eq!(second.ended.unwrap().number, 2);
    assert_eq!(second.next, Wave { number: 3, of: 3, targets: 5 });
    assert_eq!((second.counts, second.so_far), (only(Outcome::Confirmed, 4), only(Outcome::Confirmed, 5)));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_a_gate_that_does_not_answer() {
    let fake = Fake::new().with_hosts(3, Duration::ZERO).shared();
    let mut room = in_waves(&fake, 3, "1,2");
    room.rollout.gate = Some(Arc::new(Says { never: true, ..Says::default() }));
    let cancel = room.cancel.clone();
    room.on_event = Some(Box::new(move |event| {
        if matches!(event.kind, RunEventKind::BetweenWaves(Between::Gate { .. })) {
            cancel.interrupt();
        }
    }));
    let after = room.go().await;
    assert_eq!((after.report.ending, after.report.exit), (Ending::Interrupted, ExitCode::Stopped));
    assert_eq!(sent(&fake), [0]);
}

/// A run of four, one a wave, of which the first is confirmed and nothing else was sent.
fn between_waves(fake: &Arc<Fake>, gate: Arc<Says>) -> Room {
    let standings = (0..4).map(|n| match n {
        0 => (n, Resumed::Settled(Outcome::Confirmed)),
        _ => (n, Resumed::Unsent { attempts: 0 }),
    });
    let mut room = in_waves(fake, 4, "1,2,3,4");
    room.standings = standings.collect();
    room.rollout.pause = Some(Duration::from_secs(60));
    room.rollout.gate = Some(gate);
    room
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_goes_on_with_its_waves_and_asks_a_command_first() {
    for (asks, times) in [(false, 3), (true, 2)] {
        let fake = Fake::new().with_hosts(4, Duration::ZERO).shared();
        let gate = Arc::new(Says { asks, ..Says::default() });
        let after = between_waves(&fake, Arc::clone(&gate)).go().await;
        assert_eq!(sent(&fake), [1, 2, 3]);
        assert_eq!(after.report.exit, ExitCode::Success);
        let numbers: Vec<u32> = started(&after).iter().map(|wave| wave.number).collect();
        assert_eq!(numbers, [2, 3, 4]);
        assert_eq!(gate.asked.lock().unwrap().len(), times, "a person has just agreed");
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_before_a_resumption_holds_nobody_up_again() {
    let fake = Fake::new().with_hosts(4, Duration::ZERO).shared();
    let mut room = in_waves(&fake, 4, "2,3,4");
    room.standings = vec![
        (0, Resumed::Settled(Outcome::Failed)),
        (1, Resumed::Awaiting { attempts: 1, ticket: None }),
        (2, Resumed::Unsent { attempts: 0 }),
        (3, Resumed::Unsent { attempts: 0 }),
    ];
    fake.world(|world| world.deed(ActionKind::Isolate, &fake::id(1)));
    let after = room.go().await;
    assert_eq!(after.report.ending, Ending::Completed);
    assert_eq!(sent(&fake), [2, 3]);
    assert_eq!(started(&after)[0], Wave { number: 1, of: 3, targets: 1 });
}

#[tokio::test(start_paused = true)]
async fn whoever_is_followed_and_turns_back_waits_for_the_last_wave() {
    let fake = Fake::new().with_hosts(3, Duration::ZERO).shared();
    let mut roster = Roster::default();
    for n in 0..3 {
        let id = fake::id(n);
        roster.push(id.as_str().into(), None, n + 1, Some(id), Detail { follows: n == 0, ..Detail::default() });
    }
    "1,2".parse::<crate::engine::waves::Waves>().unwrap().assign(&mut roster);
    assert_eq!((0..3).map(|n| roster.wave(n)).collect::<Vec<_>>(), [2, 1, 2]);
    let run = Run {
        header: Arc::new(header(3, true, false)),
        purpose: Purpose::Act(Action { kind: ActionKind::Isolate, comment: None }),
        console: Console::new(
            Arc::clone(&fake) as Arc<dyn crate::vendors::Vendor>,
            Limits::new(NonZeroUsize::MIN),
            false,
        ),
        roster,
        standings: Vec::new(),
        wait: Some(Duration::from_secs(60)),
        first_batch: 0,
        rollout: Rollout::default(),
        news: None,
    };
    let mut ears = Ears::default();
    let report = run.go(None, Cancel::new(), &mut ears).await;
    assert_eq!(report.exit, ExitCode::Success);
    assert_eq!(sent(&fake)[0], 1, "the first wave goes first, whoever turns back");
    assert_eq!(sent(&fake).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn requests_that_carry_many_never_carry_hosts_of_two_waves() {
    let fake = Fake::with(100, crate::vendors::Repeat::Safe, crate::vendors::Completion::Observed);
    let fake = fake.with_hosts(50, Duration::from_secs(1)).shared();
    let after = in_waves(&fake, 50, "1,20%,100%").go().await;
    assert_eq!(after.report.exit, ExitCode::Success);
    let sizes: Vec<usize> = fake.calls(What::Submit).iter().map(|call| call.hosts.len()).collect();
    assert_eq!(sizes, [1, 9, 40]);
}

//! What records come to.

use proptest::prelude::*;

use super::*;
use crate::journal::{
    Phase,
    resume::{Need, replay},
};

fn lines(records: impl IntoIterator<Item = Record>) -> Vec<Line> {
    let number = 1_u64..;
    records.into_iter().zip(number).map(|(record, number)| Line { number, at: at(number as i64), record }).collect()
}

/// A run of so many targets, and what happened to them.
fn fold(targets: u32, records: impl IntoIterator<Item = Record>) -> Replay {
    let plan =
        [Record::Run(Box::new(header("r1", u64::from(targets)))), Record::Targets(Targets { list: plan(targets) })];
    replay(lines(plan.into_iter().chain(records))).unwrap()
}

fn need(records: impl IntoIterator<Item = Record>) -> (Need, Need) {
    let replay = fold(1, records);
    (replay.targets[0].needs(false), replay.targets[0].needs(true))
}

#[test]
fn a_whole_run_folds_into_what_became_of_each_target() {
    let replay = replay(lines(whole_run())).unwrap();
    let outcomes: Vec<Outcome> = replay.targets.iter().map(|target| target.outcome()).collect();
    assert_eq!(outcomes, [Outcome::Confirmed, Outcome::Confirmed, Outcome::Confirmed, Outcome::Unresolved]);
    assert_eq!(replay.targets.iter().map(|target| target.attempts).collect::<Vec<_>>(), [1, 2, 1, 0]);
    assert_eq!(replay.targets[1].first_sent, Some(at(4)));
    assert_eq!(replay.counts().get(Outcome::Confirmed), 3);
    assert_eq!((replay.next_batch, replay.lines, replay.last_at), (3, 14, at(14)));
    assert_eq!((replay.ends.len(), replay.resumptions.len(), replay.interruptions.len()), (2, 1, 1));
    assert!(replay.ended);
}

#[test]
fn an_intent_without_an_answer_has_to_be_looked_at() {
    assert_eq!(need([intent(0, &[0])]), (Need::Look, Need::Look));
}

#[test]
fn a_target_without_an_intent_has_to_be_sent() {
    assert_eq!(need([]), (Need::Send, Need::Send));
}

#[test]
fn what_was_refused_for_now_has_to_be_sent_and_says_why() {
    for reply in [Reply::again(0, &throttled()), Reply::stopped(0, &throttled())] {
        let replay = fold(1, [intent(0, &[0]), answer(0, vec![reply])]);
        assert_eq!(replay.targets[0].needs(true), Need::Send);
        assert_eq!(replay.targets[0].phase, Phase::Unsent { failure: Some(Box::new(throttled())) });
        assert_eq!(replay.targets[0].attempts, 1);
    }
}

#[test]
fn what_has_to_be_looked_at_still_has_to_be() {
    assert_eq!(need([intent(0, &[0]), answer(0, vec![Reply::look(0, &throttled())])]), (Need::Look, Need::Look));
}

#[test]
fn what_was_accepted_is_polled_if_somebody_waits() {
    let records = [intent(0, &[0]), answer(0, vec![accepted(0)])];
    assert_eq!(need(records.clone()), (Need::Nothing, Need::Poll));
    let phase = Phase::Accepted { ticket: None, state: Some("pending_start".into()), since: at(4) };
    assert_eq!(fold(1, records).targets[0].phase, phase);
}

#[test]
fn a_settled_target_is_opened_again_only_where_its_outcome_leaves_a_question() {
    for outcome in Outcome::ALL {
        let expected = match outcome {
            Outcome::NotSent => (Need::Send, Need::Send),
            Outcome::InDoubt => (Need::Look, Need::Look),
            Outcome::Unconfirmed => (Need::Poll, Need::Poll),
            Outcome::Accepted => (Need::Nothing, Need::Poll),
            _ => (Need::Nothing, Need::Nothing),
        };
        assert_eq!(need([settled(0, outcome)]), expected, "{outcome}");
    }
}

#[test]
fn a_settlement_in_the_answer_and_one_of_its_own_fold_the_same() {
    for outcome in Outcome::ALL {
        let result = Settlement { finished: None, ..settlement(outcome) };
        let inside = fold(1, [intent(0, &[0]), answer(0, vec![Reply::Settled { n: 0, result: result.clone() }])]);
        let beside = fold(1, [intent(0, &[0]), Record::Settled(Settled { n: 0, result })]);
        assert_eq!(inside.targets, beside.targets);
        assert_eq!(inside.targets[0].settled().unwrap().finished, Some(at(4)), "the line's own time");
    }
}

#[test]
fn what_planning_settled_stays_so_unless_the_contract_opens_it() {
    let replay = replay(lines(whole_run())).unwrap();
    let unresolved = replay.targets[3].settled().unwrap();
    assert_eq!(unresolved.failure(), Some(Failure::new(FailureKind::Ambiguous, "two hosts")));
    assert_eq!(unresolved.finished, Some(at(2)));
    assert_eq!(replay.targets[3].needs(true), Need::Nothing);
    assert_eq!(replay.targets[3].record.candidates.len(), 1);
}

#[test]
fn an_answer_belongs_to_its_own_intent_and_to_no_other() {
    let other_batch = fold(2, [intent(0, &[0]), intent(1, &[1]), answer(0, vec![accepted(1)])]);
    assert_eq!(other_batch.targets[1].needs(true), Need::Look);
    let late = fold(
        1,
        [
            intent(0, &[0]),
            answer(0, vec![Reply::again(0, &throttled())]),
            intent(1, &[0]),
            answer(0, vec![accepted(0)]),
        ],
    );
    assert_eq!(late.targets[0].needs(true), Need::Look, "the answer to the first request says nothing of the second");
    let unasked = fold(1, [answer(0, vec![accepted(0)])]);
    assert_eq!(unasked.targets[0].needs(true), Need::Send);
}

#[test]
fn a_settled_target_that_is_sent_again_is_in_doubt_again() {
    assert_eq!(need([settled(0, Outcome::InDoubt), resumed(), intent(5, &[0])]), (Need::Look, Need::Look));
}

#[test]
fn file_names_and_ids_are_kept_once() {
    let replay = fold(100, []);
    let first = &replay.targets[0].record;
    let last = &replay.targets[99].record;
    assert!(Arc::ptr_eq(first.f.as_ref().unwrap(), last.f.as_ref().unwrap()));
    assert!(Arc::ptr_eq(&last.t, last.id.as_ref().unwrap()));
}

#[test]
fn records_that_contradict_the_plan_are_damage() {
    let run = || Record::Run(Box::new(header("r1", 1)));
    let targets = || Record::Targets(Targets { list: plan(1) });
    for (records, line) in [
        (vec![], 0),
        (vec![targets()], 1),
        (vec![run()], 1),
        (vec![run(), targets(), run()], 3),
        (vec![run(), targets(), targets()], 3),
        (vec![run(), targets(), intent(0, &[1])], 3),
        (vec![run(), targets(), answer(0, vec![accepted(u32::MAX)])], 3),
        (vec![run(), targets(), settled(7, Outcome::Failed)], 3),
    ] {
        match replay(lines(records)) {
            Err(JournalError::Damaged { line: found, .. }) => assert_eq!(found, line),
            other => panic!("{other:?}"),
        }
    }
}

/// Any record that speaks of four targets and four batches.
fn any_record() -> impl Strategy<Value = Record> {
    let outcome = proptest::sample::select(&Outcome::ALL[..]);
    let reply = (0_u32..4, 0_u8..5, outcome.clone()).prop_map(|(n, verdict, outcome)| match verdict {
        0 => accepted(n),
        1 => Reply::Settled { n, result: settlement(outcome) },
        2 => Reply::again(n, &throttled()),
        3 => Reply::look(n, &throttled()),
        _ => Reply::stopped(n, &throttled()),
    });
    prop_oneof![
        (0_u64..4, proptest::collection::vec(0_u32..4, 0..4)).prop_map(|(batch, targets)| intent(batch, &targets)),
        (0_u64..4, proptest::collection::vec(reply, 0..4)).prop_map(|(batch, replies)| answer(batch, replies)),
        (0_u32..4, outcome).prop_map(|(n, outcome)| settled(n, outcome)),
        Just(resumed()),
        Just(end()),
        Just(Record::Interrupted(Interrupted { how: How::Abandon })),
    ]
}

/// Whether a record says that a target was sent, or how it ended.
fn concerns(record: &Record, n: u32) -> bool {
    match record {
        Record::Intent(intent) => intent.targets.contains(&n),
        Record::Settled(settled) => settled.n == n,
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_records_of_a_plan_fold(records in proptest::collection::vec(any_record(), 0..40)) {
        let replay = fold(4, records.clone());
        prop_assert_eq!(replay.targets.len(), 4);
        prop_assert_eq!(replay.counts().total(), 4);
        for (target, n) in replay.targets.iter().zip(0_u32..) {
            let sent = records.iter().filter(|record| {
                matches!(record, Record::Intent(intent) if intent.targets.contains(&n))
            }).count();
            prop_assert!(target.attempts as usize >= sent);
            prop_assert_eq!(target.first_sent.is_some(), sent > 0);
            // Nothing that was sent and not answered for is ever simply sent again.
            if target.needs(true) == Need::Send && sent > 0 {
                let told = records.iter().any(|record| match record {
                    Record::Answer(answer) => answer.replies.iter().any(|reply| reply.n() == n),
                    Record::Settled(settled) => settled.n == n,
                    _ => false,
                });
                prop_assert!(told);
            }
        }
    }

    #[test]
    fn any_order_of_any_records_is_folded_or_refused(mut records in proptest::collection::vec(any_record(), 0..20),
                                                     run in 0_usize..20, targets in 0_usize..20) {
        records.insert(run.min(records.len()), Record::Run(Box::new(header("r1", 4))));
        records.insert(targets.min(records.len()), Record::Targets(Targets { list: plan(4) }));
        let begins = matches!(records[0], Record::Run(_));
        prop_assert!(begins || replay(lines(records)).is_err());
    }

    #[test]
    fn a_settled_target_stays_settled_whatever_happens_to_others(
        before in proptest::collection::vec(any_record(), 0..20),
        after in proptest::collection::vec(any_record(), 0..20),
    ) {
        let earlier = fold(4, before.clone());
        let later = fold(4, before.into_iter().chain(after.clone()));
        for (n, (earlier, later)) in (0_u32..).zip(earlier.targets.iter().zip(&later.targets)) {
            if earlier.settled().is_some() && !after.iter().any(|record| concerns(record, n)) {
                prop_assert_eq!(earlier, later);
            }
        }
    }

    #[test]
    fn every_beginning_of_a_run_folds_and_only_adds_to_the_one_before(length in 2_usize..14) {
        let records = whole_run();
        let shorter = replay(lines(records[..length].to_vec())).unwrap();
        let longer = replay(lines(records[..=length.min(records.len() - 1)].to_vec())).unwrap();
        prop_assert!(shorter.lines <= longer.lines);
        for (a, b) in shorter.targets.iter().zip(&longer.targets) {
            prop_assert!(a.attempts <= b.attempts);
        }
    }
}

//! What journals come to side by side.

use proptest::prelude::*;

use super::*;

fn run(n: u8) -> Arc<RunId> {
    Arc::new(RunId::parse(&format!("r{n}")).unwrap())
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn host() -> HostId {
    HostId::new("a")
}

/// A ledger of one host: each event at the minute of its place.
fn ledger(events: &[(u8, ActionKind, Touch, Option<i64>)]) -> Ledger {
    let story = (0_i64..).zip(events).map(|(minute, (n, kind, touch, due))| Event {
        at: at(minute),
        told: at(minute),
        turn: None,
        began: at(minute),
        begin: (at(minute), None),
        run: run(*n),
        kind: *kind,
        touch: *touch,
        due: due.map(at),
        name: None,
    });
    Ledger { stories: BTreeMap::from([(host(), story.collect())]), ..Ledger::default() }
}

fn due(events: &[(u8, ActionKind, Touch, Option<i64>)]) -> Option<Option<Timestamp>> {
    let pending = ledger(events).pending(|touch| matches!(touch, Done | Wanted));
    assert!(pending.len() <= 1);
    pending.first().map(|pending| pending.due)
}

use ActionKind::{Isolate, Unisolate};
use Touch::{Asked, Done, Perhaps, Wanted};

#[test]
fn what_a_run_did_stands_until_another_takes_it_back_or_wants_it_too() {
    let since = |events: &[_]| ledger(events).since(&host(), &run(1));
    assert_eq!(since(&[(1, Isolate, Done, None)]), Since::Stands { look: false });
    assert_eq!(since(&[(1, Isolate, Perhaps, None)]), Since::Stands { look: true });
    assert_eq!(since(&[(1, Isolate, Wanted, None)]), Since::Untouched);
    assert_eq!(since(&[(2, Isolate, Done, None)]), Since::Untouched);
    assert_eq!(since(&[(1, Isolate, Done, None), (2, Unisolate, Done, None)]), Since::TakenBack(run(2)));
    assert_eq!(since(&[(1, Isolate, Done, None), (2, Unisolate, Wanted, None)]), Since::TakenBack(run(2)));
    assert_eq!(since(&[(1, Isolate, Done, None), (2, Unisolate, Perhaps, None)]), Since::Stands { look: true });
    assert_eq!(since(&[(1, Isolate, Done, None), (2, Isolate, Wanted, None)]), Since::Wanted(run(2)));
    let again = [(1, Isolate, Done, None), (2, Unisolate, Done, None), (3, Isolate, Done, None)];
    assert_eq!(since(&again), Since::Wanted(run(3)));
    assert_eq!(ledger(&again).since(&host(), &run(2)), Since::TakenBack(run(3)), "an undo, undone");
}

#[test]
fn a_host_that_is_found_free_may_still_have_a_request_on_its_way() {
    let since = |events: &[_]| ledger(events).since(&host(), &run(1));
    for unproven in [Touch::Unclear, Perhaps, Asked, Touch::Taken] {
        let events = [(1, Isolate, unproven, Some(4)), (2, Unisolate, Wanted, None)];
        assert_eq!(since(&events), Since::Stands { look: true }, "{unproven:?}");
        assert_eq!(due(&events), Some(Some(at(4))), "{unproven:?}: and it is due for as long");
        let mut much_later = ledger(&events);
        much_later.stories.get_mut(&host()).unwrap()[1].at = at(61);
        assert_eq!(much_later.since(&host(), &run(1)), Since::TakenBack(run(2)), "{unproven:?}: not for ever");
        assert!(much_later.pending(|touch| matches!(touch, Done | Wanted)).is_empty(), "{unproven:?}");
        let released = [(1, Isolate, unproven, Some(4)), (2, Unisolate, Done, None)];
        assert_eq!((since(&released), due(&released)), (Since::TakenBack(run(2)), None), "{unproven:?}");
    }
}

#[test]
fn a_later_run_that_spoke_first_holds_what_the_earlier_one_has_done() {
    let events = [(2, Isolate, Wanted, None), (1, Isolate, Done, None)];
    let mut story = ledger(&events);
    assert_eq!(story.since(&host(), &run(1)), Since::Stands { look: false }, "it began before, and is no wish since");
    story.stories.get_mut(&host()).unwrap()[1].began = at(-1);
    assert_eq!(story.since(&host(), &run(1)), Since::Wanted(run(2)));
    let events = [(2, Isolate, Wanted, None), (3, Unisolate, Done, None), (1, Isolate, Done, None)];
    let mut story = ledger(&events);
    story.stories.get_mut(&host()).unwrap()[2].began = at(-1);
    assert_eq!(story.since(&host(), &run(1)), Since::Stands { look: false }, "a wish that was given up");
}

#[test]
fn what_was_so_by_an_earlier_run_is_known_where_no_console_tells() {
    let twice = ledger(&[(1, Isolate, Done, None), (2, Isolate, Done, None)]);
    assert_eq!(twice.so_before(&host(), &run(2)), Some(&run(1)));
    assert_eq!(twice.so_before(&host(), &run(1)), None);
    let between = ledger(&[(1, Isolate, Done, None), (3, Unisolate, Done, None), (2, Isolate, Done, None)]);
    assert_eq!(between.so_before(&host(), &run(2)), None);
}

#[test]
fn the_longest_time_wins_and_for_good_is_longer_than_any() {
    assert_eq!(due(&[(1, Isolate, Done, Some(4))]), Some(Some(at(4))));
    assert_eq!(due(&[(1, Isolate, Done, Some(4)), (2, Isolate, Wanted, Some(8))]), Some(Some(at(8))));
    assert_eq!(due(&[(1, Isolate, Done, Some(8)), (2, Isolate, Wanted, Some(4))]), Some(Some(at(8))));
    assert_eq!(due(&[(1, Isolate, Done, Some(4)), (2, Isolate, Wanted, None)]), Some(None), "kept for good");
    assert_eq!(due(&[(1, Isolate, Wanted, None), (2, Isolate, Done, Some(4))]), Some(None));
}

#[test]
fn what_was_put_back_or_was_never_ours_is_not_pending() {
    assert_eq!(due(&[(1, Isolate, Done, None)]), None);
    assert_eq!(due(&[(1, Isolate, Wanted, Some(4))]), None, "somebody else's");
    assert_eq!(due(&[(1, Isolate, Done, Some(4)), (2, Unisolate, Done, None)]), None);
    assert_eq!(due(&[(1, Isolate, Done, Some(4)), (2, Unisolate, Wanted, None)]), None);
    assert_eq!(due(&[(1, Isolate, Done, Some(4)), (2, Unisolate, Perhaps, None)]), Some(Some(at(4))), "tried again");
    let asked = [(1, Isolate, Done, Some(4)), (2, Unisolate, Asked, None)];
    assert_eq!(due(&asked), Some(Some(at(4))), "a console that tells states is asked again");
    assert!(ledger(&asked).pending(|touch| touch != Perhaps).is_empty(), "one that does not is not");
    let since = [(1, Isolate, Done, Some(4)), (2, Unisolate, Done, None), (3, Isolate, Wanted, Some(9))];
    assert_eq!(due(&since), None, "somebody else isolated it since");
}

#[test]
fn the_last_word_decides_whether_an_old_run_may_go_on() {
    let opposed = |events: &[_], after| ledger(events).opposed_since(&host(), &run(1), Isolate, at(after)).cloned();
    assert_eq!(opposed(&[(2, Unisolate, Done, None)], 0), Some(run(2)));
    assert_eq!(opposed(&[(2, Unisolate, Done, None)], 1), None, "it came before");
    assert_eq!(opposed(&[(2, Unisolate, Done, None), (3, Isolate, Done, None)], 0), None);
    assert_eq!(opposed(&[(1, Unisolate, Done, None)], 0), None, "its own");
}

fn event() -> impl Strategy<Value = (u8, ActionKind, Touch, Option<i64>)> {
    let kind = prop_oneof![Just(Isolate), Just(Unisolate)];
    let touch = prop_oneof![Just(Done), Just(Perhaps), Just(Asked), Just(Wanted)];
    (0_u8..6, kind, touch, proptest::option::of(0_i64..40))
        .prop_map(|(n, kind, touch, due)| (n, kind, touch, due.filter(|_| kind == Isolate)))
}

proptest! {
    /// Whatever happened: nobody is put back before the last of those who want it cut off, nor what is nobody's doing here.
    #[test]
    fn nothing_is_due_before_every_run_that_holds_it_is_content(events in proptest::collection::vec(event(), 0..12)) {
        // Whoever finds a host free says nothing of a request that may still be on its way to it.
        let frees = |release: &(u8, ActionKind, Touch, Option<i64>), hold: Touch| {
            release.1 == Unisolate && (release.2 == Done || release.2 == Wanted && matches!(hold, Done | Wanted))
        };
        let stands = |(place, hold): &(usize, &(u8, ActionKind, Touch, Option<i64>))| {
            hold.1 == Isolate && !events[place + 1..].iter().any(|release| frees(release, hold.2))
        };
        let holds: Vec<_> = events.iter().enumerate().filter(stands).map(|(_, hold)| hold).collect();
        match due(&events) {
            Some(Some(due)) => {
                prop_assert!(holds.iter().all(|(.., until)| until.is_some_and(|until| at(until) <= due)));
                prop_assert!(holds.iter().any(|(_, _, touch, _)| *touch != Wanted));
            }
            Some(None) => prop_assert!(holds.iter().any(|(.., until)| until.is_none())),
            None => {
                let ours = holds.iter().any(|(_, _, touch, _)| *touch != Wanted);
                let for_a_time = holds.iter().any(|(.., until)| until.is_some());
                prop_assert!(!(ours && for_a_time));
            }
        }
    }

    /// A run's part stands only while nobody had a word after it.
    #[test]
    fn a_later_word_is_never_overruled(events in proptest::collection::vec(event(), 1..12)) {
        let story = ledger(&events);
        for n in 0..6 {
            let Some(place) = events.iter().position(|(run, ..)| *run == n) else { continue };
            let own = events[place];
            let later = &events[place + 1..];
            let is_word = |touch: Touch| touch == Done || touch == Wanted && own.2 == Done;
            let said = later.iter().any(|(_, kind, touch, _)| *kind == own.1 || is_word(*touch));
            if let Since::Stands { .. } = story.since(&host(), &run(n)) {
                prop_assert!(!said && own.2 != Wanted);
            }
        }
    }
}

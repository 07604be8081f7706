//! Cuts, late acknowledgements, failing sinks and crashes in any order: every event is in the file once.

use std::{pin::pin, task::Poll};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::stream::sinks::{Then, memory::Act as Keeping};

fn connections() -> impl Strategy<Value = Vec<Connection>> {
    let one = prop_oneof![
        3 => (0..40_usize).prop_map(|after| Connection::Cut(after, SourceErrorKind::Unreachable)),
        2 => (0..5_usize, any::<bool>()).prop_map(|(number, taken)| Connection::FailAck { number, taken }),
        1 => Just(Connection::Refuse(SourceErrorKind::Unreachable)),
        1 => Just(Connection::Well),
    ];
    vec(one, 0..12)
}

fn batches() -> impl Strategy<Value = Vec<Keeping>> {
    let one = prop_oneof![
        2 => (0..6_usize).prop_map(|after| Keeping::Fail(after, Then::Again(None))),
        3 => Just(Keeping::Well),
    ];
    vec(one, 0..20)
}

/// Runs a pump, and drops it wherever it waits for the so-many-th time. Returns whether it came to its end.
async fn run_for(pump: &mut Pump, waits: usize) -> Option<Ending> {
    let cancel = Cancel::new();
    let mut left = waits;
    let mut run = pin!(pump.run(&cancel));
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        run.as_mut().poll(context).map(Some)
    })
    .await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_event_is_in_the_file_once_and_each_duplicate_is_counted(
        events in 1..60_u64,
        repeated in vec(0..60_u64, 0..10),
        connections in connections(),
        one in batches(),
        other in batches(),
        crashes in vec(0..400_usize, 0..8),
        prefetch in 1..20_u16,
    ) {
        let mut all = bodies(0..events);
        all.extend(repeated.iter().map(|id| body(id % events)));
        let queue = MemoryQueue::new(all).script(connections);
        let files = [MemoryFile::new("one").script(one), MemoryFile::new("other").script(other)];
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let mut delivered = 0;
        let mut kept = 0;
        let mut duplicates = 0;
        let mut in_hand = 0;
        let ended = runtime.block_on(async {
            for waits in crashes.into_iter().chain([usize::MAX]) {
                let limits = PumpLimits { prefetch, ..draining() };
                let mut pump = pump_in(folder.path(), &queue, &[&files[0], &files[1]], limits);
                let ending = run_for(&mut pump, waits).await;
                let stats = pump.stats();
                delivered += stats.delivered;
                kept += stats.kept;
                duplicates += stats.duplicates;
                in_hand += stats.delivered - stats.kept - stats.duplicates;
                if ending.is_some() {
                    return ending;
                }
            }
            None
        });
        prop_assert!(matches!(ended, Some(Ending::Drained)), "{ended:?}");
        prop_assert_eq!(queue.waiting(), 0);
        for file in &files {
            let mut lines = file.lines();
            lines.sort();
            let mut expected: Vec<Bytes> = bodies(0..events).into_iter().map(Bytes::from).collect();
            expected.sort();
            prop_assert_eq!(lines, expected);
        }
        prop_assert_eq!(delivered, queue.delivered() as u64);
        // An event may be written down as kept by a pump that crashed before it could count it.
        prop_assert!(kept <= events && kept + in_hand >= events);
        prop_assert_eq!(delivered, kept + duplicates + in_hand);
        prop_assert!(duplicates as usize + in_hand as usize >= repeated.len());
    }
}

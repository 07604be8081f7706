//! The program ends at any call of the disk, again and again: every event is there once, and no line is torn.

use proptest::prelude::*;

use super::*;

/// One life of the program: it ends at this call, within this many bytes of a write.
#[derive(Clone, Debug)]
struct Life {
    calls: i64,
    partly: usize,
    /// Whether it writes down where the sink stands at the end of its last batch.
    slow: bool,
    /// Calls that the disk takes after it has failed, a while later.
    later: Option<i64>,
    /// Before which of its batches somebody takes the active file away.
    taken: Option<usize>,
}

fn life() -> impl Strategy<Value = Life> {
    (0..60_i64, 0..200_usize, any::<bool>(), proptest::option::of(1..40_i64), proptest::option::of(0..6_usize))
        .prop_map(|(calls, partly, slow, later, taken)| Life { calls, partly, slow, later, taken })
}

/// What the stream has written down: where its file stands, and up to where events were acknowledged.
#[derive(Default)]
struct Ledger {
    position: Option<Position>,
    acknowledged: usize,
    /// How often somebody has taken the active file away.
    taken: usize,
}

/// Runs until everything is kept or the disk ends; what is not acknowledged comes again in the next life.
async fn live(options: &FileOptions, life: Option<&Life>, batches: &[Vec<u64>], ledger: &mut Ledger) {
    let disk = life.map_or_else(TestDisk::lasting, |life| TestDisk::new(life.calls, life.partly, io::ErrorKind::Other));
    let mut kept = 0;
    let mut failed = false;
    let mut later = life.and_then(|life| life.later);
    let mut sink = FileSink::on(options.clone(), disk.clone()).unwrap();
    if sink.begin(ledger.position.as_ref()).await.is_ok() {
        ledger.position = sink.position();
        while let Some(batch) = batches.get(ledger.acknowledged) {
            disk.advance(7);
            // Before the first batch it would take away what is not acknowledged, and only this life would know of it. So it
            // would after a failure where the thread that compresses has used up the calls that were to cut it off.
            let is_clean = kept > 0 && (!failed || options.compress == Compress::None);
            if cfg!(unix) && is_clean && life.is_some_and(|life| life.taken == Some(kept)) {
                ledger.taken += 1;
                // There may be none: it ended before it could begin another.
                fs::rename(&options.path, names::with(&options.path, &format!(".{}", ledger.taken))).ok();
            }
            if sink.keep(&events(batch.iter().copied())).await.is_err() {
                failed = true;
                let Some(calls) = later.take() else { break };
                disk.left.store(calls, Ordering::Relaxed);
                continue;
            }
            if life.is_some_and(|life| life.slow) && disk.left.load(Ordering::Relaxed) < 10 {
                break;
            }
            failed = false;
            ledger.position = sink.position();
            ledger.acknowledged += 1;
            kept += 1;
        }
    }
    sink.close().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whenever_the_program_ends_every_event_is_there_once(
        sizes in proptest::collection::vec(1..6_u64, 1..25),
        lives in proptest::collection::vec(life(), 0..12),
        max_bytes in proptest::option::of(1..400_u64),
        max_age in proptest::option::of(5..40_u64),
        compress in prop_oneof![Just(Compress::None), Just(Compress::Gzip), Just(Compress::Zstd)],
    ) {
        let mut next = 0;
        let batches: Vec<Vec<u64>> = sizes
            .iter()
            .map(|size| {
                let from = next;
                next += size;
                (from..next).collect()
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let options = FileOptions {
            max_bytes,
            max_age: max_age.map(Duration::from_secs),
            compress,
            ..options(folder.path())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut ledger = Ledger::default();
        for life in lives {
            runtime.block_on(live(&options, Some(&life), &batches, &mut ledger));
        }
        runtime.block_on(live(&options, None, &batches, &mut ledger));
        prop_assert_eq!(ids(folder.path()), (0..next).collect::<Vec<_>>());
        let half = fs::read_dir(folder.path()).unwrap().any(|entry| {
            entry.unwrap().file_name().to_str().unwrap().ends_with(".draft")
        });
        prop_assert!(!half);
    }
}

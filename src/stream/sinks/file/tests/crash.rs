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
}

fn life() -> impl Strategy<Value = Life> {
    (0..60_i64, 0..200_usize, any::<bool>()).prop_map(|(calls, partly, slow)| Life { calls, partly, slow })
}

/// What the stream has written down: where its file stands, and up to where events were acknowledged.
#[derive(Default)]
struct Ledger {
    position: Option<Position>,
    acknowledged: usize,
}

/// Runs until everything is kept or the disk ends; what is not acknowledged comes again in the next life.
async fn live(options: &FileOptions, disk: Arc<TestDisk>, slow: bool, batches: &[Vec<u64>], ledger: &mut Ledger) {
    let mut sink = FileSink::on(options.clone(), disk.clone()).unwrap();
    if sink.begin(ledger.position.as_ref()).await.is_ok() {
        ledger.position = sink.position();
        while let Some(batch) = batches.get(ledger.acknowledged) {
            disk.advance(7);
            if sink.keep(&events(batch.iter().copied())).await.is_err() {
                break;
            }
            if slow && disk.left.load(Ordering::Relaxed) < 10 {
                break;
            }
            ledger.position = sink.position();
            ledger.acknowledged += 1;
        }
    }
    sink.close().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whenever_the_program_ends_every_event_is_there_once(
        sizes in proptest::collection::vec(1..6_u64, 1..25),
        lives in proptest::collection::vec(life(), 0..12),
        max_bytes in proptest::option::of(1..400_u64),
        max_age in proptest::option::of(5..40_u64),
        gzip in any::<bool>(),
    ) {
        let mut next = 0;
        let batches: Vec<Vec<u64>> = sizes.iter().map(|size| { let from = next; next += size; (from..next).collect() }).collect();
        let folder = tempfile::tempdir().unwrap();
        let options = FileOptions {
            max_bytes,
            max_age: max_age.map(Duration::from_secs),
            compress: if gzip { Compress::Gzip } else { Compress::None },
            ..options(folder.path())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut ledger = Ledger::default();
        for life in lives {
            let disk = TestDisk::new(life.calls, life.partly, io::ErrorKind::Other);
            runtime.block_on(live(&options, disk, life.slow, &batches, &mut ledger));
        }
        runtime.block_on(live(&options, TestDisk::lasting(), false, &batches, &mut ledger));
        prop_assert_eq!(ids(folder.path()), (0..next).collect::<Vec<_>>());
        let half = fs::read_dir(folder.path()).unwrap().any(|entry| {
            entry.unwrap().file_name().to_str().unwrap().ends_with(".draft")
        });
        prop_assert!(!half);
    }
}

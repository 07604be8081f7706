//! The sink on real pipes, and on ends that refuse.

use std::{
    io::Read as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures::FutureExt as _;

use super::*;

fn batch(ids: &[u64]) -> Vec<ConsoleEvent> {
    ids.iter().map(|id| ConsoleEvent::new(Bytes::from(format!("{{\"id\":\n{id}}}")))).collect()
}

#[tokio::test]
async fn a_batch_is_at_the_reader_s_end_once_it_is_kept() {
    let (mut reader, writer) = io::pipe().unwrap();
    let mut sink = StdoutSink::to(io::BufWriter::new(writer), Format::Raw).unwrap();
    sink.begin(None).await.unwrap();
    sink.keep(&batch(&[1, 2])).await.unwrap();
    let mut bytes = [0; 20];
    reader.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"{\"id\": 1}\n{\"id\": 2}\n");
    sink.close().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_has_gone_ends_the_stream_quietly() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut sink = StdoutSink::to(writer, Format::Event).unwrap();
    assert_eq!(sink.keep(&batch(&[1])).await.unwrap_err().then, Then::Ended);
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_the_batch_back() {
    let (mut reader, writer) = io::pipe().unwrap();
    let mut sink = StdoutSink::to(writer, Format::Raw).unwrap();
    // More than a pipe holds.
    let many: Vec<u64> = (0..100_000).collect();
    let events = batch(&many);
    let mut keeping = sink.keep(&events);
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert!((&mut keeping).now_or_never().is_none());
    }
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    keeping.await.unwrap();
    drop(sink);
    assert_eq!(reading.await.unwrap().lines().count(), many.len());
}

/// Says "not now" every other time.
struct Impatient(Arc<AtomicUsize>);

impl Write for Impatient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let calls = self.0.fetch_add(1, Ordering::Relaxed);
        if calls.is_multiple_of(2) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(bytes.len().min(7)) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_end_that_does_not_wait_is_asked_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let mut sink = StdoutSink::to(Impatient(Arc::clone(&calls)), Format::Raw).unwrap();
    sink.keep(&batch(&[1, 2])).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 6);
}

/// A disk without room behind a redirection.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_end_that_fails_stops_the_stream() {
    let mut sink = StdoutSink::to(Full, Format::Raw).unwrap();
    let error = sink.keep(&batch(&[1])).await.unwrap_err();
    assert_eq!(error.then, Then::Stop);
    assert!(error.text.starts_with("write to standard output: "), "{error}");
}

//! Events to whoever reads standard output: one a line, each batch flushed.
//!
//! A thread of its own writes. A reader that does not read holds that thread up, with it the batch, and with it the
//! acknowledgements: no more than one batch is in memory. The thread is not waited for at the end of the program, which
//! would otherwise never come while nobody reads.
//!
//! Kept means here: the reader's end has taken it. What a reader does with it is its own affair.

use std::{
    fmt,
    io::{self, Write},
    sync::mpsc,
    thread,
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::{Kept, Position, Sink, SinkError, Then};
use crate::stream::{envelope::Format, event::ConsoleEvent};

/// How long a pipe that does not wait is left alone before it is asked again.
const PAUSE: Duration = Duration::from_millis(5);

/// Adds the line of an event, with its line end.
pub type Line = Box<dyn Fn(&ConsoleEvent, &mut Vec<u8>) + Send + Sync>;

/// One batch for the thread, and where it says what came of it.
type Batch = (Vec<u8>, oneshot::Sender<io::Result<()>>);

/// Writes events to standard output.
pub struct StdoutSink {
    line: Line,
    thread: mpsc::Sender<Batch>,
}

impl fmt::Debug for StdoutSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdoutSink").finish_non_exhaustive()
    }
}

impl StdoutSink {
    /// A sink that writes to standard output.
    ///
    /// # Errors
    ///
    /// [`SinkError`] if no thread can be started.
    pub fn new(format: Format) -> Result<Self, SinkError> {
        Self::to(io::stdout(), format)
    }

    /// A sink that writes to this end.
    ///
    /// # Errors
    ///
    /// As [`StdoutSink::new`].
    pub fn to(end: impl Write + Send + 'static, format: Format) -> Result<Self, SinkError> {
        Self::of_lines(end, Box::new(move |event, lines| format.write_line(event, lines)))
    }

    /// A sink that writes to this end whatever lines are made of the events, each with its line end.
    ///
    /// # Errors
    ///
    /// As [`StdoutSink::new`].
    pub fn of_lines(mut end: impl Write + Send + 'static, line: Line) -> Result<Self, SinkError> {
        let (thread, batches) = mpsc::channel::<Batch>();
        let run = move || {
            for (bytes, told) in batches {
                // Nobody waits any more if the stream has ended meanwhile.
                drop(told.send(write(&mut end, &bytes)));
            }
        };
        let started = thread::Builder::new().name("events to stdout".to_owned()).spawn(run);
        started.map(|_| Self { line, thread }).map_err(|error| failed(&error))
    }
}

/// Writes all of it. A pipe that another program has told not to wait is asked again.
fn write(end: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    loop {
        let done = if bytes.is_empty() { end.flush().map(|()| 0) } else { end.write(bytes) };
        match done {
            Ok(0) if bytes.is_empty() => return Ok(()),
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(size) => bytes = bytes.get(size..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}

fn failed(error: &io::Error) -> SinkError {
    let then = match error.kind() {
        io::ErrorKind::BrokenPipe => Then::Ended,
        // Some of the batch may be there already, and what is there cannot be taken back.
        _ => Then::Stop,
    };
    SinkError { text: format!("write to standard output: {error}"), then }
}

#[async_trait]
impl Sink for StdoutSink {
    fn name(&self) -> &str {
        "stdout"
    }

    async fn begin(&mut self, _: Option<&Position>) -> Result<(), SinkError> {
        Ok(())
    }

    async fn keep(&mut self, batch: &[ConsoleEvent]) -> Result<Kept, SinkError> {
        let mut lines = Vec::with_capacity(batch.iter().map(|event| event.body.len() + 1).sum());
        for event in batch {
            (self.line)(event, &mut lines);
        }
        let (tell, told) = oneshot::channel();
        let gone = || failed(&io::Error::other("its thread has ended"));
        self.thread.send((lines, tell)).map_err(|_| gone())?;
        told.await.map_err(|_| gone())?.map_err(|error| failed(&error))?;
        Ok(Kept::default())
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
}

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
mod tests;

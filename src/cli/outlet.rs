//! Output that a slow reader cannot hold a run up with.
//!
//! A pager that waits for its reader stops taking data once the pipe is full. A run must not stand still for that, so
//! what goes to a pipe is handed to a thread of its own. It still arrives in order and whole: the last holder waits until
//! everything is written.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// What may wait for the reader; beyond this the run waits, too, rather than grow without bound.
const ROOM: usize = 8 * 1024 * 1024;

/// A writer to one end, shared by whoever writes there.
#[derive(Clone)]
pub(crate) struct Outlet(Arc<End>);

struct End {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// What the end said; nothing more is written there.
    failed: Option<io::ErrorKind>,
    /// A writer has heard of that.
    told: bool,
    closed: bool,
}

impl Shared {
    /// A panic of another holder leaves bytes that are still good to write.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet {
    /// Starts the thread that writes to `end`.
    pub(crate) fn new(mut end: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name("output".to_owned()).spawn(move || {
            loop {
                let mut state = theirs.lock();
                while state.waiting.is_empty() && !state.closed {
                    state = theirs.wait(state);
                }
                let bytes = std::mem::take(&mut state.waiting);
                drop(state);
                theirs.changed.notify_all();
                if bytes.is_empty() {
                    return;
                }
                if let Err(error) = end.write_all(&bytes).and_then(|()| end.flush()) {
                    let mut state = theirs.lock();
                    state.failed = Some(error.kind());
                    state.waiting = Vec::new();
                    drop(state);
                    theirs.changed.notify_all();
                    return;
                }
            }
        })?;
        Ok(Self(Arc::new(End { shared, thread: Some(thread) })))
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shared = &self.0.shared;
        let mut state = shared.lock();
        while state.waiting.len() > ROOM && state.failed.is_none() {
            state = shared.wait(state);
        }
        if let Some(kind) = state.failed {
            state.told = true;
            return Err(kind.into());
        }
        state.waiting.extend_from_slice(bytes);
        drop(state);
        shared.changed.notify_all();
        Ok(bytes.len())
    }

    /// The thread writes at once whatever it is handed; the last holder waits for it.
    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.0.shared.lock();
        state.told |= state.failed.is_some();
        state.failed.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there has been told on standard error already.
            drop(thread.join());
        }
        let state = self.shared.lock();
        // What was written last fails when no writer is left to hear of it. A reader that has gone away is not told of.
        if let Some(kind) = state.failed.filter(|kind| !state.told && *kind != io::ErrorKind::BrokenPipe) {
            let error = io::Error::from(kind);
            drop(writeln!(io::stderr(), "warning: the end of the output could not be written: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An end that takes nothing until it is told to.
    struct Gate(mpsc::Receiver<()>, mpsc::Sender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.1.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nobody_up_and_gets_everything_in_the_end() {
        let (open, gate) = mpsc::channel();
        let (taken, read) = mpsc::channel();
        let outlet = Outlet::new(Gate(gate, taken)).unwrap();
        let mut other = outlet.clone();
        for n in 0..10_000 {
            writeln!(other, "line {n}").unwrap();
        }
        for _ in 0..10_000 {
            open.send(()).unwrap();
        }
        drop((outlet, other));
        let text: Vec<u8> = read.iter().flatten().collect();
        let expected: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_reader_that_goes_away_is_told_to_the_writer() {
        let (open, gate) = mpsc::channel::<()>();
        let (taken, read) = mpsc::channel();
        let mut outlet = Outlet::new(Gate(gate, taken)).unwrap();
        drop((open, read));
        let error = loop {
            if let Err(error) = outlet.write_all(b"anybody there?").and_then(|()| outlet.flush()) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}

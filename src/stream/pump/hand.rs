//! Hands a batch to every sink at once. Each is tried again by itself, and none of them waits for another's wait.

use std::sync::{Mutex, PoisonError};

use futures::future::join_all;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    Ending,
    tell::{StreamEvent, Teller},
};
use crate::stream::{
    backoff::Backoff,
    event::ConsoleEvent,
    sinks::{Kept, Position, Sink, SinkError, Then},
};

/// One thing that is asked of a sink until it is done.
#[derive(Clone, Copy)]
pub(super) enum Task<'a> {
    /// To stand where it stood.
    Begin(Option<&'a Position>),
    /// To keep a batch.
    Keep(&'a [ConsoleEvent]),
}

/// Hands a batch to all sinks. What each of them says comes back in their order.
pub(super) async fn keep(
    sinks: &mut [Box<dyn Sink>],
    batch: &[ConsoleEvent],
    backoff: Backoff,
    teller: &mut Teller,
) -> Result<Vec<Kept>, Ending> {
    teller.awaited = sinks.iter().map(|sink| sink.name().to_owned()).collect();
    let teller = Mutex::new(teller);
    // Raised when one of them can never keep it: then the others do not try again, as it is not acknowledged anyway.
    let halt = CancellationToken::new();
    let tries = sinks.iter_mut().map(|sink| {
        let (teller, halt) = (&teller, &halt);
        async move {
            let kept = until_done(sink.as_mut(), Task::Keep(batch), backoff, teller, halt).await;
            match kept {
                Ok(_) => {
                    let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
                    teller.awaited.retain(|name| name != sink.name());
                }
                Err(_) => halt.cancel(),
            }
            kept
        }
    });
    let mut kept = Vec::with_capacity(batch.len().min(8));
    let mut worst = None;
    for one in join_all(tries).await {
        match one {
            Ok(one) => kept.push(one),
            // A sink that ended counts less than one that failed, whoever was first.
            Err(Stopped::Ending(ending)) => {
                if !matches!(worst, Some(Ending::Sink { .. })) {
                    worst = Some(ending);
                }
            }
            Err(Stopped::Halted) => {}
        }
    }
    worst.map_or(Ok(kept), Err)
}

/// Lets a sink stand where it stood.
pub(super) async fn begin(
    sink: &mut dyn Sink,
    position: Option<&Position>,
    backoff: Backoff,
    teller: &mut Teller,
) -> Result<(), Ending> {
    let teller = Mutex::new(teller);
    match until_done(sink, Task::Begin(position), backoff, &teller, &CancellationToken::new()).await {
        Ok(_) | Err(Stopped::Halted) => Ok(()),
        Err(Stopped::Ending(ending)) => Err(ending),
    }
}

enum Stopped {
    /// By this sink.
    Ending(Ending),
    /// By another one.
    Halted,
}

async fn until_done(
    sink: &mut dyn Sink,
    task: Task<'_>,
    mut backoff: Backoff,
    teller: &Mutex<&mut Teller>,
    halt: &CancellationToken,
) -> Result<Kept, Stopped> {
    let tell = |event: StreamEvent<'_>| teller.lock().unwrap_or_else(PoisonError::into_inner).tell(&event);
    let mut held = false;
    loop {
        let done = match task {
            Task::Begin(position) => sink.begin(position).await.map(|()| Kept::default()),
            Task::Keep(batch) => sink.keep(batch).await,
        };
        let error = match done {
            Ok(kept) => {
                if held {
                    tell(StreamEvent::SinkBack { sink: sink.name() });
                }
                return Ok(kept);
            }
            Err(error) => error,
        };
        let wait = match error.then {
            Then::Again(wait) => wait.unwrap_or_else(|| backoff.wait()),
            Then::Ended | Then::Stop => return Err(Stopped::Ending(ending(sink.name(), error))),
        };
        held = true;
        tell(StreamEvent::SinkHeld { sink: sink.name(), error: &error, wait });
        tokio::select! {
            biased;
            () = halt.cancelled() => return Err(Stopped::Halted),
            () = sleep(wait) => {}
        }
    }
}

fn ending(sink: &str, error: SinkError) -> Ending {
    let sink = sink.to_owned();
    if error.then == Then::Ended { Ending::ReaderGone { sink } } else { Ending::Sink { sink, error } }
}

//! Bodies of answers, and the ways in which they can fail to arrive.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

use super::server::Cutter;

/// How a body ends.
#[derive(Debug)]
pub(super) enum End {
    /// As it should.
    Whole,
    /// The connection is closed before the body is whole.
    Closed(Arc<Cutter>),
    /// The connection is reset before the body is whole.
    Reset(Arc<Cutter>),
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Payload {
    pieces: std::vec::IntoIter<Bytes>,
    /// What the headers promise.
    left: u64,
    /// Waited for before each piece but the first.
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    end: End,
}

/// Time for the network to take what was sent before the connection is cut.
const FLUSH: Duration = Duration::from_millis(20);

/// Into how many pieces a slow body is cut.
const PIECES: u32 = 20;

impl Payload {
    pub(super) fn whole(body: Bytes) -> Self {
        let left = body.len() as u64;
        let pieces = if body.is_empty() { vec![] } else { vec![body] };
        Self { pieces: pieces.into_iter(), left, pause: Duration::ZERO, sleep: None, end: End::Whole }
    }

    /// A body that takes this long.
    pub(super) fn slow(body: Bytes, over: Duration) -> Self {
        let left = body.len() as u64;
        let size = body.len().div_ceil(PIECES as usize).max(1);
        let mut pieces = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            pieces.push(rest.split_to(size.min(rest.len())));
        }
        let pauses = u32::try_from(pieces.len()).unwrap_or(PIECES).max(1);
        Self { pieces: pieces.into_iter(), left, pause: over / pauses, sleep: None, end: End::Whole }
    }

    /// A body of which only the first half is ever sent.
    pub(super) fn half(mut body: Bytes, end: End) -> Self {
        let left = body.len() as u64;
        body.truncate(body.len() / 2);
        Self { pieces: vec![body].into_iter(), left, pause: Duration::ZERO, sleep: None, end }
    }

    /// Waits for a time; ready at once if there is none.
    fn wait(&mut self, time: Duration, context: &mut Context<'_>) -> Poll<()> {
        if time.is_zero() {
            return Poll::Ready(());
        }
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        match sleep.as_mut().poll(context) {
            Poll::Ready(()) => {
                self.sleep = None;
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.pieces.as_slice().is_empty() {
            if matches!(this.end, End::Whole) {
                return Poll::Ready(None);
            }
            std::task::ready!(this.wait(FLUSH, context));
            match &this.end {
                End::Whole => return Poll::Ready(None),
                End::Closed(cutter) => cutter.cut(false),
                End::Reset(cutter) => cutter.cut(true),
            }
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        std::task::ready!(this.wait(this.pause, context));
        let piece = this.pieces.next().unwrap_or_default();
        this.left = this.left.saturating_sub(piece.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.as_slice().is_empty() && matches!(self.end, End::Whole)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

//! Frames in and out. Both halves can be dropped at any await without losing a byte.

use std::io;

use amq_protocol::{
    frame::{AMQPContentHeader, AMQPFrame, GenError, ProtocolVersion, WriteContext, gen_frame, parse_frame},
    protocol::{AMQPClass, basic},
    types::{AMQPValue, FieldArray, FieldTable, ShortString},
};
use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::message::Content;

/// Type, channel and length stand before a frame's payload, and one byte behind it.
pub(super) const AROUND: usize = 8;

/// The header with which every connection begins.
const GREETING: [u8; 8] = *b"AMQP\x00\x00\x09\x01";

/// What the class of `basic` is called in a content header.
const BASIC: u16 = 60;

/// A frame that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What came in and was not read yet.
#[derive(Debug, Default)]
pub(super) struct Input {
    buffer: BytesMut,
}

impl Input {
    /// Reads what there is; how many bytes, nought at the end.
    pub(super) async fn fill(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        from.read_buf(&mut self.buffer).await
    }

    /// Forgets what came in.
    pub(super) fn discard(&mut self) {
        self.buffer.clear();
    }

    /// The greeting, once it is there: whether it is the one for 0-9-1.
    pub(super) fn greeting(&mut self) -> Option<bool> {
        if self.buffer.len() < GREETING.len() {
            // Whoever speaks something else may never send eight bytes.
            let same = GREETING.starts_with(&self.buffer);
            return (!same).then_some(false);
        }
        Some(self.buffer.split_to(GREETING.len()) == GREETING[..])
    }

    /// The next frame, once all of it is there.
    pub(super) fn next(&mut self, longest: u32) -> Result<Option<AMQPFrame>, Malformed> {
        let Some([_, _, _, a, b, c, d]) = self.buffer.first_chunk::<7>() else { return Ok(None) };
        let whole = (u32::from_be_bytes([*a, *b, *c, *d]) as usize).saturating_add(AROUND);
        if whole > longest as usize {
            return Err(Malformed);
        }
        if self.buffer.len() < whole {
            return Ok(None);
        }
        let bytes = self.buffer.split_to(whole);
        match parse_frame(&bytes[..]) {
            Ok(([], frame)) => Ok(Some(frame)),
            _ => Err(Malformed),
        }
    }
}

/// What goes out and was not sent yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    sent: usize,
    unflushed: bool,
}

impl Output {
    /// How many bytes wait.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Whether there is something to send, or to flush.
    pub(super) const fn is_pending(&self) -> bool {
        self.len() > 0 || self.unflushed
    }

    /// Says which version the broker speaks, to somebody who speaks another.
    pub(super) fn greet(&mut self) -> io::Result<()> {
        self.frame(&AMQPFrame::ProtocolHeader(ProtocolVersion::amqp_0_9_1()))
    }

    pub(super) fn method(&mut self, channel: u16, method: AMQPClass) -> io::Result<()> {
        self.frame(&AMQPFrame::Method(channel, method))
    }

    pub(super) fn heartbeat(&mut self) -> io::Result<()> {
        self.frame(&AMQPFrame::Heartbeat)
    }

    /// An event: the method that announces it, its header, its body in pieces.
    pub(super) fn event(
        &mut self,
        channel: u16,
        method: basic::AMQPMethod,
        content: &Content,
        frame_max: u32,
    ) -> io::Result<()> {
        self.method(channel, AMQPClass::Basic(method))?;
        let header = AMQPContentHeader {
            class_id: BASIC,
            body_size: content.body.len() as u64,
            properties: properties(&content.copied_to),
        };
        self.frame(&AMQPFrame::Header(channel, header))?;
        for piece in content.body.chunks(frame_max as usize - AROUND) {
            self.frame(&AMQPFrame::Body(channel, piece.to_vec()))?;
        }
        Ok(())
    }

    fn frame(&mut self, frame: &AMQPFrame) -> io::Result<()> {
        let write = std::mem::take(&mut self.bytes);
        let written = gen_frame(frame)(WriteContext { write, position: 0 });
        self.bytes = written.map_err(|error: GenError| io::Error::other(error.to_string()))?.write;
        Ok(())
    }

    /// Sends some of it.
    pub(super) async fn send(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.len() > 0 {
            let waiting = self.bytes.get(self.sent..).unwrap_or_default();
            let sent = to.write(waiting).await?;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.sent += sent;
            self.unflushed = true;
            if self.len() == 0 {
                self.bytes.clear();
                self.sent = 0;
                // A long body is not a reason to hold its room for ever.
                self.bytes.shrink_to(1 << 20);
            }
            return Ok(());
        }
        to.flush().await?;
        self.unflushed = false;
        Ok(())
    }
}

/// The properties that were seen on the wire.
fn properties(copied_to: &str) -> basic::AMQPProperties {
    let mut copies = FieldArray::default();
    copies.push(AMQPValue::LongString(copied_to.into()));
    let mut headers = FieldTable::default();
    headers.insert(short("CC"), AMQPValue::FieldArray(copies));
    basic::AMQPProperties::default()
        .with_content_type(short("application/octet-stream"))
        .with_headers(headers)
        .with_delivery_mode(2)
        .with_priority(0)
}

/// A text of at most 255 bytes; what is longer is cut off.
pub(super) fn short(text: &str) -> ShortString {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (kept, _) = text.split_at(end);
    ShortString::try_new(kept).unwrap_or_default()
}

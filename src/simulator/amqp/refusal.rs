//! Why the broker closes a channel or a connection, in its numbers and words.

use amq_protocol::protocol::{AMQPClass, channel, connection};

use super::frames::short;

/// A close that the broker begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    text: String,
    /// Whether all of the connection goes, not one channel alone.
    pub(super) whole: bool,
    /// The method that is to blame: class and number; nought if none is.
    cause: (u16, u16),
}

impl Refusal {
    /// Closes the channel.
    pub(super) fn channel(code: u16, why: impl AsRef<str>) -> Self {
        Self { code, text: format!("{} - {}", word(code), why.as_ref()), whole: false, cause: (0, 0) }
    }

    /// Closes the connection.
    pub(super) fn connection(code: u16, why: impl AsRef<str>) -> Self {
        Self { whole: true, ..Self::channel(code, why) }
    }

    /// The same, for the whole connection.
    pub(super) fn of_connection(self) -> Self {
        Self { whole: true, ..self }
    }

    /// Somebody else's queue.
    pub(super) fn foreign(queue: &str) -> Self {
        Self::channel(403, format!("access to queue '{queue}' in vhost '/' refused"))
    }

    /// A queue that is not there.
    pub(super) fn no_queue(queue: &str) -> Self {
        Self::channel(404, format!("no queue '{queue}' in vhost '/'"))
    }

    /// Blames a method, unless another is to blame.
    pub(super) fn blame(mut self, method: &AMQPClass) -> Self {
        if self.cause == (0, 0) {
            self.cause = (method.get_amqp_class_id(), method.get_amqp_method_id());
        }
        self
    }

    /// What is sent.
    pub(super) fn close(&self) -> AMQPClass {
        let (class_id, method_id) = self.cause;
        let (reply_code, reply_text) = (self.code, short(&self.text));
        if self.whole {
            let close = connection::Close { reply_code, reply_text, class_id, method_id };
            AMQPClass::Connection(connection::AMQPMethod::Close(close))
        } else {
            let close = channel::Close { reply_code, reply_text, class_id, method_id };
            AMQPClass::Channel(channel::AMQPMethod::Close(close))
        }
    }
}

/// The name of a code.
const fn word(code: u16) -> &'static str {
    match code {
        200 => "OK",
        311 => "CONTENT_TOO_LARGE",
        313 => "NO_CONSUMERS",
        320 => "CONNECTION_FORCED",
        402 => "INVALID_PATH",
        403 => "ACCESS_REFUSED",
        404 => "NOT_FOUND",
        405 => "RESOURCE_LOCKED",
        406 => "PRECONDITION_FAILED",
        501 => "FRAME_ERROR",
        502 => "SYNTAX_ERROR",
        503 => "COMMAND_INVALID",
        504 => "CHANNEL_ERROR",
        505 => "UNEXPECTED_FRAME",
        506 => "RESOURCE_ERROR",
        530 => "NOT_ALLOWED",
        540 => "NOT_IMPLEMENTED",
        541 => "INTERNAL_ERROR",
        _ => "CLOSED",
    }
}

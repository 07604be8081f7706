//! What a faults file says of event streams and of the broker that serves them.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{Share, Span, values};

/// `[streams]`: how event streams are made and served.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamFaults {
    /// How many streams there may be.
    #[serde(deserialize_with = "values::at_least_one")]
    pub limit: usize,
    /// How the port is written in answers.
    pub port: PortForm,
    /// What answers call the protocol.
    pub proto: String,
    /// The answer for a stream that is not there.
    pub unknown_id: UnknownStream,
    /// The answer to a deletion.
    pub deleted: Deleted,
    /// How many characters a password has.
    #[serde(deserialize_with = "values::at_least_one")]
    pub password_length: usize,
    /// So many made-up detections wait in the queue of a new stream.
    pub backlog: u32,
    /// So many more come every second.
    pub rate: u32,
    /// Whether some of the made-up detections have an odd shape.
    pub odd_events: bool,
    /// How long an event stays in a queue.
    #[serde(deserialize_with = "values::some_time")]
    pub ttl: Span,
    /// The heartbeat that the broker offers, in whole seconds; nought for none.
    pub heartbeat: Span,
    /// Whether the broker sends heartbeats.
    pub send_heartbeats: bool,
    /// How long a consumer may hold an event.
    #[serde(deserialize_with = "values::some_time")]
    pub ack_timeout: Span,
    /// Every event is delivered so long after the broker could have delivered it.
    pub delay: Span,
    /// The longest frame that the broker offers.
    pub frame_max: FrameMax,
}

impl Default for StreamFaults {
    fn default() -> Self {
        Self {
            limit: 5,
            port: PortForm::Text,
            proto: "https".to_owned(),
            unknown_id: UnknownStream::BadRequest,
            deleted: Deleted::Ok,
            password_length: 40,
            backlog: 0,
            rate: 0,
            odd_events: false,
            ttl: Span(Duration::from_secs(10 * 86_400)),
            heartbeat: Span(Duration::from_secs(60)),
            send_heartbeats: true,
            ack_timeout: Span(Duration::from_secs(1800)),
            delay: Span(Duration::ZERO),
            frame_max: FrameMax::default(),
        }
    }
}

/// How a port is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortForm {
    /// As a text.
    #[default]
    #[serde(rename = "string")]
    Text,
    /// As a number.
    Number,
}

values::either_status! {
    /// The answer for a stream that is not there.
    UnknownStream {
        /// 400.
        BadRequest = 400,
        /// 404.
        NotFound = 404
    }
}

values::either_status! {
    /// The answer to a deletion.
    Deleted {
        /// 200 and an empty object.
        Ok = 200,
        /// 204 and no body.
        NoContent = 204
    }
}

/// The length of a frame, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameMax(pub u32);

impl Default for FrameMax {
    fn default() -> Self {
        Self(131_072)
    }
}

impl<'de> Deserialize<'de> for FrameMax {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = u32::deserialize(deserializer)?;
        if (4096..=16_777_216).contains(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(D::Error::custom("a frame has 4096 to 16777216 bytes"))
        }
    }
}

/// `[[stream_fault]]`: deliveries and connections that go wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRule {
    /// What is done.
    #[serde(rename = "do")]
    pub deed: StreamDeed,
    /// Only for the stream with this name.
    pub stream: Option<String>,
    /// Only at this delivery or connection, from 1.
    #[serde(default, deserialize_with = "values::at_least_one_if_any")]
    pub nth: Option<u64>,
    /// Only after so many.
    #[serde(default)]
    pub after: u64,
    /// Only at each that this number divides.
    #[serde(default, deserialize_with = "values::at_least_one_if_any")]
    pub every: Option<u64>,
    /// At most so often.
    pub times: Option<u64>,
    /// Only a share of them, chosen by `seed`.
    pub share: Option<Share>,
    /// What chooses the share.
    #[serde(default)]
    pub seed: u64,
}

impl StreamRule {
    /// A rule for every delivery or connection, to be narrowed.
    pub const fn always(deed: StreamDeed) -> Self {
        Self { deed, stream: None, nth: None, after: 0, every: None, times: None, share: None, seed: 0 }
    }
}

/// What goes wrong at a delivery, once it was sent, or at a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamDeed {
    /// The connection is closed with this code.
    Close(ReplyCode),
    /// The channel is closed with this code.
    CloseChannel(ReplyCode),
    /// The connection is cut, without the end that TLS asks for.
    Cut,
    /// Nothing more is sent on the connection, heartbeats neither.
    Stall,
    /// The event is delivered a second time.
    Duplicate,
    /// The consumer is cancelled.
    Cancel,
    /// The stream is deleted.
    Delete,
    /// The next delivery on this connection waits for so long.
    Delay(Span),
    /// At a connection: the credentials are refused.
    Refuse,
    /// At a connection: it is cut before TLS begins.
    NoTls,
}

impl StreamDeed {
    /// Whether it happens to a connection, not to a delivery.
    pub(in crate::simulator) const fn is_of_connections(self) -> bool {
        matches!(self, Self::Refuse | Self::NoTls)
    }
}

/// A code with which a broker closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct ReplyCode(u16);

impl ReplyCode {
    /// Takes a code.
    pub fn new(code: u16) -> Option<Self> {
        (200..=599).contains(&code).then_some(Self(code))
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for ReplyCode {
    type Error = &'static str;

    fn try_from(code: u16) -> Result<Self, Self::Error> {
        Self::new(code).ok_or("a code is a number from 200 to 599")
    }
}

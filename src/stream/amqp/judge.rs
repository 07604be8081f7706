//! What an error of the library means: pure, an error in, what can be done about it out.

use std::io;

use lapin::{Error, ErrorKind};

use crate::{
    http::distrust,
    stream::source::{SourceError, SourceErrorKind},
};

const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const RESOURCE_LOCKED: u16 = 405;
const PRECONDITION_FAILED: u16 = 406;
const CONNECTION_FORCED: u16 = 320;
const NOT_ALLOWED: u16 = 530;

const fn new(kind: SourceErrorKind, text: String) -> SourceError {
    SourceError { kind, text }
}

pub(super) const fn unreachable(text: String) -> SourceError {
    new(SourceErrorKind::Unreachable, text)
}

/// No socket.
pub(super) fn dial(error: &io::Error, host: &str, port: u16) -> SourceError {
    unreachable(match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("nothing listens at {host}:{port}"),
        _ => format!("no connection to {host}:{port}: {error}"),
    })
}

/// No TLS.
pub(super) fn handshake(error: &io::Error) -> SourceError {
    match distrust(error) {
        Some(text) => new(SourceErrorKind::Certificate, text),
        None => unreachable(format!("no TLS connection: {error}")),
    }
}

/// Whether the broker has just gone, without a word of the protocol.
pub(super) fn is_hang_up(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::IOError(_))
}

/// The broker hung up on the credentials.
pub(super) fn hung_up(often: bool) -> SourceError {
    let text = "the broker hangs up as soon as it has the user and the password".to_owned();
    if often { refused(&text) } else { unreachable(text) }
}

fn refused(text: &str) -> SourceError {
    let text = format!("{text}; the stream was deleted, or its password is another one: make the stream anew");
    new(SourceErrorKind::Refused, text)
}

/// Signing in failed.
pub(super) fn sign_in(error: &Error) -> SourceError {
    match code(error) {
        Some((ACCESS_REFUSED | NOT_ALLOWED, said)) => refused(&format!("the broker refuses to sign in ({said})")),
        _ => ended(error),
    }
}

/// The queue was asked for.
pub(super) fn declare(error: &Error) -> SourceError {
    match code(error) {
        Some((ACCESS_REFUSED, said)) => refused(&format!("the broker does not let this user at the queue ({said})")),
        Some((RESOURCE_LOCKED, said)) => taken(&said),
        _ => ended(error),
    }
}

/// Deliveries were asked for.
pub(super) fn consume(error: &Error) -> SourceError {
    match code(error) {
        Some((ACCESS_REFUSED, said)) if said.contains("exclusive") => taken(&said),
        _ => declare(error),
    }
}

fn taken(said: &str) -> SourceError {
    let text = format!("another consumer has this stream ({said}): stop it, or share the stream on purpose");
    new(SourceErrorKind::Taken, text)
}

/// A connection that stood has ended.
pub(super) fn ended(error: &Error) -> SourceError {
    match code(error) {
        Some((ACCESS_REFUSED | NOT_ALLOWED, said)) => refused(&format!("the broker has withdrawn access ({said})")),
        Some((NOT_FOUND, said)) => {
            new(SourceErrorKind::Gone, format!("the queue is gone ({said}): the stream was deleted, make it anew"))
        }
        Some((PRECONDITION_FAILED, said)) => {
            let text = format!("an acknowledgement came too late for the broker ({said}): a smaller prefetch helps");
            new(SourceErrorKind::TooLate, text)
        }
        Some((CONNECTION_FORCED, said)) => unreachable(format!("the broker has closed the connection ({said})")),
        Some((_, said)) => unreachable(format!("the broker has ended it ({said})")),
        None => match error.kind() {
            ErrorKind::IOError(error) => handshake_later(error),
            ErrorKind::MissingHeartbeatError => unreachable("the broker has not been heard of for too long".to_owned()),
            _ => unreachable(format!("the connection has ended: {error}")),
        },
    }
}

/// TLS may refuse late as well.
fn handshake_later(error: &io::Error) -> SourceError {
    match distrust(error) {
        Some(text) => new(SourceErrorKind::Certificate, text),
        // The library says this with an address of its manual, which helps nobody here.
        None if error.kind() == io::ErrorKind::UnexpectedEof => unreachable("the connection was cut".to_owned()),
        None => unreachable(format!("the connection was cut: {error}")),
    }
}

/// The broker's code and words.
fn code(error: &Error) -> Option<(u16, String)> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some((error.get_id(), error.get_message().to_string())),
        _ => None,
    }
}

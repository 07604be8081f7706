//! How answers of every console travel: compressed, slow, cut short, broken, or a gateway's page in their place.

use std::{sync::Arc, time::Duration};

use hyper::{
    HeaderMap, StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
};

use super::{
    faults::Deed,
    payload::{End, Payload},
    server::Cutter,
};

/// Answers shorter than this are not worth compressing.
const WORTH_COMPRESSING: usize = 1024;

/// The type of a page for people.
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// A page for people, as a gateway in front of the console answers.
pub(super) fn page(status: StatusCode) -> Bytes {
    let reason = status.canonical_reason().unwrap_or("Error");
    let number = status.as_u16();
    let body = format!(
        "<html>\r\n<head><title>{number} {reason}</title></head>\r\n<body>\r\n<center><h1>{number} {reason}</h1></center>\r\n\
         <hr><center>gateway</center>\r\n</body>\r\n</html>\r\n"
    );
    body.into()
}

/// A body that is no JSON any more.
pub(super) fn garbage(body: &Bytes) -> Bytes {
    let mut broken = body.to_vec();
    broken.truncate(broken.len() * 2 / 3);
    broken.extend_from_slice(b"\x00}<");
    broken.into()
}

/// The body as it is sent, or what a fault leaves of it.
pub(super) fn payload(body: Bytes, deed: Option<&Deed>, cutter: &Arc<Cutter>) -> Payload {
    match deed {
        Some(Deed::SlowBody(time)) => Payload::slow(body, time.0),
        Some(Deed::HalfBody) => Payload::half(body, End::Closed(Arc::clone(cutter))),
        Some(Deed::Reset) => Payload::half(body, End::Reset(Arc::clone(cutter))),
        _ => Payload::whole(body),
    }
}

/// Compresses a long body for a client that asked for it.
pub(super) fn compress(body: &mut Bytes, headers: &mut HeaderMap, asked: &HeaderMap) {
    if body.len() > WORTH_COMPRESSING && takes_gzip(asked) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        *body = gzip(body);
    }
}

/// What a timer is late by on the average: it counts whole milliseconds, and rounds up.
const LATE: Duration = Duration::from_micros(500);

/// Waits, unless there is nothing to wait for.
pub(super) async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time.saturating_sub(LATE)).await;
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let asked = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    asked.is_some_and(|asked| asked.split(',').any(|word| word.trim().eq_ignore_ascii_case("gzip")))
}

fn gzip(body: &[u8]) -> Bytes {
    use std::io::Write as _;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing into memory cannot fail.
    match encoder.write_all(body).and_then(|()| encoder.finish()) {
        Ok(compressed) => compressed.into(),
        Err(_) => Bytes::copy_from_slice(body),
    }
}

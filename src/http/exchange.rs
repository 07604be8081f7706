//! Sends one request and reads its whole answer, within a limit. Never retries.

use reqwest::{
    Client, Request, StatusCode,
    header::{self, HeaderMap, HeaderValue},
};
use tokio::time::Instant;
use tracing::debug;

use super::HttpError;

/// A page of 500 hosts is about a megabyte; whatever is larger than this is no answer of a console.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A whole answer.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl Response {
    /// A header as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the body is a web page: a gateway, a proxy or a login page spoke in the console's place.
    pub fn is_html(&self) -> bool {
        let declared = self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
        declared || self.body.trim_ascii_start().first() == Some(&b'<')
    }
}

/// Sends one request.
///
/// # Errors
///
/// [`HttpError`] when there is no whole answer; an answer of any status is not an error.
pub async fn send(client: &Client, request: Request) -> Result<Response, HttpError> {
    send_up_to(client, request, MAX_BODY).await
}

/// Sends one request whose answer may be larger or must be smaller than most: up to this many bytes.
///
/// # Errors
///
/// As [`send`].
pub async fn send_up_to(client: &Client, request: Request, limit: usize) -> Result<Response, HttpError> {
    let method = request.method().clone();
    let path = request.url().path().to_owned();
    // Whatever reflects a request may reflect its credentials here.
    let credentials = request.headers().get(header::AUTHORIZATION).cloned();
    let begun = Instant::now();
    let result = exchange(client, request, limit).await;
    match &result {
        Ok(response) => debug!(
            %method,
            path,
            status = response.status.as_u16(),
            bytes = response.body.len(),
            request_id = request_id(response, credentials.as_ref()),
            took_ms = begun.elapsed().as_millis(),
            "answered"
        ),
        Err(error) => debug!(%method, path, %error, took_ms = begun.elapsed().as_millis(), "not answered"),
    }
    result
}

/// The console's own id of the request, unless it is made of our credentials.
fn request_id<'a>(response: &'a Response, credentials: Option<&HeaderValue>) -> &'a str {
    let id = response.header("x-request-id").unwrap_or("-");
    let secret = credentials.and_then(|value| value.to_str().ok()?.split(' ').next_back());
    if secret.is_some_and(|secret| id.contains(secret) || id.len() > 8 && secret.contains(id)) {
        "[hidden]"
    } else {
        id
    }
}

async fn exchange(client: &Client, request: Request, limit: usize) -> Result<Response, HttpError> {
    let mut answer = client.execute(request).await.map_err(|error| HttpError::judge(&error.without_url()))?;
    let status = answer.status();
    let headers = std::mem::take(answer.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| HttpError::judge(&error.without_url()))? {
        if body.len() + chunk.len() > limit {
            return Err(HttpError::too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status, headers, body })
}

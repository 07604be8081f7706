//! The one way to speak HTTP: one client builder, one exchange, one error.
//!
//! Nothing here retries, follows a redirect, or knows a console. Bodies and credentials are never traced.

mod client;
mod error;
mod exchange;

pub use client::{ClientError, ClientOptions, Trust, client, install_provider};
pub use error::{HttpError, HttpErrorKind};
pub use exchange::{Response, send};
pub use reqwest::{
    Client, Method, Request, StatusCode, Url,
    header::{self, HeaderMap, HeaderValue},
};

#[cfg(test)]
mod tests;

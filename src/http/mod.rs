//! The one way to speak HTTP: one client builder, one exchange, one error.
//!
//! Nothing here retries, follows a redirect, or knows a console. Bodies and credentials are never traced.

mod client;
mod error;
mod exchange;
mod pin;
mod presented;
mod trust;
mod verifier;
mod x509;

pub use client::{ClientError, ClientOptions, SingleClients, client, install_provider, tls_config};
pub use error::{HttpError, HttpErrorKind, distrust};
pub use exchange::{Response, send, send_up_to};
pub use pin::{Pin, PinError};
pub use presented::{Presented, presented};
pub use reqwest::{
    Client, Method, Request, StatusCode, Url,
    header::{self, HeaderMap, HeaderValue},
};
pub use trust::Trust;

#[cfg(test)]
mod tests;

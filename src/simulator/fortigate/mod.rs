//! Fortinet FortiGate, as its documents and the published clients show it: one unit with two faces.
//!
//! What is saved is in `store`, and both faces change it by the same two operations: `rest` over HTTPS, `cli` over SSH.
//! Defaults are those of the unit, so that half an object does here the harm that it does there.

mod cli;
mod firewall;
mod refusal;
mod rest;
mod schema;
mod ssh;
mod store;
mod value;
mod world;

pub use firewall::{AddressTruth, Firewall};
pub(super) use rest::Rest;
pub(super) use ssh::Ssh;

//! `edrctl` cuts a list of hosts off the network through the console that manages them, proves that it happened, and
//! puts exactly those hosts back.
//!
//! The floors, from the ground up; imports go down, never up (`tests/test_floors.rs` holds this):
//!
//! | floor | modules | what lives there |
//! |---|---|---|
//! | 0 | [`domain`] | values: hosts, selectors, actions, outcomes; no I/O |
//! | 1 | [`clock`], [`secret`], [`settings`], [`http`], [`journal`] | the outside world, one thing each |
//! | 1 | [`plan_file`] | a plan as a file: written one way, with a digest, signed by a second person |
//! | 2 | [`vendors`] | the consoles, behind one trait |
//! | 2 | [`stream`] | events that a console pushes, from its queue to durable sinks |
//! | 3 | [`engine`] | the bulk run: resolve, plan, pace, send, look, settle |
//! | 4 | [`reporters`] | what a run shows and prints |
//! | 4 | [`report`] | a run for a ticket, a manager and a SIEM, from its journal |
//! | 5 | [`config`] | the configuration file |
//! | 6 | [`cli`] | the commands |
//! | aside | [`simulator`] | a simulated console over real HTTPS; imports `domain` only |

pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod engine;
pub mod http;
pub mod journal;
pub mod plan_file;
pub mod report;
pub mod reporters;
pub mod secret;
pub mod settings;
pub mod simulator;
pub mod stream;
pub mod vendors;

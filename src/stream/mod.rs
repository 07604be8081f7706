//! Events that a console pushes: taken from its queue, kept by every sink, and acknowledged only then.
//!
//! A [`Source`](source::Source) delivers, [`Sink`](sinks::Sink)s keep, the pump stands between them: it leaves out what it
//! has had before, hands a batch to every sink, writes down what was kept, and only then acknowledges. An event is lost
//! at no moment; one that comes twice is written once, and counted.
//!
//! Nothing here knows whose events these are beyond their common fields, prints, or reads a configuration.

pub mod amqp;
pub mod backoff;
pub mod cancel;
pub mod config;
pub mod dead_letters;
pub mod envelope;
pub mod event;
mod fields;
pub mod filter;
pub mod ledger;
pub mod lookout;
pub mod place;
pub mod pump;
pub mod sinks;
pub mod source;
pub mod store;

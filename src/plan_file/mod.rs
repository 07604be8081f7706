//! A plan as a file: what is to be done to which hosts, to be looked at, agreed to and carried out later.
//!
//! The file stands by itself: whoever has it needs neither the list it was made of nor the journal of anybody. It is written in one
//! way only, so that a file that is not exactly what would be written for what it says was edited. Its digest is over those very
//! bytes, and finds accidents and clumsy hands; against anybody else there is a [`signature`] over the whole file, in the format of
//! `ssh-keygen -Y sign`.
//!
//! Nothing here opens a file, asks a console, or knows one. No secret is in a plan, because none is given to it.
//!
//! | file | what it does |
//! |---|---|
//! | `document.rs` | what a plan says |
//! | `canonical.rs` | the one way to write it; its digest; reading it back |
//! | `signature.rs` | a second person's yes: making one, and whose it is |

mod canonical;
mod document;
pub mod signature;

pub use canonical::{PlanError, read, write};
pub use document::{About, Also, Candidate, Mark, Options, Plan, Reason, State, Target};

//! Target files and standard input to selectors.
//!
//! Three forms are read: a target a line, a column of a CSV or TSV file, a field of JSON Lines. All of them stream: no
//! file is ever held as a whole, and one monstrous line costs no more than a short one. Nothing is resolved here.
//!
//! | file | what it does |
//! |---|---|
//! | `read` | opens the sources one after the other and feeds what they hold to a form |
//! | `decode` | bytes to UTF-8: byte order marks, UTF-16; refuses what is no text at all |
//! | `lines`, `columns` (with `cells`), `json_field` | the three forms |
//! | `gather` | keeps each selector once, and remembers compactly what was left out |
//! | `bad_line`, `error` | what is wrong with a line, what stops the command, and the hint that goes with either |

mod bad_line;
mod cells;
mod columns;
mod decode;
mod error;
mod gather;
mod json_field;
mod lines;
mod read;
#[cfg(test)]
mod tests;

pub use bad_line::{BadLine, BadReason};
pub use error::{NotText, SelectError};
pub use gather::{Selected, Skipped};
pub use read::{Form, Sources, read};

//! The configuration: found, read, laid over, checked, and its mistakes pointed at.
//!
//! Four layers, each over the one before it: the file's sections, those of the chosen profile, the environment, the
//! command line. The sections themselves are owned by the modules that they configure; this one knows how a file is read
//! and who overrides whom. A section is completed, and its secrets are read, only when somebody asks for it.
//!
//! The environment and the user's folders are handed in, never looked up here.

mod env;
mod error;
mod file;
mod load;
pub(crate) mod near;
mod published;
mod safety;

pub use env::Environment;
pub use error::{ConfigError, KeyHome};
pub use file::RunConfig;
pub use load::{Folders, Loaded, Overrides, load, of_text};
pub use safety::{Protected, SafetyConfig};

#[cfg(test)]
mod tests;

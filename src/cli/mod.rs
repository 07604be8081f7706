//! The commands, their arguments, and what people see.

pub mod select;

//! The configuration file: found, read, checked, and its mistakes pointed at.

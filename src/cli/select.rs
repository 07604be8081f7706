//! Arguments, files and standard input to selectors.

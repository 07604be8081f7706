//! The program: parse, build the runtime, run the command, return its exit code.

fn main() {}

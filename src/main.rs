//! The program: runs the command that was typed and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(edrctl::cli::run())
}

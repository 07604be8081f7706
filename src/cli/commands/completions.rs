//! `edrctl completions`.

use clap::Args;
use clap_complete::Shell;

use crate::{
    cli::{command, error::CommandError, ui},
    domain::outcome::ExitCode,
};

/// Print completions for a shell
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs it.
pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, CommandError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "edrctl", &mut text);
    ui::print(&text).map(|()| ExitCode::Success)
}

//! `edrctl man`.

use std::{io, path::PathBuf};

use clap::Args;

use crate::{
    cli::{command, error::CommandError, ui},
    domain::outcome::ExitCode,
};

/// Print the man page, or write a page for each command into a folder
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write edrctl.1, edrctl-isolate.1 and so on here
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs it.
pub(crate) fn run(args: &ManArgs) -> Result<ExitCode, CommandError> {
    let failed = |error: io::Error| CommandError::new(ExitCode::Internal, error).context("write the man pages");
    if let Some(dir) = &args.dir {
        std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command(), dir)).map_err(failed)?;
    } else {
        let mut text = Vec::new();
        clap_mangen::Man::new(command()).render(&mut text).map_err(failed)?;
        ui::print(&text)?;
    }
    Ok(ExitCode::Success)
}

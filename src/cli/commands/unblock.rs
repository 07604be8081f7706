//! `edrctl unblock`.

use clap::Args;

use super::{
    block,
    blocklist::{self, IndicatorArgs},
};
use crate::{
    cli::{args::IndicatorActArgs, context::Context, error::CommandError},
    domain::{action::ActionKind, outcome::ExitCode},
};

/// Take indicators out of a firewall again
///
/// Takes out only what a run of edrctl has put in: an object without its mark is somebody else's and is left alone.
#[derive(Debug, Args)]
pub(crate) struct UnblockArgs {
    #[command(flatten)]
    targets: IndicatorArgs,
    #[command(flatten)]
    act: IndicatorActArgs,
}

/// Runs it.
pub(crate) async fn run(args: UnblockArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let read = blocklist::read(&args.targets, context)?;
    let deed = block::deed(ActionKind::Unblock, read, args.act, &args.targets)?;
    blocklist::run(deed, context).await
}

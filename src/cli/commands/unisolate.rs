//! `edrctl unisolate`.

use clap::Args;

use super::act;
use crate::{
    cli::{args::ActArgs, context::Context, error::CommandError},
    domain::{action::ActionKind, outcome::ExitCode},
};

/// Put hosts back on the network
///
/// May use the part of the console's quota that `isolate` leaves as a reserve.
#[derive(Debug, Args)]
pub(crate) struct UnisolateArgs {
    #[command(flatten)]
    act: ActArgs,
}

/// Runs it.
pub(crate) async fn run(args: UnisolateArgs, context: &Context) -> Result<ExitCode, CommandError> {
    act::run(ActionKind::Unisolate, args.act, None, context).await
}

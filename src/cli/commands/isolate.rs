//! `edrctl isolate`.

use clap::Args;

use super::{
    act::{self, Deed},
    auto,
    unlock_code::UnlockCodeArgs,
};
use crate::{
    cli::{
        args::{ActArgs, LastsArgs, Through},
        context::Context,
        error::CommandError,
    },
    domain::{action::ActionKind, outcome::ExitCode},
};

/// Cut hosts off the network
///
/// Names and addresses are resolved through the console's inventory; a target that fits no host, or several, is left
/// alone. Without --wait a host counts as done when the console has taken the request; with --wait when the console
/// reports it isolated.
#[derive(Debug, Args)]
pub(crate) struct IsolateArgs {
    #[command(flatten)]
    act: ActArgs,
    #[command(flatten)]
    lasts: LastsArgs,
    #[command(flatten)]
    unlock_code: UnlockCodeArgs,
}

/// Runs it.
pub(crate) async fn run(args: IsolateArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let vendor = match args.act.vendor {
        Through::One(vendor) => vendor,
        Through::All => {
            args.unlock_code.refuse_for_all()?;
            return auto::act(ActionKind::Isolate, args.act, args.lasts.lasts, context).await;
        }
    };
    auto::refuse_alone(&args.act.several)?;
    let unlock_code = args.unlock_code.read(vendor, context)?;
    let deed = Deed {
        unlock_code,
        stream: args.act.hearing.stream,
        crowd: args.act.crowd,
        lasts: args.lasts.lasts,
        queue_offline: args.act.offline.queue_offline,
        ..Deed::plain(ActionKind::Isolate, vendor)
    };
    act::run(deed, args.act.change, context).await
}

//! `edrctl unisolate`.

use clap::Args;

use super::{
    act::{self, Deed},
    auto,
};
use crate::{
    cli::{
        args::{ActArgs, Through},
        context::Context,
        error::CommandError,
    },
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
    let vendor = match args.act.vendor {
        Through::One(vendor) => vendor,
        Through::All => return auto::act(ActionKind::Unisolate, args.act, None, context).await,
    };
    auto::refuse_alone(&args.act.several)?;
    let deed = Deed {
        stream: args.act.hearing.stream,
        crowd: args.act.crowd,
        queue_offline: args.act.offline.queue_offline,
        ..Deed::plain(ActionKind::Unisolate, vendor)
    };
    act::run(deed, args.act.change, context).await
}

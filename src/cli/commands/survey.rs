//! What has to be known of how the inventory was read.

use crate::{
    cli::context::Context,
    engine::plan::Survey,
    reporters::{clean::clean, words},
};

/// Tells it.
pub(super) fn tell(survey: &Survey, context: &Context) {
    if survey.incomplete {
        context
            .ui
            .warn("the console's inventory changed while it was read; a host that has just been added may be missing");
    }
    if survey.unwatched {
        context.ui.warn(
            "the console does not list its hosts, so nobody has checked that none of these is this machine, one of its \
             consoles, resolvers or gateways",
        );
    }
    for host in &survey.needless {
        context.ui.warn(&format!(
            "`--allow-protected {}` allows nothing: no target of that id or name is protected",
            clean(host)
        ));
    }
    if survey.folded > 0 {
        let targets = words::count(survey.folded as u64, "target names", "targets name");
        context.ui.tell(&format!("{targets} a host that another target has named; each host is acted on once"));
    }
}

//! The blast radius: how many hosts a run may act on, as a number and as a share of all that the console has.

use std::num::NonZeroU64;

use super::{prepare, session::Session};
use crate::{
    cli::{context::Context, error::CommandError},
    config::SafetyConfig,
    domain::{
        action::{ActionKind, Thing},
        outcome::ExitCode,
    },
    engine::{cancel::Cancel, plan::Survey, roster::Roster},
    reporters::words,
};

/// How many targets a run may act on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Radius {
    configured: Option<u64>,
    given: Option<u64>,
    percent: Option<u64>,
}

impl Radius {
    /// By the configuration, and by the command line, which overrides it.
    pub(crate) fn new(safety: &SafetyConfig, given: Option<NonZeroU64>) -> Self {
        Self {
            configured: safety.max_targets.map(NonZeroU64::get),
            given: given.map(NonZeroU64::get),
            percent: safety.max_percent.map(NonZeroU64::get),
        }
    }

    /// Refuses a run that would act on too many.
    pub(crate) async fn check(
        self,
        session: &mut Session,
        (kind, verb): (ActionKind, &str),
        (roster, survey): (&Roster, &Survey),
        cancel: &Cancel,
        context: &Context,
    ) -> Result<(), CommandError> {
        let to_act = roster.to_act().count() as u64;
        self.check_count(to_act, verb, context)?;
        self.check_percent(session, (kind, verb), (to_act, survey), cancel, context).await
    }

    /// Refuses a run that would act on so many, whatever share that is.
    pub(crate) fn check_count(self, to_act: u64, verb: &str, context: &Context) -> Result<(), CommandError> {
        if let (Some(given), Some(configured)) = (self.given, self.configured) {
            // Who raises a limit of the house is to see it, and whoever reads the log.
            if given > configured && to_act > configured {
                context
                    .ui
                    .warn(&format!("`--max-targets {given}` is above `safety.max_targets`, which is {configured}"));
            }
        }
        self.check_number(to_act, verb)
    }

    /// Refuses a run that would act on so large a share of what the console has.
    pub(crate) async fn check_percent(
        self,
        session: &mut Session,
        (kind, verb): (ActionKind, &str),
        (to_act, survey): (u64, &Survey),
        cancel: &Cancel,
        context: &Context,
    ) -> Result<(), CommandError> {
        // An indicator is no part of an inventory.
        match self.percent.filter(|_| to_act > 0 && kind.lands_on() == Thing::Host) {
            None => Ok(()),
            Some(_) if session.simulator.is_some() => {
                context
                    .ui
                    .tell("the simulated fleet is made of the targets, so `safety.max_percent` is not held against it");
                Ok(())
            }
            Some(allowed) => {
                let mut tell = prepare::teller(context);
                let counted = session.console.census(survey, cancel, &mut tell).await;
                let counted = counted.map_err(|halt| prepare::failed(session, halt))?;
                check_share(to_act, counted, allowed, verb)
            }
        }
    }

    fn check_number(self, to_act: u64, verb: &str) -> Result<(), CommandError> {
        let (max, whose) = match (self.given, self.configured) {
            (Some(given), _) => (given, "--max-targets"),
            (None, Some(configured)) => (configured, "safety.max_targets"),
            (None, None) => return Ok(()),
        };
        if to_act <= max {
            return Ok(());
        }
        let things = words::things(to_act, verb);
        Err(CommandError::text(
            ExitCode::Refused,
            format!("{things} to {verb}, and `{whose}` allows {max}; nothing was sent"),
        )
        .hint(format!(
            "split the list; if all of them are meant, `--max-targets {to_act}` says so for this run, and `max_targets` in \
             `[safety]` for every one"
        )))
    }
}

/// Whether so many are a larger part of the console's hosts than is allowed. Nobody knows is a no.
fn check_share(to_act: u64, counted: Option<u64>, allowed: u64, verb: &str) -> Result<(), CommandError> {
    let things = words::things(to_act, verb);
    let Some(all) = counted else {
        return Err(CommandError::text(
            ExitCode::Refused,
            format!(
                "{things} to {verb}, and the console does not tell how many hosts it has, so nobody knows whether that is \
                 within `safety.max_percent` ({allowed} %); nothing was sent"
            ),
        )
        .hint("`max_targets` in `[safety]` is a limit that needs no inventory"));
    };
    if u128::from(to_act) * 100 <= u128::from(all) * u128::from(allowed) {
        return Ok(());
    }
    let share = match all {
        // There are more than it lists: its list is not all.
        0 => "more than all".to_owned(),
        all => percent(to_act, all),
    };
    Err(CommandError::text(
        ExitCode::Refused,
        format!(
            "{things} to {verb} of {} = {share}, and `safety.max_percent` allows {allowed} %; nothing was sent",
            words::hosts(all)
        ),
    )
    .hint("split the list, or raise `max_percent` in `[safety]`"))
}

/// A share with one decimal, rounded up: what is over a limit must not look as if it were not.
fn percent(part: u64, whole: u64) -> String {
    let tenths = (u128::from(part) * 1_000).div_ceil(u128::from(whole.max(1)));
    if tenths.is_multiple_of(10) { format!("{} %", tenths / 10) } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exact_at_its_edge_and_unknown_is_too_much() {
        for (to_act, all, allowed, fine) in [
            (5, Some(100), 5, true),
            (6, Some(100), 5, false),
            (1, Some(19), 5, false),
            (1, Some(20), 5, true),
            (10, Some(10), 100, true),
            (11, Some(10), 100, false),
            (1, Some(0), 100, false),
            (1, None, 100, false),
            (u64::MAX, Some(u64::MAX), 99, false),
        ] {
            assert_eq!(check_share(to_act, all, allowed, "isolate").is_ok(), fine, "{to_act} of {all:?}, {allowed} %");
        }
    }

    #[test]
    fn what_is_over_a_limit_looks_so() {
        assert_eq!(percent(5_001, 100_000), "5.1 %");
        assert_eq!(percent(1, 3), "33.4 %");
        assert_eq!(percent(7, 10), "70 %");
    }

    #[test]
    fn the_command_line_goes_before_the_configuration_both_ways() {
        let radius = |configured, given| Radius { configured, given, percent: None };
        for (configured, given, to_act, fine) in [
            (None, None, u64::MAX, true),
            (Some(5), None, 5, true),
            (Some(5), None, 6, false),
            (Some(5), Some(6), 6, true),
            (Some(5), Some(3), 4, false),
            (None, Some(3), 4, false),
        ] {
            let checked = radius(configured, given).check_number(to_act, "isolate");
            assert_eq!(checked.is_ok(), fine, "{configured:?} {given:?} {to_act}");
        }
    }
}

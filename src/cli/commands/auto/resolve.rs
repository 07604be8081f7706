//! Asks every console for the targets that can be its own, and sorts what they say.

use std::sync::Arc;

use super::consoles::Consoles;
use crate::{
    cli::{
        args::TargetArgs,
        commands::{
            prepare,
            session::{Session, fleet_of_entries},
        },
        context::Context,
        error::CommandError,
        select::Selected,
    },
    domain::{
        action::Thing,
        outcome::ExitCode,
        selector::{Entry, IdForm, Selector, SelectorKind},
    },
    engine::{
        cancel::Cancel,
        fleet::{Asked, Sorted, sort},
        plan::{self, Survey, Wish},
        resolve::Rules,
        roster::Roster,
    },
    reporters::{clean::clean, words},
    simulator::Fleet,
    vendors::VendorName,
};

/// How an id of any console is told: what one takes for its own is one, whatever others think of it.
fn any_id(text: &str) -> IdForm {
    let mut all = IdForm::NotAnId;
    for vendor in VendorName::that_act_on(Thing::Host) {
        match vendor.id_form()(text) {
            // Each console has its own spelling of it, and is asked in that.
            IdForm::Id(_) => return IdForm::Id(None),
            IdForm::Damaged(how) if !matches!(all, IdForm::DamagedUnlessSaid(..)) => all = IdForm::Damaged(how),
            IdForm::DamagedUnlessSaid(how, _) => all = IdForm::DamagedUnlessSaid(how, None),
            IdForm::IfSaid(_) if all == IdForm::NotAnId => all = IdForm::IfSaid(None),
            IdForm::IfSaid(_) | IdForm::NotAnId | IdForm::Damaged(_) => {}
        }
    }
    all
}

/// Reads the targets; none at all is a refusal.
pub(super) fn targets(args: &TargetArgs, vendors: &[VendorName], context: &Context) -> Result<Selected, CommandError> {
    let selected = prepare::read(&prepare::sources(args), any_id, context)?;
    match vendors.first() {
        Some(first) if selected.entries.is_empty() => Err(prepare::no_target(*first)),
        _ => Ok(selected),
    }
}

/// The target as one console reads it; `None` if it is no id there, and one elsewhere.
fn as_read_by(vendor: VendorName, selector: &Selector, said: Option<SelectorKind>) -> Option<Selector> {
    if selector.kind() != SelectorKind::Id {
        return Some(selector.clone());
    }
    let own = Selector::parse(selector.written(), said, vendor.id_form()).ok()?;
    (own.kind() == SelectorKind::Id).then_some(own)
}

/// The targets that can be a console's own, each with its number in the place of its line.
fn entries_of(vendor: VendorName, entries: &[Entry], said: Option<SelectorKind>) -> Vec<Entry> {
    let numbered = (0_u32..).zip(entries);
    let own = numbered.filter_map(|(n, entry)| Some((n, as_read_by(vendor, &entry.selector, said)?)));
    own.map(|(n, selector)| Entry { selector, file: 0, line: n }).collect()
}

/// The fleets of a rehearsal: each target lives in one console, as the hosts of a company do.
pub(super) fn fleets(
    vendors: Vec<VendorName>,
    simulate: bool,
    entries: &[Entry],
    said: Option<SelectorKind>,
    isolated: bool,
) -> Result<Vec<(VendorName, Option<Fleet>)>, CommandError> {
    if !simulate {
        return Ok(vendors.into_iter().map(|vendor| (vendor, None)).collect());
    }
    let mut lists: Vec<Vec<Entry>> = vendors.iter().map(|_| Vec::new()).collect();
    for (n, entry) in entries.iter().enumerate() {
        let takes = |vendor: &VendorName| as_read_by(*vendor, &entry.selector, said);
        let takers: Vec<usize> =
            (0_usize..).zip(&vendors).filter(|(_, v)| takes(v).is_some()).map(|(k, _)| k).collect();
        let Some(taker) = takers.get(n % takers.len().max(1)) else { continue };
        let selector = vendors.get(*taker).and_then(takes);
        if let (Some(list), Some(selector)) = (lists.get_mut(*taker), selector) {
            list.push(Entry { selector, ..entry.clone() });
        }
    }
    let fleet = |(vendor, list): (VendorName, Vec<Entry>)| Ok((vendor, Some(fleet_of_entries(&list, isolated)?)));
    vendors.into_iter().zip(lists).map(fleet).collect()
}

/// Asks all of them, and sorts; with what the plan has learnt of each.
pub(super) async fn resolve(
    consoles: &mut Consoles,
    args: &TargetArgs,
    selected: Selected,
    prefer: &[VendorName],
    wish: Wish<'_>,
    cancel: &Cancel,
    context: &Context,
) -> Result<(Sorted, Vec<Survey>), CommandError> {
    check_names(args, consoles)?;
    let said = prepare::kind_said(args);
    let mut asked = Vec::new();
    let mut surveys = Vec::new();
    let mut needless: Option<Vec<Arc<str>>> = None;
    for session in &mut consoles.sessions {
        let entries = entries_of(session.vendor, &selected.entries, said);
        let (roster, survey) = ask(session, &entries, args, wish, cancel, context).await?;
        // An allowance is needless only if it is so everywhere.
        needless = Some(match needless {
            None => survey.needless.clone(),
            Some(before) => before.into_iter().filter(|host| survey.needless.contains(host)).collect(),
        });
        surveys.push(survey);
        asked.push(Asked { vendor: session.vendor.word(), roster });
    }
    for host in needless.unwrap_or_default() {
        let host = clean(&host);
        context
            .ui
            .warn(&format!("`--allow-protected {host}` allows nothing: no target of that id or name is protected"));
    }
    let prefer: Vec<&str> = prefer.iter().map(|vendor| vendor.word()).collect();
    let duplicates = selected.duplicates();
    let sorted = sort(&selected.entries, &selected.files, duplicates, &asked, &prefer);
    if sorted.folded > 0 {
        let targets = words::count(sorted.folded as u64, "target names", "targets name");
        context.ui.tell(&format!("{targets} a host that another target has named; each host is acted on once"));
    }
    Ok((sorted, surveys))
}

async fn ask(
    session: &mut Session,
    entries: &[Entry],
    args: &TargetArgs,
    wish: Wish<'_>,
    cancel: &Cancel,
    context: &Context,
) -> Result<(Roster, Survey), CommandError> {
    let mut roster = Roster::new(entries, vec![None], Vec::new());
    if entries.is_empty() {
        return Ok((roster, Survey { needless: all_allowed(wish), ..Survey::default() }));
    }
    let cuts = session.vendor.driver().takes.cut_names;
    let rules = if cuts { prepare::rules(session.vendor, args, false)? } else { Rules::default() };
    let wish = Wish { rules, ..wish };
    let mut tell = prepare::teller(context);
    let planned = plan::plan(&mut session.console, entries, &mut roster, wish, cancel, &mut tell).await;
    let survey = planned.map_err(|halt| prepare::failed(session, halt))?;
    if survey.incomplete {
        context.ui.warn(&format!(
            "{}: the console's inventory changed while it was read; a host that has just been added may be missing",
            session.vendor
        ));
    }
    Ok((roster, survey))
}

/// A console that is asked for nothing has no host that is allowed.
fn all_allowed(wish: Wish<'_>) -> Vec<Arc<str>> {
    wish.protection.allowed.iter().map(|allowed| Arc::clone(&allowed.host)).collect()
}

/// `--netbios` is for the consoles that cut names off; where none does, it is a mistake.
fn check_names(args: &TargetArgs, consoles: &Consoles) -> Result<(), CommandError> {
    let cuts = consoles.sessions.iter().any(|session| session.vendor.driver().takes.cut_names);
    if args.netbios && !cuts {
        let text = "every console that is asked keeps names whole, so there is nothing for `--netbios` to do";
        return Err(CommandError::text(ExitCode::Usage, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_console_takes_for_its_id_is_an_id() {
        for (text, id) in [
            ("0a1b2c3d-0000-4000-8000-000000000001", true),
            ("web01", false),
            ("web01.corp.example", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(matches!(any_id(text), IdForm::Id(_)), id, "{text}");
        }
        assert!(matches!(
            any_id("0a1b2c3d-0000-4000-8000-00000000000"),
            IdForm::Damaged(_) | IdForm::DamagedUnlessSaid(..)
        ));
    }
}

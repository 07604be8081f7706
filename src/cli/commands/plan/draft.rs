//! From what was found to the file.

use crate::{
    cli::{args::OutputFormat, context::Context, error::CommandError},
    clock,
    domain::{
        action::{ActionKind, Thing},
        failure::FailureKind,
        outcome::ExitCode,
        selector::{IdForm, Selector, SelectorKind},
    },
    engine::{event::RunHeader, roster::Roster},
    journal::Header,
    plan_file::{self, About, Also, Candidate, Mark, Options, Plan, Reason, State, Target},
};

use super::{act, applied::INDICATOR, fold, hold::macs_of, place::Place};

/// A plan that is to be written.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Where it goes.
    pub(super) place: Place,
    /// What else the command line said.
    pub(super) options: Options,
    /// What every target is, if the command line said so.
    pub(super) by: Option<SelectorKind>,
    /// Whether some targets come from groups, each by its id.
    pub(super) has_crowds: bool,
    /// Whether somebody else has to agree before it is carried out.
    pub(super) wants_approval: bool,
}

/// What a plan is made of.
pub(crate) struct Sheet<'a> {
    /// The action.
    pub(crate) kind: ActionKind,
    /// What is known of the run that would be.
    pub(crate) header: &'a RunHeader,
    /// What its journal would say.
    pub(crate) record: &'a Header,
    /// The console's tenant.
    pub(crate) account: Option<String>,
    /// The part of the console.
    pub(crate) part: Option<String>,
    /// How its ids look.
    pub(crate) id_form: fn(&str) -> IdForm,
    /// The targets.
    pub(crate) roster: &'a Roster,
}

impl Draft {
    /// Writes the plan, and shows it. `tell` shows it in the forms that are read by programs.
    pub(crate) fn write(
        &self,
        sheet: &Sheet<'_>,
        context: &Context,
        tell: impl FnOnce(),
    ) -> Result<ExitCode, CommandError> {
        let plan = self.plan(sheet);
        let (bytes, digest) = plan_file::write(&plan).map_err(|error| CommandError::new(ExitCode::Internal, error))?;
        self.place.fill(&bytes)?;
        if context.ui.output == OutputFormat::Human {
            let text = fold::text(&plan, &digest, sheet.header.console_name, fold::SCREENFUL);
            if let Err(error) = crate::cli::ui::print(text.as_bytes()) {
                // What counts is the file, and it is there.
                context.ui.warn(&format!("the plan could not be shown: {}", error.cause()));
            }
        } else {
            tell();
        }
        let path = self.place.path().display().to_string();
        if self.wants_approval {
            let approve = context.typed(&["approve", &super::as_operand(&path), "--key", "FILE"]);
            context.ui.tell(&format!("somebody else has to agree to it: `{approve}`"));
        }
        let simulate: &[&str] = if sheet.record.simulated { &["--simulate"] } else { &[] };
        let apply = context.typed(&[&["apply", &*super::as_operand(&path)], simulate].concat());
        context.ui.tell(&format!("nothing was sent; `{apply}` carries it out"));
        Ok(if plan.targets.iter().all(Target::is_good) { ExitCode::Success } else { ExitCode::SomeFailed })
    }

    fn plan(&self, sheet: &Sheet<'_>) -> Plan {
        let Sheet { header, record, account, part, roster, .. } = sheet;
        let about = About {
            made: clock::rfc3339(clock::now()),
            user: record.user.clone(),
            uid: super::uid(),
            machine: act::machine(),
            tool: record.tool.clone(),
            action: header.action.to_owned(),
            vendor: header.vendor.to_owned(),
            console: header.console.clone(),
            account: account.clone(),
            part: part.clone(),
            profile: record.profile.clone(),
            simulated: record.simulated,
            comment: record.comment.clone(),
            ticket: record.ticket.clone(),
            options: self.options.clone(),
        };
        Plan { about, targets: (0..roster.len()).filter_map(|n| self.target(sheet, n)).collect() }
    }

    fn target(&self, sheet: &Sheet<'_>, n: u32) -> Option<Target> {
        let roster = sheet.roster;
        let item = roster.item(n)?;
        let detail = roster.detail(n);
        let settled = detail.and_then(|detail| detail.settled.as_ref());
        let reason = settled.and_then(|settled| settled.reason.as_ref());
        let mark = Mark::of(settled.map(|settled| (settled.outcome, reason.map(|reason| reason.kind))));
        let owned = |text: &std::sync::Arc<str>| text.to_string();
        let id = item.host.as_ref().map(ToString::to_string);
        // What no plan may say when it is read must not be written into one.
        let is_host = sheet.kind.lands_on() == Thing::Host;
        let is_id = |id: &str| Selector::parse(id, Some(SelectorKind::Id), sheet.id_form).is_ok();
        let is_odd = is_host && settled.is_none() && !id.as_deref().is_some_and(is_id);
        let odd = is_odd.then(|| Reason {
            code: FailureKind::NotCapable.word().to_owned(),
            text: "its id is none that can be written down: it is too long, or has characters that no id has"
                .to_owned(),
        });
        let mark = if is_odd { Mark::NotCapable } else { mark };
        let before = detail.and_then(|detail| detail.before.as_ref());
        let candidates = detail.map(|detail| detail.candidates.as_slice()).unwrap_or_default();
        let duplicates = detail.map(|detail| detail.duplicates.as_slice()).unwrap_or_default();
        Some(Target {
            target: owned(&item.written),
            by: self.by(sheet, n).to_owned(),
            file: roster.file(n).map(owned),
            line: item.line,
            mark,
            id,
            name: detail.and_then(|detail| detail.name.as_ref()).map(owned),
            macs: macs_of(detail),
            state: before.map(|state| state.word.to_string()),
            means: before.map(|state| State::of(state.isolation)),
            last_seen: detail.and_then(|detail| detail.last_seen.as_ref()).map(owned),
            reason: reason
                .map(|reason| Reason { code: reason.kind.word().to_owned(), text: reason.text.clone() })
                .or(odd),
            note: detail.and_then(|detail| detail.note.as_ref()).map(owned),
            candidates: candidates
                .iter()
                .map(|candidate| Candidate {
                    id: candidate.id.to_string(),
                    name: candidate.name.as_deref().map(str::to_owned),
                    last_seen: candidate.last_seen.as_deref().map(str::to_owned),
                })
                .collect(),
            duplicates: duplicates
                .iter()
                .map(|also| Also { target: owned(&also.target), file: also.file.as_ref().map(owned), line: also.line })
                .collect(),
        })
    }

    /// What a target was read as: whoever carries the plan out reads it so again.
    fn by(&self, sheet: &Sheet<'_>, n: u32) -> &'static str {
        if sheet.kind.lands_on() == Thing::Indicator {
            return INDICATOR;
        }
        let Some(item) = sheet.roster.item(n) else { return SelectorKind::Id.word() };
        let read = |by| Selector::parse(&item.written, by, sheet.id_form).ok();
        let may_be_id = self.has_crowds || matches!(self.by, None | Some(SelectorKind::Id));
        let is_id = read(Some(SelectorKind::Id)).is_some_and(|selector| match selector.named() {
            crate::domain::selector::Named::Id(id) => {
                item.host.as_ref().is_some_and(|host| host.as_str().eq_ignore_ascii_case(id))
            }
            _ => false,
        });
        if may_be_id && is_id {
            return SelectorKind::Id.word();
        }
        read(self.by).map_or(SelectorKind::Id, |selector| selector.kind()).word()
    }
}

//! A plan that is carried out: read, checked, as targets. Whatever its digest says, every word of it is a stranger's.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{blocklist::Wanted, session::Session};
use crate::{
    cli::{args, error::CommandError, protection, select::Selected},
    clock,
    config::Loaded,
    domain::{
        action::{ActionKind, Thing},
        duration::format,
        host::HostId,
        outcome::ExitCode,
        selector::{Entry, Named, Selector, SelectorKind},
        vetting::{WIDEST_V4, WIDEST_V6},
    },
    engine::event::Duplicate,
    journal::{Header, PlanNote},
    plan_file::{self, Plan, PlanError, Target, signature::Approval},
    reporters::clean::clean,
    simulator::{Fleet, Wanted as WantedHost},
    vendors::VendorName,
};
use jiff::Timestamp;

/// How an indicator is read.
pub(super) const INDICATOR: &str = "indicator";

/// A plan of a million targets comes to a third of this.
const MOST_BYTES: u64 = 1 << 30;

/// So much two clocks may differ before a plan is from the future.
const SKEW: Duration = Duration::from_secs(60);

/// A plan that is carried out.
#[derive(Debug)]
pub(crate) struct Applied {
    /// The plan.
    pub(super) plan: Plan,
    /// Its digest.
    pub(super) digest: String,
    /// Its file.
    pub(super) path: PathBuf,
    /// The file's content, which is what somebody may have signed.
    pub(super) bytes: Vec<u8>,
    /// What is done.
    pub(super) kind: ActionKind,
    /// Where.
    pub(super) vendor: VendorName,
    /// When it was made.
    pub(super) made: Timestamp,
    /// The keys of those of whom one has to have agreed.
    pub(super) approve_with: Option<PathBuf>,
    /// How old it may be; looked at again when it has been agreed to.
    pub(super) max_age: Duration,
    /// Who has agreed.
    pub(super) approval: Option<Approval>,
}

fn refused(text: impl std::fmt::Display) -> CommandError {
    CommandError::text(ExitCode::Refused, text)
}

impl Applied {
    /// Reads a plan, unless it was edited or says what no plan says.
    pub(super) fn read(path: &Path, max_age: Duration) -> Result<Self, CommandError> {
        let shown = path.display().to_string();
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
        read.map_err(|error: io::Error| {
            CommandError::new(ExitCode::Usage, error).context(format!("read the plan `{shown}`"))
        })?;
        let (plan, digest) = plan_file::read(&bytes).map_err(|error: PlanError| {
            CommandError::new(ExitCode::Refused, error)
                .context(format!("`{shown}` is not carried out; nothing was sent"))
                .hint("`edrctl plan` makes a new one")
        })?;
        let odd = |what: &str| refused(format!("`{shown}` was edited: {what}; nothing was sent"));
        let about = &plan.about;
        let kind = ActionKind::from_word(&about.action).filter(|kind| *kind != ActionKind::Task);
        let kind = kind.ok_or_else(|| odd("there is no plan for what it wants to be done"))?;
        let vendor = VendorName::from_word(&about.vendor)
            .filter(|vendor| VendorName::that_act_on(kind.lands_on()).any(|known| known == *vendor))
            .ok_or_else(|| odd("its console is none that this is done at"))?;
        let made = about.made.parse::<Timestamp>().map_err(|_| odd("nobody knows when it was made"))?;
        let applied = Self {
            plan,
            digest,
            path: path.to_owned(),
            bytes,
            kind,
            vendor,
            made,
            approve_with: None,
            max_age,
            approval: None,
        };
        match applied.oddity() {
            Some(what) => Err(odd(what)),
            None => Ok(applied),
        }
    }

    /// What is in it that no plan of ours would have. The words of the command line are read as the command line's are.
    fn oddity(&self) -> Option<&'static str> {
        let about = &self.plan.about;
        let options = &about.options;
        let texts = [&about.comment, &about.ticket, &options.allow_reason];
        if texts.into_iter().flatten().any(|text| args::line_of_text(text).is_err()) {
            return Some("its comment, ticket or reason is no line of text");
        }
        if options.product.as_deref().is_some_and(|product| args::product(product).is_err()) {
            return Some("its product is none");
        }
        if options.allow_protected.iter().any(|host| protection::one_host(host).is_err())
            || options.allow_protected.is_empty() != options.allow_reason.is_none()
        {
            return Some("what it allows is no host, or has no reason");
        }
        let lasts = options.lasts.map(Duration::from_secs);
        if lasts.is_some_and(|lasts| lasts.is_zero() || lasts > args::MOST_LASTING) || options.max_targets == Some(0) {
            return Some("it lasts longer than anything does, or is for no target");
        }
        let wide = |prefix: Option<u8>, widest: u8, narrowest: u8| {
            prefix.is_some_and(|prefix| !(widest..=narrowest).contains(&prefix))
        };
        if wide(options.max_prefix, WIDEST_V4, 32) || wide(options.max_prefix6, WIDEST_V6, 128) {
            return Some("its networks are wider than any may be");
        }
        let mut ids: HashSet<HostId> = HashSet::new();
        for target in self.acted() {
            let Some(id) = target.id.as_deref() else { return Some("a target is acted on, and has no id") };
            if !ids.insert(HostId::new(id)) {
                return Some("two targets that are acted on are one");
            }
            let fine = match self.kind.lands_on() {
                Thing::Host => self.selector(target).is_some() && self.is_id(id),
                Thing::Indicator => self.wanted_of(target).is_some(),
            };
            if !fine {
                return Some("a target is not written as targets are, or its id is none");
            }
        }
        None
    }

    /// The targets that the plan has something to say for.
    pub(super) fn acted(&self) -> impl Iterator<Item = &Target> {
        self.plan.targets.iter().filter(|target| target.is_good())
    }

    fn is_id(&self, id: &str) -> bool {
        Selector::parse(id, Some(SelectorKind::Id), self.vendor.id_form()).is_ok()
    }

    fn selector(&self, target: &Target) -> Option<Selector> {
        let by = SelectorKind::from_word(&target.by)?;
        let selector = Selector::parse(&target.target, Some(by), self.vendor.id_form()).ok()?;
        (selector.kind() == by).then_some(selector)
    }

    fn wanted_of(&self, target: &Target) -> Option<Wanted> {
        let wanted = Wanted {
            file: target.file.as_deref().map(Into::into),
            line: target.line,
            duplicates: duplicates(target),
            ..Wanted::of_text(&target.target)
        };
        let same = wanted.found.as_ref().is_ok_and(|found| Some(found.canonical().as_str()) == target.id.as_deref());
        (same && target.by == INDICATOR).then_some(wanted)
    }

    /// Refuses a plan that is too old, or not made yet.
    pub(crate) fn check_age(&self) -> Result<(), CommandError> {
        let (most, now) = (self.max_age, clock::now());
        let path = self.path.display();
        let age = Duration::try_from(now.duration_since(self.made)).ok();
        let ahead = Duration::try_from(self.made.duration_since(now)).ok();
        match (age, ahead) {
            (_, Some(ahead)) if ahead > SKEW => Err(refused(format!(
                "`{path}` is from the future: it was made at {}, in {}; nothing was sent",
                clock::rfc3339(self.made),
                format(ahead)
            ))
            .hint("the clock of the machine that made it, or of this one, is wrong")),
            (Some(age), _) if age > most => Err(refused(format!(
                "`{path}` is {} old, and `--max-age` allows {}; nothing was sent",
                format(age),
                format(most)
            ))
            .hint("make a new one with `edrctl plan`: what was true then need not be true now")),
            _ => Ok(()),
        }
    }

    /// The hosts that something is to be said of, as if they had been read; behind them the further lines that named the same, because each
    /// may lead elsewhere by now. A rehearsal's hosts are made of the first lines alone.
    pub(crate) fn selected(&self, rehearsal: bool) -> Result<Selected, CommandError> {
        let mut files: Vec<Option<Arc<str>>> = Vec::new();
        let mut entries = Vec::new();
        let mut add = |selector: Selector, file: Option<&str>, line: u32| -> Result<(), CommandError> {
            let place = files.iter().rposition(|known| known.as_deref() == file).unwrap_or_else(|| {
                files.push(file.map(Into::into));
                files.len() - 1
            });
            let file =
                u16::try_from(place).map_err(|_| refused("the plan was made of more files than can be kept apart"))?;
            entries.push(Entry { selector, file, line });
            Ok(())
        };
        let mut first: Vec<(&Target, Selector)> = Vec::new();
        for target in self.acted() {
            let Some(selector) = self.selector(target) else { continue };
            add(selector.clone(), target.file.as_deref(), target.line)?;
            first.push((target, selector));
        }
        for (target, own) in first.iter().filter(|_| !rehearsal) {
            for also in &target.duplicates {
                // What it is may have been said by `--by`: then it is of the first line's kind.
                let parse = |by| Selector::parse(&also.target, by, self.vendor.id_form()).ok();
                let selector =
                    parse(None).or_else(|| parse(Some(own.kind()))).filter(|selector| selector.named() != own.named());
                if let Some(selector) = selector {
                    add(selector, also.file.as_deref(), also.line)?;
                }
            }
        }
        Ok(Selected::known(entries, files))
    }

    /// The same for indicators.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        self.acted().filter_map(|target| self.wanted_of(target)).collect()
    }

    /// A simulated fleet of the plan's hosts, as they stood.
    pub(crate) fn fleet(&self) -> Result<Fleet, CommandError> {
        let wanted = self.acted().map(|target| {
            let selector = self.selector(target);
            let named = selector.as_ref().map(Selector::named);
            WantedHost {
                id: target.id.as_deref(),
                name: target.name.as_deref(),
                ip: if let Some(Named::Ip(ip)) = named { Some(ip) } else { None },
                mac: if let Some(Named::Mac(mac)) = named { Some(mac) } else { None },
                isolated: (self.kind == ActionKind::Isolate) == (target.mark == plan_file::Mark::Already),
            }
        });
        Fleet::of_targets(wanted).map_err(|error| {
            CommandError::new(ExitCode::Usage, error).context("make the simulated fleet from the plan")
        })
    }

    /// Refuses another console, tenant, part or profile than that of the plan.
    pub(crate) fn check_console(&self, session: &Session, loaded: &Loaded) -> Result<(), CommandError> {
        let about = &self.plan.about;
        if session.simulator.is_some() {
            return Ok(());
        }
        if about.simulated {
            return Err(refused("the plan was made in a rehearsal, of hosts that there are not; nothing was sent")
                .hint("`--simulate` carries it out in one"));
        }
        let profile = |profile: Option<&str>| {
            profile.map_or_else(|| "no profile".to_owned(), |profile| format!("profile `{}`", clean(profile)))
        };
        let (wanted, found) = (about.profile.as_deref(), loaded.profile());
        if wanted != found {
            let text =
                format!("the plan is for {}, and {} was chosen; nothing was sent", profile(wanted), profile(found));
            return Err(refused(text).hint("without `--profile` it is the plan's own"));
        }
        if about.console != session.address {
            return Err(refused(format!(
                "the plan is for the console {}, and the configuration speaks to {}; nothing was sent",
                clean(&about.console),
                clean(&session.address)
            ))
            .hint("choose the plan's own configuration with `--config` or `--profile`"));
        }
        if about.part != session.part {
            let text = |part: &Option<String>| {
                part.as_deref().map_or_else(|| "no part".to_owned(), |part| clean(part).into_owned())
            };
            return Err(refused(format!(
                "the plan is for {} of {}, and the configuration speaks of {}; nothing was sent",
                text(&about.part),
                clean(&session.address),
                text(&session.part)
            )));
        }
        if about.account != session.account {
            return Err(refused(format!(
                "the plan was made with other credentials at {}, which may be those of another tenant; nothing was sent",
                clean(&session.address)
            ))
            .hint("make a new plan with the credentials of now"));
        }
        Ok(())
    }

    /// What is said before the question.
    pub(crate) fn says(&self) -> Vec<String> {
        let about = &self.plan.about;
        let age = Duration::try_from(clock::now().duration_since(self.made)).unwrap_or_default();
        let mut says = vec![format!("as planned {} ago by {} on {}", format(age), about.user, about.machine)];
        if let Some(Approval { name, key }) = &self.approval {
            let name = name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
            says.push(format!("approved by {name}{key}"));
        }
        says.extend(about.options.allow_protected.iter().map(|host| {
            let reason = about.options.allow_reason.as_deref().unwrap_or_default();
            format!("allowed although it is protected: {host}, because {reason}")
        }));
        says
    }

    /// What the journal keeps of it.
    pub(crate) fn record(&self, header: &mut Header) {
        let about = &self.plan.about;
        let note = PlanNote {
            digest: self.digest.clone(),
            made: about.made.clone(),
            user: about.user.clone(),
            machine: about.machine.clone(),
            approved: self.approval.as_ref().map(|approval| (approval.name.clone(), approval.key.clone())),
        };
        note.keep(header);
    }
}

/// Further lines that named the same.
pub(super) fn duplicates(target: &Target) -> Vec<Duplicate> {
    let also = |also: &plan_file::Also| Duplicate {
        target: also.target.as_str().into(),
        file: also.file.as_deref().map(Into::into),
        line: also.line,
    };
    target.duplicates.iter().map(also).collect()
}

//! Waves and halts, as every command that changes something takes them: from the command line into the engine and the journal,
//! and out of it again.

use std::{collections::BTreeMap, num::NonZeroU64, sync::Arc, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::between::{ByAsking, ByCommand};
use crate::{
    cli::{
        args::{ConsentArgs, duration, line_of_text},
        context::Context,
        error::CommandError,
    },
    domain::{duration::format, outcome::ExitCode},
    engine::{
        event::RunHeader,
        halt::{HaltAt, HaltHow, HaltRule},
        rollout::{Gate, Rollout},
        roster::Roster,
        waves::Waves,
    },
    journal::Replay,
    reporters::words,
};

/// Where the journal keeps the waves, and when the run halts. Not to be taken for `wave`, which is what a console has room for.
const WAVES: &str = "waves";
const HALT: &str = "halt";

/// How long proof is waited for in waves, unless the command line says otherwise.
const WAIT: Duration = Duration::from_secs(600);

/// How a run is spread over time.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Waves")]
pub(crate) struct RolloutArgs {
    /// Go in waves: after each, so many of the targets that are acted on have had their turn, as numbers or shares, such as
    /// 1,5%,25%,100%; the last takes the rest. A wave begins when every target of the one before is confirmed, so it implies
    /// --wait
    #[arg(long, value_name = "LIST")]
    waves: Option<Waves>,
    /// Wait so long between two waves
    #[arg(long, value_name = "DURATION", requires = "waves", value_parser = duration)]
    wave_pause: Option<Duration>,
    /// Run this with `sh -c` between two waves; unless it ends with exit code 0, the run halts. EDRCTL_WAVE_... variables tell
    /// it where the run stands (docs/waves.md). At a terminal, without this, --wave-pause and --yes, you are asked instead
    #[arg(long, value_name = "CMD", requires = "waves", value_parser = line_of_text)]
    between_waves: Option<String>,
    /// Stop as soon as so many targets, or such a share of those that are acted on, have failed: fail=10, fail=5%. What is under
    /// way is awaited (`,soon`) or given up (`,now`) [default: soon; in waves without this, one failure keeps the next from
    /// beginning]
    #[arg(long, value_name = "fail=N|P%[,soon|,now]")]
    halt: Option<HaltAt>,
    /// The most targets that this run may act on, instead of `max_targets` in `[safety]`
    #[arg(long, value_name = "N", help_heading = "Safety")]
    pub(super) max_targets: Option<NonZeroU64>,
}

/// What was planned of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Planned {
    sizes: Vec<u64>,
    pause: Option<Duration>,
    command: Option<String>,
    halt: Option<HaltRule>,
}

impl RolloutArgs {
    /// All at once, and no more than this.
    pub(super) fn at_most(max_targets: Option<NonZeroU64>) -> Self {
        Self { max_targets, ..Self::default() }
    }

    /// How long proof is waited for: waves do not go without.
    pub(super) fn wait(&self, given: Option<Duration>) -> Option<Duration> {
        given.or_else(|| self.waves.as_ref().map(|_| WAIT))
    }

    /// The first option given that spreads a run over time or stops it on the way.
    pub(super) const fn spread_by(&self) -> Option<&'static str> {
        match self {
            Self { waves: Some(_), .. } => Some("--waves"),
            Self { halt: Some(_), .. } => Some("--halt"),
            _ => None,
        }
    }

    /// Gives each target its wave.
    ///
    /// # Errors
    ///
    /// The waves do not rise with so many targets.
    pub(super) fn plan(&self, roster: &mut Roster) -> Result<Planned, CommandError> {
        let to_act = roster.to_act().count() as u64;
        if let Some(error) = self.waves.as_ref().and_then(|waves| waves.falls(to_act)) {
            let text = format!("`--waves`: {error} (of {to_act}); nothing was sent");
            return Err(CommandError::text(ExitCode::Usage, text));
        }
        Ok(Planned {
            sizes: self.waves.as_ref().map(|waves| waves.assign(roster)).unwrap_or_default(),
            pause: self.wave_pause,
            command: self.between_waves.clone(),
            halt: self.halt.map(|halt| halt.rule(to_act)),
        })
    }
}

impl Planned {
    /// What the question says of it.
    pub(super) fn says(&self) -> Vec<String> {
        self.tell(&format!("in {}", self.waves()), &self.sizes)
    }

    /// The same of a run that is gone on with, of which this is left.
    pub(super) fn says_left(&self, left: &Roster) -> Vec<String> {
        let mut by_wave: BTreeMap<u16, u64> = BTreeMap::new();
        for wave in left.to_act().map(|n| left.wave(n)).filter(|wave| *wave > 0) {
            *by_wave.entry(wave).or_default() += 1;
        }
        let sizes: Vec<u64> = by_wave.into_values().collect();
        if sizes == self.sizes || sizes.is_empty() {
            return self.says();
        }
        let are = if sizes.len() == 1 { "is" } else { "are" };
        self.tell(&format!("{} of {} {are} left", sizes.len(), self.waves()), &sizes)
    }

    fn waves(&self) -> String {
        words::count(self.sizes.len() as u64, "wave", "waves")
    }

    fn tell(&self, waves: &str, sizes: &[u64]) -> Vec<String> {
        let mut says = Vec::new();
        if !self.sizes.is_empty() {
            let sizes: Vec<String> = sizes.iter().map(|size| words::number(*size)).collect();
            let mut text = format!("{waves}: {}", sizes.join(", "));
            if let Some(pause) = self.pause {
                text.push_str(&format!("; {} between two", format(pause)));
            }
            if let Some(command) = &self.command {
                text.push_str(&format!("; between two it runs `{command}`"));
            }
            says.push(text);
        }
        if let Some(HaltRule { failures, how }) = self.halt {
            let rest = match how {
                HaltHow::Soon => "",
                HaltHow::Now => ", and gives up what is under way",
            };
            let failures = words::count(failures, "target has", "targets have");
            says.push(format!("halts as soon as {failures} failed{rest}"));
        }
        says
    }

    /// What the engine makes of it. `asks`: whether there is somebody to ask.
    pub(super) fn rollout(&self, header: &Arc<RunHeader>, asks: bool) -> Rollout {
        let gate: Option<Arc<dyn Gate>> = match &self.command {
            _ if self.sizes.is_empty() => None,
            Some(line) => Some(Arc::new(ByCommand::new(line.clone(), Arc::clone(header)))),
            None if asks && self.pause.is_none() => Some(Arc::new(ByAsking::new(header.action))),
            None => None,
        };
        Rollout { pause: self.pause, gate, halt: self.halt }
    }

    /// Adds what a resumption has to know.
    pub(super) fn keep(&self, options: &mut BTreeMap<String, Value>) {
        if !self.sizes.is_empty() {
            let mut waves = json!({ "sizes": self.sizes });
            if let Some(pause) = self.pause {
                waves["pause_ms"] = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX).into();
            }
            if let Some(command) = &self.command {
                waves["command"] = command.as_str().into();
            }
            options.insert(WAVES.to_owned(), waves);
        }
        if let Some(HaltRule { failures, how }) = self.halt {
            options.insert(HALT.to_owned(), json!({ "failures": failures, "how": how.word() }));
        }
    }

    /// Reads it back.
    pub(super) fn of(replay: &Replay) -> Result<Self, CommandError> {
        let unread = |key: &str| {
            CommandError::text(ExitCode::Journal, format!("the journal's `{key}` is not as this version writes it"))
        };
        let mut planned = Self::default();
        if let Some(waves) = replay.header.options.get(WAVES) {
            let sizes = waves["sizes"].as_array().ok_or_else(|| unread(WAVES))?;
            planned.sizes =
                sizes.iter().map(|size| size.as_u64().ok_or_else(|| unread(WAVES))).collect::<Result<_, _>>()?;
            planned.pause = waves["pause_ms"].as_u64().map(Duration::from_millis);
            planned.command = waves["command"].as_str().map(ToOwned::to_owned);
        }
        if let Some(halt) = replay.header.options.get(HALT) {
            let failures = halt["failures"].as_u64().filter(|failures| *failures > 0);
            let how = halt["how"].as_str().and_then(HaltHow::from_word);
            let (failures, how) = failures.zip(how).ok_or_else(|| unread(HALT))?;
            planned.halt = Some(HaltRule { failures, how });
        }
        Ok(planned)
    }
}

/// Whether a run was spread over time, or had something that stopped it on the way.
pub(super) fn was_spread(replay: &Replay) -> bool {
    [WAVES, HALT].iter().any(|key| replay.header.options.contains_key(*key))
}

/// Whether somebody is asked between two waves: whoever has said yes to all of it is not.
pub(super) const fn asks(consent: ConsentArgs, context: &Context) -> bool {
    context.ui.can_ask() && !consent.yes && consent.expect_count.is_none()
}

//! The command to type next.

use super::words::{duration, things};
use crate::{
    domain::{
        action::{ActionKind, Thing},
        outcome::{Counts, Ending, Outcome},
    },
    engine::event::{RunHeader, SEVERAL},
};

/// What the user typed, as far as the next command has to repeat it.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// Options that every command needs again: `--profile acme`, `--config FILE`, `--state-dir DIR`.
    pub globals: Vec<String>,
    /// Options that say how the target files are read: `--column NAME`, `--by ip`.
    pub reading: Vec<String>,
    /// The target files as typed, `-` for standard input; none where the run was not made from files.
    pub files: Vec<String>,
    /// All that was typed after the program's name.
    pub typed: Vec<String>,
    /// The command's own name, where it is not the action's: it isolates, and puts back with `--restore`.
    pub own_name: Option<&'static str>,
    /// Whether there is no journal of the run: a rule has refused all of it before it began.
    pub keeps_no_journal: bool,
}

impl Invocation {
    /// A command as a shell takes it, with the options that every command needs again.
    pub fn command(&self, words: &[&str]) -> String {
        let globals = self.globals.iter().map(String::as_str);
        let words = std::iter::once("edrctl").chain(words.iter().copied()).chain(globals);
        words.map(quote).collect::<Vec<String>>().join(" ")
    }
}

/// One command to type next, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The whole command, quoted for a shell.
    pub command: String,
    /// What it is good for.
    pub why: String,
}

/// The commands that lead on from where a run ended, the most pressing first; none where nothing is left to do.
pub fn hints(header: &RunHeader, ending: &Ending, counts: &Counts, invocation: &Invocation) -> Vec<Hint> {
    let mut hints = Hints { header, counts, invocation, found: Vec::new() };
    if header.action == STATUS {
        hints.after_status(ending)
    } else if header.dry_run {
        hints.after_dry_run();
    } else {
        hints.after_change(ending)
    }
    if header.simulated && *ending == Ending::Completed {
        hints.push(&hints.check(), "proves the configuration of the real console; changes nothing".to_owned());
    }
    hints.found
}

/// The command that changes nothing and so keeps no journal: there is nothing to resume or to show.
pub(super) const STATUS: &str = "status";

struct Hints<'a> {
    header: &'a RunHeader,
    counts: &'a Counts,
    invocation: &'a Invocation,
    found: Vec<Hint>,
}

impl Hints<'_> {
    /// A run over several consoles proves all of them.
    fn check(&self) -> Vec<&'static str> {
        if self.header.vendor == SEVERAL { vec!["check"] } else { vec!["check", self.header.vendor] }
    }

    fn after_status(&mut self, ending: &Ending) {
        self.check_first(ending);
        if *ending != Ending::Completed {
            self.push_files(STATUS, &[], "asks again, from the beginning".to_owned());
        }
        self.find_hosts();
    }

    fn after_dry_run(&mut self) {
        let planned = self.counts.get(Outcome::NotSent);
        if planned > 0 {
            let why = format!("does it to {}", self.things(planned));
            if self.invocation.typed.is_empty() {
                self.push_files(self.header.action, &[], why);
            } else {
                // A rehearsal in waves, for a time, with allowances must not become a run without them.
                let typed = self.invocation.typed.iter().filter(|word| *word != "--dry-run");
                let words: Vec<String> =
                    std::iter::once("edrctl").chain(typed.map(String::as_str)).map(quote).collect();
                let stdin = self.invocation.files.iter().any(|file| file == "-");
                let why = if stdin { format!("{why}; needs the same standard input") } else { why };
                self.found.push(Hint { command: words.join(" "), why });
            }
        }
        self.find_hosts();
    }

    fn after_change(&mut self, ending: &Ending) {
        let (run, counts) = (self.header.run.as_str(), self.counts);
        self.check_first(ending);
        let accepted = if self.header.waits { 0 } else { counts.get(Outcome::Accepted) };
        let (unconfirmed, in_doubt) = (counts.get(Outcome::Unconfirmed), counts.get(Outcome::InDoubt));
        let wait: &[&str] = match (unconfirmed, accepted) {
            (0, 0) => &[],
            (0, _) => &["--wait"],
            _ => &["--wait=30m"],
        };
        let resume = [&["resume", run], wait].concat();
        if let Some(why) = self.why_resume(ending) {
            self.push(&resume, why);
        } else if in_doubt > 0 {
            self.push(&resume, format!("looks at {} in doubt before anything is sent again", self.things(in_doubt)));
        } else if unconfirmed > 0 {
            self.push(
                &resume,
                format!("waits longer for {} that the console has not confirmed", self.things(unconfirmed)),
            );
        } else if accepted > 0 && self.header.simulated {
            // The simulated hosts are gone with the run, so proof needs a run of its own.
            self.push_files(self.header.action, &["--wait"], "rehearses it with proof".to_owned());
        } else if accepted > 0 {
            self.push(&resume, format!("proves that {} took it", self.things(accepted)));
        }
        if counts.get(Outcome::Failed) + counts.get(Outcome::Refused) > 0 && !self.invocation.keeps_no_journal {
            self.push(&["runs", "show", run], format!("tells every {} and its reason", self.thing().word()));
        }
        self.find_hosts();
        self.take_back();
    }

    /// What stopped the run at the console has to be mended before it can go on.
    fn check_first(&mut self, ending: &Ending) {
        let at_the_console =
            matches!(ending, Ending::CredentialsLost(_) | Ending::CertificateLost(_) | Ending::ConsoleLost(_));
        if at_the_console || matches!(ending, Ending::FolderFailed(_)) {
            self.push(&self.check(), "tells what is wrong; changes nothing".to_owned());
        }
        if matches!(ending, Ending::JournalFailed(_)) && self.header.action != STATUS {
            self.push(&["runs", "verify", self.header.run.as_str()], "proves that the journal is whole".to_owned());
        }
    }

    fn why_resume(&self, ending: &Ending) -> Option<String> {
        let left = match self.counts.get(Outcome::NotSent) + self.counts.get(Outcome::InDoubt) {
            0 => String::new(),
            left => format!(" with {}", self.things(left)),
        };
        Some(match ending {
            Ending::Completed => return None,
            Ending::Interrupted => format!("goes on{left}"),
            Ending::QuotaWait(wait) => format!("goes on{left}, once the quota is back in {}", duration(*wait)),
            Ending::Halted(_) => format!("goes on{left}, once you know why"),
            Ending::TableFull(_) => format!("goes on{left}, once there is room"),
            Ending::FolderFailed(_) => format!("goes on{left}, once the lists can be written"),
            Ending::NoRoom(_) => format!("goes on{left}, once the tasks before them are done"),
            Ending::CredentialsLost(_) | Ending::CertificateLost(_) | Ending::ConsoleLost(_) => {
                format!("goes on{left}, once the console takes requests again")
            }
            Ending::JournalFailed(_) => format!("goes on{left}, once the journal can be written"),
        })
    }

    /// What the action lands on.
    fn thing(&self) -> Thing {
        ActionKind::from_word(self.header.action).map_or(Thing::Host, ActionKind::lands_on)
    }

    fn things(&self, n: u64) -> String {
        things(n, self.header.action)
    }

    fn find_hosts(&mut self) {
        if self.header.vendor != SEVERAL && self.thing() == Thing::Host && self.counts.get(Outcome::Unresolved) > 0 {
            let mut words = vec!["hosts", "--vendor", self.header.vendor];
            words.extend(self.simulate());
            self.push(&words, "lists the hosts that the console knows".to_owned());
        }
    }

    fn take_back(&mut self) {
        let (counts, header) = (self.counts, self.header);
        let done = counts.get(Outcome::Confirmed) + counts.get(Outcome::Accepted);
        if header.action == "block" && !header.simulated && done > 0 {
            let run = header.run.as_str();
            return self.push(&["undo", run], "takes out again what this run has put in".to_owned());
        }
        if header.action == "isolate" && !header.simulated && done > 0 {
            // By the run, and not by its list: what was isolated before it is somebody else's.
            self.push(&["undo", header.run.as_str()], "puts back what this run has isolated".to_owned());
        }
    }

    fn simulate(&self) -> Option<&'static str> {
        self.header.simulated.then_some("--simulate")
    }

    /// A command on the same targets, where they can be named again.
    fn push_files(&mut self, command: &str, options: &[&str], why: String) {
        let invocation = self.invocation;
        // What a task was told is not repeated here: the journal has it, and `resume` goes on with it.
        // The way back from an isolation needs nothing of that.
        let is_task = invocation.own_name == Some("ksc-task");
        if invocation.files.is_empty() || is_task && command != "unisolate" {
            return;
        }
        let mut words = match (self.invocation.own_name.filter(|_| !is_task), command) {
            (Some(own), "isolate") => vec![own],
            (Some(own), "unisolate") => vec![own, "--restore"],
            _ => vec![command, "--vendor", self.header.vendor],
        };
        words.extend(self.simulate());
        words.extend(options);
        words.extend(invocation.reading.iter().map(String::as_str));
        words.extend(invocation.files.iter().map(String::as_str));
        let stdin = invocation.files.iter().any(|file| file == "-");
        self.push(&words, if stdin { format!("{why}; needs the same standard input") } else { why });
    }

    fn push(&mut self, words: &[&str], why: String) {
        self.found.push(Hint { command: self.invocation.command(words), why });
    }
}

/// A word as a shell takes it. One that a terminal must not see is not shown at all.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '%' | '+' | '=' | ',');
    if word.chars().any(super::clean::is_hostile) {
        "FILE".to_owned()
    } else if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;

//! The phrases that several reporters share, so that one thing is told in one way.

use super::{
    clean::clean,
    words::{countdown, duration, number, things},
};
use crate::{
    domain::outcome::{Counts, Ending, Outcome, RunStats},
    engine::event::{NextStep, RunHeader, Throttle},
};

/// What is being done to what: `isolate: 3 hosts, Cisco Secure Endpoint at https://…`.
pub(super) fn subject(header: &RunHeader) -> String {
    let (console, simulated) = (clean(&header.console), if header.simulated { " (simulated)" } else { "" });
    let things = things(header.targets, header.action);
    format!("{}: {things}, {} at {console}{simulated}", header.action, header.console_name)
}

/// The outcomes so far: `2 confirmed, 1 failed`, and what is on its way to one.
pub(super) fn counts(stats: &RunStats) -> Vec<(Option<Outcome>, String)> {
    let settled = stats
        .settled
        .present()
        .map(|(outcome, count)| (Some(outcome), format!("{} {}", number(count), label(outcome))));
    let awaited = (stats.awaiting > 0).then(|| (None, format!("{} awaited", number(stats.awaiting))));
    let under_way = (stats.in_flight > 0).then(|| (None, format!("{} in flight", number(stats.in_flight))));
    settled.chain(awaited).chain(under_way).collect()
}

/// The rest of a run, where it can be told.
pub(super) fn eta(stats: &RunStats) -> Option<String> {
    stats.eta.map(|left| format!("about {} left", countdown(left)))
}

/// Why everything waits.
pub(super) const fn throttle(why: Throttle) -> &'static str {
    match why {
        Throttle::Quota => "for the next window of the console's quota",
        Throttle::Refused => "because the console asked us to slow down",
    }
}

/// What follows a failed attempt.
pub(super) fn next_step(next: NextStep) -> String {
    match next {
        NextStep::Retry(wait) => format!("trying again in {}", duration(wait)),
        NextStep::Look => "asking the console how the host stands".to_owned(),
        NextStep::WaitForConsole => "waiting until the console takes requests again".to_owned(),
    }
}

/// The word for an outcome in a sentence.
pub const fn label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::InDoubt => "in doubt",
        Outcome::NotSent => "not sent",
        other => other.word(),
    }
}

/// What an outcome says where no reason was given.
pub const fn meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Confirmed => "the console reports the state that was asked for",
        Outcome::Already => "it was so before",
        Outcome::Accepted => "the console took the request, and the state has not been read since",
        Outcome::Unconfirmed => "the wait ended before the console reported the state",
        Outcome::Failed => "the console refused or could not",
        Outcome::Unresolved => "no such host, or several",
        Outcome::Refused => "nothing was sent for this host",
        Outcome::InDoubt => "sent, not answered, and a look could not settle it",
        Outcome::NotSent => "the run stopped before it",
    }
}

/// Why a run stopped early; `None` if it did not.
pub fn stopped(ending: &Ending) -> Option<String> {
    Some(match ending {
        Ending::Completed => return None,
        Ending::Interrupted => "interrupted".to_owned(),
        Ending::QuotaWait(wait) => {
            format!("the console's quota would have made it wait {}, longer than allowed", duration(*wait))
        }
        Ending::NoRoom(text) => format!("stopped, so that nothing is pushed out at the console: {}", clean(text)),
        Ending::Halted(text) => format!("halted: {}", clean(text)),
        Ending::TableFull(text) => format!("the console has no room for more: {}", clean(text)),
        Ending::FolderFailed(text) => format!("the lists cannot be written: {}", clean(text)),
        Ending::CredentialsLost(text) => format!("the console refused the credentials: {}", clean(text)),
        Ending::CertificateLost(text) => format!("the console's certificate is not to be trusted: {}", clean(text)),
        Ending::ConsoleLost(text) => format!("the console does not answer as it should: {}", clean(text)),
        Ending::JournalFailed(text) => format!("the journal cannot be written: {}", clean(text)),
    })
}

/// How many targets of a run ended in success.
pub(super) fn tally(counts: &Counts, header: &RunHeader, total: u64) -> String {
    format!("{} of {} succeeded", number(counts.successes(header.waits)), things(total, header.action))
}

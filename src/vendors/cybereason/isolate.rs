//! Isolation: the one request for many sensors, and the word that is answered for each.

use super::{
    answers,
    session::{Draft, USUAL},
    wire,
};
use crate::{
    domain::{
        action::{ActionKind, Target},
        failure::FailureKind,
        id::Ticket,
    },
    http::Response,
    vendors::{Ack, Again, Reply, VendorError},
};

/// The most sensors in one request. The console names no limit.
pub(super) const MOST: usize = 100;

const ISOLATE: &str = "rest/monitor/global/commands/isolate";
const RELEASE: &str = "rest/monitor/global/commands/un-isolate";

/// Builds the request.
pub(super) fn submit(kind: ActionKind, targets: &[Target], malop: Option<&str>) -> Result<Draft, VendorError> {
    let path = match kind {
        ActionKind::Isolate => ISOLATE,
        ActionKind::Unisolate => RELEASE,
        ActionKind::Task => return Err(VendorError::unsupported("run tasks")),
        ActionKind::Block | ActionKind::Unblock => return Err(VendorError::unsupported("block indicators")),
    };
    if targets.is_empty() || targets.len() > MOST {
        let text = format!("one request is for 1 to {MOST} hosts, and not for {}", targets.len());
        return Err(VendorError::new(FailureKind::Internal, text, Again::Never));
    }
    let pylum_ids = targets.iter().map(|target| target.id.as_str()).collect();
    let draft = Draft::ask(path, &wire::Isolation { pylum_ids, malop_id: malop })?;
    Ok(Draft { changes: true, limit: USUAL, ..draft })
}

/// Reads the answer: that the request was answered says nothing of any host.
pub(super) fn judge(targets: &[Target], response: &Response) -> Result<Vec<Reply>, VendorError> {
    let nothing = response.status == 204
        || response.status.is_success() && response.body.trim_ascii().is_empty()
        || response.status == 400 && answers::matches_nothing(response);
    if nothing {
        let number = response.status.as_u16();
        let text = format!("the console says that it has no such sensor, or none that it can reach (HTTP {number})");
        // One answer of that kind has come after a deed: what a look finds then may be ours.
        return Err(VendorError::new(FailureKind::NothingDone, text, Again::InDoubt));
    }
    if response.status == 400 {
        let error = answers::judge_status(response, true);
        // Every further request would be made in the same way.
        let text = format!("{error}; an older console may isolate only for a MalOp: name it with `--malop`");
        return Err(VendorError::stops_run(FailureKind::BadRequest, text));
    }
    let words: wire::Isolated = answers::content(response, true)?;
    let word = |id: &str| {
        let exact = words.get(id);
        let word =
            exact.or_else(|| words.iter().find(|(known, _)| known.eq_ignore_ascii_case(id)).map(|(_, word)| word));
        word.and_then(|word| word.as_str())
    };
    Ok(targets.iter().map(|target| reply(word(target.id.as_str()))).collect())
}

/// What one word means. Only one of them is documented as success; three are documented as under way.
fn reply(word: Option<&str>) -> Reply {
    let Some(word) = word else {
        let text = "the console's answer leaves this host out";
        return Err(VendorError::new(FailureKind::Protocol, text, Again::InDoubt));
    };
    let fail = |kind, text: &str| Err(VendorError::new(kind, format!("{text} (`{word}`)"), Again::Never));
    let doubt = |kind, text: &str| Err(VendorError::new(kind, format!("{text} (`{word}`)"), Again::InDoubt));
    match word {
        "Succeeded" => Ok(Ack::Accepted(Ticket(None))),
        // Taken and under way: a second request would hurry nothing, and only the sensor itself tells the end.
        "Pending" | "Started" | "InProgress" => Ok(Ack::Accepted(Ticket(None))),
        "Failed" | "EndedWithUnknownError" | "Aborted" => {
            fail(FailureKind::TaskFailed, "the console says that the host could not do it")
        }
        "NotSupported" | "InvalidState" => {
            fail(FailureKind::NotCapable, "the console says that this host cannot do it")
        }
        "UnauthorizedUser" => fail(FailureKind::Forbidden, "the user may not do this to this host"),
        "UnknownProbe" | "ProbeRemoved" => fail(FailureKind::NotFound, "the console knows no such sensor"),
        "Disconnected" => fail(
            FailureKind::Offline,
            "the console has lost touch with the host; whether it keeps the request for later is not documented",
        ),
        "FailedSending" | "FailedSendingToServer" => {
            doubt(FailureKind::ManagerUnreachable, "the console could not hand the request on")
        }
        "Timeout" | "TimeoutSending" | "AbortTimeout" | "EndedWithSensorTimeout" => {
            doubt(FailureKind::Timeout, "the host has not answered the console in time")
        }
        "None" | "partialResponse" => {
            doubt(FailureKind::NothingDone, "the console does not say that the request is carried out")
        }
        _ => doubt(FailureKind::Protocol, "the console answered for this host with a word that is not documented"),
    }
}

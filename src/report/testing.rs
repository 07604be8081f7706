//! Stories that the tests of this folder share.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    history::History,
    story::{Origin, Standing, Story},
};
use crate::{
    domain::{
        failure::{Failure, FailureKind},
        host::HostId,
        id::RunId,
        outcome::{Counts, Ending, Outcome},
    },
    engine::event::{Candidate, RunHeader, TargetResult},
    journal::{
        Account, Answer, By, End, Header, How, Intent, Interrupted, Line, Record, Reply, Resumed, Settled, Settlement,
        TargetRecord, TargetReplay, Targets, Verified, Witness as _, replay,
    },
    reporters::hints::Invocation,
};

pub(super) const RUN: &str = "20261122-031502-k3f9q2";

pub(super) fn at(millis: i64) -> Timestamp {
    "2026-11-22T03:15:02Z".parse::<Timestamp>().unwrap() + Duration::from_millis(millis.unsigned_abs())
}

/// The texts that come from outside.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub(super) target: String,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) reason: String,
    pub(super) state: String,
    pub(super) comment: String,
    pub(super) user: String,
    pub(super) console: String,
    pub(super) option: String,
    pub(super) ending: String,
}

impl Texts {
    /// The same text everywhere.
    pub(super) fn all(text: &str) -> Self {
        let text = || text.to_owned();
        Self {
            target: text(),
            name: text(),
            id: text(),
            reason: text(),
            state: text(),
            comment: text(),
            user: text(),
            console: text(),
            option: text(),
            ending: text(),
        }
    }

    /// Any texts, with those that attack among them.
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let attacks = [
            "</script><script>alert(1)</script>",
            "</style><img src=x onerror=alert(1)>",
            "\"><svg/onload=alert(1)>",
            "' onmouseover='alert(1)",
            "<!--",
            "]]>",
            "&lt;&amp;&#x3c;script&#x3e;",
            "</td></tr></tbody></table>",
            "`` `<b>` ``",
            "| a | b |\n|---|---|",
            "[x](javascript:alert(1))",
            "=HYPERLINK(\"http://x\")",
            "\u{202e}gnp.exe\u{2028}\0\u{1b}[2J",
            "",
        ];
        let text = || prop_oneof![any::<String>(), proptest::sample::select(attacks.to_vec()).prop_map(str::to_owned)];
        let five = (text(), text(), text(), text(), text());
        (five, (text(), text(), text(), text(), text())).prop_map(|(first, second)| Self {
            target: first.0,
            name: first.1,
            id: first.2,
            reason: first.3,
            state: first.4,
            comment: second.0,
            user: second.1,
            console: second.2,
            option: second.3,
            ending: second.4,
        })
    }
}

/// A run with a target of each outcome, and everything that a journal can tell of it.
pub(super) fn story(texts: &Texts) -> Story {
    let header = header(texts, "isolate");
    story_of(header, lines(texts), Standing::Ended(Ending::ConsoleLost(texts.ending.clone())))
}

pub(super) fn header(texts: &Texts, action: &'static str) -> RunHeader {
    RunHeader {
        run: RunId::parse(RUN).unwrap(),
        vendor: "cisco",
        console_name: "Cisco Secure Endpoint",
        console: texts.console.clone(),
        action,
        waits: true,
        simulated: true,
        resumed: false,
        dry_run: false,
        targets: 9,
        started: at(0),
    }
}

/// Tells these records.
pub(super) fn story_of(header: RunHeader, records: Vec<(i64, Record)>, standing: Standing) -> Story {
    let lines: Vec<Line> =
        (1..).zip(records).map(|(number, (millis, record))| Line { number, at: at(millis), record }).collect();
    let mut history = History::default();
    let mut so_far = Vec::new();
    for line in &lines {
        so_far.push(line.clone());
        history.hear(line);
        // A plan that is not whole yet is no run; nothing is asked of it before it is.
        if let Ok(replay) = replay(so_far.iter().cloned()) {
            history.see(&replay);
        }
    }
    let replay = replay(lines).unwrap();
    let verified = Verified { lines: replay.lines, torn: false, ended: replay.ended, sealed: true };
    Story::new(Origin {
        account: Account { replay, verified, digest: "ab".repeat(32) },
        history,
        header,
        standing,
        result_of,
        invocation: Invocation::default(),
    })
}

/// As the command line does it, but for what no test asks for.
fn result_of(target: &TargetReplay, _: &crate::journal::Replay) -> TargetResult {
    let record = &target.record;
    let settled = target.settled();
    let candidates = record.candidates.iter().map(|candidate| Candidate {
        vendor: None,
        id: HostId::new(Arc::clone(&candidate.id)),
        name: candidate.name.clone(),
        last_seen: candidate.last_seen.clone(),
        product: None,
        state: None,
    });
    TargetResult {
        vendor: None,
        n: record.n,
        target: Arc::clone(&record.t),
        file: record.f.clone(),
        line: record.l,
        host: record.id.as_ref().map(|id| HostId::new(Arc::clone(id))),
        name: record.name.clone(),
        outcome: target.outcome(),
        state: settled.and_then(|settled| settled.state.clone()),
        last_seen: None,
        attempts: target.attempts,
        ticket: None,
        reason: settled
            .and_then(Settlement::failure)
            .or_else(|| Some(Failure::new(FailureKind::Stopped, "the run stopped before this host"))),
        candidates: candidates.collect(),
        duplicates: Vec::new(),
        note: record.note.clone(),
        wave: None,
        started: at(0),
        finished: settled.and_then(|settled| settled.finished).unwrap_or(at(0)),
    }
}

pub(super) fn run_record(texts: &Texts, targets: u64) -> Record {
    Record::Run(Box::new(Header {
        consoles: std::collections::BTreeMap::new(),
        run: RunId::parse(RUN).unwrap(),
        tool: "edrctl 0.1.0".to_owned(),
        action: "isolate".to_owned(),
        vendor: "cisco".to_owned(),
        console: texts.console.clone(),
        profile: Some(texts.option.clone()),
        user: texts.user.clone(),
        host: texts.user.clone(),
        pid: 1,
        comment: Some(texts.comment.clone()),
        ticket: Some(texts.comment.clone()),
        waits: Some(60),
        simulated: true,
        options: [(texts.option.clone(), texts.option.clone().into())].into(),
        turn: None,
        targets,
    }))
}

pub(super) fn target(n: u32, texts: &Texts) -> TargetRecord {
    TargetRecord {
        v: None,
        n,
        t: texts.target.as_str().into(),
        f: Some(texts.target.as_str().into()),
        l: n + 1,
        id: Some(texts.id.as_str().into()),
        name: Some(texts.name.as_str().into()),
        before: None,
        dup: Box::default(),
        candidates: [crate::journal::CandidateRecord {
            vendor: None,
            id: texts.id.as_str().into(),
            name: Some(texts.name.as_str().into()),
            last_seen: Some(texts.state.as_str().into()),
            product: None,
            state: None,
        }]
        .into(),
        settled: None,
        note: Some(texts.reason.as_str().into()),
        w: 0,
    }
}

pub(super) fn ended(outcome: Outcome, texts: &Texts) -> Settlement {
    let settlement = Settlement { state: Some(texts.state.as_str().into()), ..Settlement::new(outcome, By::Answer) };
    if outcome.is_success(true) {
        settlement
    } else {
        settlement.because(&Failure::new(FailureKind::ServerError, texts.reason.as_str()))
    }
}

fn lines(texts: &Texts) -> Vec<(i64, Record)> {
    let list = (0..9).map(|n| target(n, texts)).collect();
    let mut records = vec![(0, run_record(texts, 9)), (1, Record::Targets(Targets { list }))];
    records.push((2, Record::Intent(Intent { batch: 0, attempt: 1, targets: (0..9).collect() })));
    let throttled = Failure::new(FailureKind::Throttled, texts.reason.as_str());
    let replies = (0..9).map(|n| Reply::again(n, &throttled)).collect();
    records.push((3, Record::Answer(Answer { batch: 0, request_id: None, took_ms: 1, replies })));
    records.push((4, Record::Interrupted(Interrupted { how: How::Drain })));
    let resumed = Resumed { user: texts.user.clone(), host: texts.user.clone(), pid: 2, waits: None, turn: None };
    records.push((5, Record::Resumed(resumed)));
    for (n, outcome) in (0..).zip(Outcome::ALL) {
        records.push((6 + i64::from(n), Record::Settled(Settled { n, result: ended(outcome, texts) })));
    }
    let end =
        End { ending: texts.ending.clone(), text: Some(texts.ending.clone()), counts: Counts::default(), exit: 7 };
    records.push((60_000, Record::End(end)));
    records
}

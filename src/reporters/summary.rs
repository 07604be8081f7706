//! The closing table: counts by outcome, failures by reason, what it took, and the command to type next.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{
    Reporter,
    groups::Groups,
    hints::{Invocation, hints},
    paint::{self, FAINT, STRONG, WARN, paint},
    phrases,
    timeline::Waited,
    words::{count, duration, number, pad},
};
use crate::{
    domain::outcome::Ending,
    engine::event::{RunEvent, RunEventKind, RunHeader},
};

/// Groups of failures that are shown.
const SHOWN: usize = 10;
/// The columns of a count: a million with its commas.
const COUNT: usize = 9;
/// The columns of the longest outcome.
const WORD: usize = 11;

/// Tells at the end of a run what came of it.
#[derive(Debug)]
pub struct Summary<W> {
    out: W,
    colour: bool,
    invocation: Invocation,
    header: Option<Arc<RunHeader>>,
    groups: Groups,
    waited: Waited,
}

impl<W: Write + Send> Summary<W> {
    /// Makes one that writes to `out`; `invocation` is what the next command has to repeat.
    pub fn new(out: W, colour: bool, invocation: Invocation) -> Self {
        Self { out, colour, invocation, header: None, groups: Groups::default(), waited: Waited::default() }
    }

    fn text(&self, header: &RunHeader, ending: &Ending, event: &RunEvent) -> String {
        let stats = &event.stats;
        let mut lines = vec![String::new(), paint(&phrases::subject(header), STRONG, self.colour)];
        for (outcome, number_of) in stats.settled.present() {
            let label = paint(phrases::label(outcome), paint::outcome(outcome), self.colour);
            lines.push(format!("  {:>COUNT$}  {label}", number(number_of)));
        }
        if stats.settled.total() == 0 {
            lines.push(format!("  {:>COUNT$}  hosts: nothing was done", 0));
        }
        lines.extend(self.reasons());
        if let Some(why) = phrases::stopped(ending) {
            lines.push(paint(&format!("stopped early: {why}"), WARN, self.colour));
        }
        lines.push(self.cost(header, event));
        if header.simulated {
            let text = "rehearsal: the console was simulated, no real host was touched";
            lines.push(paint(text, STRONG, self.colour));
        }
        lines.extend(self.next(header, ending, event));
        lines.push(String::new());
        lines.join("\n")
    }

    fn reasons(&self) -> Vec<String> {
        let groups = self.groups.biggest();
        let mut lines = Vec::new();
        if !groups.is_empty() {
            lines.push("not succeeded, by reason:".to_owned());
        }
        for group in groups.iter().take(SHOWN) {
            let label = pad(phrases::label(group.outcome), WORD);
            let label = paint(&label, paint::outcome(group.outcome), self.colour);
            lines.push(format!("  {:>COUNT$}  {label}  {}", number(group.count), group.text));
            let shown = u64::try_from(group.examples.len()).unwrap_or(u64::MAX);
            let more = match group.count.saturating_sub(shown) {
                0 => String::new(),
                more => format!(" and {} more", number(more)),
            };
            let examples = format!("{:indent$}{}{more}", "", group.examples.join(", "), indent = COUNT + WORD + 6);
            lines.push(paint(&examples, FAINT, self.colour));
        }
        if groups.len() > SHOWN {
            let (rest, of) = (groups.iter().skip(SHOWN), groups.len() - SHOWN);
            let hidden: u64 = rest.map(|group| group.count).sum();
            let reasons = count(u64::try_from(of).unwrap_or(u64::MAX), "more reason", "more reasons");
            lines.push(format!("  {:>COUNT$}  for {reasons}", number(hidden)));
        }
        lines
    }

    fn cost(&self, header: &RunHeader, event: &RunEvent) -> String {
        let mut parts = vec![
            phrases::tally(&event.stats.settled, event.stats.total, header.waits),
            format!("took {}", duration(event.elapsed)),
            count(event.stats.requests, "request", "requests"),
        ];
        if !self.waited.total().is_zero() {
            parts.push(format!("{} of it waiting for the console's quota", duration(self.waited.total())));
        }
        parts.push(format!("run {}", header.run));
        parts.join(", ")
    }

    fn next(&self, header: &RunHeader, ending: &Ending, event: &RunEvent) -> Vec<String> {
        let hints = hints(header, ending, &event.stats.settled, &self.invocation);
        let line = |hint: &super::hints::Hint| {
            // The words behind `#` may be pasted along: a shell takes them for a comment.
            let why = paint(&format!("# {}", hint.why), FAINT, self.colour);
            format!("{} {}  {why}", paint("next:", STRONG, self.colour), hint.command)
        };
        hints.iter().map(line).collect()
    }
}

impl<W: Write + Send> Reporter for Summary<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.waited.hear(event);
        match (&event.kind, &self.header) {
            (RunEventKind::RunStarted(header), _) => self.header = Some(Arc::clone(header)),
            (RunEventKind::TargetSettled(result), Some(header)) if !result.outcome.is_success(header.waits) => {
                self.groups.add(result);
            }
            (RunEventKind::RunFinished(ending), Some(header)) => {
                let text = self.text(header, ending, event);
                self.out.write_all(text.as_bytes())?;
                self.out.flush()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use insta::assert_snapshot;

    use super::*;
    use crate::{
        domain::{failure::FailureKind, outcome::Outcome},
        engine::event::Throttle,
        reporters::testing::{Script, Shared, bad_day, failed, header, play, result},
    };

    fn files() -> Invocation {
        Invocation { files: vec!["hosts.txt".into()], ..Invocation::default() }
    }

    fn told(script: Script, ending: Ending) -> String {
        let out = Shared::default();
        play(&mut Summary::new(out.clone(), false, files()), &script.finish(ending));
        out.text()
    }

    #[test]
    fn a_good_run_is_told_in_a_few_lines() {
        let mut script = Script::new(RunHeader { targets: 1, ..header() });
        script.at(412);
        script.settle(result("web01", Outcome::Confirmed));
        assert_snapshot!(told(script, Ending::Completed), @r"
        isolate: 1 host, Cisco Secure Endpoint at https://api.amp.cisco.com
                  1  confirmed
        1 of 1 host succeeded, took 0.4 s, 1 request, run 20261122-031502-k3f9q2
        next: edrctl unisolate --vendor cisco hosts.txt  # puts them back
        ");
    }

    #[test]
    fn a_bad_day_groups_failures_and_says_what_it_waited_for() {
        let mut script = Script::new(RunHeader { targets: 1_007, ..header() });
        script.stats.settled.add_many(Outcome::Confirmed, 1_000);
        script.stats.requests = 1_043;
        script.at(60_000);
        script.throttle(123, Throttle::Quota);
        script.at(250_000);
        for result in bad_day().into_iter().skip(2) {
            script.settle(result);
        }
        for host in 10..16 {
            let name = format!("app{host}");
            let text = format!("{name}: HTTP 503, request 8f3a9b2c{host}");
            script.settle(failed(&name, Outcome::Failed, FailureKind::ServerError, &text));
        }
        let text = told(script, Ending::Completed);
        assert!(!text.chars().any(|c| c != '\n' && super::super::clean::is_hostile(c)), "{text:?}");
        assert_snapshot!(text, @r#"
        isolate: 1,007 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com
              1,000  confirmed
                  7  failed
                  1  unresolved
        not succeeded, by reason:
                  6  failed       …: HTTP 503, request …
                                  app10, app11, app12, app13, app14 and 1 more
                  1  unresolved   2 hosts are named so
                                  db01
                  1  failed       the console said: "no\u{7}", HTTP 403
                                  端末01
        1,000 of 1,007 hosts succeeded, took 4 min 10 s, 1,050 requests, 2 min 3 s of it waiting for the console's quota, run 20261122-031502-k3f9q2
        next: edrctl runs show 20261122-031502-k3f9q2  # tells every host and its reason
        next: edrctl hosts --vendor cisco  # lists the hosts that the console knows
        next: edrctl unisolate --vendor cisco hosts.txt  # puts them back
        "#);
    }

    #[test]
    fn a_run_that_stopped_says_why_and_how_to_go_on() {
        let mut script = Script::new(RunHeader { targets: 1_000_000, ..header() });
        script.stats.settled.add_many(Outcome::Confirmed, 2_990);
        script.stats.settled.add_many(Outcome::NotSent, 997_009);
        script.at(3_000_000);
        script.settle(failed("web01", Outcome::NotSent, FailureKind::Stopped, "the run stopped before it"));
        assert_snapshot!(told(script, Ending::QuotaWait(Duration::from_secs(3_000))), @r"
        isolate: 1,000,000 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com
              2,990  confirmed
            997,010  not sent
        not succeeded, by reason:
                  1  not sent     the run stopped before it
                                  web01
        stopped early: the console's quota would have made it wait 50 min, longer than allowed
        2,990 of 1,000,000 hosts succeeded, took 50 min, 1 request, run 20261122-031502-k3f9q2
        next: edrctl resume 20261122-031502-k3f9q2  # goes on with 997,010 hosts, once the quota is back in 50 min
        next: edrctl unisolate --vendor cisco hosts.txt  # puts them back
        ");
    }

    #[test]
    fn only_the_ten_biggest_groups_are_shown_and_the_rest_is_counted() {
        let mut script = Script::new(RunHeader { targets: 25, ..header() });
        for reason in 'a'..='l' {
            for _ in 0..if reason < 'k' { 2 } else { 1 } {
                script.settle(failed("web01", Outcome::Failed, FailureKind::ServerError, &format!("reason {reason}")));
            }
        }
        let text = told(script, Ending::Completed);
        assert!(text.contains("reason j") && !text.contains("reason k"), "{text}");
        assert!(text.contains("          2  for 2 more reasons\n"), "{text}");
    }

    #[test]
    fn a_rehearsal_says_that_no_real_host_was_touched() {
        let mut script = Script::new(RunHeader { simulated: true, waits: true, targets: 2, ..header() });
        script.settle(result("web01", Outcome::Confirmed));
        script.settle(result("web02", Outcome::Confirmed));
        assert_snapshot!(told(script, Ending::Completed), @r"
        isolate: 2 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com (simulated)
                  2  confirmed
        2 of 2 hosts succeeded, took 0 s, 2 requests, run 20261122-031502-k3f9q2
        rehearsal: the console was simulated, no real host was touched
        next: edrctl check cisco  # proves the configuration of the real console; changes nothing
        ");
    }

    #[test]
    fn a_run_without_hosts_has_an_end_as_well() {
        assert_snapshot!(told(Script::new(RunHeader { targets: 0, ..header() }), Ending::Completed), @r"
        isolate: 0 hosts, Cisco Secure Endpoint at https://api.amp.cisco.com
                  0  hosts: nothing was done
        0 of 0 hosts succeeded, took 0 s, 0 requests, run 20261122-031502-k3f9q2
        ");
    }

    #[test]
    fn colour_is_added_only_where_it_is_wanted() {
        let mut script = Script::new(RunHeader { targets: 1, ..header() });
        script.settle(failed("web01", Outcome::Failed, FailureKind::NotFound, "no such host"));
        let events = script.finish(Ending::Completed);
        let out = Shared::default();
        play(&mut Summary::new(out.clone(), true, files()), &events);
        assert!(out.text().contains("\u{1b}[31mfailed\u{1b}[0m"), "{:?}", out.text());
    }
}

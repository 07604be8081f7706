use indicatif::{InMemoryTerm, ProgressDrawTarget};
use insta::assert_snapshot;

use super::*;
use crate::{
    domain::outcome::{Ending, Outcome},
    reporters::testing::{Script, header, play},
};

fn on_screen(columns: u16, colour: bool) -> (Progress, InMemoryTerm) {
    let term = InMemoryTerm::new(10, columns);
    let screen = Screen::new(ProgressDrawTarget::term_like(Box::new(term.clone())));
    (Progress::new(screen, move || usize::from(columns), colour), term)
}

fn busy() -> Script {
    let mut script = Script::new(RunHeader { targets: 1_000, ..header() });
    script.stats.settled.add_many(Outcome::Confirmed, 400);
    script.stats.settled.add_many(Outcome::Already, 10);
    script.stats.settled.add_many(Outcome::Failed, 2);
    script.stats.awaiting = 120;
    script.stats.in_flight = 8;
    script.stats.eta = Some(Duration::from_secs(200));
    script
}

fn shown(columns: u16, script: &mut Script) -> String {
    let (mut progress, term) = on_screen(columns, false);
    play(&mut progress, &script.take());
    term.contents()
}

#[test]
fn counts_by_outcome_and_an_eta_that_the_engine_told() {
    let mut script = busy();
    script.at(1_000);
    script.tell(RunEventKind::BatchStarted { targets: 1, attempt: 1 });
    assert_snapshot!(shown(100, &mut script), @r"
    isolate  [################+++++...................]  412/1,000  41 %  ETA 3 min 20 s
    400 confirmed  10 already  2 failed  120 awaited  8 in flight
    ");
}

#[test]
fn a_wait_counts_down() {
    let (mut progress, term) = on_screen(100, false);
    let mut script = busy();
    script.at(10_000);
    script.throttle(42, Throttle::Quota);
    play(&mut progress, &script.take());
    assert_snapshot!(term.contents(), @r"
    isolate  [################+++++...................]  412/1,000  41 %  ETA 3 min 20 s
    400 confirmed  10 already  2 failed  120 awaited  8 in flight
    waiting 42 s for the next window of the console's quota
    ");
    progress.draw(Duration::from_millis(40_500));
    assert_snapshot!(term.contents(), @r"
    isolate  [################+++++...................]  412/1,000  41 %  ETA 2 min 50 s
    400 confirmed  10 already  2 failed  120 awaited  8 in flight
    waiting 12 s for the next window of the console's quota
    ");
    progress.draw(Duration::from_secs(52));
    assert!(!term.contents().contains("waiting"), "{}", term.contents());
}

#[test]
fn no_line_wraps_however_narrow_the_terminal_is() {
    for columns in [1_u16, 5, 20, 33, 46, 60, 80, 200] {
        let mut script = busy();
        script.at(10_000);
        script.throttle(42, Throttle::Refused);
        script.tell(RunEventKind::CancelRequested);
        let text = shown(columns, &mut script);
        assert!(text.lines().count() <= 4, "{columns}: {text}");
        assert!(text.lines().all(|line| width(line) < usize::from(columns).max(2)), "{columns}: {text}");
    }
    let mut script = busy();
    script.at(10_000);
    script.tell(RunEventKind::CancelRequested);
    assert_snapshot!(shown(33, &mut script), @r"
    isolate  412/1,000  41 %  ETA 3…
    400 confirmed  10 already  2 fa…
    interrupted: 8 requests under w…
    ");
}

#[test]
fn the_end_leaves_nothing_on_the_screen() {
    let (mut progress, term) = on_screen(80, true);
    let mut script = busy();
    script.at(1_000);
    play(&mut progress, &script.take());
    assert!(!term.contents().is_empty());
    play(&mut progress, &script.finish(Ending::Completed));
    progress.tick().unwrap();
    assert_eq!(term.contents(), "");
}

#[test]
fn a_run_that_breaks_off_leaves_nothing_on_the_screen() {
    let (mut progress, term) = on_screen(80, false);
    play(&mut progress, &busy().take());
    drop(progress);
    assert_eq!(term.contents(), "");
}

#[test]
fn a_rehearsal_says_so_and_colour_is_only_added() {
    let mut view = View::new(Arc::new(RunHeader { simulated: true, ..header() }));
    view.stats = busy().stats;
    let line = view.head(Duration::ZERO, 80);
    assert!(line.render(80, false).starts_with("isolate (simulated)  ["));
    let plain = view.counts().render(80, false);
    let painted = view.counts().render(80, true);
    assert!(!plain.contains('\u{1b}') && painted.contains("\u{1b}[32m400 confirmed\u{1b}[0m"), "{painted:?}");
}

#[test]
fn an_empty_run_and_a_million_hosts_can_be_drawn() {
    let mut view = View::new(Arc::new(header()));
    assert_eq!(view.head(Duration::ZERO, 40).render(40, false), "isolate  [.................]  0/0  0 %");
    view.stats.total = 1_000_000;
    view.stats.settled.add_many(Outcome::Confirmed, 1_000_000);
    assert_eq!(view.head(Duration::ZERO, 40).render(40, false), "isolate  1,000,000/1,000,000  100 %");
}

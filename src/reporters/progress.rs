//! Bars, on a terminal's standard error: how far the run is, how its hosts ended, and what it waits for.
//!
//! Indicatif only draws: what remains is told by the engine, which knows the quota, and never guessed from the speed so far.

use std::{io, sync::Arc, time::Duration};

use anstyle::Style;

use super::{
    Reporter, Screen,
    paint::{self, FAINT, STRONG, WARN, paint},
    phrases,
    timeline::Timeline,
    words::{countdown, fit, number, percent, width},
};
use crate::{
    domain::outcome::RunStats,
    engine::event::{RunEvent, RunEventKind, RunHeader, Throttle},
};

/// Events come by the thousand; eyes do not.
const REDRAW: Duration = Duration::from_millis(80);
/// A bar wider than this says no more.
const WIDEST_BAR: usize = 40;
/// A bar narrower than this says nothing.
const NARROWEST_BAR: usize = 8;

/// Draws the run at the foot of a terminal.
pub struct Progress {
    screen: Screen,
    columns: Box<dyn Fn() -> usize + Send>,
    colour: bool,
    timeline: Timeline,
    drawn: Option<Duration>,
    view: Option<View>,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Progress {
    /// Makes one; `columns` reads the terminal's width, which people change while they look.
    pub fn new(screen: Screen, columns: impl Fn() -> usize + Send + 'static, colour: bool) -> Self {
        Self { screen, columns: Box::new(columns), colour, timeline: Timeline::new(), drawn: None, view: None }
    }

    fn draw(&mut self, now: Duration) {
        let Some(view) = &self.view else { return };
        self.drawn = Some(now);
        // A full line would leave the cursor between two lines.
        let columns = (self.columns)().saturating_sub(1);
        let lines: Vec<String> =
            view.lines(now, columns).iter().map(|line| line.render(columns, self.colour)).collect();
        self.screen.draw(lines.join("\n"));
    }
}

impl Reporter for Progress {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.timeline.hear(event);
        let mut urgent = true;
        match (&event.kind, &mut self.view) {
            (RunEventKind::RunStarted(header), _) => self.view = Some(View::new(Arc::clone(header))),
            (RunEventKind::RunFinished(_), _) => {
                self.view = None;
                self.screen.clear();
            }
            (RunEventKind::Throttled { wait, why, .. }, Some(view)) => {
                view.throttled = Some((event.elapsed + *wait, *why))
            }
            (RunEventKind::CancelRequested, Some(view)) => view.cancelled = true,
            _ => urgent = false,
        }
        if let Some(view) = &mut self.view {
            view.stats = event.stats.clone();
            view.told = event.elapsed;
        }
        if urgent || self.drawn.is_none_or(|drawn| event.elapsed >= drawn + REDRAW) {
            self.draw(event.elapsed);
        }
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        let now = self.timeline.now();
        self.draw(now);
        Ok(())
    }
}

impl Drop for Progress {
    /// A run that broke off leaves no bar standing above its error.
    fn drop(&mut self) {
        self.screen.clear();
    }
}

/// What is known of the run.
#[derive(Debug)]
struct View {
    header: Arc<RunHeader>,
    stats: RunStats,
    told: Duration,
    throttled: Option<(Duration, Throttle)>,
    cancelled: bool,
}

impl View {
    fn new(header: Arc<RunHeader>) -> Self {
        Self { header, stats: RunStats::default(), told: Duration::ZERO, throttled: None, cancelled: false }
    }

    fn lines(&self, now: Duration, columns: usize) -> Vec<Line> {
        let mut lines = vec![self.head(now, columns), self.counts()];
        lines.retain(|line| !line.0.is_empty());
        lines.extend(self.waiting(now));
        if self.cancelled {
            let text = match self.stats.in_flight {
                0 => "interrupted: closing the run".to_owned(),
                n => format!(
                    "interrupted: {} under way; once more abandons",
                    super::words::count(n, "request", "requests")
                ),
            };
            lines.push(Line(vec![(text, WARN)]));
        }
        lines
    }

    /// The bar, with as much beside it as fits: the ETA outlives the bar, the bar outlives the rest.
    fn head(&self, now: Duration, columns: usize) -> Line {
        let (settled, total) = (self.stats.settled.total(), self.stats.total);
        let label = if self.header.simulated {
            format!("{} (simulated)", self.header.action)
        } else {
            self.header.action.to_owned()
        };
        let share = format!("{}/{}  {} %", number(settled), number(total), percent(settled, total));
        // The engine's estimate was made when it was told; since then some of it has passed.
        let left = self.stats.eta.map(|eta| eta.saturating_sub(now.saturating_sub(self.told)));
        let eta = left.map(|left| format!("ETA {}", countdown(left))).unwrap_or_default();
        let beside = width(&label) + width(&share) + width(&eta) + 3 * GAP.len();
        let room = columns.saturating_sub(beside + 2).min(WIDEST_BAR);
        let bar = if room >= NARROWEST_BAR { self.bar(room) } else { String::new() };
        let parts = [(label, STRONG), (bar, Style::new()), (share, Style::new()), (eta, Style::new())];
        Line::spaced(parts.into_iter().filter(|(text, _)| !text.is_empty()))
    }

    /// `#` has settled, `+` is taken and awaited, `.` is still to come.
    fn bar(&self, columns: usize) -> String {
        let share = |part: u64| {
            let wide = u128::try_from(columns).unwrap_or_default();
            usize::try_from(u128::from(part) * wide / u128::from(self.stats.total.max(1)))
                .unwrap_or(columns)
                .min(columns)
        };
        let settled = self.stats.settled.total();
        let (done, taken) = (share(settled), share(settled.saturating_add(self.stats.awaiting)));
        format!(
            "[{}{}{}]",
            "#".repeat(done),
            "+".repeat(taken.saturating_sub(done)),
            ".".repeat(columns - taken.max(done))
        )
    }

    fn counts(&self) -> Line {
        let counts = phrases::counts(&self.stats).into_iter();
        Line::spaced(counts.map(|(outcome, text)| (text, outcome.map_or(FAINT, paint::outcome))))
    }

    fn waiting(&self, now: Duration) -> Option<Line> {
        let (until, why) = self.throttled?;
        let left = until.checked_sub(now).filter(|left| !left.is_zero())?;
        Some(Line(vec![(format!("waiting {} {}", countdown(left), phrases::throttle(why)), WARN)]))
    }
}

const GAP: &str = "  ";

/// Pieces of text, each in its style.
#[derive(Debug)]
struct Line(Vec<(String, Style)>);

impl Line {
    fn spaced(parts: impl Iterator<Item = (String, Style)>) -> Self {
        let mut line = Vec::new();
        for part in parts {
            if !line.is_empty() {
                line.push((GAP.to_owned(), Style::new()));
            }
            line.push(part);
        }
        Self(line)
    }

    /// The line cut to the terminal's width; colours are added after the cut, so that none is cut in two.
    fn render(&self, columns: usize, colour: bool) -> String {
        let whole: usize = self.0.iter().map(|(text, _)| width(text)).sum();
        let mut room = columns;
        let mut rendered = String::new();
        for (text, style) in &self.0 {
            // Where the line is too long, a piece that just fits makes way for the ellipsis as well.
            let cut =
                if whole > columns && width(text) >= room { fit(&format!("{text}  "), room) } else { text.clone() };
            room = room.saturating_sub(width(&cut));
            rendered.push_str(&paint(&cut, *style, colour));
            if room == 0 {
                break;
            }
        }
        rendered
    }
}

#[cfg(test)]
mod tests {
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
}

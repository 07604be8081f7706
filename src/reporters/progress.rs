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
    engine::event::{Between, RunEvent, RunEventKind, RunHeader, Throttle, Wave},
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
        let Some(view) = self.view.as_ref().filter(|view| !view.stands_aside) else { return };
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
            (RunEventKind::CancelRequested, Some(view)) => {
                view.cancelled = true;
                view.stands_aside = false;
            }
            (RunEventKind::Halted { .. }, Some(view)) => view.stands_aside = false,
            (RunEventKind::WaveStarted(wave), Some(view)) => {
                view.wave = Some(*wave);
                view.pause_ends = None;
                view.stands_aside = false;
            }
            (RunEventKind::BetweenWaves(Between::Pause { wait, .. }), Some(view)) => {
                view.pause_ends = Some(event.elapsed + *wait);
            }
            (RunEventKind::BetweenWaves(Between::Gate { .. }), Some(view)) => {
                // A question, and whatever a command says, has the terminal to itself.
                view.stands_aside = true;
                self.screen.clear();
            }
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
    wave: Option<Wave>,
    /// The next wave begins then.
    pause_ends: Option<Duration>,
    /// Somebody else has the terminal.
    stands_aside: bool,
}

impl View {
    fn new(header: Arc<RunHeader>) -> Self {
        Self {
            header,
            stats: RunStats::default(),
            told: Duration::ZERO,
            throttled: None,
            cancelled: false,
            wave: None,
            pause_ends: None,
            stands_aside: false,
        }
    }

    fn lines(&self, now: Duration, columns: usize) -> Vec<Line> {
        let mut lines = vec![self.head(now, columns), self.counts()];
        lines.retain(|line| !line.0.is_empty());
        lines.extend(self.waiting(now));
        lines.extend(self.pausing(now));
        if self.cancelled {
            let text = match self.stats.in_flight {
                0 => "interrupted: closing the run".to_owned(),
                n => format!(
                    "interrupted: {} under way; Ctrl-C again abandons",
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
        let label = match self.wave {
            Some(wave) => format!("{label}, wave {} of {}", wave.number, wave.of),
            None => label,
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

    fn pausing(&self, now: Duration) -> Option<Line> {
        let left = self.pause_ends?.checked_sub(now).filter(|left| !left.is_zero() && !self.cancelled)?;
        Some(Line(vec![(format!("the next wave begins in {}", countdown(left)), FAINT)]))
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
mod tests;

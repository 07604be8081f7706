//! What people see of a stream while it runs, and at its end. All of it is on standard error.

use std::{
    fmt, io,
    io::Write as _,
    time::{Duration, Instant},
};

use super::metrics::Metrics;
use crate::{
    cli::ui::Ui,
    clock,
    domain::duration,
    reporters::{
        clean::{clean, clean_to},
        words,
    },
    stream::pump::{Listener, StreamEvent, StreamStats},
};

/// How often the status line and the metrics are renewed.
const RENEW: Duration = Duration::from_secs(1);

/// No reason of a broker or a sink is longer than this in a line.
const LONGEST: usize = 300;

/// Shows a stream.
pub(super) struct Watch {
    ui: Ui,
    name: String,
    metrics: Option<Metrics>,
    /// The status line is on the terminal.
    drawn: bool,
    renewed: Option<Instant>,
    /// Where the rate is counted from.
    counted: (Instant, u64),
    rate: f64,
    connected: bool,
    /// Somebody was told that there is no connection, and wants to hear that there is one.
    warned: bool,
    metrics_failed: bool,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Watch {
    pub(super) fn new(ui: Ui, name: String, metrics: Option<Metrics>) -> Self {
        Self {
            ui,
            name,
            metrics,
            drawn: false,
            renewed: None,
            counted: (Instant::now(), 0),
            rate: 0.0,
            connected: false,
            warned: false,
            metrics_failed: false,
        }
    }

    fn line(&mut self, text: &str) {
        self.clear();
        // If nobody reads it, nobody misses it.
        drop(writeln!(io::stderr(), "{}", clean(text)));
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            drop(io::stderr().write_all(b"\r\x1b[2K"));
        }
    }

    /// The status line and the metrics, if it is time for them.
    fn renew(&mut self, stats: &StreamStats, now: bool) {
        let due = now || self.renewed.is_none_or(|renewed| renewed.elapsed() >= RENEW);
        if !due {
            return;
        }
        self.renewed = Some(Instant::now());
        let passed = self.counted.0.elapsed();
        if passed >= RENEW {
            self.rate = (stats.delivered - self.counted.1) as f64 / passed.as_secs_f64();
            self.counted = (Instant::now(), stats.delivered);
        }
        if let Some(metrics) = &self.metrics
            && let Err(error) = metrics.write(stats, self.connected)
            && !std::mem::replace(&mut self.metrics_failed, true)
        {
            self.line(&format!("warning: the metrics cannot be written, and the stream goes on: {error}"));
        }
        if self.ui.stderr_is_terminal && !self.ui.stdout_is_terminal && !self.ui.quiet {
            self.draw(stats);
        }
    }

    fn draw(&mut self, stats: &StreamStats) {
        let mut parts = vec![format!("{:.0} events/s", self.rate)];
        if let Some(last) = stats.last_event {
            let lag = clock::now().duration_since(last);
            let lag = Duration::try_from(lag).unwrap_or_default();
            parts.push(format!("lag {}", duration::format(Duration::from_secs(lag.as_secs()))));
            parts.push(format!("last event {}", last.strftime("%H:%M:%SZ")));
        }
        parts.push(format!("{} unacknowledged", words::number(stats.unacknowledged)));
        parts.push(format!("{} kept", words::number(stats.kept)));
        if !self.connected {
            parts.insert(0, "not connected".to_owned());
        }
        let columns = self.ui.stderr_columns().unwrap_or(80);
        let line = clean_to(&format!("{}: {}", self.name, parts.join(", ")), columns.saturating_sub(1));
        drop(io::stderr().write_all(format!("\r\x1b[2K{line}").as_bytes()));
        self.drawn = true;
    }
}

impl Listener for Watch {
    fn on_event(&mut self, event: &StreamEvent<'_>, stats: &StreamStats) {
        let talks = !self.ui.quiet;
        let verbose = self.ui.verbose > 0;
        match event {
            StreamEvent::Connected => {
                self.connected = true;
                let warned = std::mem::take(&mut self.warned);
                if verbose || (talks && warned) {
                    let again = if stats.reconnects > 0 { " again" } else { "" };
                    self.line(&format!("connected{again} to {}", self.name.clone()));
                }
            }
            StreamEvent::Disconnected { error, wait } => {
                self.connected = false;
                self.warned = true;
                let text = clean_to(&error.text, LONGEST);
                self.line(&format!("warning: {text}; trying again in {}", duration::format(*wait)));
            }
            StreamEvent::Batch(batch) if verbose && batch.duplicates > 0 => {
                let duplicates = words::count(batch.duplicates, "event was had before", "events were had before");
                self.line(&format!("{duplicates}, and left out"));
            }
            StreamEvent::SinkHeld { sink, error, wait } => {
                let text = clean_to(&error.text, LONGEST);
                let wait = duration::format(*wait);
                self.line(&format!(
                    "warning: {sink} takes nothing: {text}; nothing is acknowledged, trying again in {wait}"
                ));
            }
            StreamEvent::SinkBack { sink } if talks => self.line(&format!("{sink} takes events again")),
            StreamEvent::Refused { sink, reason } => {
                let reason = clean_to(reason, LONGEST);
                self.line(&format!("warning: {sink} will never take an event: {reason}; it is in the dead letters"));
            }
            StreamEvent::Note { sink, text } => self.line(&format!("warning: {sink}: {text}")),
            StreamEvent::CloseFailed { sink, error } => {
                let text = clean_to(&error.text, LONGEST);
                self.line(&format!("warning: closing {sink} failed: {text}"));
            }
            StreamEvent::Ended(_) => {
                self.connected = false;
                self.renew(stats, true);
                self.clear();
            }
            StreamEvent::Batch(_) | StreamEvent::SinkBack { .. } => {}
        }
        // Nothing else may happen for a long time after a connection was lost, and somebody is woken by what is told of it.
        self.renew(stats, matches!(event, StreamEvent::Connected | StreamEvent::Disconnected { .. }));
    }
}

/// What came of a stream, in a few lines.
pub(super) fn summary(name: &str, stats: &StreamStats, elapsed: Duration) -> String {
    let mut lines = vec![format!(
        "{name}: {} kept in {}",
        words::count(stats.kept, "event", "events"),
        duration::format(Duration::from_secs(elapsed.as_secs().max(1)))
    )];
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            lines.push(format!("{:>11}  {what}", words::number(count)));
        }
    };
    add(stats.filtered, "not wanted by --where");
    add(stats.duplicates, "had before, and left out");
    add(stats.twins, "with the id of another event and another body, and kept");
    add(stats.redelivered, "delivered again by the queue");
    add(stats.refused, "refused by a sink, and in the dead letters");
    add(stats.unacknowledged, "not acknowledged: they come again");
    add(stats.reconnects, "connections made again");
    if stats.gaps.count > 0 {
        let (total, longest) = (stats.gaps.total.as_secs(), stats.gaps.longest.as_secs());
        lines.push(format!(
            "{:>11}  without a connection, {} in all, {} at the longest",
            words::count(stats.gaps.count, "time", "times"),
            duration::format(Duration::from_secs(total.max(1))),
            duration::format(Duration::from_secs(longest.max(1))),
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::args::OutputFormat,
        stream::source::{SourceError, SourceErrorKind},
    };

    #[test]
    fn the_metrics_say_at_once_whether_there_is_a_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edrctl.prom");
        let ui = Ui {
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            stdout_colour: false,
            stderr_colour: false,
            quiet: true,
            verbose: 0,
            output: OutputFormat::Human,
        };
        let mut watch = Watch::new(ui, "soc".to_owned(), Some(Metrics::new(path.clone(), "soc")));
        let error = SourceError { kind: SourceErrorKind::Unreachable, text: "gone".to_owned() };
        let lost = StreamEvent::Disconnected { error: &error, wait: Duration::from_secs(30) };
        let mut stats = StreamStats::default();
        // All of it within a second.
        for (event, connected, reconnects) in
            [(StreamEvent::Connected, 1, 0), (lost, 0, 0), (StreamEvent::Connected, 1, 1), (lost, 0, 1)]
        {
            stats.reconnects = reconnects;
            watch.on_event(&event, &stats);
            let text = std::fs::read_to_string(&path).unwrap();
            let says = |figure: &str| text.contains(&format!("edrctl_stream_{figure}\n"));
            assert!(says(&format!("connected{{stream=\"soc\"}} {connected}")), "{text}");
            assert!(says(&format!("reconnects_total{{stream=\"soc\"}} {reconnects}")), "{text}");
        }
    }
}

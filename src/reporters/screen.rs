//! One terminal that bars and lines share without tearing each other.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bars at the foot of a terminal, and the way to write above them.
///
/// Clones share the bars. Whoever writes to the same terminal, be it through standard output or standard error, writes
/// through [`Screen::above`].
#[derive(Clone, Debug)]
pub struct Screen {
    bars: ProgressBar,
    up: Arc<AtomicBool>,
}

impl Screen {
    /// Makes one that draws its bars on `target`: a terminal's standard error.
    pub fn new(target: ProgressDrawTarget) -> Self {
        let bars = ProgressBar::with_draw_target(None, target);
        // The lines are composed by `progress`; indicatif draws, clears and paces them.
        let bars =
            bars.with_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bars, up: Arc::new(AtomicBool::new(false)) }
    }

    /// Whether bars would not be seen: no terminal, or one that cannot move its cursor.
    pub fn is_hidden(&self) -> bool {
        self.bars.is_hidden()
    }

    /// A writer whose whole lines stand above the bars.
    pub fn above<W: Write>(&self, out: W) -> AboveBars<W> {
        AboveBars { screen: self.clone(), out, line: Vec::new() }
    }

    /// Takes the bars off for as long as `deed` writes to the terminal.
    pub fn suspend<T>(&self, deed: impl FnOnce() -> T) -> T {
        if self.up.load(Ordering::Acquire) { self.bars.suspend(deed) } else { deed() }
    }

    /// Shows these lines as the bars.
    pub(super) fn draw(&self, lines: String) {
        if !self.up.swap(true, Ordering::AcqRel) {
            // Bars that were taken off for a question come back.
            self.bars.reset();
        }
        self.bars.set_message(lines);
    }

    /// Takes the bars off, until something is drawn again.
    pub(super) fn clear(&self) {
        if self.up.swap(false, Ordering::AcqRel) {
            self.bars.finish_and_clear();
        }
    }
}

/// Writes whole lines above the bars of a [`Screen`]; an unfinished line is held until its end, or until the writer is
/// dropped.
#[derive(Debug)]
pub struct AboveBars<W: Write> {
    screen: Screen,
    out: W,
    line: Vec<u8>,
}

impl<W: Write> AboveBars<W> {
    fn write_out(&mut self, up_to: usize) -> io::Result<()> {
        let Self { screen, out, line } = self;
        let whole: Vec<u8> = line.drain(..up_to).collect();
        screen.suspend(|| out.write_all(&whole).and_then(|()| out.flush()))
    }
}

impl<W: Write> Write for AboveBars<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.write_out(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Drop for AboveBars<W> {
    fn drop(&mut self) {
        let rest = self.line.len();
        // There is nobody left to tell of a failure, and a whole line is never held.
        if rest > 0 && self.write_out(rest).is_err() {
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    /// Standard output on the same terminal.
    struct Tty(InMemoryTerm);

    impl Write for Tty {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8(bytes.to_vec()).unwrap().replace('\n', "\r\n");
            indicatif::TermLike::write_str(&self.0, &text)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn screen() -> (Screen, InMemoryTerm) {
        let term = InMemoryTerm::new(8, 30);
        (Screen::new(ProgressDrawTarget::term_like(Box::new(term.clone()))), term)
    }

    #[test]
    fn lines_stand_above_the_bars_and_the_bars_stay_at_the_foot() {
        let (screen, term) = screen();
        let mut out = screen.above(Tty(term.clone()));
        out.write_all(b"before\n").unwrap();
        screen.draw("[####----]\n2 confirmed".into());
        assert_eq!(term.contents(), "before\n[####----]\n2 confirmed");
        out.write_all(b"confirmed  web01\nconfirmed  we").unwrap();
        assert_eq!(term.contents(), "before\nconfirmed  web01\n[####----]\n2 confirmed");
        out.write_all(b"b02\n").unwrap();
        screen.draw("[######--]".into());
        assert_eq!(term.contents(), "before\nconfirmed  web01\nconfirmed  web02\n[######--]");
        screen.clear();
        out.write_all(b"done").unwrap();
        drop(out);
        assert_eq!(term.contents(), "before\nconfirmed  web01\nconfirmed  web02\ndone");
    }

    #[test]
    fn without_bars_nothing_but_the_lines_is_written() {
        let (screen, term) = screen();
        screen.above(Tty(term.clone())).write_all(b"a\nb\n").unwrap();
        screen.clear();
        assert_eq!(term.moves_since_last_check(), "Str(\"a\\r\\nb\\r\\n\")\n");
    }
}

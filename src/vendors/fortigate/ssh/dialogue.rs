//! The conversation as a machine without a network: bytes in, and what is to be typed next out.
//!
//! A prompt is a whole line that begins with the name that the firewall had when we came. Behind it stands the echo of what was
//! typed, and it has to be just that: whoever reads one answer for another believes what was never said. An answer ends where the
//! next prompt stands alone on the last line.

use std::collections::VecDeque;

use super::{line::Line, screen::Screen};

/// The most that may come in answer to what was typed together.
const MOST: usize = 64 * 1024 * 1024;

/// What is typed where a long answer stops.
pub(super) const GO_ON: &[u8] = b" ";

/// What is typed where a banner wants to be accepted.
pub(super) const ACCEPT: &[u8] = b"a";

/// A prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    /// Where in the configuration it stands; `None` at the top.
    pub(super) place: Option<String>,
}

impl Prompt {
    /// Whether it stands there. A long name may be cut.
    pub(super) fn is_at(&self, place: Option<&str>) -> bool {
        match (self.place.as_deref(), place) {
            (None, None) => true,
            (Some(own), Some(place)) => {
                own == place || own.len() >= 15 && place.starts_with(own.trim_end_matches(['.', '~']))
            }
            _ => false,
        }
    }
}

/// What a line brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// What was printed, without empty lines at its end.
    pub(super) lines: Vec<String>,
    /// Where the session was when the line was typed.
    pub(super) before: Prompt,
    /// Where it was afterwards.
    pub(super) after: Prompt,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More has to come.
    Wait,
    /// This has to be typed, then more has to come.
    Type(&'static [u8]),
    /// Every line has been answered.
    Done(Vec<Said>),
    /// What came is not an answer to what was typed.
    Lost(&'static str),
}

/// An answer that is still coming.
#[derive(Debug)]
struct Open {
    before: Prompt,
    lines: Vec<String>,
}

/// The conversation.
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    screen: Screen,
    host: Option<String>,
    /// The lines that were typed and whose echo has not come yet.
    typed: VecDeque<String>,
    /// The answers that are whole but for where they led.
    answered: Vec<Open>,
    /// Where the session stands, once it stands somewhere.
    at: Option<Prompt>,
    accepted: bool,
    /// Bytes that came since something was typed last.
    said: usize,
}

impl Dialogue {
    /// Where the session stands; `None` before the first prompt, and while an answer is coming.
    pub(super) const fn at(&self) -> Option<&Prompt> {
        self.at.as_ref()
    }

    /// The firewall's name, as its prompt shows it.
    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// These lines are typed now.
    pub(super) fn typed(&mut self, lines: &[Line]) {
        self.typed = lines.iter().map(|line| line.as_str().to_owned()).collect();
        self.answered.clear();
        self.at = None;
        self.said = 0;
    }

    /// Takes what came.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Step {
        self.said = self.said.saturating_add(bytes.len());
        if !self.screen.take(bytes) || self.said > MOST {
            return Step::Lost("the firewall said more than it can have to say");
        }
        let whole = self.screen.taken();
        if self.host.is_none() {
            return self.before_the_first_prompt(&whole);
        }
        for line in whole {
            if let Some(lost) = self.line(line) {
                return lost;
            }
        }
        let last = self.screen.line();
        if last.trim() == "--More--" {
            return Step::Type(GO_ON);
        }
        match self.prompt(&last) {
            Some((prompt, "")) if self.typed.is_empty() && self.at.is_none() => self.done(prompt),
            _ => Step::Wait,
        }
    }

    /// A line that is whole: an echo, or part of an answer.
    fn line(&mut self, line: String) -> Option<Step> {
        let wanted = self.typed.front();
        if let Some((before, echo)) = self.prompt(&line) {
            let echo = echo.trim();
            if wanted.is_some_and(|wanted| wanted == echo) {
                self.typed.pop_front();
                self.answered.push(Open { before, lines: Vec::new() });
                return None;
            }
            // An empty prompt in between is what Enter leaves behind a banner.
            if self.answered.is_empty() && echo.is_empty() {
                return None;
            }
        }
        match self.answered.last_mut() {
            Some(open) => {
                open.lines.push(line);
                None
            }
            None if line.trim().is_empty() => None,
            None => Some(Step::Lost("the firewall shows something else than was typed")),
        }
    }

    fn done(&mut self, last: Prompt) -> Step {
        self.at = Some(last.clone());
        let answered = std::mem::take(&mut self.answered);
        let places: Vec<Prompt> = answered.iter().skip(1).map(|open| open.before.clone()).chain([last]).collect();
        let said = answered.into_iter().zip(places).map(|(open, after)| {
            let mut lines = open.lines;
            while lines.last().is_some_and(|line| line.trim().is_empty()) {
                lines.pop();
            }
            Said { lines, before: open.before, after }
        });
        Step::Done(said.collect())
    }

    /// The name is learnt from the first line that is nothing but a prompt.
    fn before_the_first_prompt(&mut self, whole: &[String]) -> Step {
        let last = self.screen.line();
        let asks = |line: &String| line.contains("to accept");
        if !self.accepted && (asks(&last) || whole.iter().any(asks)) {
            self.accepted = true;
            return Step::Type(ACCEPT);
        }
        let name: String = last.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        if name.is_empty() {
            return Step::Wait;
        }
        self.host = Some(name);
        match self.prompt(&last) {
            Some((prompt, "")) => self.done(prompt),
            _ => {
                self.host = None;
                Step::Wait
            }
        }
    }

    /// Cuts a line into its prompt and what stands behind it.
    fn prompt<'l>(&self, line: &'l str) -> Option<(Prompt, &'l str)> {
        let rest = line.strip_prefix(self.host.as_deref()?)?.strip_prefix(' ')?;
        let (place, rest) = match rest.strip_prefix('(') {
            Some(inside) => {
                let (place, rest) = inside.split_once(") ")?;
                (Some(place.to_owned()), rest)
            }
            None => (None, rest),
        };
        let rest = rest.strip_prefix(['#', '$'])?;
        let echo = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
        Some((Prompt { place }, echo))
    }
}

#[cfg(test)]
mod tests;

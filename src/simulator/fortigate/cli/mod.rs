//! The unit's command line: bytes in, bytes out, without a network and without a clock.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::firewall::Firewall;

mod editor;
mod session;
mod show;

use editor::{Editor, Key};
use session::{Said, Session};

/// Lines on one screen.
const SCREEN: usize = 24;

const MORE: &[u8] = b"--More-- ";

/// What wipes that away again.
const WIPE: &[u8] = b"\r         \r";

/// What the unit asks before the first prompt, if it has a banner.
const BANNER: &[u8] =
    b"\r\nAuthorized use only. All activity is recorded.\r\n\r\n(Press 'a' to accept, or any other key to leave): ";

/// What comes out of the command line, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Say(Vec<u8>),
    Wait(Duration),
    /// The session is over.
    Close,
    /// The connection breaks.
    Cut,
}

#[derive(Debug)]
enum State {
    /// The banner waits for its key.
    Banner,
    /// A line is being typed.
    Line,
    /// A long answer waits for a key; these are the lines that are left.
    More(VecDeque<String>),
    Over,
}

/// One session's command line.
#[derive(Debug)]
pub(super) struct Shell {
    session: Session,
    editor: Editor,
    state: State,
    out: Vec<Piece>,
}

impl Shell {
    pub(super) fn new(firewall: Arc<Firewall>) -> Self {
        let state = if firewall.settings().banner { State::Banner } else { State::Line };
        Self { session: Session::new(firewall), editor: Editor::default(), state, out: Vec::new() }
    }

    /// What is shown before anything is typed.
    pub(super) fn open(&mut self) -> Vec<Piece> {
        match self.state {
            State::Banner => self.say(BANNER),
            _ => self.prompt(),
        }
        std::mem::take(&mut self.out)
    }

    /// Takes what was typed.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.editor.pause();
        for byte in bytes {
            match self.state {
                State::Banner => self.answer_banner(*byte),
                State::Line => self.typed(*byte),
                State::More(_) => self.page(*byte),
                State::Over => break,
            }
        }
        std::mem::take(&mut self.out)
    }

    /// Carries out one line and nothing else, as a client that wants no terminal asks for it.
    pub(super) fn exec(&mut self, line: &str) -> Vec<u8> {
        let said = self.session.run(line);
        said.lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }

    fn say(&mut self, bytes: &[u8]) {
        if let Some(Piece::Say(said)) = self.out.last_mut() {
            said.extend_from_slice(bytes);
        } else if !bytes.is_empty() {
            self.out.push(Piece::Say(bytes.to_vec()));
        }
    }

    fn prompt(&mut self) {
        let prompt = self.session.prompt();
        self.say(prompt.as_bytes());
    }

    fn end(&mut self, piece: Piece) {
        self.out.push(piece);
        self.state = State::Over;
    }

    fn answer_banner(&mut self, byte: u8) {
        match byte {
            b'a' => {
                self.state = State::Line;
                self.say(b"\r\n\r\n");
                self.prompt();
            }
            b'\r' | b'\n' => {}
            _ => self.end(Piece::Close),
        }
    }

    fn typed(&mut self, byte: u8) {
        let mut echo = Vec::new();
        let key = self.editor.take(byte, &mut echo);
        self.say(&echo);
        match key {
            None => {}
            Some(Key::Line(line)) => {
                let said = self.session.run(&line);
                self.answer(said);
            }
            Some(Key::Help(line)) => {
                let choices = self.session.choices(&line);
                self.show(choices.into());
            }
            Some(Key::Complete(line)) => {
                if let [only] = self.session.choices(&line).as_slice() {
                    let begun = line.rsplit(' ').next().unwrap_or_default();
                    let rest = only.strip_prefix(begun).unwrap_or_default();
                    let mut echo = Vec::new();
                    self.editor.complete(&format!("{rest} "), &mut echo);
                    self.say(&echo);
                }
            }
            Some(Key::Interrupt) => self.prompt(),
            Some(Key::End) => self.end(Piece::Close),
        }
    }

    fn answer(&mut self, said: Said) {
        let Said { lines, takes, over, cut } = said;
        if cut {
            return self.end(Piece::Cut);
        }
        if !takes.is_zero() {
            self.out.push(Piece::Wait(takes));
        }
        if over {
            return self.end(Piece::Close);
        }
        self.show(lines.into());
    }

    /// Shows lines, a screen at a time if there is a pager.
    fn show(&mut self, mut lines: VecDeque<String>) {
        let screen = if self.session.has_pager() { SCREEN } else { usize::MAX };
        // The unit leaves an empty line between an answer and its prompt.
        if !lines.is_empty() {
            lines.push_back(String::new());
        }
        self.some(&mut lines, screen);
        self.rest(lines);
    }

    fn some(&mut self, lines: &mut VecDeque<String>, count: usize) {
        for line in lines.drain(..count.min(lines.len())) {
            self.say(line.as_bytes());
            self.say(b"\r\n");
        }
    }

    fn rest(&mut self, lines: VecDeque<String>) {
        if lines.is_empty() {
            self.state = State::Line;
            self.prompt();
        } else {
            self.say(MORE);
            self.state = State::More(lines);
        }
    }

    fn page(&mut self, byte: u8) {
        let count = match byte {
            b' ' => SCREEN,
            b'\r' | b'\n' => 1,
            b'q' | b'Q' | 0x03 => 0,
            _ => return,
        };
        let State::More(mut lines) = std::mem::replace(&mut self.state, State::Line) else { return };
        self.say(WIPE);
        if count == 0 {
            lines.clear();
        }
        self.some(&mut lines, count);
        self.rest(lines);
    }
}

#[cfg(test)]
mod tests;

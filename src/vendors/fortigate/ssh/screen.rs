//! What a terminal would show of the bytes that come: lines that are whole, and the one that is being written.

/// The most that one answer may be. A firewall says much, but not that much.
const MOST: usize = 32 * 1024 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Sequence,
}

/// A terminal's screen, without an upper end.
#[derive(Debug, Default)]
pub(super) struct Screen {
    whole: Vec<String>,
    line: Vec<u8>,
    column: usize,
    escape: Escape,
    held: usize,
}

impl Screen {
    /// Takes bytes; `false` once there are too many.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        self.held = self.held.saturating_add(bytes.len());
        for byte in bytes {
            self.byte(*byte);
        }
        self.held <= MOST
    }

    fn byte(&mut self, byte: u8) {
        match (self.escape, byte) {
            (Escape::None, 0x1b) => self.escape = Escape::Begun,
            (Escape::Begun, b'[') => self.escape = Escape::Sequence,
            (Escape::Begun, _) | (Escape::Sequence, 0x40..=0x7e) => self.escape = Escape::None,
            (Escape::Sequence, _) => {}
            (Escape::None, b'\n') => {
                let line = std::mem::take(&mut self.line);
                self.column = 0;
                self.whole.push(text(&line));
            }
            (Escape::None, b'\r') => self.column = 0,
            (Escape::None, 0x08) => self.column = self.column.saturating_sub(1),
            (Escape::None, 0x00..=0x1f | 0x7f) => {}
            (Escape::None, _) => {
                match self.line.get_mut(self.column) {
                    Some(shown) => *shown = byte,
                    None => self.line.push(byte),
                }
                self.column += 1;
            }
        }
    }

    /// The line that is being written, without blanks at its end.
    pub(super) fn line(&self) -> String {
        text(&self.line)
    }

    /// The lines that are whole, which are taken away.
    pub(super) fn taken(&mut self) -> Vec<String> {
        self.held = self.line.len();
        std::mem::take(&mut self.whole)
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &str) -> (Vec<String>, String) {
        let mut screen = Screen::default();
        assert!(screen.take(bytes.as_bytes()));
        (screen.taken(), screen.line())
    }

    #[test]
    fn lines_are_what_a_terminal_would_show() {
        let (lines, line) = shown("one\r\ntwo\n\r\nfgt01 # ");
        assert_eq!((lines, line), (vec!["one".to_owned(), "two".to_owned(), String::new()], "fgt01 #".to_owned()));
        assert_eq!(shown("ab\x08 \x08c").1, "ac");
        assert_eq!(shown("\x1b[2Ja\x1b[1;31mb\x1bOc").1, "abc");
        let (lines, line) = shown("--More-- \r         \r    edit 20\r\n--More--");
        assert_eq!((lines, line), (vec!["    edit 20".to_owned()], "--More--".to_owned()));
    }

    #[test]
    fn a_line_that_comes_in_pieces_is_one_line() {
        let mut screen = Screen::default();
        for byte in b"fgt01 (address) # \r\n" {
            screen.take(&[*byte]);
        }
        assert_eq!(screen.taken(), ["fgt01 (address) #"]);
    }
}

//! The line that is being typed: echo, correction, and the keys that act without Enter.

/// What a key brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The line is whole.
    Line(String),
    /// Help is wanted, and the line is dropped.
    Help(String),
    /// The last word is to be completed.
    Complete(String),
    /// Ctrl-C: the line is dropped.
    Interrupt,
    /// Ctrl-D on an empty line.
    End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Sequence,
}

/// The line that is being typed.
#[derive(Debug, Default)]
pub(super) struct Editor {
    line: Vec<u8>,
    after_return: bool,
    literal: bool,
    escape: Escape,
}

impl Editor {
    /// Takes one byte; what the terminal shows of it goes to `echo`.
    pub(super) fn take(&mut self, byte: u8, echo: &mut Vec<u8>) -> Option<Key> {
        let after_return = std::mem::take(&mut self.after_return);
        if std::mem::take(&mut self.literal) {
            self.push(byte, echo);
            return None;
        }
        match (self.escape, byte) {
            (Escape::None, 0x1b) => {
                self.escape = Escape::Begun;
                return None;
            }
            (Escape::None, _) => {}
            (Escape::Begun, b'[') => {
                self.escape = Escape::Sequence;
                return None;
            }
            (Escape::Sequence, 0x20..=0x3f) => return None,
            _ => {
                self.escape = Escape::None;
                return None;
            }
        }
        match byte {
            b'\n' if after_return => None,
            b'\r' | b'\n' => {
                self.after_return = byte == b'\r';
                self.entered(echo)
            }
            b'?' => {
                echo.extend_from_slice(b"?\r\n");
                Some(Key::Help(self.taken()))
            }
            b'\t' => Some(Key::Complete(String::from_utf8_lossy(&self.line).into_owned())),
            0x03 => {
                echo.extend_from_slice(b"^C\r\n");
                self.line.clear();
                Some(Key::Interrupt)
            }
            0x04 => self.line.is_empty().then_some(Key::End),
            0x15 => {
                while self.line.pop().is_some() {
                    echo.extend_from_slice(b"\x08 \x08");
                }
                None
            }
            0x16 => {
                self.literal = true;
                None
            }
            0x08 | 0x7f => {
                if self.line.pop().is_some() {
                    echo.extend_from_slice(b"\x08 \x08");
                }
                None
            }
            0x00..=0x1f => None,
            _ => {
                self.push(byte, echo);
                None
            }
        }
    }

    /// More was typed, some time after the last: a line feed in it is an Enter of its own.
    pub(super) const fn pause(&mut self) {
        self.after_return = false;
    }

    /// Puts what completes a word behind the line.
    pub(super) fn complete(&mut self, rest: &str, echo: &mut Vec<u8>) {
        self.line.extend_from_slice(rest.as_bytes());
        echo.extend_from_slice(rest.as_bytes());
    }

    fn push(&mut self, byte: u8, echo: &mut Vec<u8>) {
        self.line.push(byte);
        echo.push(byte);
    }

    fn taken(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Enter: the line goes on while a quote is open, or behind a backslash.
    fn entered(&mut self, echo: &mut Vec<u8>) -> Option<Key> {
        echo.extend_from_slice(b"\r\n");
        match open_end(&self.line) {
            Open::Not => return Some(Key::Line(self.taken())),
            Open::Quote => self.line.push(b'\n'),
            Open::Backslash => {
                self.line.pop();
            }
        }
        echo.extend_from_slice(b"> ");
        None
    }
}

enum Open {
    Not,
    Quote,
    Backslash,
}

fn open_end(line: &[u8]) -> Open {
    let mut quote = None;
    let mut escaped = false;
    for &byte in line {
        match (escaped, quote, byte) {
            (true, ..) => escaped = false,
            (_, _, b'\\') => escaped = true,
            (_, None, b'"' | b'\'') => quote = Some(byte),
            (_, Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    match (escaped, quote) {
        (true, _) => Open::Backslash,
        (false, Some(_)) => Open::Quote,
        (false, None) => Open::Not,
    }
}

/// A line, cut into words: quotes keep blanks, a backslash keeps the next character. Behind a pipe stands a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) words: Vec<String>,
    pub(super) filter: Option<Vec<String>>,
}

pub(super) fn words(line: &str) -> Words {
    let mut parts: Vec<Vec<String>> = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut escaped = false;
    for c in line.chars() {
        let ends = quote.is_none() && !escaped && (c.is_ascii_whitespace() || c == '|');
        if ends {
            if let Some(word) = word.take()
                && let Some(part) = parts.last_mut()
            {
                part.push(word);
            }
            if c == '|' {
                parts.push(Vec::new());
            }
            continue;
        }
        if c == '#' && word.is_none() && quote.is_none() && !escaped {
            break;
        }
        let word = word.get_or_insert_default();
        match (escaped, quote, c) {
            (true, ..) => {
                word.push(c);
                escaped = false;
            }
            (_, _, '\\') => escaped = true,
            (_, None, '"' | '\'') => quote = Some(c),
            (_, Some(open), _) if open == c => quote = None,
            _ => word.push(c),
        }
    }
    if let (Some(word), Some(part)) = (word, parts.last_mut()) {
        part.push(word);
    }
    let mut parts = parts.into_iter();
    Words { words: parts.next().unwrap_or_default(), filter: parts.next() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> (Vec<Key>, String) {
        let mut editor = Editor::default();
        let mut echo = Vec::new();
        let keys = bytes.iter().filter_map(|byte| editor.take(*byte, &mut echo)).collect();
        (keys, String::from_utf8(echo).unwrap())
    }

    fn cut(line: &str) -> Vec<String> {
        words(line).words
    }

    #[test]
    fn what_is_typed_is_echoed_and_corrected() {
        let line = |text: &str| Key::Line(text.to_owned());
        assert_eq!(
            typed(b"shox\x7fw\r\n\nend\r"),
            (vec![line("show"), line(""), line("end")], { "shox\u{8} \u{8}w\r\n\r\nend\r\n".to_owned() })
        );
        assert_eq!(typed(b"abc\x15end\n").0, [line("end")]);
        assert_eq!(typed(b"\x1b[Aget\x1bOB\r").0, [line("getB")]);
        assert_eq!(typed(b"\x04ab\x04\x03").0, [Key::End, Key::Interrupt]);
    }

    #[test]
    fn a_question_mark_acts_at_once_and_drops_the_line() {
        let (keys, echo) = typed(b"set subnet ?1\r");
        assert_eq!(keys, [Key::Help("set subnet ".to_owned()), Key::Line("1".to_owned())]);
        assert!(echo.starts_with("set subnet ?\r\n"));
        assert_eq!(typed(b"a\x16?b\r").0, [Key::Line("a?b".to_owned())]);
    }

    #[test]
    fn a_line_goes_on_while_a_quote_is_open_or_behind_a_backslash() {
        let (keys, echo) = typed(b"set comment \"a\rb\"\r");
        assert_eq!(keys, [Key::Line("set comment \"a\nb\"".to_owned())]);
        assert!(echo.contains("\r\n> b"));
        assert_eq!(typed(b"ed\\\rit\r").0, [Key::Line("edit".to_owned())]);
    }

    #[test]
    fn words_keep_what_is_quoted() {
        assert_eq!(cut("edit \"a b\" c"), ["edit", "a b", "c"]);
        assert_eq!(cut("edit 'a \"b'"), ["edit", "a \"b"]);
        assert_eq!(cut("set comment a\\ b \"\""), ["set", "comment", "a b", ""]);
        assert_eq!(cut("# nothing"), Vec::<String>::new());
        assert_eq!(cut("end # now"), ["end"]);
        assert_eq!(cut("set fqdn a#b"), ["set", "fqdn", "a#b"]);
        let piped = words("get system status | grep -i \"two words\"");
        assert_eq!(piped.words, ["get", "system", "status"]);
        assert_eq!(piped.filter.unwrap(), ["grep", "-i", "two words"]);
    }
}

//! Reads the text of a filter.

use super::{Bits, Filter, Operand, Operator, Pattern, Test};

/// How deep filters may be nested.
const DEEPEST: usize = 100;

impl Filter {
    /// Reads the text of a filter; `None` if it is none.
    pub(in crate::simulator::kaspersky) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.trim() };
        if reader.rest.is_empty() {
            return Some(Self::Everything);
        }
        // One lone test needs no parentheses.
        let filter = if reader.rest.starts_with('(') { reader.filter(0)? } else { Self::Test(reader.test()?) };
        reader.skip();
        reader.rest.is_empty().then_some(filter)
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes this, if it comes next.
    fn takes(&mut self, text: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, text: &str) -> Option<()> {
        self.takes(text).then_some(())
    }

    /// Takes characters of this kind.
    fn while_is(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn filter(&mut self, depth: usize) -> Option<Filter> {
        self.expect("(").filter(|()| depth < DEEPEST)?;
        let filter = if self.takes("&") {
            Filter::All(self.filters(depth)?)
        } else if self.takes("|") {
            Filter::Any(self.filters(depth)?)
        } else if self.takes("!") {
            self.skip();
            let inside = if self.rest.starts_with('(') { self.filter(depth + 1)? } else { Filter::Test(self.test()?) };
            Filter::Not(Box::new(inside))
        } else {
            Filter::Test(self.test()?)
        };
        self.expect(")")?;
        Some(filter)
    }

    fn filters(&mut self, depth: usize) -> Option<Vec<Filter>> {
        let mut filters = Vec::new();
        loop {
            self.skip();
            if !self.rest.starts_with('(') {
                return (!filters.is_empty()).then_some(filters);
            }
            filters.push(self.filter(depth + 1)?);
        }
    }

    fn test(&mut self) -> Option<Test> {
        self.skip();
        let attribute = self.while_is(|c| c.is_ascii_alphanumeric() || c == '_').to_owned();
        attribute.starts_with(|c: char| !c.is_ascii_digit()).then_some(())?;
        let bits = if self.takes("&") {
            Some((Bits::And, self.number()?))
        } else if self.takes("|") {
            Some((Bits::Or, self.number()?))
        } else {
            None
        };
        let operator = self.operator()?;
        let operand = self.operand()?;
        let fits = match &operand {
            // Wildcards can only fit or not fit.
            Operand::Text(pattern) if pattern.has_wildcards() => {
                bits.is_none() && matches!(operator, Operator::Is | Operator::IsNot)
            }
            Operand::Number(_) => true,
            _ => bits.is_none(),
        };
        fits.then_some(Test { attribute, bits, operator, operand })
    }

    fn operator(&mut self) -> Option<Operator> {
        // The longer ones first: one begins as another.
        let operators = [
            ("<>", Operator::IsNot),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("=", Operator::Is),
            ("<", Operator::Below),
            (">", Operator::Above),
        ];
        operators.into_iter().find(|(text, _)| self.takes(text)).map(|(_, operator)| operator)
    }

    fn operand(&mut self) -> Option<Operand> {
        self.skip();
        if self.rest.starts_with('"') {
            return Pattern::read(&self.quoted()?).map(Operand::Text);
        }
        if self.rest.starts_with("T\"") {
            self.expect("T")?;
            let (day, time) = self.quoted().and_then(|text| {
                let (day, time) = text.split_once(' ')?;
                Some((day.to_owned(), time.to_owned()))
            })?;
            return format!("{day}T{time}Z").parse().ok().map(Operand::Time);
        }
        if self.takes("CURTIME") {
            self.expect("(")?;
            let plus = self.takes("+");
            let seconds = self.number().filter(|seconds| !plus || *seconds >= 0)?;
            self.expect(")")?;
            return Some(Operand::FromNow(seconds));
        }
        if self.takes("0x") {
            let digits = self.while_is(|c| c.is_ascii_hexdigit());
            return bytes(digits).map(Operand::Binary);
        }
        self.number().map(Operand::Number)
    }

    fn number(&mut self) -> Option<i64> {
        self.skip();
        let negative = self.takes("-");
        let digits = self.while_is(|c| c.is_ascii_digit());
        let text = if negative { format!("-{digits}") } else { digits.to_owned() };
        text.parse().ok()
    }

    /// What stands between quotes, of which a doubled one is one.
    fn quoted(&mut self) -> Option<String> {
        self.rest = self.rest.strip_prefix('"')?;
        let mut text = String::new();
        loop {
            let (part, rest) = self.rest.split_once('"')?;
            text.push_str(part);
            match rest.strip_prefix('"') {
                Some(more) => {
                    text.push('"');
                    self.rest = more;
                }
                None => {
                    self.rest = rest;
                    return Some(text);
                }
            }
        }
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok();
    pairs.map(byte).collect::<Option<Vec<u8>>>().filter(|bytes| !bytes.is_empty())
}

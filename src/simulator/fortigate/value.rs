//! What an attribute takes: texts are read, checked and brought into the unit's own form.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{
    refusal::Refusal,
    schema::{Field, Kind},
};

/// What an attribute is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Names(Vec<String>),
}

impl Value {
    pub(super) fn default_of(field: &Field) -> Self {
        if field.is_list() {
            return Self::Names(field.default.split_whitespace().map(str::to_owned).collect());
        }
        Self::Text(field.default.to_owned())
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Names(_) => "",
        }
    }

    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::Text(_) => &[],
            Self::Names(names) => names,
        }
    }

    /// Reads the words behind `set ATTRIBUTE`, or those that a member of a JSON object is made of.
    pub(super) fn read(field: &Field, words: &[String]) -> Result<Self, Refusal> {
        if field.is_list() {
            return words.iter().map(|word| name(word, 79)).collect::<Result<_, _>>().map(Self::Names);
        }
        let Some(first) = words.first() else {
            return Err(incomplete());
        };
        let takes = usize::from(field.kind == Kind::Subnet) + 1;
        if let Some(surplus) = words.get(takes) {
            return Err(Refusal::parse(surplus));
        }
        let text = match field.kind {
            Kind::Choice(choices) => match choices.iter().find(|choice| *choice == first) {
                Some(choice) => (*choice).to_owned(),
                None => return Err(Refusal::value(Refusal::UNEXPECTED, "", first)),
            },
            Kind::Text(longest) => text(first, longest)?,
            Kind::Subnet => subnet(words)?,
            Kind::Ip4 => ip4(first)?.to_string(),
            Kind::Prefix6 => prefix6(first)?,
            Kind::Domain => domain(first)?,
            Kind::Number(least, most) => match first.parse::<u32>() {
                Ok(number) if (least..=most).contains(&number) => number.to_string(),
                _ => return Err(Refusal::value(Refusal::UNEXPECTED, "", first)),
            },
            Kind::Made => return Err(Refusal::parse(field.name)),
            Kind::Members(_) | Kind::Words => String::new(),
        };
        Ok(Self::Text(text))
    }
}

pub(super) fn incomplete() -> Refusal {
    Refusal::new(Refusal::INCOMPLETE, ["incomplete command in the end".to_owned()])
}

/// A key, or a name in a list.
pub(super) fn name(word: &str, longest: usize) -> Result<String, Refusal> {
    if word.is_empty() {
        return Err(incomplete());
    }
    text(word, longest)
}

fn text(word: &str, longest: usize) -> Result<String, Refusal> {
    if word.len() > longest {
        let said = format!("string value is too long. the size is {}, the limit is {longest}", word.len());
        return Err(Refusal::new(Refusal::TOO_LONG, [said]));
    }
    if word.contains(['"', '\'', '<', '>']) {
        let said = "The string contains XSS vulnerability characters";
        return Err(Refusal::value(Refusal::XSS, said, word));
    }
    Ok(word.to_owned())
}

fn ip4(word: &str) -> Result<Ipv4Addr, Refusal> {
    word.parse().map_err(|_| Refusal::value(Refusal::BAD_IP, "invalid ip address", word))
}

fn subnet(words: &[String]) -> Result<String, Refusal> {
    let first = words.first().map_or("", String::as_str);
    let bad_mask = |word: &str| Refusal::value(Refusal::BAD_MASK, "invalid netmask", word);
    // JSON has both in one text.
    let parts: Vec<&str> = match words.get(1) {
        Some(second) => vec![first, second],
        None => first.split([' ', '/']).filter(|part| !part.is_empty()).collect(),
    };
    let (Some(address), Some(mask), None) = (parts.first(), parts.get(1), parts.get(2)) else {
        return if parts.len() > 2 { Err(bad_mask(first)) } else { ip4(first).and_then(|_| Err(incomplete())) };
    };
    let address = ip4(address)?;
    let mask = match mask.parse::<u32>() {
        Ok(length @ 0..=32) => u32::MAX.checked_shl(32 - length).unwrap_or(0),
        _ => u32::from(mask.parse::<Ipv4Addr>().map_err(|_| bad_mask(mask))?),
    };
    if mask.leading_ones() + mask.trailing_zeros() < 32 {
        return Err(bad_mask(first));
    }
    Ok(format!("{} {}", Ipv4Addr::from(u32::from(address) & mask), Ipv4Addr::from(mask)))
}

fn prefix6(word: &str) -> Result<String, Refusal> {
    let bad = || Refusal::value(Refusal::BAD_IP, "invalid ip address", word);
    let (address, length) = word.split_once('/').ok_or_else(bad)?;
    let address: Ipv6Addr = address.parse().map_err(|_| bad())?;
    match length.parse::<u32>() {
        Ok(length @ 0..=128) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            Ok(format!("{}/{length}", Ipv6Addr::from(u128::from(address) & mask)))
        }
        _ => Err(Refusal::value(Refusal::BAD_MASK, "invalid netmask", word)),
    }
}

fn domain(word: &str) -> Result<String, Refusal> {
    let label = |label: &str| {
        let bytes = label.as_bytes();
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
    };
    if word.len() > 255 {
        return text(word, 255);
    }
    let bare = word.strip_prefix("*.").unwrap_or(word);
    if word.contains(['"', '\'', '<', '>']) || !bare.contains('.') || !bare.split('.').all(label) {
        let lines = [
            "domain name is not valid.".to_owned(),
            format!("node_check_object fail! for fqdn {word}"),
            format!("value parse error before '{word}'"),
        ];
        return Err(Refusal::new(Refusal::BAD_DOMAIN, lines));
    }
    Ok(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::fortigate::schema::Table;

    fn read(name: &str, words: &[&str]) -> Result<String, i32> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let field = Table::Address.field(name).or_else(|| Table::Address6.field(name)).unwrap();
        Value::read(field, &words).map(|value| value.text().to_owned()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_value_is_taken_in_every_form_and_kept_in_one() {
        let expected = Ok("203.0.113.9 255.255.255.255".to_owned());
        for words in [&["203.0.113.9", "255.255.255.255"][..], &["203.0.113.9/32"], &["203.0.113.9 255.255.255.255"]] {
            assert_eq!(read("subnet", words), expected, "{words:?}");
        }
        assert_eq!(read("subnet", &["10.1.2.3/8"]), Ok("10.0.0.0 255.0.0.0".to_owned()));
        assert_eq!(read("ip6", &["2001:DB8:0:0::9/128"]), Ok("2001:db8::9/128".to_owned()));
        assert_eq!(read("type", &["fqdn"]), Ok("fqdn".to_owned()));
    }

    #[test]
    fn a_value_that_is_wrong_is_refused_with_its_own_number() {
        assert_eq!(read("subnet", &["1.1"]), Err(-8));
        assert_eq!(read("subnet", &["300.1.1.1", "255.255.255.255"]), Err(-8));
        assert_eq!(read("subnet", &["010.1.1.1", "255.255.255.255"]), Err(-8));
        assert_eq!(read("subnet", &["1.1.1.1", "255.0.255.0"]), Err(-9));
        assert_eq!(read("subnet", &["1.1.1.1"]), Err(-160));
        assert_eq!(read("subnet", &["1.1.1.1", "255.255.255.255", "x"]), Err(-61));
        assert_eq!(read("fqdn", &["bad domain.test"]), Err(-651));
        assert_eq!(read("fqdn", &["bad;example.test"]), Err(-651));
        assert_eq!(read("comment", &["a<b"]), Err(-173));
        assert_eq!(read("comment", &["x".repeat(256).as_str()]), Err(-1));
        assert_eq!(read("type", &["nothing"]), Err(-61));
        assert_eq!(read("comment", &[]), Err(-160));
    }
}

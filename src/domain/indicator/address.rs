//! Addresses and networks, in the one form that every program reads alike.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::{
    BadIndicator, Indicator,
    defang::{is_number, looks_like_address},
};

/// Reads an address or a network; `None` if the text is meant as a name.
pub(super) fn read(text: &str) -> Result<Option<Indicator>, BadIndicator> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    if address.contains(':') {
        return v6(address, prefix).map(Some);
    }
    // `127.0.0.1.` is an address to some programs and a name to others.
    let bare = address.strip_suffix('.').unwrap_or(address);
    if !looks_like_address(bare) && !is_number(bare) {
        return if prefix.is_some() { Err(BadIndicator::BadCharacter) } else { Ok(None) };
    }
    // The strict parser takes no leading zero, no octal, no hexadecimal number and no short form.
    let parsed: Ipv4Addr = address.parse().map_err(|_| BadIndicator::BadAddress)?;
    v4(parsed, length(prefix, 32)?).map(Some)
}

fn v4(address: Ipv4Addr, length: u8) -> Result<Indicator, BadIndicator> {
    let net = Ipv4Net::new(address, length).map_err(|_| BadIndicator::BadPrefix)?;
    if net.network() == address { Ok(Indicator::V4(net)) } else { Err(BadIndicator::HostBits) }
}

fn v6(address: &str, prefix: Option<&str>) -> Result<Indicator, BadIndicator> {
    let parsed: Ipv6Addr = address.parse().map_err(|_| BadIndicator::BadAddress)?;
    let length = length(prefix, 128)?;
    if let Some(inner) = parsed.to_ipv4_mapped() {
        let length = length.checked_sub(96).ok_or(BadIndicator::BadPrefix)?;
        return v4(inner, length);
    }
    let net = Ipv6Net::new(parsed, length).map_err(|_| BadIndicator::BadPrefix)?;
    if net.network() != parsed {
        return Err(BadIndicator::HostBits);
    }
    // A network so wide that it holds all of IPv4 in IPv6 clothes has no IPv4 form, and is refused for its width anyway.
    Ok(Indicator::V6(net))
}

fn length(prefix: Option<&str>, most: u8) -> Result<u8, BadIndicator> {
    let Some(prefix) = prefix else { return Ok(most) };
    let plain = !prefix.is_empty()
        && prefix.len() <= 3
        && prefix.bytes().all(|b| b.is_ascii_digit())
        && (prefix.len() == 1 || !prefix.starts_with('0'));
    let length = if plain { prefix.parse().ok() } else { None };
    length.filter(|length| *length <= most).ok_or(BadIndicator::BadPrefix)
}

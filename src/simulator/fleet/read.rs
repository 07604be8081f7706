//! Reads a fleet from a file: CSV with a header, or JSON.

use std::{net::IpAddr, path::Path};

use jiff::Timestamp;

use super::{Fleet, Said, Wanted, derive, managed::SaidManaged};
use crate::{
    domain::{
        host::Isolation,
        selector::{parse_ip, parse_mac},
    },
    simulator::guid::Guid,
};

/// The columns of a fleet file; each may be left out.
const COLUMNS: [&str; 12] = [
    "guid",
    "hostname",
    "ip",
    "mac",
    "state",
    "available",
    "last_seen",
    "group",
    "display_name",
    "agent",
    "version",
    "os",
];

/// A fleet that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The file cannot be read.
    #[error("read the fleet")]
    Read(#[source] csv::Error),
    /// The header has a column that means nothing.
    #[error(
        "unknown column `{0}`; the columns are guid, hostname, ip, mac, state, available, last_seen, group, display_name, \
         agent, version and os"
    )]
    UnknownColumn(String),
    /// The header has a column twice.
    #[error("column `{0}` stands there twice")]
    TwiceColumn(String),
    /// An id that is no GUID.
    #[error("line {line}: not a GUID")]
    BadGuid {
        /// The line in the file, or the number of the target.
        line: u64,
    },
    /// A host of which nothing is said.
    #[error("line {line}: a host needs a guid, a hostname, an ip or a mac")]
    Nothing {
        /// The line in the file, or the number of the target.
        line: u64,
    },
    /// A field that cannot be read.
    #[error("line {line}: `{value}` is not a value for `{column}`; {expected}")]
    BadField {
        /// The line in the file.
        line: u64,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A JSON file that cannot be read.
    #[error("read the fleet")]
    Open(#[source] std::io::Error),
    /// A JSON file that is no list of agents.
    #[error("line {line}: {what}")]
    Json {
        /// The line in the file.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// An agent of which nothing is said.
    #[error("agent {number}: an agent needs an entity_id or a host_name")]
    NothingOfAgent {
        /// Its number in the file, from 1.
        number: u64,
    },
    /// A code that does not say that something is wrong.
    #[error("agent {number}: `answers` is a negative number")]
    BadCode {
        /// The agent's number in the file, from 1.
        number: u64,
    },
    /// Two hosts with one id.
    #[error("two hosts have the same guid")]
    Repeated,
    /// More hosts than can be numbered.
    #[error("too many hosts")]
    TooMany,
}

impl Fleet {
    /// Reads a fleet file: JSON if its name ends in `.json`, else CSV.
    ///
    /// # Errors
    ///
    /// [`FleetError`] names the line that is wrong.
    pub fn read(path: &Path) -> Result<Self, FleetError> {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            let text = std::fs::read_to_string(path).map_err(FleetError::Open)?;
            return Self::from_json(text.trim_start_matches('\u{feff}'));
        }
        Self::from_csv(
            csv::ReaderBuilder::new()
                .trim(csv::Trim::All)
                .comment(Some(b'#'))
                .from_path(path)
                .map_err(FleetError::Read)?,
        )
    }

    fn from_csv<R: std::io::Read>(mut reader: csv::Reader<R>) -> Result<Self, FleetError> {
        let columns = columns(reader.headers().map_err(FleetError::Read)?)?;
        let mut fleet = Self::default();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(FleetError::Read)? {
            let line = record.position().map_or(0, csv::Position::line);
            let row = Row { columns: &columns, record: &record, line };
            let (guid, said) = row.host(&mut fleet.groups)?;
            fleet.add(guid, said)?;
        }
        let count = fleet.len();
        fleet.index();
        fleet.drop_repeated();
        if fleet.len() == count { Ok(fleet) } else { Err(FleetError::Repeated) }
    }
}

/// Where each column stands.
type Places = [Option<usize>; 12];

fn columns(header: &csv::StringRecord) -> Result<Places, FleetError> {
    let mut places = Places::default();
    for (at, name) in header.iter().enumerate() {
        let name = name.trim_start_matches('\u{feff}').to_ascii_lowercase();
        let Some(column) = COLUMNS.iter().position(|column| *column == name) else {
            return Err(FleetError::UnknownColumn(name));
        };
        match places.get_mut(column) {
            Some(place @ None) => *place = Some(at),
            _ => return Err(FleetError::TwiceColumn(name)),
        }
    }
    Ok(places)
}

struct Row<'a> {
    columns: &'a Places,
    record: &'a csv::StringRecord,
    line: u64,
}

impl Row<'_> {
    fn host(&self, groups: &mut Vec<Box<str>>) -> Result<(Guid, Said), FleetError> {
        let name = self.text("hostname");
        let ip: Option<IpAddr> = self.field("ip", "an IP address is wanted", parse_ip)?;
        let mac = self.field("mac", "a MAC address is wanted", |text| parse_mac(text, true))?;
        let state = self.field("state", "one of not_isolated, isolated", state)?;
        let available = self.field("available", "one of true, false", |text| text.parse().ok())?;
        let last_seen: Option<Timestamp> =
            self.field("last_seen", "a time such as 2026-01-31T08:00:00Z is wanted", |text| text.parse().ok())?;
        let guid = match self.text("guid") {
            Some(text) => Guid::parse(text).ok_or(FleetError::BadGuid { line: self.line })?,
            None => {
                let wanted = Wanted { id: None, name, ip, mac, isolated: false };
                derive(&wanted).ok_or(FleetError::Nothing { line: self.line })?
            }
        };
        let group = self.text("group").map(|name| self.group(name, groups)).transpose()?;
        let said = Said {
            name: name.map(Into::into),
            ip,
            mac,
            state: state.unwrap_or(Isolation::NotIsolated),
            available: available.unwrap_or(true),
            last_seen,
            group,
            agent: None,
            managed: self.managed()?,
        };
        Ok((guid, said))
    }

    /// What only a Security Center tells of a host.
    fn managed(&self) -> Result<Option<Box<SaidManaged>>, FleetError> {
        let agent: Option<bool> = self.field("agent", "one of true, false", |text| text.parse().ok())?;
        let said = SaidManaged {
            display: self.text("display_name").map(Into::into),
            agentless: agent == Some(false),
            version: self.text("version").map(|version| if version == "none" { "" } else { version }.into()),
            system: self.text("os").map(Into::into),
        };
        let something = said.display.is_some() || said.agentless || said.version.is_some() || said.system.is_some();
        Ok(something.then(|| Box::new(said)))
    }

    fn text(&self, column: &str) -> Option<&str> {
        let at = COLUMNS.iter().position(|name| *name == column)?;
        let place = self.columns.get(at).copied().flatten()?;
        self.record.get(place).filter(|text| !text.is_empty())
    }

    fn field<T>(
        &self,
        column: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, FleetError> {
        let Some(text) = self.text(column) else {
            return Ok(None);
        };
        let bad = || FleetError::BadField { line: self.line, column, value: text.to_owned(), expected };
        parse(text).map(Some).ok_or_else(bad)
    }

    fn group(&self, name: &str, groups: &mut Vec<Box<str>>) -> Result<u8, FleetError> {
        let at = groups.iter().position(|group| group.as_ref() == name).unwrap_or_else(|| {
            groups.push(name.into());
            groups.len() - 1
        });
        u8::try_from(at).map_err(|_| FleetError::BadField {
            line: self.line,
            column: "group",
            value: name.to_owned(),
            expected: "at most 256 groups fit",
        })
    }
}

fn state(word: &str) -> Option<Isolation> {
    match word {
        "not_isolated" => Some(Isolation::NotIsolated),
        "isolated" => Some(Isolation::Isolated),
        _ => None,
    }
}

#[cfg(test)]
impl Fleet {
    /// Reads a fleet from text, as it would be read from a file.
    pub(in crate::simulator) fn from_text(text: &str) -> Result<Self, FleetError> {
        Self::from_csv(csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes()))
    }
}

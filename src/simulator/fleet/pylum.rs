//! What Cybereason calls hosts: an id made of the organization, the host's name and the address of its card.

use super::Fleet;
use crate::domain::host::short_name;

/// The organization that every sensor belongs to.
pub(in crate::simulator) const ORGANIZATION: &str = "ACME";

impl Fleet {
    /// `PYLUMCLIENT_ACME_WS-001_0050568A0001`.
    pub(super) fn pylum_id(&self, number: u32) -> String {
        let name = self.name(number);
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
        let host: String = short_name(&name).to_uppercase().chars().map(plain).collect();
        let card: String = self.mac(number).0.iter().map(|byte| format!("{byte:02X}")).collect();
        format!("PYLUMCLIENT_{ORGANIZATION}_{host}_{card}")
    }

    /// The name of a host without its domain, in small letters.
    pub(in crate::simulator) fn machine_name(&self, number: u32) -> String {
        let name = self.name(number);
        short_name(&name).to_lowercase()
    }
}

//! What the unit tells of itself: its state, who uses a name, what its domains resolve to, how its feeds stand.

use hyper::StatusCode;
use serde_json::{Value as Json, json};

use super::{Rest, envelope::Frame, route::Route};
use crate::simulator::fortigate::schema::Table;

impl Rest {
    /// The answer to one of the monitor's paths; `None` if there is no such path.
    pub(super) fn monitor(&self, name: &str, route: &Route, frame: &Frame<'_>) -> Option<Json> {
        let store = self.firewall.store();
        let results = match (route.method.as_str(), name) {
            ("GET", "system/status") => json!({
                "model_name": "FortiGate",
                "model_number": "VM64",
                "model": "FGVM64",
                "hostname": self.firewall.settings().hostname,
                "log_disk_status": "available",
            }),
            ("GET", "system/object/usage") => {
                let given = |name: &str| route.given(name).unwrap_or_default();
                let path = (given("q_path"), given("q_name"));
                let table = Table::of_path(path.0, path.1)?;
                let uses = store.uses(frame.vdom, table, given("mkey"));
                let using = uses.iter().map(|used| {
                    let (path, name) = used.table.path();
                    json!({
                        "path": path,
                        "name": name,
                        "attribute": used.attribute,
                        "mkey": used.key,
                        "vdom": frame.vdom,
                        "table_type": "table",
                    })
                });
                json!({"currently_using": using.collect::<Vec<_>>(), "can_use": []})
            }
            ("GET", "firewall/address-fqdns") => {
                let domains = store.entries(frame.vdom, Table::Address);
                let domains = domains.filter(|(_, entry)| entry.text("type") == "fqdn");
                // Nothing here resolves any name.
                let domains = domains.map(|(_, entry)| json!({"fqdn": entry.text("fqdn"), "addrs": []}));
                domains.collect::<Vec<_>>().into()
            }
            ("GET", "system/external-resource/entry-list") => {
                let known = route.given("mkey").and_then(|key| store.entry(frame.vdom, Table::Resource, key));
                let state =
                    known.map(|_| json!({"status": "success", "valid_lines": 0, "error_lines": 0, "entries": []}));
                state?
            }
            _ => return None,
        };
        let more = json!({"results": results, "action": ""});
        Some(frame.wrap(StatusCode::OK, more))
    }
}

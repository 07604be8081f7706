//! What the console knows of itself, and of the consoles that are connected to it.

use super::{Answer, Kaspersky, arguments::Arguments, groups, results, returns, values::Field};

/// What the server tells of itself, by name.
const NAMES: [&str; 10] = [
    "KLADMSRV_IS_VIRTUAL",
    "KLADMSRV_VSID",
    "KLADMSRV_GRP_ROOT",
    "KLADMSRV_GRP_UNASSIGNED",
    "KLADMSRV_GRP_SUPER",
    "KLADMSRV_SERVER_VERSION_ID",
    "KLADMSRV_PRODUCT_NAME",
    "KLADMSRV_PRODUCT_VERSION",
    "KLADMSRV_PRODUCT_FULL_VERSION",
    "KLADMSRV_SERVER_HOSTNAME",
];

/// One thing that the server tells of itself.
fn value(name: &str) -> Option<Field> {
    let text = |text: &str| Field::Text(text.to_owned());
    Some(match name {
        "KLADMSRV_IS_VIRTUAL" => Field::Bool(false),
        "KLADMSRV_VSID" => Field::Int(0),
        "KLADMSRV_GRP_ROOT" => Field::Int(groups::ROOT),
        "KLADMSRV_GRP_UNASSIGNED" => Field::Int(groups::UNASSIGNED),
        "KLADMSRV_GRP_SUPER" => Field::Int(groups::SUPER),
        "KLADMSRV_SERVER_VERSION_ID" => Field::Int(51),
        "KLADMSRV_PRODUCT_NAME" => text("1093"),
        "KLADMSRV_PRODUCT_VERSION" => text("15.1.0.0"),
        "KLADMSRV_PRODUCT_FULL_VERSION" => text("15.1.0.20748"),
        "KLADMSRV_SERVER_HOSTNAME" => text("ksc.corp.example"),
        _ => return None,
    })
}

impl Kaspersky {
    /// What is asked for, or all of it.
    pub(super) fn static_info(&self, arguments: &Arguments) -> Answer {
        let mut names = arguments.names("pValues")?;
        if names.is_empty() {
            names = NAMES.iter().map(ToString::to_string).collect();
        }
        let told: super::Params =
            names.into_iter().filter_map(|name| value(&name).map(|value| (name, value.json()))).collect();
        Ok(returns(told))
    }

    pub(super) fn statistics(&self) -> Answer {
        let inner = self.truth.lock();
        let hosts = self.truth.agents(&inner).count();
        let away = self.truth.agents(&inner).filter(|number| self.truth.is_away(&inner, *number)).count();
        let statistics = results([
            ("KLSRV_ST_TOTAL_HOSTS_COUNT", hosts.into()),
            ("KLSRV_ST_ONLINE_HOSTS_COUNT", (hosts - away).into()),
            ("KLADMSRV_PRODUCT_FULL_VERSION", "15.1.0.20748".into()),
        ]);
        Ok(returns(statistics))
    }

    fn console_is_shown(&self) -> bool {
        self.settings().console_connected && self.settings().console_shown
    }

    pub(super) fn any_console(&self) -> Answer {
        Ok(returns(self.console_is_shown()))
    }

    pub(super) fn console(&self, arguments: &Arguments) -> Answer {
        arguments.text("wstrProdName")?;
        arguments.text("wstrProdVersion")?;
        Ok(returns(self.console_is_shown()))
    }
}

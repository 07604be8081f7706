//! What to do about a failure, by the way that the firewall is reached.

use crate::{domain::failure::FailureKind, vendors::Advice};

/// Over the REST interface.
pub(super) const REST: Advice = Advice {
    secret: "token",
    address_keys: "`url`",
    address_example: "https://fw.example",
    of: |kind| match kind {
        FailureKind::CredentialsRefused => {
            Some("the API administrator's trusted hosts have to include this machine, too")
        }
        FailureKind::Forbidden => Some(
            "the API administrator's profile needs read and write access to addresses, read access to policies, and the \
             virtual domain",
        ),
        _ => None,
    },
};

/// Over the command line.
pub(super) const SSH: Advice = Advice {
    secret: "sign-in",
    address_keys: "`ssh_host` and `ssh_port`",
    address_example: "ssh_host = \"fw.example\"",
    of: |kind| match kind {
        FailureKind::CredentialsRefused => Some("the administrator's trusted hosts have to include this machine, too"),
        FailureKind::Forbidden => Some(
            "the administrator's profile needs read and write access to addresses, read access to policies, and the virtual \
             domain",
        ),
        _ => None,
    },
};

/// Through lists.
pub(super) const FEED: Advice = Advice {
    secret: "folder",
    address_keys: "`feed_folder`",
    address_example: "/srv/feeds",
    of: |kind| match kind {
        FailureKind::FolderFailed => Some("whoever runs this has to be able to write the folder and the lists in it"),
        _ => None,
    },
};

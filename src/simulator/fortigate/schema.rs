//! The tables that the unit has, and what each attribute of an entry may be. Both faces read this, so that they cannot
//! differ in what they take.

/// A table, or one of the few objects that there is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Table {
    Address,
    Address6,
    Group,
    Group6,
    Policy,
    Resource,
    Console,
    Global,
    Management,
}

/// What an attribute may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text of at most so many bytes.
    Text(usize),
    /// An IPv4 address and its mask.
    Subnet,
    /// An IPv4 address.
    Ip4,
    /// An IPv6 address and the length of its prefix.
    Prefix6,
    /// A domain.
    Domain,
    /// A number between these.
    Number(u32, u32),
    /// Names of entries of these tables.
    Members(&'static [Table]),
    /// Names of things that are not kept here.
    Words,
    /// Made by the unit.
    Made,
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it is until somebody sets it; names stand behind each other with blanks.
    pub(super) default: &'static str,
}

const fn field(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field { name, kind, default }
}

const SWITCH: Kind = Kind::Choice(&["enable", "disable"]);
const V4: &[Table] = &[Table::Address, Table::Group];
const V6: &[Table] = &[Table::Address6, Table::Group6];

const ADDRESS: &[Field] = &[
    field("uuid", Kind::Made, ""),
    // With these two defaults an entry that is saved without its own value is the whole Internet.
    field("type", Kind::Choice(&["ipmask", "iprange", "fqdn", "geography", "wildcard", "dynamic", "mac"]), "ipmask"),
    field("subnet", Kind::Subnet, "0.0.0.0 0.0.0.0"),
    field("start-ip", Kind::Ip4, "0.0.0.0"),
    field("end-ip", Kind::Ip4, "0.0.0.0"),
    field("fqdn", Kind::Domain, ""),
    field("country", Kind::Text(2), ""),
    field("cache-ttl", Kind::Number(0, 86_400), "0"),
    field("comment", Kind::Text(255), ""),
    field("associated-interface", Kind::Text(35), ""),
    field("color", Kind::Number(0, 32), "0"),
    field("allow-routing", SWITCH, "disable"),
];

const ADDRESS6: &[Field] = &[
    field("uuid", Kind::Made, ""),
    field("type", Kind::Choice(&["ipprefix", "iprange", "fqdn", "geography", "dynamic", "mac"]), "ipprefix"),
    field("ip6", Kind::Prefix6, "::/0"),
    field("fqdn", Kind::Domain, ""),
    field("cache-ttl", Kind::Number(0, 86_400), "0"),
    field("comment", Kind::Text(255), ""),
    field("color", Kind::Number(0, 32), "0"),
];

const GROUP: &[Field] = &[
    field("uuid", Kind::Made, ""),
    field("type", Kind::Choice(&["default", "folder"]), "default"),
    field("category", Kind::Choice(&["default", "ztna-ems-tag", "ztna-geo-tag"]), "default"),
    field("member", Kind::Members(V4), ""),
    field("comment", Kind::Text(255), ""),
    field("exclude", SWITCH, "disable"),
    field("exclude-member", Kind::Members(V4), ""),
    field("color", Kind::Number(0, 32), "0"),
    field("allow-routing", SWITCH, "disable"),
];

const GROUP6: &[Field] = &[
    field("uuid", Kind::Made, ""),
    field("member", Kind::Members(V6), ""),
    field("comment", Kind::Text(255), ""),
    field("exclude", SWITCH, "disable"),
    field("exclude-member", Kind::Members(V6), ""),
    field("color", Kind::Number(0, 32), "0"),
];

const POLICY: &[Field] = &[
    field("uuid", Kind::Made, ""),
    field("status", SWITCH, "enable"),
    field("name", Kind::Text(35), ""),
    field("srcintf", Kind::Words, ""),
    field("dstintf", Kind::Words, ""),
    field("action", Kind::Choice(&["accept", "deny", "ipsec"]), "deny"),
    field("srcaddr", Kind::Members(V4), ""),
    field("dstaddr", Kind::Members(V4), ""),
    field("srcaddr6", Kind::Members(V6), ""),
    field("dstaddr6", Kind::Members(V6), ""),
    field("srcaddr-negate", SWITCH, "disable"),
    field("dstaddr-negate", SWITCH, "disable"),
    field("srcaddr6-negate", SWITCH, "disable"),
    field("dstaddr6-negate", SWITCH, "disable"),
    field("schedule", Kind::Text(35), "always"),
    field("service", Kind::Words, ""),
    field("logtraffic", Kind::Choice(&["all", "utm", "disable"]), "utm"),
    field("comments", Kind::Text(1023), ""),
];

const RESOURCE: &[Field] = &[
    field("uuid", Kind::Made, ""),
    field("status", SWITCH, "enable"),
    field("type", Kind::Choice(&["category", "domain", "malware", "address", "mac-address"]), "category"),
    field("category", Kind::Number(0, 221), "0"),
    field("resource", Kind::Text(511), ""),
    field("refresh-rate", Kind::Number(1, 43_200), "5"),
    field("server-identity-check", Kind::Choice(&["none", "basic", "full"]), "none"),
    field("username", Kind::Text(64), ""),
    field("user-agent", Kind::Text(255), "curl/7.58.0"),
    field("update-method", Kind::Choice(&["feed", "push"]), "feed"),
    field("comments", Kind::Text(255), ""),
];

const CONSOLE: &[Field] = &[
    field("baudrate", Kind::Choice(&["9600", "19200", "38400", "57600", "115200"]), "9600"),
    field("output", Kind::Choice(&["standard", "more"]), "more"),
    field("login", SWITCH, "enable"),
];

const GLOBAL: &[Field] =
    &[field("hostname", Kind::Text(35), "FortiGate"), field("admintimeout", Kind::Number(1, 480), "5")];

const MANAGEMENT: &[Field] =
    &[field("type", Kind::Choice(&["fortimanager", "fortiguard", "none"]), "none"), field("fmg", Kind::Text(127), "")];

impl Table {
    pub(super) const ALL: [Self; 9] = [
        Self::Address,
        Self::Address6,
        Self::Group,
        Self::Group6,
        Self::Policy,
        Self::Resource,
        Self::Console,
        Self::Global,
        Self::Management,
    ];

    /// The two words that name it, in a command and in a path.
    pub(super) const fn path(self) -> (&'static str, &'static str) {
        match self {
            Self::Address => ("firewall", "address"),
            Self::Address6 => ("firewall", "address6"),
            Self::Group => ("firewall", "addrgrp"),
            Self::Group6 => ("firewall", "addrgrp6"),
            Self::Policy => ("firewall", "policy"),
            Self::Resource => ("system", "external-resource"),
            Self::Console => ("system", "console"),
            Self::Global => ("system", "global"),
            Self::Management => ("system", "central-management"),
        }
    }

    pub(super) fn of_path(path: &str, name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.path() == (path, name))
    }

    /// How messages call an entry of it.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Address6 => "IPv6 address",
            Self::Group => "address group",
            Self::Group6 => "IPv6 address group",
            Self::Policy => "policy",
            Self::Resource => "external resource",
            Self::Console | Self::Global | Self::Management => "settings",
        }
    }

    pub(super) const fn fields(self) -> &'static [Field] {
        match self {
            Self::Address => ADDRESS,
            Self::Address6 => ADDRESS6,
            Self::Group => GROUP,
            Self::Group6 => GROUP6,
            Self::Policy => POLICY,
            Self::Resource => RESOURCE,
            Self::Console => CONSOLE,
            Self::Global => GLOBAL,
            Self::Management => MANAGEMENT,
        }
    }

    pub(super) fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// Whether there is exactly one of it, without a name.
    pub(super) const fn is_single(self) -> bool {
        matches!(self, Self::Console | Self::Global | Self::Management)
    }

    /// Whether it belongs to the whole unit and not to a virtual domain.
    pub(super) const fn is_global(self) -> bool {
        self.is_single()
    }

    /// Whether its entries are numbered.
    pub(super) const fn is_numbered(self) -> bool {
        matches!(self, Self::Policy)
    }

    /// The table that names are shared with.
    pub(super) const fn namesake(self) -> Option<Self> {
        match self {
            Self::Address => Some(Self::Group),
            Self::Group => Some(Self::Address),
            Self::Address6 => Some(Self::Group6),
            Self::Group6 => Some(Self::Address6),
            _ => None,
        }
    }

    /// What holds the key of an entry in the REST face.
    pub(super) const fn key_name(self) -> &'static str {
        if self.is_numbered() { "policyid" } else { "name" }
    }

    /// The longest key.
    pub(super) const fn longest_key(self) -> usize {
        match self {
            Self::Resource => 35,
            _ => 79,
        }
    }
}

impl Field {
    pub(super) const fn is_list(&self) -> bool {
        matches!(self.kind, Kind::Members(_) | Kind::Words)
    }
}

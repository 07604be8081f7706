//! Whether a pattern could cover a host whose whole name is not known: a console may keep names without their domain, and
//! may have cut them off.

/// The longest name that NetBIOS has room for, in characters. One of that length may have been longer.
const CUT: usize = 15;

/// What a console that keeps bare names knows of a host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bare<'a> {
    /// The name without its domain, in lower case.
    pub(super) name: &'a str,
    /// The domain in lower case; empty where the console knows none.
    pub(super) domain: &'a str,
}

impl Bare<'_> {
    /// The full name, where the console knows a full domain.
    pub(super) fn full(self) -> Option<String> {
        self.domain.contains('.').then(|| format!("{}.{}", self.name, self.domain))
    }

    /// Whether some name that this host could really have is covered by the pattern, which is in lower case.
    pub(super) fn may_be_covered(self, pattern: &str) -> bool {
        let after_name = Places::start(pattern).read(self.name);
        let domain_is_whole = self.domain.contains('.');
        if !domain_is_whole {
            // Windows abbreviates a domain to its first part.
            let domain =
                if self.domain.is_empty() { after_name.read(".") } else { after_name.read(".").read(self.domain) };
            let rest = if self.domain.is_empty() { domain } else { domain.read(".") };
            if rest.is_alive() {
                return true;
            }
        }
        if self.name.chars().count() != CUT || !after_name.is_alive() {
            return false;
        }
        // A pattern without a domain is held against bare names, so any longer one may fit it.
        !domain_is_whole || !pattern.contains('.') || after_name.read_anything().read(".").read(self.domain).is_end()
    }
}

/// The places of a pattern at which a reader may stand.
#[derive(Clone)]
struct Places<'a> {
    pattern: &'a str,
    /// Byte offsets, sorted.
    at: Vec<usize>,
}

impl<'a> Places<'a> {
    fn start(pattern: &'a str) -> Self {
        Self { pattern, at: vec![0] }.beyond_stars()
    }

    /// A star may stand for nothing.
    fn beyond_stars(mut self) -> Self {
        let mut index = 0;
        while let Some(place) = self.at.get(index).copied() {
            if self.pattern.as_bytes().get(place) == Some(&b'*') && !self.at.contains(&(place + 1)) {
                self.at.push(place + 1);
            }
            index += 1;
        }
        self.at.sort_unstable();
        self.at.dedup();
        self
    }

    fn read(&self, text: &str) -> Self {
        let mut places = self.clone();
        for read in text.chars() {
            let mut at = Vec::with_capacity(places.at.len());
            for place in places.at {
                match self.pattern.get(place..).and_then(|rest| rest.chars().next()) {
                    Some('*') => at.push(place),
                    Some(due) if due == read => at.push(place + due.len_utf8()),
                    _ => {}
                }
            }
            places = Self { pattern: self.pattern, at }.beyond_stars();
        }
        places
    }

    /// Reads a text that nobody knows: it may be whatever the pattern wants next.
    fn read_anything(&self) -> Self {
        let first = self.at.first().copied().unwrap_or(self.pattern.len());
        let behind = |place: &usize| *place >= first;
        let at = self.pattern.char_indices().map(|(place, _)| place).chain([self.pattern.len()]).filter(behind);
        Self { pattern: self.pattern, at: at.collect() }
    }

    fn is_alive(&self) -> bool {
        !self.at.is_empty()
    }

    fn is_end(&self) -> bool {
        self.at.last() == Some(&self.pattern.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::protect::wild;

    fn unsure(pattern: &str, name: &str, domain: &str) -> bool {
        Bare { name, domain }.may_be_covered(pattern)
    }

    #[test]
    fn a_domain_that_is_not_known_may_be_any() {
        assert!(unsure("*.vital.example", "dc01", ""));
        assert!(unsure("dc01.vital.example", "dc01", ""));
        assert!(unsure("*vital.example", "dc01", ""));
        assert!(!unsure("web*.vital.example", "dc01", ""));
        assert!(!unsure("web01", "dc01", ""));
        assert!(unsure("*.vital.example", "dc01", "vital"), "a domain's first part");
        assert!(unsure("*.vital.example", "dc01", "lab"), "lab may be lab.vital.example");
        assert!(!unsure("dc01.vital.example", "dc01", "lab"));
        assert!(!unsure("*.vital.example", "dc01", "lab.example"));
    }

    #[test]
    fn a_name_of_fifteen_characters_may_be_the_beginning_of_one() {
        let name = "dc-payments-mas";
        assert!(unsure("dc-payments-master-01", name, ""));
        assert!(unsure("dc-payments-master-01", name, "corp.example"));
        assert!(unsure("dc-payments-master-01.corp.example", name, "corp.example"));
        assert!(!unsure("dc-payments-master-01.lab.example", name, "corp.example"));
        assert!(unsure("*-master-01", "dc-payments-mas", "corp.example"));
        assert!(!unsure("dc-payments-mister-01", name, ""));
        assert!(!unsure("dc-payments-master-01", "dc-payments-ma", ""), "fourteen characters are whole");
    }

    proptest! {
        /// Whatever a name goes on with: if the pattern covers the whole, the beginning is not sure.
        #[test]
        fn nothing_that_is_covered_passes_as_sure(
            pattern in "[ab*.]{1,12}", name in "[ab]{15}", more in "[ab]{0,4}", domain in "[ab]{1,3}\\.[ab]{1,3}",
        ) {
            let whole = format!("{name}{more}.{domain}");
            if wild(&pattern, &whole) {
                for known in ["", &domain, domain.split('.').next().unwrap()] {
                    let bare = Bare { name: &name, domain: known };
                    let seen = bare.full().is_some_and(|full| wild(&pattern, &full));
                    prop_assert!(seen || bare.may_be_covered(&pattern), "{known}");
                }
            }
        }

        #[test]
        fn a_domain_that_is_not_known_never_passes_as_sure(
            pattern in "[ab*.]{1,12}", name in "[ab]{1,8}", domain in "[ab]{1,3}\\.[ab]{1,3}",
        ) {
            if wild(&pattern, &format!("{name}.{domain}")) {
                prop_assert!(unsure(&pattern, &name, ""));
                prop_assert!(unsure(&pattern, &name, domain.split('.').next().unwrap()));
            }
        }
    }
}

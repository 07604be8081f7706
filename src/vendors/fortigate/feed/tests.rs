use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    super::objects::{Table, name_of},
    class::{CLASSES, Class},
    list::{List, ListFile, Whose},
    marks::{Counts, Marks},
};
use crate::domain::indicator::Indicator;

fn list(file: ListFile, text: &str) -> List {
    List::new(file, text.as_bytes().to_vec())
}

fn values(file: ListFile, text: &str) -> Vec<String> {
    list(file, text).values().map(|value| value.into_owned()).collect()
}

#[test]
fn lines_are_read_as_what_they_mean() {
    let text = "\u{feff}# head\r\n203.0.113.9\r\n\n  203.0.113.10 \n203.0.113.11/32\n203.0.113.0/28\n1.2.3.4-1.2.3.9\n2001:db8::1\n";
    let meant = values(ListFile::Ip4, text);
    // A range is somebody's, and nothing that we would write.
    assert_eq!(meant, ["203.0.113.9", "203.0.113.10", "203.0.113.11", "203.0.113.0/28", "1.2.3.4-1.2.3.9"]);
    assert_eq!(values(ListFile::Ip6, "2001:DB8::1\n2001:db8:0::2/128\nx\n"), ["2001:db8::1", "2001:db8::2"]);
    assert_eq!(
        values(
            ListFile::Domain,
            "Bad.Example\nb\u{fc}cher.example\n*.wild.example\nhttp://x.example/y\ngood.example.\n"
        ),
        ["bad.example", "good.example"]
    );
    let read = list(ListFile::Ip4, text);
    assert_eq!((read.lines(), read.entries()), (8, 6));
    assert_eq!(list(ListFile::Ip4, "").lines(), 0);
    assert_eq!(list(ListFile::Ip4, "\n").entries(), 0);
}

fn changed(text: &str, whose: impl Fn(&str) -> Whose, add: &[&str], remove: &[&str]) -> String {
    let remove: BTreeSet<&str> = remove.iter().copied().collect();
    String::from_utf8(list(ListFile::Ip4, text).changed(whose, add, &remove)).unwrap()
}

fn ours(value: &str) -> Whose {
    if ["203.0.113.9", "203.0.113.5"].contains(&value) { Whose::Ours { others: 0 } } else { Whose::Others }
}

#[test]
fn ours_stand_behind_the_others_sorted_and_once() {
    let text = "zzz\n# a\n203.0.113.3\n203.0.113.9";
    assert_eq!(changed(text, ours, &["203.0.113.5"], &[]), "zzz\n# a\n203.0.113.3\n203.0.113.5\n203.0.113.9\n");
    // A line without a mark stays, whoever asks.
    assert_eq!(changed(text, ours, &[], &["203.0.113.9", "203.0.113.3"]), "zzz\n# a\n203.0.113.3\n");
}

#[test]
fn of_several_lines_of_one_value_one_is_ours() {
    let text = "# his\n203.0.113.9\nzzz\n203.0.113.5\n203.0.113.9\n";
    assert_eq!(changed(text, ours, &[], &[]), text);
    assert_eq!(changed(text, ours, &[], &["203.0.113.9"]), "# his\n203.0.113.9\nzzz\n203.0.113.5\n");
    // Once as many are left as have been counted for others, none is ours any more.
    let counted = |_: &str| Whose::Ours { others: 1 };
    assert_eq!(changed("# his\n203.0.113.9\n", counted, &[], &["203.0.113.9"]), "# his\n203.0.113.9\n");
    // What has a comment behind it is more likely his.
    let text = "203.0.113.9\n203.0.113.9 # his\n";
    assert_eq!(changed(text, ours, &[], &["203.0.113.9"]), "203.0.113.9 # his\n");
}

#[test]
fn a_line_of_ours_is_known_whatever_an_editor_has_done_to_it() {
    for line in ["203.0.113.9\r", " 203.0.113.9 \t", "\u{feff}203.0.113.9", "203.0.113.9 # known", "203.0.113.9/32#x\r"]
    {
        let text = format!("{line}\nzzz\n");
        assert_eq!(changed(&text, ours, &[], &["203.0.113.9"]), "zzz\n", "{line:?}");
        assert_eq!(list(ListFile::Ip4, &text).count_of(["203.0.113.9"])["203.0.113.9"].named, 1, "{line:?}");
    }
    // It is written in its one form, unless somebody has put something behind it.
    assert_eq!(changed("203.0.113.9\r\nzzz\r\n", ours, &[], &[]), "zzz\r\n203.0.113.9\n");
    assert_eq!(changed("203.0.113.9 # known\nzzz\n", ours, &[], &[]), "zzz\n203.0.113.9 # known\n");
    assert_eq!(changed("203.0.113.9 # known\nzzz\n", ours, &["203.0.113.9"], &[]), "zzz\n203.0.113.9\n");
}

#[test]
fn marks_are_read_back_or_not_at_all() {
    let indicator = Indicator::parse("bad.example").unwrap().indicator;
    let mut marks = Marks::default();
    marks.set("bad.example", &indicator, "edrctl run=a exp=never why=\"x\"");
    let text = marks.text();
    let read = Marks::read(&text).unwrap();
    assert_eq!(read.text(), text);
    let object = read.objects(Table::V4).next().unwrap();
    assert_eq!((object.name.as_str(), object.value.as_ref()), (name_of(&indicator).as_str(), Some(&indicator)));
    assert_eq!(read.whose(ListFile::Domain, "bad.example"), Whose::Ours { others: 0 });
    assert_eq!(read.whose(ListFile::Ip4, "bad.example"), Whose::Others);
    marks.set_others("bad.example", 2);
    assert_eq!(Marks::read(&marks.text()).unwrap().others("bad.example"), 2);
    assert_eq!(read.objects(Table::V6).count(), 0);
    for (bad, line) in [
        ("x", 1),
        ("{\"value\":\"203.0.113.9\",\"comment\":\"\"}\n{\"value\":\"203.0.113.10\"}\n", 2),
        ("{\"value\":\"203.0.113.9/32\",\"comment\":\"\"}\n", 1),
    ] {
        assert_eq!(Marks::read(bad.as_bytes()).unwrap_err(), line, "{bad}");
    }
}

#[test]
fn a_list_has_shrunk_if_three_in_ten_are_gone() {
    let mut counts = Counts::default();
    assert!(!counts.have_shrunk(ListFile::Ip4, 0));
    counts.set(ListFile::Ip4, 10);
    let counts = Counts::read(&counts.text()).unwrap();
    for (now, shrunk) in [(0, true), (6, true), (7, false), (10, false), (11, false)] {
        assert_eq!(counts.have_shrunk(ListFile::Ip4, now), shrunk, "{now}");
    }
    assert!(!counts.have_shrunk(ListFile::Ip6, 0));
    assert!(Counts::read(b"nonsense").is_none() && Counts::read(b"").is_none());
}

#[test]
fn no_class_takes_less_than_the_oldest() {
    for (word, class) in CLASSES {
        assert_eq!(class.word(), word);
        for file in ListFile::ALL {
            assert!(class.lines(file) >= Class::Legacy.lines(file) && class.bytes() >= Class::Legacy.bytes());
            assert_eq!(class.together().iter().filter(|files| files.contains(&file)).count(), 1);
        }
    }
}

proptest! {
    /// Whatever is on a list, what is not ours is there afterwards, in its order.
    #[test]
    fn what_is_not_ours_stays(lines in proptest::collection::vec("[ -~]{0,12}|[ab]{1,2}[.]c[ \r]{0,2}", 0..20)) {
        let own = "a.c";
        let text = lines.join("\n");
        let whose = |value: &str| if value == own { Whose::Ours { others: 0 } } else { Whose::Others };
        let changed = list(ListFile::Domain, &text).changed(whose, &[], &BTreeSet::from([own]));
        let changed = String::from_utf8(changed).unwrap();
        let mut expected: Vec<&str> = text.split('\n').collect();
        let is_own = |line: &str| list(ListFile::Domain, line).count_of([own])[own].named == 1;
        let is_bare = |line: &&str| line.trim_ascii_end() == own;
        let last = expected.iter().rposition(is_bare).or_else(|| expected.iter().rposition(|line| is_own(line)));
        if text.is_empty() {
            expected.clear();
        } else if text.ends_with('\n') {
            expected.pop();
        }
        if let Some(last) = last {
            expected.remove(last);
        }
        let lines: Vec<&str> = changed.strip_suffix('\n').map(|text| text.split('\n').collect()).unwrap_or_default();
        prop_assert_eq!(lines, expected);
    }
}

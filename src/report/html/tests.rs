use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    report::testing::{Texts, story},
    reporters::clean::is_hostile,
};

fn page(texts: &Texts) -> String {
    let mut out = Vec::new();
    write(&story(texts), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The page without its own style and script, of which there is one each.
fn without_ours(page: &str) -> String {
    let (style, script) = (format!("<style>{STYLE}</style>"), format!("<script>{SCRIPT}</script>"));
    assert_eq!((page.matches(&style).count(), page.matches(&script).count()), (1, 1));
    page.replace(&style, "").replace(&script, "")
}

/// The tags of a page, attributes and all, and the texts between them.
fn parts(page: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut tags, mut texts) = (Vec::new(), Vec::new());
    for piece in page.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("a tag is not closed: {piece:?}"));
        tags.push(tag);
        texts.push(text);
    }
    (tags, texts)
}

/// What a tag is without what differs from run to run: numbers of a plot.
fn shape(tag: &str) -> String {
    tag.chars().filter(|c| !c.is_ascii_digit() && !matches!(c, '.' | '-')).collect()
}

#[test]
fn only_the_tags_of_ours_are_there_and_each_is_closed() {
    let page = without_ours(&page(&Texts::all("x")));
    let (tags, _) = parts(&page);
    let mut open = Vec::new();
    for tag in &tags {
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        match name {
            "!doctype" | "meta" | "input" => {}
            _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "{tag}"),
            _ if tag.ends_with('/') => {}
            _ => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let names: BTreeSet<&str> = tags.iter().map(|tag| tag.split(' ').next().unwrap()).collect();
    assert!(!names.iter().any(|name| ["script", "style", "link", "img", "iframe", "base", "form", "a"].contains(name)));
}

#[test]
fn the_policy_names_this_style_and_this_script_and_forbids_the_rest() {
    let page = page(&Texts::all("x"));
    let policy = page.split("content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for text in [STYLE, SCRIPT] {
        let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
        assert!(!text.contains("http") && !text.contains("url(") && !text.contains("@import") && !text.contains("</"));
    }
    assert!(!page.contains("style=\""), "the policy forbids styles at elements");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Any text in any field: the tags are those of a run with harmless texts, and no text is more than a text.
    #[test]
    fn no_text_is_ever_more_than_text(texts in Texts::any()) {
        let (theirs, harmless) = (without_ours(&page(&texts)), without_ours(&page(&Texts::all("x"))));
        let (tags, between) = parts(&theirs);
        let (expected, _) = parts(&harmless);
        // What is empty has no element of its own, and the name is left out where it is the target's.
        let known: BTreeSet<String> = expected.iter().map(|tag| shape(tag)).collect();
        for tag in &tags {
            prop_assert!(known.contains(&shape(tag)), "a tag of theirs: {}", tag);
        }
        let count = |tags: &[&str], name: &str| tags.iter().filter(|tag| tag.split(' ').next() == Some(name)).count();
        for name in ["tr", "td", "th", "section", "table", "li", "path", "svg", "h1", "h2", "dd"] {
            prop_assert_eq!(count(&tags, name), count(&expected, name), "{}", name);
        }
        for text in between {
            prop_assert!(!text.chars().any(|c| is_hostile(c) && c != '\n'), "{:?}", text);
            for entity in text.split('&').skip(1) {
                let known = ["amp;", "lt;", "gt;", "quot;", "#39;", "nbsp;"];
                prop_assert!(known.iter().any(|known| entity.starts_with(known)), "&{}", entity);
            }
        }
    }
}

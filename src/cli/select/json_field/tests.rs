//! Pointers, and what they find.

use proptest::prelude::*;

use super::*;

fn find(pointer: &str, line: &str) -> Result<String, String> {
    Pointer::parse(pointer).unwrap().find(line).map_err(|reason| reason.to_string())
}

#[test]
fn of_several_pointers_the_first_that_is_there_is_taken() {
    let pointers = ["/connector_guid", "/computer/connector_guid"].map(|pointer| Pointer::parse(pointer).unwrap());
    let find = |line| first(&pointers, line).map_err(|reason| reason.to_string());
    assert_eq!(find(r#"{"connector_guid":"a","computer":{"connector_guid":"b"}}"#).unwrap(), "a");
    assert_eq!(find(r#"{"computer":{"connector_guid":"b"}}"#).unwrap(), "b");
    assert!(find("{}").unwrap_err().contains("/connector_guid"));
    assert!(
        find(r#"{"connector_guid":7,"computer":{"connector_guid":"b"}}"#).is_err(),
        "a host that is odd is not another"
    );
}

#[test]
fn a_pointer_walks_objects_and_arrays() {
    let line = r#"{"a":{"b":[0,"x",{"c/d":"y","m~n":"z"}]},"":"empty","e":"\u00e9"}"#;
    for (pointer, text) in [("/a/b/1", "x"), ("/a/b/2/c~1d", "y"), ("/a/b/2/m~0n", "z"), ("/", "empty"), ("/e", "é")] {
        assert_eq!(find(pointer, line).as_deref(), Ok(text), "{pointer}");
    }
    assert_eq!(find("", r#" "web01" "#).as_deref(), Ok("web01"));
}

#[test]
fn what_is_not_a_string_is_told() {
    for (pointer, line, words) in [
        ("/a", r#"{"a":7}"#, "the field `/a` is a number, not a string"),
        ("/a", r#"{"a":-7}"#, "is a number"),
        ("/a", r#"{"a":7.5}"#, "is a number"),
        ("/a", r#"{"a":null}"#, "is null"),
        ("/a", r#"{"a":true}"#, "is a boolean"),
        ("/a", r#"{"a":["x"]}"#, "is an array"),
        ("/a", r#"{"a":{"b":1}}"#, "is an object"),
        ("/a", r#"{"b":"x"}"#, "there is no field `/a`"),
        ("/a/b", r#"{"a":"x"}"#, "there is no field `/a/b`"),
        ("/0", r#"[]"#, "there is no field `/0`"),
        ("/01", r#"["x","y"]"#, "there is no field `/01`"),
        ("/-", r#"["x"]"#, "there is no field `/-`"),
        ("/a", r#"{"a":"x","b":1,"a":"y"}"#, "the field `/a` is there twice"),
        ("/a", r#"{"a":"x"} {"a":"y"}"#, "not JSON: a character that does not fit at byte 11"),
        ("/a", r#"{"a":"x""#, "not JSON: the value ends too early"),
        ("/a", "web01", "not JSON"),
        ("/a", r#"{"a":"x","b":}"#, "not JSON"),
    ] {
        let told = find(pointer, line).unwrap_err();
        assert!(told.contains(words), "{line}: {told}");
    }
}

#[test]
fn a_pointer_that_is_none_is_refused() {
    for text in ["host", "host/name", "/a~", "/a~2b", "/~~01", "#/a"] {
        assert!(matches!(Pointer::parse(text), Err(SelectError::BadPointer { .. })), "{text}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    let line = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(find("/a", &line).is_err());
    assert!(find(&"/0".repeat(100_000), &line).is_err());
}

proptest! {
    #[test]
    fn it_agrees_with_a_tree_and_its_pointer(
        keys in proptest::collection::btree_map("[ab~/]{0,2}", "[a-z\"\\\\é]{0,4}", 0..4),
        outer in "[ab~/]{0,2}",
        pointer in "(/([ab]|~0|~1){0,2}){0,3}",
    ) {
        let value = serde_json::json!({ outer: keys.clone(), "list": [keys] });
        let line = value.to_string();
        let due = value.pointer(&pointer).and_then(serde_json::Value::as_str);
        let found = Pointer::parse(&pointer).unwrap().find(&line).ok();
        prop_assert_eq!(found.as_deref(), due);
    }

    #[test]
    fn no_line_panics(line in "[\\[\\]{}\":,a0e.\\\\-]{0,30}", pointer in "[/a0~1]{0,6}") {
        if let Ok(pointer) = Pointer::parse(&pointer)
            && let Ok(text) = pointer.find(&line)
        {
            prop_assert!(line.contains('"') && text.len() <= line.len());
        }
    }
}

//! Columns: headers, quotes, rows that do not fit.

use super::*;

#[test]
fn a_column_is_found_by_its_name_whatever_the_delimiter() {
    for text in [
        "Host,IP\nweb01,10.0.0.1\n",
        "Host;IP\nweb01;10.0.0.1\n",
        "Host\tIP\r\nweb01\t10.0.0.1",
        "sep=|\nHost|IP\nweb01|10.0.0.1\n",
        "\u{feff}\"Host\" , \"IP\"\r\"web01\" , 10.0.0.1\r",
        "\n \nsep=,\nhost,ip\nweb01,10.0.0.1,\n",
        "\"Notes, and more; really\",HOST ,IP\n\"a, b; c\",web01,10.0.0.1\n",
    ] {
        let hosts: Vec<String> = targets(text, column("host")).into_iter().map(|(_, text)| text).collect();
        assert_eq!(hosts, ["web01"], "{text:?}");
        let addresses: Vec<String> = targets(text, column(" ip")).into_iter().map(|(_, text)| text).collect();
        assert_eq!(addresses, ["10.0.0.1"], "{text:?}");
    }
}

#[test]
fn a_single_column_needs_no_delimiter() {
    assert_eq!(targets("host\nweb01\n\n\"web02\"\n", column("host")), owned(&[(2, "web01"), (4, "web02")]));
}

#[test]
fn rows_are_told_by_the_line_on_which_they_begin() {
    let text = "note,host\n\"two\r\nlines, \"\"quoted\"\"\",web01\r\n\r\nx,web02\nplain,we b\n";
    assert_eq!(bad(text, column("host")), (6, "a blank does not belong into a host name".to_owned()));
    let selected = read_bytes(text.as_bytes(), column("host"), true).unwrap();
    assert_eq!(taken(&selected), [(2, "web01"), (5, "web02")]);
}

#[test]
fn a_hash_is_data_and_blank_rows_are_skipped() {
    let text = "host,note\nhost:pc #1,# none\n,,\n ,\"\"\nweb02,\n";
    assert_eq!(targets(text, column("host")), owned(&[(2, "host:pc #1"), (5, "web02")]));
}

#[test]
fn rows_that_do_not_fit_the_header_are_malformed() {
    for (text, told) in [
        ("a,host\nx,\n", "the column is empty in this row"),
        ("a,host\nx\n", "the row has 1 of 2 cells and ends before the column"),
        ("host,a\nweb01,x,y\n", "the row has 3 cells, the header has 2"),
        ("host,a\n\"web01\"x,y\n", "text follows a closing quote"),
        ("host,a\nweb01,\"x\" y\n", "text follows a closing quote"),
        ("host,a\nweb\"01,y\n", "`\"` does not belong into a host name"),
    ] {
        assert_eq!(bad(text, column("host")), (2, told.to_owned()), "{text:?}");
    }
    assert_eq!(targets("host,a,b\nweb01\nweb02,x,y,,\n", column("host")), owned(&[(2, "web01"), (3, "web02")]));
    let long = format!("host,a\n{},x\n", "x".repeat(5000));
    assert_eq!(bad(&long, column("host")), (2, "the cell is 5000 bytes long".to_owned()));
    assert_eq!(targets(&format!("host,a\nweb01,{}\n", "x".repeat(500_000)), column("host")).len(), 1);
}

#[test]
fn a_quote_that_may_have_swallowed_rows_stops_everything() {
    for (text, line) in [
        ("host,a\nweb01,x\nweb02,\"y\nweb03,z\n", 3),
        ("host,a\nweb01,\"x\nweb02,y\nweb03,\"z\"\n", 2),
        ("\"host,a\nweb01,x\n", 1),
        ("host,a\nweb01,\"x", 2),
    ] {
        let error = read_bytes(text.as_bytes(), column("host"), true).unwrap_err();
        let SelectError::OpenQuote { line: told, .. } = error else { panic!("{text:?}: {error}") };
        assert_eq!(told, line, "{text:?}");
    }
}

#[test]
fn our_own_guard_against_formulas_is_taken_off_and_nothing_else() {
    let text = "target\n'=x\n'-x\n'+x\n'@x\n''x\n'x\n";
    let lines = malformed(text, column("target"));
    // The guard of the second is off: what is left of it is refused for its dash.
    assert_eq!(lines[1].reason, BadReason::Selector(SelectorError::NotAName));
    assert_eq!(lines[0].reason, BadReason::Selector(SelectorError::BadCharacter('=')));
    assert_eq!(lines[4].reason, BadReason::Selector(SelectorError::BadCharacter('\'')));
    assert_eq!(lines[5].reason, BadReason::Selector(SelectorError::BadCharacter('\'')));
}

#[test]
fn a_column_that_is_not_there_is_told_with_a_near_match() {
    let error = refused("Hostname,IP Address\nweb01,10.0.0.1\n", column("hostnam"));
    assert_eq!(error.to_string(), "find the column `hostnam` in standard input");
    assert_eq!(error.hint().unwrap(), "did you mean `--column 'Hostname'`?");
    let error = refused("Hostname,IP Address\n", column("guid"));
    assert_eq!(error.hint().unwrap(), "the header has `Hostname`, `IP Address`");
    let error = refused("host,Host,HOST\nx,y,z\n", column("hosT"));
    assert!(matches!(error, SelectError::AmbiguousColumn { count: 3, .. }), "{error}");
    assert_eq!(targets("host,Host\nx,y\n", column("Host")), owned(&[(2, "y")]));
    let endless = format!("host,\"{}", "x".repeat(100_000));
    assert!(matches!(refused(&endless, column("host")), SelectError::LongHeader { .. }));
}

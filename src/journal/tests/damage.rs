//! Every way in which a journal can be other than it was written.

use proptest::prelude::*;

use super::*;

#[test]
fn a_whole_run_reads_back_as_it_was_written() {
    let records = whole_run();
    let (bytes, seal) = write(&records);
    let lines = read(&bytes).unwrap();
    for (place, (line, record)) in lines.iter().zip(&records).enumerate() {
        assert_eq!((line.number, line.at, &line.record), (place as u64 + 1, at(place as i64), record));
    }
    assert_eq!(lines.len(), records.len());
    let all = Verified { lines: records.len() as u64, torn: false, ended: true, sealed: true };
    assert_eq!(check(&bytes, seal.as_ref()).unwrap(), all);
    assert_eq!(check(&bytes, None).unwrap(), Verified { sealed: false, ..all });
}

#[test]
fn the_format_of_a_line_is_the_one_that_was_published() {
    let (bytes, _) = write(&[Record::Run(Box::new(header("r1", 0))), intent(0, &[0])]);
    let lines = split(&bytes);
    let first = String::from_utf8(lines[0].clone()).unwrap();
    let zeros = "0".repeat(64);
    assert!(
        first.starts_with(&format!(
            r#"{{"v":1,"prev":"{zeros}","at":"2027-01-15T08:00:00.000Z","type":"run","run":"r1","#
        ))
    );
    let value: serde_json::Value = serde_json::from_slice(&lines[1]).unwrap();
    assert_eq!(value["type"], "intent");
    assert_eq!(value["targets"], serde_json::json!([0]));
    // What anybody can do with standard tools: hash a line, find it in the next.
    use sha2::Digest;
    let hash: [u8; 32] = sha2::Sha256::digest(lines[0].strip_suffix(b"\n").unwrap()).into();
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(value["prev"], hex);
}

#[test]
fn absent_fields_are_read_as_nothing() {
    let line = br#"{"type":"targets","list":[{"n":0,"t":"a","l":1}]}"#;
    let Record::Targets(targets) = Record::read("targets", line).unwrap().unwrap() else { panic!("not targets") };
    assert_eq!(targets.list[0].settled, None);
    assert!(targets.list[0].dup.is_empty());
    let line =
        br#"{"batch":1,"replies":[{"verdict":"settled","n":0,"new":1,"result":{"outcome":"failed","by":"look"}}]}"#;
    let Record::Answer(answer) = Record::read("answer", line).unwrap().unwrap() else { panic!("not an answer") };
    assert_eq!(answer.replies, [Reply::Settled { n: 0, result: Settlement::new(Outcome::Failed, By::Look) }]);
}

#[test]
fn every_outcome_and_every_failure_reads_back() {
    for outcome in Outcome::ALL {
        for kind in FailureKind::ALL {
            let result = Settlement::new(outcome, By::Poll).because(&Failure::new(kind, "so"));
            let record = Record::Settled(Settled { n: 0, result });
            let (bytes, _) = write(&[Record::Run(Box::new(header("r1", 0))), record.clone()]);
            assert_eq!(read(&bytes).unwrap()[1].record, record);
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_is_a_shorter_run_or_a_torn_one_and_never_damage() {
    let records = whole_run();
    let (bytes, _) = write(&records);
    let lines = split(&bytes);
    let plan = lines[0].len() + lines[1].len();
    for length in plan..bytes.len() {
        let cut = &bytes[..length];
        let whole = cut.iter().filter(|byte| **byte == b'\n').count();
        let verified = check(cut, None).unwrap();
        assert_eq!(verified.lines, whole as u64);
        assert_eq!(verified.torn, cut.last() != Some(&b'\n'), "cut to {length} bytes");
        let read: Vec<Record> = read(cut).unwrap().into_iter().map(|line| line.record).collect();
        assert_eq!(read, records[..whole]);
    }
}

#[test]
fn an_ended_run_cut_at_any_byte_is_found_through_its_seal() {
    let (bytes, seal) = write(&whole_run());
    for length in 0..bytes.len() {
        let whole = bytes[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(damaged_line(check(&bytes[..length], seal.as_ref())), Some(whole + 1), "cut to {length} bytes");
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let (bytes, _) = write(&whole_run());
    for place in 0..bytes.len() {
        for bit in [1, 0x20, 0x80] {
            let mut edited = bytes.clone();
            edited[place] ^= bit;
            let last_newline = place + 1 == bytes.len();
            match check(&edited, None) {
                // Without its newline the last line is torn, as after a crash: only a seal can tell.
                Ok(verified) => assert!(last_newline && verified.torn, "byte {place}, bit {bit}"),
                Err(JournalError::Damaged { line, .. }) => {
                    let line_of_byte = bytes[..place].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
                    assert_eq!(line, line_of_byte, "byte {place}, bit {bit}");
                }
                Err(JournalError::Version { .. }) => assert_eq!(place, 5, "the version's digit"),
                Err(other) => panic!("byte {place}, bit {bit}: {other}"),
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_the_last_newline_is_found_through_the_seal() {
    let (mut bytes, seal) = write(&whole_run());
    *bytes.last_mut().unwrap() = b' ';
    assert_eq!(damaged_line(check(&bytes, seal.as_ref())), Some(14));
}

#[test]
fn a_removed_line_is_found_wherever_it_was() {
    let (bytes, seal) = write(&whole_run());
    let lines = split(&bytes);
    for removed in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(removed);
        let at_line = Some(removed as u64 + 1);
        assert_eq!(damaged_line(check(&rest.concat(), seal.as_ref())), at_line);
        // The last line of a run that has not ended is the one that nothing vouches for.
        let unsealed = damaged_line(check(&rest.concat(), None));
        assert_eq!(unsealed, at_line.filter(|_| removed + 1 < lines.len()));
    }
}

#[test]
fn any_two_lines_that_change_places_are_found() {
    let (bytes, _) = write(&whole_run());
    let lines = split(&bytes);
    for first in 0..lines.len() {
        for second in first + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(first, second);
            assert_eq!(damaged_line(check(&swapped.concat(), None)), Some(first as u64 + 1));
        }
    }
}

#[test]
fn a_line_put_in_twice_is_found_wherever_it_is_put() {
    let (bytes, _) = write(&whole_run());
    let lines = split(&bytes);
    for copied in 0..lines.len() {
        for place in 0..=lines.len() {
            let mut more = lines.clone();
            more.insert(place, lines[copied].clone());
            // A copy put before its line reads as the line; then it is the line that is one too many.
            let wrong = if place == copied { place + 1 } else { place };
            assert_eq!(damaged_line(check(&more.concat(), None)), Some(wrong as u64 + 1));
        }
    }
}

#[test]
fn a_line_of_ones_own_put_at_the_end_is_found() {
    let (bytes, seal) = write(&whole_run());
    for own in ["\n", "{}\n", "{\"v\":1}\n", "\0\n"] {
        let more = [bytes.as_slice(), own.as_bytes()].concat();
        assert_eq!(damaged_line(check(&more, seal.as_ref())), Some(15), "{own:?}");
    }
}

#[test]
fn lines_of_another_run_are_found() {
    let (bytes, _) = write(&whole_run());
    let mut other = whole_run();
    other[0] = Record::Run(Box::new(header("another", 4)));
    let (other, _) = write(&other);
    let mut lines = split(&bytes);
    lines[5] = split(&other)[5].clone();
    assert_eq!(damaged_line(check(&lines.concat(), None)), Some(6));
}

#[test]
fn a_seal_of_another_end_is_found() {
    let (bytes, seal) = write(&whole_run());
    let seal = seal.unwrap();
    let longer = Seal { lines: seal.lines + 1, ..seal.clone() };
    assert_eq!(damaged_line(check(&bytes, Some(&longer))), Some(15));
    let shorter = Seal { lines: seal.lines - 1, ..seal.clone() };
    assert_eq!(damaged_line(check(&bytes, Some(&shorter))), Some(13));
    let other = Seal { last: "0".repeat(64), ..seal };
    assert_eq!(damaged_line(check(&bytes, Some(&other))), Some(14));
}

#[test]
fn a_resumed_run_is_no_longer_sealed_and_its_sealed_part_still_is() {
    let mut records = whole_run();
    let (_, seal) = write(&records);
    records.push(resumed());
    records.push(intent(3, &[2]));
    let (bytes, _) = write(&records);
    let verified = check(&bytes, seal.as_ref()).unwrap();
    assert_eq!(verified, Verified { lines: 16, torn: false, ended: false, sealed: false });
    let lines = split(&bytes);
    assert_eq!(damaged_line(check(&lines[..13].concat(), seal.as_ref())), Some(14));
}

#[test]
fn an_empty_file_and_a_file_without_a_header_are_damaged() {
    assert_eq!(damaged_line(check(b"", None)), Some(1));
    assert_eq!(damaged_line(check(b"{\"v\":1", None)), Some(1));
    let (bytes, _) = write(&[resumed()]);
    assert_eq!(damaged_line(check(&bytes, None)), Some(1));
}

#[test]
fn a_plan_that_is_not_whole_is_damaged() {
    let (bytes, _) = write(&[Record::Run(Box::new(header("r1", 2))), Record::Targets(Targets { list: plan(1) })]);
    assert_eq!(damaged_line(check(&bytes, None)), Some(2));
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let line = b"{\"v\":12,\"something\":\"else\"}\n";
    let error = check(line, None).unwrap_err();
    assert!(matches!(error, JournalError::Version { found: 12, .. }));
    assert_eq!(error.to_string(), "read the journal `run.jsonl`: its format is version 12, and this program knows 1");
    assert!(error.hint().unwrap().contains("newer"));
}

#[test]
fn a_record_of_an_unknown_kind_is_told_as_such() {
    #[derive(serde::Serialize)]
    struct Wish {
        r#type: &'static str,
    }
    let mut chain = Chain::new();
    let mut bytes = Vec::new();
    chain.push(at(0), &Record::Run(Box::new(header("r1", 0))), &mut bytes).unwrap();
    chain.push(at(1), &Wish { r#type: "wish" }, &mut bytes).unwrap();
    assert_eq!(
        check(&bytes, None).unwrap_err().to_string(),
        "trust the journal `run.jsonl`: line 2 is of a kind that this version does not know"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(check(&bytes, None).is_err());
    }

    #[test]
    fn a_replaced_stretch_of_a_journal_is_found(start in 0_usize..4000, length in 1_usize..200, with in any::<u8>()) {
        let (bytes, seal) = write(&whole_run());
        let start = start % bytes.len();
        let end = (start + length).min(bytes.len());
        let mut edited = bytes.clone();
        edited[start..end].fill(with);
        prop_assert_eq!(check(&edited, seal.as_ref()).is_ok(), edited == bytes);
    }

    #[test]
    fn any_text_in_a_record_keeps_to_its_line(text in any::<String>()) {
        let mut header = header("r1", 0);
        header.comment = Some(text);
        let records = [Record::Run(Box::new(header))];
        let (bytes, _) = write(&records);
        prop_assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
        prop_assert_eq!(&read(&bytes).unwrap()[0].record, &records[0]);
    }
}

use proptest::prelude::*;

use super::*;

fn at(place: &str) -> Prompt {
    Prompt { place: (!place.is_empty()).then(|| place.to_owned()) }
}

/// A conversation that has seen the first prompt.
fn begun() -> Dialogue {
    let mut dialogue = Dialogue::default();
    assert_eq!(dialogue.take(b"\r\nfgt01 # "), Step::Done(Vec::new()));
    assert_eq!((dialogue.host(), dialogue.at()), (Some("fgt01"), Some(&at(""))));
    dialogue
}

/// What comes of these lines, if this comes in one piece.
fn answered(lines: &[&'static str], bytes: &str) -> Step {
    let mut dialogue = begun();
    dialogue.typed(&lines.iter().map(|line| Line::new(line)).collect::<Vec<_>>());
    dialogue.take(bytes.as_bytes())
}

fn said(step: Step) -> Vec<Said> {
    match step {
        Step::Done(said) => said,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_ends_at_the_prompt_that_stands_alone() {
    let step = answered(&["config firewall address"], "config firewall address\r\n\r\nfgt01 (address) # ");
    assert_eq!(said(step), [Said { lines: vec![], before: at(""), after: at("address") }]);
    let step = answered(&["show x"], "show x\r\none\r\n\r\n    two\r\n\r\nfgt01 $ ");
    assert_eq!(said(step)[0].lines, ["one", "", "    two"]);
    assert_eq!(answered(&["show x"], "show x\r\none\r\nfgt01 # show"), Step::Wait);
    assert_eq!(answered(&["show x"], "show x\r\none\r\nfgt01 #x "), Step::Wait);
    assert_eq!(answered(&["show x"], "show x\r\nfgt02 # "), Step::Wait);
}

#[test]
fn lines_that_are_typed_together_are_answered_one_by_one() {
    let bytes = "edit \"a\"\r\nnew entry 'a' added\r\n\r\nfgt01 (a) # set subnet 1.1\r\ninvalid ip address\r\n\
                 Command fail. Return code -8\r\n\r\nfgt01 (a) # abort\r\nfgt01 # ";
    let step = answered(&["edit \"a\"", "set subnet 1.1", "abort"], bytes);
    let said = said(step);
    let places: Vec<_> = said.iter().map(|said| (said.before.clone(), said.after.clone())).collect();
    assert_eq!(places, [(at(""), at("a")), (at("a"), at("a")), (at("a"), at(""))]);
    assert_eq!(said[1].lines, ["invalid ip address", "Command fail. Return code -8"]);
    assert!(said[2].lines.is_empty());
}

#[test]
fn a_long_answer_is_asked_for_and_read_as_one() {
    let mut dialogue = begun();
    dialogue.typed(&[Line::new("show")]);
    assert_eq!(dialogue.take(b"show\r\none\r\n--More-- "), Step::Type(GO_ON));
    assert_eq!(dialogue.take(b"\r         \rtwo\r\n"), Step::Wait);
    let said = said(dialogue.take(b"\r\nfgt01 # "));
    assert_eq!(said[0].lines, ["one", "two"]);
    // Blanks that came too late stand before the next line.
    dialogue.typed(&[Line::new("end")]);
    assert!(matches!(dialogue.take(b"  end\r\nfgt01 # "), Step::Done(_)));
}

#[test]
fn a_banner_is_accepted_once() {
    let mut dialogue = Dialogue::default();
    assert_eq!(dialogue.take(b"\r\nOnly for # some\r\n(Press 'a' to accept): "), Step::Type(ACCEPT));
    assert_eq!(dialogue.take(b"\r\n\r\n"), Step::Wait);
    assert_eq!(dialogue.take(b"fgt01 (root) $ "), Step::Done(Vec::new()));
    assert_eq!(dialogue.at(), Some(&at("root")));
}

#[test]
fn an_echo_that_is_not_what_was_typed_ends_it() {
    let lost = Step::Lost("the firewall shows something else than was typed");
    assert_eq!(answered(&["show x"], "show y\r\nfgt01 # "), lost);
    assert_eq!(answered(&["show x"], "Connection lost\r\n"), lost);
    let step = answered(&["show x", "show y"], "show x\r\none\r\nfgt01 # show z\r\ntwo\r\nfgt01 # ");
    assert_eq!(step, Step::Wait, "the second is never answered");
}

#[test]
fn a_prompt_is_known_by_the_name_that_was_learnt() {
    let dialogue = begun();
    let prompt = |line: &str| dialogue.prompt(line).map(|(prompt, echo)| (prompt.place, echo.to_owned()));
    let some = |place: &str| Some((Some(place.to_owned()), String::new()));
    assert_eq!(prompt("fgt01 (edr-ip-0123) #"), some("edr-ip-0123"));
    assert_eq!(prompt("fgt01 (two words) $"), some("two words"));
    assert_eq!(prompt("fgt01 (a) # end"), Some((Some("a".to_owned()), "end".to_owned())));
    assert_eq!(prompt("fgt0 #"), None);
    assert_eq!(prompt("xfgt01 #"), None);
    assert_eq!(prompt("fgt01 (a #"), None);
    assert!(at("edr-ip-0123456789").is_at(Some("edr-ip-0123456789abcdef")), "a long name may be cut");
    assert!(!at("edr").is_at(Some("edr-ip-0123456789abcdef")));
    assert!(!at("").is_at(Some("a")) && !at("a").is_at(None));
}

proptest! {
    /// However the bytes are cut, the same is understood.
    #[test]
    fn pieces_make_no_difference(cuts in prop::collection::vec(0_usize..200, 0..12)) {
        let text = "edit \"a\"\r\nnew entry 'a' added\r\n\r\nfgt01 (a) # set type fqdn\r\n\r\nfgt01 (a) # set fqdn \"b.test\"\r\n\
                    Command fail. Return code -651\r\n\r\nfgt01 (a) # ";
        let lines = [Line::new("edit \"a\""), Line::new("set type fqdn"), Line::new("set fqdn \"b.test\"")];
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let mut dialogue = begun();
        dialogue.typed(&lines);
        let mut last = Step::Wait;
        for pair in cuts.windows(2).filter(|pair| pair[0] < pair[1]) {
            let step = dialogue.take(&text.as_bytes()[pair[0]..pair[1]]);
            // The blank behind the last prompt may come when all is said.
            if !matches!(last, Step::Done(_)) {
                last = step;
            }
        }
        match last {
            Step::Done(said) => {
                prop_assert_eq!(said.len(), 3);
                prop_assert_eq!(&said[2].lines, &["Command fail. Return code -651".to_owned()]);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// Nothing that a firewall says makes it panic, or believe in an answer to what was not typed.
    #[test]
    fn nothing_that_is_said_is_an_answer_without_the_echo(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut dialogue = begun();
        dialogue.typed(&[Line::new("a line that noise does not hit upon")]);
        prop_assert!(!matches!(dialogue.take(&noise), Step::Done(_)));
    }
}

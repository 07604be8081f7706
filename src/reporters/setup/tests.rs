use indicatif::{InMemoryTerm, ProgressDrawTarget};

use super::*;
use crate::{
    domain::outcome::{Ending, Outcome},
    reporters::{
        Reporter,
        testing::{Script, Shared, header, play, result},
    },
};

fn setup(format: Format, quiet: bool) -> Setup {
    Setup {
        format,
        quiet,
        verbose: false,
        stdout_colour: false,
        stderr_colour: false,
        stdout_is_terminal: false,
        screen: None,
        columns: || 80,
        invocation: Invocation::default(),
    }
}

fn run(setup: Setup) -> (String, String) {
    let (out, err) = (Shared::default(), Shared::default());
    let mut fanout = {
        let (out, err) = (out.clone(), err.clone());
        setup.build(&move || Box::new(out.clone()), &move || Box::new(err.clone()))
    };
    let mut script = Script::new(header());
    script.settle(result("web01", Outcome::Confirmed));
    play(&mut fanout, &script.finish(Ending::Completed));
    fanout.tick().unwrap();
    (out.text(), err.text())
}

#[test]
fn people_get_the_summary_on_standard_output_and_machines_on_standard_error() {
    for format in Format::ALL {
        let (out, err) = run(setup(format, false));
        let human = format == Format::Human;
        assert_eq!(out.contains("1 of 3 hosts succeeded in"), human, "{format:?}: {out}");
        assert_eq!(err.contains("1 of 3 hosts succeeded in"), !human, "{format:?}: {err}");
        assert!(err.contains("isolate: 3 hosts"), "{err}");
    }
}

#[test]
fn quiet_keeps_the_data_and_nothing_else() {
    for format in Format::ALL {
        let (out, err) = run(setup(format, true));
        assert!(out.contains("web01"), "{out}");
        assert_eq!(err, "", "{format:?}");
    }
}

#[test]
fn the_summary_comes_after_the_lines_and_the_bars_are_gone() {
    let term = InMemoryTerm::new(20, 80);
    let screen = Screen::new(ProgressDrawTarget::term_like(Box::new(term.clone())));
    let setup = Setup { screen: Some(screen), stdout_is_terminal: true, ..setup(Format::Human, false) };
    let (out, err) = run(setup);
    assert!(out.find("confirmed    web01") < out.find("1 of 3 hosts succeeded"), "{out}");
    assert_eq!((err.as_str(), term.contents().as_str()), ("", ""));
}

#[test]
fn a_terminal_that_cannot_show_bars_gets_lines() {
    let hidden = Screen::new(ProgressDrawTarget::hidden());
    let (_, err) = run(Setup { screen: Some(hidden), ..setup(Format::Human, false) });
    assert!(err.contains("done in"), "{err}");
}

#[test]
fn every_format_has_a_word_that_reads_back() {
    assert!(Format::ALL.into_iter().all(|format| Format::from_word(format.word()) == Some(format)));
    assert_eq!(Format::from_word("xml"), None);
}

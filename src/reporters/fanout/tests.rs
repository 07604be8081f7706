use super::*;
use crate::reporters::testing::{Shared, cancelled};

struct Failing(io::ErrorKind);

impl Reporter for Failing {
    fn on_event(&mut self, _event: &RunEvent) -> io::Result<()> {
        Err(io::Error::new(self.0, "no \u{1b}[2Jroom"))
    }

    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Counting(Shared);

impl Reporter for Counting {
    fn on_event(&mut self, _event: &RunEvent) -> io::Result<()> {
        self.0.write_all(b"event ")
    }

    fn tick(&mut self) -> io::Result<()> {
        self.0.write_all(b"tick ")
    }
}

#[test]
fn a_failing_reporter_is_dropped_with_one_warning_and_the_others_go_on() {
    let (warnings, heard) = (Shared::default(), Shared::default());
    let mut fanout = Fanout::new(Box::new(warnings.clone()));
    fanout.push("csv", Failing(io::ErrorKind::StorageFull));
    fanout.push("other", Counting(heard.clone()));
    for _ in 0..3 {
        Reporter::on_event(&mut fanout, &cancelled()).unwrap();
    }
    Reporter::tick(&mut fanout).unwrap();
    assert_eq!(warnings.text(), "warning: the csv output failed and ends here; the run goes on: no \\u{1b}[2Jroom\n");
    assert_eq!(heard.text(), "event event event tick ");
    assert!(fanout.lost_output());
}

#[test]
fn a_closed_pipe_ends_a_reporter_without_a_word() {
    let warnings = Shared::default();
    let mut fanout = Fanout::new(Box::new(warnings.clone()));
    fanout.push("human", Failing(io::ErrorKind::BrokenPipe));
    Reporter::on_event(&mut fanout, &cancelled()).unwrap();
    assert_eq!(warnings.text(), "");
    assert!(!fanout.lost_output());
    assert!(fanout.reporters.is_empty());
}

#[test]
fn warnings_that_cannot_be_written_do_not_stop_the_run() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("closed"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut fanout = Fanout::new(Box::new(Closed));
    fanout.push("csv", Failing(io::ErrorKind::StorageFull));
    Reporter::on_event(&mut fanout, &cancelled()).unwrap();
    assert!(fanout.lost_output());
}

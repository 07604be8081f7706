//! Reads what a console knows of a period, in ever shorter stretches until no answer is cut off.
//!
//! An answer that is cut off says nothing of what was cut off, so it is thrown away, and both halves of its stretch are asked
//! for. A stretch of a minute is not halved any more: then what came is kept, and that some is missing is told.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    cancel::Cancel,
    console::{Console, Halt, Notice},
};
use crate::{
    clock,
    domain::failure::{Failure, FailureKind},
    vendors::{
        VendorError,
        indicators::{Asked, Extract, Route, Sighting},
    },
};

/// The shortest stretch that is halved.
const FLOOR: Duration = Duration::from_secs(60);

/// Questions after which no stretch is halved any more: a console that cuts off whatever it is asked would be asked all day.
const MOST_QUESTIONS: u64 = 500;

/// After so many questions it is told how far it has come, and again after as many.
const TELLING: u64 = 20;

/// Reasons that are kept to be told.
const TOLD: usize = 5;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// Where it is taken from.
    pub route: Route,
    /// From this moment on.
    pub since: Timestamp,
    /// Up to this one.
    pub until: Timestamp,
    /// Whether what people have closed or called a false alarm is wanted as well.
    pub with_closed: bool,
}

/// What came.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// Every name that came, exactly as the console has it. The same one may come several times.
    pub sightings: Vec<Sighting>,
    /// Why some may be missing; nothing, if all is there.
    pub missing: Vec<String>,
    /// Detections that were left out because people have closed them or called them false alarms.
    pub left_out: u64,
    /// What the console could not be asked as it was meant to.
    pub notes: Vec<String>,
}

impl Collected {
    /// Whether nothing is missing, as far as the console tells.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    fn miss(&mut self, why: String) {
        if self.missing.len() < TOLD && !self.missing.contains(&why) {
            self.missing.push(why);
        }
    }

    fn take(&mut self, extract: Extract) {
        self.sightings.extend(extract.sightings);
        self.left_out += extract.left_out;
        if let Some(note) = extract.note.filter(|note| self.notes.iter().all(|known| known != note)) {
            self.notes.push(note.to_owned());
        }
        if let Some(why) = extract.cut_off {
            self.miss(why);
        }
    }
}

/// Reads a period.
///
/// # Errors
///
/// [`Halt`] says why there is no answer; what had come by then is not told.
pub async fn collect(
    console: &mut Console,
    period: Period,
    cancel: &Cancel,
    tell: &mut (dyn FnMut(Notice) + Send),
) -> Result<Collected, Halt> {
    if console.vendor.indicators().is_none() {
        let text = "this console does not tell hostile connections";
        return Err(Halt::Failed(Failure::new(FailureKind::Unsupported, text)));
    }
    let mut collected = Collected::default();
    let mut questions = 0;
    for part in 0..period.route.parts() {
        let mut left = vec![whole(period, part)];
        while let Some(asked) = left.pop() {
            let mut extract = ask(console, asked, cancel, tell).await?;
            questions += 1;
            if questions % TELLING == 0 {
                let names = collected.sightings.len() as u64;
                tell(Notice::Extracting { questions, names, upto: asked.to });
            }
            // What the console could not tell just now it may tell when it is asked again.
            if extract.missing.as_ref().is_some_and(|missing| !missing.shorter_helps) {
                extract = ask(console, asked, cancel, tell).await?;
            }
            match extract.missing.take() {
                // The older half first: what changes meanwhile moves into the other one.
                Some(missing) if missing.shorter_helps => match halves(&asked) {
                    Some(_) if questions >= MOST_QUESTIONS => {
                        collected.miss(told(&missing.why, &asked));
                        collected.miss(format!("no more was asked in shorter stretches after {questions} questions"));
                        collected.take(extract);
                    }
                    Some([older, newer]) => left.extend([newer, older]),
                    None => {
                        collected.miss(told(&missing.why, &asked));
                        collected.take(extract);
                    }
                },
                Some(missing) => {
                    collected.miss(told(&missing.why, &asked));
                    collected.take(extract);
                }
                None => collected.take(extract),
            }
        }
    }
    Ok(collected)
}

fn told(why: &str, asked: &Asked) -> String {
    format!("{why}, from {} to {}", clock::rfc3339(asked.from), clock::rfc3339(asked.to))
}

/// The whole period. A detection that began in it may have been changed since, so these are asked for up to now.
fn whole(period: Period, part: usize) -> Asked {
    let now = clock::now();
    let (to, is_open) = match period.route {
        Route::Malops => (period.until.max(now), true),
        Route::Reputation => (period.until, false),
    };
    Asked {
        route: period.route,
        part,
        from: period.since,
        to,
        is_open,
        begun_before: period.until,
        with_closed: period.with_closed,
    }
}

/// Both halves of a stretch, unless it is too short for that.
fn halves(asked: &Asked) -> Option<[Asked; 2]> {
    let length = asked.to.duration_since(asked.from);
    if length <= SignedDuration::try_from(FLOOR).unwrap_or_default() {
        return None;
    }
    let middle = asked.from.as_millisecond() + i64::try_from(length.as_millis() / 2).ok()?;
    let middle = Timestamp::from_millisecond(middle).ok()?;
    let older = Asked { to: middle, is_open: false, ..*asked };
    Some([older, Asked { from: middle, ..*asked }])
}

async fn ask(
    console: &mut Console,
    asked: Asked,
    cancel: &Cancel,
    tell: &mut (dyn FnMut(Notice) + Send),
) -> Result<Extract, Halt> {
    let question = move |vendor: std::sync::Arc<dyn crate::vendors::Vendor>| async move {
        match vendor.indicators() {
            Some(connections) => connections.read(&asked).await,
            None => Err(VendorError::unsupported("tell hostile connections")),
        }
    };
    console.ask(cancel, tell, question).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(seconds: i64) -> Asked {
        let from = Timestamp::from_second(1_700_000_000).unwrap();
        Asked {
            route: Route::Malops,
            part: 0,
            from,
            to: from.checked_add(SignedDuration::from_secs(seconds)).unwrap(),
            is_open: true,
            begun_before: from,
            with_closed: false,
        }
    }

    #[test]
    fn halves_meet_and_only_the_newer_one_is_open() {
        let whole = asked(3_601);
        let [older, newer] = halves(&whole).unwrap();
        assert_eq!((older.from, older.to, newer.to), (whole.from, newer.from, whole.to));
        assert_eq!((older.is_open, newer.is_open), (false, true));
        assert!(halves(&asked(60)).is_none(), "a minute is not halved");
        assert!(halves(&asked(61)).is_some());
    }

    #[test]
    fn a_day_comes_down_to_a_minute() {
        let (mut stretch, mut times) = (asked(86_400), 0);
        while let Some([older, _]) = halves(&stretch) {
            stretch = older;
            times += 1;
        }
        assert!(times <= 11, "{times}");
    }
}

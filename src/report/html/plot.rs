//! Targets over time, as a step plot in SVG. Its axis is the time of day in UTC.
//!
//! There is never more of it than can be seen: of what happens within a quarter of a pixel only the last is drawn, so that a
//! run of a million hosts has a plot of the same size as one of a thousand.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use jiff::Timestamp;

use super::text::ours;
use crate::{
    report::{
        history::{Event, Step},
        sentences,
        story::Story,
    },
    reporters::words::number,
};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;
/// Most labels of the time axis.
const MOST_TICKS: i64 = 6;
/// Distances of labels on the time axis, in milliseconds: what people count in.
const STEPS: [i64; 30] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    604_800_000,
    2_592_000_000,
];
const DAY: i64 = 86_400_000;

/// Where things are on the plane.
struct Frame {
    from: i64,
    to: i64,
    most: u64,
}

impl Frame {
    fn of(story: &Story) -> Self {
        let from = story.header.started.as_millisecond();
        let ends = story.steps.last().map(|step| step.at.as_millisecond());
        let to = [Some(story.last_at.as_millisecond()), ends].into_iter().flatten().max().unwrap_or(from);
        Self { from, to: to.max(from + 10), most: (story.rows.len() as u64).max(1) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a pixel is a coarse thing")]
    fn x(&self, at: Timestamp) -> f64 {
        let share = (at.as_millisecond() - self.from) as f64 / (self.to - self.from) as f64;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    #[expect(clippy::cast_precision_loss, reason = "a pixel is a coarse thing")]
    fn y(&self, count: u64) -> f64 {
        HEIGHT - BOTTOM - count as f64 / self.most as f64 * (HEIGHT - TOP - BOTTOM)
    }

    /// The labels of the time axis.
    fn times(&self) -> (i64, Vec<Timestamp>) {
        let span = self.to - self.from;
        let step = STEPS.into_iter().find(|step| span / step < MOST_TICKS).unwrap_or_else(|| span / MOST_TICKS + 1);
        let first = self.from.div_euclid(step) + i64::from(self.from.rem_euclid(step) != 0);
        let places = (first..).map(|place| place.saturating_mul(step)).take_while(|at| *at <= self.to);
        (step, places.filter_map(|at| Timestamp::from_millisecond(at).ok()).collect())
    }

    /// The labels of the other axis.
    fn counts(&self) -> Vec<u64> {
        let mut step = 1;
        // One, two, five, ten, twenty …
        for factor in [2, 5, 10].into_iter().cycle() {
            if self.most / step < 5 {
                break;
            }
            let decade = 10_u64.pow(step.ilog10());
            step = decade.saturating_mul(factor);
        }
        let mut counts: Vec<u64> = (0..=self.most / step).map(|place| place * step).collect();
        // All of them is a number that everybody looks for, round or not.
        let last = counts.pop().unwrap_or_default();
        if last == 0 || (self.most - last) * 3 >= step {
            counts.push(last);
        }
        if counts.last() != Some(&self.most) {
            counts.push(self.most);
        }
        counts
    }
}

pub(super) fn write(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let frame = Frame::of(story);
    let deed = sentences::deed(story.kind());
    let total = story.steps.last().map_or(0, |step| step.taken) + story.history.before();
    writeln!(
        out,
        "<figure>\n<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"plot-title plot-text\">\n\
         <title id=\"plot-title\">Targets {deed} over time</title>\n<desc id=\"plot-text\">{} of {} by the end. The list below \
         says when.</desc>",
        number(total),
        number(story.rows.len() as u64)
    )?;
    axes(&frame, out)?;
    let before = story.history.before();
    for (class, of) in [("taken", (|step| step.taken) as fn(&Step) -> u64), ("proven", |step| step.proven)] {
        writeln!(out, "<path class=\"{class}\" d=\"{}\"/>", path(story, &frame, before, of))?;
    }
    marks(story, &frame, out)?;
    writeln!(
        out,
        "</svg>\n<figcaption><span class=\"key key-proven\">{deed}, as the console confirms</span> \
         <span class=\"key key-taken\">taken by the console</span></figcaption>\n</figure>"
    )
}

fn axes(frame: &Frame, out: &mut dyn Write) -> io::Result<()> {
    let (right, foot) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for count in frame.counts() {
        let y = frame.y(count);
        writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"y\" x=\"{:.1}\" \
             y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            number(count)
        )?;
    }
    let (step, times) = frame.times();
    let days = frame.from.div_euclid(DAY) != frame.to.div_euclid(DAY);
    let form = match step {
        ..1_000 => "%H:%M:%S%.3f",
        DAY.. => "%Y-%m-%d",
        60_000.. if days => "%m-%d %H:%M",
        _ if days => "%m-%d %H:%M:%S",
        60_000.. => "%H:%M",
        _ => "%H:%M:%S",
    };
    for at in times {
        let x = frame.x(at);
        writeln!(
            out,
            "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{foot}\" y2=\"{:.1}\"/><text class=\"x\" x=\"{x:.1}\" \
             y=\"{:.1}\">{}</text>",
            foot + 5.0,
            foot + 20.0,
            at.strftime(form)
        )?;
    }
    writeln!(
        out,
        "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{LEFT}\" y1=\"{TOP}\" y2=\"{foot}\"/><line class=\"axis\" x1=\"{LEFT}\" \
         x2=\"{right}\" y1=\"{foot}\" y2=\"{foot}\"/><text class=\"x\" x=\"{:.1}\" y=\"{:.1}\">UTC, {}</text>",
        LEFT + (WIDTH - LEFT - RIGHT) / 2.0,
        HEIGHT - 8.0,
        Timestamp::from_millisecond(frame.from).map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
    )
}

fn path(story: &Story, frame: &Frame, before: u64, of: fn(&Step) -> u64) -> String {
    const RESOLUTION: f64 = 0.25;

    let mut path = format!("M{LEFT:.1} {:.1}", frame.y(before));
    let mut waiting: Option<(f64, u64)> = None;
    let mut draw = |x: f64, count: u64| {
        let _written = write!(path, "H{x:.2}V{:.1}", frame.y(before + count));
    };
    for step in &story.steps {
        let (x, count) = (frame.x(step.at), of(step));
        match waiting {
            Some((at, _)) if x - at < RESOLUTION => waiting = Some((at, count)),
            _ => {
                if let Some((at, earlier)) = waiting.replace((x, count)) {
                    draw(at, earlier);
                }
            }
        }
    }
    if let Some((at, count)) = waiting {
        draw(at, count);
    }
    let _written = write!(path, "H{:.1}", WIDTH - RIGHT);
    path
}

/// A line where something happened to the run, with the number under which the list below tells it.
fn marks(story: &Story, frame: &Frame, out: &mut dyn Write) -> io::Result<()> {
    const ROOM: f64 = 14.0;

    let mut last = f64::NEG_INFINITY;
    for (place, mark) in (1..).zip(story.history.marks()) {
        let x = frame.x(mark.at);
        let class = match mark.what {
            Event::Throttled(_) => "throttled",
            Event::Interrupted(_) => "interrupted",
            Event::Resumed => "resumed",
            Event::Ended(_) => "ended",
        };
        write!(
            out,
            "<line class=\"mark {class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"><title>{}</title></line>",
            HEIGHT - BOTTOM,
            ours(&sentences::mark(mark))
        )?;
        if x - last >= ROOM {
            last = x;
            write!(out, "<text class=\"x\" x=\"{x:.1}\" y=\"{:.1}\">{place}</text>", TOP - 8.0)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn frame(span: i64, most: u64) -> Frame {
        let from = "2026-11-22T03:15:02.120Z".parse::<Timestamp>().unwrap();
        let to = from + SignedDuration::from_millis(span);
        Frame { from: from.as_millisecond(), to: to.as_millisecond(), most }
    }

    #[test]
    fn there_are_a_few_labels_however_long_a_run_takes() {
        for span in [10, 999, 12_345, 600_000, 3_600_000 * 5, DAY * 3, DAY * 400, DAY * 40_000] {
            let (step, times) = frame(span, 1).times();
            assert!((1..=7).contains(&times.len()), "{span}: {} labels, {step} apart", times.len());
        }
    }

    #[test]
    fn counts_are_round_numbers_from_nought_and_the_whole() {
        assert_eq!(frame(1, 1).counts(), [0, 1]);
        assert_eq!(frame(1, 12).counts(), [0, 5, 10, 12]);
        assert_eq!(frame(1, 11).counts(), [0, 5, 11]);
        assert_eq!(frame(1, 10_000).counts(), [0, 5_000, 10_000]);
        assert!(frame(1, u64::from(u32::MAX)).counts().len() <= 7);
    }
}

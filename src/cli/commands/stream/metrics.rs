//! `--metrics FILE`: what the stream does, as Prometheus text, for a collector that reads files.
//!
//! The file is written beside its place and moved there, so that nobody ever reads half of it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use crate::stream::pump::StreamStats;

/// Writes the file.
#[derive(Debug)]
pub(super) struct Metrics {
    path: PathBuf,
    stream: String,
}

impl Metrics {
    /// For a stream of this name.
    pub(super) fn new(path: PathBuf, stream: &str) -> Self {
        Self { path, stream: label(stream) }
    }

    /// Replaces the file.
    ///
    /// # Errors
    ///
    /// Whatever the system says; the stream goes on without.
    pub(super) fn write(&self, stats: &StreamStats, connected: bool) -> io::Result<()> {
        let beside = beside(&self.path);
        // What is there may be a link that somebody has put there, in a folder where others may write.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = readable(OpenOptions::new().write(true).create_new(true)).open(&beside)?;
        file.write_all(self.text(stats, connected).as_bytes())?;
        fs::rename(&beside, &self.path)
    }

    fn text(&self, stats: &StreamStats, connected: bool) -> String {
        let seconds = |time: Option<Timestamp>| time.map(|time| time.as_second());
        let mut text = String::with_capacity(2048);
        let mut add = |name: &str, kind: &str, help: &str, value: Option<u64>| {
            let Some(value) = value else { return };
            text.push_str(&format!(
                "# HELP edrctl_stream_{name} {help}\n# TYPE edrctl_stream_{name} {kind}\n\
                 edrctl_stream_{name}{{stream=\"{}\"}} {value}\n",
                self.stream
            ));
        };
        let whole = |time: Option<i64>| time.and_then(|time| u64::try_from(time).ok());
        add("connected", "gauge", "Whether the queue is connected.", Some(u64::from(connected)));
        add("delivered_total", "counter", "Deliveries taken from the queue.", Some(stats.delivered));
        add("bytes_total", "counter", "Bytes of the bodies that were delivered.", Some(stats.bytes));
        add("kept_total", "counter", "Events kept by every sink.", Some(stats.kept));
        add("duplicates_total", "counter", "Events that were had before, and left out.", Some(stats.duplicates));
        add("redelivered_total", "counter", "Deliveries that the queue marked as repeated.", Some(stats.redelivered));
        add("twins_total", "counter", "Events whose id another body had before; they are kept.", Some(stats.twins));
        add("filtered_total", "counter", "Events that were not wanted.", Some(stats.filtered));
        add("refused_total", "counter", "Events that a sink will never take.", Some(stats.refused));
        add("unacknowledged", "gauge", "Deliveries taken and not acknowledged yet.", Some(stats.unacknowledged));
        add("reconnects_total", "counter", "Connections made again.", Some(stats.reconnects));
        add("gaps_total", "counter", "Times without a connection.", Some(stats.gaps.count));
        add("gaps_seconds_total", "counter", "Seconds without a connection.", Some(stats.gaps.total.as_secs()));
        add("last_event_timestamp_seconds", "gauge", "When the last event happened.", whole(seconds(stats.last_event)));
        add("last_batch_timestamp_seconds", "gauge", "When events were last kept.", whole(seconds(stats.last_batch)));
        text
    }
}

/// A collector is another user.
fn readable(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o644);
    options
}

/// A name as the value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_whole_replaced_and_labelled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edrctl.prom");
        let metrics = Metrics::new(path.clone(), "soc \"1\"\\\n");
        let mut stats = StreamStats { delivered: 7, ..StreamStats::default() };
        metrics.write(&stats, true).unwrap();
        stats.delivered = 8;
        metrics.write(&stats, false).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("edrctl_stream_delivered_total{stream=\"soc \\\"1\\\"\\\\\\n\"} 8\n"), "{text}");
        assert!(text.contains("edrctl_stream_connected{stream=\"soc \\\"1\\\"\\\\\\n\"} 0\n"), "{text}");
        assert!(!text.contains("last_event"), "what is not known is not told");
        assert!(text.lines().all(|line| line.starts_with('#') || line.split_once("} ").is_some()), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_its_way_is_not_followed() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("edrctl.prom"), folder.path().join("other"));
        fs::write(&other, "precious").unwrap();
        symlink(&other, beside(&path)).unwrap();
        Metrics::new(path.clone(), "soc").write(&StreamStats::default(), true).unwrap();
        assert_eq!(fs::read_to_string(other).unwrap(), "precious");
        let metadata = fs::symlink_metadata(path).unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions().mode() & 0o133, 0);
    }
}

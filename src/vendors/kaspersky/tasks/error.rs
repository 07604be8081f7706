//! What is wrong with a task, in words for whoever has written it.

use super::{IocError, ScanType};

/// What is wrong with a task.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The text is not JSON.
    #[error("the task is no JSON")]
    NotJson(#[source] serde_json::Error),
    /// The JSON is no object.
    #[error("a task is an object: {{\"task\": \"isolateHost\", \"params\": {{\"action\": 1}}}}")]
    NotAnObject,
    /// There is no such task.
    #[error("there is no task `{word}`{near}")]
    UnknownTask {
        /// What was written.
        word: String,
        /// What was probably meant, or what there is.
        near: String,
    },
    /// The task has no such key.
    #[error("`{place}` has no key `{key}`{near}")]
    UnknownKey {
        /// Where it stands.
        place: String,
        /// What was written.
        key: String,
        /// What was probably meant, or what there is.
        near: String,
    },
    /// A key is missing.
    #[error("`{place}` needs `{key}`: {expected}")]
    Missing {
        /// Where it should stand.
        place: String,
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A value is not what its key takes.
    #[error("`{key}` of `{place}` must be {expected}")]
    Wrong {
        /// Where it stands.
        place: String,
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A path is empty.
    #[error("`{key}` is empty; a path is asked for, as in `C:\\Temp\\a.exe`")]
    EmptyPath {
        /// What it is called.
        key: &'static str,
    },
    /// A path holds what no path of a file has.
    #[error("`{key}` holds {bad:?}, which is in no path of a file; masks are not documented to be understood")]
    BadPath {
        /// What it is called.
        key: &'static str,
        /// What it holds.
        bad: char,
    },
    /// A path with a variable in it.
    #[error("`{key}` holds a variable between two `%`; none is documented to be understood: write the path out")]
    Variable {
        /// What it is called.
        key: &'static str,
    },
    /// A path that begins nowhere.
    #[error(
        "`{key}` must be a whole path of Windows, as in `C:\\Temp\\a.exe` or `\\\\server\\share\\a.exe`; the tasks are \
         documented for no other system"
    )]
    NotWhole {
        /// What it is called.
        key: &'static str,
    },
    /// A key stands twice.
    #[error("the task cannot be read: {0}")]
    Twice(String),
    /// A host in the task itself.
    #[error("`targetHost` names a host in the task; hosts are named in target files, so it must be left out")]
    NamesAHost,
    /// A line holds line ends.
    #[error("`{key}` must be one line, without control characters")]
    NotALine {
        /// What it is called.
        key: &'static str,
    },
    /// A hash has another form.
    #[error("`{key}` must have {digits} hexadecimal digits; this has {found} characters")]
    BadHash {
        /// What it is called.
        key: &'static str,
        /// How many it should have.
        digits: usize,
        /// How many it has.
        found: usize,
    },
    /// A word that would not be found again.
    #[error("the word for whoever asks has 1 to 24 letters, digits, `-`, `.` or `_`")]
    BadArea,
    /// A scan goes over nothing.
    #[error("a scan needs at least one object to go over")]
    NothingToScan,
    /// A scan whose objects are switched off.
    #[error("every object of the scan is switched off, so it would go over nothing")]
    NothingEnabled,
    /// There is no such object.
    #[error("there is nothing called `{word}` to scan{near}")]
    UnknownObject {
        /// What was written.
        word: String,
        /// What was probably meant, or what there is.
        near: String,
    },
    /// A folder without its path.
    #[error("the scan of a folder needs its path")]
    FolderWithoutPath,
    /// A path where there is none.
    #[error("`{0}` is scanned whole and has no path; a path goes with `folder`")]
    PathWithoutFolder(ScanType),
    /// The files with the indicators cannot be used.
    #[error("the indicators cannot be used")]
    Ioc(#[from] IocError),
}

impl TaskError {
    pub(super) fn unknown_task<const N: usize>(word: &str, known: [&str; N]) -> Self {
        Self::UnknownTask { word: word.to_owned(), near: near(word, &known) }
    }

    pub(super) fn unknown_key(place: &str, key: &str, known: &[&str]) -> Self {
        Self::UnknownKey { place: place.to_owned(), key: key.to_owned(), near: near(key, known) }
    }

    pub(super) fn unknown_object(word: &str, known: &[&str]) -> Self {
        Self::UnknownObject { word: word.to_owned(), near: near(word, known) }
    }
}

/// `; did you mean …?`, or all that there is.
fn near(word: &str, known: &[&str]) -> String {
    let plain = |text: &str| {
        let letters = text.chars().take(64).filter(|c| !matches!(c, '-' | '_'));
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let distance = |candidate: &str| strsim::damerau_levenshtein(&plain(word), &plain(candidate));
    let nearest = known.iter().map(|candidate| (distance(candidate), *candidate)).min();
    match nearest {
        Some((distance, candidate)) if distance <= 3 && distance < candidate.len() => {
            format!("; did you mean `{candidate}`?")
        }
        _ => {
            let known: Vec<String> = known.iter().map(|candidate| format!("`{candidate}`")).collect();
            format!("; there is {}", known.join(", "))
        }
    }
}

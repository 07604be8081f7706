//! Where a file goes: it is its owner's alone, is there whole or not at all, and takes nobody's place unasked.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{cli::error::CommandError, domain::outcome::ExitCode};

/// A place for a file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
    replaces: bool,
}

impl Place {
    /// Takes a place; refuses one that is taken, or has no folder, before anything is done for the file.
    pub(super) fn new(path: &Path, replaces: bool) -> Result<Self, CommandError> {
        let place = Self { path: path.to_owned(), replaces };
        if path.file_name().is_none() || path.is_dir() {
            return Err(CommandError::text(ExitCode::Usage, format!("`{}` is no name of a file", path.display())));
        }
        if !place.folder().is_dir() {
            let text = format!("there is no folder `{}`", place.folder().display());
            return Err(CommandError::text(ExitCode::Usage, text));
        }
        match fs::symlink_metadata(path) {
            Ok(_) if !replaces => return Err(place.taken()),
            // What is written to a device or a pipe goes on; a file in its place would end that.
            Ok(there) if !there.is_file() => {
                let text = format!("`{}` is no file, and only a file is replaced", path.display());
                return Err(CommandError::text(ExitCode::Usage, text));
            }
            _ => {}
        }
        Ok(place)
    }

    /// The file's name, as it was given.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn taken(&self) -> CommandError {
        CommandError::text(ExitCode::Usage, format!("there is a file `{}` already", self.path.display()))
            .hint("`--replace` puts the new one in its place")
    }

    /// Writes the file.
    pub(super) fn fill(&self, bytes: &[u8]) -> Result<(), CommandError> {
        let written = self.write(bytes);
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => self.taken(),
            _ => CommandError::new(ExitCode::Usage, error).context(format!("write `{}`", self.path.display())),
        })
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let draft = self.folder().join(format!(".edrctl-{random}.tmp"));
        let done = self.put(&draft, bytes);
        if done.is_err() || !self.replaces {
            // Where it has its name already, this is its second one.
            drop(fs::remove_file(&draft));
        }
        done?;
        if cfg!(unix) { File::open(self.folder())?.sync_all() } else { Ok(()) }
    }

    fn put(&self, draft: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        if self.replaces {
            return fs::rename(draft, &self.path);
        }
        match fs::hard_link(draft, &self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                // A file system without second names: then nobody can be kept from being faster.
                if fs::symlink_metadata(&self.path).is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                fs::rename(draft, &self.path)
            }
            linked => linked,
        }
    }
}

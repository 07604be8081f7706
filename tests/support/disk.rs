//! A disk that has no room left: a small file system of its own where mounting is permitted, else a limit on the size of
//! files.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::Command,
};

use super::TestEnv;

/// A folder for journals that takes only so much.
pub(crate) struct SmallDisk {
    path: PathBuf,
    kib: u64,
    mounted: bool,
    limited: bool,
}

impl SmallDisk {
    /// A file system of this size, or a limit if none may be mounted.
    #[expect(clippy::print_stderr, reason = "nobody is to think that the disk was tested where it was not")]
    pub(crate) fn new(env: &TestEnv, kib: u64) -> Self {
        let path = env.path().join(format!("disk-{kib}"));
        fs::create_dir(&path).unwrap();
        let mounted = mount(&path, &format!("size={kib}k"));
        if !mounted {
            eprintln!("mounting is not permitted here; a limit on the size of files stands in for a full disk");
        }
        Self { path, kib, mounted, limited: !mounted }
    }

    /// A limit on the size of files, which the system enforces where there is room on the disk.
    pub(crate) fn limit(env: &TestEnv, kib: u64) -> Self {
        let path = env.path().join(format!("limit-{kib}"));
        fs::create_dir(&path).unwrap();
        Self { path, kib, mounted: false, limited: true }
    }

    /// The program, with its journals here.
    pub(crate) fn command(&self, env: &TestEnv, args: &[&str]) -> Command {
        let program = env.command(args);
        let mut command = if self.limited {
            let mut shell = Command::new("sh");
            let limit = format!("trap '' XFSZ; ulimit -f {} && exec \"$0\" \"$@\"", self.kib * 2);
            shell.args(["-c", &limit]).arg(program.get_program()).args(program.get_args());
            shell.env_clear().current_dir(env.path());
            for (name, value) in program.get_envs() {
                if let Some(value) = value {
                    shell.env(name, value);
                }
            }
            shell
        } else {
            program
        };
        command.env("EDRCTL_STATE_DIR", &self.path);
        command
    }

    /// Makes room for whatever comes.
    pub(crate) fn make_room(&mut self) {
        if self.mounted {
            assert!(remount(&self.path, "remount,size=64m"), "room cannot be made on the small disk");
        }
        self.limited = false;
    }

    /// Fills what is left with another program's file; only a disk of its own can be filled. Returns whether it is full.
    pub(crate) fn fill(&self) -> bool {
        if !self.mounted {
            return false;
        }
        let mut file = fs::File::create(self.path.join("filler")).unwrap();
        loop {
            match file.write_all(&[0; 4096]) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return true,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Takes the other program's file away.
    pub(crate) fn unfill(&self) {
        fs::remove_file(self.path.join("filler")).unwrap();
    }

    /// The journals here, by name.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path.join("runs")) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|suffix| suffix == "jsonl")).collect()
    }

    /// Every file in the folder of the runs, but for the one that is only there to be locked, and the count of runs.
    pub(crate) fn files(&self) -> usize {
        let Ok(entries) = fs::read_dir(self.path.join("runs")) else { return 0 };
        let kept = ["gate", "turn"];
        entries.filter(|entry| kept.iter().all(|name| entry.as_ref().unwrap().file_name() != *name)).count()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.mounted {
            // A test that has failed already has more to tell than this.
            drop(Command::new("umount").arg("-l").arg(&self.path).output());
        }
    }
}

fn mount(path: &std::path::Path, options: &str) -> bool {
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).output();
    mounted.is_ok_and(|output| output.status.success())
}

fn remount(path: &std::path::Path, options: &str) -> bool {
    Command::new("mount").args(["-o", options]).arg(path).output().is_ok_and(|output| output.status.success())
}

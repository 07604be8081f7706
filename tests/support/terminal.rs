//! The program at a terminal, with somebody who types.

use std::{
    fs,
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::TestEnv;

/// What has appeared on the screen, and whether more can come.
#[derive(Default)]
struct Screen {
    text: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

/// A terminal of `script`, in which the program runs.
pub(crate) struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Screen>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts the program. The arguments hold nothing that a shell would take apart.
    pub(crate) fn start(env: &TestEnv, args: &[&str]) -> Self {
        let line = format!("exec {} {}", env!("CARGO_BIN_EXE_edrctl"), args.join(" "));
        let mut child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(env.path())
            .env_clear()
            .envs(&env.variables)
            .envs([("SHELL", "/bin/sh"), ("TERM", "xterm")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let keyboard = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let screen = Arc::new(Screen::default());
        let shown = Arc::clone(&screen);
        let reader = std::thread::spawn(move || {
            let mut block = [0; 4096];
            loop {
                // A terminal that is gone reads as an error on some systems and as an end on others.
                let read = output.read(&mut block).unwrap_or(0);
                let mut text = shown.text.lock().unwrap();
                text.0.extend_from_slice(&block[..read]);
                text.1 = read == 0;
                shown.changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { child, keyboard, screen, reader }
    }

    /// Waits until this has appeared.
    #[track_caller]
    pub(crate) fn shows(&mut self, wanted: &str) -> &mut Self {
        let until = Instant::now() + Duration::from_secs(60);
        let mut text = self.screen.text.lock().unwrap();
        loop {
            let shown = String::from_utf8_lossy(&text.0).into_owned();
            if shown.contains(wanted) {
                drop(text);
                return self;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!text.1 && !left.is_zero(), "`{wanted}` has not appeared\n{shown}");
            text = self.screen.changed.wait_timeout(text, left).unwrap().0;
        }
    }

    /// Waits until the terminal no longer shows what is typed.
    #[track_caller]
    pub(crate) fn hides_what_is_typed(&mut self) -> &mut Self {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let until = Instant::now() + Duration::from_secs(60);
        let hidden = || {
            let program = fs::read_to_string(&children).ok()?;
            let terminal = fs::File::open(format!("/proc/{}/fd/0", program.trim())).ok()?;
            let modes = rustix::termios::tcgetattr(terminal).ok()?;
            Some(!modes.local_modes.contains(rustix::termios::LocalModes::ECHO))
        };
        while hidden() != Some(true) {
            assert!(Instant::now() < until, "the terminal still shows what is typed");
            std::thread::yield_now();
        }
        self
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
        self
    }

    /// Waits for the end; returns what was on the screen, and the exit code.
    pub(crate) fn ends(mut self) -> (String, Option<i32>) {
        let status = self.child.wait().unwrap();
        self.reader.join().unwrap();
        let text = self.screen.text.lock().unwrap();
        (String::from_utf8_lossy(&text.0).replace('\r', ""), status.code())
    }
}

//! A browser without a window that opens a page, does what a person would, and keeps what it complains of.
//!
//! It is driven through two pipes, so that no port is opened and no other library is needed.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An answer that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    to: File,
    said: Receiver<Value>,
    session: Option<String>,
    next: u64,
    /// What was told without being asked for.
    heard: Vec<Value>,
    _folder: TempDir,
}

impl Browser {
    /// Opens a page from a file, and waits until it is loaded. `media` is what the page believes of its reader, such as
    /// `prefers-color-scheme` and `dark`.
    pub(crate) fn open(page: &Path, media: &[(&str, &str)], with_script: bool) -> Self {
        let mut browser = Self::start();
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.ask("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        let features: Vec<Value> = media.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        browser.ask("Emulation.setEmulatedMedia", json!({ "features": features }));
        if !with_script {
            browser.ask("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
        }
        let url = format!("file://{}", page.display());
        let answer = browser.ask("Page.navigate", json!({ "url": url }));
        assert!(answer.get("errorText").is_none(), "{answer}");
        while !browser.heard.iter().any(|event| event["method"] == "Page.loadEventFired") {
            browser.listen();
        }
        browser
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pipe = |name: &str| {
            let path = folder.path().join(name);
            mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            path
        };
        let (to, from) = (pipe("to"), pipe("from"));
        let installed = ["chromium-headless-shell", "chromium"].into_iter().find(|program| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|folder| folder.join(program).exists())
        });
        let program = installed.expect("a browser is needed: chromium-headless-shell or chromium (tests/run.sh)");
        // The page is our own and there is no network, so the browser needs no sandbox, which not every machine can give it.
        let child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<\"$TO\" 4>\"$FROM\"", program])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--window-size=1200,900", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .env("TO", &to)
            .env("FROM", &from)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = OpenOptions::new().write(true).open(to).unwrap();
        let mut from = BufReader::new(File::open(from).unwrap());
        let (tell, said) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while from.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let value = serde_json::from_slice(&message).unwrap();
                if tell.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        Self { child, to, said, session: None, next: 1, heard: Vec::new(), _folder: folder }
    }

    fn listen(&mut self) -> Option<Value> {
        let value = self.said.recv_timeout(PATIENCE).expect("the browser says nothing more");
        if value.get("id").is_some() {
            return Some(value);
        }
        self.heard.push(value);
        None
    }

    /// Asks the browser for something.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            if let Some(answer) = self.listen().filter(|answer| answer["id"] == id) {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// What an expression comes to in the page.
    #[track_caller]
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", params);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Types into the field that this selects, as a keyboard does.
    pub(crate) fn type_into(&mut self, selector: &str, text: &str) {
        self.eval(&format!("{{ const field = document.querySelector('{selector}'); field.focus(); field.select(); }}"));
        if text.is_empty() {
            self.eval(&format!(
                "{{ const field = document.querySelector('{selector}'); field.value = ''; \
                 field.dispatchEvent(new Event('input', {{ bubbles: true }})); }}"
            ));
        } else {
            self.ask("Input.insertText", json!({ "text": text }));
        }
    }

    /// What the page complained of: its script, its policy, anything that could not be had.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        // Whatever is on its way has come when the next answer has.
        self.ask("Runtime.evaluate", json!({ "expression": "0" }));
        let bad = |event: &&Value| match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" | "Network.loadingFailed" => true,
            "Runtime.consoleAPICalled" => true,
            "Log.entryAdded" => event["params"]["entry"]["level"] != "verbose",
            "Page.javascriptDialogOpening" => true,
            _ => false,
        };
        self.heard.iter().filter(bad).map(ToString::to_string).collect()
    }

    /// Every address that the page asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.heard.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        requests.map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

//! Plans as files, and the keys of those who approve them.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{Output, TestEnv};

impl TestEnv {
    /// A file of the folder that the program runs in.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Plans an action on what stands in this list; the plan is `plan.json`.
    pub(crate) fn make_plan(&self, action: &str, vendor: &str, list: &str, more: &[&str]) -> Output {
        self.file("planned.txt", list);
        let args = ["plan", action, "--vendor", vendor, "--out", "plan.json", "--replace", "planned.txt"];
        self.run([&args[..], more].concat())
    }

    /// The newest run.
    pub(crate) fn last_run(&self) -> String {
        self.journals().pop().unwrap().file_stem().unwrap().to_str().unwrap().to_owned()
    }

    /// What stands in `plan.json`.
    pub(crate) fn plan(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.at("plan.json")).unwrap()).unwrap()
    }

    /// How many targets of `plan.json` have this mark.
    pub(crate) fn marked(&self, mark: &str) -> usize {
        self.plan()["targets"].as_array().unwrap().iter().filter(|target| target["mark"] == mark).count()
    }

    /// Carries `plan.json` out.
    pub(crate) fn apply(&self, more: &[&str]) -> Output {
        self.run([&["apply", "plan.json", "--yes", "-o", "jsonl"], more].concat())
    }

    /// Approves `plan.json`, as somebody else than who made it.
    pub(crate) fn approve(&self, key: &str, more: &[&str]) -> Output {
        let args = [&["approve", "plan.json", "--yes", "--key", key], more].concat();
        let mut command = self.command(args);
        command.env("__EDRCTL_UID", "4242").stdin(Stdio::null());
        Output::new(command.output().unwrap(), self.path())
    }

    /// Makes a key; returns its name. Without ssh-keygen this test cannot say anything, and fails.
    pub(crate) fn ssh_key(&self, name: &str, kind: &[&str], comment: &str, passphrase: &str) -> String {
        let args = [&["-q", "-t"], kind, &["-C", comment, "-N", passphrase, "-f", name]].concat();
        self.ssh_keygen(&args, "").exits(0);
        name.to_owned()
    }

    /// Runs ssh-keygen.
    pub(crate) fn ssh_keygen(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new("ssh-keygen")
            .args(args)
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // One that reads nothing may be gone by now.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        Output::new(child.wait_with_output().unwrap(), self.path())
    }
}

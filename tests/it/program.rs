//! The program, run as a person runs it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A command of the program in a folder, which is its home as well, with nothing of this process's
/// environment but where programs are found.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolhost"));
    command
        .current_dir(folder)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .stdin(Stdio::null());
    command
}

/// A folder with a playbook and its scripts, which is the home of the programs that are run in it.
pub(crate) struct Workspace(tempfile::TempDir);

impl Workspace {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(self.path(), arguments)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

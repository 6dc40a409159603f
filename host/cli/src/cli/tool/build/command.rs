use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// Why a project is not built, and how to fix it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A program of a toolchain in the folder of a project. `install` says how to get it.
///
/// Its messages reach the user; its standard output is returned.
///
/// # Errors
///
/// If it is not installed, or fails.
pub(super) async fn run(
    folder: &Path,
    program: &Path,
    arguments: &[&str],
    install: &str,
) -> Result<String, Failure> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .stderr(Stdio::inherit());
    let shown = program.display();
    let output = command.output().await.map_err(|error| {
        let failure = Failure::new(format!("cannot run `{shown}`: {error}"));
        match error.kind() {
            io::ErrorKind::NotFound => failure.help(install),
            _ => failure,
        }
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let arguments = arguments.join(" ");
    Err(Failure::new(format!(
        "`{shown} {arguments}` failed: {}",
        output.status
    )))
}

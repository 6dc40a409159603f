//! A hostile input, its limits, and the expected message.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::measure::{self, Run};
use crate::tool;

/// One hostile input.
pub(crate) struct Case {
    /// What it is, as the table shows it.
    pub(crate) name: &'static str,
    pub(crate) input: Input,
    pub(crate) bound: Bound,
    /// What the program says of it.
    pub(crate) says: &'static str,
}

/// What a case may take.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) time: Duration,
    pub(crate) memory_bytes: u64,
}

type Make = Box<dyn Fn() -> Vec<u8> + Send + Sync>;

/// What the program is given.
pub(crate) enum Input {
    /// A component among the plugins, which `tool list` leaves out with the reason.
    Refused(Make),
    /// A component among the plugins, which `tool list` lists.
    Listed(Make),
    /// A file of so many bytes, all zero.
    Sparse(u64),
    /// A tool that is called with a configuration, and how the program exits.
    Called {
        component: Make,
        kind: &'static str,
        config: String,
        exit: i32,
    },
}

/// What became of a case.
pub(crate) struct Outcome {
    run: Run,
    pub(crate) failure: Option<String>,
}

/// What all cases share: compiled code of the built-in tools, which is not under test.
pub(crate) struct Setting {
    folder: tempfile::TempDir,
    neighbour: Vec<u8>,
}

/// A machine that has other work may take this many times as long as the bound says before a case is killed: it
/// fails all the same, and is shown.
const PATIENCE: u32 = 4;
const NEIGHBOUR: &str = "neighbour@1.0.0";

impl Bound {
    /// What has a bound of its own in the host, which it is held to.
    pub(crate) const fn seconds(seconds: u64, memory_mib: u64) -> Self {
        Self {
            time: Duration::from_secs(seconds),
            memory_bytes: memory_mib << 20,
        }
    }
}

/// A component that `tool list` leaves out.
pub(crate) fn refused(
    name: &'static str,
    bound: Bound,
    says: &'static str,
    make: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> Case {
    Case {
        name,
        input: Input::Refused(Box::new(make)),
        bound,
        says,
    }
}

impl Setting {
    pub(crate) fn new() -> Self {
        let setting = Self {
            folder: tempfile::tempdir().unwrap(),
            neighbour: tool::described(&tool::description("neighbour")),
        };
        // Compiles what the program brings, and the neighbour.
        let plugins = tempfile::tempdir().unwrap();
        setting.place_neighbour(plugins.path());
        let mut command = setting.command(plugins.path(), &["tool", "list"]);
        let output = command.output().unwrap();
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(listed.contains(NEIGHBOUR), "{listed}{said}");
        setting
    }

    fn place_neighbour(&self, plugins: &Path) -> PathBuf {
        let path = plugins.join("neighbour.wasm");
        std::fs::write(&path, &self.neighbour).unwrap();
        path
    }

    fn command(&self, plugins: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toolhost"));
        command
            .current_dir(plugins)
            .args(arguments)
            .args(["--plugins", "."])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path());
        command
    }
}

impl Case {
    /// Runs the case, and says what is wrong.
    pub(crate) fn run(&self, setting: &Setting) -> Outcome {
        let plugins = tempfile::tempdir().unwrap();
        setting.place_neighbour(plugins.path());
        let hostile = plugins.path().join("hostile.wasm");
        match &self.input {
            Input::Refused(make) | Input::Listed(make) => std::fs::write(hostile, make()).unwrap(),
            Input::Sparse(bytes) => {
                let file = std::fs::File::create(hostile).unwrap();
                file.set_len(*bytes).unwrap();
            }
            Input::Called {
                component,
                config,
                kind,
                ..
            } => {
                std::fs::write(hostile, component()).unwrap();
                std::fs::write(plugins.path().join("config.json"), config).unwrap();
                let grants = format!(
                    "grants: {{{kind}: [{{file: hostile.wasm}}, objects, secrets, jobs, logs, progress]}}\n"
                );
                std::fs::write(plugins.path().join("grants.yaml"), grants).unwrap();
            }
        }
        let mut command = match &self.input {
            Input::Called { kind, .. } => {
                setting.command(plugins.path(), &["call", kind, "--config", "config.json"])
            }
            _ => setting.command(plugins.path(), &["tool", "list"]),
        };
        let run = measure::run(&mut command, self.bound.time * PATIENCE);
        let failure = self.failure(&run);
        Outcome { run, failure }
    }

    fn failure(&self, run: &Run) -> Option<String> {
        let mut wrong = Vec::new();
        let exit = match self.input {
            Input::Called { exit, .. } => exit,
            _ => 0,
        };
        let code = run.status.and_then(|status| status.code());
        if code != Some(exit) {
            wrong.push(format!("ended with {:?} instead of {exit}", run.status));
        }
        let said = format!("{}\n{}", run.stdout, run.stderr);
        // Long lines are wrapped between words, and what goes on begins with a bar.
        let words = said.split_whitespace().filter(|word| *word != "│");
        let words = words.collect::<Vec<_>>().join(" ");
        if !words.contains(self.says) {
            wrong.push(format!("does not say `{}`", self.says));
        }
        let (is_list, is_refused) = match self.input {
            Input::Refused(_) | Input::Sparse(_) => (true, true),
            Input::Listed(_) => (true, false),
            Input::Called { .. } => (false, false),
        };
        if is_list && !run.stdout.contains(NEIGHBOUR) {
            wrong.push("the tool next to it is not listed".to_owned());
        }
        if is_refused && !run.stderr.contains("hostile.wasm") {
            wrong.push("the file is not named".to_owned());
        }
        if run.time > self.bound.time {
            wrong.push(format!("took {:?}", run.time));
        }
        if run.memory_bytes > self.bound.memory_bytes {
            wrong.push(format!("took {} MiB", run.memory_bytes >> 20));
        }
        let shown: String = said.chars().take(2_000).collect();
        (!wrong.is_empty()).then(|| format!("{}: {}\n{shown}", self.name, wrong.join("; ")))
    }

    /// Its line of the table.
    pub(crate) fn row(&self, outcome: &Outcome) -> String {
        let Outcome { run, failure } = outcome;
        format!(
            "| {} | {} s, {} MiB | {:.2} s | {} MiB |{}\n",
            self.name,
            self.bound.time.as_secs(),
            self.bound.memory_bytes >> 20,
            run.time.as_secs_f64(),
            run.memory_bytes >> 20,
            failure.as_ref().map_or("", |_| " **fails** |"),
        )
    }
}

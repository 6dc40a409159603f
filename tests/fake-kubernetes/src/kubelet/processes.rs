//! A pod whose containers are processes of this machine.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinSet;
use toolhost_quantity::Quantity;

use super::container::{Container, Launch};
use super::expansion::expand;
use super::pod::{Gone, Pod};
use super::status::{self, End, Which};
use crate::json::{list, text};

/// Why a container did not run to its end.
enum Stop {
    Gone,
    /// It was deleted before it started.
    Deleted,
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl Pod {
    pub(super) async fn run_processes(self) {
        let pod = Arc::new(self);
        let is_success = match pod.run().await {
            Ok(is_success) => is_success,
            Err(Stop::Deleted) => false,
            Err(Stop::Gone) => return pod.clean_up(),
        };
        let _ = pod.write(|object| status::set_phase(object, is_success));
        pod.finish_deletion();
        pod.clean_up();
    }

    fn clean_up(&self) {
        // What cannot be removed goes with the server's folder.
        let _ = std::fs::remove_dir_all(&self.directory);
    }

    async fn run(self: &Arc<Self>) -> Result<bool, Stop> {
        self.write(status::schedule)?;
        self.tell_scheduled();
        let object = self.write(status::admit)?;
        self.prepare(&object).await?;
        for container in list(&object, Which::Init.in_spec()) {
            if self
                .run_container(&object, container, Which::Init)
                .await?
                .code
                != 0
            {
                return Ok(false);
            }
        }
        let mut running = JoinSet::new();
        for container in list(&object, Which::Main.in_spec()).to_vec() {
            let pod = Arc::clone(self);
            let object = Arc::clone(&object);
            running.spawn(async move { pod.run_container(&object, &container, Which::Main).await });
        }
        let mut is_success = true;
        while let Some(ended) = running.join_next().await {
            is_success &= ended.map_err(|_| Stop::Gone)??.code == 0;
        }
        Ok(is_success)
    }

    /// Waits until the volumes are there.
    async fn prepare(&self, object: &Value) -> Result<(), Stop> {
        let mut is_signalled = false;
        loop {
            let Err(message) = self.make_volumes(object) else {
                return Ok(());
            };
            if !is_signalled {
                self.tell(true, "FailedMount", &message);
                is_signalled = true;
            }
            self.pause_unless_deleted().await?;
        }
    }

    async fn pause_unless_deleted(&self) -> Result<(), Stop> {
        tokio::select! {
            _ = self.until_deleted() => {
                self.object()?;
                Err(Stop::Deleted)
            }
            () = self.pause() => Ok(()),
        }
    }

    async fn run_container(
        &self,
        object: &Value,
        container: &Value,
        which: Which,
    ) -> Result<End, Stop> {
        let name = text(container, "/name");
        let log = self.logs.of(&self.uid, name);
        let mounts = self.mounts(container);
        let mut is_signalled = false;
        let variables = loop {
            let message = match self.environment(object, container, &mounts) {
                Ok(variables) => break variables,
                Err(message) => message,
            };
            if !is_signalled {
                self.tell(true, "Failed", &format!("Error: {message}"));
                is_signalled = true;
            }
            let reason = "CreateContainerConfigError";
            self.write(|pod| status::set_waiting(pod, which, name, reason, &message))?;
            self.pause_unless_deleted().await?;
        };
        let words = ["/command", "/args"]
            .into_iter()
            .flat_map(|path| list(container, path));
        let command: Vec<String> = words
            .map(|word| expand(&mounts.rewrite(word.as_str().unwrap_or("")), &variables))
            .collect();
        let directory = match text(container, "/workingDir") {
            "" => self.directory.join("work"),
            path => mounts.rewrite(path).into(),
        };
        let limit: Result<Quantity, _> = text(container, "/resources/limits/memory").parse();
        let launch = Launch {
            name,
            command: &command,
            variables: &variables,
            directory: &directory,
            memory_limit: limit.ok().map(Quantity::rounded_up),
            log: Arc::clone(&log),
            log_file_bytes: self.settings.log_file_bytes,
        };
        let image = text(container, "/image");
        let message = format!("Container image \"{image}\" already present on machine");
        self.tell(false, "Pulled", &message);
        self.tell(false, "Created", &format!("Created container: {name}"));
        let mut end = match Container::start(launch) {
            Ok(running) => {
                self.tell(false, "Started", &format!("Started container {name}"));
                self.write(|pod| status::set_running(pod, which, name, running.started()))?;
                running.end(self).await
            }
            Err(error) => {
                log.end();
                let end = start_error(command.first().map_or("", String::as_str), &error);
                self.tell(true, "Failed", &format!("Error: {}", end.message));
                end
            }
        };
        if text(container, "/terminationMessagePolicy") == "FallbackToLogsOnError" && end.code != 0
        {
            end.message = log.tail();
        }
        self.write(|pod| {
            status::set_ended(pod, which, name, &end);
            if which == Which::Main {
                status::set_unready(pod, end.code == 0);
            }
        })?;
        Ok(end)
    }
}

/// What containerd says of a program that it cannot start.
fn start_error(program: &str, error: &std::io::Error) -> End {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound if program.contains('/') => {
            format!("exec: \"{program}\": stat {program}: no such file or directory")
        }
        std::io::ErrorKind::NotFound => {
            format!("exec: \"{program}\": executable file not found in $PATH")
        }
        std::io::ErrorKind::PermissionDenied => format!("exec: \"{program}\": permission denied"),
        std::io::ErrorKind::ArgumentListTooLong => {
            format!("exec {program}: argument list too long")
        }
        _ => format!("exec {program}: {error}"),
    };
    let message = format!(
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
         failed: unable to start container process: {why}: unknown"
    );
    let now = Timestamp::now();
    End {
        code: 128,
        reason: "StartError".to_owned(),
        message,
        // As it is really written: the container has no start.
        started: Timestamp::UNIX_EPOCH,
        finished: now,
    }
}

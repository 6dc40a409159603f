use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use super::cgroup::{Group, Hierarchy};
use super::directory::JobDirectory;
use super::limits::Limits;
use super::namespace::Namespaces;
use super::process::{Launch, Process, ProcessEnd, StartError};
use super::pump::Pump;
use super::reservation::Reservation;
use super::verdict::{internal, start_failed, verdict};
use crate::capability::controller::{
    Controller, Next, cancelled_attempt, deadline_attempt, pod_name,
};
use crate::capability::program::Program;
use crate::capability::syntax::{file_name, with_syntax_error};
use crate::capability::timer::until;
use crate::capability::{AttemptEnd, JobEnd, JobEventKind, JobReporter, LogSink, SCRIPT_VARIABLE};

/// One job, from its first attempt to its end.
pub(super) struct Job {
    pub(super) name: String,
    pub(super) controller: Controller,
    pub(super) active_deadline: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) search_path: String,
    pub(super) program: Program,
    /// The path of the program.
    pub(super) program_path: PathBuf,
    pub(super) limits: Limits,
    pub(super) hierarchy: Hierarchy,
    pub(super) namespaces: Option<Namespaces>,
    /// Warnings for the user.
    pub(super) warnings: Vec<String>,
    pub(super) directory: Arc<JobDirectory>,
    pub(super) reservation: Reservation,
    pub(super) logs: Arc<dyn LogSink>,
    pub(super) reporter: JobReporter,
    pub(super) created: Instant,
}

/// Why an attempt ended.
enum Stop {
    Exited,
    Cancelled,
    DeadlineExceeded,
    /// The system does not report whether it runs.
    Lost(io::Error),
}

impl Job {
    /// Runs it. Dropping the future ends the job as well.
    pub(super) async fn run(mut self) {
        for message in std::mem::take(&mut self.warnings) {
            self.report(0, JobEventKind::Warning { message });
        }
        // A deadline beyond the clock's range is ignored.
        let deadline = self
            .active_deadline
            .and_then(|limit| Instant::now().checked_add(limit));
        let end = self.run_attempts(deadline).await;

        let Self {
            directory,
            reservation,
            reporter,
            created,
            ..
        } = self;
        // A caller that receives the end finds nothing left, and may create a job of the same name.
        if let Err(error) = spawn_blocking(move || drop(directory)).await {
            tracing::error!(%error, "a job's directory could not be removed");
        }
        drop(reservation);
        reporter.report(created.elapsed(), 0, JobEventKind::Finished(end));
    }

    async fn run_attempts(&mut self, deadline: Option<Instant>) -> JobEnd {
        let mut attempt = 1;
        loop {
            if self.reporter.is_cancelled() {
                return self.controller.cancelled();
            }
            let end = self.run_attempt(attempt, deadline).await;
            let next = self.controller.after(&end);
            self.report(attempt, JobEventKind::AttemptEnded(end));
            let wait = match next {
                Next::Finish(end) => return end,
                Next::Retry(wait) => wait,
            };
            self.report(attempt, JobEventKind::BackingOff { wait });
            tokio::select! {
                biased;
                () = self.reporter.cancelled() => return self.controller.cancelled(),
                () = until(deadline) => return self.controller.deadline_exceeded(),
                () = sleep(wait) => {}
            }
            attempt += 1;
        }
    }

    async fn run_attempt(&self, attempt: u32, deadline: Option<Instant>) -> AttemptEnd {
        let pod = pod_name(&self.name, attempt);
        self.report(attempt, JobEventKind::AttemptStarted { pod });
        let started = Instant::now();
        let launch = self.launch(attempt);
        let end = match spawn_blocking(move || Process::start(launch)).await {
            Ok(Ok((process, output))) => {
                if attempt == 1 {
                    self.warn_of_limits(process.group());
                }
                match Pump::start(output, attempt, Arc::clone(&self.logs)) {
                    Ok(pump) => self.supervise(process, pump, attempt, deadline).await,
                    Err(error) => {
                        drop(spawn_blocking(move || process.end()).await);
                        self.logs.end(attempt);
                        start_failed(&StartError::Spawn(error))
                    }
                }
            }
            Ok(Err(error)) => {
                self.logs.end(attempt);
                start_failed(&error)
            }
            Err(error) => {
                self.logs.end(attempt);
                internal(&error)
            }
        };
        AttemptEnd {
            duration: started.elapsed(),
            ..end
        }
    }

    async fn supervise(
        &self,
        process: Process,
        pump: Pump,
        attempt: u32,
        deadline: Option<Instant>,
    ) -> AttemptEnd {
        let stop = tokio::select! {
            biased;
            exited = process.exited() => exited.map_or_else(Stop::Lost, |()| Stop::Exited),
            () = self.reporter.cancelled() => Stop::Cancelled,
            () = until(deadline) => Stop::DeadlineExceeded,
        };
        if matches!(stop, Stop::Cancelled | Stop::DeadlineExceeded) {
            process.terminate();
            // Whether it used the grace period or not, the rest is killed.
            drop(timeout(self.grace, process.exited()).await);
        }
        // Every process that could write is gone before the pipe is read to its end.
        let ended = spawn_blocking(move || process.end()).await;
        let tail = pump.end(attempt).await;
        let end = match ended {
            Ok(ended) => self.judge(&ended, &tail),
            Err(error) => internal(&error),
        };
        match stop {
            Stop::Exited => end,
            Stop::Cancelled => cancelled_attempt(end),
            Stop::DeadlineExceeded => {
                deadline_attempt(end, self.active_deadline.unwrap_or_default())
            }
            Stop::Lost(error) => internal(&error),
        }
    }

    fn judge(&self, ended: &ProcessEnd, tail: &[u8]) -> AttemptEnd {
        let end = verdict(ended, &self.limits, tail);
        let script = self.program.variable(SCRIPT_VARIABLE);
        let script = script.map_or("", |path| file_name(path.expose_secret()));
        let end = with_syntax_error(end, &self.program.command(), script, tail);
        if end.reason().is_none() && ended.oom_kills.is_some_and(|kills| kills > 0) {
            let message = "a process that the script started was killed at `limits.memory`, \
                           although the script succeeded";
            let message = message.to_owned();
            self.report(0, JobEventKind::Warning { message });
        }
        end
    }

    fn launch(&self, attempt: u32) -> Launch {
        Launch {
            job_directory: Arc::clone(&self.directory),
            attempt,
            program: self.program_path.clone(),
            arguments: self.program.command().into_iter().skip(1).collect(),
            search_path: self.search_path.clone(),
            environment: self.program.environment().to_vec(),
            hierarchy: self.hierarchy.clone(),
            namespaces: self.namespaces.clone(),
            limits: self.limits.clone(),
        }
    }

    fn warn_of_limits(&self, group: &Group) {
        if let Some(limit) = &self.limits.memory
            && !group.limits_memory()
        {
            let message = format!(
                "`limits.memory` of {} applies to each process of the script separately: the engine \
                 `local` is not allowed to create a control group for memory here",
                limit.text
            );
            self.report(0, JobEventKind::Warning { message });
        }
        if self.limits.cpu_thousandths.is_some() && !group.limits_cpu() {
            let message = "`limits.cpu` is not enforced: the engine `local` is not allowed to create a control \
                           group for it here";
            let message = message.to_owned();
            self.report(0, JobEventKind::Warning { message });
        }
    }

    fn report(&self, attempt: u32, kind: JobEventKind) {
        self.reporter.report(self.created.elapsed(), attempt, kind);
    }
}

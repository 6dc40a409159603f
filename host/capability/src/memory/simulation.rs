use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use toolhost_quantity::Quantity;

use super::script::{AttemptScript, Exit, JobScript, Step};
use crate::controller::{
    Controller, DEFAULT_BACKOFF_BASE, Next, cancelled_attempt, deadline_attempt, exited,
    out_of_memory, pod_name, signalled,
};
use crate::program::{self, Program};
use crate::request::{invalid, shortened};
use crate::{AttemptEnd, CapabilityError, JobEnd, JobEventKind, JobReporter, JobRequest, LogSink};

/// The paths of the script and the arguments of a program.
const DIRECTORY: &str = "/noetl";
/// The signal of the kernel for lack of memory.
const SIGKILL: i32 = 9;
/// The signal that asks a program to end.
const SIGTERM: i32 = 15;

/// One job in virtual time.
pub(super) struct Simulation {
    request: Arc<JobRequest>,
    script: Arc<JobScript>,
    logs: Arc<dyn LogSink>,
    /// Created when a step first needs it, which most scripts never do.
    program: OnceCell<Program>,
    memory_limit: Option<u64>,
    controller: Controller,
    /// Virtual time since the job was created.
    clock: Duration,
    place: Place,
}

/// The progress of a simulation.
pub(super) enum Progress {
    /// The job has finished; [`Simulation::finish`] reports it.
    Finished(JobEnd),
    /// It continues when it is released.
    Held,
}

/// The position of a job in its script.
#[derive(Clone, Copy)]
enum Place {
    /// Before this attempt.
    Before(u32),
    /// Before the first attempt, which cannot start.
    Waiting,
    /// In the delay before this attempt.
    Backoff { next: u32, wait: Duration },
    /// In an attempt, before this step.
    Attempt {
        attempt: u32,
        step: usize,
        started: Duration,
    },
}

/// The result of a step.
enum Outcome {
    Continue,
    Hold,
    End(AttemptEnd),
}

impl Simulation {
    pub(super) fn new(
        request: Arc<JobRequest>,
        script: Arc<JobScript>,
        logs: Arc<dyn LogSink>,
        memory_limit: Option<u64>,
    ) -> Self {
        Self {
            memory_limit,
            controller: Controller::new(
                request.backoff_limit,
                request.active_deadline,
                DEFAULT_BACKOFF_BASE,
            ),
            program: OnceCell::new(),
            request,
            script,
            logs,
            clock: Duration::ZERO,
            place: Place::Before(1),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.request.name.as_str()
    }

    /// Runs until the end, or until it is held again.
    pub(super) fn run(&mut self, reporter: &JobReporter) -> Progress {
        loop {
            let progress = match self.place {
                Place::Before(1) if self.is_to_wait() => Some(self.wait(reporter)),
                Place::Before(attempt) => self.start(attempt, reporter),
                Place::Waiting => {
                    self.start(1, reporter);
                    None
                }
                Place::Backoff { next, wait } => self.wait_out(next, wait),
                Place::Attempt { attempt, step, .. } => self.go_on(attempt, step, reporter),
            };
            if let Some(progress) = progress {
                return progress;
            }
        }
    }

    /// Ends it at its current position.
    pub(super) fn cancel(&mut self, reporter: &JobReporter) -> JobEnd {
        if let Place::Attempt { attempt, .. } = self.place {
            let end = cancelled_attempt(signalled(SIGTERM));
            self.report_end(attempt, end, reporter);
        }
        match (&self.script.wait, self.place) {
            (Some(wait), Place::Waiting) => self.controller.cancelled_waiting(wait),
            _ => self.controller.cancelled(),
        }
    }

    /// Reports that the job has finished.
    pub(super) fn finish(&self, reporter: &JobReporter, end: JobEnd) {
        reporter.report(self.clock, 0, JobEventKind::Finished(end));
    }

    fn program(&self) -> &Program {
        self.program.get_or_init(|| {
            let script = self.request.script.as_ref();
            let script_path = script.map(|script| format!("{DIRECTORY}/{}", script.file_name));
            let arguments_path = format!("{DIRECTORY}/arguments.json");
            Program::new(&self.request, script_path.as_deref(), &arguments_path)
        })
    }

    fn is_to_wait(&self) -> bool {
        self.script.wait.is_some()
    }

    fn wait(&mut self, reporter: &JobReporter) -> Progress {
        self.place = Place::Waiting;
        let Some(wait) = &self.script.wait else {
            return Progress::Held;
        };
        let kind = JobEventKind::Waiting {
            reason: wait.reason.to_string(),
            message: wait.message.clone(),
        };
        reporter.report(self.clock, 0, kind);
        let Some(deadline) = self.request.active_deadline else {
            return Progress::Held;
        };
        self.clock = deadline;
        Progress::Finished(self.controller.deadline_exceeded_waiting(wait))
    }

    fn start(&mut self, attempt: u32, reporter: &JobReporter) -> Option<Progress> {
        if attempt == 1
            && let Some(message) = program::warning(&self.request)
        {
            reporter.report(self.clock, 0, JobEventKind::Warning { message });
        }
        let pod = pod_name(self.request.name.as_str(), attempt);
        reporter.report(self.clock, attempt, JobEventKind::AttemptStarted { pod });
        self.place = Place::Attempt {
            attempt,
            step: 0,
            started: self.clock,
        };
        None
    }

    fn wait_out(&mut self, next: u32, wait: Duration) -> Option<Progress> {
        if self.take(wait) {
            self.place = Place::Before(next);
            return None;
        }
        Some(Progress::Finished(self.controller.deadline_exceeded()))
    }

    fn go_on(&mut self, attempt: u32, step: usize, reporter: &JobReporter) -> Option<Progress> {
        let script = Arc::clone(&self.script);
        let attempt_script = script.attempt(attempt);
        let outcome = match attempt_script.and_then(|script| script.steps.get(step)) {
            Some(step) => self.do_step(step, attempt, reporter),
            None => Outcome::End(self.exit(attempt_script)),
        };
        if let Place::Attempt { step, .. } = &mut self.place {
            *step += 1;
        }
        match outcome {
            Outcome::Continue => None,
            Outcome::Hold => Some(Progress::Held),
            Outcome::End(end) => self.end_attempt(attempt, end, reporter),
        }
    }

    fn do_step(&mut self, step: &Step, attempt: u32, reporter: &JobReporter) -> Outcome {
        match step {
            Step::Write(bytes) => self.logs.write(attempt, bytes),
            Step::WriteVariable(name) => {
                if let Some(value) = self.program().variable(name) {
                    self.logs.write(attempt, value.expose_secret().as_bytes());
                }
            }
            Step::WriteArgument(index) => {
                if let Some(argument) = self.program().command().get(*index) {
                    self.logs.write(attempt, argument.as_bytes());
                }
            }
            Step::WriteArgumentsFile => {
                let arguments = self.program().arguments().expose_secret();
                self.logs.write(attempt, arguments.as_bytes());
            }
            Step::Wait(time) => {
                if !self.take(*time) {
                    return Outcome::End(self.exceeded());
                }
            }
            Step::Allocate(bytes) => {
                if self.memory_limit.is_some_and(|limit| *bytes > limit) {
                    return Outcome::End(self.out_of_memory());
                }
            }
            Step::Waiting { reason, message } => {
                let (reason, message) = (reason.clone(), message.clone());
                reporter.report(
                    self.clock,
                    attempt,
                    JobEventKind::Waiting { reason, message },
                );
            }
            Step::Warning(message) => {
                let message = message.clone();
                reporter.report(self.clock, attempt, JobEventKind::Warning { message });
            }
            Step::Hold => {
                let Some(deadline) = self.request.active_deadline else {
                    return Outcome::Hold;
                };
                self.clock = self.clock.max(deadline);
                return Outcome::End(self.exceeded());
            }
        }
        Outcome::Continue
    }

    fn end_attempt(
        &mut self,
        attempt: u32,
        end: AttemptEnd,
        reporter: &JobReporter,
    ) -> Option<Progress> {
        let next = self.controller.after(&end);
        self.report_end(attempt, end, reporter);
        let wait = match next {
            Next::Finish(end) => return Some(Progress::Finished(end)),
            Next::Retry(wait) => wait,
        };
        reporter.report(self.clock, attempt, JobEventKind::BackingOff { wait });
        self.place = Place::Backoff {
            next: attempt + 1,
            wait,
        };
        let is_held = self.script.hold_in_backoff && self.request.active_deadline.is_none();
        is_held.then_some(Progress::Held)
    }

    fn report_end(&self, attempt: u32, mut end: AttemptEnd, reporter: &JobReporter) {
        if let Place::Attempt { started, .. } = self.place {
            end.duration = self.clock.saturating_sub(started);
        }
        self.logs.end(attempt);
        reporter.report(self.clock, attempt, JobEventKind::AttemptEnded(end));
    }

    fn exit(&self, script: Option<&AttemptScript>) -> AttemptEnd {
        match script.map_or(Exit::Code(0), |script| script.exit) {
            Exit::Code(code) => exited(code),
            Exit::Signal(signal) => signalled(signal),
            Exit::OutOfMemory => self.out_of_memory(),
        }
    }

    fn out_of_memory(&self) -> AttemptEnd {
        let limit = self.request.limits.get("memory");
        out_of_memory(signalled(SIGKILL), limit.map(String::as_str))
    }

    fn exceeded(&self) -> AttemptEnd {
        let deadline = self.request.active_deadline.unwrap_or_default();
        deadline_attempt(signalled(SIGTERM), deadline)
    }

    /// Advances the time, and returns whether the deadline has not passed; the clock stops there.
    fn take(&mut self, time: Duration) -> bool {
        let then = self.clock.saturating_add(time);
        match self.request.active_deadline {
            Some(deadline) if then >= deadline => {
                self.clock = self.clock.max(deadline);
                false
            }
            _ => {
                self.clock = then;
                true
            }
        }
    }
}

/// Returns `limits.memory` in bytes.
pub(super) fn memory_limit(request: &JobRequest) -> Result<Option<u64>, CapabilityError> {
    let Some(text) = request.limits.get("memory") else {
        return Ok(None);
    };
    let limit: Quantity = text.parse().map_err(|error| {
        invalid(format!("`limits.memory` `{}` {error}", shortened(text)))
            .with_field("resources.limits.memory")
    })?;
    Ok(Some(limit.rounded_up()))
}

//! Showing the progress of a call.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toolhost::capability::{AttemptEnd, JobEventKind};
use toolhost::progress::{ProgressEvent, ProgressReader, ProgressSender, progress};

use super::exit::Exit;
use super::options::OutputFormat;
use super::own_lines::OwnLines;
use super::terminal;

/// Shows the progress of one call on standard error until it has ended.
#[derive(Debug)]
pub(crate) struct Display {
    showing: JoinHandle<()>,
}

/// What is shown of a call.
#[derive(Debug, Clone, Copy)]
struct Detail {
    /// The output of jobs, and what they wait for.
    logs: bool,
    /// The events of jobs.
    events: bool,
}

impl Display {
    /// Starts showing the events of the sender.
    pub(crate) fn start(format: OutputFormat) -> (Self, ProgressSender) {
        let (sender, reader) = progress();
        let is_terminal = terminal::stderr_is_terminal();
        let detail = Detail {
            logs: is_terminal || format == OutputFormat::Text,
            events: is_terminal,
        };
        let showing = tokio::spawn(show(reader, detail));
        (Self { showing }, sender)
    }

    /// Waits until everything was shown.
    pub(crate) async fn finish(self) {
        // A task that panicked has nothing more to show.
        let _shown = self.showing.await;
    }
}

/// A token that is cancelled when the user interrupts; interrupting again ends the program immediately.
pub(crate) fn cancel_on_interrupt() -> CancellationToken {
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        interrupted().await;
        cancel.cancel();
        terminal::tell("ending the job; interrupt again to exit immediately");
        interrupted().await;
        std::process::exit(Exit::Interrupted.code().into());
    });
    token
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => if result.is_err() {
            std::future::pending::<()>().await;
        },
        _ = terminated.recv() => {}
    }
}

async fn show(mut reader: ProgressReader, detail: Detail) {
    let mut own_lines = OwnLines::default();
    while let Some(event) = reader.next().await {
        match event {
            ProgressEvent::Log { job, record } => {
                let text = own_lines.shown(&job, record);
                if let Some(text) = text.filter(|_| detail.logs) {
                    terminal::tell_log(&text);
                }
            }
            ProgressEvent::Stage { stage, details, .. }
                if own_lines.take_marks(&stage, &details) => {}
            event => {
                if let Some(line) = line(event, detail) {
                    terminal::tell(&line);
                }
            }
        }
    }
    if detail.logs {
        for text in own_lines.finish() {
            terminal::tell_log(&text);
        }
    }
}

fn line(event: ProgressEvent, detail: Detail) -> Option<String> {
    match event {
        ProgressEvent::Job { event, .. } => job_line(event.attempt, event.kind, detail),
        ProgressEvent::Stage { message, .. } => detail.events.then(|| format!("  {message}")),
        ProgressEvent::Started { tool, digest } => {
            detail.events.then(|| format!("  {tool} ({digest})"))
        }
        ProgressEvent::Skipped { events } => {
            Some(format!("  ({events} messages of the tool omitted)"))
        }
        _ => None,
    }
}

fn job_line(attempt: u32, kind: JobEventKind, detail: Detail) -> Option<String> {
    let line = match kind {
        JobEventKind::Warning { message } => return Some(format!("warning: {message}")),
        // Nothing else explains why a run does not progress, wherever its output goes.
        JobEventKind::Waiting { reason, message } => {
            return detail
                .logs
                .then(|| format!("  waiting: {reason}: {message}"));
        }
        JobEventKind::AttemptStarted { pod } => format!("  attempt {attempt} runs as {pod}"),
        JobEventKind::AttemptEnded(end) => format!("  attempt {attempt} {}", end_of(&end)),
        JobEventKind::BackingOff { wait } => format!("  next attempt in {}", rounded(wait)),
        _ => return None,
    };
    detail.events.then_some(line)
}

fn end_of(end: &AttemptEnd) -> String {
    let duration = rounded(end.duration);
    match &end.explanation {
        None => format!("succeeded after {duration}"),
        Some(why) => format!("failed after {duration}: {}: {}", why.reason, why.message),
    }
}

fn rounded(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_of_a_job_is_shown_if_standard_error_is_not_a_terminal() {
        let waiting = || JobEventKind::Waiting {
            reason: "FailedCreate".to_owned(),
            message: "the quota is used up".to_owned(),
        };
        let shown = |logs| {
            job_line(
                0,
                waiting(),
                Detail {
                    logs,
                    events: false,
                },
            )
        };
        let line = "  waiting: FailedCreate: the quota is used up";
        assert_eq!(shown(true).as_deref(), Some(line));
        assert_eq!(shown(false), None);
    }
}

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use toolhost::capability::sync::lock;
use toolhost::capability::{CapabilityError, LogSink, Reason};
use toolhost_kubernetes::{JobSummary, KubernetesEngine, SweepOptions};

use super::exit::Exit;
use super::foreign::LogText;
use super::options::{ClusterOptions, OutputFormat, explain_cluster};
use super::settings::hint_text;
use super::terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List the jobs that this program made, oldest first.
    List(ListArguments),
    /// Print the output of a job, unchanged: secrets are not redacted here. On a terminal, control characters
    /// are escaped, except for colors.
    Logs(LogsArguments),
    /// End a job and delete it with everything that belongs to it.
    Cancel(CancelArguments),
    /// Remove what killed hosts left behind: jobs that never started, and secrets of finished jobs.
    Sweep(SweepArguments),
}

#[derive(Debug, Args)]
struct Place {
    /// The namespace.
    #[arg(long, short, value_name = "NAME", default_value = "noetl")]
    namespace: String,
    #[command(flatten)]
    cluster: ClusterOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// The job.
    job: String,
    /// Continue until the job ends.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    /// The job.
    job: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct SweepArguments {
    /// The minimum age of a job that was created and never started, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "600")]
    min_age: u64,
    /// Also delete finished jobs, before their time to live has passed.
    #[arg(long)]
    finished: bool,
    /// Only print what would be removed.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

/// The labels with the step and execution of a job.
const STEP_LABEL: &str = "noetl.io/step";
const EXECUTION_LABEL: &str = "noetl.io/execution-id";

pub(crate) async fn job(command: JobCommand) -> Exit {
    let result = match command {
        JobCommand::List(arguments) => list(&arguments).await,
        JobCommand::Logs(arguments) => logs(&arguments).await,
        JobCommand::Cancel(arguments) => cancel(&arguments).await,
        JobCommand::Sweep(arguments) => sweep(&arguments).await,
    };
    match result {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn list(arguments: &ListArguments) -> Result<Exit, Exit> {
    let engine = engine(&arguments.place).await?;
    let jobs = engine
        .jobs(&arguments.place.namespace)
        .await
        .map_err(|error| explain(&error))?;
    if arguments.output == OutputFormat::Json {
        let jobs = jobs.iter().map(document).collect();
        terminal::print_json(&format!("{:#}", Value::Array(jobs)));
        return Ok(Exit::Success);
    }
    if jobs.is_empty() {
        let namespace = &arguments.place.namespace;
        terminal::tell(&format!("no jobs of tools in the namespace `{namespace}`"));
    }
    let width = jobs
        .iter()
        .map(|job| job.name.len())
        .max()
        .unwrap_or_default();
    for job in &jobs {
        let age = job
            .created
            .and_then(|created| SystemTime::now().duration_since(created).ok());
        let age = age.map(shown_age).unwrap_or_default();
        let reason = job.reason.as_deref().unwrap_or_default();
        let line = format!(
            "{:width$}  {:9}  {age:>5}  {reason}",
            job.name,
            job.state.as_str()
        );
        terminal::print(line.trim_end());
    }
    Ok(Exit::Success)
}

async fn logs(arguments: &LogsArguments) -> Result<Exit, Exit> {
    let engine = engine(&arguments.place).await?;
    let Place { namespace, .. } = &arguments.place;
    let printed = Arc::new(Printed::new());
    let sink = Arc::clone(&printed) as Arc<dyn LogSink>;
    let read = engine.read_job_logs(namespace, &arguments.job, arguments.follow, sink);
    let read = tokio::select! {
        read = read => Some(read),
        _ = tokio::signal::ctrl_c() => None,
    };
    printed.finish();
    match read {
        Some(read) => read.map_err(|error| explain(&error))?,
        None => return Ok(Exit::Interrupted),
    }
    Ok(Exit::Success)
}

async fn cancel(arguments: &CancelArguments) -> Result<Exit, Exit> {
    let engine = engine(&arguments.place).await?;
    let cancelled = engine
        .cancel_job(&arguments.place.namespace, &arguments.job)
        .await;
    cancelled.map_err(|error| explain(&error))?;
    terminal::tell(&format!("{}: deletion requested", arguments.job));
    Ok(Exit::Success)
}

async fn sweep(arguments: &SweepArguments) -> Result<Exit, Exit> {
    let engine = engine(&arguments.place).await?;
    let mut options = SweepOptions::default();
    options.min_age = Duration::from_secs(arguments.min_age);
    options.finished = arguments.finished;
    options.dry_run = arguments.dry_run;
    let swept = engine.sweep(&arguments.place.namespace, options).await;
    let swept = swept.map_err(|error| explain(&error))?;
    for name in &swept.jobs {
        terminal::print(&format!("job/{name}"));
    }
    for name in &swept.secrets {
        terminal::print(&format!("secret/{name}"));
    }
    if swept.jobs.is_empty() && swept.secrets.is_empty() {
        let namespace = &arguments.place.namespace;
        terminal::tell(&format!("nothing to remove in the namespace `{namespace}`"));
    }
    Ok(Exit::Success)
}

async fn engine(place: &Place) -> Result<KubernetesEngine, Exit> {
    let connected = KubernetesEngine::new(place.cluster.settings()).await;
    connected.map_err(|error| explain_cluster(&error))
}

fn explain(error: &CapabilityError) -> Exit {
    let why = &error.explanation;
    terminal::complain(&why.message, why.hint.clone().map(hint_text));
    match why.reason {
        Reason::InvalidRequest => Exit::Usage,
        reason => Exit::of_reason(reason),
    }
}

fn document(job: &JobSummary) -> Value {
    let created = job
        .created
        .and_then(|created| created.duration_since(SystemTime::UNIX_EPOCH).ok());
    json!({
        "name": job.name,
        "state": job.state.as_str(),
        "step": job.labels.get(STEP_LABEL),
        "execution_id": job.labels.get(EXECUTION_LABEL),
        "created_unix_seconds": created.map(|created| created.as_secs()),
        "failed": job.failed,
        "reason": job.reason,
    })
}

/// An age in its largest unit, as kubectl shows it.
fn shown_age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}m", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// Prints bytes as they arrive; for a terminal, line by line.
struct Printed {
    /// Splits lines for a terminal; `None` if standard output is a file or a pipe, which get the bytes
    /// unchanged.
    lines: Option<Mutex<LogText>>,
}

impl Printed {
    fn new() -> Self {
        let is_terminal = terminal::stdout_is_terminal();
        let lines = || Mutex::new(LogText::new(terminal::has_color(is_terminal)));
        Self {
            lines: is_terminal.then(lines),
        }
    }

    /// Prints what is left.
    fn finish(&self) {
        if let Some(lines) = &self.lines {
            terminal::print_bytes(lock(lines).finish().as_bytes());
        }
    }
}

impl LogSink for Printed {
    fn write(&self, _: u32, bytes: &[u8]) {
        match &self.lines {
            Some(lines) => terminal::print_bytes(lock(lines).push(bytes).as_bytes()),
            None => terminal::print_bytes(bytes),
        }
    }

    fn end(&self, _: u32) {
        self.finish();
    }
}

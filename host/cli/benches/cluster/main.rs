//! The script tool on a cluster, many at once: how long, how much, and how soon the result.
//!
//! ```sh
//! KUBECONFIG=… cargo bench -p toolhost-cli --bench cluster -- --n 1000 --namespace bench --out calls.jsonl
//! ```
//!
//! Components are compiled once: `--n 0` does nothing else, so that the next run begins as a worker does.
//!
//! One JSON line per call, and a last one with totals. How many requests there were is in the audit log of the
//! API server, by this program's user agent.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark that cannot continue must stop"
)]
#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use clap::Parser;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use toolhost::backend::objects::{FileSource, SourceRouter};
use toolhost::credential::{CredentialError, SecretProvider, SecretValue};
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::template::TemplateContext;
use toolhost_kubernetes::{KubernetesEngine, KubernetesSettings, Policy};

#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// How many jobs.
    #[arg(long, default_value_t = 1)]
    n: u32,
    /// How many at once; all of them where it is not set.
    #[arg(long)]
    concurrency: Option<u32>,
    #[arg(long, default_value = "bench")]
    namespace: String,
    #[arg(long, default_value = "python:3.11-slim")]
    image: String,
    /// Whether each job has a secret among its arguments.
    #[arg(long)]
    secret: bool,
    /// How long the script sleeps.
    #[arg(long, default_value_t = 2.0)]
    sleep: f64,
    #[arg(long, default_value_t = 600)]
    ttl: u32,
    /// What the first execution is called; the others are counted on from it.
    #[arg(long)]
    first_id: Option<u64>,
    /// Where the lines go.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Given by cargo, and without meaning here.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments = Arguments::parse();
    let mut out: Box<dyn Write> = match &arguments.out {
        Some(path) => Box::new(BufWriter::new(std::fs::File::create(path).unwrap())),
        None => Box::new(std::io::stdout()),
    };
    let folder = tempfile::tempdir().unwrap();
    let sleep = arguments.sleep;
    // Arguments with a secret are not on the command line.
    let script = format!(
        "import json, os, time\na = json.load(open(os.environ['NOETL_ARGS_FILE']))\ntime.sleep({sleep})\nprint('hello', a['i'])\n"
    );
    std::fs::write(folder.path().join("bench.py"), script).unwrap();
    let engine = engine().await;
    let files = Arc::new(FileSource::new(folder.path(), folder.path()));
    let host = ToolHost::builder()
        .jobs(Arc::new(engine))
        .objects(Arc::new(SourceRouter::new().with("file", files)))
        .max_calls(arguments.n.max(1))
        .log_directory(folder.path().join("logs"))
        // A worker that was started before has one, and takes the memory for a compilation only once.
        .cache_directory(concat!(env!("CARGO_TARGET_TMPDIR"), "/components"))
        .build()
        .unwrap();
    host.load_embedded_tools().await.unwrap();
    let host = Arc::new(host);

    let first_id = arguments
        .first_id
        .unwrap_or_else(|| u64::try_from(unix_ms()).unwrap());
    let places = Arc::new(Semaphore::new(
        usize::try_from(arguments.concurrency.unwrap_or(arguments.n).max(1)).unwrap(),
    ));
    let before = usage();
    let begun = Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for index in 0..arguments.n {
        let values = values(index, arguments.secret);
        let config = json!({
            "script": {"uri": "bench.py", "source": {"type": "file"}},
            "args": values,
            "job": {
                "image": arguments.image, "namespace": arguments.namespace, "backoffLimit": 0,
                "ttlSecondsAfterFinished": arguments.ttl,
            },
        });
        let id = first_id + u64::from(index);
        let id = ExecutionId::new(id.to_string());
        let tool = "script".parse().unwrap();
        let templates = TemplateContext::default().with_secrets(Arc::new(Token));
        let request = CallRequest::new(tool, config, id, StepName::new("bench"));
        let request = request.with_templates(templates);
        let (host, places) = (Arc::clone(&host), Arc::clone(&places));
        calls.spawn(async move {
            let _place = places.acquire_owned().await;
            let (start_ms, start) = (unix_ms(), Instant::now());
            let outcome = host.call(request).await;
            (
                index,
                start_ms,
                start.elapsed().as_millis(),
                unix_ms(),
                outcome,
            )
        });
    }
    let mut walls = Vec::new();
    let mut completed = 0_u32;
    while let Some(call) = calls.join_next().await {
        let (index, start_ms, wall_ms, end_ms, outcome) = call.unwrap();
        walls.push(wall_ms);
        let outcome = match outcome {
            Ok(outcome) => Value::Object(outcome.into_document()),
            Err(error) => json!({"error": error.to_string()}),
        };
        let is_whole = outcome["status"] == "completed" && outcome["output"] != Value::Null;
        completed += u32::from(is_whole);
        let line = json!({
            "i": index, "start_ms": start_ms, "end_ms": end_ms, "wall_ms": wall_ms,
            "status": outcome["status"], "job_name": outcome["job_name"],
            "pod_name": outcome["pod_name"], "output": outcome["output"],
            "error": outcome["error"], "message": outcome["message"],
        });
        writeln!(out, "{line}").unwrap();
    }
    let total = begun.elapsed();
    let after = usage();
    walls.sort_unstable();
    let jobs = f64::from(arguments.n.max(1));
    let totals = json!({
        "n": arguments.n,
        "completed": completed,
        "total_s": total.as_secs_f64(),
        "wall_ms": {"p50": percentile(&walls, 0.5), "p99": percentile(&walls, 0.99)},
        "cpu_ms_per_job": after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e3 / jobs,
        "rss_start_kib": before.resident_kib,
        "rss_peak_kib": after.peak_kib,
    });
    writeln!(out, "{totals}").unwrap();
    out.flush().unwrap();
    if arguments.out.is_some() {
        println!("{totals}");
    }
}

async fn engine() -> KubernetesEngine {
    let mut settings = KubernetesSettings::default();
    // The namespace is an argument, and everyone who runs this may use the cluster anyway.
    settings.policy = Arc::new(Policy::open());
    KubernetesEngine::new(settings).await.unwrap()
}

/// The arguments of a script.
fn values(index: u32, has_secret: bool) -> Value {
    if has_secret {
        return json!({"i": index, "token": "{{ secret.token }}"});
    }
    json!({"i": index})
}

/// A single secret, `token`.
struct Token;

#[async_trait]
impl SecretProvider for Token {
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        Ok((name == "token").then(|| SecretValue::new(json!("a-token-of-the-bench"))))
    }

    fn secret_names(&self) -> Vec<String> {
        vec!["token".to_owned()]
    }
}

fn unix_ms() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis()
}

/// What this process has used so far.
struct Usage {
    cpu: Duration,
    resident_kib: u64,
    peak_kib: u64,
}

fn usage() -> Usage {
    // Clock ticks of user and system time, by proc(5): a hundred a second on every Linux.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| fields.get(index).unwrap().parse::<u64>().unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim_start_matches(':')
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    };
    Usage {
        cpu: Duration::from_millis((ticks(11) + ticks(12)) * 10),
        resident_kib: kib("VmRSS"),
        peak_kib: kib("VmHWM"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a place in a list of a few thousand"
)]
fn percentile(sorted: &[u128], share: f64) -> u128 {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.max(1) - 1).copied().unwrap_or_default()
}

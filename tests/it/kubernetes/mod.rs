//! The engine `kubernetes` on an API server of this process, whose pods are processes of this machine.

mod adoption;
mod commands;
mod conformance;
mod container;
mod faults;
mod idle;
mod inputs;
pub(crate) mod kills;
mod policy;
pub(crate) mod process;
mod queue;
mod rights;
mod secrets;
mod sidecar;
mod waits;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use fake_kubernetes::{FakeKubernetes, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use toolhost::capability::{
    AttemptEnd, CapabilityError, JobEnd, JobEvent, JobEventKind, JobHandle, JobIdentity,
    JobRequest, JobRunner, LogSink, Script,
};
use toolhost_kubernetes::{KubernetesEngine, KubernetesSettings};

/// The delay after the first failure, on both sides.
const BACKOFF_BASE: Duration = Duration::from_millis(10);
/// How long anything is waited for: much longer than it takes.
const PATIENCE: Duration = Duration::from_secs(90);
/// The namespace of the jobs.
const NAMESPACE: &str = "default";

/// How many cases with a server of their own run at once.
const CASES_AT_ONCE: usize = 16;

/// A server, and a folder for what the test and its jobs write.
struct Cluster {
    server: FakeKubernetes,
    folder: TempDir,
}

impl Cluster {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        settings.backoff_base = BACKOFF_BASE;
        change(&mut settings);
        let server = FakeKubernetes::start(settings).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("kubeconfig"),
            server.kubeconfig(NAMESPACE),
        )
        .unwrap();
        Self { server, folder }
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn settings(&self) -> KubernetesSettings {
        let mut settings = KubernetesSettings::default();
        settings.cluster.kubeconfig = Some(self.kubeconfig());
        settings.backoff_base = BACKOFF_BASE;
        settings
    }

    async fn engine(&self) -> KubernetesEngine {
        KubernetesEngine::new(self.settings()).await.unwrap()
    }

    /// A request for a job that runs a script of the shell.
    fn request(name: &str, script: &str) -> JobRequest {
        let command = ["sh", "$(NOETL_SCRIPT)", "$(NOETL_ARGS)"];
        let mut request =
            JobRequest::new(name.parse().unwrap(), command.map(str::to_owned).to_vec());
        request.script = Some(Script {
            file_name: "script.sh".parse().unwrap(),
            content: Bytes::from(script.to_owned()),
        });
        request
            .options
            .insert("image".to_owned(), json!("busybox:1"));
        request
    }

    /// Waits until the objects are as wanted.
    async fn until(&self, what: &str, wanted: impl FnMut(&FakeKubernetes) -> bool) {
        let result = timeout(PATIENCE, self.server.until(wanted)).await;
        assert!(result.is_ok(), "{what}: {:#}", json!(self.objects()));
    }

    /// Every object that is there now.
    fn objects(&self) -> Vec<Value> {
        ["jobs", "pods", "secrets", "configmaps", "events"]
            .into_iter()
            .flat_map(|resource| self.server.existing(resource))
            .collect()
    }

    /// How many different objects of a kind there ever were.
    fn ever(&self, kind: &str) -> usize {
        let mut uids: Vec<String> = self
            .server
            .objects()
            .iter()
            .filter(|object| object["kind"] == kind)
            .map(|object| object["metadata"]["uid"].to_string())
            .collect();
        uids.sort();
        uids.dedup();
        uids.len()
    }

    /// What was asked for, as lines.
    fn requests(&self) -> Vec<String> {
        let requests = self.server.requests().all();
        let line = |request: &fake_kubernetes::RequestRecord| {
            format!(
                "{} {} {:?} {:?}",
                request.number,
                request.summary(),
                request.status,
                request.call.query
            )
        };
        requests.iter().map(line).collect()
    }
}

/// The request, with the declaration that none of its inputs is secret.
fn public(mut request: JobRequest) -> JobRequest {
    let names = request.environment.iter().map(|(name, _)| name.clone());
    request.public.variables = names.collect();
    request.public.script = true;
    request
}

/// What jobs write.
#[derive(Default)]
struct Logs(Mutex<BTreeMap<u32, Vec<u8>>>, tokio::sync::Notify);

impl Logs {
    /// What the attempts wrote, in their order.
    fn all(&self) -> Vec<String> {
        let logs = self.0.lock().unwrap();
        logs.values()
            .map(|log| String::from_utf8_lossy(log).into_owned())
            .collect()
    }

    /// Waits until an attempt has written this.
    async fn until(&self, text: &str) {
        let waiting = async {
            loop {
                let changed = self.1.notified();
                if self.all().iter().any(|log| log.contains(text)) {
                    return;
                }
                changed.await;
            }
        };
        assert!(
            timeout(PATIENCE, waiting).await.is_ok(),
            "{text} was not written, but {:?}",
            self.all()
        );
    }
}

impl LogSink for Logs {
    fn write(&self, attempt: u32, bytes: &[u8]) {
        let mut logs = self.0.lock().unwrap();
        let is_late = logs.keys().any(|known| *known > attempt);
        let log = logs.entry(attempt).or_default();
        // The log of a call takes nothing more of an attempt once the next one has begun.
        log.extend_from_slice(if is_late { b"<too late>" } else { bytes });
        drop(logs);
        self.1.notify_one();
    }

    fn end(&self, attempt: u32) {
        self.0.lock().unwrap().entry(attempt).or_default();
    }
}

/// A job that runs.
struct Running {
    handle: JobHandle,
    events: Vec<JobEvent>,
    logs: Arc<Logs>,
}

/// A job that is over.
#[derive(Debug)]
struct Ran {
    identity: JobIdentity,
    events: Vec<JobEvent>,
    end: JobEnd,
    logs: Vec<String>,
}

async fn start(engine: &KubernetesEngine, request: JobRequest) -> Result<Running, CapabilityError> {
    let logs = Arc::new(Logs::default());
    let creation = engine.create(request, Arc::clone(&logs) as Arc<dyn LogSink>);
    let created = timeout(PATIENCE, creation).await;
    let handle = created.expect("the creation does not end")?;
    Ok(Running {
        handle,
        events: Vec::new(),
        logs,
    })
}

async fn run(engine: &KubernetesEngine, request: JobRequest) -> Result<Ran, CapabilityError> {
    Ok(start(engine, request).await?.finish().await)
}

impl Running {
    async fn next_event(&mut self) -> JobEvent {
        let event = timeout(PATIENCE, self.handle.next_event()).await;
        let event = event.unwrap_or_else(|_| panic!("nothing happens after {:#?}", self.events));
        let event = event.expect("the events end without an end");
        self.events.push(event.clone());
        event
    }

    /// Waits until there is a warning with this in it, and gives it.
    async fn until_warned(&mut self, of: &str) -> String {
        loop {
            match self.next_event().await.kind {
                JobEventKind::Warning { message } if message.contains(of) => return message,
                JobEventKind::Finished(_) => panic!("no warning of {of}: {:#?}", self.events),
                _ => {}
            }
        }
    }

    async fn finish(mut self) -> Ran {
        loop {
            if let JobEventKind::Finished(end) = self.next_event().await.kind {
                return Ran {
                    identity: self.handle.identity().clone(),
                    events: self.events,
                    end,
                    logs: self.logs.all(),
                };
            }
        }
    }
}

impl Ran {
    /// How the attempts ended.
    fn attempts(&self) -> Vec<&AttemptEnd> {
        let ends = self.events.iter().filter_map(|event| match &event.kind {
            JobEventKind::AttemptEnded(end) => Some(end),
            _ => None,
        });
        ends.collect()
    }
}

/// Runs cases, some at once, and says which were not met.
async fn all_hold<C>(cases: impl IntoIterator<Item = (String, C)>)
where
    C: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(CASES_AT_ONCE));
    let mut tasks = JoinSet::new();
    let mut names = std::collections::HashMap::new();
    for (name, case) in cases {
        let permits = Arc::clone(&permits);
        let task = tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            case.await;
        });
        names.insert(task.id(), name);
    }
    assert!(!names.is_empty(), "there is no case");
    let mut unmet = Vec::new();
    while let Some(result) = tasks.join_next().await {
        let Err(error) = result else { continue };
        let name = names.remove(&error.id()).unwrap();
        let panic = error.into_panic();
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        unmet.push(format!("{name}: {}", message.unwrap_or_default()));
    }
    assert!(
        unmet.is_empty(),
        "{} cases were not met:\n{}",
        unmet.len(),
        unmet.join("\n\n")
    );
}

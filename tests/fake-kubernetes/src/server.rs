use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::{Request, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::collector;
use crate::controller::Controller;
use crate::json::{is_deleted, list, object, text};
use crate::kind::{JOBS, NAMESPACES, PODS, SERVICE_ACCOUNTS};
use crate::kubelet::{Kubelet, Logs};
use crate::layer::{Faults, Layer, Listener, Requests};
use crate::queue::Queue;
use crate::rights::Rights;
use crate::settings::Settings;
use crate::store::{Key, Store, Verb};

/// A running server. It ends, with the processes of its pods, when this is dropped.
#[derive(Debug)]
pub struct FakeKubernetes {
    // Dropped first, so that no request is answered by half a server.
    listener: Option<Listener>,
    layer: Arc<Layer>,
    store: Arc<Store>,
    logs: Arc<Logs>,
    rights: Arc<Rights>,
    has_queue: bool,
    queue_slots: watch::Sender<usize>,
    _tasks: JoinSet<()>,
    directory: TempDir,
}

/// A version of an object.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Version {
    /// Whether the object was removed with it.
    pub is_removal: bool,
    /// The object.
    pub object: Arc<Value>,
}

impl FakeKubernetes {
    /// Starts a server on a loopback port.
    ///
    /// # Errors
    ///
    /// When there is no port, or no folder for temporary files.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let mut server = Self::without_network(settings)?;
        server.listener = Some(Listener::start(Arc::clone(&server.layer)).await?);
        Ok(server)
    }

    /// Starts a server that listens nowhere: [`FakeKubernetes::answer`] takes its requests.
    ///
    /// # Errors
    ///
    /// If the folder for temporary files cannot be created.
    pub fn without_network(settings: Settings) -> io::Result<Self> {
        let settings = Arc::new(settings);
        let store = Arc::new(Store::new());
        let logs = Arc::new(Logs::default());
        let directory = tempfile::tempdir()?;
        for namespace in &settings.namespaces {
            create_namespace(&store, namespace);
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(collector::run(Arc::clone(&store)));
        tasks.spawn(Controller::new(Arc::clone(&store), Arc::clone(&settings)).run());
        let kubelet = Kubelet {
            store: Arc::clone(&store),
            settings: Arc::clone(&settings),
            logs: Arc::clone(&logs),
            directory: directory.path().to_owned(),
            attempts: HashMap::new(),
        };
        tasks.spawn(kubelet.run());
        let queue_slots = watch::Sender::new(settings.queue_slots.unwrap_or_default());
        let has_queue = settings.queue_slots.is_some();
        if has_queue {
            let slots = queue_slots.subscribe();
            let store = Arc::clone(&store);
            tasks.spawn(Queue { store, slots }.run());
        }
        let rights = Arc::new(Rights::new(&settings.user, settings.authorizer.clone()));
        let api = Arc::new(Api {
            store: Arc::clone(&store),
            logs: Arc::clone(&logs),
            rights: Arc::clone(&rights),
            settings,
        });
        let layer = Arc::new(Layer::new(move |_, call, body| {
            let api = Arc::clone(&api);
            Box::pin(async move { Ok(api.handle(&call, &body)) })
        }));
        Ok(Self {
            listener: None,
            layer,
            store,
            logs,
            rights,
            has_queue,
            queue_slots,
            _tasks: tasks,
            directory,
        })
    }

    /// Answers a request without a connection. An error is a connection that breaks before the answer, one in the body of
    /// the answer a connection that breaks in it.
    ///
    /// # Errors
    ///
    /// Where a fault closes the connection.
    pub async fn answer(
        &self,
        request: Request<Bytes>,
    ) -> io::Result<Response<UnsyncBoxBody<Bytes, io::Error>>> {
        self.layer.serve(request.map(Full::new)).await
    }

    /// Where the server listens: `http://127.0.0.1:PORT`; empty where it does not.
    #[must_use]
    pub fn url(&self) -> String {
        self.listener
            .as_ref()
            .map(Listener::url)
            .unwrap_or_default()
    }

    /// A kubeconfig for this server, whose context is in that namespace. It is a JSON document, which is
    /// a YAML document as well.
    #[must_use]
    pub fn kubeconfig(&self, namespace: &str) -> String {
        kubeconfig(&self.url(), namespace)
    }

    /// What was asked for.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.layer.requests
    }

    /// The faults to inject.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.layer.faults
    }

    /// Every version of every object that was ever stored, also of those that were deleted.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let changes = self.store.every_change_since(0);
        changes
            .iter()
            .map(|change| Value::clone(&change.object))
            .collect()
    }

    /// As [`FakeKubernetes::objects`], without copies, and with those versions marked that are the last of their objects.
    #[must_use]
    pub fn history(&self) -> Vec<Version> {
        let changes = self.store.every_change_since(0).into_iter();
        let versions = changes.map(|change| Version {
            is_removal: change.verb == Verb::Deleted,
            object: change.object,
        });
        versions.collect()
    }

    /// How many versions [`FakeKubernetes::history`] has.
    #[must_use]
    pub fn history_length(&self) -> usize {
        self.store.history_length()
    }

    /// The object as it is now; `resource` is such as `jobs`.
    #[must_use]
    pub fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let kind = crate::kind::KINDS
            .into_iter()
            .find(|kind| kind.resource == resource)?;
        let object = self.store.get(&Key::new(kind, namespace, name))?;
        Some(Value::clone(&object))
    }

    /// The objects of a resource that are there now, of all namespaces.
    #[must_use]
    pub fn existing(&self, resource: &str) -> Vec<Value> {
        let kinds = crate::kind::KINDS
            .into_iter()
            .filter(|kind| kind.resource == resource);
        let objects = kinds.flat_map(|kind| self.store.list(kind, "").0);
        objects.map(|object| Value::clone(&object)).collect()
    }

    /// Waits until the objects that exist are as wanted: called after every change.
    pub async fn until(&self, mut wanted: impl FnMut(&Self) -> bool) {
        let mut versions = self.store.versions();
        loop {
            versions.mark_unchanged();
            if wanted(self) {
                return;
            }
            // The sender lives as long as this.
            let _ = versions.changed().await;
        }
    }

    /// What a container wrote, as long as this server runs, also where its pod is gone.
    #[must_use]
    pub fn written(&self, pod_uid: &str, container: &str) -> Vec<u8> {
        let (records, _) = self.logs.of(pod_uid, container).since(0);
        let bytes = records.iter().flat_map(|record| record.bytes.to_vec());
        bytes.collect()
    }

    /// Whether anything of a Job runs, or is still to be run: the Job is not over, or a pod of it is not.
    #[must_use]
    pub fn is_running(&self, namespace: &str, job: &str) -> bool {
        let is_over = |job: &Value| {
            let mut conditions = list(job, "/status/conditions").iter();
            conditions.any(|condition| {
                matches!(text(condition, "/type"), "Complete" | "Failed")
                    && text(condition, "/status") == "True"
            })
        };
        let found = self.store.get(&Key::new(&JOBS, namespace, job));
        if found.is_some_and(|job| !is_deleted(&job) && !is_over(&job)) {
            return true;
        }
        self.store.list(&PODS, namespace).0.iter().any(|pod| {
            text(pod, "/metadata/labels/job-name") == job
                && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
        })
    }

    /// Adds a namespace.
    pub fn create_namespace(&self, name: &str) {
        create_namespace(&self.store, name);
    }

    /// Adds a service account.
    pub fn create_service_account(&self, namespace: &str, name: &str) {
        let account = json!({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {}});
        // One that is there stays.
        let _ = self
            .store
            .create(&Key::new(&SERVICE_ACCOUNTS, namespace, name), account);
    }

    /// Denies a verb on a resource (`pods/log`) from now on; `*` stands for any.
    pub fn deny(&self, verb: &str, resource: &str) {
        self.rights.deny(verb, resource);
    }

    /// Takes back a [`FakeKubernetes::deny`].
    pub fn allow(&self, verb: &str, resource: &str) {
        self.rights.allow(verb, resource);
    }

    /// Whether there is a queue.
    #[must_use]
    pub fn has_queue(&self) -> bool {
        self.has_queue
    }

    /// Changes how many Jobs of a queue may run at once: fewer evict those that were admitted last.
    pub fn set_queue_slots(&self, slots: usize) {
        self.queue_slots.send_replace(slots);
    }

    /// Suspends or resumes a Job, as a person or a queue does.
    pub fn suspend(&self, namespace: &str, job: &str, is_suspended: bool) {
        // It may be gone.
        let _ = self.store.update(&Key::new(&JOBS, namespace, job), |job| {
            object(job, "spec").insert("suspend".to_owned(), is_suspended.into());
            Ok(())
        });
    }

    /// Forgets the history: watches from a version of before are refused with 410.
    pub fn compact(&self) {
        self.store.compact();
    }

    /// As [`FakeKubernetes::compact`], and ends the watches that run with an `ERROR` event of 410.
    pub fn expire_watches(&self) {
        self.store.expire_watches();
    }

    /// Takes the server down: connections break, and new ones are closed at once. Its pods run on.
    pub fn go_down(&self) {
        if let Some(listener) = &self.listener {
            listener.set_up(false);
        }
    }

    /// Takes the server up again, on the same port.
    pub fn come_up(&self) {
        if let Some(listener) = &self.listener {
            listener.set_up(true);
        }
    }

    /// Where the volumes of pods are, each in a folder of its UID.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// A kubeconfig for a server that takes everybody.
pub(crate) fn kubeconfig(server: &str, namespace: &str) -> String {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": server}}],
        "users": [{"name": "fake", "user": {"token": "fake-token"}}],
        "contexts": [{"name": "fake", "context": {
            "cluster": "fake", "user": "fake", "namespace": namespace,
        }}],
    });
    kubeconfig.to_string()
}

fn create_namespace(store: &Store, name: &str) {
    let namespace = json!({
        "kind": "Namespace", "apiVersion": "v1",
        "metadata": {"labels": {"kubernetes.io/metadata.name": name}},
        "status": {"phase": "Active"},
    });
    // One that is there stays.
    let _ = store.create(&Key::new(&NAMESPACES, "", name), namespace);
}

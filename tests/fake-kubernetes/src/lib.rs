//! A Kubernetes API server of one process for hermetic tests, and a proxy that breaks real ones.
//!
//! # The server
//!
//! [`FakeKubernetes::start`] gives a server on a loopback port, which any client of Kubernetes may use over plain
//! HTTP/1.1: [`FakeKubernetes::url`] or [`FakeKubernetes::kubeconfig`].
//!
//! ```
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! use fake_kubernetes::{FakeKubernetes, Fault, Match, Refusal, Settings, When};
//!
//! let server = FakeKubernetes::start(Settings::default()).await.unwrap();
//! // The second creation of a Secret is done, and its client does not learn of it.
//! let creation = Match::new("create", "secrets").nth(2);
//! let mut planned = server.faults().plan(creation, Fault::Close(When::AfterWork));
//! // Run what is under test against `server.url()`, and then:
//! # if false {
//! planned.happened().await;
//! # }
//! for request in server.requests().all() {
//!     println!("{} {} {:?}", request.number, request.summary(), request.status);
//! }
//! let versions_ever_stored = server.objects();
//! assert!(!versions_ever_stored.iter().any(|object| object.to_string().contains("password")));
//! # });
//! ```
//!
//! It consists of
//!
//! - **the API**: `batch/v1` jobs, and pods, secrets, configmaps, events, serviceaccounts and namespaces of `v1`, with
//!   create, get, list, watch, patch (merge patch; a strategic one is taken for one; JSON patch), update, delete and
//!   deletecollection; selectors, pages, bookmarks, dry runs, preconditions; watches that begin with a list
//!   ([`Settings::has_watch_lists`]); metadata alone (`PartialObjectMetadata`); reviews of one's own rights. It refuses
//!   in the words of Kubernetes 1.34. After [`FakeKubernetes::compact`] a watch from before begins and ends with an
//!   `ERROR` event of 410, as it really does, and a list that is continued is answered with 410; plan a
//!   [`Fault::Refuse`] for a watch that is answered so. Not there: server-side apply, `generateName`, admission, quotas
//!   (plan a [`Fault::Refuse`]), `managedFields`, Protobuf, tables, upgrades.
//! - **the garbage collector**: foreground, background, and orphans, which are the default for Jobs.
//! - **the Job controller**: suspension, retries after a delay that doubles, `activeDeadlineSeconds` from the resume,
//!   pod failure policies, both policies of replacement, `FailureTarget` and `SuccessCriteriaMet` before the end, the
//!   finalizer on pods, events, and the TTL. Not there: indexed Jobs, success policies, `OnFailure` (the kubelet
//!   restarts nothing).
//! - **a queue** ([`Settings::queue_slots`]): Kueue's part, as far as a Job with `kueue.x-k8s.io/queue-name` sees it. It
//!   has a Workload, is stopped where it is resumed without being admitted, is admitted while there are slots, and
//!   evicted when there are fewer.
//! - **a node**: each container is a process of this machine, in a process group of its own, see below; or a
//!   [`Play`] tells the pod's states, which no process gives ([`Settings::playwright`]).
//!
//! What a watch sees of a Job and its pods was compared with a cluster of 1.34: the order of what is written is the
//! same. Known to differ: `activeDeadlineSeconds` counts from the moment of the start, where the real one counts from
//! whole seconds and may be up to one early; pods lack the conditions `ContainersReady` and
//! `PodReadyToStartContainers`; none gets a token of a service account.
//!
//! Whatever takes time on a real cluster is short by default, and every [`Settings`] field says what it really is.
//!
//! # Pods that are processes
//!
//! The container's command runs with the variables of the pod, and its image selects nothing. There are no mounts: a
//! volume is a temporary folder, and the paths of mounts are replaced with its path wherever they occur in `command`,
//! `args`, `workingDir` and in the values of variables, also those from Secrets. A program that names such a path in
//! its own text does not find it. `limits.memory` is enforced by looking at the resident memory every few
//! milliseconds; the whole group is killed then, and the reason is `OOMKilled`. Other limits and the security context
//! do nothing. A deleted pod gets SIGTERM, and SIGKILL after its grace; both go to the whole group. When the server is
//! dropped, its processes are killed.
//!
//! # Logs
//!
//! `GET …/log` knows `container`, `follow`, `timestamps`, `sinceTime`, `sinceSeconds`, `tailLines` and `limitBytes`,
//! and answers as a kubelet behind containerd does: nine digits of the second, lines of more than 16 KiB in pieces
//! under one timestamp, 400 before the start, the newest file alone where the log was rotated
//! ([`Settings::log_file_bytes`]).
//!
//! # Without a network
//!
//! [`FakeKubernetes::without_network`] listens nowhere, and [`FakeKubernetes::answer`] takes one request. With
//! [`use_virtual_time`] and tokio's paused clock, a run is the same each time.
//!
//! # Faults
//!
//! [`Faults::plan`] takes which requests ([`Match`]) and what goes wrong ([`Fault`]): answers, closed connections and
//! stalls, each before or after the work; bodies that break or fall silent after any byte; a [`Hook`], which may kill
//! the client. [`Planned::happened`] and [`Requests::until`] wait without sleeping. [`FakeKubernetes::go_down`] takes
//! the server away.
//!
//! [`FaultProxy`] has the same list of requests and the same faults for a real API server. As its clients speak plain
//! HTTP to it and it authenticates for them, it listens on the loopback alone.

mod api;
mod body;
mod call;
mod collector;
mod controller;
mod events;
mod json;
mod kind;
mod kubeconfig;
mod kubelet;
mod layer;
mod news;
mod play;
mod proxy;
mod queue;
mod rights;
mod server;
mod settings;
mod status;
mod store;
mod time;

pub use self::call::Call;
pub use self::layer::{Fault, Faults, Hook, Match, Planned, RequestRecord, Requests, When};
pub use self::play::{Play, PlayedPod, Step};
pub use self::proxy::FaultProxy;
pub use self::rights::Authorizer;
pub use self::server::{FakeKubernetes, Version};
pub use self::settings::{Playwright, Settings};
pub use self::status::Refusal;
pub use self::time::{current_time, use_virtual_time};

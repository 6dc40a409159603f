//! Jobs of a Kubernetes cluster.
//!
//! Guarantees for a job:
//!
//! * **It is created once.** Its name follows from the step and the execution, so that a repeated request, and a host
//!   that was killed and restarted, find the existing job. A job of that name with another specification is a conflict.
//! * **Without secrets it is one object.** A Job that contains all of its inputs is created running, by one request.
//! * **Every object has an owner.** Any other Job is created suspended, then one immutable Secret with what is secret (a
//!   large script is in ConfigMaps), owned by the Job; then it is resumed, unless a queue manages it, which resumes it
//!   itself. Where this host may not change jobs, it is created unsuspended, and its pod waits for the Secret for a
//!   moment.
//! * **Its secrets are in that one Secret**, which is deleted as soon as the job has finished. The Job itself, with its
//!   pods, stays until `ttlSecondsAfterFinished`.
//! * **Its end is known as early as possible.** Jobs and pods of a namespace are watched, once for all jobs. Where the
//!   pods give the verdict, the Job controller, which writes once a second, is not waited for.
//! * **Every line of every attempt, once.** Logs are followed from their first byte, resumed where a stream was cut,
//!   and read once more at the end.
//! * **A reason.** A job that cannot start is ended within seconds, and the cause of a wait is reported.
//!
//! A host that is dropped or cancelled ends its jobs. One that is killed leaves them running: the next one adopts them,
//! and [`KubernetesEngine::sweep`] removes those that never started.
//!
//! This folder is the only place that depends on Kubernetes.

mod admin;
mod answer;
mod api;
mod client;
mod cluster;
mod create;
mod diagnosis;
mod engine;
mod follow;
mod job;
mod job_api;
mod job_logs;
mod job_watcher;
mod kubeconfig;
mod log_stream;
pub(crate) mod manifest;
mod names;
mod phase;
mod planner;
mod policy;
mod queue;
mod retry;
mod settings;
mod transport;
mod validate;
mod view;

pub use admin::{JobState, JobSummary, SweepOptions, Swept};
pub use engine::KubernetesEngine;
pub use kubeconfig::ConnectError;
pub use planner::{PlannedJob, Planner};
pub use policy::{
    Confinement, HostNamespace, ImagePattern, ParsePatternError, Pattern, PodSecurity, Policy,
};
pub use settings::{ClusterSettings, KubernetesSettings};
pub use transport::{AnswerBody, PendingAnswer, Transport};

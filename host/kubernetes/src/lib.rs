//! Jobs of a Kubernetes cluster.
//!
//! What a job can expect:
//!
//! * **It is made once.** Its name follows from the step and the execution, so that a request that is
//!   repeated, and a host that was killed and started again, find the job that there is. One of that name
//!   with another specification is a conflict.
//! * **Nothing is without an owner.** The Job is created suspended, then one immutable Secret with its
//!   environment, its arguments and a small script (a large one in ConfigMaps), owned by the Job; then it
//!   is let go, unless a queue manages it, which lets it go itself. Where this host may not change jobs, it is created as it is, and its pod waits for the
//!   Secret for a moment.
//! * **Its secrets are in that one Secret**, which is deleted as soon as the job is over. The Job itself,
//!   with its pods, stays until `ttlSecondsAfterFinished`.
//! * **Its end is known as soon as anybody knows it.** Jobs and pods of a namespace are watched, once for
//!   all jobs. Where the pods tell the verdict, the Job controller, which writes once a second, is not
//!   waited for.
//! * **Every line of every attempt, once.** Logs are followed from their first byte, gone on with where a
//!   stream was cut, and read once more at the end.
//! * **A reason.** What cannot start is ended within seconds, and what may start yet is told.
//!
//! A host that is dropped or cancelled ends its jobs. One that is killed leaves them running: the next one
//! goes on with them, and [`KubernetesEngine::sweep`] removes what never began.
//!
//! This folder is the only place that knows of Kubernetes.

mod admin;
mod api;
mod client;
mod cluster;
mod create;
mod diagnosis;
mod engine;
mod follow;
mod hub;
mod job;
mod job_api;
mod job_logs;
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

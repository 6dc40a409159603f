//! Runs jobs on a Kubernetes cluster.
//!
//! `manifest` says, as pure code, which objects a job is made of.

pub(crate) mod manifest;

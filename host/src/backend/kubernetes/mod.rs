//! Jobs of a Kubernetes cluster.

mod diagnosis;
mod view;

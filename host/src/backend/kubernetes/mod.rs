//! Jobs of a Kubernetes cluster.

mod view;

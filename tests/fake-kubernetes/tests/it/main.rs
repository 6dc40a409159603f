//! The server, as kube's client sees it.

mod common;
mod faults;
mod jobs;
mod objects;
mod pods;

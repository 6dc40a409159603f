//! Tests of the host with real components.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they leave out"
)]

mod advice;
mod alone;
mod architecture;
mod boundary;
mod bounds;

#[path = "../../host/tools/build_guests.rs"]
mod build_guests;
mod cases;
mod circles;
mod cli;
mod cluster;
mod compiling;
mod container;
mod credentials;
mod docs;
mod examples;
mod fetch;
mod guests;
mod hostile;
mod idle;
mod kubernetes;
mod local;
mod names;
mod objects;
mod plan;
mod planted;
mod plugins;
mod preflight;
mod program;
mod python;
mod scanner;
mod script;
mod secrets;
mod swap;
mod terminal;
mod terms;
mod tidy;
mod virtual_time;

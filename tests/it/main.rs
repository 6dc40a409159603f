//! Tests of the host with real components.

#[path = "../../host/build_guests.rs"]
mod build_guests;
mod cli;
mod guests;
mod script;

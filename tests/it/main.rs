//! Tests of the host with real components.

mod architecture;
#[path = "../../host/build_guests.rs"]
mod build_guests;
mod cli;
mod guests;
mod hostile;
mod script;
mod swap;

//! The simulation, as far as it takes a few seconds.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod mutations;
mod seeds;

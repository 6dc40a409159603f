//! Test suites for every backend, including third-party ones: [`jobs`] for engines, [`objects`] for sources of objects.

#[expect(
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a case that is not met panics, as the module says"
)]
pub mod jobs;
#[expect(
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a case that is not met panics, as the module says"
)]
pub mod objects;

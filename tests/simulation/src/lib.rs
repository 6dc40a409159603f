//! Random runs of the engine for Kubernetes in virtual time.
//!
//! A seed gives a [`Scenario`](scenario::Scenario): a job and how its pods end, the hosts that want it, the faults of the
//! network and of the server, and what other people do. [`world`] runs it against the API server of `fake-kubernetes` on
//! one thread, without a network and with a paused clock, so that it is the same each time. [`truth`] reads from every
//! version of every object what really happened, [`oracle`] says which outcomes are right, and [`invariants`] what must
//! hold after each run. `toolhost-sim` runs many seeds, or one of them again.

pub mod invariants;
pub mod oracle;
pub mod random;
pub mod report;
pub mod scenario;
pub mod truth;
pub mod world;

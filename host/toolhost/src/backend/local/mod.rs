//! The default engine: each attempt is a supervised child process of this machine.
//!
//! No cluster and no container runtime is needed. What a job can expect:
//!
//! * **A place of its own.** A directory that only the host's user may enter holds the script and the
//!   arguments; each attempt gets a fresh working directory, which is also its `HOME`, and a fresh
//!   `TMPDIR`. All of it is removed when the job ends, whatever the script made of it.
//! * **A clean environment.** `PATH`, `HOME`, `TMPDIR` and `LANG`, then what the request gives, then
//!   the variables that every engine sets, and `NOETL_JOB_ID`, which says whose processes these are.
//!   Standard input is empty; both outputs go into one pipe, so that lines stay in their order.
//! * **Its limits.** `limits.memory`, `limits.cpu` and a number of processes, by a control group where
//!   the host may make one, and otherwise by resource limits; see [`LocalSettings::use_cgroups`].
//! * **Namespaces.** A PID and a mount namespace, where the system lets the host make them; see
//!   [`LocalSettings::use_namespaces`]. No descriptor but the three standard ones is inherited.
//! * **An end.** When the main process ends, everything that it left behind is killed, as in a pod. The
//!   same holds at the deadline, when the job is cancelled and when the engine is dropped. Where the
//!   host itself was killed, its jobs end with it, or the next engine with the same work directory ends
//!   what it left.
//!
//! It is not a security boundary: a script can read and write what the host's user can, and use the network.
//! `docs/local.md` says what is closed and what is not.
//!
//! [`JobEventKind::AttemptStarted`](crate::capability::JobEventKind::AttemptStarted) comes before every
//! attempt's end, also where the program could not be started. A cancelled attempt is not counted as
//! failed; one that the deadline ended is.
//!
//! This folder is the only place of the host that spawns processes. It needs Linux and `/bin/sh`.

mod cgroup;
mod directory;
mod engine;
mod job;
mod leftovers;
mod limits;
mod namespace;
mod process;
mod pump;
mod removal;
mod reservation;
mod search;
mod settings;
mod sweep;
#[cfg(test)]
mod tests;
mod verdict;

pub use engine::LocalEngine;
pub use settings::LocalSettings;

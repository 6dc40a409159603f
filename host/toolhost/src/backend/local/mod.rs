//! The default engine: each attempt is a supervised child process of this machine.
//!
//! No cluster and no container runtime is needed. Guarantees for a job:
//!
//! * **Its own directories.** A directory that only the host's user may access contains the script and the arguments;
//!   each attempt gets a new working directory, which is also its `HOME`, and a new `TMPDIR`. All of it is removed when
//!   the job ends, whatever the script did to it.
//! * **A clean environment.** `PATH`, `HOME`, `TMPDIR` and `LANG`, then the variables of the request, then those that
//!   every engine sets, and `NOETL_JOB_ID`, which identifies its processes. Standard input is empty; both outputs go to
//!   one pipe, so that lines keep their order.
//! * **Its limits.** `limits.memory`, `limits.cpu` and a number of processes, by a control group where the host may
//!   create one, and otherwise by resource limits; see [`LocalSettings::use_cgroups`].
//! * **Namespaces.** A PID and a mount namespace, where the system allows the host to create them; see
//!   [`LocalSettings::use_namespaces`]. No descriptor except the three standard ones is inherited.
//! * **An end.** When the main process ends, all remaining processes are killed, as in a pod. The same applies at the
//!   deadline, when the job is cancelled and when the engine is dropped. If the host itself was killed, its jobs end
//!   with it, or the next engine with the same work directory ends the remaining processes.
//!
//! It is not a security boundary: a script can read and write everything that the host's user can, and use the network.
//! `docs/local.md` describes what is restricted and what is not.
//!
//! [`JobEventKind::AttemptStarted`](crate::capability::JobEventKind::AttemptStarted) precedes every attempt's end, even
//! if the program could not be started. A cancelled attempt does not count as failed; one that ended at the deadline
//! does.
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

//! Control groups: limits for everything that an attempt starts, and the means to find all of it again.
//!
//! Version 1 (each controller mounted by itself) and version 2 (one hierarchy) are supported, and a mix.
//! Groups are created below the host's own, so that the limits of the host apply to its jobs as well. In version 2 a
//! group with processes cannot delegate controllers to groups below it, unless it is the root; a host that is to limit
//! its jobs therefore runs in a leaf of a delegated group (`Delegate=yes` and `DelegateSubgroup=` of systemd), and jobs
//! become its siblings.
//!
//! Sources: `Documentation/admin-guide/cgroup-v1/` and `cgroup-v2.rst` of Linux, and
//! <https://systemd.io/CGROUP_DELEGATION/>.

mod group;
mod hierarchy;

pub(super) use group::Group;
pub(super) use hierarchy::Hierarchy;

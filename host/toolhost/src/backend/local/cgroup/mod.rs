//! Control groups: limits for everything that an attempt starts, and the means to find all of it again.
//!
//! Version 1 (each controller mounted by itself) and version 2 (one hierarchy) are supported, and a mix.
//! Groups are made below the host's own, so that whatever binds the host binds its jobs as well.
//! In version 2 a group that has processes cannot give controllers to groups below it, unless it is the
//! root; a host that shall limit its jobs therefore runs in a leaf of a delegated group
//! (`Delegate=yes` and `DelegateSubgroup=` of systemd), and jobs become its siblings.
//!
//! Sources: `Documentation/admin-guide/cgroup-v1/` and `cgroup-v2.rst` of Linux, and
//! <https://systemd.io/CGROUP_DELEGATION/>.

mod group;
mod hierarchy;

pub(super) use group::Group;
pub(super) use hierarchy::Hierarchy;

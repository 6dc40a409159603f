//! The controls of the Pod Security Standards, on single values.
//!
//! Source: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, of Kubernetes 1.34. Controls of more
//! than one field, and those of a required field, are in [`required`](super::required).

use serde_json::Value;
use toolhost_capability::request::shortened;

use super::pattern::any_matches;
use super::review::{Denial, Review};
use super::settings::{Confinement, HostNamespace, PodSecurity};

/// Capabilities that a container may add on the level `baseline`: the defaults of container runtimes.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// Capabilities that it may add on the level `restricted`.
const RESTRICTED_CAPABILITIES: [&str; 1] = ["NET_BIND_SERVICE"];
/// Kernel parameters that are separate for each pod.
const SAFE_SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
];
/// SELinux types for containers.
const SE_LINUX_TYPES: [&str; 5] = [
    "",
    "container_engine_t",
    "container_init_t",
    "container_kvm_t",
    "container_t",
];
/// Valid profiles of seccomp or AppArmor.
const PROFILES: [&str; 2] = ["Localhost", "RuntimeDefault"];

impl Review<'_> {
    pub(super) fn is_privileged(&self) -> bool {
        self.policy.pod_security == PodSecurity::Privileged
    }
}

/// *Host namespaces.*
pub(super) fn host_network(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    host_namespace(review, value, HostNamespace::Network, "network")
}

/// *Host namespaces.*
pub(super) fn host_pid(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    host_namespace(review, value, HostNamespace::Pid, "pid")
}

/// *Host namespaces.*
pub(super) fn host_ipc(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    host_namespace(review, value, HostNamespace::Ipc, "ipc")
}

fn host_namespace(
    review: &Review<'_>,
    value: &Value,
    namespace: HostNamespace,
    name: &str,
) -> Result<(), Denial> {
    let is_allowed = review.is_privileged() || review.policy.host_namespaces.contains(&namespace);
    if is_allowed || *value == Value::Bool(false) {
        return Ok(());
    }
    let what = format!("pods must not share the namespace `{name}` with their node");
    Err(Denial::new(what, format!("host-namespaces: [{name}]")))
}

/// *Privileged containers.*
pub(super) fn privileged(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let is_allowed = review.is_privileged() || review.policy.privileged;
    if is_allowed || *value == Value::Bool(false) {
        return Ok(());
    }
    Err(Denial::new(
        "containers must not be privileged",
        "privileged: true",
    ))
}

/// *Capabilities*, the added ones.
pub(super) fn capability(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let written = value.as_str().unwrap_or_default();
    // Container runtimes accept both forms, in any case.
    let name = written.to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    let known: &[&str] = match review.policy.pod_security {
        PodSecurity::Privileged => return Ok(()),
        PodSecurity::Baseline => &BASELINE_CAPABILITIES,
        PodSecurity::Restricted => &RESTRICTED_CAPABILITIES,
    };
    if known.contains(&name) || any_matches(&review.policy.capabilities, name) {
        return Ok(());
    }
    let shown = shortened(name);
    let what = format!("containers must not add the capability `{shown}`");
    Err(Denial::new(what, format!("capabilities: [{shown}]")))
}

/// *Host ports.*
pub(super) fn host_port(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let is_allowed = review.is_privileged() || review.policy.host_ports;
    if is_allowed || value.as_i64() == Some(0) {
        return Ok(());
    }
    Err(Denial::new(
        "containers must not use ports of their node",
        "host-ports: true",
    ))
}

/// The node's address of a host port, which has a meaning only together with a port.
pub(super) fn host_ip(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    match value.as_str() {
        Some("") => Ok(()),
        _ => host_port(review, &Value::Null),
    }
}

/// *Host probes and lifecycle hooks*: the kubelet sends the requests from the node, so that another host than the pod
/// could be reached that the pod cannot reach.
pub(super) fn probe_host(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    if review.is_privileged() || value.as_str() == Some("") {
        return Ok(());
    }
    let what = "probes and hooks must not name another host than the pod";
    Err(Denial::of_field(what))
}

/// *AppArmor.*
pub(super) fn app_armor(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    profile(review, value, Confinement::AppArmor, "apparmor")
}

/// *Seccomp.*
pub(super) fn seccomp(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    profile(review, value, Confinement::Seccomp, "seccomp")
}

fn profile(
    review: &Review<'_>,
    value: &Value,
    confinement: Confinement,
    name: &str,
) -> Result<(), Denial> {
    let is_known = value.as_str().is_some_and(|text| PROFILES.contains(&text));
    if is_known || may_go_without(review, confinement) {
        return Ok(());
    }
    let what = format!("containers must not run without a profile of {name}");
    Err(Denial::new(what, format!("unconfined: [{name}]")))
}

pub(super) fn may_go_without(review: &Review<'_>, confinement: Confinement) -> bool {
    review.is_privileged() || review.policy.unconfined.contains(&confinement)
}

/// *`/proc` mount type.*
pub(super) fn proc_mount(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    if value.as_str() == Some("Default") || may_go_without(review, Confinement::Proc) {
        return Ok(());
    }
    let what = "containers must not have an unmasked `/proc`";
    Err(Denial::new(what, "unconfined: [proc]"))
}

/// *SELinux*, the type.
pub(super) fn se_linux_type(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let is_known = value
        .as_str()
        .is_some_and(|text| SE_LINUX_TYPES.contains(&text));
    if is_known || review.is_privileged() {
        return Ok(());
    }
    let what = "the SELinux type must be one for containers, such as `container_t`";
    Err(Denial::of_field(what))
}

/// *SELinux*, the user and the role.
pub(super) fn se_linux_name(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    if value.as_str() == Some("") || review.is_privileged() {
        return Ok(());
    }
    Err(Denial::of_field("SELinux users and roles must not be set"))
}

/// *Sysctls.*
pub(super) fn sysctl(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let name = value.as_str().unwrap_or_default();
    // Kubernetes accepts both separators.
    let dotted = name.replace('/', ".");
    let is_allowed = review.is_privileged()
        || SAFE_SYSCTLS.contains(&dotted.as_str())
        || any_matches(&review.policy.sysctls, &dotted);
    if is_allowed {
        return Ok(());
    }
    let shown = shortened(&dotted);
    let what = format!("pods must not set the kernel parameter `{shown}`");
    Err(Denial::new(what, format!("sysctls: [{shown}]")))
}

/// *HostProcess.*
pub(super) fn host_process(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    if review.is_privileged() || *value == Value::Bool(false) {
        return Ok(());
    }
    Err(Denial::of_field("containers must not be host processes"))
}

/// *Running as non-root user.*
pub(super) fn run_as_user(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    if review.policy.run_as_root || value.as_i64() != Some(0) {
        return Ok(());
    }
    Err(Denial::new(
        "containers must not run as root",
        "run-as-root: true",
    ))
}

/// The security settings above are those of Linux.
pub(super) fn operating_system(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    if review.is_privileged() || value.as_str() == Some("linux") {
        return Ok(());
    }
    Err(Denial::of_field(
        "the operating system of a pod must be Linux",
    ))
}

/// Mounts of a container must not propagate. `Bidirectional` needs a privileged container; `HostToContainer` shows what
/// is mounted on the node later.
pub(super) fn mount_propagation(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    if review.is_privileged() || value.as_str() == Some("None") {
        return Ok(());
    }
    Err(Denial::of_field("mounts must not propagate"))
}

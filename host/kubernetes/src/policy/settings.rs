use std::collections::BTreeSet;

use super::images::ImagePattern;
use super::pattern::Pattern;

/// What the jobs of a host may request from a cluster.
///
/// The default is restrictive: it allows what NoETL's documentation of the script tool shows, and nothing that reaches
/// the node, the API server, or what others store in the namespace. Each field allows more.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting by itself, and a key of `policy.yaml`"
)]
pub struct Policy {
    /// The namespaces; without it that of the engine's settings, and `noetl`.
    pub namespaces: Option<Vec<Pattern>>,
    /// The images; without it, any.
    pub images: Option<Vec<ImagePattern>>,
    /// Whether an image must be named by its digest.
    pub require_digests: bool,
    /// The Secrets with credentials of registries that images may be pulled with.
    pub image_pull_secrets: Vec<Pattern>,
    /// The service accounts, in addition to `default`.
    pub service_accounts: Vec<Pattern>,
    /// Whether a script may have a token of its service account.
    pub service_account_tokens: bool,
    /// The types of volumes, as Kubernetes names them, in addition to those that reach nothing or have a list of their
    /// own.
    pub volumes: BTreeSet<String>,
    /// The Secrets that a script may read, in addition to its own.
    pub secrets: Vec<Pattern>,
    /// The ConfigMaps that a script may read, in addition to its own.
    pub config_maps: Vec<Pattern>,
    /// The PersistentVolumeClaims that a script may mount.
    pub persistent_volume_claims: Vec<Pattern>,
    /// The folders of the node at or below which a `hostPath` may be.
    pub host_paths: Vec<String>,
    /// The level of the security settings.
    pub pod_security: PodSecurity,
    /// Whether a container may run as root.
    pub run_as_root: bool,
    /// Whether a container may be privileged.
    pub privileged: bool,
    /// The namespaces of the node that a pod may share.
    pub host_namespaces: BTreeSet<HostNamespace>,
    /// Whether a container may use a port of the node.
    pub host_ports: bool,
    /// The capabilities that a container may add, in addition to those of `pod_security`.
    pub capabilities: Vec<Pattern>,
    /// The kernel parameters that a pod may set, in addition to the safe ones.
    pub sysctls: Vec<Pattern>,
    /// The confinement that a container may run without.
    pub unconfined: BTreeSet<Confinement>,
    /// The runtime classes.
    pub runtime_classes: Vec<Pattern>,
    /// The priority classes.
    pub priority_classes: Vec<Pattern>,
    /// The schedulers, in addition to the default one.
    pub schedulers: Vec<Pattern>,
    /// The labels of nodes that a pod may select by; without it, any.
    pub node_labels: Option<Vec<Pattern>>,
    /// The taints that a pod may tolerate, in addition to those outside of reserved domains; `*` is any, and all of
    /// them together.
    pub tolerations: Vec<Pattern>,
    /// The labels in reserved domains that a job may have.
    pub labels: Vec<Pattern>,
    /// The annotations in reserved domains that a job may have.
    pub annotations: Vec<Pattern>,
    /// Further fields of the pod, with everything below them, as paths without indices:
    /// `spec.nodeName`, `spec.containers.securityContext.seLinuxOptions`.
    pub fields: Vec<String>,
    /// Whether everything is allowed.
    is_open: bool,
}

/// The levels of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodSecurity {
    /// Hardened: no privilege escalation, all capabilities dropped, a seccomp profile. Whether a container may run as
    /// root is a setting of its own, [`Policy::run_as_root`], since most images run as root.
    Restricted,
    /// No known privilege escalation.
    Baseline,
    /// Everything.
    Privileged,
}

/// A namespace of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostNamespace {
    /// `hostNetwork`.
    Network,
    /// `hostPID`.
    Pid,
    /// `hostIPC`.
    Ipc,
}

/// What confines a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confinement {
    /// Its seccomp profile.
    Seccomp,
    /// Its AppArmor profile.
    AppArmor,
    /// The masked parts of `/proc`.
    Proc,
}

impl Policy {
    /// Returns a policy that allows everything, for users who can access the cluster without this host as well.
    #[must_use]
    pub fn open() -> Self {
        Self {
            is_open: true,
            ..Self::default()
        }
    }

    /// Whether it allows everything.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether a field is one of [`Policy::fields`], or below one.
    pub(super) fn has_field(&self, path: &str) -> bool {
        let is_at_or_below = |field: &String| {
            path.strip_prefix(field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.fields.iter().any(is_at_or_below)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            namespaces: None,
            images: None,
            require_digests: false,
            image_pull_secrets: Vec::new(),
            service_accounts: Vec::new(),
            service_account_tokens: false,
            volumes: BTreeSet::new(),
            secrets: Vec::new(),
            config_maps: Vec::new(),
            persistent_volume_claims: Vec::new(),
            host_paths: Vec::new(),
            pod_security: PodSecurity::Restricted,
            // `python:3.11-slim`, the default image, runs as root.
            run_as_root: true,
            privileged: false,
            host_namespaces: BTreeSet::new(),
            host_ports: false,
            capabilities: Vec::new(),
            sysctls: Vec::new(),
            unconfined: BTreeSet::new(),
            runtime_classes: Vec::new(),
            priority_classes: Vec::new(),
            schedulers: Vec::new(),
            node_labels: None,
            tolerations: Vec::new(),
            labels: Vec::new(),
            annotations: Vec::new(),
            fields: Vec::new(),
            is_open: false,
        }
    }
}

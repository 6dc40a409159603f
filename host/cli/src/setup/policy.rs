use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;
use toolhost::capability::text::all_of;
use toolhost_diagnostic::{Diagnostic, Document, Entry, Node, did_you_mean};
use toolhost_kubernetes::{Confinement, HostNamespace, Pattern, PodSecurity, Policy};

/// The policy for the jobs of a host: its file `policy.yaml`.
///
/// ```yaml
/// kubernetes:
///   namespaces: [noetl, "etl-*"]
///   images: ["python:3.*", "registry.example.com/etl/*"]
///   service-accounts: [reader]
///   pod-security: restricted
/// ```
///
/// The field of [`Policy`] with the same name documents a key; the default of a key is that of
/// [`Policy::default`].
#[derive(Debug, Clone, Default)]
pub struct PolicyFile {
    /// The policy for jobs in a cluster.
    pub kubernetes: Policy,
}

/// Why the policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// The file cannot be read.
    #[error("cannot read the policy in `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("the policy in `{}` is invalid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its places.
        problems: Vec<Diagnostic>,
    },
}

/// The top-level key.
const ROOT: &str = "kubernetes";
const KEYS: [&str; 26] = [
    "annotations",
    "capabilities",
    "config-maps",
    "fields",
    "host-namespaces",
    "host-paths",
    "host-ports",
    "image-pull-secrets",
    "images",
    "labels",
    "namespaces",
    "node-labels",
    "persistent-volume-claims",
    "pod-security",
    "priority-classes",
    "privileged",
    "require-digests",
    "run-as-root",
    "runtime-classes",
    "schedulers",
    "secrets",
    "service-account-tokens",
    "service-accounts",
    "sysctls",
    "tolerations",
    "unconfined",
];
/// The key of the kinds of volumes, for those that the other keys of the list above do not cover.
const VOLUMES: &str = "volumes";
const LEVELS: [(&str, PodSecurity); 3] = [
    ("restricted", PodSecurity::Restricted),
    ("baseline", PodSecurity::Baseline),
    ("privileged", PodSecurity::Privileged),
];
const HOST_NAMESPACES: [(&str, HostNamespace); 3] = [
    ("network", HostNamespace::Network),
    ("pid", HostNamespace::Pid),
    ("ipc", HostNamespace::Ipc),
];
const CONFINEMENTS: [(&str, Confinement); 3] = [
    ("seccomp", Confinement::Seccomp),
    ("apparmor", Confinement::AppArmor),
    ("proc", Confinement::Proc),
];
/// The kinds of volumes that have to be allowed by their kind.
const VOLUME_KINDS: [(&str, ()); 21] = [
    ("awsElasticBlockStore", ()),
    ("azureDisk", ()),
    ("azureFile", ()),
    ("cephfs", ()),
    ("cinder", ()),
    ("csi", ()),
    ("ephemeral", ()),
    ("fc", ()),
    ("flexVolume", ()),
    ("flocker", ()),
    ("gcePersistentDisk", ()),
    ("gitRepo", ()),
    ("glusterfs", ()),
    ("iscsi", ()),
    ("nfs", ()),
    ("photonPersistentDisk", ()),
    ("portworxVolume", ()),
    ("quobyte", ()),
    ("rbd", ()),
    ("scaleIO", ()),
    ("vsphereVolume", ()),
];
/// The kinds whose volumes have to be allowed individually, and the key for it.
const NAMED_VOLUME_KINDS: [(&str, &str); 4] = [
    ("configMap", "config-maps"),
    ("hostPath", "host-paths"),
    ("persistentVolumeClaim", "persistent-volume-claims"),
    ("secret", "secrets"),
];

impl PolicyFile {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// [`PolicyFileError`].
    pub fn load(path: &Path) -> Result<Self, PolicyFileError> {
        let text = std::fs::read_to_string(path).map_err(|source| PolicyFileError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let parsed = Document::parse(&path.display().to_string(), &text)
            .map_err(|problem| vec![problem])
            .and_then(|document| Self::parse(&document));
        parsed.map_err(|problems| PolicyFileError::Invalid {
            path: path.to_owned(),
            problems,
        })
    }

    /// Reads a policy from a document.
    ///
    /// # Errors
    ///
    /// All errors, with their positions.
    pub fn parse(document: &Document) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader {
            document,
            problems: Vec::new(),
        };
        let mut kubernetes = Policy::default();
        for entry in reader.entries(document.root()) {
            if entry.key.text == ROOT {
                reader.kubernetes(&entry.value, &mut kubernetes);
            } else {
                reader.unknown(entry, [ROOT]);
            }
        }
        if reader.problems.is_empty() {
            Ok(Self { kubernetes })
        } else {
            Err(reader.problems)
        }
    }
}

/// Parses nodes, and collects errors.
struct Reader<'document> {
    document: &'document Document,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn kubernetes(&mut self, node: &Node, policy: &mut Policy) {
        let mut root = None;
        let mut level = None;
        for entry in self.entries(node) {
            let value = &entry.value;
            match entry.key.text.as_str() {
                "namespaces" => policy.namespaces = Some(self.each(value)),
                "images" => policy.images = Some(self.each(value)),
                "require-digests" => policy.require_digests = self.truth(value),
                "image-pull-secrets" => policy.image_pull_secrets = self.each(value),
                "service-accounts" => policy.service_accounts = self.each(value),
                "service-account-tokens" => policy.service_account_tokens = self.truth(value),
                VOLUMES => policy.volumes = self.volumes(value),
                "secrets" => policy.secrets = self.each(value),
                "config-maps" => policy.config_maps = self.each(value),
                "persistent-volume-claims" => policy.persistent_volume_claims = self.each(value),
                "host-paths" => policy.host_paths = self.host_paths(value),
                "pod-security" => level = self.word(value, &LEVELS),
                "run-as-root" => root = Some(self.truth(value)),
                "privileged" => policy.privileged = self.truth(value),
                "host-namespaces" => {
                    policy.host_namespaces = self.words(value, &HOST_NAMESPACES);
                }
                "host-ports" => policy.host_ports = self.truth(value),
                "capabilities" => policy.capabilities = self.capabilities(value),
                "sysctls" => policy.sysctls = self.each(value),
                "unconfined" => policy.unconfined = self.words(value, &CONFINEMENTS),
                "runtime-classes" => policy.runtime_classes = self.each(value),
                "priority-classes" => policy.priority_classes = self.each(value),
                "schedulers" => policy.schedulers = self.each(value),
                "node-labels" => policy.node_labels = Some(self.each(value)),
                "tolerations" => policy.tolerations = self.each(value),
                "labels" => policy.labels = self.each(value),
                "annotations" => policy.annotations = self.each(value),
                "fields" => policy.fields = self.fields(value),
                _ => self.unknown(entry, KEYS.into_iter().chain([VOLUMES])),
            }
        }
        if let Some(level) = level {
            policy.pod_security = level;
            // A level that is written explicitly applies in full.
            policy.run_as_root = level != PodSecurity::Restricted;
        }
        if let Some(root) = root {
            policy.run_as_root = root;
        }
    }

    /// The entries of a mapping; null is an empty one.
    fn entries<'node>(&mut self, node: &'node Node) -> &'node [Entry] {
        if !node.is_null() && node.entries().is_none() {
            self.expected(node, "a mapping");
        }
        node.entries().unwrap_or_default()
    }

    fn items<'node>(&mut self, node: &'node Node) -> &'node [Node] {
        if node.items().is_none() {
            self.expected(node, "a list");
        }
        node.items().unwrap_or_default()
    }

    /// A list of strings that are parsed.
    fn each<T>(&mut self, node: &Node) -> Vec<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let mut read = Vec::new();
        for item in self.items(node) {
            let Some(text) = self.text(item) else {
                continue;
            };
            match text.parse::<T>() {
                Ok(value) => read.push(value),
                Err(error) => self.wrong(item, error.to_string()),
            }
        }
        read
    }

    fn texts<'node>(&mut self, node: &'node Node) -> Vec<(&'node Node, &'node str)> {
        let mut texts = Vec::new();
        for item in self.items(node) {
            if let Some(text) = self.text(item) {
                texts.push((item, text));
            }
        }
        texts
    }

    fn text<'node>(&mut self, node: &'node Node) -> Option<&'node str> {
        if node.as_str().is_none() {
            self.expected(node, "a string");
        }
        node.as_str()
    }

    fn truth(&mut self, node: &Node) -> bool {
        if let Value::Bool(truth) = node.to_value() {
            return truth;
        }
        self.expected(node, "true or false");
        false
    }

    fn words<T: Copy + Ord>(&mut self, node: &Node, known: &[(&str, T)]) -> BTreeSet<T> {
        let items = self.items(node).iter();
        let words: Vec<_> = items.collect();
        words
            .into_iter()
            .filter_map(|item| self.word(item, known))
            .collect()
    }

    fn word<T: Copy>(&mut self, node: &Node, known: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
        self.none_of(node, text, &words);
        None
    }

    fn volumes(&mut self, node: &Node) -> BTreeSet<String> {
        let mut kinds = BTreeSet::new();
        for (item, text) in self.texts(node) {
            let named = NAMED_VOLUME_KINDS.iter().find(|(kind, _)| *kind == text);
            if let Some((kind, key)) = named {
                let problem = self.at(
                    item,
                    format!("volumes of the kind `{kind}` are allowed individually"),
                );
                self.problems
                    .push(problem.help(format!("list them under `{key}`")));
            } else if self.word(item, &VOLUME_KINDS).is_some() {
                kinds.insert(text.to_owned());
            }
        }
        kinds
    }

    fn host_paths(&mut self, node: &Node) -> Vec<String> {
        let mut paths = Vec::new();
        for (item, text) in self.texts(node) {
            let is_plain = text.starts_with('/') && text.split('/').all(|part| part != "..");
            if is_plain {
                paths.push(text.to_owned());
            } else {
                self.wrong(item, "expected an absolute path without `..`".to_owned());
            }
        }
        paths
    }

    /// Capabilities in the form that the policy compares: upper case, without `CAP_`.
    fn capabilities(&mut self, node: &Node) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for (item, text) in self.texts(node) {
            let name = text.to_ascii_uppercase();
            match name
                .strip_prefix("CAP_")
                .unwrap_or(&name)
                .parse::<Pattern>()
            {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.wrong(item, format!("{error}")),
            }
        }
        patterns
    }

    fn fields(&mut self, node: &Node) -> Vec<String> {
        let mut fields = Vec::new();
        for (item, text) in self.texts(node) {
            let is_path = text.strip_prefix("spec.").is_some_and(|rest| {
                let mut keys = rest.split('.');
                keys.all(|key| {
                    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
                })
            });
            if is_path {
                fields.push(text.to_owned());
            } else {
                let message = "expected the path of a field of a pod, without indices".to_owned();
                let problem = self.at(item, message);
                self.problems.push(problem.help("such as `spec.nodeName`"));
            }
        }
        fields
    }

    fn unknown<'key>(&mut self, entry: &Entry, known: impl IntoIterator<Item = &'key str>) {
        let known: Vec<_> = known.into_iter().collect();
        self.problems
            .push(self.document.unknown_key(&entry.key, &known));
    }

    fn none_of(&mut self, node: &Node, text: &str, known: &[&str]) {
        let problem = self.at(node, format!("`{text}` is none of {}", all_of(known)));
        self.problems.push(match suggestion(text, known) {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    fn expected(&mut self, node: &Node, what: &str) {
        let found = node.type_name();
        self.wrong(node, format!("expected {what}, found {found}"));
    }

    fn wrong(&mut self, node: &Node, message: String) {
        let problem = self.at(node, message);
        self.problems.push(problem);
    }

    fn at(&self, node: &Node, message: String) -> Diagnostic {
        Diagnostic::error(message).at(self.document.source(), node.span)
    }
}

fn suggestion(word: &str, known: &[&str]) -> Option<String> {
    let meant = did_you_mean(word, known.iter().copied())?;
    Some(format!("did you mean `{meant}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Policy, Vec<Diagnostic>> {
        let document = Document::parse("policy.yaml", text).unwrap();
        PolicyFile::parse(&document).map(|file| file.kubernetes)
    }

    fn debugged(policy: &Policy) -> String {
        format!("{policy:?}")
    }

    #[test]
    fn what_is_left_out_is_as_restrictive_as_the_default() {
        for text in ["", "kubernetes:\n", "kubernetes: {}\n"] {
            let policy = parse(text).unwrap();
            assert_eq!(debugged(&policy), debugged(&Policy::default()), "{text:?}");
        }
    }

    #[test]
    fn every_key_is_read() {
        let text = "kubernetes:
  namespaces: [noetl, \"etl-*\"]
  images: [\"python:3.*\"]
  require-digests: true
  image-pull-secrets: [registry]
  service-accounts: [reader]
  service-account-tokens: true
  volumes: [nfs, csi]
  secrets: [\"tls-*\"]
  config-maps: [settings]
  persistent-volume-claims: [data]
  host-paths: [/mnt/data]
  pod-security: baseline
  run-as-root: false
  privileged: true
  host-namespaces: [network, pid, ipc]
  host-ports: true
  capabilities: [cap_net_raw]
  sysctls: [net.core.somaxconn]
  unconfined: [seccomp, apparmor, proc]
  runtime-classes: [gvisor]
  priority-classes: [low]
  schedulers: [batch]
  node-labels: [disk]
  tolerations: [\"*\"]
  labels: [\"x.k8s.io/*\"]
  annotations: [\"x.k8s.io/*\"]
  fields: [spec.nodeName]
";
        let patterns = |texts: &[&str]| -> Vec<Pattern> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let mut expected = Policy::default();
        expected.namespaces = Some(patterns(&["noetl", "etl-*"]));
        expected.images = Some(vec!["python:3.*".parse().unwrap()]);
        expected.require_digests = true;
        expected.image_pull_secrets = patterns(&["registry"]);
        expected.service_accounts = patterns(&["reader"]);
        expected.service_account_tokens = true;
        expected.volumes = ["csi", "nfs"].map(str::to_owned).into();
        expected.secrets = patterns(&["tls-*"]);
        expected.config_maps = patterns(&["settings"]);
        expected.persistent_volume_claims = patterns(&["data"]);
        expected.host_paths = vec!["/mnt/data".to_owned()];
        expected.pod_security = PodSecurity::Baseline;
        expected.run_as_root = false;
        expected.privileged = true;
        expected.host_namespaces = HOST_NAMESPACES.map(|(_, namespace)| namespace).into();
        expected.host_ports = true;
        expected.capabilities = patterns(&["NET_RAW"]);
        expected.sysctls = patterns(&["net.core.somaxconn"]);
        expected.unconfined = CONFINEMENTS.map(|(_, confinement)| confinement).into();
        expected.runtime_classes = patterns(&["gvisor"]);
        expected.priority_classes = patterns(&["low"]);
        expected.schedulers = patterns(&["batch"]);
        expected.node_labels = Some(patterns(&["disk"]));
        expected.tolerations = patterns(&["*"]);
        expected.labels = patterns(&["x.k8s.io/*"]);
        expected.annotations = patterns(&["x.k8s.io/*"]);
        expected.fields = vec!["spec.nodeName".to_owned()];
        assert_eq!(debugged(&parse(text).unwrap()), debugged(&expected));
        for key in KEYS.into_iter().chain([VOLUMES]) {
            assert!(text.contains(&format!("  {key}: ")), "{key} is not tested");
        }
    }

    #[test]
    fn the_level_restricted_means_no_root_unless_it_is_said() {
        for (text, is_root_allowed) in [
            ("kubernetes: {}", true),
            ("kubernetes: {pod-security: restricted}", false),
            (
                "kubernetes: {run-as-root: true, pod-security: restricted}",
                true,
            ),
            ("kubernetes: {pod-security: baseline}", true),
            (
                "kubernetes: {pod-security: baseline, run-as-root: false}",
                false,
            ),
        ] {
            assert_eq!(parse(text).unwrap().run_as_root, is_root_allowed, "{text}");
        }
    }

    #[test]
    fn names_every_mistake_at_its_place() {
        let text = "kubernetes:
  namespace: [noetl]
  images: python
  namespaces: [1, \"\", \"a b\"]
  privileged: maybe
  volumes: [hostPath, nsf]
  host-paths: [mnt, /mnt/../etc]
  pod-security: baselin
  host-namespaces: [net]
  fields: [nodeName, \"spec.containers[0].image\"]
grants: {}
";
        let problems = parse(text).unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|problem| problem.location().unwrap())
            .collect();
        let expected = [
            "2:3", "3:11", "4:16", "4:19", "4:23", "5:15", "6:13", "6:23", "7:16", "7:21", "8:17",
            "9:21", "10:12", "10:22", "11:1",
        ];
        assert_eq!(places, expected.map(|place| format!("policy.yaml:{place}")));
        let help = |index: usize| problems[index].help_text();
        assert_eq!(help(0), Some("did you mean `namespaces`?"));
        assert_eq!(help(6), Some("list them under `host-paths`"));
        assert_eq!(help(7), Some("did you mean `nfs`?"));
        assert_eq!(help(10), Some("did you mean `baseline`?"));
        assert_eq!(help(14), Some("expected `kubernetes`"));
    }
}

//! What is stored where.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::Job;
use secrecy::SecretString;

use crate::names::SCRIPT_CONTAINER;

/// The directory of everything that the engine mounts.
pub(in crate::manifest) const MOUNT_ROOT: &str = "/noetl";
/// Prefix of the names of the engine's volumes.
pub(in crate::manifest) const VOLUME_PREFIX: &str = "noetl-";
/// The file with the arguments.
pub(in crate::manifest) const ARGUMENTS_PATH: &str = "/noetl/arguments/arguments.json";
pub(super) const SCRIPT_DIRECTORY: &str = "/noetl/script";
/// The key of the script in the Secret and in ConfigMaps. A variable's name has no dot, so that the two cannot be
/// equal.
pub(in crate::manifest) const SCRIPT_KEY: &str = "noetl.script";
/// Maximum size of the data of one object that contains part of a script. It is below the limit of 1 MiB, so that there
/// is space for metadata, for what the server adds, and for its copy in managed fields.
pub(super) const SCRIPT_OBJECT_BYTES: usize = 900_000;

/// Location of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::manifest) enum Placement {
    /// There is none.
    Nowhere,
    /// In an annotation of the pods.
    Annotation,
    /// In the Secret, together with the environment.
    Secret,
    /// In one ConfigMap.
    ConfigMap,
    /// In this number of ConfigMaps, to be joined before the start.
    Parts(usize),
}

/// Location of the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arguments {
    /// In an annotation of the pods.
    Annotation,
    /// In the Secret, under this key.
    Secret(&'static str),
}

/// What is stored where.
#[derive(Debug)]
pub(in crate::manifest) struct Storage {
    /// The entries of the Secret, without the script.
    pub(in crate::manifest) secret: Vec<(String, SecretString)>,
    /// The variables with paths.
    pub(super) paths: BTreeMap<&'static str, String>,
    /// The variables whose values are not secret, and in the Job.
    pub(super) variables: BTreeMap<String, String>,
    /// The annotations of the pods with inputs.
    pub(in crate::manifest) annotations: BTreeMap<&'static str, String>,
    pub(in crate::manifest) placement: Placement,
    pub(super) arguments: Arguments,
    /// Whether the Job contains all inputs.
    pub(in crate::manifest) is_in_job: bool,
    /// Which inputs the Job does not contain, and why, for a person.
    pub(in crate::manifest) explanation: String,
    pub(super) job_name: String,
    pub(super) file_name: String,
}

impl Storage {
    /// Whether there is a Secret.
    pub(in crate::manifest) fn has_secret(&self) -> bool {
        !self.secret.is_empty() || self.placement == Placement::Secret
    }

    /// Returns the Job without the values of its inputs: the same for another call of the same specification.
    pub(in crate::manifest) fn without_values(&self, job: &Job) -> Job {
        let mut job = job.clone();
        let Some(template) = job.spec.as_mut().map(|spec| &mut spec.template) else {
            return job;
        };
        let metadata = template.metadata.as_mut();
        let annotations = metadata.and_then(|metadata| metadata.annotations.as_mut());
        for (name, value) in annotations.into_iter().flatten() {
            if self.annotations.contains_key(name.as_str()) {
                value.clear();
            }
        }
        let containers = template.spec.iter_mut().flat_map(|pod| &mut pod.containers);
        let script = containers.filter(|container| container.name == SCRIPT_CONTAINER);
        for variable in script.flat_map(|script| script.env.iter_mut().flatten()) {
            let inline = self.variables.get(&variable.name);
            if inline.map(|value| literal(value)) == variable.value {
                variable.value = variable.value.take().map(|_| String::new());
            }
        }
        job
    }
}

impl Placement {
    /// Returns the number of ConfigMaps.
    pub(in crate::manifest) fn part_count(self) -> usize {
        match self {
            Self::Nowhere | Self::Annotation | Self::Secret => 0,
            Self::ConfigMap => 1,
            Self::Parts(count) => count,
        }
    }

    /// Returns the part of the script in each ConfigMap.
    pub(in crate::manifest) fn parts(self, script: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Nowhere | Self::Annotation | Self::Secret => Vec::new(),
            Self::ConfigMap => vec![script],
            Self::Parts(_) => script.chunks(SCRIPT_OBJECT_BYTES).collect(),
        }
    }
}

/// Escapes a text for a command or value that the kubelet expands.
pub(in crate::manifest) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

type Data = Option<BTreeMap<String, String>>;
type BinaryData = Option<BTreeMap<String, ByteString>>;

/// Stores text as text, so that `kubectl` shows it, and everything else as bytes.
pub(in crate::manifest) fn config_map_data(part: &[u8]) -> (Data, BinaryData) {
    let key = SCRIPT_KEY.to_owned();
    if let Ok(text) = std::str::from_utf8(part) {
        (Some([(key, text.to_owned())].into()), None)
    } else {
        (None, Some([(key, ByteString(part.to_vec()))].into()))
    }
}

//! Where the script, the arguments and the environment are stored, and how the pod accesses them.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{
    ConfigMapProjection, ConfigMapVolumeSource, EmptyDirVolumeSource, EnvVar, EnvVarSource,
    KeyToPath, ProjectedVolumeSource, SecretKeySelector, SecretVolumeSource, Volume, VolumeMount,
    VolumeProjection,
};
use secrecy::{ExposeSecret, SecretString};
use toolhost_capability::program::Program;
use toolhost_capability::request::{invalid, shortened};
use toolhost_capability::{
    ARGUMENTS_FIELD, ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, CapabilityError, JobRequest,
    Reason, SCRIPT_VARIABLE,
};

use crate::names::{config_map_name, secret_name};

/// The directory of everything that the engine mounts.
pub(super) const MOUNT_ROOT: &str = "/noetl";
/// Prefix of the names of the engine's volumes.
pub(super) const VOLUME_PREFIX: &str = "noetl-";
/// The file with the arguments.
pub(super) const ARGUMENTS_PATH: &str = "/noetl/arguments/arguments.json";
/// The key of the script in the Secret and in ConfigMaps. A variable's name has no dot, so that the two cannot be
/// equal.
pub(super) const SCRIPT_KEY: &str = "noetl.script";
/// The key of arguments in the Secret that are too large for a variable.
const LARGE_ARGUMENTS_KEY: &str = "noetl.arguments";

/// The script and the arguments in one volume. A volume and its mount are part of both objects, job and pod, and each
/// of some ten writes to them compares all of that: every volume of a thousand jobs took 5 s of the API server's and
/// the controllers' time, of 37.
const FILES_VOLUME: &str = "noetl-files";
const SCRIPT_VOLUME: &str = "noetl-script";
const SCRIPT_DIRECTORY: &str = "/noetl/script";
const ARGUMENTS_VOLUME: &str = "noetl-arguments";
const ARGUMENTS_DIRECTORY: &str = "/noetl/arguments";
const ARGUMENTS_FILE: &str = "arguments.json";
const PARTS_VOLUME: &str = "noetl-script-parts";
const PARTS_DIRECTORY: &str = "/noetl/parts";

/// Maximum size of a Secret: what the API server checks (`MaxSecretSize`), over all values.
const MAX_SECRET_BYTES: usize = 1_048_576;
/// Maximum size of the data of one object that contains part of a script. It is below the limit of 1 MiB, so that there
/// is space for metadata, for what the server adds, and for its copy in managed fields.
const SCRIPT_OBJECT_BYTES: usize = 900_000;
/// Maximum size of a script: etcd, which stores every object of the cluster, is not a file store.
const MAX_SCRIPT_BYTES: usize = 16 << 20;

/// The script: readable and executable by any user of the container.
const SCRIPT_MODE: i32 = 0o555;
/// The arguments: readable by any user of the container, which need not be root.
const ARGUMENTS_MODE: i32 = 0o444;

/// Location of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// There is none.
    Nowhere,
    /// In the Secret, together with the environment.
    Secret,
    /// In one ConfigMap.
    ConfigMap,
    /// In this number of ConfigMaps, to be joined before the start.
    Parts(usize),
}

/// What is stored where.
#[derive(Debug)]
pub(super) struct Storage {
    /// The entries of the Secret, without the script.
    pub(super) secret: Vec<(String, SecretString)>,
    /// The variables that are in the Job in plain text: paths, which are not secret.
    plain: BTreeMap<&'static str, String>,
    pub(super) placement: Placement,
    /// The key of the arguments in the Secret.
    arguments_key: &'static str,
    job_name: String,
    file_name: String,
}

/// Returns the path of the script, if the request has one.
///
/// # Errors
///
/// `InvalidRequest` for a file name that volumes do not support, `TooLarge` for a script of unreasonable size.
pub(super) fn script_path(request: &JobRequest) -> Result<Option<String>, CapabilityError> {
    let Some(script) = &request.script else {
        return Ok(None);
    };
    let name = script.file_name.as_str();
    if name.starts_with("..") {
        let message = format!(
            "the script's file name `{}` begins with `..`, which Kubernetes does not mount",
            shortened(name)
        );
        return Err(invalid(message).with_field("script"));
    }
    let size = script.content.len();
    if size > MAX_SCRIPT_BYTES {
        let message = format!(
            "the script has {size} bytes, more than the limit of {MAX_SCRIPT_BYTES} in a cluster"
        );
        return Err(CapabilityError::new(Reason::TooLarge, message)
            .with_hint("put large data into the image or a volume, or make a small script fetch it")
            .with_field("script"));
    }
    Ok(Some(format!("{SCRIPT_DIRECTORY}/{name}")))
}

impl Storage {
    /// Decides where everything is stored.
    ///
    /// # Errors
    ///
    /// `TooLarge` where the environment does not fit into a Secret.
    pub(super) fn new(request: &JobRequest, program: &Program) -> Result<Self, CapabilityError> {
        let mut plain = BTreeMap::from([(ARGUMENTS_FILE_VARIABLE, ARGUMENTS_PATH.to_owned())]);
        if let Some(path) = script_path(request)? {
            plain.insert(SCRIPT_VARIABLE, path);
        }
        let arguments_key = if program.has_large_arguments() {
            plain.insert(ARGUMENTS_VARIABLE, format!("@{ARGUMENTS_PATH}"));
            LARGE_ARGUMENTS_KEY
        } else {
            ARGUMENTS_VARIABLE
        };
        let variables = program.environment().iter();
        let mut secret: Vec<_> = variables
            .filter(|(name, _)| !plain.contains_key(name.as_str()) && name != ARGUMENTS_VARIABLE)
            .cloned()
            .collect();
        let arguments = program.arguments();
        check_size(&secret, arguments.expose_secret().len())?;
        secret.push((arguments_key.to_owned(), arguments.clone()));
        let size = secret
            .iter()
            .map(|(_, value)| value.expose_secret().len())
            .sum::<usize>();
        let script = request.script.as_ref();
        let script_size = script.map(|script| script.content.len());
        let placement = match script_size {
            None => Placement::Nowhere,
            Some(script) if script + size <= SCRIPT_OBJECT_BYTES => Placement::Secret,
            Some(script) if script <= SCRIPT_OBJECT_BYTES => Placement::ConfigMap,
            Some(script) => Placement::Parts(script.div_ceil(SCRIPT_OBJECT_BYTES)),
        };
        Ok(Self {
            secret,
            plain,
            placement,
            arguments_key,
            job_name: request.name.to_string(),
            file_name: script.map_or_else(String::new, |script| script.file_name.to_string()),
        })
    }

    /// Returns the environment of the script's container: every variable in its order, most of them by reference.
    pub(super) fn environment(&self, program: &Program) -> Vec<EnvVar> {
        let variable = |name: &String| match self.plain.get(name.as_str()) {
            Some(value) => EnvVar {
                name: name.clone(),
                value: Some(literal(value)),
                value_from: None,
            },
            None => EnvVar {
                name: name.clone(),
                value: None,
                value_from: Some(self.reference(name)),
            },
        };
        let environment = program.environment().iter();
        environment.map(|(name, _)| variable(name)).collect()
    }

    /// Returns the volumes of the pod.
    pub(super) fn volumes(&self) -> Vec<Volume> {
        let arguments = |path| item(self.arguments_key, path, ARGUMENTS_MODE);
        let alone = self.secret_volume(ARGUMENTS_VOLUME, vec![arguments(ARGUMENTS_FILE)]);
        let script = Volume {
            name: SCRIPT_VOLUME.to_owned(),
            ..Volume::default()
        };
        match self.placement {
            Placement::Nowhere => vec![alone],
            Placement::Secret => {
                let script = format!("{}/{}", below(SCRIPT_DIRECTORY), self.file_name);
                let script = item(SCRIPT_KEY, &script, SCRIPT_MODE);
                let items = vec![script, arguments(below(ARGUMENTS_PATH))];
                vec![self.secret_volume(FILES_VOLUME, items)]
            }
            Placement::ConfigMap => {
                let script = Volume {
                    config_map: Some(ConfigMapVolumeSource {
                        name: config_map_name(&self.job_name, 0),
                        items: Some(vec![item(SCRIPT_KEY, &self.file_name, SCRIPT_MODE)]),
                        ..ConfigMapVolumeSource::default()
                    }),
                    ..script
                };
                vec![script, alone]
            }
            Placement::Parts(count) => {
                let script = Volume {
                    empty_dir: Some(EmptyDirVolumeSource::default()),
                    ..script
                };
                vec![script, self.parts_volume(count), alone]
            }
        }
    }

    /// Returns the mounts of the script's container.
    pub(super) fn mounts(&self) -> Vec<VolumeMount> {
        let arguments = mount(ARGUMENTS_VOLUME, ARGUMENTS_DIRECTORY);
        match self.placement {
            Placement::Nowhere => vec![arguments],
            Placement::Secret => vec![mount(FILES_VOLUME, MOUNT_ROOT)],
            Placement::ConfigMap | Placement::Parts(_) => {
                vec![mount(SCRIPT_VOLUME, SCRIPT_DIRECTORY), arguments]
            }
        }
    }

    /// Returns the command and the mounts of a container that joins the parts of the script; none where there is
    /// nothing to join.
    pub(super) fn join(&self) -> Option<(Vec<String>, Vec<VolumeMount>)> {
        let Placement::Parts(_) = self.placement else {
            return None;
        };
        let path = format!("{SCRIPT_DIRECTORY}/{}", self.file_name);
        // The numbers in the names of parts have the same number of digits, so that the shell's order is theirs.
        let program = format!("cat {PARTS_DIRECTORY}/part-* > \"$1\" && chmod 0555 \"$1\"");
        let command = ["sh", "-c", &program, "sh"].map(str::to_owned).into_iter();
        let command = command.chain([literal(&path)]).collect();
        let script = VolumeMount {
            read_only: None,
            ..mount(SCRIPT_VOLUME, SCRIPT_DIRECTORY)
        };
        Some((command, vec![mount(PARTS_VOLUME, PARTS_DIRECTORY), script]))
    }

    fn reference(&self, key: &str) -> EnvVarSource {
        EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                key: key.to_owned(),
                name: secret_name(&self.job_name),
                optional: None,
            }),
            ..EnvVarSource::default()
        }
    }

    fn secret_volume(&self, name: &str, items: Vec<KeyToPath>) -> Volume {
        Volume {
            name: name.to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret_name(&self.job_name)),
                items: Some(items),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        }
    }

    fn parts_volume(&self, count: usize) -> Volume {
        let part = |index| VolumeProjection {
            config_map: Some(ConfigMapProjection {
                name: config_map_name(&self.job_name, index),
                items: Some(vec![item(
                    SCRIPT_KEY,
                    &format!("part-{index:02}"),
                    ARGUMENTS_MODE,
                )]),
                optional: None,
            }),
            ..VolumeProjection::default()
        };
        Volume {
            name: PARTS_VOLUME.to_owned(),
            projected: Some(ProjectedVolumeSource {
                default_mode: None,
                sources: Some((0..count).map(part).collect()),
            }),
            ..Volume::default()
        }
    }
}

impl Placement {
    /// Returns the number of ConfigMaps.
    pub(super) fn part_count(self) -> usize {
        match self {
            Self::Nowhere | Self::Secret => 0,
            Self::ConfigMap => 1,
            Self::Parts(count) => count,
        }
    }

    /// Returns the part of the script in each ConfigMap.
    pub(super) fn parts(self, script: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Nowhere | Self::Secret => Vec::new(),
            Self::ConfigMap => vec![script],
            Self::Parts(_) => script.chunks(SCRIPT_OBJECT_BYTES).collect(),
        }
    }
}

/// Escapes a text for a command or value that the kubelet expands.
pub(super) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

type Data = Option<BTreeMap<String, String>>;
type BinaryData = Option<BTreeMap<String, ByteString>>;

/// Stores text as text, so that `kubectl` shows it, and everything else as bytes.
pub(super) fn config_map_data(part: &[u8]) -> (Data, BinaryData) {
    let key = SCRIPT_KEY.to_owned();
    if let Ok(text) = std::str::from_utf8(part) {
        (Some([(key, text.to_owned())].into()), None)
    } else {
        (None, Some([(key, ByteString(part.to_vec()))].into()))
    }
}

fn check_size(
    variables: &[(String, SecretString)],
    arguments: usize,
) -> Result<(), CapabilityError> {
    let variables = variables
        .iter()
        .map(|(_, value)| value.expose_secret().len())
        .sum::<usize>();
    let size = variables + arguments;
    if size <= MAX_SECRET_BYTES {
        return Ok(());
    }
    let message = format!(
        "the arguments take {arguments} bytes and the environment {variables}, together more than the \
         {MAX_SECRET_BYTES} of a Secret"
    );
    let field = if arguments > variables {
        ARGUMENTS_FIELD
    } else {
        "environment"
    };
    Err(CapabilityError::new(Reason::TooLarge, message)
        .with_hint("store large data where the script can fetch it, and pass its address")
        .with_field(field))
}

/// Returns a path relative to the mount, as a volume needs it.
fn below(path: &str) -> &str {
    path.strip_prefix(MOUNT_ROOT)
        .map_or(path, |path| path.trim_start_matches('/'))
}

fn item(key: &str, path: &str, mode: i32) -> KeyToPath {
    KeyToPath {
        key: key.to_owned(),
        mode: Some(mode),
        path: path.to_owned(),
    }
}

fn mount(volume: &str, directory: &str) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: directory.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

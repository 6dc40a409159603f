//! How a pod accesses its inputs: variables, volumes and mounts.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, ConfigMapVolumeSource, DownwardAPIProjection, DownwardAPIVolumeFile,
    DownwardAPIVolumeSource, EmptyDirVolumeSource, EnvVar, EnvVarSource, KeyToPath,
    ObjectFieldSelector, ProjectedVolumeSource, SecretKeySelector, SecretProjection,
    SecretVolumeSource, Volume, VolumeMount, VolumeProjection,
};
use toolhost_capability::ARGUMENTS_VARIABLE;
use toolhost_capability::program::Program;

use super::layout::{
    ARGUMENTS_PATH, Arguments, MOUNT_ROOT, Placement, SCRIPT_DIRECTORY, SCRIPT_KEY, Storage,
    literal,
};
use crate::names::{ARGUMENTS_ANNOTATION, SCRIPT_ANNOTATION, config_map_name, secret_name};

/// The script and the arguments in one volume. A volume and its mount are part of both objects, job and pod, and each
/// of some ten writes to them compares all of that: every volume of a thousand jobs took 5 s of the API server's and
/// the controllers' time, of 37.
const FILES_VOLUME: &str = "noetl-files";
const SCRIPT_VOLUME: &str = "noetl-script";
const ARGUMENTS_VOLUME: &str = "noetl-arguments";
const ARGUMENTS_DIRECTORY: &str = "/noetl/arguments";
const ARGUMENTS_FILE: &str = "arguments.json";
const PARTS_VOLUME: &str = "noetl-script-parts";
const PARTS_DIRECTORY: &str = "/noetl/parts";

/// The script: readable and executable by any user of the container.
const SCRIPT_MODE: i32 = 0o555;
/// The arguments: readable by any user of the container, which need not be root.
const ARGUMENTS_MODE: i32 = 0o444;

/// Files of a volume, by where their content is.
#[derive(Default)]
struct Files {
    secret: Vec<KeyToPath>,
    annotations: Vec<DownwardAPIVolumeFile>,
}

impl Storage {
    /// Returns the environment of the script's container: every variable in its order.
    pub(in crate::manifest) fn script_environment(&self, program: &Program) -> Vec<EnvVar> {
        let plain = |name: &str| self.paths.get(name).or_else(|| self.variables.get(name));
        let variable = |name: &String| match plain(name) {
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
    pub(in crate::manifest) fn volumes(&self) -> Vec<Volume> {
        let script = Volume {
            name: SCRIPT_VOLUME.to_owned(),
            ..Volume::default()
        };
        match self.placement {
            Placement::Nowhere => vec![self.arguments_volume()],
            Placement::Annotation | Placement::Secret => {
                let mut files = Files::default();
                let path = format!("{}/{}", below(SCRIPT_DIRECTORY), self.file_name);
                if self.placement == Placement::Secret {
                    files.secret.push(item(SCRIPT_KEY, &path, SCRIPT_MODE));
                } else {
                    let file = annotated(SCRIPT_ANNOTATION, &path, SCRIPT_MODE);
                    files.annotations.push(file);
                }
                self.add_arguments(&mut files, below(ARGUMENTS_PATH));
                vec![self.volume(FILES_VOLUME, files)]
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
                vec![script, self.arguments_volume()]
            }
            Placement::Parts(count) => {
                let script = Volume {
                    empty_dir: Some(EmptyDirVolumeSource::default()),
                    ..script
                };
                vec![script, self.parts_volume(count), self.arguments_volume()]
            }
        }
    }

    /// Returns the mounts of the script's container.
    pub(in crate::manifest) fn mounts(&self) -> Vec<VolumeMount> {
        let arguments = mount(ARGUMENTS_VOLUME, ARGUMENTS_DIRECTORY);
        match self.placement {
            Placement::Nowhere => vec![arguments],
            Placement::Annotation | Placement::Secret => vec![mount(FILES_VOLUME, MOUNT_ROOT)],
            Placement::ConfigMap | Placement::Parts(_) => {
                vec![mount(SCRIPT_VOLUME, SCRIPT_DIRECTORY), arguments]
            }
        }
    }

    /// Returns the command and the mounts of a container that joins the parts of the script; none where there is
    /// nothing to join.
    pub(in crate::manifest) fn join_command(&self) -> Option<(Vec<String>, Vec<VolumeMount>)> {
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

    /// Returns the source of a variable. The kubelet does not expand `$(NAME)` in a value that it gets from a source.
    fn reference(&self, name: &str) -> EnvVarSource {
        if name == ARGUMENTS_VARIABLE && self.arguments == Arguments::Annotation {
            return EnvVarSource {
                field_ref: Some(annotation_field(ARGUMENTS_ANNOTATION)),
                ..EnvVarSource::default()
            };
        }
        EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                key: name.to_owned(),
                name: secret_name(&self.job_name),
                optional: None,
            }),
            ..EnvVarSource::default()
        }
    }

    fn arguments_volume(&self) -> Volume {
        let mut files = Files::default();
        self.add_arguments(&mut files, ARGUMENTS_FILE);
        self.volume(ARGUMENTS_VOLUME, files)
    }

    fn add_arguments(&self, files: &mut Files, path: &str) {
        match self.arguments {
            Arguments::Secret(key) => files.secret.push(item(key, path, ARGUMENTS_MODE)),
            Arguments::Annotation => {
                let file = annotated(ARGUMENTS_ANNOTATION, path, ARGUMENTS_MODE);
                files.annotations.push(file);
            }
        }
    }

    fn volume(&self, name: &str, files: Files) -> Volume {
        let volume = Volume {
            name: name.to_owned(),
            ..Volume::default()
        };
        let Files {
            secret,
            annotations,
        } = files;
        if annotations.is_empty() {
            return Volume {
                secret: Some(SecretVolumeSource {
                    secret_name: Some(secret_name(&self.job_name)),
                    items: Some(secret),
                    ..SecretVolumeSource::default()
                }),
                ..volume
            };
        }
        if secret.is_empty() {
            return Volume {
                downward_api: Some(DownwardAPIVolumeSource {
                    items: Some(annotations),
                    default_mode: None,
                }),
                ..volume
            };
        }
        let secret = VolumeProjection {
            secret: Some(SecretProjection {
                name: secret_name(&self.job_name),
                items: Some(secret),
                optional: None,
            }),
            ..VolumeProjection::default()
        };
        let annotations = VolumeProjection {
            downward_api: Some(DownwardAPIProjection {
                items: Some(annotations),
            }),
            ..VolumeProjection::default()
        };
        Volume {
            projected: Some(ProjectedVolumeSource {
                default_mode: None,
                sources: Some(vec![secret, annotations]),
            }),
            ..volume
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

fn annotated(annotation: &str, path: &str, mode: i32) -> DownwardAPIVolumeFile {
    DownwardAPIVolumeFile {
        field_ref: Some(annotation_field(annotation)),
        mode: Some(mode),
        path: path.to_owned(),
        resource_field_ref: None,
    }
}

fn annotation_field(annotation: &str) -> ObjectFieldSelector {
    ObjectFieldSelector {
        api_version: None,
        field_path: format!("metadata.annotations['{annotation}']"),
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

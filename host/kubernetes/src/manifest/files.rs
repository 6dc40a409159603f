//! The files of a job, which are entries of its Secret, in the pod.

use k8s_openapi::api::core::v1::{EnvVar, KeyToPath, SecretVolumeSource, Volume, VolumeMount};
use toolhost_capability::files::{JobFile, files};
use toolhost_capability::request::{invalid, shortened};
use toolhost_capability::{CapabilityError, FieldPath, JobRequest};

use super::options::{is_own_place, taken_place};
use crate::names::secret_name;

/// The volume with all files. Its name begins with the prefix of the engine's own.
const VOLUME: &str = "noetl-mounted-files";
/// Any user of the container may read and execute a file: it may be a program.
const MODE: i32 = 0o555;

/// The files of a request.
pub(super) struct Files<'request> {
    job_name: &'request str,
    files: Vec<JobFile<'request>>,
}

impl<'request> Files<'request> {
    /// Reads the files of the request.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with the path of the file below `files`.
    pub(super) fn read(request: &'request JobRequest) -> Result<Self, CapabilityError> {
        let files = files(request)?;
        if let Some(file) = files.iter().find(|file| is_own_place(file.path)) {
            let field = FieldPath::from("files").key(shortened(file.path));
            return Err(taken_place(file.path, field));
        }
        Ok(Self {
            job_name: request.name.as_str(),
            files,
        })
    }

    /// Removes the variables with the contents, which are not in the environment of the program.
    pub(super) fn remove_from(&self, environment: &mut Vec<EnvVar>) {
        environment.retain(|variable| {
            let mut files = self.files.iter();
            !files.any(|file| file.variable.as_str() == variable.name)
        });
    }

    /// Adds the mounts of the files to those of the container.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` where another mount is at the path of a file.
    pub(super) fn add_mounts(&self, mounts: &mut Vec<VolumeMount>) -> Result<(), CapabilityError> {
        let is_taken = |file: &&JobFile<'_>| {
            let mut mounts = mounts.iter();
            mounts.any(|mount| mount.mount_path.trim_end_matches('/') == file.path)
        };
        if let Some(file) = self.files.iter().find(is_taken) {
            let path = shortened(file.path);
            let message = format!("a volume is mounted at `{path}`, which is the path of a file");
            return Err(invalid(message).with_field(FieldPath::from("files").key(path)));
        }
        let mount = |(index, file): (usize, &JobFile<'_>)| VolumeMount {
            name: VOLUME.to_owned(),
            mount_path: file.path.to_owned(),
            sub_path: Some(name_in_volume(index)),
            read_only: Some(true),
            ..VolumeMount::default()
        };
        mounts.extend(self.files.iter().enumerate().map(mount));
        Ok(())
    }

    /// Returns the volume of the files; none where there are none.
    pub(super) fn volume(&self) -> Option<Volume> {
        if self.files.is_empty() {
            return None;
        }
        let item = |(index, file): (usize, &JobFile<'_>)| KeyToPath {
            key: file.variable.as_str().to_owned(),
            mode: Some(MODE),
            path: name_in_volume(index),
        };
        Some(Volume {
            name: VOLUME.to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret_name(self.job_name)),
                items: Some(self.files.iter().enumerate().map(item).collect()),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        })
    }
}

/// The name of a file in the volume: its path in the container may have parts that a volume does not accept.
fn name_in_volume(index: usize) -> String {
    format!("file-{index}")
}

//! What a job runs whose program is in its image.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::value::RawValue;

use crate::config::Text;

/// A program of an image.
#[derive(Debug, Default)]
pub struct ImageProgram {
    /// The command, instead of the image's own.
    pub command: Vec<String>,
    /// The arguments of the command.
    pub args: Vec<String>,
    /// The absolute path of the folder that it runs in, instead of the image's own.
    pub working_directory: Option<String>,
    /// Variables whose values the cluster has, as a list of Kubernetes' `EnvVar`.
    pub variables: Option<Box<RawValue>>,
    /// Files by their absolute paths, as the names of the entries of the job's secret and the contents.
    pub files: BTreeMap<String, (String, Text)>,
}

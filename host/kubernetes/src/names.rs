//! The names of the objects that this engine creates for a job.

use std::collections::BTreeMap;

/// The name of the container that runs the script.
pub(super) const SCRIPT_CONTAINER: &str = "script";
/// The name of the container that joins the parts of a large script.
pub(super) const JOIN_CONTAINER: &str = "noetl-join";
/// The label that assigns a job to a queue of Kueue.
pub(super) const QUEUE_LABEL: &str = "kueue.x-k8s.io/queue-name";
/// The annotation of the pods with the script, where it is not secret.
pub(super) const SCRIPT_ANNOTATION: &str = "noetl.io/script";
/// The annotation of the pods with the arguments, where they are not secret.
pub(super) const ARGUMENTS_ANNOTATION: &str = "noetl.io/arguments";
/// The annotation of a Job that states where its inputs are.
pub(super) const INPUTS_ANNOTATION: &str = "noetl.io/inputs";
/// Its value for a Job that contains all of them. No other object belongs to it.
pub(super) const INPUTS_IN_JOB: &str = "job";
/// The annotations that only the engine may set, as it reads them itself.
pub(super) const OWN_ANNOTATIONS: [&str; 3] =
    [SCRIPT_ANNOTATION, ARGUMENTS_ANNOTATION, INPUTS_ANNOTATION];
/// Separates the name of a job and the number of one of its ConfigMaps.
const CONFIG_MAP_MARK: &str = "-script-";

/// Returns the queue that the labels name, if they do.
pub(super) fn queue_in(labels: Option<&BTreeMap<String, String>>) -> Option<&str> {
    let name = labels?.get(QUEUE_LABEL)?.as_str();
    Some(name).filter(|name| !name.is_empty())
}

/// Returns the name of the Secret of a job. An existing Secret of this name is taken for the job's own, and deleted
/// with it: so it is a name that users do not give to their own Secrets, whatever a job is called.
pub(super) fn secret_name(job_name: &str) -> String {
    format!("{job_name}-toolhost")
}

/// Returns the name of the ConfigMap with a part of the script.
pub(super) fn config_map_name(job_name: &str, index: usize) -> String {
    format!("{job_name}{CONFIG_MAP_MARK}{index:02}")
}

/// Whether it is the name of a ConfigMap with a part of the job's script.
pub(super) fn is_config_map_name(job_name: &str, name: &str) -> bool {
    let number = name
        .strip_prefix(job_name)
        .and_then(|rest| rest.strip_prefix(CONFIG_MAP_MARK));
    let is_number =
        |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.is_some_and(is_number)
}

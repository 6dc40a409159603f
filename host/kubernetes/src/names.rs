//! The names of what this engine makes for a job.

/// The name of the container that runs the script.
pub(super) const SCRIPT_CONTAINER: &str = "script";
/// The name of the container that joins the parts of a large script.
pub(super) const JOIN_CONTAINER: &str = "noetl-join";
/// What stands between the name of a job and the number of a ConfigMap of it.
const CONFIG_MAP_MARK: &str = "-script-";

/// The name of the Secret of a job. A Secret that is there already is taken for the job's own, and deleted with it: so it
/// is a name that nobody gives to a Secret of theirs, whatever a job is called.
pub(super) fn secret_name(job_name: &str) -> String {
    format!("{job_name}-toolhost")
}

/// The name of the ConfigMap with a part of the script.
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

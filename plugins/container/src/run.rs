//! One run, from the configuration to the outcome.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use noetl_job_tool::config::{JobConfig, Text};
use noetl_job_tool::{ImageProgram, JobPlan, Outcome, Profile};
use noetl_tool_sdk::{Context, Error, Host};

use crate::config::{Config, Env};
use crate::environment::{Environment, environment};
use crate::files::{check_variables, files};
use crate::spelling::kubernetes_names;

/// As in NoETL, a program that failed is run again only if the playbook says so.
const PROFILE: Profile = Profile {
    kind: "container",
    backoff_limit: 0,
    keys: "",
    arguments: "input",
};
/// The only restart policy.
const RESTART_POLICY: &str = "Never";

/// Runs the program. All detectable errors in the configuration are reported before anything is started.
///
/// # Errors
///
/// `InvalidRequest` with the path of the value, and the errors of the host unchanged.
pub(crate) fn run(host: &impl Host, config: Config, context: &Context) -> Result<Outcome, Error> {
    check(&config)?;
    let Environment { values, of_cluster } = environment(config.env)?;
    check_variables(&values)?;
    let working_directory = config.working_dir.filter(|path| !path.is_empty());
    let files = files(
        config.files.unwrap_or_default(),
        working_directory.as_deref(),
    )?;
    let program = ImageProgram {
        command: words(config.command),
        args: words(config.args),
        working_directory,
        variables: of_cluster,
        files,
    };
    let job = JobConfig {
        image: Some(config.image),
        image_pull_policy: config.image_pull_policy,
        image_pull_secrets: config.image_pull_secrets,
        namespace: config.namespace,
        command: None,
        env: Some(values),
        auth: config.auth,
        backoff_limit: config.backoff_limit,
        active_deadline_seconds: config.active_deadline_seconds,
        ttl_seconds_after_finished: config.ttl_seconds_after_finished,
        resources: config.resources,
        labels: config.labels,
        annotations: config.annotations,
        service_account_name: config.service_account_name,
        node_selector: config.node_selector,
        tolerations: kubernetes_names("tolerations", config.tolerations)?,
        affinity: config.affinity,
        priority_class_name: config.priority_class_name,
        runtime_class_name: config.runtime_class_name,
        volumes: kubernetes_names("volumes", config.volumes)?,
        volume_mounts: kubernetes_names("volumeMounts", config.volume_mounts)?,
        security_context: config.security_context,
        pod_template: config.pod_template,
    };
    let plan = JobPlan::new(&PROFILE, job, config.input.as_deref(), context)?;
    Ok(plan.run_image(host, program)?.into_outcome())
}

/// Refuses keys that cannot mean anything here.
fn check(config: &Config) -> Result<(), Error> {
    let refused = |key: &str, why: &str, hint: &str| {
        let message = format!("`{key}` is not a key of the container tool: {why}");
        Err(Error::invalid(key, message).with_hint(hint))
    };
    if config.job.is_some() {
        let hint = "write the keys of `job` next to `image`";
        return refused("job", "its own keys are those of the job", hint);
    }
    if config.script.is_some() {
        let why = "it runs a program of the image, and not a script";
        let hint = "use the tool `script`, or pass the script in `files` and run it with `command`";
        return refused("script", why, hint);
    }
    if config.runtime.is_some() {
        let why = "NoETL's Python worker had it, for scripts in containers";
        let hint = "write its keys next to `image`, or use the tool `script`";
        return refused("runtime", why, hint);
    }
    if config.image.trim().is_empty() {
        return Err(Error::invalid("image", "`image` is empty"));
    }
    if let Some(policy) = config.restart_policy.as_deref()
        && policy != RESTART_POLICY
    {
        let message = format!(
            "unsupported `restartPolicy` `{policy}`: each attempt is a pod of its own, with its own log"
        );
        return Err(Error::invalid("restartPolicy", message)
            .with_hint("remove it, and set the number of retries with `backoffLimit`"));
    }
    if config.auth.is_some() && matches!(config.env, Some(Env::List(_))) {
        let message = "`auth` adds variables to `env`, which must be an object then, and is a list";
        return Err(Error::invalid("auth", message).with_hint("write `env` as `NAME: value`"));
    }
    Ok(())
}

/// The words of a command. As in Kubernetes, an empty list means the same as none: the image's own.
fn words(words: Option<Vec<Text>>) -> Vec<String> {
    let words = words.unwrap_or_default().into_iter();
    words.map(|Text(word)| word).collect()
}

//! The options of the job, and the hash that identifies its specification.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use noetl_tool_sdk::{Context, Error, Host, JobSpec, code};
use serde::Serialize;

use crate::config::{JobConfig, PullPolicy, Text, Whole};
use crate::hash::hash;
use crate::image::ImageProgram;
use crate::name::{is_label_value, label_value};
use crate::profile::Profile;
use crate::resources;

/// The image of a job that names none.
pub(crate) const DEFAULT_IMAGE: &str = "python:3.11-slim";
/// The namespace of a job that names none.
const DEFAULT_NAMESPACE: &str = "noetl";
/// Kubernetes keeps these as signed 32-bit numbers, and deadlines as 64-bit ones.
const MAX_INT32: u64 = 2_147_483_647;
const MAX_INT64: u64 = 9_223_372_036_854_775_807;
/// The annotation with the hash of the specification.
const SPEC_HASH: &str = "noetl.io/spec-hash";

/// Options by their names in a Kubernetes Job, each as JSON.
#[derive(Debug, Default)]
pub(crate) struct Options {
    values: Vec<(&'static str, String)>,
    annotations: BTreeMap<String, Text>,
    /// What the paths of the keys begin with.
    keys: &'static str,
}

impl Options {
    /// The options that the configuration asks for, with the defaults and labels of this tool.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with the path of an invalid value.
    pub(crate) fn new(job: JobConfig, profile: &Profile, context: &Context) -> Result<Self, Error> {
        let keys = profile.keys;
        if let Some(resources) = &job.resources {
            resources::check(resources, keys)?;
        }
        let mut options = Self {
            keys,
            ..Self::default()
        };
        options.set("image", &job.image.as_deref().unwrap_or(DEFAULT_IMAGE))?;
        let pull_policy = job.image_pull_policy.unwrap_or(PullPolicy::IfNotPresent);
        options.set("imagePullPolicy", &pull_policy)?;
        let namespace = job.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        options.set("namespace", &namespace)?;
        let backoff_limit = job.backoff_limit.unwrap_or(Whole(profile.backoff_limit));
        options.set_whole("backoffLimit", Some(backoff_limit), 0..=MAX_INT32)?;
        let deadline = job.active_deadline_seconds;
        options.set_whole("activeDeadlineSeconds", deadline, 1..=MAX_INT64)?;
        let time_to_live = job.ttl_seconds_after_finished;
        options.set_whole("ttlSecondsAfterFinished", time_to_live, 0..=MAX_INT32)?;
        if let Some(resources) = &job.resources {
            options.set_optional(
                "resources",
                Some(&ResourcesOption {
                    requests: resources.requests.as_ref(),
                    limits: resources.limits.as_ref(),
                }),
            )?;
        }
        options.set_optional("imagePullSecrets", job.image_pull_secrets.as_ref())?;
        options.set_optional("serviceAccountName", job.service_account_name.as_ref())?;
        options.set_optional("nodeSelector", job.node_selector.as_ref())?;
        options.set_optional("tolerations", job.tolerations.as_ref())?;
        options.set_optional("affinity", job.affinity.as_ref())?;
        options.set_optional("priorityClassName", job.priority_class_name.as_ref())?;
        options.set_optional("runtimeClassName", job.runtime_class_name.as_ref())?;
        options.set_optional("volumes", job.volumes.as_ref())?;
        options.set_optional("volumeMounts", job.volume_mounts.as_ref())?;
        options.set_optional("securityContext", job.security_context.as_ref())?;
        options.set_optional("podTemplate", job.pod_template.as_ref())?;
        options.set(
            "labels",
            &labels(job.labels.unwrap_or_default(), keys, context)?,
        )?;
        options.annotations = job.annotations.unwrap_or_default();
        Ok(options)
    }

    /// Adds the command.
    ///
    /// # Errors
    ///
    /// None in practice: strings can always be written as JSON.
    pub(crate) fn command(&mut self, words: &[String]) -> Result<(), Error> {
        self.set("command", words)
    }

    /// Adds what a program of the image needs, and returns the entries of the secret with the contents of its files.
    ///
    /// # Errors
    ///
    /// None in practice: strings can always be written as JSON.
    pub(crate) fn image_program(
        &mut self,
        program: ImageProgram,
    ) -> Result<Vec<(String, String)>, Error> {
        self.set("imageRequired", &true)?;
        if !program.command.is_empty() {
            self.command(&program.command)?;
        }
        if !program.args.is_empty() {
            self.set("args", &program.args)?;
        }
        self.set_optional("workingDir", program.working_directory.as_ref())?;
        self.set_optional("env", program.variables.as_ref())?;
        if !program.files.is_empty() {
            let names: BTreeMap<_, _> = program
                .files
                .iter()
                .map(|(path, (name, _))| (path, name))
                .collect();
            self.set("files", &names)?;
        }
        let contents = program.files.into_values();
        Ok(contents
            .map(|(name, Text(content))| (name, content))
            .collect())
    }

    /// Sets them in the specification of the job, with a hash of the whole specification.
    ///
    /// The values of the environment are not hashed: secrets could be guessed from a hash in an annotation,
    /// and references to sealed values differ from call to call.
    pub(crate) fn apply<'handles, H: Host>(
        mut self,
        mut spec: JobSpec<'handles, H>,
        script_sha256: &str,
        variables: &[String],
    ) -> JobSpec<'handles, H> {
        let hash = self.hash(script_sha256, variables);
        self.annotations.insert(SPEC_HASH.to_string(), Text(hash));
        for (name, json) in self.values {
            spec = spec.json_option(name, json);
        }
        spec.option("annotations", &self.annotations)
    }

    fn hash(&self, script_sha256: &str, variables: &[String]) -> String {
        let values = self
            .values
            .iter()
            .flat_map(|(name, json)| [*name, json.as_str()]);
        let annotations = self
            .annotations
            .iter()
            .flat_map(|(name, Text(value))| [name.as_str(), value]);
        let variables = variables.iter().map(String::as_str);
        let parts = [script_sha256]
            .into_iter()
            .chain(values)
            .chain(annotations)
            .chain(variables);
        format!("siphash:{:032x}", hash(parts))
    }

    fn set<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        let json = serde_json::to_string(value).map_err(|error| {
            let message = format!("`{}{name}` cannot be written as JSON: {error}", self.keys);
            Error::new(code::INTERNAL, message)
        })?;
        self.values.push((name, json));
        Ok(())
    }

    fn set_optional<T: Serialize>(
        &mut self,
        name: &'static str,
        value: Option<&T>,
    ) -> Result<(), Error> {
        value.map_or(Ok(()), |value| self.set(name, value))
    }

    fn set_whole(
        &mut self,
        name: &'static str,
        value: Option<Whole>,
        range: RangeInclusive<u64>,
    ) -> Result<(), Error> {
        let Some(Whole(number)) = value else {
            return Ok(());
        };
        if !range.contains(&number) {
            let (least, most) = (range.start(), range.end());
            let field = format!("{}{name}", self.keys);
            let message = format!("invalid `{field}` {number}: expected {least} to {most}");
            return Err(Error::invalid(field, message));
        }
        self.set(name, &number)
    }
}

#[derive(Serialize)]
struct ResourcesOption<'config> {
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<&'config BTreeMap<String, Text>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<&'config BTreeMap<String, Text>>,
}

/// The configuration's labels and those by which jobs are found.
fn labels(
    mut labels: BTreeMap<String, Text>,
    keys: &str,
    context: &Context,
) -> Result<BTreeMap<String, Text>, Error> {
    for (name, Text(value)) in &labels {
        if !is_label_value(value) {
            let field = format!("{keys}labels.{name}");
            let message = format!("invalid label value `{value}` of `{field}`");
            return Err(Error::invalid(field, message).with_hint(
                "use at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both \
                 ends",
            ));
        }
    }
    let step = context.step().map(label_value);
    let execution_id = context.execution_id().map(label_value);
    let own = [
        ("app", Some("noetl-script".to_string())),
        ("app.kubernetes.io/name", Some("noetl-script".to_string())),
        ("app.kubernetes.io/managed-by", Some("toolhost".to_string())),
        ("noetl.io/step", step),
        ("noetl.io/execution-id", execution_id),
    ];
    for (name, value) in own {
        let Some(value) = value else { continue };
        if labels.insert(name.to_string(), Text(value)).is_some() {
            let field = format!("{keys}labels.{name}");
            let message = format!("the label `{name}` is set by the tool itself");
            return Err(Error::invalid(field, message).with_hint("use another label"));
        }
    }
    Ok(labels)
}

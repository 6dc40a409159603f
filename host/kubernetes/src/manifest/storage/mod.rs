//! Where the script, the arguments and the environment are stored.
//!
//! Values that are not secret are in the Job itself as long as there is space: the script and the arguments in
//! annotations of its pods, variables as literals. Everything else is in a Secret, and a large script in ConfigMaps.

mod access;
mod capacity;
mod inline;
mod layout;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use toolhost_capability::program::Program;
use toolhost_capability::request::{invalid, shortened};
use toolhost_capability::{
    ARGUMENTS_FIELD, ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, CapabilityError, JobRequest,
    Reason, SCRIPT_VARIABLE,
};

use self::layout::{Arguments, SCRIPT_DIRECTORY, SCRIPT_OBJECT_BYTES};

pub(super) use self::inline::Inline;
pub(super) use self::layout::{
    ARGUMENTS_PATH, MOUNT_ROOT, Placement, SCRIPT_KEY, Storage, VOLUME_PREFIX, config_map_data,
};

/// The key of arguments in the Secret that are too large for a variable.
const LARGE_ARGUMENTS_KEY: &str = "noetl.arguments";

/// Maximum size of a Secret: what the API server checks (`MaxSecretSize`), over all values.
const MAX_SECRET_BYTES: usize = 1_048_576;
/// Maximum size of a script: etcd, which stores every object of the cluster, is not a file store.
const MAX_SCRIPT_BYTES: usize = 16 << 20;

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
    pub(in crate::manifest) fn new(
        request: &JobRequest,
        program: &Program,
        mut inline: Inline<'_>,
    ) -> Result<Self, CapabilityError> {
        let mut paths = BTreeMap::from([(ARGUMENTS_FILE_VARIABLE, ARGUMENTS_PATH.to_owned())]);
        if let Some(path) = script_path(request)? {
            paths.insert(SCRIPT_VARIABLE, path);
        }
        let arguments_key = if program.has_large_arguments() {
            paths.insert(ARGUMENTS_VARIABLE, format!("@{ARGUMENTS_PATH}"));
            LARGE_ARGUMENTS_KEY
        } else {
            ARGUMENTS_VARIABLE
        };
        let mut secret = Vec::new();
        for (name, value) in program.environment() {
            let is_own = paths.contains_key(name.as_str()) || name == ARGUMENTS_VARIABLE;
            if !is_own && !inline.takes_variable(name, value) {
                secret.push((name.clone(), value.clone()));
            }
        }
        let content = program.arguments();
        let arguments = if inline.takes_arguments(content) {
            check_size(&secret, 0)?;
            Arguments::Annotation
        } else {
            check_size(&secret, content.expose_secret().len())?;
            secret.push((arguments_key.to_owned(), content.clone()));
            Arguments::Secret(arguments_key)
        };
        let script = request.script.as_ref();
        let placement = match script.map(|script| &script.content) {
            None => Placement::Nowhere,
            Some(content) if inline.takes_script(content) => Placement::Annotation,
            Some(content) => outside(content.len(), total_bytes(&secret)),
        };
        Ok(Self {
            secret,
            paths,
            placement,
            arguments,
            is_in_job: inline.is_all(),
            explanation: inline.explanation(),
            job_name: request.name.to_string(),
            file_name: script.map_or_else(String::new, |script| script.file_name.to_string()),
            variables: inline.variables,
            annotations: inline.annotations,
        })
    }
}

/// Returns the location of a script that is not in the Job, next to entries of this size in the Secret.
fn outside(script: usize, secret: usize) -> Placement {
    if script + secret <= SCRIPT_OBJECT_BYTES {
        Placement::Secret
    } else if script <= SCRIPT_OBJECT_BYTES {
        Placement::ConfigMap
    } else {
        Placement::Parts(script.div_ceil(SCRIPT_OBJECT_BYTES))
    }
}

fn check_size(
    variables: &[(String, SecretString)],
    arguments: usize,
) -> Result<(), CapabilityError> {
    let variables = total_bytes(variables);
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

fn total_bytes(entries: &[(String, SecretString)]) -> usize {
    let sizes = entries.iter().map(|(_, value)| value.expose_secret().len());
    sizes.sum()
}

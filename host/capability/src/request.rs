//! Validation that is shared by all engines, before anything exists.

use secrecy::ExposeSecret;
use serde_json::Value;

use super::controller::MAX_BACKOFF_LIMIT;
use crate::files::{FILES_OPTION, is_content_of_file};
pub use crate::text::shortened;
use crate::text::{all_of, did_you_mean};
use crate::{CapabilityError, FieldPath, Hint, JobRequest, Reason, Setting};

/// Options of a container that have no meaning for an engine without containers, and that it accepts so that one
/// playbook runs on every engine.
pub const CONTAINER_OPTIONS: [&str; 15] = [
    "affinity",
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "namespace",
    "nodeSelector",
    "podTemplate",
    "priorityClassName",
    "runtimeClassName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
    "ttlSecondsAfterFinished",
    "volumeMounts",
    "volumes",
];

/// Options that determine what runs in a container, in addition to [`CONTAINER_OPTIONS`]: an engine without container images
/// refuses a job with one of them.
pub const IMAGE_OPTIONS: [&str; 5] = ["args", "env", "files", IMAGE_REQUIRED, "workingDir"];
/// The option of a job whose program is in its image: `true` for a job that must not run on an engine without images, and
/// whose command may be empty, which means the image's own.
pub const IMAGE_REQUIRED: &str = "imageRequired";

/// Maximum length of one `NAME=value` on Linux, including its end (`MAX_ARG_STRLEN`).
const MAX_VARIABLE_BYTES: usize = 131_072;

/// Checks what does not depend on the engine, and that all options are known.
///
/// # Errors
///
/// [`Reason::InvalidRequest`], [`Reason::Unsupported`], [`Reason::TooLarge`].
pub fn check(
    request: &JobRequest,
    engine: &str,
    known_options: &[&str],
) -> Result<(), CapabilityError> {
    let unknown = |name: &&String| !known_options.contains(&name.as_str());
    let unknown: Vec<_> = request.options.keys().filter(unknown).collect();
    let of_images = |name: &&&String| IMAGE_OPTIONS.contains(&name.as_str());
    if let Some(name) = unknown.iter().find(of_images) {
        let is_required = unknown.iter().any(|name| *name == IMAGE_REQUIRED);
        return Err(no_images(
            if is_required { IMAGE_REQUIRED } else { name },
            engine,
        ));
    }
    let is_of_image = request.options.get(IMAGE_REQUIRED) == Some(&Value::Bool(true));
    if !(is_of_image && request.command.is_empty()) {
        check_command(&request.command)?;
    }
    check_environment(request)?;
    if request.backoff_limit > MAX_BACKOFF_LIMIT {
        let limit = request.backoff_limit;
        return Err(invalid(format!(
            "`backoffLimit` is {limit}, more than {MAX_BACKOFF_LIMIT}"
        ))
        .with_field("backoffLimit"));
    }
    match unknown.first() {
        Some(name) => Err(unknown_option(name, engine, known_options)),
        None => Ok(()),
    }
}

/// Creates the error of an invalid request.
pub fn invalid(message: impl Into<String>) -> CapabilityError {
    CapabilityError::new(Reason::InvalidRequest, message)
}

/// Creates the error of a job whose name is in use.
#[must_use]
pub fn conflict(name: &str) -> CapabilityError {
    CapabilityError::new(Reason::Conflict, format!("a job named `{name}` is running"))
        .with_hint("wait until it has ended, cancel it, or use another name")
        .retryable()
}

fn check_command(command: &[String]) -> Result<(), CapabilityError> {
    match command.first() {
        None => return Err(invalid("the job has no command")),
        Some(program) if program.is_empty() => {
            return Err(invalid("the job's command begins with an empty text"));
        }
        Some(_) => {}
    }
    match command.iter().position(|part| part.contains('\0')) {
        Some(index) => Err(invalid(format!(
            "part {index} of the job's command contains a NUL character"
        ))),
        None => Ok(()),
    }
}

fn check_environment(request: &JobRequest) -> Result<(), CapabilityError> {
    let files = request.options.get(FILES_OPTION);
    for (name, value) in &request.environment {
        let name = name.as_str();
        if is_content_of_file(files, name) {
            continue;
        }
        let field = || FieldPath::from("environment").key(shortened(name));
        if value.expose_secret().contains('\0') {
            return Err(invalid(format!(
                "the environment variable `{name}` contains a NUL character"
            ))
            .with_field(field()));
        }
        // Arguments are the exception: beyond their own limit they are stored in a file.
        let size = name.len() + value.expose_secret().len() + "=\0".len();
        if size > MAX_VARIABLE_BYTES && name != crate::ARGUMENTS_VARIABLE {
            return Err(CapabilityError::new(
                Reason::TooLarge,
                format!(
                    "the environment variable `{name}` takes {size} bytes, more than the \
                     {MAX_VARIABLE_BYTES} that Linux allows"
                ),
            )
            .with_hint(
                Hint::from("pass large values as ")
                    .field(crate::ARGUMENTS_FIELD)
                    .text(": those may be in a file"),
            )
            .with_field(field()));
        }
    }
    Ok(())
}

fn no_images(option: &str, engine: &str) -> CapabilityError {
    let field = if option == IMAGE_REQUIRED {
        "image"
    } else {
        option
    };
    let message = format!(
        "`{field}` needs an engine with container images, and the engine `{engine}` runs programs of this machine"
    );
    CapabilityError::new(Reason::Unsupported, message)
        .with_hint(Hint::from("use the engine `kubernetes`").setting(Setting::Engine))
        .with_field(FieldPath::default().key(field.to_owned()))
}

fn unknown_option(name: &str, engine: &str, known: &[&str]) -> CapabilityError {
    let name = shortened(name);
    let hint = did_you_mean(&name, known.iter().copied()).map_or_else(
        || format!("expected {}", all_of(known)),
        |meant| format!("did you mean `{meant}`?"),
    );
    CapabilityError::new(
        Reason::Unsupported,
        format!("the engine `{engine}` does not know the option `{name}`"),
    )
    .with_hint(hint)
    .with_field(FieldPath::default().key(name))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    fn request() -> JobRequest {
        JobRequest::new("job".parse().unwrap(), vec!["sh".to_owned()])
    }

    fn refusal(change: impl FnOnce(&mut JobRequest)) -> CapabilityError {
        let mut request = request();
        change(&mut request);
        check(&request, "test", &CONTAINER_OPTIONS).unwrap_err()
    }

    #[test]
    fn takes_a_plain_request() {
        assert_eq!(check(&request(), "test", &CONTAINER_OPTIONS), Ok(()));
    }

    #[test]
    fn refuses_values_that_no_program_could_get_and_shows_none() {
        for (value, reason) in [
            ("hunter2\0".to_owned(), Reason::InvalidRequest),
            ("hunter2".repeat(20_000), Reason::TooLarge),
        ] {
            let entry = ("A".parse().unwrap(), SecretString::from(value));
            let error = refusal(|request| request.environment.push(entry));
            assert_eq!(error.explanation.reason, reason);
            assert_eq!(
                error.explanation.field_text().as_deref(),
                Some("environment.A")
            );
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn refuses_an_unknown_option_and_says_what_may_be_meant() {
        let error = refusal(|request| {
            request
                .options
                .insert("imagePulPolicy".to_owned(), json!("Always"));
        });
        assert_eq!(error.explanation.reason, Reason::Unsupported);
        assert!(error.explanation.message.contains("`imagePulPolicy`"));
        assert_eq!(
            error.explanation.hint_text().as_deref(),
            Some("did you mean `imagePullPolicy`?")
        );
    }

    #[test]
    fn a_job_of_an_image_is_refused_by_an_engine_without_images() {
        for (option, value, field) in [
            (IMAGE_REQUIRED, json!(true), "image"),
            ("workingDir", json!("/work"), "workingDir"),
        ] {
            let error = refusal(|request| {
                request.command.clear();
                request.options.insert("args".to_owned(), json!(["a"]));
                request
                    .options
                    .remove(if field == "image" { "" } else { "args" });
                request.options.insert(option.to_owned(), value);
            });
            assert_eq!(error.explanation.reason, Reason::Unsupported);
            assert_eq!(error.explanation.field_text().as_deref(), Some(field));
            let message = format!("`{field}` needs an engine with container images");
            assert!(error.explanation.message.contains(&message), "{error:?}");
        }
    }

    #[test]
    fn only_a_job_of_an_image_may_have_no_command() {
        let known = [&CONTAINER_OPTIONS[..], &IMAGE_OPTIONS].concat();
        let mut request = request();
        request.command.clear();
        for (is_required, is_valid) in [(json!(true), true), (json!(false), false)] {
            request
                .options
                .insert(IMAGE_REQUIRED.to_owned(), is_required);
            assert_eq!(check(&request, "test", &known).is_ok(), is_valid);
        }
    }

    #[test]
    fn a_content_of_a_file_is_not_a_variable() {
        let known = [&CONTAINER_OPTIONS[..], &IMAGE_OPTIONS].concat();
        let mut request = request();
        let content = "x".repeat(MAX_VARIABLE_BYTES) + "\0";
        request
            .environment
            .push(("A".parse().unwrap(), content.into()));
        assert!(check(&request, "test", &known).is_err());
        request
            .options
            .insert(FILES_OPTION.to_owned(), json!({"/a": "A"}));
        assert_eq!(check(&request, "test", &known), Ok(()));
    }

    #[test]
    fn refuses_more_retries_than_anyone_waits_for() {
        let error = refusal(|request| request.backoff_limit = MAX_BACKOFF_LIMIT + 1);
        assert_eq!(
            error.explanation.field_text().as_deref(),
            Some("backoffLimit")
        );
    }

    #[test]
    fn refuses_a_job_without_a_command() {
        for command in [vec![], vec![String::new()], vec!["a\0".to_owned()]] {
            let error = refusal(|request| request.command = command);
            assert_eq!(error.explanation.reason, Reason::InvalidRequest);
        }
    }
}

//! Files of a job with an image, in addition to its script.

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde_json::Value;

use crate::text::shortened;
use crate::{
    ARGUMENTS_VARIABLE, CapabilityError, FieldPath, JobRequest, Reason, SCRIPT_VARIABLE,
    VariableName,
};

/// The option with the files: an object of absolute paths, each with the name of the variable of the environment whose
/// value is the content. Such a variable is not set in the environment of the program.
///
/// So contents are secret as the environment is, and may be opened from sealed values.
pub const FILES_OPTION: &str = "files";
/// Maximum number of files of a job. Each is a mount of its own, in the Job and in each of its pods.
pub const MAX_FILES: usize = 64;
/// Maximum length of a path: that of Linux, with its end (`PATH_MAX`).
const MAX_PATH_BYTES: usize = 4095;
/// Maximum length of a part of a path on Linux (`NAME_MAX`).
const MAX_NAME_BYTES: usize = 255;

/// A file of a job.
///
/// `Debug` is safe: the content is not shown.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobFile<'request> {
    /// The absolute path in the container, without `.`, `..` and repeated slashes.
    pub path: &'request str,
    /// The variable with the content.
    pub variable: &'request VariableName,
    /// The content.
    pub content: &'request SecretString,
}

/// Returns the files of the request in the order of their paths.
///
/// # Errors
///
/// [`Reason::InvalidRequest`] with the path of the file below `files`, for a path that no file can have, that of another
/// file's folder, and a variable that the environment does not have.
pub fn files(request: &JobRequest) -> Result<Vec<JobFile<'_>>, CapabilityError> {
    let members = match request.options.get(FILES_OPTION) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => {
            return Err(invalid("invalid `files`: expected an object of paths")
                .with_field(FieldPath::from(FILES_OPTION)));
        }
    };
    if members.len() > MAX_FILES {
        let count = members.len();
        let message = format!("the job has {count} files, more than {MAX_FILES}");
        return Err(CapabilityError::new(Reason::TooLarge, message)
            .with_hint("put files into the image or a volume, or pack them into one")
            .with_field(FieldPath::from(FILES_OPTION)));
    }
    let mut variables = BTreeSet::new();
    let mut files = Vec::with_capacity(members.len());
    for (path, variable) in members {
        check_path(path)?;
        let name = variable.as_str().unwrap_or_default();
        // The last one of a name is the value, as in the environment.
        let mut environment = request.environment.iter().rev();
        let entry = environment.find(|(known, _)| known.as_str() == name);
        let is_own = [ARGUMENTS_VARIABLE, SCRIPT_VARIABLE].contains(&name);
        let Some((variable, content)) = entry.filter(|_| !is_own && variables.insert(name)) else {
            let message = format!(
                "invalid content of the file `{}`: expected the name of a variable of the environment that is for this \
                 file alone",
                shortened(path)
            );
            return Err(refused(path, message));
        };
        files.push(JobFile {
            path,
            variable,
            content,
        });
    }
    files.sort_by_key(|file| file.path);
    check_folders(&files)?;
    Ok(files)
}

/// Whether the variable is the content of a file of the option.
pub(crate) fn is_content_of_file(option: Option<&Value>, variable: &str) -> bool {
    let members = option.and_then(Value::as_object);
    // A request with more files is refused.
    let mut variables = members
        .into_iter()
        .flat_map(serde_json::Map::values)
        .take(MAX_FILES);
    variables.any(|known| known.as_str() == Some(variable))
}

fn check_path(path: &str) -> Result<(), CapabilityError> {
    let parts = path.strip_prefix('/').map(|rest| rest.split('/'));
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= MAX_NAME_BYTES;
    // Kubernetes separates paths with `:`.
    let is_fit = |character: char| !character.is_control() && character != ':';
    let is_path = parts.is_some_and(|mut parts| parts.all(is_name))
        && path.len() <= MAX_PATH_BYTES
        && path.chars().all(is_fit);
    if is_path {
        return Ok(());
    }
    let message = format!(
        "invalid path `{}` of a file: expected an absolute path without `.`, `..`, `:` and repeated slashes",
        shortened(path)
    );
    Err(refused(path, message))
}

/// A file cannot be the folder of another. The files are in the order of their paths.
fn check_folders(files: &[JobFile<'_>]) -> Result<(), CapabilityError> {
    let paths: BTreeSet<_> = files.iter().map(|file| file.path).collect();
    for file in files {
        let mut folders = file
            .path
            .match_indices('/')
            .filter_map(|(at, _)| file.path.get(..at));
        if let Some(folder) = folders.find(|folder| paths.contains(folder)) {
            let (path, folder) = (shortened(file.path), shortened(folder));
            let message = format!("the file `{path}` is below `{folder}`, which is a file as well");
            return Err(refused(file.path, message));
        }
    }
    Ok(())
}

fn refused(path: &str, message: String) -> CapabilityError {
    let field = FieldPath::from(FILES_OPTION).key(shortened(path));
    invalid(message).with_field(field)
}

fn invalid(message: impl Into<String>) -> CapabilityError {
    CapabilityError::new(Reason::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;

    fn request(files: Value) -> JobRequest {
        let mut request = JobRequest::new("job".parse().unwrap(), Vec::new());
        request.environment = ["A", "B", "NOETL_ARGS"]
            .map(|name| (name.parse().unwrap(), format!("content of {name}").into()))
            .into();
        request.options.insert(FILES_OPTION.to_owned(), files);
        request
    }

    #[test]
    fn files_have_the_values_of_their_variables() {
        let request = request(json!({"/etc/b.yaml": "B", "/etc/a b/ä": "A"}));
        let files = files(&request).unwrap();
        let seen: Vec<_> = files
            .iter()
            .map(|file| (file.path, file.content.expose_secret()))
            .collect();
        let expected = [
            ("/etc/a b/ä", "content of A"),
            ("/etc/b.yaml", "content of B"),
        ];
        assert_eq!(seen, expected);
        let none = JobRequest::new("job".parse().unwrap(), Vec::new());
        assert!(super::files(&none).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_a_file_is_refused_by_its_path() {
        let long = format!("/{}", "x".repeat(256));
        for path in [
            "", "/", "a", "a/b", "/a/", "/a//b", "/./a", "/a/..", "/a:b", "/a\nb", "/a\0", &long,
        ] {
            let error = files(&request(json!({path: "A"}))).unwrap_err();
            assert_eq!(error.explanation.reason, Reason::InvalidRequest, "{path}");
            let field = error.explanation.field.unwrap();
            assert_eq!(field.segments().len(), 2, "{path}");
        }
    }

    #[test]
    fn a_content_is_the_variable_of_one_file() {
        for wrong in [
            json!({"/a": "C"}),
            json!({"/a": "NOETL_ARGS"}),
            json!({"/a": 1}),
            json!({"/a": "A", "/b": "A"}),
            json!({"/a": "A", "/a/b": "B"}),
            json!(["/a"]),
        ] {
            let error = files(&request(wrong.clone())).unwrap_err();
            assert_eq!(error.explanation.reason, Reason::InvalidRequest, "{wrong}");
        }
    }

    #[test]
    fn the_number_of_files_is_bounded() {
        let many: serde_json::Map<_, _> = (0..=MAX_FILES)
            .map(|index| (format!("/{index}"), json!("A")))
            .collect();
        let error = files(&request(Value::Object(many))).unwrap_err();
        assert_eq!(error.explanation.reason, Reason::TooLarge);
    }
}

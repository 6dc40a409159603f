//! The files of the container.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use noetl_job_tool::config::Text;
use noetl_tool_sdk::Error;

/// What the names of the secret's entries with contents of files begin with.
const ENTRY_PREFIX: &str = "NOETL_FILE_";

/// The files by their absolute paths, with the names of the secret's entries that their contents become.
///
/// # Errors
///
/// `InvalidRequest` for a relative path without a working directory, and for two paths of the same file. The engine
/// checks everything else.
pub(crate) fn files(
    files: BTreeMap<String, Text>,
    working_directory: Option<&str>,
) -> Result<BTreeMap<String, (String, Text)>, Error> {
    let mut absolute = BTreeMap::new();
    for (index, (path, content)) in files.into_iter().enumerate() {
        let field = || format!("files.{path}");
        let whole = match (path.starts_with('/'), working_directory) {
            (true, _) => path.clone(),
            (false, Some(folder)) => {
                let folder = folder.trim_end_matches('/');
                format!("{folder}/{}", path.strip_prefix("./").unwrap_or(&path))
            }
            (false, None) => {
                let message = format!("the path `{path}` of a file is not absolute");
                return Err(Error::invalid(field(), message)
                    .with_hint("begin it with `/`, or set `workingDir`, which it is then below"));
            }
        };
        let entry = (format!("{ENTRY_PREFIX}{index}"), content);
        if absolute.insert(whole, entry).is_some() {
            let message = format!("the path `{path}` is that of another file");
            return Err(Error::invalid(field(), message));
        }
    }
    Ok(absolute)
}

/// Checks that no variable has the name of such an entry.
///
/// # Errors
///
/// `InvalidRequest` with the path of the variable.
pub(crate) fn check_variables(variables: &BTreeMap<String, Text>) -> Result<(), Error> {
    let mut names = variables.keys();
    let Some(name) = names.find(|name| name.starts_with(ENTRY_PREFIX)) else {
        return Ok(());
    };
    let message = format!("names that begin with `{ENTRY_PREFIX}` are reserved for `files`");
    Err(Error::invalid(format!("env.{name}"), message).with_hint("use another name"))
}

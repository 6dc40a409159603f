use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::capability::{CapabilityError, Hint, PROGRAM_FIELD, Reason};

/// Returns the path of the program of a command, searched for as in the kernel and a shell.
///
/// # Errors
///
/// [`Reason::InterpreterMissing`].
pub(super) fn find_program(program: &str, search_path: &str) -> Result<PathBuf, CapabilityError> {
    let found = if program.contains('/') {
        // The new working directory is empty, so that a relative path cannot be right.
        Some(PathBuf::from(program)).filter(|path| path.is_absolute() && is_executable(path))
    } else {
        // Relative entries would lead to the working directory, which the script controls.
        std::env::split_paths(search_path)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(program))
            .find(|path| is_executable(path))
    };
    found.ok_or_else(|| missing(program))
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

fn missing(program: &str) -> CapabilityError {
    let (message, hint) = if program.contains('/') {
        (
            format!("the program `{program}` does not exist, or is not executable"),
            Hint::from("specify its absolute path, or only its name to search for it in PATH"),
        )
    } else {
        (
            format!("the program `{program}` is not installed, or not in PATH"),
            Hint::from(format!("install `{program}`, or set "))
                .field(PROGRAM_FIELD)
                .text(" to a program that is"),
        )
    };
    CapabilityError::new(Reason::InterpreterMissing, message)
        .with_hint(hint)
        .with_field(PROGRAM_FIELD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_only_in_an_absolute_entry() {
        let path = find_program("sh", "::relative:/nowhere:/bin:/usr/bin").unwrap();
        assert_eq!(path, Path::new("/bin/sh"));
        let error = find_program("sh", "bin:.:").unwrap_err();
        assert_eq!(error.explanation.reason, Reason::InterpreterMissing);
    }

    #[test]
    fn a_path_is_used_as_it_is() {
        assert_eq!(find_program("/bin/sh", "").unwrap(), Path::new("/bin/sh"));
        for missing in ["/bin/no-such-program", "./sh", "/bin"] {
            let error = find_program(missing, "/bin").unwrap_err();
            assert!(error.explanation.message.contains(missing));
        }
    }

    #[test]
    fn the_missing_program_and_the_fix_are_named() {
        let error = find_program("no-such-program", "/bin").unwrap_err();
        assert!(error.explanation.message.contains("`no-such-program`"));
        let field = error.explanation.field_text();
        assert_eq!(field.as_deref(), Some("command[0]"));
        assert!(
            error
                .explanation
                .hint_text()
                .unwrap()
                .contains("set `command[0]`")
        );
    }
}

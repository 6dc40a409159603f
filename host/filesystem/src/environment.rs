use std::ffi::OsString;
use std::path::PathBuf;

/// The folder for temporary files if the environment does not name one.
const TEMPORARY_DIRECTORY: &str = "/tmp";

/// The path in an environment variable such as `HOME`; `None` if it is empty or relative.
///
/// A relative path would be a folder below the current one, such as an unpacked archive, whose content is
/// from someone else. The XDG base directory specification requires the same.
#[must_use]
pub fn absolute(variable: Option<OsString>) -> Option<PathBuf> {
    variable
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// The system's folder for temporary files: `TMPDIR` if it is absolute.
#[must_use]
pub fn temporary_directory() -> PathBuf {
    absolute(Some(std::env::temp_dir().into()))
        .unwrap_or_else(|| PathBuf::from(TEMPORARY_DIRECTORY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignores_an_empty_or_relative_path() {
        let path = |text: &str| absolute(Some(text.into()));
        assert_eq!(path("/home/me"), Some(PathBuf::from("/home/me")));
        for text in ["", ".", "cache", "~/cache", "../home"] {
            assert_eq!(path(text), None, "{text}");
        }
        assert_eq!(absolute(None), None);
    }
}

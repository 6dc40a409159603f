use std::ffi::OsString;
use std::path::PathBuf;

/// Where temporary files go on systems whose environment does not say.
const TEMPORARY_DIRECTORY: &str = "/tmp";

/// The path in an environment variable such as `HOME`; none where it is empty or relative.
///
/// A relative path would be a folder of wherever the program was started, such as an unpacked archive, and
/// what lies there was put there by somebody else. The XDG base directory specification asks for the same.
#[must_use]
pub fn absolute(variable: Option<OsString>) -> Option<PathBuf> {
    variable
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// The system's folder for temporary files: `TMPDIR` where it is absolute.
#[must_use]
pub fn temporary_directory() -> PathBuf {
    absolute(Some(std::env::temp_dir().into()))
        .unwrap_or_else(|| PathBuf::from(TEMPORARY_DIRECTORY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_relative_path_is_none() {
        let path = |text: &str| absolute(Some(text.into()));
        assert_eq!(path("/home/me"), Some(PathBuf::from("/home/me")));
        for text in ["", ".", "cache", "~/cache", "../home"] {
            assert_eq!(path(text), None, "{text}");
        }
        assert_eq!(absolute(None), None);
    }
}

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use super::text::shortened;
use super::{CapabilityError, Reason};

/// Why a text is not a valid name. It contains the text in a form for messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is not a valid name of a job.
    #[error("invalid job name `{0}`: expected a DNS label of at most {max} characters", max = JobName::MAX_BYTES)]
    Job(String),
    /// It is not a valid name of a file.
    #[error(
        "invalid file name `{0}`: expected at most {max} bytes without `/`, `\\` and NUL, other than `.` and `..`",
        max = FileName::MAX_BYTES
    )]
    File(String),
    /// It is not a valid name of an environment variable.
    #[error(
        "invalid variable name `{0}`: expected letters, digits and `_`, not beginning with a digit"
    )]
    Variable(String),
}

/// Defines a name: a text that was validated when it was created.
macro_rules! define_name {
    ($(#[$documentation:meta])* $Name:ident, $Variant:ident, $is_valid:ident) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(String);

        impl $Name {
            /// Returns the name as a text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $Name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                if $is_valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(NameError::$Variant(shortened(&text)))
                }
            }
        }

        impl FromStr for $Name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$Name> for String {
            fn from(name: $Name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $Name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $Name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $Name {
            fn eq(&self, text: &str) -> bool {
                self.0 == text
            }
        }

        impl PartialEq<&str> for $Name {
            fn eq(&self, text: &&str) -> bool {
                self.0 == *text
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

define_name!(
    /// The name of a job: a DNS label of at most [`MAX_BYTES`](Self::MAX_BYTES).
    ///
    /// ```
    /// use toolhost_capability::JobName;
    ///
    /// let name: JobName = "script-greet-1".parse()?;
    /// assert_eq!(name.as_str(), "script-greet-1");
    /// assert!("../etc".parse::<JobName>().is_err());
    /// # Ok::<_, toolhost_capability::NameError>(())
    /// ```
    JobName, Job, is_job_name
);
define_name!(
    /// The name of a file without a path, at most [`MAX_BYTES`](Self::MAX_BYTES) long.
    FileName, File, is_file_name
);
define_name!(
    /// The name of an environment variable that every shell can refer to.
    VariableName, Variable, is_variable_name
);

impl JobName {
    /// Maximum length of the name: Kubernetes uses it in a label of at most 63 bytes, with a pod's suffix of up to 11.
    pub const MAX_BYTES: usize = 52;
}

impl FileName {
    /// Maximum length of the name of a file on Linux (`NAME_MAX`), and on the other systems that run scripts.
    pub const MAX_BYTES: usize = 255;
}

impl From<NameError> for CapabilityError {
    fn from(error: NameError) -> Self {
        let hint = match error {
            NameError::Job(_) => Some(
                "use lowercase letters, digits and `-`, beginning and ending with a letter or digit",
            ),
            NameError::File(_) | NameError::Variable(_) => None,
        };
        let converted = Self::new(Reason::InvalidRequest, error.to_string());
        match hint {
            Some(hint) => converted.with_hint(hint),
            None => converted,
        }
    }
}

fn is_job_name(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().next_back()];
    text.len() <= JobName::MAX_BYTES
        && text
            .bytes()
            .all(|byte| byte == b'-' || is_alphanumeric(byte))
        && ends.iter().all(|end| end.is_some_and(is_alphanumeric))
}

fn is_file_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text.len() <= FileName::MAX_BYTES
        && !text.contains(['/', '\\', '\0'])
}

fn is_variable_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(is_letter)
        && text
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_a_name() {
        let longest = "a".repeat(JobName::MAX_BYTES);
        for name in [
            "a",
            "0",
            "script-greet-522095307073519743",
            "a--b",
            &longest,
        ] {
            assert_eq!(name.parse::<JobName>().unwrap().as_str(), name);
        }
        let longest = "a".repeat(FileName::MAX_BYTES);
        for name in ["a", "..data", "a b.py", "main.py", "-rf", "ü.sh", &longest] {
            assert_eq!(name.parse::<FileName>().unwrap().as_str(), name);
        }
        for name in ["A", "_", "_1", "NOETL_ARGS", "a_B9"] {
            assert_eq!(name.parse::<VariableName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn an_error_states_what_is_expected() {
        let long = "a".repeat(53);
        for name in ["", "-a", "a-", "A", "../x", "a_b", "a.b", "ä", "a\n", &long] {
            let error = name.parse::<JobName>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "invalid job name `{}`: expected a DNS label of at most 52 characters",
                    shortened(name)
                )
            );
        }
        let long = "a".repeat(256);
        for name in ["", ".", "..", "a/b", "/etc/passwd", "a\\b", "a\0", &long] {
            let error = name.parse::<FileName>().unwrap_err().to_string();
            assert!(error.starts_with("invalid file name `"), "{error}");
        }
        for name in ["", "1A", "A-B", "A.B", "A B", "A=B", "Ä", "A\0"] {
            let error = name.parse::<VariableName>().unwrap_err().to_string();
            assert!(error.starts_with("invalid variable name `"), "{error}");
        }
    }

    #[test]
    fn keeps_a_long_text_out_of_messages() {
        let error = "x/".repeat(10_000).parse::<FileName>().unwrap_err();
        assert!(error.to_string().len() < 250, "{error}");
        let error = CapabilityError::from(error);
        assert_eq!(error.explanation.reason, Reason::InvalidRequest);
        assert!(!error.retryable);
    }
}

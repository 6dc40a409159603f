use alloc::string::String;

/// A named value for a job's environment. References to sealed values in it are opened by the host
/// when the job is created.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretEntry {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) format: &'static str,
}

impl SecretEntry {
    /// A value in which sealed references are replaced with their values as text.
    #[must_use]
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            format: "text",
        }
    }

    /// A JSON document in which sealed references are replaced with JSON values.
    #[must_use]
    pub fn json(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            format: "json",
        }
    }

    /// The name of the environment variable.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value as it was given.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// `text` or `json`.
    #[must_use]
    pub fn format(&self) -> &str {
        self.format
    }
}

/// Whether a host takes the name for an entry of a secret: that of an environment variable to which every shell can
/// refer.
#[must_use]
pub fn is_variable_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

impl core::fmt::Debug for SecretEntry {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("SecretEntry")
            .field("name", &self.name)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

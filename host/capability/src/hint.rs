use std::borrow::Cow;
use std::fmt;

use super::FieldPath;

/// How to fix something: a text that names values to change by their paths.
///
/// An engine or a source names the values of the request that it got. A host replaces them with the keys of the tool that
/// made the request ([`map_fields`](Self::map_fields)), and adds how its own settings are set
/// ([`name_settings`](Self::name_settings)).
///
/// ```
/// use toolhost_capability::Hint;
///
/// let hint = Hint::from("set ").field("image").text(", for instance to `python:3.11-slim`");
/// assert_eq!(hint.to_string(), "set `image`, for instance to `python:3.11-slim`");
/// let hint = hint.map_fields(|field| Some(field.within("job"))).unwrap();
/// assert_eq!(hint.to_string(), "set `job.image`, for instance to `python:3.11-slim`");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Cow<'static, str>),
    Field(FieldPath),
    Setting(Setting),
}

/// What the operator of a host sets, and not the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// The kubeconfig file.
    Kubeconfig,
    /// The context of the kubeconfig file.
    KubeContext,
    /// The file with the credentials.
    Credentials,
    /// The folder whose files may be read.
    Workspace,
    /// The folders that tools are loaded from.
    Tools,
    /// The engine that runs jobs.
    Engine,
}

impl Hint {
    /// Adds text.
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Adds the path of a value of the request, which is shown between backticks.
    #[must_use]
    pub fn field(mut self, field: impl Into<FieldPath>) -> Self {
        self.parts.push(Part::Field(field.into()));
        self
    }

    /// Adds how a setting of the host is set. This is not shown unless [`name_settings`](Self::name_settings) names it.
    #[must_use]
    pub fn setting(mut self, setting: Setting) -> Self {
        self.parts.push(Part::Setting(setting));
        self
    }

    /// Replaces each path; `None` if one of them has no replacement, since a hint without it would not be a sentence.
    #[must_use]
    pub fn map_fields(self, map: impl Fn(FieldPath) -> Option<FieldPath>) -> Option<Self> {
        let parts = self.parts.into_iter().map(|part| match part {
            Part::Field(field) => map(field).map(Part::Field),
            other => Some(other),
        });
        let parts = parts.collect::<Option<_>>()?;
        Some(Self { parts })
    }

    /// Adds how each setting is set, such as "with `--credentials FILE`", where `name` knows it.
    #[must_use]
    pub fn name_settings(mut self, name: impl Fn(Setting) -> Option<&'static str>) -> Self {
        for part in &mut self.parts {
            let Part::Setting(setting) = part else {
                continue;
            };
            if let Some(name) = name(*setting) {
                *part = Part::Text(Cow::Owned(format!(" {name}")));
            }
        }
        self
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => formatter.write_str(text)?,
                Part::Field(field) => write!(formatter, "`{field}`")?,
                Part::Setting(_) => {}
            }
        }
        Ok(())
    }
}

impl From<&'static str> for Hint {
    fn from(text: &'static str) -> Self {
        Self::default().text(text)
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self::default().text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_a_sentence_with_and_without_the_names_of_settings() {
        let hint = Hint::from("specify a credentials file").setting(Setting::Credentials);
        assert_eq!(hint.to_string(), "specify a credentials file");
        let other = |setting| (setting == Setting::Workspace).then_some("with `--workspace DIR`");
        assert_eq!(hint.clone().name_settings(other), hint);
        let named = hint.name_settings(|_| Some("with `--credentials FILE`"));
        assert_eq!(
            named.to_string(),
            "specify a credentials file with `--credentials FILE`"
        );
    }

    #[test]
    fn a_hint_with_a_path_that_has_no_replacement_is_dropped() {
        let hint = Hint::from("set ")
            .field("image")
            .text(" or ")
            .field("command");
        let known = |field: FieldPath| (field == "image".into()).then(|| field.within("job"));
        assert_eq!(hint.map_fields(known), None);
        // Quoted text of others is not a path.
        let hint = Hint::from(format!("pull `{}`", "command"));
        assert_eq!(hint.clone().map_fields(known), Some(hint));
    }
}

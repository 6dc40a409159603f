mod expansion;
mod keywords;
mod known;
mod visits;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use expansion::{Expansion, expand};
pub(super) use keywords::SchemaError;

/// A JSON Schema that is ready to check configurations.
///
/// A schema is a program of the tool's author that runs outside of the limits of a guest. Its cost is
/// therefore limited twice: when it is loaded, by the number of subschemas after its references are followed;
/// and for each configuration, by how often a subschema is applied to a value.
#[derive(Debug)]
pub(super) struct ConfigSchema {
    document: Value,
    validator: Validator,
    expansion: Expansion,
}

/// An error in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ConfigProblem {
    /// The keys and indices that lead to the culprit.
    pub path: Vec<String>,
    /// What is wrong with it, in a sentence.
    pub message: String,
    /// Whether the culprit is the key rather than its value.
    pub is_key: bool,
    /// The unexpected word, if it may be a misspelling.
    pub word: Option<String>,
    /// The words that would be valid.
    pub candidates: Vec<String>,
}

/// The maximum number of problems that are reported together.
const MAX_PROBLEMS: usize = 20;
/// The maximum number of valid words that are listed; an `enum` may have thousands.
const MAX_WORDS: usize = 50;
/// The maximum length of a message about a value, in characters: it quotes the schema and the value.
const MAX_MESSAGE_CHARACTERS: usize = 1_000;
/// The maximum number of times that subschemas are applied to values, for one configuration. That takes a tenth
/// of a second. A usual configuration of the script tool takes some hundred; one with arguments of a megabyte a
/// hundred thousand.
const MAX_VISITS: u64 = 500_000;
/// Up to this number all errors are collected, which takes memory for each; beyond, only the first.
const MAX_VISITS_FOR_ALL: u64 = 50_000;
/// The maximum size of a compiled regular expression. `^[A-Za-z0-9_.-]{1,253}$` has 15 kB, and one with
/// classes of Unicode 60.
const PATTERN_BYTES: usize = 256 << 10;

impl ConfigSchema {
    /// Compiles a schema. References to other documents are not followed, and regular expressions have linear
    /// time: no look-around and no backreferences.
    ///
    /// # Errors
    ///
    /// [`SchemaError`].
    pub(super) fn new(document: Value) -> Result<Self, SchemaError> {
        let expansion = expand(&document)?;
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .build(&document)
            .map_err(|error| SchemaError::Invalid(bounded(error.to_string())))?;
        Ok(Self {
            document,
            validator,
            expansion,
        })
    }

    pub(super) fn document(&self) -> &Value {
        &self.document
    }

    pub(super) fn check(&self, config: &Value) -> Vec<ConfigProblem> {
        let Some(visits) = self.visits(config) else {
            let message = format!(
                "the configuration is too large or too deep for the schema of this tool, which \
                 would be applied to it more than {MAX_VISITS} times"
            );
            return vec![ConfigProblem::at(Vec::new(), message)];
        };
        if self.validator.is_valid(config) {
            return Vec::new();
        }
        if visits > MAX_VISITS_FOR_ALL {
            let first = self.validator.validate(config).err();
            let problems = first.map(|error| self.problems(&error));
            return problems.unwrap_or_default();
        }
        let errors = self.validator.iter_errors(config);
        let problems = errors.flat_map(|error| self.problems(&error));
        problems.take(MAX_PROBLEMS).collect()
    }

    /// How often subschemas are applied to values at most; `None` if that exceeds the limit.
    fn visits(&self, config: &Value) -> Option<u64> {
        let Expansion {
            subschemas,
            is_irregular,
        } = self.expansion;
        let most = subschemas.saturating_mul(visits::size(config));
        if !is_irregular && most <= MAX_VISITS_FOR_ALL {
            return Some(most);
        }
        visits::visits(&self.document, config, MAX_VISITS)
    }

    fn problems(&self, error: &jsonschema::ValidationError<'_>) -> Vec<ConfigProblem> {
        let path: Vec<String> = error
            .instance_path()
            .into_iter()
            .map(|segment| match segment {
                LocationSegment::Property(name) => name.into_owned(),
                LocationSegment::Index(index) => index.to_string(),
            })
            .collect();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let candidates = self.property_names(error);
                let problem = |name: &String| ConfigProblem {
                    path: path.iter().chain([name]).cloned().collect(),
                    message: format!("unknown key `{name}`"),
                    is_key: true,
                    word: Some(name.clone()),
                    candidates: candidates.clone(),
                };
                unexpected.iter().map(problem).collect()
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                vec![ConfigProblem::at(path, format!("missing key `{name}`"))]
            }
            ValidationErrorKind::Enum { options } => {
                let words = options.as_array().into_iter().flatten();
                let words = words.filter_map(Value::as_str).map(str::to_owned);
                vec![ConfigProblem::unexpected(
                    path,
                    error.instance(),
                    words.collect(),
                )]
            }
            ValidationErrorKind::Type { kind } => {
                let expected = expected_types(kind);
                let found = type_name(error.instance());
                vec![ConfigProblem::at(
                    path,
                    format!("expected {expected}, found {found}"),
                )]
            }
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => {
                let words = constants(context);
                if error.instance().is_string() && !words.is_empty() {
                    return vec![ConfigProblem::unexpected(path, error.instance(), words)];
                }
                let closest = self.closest(error.instance_path(), context);
                closest.unwrap_or_else(|| {
                    let message = "fits none of the allowed forms".to_owned();
                    vec![ConfigProblem::at(path, message)]
                })
            }
            _ => vec![ConfigProblem::at(path, error.masked().to_string())],
        }
    }

    /// Of several alternatives, the one that the value matches best: the one with the deepest problems. An
    /// alternative of another type was not meant.
    fn closest(
        &self,
        place: &Location,
        alternatives: &[Vec<jsonschema::ValidationError<'_>>],
    ) -> Option<Vec<ConfigProblem>> {
        let types: Vec<_> = alternatives
            .iter()
            .flatten()
            .filter_map(|error| match error.kind() {
                ValidationErrorKind::Type { kind } => Some(expected_types(kind)),
                _ => None,
            })
            .collect();
        let meant: Vec<_> = alternatives
            .iter()
            .filter(|errors| !is_of_other_type(errors, place))
            .collect();
        match meant.as_slice() {
            [only] => Some(only.iter().flat_map(|error| self.problems(error)).collect()),
            [] => {
                let error = alternatives.iter().flatten().next()?;
                let found = type_name(error.instance());
                let mut problem = self.problems(error).into_iter().next()?;
                problem.message = format!("expected {}, found {found}", types.join(" or "));
                Some(vec![problem])
            }
            _ => None,
        }
    }

    /// The names of the properties in the schema at the location of the error.
    fn property_names(&self, error: &jsonschema::ValidationError<'_>) -> Vec<String> {
        let pointer = error.schema_path().as_str();
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        let properties = self
            .document
            .pointer(parent)
            .and_then(|schema| schema.get("properties"));
        let names = properties
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|object| object.keys());
        names.cloned().collect()
    }
}

/// Whether an alternative was not meant, since the value has another type.
fn is_of_other_type(errors: &[jsonschema::ValidationError<'_>], place: &Location) -> bool {
    errors.iter().any(|error| {
        let is_type = matches!(
            error.kind(),
            ValidationErrorKind::Type { .. } | ValidationErrorKind::Constant { .. }
        );
        is_type && error.instance_path() == place
    })
}

impl ConfigProblem {
    /// A value that is not one of the allowed words.
    fn unexpected(path: Vec<String>, found: &Value, words: Vec<String>) -> Self {
        let word = found.as_str().map(str::to_owned);
        let shown = word.clone().unwrap_or_else(|| found.to_string());
        let listed = words.get(..MAX_WORDS).unwrap_or(&words).join("`, `");
        let more = if words.len() > MAX_WORDS { ", …" } else { "" };
        Self {
            path,
            message: bounded(format!("`{shown}` is not one of `{listed}`{more}")),
            is_key: false,
            word,
            candidates: words,
        }
    }

    fn at(path: Vec<String>, message: String) -> Self {
        Self {
            path,
            message: bounded(message),
            is_key: false,
            word: None,
            candidates: Vec::new(),
        }
    }
}

/// Truncates a message.
fn bounded(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE_CHARACTERS) {
        message.truncate(end);
        message.push('…');
    }
    message
}

/// The words that alternatives allow, however deep they are nested.
fn constants(alternatives: &[Vec<jsonschema::ValidationError<'_>>]) -> Vec<String> {
    let words = alternatives
        .iter()
        .flatten()
        .flat_map(|error| match error.kind() {
            ValidationErrorKind::Constant { expected_value } => expected_value
                .as_str()
                .map(str::to_owned)
                .into_iter()
                .collect(),
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => constants(context),
            _ => Vec::new(),
        });
    words.collect()
}

fn expected_types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => named(&kind.to_string()),
        TypeKind::Multiple(kinds) => {
            let names: Vec<_> = kinds.iter().map(|kind| named(&kind.to_string())).collect();
            names.join(" or ")
        }
    }
}

fn type_name(value: &Value) -> String {
    named(match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    })
}

/// The names of JSON types for people who write YAML.
fn named(kind: &str) -> String {
    match kind {
        "null" => "nothing",
        "boolean" => "true or false",
        "number" => "a number",
        "integer" => "a whole number",
        "string" => "a string",
        "array" => "a list",
        "object" => "a map",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests;

//! Selects the inputs that a Job contains.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use toolhost_capability::files::files;
use toolhost_capability::{
    ARGUMENTS_VARIABLE, CapabilityError, JobRequest, PublicValues, VariableName,
};

use super::capacity::Capacity;
use super::layout::literal;
use crate::names::{ARGUMENTS_ANNOTATION, SCRIPT_ANNOTATION};

/// Maximum number of inputs that one explanation names.
const MAX_NAMED: usize = 5;

/// The inputs that a Job contains: those that are not secret, as long as there is space.
#[derive(Debug)]
pub(in crate::manifest) struct Inline<'a> {
    public: &'a PublicValues,
    /// Variables that are the contents of files, which are mounted from the Secret.
    files: BTreeSet<&'a VariableName>,
    has_arguments: bool,
    capacity: Capacity,
    /// Variables by name.
    pub(super) variables: BTreeMap<String, String>,
    /// Annotations of the pods.
    pub(super) annotations: BTreeMap<&'static str, String>,
    /// The other inputs.
    outside: Vec<Outside>,
}

/// An input that the Job does not contain.
#[derive(Debug)]
struct Outside {
    what: Input,
    why: Why,
}

#[derive(Debug)]
enum Input {
    Variable(String),
    Arguments,
    Script,
}

#[derive(Debug, Clone, Copy)]
enum Why {
    Secret,
    File,
    TooLarge,
    NotText,
}

impl<'a> Inline<'a> {
    /// Selects inputs of the request, whose template of the pods may have annotations as well.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if the files of the request are invalid.
    pub(in crate::manifest) fn new(
        request: &'a JobRequest,
        template: Option<&Value>,
    ) -> Result<Self, CapabilityError> {
        let mut names = request.environment.iter().map(|(name, _)| name);
        let files = files(request)?;
        Ok(Self {
            public: &request.public,
            files: files.iter().map(|file| file.variable).collect(),
            has_arguments: names.any(|name| name == ARGUMENTS_VARIABLE),
            capacity: Capacity::next_to_annotations(request, template),
            variables: BTreeMap::new(),
            annotations: BTreeMap::new(),
            outside: Vec::new(),
        })
    }

    /// Adds a variable. Returns whether the Job contains it.
    pub(super) fn takes_variable(&mut self, name: &str, value: &SecretString) -> bool {
        let what = || Input::Variable(name.to_owned());
        if self.files.iter().any(|file| file.as_str() == name) {
            return self.leave_out(what(), Why::File);
        }
        if !self.public.variables.contains(name) {
            return self.leave_out(what(), Why::Secret);
        }
        let value = value.expose_secret();
        if !self.capacity.take(name, &literal(value)) {
            return self.leave_out(what(), Why::TooLarge);
        }
        self.variables.insert(name.to_owned(), value.to_owned());
        true
    }

    /// Adds the arguments. Returns whether the Job contains them.
    pub(super) fn takes_arguments(&mut self, content: &SecretString) -> bool {
        // Those of a request that has none are the engine's.
        if self.has_arguments && !self.public.variables.contains(ARGUMENTS_VARIABLE) {
            return self.leave_out(Input::Arguments, Why::Secret);
        }
        let content = content.expose_secret();
        self.takes_annotation(Input::Arguments, ARGUMENTS_ANNOTATION, content)
    }

    /// Adds the script. Returns whether the Job contains it.
    pub(super) fn takes_script(&mut self, content: &[u8]) -> bool {
        if !self.public.script {
            return self.leave_out(Input::Script, Why::Secret);
        }
        match std::str::from_utf8(content) {
            Ok(text) => self.takes_annotation(Input::Script, SCRIPT_ANNOTATION, text),
            Err(_) => self.leave_out(Input::Script, Why::NotText),
        }
    }

    /// Whether the Job contains all inputs so far.
    pub(super) fn is_all(&self) -> bool {
        self.outside.is_empty()
    }

    /// Returns which inputs the Job does not contain, and why, for a person.
    pub(super) fn explanation(&self) -> String {
        let outside = &self.outside;
        if outside.is_empty() {
            return "one request creates it: no input is secret, and the Job contains all of them"
                .to_owned();
        }
        let named = outside.iter().take(MAX_NAMED).map(ToString::to_string);
        let more = outside.len().saturating_sub(MAX_NAMED);
        let more = (more > 0).then(|| format!("and {more} more"));
        let named: Vec<_> = named.chain(more).collect();
        format!("not in the Job: {}", named.join(", "))
    }

    fn takes_annotation(&mut self, what: Input, name: &'static str, text: &str) -> bool {
        if !self.capacity.take(name, text) {
            return self.leave_out(what, Why::TooLarge);
        }
        self.annotations.insert(name, text.to_owned());
        true
    }

    fn leave_out(&mut self, what: Input, why: Why) -> bool {
        self.outside.push(Outside { what, why });
        false
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Input::Variable(name) => write!(formatter, "the variable `{name}`")?,
            Input::Arguments => formatter.write_str("the arguments")?,
            Input::Script => formatter.write_str("the script")?,
        }
        formatter.write_str(match self.why {
            Why::Secret => " (secret)",
            Why::File => " (a file)",
            Why::TooLarge => " (too large)",
            Why::NotText => " (not UTF-8)",
        })
    }
}

//! The environment and the command line of a program, on engines that start it themselves.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::expansion::expand;
use crate::{
    ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, JobRequest, MAX_ARGUMENT_BYTES, SCRIPT_VARIABLE,
};

/// The arguments of a request without any.
const NO_ARGUMENTS: &str = "{}";

/// The environment of a program, and its command before expansion.
#[derive(Debug)]
pub struct Program {
    command: Vec<String>,
    /// Every variable once, in the order of the request.
    environment: Vec<(String, SecretString)>,
    /// The content of the file with the arguments.
    arguments: SecretString,
    /// The warning for the user.
    warning: Option<String>,
}

impl Program {
    /// Creates the program of the request, whose script and arguments are in files of these paths.
    pub fn new(request: &JobRequest, script_path: Option<&str>, arguments_path: &str) -> Self {
        let mut environment = Vec::new();
        for (name, value) in &request.environment {
            set(&mut environment, name.as_str(), value.clone());
        }
        let arguments = arguments(request).cloned();
        let arguments = arguments.unwrap_or_else(|| SecretString::from(NO_ARGUMENTS));
        let warning = warning(request);
        let in_environment = if warning.is_some() {
            SecretString::from(format!("@{arguments_path}"))
        } else {
            arguments.clone()
        };
        set(&mut environment, ARGUMENTS_VARIABLE, in_environment);
        let path = SecretString::from(arguments_path);
        set(&mut environment, ARGUMENTS_FILE_VARIABLE, path);
        if let Some(path) = script_path {
            set(&mut environment, SCRIPT_VARIABLE, SecretString::from(path));
        }
        Self {
            command: request.command.clone(),
            environment,
            arguments,
            warning,
        }
    }

    /// Returns the environment: each name once.
    #[must_use]
    pub fn environment(&self) -> &[(String, SecretString)] {
        &self.environment
    }

    /// Returns the value of a variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&SecretString> {
        let mut entries = self.environment.iter();
        entries
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Returns the content of the file with the arguments.
    #[must_use]
    pub fn arguments(&self) -> &SecretString {
        &self.arguments
    }

    /// Whether the arguments are only in the file.
    #[must_use]
    pub fn has_large_arguments(&self) -> bool {
        self.warning.is_some()
    }

    /// Returns the warning for the user.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Returns the command as the program gets it. It may contain secrets.
    #[must_use]
    pub fn command(&self) -> Vec<Zeroizing<String>> {
        let value_of = |name: &str| self.variable(name).map(ExposeSecret::expose_secret);
        self.command
            .iter()
            .map(|part| Zeroizing::new(expand(part, value_of)))
            .collect()
    }
}

/// Returns the warning about the program of a request: that its arguments are only in the file.
pub fn warning(request: &JobRequest) -> Option<String> {
    let size = arguments(request)?.expose_secret().len();
    (size > MAX_ARGUMENT_BYTES).then(|| large_arguments(size))
}

/// Returns the arguments, which are the last ones that the request sets.
fn arguments(request: &JobRequest) -> Option<&SecretString> {
    let mut entries = request.environment.iter().rev();
    let (_, arguments) = entries.find(|(name, _)| name.as_str() == ARGUMENTS_VARIABLE)?;
    Some(arguments)
}

/// Sets a variable; a later value replaces an earlier one, as in Kubernetes.
///
/// The search is linear: a tool sets at most a thousand, and mostly a few.
fn set(environment: &mut Vec<(String, SecretString)>, name: &str, value: SecretString) {
    match environment.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known = value,
        None => environment.push((name.to_owned(), value)),
    }
}

fn large_arguments(size: usize) -> String {
    format!(
        "the arguments take {size} bytes, more than the {MAX_ARGUMENT_BYTES} that fit on a command \
         line: the script gets `@PATH` instead, and finds them in the file that \
         `{ARGUMENTS_FILE_VARIABLE}` names"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(command: &[&str], environment: &[(&str, &str)]) -> Program {
        let command = command.iter().map(|part| (*part).to_owned()).collect();
        let mut request = JobRequest::new("job".parse().unwrap(), command);
        request.environment = environment
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), SecretString::from(*value)))
            .collect();
        Program::new(&request, Some("/job/main.py"), "/job/arguments.json")
    }

    fn commands(program: &Program) -> Vec<String> {
        let parts = program.command();
        parts.iter().map(|part| part.to_string()).collect()
    }

    #[test]
    fn gives_the_script_and_the_arguments() {
        let program = program(
            &["python3", "$(NOETL_SCRIPT)", "$(NOETL_ARGS)", "$(HOME)"],
            &[("NOETL_ARGS", "{\"a\":\"$(NOETL_SCRIPT) $$\"}")],
        );
        assert_eq!(
            commands(&program),
            [
                "python3",
                "/job/main.py",
                "{\"a\":\"$(NOETL_SCRIPT) $$\"}",
                "$(HOME)"
            ]
        );
        assert_eq!(program.warning(), None);
    }

    #[test]
    fn gives_an_empty_object_where_there_are_no_arguments() {
        let program = program(&["$(NOETL_ARGS)"], &[]);
        assert_eq!(commands(&program), ["{}"]);
        assert_eq!(program.arguments().expose_secret(), "{}");
    }

    #[test]
    fn puts_large_arguments_into_the_file_alone() {
        let largest = "x".repeat(MAX_ARGUMENT_BYTES);
        let fits = program(&["$(NOETL_ARGS)"], &[("NOETL_ARGS", &largest)]);
        assert_eq!(commands(&fits), [largest.as_str()]);

        let larger = format!("{largest}x");
        let program = program(&["$(NOETL_ARGS)"], &[("NOETL_ARGS", &larger)]);
        assert_eq!(commands(&program), ["@/job/arguments.json"]);
        assert_eq!(program.arguments().expose_secret(), larger);
        assert!(program.warning().unwrap().contains("120001 bytes"));
    }

    #[test]
    fn keeps_the_last_value_of_a_name_and_its_own_variables() {
        let program = program(
            &["x"],
            &[("A", "1"), ("A", "2"), ("NOETL_SCRIPT", "/etc/passwd")],
        );
        let names: Vec<&str> = program
            .environment()
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(
            names,
            ["A", "NOETL_SCRIPT", "NOETL_ARGS", "NOETL_ARGS_FILE"]
        );
        assert_eq!(program.variable("A").unwrap().expose_secret(), "2");
        let script = program.variable("NOETL_SCRIPT").unwrap();
        assert_eq!(script.expose_secret(), "/job/main.py");
    }
}

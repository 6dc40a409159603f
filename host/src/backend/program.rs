//! What a program finds in its environment and on its command line, on engines that start it
//! themselves.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::expansion::expand;
use crate::capability::{
    ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, JobRequest, MAX_ARGUMENT_BYTES, SCRIPT_VARIABLE,
};

/// What the arguments are where the request has none.
const NO_ARGUMENTS: &str = "{}";

/// The environment of a program, and its command before expansion.
#[derive(Debug)]
pub(crate) struct Program {
    command: Vec<String>,
    /// Every variable once, in the order of the request.
    environment: Vec<(String, SecretString)>,
    /// The content of the file with the arguments.
    arguments: SecretString,
    /// What the user should know.
    warning: Option<String>,
}

impl Program {
    /// The program of the request, whose script and arguments are in files of these paths.
    pub(crate) fn new(
        request: &JobRequest,
        script_path: Option<&str>,
        arguments_path: &str,
    ) -> Self {
        let mut environment = Environment::default();
        for (name, value) in &request.environment {
            environment.set(name, value.clone());
        }
        let arguments = environment
            .get(ARGUMENTS_VARIABLE)
            .cloned()
            .unwrap_or_else(|| SecretString::from(NO_ARGUMENTS));
        let size = arguments.expose_secret().len();
        let is_large = is_large(&arguments);
        let in_environment = if is_large {
            SecretString::from(format!("@{arguments_path}"))
        } else {
            arguments.clone()
        };
        environment.set(ARGUMENTS_VARIABLE, in_environment);
        environment.set(ARGUMENTS_FILE_VARIABLE, SecretString::from(arguments_path));
        if let Some(path) = script_path {
            environment.set(SCRIPT_VARIABLE, SecretString::from(path));
        }
        Self {
            command: request.command.clone(),
            environment: environment.entries,
            arguments,
            warning: is_large.then(|| large_arguments(size)),
        }
    }

    /// The environment: each name once.
    pub(crate) fn environment(&self) -> &[(String, SecretString)] {
        &self.environment
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&SecretString> {
        let mut entries = self.environment.iter();
        entries
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// What the file with the arguments holds.
    pub(crate) fn arguments(&self) -> &SecretString {
        &self.arguments
    }

    /// Whether the arguments are in the file alone.
    pub(crate) fn has_large_arguments(&self) -> bool {
        self.warning.is_some()
    }

    /// What the user should know about it.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The command as the program gets it. It may hold secrets.
    pub(crate) fn command(&self) -> Vec<Zeroizing<String>> {
        let value_of = |name: &str| self.variable(name).map(ExposeSecret::expose_secret);
        self.command
            .iter()
            .map(|part| Zeroizing::new(expand(part, value_of)))
            .collect()
    }
}

/// Whether the arguments of the request are in the file alone, which [`Program::warning`] is about.
pub(crate) fn has_large_arguments(request: &JobRequest) -> bool {
    let mut entries = request.environment.iter().rev();
    let arguments = entries.find(|(name, _)| name == ARGUMENTS_VARIABLE);
    arguments.is_some_and(|(_, arguments)| is_large(arguments))
}

fn is_large(arguments: &SecretString) -> bool {
    arguments.expose_secret().len() > MAX_ARGUMENT_BYTES
}

/// Variables in order. They are looked for one by one: a tool sets at most a thousand, and mostly a few.
#[derive(Default)]
struct Environment {
    entries: Vec<(String, SecretString)>,
}

impl Environment {
    fn get(&self, name: &str) -> Option<&SecretString> {
        let mut entries = self.entries.iter();
        let (_, value) = entries.find(|(known, _)| known == name)?;
        Some(value)
    }

    /// Sets a variable; a later value replaces an earlier one, as in Kubernetes.
    fn set(&mut self, name: &str, value: SecretString) {
        let mut entries = self.entries.iter_mut();
        match entries.find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.entries.push((name.to_owned(), value)),
        }
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
        let mut request = JobRequest::new("job", command);
        request.environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)))
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

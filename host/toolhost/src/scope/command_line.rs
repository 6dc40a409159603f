//! Keeping secrets off command lines, which anyone who may list the processes of a machine can read.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::capability::expansion::{references, rewrite};
use crate::capability::{
    ARGUMENTS_FILE_VARIABLE, ARGUMENTS_VARIABLE, CapabilityError, FieldPath, JobRequest, Reason,
};

/// The replacement of `$(NOETL_ARGS)`.
const ARGUMENTS_FILE_WORD: &str = "@$(NOETL_ARGS_FILE)";

/// Replaces arguments with a secret with the path of their file, and returns a warning if it did.
///
/// `secret` are the names of the variables that contain a secret.
///
/// # Errors
///
/// [`Reason::SecretInSpec`] if the command, or that of another container, expands such a variable.
pub(super) fn keep_secrets_out(
    request: &mut JobRequest,
    secret: &HashSet<String>,
) -> Result<Option<String>, CapabilityError> {
    if secret.is_empty() {
        return Ok(None);
    }
    let mut is_rewritten = false;
    if secret.contains(ARGUMENTS_VARIABLE) {
        for word in &mut request.command {
            if references(word).any(|name| name == ARGUMENTS_VARIABLE) {
                *word = rewrite(word, |name| {
                    (name == ARGUMENTS_VARIABLE).then_some(ARGUMENTS_FILE_WORD)
                });
                is_rewritten = true;
            }
        }
    }
    let secret = with_copies(&request.options, secret);
    let find = |word: &str| {
        let name = references(word).find(|name| secret.contains(*name))?;
        Some(name.to_owned())
    };
    if let Some(name) = request.command.iter().find_map(|word| find(word)) {
        return Err(refused("command", &name));
    }
    let mut options = request.options.iter();
    if let Some((option, name)) =
        options.find_map(|(option, value)| Some((option, in_member(option, value, &find)?)))
    {
        return Err(refused(option, &name));
    }
    Ok(is_rewritten.then(warning))
}

/// These variables, and those that the options derive from them: a kubelet also expands `$(TOKEN)` in the
/// value of a variable.
fn with_copies(options: &BTreeMap<String, Value>, secret: &HashSet<String>) -> HashSet<String> {
    let mut copies: HashMap<&str, Vec<&str>> = HashMap::new();
    for value in options.values() {
        note_copies(value, &mut copies);
    }
    let mut all = secret.clone();
    let mut new: Vec<&str> = secret.iter().map(String::as_str).collect();
    while let Some(name) = new.pop() {
        let copies = copies.remove(name).unwrap_or_default().into_iter();
        new.extend(copies.filter(|copy| all.insert((*copy).to_owned())));
    }
    all
}

/// Records for each variable which others have it in their value.
fn note_copies<'value>(value: &'value Value, copies: &mut HashMap<&'value str, Vec<&'value str>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| note_copies(item, copies)),
        Value::Object(members) => {
            let text = |name| members.get(name).and_then(Value::as_str);
            if let (Some(name), Some(value)) = (text("name"), text("value")) {
                for source in references(value) {
                    copies.entry(source).or_default().push(name);
                }
            }
            members
                .values()
                .for_each(|member| note_copies(member, copies));
        }
        _ => {}
    }
}

/// The result of `find` in an option or a member, which may itself be part of the command.
fn in_member(name: &str, value: &Value, find: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let words = value.as_array().filter(|_| is_command(name));
    let mut words = words.into_iter().flatten().filter_map(Value::as_str);
    words.find_map(find).or_else(|| in_command(value, find))
}

/// The result of `find` in a word of a key `command` or `args`, at any depth.
fn in_command(value: &Value, find: &impl Fn(&str) -> Option<String>) -> Option<String> {
    match value {
        Value::Array(items) => items.iter().find_map(|item| in_command(item, find)),
        Value::Object(members) => {
            let mut members = members.iter();
            members.find_map(|(name, member)| in_member(name, member, find))
        }
        _ => None,
    }
}

/// Whether a container has a command of that name that the kubelet expands.
fn is_command(name: &str) -> bool {
    matches!(name, "command" | "args")
}

fn refused(option: &str, name: &str) -> CapabilityError {
    let message = format!(
        "`{option}` expands `$({name})`, which contains a secret: anyone who may list the \
         processes of the machine could read it"
    );
    let hint = if name == ARGUMENTS_VARIABLE {
        format!("use `$({ARGUMENTS_FILE_VARIABLE})`, the path of a file with the arguments")
    } else {
        format!("have the program read the environment variable `{name}` itself")
    };
    CapabilityError::new(Reason::SecretInSpec, message)
        .with_hint(hint)
        .with_field(FieldPath::default().key(option.to_owned()))
}

fn warning() -> String {
    format!(
        "the arguments contain a secret, which must not be on a command line: the script gets \
         `@PATH` instead, and the arguments are in the file that `{ARGUMENTS_FILE_VARIABLE}` names"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(command: &[&str]) -> JobRequest {
        JobRequest::new(
            "job".parse().unwrap(),
            command.iter().map(|word| (*word).to_owned()).collect(),
        )
    }

    fn secret(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn gives_the_file_instead_of_arguments_with_a_secret() {
        let mut request = request(&["sh", "$(NOETL_SCRIPT)", "$(NOETL_ARGS)", "a=$(NOETL_ARGS)"]);
        let warning = keep_secrets_out(&mut request, &secret(&["NOETL_ARGS"])).unwrap();
        assert!(warning.unwrap().contains("`NOETL_ARGS_FILE`"));
        let expected = [
            "sh",
            "$(NOETL_SCRIPT)",
            "@$(NOETL_ARGS_FILE)",
            "a=@$(NOETL_ARGS_FILE)",
        ];
        assert_eq!(request.command, expected);
    }

    #[test]
    fn changes_nothing_where_no_secret_would_be_shown() {
        let words = ["sh", "$(NOETL_ARGS)", "$$(TOKEN)", "$(UNKNOWN)"];
        let mut request = request(&words);
        request.options.insert(
            "podTemplate".to_owned(),
            json!({"spec": {"containers": [{"env": [{"name": "A", "value": "$(TOKEN)"}]}]}}),
        );
        for names in [secret(&[]), secret(&["TOKEN"])] {
            assert_eq!(keep_secrets_out(&mut request, &names), Ok(None));
            assert_eq!(request.command, words);
        }
    }

    #[test]
    fn refuses_a_command_that_expands_a_copy_of_a_secret() {
        let mut request = request(&["tool", "$(B)"]);
        let env = json!([{"name": "B", "value": "x$(A)"}, {"name": "A", "value": "$(TOKEN)"}]);
        let template = json!({"spec": {"containers": [{"name": "script", "env": env}]}});
        request.options.insert("podTemplate".to_owned(), template);
        assert_eq!(
            keep_secrets_out(&mut request, &secret(&["OTHER"])),
            Ok(None)
        );
        let error = keep_secrets_out(&mut request, &secret(&["TOKEN"])).unwrap_err();
        assert_eq!(error.explanation.reason, Reason::SecretInSpec);
        assert!(
            error.explanation.message.contains("`$(B)`"),
            "{}",
            error.explanation.message
        );
    }

    #[test]
    fn refuses_a_command_that_expands_a_secret() {
        for (command, name) in [
            (["tool", "$(TOKEN)"], "TOKEN"),
            (["tool", "--token=$$$(TOKEN)"], "TOKEN"),
            (["$(TOKEN)", ""], "TOKEN"),
        ] {
            let refused = keep_secrets_out(&mut request(&command), &secret(&["TOKEN"]));
            let error = refused.unwrap_err();
            assert_eq!(error.explanation.reason, Reason::SecretInSpec);
            assert_eq!(error.explanation.field_text().as_deref(), Some("command"));
            assert!(error.explanation.message.contains(name), "{error:?}");
        }
    }

    #[test]
    fn refuses_a_container_whose_command_expands_a_secret() {
        for key in ["command", "args"] {
            let mut request = request(&["tool"]);
            request.options.insert(
                "podTemplate".to_owned(),
                json!({"spec": {"containers": [{"name": "script", key: ["x", "$(NOETL_ARGS)"]}]}}),
            );
            let refused = keep_secrets_out(&mut request, &secret(&["NOETL_ARGS"]));
            let error = refused.unwrap_err();
            assert_eq!(
                error.explanation.field_text().as_deref(),
                Some("podTemplate")
            );
            assert!(
                error
                    .explanation
                    .hint_text()
                    .unwrap()
                    .contains("`$(NOETL_ARGS_FILE)`")
            );
        }
    }
}

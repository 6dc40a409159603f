//! The environment of the script: the entries of the job's secret.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use noetl_tool_sdk::{Error, SecretEntry, is_variable_name};
use serde_json::value::RawValue;

use crate::config::Text;
use crate::profile::Profile;

/// The entry that the host passes as the script's first argument.
pub(crate) const ARGUMENTS: &str = "NOETL_ARGS";
/// Variables that the host sets itself.
const SET_BY_HOST: [&str; 3] = [ARGUMENTS, "NOETL_ARGS_FILE", "NOETL_SCRIPT"];

/// The entries of the secret: the variables of the configuration, and the arguments as JSON.
///
/// # Errors
///
/// `InvalidRequest` for a name that is not the name of a variable, or that the host sets itself.
pub(crate) fn entries(
    variables: Option<BTreeMap<String, Text>>,
    arguments: Option<&RawValue>,
    profile: &Profile,
) -> Result<Vec<SecretEntry>, Error> {
    let variables = variables.unwrap_or_default();
    let mut entries = Vec::with_capacity(variables.len() + 1);
    for (name, Text(value)) in variables {
        check_name(&name, profile)?;
        entries.push(SecretEntry::text(name, value));
    }
    let arguments = arguments.map_or("{}", RawValue::get);
    entries.push(SecretEntry::json(ARGUMENTS, compact(arguments)));
    Ok(entries)
}

fn check_name(name: &str, profile: &Profile) -> Result<(), Error> {
    let field = || format!("{}env.{name}", profile.keys);
    if SET_BY_HOST.contains(&name) {
        let field = field();
        let message = format!("`{field}` is set by the tool itself");
        return Err(Error::invalid(field, message).with_hint(format!(
            "use another name; pass the arguments in `{}`",
            profile.arguments
        )));
    }
    if is_variable_name(name) {
        return Ok(());
    }
    // As the host would say it, which does not know the key.
    let message = format!(
        "invalid variable name `{name}`: expected letters, digits and `_`, not beginning with a digit"
    );
    Err(Error::invalid(field(), message))
}

/// JSON without white space between its tokens, otherwise unchanged: the order of keys and the spelling of
/// numbers are the caller's.
fn compact(json: &str) -> String {
    let mut compacted = String::with_capacity(json.len());
    let mut in_text = false;
    let mut escaped = false;
    for character in json.chars() {
        if in_text {
            in_text = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_text = character == '"';
        }
        compacted.push(character);
    }
    compacted
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: Profile = Profile {
        kind: "script",
        backoff_limit: 3,
        keys: "job.",
        arguments: "args",
    };

    fn variables(names: &[&str]) -> BTreeMap<String, Text> {
        let value = || Text("v".into());
        names.iter().map(|name| ((*name).into(), value())).collect()
    }

    #[test]
    fn gives_the_variables_as_text_and_the_arguments_as_json() {
        let arguments: &RawValue = serde_json::from_str("{\"b\": 1, \"a\": 2}").unwrap();
        let entries = entries(Some(variables(&["A", "_b1"])), Some(arguments), &PROFILE).unwrap();
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| (entry.name(), entry.value(), entry.format()))
            .collect();
        let expected = [
            ("A", "v", "text"),
            ("_b1", "v", "text"),
            ("NOETL_ARGS", r#"{"b":1,"a":2}"#, "json"),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn arguments_default_to_an_empty_object() {
        assert_eq!(entries(None, None, &PROFILE).unwrap()[0].value(), "{}");
    }

    #[test]
    fn refuses_invalid_names() {
        for name in [
            "",
            "1A",
            "A-B",
            "A.B",
            "A B",
            "Ä",
            "NOETL_ARGS",
            "NOETL_SCRIPT",
        ] {
            let error = entries(Some(variables(&[name])), None, &PROFILE).unwrap_err();
            assert_eq!(error.field(), Some(format!("job.env.{name}").as_str()));
        }
    }

    #[test]
    fn compacts_json_outside_of_texts_alone() {
        let json = "{ \"a \\\" b\\\\\" :\n[ 1.50 ,\t\" \\\\\\\" \" ] }";
        assert_eq!(compact(json), "{\"a \\\" b\\\\\":[1.50,\" \\\\\\\" \"]}");
    }
}

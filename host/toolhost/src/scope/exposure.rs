//! Keeping secrets out of job specifications, which anyone who may read jobs can read.

use std::collections::HashSet;

use serde_json::Value;

use super::context::CallContext;
use crate::capability::{JobRequest, PublicValues};
use crate::sealing::{MIN_SECRET_BYTES, Redactor};

/// The words that tools write into each job: the variables of the script and its arguments, and the default
/// name of a script.
const OWN_WORDS: [&str; 3] = ["$(NOETL_SCRIPT)", "$(NOETL_ARGS)", "noetl-script"];
const SCRIPT_FILE_NAME: &str = "script";
/// The placeholder for a word that is cut out, so that no match spans it.
const CUT: &str = "\0";

/// A text of a job without the words that every job has: a secret may equal one of these, and is not
/// disclosed by them. Names of jobs consist of the tool's kind, the step and the execution, and labels
/// contain the latter two.
pub(super) fn without_own_words(text: &str, context: &CallContext) -> String {
    if text == SCRIPT_FILE_NAME {
        return String::new();
    }
    let kind = context.tool.split('@').next().unwrap_or_default();
    let after_kind = text.strip_prefix(kind).filter(|rest| rest.starts_with('-'));
    let mut rest = after_kind.unwrap_or(text).to_owned();
    // The form in the name of a job.
    let step = context.step.replace('_', "-");
    let of_call = [context.step.as_str(), &step, &context.execution_id];
    // A shorter text contains no secret that is searched for.
    let of_call = of_call.iter().filter(|word| word.len() >= MIN_SECRET_BYTES);
    for word in OWN_WORDS.iter().chain(of_call) {
        rest = rest.replace(word, CUT);
    }
    rest
}

/// The location in a job of a text that others can read and for which `is_secret` is true; `None` if there is
/// none. For the script's content `is_sealed` is used.
pub(super) fn secret_place(
    request: &JobRequest,
    is_secret: impl Fn(&str) -> bool,
    is_sealed: impl Fn(&str) -> bool,
) -> Option<String> {
    if is_secret(request.name.as_str()) {
        return Some("name".to_owned());
    }
    if request.command.iter().any(|word| is_secret(word)) {
        return Some("command".to_owned());
    }
    for (kind, values) in [
        ("label", &request.labels),
        ("annotation", &request.annotations),
    ] {
        let mut values = values.iter();
        if let Some((name, _)) = values.find(|(name, value)| is_secret(name) || is_secret(value)) {
            return Some(format!("{kind} `{name}`"));
        }
    }
    let mut options = request.options.iter();
    let is_secret_value = |value: &Value| match value {
        Value::String(text) => is_secret(text),
        other => is_secret(&other.to_string()),
    };
    if let Some((name, _)) = options.find(|(_, value)| is_secret_value(value)) {
        return Some(format!("option `{name}`"));
    }
    let mut variables = request.environment.iter();
    if variables.any(|(name, _)| is_secret(name.as_str())) {
        return Some("name of a variable".to_owned());
    }
    let script = request.script.as_ref()?;
    let shows_secret = is_secret(script.file_name.as_str())
        || is_sealed(&String::from_utf8_lossy(&script.content));
    shows_secret.then(|| "script".to_owned())
}

/// What of the request contains no secret: every variable that is not in `secret`, and the script unless the redactor
/// finds a secret in it, which a server may have echoed.
pub(super) fn public_values(
    request: &JobRequest,
    secret: &HashSet<String>,
    redactor: Option<&Redactor>,
) -> PublicValues {
    let variables = request.environment.iter().map(|(name, _)| name);
    let mut public = PublicValues::default();
    public.variables = variables
        .filter(|name| !secret.contains(name.as_str()))
        .cloned()
        .collect();
    public.script = request.script.as_ref().is_some_and(|script| {
        let finds = |redactor: &Redactor| redactor.finds(&script.content);
        // A script with a sealed reference was refused before.
        !redactor.is_some_and(finds)
    });
    public
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::capability::Script;

    #[test]
    fn what_holds_no_secret_is_public() {
        let redactor = Redactor::new(&[SecretString::from("hunter2-hunter2")]).unwrap();
        for (content, redactor, is_public) in [
            ("print(1)", Some(&redactor), true),
            ("hunter2-hunter2", Some(&redactor), false),
            ("curl -u aHVudGVyMi1odW50ZXIy", Some(&redactor), false),
            ("hunter2-hunter2", None, true),
        ] {
            let mut request = JobRequest::new("job".parse().unwrap(), Vec::new());
            request.script = Some(Script {
                file_name: "a.py".parse().unwrap(),
                content: content.into(),
            });
            request.environment = ["PLAIN", "TOKEN"]
                .map(|name| (name.parse().unwrap(), SecretString::from("value")))
                .into();
            let secret = HashSet::from(["TOKEN".to_owned()]);
            let public = public_values(&request, &secret, redactor);
            let names: Vec<_> = public.variables.iter().map(AsRef::<str>::as_ref).collect();
            assert_eq!(
                (names.as_slice(), public.script),
                (&["PLAIN"][..], is_public)
            );
        }
    }
}

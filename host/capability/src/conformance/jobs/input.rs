use secrecy::SecretString;

use super::observation::observe;
use super::{Behaviour, Harness, named};
use crate::{ARGUMENTS_VARIABLE, MAX_ARGUMENT_BYTES};

/// Characters that shells, JSON and the kubelet might change.
///
/// The programs write them to their logs, where containerd takes a carriage return before the end of a line for a part
/// of that end, so there is none here.
const HOSTILE: &str = "{\"a\": \"it's $(HOME) $$ $(NOETL_SCRIPT) ${x} `id` \\\\ \\\" {{ x }} 100%\", \
                       \"tab\": \"\t\", \"line\": \"\n\n\r\", \"text\": \"Zoë 🦀 \u{202e}\"}\n\n";

/// The environment reaches the program unchanged; the last value of a name is used.
pub async fn passes_the_environment(harness: &dyn Harness) {
    let print = |name: &str| Behaviour::PrintVariable(name.to_owned());
    let separator = || Behaviour::Print("|".to_owned());
    let behaviour = Behaviour::Sequence(vec![
        print("HOSTILE"),
        separator(),
        print("TWICE"),
        separator(),
        print("EMPTY"),
        separator(),
    ]);
    let mut request = harness.request("environment", &behaviour).await;
    for (name, value) in [
        ("HOSTILE", HOSTILE),
        ("TWICE", "1"),
        ("TWICE", "2"),
        ("EMPTY", ""),
    ] {
        let value = SecretString::from(value);
        request.environment.push((named(name), value));
    }
    let observed = observe(harness, request).await;
    let log = observed.log(1);
    assert_eq!(String::from_utf8_lossy(&log), format!("{HOSTILE}|2||"));
}

/// Where there are no arguments, the program gets an empty object.
pub async fn passes_an_empty_object_without_arguments(harness: &dyn Harness) {
    let behaviour = Behaviour::Sequence(vec![
        Behaviour::PrintArguments,
        Behaviour::PrintArgumentsFile,
    ]);
    let request = harness.request("no-arguments", &behaviour).await;
    let observed = observe(harness, request).await;
    assert_eq!(String::from_utf8_lossy(&observed.log(1)), "{}{}");
}

/// Arguments reach the program byte for byte, on the command line and in the file.
pub async fn passes_arguments_byte_for_byte(harness: &dyn Harness) {
    let long = format!("\"{}\"", "$(HOME) 🦀'".repeat(100_000 / 13));
    for (case, arguments) in [("arguments", HOSTILE), ("long-arguments", &long)] {
        let behaviour = Behaviour::Sequence(vec![
            Behaviour::PrintArguments,
            Behaviour::PrintArgumentsFile,
        ]);
        let mut request = harness.request(case, &behaviour).await;
        let value = SecretString::from(arguments);
        let entry = (named(ARGUMENTS_VARIABLE), value);
        request.environment.push(entry);
        let observed = observe(harness, request).await;
        let expected = format!("{arguments}{arguments}");
        assert!(
            observed.log(1) == expected.as_bytes(),
            "{case}: the arguments were changed"
        );
        let warnings = observed.warnings();
        let said = warnings.iter().any(|warning| warning.contains("@PATH"));
        assert!(!said, "{case}: a warning without need: {warnings:?}");
    }
}

/// Arguments that are too long for the command line are only in the file, which a warning reports.
pub async fn passes_large_arguments_in_a_file(harness: &dyn Harness) {
    let behaviour = Behaviour::Sequence(vec![
        Behaviour::PrintArguments,
        Behaviour::Print("|".to_owned()),
        Behaviour::PrintArgumentsFile,
    ]);
    let arguments = format!("\"{}\"", "x".repeat(MAX_ARGUMENT_BYTES * 3));
    let mut request = harness.request("large-arguments", &behaviour).await;
    let value = SecretString::from(arguments.as_str());
    let entry = (named(ARGUMENTS_VARIABLE), value);
    request.environment.push(entry);
    let observed = observe(harness, request).await;

    let log = observed.log(1);
    let log = String::from_utf8_lossy(&log);
    let (on_command_line, in_file) = log.split_once('|').unwrap_or_default();
    assert!(
        on_command_line.starts_with("@/"),
        "the program got `{on_command_line}`"
    );
    assert!(in_file == arguments, "the file does not have the arguments");
    let warnings = observed.warnings();
    let said = warnings.iter().any(|warning| warning.contains("@PATH"));
    assert!(said, "no warning says so: {warnings:?}");
}

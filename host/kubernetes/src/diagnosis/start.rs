//! Messages of container runtimes about a container that they cannot start.

use toolhost_capability::{ARGUMENTS_FIELD, Explanation, Hint, PROGRAM_FIELD, Reason};

use super::quote::{between, quoted};

/// Texts that precede the cause, from the outside inwards.
const PREFIXES: [&str; 6] = [
    "failed to create containerd task: ",
    "failed to create containerd container: ",
    "failed to create shim task: ",
    "OCI runtime create failed: ",
    "runc create failed: ",
    "unable to start container process: ",
];

/// Translates a failure to start. The message follows "could not be started: ".
pub(super) fn start_error(word: &str, text: &str) -> Explanation {
    let said = core(text);
    let said = if said.is_empty() {
        word.to_owned()
    } else {
        said
    };
    if let Some(program) = missing_program(&said) {
        return interpreter_missing(program);
    }
    let cause = Explanation::new(Reason::StartFailed, said.as_str());
    if said.contains("argument list too long") {
        cause.with_hint(too_long())
    } else if said.contains("exec format error") {
        cause
            .with_hint("use an image for the node's architecture")
            .with_field("image")
    } else if said.starts_with("exec: ") && said.contains("permission denied") {
        cause
            .with_hint(
                Hint::from("check ")
                    .field(PROGRAM_FIELD)
                    .text(": the program is not executable"),
            )
            .with_field(PROGRAM_FIELD)
    } else if said.contains("seccomp") || said.contains("apparmor") {
        cause
            .with_hint(
                Hint::from("check ")
                    .field("securityContext")
                    .text(": the node has no such profile"),
            )
            .with_field("securityContext")
    } else if said.contains("error mounting") {
        cause
            .with_hint(
                Hint::from("check ")
                    .field("volumeMounts")
                    .text(": a volume cannot be mounted there"),
            )
            .with_field("volumeMounts")
    } else if said.contains("memory") && said.contains("limit") || said.contains("cgroup") {
        cause
            .with_hint("raise the memory limit: it may be too low to start any program")
            .with_field("resources.limits.memory")
    } else {
        cause
    }
}

/// The image does not have the program that is to run the script.
pub(super) fn interpreter_missing(program: &str) -> Explanation {
    let message = if program.contains('/') {
        format!("the program `{program}` does not exist in the image")
    } else {
        format!("the program `{program}` is not in the image, or not in its PATH")
    };
    Explanation::new(Reason::InterpreterMissing, message)
        .with_hint(
            Hint::from(format!("use an image that has `{program}`, or set "))
                .field(PROGRAM_FIELD)
                .text(" to a program that the image has"),
        )
        .with_field("image")
}

/// What to do about a command line that is too long, with the same words as the engine `local`.
pub(super) fn too_long() -> Hint {
    Hint::from("give large values as ")
        .field(ARGUMENTS_FIELD)
        .text(": those may be in a file")
}

/// Returns the missing program.
fn missing_program(said: &str) -> Option<&str> {
    let absent = ["executable file not found", "no such file or directory"];
    if !absent.iter().any(|text| said.contains(text)) {
        return None;
    }
    // runc writes `exec: "NAME": …`; other uses of the second text are about mounts.
    between(said, "exec: \"", "\"")
}

/// Returns the cause without the chain of messages around it.
fn core(text: &str) -> String {
    let said = quoted(text);
    let mut rest = said.as_str();
    while let Some(shorter) = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = shorter;
    }
    rest.strip_suffix(": unknown").unwrap_or(rest).to_owned()
}

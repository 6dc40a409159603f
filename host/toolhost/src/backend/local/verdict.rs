//! Explains why an attempt ended.

use std::error::Error;
use std::os::unix::process::ExitStatusExt;

use super::limits::Limits;
use super::process::{ProcessEnd, StartError};
use crate::capability::controller::{exited, out_of_memory, signalled};
use crate::capability::text::chain;
use crate::capability::{ARGUMENTS_FIELD, AttemptEnd, Explanation, Hint, Reason};

/// Returns the end of an attempt from how its processes ended, and from the end of its output.
pub(super) fn verdict(ended: &ProcessEnd, limits: &Limits, tail: &[u8]) -> AttemptEnd {
    let Some(status) = ended.status else {
        let message = "does not end although it was killed";
        return AttemptEnd::default().because(Explanation::new(Reason::Internal, message));
    };
    let end = match (status.code(), status.signal()) {
        (Some(code), _) => exited(code),
        (None, signal) => signalled(signal.unwrap_or_default()),
    };
    if end.explanation.is_none() {
        return end;
    }
    let limit = limits.memory.as_ref().map(|limit| limit.text.as_str());
    match (ended.oom_kills, limit) {
        (Some(1..), limit) => out_of_memory(end, limit),
        (None, Some(limit)) => without_a_counter(end, limit, tail),
        _ if ended.refused_processes > 0 => too_many_processes(end, limits.processes),
        _ => end,
    }
}

/// Returns the end of an attempt whose program could not be started.
pub(super) fn start_failed(error: &StartError) -> AttemptEnd {
    let hint = match error {
        StartError::TooLong => Hint::from("give large values as ")
            .field(ARGUMENTS_FIELD)
            .text(": those may be in a file"),
        StartError::Directory(_) => {
            "check the space and the permissions of the work directory".into()
        }
        StartError::Spawn(_) | StartError::Namespace(_) | StartError::Limits(_) => {
            "check the machine: it may be out of processes, memory or open files".into()
        }
    };
    let message = format!("could not be started: {}", chain(error));
    AttemptEnd::default().because(Explanation::new(Reason::StartFailed, message).with_hint(hint))
}

/// Returns the end of an attempt where the engine itself failed.
pub(super) fn internal(error: &dyn Error) -> AttemptEnd {
    let message = format!("was lost by the engine: {}", chain(error));
    AttemptEnd::default().because(Explanation::new(Reason::Internal, message))
}

/// Where memory is limited by a resource limit, the kernel refuses memory and kills nothing: only the program knows,
/// and may report it.
fn without_a_counter(end: AttemptEnd, limit: &str, tail: &[u8]) -> AttemptEnd {
    /// Programs that do not handle it crash: SIGABRT, SIGBUS, SIGSEGV.
    const CRASHES: [i32; 3] = [6, 7, 11];
    if let Some(symptom) = memory_symptom(tail) {
        let mut end = out_of_memory(end, Some(limit));
        if let Some(why) = &mut end.explanation {
            let addition = format!(", according to the `{symptom}` in its output");
            why.message.push_str(&addition);
        }
        return end;
    }
    if end.signal.is_some_and(|signal| CRASHES.contains(&signal)) {
        let hint = format!(
            "raise `limits.memory` and try again: it may have run out of memory, `limits.memory` is {limit}"
        );
        return with_hint(end, hint);
    }
    end
}

fn too_many_processes(end: AttemptEnd, most: u32) -> AttemptEnd {
    let hint = format!(
        "start fewer: it tried to run more than {most} processes and threads at a time, which is the engine's \
         limit"
    );
    with_hint(end, hint)
}

fn with_hint(mut end: AttemptEnd, hint: String) -> AttemptEnd {
    end.explanation = end.explanation.map(|why| why.with_hint(hint));
    end
}

/// Returns the typical message of programs that get no memory.
fn memory_symptom(tail: &[u8]) -> Option<&'static str> {
    const SYMPTOMS: [&str; 8] = [
        "MemoryError",
        "Cannot allocate memory",
        "cannot allocate",
        "memory exhausted",
        "JavaScript heap out of memory",
        "std::bad_alloc",
        "out of memory",
        "Out of space",
    ];
    let tail = String::from_utf8_lossy(tail);
    SYMPTOMS.into_iter().find(|symptom| tail.contains(symptom))
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::super::limits::MemoryLimit;
    use super::*;

    /// `status` has the form of `wait`: the code times 256, or the signal.
    fn check(status: i32, oom_kills: Option<u64>, tail: &str) -> AttemptEnd {
        let limits = Limits {
            memory: Some(MemoryLimit {
                bytes: 1 << 20,
                text: "1Mi".to_owned(),
            }),
            cpu_thousandths: None,
            processes: 8,
        };
        let ended = ProcessEnd {
            status: Some(ExitStatus::from_raw(status)),
            oom_kills,
            refused_processes: 2,
        };
        verdict(&ended, &limits, tail.as_bytes())
    }

    #[test]
    fn the_kernel_is_decisive() {
        for status in [9, 137 << 8, 1 << 8] {
            let end = check(status, Some(1), "");
            assert_eq!(end.reason(), Some(Reason::OomKilled));
        }
        assert_eq!(check(0, Some(1), "").reason(), None);
        // Where the kernel counts, the output is not considered.
        let end = check(1 << 8, Some(0), "MemoryError");
        assert_eq!(end.reason(), Some(Reason::ScriptError));
    }

    #[test]
    fn the_output_is_decisive_where_the_kernel_does_not_count() {
        let end = check(1 << 8, None, "Traceback\nMemoryError\n");
        assert_eq!(end.reason(), Some(Reason::OomKilled));
        assert!(end.explanation.unwrap().message.contains("`MemoryError`"));
        let end = check(1 << 8, None, "KeyError: 1");
        let why = end.explanation.unwrap();
        assert_eq!((why.reason, why.hint), (Reason::ScriptError, None));
        assert_eq!(check(0, None, "MemoryError").reason(), None);
    }

    #[test]
    fn memory_is_suspected_behind_a_crash_without_a_counter() {
        let end = check(11, None, "");
        assert_eq!(end.reason(), Some(Reason::Signalled));
        assert!(
            end.explanation
                .unwrap()
                .hint_text()
                .unwrap()
                .contains("`limits.memory` is 1Mi")
        );
    }

    #[test]
    fn the_limit_of_processes_is_named() {
        let end = check(2 << 8, Some(0), "");
        assert_eq!(end.reason(), Some(Reason::ScriptError));
        assert!(
            end.explanation
                .unwrap()
                .hint_text()
                .unwrap()
                .contains("more than 8 processes")
        );
    }
}

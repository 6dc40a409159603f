//! Advice that can be followed: what an engine or a source says of a request is said in the keys of the tool.

use std::collections::BTreeSet;
use std::path::Path;

use toolhost::capability::memory::MemoryEngine;
use toolhost::capability::{Explanation, FieldPath, Hint, Reason};
use toolhost::limits::Limits;

use crate::{guests, tidy};

/// How the library names a value of a request.
const NAMING: [&str; 4] = [
    "with_field(",
    ".field(",
    "FieldPath::from(",
    "_FIELD: &str = ",
];
/// Files about requests for objects; the others are about jobs.
const OF_OBJECTS: [&str; 6] = [
    "/objects/",
    "/objects.rs",
    "/fetch_",
    "/location.rs",
    "/urls.rs",
    "/audience.rs",
];

/// Values of jobs whose program is in their image.
const OF_CONTAINERS: [&str; 4] = ["args", "env", "files", "workingDir"];

/// The values of requests that the source files of a folder name with literals.
fn named_values(folder: &Path, objects: &mut BTreeSet<String>, jobs: &mut BTreeSet<String>) {
    for path in tidy::files(folder) {
        let shown = path.display().to_string();
        let is_source = path.extension().is_some_and(|ending| ending == "rs");
        if !is_source || shown.contains("/tests") || shown.ends_with("/hint.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let of_objects = OF_OBJECTS.iter().any(|part| shown.contains(part));
        let values = if of_objects {
            &mut *objects
        } else {
            &mut *jobs
        };
        for naming in NAMING {
            for after in code.split(naming).skip(1) {
                let literal = after.trim_start().strip_prefix('"');
                // A member in a `Debug` implementation is followed by its value.
                let value = literal.and_then(|literal| literal.split_once('"'));
                let value =
                    value.filter(|(value, rest)| !value.is_empty() && !rest.starts_with(','));
                // Paths that begin so are within a pod template.
                let value = value.filter(|(value, _)| {
                    !["metadata", "spec."]
                        .iter()
                        .any(|root| value.starts_with(root))
                });
                values.extend(value.map(|(value, _)| value.to_owned()));
            }
        }
    }
}

#[tokio::test]
async fn each_value_that_the_host_names_has_a_key_of_the_tool() {
    let folder = tempfile::tempdir().unwrap();
    let host = guests::host(&MemoryEngine::new(), folder.path(), Limits::default()).await;
    let tool = |name: &str| host.registry().resolve(&name.parse().unwrap()).unwrap();
    let (mut objects, mut jobs) = (BTreeSet::new(), BTreeSet::new());
    for part in [
        "host/capability/src",
        "host/kubernetes/src",
        "host/toolhost/src/backend",
        "host/toolhost/src/scope",
        "host/toolhost/src/abi",
    ] {
        named_values(&guests::workspace().join(part), &mut objects, &mut jobs);
    }
    for (values, known) in [
        (&objects, ["uri", "endpoint", "timeout-ms"]),
        (&jobs, ["image", "command[0]", "environment"]),
    ] {
        assert!(
            known.iter().all(|value| values.contains(*value)),
            "{values:?}"
        );
    }
    assert!(objects.len() + jobs.len() > 30, "{objects:?} {jobs:?}");
    let about = |value: &str| {
        let path: FieldPath = value.parse().unwrap();
        Explanation::new(Reason::InvalidRequest, "m").with_hint(Hint::default().field(path))
    };
    let mut wrong = Vec::new();
    for kind in ["script", "python", "container"] {
        let tool = tool(kind);
        let mut check = |value: &str, why: Explanation, is_expected: bool| {
            let hint = why.hint_text();
            let key = hint.as_deref().map(|hint| hint.trim_matches('`'));
            if key.is_some() != is_expected || key.is_some_and(|key| !tool.knows_field(key)) {
                wrong.push(format!("{kind}: `{value}` is {key:?}"));
            }
        };
        for value in &jobs {
            // Only a container has these.
            let is_of_containers = OF_CONTAINERS.contains(&value.as_str());
            if kind == "container" || !is_of_containers {
                check(value, tool.explain_job(about(value)), true);
            }
        }
        for value in &objects {
            // The others fetch nothing.
            let is_expected = kind == "script";
            check(value, tool.explain_object(about(value)), is_expected);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

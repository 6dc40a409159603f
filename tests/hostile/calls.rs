//! Tools that misbehave when they are called.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::json;

use crate::build_guests;
use crate::case::{Bound, Case, Input};
use crate::tool::{Tool, description};

const BOUND: Bound = Bound::seconds(8, 256);
/// What computes until it is ended, which is after five seconds.
const COMPUTES: Bound = Bound::seconds(15, 256);
const FAULT: &str = "\"reason\": \"ToolFault\"";
const LIMIT: &str = "\"reason\": \"ToolLimit\"";

/// What a guest of this repository does, what is said, and how the program exits.
const ACTIONS: [(&str, &str, &str, Bound, &str, i32); 17] = [
    ("takes all memory", "misbehave", "allocate", BOUND, LIMIT, 1),
    (
        "reads a log from an invented cursor",
        "misbehave",
        "bad-cursor",
        BOUND,
        "cursor",
        2,
    ),
    (
        "returns an outcome that is not JSON",
        "misbehave",
        "bad-json",
        BOUND,
        FAULT,
        1,
    ),
    (
        "logs and reports without end",
        "misbehave",
        "flood-log",
        COMPUTES,
        LIMIT,
        1,
    ),
    (
        "uses a handle that it was never given",
        "misbehave",
        "foreign-handle",
        BOUND,
        FAULT,
        1,
    ),
    (
        "invents a sealed reference",
        "misbehave",
        "forge-sealed",
        BOUND,
        "sealed reference",
        2,
    ),
    (
        "passes 100 MB",
        "misbehave",
        "huge-argument",
        BOUND,
        LIMIT,
        1,
    ),
    (
        "leaves a job behind",
        "misbehave",
        "leave-job",
        BOUND,
        "completed",
        0,
    ),
    (
        "computes without end",
        "misbehave",
        "loop",
        COMPUTES,
        LIMIT,
        1,
    ),
    (
        "creates jobs until it is refused",
        "misbehave",
        "many-jobs",
        Bound::seconds(30, 256),
        "\"Quota\"",
        0,
    ),
    (
        "creates objects until it is refused",
        "misbehave",
        "many-objects",
        BOUND,
        "\"TooLarge\"",
        0,
    ),
    ("panics", "misbehave", "panic", BOUND, FAULT, 1),
    (
        "recurses without end",
        "misbehave",
        "recurse",
        BOUND,
        LIMIT,
        1,
    ),
    (
        "returns 100 MB",
        "misbehave",
        "return-huge",
        BOUND,
        LIMIT,
        1,
    ),
    (
        "uses a handle that it dropped",
        "misbehave",
        "use-after-drop",
        BOUND,
        FAULT,
        1,
    ),
    (
        "floods its standard error",
        "standard",
        "flood-stderr",
        COMPUTES,
        LIMIT,
        1,
    ),
    ("exits", "standard", "exit", BOUND, FAULT, 1),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = ACTIONS
        .into_iter()
        .map(|(name, kind, action, bound, says, exit)| Case {
            name,
            input: Input::Called {
                component: Box::new(move || std::fs::read(guest(kind)).unwrap()),
                kind,
                config: json!({"action": action}).to_string(),
                exit,
            },
            bound,
            says,
        })
        .collect();
    cases.push(Case {
        name: "returns an outcome 100,000 lists deep",
        input: Input::Called {
            component: Box::new(|| answering(&"[".repeat(100_000))),
            kind: "hostile",
            config: "{}".to_owned(),
            exit: 1,
        },
        bound: BOUND,
        says: FAULT,
    });
    cases.push(Case {
        name: "returns an outcome of 1,000,000 lists",
        input: Input::Called {
            component: Box::new(|| {
                let lists = vec!["[]"; 1_000_000].join(",");
                answering(&format!("{{\"status\":\"completed\",\"a\":[{lists}]}}"))
            }),
            kind: "hostile",
            config: "{}".to_owned(),
            exit: 1,
        },
        bound: Bound::seconds(10, 512),
        says: LIMIT,
    });
    cases
}

/// A tool that returns this text.
fn answering(outcome: &str) -> Vec<u8> {
    let text = description("hostile").to_string();
    let mut tool = Tool::new(text.as_bytes());
    tool.data.extend(outcome.as_bytes());
    tool.invoke = format!(
        "(i32.store (i32.const 32) (i32.const 0))
         (i32.store (i32.const 36) (i32.const {}))
         (i32.store (i32.const 40) (i32.const {}))
         (i32.const 32)",
        1024 + text.len(),
        outcome.len(),
    );
    tool.build()
}

/// The file of a guest; built when a case first asks.
fn guest(kind: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let workspace = workspace.canonicalize().unwrap();
        let packages = ["guest-misbehave", "guest-standard"];
        build_guests::build(&workspace, &workspace.join("target/guests"), &packages).unwrap()
    });
    folder.join(format!("guest_{kind}.wasm"))
}

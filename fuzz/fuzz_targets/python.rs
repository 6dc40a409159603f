//! Whatever a program of the python tool writes, its step comes to an outcome, with a result only where the
//! program succeeded and told one.
//!
//! The first byte is the exit code. In the rest, `@R` and `@F` stand for what the program's own reports begin with.

#![no_main]

mod tools;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use toolhost::capability::memory::{AttemptScript, Exit, JobScript, Step};

use crate::tools::Tools;

const CODE: &str = "def main():\n    return 1\n";

/// The tools, and what the program tells a result and a failure with.
static TOOLS: LazyLock<(Tools, [String; 2])> = LazyLock::new(|| {
    let tools = Tools::new();
    let (_, job) = tools.call("python", json!({"code": CODE}));
    let script = job.and_then(|job| job.script.clone()).expect("a program");
    let program = String::from_utf8_lossy(&script.content);
    let marks = ["RESULT_MARK = ", "FAILURE_MARK = "].map(|name| {
        let mut lines = program.lines();
        let literal = lines.find_map(|line| line.strip_prefix(name)).expect(name);
        serde_json::from_str(literal).expect("a text")
    });
    (tools, marks)
});

fuzz_target!(|input: &[u8]| {
    let Some((code, log)) = input.split_first() else {
        return;
    };
    let (tools, [result, failure]) = &*TOOLS;
    let log = String::from_utf8_lossy(log);
    let log = log.replace("@R", result).replace("@F", failure);
    let steps = [Step::Write(log.clone().into())];
    let attempt = AttemptScript::new(steps, Exit::Code((*code).into()));
    tools.engine.default_script(JobScript::new([attempt]));

    let outcome = tools.call("python", json!({"code": CODE})).0;
    let outcome = outcome.expect("an outcome");
    let told = outcome.document().get("result");
    if outcome.is_completed() {
        assert_eq!(*code, 0);
        assert!(log.contains(result), "a result out of nothing: {told:?}");
    } else {
        assert_eq!(told, Some(&Value::Null));
        assert!(outcome.text("reason").is_some(), "failed without a reason");
    }
});

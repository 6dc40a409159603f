//! The script tool through the whole host, on the memory engine.

use serde_json::json;
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::host::{CallRequest, ExecutionId, StepName};
use toolhost::limits::Limits;
use toolhost::outcome::OutcomeStatus;

use crate::guests;

#[tokio::test]
async fn a_script_runs_and_its_outcome_is_that_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.py"), "print('hello')").unwrap();
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new(vec![
        AttemptScript::exit(3).then_line("first"),
        AttemptScript::exit(0).then_line("hello"),
    ]));
    let host = guests::host(&engine, folder.path(), Limits::default()).await;
    let config = json!({"script": {"uri": "a.py"}, "args": {"x": 1}});
    let request = CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("522095307073519743"),
        StepName::new("process_data"),
    );
    let outcome = host.call(request).await.unwrap();
    println!(
        "{}",
        serde_json::to_string_pretty(&outcome.document()).unwrap()
    );
    assert_eq!(outcome.status(), OutcomeStatus::Completed);
    assert_eq!(
        outcome.text("job_name"),
        Some("script-process-data-522095307073519743")
    );
    assert_eq!(outcome.text("output"), Some("hello\n"));
    assert_eq!(outcome.document()["failed"], 1);
    assert_eq!(outcome.document()["succeeded"], 1);
}

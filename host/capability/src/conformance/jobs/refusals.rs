use std::sync::Arc;

use serde_json::json;

use super::observation::{observe, start, wait_until_gone};
use super::{Behaviour, Harness};
use crate::{CapabilityError, JobRequest, JobStatus, LogSink, Reason};

/// While a job runs, another one of its name is refused, and the first one is not affected.
pub async fn refuses_a_name_that_is_taken(harness: &dyn Harness) {
    let forever = Behaviour::Sequence(vec![
        Behaviour::Print("ready\n".to_owned()),
        Behaviour::SleepForever,
    ]);
    let request = harness.request("conflict", &forever).await;
    let name = request.name.clone();
    let mut running = start(harness, request.clone()).await;
    running.wait_for_log(1, "ready").await;

    let mut other = request;
    other.command = vec!["sh".to_owned(), "-c".to_owned(), "exit 0".to_owned()];
    let error = refusal(harness, other).await;
    assert_eq!(error.explanation.reason, Reason::Conflict, "{error:?}");
    assert!(
        error.explanation.message.contains(name.as_str()),
        "it names nothing: {error:?}"
    );

    assert!(
        harness.is_running(name.as_str()).await,
        "the first job was ended"
    );
    running.handle.cancel().await;
    let observed = running.finish().await;
    assert_eq!(observed.end.status, JobStatus::Cancelled);
    wait_until_gone(harness, name.as_str()).await;
}

/// An unknown option is refused by its name, and nothing runs.
pub async fn refuses_an_unknown_option(harness: &dyn Harness) {
    let mut request = harness
        .request("unknown-option", &Behaviour::SleepForever)
        .await;
    let name = request.name.clone();
    let option = "imagePullPolicies".to_owned();
    request.options.insert(option.clone(), json!("Always"));
    let error = refusal(harness, request).await;
    assert_eq!(error.explanation.reason, Reason::Unsupported, "{error:?}");
    assert!(
        error.explanation.message.contains(&option),
        "it names nothing: {error:?}"
    );
    assert!(
        !harness.is_running(name.as_str()).await,
        "something was left"
    );

    // The name is free.
    let request = harness.request("unknown-option-after", &Behaviour::Exit(0));
    let observed = observe(harness, request.await).await;
    assert_eq!(observed.end.status, JobStatus::Succeeded);
}

/// Invalid quantities and commands are refused.
pub async fn refuses_what_makes_no_sense(harness: &dyn Harness) {
    type Change = fn(&mut JobRequest);
    let changes: [(&str, Change); 2] = [
        ("no command", |request| request.command.clear()),
        ("a quantity with a wrong suffix", |request| {
            request.limits.insert("memory".to_owned(), "1GB".to_owned());
        }),
    ];
    for (what, change) in changes {
        let mut request = harness.request("nonsense", &Behaviour::Exit(0)).await;
        change(&mut request);
        let error = refusal(harness, request).await;
        assert_eq!(
            error.explanation.reason,
            Reason::InvalidRequest,
            "{what}: {error:?}"
        );
        assert!(!error.retryable, "{what}: {error:?}");
    }
}

async fn refusal(harness: &dyn Harness, request: JobRequest) -> CapabilityError {
    struct Silent;
    impl LogSink for Silent {
        fn write(&self, _: u32, _: &[u8]) {}
        fn end(&self, _: u32) {}
    }
    match harness.runner().create(request, Arc::new(Silent)).await {
        Ok(_) => panic!("the request was not refused"),
        Err(error) => error,
    }
}

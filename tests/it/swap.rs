//! Other versions of a tool, put into use while calls run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::grant::{Capability, Grants};
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::limits::Limits;
use toolhost::outcome::Outcome;
use toolhost::registry::{ComponentSource, LoadedTool, ResolveError};

use crate::guests;

/// The bytes before the version in the component.
const LABEL: &[u8] = b"noetl-test-version:";
/// The version that is compiled in; every other one is as long.
const COMPILED: &[u8] = b"100.100.100";

/// The component of a version, such as `100.100.101`.
pub(crate) fn component(version: &str) -> Arc<[u8]> {
    assert_eq!(version.len(), COMPILED.len());
    let mut bytes = guests::bytes("guest-versions").to_vec();
    let label = bytes
        .windows(LABEL.len())
        .position(|window| window == LABEL)
        .unwrap();
    let start = label + LABEL.len();
    bytes[start..start + COMPILED.len()].copy_from_slice(version.as_bytes());
    bytes.into()
}

async fn load(host: &ToolHost, version: &str) -> Arc<LoadedTool> {
    let loaded = host
        .load(ComponentSource::named(component(version), version), |_| {
            Grants::all()
        })
        .await;
    Arc::new(loaded.unwrap())
}

async fn versions_host() -> (Arc<ToolHost>, MemoryEngine, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new(vec![AttemptScript::hold()]));
    let host = guests::host(&engine, folder.path(), Limits::default()).await;
    (Arc::new(host), engine, folder)
}

async fn call(host: &ToolHost, reference: &str, wait: bool) -> Outcome {
    let request = CallRequest::new(
        reference.parse().unwrap(),
        json!({"wait": wait}),
        ExecutionId::new("1"),
        StepName::new("step"),
    );
    host.call(request).await.unwrap()
}

async fn version_of(host: &ToolHost, reference: &str) -> String {
    call(host, reference, false)
        .await
        .text("version")
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_running_call_ends_on_its_version_and_the_next_ones_on_the_right_one() {
    let (host, engine, _folder) = versions_host().await;
    let old = load(&host, "100.100.101").await;
    host.registry().activate(Arc::clone(&old));
    let running = tokio::spawn({
        let host = Arc::clone(&host);
        async move { call(&host, "versions", true).await }
    });
    while !engine.is_held("versions-1") {
        tokio::task::yield_now().await;
    }

    let new = load(&host, "100.100.102").await;
    let replaced = host.registry().activate(Arc::clone(&new)).unwrap();
    assert_eq!(replaced.digest(), old.digest());
    let outcome = call(&host, "versions", false).await;
    assert_eq!(
        (outcome.text("version"), outcome.digest()),
        (Some("100.100.102"), new.digest())
    );

    let broken = component("100.100.103")[..20_000].to_vec();
    let refused = host
        .install(ComponentSource::named(broken, "broken"), Grants::all())
        .await;
    assert!(refused.is_err());
    assert_eq!(version_of(&host, "versions").await, "100.100.102");

    assert_eq!(
        host.registry().roll_back("versions").unwrap().digest(),
        old.digest()
    );
    assert_eq!(version_of(&host, "versions").await, "100.100.101");

    assert!(engine.release("versions-1"));
    let outcome = running.await.unwrap();
    assert_eq!(outcome.digest(), old.digest());
    assert_eq!(outcome.text("version"), Some("100.100.101"));
}

#[tokio::test]
async fn versions_are_named_in_every_documented_way() {
    let (host, _engine, _folder) = versions_host().await;
    for version in ["100.100.101", "100.101.100", "101.100.100", "100.100.100"] {
        host.registry().activate(load(&host, version).await);
    }
    let digest = load(&host, "100.101.100").await.digest();
    let cases = [
        ("versions", "100.100.100"),
        ("versions@100", "100.101.100"),
        ("versions@100.100", "100.100.101"),
        ("versions@101.100.100", "101.100.100"),
        (&format!("versions@{digest}"), "100.101.100"),
    ];
    for (reference, version) in cases {
        assert_eq!(version_of(&host, reference).await, version, "{reference}");
    }
    let missing = host
        .registry()
        .resolve(&"versions@7".parse().unwrap())
        .unwrap_err();
    assert!(matches!(missing, ResolveError::UnknownVersion { .. }));
    assert!(
        missing.to_string().contains("`versions@101.100.100`"),
        "{missing}"
    );
}

#[tokio::test]
async fn what_is_added_is_in_use_by_its_version_until_somebody_chooses() {
    let (host, _engine, _folder) = versions_host().await;
    let registry = host.registry();
    for version in ["100.100.102", "100.100.101", "101.0.0-rc1"] {
        registry.add(load(&host, version).await).unwrap();
    }
    registry.add(load(&host, "100.100.101").await).unwrap();
    assert_eq!(version_of(&host, "versions").await, "100.100.102");
    registry.activate(load(&host, "100.100.101").await);
    registry.add(load(&host, "100.100.103").await).unwrap();
    assert_eq!(version_of(&host, "versions").await, "100.100.101");
    assert_eq!(version_of(&host, "versions@100").await, "100.100.103");
    let before = registry.roll_back("versions").unwrap();
    assert_eq!(before.version().to_string(), "100.100.102");
    let twin = [&*component("100.100.102"), &[0, 2, 1, b'x']].concat();
    let twin = host.load(ComponentSource::named(twin, "twin"), |_| Grants::all());
    let refused = registry.add(Arc::new(twin.await.unwrap())).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "`versions@100.100.102` is loaded from `100.100.102`, which is another component ({})",
            before.digest()
        )
    );
}

#[tokio::test]
async fn old_versions_do_not_pile_up() {
    let (host, _engine, _folder) = versions_host().await;
    for number in 100..130 {
        host.registry()
            .activate(load(&host, &format!("100.100.{number}")).await);
    }
    let loaded = host.registry().list();
    assert_eq!(
        loaded
            .iter()
            .filter(|tool| tool.kind() == "versions")
            .count(),
        16
    );
    assert_eq!(version_of(&host, "versions").await, "100.100.129");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_or_gets_a_mixture_however_often_tools_change() {
    const SWAPS: usize = 1_000;
    const CALLS: usize = 1_000;
    let (host, _engine, _folder) = versions_host().await;
    let mut tools = Vec::new();
    for number in 100..108 {
        tools.push(load(&host, &format!("100.100.{number}")).await);
    }
    host.registry().activate(Arc::clone(&tools[0]));
    let is_over = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..2)
        .map(|_| {
            let (host, tools) = (Arc::clone(&host), tools.clone());
            let (is_over, calls) = (Arc::clone(&is_over), Arc::clone(&calls));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let outcome = call(&host, "versions", false).await;
                    let tool = tools.iter().find(|tool| tool.digest() == outcome.digest());
                    let version = tool.unwrap().version().to_string();
                    assert_eq!(outcome.text("version"), Some(version.as_str()));
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut swaps = 0;
    while swaps < SWAPS || calls.load(Ordering::Relaxed) < CALLS {
        assert!(
            workers.iter().all(|worker| !worker.is_finished()),
            "a call has failed"
        );
        host.registry()
            .activate(Arc::clone(&tools[swaps % tools.len()]));
        swaps += 1;
        tokio::task::yield_now().await;
    }
    is_over.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
}

#[tokio::test]
async fn a_third_party_replaces_the_script_tool_by_its_kind() {
    let (host, engine, folder) = versions_host().await;
    std::fs::write(folder.path().join("a.py"), "print(1)").unwrap();
    guests::load(&host, "dry-run", Grants::of([Capability::Objects])).await;
    let script = async |reference: &str| {
        let config = json!({"script": {"uri": "a.py"}});
        let request = CallRequest::new(
            reference.parse().unwrap(),
            config,
            ExecutionId::new("1"),
            StepName::new("step"),
        );
        host.call(request).await.unwrap()
    };
    let outcome = script("script").await;
    assert_eq!(outcome.tool(), "script@1.0.0");
    assert!(engine.requests().is_empty(), "nothing was run");
    engine.default_script(JobScript::succeed());
    assert_eq!(script("script@0.1").await.tool(), "script@0.1.0");
    assert_eq!(engine.requests().len(), 1);
}

#[tokio::test]
async fn the_log_says_which_component_ran() {
    let (host, _engine, _folder) = versions_host().await;
    let tool = load(&host, "100.100.101").await;
    host.registry().activate(Arc::clone(&tool));
    let log = guests::CapturedLog::default();
    let captured = log.capture();
    call(&host, "versions", false).await;
    drop(captured);
    assert!(
        log.text().contains(&tool.digest().to_string()),
        "{}",
        log.text()
    );
}

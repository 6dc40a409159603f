//! The suite that every engine has to pass.

#![expect(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::fs;
use std::time::Duration;

use async_trait::async_trait;
use process_engine::ProcessEngine;
use tempfile::TempDir;
use toolhost_capability::conformance::jobs::{self, Behaviour, Harness, Timing, shell_request};
use toolhost_capability::{JobRequest, JobRunner};

const BACKOFF_BASE: Duration = Duration::from_millis(10);

struct Suite {
    engine: ProcessEngine,
    /// Where jobs have their folders.
    jobs: TempDir,
    /// Where attempts count themselves.
    counters: TempDir,
}

impl Suite {
    fn new() -> Self {
        let jobs = tempfile::tempdir().unwrap();
        let search_path = std::env::var("PATH").unwrap();
        Self {
            engine: ProcessEngine::new(jobs.path(), search_path).with_backoff_base(BACKOFF_BASE),
            jobs,
            counters: tempfile::tempdir().unwrap(),
        }
    }
}

#[async_trait]
impl Harness for Suite {
    fn runner(&self) -> &dyn JobRunner {
        &self.engine
    }

    fn timing(&self) -> Timing {
        Timing {
            patience: Duration::from_mins(1),
            unit: Duration::from_millis(500),
            first_backoff: BACKOFF_BASE,
            long_backoff: BACKOFF_BASE * 64,
        }
    }

    async fn request(&self, case: &str, behaviour: &Behaviour) -> JobRequest {
        let counter = self.counters.path().join(case);
        let counter = counter.display();
        shell_request(
            case,
            behaviour,
            &format!("echo >> {counter}; wc -l < {counter}"),
        )
    }

    async fn is_running(&self, name: &str) -> bool {
        let mut jobs = fs::read_dir(self.jobs.path()).unwrap().flatten();
        jobs.any(|job| job.file_name().to_string_lossy().starts_with(name))
    }
}

macro_rules! each_is_a_test {
    ($($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                jobs::$case(&Suite::new()).await;
            }
        )+
    };
}
toolhost_capability::for_each_conformance_case!(each_is_a_test);

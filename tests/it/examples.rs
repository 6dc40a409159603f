//! The examples of the script tool's specification, unchanged, through the whole host: from the playbook
//! to the job that an engine is asked for, and back to the outcome. No cluster and no cloud takes part.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use toolhost::capability::memory::{AttemptScript, Exit, JobScript, MemoryEngine, Step};
use toolhost::capability::{
    CapabilityError, FetchRequest, JobRequest, Object, ObjectMetadata, ObjectSource, Reason,
};
use toolhost::credential::{CredentialProvider, CredentialsFile};
use toolhost::host::{CallError, CallRequest, ExecutionId, StepName, ToolHost};
use toolhost_cli::playbook::{
    self, Playbook, RunInputs, StepCall, StepResult, StepRunner, StepStatus,
};
use toolhost_diagnostic::Document;

use crate::guests;

/// The execution of the specification's own examples.
const EXECUTION: &str = "522095307073519743";
/// What every script is.
const SCRIPT: &str = "print('an example')\n";

/// Where the scripts of the examples come from.
fn sources(asked: &Asked) -> Arc<dyn ObjectSource> {
    Arc::new(Everywhere(Arc::clone(asked)))
}

/// What sources were asked for.
type Asked = Arc<Mutex<Vec<FetchRequest>>>;

/// Has every script of the examples, wherever it is said to be.
struct Everywhere(Asked);

#[async_trait]
impl ObjectSource for Everywhere {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        let known = ["gs://", "s3://", "https://", "./", "scripts/"];
        if !known.iter().any(|start| request.uri.starts_with(start)) {
            return Err(CapabilityError::new(
                Reason::FetchNotFound,
                "not an example",
            ));
        }
        self.0.lock().unwrap().push(request);
        Ok(Object {
            bytes: SCRIPT.into(),
            metadata: ObjectMetadata::default(),
        })
    }
}

/// What became of an example.
struct Ran {
    /// What its source was asked for.
    fetched: FetchRequest,
    /// The job that it came to.
    job: Arc<JobRequest>,
    /// What the step gave.
    outcome: Map<String, Value>,
    status: StepStatus,
}

/// Runs steps on a host.
pub(crate) struct Runner(pub(crate) ToolHost);

impl StepRunner for Runner {
    type Error = CallError;

    async fn run_step(&self, call: StepCall) -> Result<StepResult, CallError> {
        let tool = call.tool.parse().unwrap();
        let execution_id = call.templates.execution_id.clone();
        let request = CallRequest::new(
            tool,
            call.config,
            ExecutionId::new(execution_id),
            StepName::new(call.step),
        )
        .with_templates(call.templates)
        .with_secrets(call.secrets);
        let outcome = self.0.call(request).await?;
        Ok(StepResult {
            status: match outcome.text("status") {
                Some("completed") => StepStatus::Completed,
                _ => StepStatus::Failed,
            },
            tool: outcome.tool().to_owned(),
            outcome: outcome.into_document(),
        })
    }
}

pub(crate) fn fixture(path: &str) -> Document {
    let path = guests::workspace().join("tests/fixtures").join(path);
    let text = std::fs::read_to_string(&path).unwrap();
    Document::parse(&path.display().to_string(), &text).unwrap()
}

/// Runs an example whose job does what `script` says.
async fn run(name: &str, script: JobScript) -> Ran {
    let playbook = Playbook::parse(fixture(&format!("spec/{name}.yaml"))).unwrap();
    let credentials = fixture("credentials/spec.yaml");
    let credentials = Arc::new(CredentialsFile::parse(&credentials, &PathBuf::new()).unwrap());
    let keychain = playbook.keychain(Arc::clone(&credentials) as Arc<dyn CredentialProvider>);
    let inputs = RunInputs {
        execution_id: EXECUTION.parse().unwrap(),
        workload: json!({
            "bucket": "a-bucket", "database_name": "warehouse", "destination": "gs://out",
            "input_path": "gs://in/data.csv", "output_bucket": "out", "processing_date": "2024-12-21",
            "source": "data.csv",
        }),
        secrets: credentials,
        keychain: Arc::new(keychain),
    };
    let engine = MemoryEngine::new();
    engine.default_script(script);
    let asked = Asked::default();
    let folder = tempfile::tempdir().unwrap();
    let host = ToolHost::builder()
        .jobs(Arc::new(engine.clone()))
        .objects(sources(&asked))
        .cache_directory(guests::workspace().join("target/guests/compiled"))
        .log_directory(folder.path())
        .build()
        .unwrap();
    host.load_embedded_tools().await.unwrap();
    let report = playbook::run(&playbook, inputs, &Runner(host)).await;
    let report = report.map_err(|failure| failure.error).expect(name);
    let step = report.steps.into_iter().next().unwrap();
    let mut asked = std::mem::take(&mut *asked.lock().unwrap());
    assert_eq!(asked.len(), 1, "{name}: {:?}", step.outcome);
    let mut jobs = engine.take_requests();
    assert_eq!(jobs.len(), 1, "{name}");
    let job = jobs.remove(0);
    assert_eq!(job.script.as_ref().unwrap().content, SCRIPT.as_bytes());
    assert!(
        !format!("{:?} {job:?}", step.outcome).contains("planted"),
        "{name}"
    );
    Ran {
        fetched: asked.remove(0),
        job,
        outcome: step.outcome,
        status: step.status,
    }
}

async fn succeed(name: &str) -> Ran {
    let script = AttemptScript::exit(0).then_line("[INFO] Complete");
    let ran = run(name, JobScript::new([script])).await;
    assert_eq!(
        ran.status,
        StepStatus::Completed,
        "{name}: {:?}",
        ran.outcome
    );
    ran
}

impl Ran {
    fn environment(&self) -> BTreeMap<&str, &str> {
        let entries = self.job.environment.iter();
        entries
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .collect()
    }

    /// The environment but for what the host itself puts there.
    fn own_environment(&self) -> BTreeMap<&str, &str> {
        let mut environment = self.environment();
        environment.retain(|name, _| !name.starts_with("NOETL_"));
        environment
    }

    fn arguments(&self) -> Value {
        serde_json::from_str(self.environment()["NOETL_ARGS"]).unwrap()
    }

    fn option(&self, name: &str) -> &Value {
        self.job.options.get(name).unwrap_or(&Value::Null)
    }

    fn source(&self) -> (&str, Option<&str>, Option<&str>) {
        let options = &self.fetched.options;
        let source_type = options.source_type.as_deref();
        (
            &self.fetched.uri,
            source_type,
            options.credential.as_deref(),
        )
    }
}

fn texts<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    entries.map(owned).into()
}

#[tokio::test]
async fn minimal() {
    let ran = succeed("minimal").await;
    let uri = "gs://my-bucket/scripts/analyze.py";
    assert_eq!(ran.source(), (uri, Some("gcs"), Some("google_oauth")));
    assert_eq!(ran.arguments(), json!({"dataset": "sales_2024"}));
    assert_eq!(ran.option("image"), "python:3.11-slim");
    assert_eq!(ran.job.backoff_limit, 3);
    assert_eq!(ran.job.script.as_ref().unwrap().file_name, "analyze.py");
}

#[tokio::test]
async fn full() {
    let ran = succeed("full").await;
    let uri = "gs://data-pipelines/scripts/processor.py";
    assert_eq!(
        ran.source(),
        (uri, Some("gcs"), Some("gcp_service_account"))
    );
    assert_eq!(
        ran.arguments(),
        json!({
            "input_file": "gs://in/data.csv", "output_bucket": "out", "mode": "batch", "chunk_size": 1000,
        })
    );
    assert_eq!(ran.option("image"), "python:3.11-slim");
    assert_eq!(ran.option("namespace"), "noetl");
    assert_eq!(ran.option("ttlSecondsAfterFinished"), 300);
    assert_eq!(ran.job.backoff_limit, 3);
    assert_eq!(ran.job.active_deadline.unwrap().as_secs(), 3600);
    assert_eq!(
        ran.job.requests,
        texts([("memory", "512Mi"), ("cpu", "1000m")])
    );
    assert_eq!(ran.job.limits, texts([("memory", "2Gi"), ("cpu", "2000m")]));
    assert_eq!(
        ran.own_environment(),
        BTreeMap::from([
            ("GCP_TOKEN", "planted-gcp-token"),
            (
                "DATABASE_URL",
                "postgresql://app:planted-app@db.internal/app"
            ),
            ("LOG_LEVEL", "INFO"),
        ])
    );
}

#[tokio::test]
async fn process_data_with_a_token_of_the_keychain() {
    let ran = succeed("keychain").await;
    assert_eq!(
        ran.outcome["job_name"],
        format!("script-process-data-{EXECUTION}")
    );
    assert_eq!(
        ran.own_environment(),
        BTreeMap::from([
            ("GCP_TOKEN", "planted-google-oauth"),
            ("GCS_BUCKET", "a-bucket")
        ])
    );
}

#[tokio::test]
async fn transform_data_in_an_image_with_spark() {
    let ran = succeed("data-processing").await;
    let uri = "s3://data-pipelines/transformations/sales_aggregate.py";
    assert_eq!(ran.source(), (uri, Some("s3"), Some("aws_data_pipeline")));
    assert_eq!(ran.fetched.options.region.as_deref(), Some("us-east-1"));
    assert_eq!(ran.option("image"), "custom/spark-python:3.4");
    assert_eq!(
        ran.job.requests,
        texts([("memory", "4Gi"), ("cpu", "2000m")])
    );
    assert_eq!(ran.job.limits, texts([("memory", "8Gi"), ("cpu", "4000m")]));
    assert_eq!(ran.arguments()["partition_by"], "month");
}

#[tokio::test]
async fn run_migration_with_the_client_of_the_database() {
    let ran = succeed("database-migration").await;
    assert_eq!(ran.option("image"), "postgres:15-alpine");
    assert!(
        ran.job.command.first().unwrap().contains("psql"),
        "{:?}",
        ran.job.command
    );
    assert_eq!(
        ran.job.requests,
        texts([("memory", "256Mi"), ("cpu", "500m")])
    );
    assert_eq!(
        ran.own_environment(),
        BTreeMap::from([
            ("PGHOST", "db.planted.internal"),
            ("PGUSER", "planted-db-user"),
            ("PGPASSWORD", "planted-db-password"),
            ("PGDATABASE", "warehouse"),
        ])
    );
}

#[tokio::test]
async fn train_model_on_a_graphics_processor() {
    let ran = succeed("machine-learning").await;
    assert_eq!(ran.option("image"), "tensorflow/tensorflow:2.14.0-gpu");
    let gpu = ("nvidia.com/gpu", "1");
    assert_eq!(
        ran.job.requests,
        texts([("memory", "8Gi"), ("cpu", "4000m"), gpu])
    );
    assert_eq!(
        ran.job.limits,
        texts([("memory", "16Gi"), ("cpu", "8000m"), gpu])
    );
    assert_eq!(
        ran.arguments()["hyperparameters"],
        json!({"learning_rate": 0.001, "batch_size": 32, "epochs": 100})
    );
    assert_eq!(
        ran.own_environment(),
        BTreeMap::from([
            ("GCP_TOKEN", "planted-gcp-token"),
            ("WANDB_API_KEY", "planted-wandb-key"),
        ])
    );
}

#[tokio::test]
async fn extract_transform_load_with_secrets_in_its_arguments() {
    let ran = succeed("batch-etl").await;
    let uri = "https://github.com/company/etl-scripts/raw/main/daily_etl.py";
    assert_eq!(ran.source(), (uri, Some("http"), None));
    assert_eq!(ran.fetched.options.timeout.unwrap().as_secs(), 60);
    assert_eq!(ran.job.active_deadline.unwrap().as_secs(), 7200);
    assert_eq!(
        ran.arguments(),
        json!({
            "date": "2024-12-21",
            "sources": [
                {"name": "crm", "connection": "postgresql://crm:planted-crm@db.internal/crm"},
                {
                    "name": "analytics",
                    "connection": "postgresql://analytics:planted-analytics@db.internal/analytics",
                },
            ],
            "destination": "postgresql://warehouse:planted-warehouse@db.internal/warehouse",
        })
    );
}

#[tokio::test]
async fn scripts_of_every_kind_of_source() {
    for (name, uri, source_type, credential) in [
        ("source-file", "./scripts/local_script.py", "file", None),
        (
            "source-gcs",
            "gs://bucket-name/path/to/script.py",
            "gcs",
            Some("google_oauth"),
        ),
        (
            "source-s3",
            "s3://bucket-name/path/to/script.sql",
            "s3",
            Some("aws_credentials"),
        ),
        ("source-http", "scripts/transform.py", "http", None),
    ] {
        let ran = succeed(name).await;
        assert_eq!(ran.source(), (uri, Some(source_type), credential), "{name}");
    }
    let options = succeed("source-http").await.fetched.options;
    assert_eq!(options.endpoint.as_deref(), Some("https://api.example.com"));
    assert_eq!(options.method.as_deref(), Some("GET"));
    assert_eq!(options.timeout.unwrap().as_secs(), 30);
    let (name, value) = &options.headers[0];
    assert_eq!(name, "Authorization");
    assert_eq!(value.expose_secret(), "Bearer planted-api-token");
}

#[tokio::test]
async fn every_other_example() {
    let ran = succeed("arguments").await;
    assert_eq!(
        ran.arguments()["filters"],
        json!({"status": "active", "date_range": {"start": "2024-01-01", "end": "2024-12-31"}})
    );
    let ran = succeed("image").await;
    assert_eq!(ran.option("imagePullPolicy"), "IfNotPresent");
    let ran = succeed("namespace").await;
    assert_eq!(ran.option("namespace"), "noetl");
    let ran = succeed("resources").await;
    assert_eq!(ran.job.limits, texts([("memory", "1Gi"), ("cpu", "2000m")]));
    let ran = succeed("retry-and-timeout").await;
    assert_eq!(ran.job.backoff_limit, 3);
    let ran = succeed("multiple-credentials").await;
    let names: Vec<_> = ran.own_environment().into_keys().collect();
    let expected = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "DATABASE_PASSWORD",
        "GCP_TOKEN",
    ];
    assert_eq!(names, expected);
}

/// The keys of "Execution Results", with what they mean.
#[tokio::test]
async fn the_results_are_those_of_the_specification() {
    let keys = [
        "status",
        "job_name",
        "pod_name",
        "execution_time",
        "output",
        "succeeded",
        "failed",
    ];
    let complete = AttemptScript::exit(0)
        .then_line("[INFO] Processing started...")
        .then_line("[INFO] Complete");
    let ran = run("keychain", JobScript::new([complete])).await;
    for key in keys {
        assert!(ran.outcome.contains_key(key), "{key}: {:?}", ran.outcome);
    }
    assert_eq!(ran.outcome["status"], "completed");
    assert_eq!(
        ran.outcome["output"],
        "[INFO] Processing started...\n[INFO] Complete\n"
    );
    assert_eq!(
        (&ran.outcome["succeeded"], &ran.outcome["failed"]),
        (&json!(1), &json!(0))
    );
    assert!(ran.outcome["execution_time"].is_number());
    let job_name = ran.outcome["job_name"].as_str().unwrap();
    assert!(
        ran.outcome["pod_name"]
            .as_str()
            .unwrap()
            .starts_with(job_name)
    );

    let line = b"[ERROR] Connection timeout to database\n".as_slice();
    let failing = AttemptScript::new([Step::Write(line.into())], Exit::Code(1));
    let ran = run("full", JobScript::new([failing])).await;
    assert_eq!(ran.status, StepStatus::Failed);
    for key in keys {
        assert!(ran.outcome.contains_key(key), "{key}: {:?}", ran.outcome);
    }
    assert_eq!(ran.outcome["status"], "failed");
    assert_eq!(
        ran.outcome["output"],
        "[ERROR] Connection timeout to database\n"
    );
    // The first attempt and three more, as `backoffLimit: 3` has it.
    assert_eq!(
        (&ran.outcome["succeeded"], &ran.outcome["failed"]),
        (&json!(0), &json!(4))
    );
}

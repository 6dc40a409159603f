//! The requests that the API server was asked, from its audit log.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// Where the audit log is.
const VARIABLE: &str = "TOOLHOST_TEST_AUDIT_LOG";
/// How long the log may lack what was already answered.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is read meanwhile.
const INTERVAL: Duration = Duration::from_millis(100);

/// The audit log of the cluster.
pub(super) struct AuditLog(PathBuf);

/// A request that was answered.
pub(super) struct Request {
    line: Value,
    /// Its line in the log.
    pub(super) text: String,
}

impl AuditLog {
    /// The log of the tests' cluster; none, and a line that says so, where it is not given.
    pub(super) fn of_environment(test: &str) -> Option<Self> {
        let path = std::env::var_os(VARIABLE);
        if path.is_none() {
            // Not by a macro, whose output is shown of tests that fail only.
            let said =
                format!("skipped: the requests of {test}, because `{VARIABLE}` is not set\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
        }
        path.map(|path| Self(path.into()))
    }

    /// The requests of a namespace, once there is one that `awaited` accepts.
    pub(super) async fn requests(
        &self,
        namespace: &str,
        awaited: impl Fn(&Request) -> bool,
    ) -> Vec<Request> {
        let reading = async {
            loop {
                let requests = self.read(namespace);
                if requests.iter().any(&awaited) {
                    return requests;
                }
                tokio::time::sleep(INTERVAL).await;
            }
        };
        let requests = tokio::time::timeout(PATIENCE, reading).await;
        requests.expect("the audit log lacks the request that is looked for")
    }

    /// All that name the namespace, also in the name of an account.
    fn read(&self, namespace: &str) -> Vec<Request> {
        let lines = BufReader::new(File::open(&self.0).unwrap()).lines();
        lines
            .map(Result::unwrap)
            .filter(|line| line.contains(namespace))
            // The last line may not be whole yet.
            .filter_map(|text| {
                Some(Request {
                    line: serde_json::from_str(&text).ok()?,
                    text,
                })
            })
            .collect()
    }
}

impl Request {
    /// `VERB RESOURCE`, with the subresource where there is one.
    pub(super) fn what(&self) -> String {
        let object = &self.line["objectRef"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (verb, resource) = (text(&self.line["verb"]), text(&object["resource"]));
        match object["subresource"].as_str() {
            Some(subresource) => format!("{verb} {resource}/{subresource}"),
            None => format!("{verb} {resource}"),
        }
    }

    pub(super) fn user(&self) -> &str {
        self.line["user"]["username"].as_str().unwrap_or_default()
    }

    pub(super) fn object(&self) -> &str {
        self.line["objectRef"]["name"].as_str().unwrap_or_default()
    }

    pub(super) fn code(&self) -> Option<u64> {
        self.line["responseStatus"]["code"].as_u64()
    }

    pub(super) fn received(&self) -> Timestamp {
        let time = self.line["requestReceivedTimestamp"].as_str();
        time.unwrap().parse().unwrap()
    }
}

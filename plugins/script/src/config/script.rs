use alloc::collections::BTreeMap;
use alloc::string::String;

use schemars::JsonSchema;
use serde::Deserialize;

use noetl_job_tool::config::{Seconds, Text, Words};

/// Where the script is, and what runs it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptConfig {
    /// Where it is: `gs://BUCKET/PATH`, `s3://BUCKET/PATH`, `https://…`, or a path.
    pub uri: Option<String>,
    /// How to fetch it; derived from the URI by default.
    pub source: Option<Source>,
    /// The script itself, instead of a URI.
    pub content: Option<String>,
    /// The program that runs it, such as `python3 -u` or `[python3, -u]`; derived from the script's first
    /// line (`#!`) or the extension of its name by default.
    pub interpreter: Option<Words>,
    /// The SHA-256 that the script must have, as 64 hexadecimal digits.
    pub sha256: Option<String>,
}

/// How to fetch a script.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The kind of source; derived from the URI by default.
    #[serde(rename = "type")]
    pub kind: Option<SourceType>,
    /// The name of the credential to use.
    pub auth: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// The base of a relative URI, or another server of an object store.
    pub endpoint: Option<String>,
    /// The HTTP method; default `GET`.
    pub method: Option<String>,
    /// HTTP headers.
    pub headers: Option<BTreeMap<String, Text>>,
    /// The time limit for fetching the script, in seconds.
    pub timeout: Option<Seconds>,
}

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceType {
    /// Google Cloud Storage: `gs://`.
    Gcs,
    /// Amazon S3 and compatible servers: `s3://`.
    S3,
    /// HTTP and HTTPS.
    Http,
    /// A file of the workspace.
    File,
    /// The playbook itself: `content`.
    Inline,
}

impl SourceType {
    /// The name in playbooks.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gcs => "gcs",
            Self::S3 => "s3",
            Self::Http => "http",
            Self::File => "file",
            Self::Inline => "inline",
        }
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::policy::Policy;

/// Settings of every job of one engine.
#[derive(Debug, Clone)]
pub(crate) struct ManifestSettings {
    /// The namespace of a job that names none.
    pub(crate) default_namespace: String,
    /// The image of a job that names none; without a default such a job is refused.
    pub(crate) default_image: Option<String>,
    /// Additional labels of every object.
    pub(crate) labels: BTreeMap<String, String>,
    /// What jobs may request from the cluster.
    pub(crate) policy: Arc<Policy>,
}

impl Default for ManifestSettings {
    fn default() -> Self {
        Self {
            default_namespace: "noetl".to_owned(),
            default_image: None,
            labels: BTreeMap::new(),
            policy: Arc::default(),
        }
    }
}

//! What the jobs of a host may request from a cluster.
//!
//! [`Policy`] is what the operator of a host allows. It is checked on the Job as it would be sent, after every option
//! and `podTemplate` were merged, and before the first request. [`rules`] lists the fields that a job may set: any
//! other field, including one of a future Kubernetes, is denied. [`controls`] checks the values of those that depend on
//! the policy, and [`required`] the required fields. Its levels are those of the [Pod Security
//! Standards](https://kubernetes.io/docs/concepts/security/pod-security-standards/).
//!
//! It applies to the users of this host. Others who may create pods in a namespace are restricted only by the cluster.

mod controls;
mod images;
mod metadata;
mod pattern;
mod references;
mod required;
mod review;
mod rules;
mod settings;
mod walk;

use k8s_openapi::api::batch::v1::Job;
use serde_json::Value;

use self::review::Review;

pub use self::images::ImagePattern;
pub use self::pattern::{ParsePatternError, Pattern};
pub(crate) use self::review::Violation;
pub use self::settings::{Confinement, HostNamespace, PodSecurity, Policy};

impl Policy {
    /// Returns what the policy does not allow in a job.
    ///
    /// `job` is the Job as it would be sent, and `document` the same as JSON.
    pub(super) fn violations(
        &self,
        job: &Job,
        document: &Value,
        default_namespace: &str,
    ) -> Vec<Violation> {
        let review = Review {
            policy: self,
            job: job.metadata.name.as_deref().unwrap_or_default(),
            default_namespace,
        };
        let mut violations = walk::violations(&review, document);
        violations.extend(required::violations(&review, job));
        violations
    }
}

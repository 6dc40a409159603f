use std::sync::Arc;

use kube::Error;

use super::api;
use super::cluster::Cluster;
use super::names::secret_name;
use super::view::{EventView, JobView, PodView, WorkloadView};

/// The requests about one existing job.
///
/// Each is retried while its error may pass, as in [`Cluster::during`].
#[derive(Clone)]
pub(super) struct JobApi {
    pub(super) cluster: Arc<Cluster>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
}

impl JobApi {
    /// Returns the job of this name, which may have another uid by now.
    pub(super) async fn get(&self) -> Result<JobView, Error> {
        let client = self.cluster.connection.client();
        let get = || api::get_job(&client, &self.namespace, &self.name);
        self.cluster.during(get).await
    }

    /// Resumes it.
    pub(super) async fn resume(&self) -> Result<(), Error> {
        let client = self.cluster.connection.client();
        let resume = || api::resume_job(&client, &self.namespace, &self.name);
        self.cluster.during(resume).await
    }

    /// Makes the Job controller end it immediately, so that its object stays for inspection. `verdict` is the reason.
    pub(super) async fn end(&self, verdict: &str) -> Result<(), Error> {
        let client = self.cluster.connection.client();
        let end = || api::end_job(&client, &self.namespace, &self.name, verdict);
        self.cluster.during(end).await
    }

    /// Deletes it, and what belongs to it.
    pub(super) async fn delete(&self) -> Result<(), Error> {
        let client = self.cluster.connection.client();
        let delete = || api::delete_job(&client, &self.namespace, &self.name, &self.uid);
        self.cluster.during(delete).await
    }

    /// Lists its pods.
    pub(super) async fn pods(&self) -> Result<Vec<PodView>, Error> {
        let client = self.cluster.connection.client();
        let pods = || api::pods_of_job(&client, &self.namespace, &self.uid);
        self.cluster.during(pods).await
    }

    /// Deletes one of its pods, with the pod's own grace period.
    pub(super) async fn delete_pod(&self, name: &str, uid: &str) -> Result<(), Error> {
        let client = self.cluster.connection.client();
        let delete = || api::delete_pod(&client, &self.namespace, name, uid);
        self.cluster.during(delete).await
    }

    /// Deletes its Secret.
    pub(super) async fn delete_secret(&self) -> Result<(), Error> {
        let client = self.cluster.connection.client();
        let secret = secret_name(&self.name);
        let delete = || api::delete_secret(&client, &self.namespace, &secret, false);
        self.cluster.during(delete).await
    }

    /// Lists its Workloads. It is retried as long as in [`Cluster::before`]: nothing depends on it.
    pub(super) async fn workloads(&self) -> Result<Vec<WorkloadView>, Error> {
        let client = self.cluster.connection.client();
        let workloads = || api::workloads_of_job(&client, &self.namespace, &self.uid);
        self.cluster.before(workloads).await
    }

    /// Lists the warnings about an object of its namespace.
    pub(super) async fn warnings(&self, uid: &str) -> Vec<EventView> {
        self.cluster.warnings(&self.namespace, uid).await
    }
}

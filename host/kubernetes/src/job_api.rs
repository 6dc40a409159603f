use std::sync::Arc;

use kube::Error;

use super::api;
use super::cluster::Cluster;
use super::names::secret_name;
use super::view::{EventView, JobView, PodView, WorkloadView};

/// The requests about one job that there is.
///
/// Each is repeated while what is wrong with it passes, as [`Cluster::during`] does it.
#[derive(Clone)]
pub(super) struct JobApi {
    pub(super) cluster: Arc<Cluster>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
}

impl JobApi {
    /// The job of this name, which may be of another uid by now.
    pub(super) async fn get(&self) -> Result<JobView, Error> {
        let client = self.cluster.connection.client();
        let get = || api::get_job(&client, &self.namespace, &self.name);
        self.cluster.during(get).await
    }

    /// Lets it begin.
    pub(super) async fn resume(&self) -> Result<(), Error> {
        let client = self.cluster.connection.client();
        let resume = || api::resume_job(&client, &self.namespace, &self.name);
        self.cluster.during(resume).await
    }

    /// Lets the Job controller end it at once, so that it stays to be looked at. `verdict` says why.
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

    /// Its pods.
    pub(super) async fn pods(&self) -> Result<Vec<PodView>, Error> {
        let client = self.cluster.connection.client();
        let pods = || api::pods_of_job(&client, &self.namespace, &self.uid);
        self.cluster.during(pods).await
    }

    /// Deletes one of its pods, with the pod's own grace.
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

    /// What a queue knows of it. It is repeated for as long as [`Cluster::before`] does it: nothing depends on it.
    pub(super) async fn workloads(&self) -> Result<Vec<WorkloadView>, Error> {
        let client = self.cluster.connection.client();
        let workloads = || api::workloads_of_job(&client, &self.namespace, &self.uid);
        self.cluster.before(workloads).await
    }

    /// The warnings about an object of its namespace.
    pub(super) async fn warnings(&self, uid: &str) -> Vec<EventView> {
        self.cluster.warnings(&self.namespace, uid).await
    }
}

//! The requests that this engine sends, one function each.

use http::{Method, Request};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::{Client, Error};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::view::{EventView, JobView, PodView, VERDICT, WorkloadView};

const JSON: &str = "application/json";
/// Requests an object's metadata only
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches>).
const METADATA_ONLY: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
/// Maximum number of objects of one kind that are read for one job, and the size of a page.
const MAX_LISTED: u32 = 500;
/// Maximum number of pages of a list that are read: a person does not look through more.
const MAX_PAGES: usize = 20;

/// A list of objects.
#[derive(Deserialize)]
pub(super) struct List<T> {
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<T>,
    #[serde(default)]
    metadata: ListMeta,
}

pub(super) async fn create_job(
    client: &Client,
    namespace: &str,
    job: &Job,
) -> Result<JobView, Error> {
    send(client, Method::POST, jobs(namespace), Some(job)).await
}

pub(super) async fn get_job(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<JobView, Error> {
    get(client, format!("{}/{name}", jobs(namespace))).await
}

pub(super) async fn create_secret(
    client: &Client,
    namespace: &str,
    secret: &Secret,
) -> Result<(), Error> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    order(client, Method::POST, path, Some(secret)).await
}

pub(super) async fn create_config_map(
    client: &Client,
    namespace: &str,
    config_map: &ConfigMap,
) -> Result<(), Error> {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    order(client, Method::POST, path, Some(config_map)).await
}

/// Sends the object as a dry run: the server validates it and does not create it.
///
/// A key that the server's version does not know is an error as well.
pub(super) async fn dry_run(
    client: &Client,
    namespace: &str,
    kind: &str,
    object: &Value,
) -> Result<(), Error> {
    let path = match kind {
        "Job" => jobs(namespace),
        "Pod" => format!("/api/v1/namespaces/{namespace}/pods"),
        "Secret" => format!("/api/v1/namespaces/{namespace}/secrets"),
        _ => format!("/api/v1/namespaces/{namespace}/configmaps"),
    };
    let path = format!("{path}?dryRun=All&fieldValidation=Strict");
    order(client, Method::POST, path, Some(object)).await
}

/// Resumes a suspended job, and clears the server's record of who set which of its fields
/// (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields>).
///
/// Managed fields matter to clients that apply manifests. The server would compute them again with each of the job's
/// later writes, which are four or more, and send them with each of their events.
pub(super) async fn resume_job(client: &Client, namespace: &str, name: &str) -> Result<(), Error> {
    let patch = json!({"metadata": {"managedFields": [{}]}, "spec": {"suspend": false}});
    patch_job(client, namespace, name, &patch).await
}

/// Makes the Job controller end a job immediately, so that its object stays for inspection.
pub(super) async fn end_job(
    client: &Client,
    namespace: &str,
    name: &str,
    verdict: &str,
) -> Result<(), Error> {
    let patch = json!({
        "metadata": {"annotations": {VERDICT: verdict}},
        "spec": {"activeDeadlineSeconds": 1},
    });
    patch_job(client, namespace, name, &patch).await
}

/// Deletes the job of this uid and, before it, everything that belongs to it.
pub(super) async fn delete_job(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: &str,
) -> Result<(), Error> {
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        // The server's default for jobs of this version orphans the pods.
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": uid},
    });
    let path = format!("{}/{name}", jobs(namespace));
    order(client, Method::DELETE, path, Some(&options)).await
}

/// Deletes the pod of this uid, with the pod's own grace period.
pub(super) async fn delete_pod(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: &str,
) -> Result<(), Error> {
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid},
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    order(client, Method::DELETE, path, Some(&options)).await
}

/// Deletes a Secret; with `dry_run`, only asks whether it could be deleted.
pub(super) async fn delete_secret(
    client: &Client,
    namespace: &str,
    name: &str,
    dry_run: bool,
) -> Result<(), Error> {
    let query = if dry_run { "?dryRun=All" } else { "" };
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}{query}");
    order(client, Method::DELETE, path, None::<&Value>).await
}

/// Lists the pods of the job of this uid.
pub(super) async fn pods_of_job(
    client: &Client,
    namespace: &str,
    uid: &str,
) -> Result<Vec<PodView>, Error> {
    let path = format!(
        "/api/v1/namespaces/{namespace}/pods?limit={MAX_LISTED}\
         &labelSelector=batch.kubernetes.io%2Fcontroller-uid%3D{uid}"
    );
    let list: List<PodView> = get(client, path).await?;
    Ok(list.items)
}

/// Lists the jobs with a label of this value, from at most [`MAX_PAGES`] pages.
pub(super) async fn jobs_with_label(
    client: &Client,
    namespace: &str,
    (label, value): (&str, &str),
) -> Result<Vec<JobView>, Error> {
    let label = label.replace('/', "%2F");
    let path = format!(
        "{}?limit={MAX_LISTED}&labelSelector={label}%3D{value}",
        jobs(namespace)
    );
    let mut list: List<JobView> = get(client, path.clone()).await?;
    for _ in 1..MAX_PAGES {
        let Some(next) = list.metadata.continue_.filter(|next| !next.is_empty()) else {
            break;
        };
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page: List<JobView> = get(client, format!("{path}&continue={next}")).await?;
        list.items.extend(page.items);
        list.metadata = page.metadata;
    }
    Ok(list.items)
}

/// Lists the warnings about objects of the namespace. They are read from the server's cache: listing events from etcd
/// overloads servers.
pub(super) async fn warnings(client: &Client, namespace: &str) -> Result<Vec<EventView>, Error> {
    let path = format!(
        "/api/v1/namespaces/{namespace}/events?resourceVersion=0&fieldSelector=type%3DWarning"
    );
    let list: List<EventView> = get(client, path).await?;
    Ok(list.items)
}

/// Lists the Workloads that Kueue has for the job of this uid. Every release of Kueue serves this version of its API;
/// the next one will also serve a newer version.
pub(super) async fn workloads_of_job(
    client: &Client,
    namespace: &str,
    uid: &str,
) -> Result<Vec<WorkloadView>, Error> {
    let list = async |version: &str| {
        let path = format!(
            "/apis/kueue.x-k8s.io/{version}/namespaces/{namespace}/workloads?limit={MAX_LISTED}\
             &labelSelector=kueue.x-k8s.io%2Fjob-uid%3D{uid}"
        );
        get::<List<WorkloadView>>(client, path).await
    };
    let listed = match list("v1beta2").await {
        Err(Error::Api(status)) if status.code == 404 => list("v1beta1").await,
        listed => listed,
    };
    Ok(listed?.items)
}

/// Whether this host is allowed to change jobs of the namespace.
pub(super) async fn may_patch_jobs(client: &Client, namespace: &str) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        allowed: bool,
    }
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "namespace": namespace, "verb": "patch", "group": "batch", "resource": "jobs",
        }},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
    let review: Review = send(client, Method::POST, path, Some(&review)).await?;
    Ok(review.status.allowed)
}

async fn patch_job(
    client: &Client,
    namespace: &str,
    name: &str,
    patch: &Value,
) -> Result<(), Error> {
    let job = format!("{}/{name}", jobs(namespace));
    order(client, Method::PATCH, job, Some(patch)).await
}

fn jobs(namespace: &str) -> String {
    format!("/apis/batch/v1/namespaces/{namespace}/jobs")
}

async fn get<T: DeserializeOwned>(client: &Client, path: String) -> Result<T, Error> {
    send(client, Method::GET, path, None::<&Value>).await
}

/// Sends a request and reads the answer.
async fn send<T: DeserializeOwned>(
    client: &Client,
    method: Method,
    path: String,
    body: Option<&(impl Serialize + Sync)>,
) -> Result<T, Error> {
    client.request(request(method, path, body, JSON)?).await
}

/// Sends a request and discards the answer, so that a Secret with a megabyte of arguments is not sent back.
async fn order(
    client: &Client,
    method: Method,
    path: String,
    body: Option<&(impl Serialize + Sync)>,
) -> Result<(), Error> {
    let request = request(method, path, body, METADATA_ONLY)?;
    let _: IgnoredAny = client.request(request).await?;
    Ok(())
}

fn request(
    method: Method,
    path: String,
    body: Option<&impl Serialize>,
    accept: &'static str,
) -> Result<Request<Vec<u8>>, Error> {
    let body = match body {
        Some(body) => serde_json::to_vec(body).map_err(Error::SerdeError)?,
        None => Vec::new(),
    };
    let content_type = match method {
        Method::PATCH => "application/merge-patch+json",
        _ => JSON,
    };
    Request::builder()
        .method(method)
        .uri(path)
        .header("Accept", accept)
        .header("Content-Type", content_type)
        .body(body)
        .map_err(Error::HttpError)
}

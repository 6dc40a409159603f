use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use kube::core::ObjectMeta;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// The part of the metadata that is read; `Texts` are its labels and annotations.
#[derive(Default, Deserialize)]
#[serde(
    rename_all = "camelCase",
    default,
    bound(deserialize = "Texts: Deserialize<'de> + Default")
)]
struct Metadata<Texts> {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    labels: Texts,
    annotations: Texts,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
    owner_references: Option<Vec<Owner>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Owner {
    kind: String,
    name: String,
    uid: String,
}

/// Reads all of that part.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let mut read = Metadata::<Option<BTreeMap<_, _>>>::deserialize(deserializer)?;
    let (labels, annotations) = (read.labels.take(), read.annotations.take());
    Ok(ObjectMeta {
        labels,
        annotations,
        ..read.into()
    })
}

/// Like [`whole`], without labels and annotations: a pod has a dozen, and they are part of each of its events.
pub(super) fn without_texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ObjectMeta, D::Error> {
    Metadata::<IgnoredAny>::deserialize(deserializer).map(Into::into)
}

impl<Texts> From<Metadata<Texts>> for ObjectMeta {
    fn from(read: Metadata<Texts>) -> Self {
        let owner = |owner: Owner| OwnerReference {
            kind: owner.kind,
            name: owner.name,
            uid: owner.uid,
            ..OwnerReference::default()
        };
        Self {
            name: read.name,
            namespace: read.namespace,
            uid: read.uid,
            resource_version: read.resource_version,
            creation_timestamp: read.creation_timestamp,
            deletion_timestamp: read.deletion_timestamp,
            deletion_grace_period_seconds: read.deletion_grace_period_seconds,
            owner_references: read
                .owner_references
                .map(|owners| owners.into_iter().map(owner).collect()),
            ..Self::default()
        }
    }
}

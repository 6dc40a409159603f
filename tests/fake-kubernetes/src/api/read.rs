use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Api, key, shaped};
use crate::body::{self, Answer};
use crate::call::Call;
use crate::json::text;
use crate::kind::Kind;
use crate::status::Refusal;
use crate::store::{FieldSelector, LabelSelector};

/// Which objects of a kind a request means.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) namespace: String,
    name: String,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub(super) fn of(call: &Call) -> Result<Self, Refusal> {
        Ok(Self {
            namespace: call.namespace.clone(),
            name: call.name.clone(),
            labels: LabelSelector::parse(call.parameter("labelSelector").unwrap_or(""))?,
            fields: FieldSelector::parse(call.parameter("fieldSelector").unwrap_or(""))?,
        })
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let is_here = |wanted: &str, path| wanted.is_empty() || text(object, path) == wanted;
        is_here(&self.namespace, "/metadata/namespace")
            && is_here(&self.name, "/metadata/name")
            && self.labels.matches(object)
            && self.fields.matches(object)
    }
}

pub(super) fn get(api: &Api, kind: &'static Kind, call: &Call) -> Result<Answer, Refusal> {
    let key = key(kind, call, &call.name);
    let object = api.store.get(&key).ok_or_else(|| key.not_found())?;
    Ok(body::json(200, &shaped(call, &object)))
}

pub(super) fn list(api: &Api, kind: &'static Kind, call: &Call) -> Result<Answer, Refusal> {
    let selection = Selection::of(call)?;
    let (mut objects, version) = api.store.list(kind, &selection.namespace);
    objects.retain(|object| selection.matches(object));
    let limit = call
        .parameter("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(0);
    let mut metadata = json!({"resourceVersion": version.to_string()});
    let page = page(api, call, limit, version, &objects, &mut metadata)?;
    let is_partial = call.accept.contains("as=PartialObjectMetadataList");
    let items: Vec<Value> = page
        .iter()
        .map(|object| {
            if is_partial {
                json!({
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": object.get("metadata"),
                })
            } else {
                without_type(object)
            }
        })
        .collect();
    let (name, api_version) = if is_partial {
        ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1")
    } else {
        (format!("{}List", kind.name), kind.api_version())
    };
    let list = json!({
        "kind": name, "apiVersion": api_version, "metadata": metadata, "items": items,
    });
    Ok(body::json(200, &list))
}

/// The part of a list that was asked for; what comes after it is named in `metadata.continue`.
///
/// Unlike the real one, a later page shows the objects as they are by then.
fn page<'a>(
    api: &Api,
    call: &Call,
    limit: usize,
    version: u64,
    objects: &'a [Arc<Value>],
    metadata: &mut Value,
) -> Result<&'a [Arc<Value>], Refusal> {
    let place = |object: &Value| {
        format!(
            "{}\0{}",
            text(object, "/metadata/namespace"),
            text(object, "/metadata/name")
        )
    };
    let mut first = 0;
    let mut version = version;
    if let Some(token) = call.parameter("continue") {
        let (since, after) = read_token(token)?;
        // A token from before a compaction is refused.
        api.store.changes_since(since)?;
        first = objects.partition_point(|object| place(object) <= after);
        version = since;
    }
    let rest = objects.get(first..).unwrap_or_default();
    if limit == 0 || rest.len() <= limit {
        return Ok(rest);
    }
    let page = rest.get(..limit).unwrap_or_default();
    let last = page.last().map(|object| place(object)).unwrap_or_default();
    let token = STANDARD.encode(format!("{version}:{last}"));
    let fields = crate::json::entry(metadata, "continue");
    *fields = token.into();
    *crate::json::entry(metadata, "remainingItemCount") = (rest.len() - limit).into();
    *crate::json::entry(metadata, "resourceVersion") = version.to_string().into();
    Ok(page)
}

fn read_token(token: &str) -> Result<(u64, String), Refusal> {
    let text = STANDARD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    text.as_deref()
        .and_then(|text| text.split_once(':'))
        .and_then(|(version, place)| Some((version.parse().ok()?, place.to_owned())))
        .ok_or_else(|| Refusal::bad_request("continue key is not valid"))
}

/// Items of a list do not say their kind.
fn without_type(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    object
}

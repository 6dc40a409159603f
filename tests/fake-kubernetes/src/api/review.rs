use bytes::Bytes;
use serde_json::{Value, json};

use super::Api;
use crate::body::{self, Answer};
use crate::call::Call;
use crate::json::text;
use crate::status::Refusal;

/// The answer to "who am I" and "may I": reviews are computed, and kept nowhere.
pub(super) fn answer(api: &Api, call: &Call, body: &Bytes) -> Result<Option<Answer>, Refusal> {
    if call.verb != "create" {
        return Ok(None);
    }
    let status = match call.resource.as_str() {
        "selfsubjectreviews" => json!({"userInfo": {"username": api.settings.user}}),
        "selfsubjectaccessreviews" => access(api, &read(body)?),
        _ => return Ok(None),
    };
    let mut review = read(body)?;
    *crate::json::entry(&mut review, "status") = status;
    Ok(Some(body::json(201, &review)))
}

fn read(body: &Bytes) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request(error.to_string()))
}

fn access(api: &Api, review: &Value) -> Value {
    let attribute = |name| text(review, &format!("/spec/resourceAttributes/{name}")).to_owned();
    let asked = Call {
        verb: attribute("verb"),
        group: attribute("group"),
        resource: attribute("resource"),
        subresource: attribute("subresource"),
        namespace: attribute("namespace"),
        name: attribute("name"),
        ..Call::default()
    };
    json!({"allowed": api.rights.check(&asked).is_ok()})
}

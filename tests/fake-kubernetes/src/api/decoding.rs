use serde_json::{Map, Value};
use toolhost_quantity::{Quantity, QuantityError};

use crate::json::list;
use crate::kind::Kind;
use crate::status::Refusal;

/// Rejects a body with invalid quantities: Kubernetes cannot even decode it.
pub(super) fn check_quantities(kind: &'static Kind, value: &Value) -> Result<(), Refusal> {
    let specs = ["/spec/template/spec", "/spec"].into_iter();
    let lists =
        specs.flat_map(|spec| ["containers", "initContainers"].map(|of| format!("{spec}/{of}")));
    for path in lists {
        for container in list(value, &path) {
            for resources in ["/resources/limits", "/resources/requests"] {
                let quantities = container.pointer(resources).and_then(Value::as_object);
                for quantity in quantities.into_iter().flat_map(Map::values) {
                    let is_valid = match quantity {
                        Value::String(text) => is_quantity(text),
                        other => other.is_number(),
                    };
                    if !is_valid {
                        return Err(undecodable(kind));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether it has the form of a quantity. What is negative, or larger than anything, is refused later if at all.
fn is_quantity(text: &str) -> bool {
    !matches!(
        text.parse::<Quantity>(),
        Err(QuantityError::NoNumber | QuantityError::UnknownSuffix)
    )
}

fn undecodable(kind: &'static Kind) -> Refusal {
    Refusal::bad_request(format!(
        "{0} in version \"v1\" cannot be handled as a {0}: quantities must match the regular expression \
         '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        kind.name
    ))
}

//! Errors with which a tool rejects its configuration.

use crate::abi::ToolError;
use crate::capability::{Explanation, Reason};

/// What a tool says of its configuration if it rejected it; otherwise the error, which belongs in an outcome.
///
/// A field that is not a valid path is left out.
pub(super) fn rejection(error: ToolError) -> Result<Explanation, ToolError> {
    if error.code.parse() != Ok(Reason::InvalidRequest) {
        return Err(error);
    }
    let detail = |name: &str| {
        let found = error.details.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text.as_str())
    };
    Ok(Explanation {
        hint: detail("hint").map(|hint| hint.to_owned().into()),
        field: detail("field").and_then(|field| field.parse().ok()),
        ..Explanation::new(Reason::InvalidRequest, &*error.message)
    })
}

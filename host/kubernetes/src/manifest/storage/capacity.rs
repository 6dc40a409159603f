//! How much of a job's inputs its Job can hold.

use std::collections::BTreeMap;

use serde_json::Value;
use toolhost_capability::JobRequest;

/// Maximum size of the inputs in a Job and of the annotations that its request sets, as JSON with their names. Kubernetes
/// accepts at most 256 KiB of annotations of one object (`TotalAnnotationSizeLimitB`). The rest is for others: what
/// admission webhooks and network plugins note about a pod takes hundreds of bytes to a few kilobytes.
const MAX_INLINE_BYTES: usize = (256 - 16) << 10;

/// The remaining size of the inputs in the Job.
#[derive(Debug)]
pub(super) struct Capacity(usize);

impl Capacity {
    /// Returns the capacity next to the annotations that the request and its template of the pods set.
    pub(super) fn next_to_annotations(request: &JobRequest, template: Option<&Value>) -> Self {
        let mut capacity = Self(MAX_INLINE_BYTES);
        for (name, value) in &request.annotations {
            capacity.reserve(name, value);
        }
        let annotations = template.and_then(|template| template.pointer("/metadata/annotations"));
        for (name, value) in annotations.and_then(Value::as_object).into_iter().flatten() {
            capacity.reserve(name, &value.to_string());
        }
        capacity
    }

    /// Takes the capacity for a value. Returns whether there was enough.
    pub(super) fn take(&mut self, name: &str, value: &str) -> bool {
        let Some(rest) = self.0.checked_sub(json_bytes(name, value)) else {
            return false;
        };
        self.0 = rest;
        true
    }

    fn reserve(&mut self, name: &str, value: &str) {
        self.0 = self.0.saturating_sub(json_bytes(name, value));
    }
}

/// Returns the size of a value and its name as JSON, which is at least that of the texts.
fn json_bytes(name: &str, value: &str) -> usize {
    // One that is much too large is not written first.
    if value.len() > MAX_INLINE_BYTES {
        return value.len();
    }
    let entry = BTreeMap::from([(name, value)]);
    serde_json::to_string(&entry).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> JobRequest {
        JobRequest::new("job".parse().unwrap(), vec!["sh".to_owned()])
    }

    #[test]
    fn what_does_not_fit_takes_nothing() {
        let mut capacity = Capacity::next_to_annotations(&request(), None);
        let largest = "x".repeat(MAX_INLINE_BYTES - r#"{"n":""}"#.len());
        assert!(!capacity.take("n", &format!("{largest}x")));
        assert!(!capacity.take("n", &"x".repeat(10 * MAX_INLINE_BYTES)));
        assert!(capacity.take("n", &largest));
        assert!(!capacity.take("n", ""));
    }

    #[test]
    fn a_character_counts_as_it_is_sent() {
        let mut capacity = Capacity::next_to_annotations(&request(), None);
        assert!(!capacity.take("n", &"\u{1}".repeat(MAX_INLINE_BYTES / 6)));
        assert!(capacity.take("n", &"\n".repeat(MAX_INLINE_BYTES / 2 - 4)));
    }

    #[test]
    fn annotations_of_the_request_leave_less() {
        let text = "x".repeat(100_000);
        let mut request = request();
        request.annotations.insert("a".to_owned(), text.clone());
        let mut capacity = Capacity::next_to_annotations(&request, None);
        assert!(capacity.take("n", &text) && !capacity.take("n", &text));
        let template = json!({"metadata": {"annotations": {"b": text}}});
        assert!(!Capacity::next_to_annotations(&request, Some(&template)).take("n", &text));
    }
}

use crate::capability::quantity::Quantity;
use crate::capability::request::{invalid, shortened};
use crate::capability::{CapabilityError, FieldPath, JobRequest};

/// The resource limits of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes of memory.
    pub(super) memory: Option<MemoryLimit>,
    /// Thousandths of a processor.
    pub(super) cpu_thousandths: Option<u64>,
    /// Processes and threads.
    pub(super) processes: u32,
}

/// A limit and its original text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemoryLimit {
    pub(super) bytes: u64,
    pub(super) text: String,
}

impl Limits {
    /// Returns the limits of the request. Requested amounts are checked as well: they reserve nothing here, but a
    /// cluster would refuse invalid ones.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::capability::Reason::InvalidRequest).
    pub(super) fn new(request: &JobRequest, processes: u32) -> Result<Self, CapabilityError> {
        let memory = resource(request, "memory")?;
        let cpu = resource(request, "cpu")?;
        // In Kubernetes a limit of zero means no limit.
        let memory = memory.filter(|quantity| quantity.rounded_up() > 0);
        let cpu = cpu.filter(|quantity| quantity.thousandths() > 0);
        Ok(Self {
            memory: memory.map(|quantity| MemoryLimit {
                bytes: quantity.rounded_up(),
                text: request.limits.get("memory").cloned().unwrap_or_default(),
            }),
            cpu_thousandths: cpu.map(Quantity::thousandths),
            processes,
        })
    }
}

/// Returns warnings for the user: what this engine does not support.
pub(super) fn warnings(request: &JobRequest) -> Vec<String> {
    /// Options that change what a script would see in a container.
    const CHANGING_OPTIONS: [&str; 4] =
        ["podTemplate", "securityContext", "volumeMounts", "volumes"];
    let options = CHANGING_OPTIONS
        .iter()
        .filter(|name| request.options.contains_key(**name))
        .map(|name| {
            format!("the engine `local` has no containers: `{name}` changes nothing for the script")
        });
    let mut extended: Vec<&String> = request
        .requests
        .keys()
        .chain(request.limits.keys())
        .filter(|name| !matches!(name.as_str(), "memory" | "cpu"))
        .collect();
    extended.sort_unstable();
    extended.dedup();
    let extended = extended.into_iter().map(|name| {
        format!(
            "the engine `local` neither provides nor limits `{}`: the script sees what this \
             machine has",
            shortened(name)
        )
    });
    options.chain(extended).collect()
}

/// Returns the limit of that name, after both quantities were checked.
fn resource(request: &JobRequest, name: &str) -> Result<Option<Quantity>, CapabilityError> {
    let parse = |kind: &'static str, text: Option<&String>| {
        text.map(|text| parse(kind, name, text)).transpose()
    };
    let requested = parse("requests", request.requests.get(name))?;
    let limit = parse("limits", request.limits.get(name))?;
    match (requested, limit) {
        (Some(requested), Some(limit)) if requested > limit => Err(invalid(format!(
            "`requests.{name}` is larger than `limits.{name}`"
        ))
        .with_field(FieldPath::from("resources.requests").key(name.to_owned()))),
        _ => Ok(limit),
    }
}

fn parse(kind: &'static str, name: &str, text: &str) -> Result<Quantity, CapabilityError> {
    let field = FieldPath::from("resources").key(kind).key(name.to_owned());
    let quantity: Quantity = text.parse().map_err(|error| {
        let text = shortened(text);
        invalid(format!("`{kind}.{name}` `{text}` {error}")).with_field(field.clone())
    })?;
    if name == "memory" && !quantity.is_whole() && text.ends_with('m') {
        let number = text.trim_end_matches('m');
        return Err(
            invalid(format!("`{kind}.{name}` `{text}` is a fraction of a byte"))
                .with_hint(format!(
                    "`m` means thousandths; write `{number}Mi` or `{number}M`"
                ))
                .with_field(field),
        );
    }
    Ok(quantity)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::capability::Reason;

    fn request(requests: &[(&str, &str)], limits: &[(&str, &str)]) -> JobRequest {
        let map = |entries: &[(&str, &str)]| {
            entries
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let mut request = JobRequest::new("job".parse().unwrap(), vec!["sh".to_owned()]);
        request.requests = map(requests);
        request.limits = map(limits);
        request
    }

    #[test]
    fn memory_and_cpu_are_read() {
        let limits =
            Limits::new(&request(&[], &[("memory", "1.5Gi"), ("cpu", "500m")]), 7).unwrap();
        let memory = limits.memory.unwrap();
        assert_eq!((memory.bytes, memory.text.as_str()), (3 << 29, "1.5Gi"));
        assert_eq!((limits.cpu_thousandths, limits.processes), (Some(500), 7));
    }

    #[test]
    fn zero_means_no_limit() {
        let limits = Limits::new(&request(&[], &[("memory", "0"), ("cpu", "0")]), 1).unwrap();
        assert_eq!((limits.memory, limits.cpu_thousandths), (None, None));
    }

    #[test]
    fn the_field_of_an_invalid_quantity_is_named() {
        for (requests, limits, field) in [
            (vec![], vec![("memory", "1GB")], "limits.memory"),
            (vec![("cpu", "-1")], vec![], "requests.cpu"),
            (vec![("cpu", "2")], vec![("cpu", "1")], "requests.cpu"),
            (vec![], vec![("memory", "256m")], "limits.memory"),
        ] {
            let error = Limits::new(&request(&requests, &limits), 1).unwrap_err();
            assert_eq!(error.explanation.reason, Reason::InvalidRequest);
            let expected = Some(format!("resources.{field}"));
            assert_eq!(error.explanation.field_text(), expected);
        }
    }

    #[test]
    fn unsupported_requests_are_reported() {
        let mut request = request(&[("nvidia.com/gpu", "1")], &[("nvidia.com/gpu", "1")]);
        for name in ["image", "volumes", "podTemplate"] {
            request.options.insert(name.to_owned(), json!("x"));
        }
        let warnings = warnings(&request).join("\n");
        for name in ["`nvidia.com/gpu`", "`volumes`", "`podTemplate`"] {
            assert_eq!(warnings.matches(name).count(), 1, "{warnings}");
        }
        assert!(!warnings.contains("image"));
    }
}

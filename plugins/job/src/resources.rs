//! `resources`, checked before anything is started: a cluster would report the same errors much later.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use noetl_tool_sdk::Error;
use toolhost_quantity::{Quantity, QuantityError, suggestion};

use crate::config::{Resources, Text};

/// Checks the quantities and the relation between requests and limits. `keys` is what the paths of the job's keys begin
/// with.
///
/// # Errors
///
/// `InvalidRequest` with the path of the value.
pub(crate) fn check(resources: &Resources, keys: &str) -> Result<(), Error> {
    let of_requests = &format!("{keys}resources.requests");
    let of_limits = &format!("{keys}resources.limits");
    let empty = BTreeMap::new();
    let requests = resources.requests.as_ref().unwrap_or(&empty);
    let limits = resources.limits.as_ref().unwrap_or(&empty);
    for (name, limit) in limits {
        parse(of_limits, name, limit)?;
    }
    for (name, request) in requests {
        let requested = parse(of_requests, name, request)?;
        match limits.get(name) {
            Some(limit) => {
                let allowed = parse(of_limits, name, limit)?;
                check_pair(
                    name,
                    (of_requests, request, requested),
                    (of_limits, limit, allowed),
                )?;
            }
            None if is_extended(name) => {
                let field = field(of_requests, name);
                let message = format!("`{field}` requires the same value in `{of_limits}`");
                return Err(Error::invalid(field, message)
                    .with_hint(format!("add `{name}: {}` to the limits", request.0)));
            }
            None => {}
        }
    }
    Ok(())
}

fn check_pair(
    name: &str,
    (of_requests, request, requested): (&str, &Text, Quantity),
    (of_limits, limit, allowed): (&str, &Text, Quantity),
) -> Result<(), Error> {
    let field = || field(of_limits, name);
    if allowed < requested {
        let field = field();
        let message = format!(
            "`{field}` is `{}`, less than the request of `{}`",
            limit.0, request.0
        );
        let hint = format!("raise the limit, or lower `{of_requests}.{name}`");
        return Err(Error::invalid(field, message).with_hint(hint));
    }
    if is_extended(name) && allowed != requested {
        let field = field();
        let message = format!(
            "`{field}` is `{}`, but the request of `{name}` must be equal to the limit: `{}`",
            limit.0, request.0
        );
        return Err(Error::invalid(field, message));
    }
    Ok(())
}

fn parse(list: &str, name: &str, text: &Text) -> Result<Quantity, Error> {
    check_name(list, name)?;
    let Text(text) = text;
    let quantity: Quantity = text.parse().map_err(|error| {
        let field = field(list, name);
        if error == QuantityError::TooLarge {
            let message = format!("invalid `{field}` `{text}`: too large");
            return Error::invalid(field, message);
        }
        let message = format!("invalid quantity `{text}` of `{field}`");
        Error::invalid(field, message).with_hint(match suggestion(text) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "use a number with a suffix, such as `500m`, `2` or `1.5Gi`".into(),
        })
    })?;
    if is_extended(name) && !quantity.is_whole() {
        let field = field(list, name);
        let message = format!("invalid `{field}` `{text}`: expected a whole number");
        return Err(Error::invalid(field, message));
    }
    if is_bytes(name) && text.ends_with('m') && !quantity.is_whole() {
        let field = field(list, name);
        let message =
            format!("`{field}` is not a whole number of bytes: `m` in `{text}` means thousandths");
        let number = text.trim_end_matches('m');
        return Err(Error::invalid(field, message).with_hint(format!("did you mean `{number}Mi`?")));
    }
    Ok(quantity)
}

fn check_name(list: &str, name: &str) -> Result<(), Error> {
    if matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || name.starts_with("hugepages-")
        || is_extended(name)
    {
        return Ok(());
    }
    let meant = match name {
        "mem" | "Memory" | "ram" => "memory",
        "CPU" | "cpus" | "cores" => "cpu",
        "disk" | "storage" => "ephemeral-storage",
        "gpu" | "gpus" | "GPU" => "nvidia.com/gpu",
        _ => "",
    };
    let hint = if meant.is_empty() {
        "expected `cpu`, `memory`, `ephemeral-storage`, and names with a domain such as \
         `nvidia.com/gpu`"
            .into()
    } else {
        format!("did you mean `{meant}`?")
    };
    let field = field(list, name);
    Err(Error::invalid(field, format!("unknown resource `{name}`")).with_hint(hint))
}

fn is_bytes(name: &str) -> bool {
    matches!(name, "memory" | "ephemeral-storage") || name.starts_with("hugepages-")
}

/// Resources with a domain in their name, such as GPUs, are counted in whole numbers and not shared.
fn is_extended(name: &str) -> bool {
    name.contains('/')
}

fn field(list: &str, name: &str) -> String {
    format!("{list}.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> Result<(), Error> {
        check(&serde_json::from_str(json).unwrap(), "job.")
    }

    #[test]
    fn accepts_what_the_specification_shows() {
        let cases = [
            r#"{"requests": {"memory": "512Mi", "cpu": "1000m"}, "limits": {"memory": "2Gi", "cpu": "2000m"}}"#,
            r#"{"requests": {"memory": "8Gi", "nvidia.com/gpu": 1}, "limits": {"memory": "16Gi", "nvidia.com/gpu": 1}}"#,
            r#"{"requests": {"cpu": 1, "memory": 1073741824}, "limits": {"cpu": "1", "memory": "1Gi"}}"#,
            r#"{"limits": {"cpu": 0.5, "ephemeral-storage": "1Gi", "hugepages-2Mi": "4Mi"}}"#,
            r#"{"requests": null}"#,
            "{}",
        ];
        for case in cases {
            assert_eq!(checked(case), Ok(()), "{case}");
        }
    }

    #[test]
    fn names_the_culprit_and_the_fix() {
        let cases = [
            (
                r#"{"limits": {"memory": "2GB"}}"#,
                "job.resources.limits.memory",
                "`2Gi`",
            ),
            (
                r#"{"limits": {"memory": "512m"}}"#,
                "job.resources.limits.memory",
                "`512Mi`",
            ),
            (
                r#"{"requests": {"cpu": "two"}}"#,
                "job.resources.requests.cpu",
                "`500m`",
            ),
            (
                r#"{"requests": {"mem": "1Gi"}}"#,
                "job.resources.requests.mem",
                "`memory`",
            ),
            (
                r#"{"requests": {"memory": "2Gi"}, "limits": {"memory": "2G"}}"#,
                "job.resources.limits.memory",
                "raise the limit",
            ),
            (
                r#"{"requests": {"nvidia.com/gpu": 1}}"#,
                "job.resources.requests.nvidia.com/gpu",
                "to the limits",
            ),
        ];
        for (case, field, hint) in cases {
            let error = checked(case).unwrap_err();
            assert_eq!(error.field(), Some(field), "{case}");
            assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
        }
    }

    #[test]
    fn keeps_devices_whole_and_unshared() {
        let pair = r#"{"requests": {"a.b/c": 1}, "limits": {"a.b/c": 2}}"#;
        assert!(
            checked(pair)
                .unwrap_err()
                .message
                .contains("must be equal to the limit")
        );
        let half = r#"{"limits": {"a.b/c": "500m"}}"#;
        assert!(checked(half).unwrap_err().message.contains("whole number"));
    }
}

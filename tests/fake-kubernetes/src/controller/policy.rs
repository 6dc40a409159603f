use serde_json::Value;

use super::conditions::find;
use crate::json::{list, number, text};

/// What a pod failure policy says of a failed pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts.
    Count,
    /// It does not count.
    Ignore,
    /// The Job failed, with this message.
    FailJob(String),
}

pub(super) fn judge(job: &Value, pod: &Value) -> Verdict {
    let rules = list(job, "/spec/podFailurePolicy/rules");
    for (index, rule) in rules.iter().enumerate() {
        let Some(what) = by_exit_code(rule, pod).or_else(|| by_condition(rule, pod)) else {
            continue;
        };
        return match text(rule, "/action") {
            "Ignore" => Verdict::Ignore,
            "FailJob" => Verdict::FailJob(format!("{what} matching FailJob rule at index {index}")),
            _ => Verdict::Count,
        };
    }
    Verdict::Count
}

fn place(pod: &Value) -> String {
    format!(
        "{}/{}",
        text(pod, "/metadata/namespace"),
        text(pod, "/metadata/name")
    )
}

fn by_exit_code(rule: &Value, pod: &Value) -> Option<String> {
    let codes = rule.get("onExitCodes")?;
    let wanted = text(codes, "/containerName");
    let values = list(codes, "/values");
    let is_in = text(codes, "/operator") == "In";
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    for status in statuses.iter().flat_map(|path| list(pod, path)) {
        let name = text(status, "/name");
        let Some(code) = number(status, "/state/terminated/exitCode").filter(|code| *code != 0)
        else {
            continue;
        };
        let is_listed = values.iter().any(|value| value.as_i64() == Some(code));
        if (wanted.is_empty() || wanted == name) && is_listed == is_in {
            let place = place(pod);
            return Some(format!(
                "Container {name} for pod {place} failed with exit code {code}"
            ));
        }
    }
    None
}

fn by_condition(rule: &Value, pod: &Value) -> Option<String> {
    list(rule, "/onPodConditions").iter().find_map(|pattern| {
        let kind = text(pattern, "/type");
        let wanted = text(pattern, "/status");
        let wanted = if wanted.is_empty() { "True" } else { wanted };
        let condition = find(pod, kind)?;
        (text(condition, "/status") == wanted)
            .then(|| format!("Pod {} has condition {kind}", place(pod)))
    })
}

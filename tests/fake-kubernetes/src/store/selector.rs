use serde_json::Value;

use crate::json::text;
use crate::status::Refusal;

/// A label selector: all of its requirements have to be met.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelSelector(Vec<(String, Requirement)>);

#[derive(Debug, Clone)]
enum Requirement {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl LabelSelector {
    /// Reads both forms: `a=b,c!=d` and `a in (b,c),d notin (e),f,!g`.
    pub(crate) fn parse(selector: &str) -> Result<Self, Refusal> {
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(selector) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            requirements.push(requirement(part).ok_or_else(|| {
                Refusal::bad_request(format!("unable to parse requirement: {part}"))
            })?);
        }
        Ok(Self(requirements))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.0.iter().all(|(name, requirement)| {
            let value = labels
                .and_then(|labels| labels.get(name))
                .and_then(Value::as_str);
            match (requirement, value) {
                (Requirement::In(values), Some(value)) => values.iter().any(|one| one == value),
                (Requirement::NotIn(values), Some(value)) => values.iter().all(|one| one != value),
                (Requirement::Exists, value) => value.is_some(),
                (Requirement::Absent, value) => value.is_none(),
                (Requirement::In(_), None) => false,
                (Requirement::NotIn(_), None) => true,
            }
        })
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut is_inside = false;
    text.split(move |character| {
        match character {
            '(' => is_inside = true,
            ')' => is_inside = false,
            _ => {}
        }
        character == ',' && !is_inside
    })
    .collect()
}

fn requirement(part: &str) -> Option<(String, Requirement)> {
    let one = |name: &str, requirement| Some((name.trim().to_owned(), requirement));
    if let Some((name, set)) = part.split_once(" notin ") {
        return one(name, Requirement::NotIn(members(set)?));
    }
    if let Some((name, set)) = part.split_once(" in ") {
        return one(name, Requirement::In(members(set)?));
    }
    if let Some((name, value)) = part.split_once("!=") {
        return one(name, Requirement::NotIn(vec![value.trim().to_owned()]));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return one(name, Requirement::In(vec![value.trim().to_owned()]));
    }
    if let Some(name) = part.strip_prefix('!') {
        return one(name, Requirement::Absent);
    }
    if part.contains(char::is_whitespace) {
        return None;
    }
    one(part, Requirement::Exists)
}

fn members(set: &str) -> Option<Vec<String>> {
    let inner = set.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some(
        inner
            .split(',')
            .map(|member| member.trim().to_owned())
            .collect(),
    )
}

/// A field selector of the fields that this server knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldSelector(Vec<(String, String, bool)>);

/// The fields that can be selected: as a pointer, without the slash in front.
const FIELDS: [&str; 14] = [
    "metadata.name",
    "metadata.namespace",
    "involvedObject.apiVersion",
    "involvedObject.kind",
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.uid",
    "reportingComponent",
    "spec.restartPolicy",
    "reason",
    "type",
    "spec.nodeName",
    "status.phase",
    "status.successful",
];

impl FieldSelector {
    pub(crate) fn parse(selector: &str) -> Result<Self, Refusal> {
        let mut fields = Vec::new();
        for part in selector.split(',').filter(|part| !part.is_empty()) {
            let (name, value, is_equal) = if let Some((name, value)) = part.split_once("!=") {
                (name, value, false)
            } else if let Some((name, value)) = part.split_once("==") {
                (name, value, true)
            } else if let Some((name, value)) = part.split_once('=') {
                (name, value, true)
            } else {
                let message = format!("invalid selector: '{part}'; can't understand '{part}'");
                return Err(Refusal::bad_request(message));
            };
            if !FIELDS.contains(&name) {
                let message = format!("field label not supported: {name}");
                return Err(Refusal::bad_request(message));
            }
            fields.push((
                format!("/{}", name.replace('.', "/")),
                value.to_owned(),
                is_equal,
            ));
        }
        Ok(Self(fields))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0
            .iter()
            .all(|(pointer, value, is_equal)| (text(object, pointer) == value) == *is_equal)
    }
}

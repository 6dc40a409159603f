//! Checking a configuration with values that are not known yet.

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::{ConfigProblem, ConfigSchema, MAX_PROBLEMS, MAX_VISITS_FOR_ALL, is_of_other_type};

/// Keywords that require one thing if another one holds.
const CONDITIONAL: [&str; 5] = ["then", "else", "if", "not", "dependentSchemas"];

impl ConfigSchema {
    /// The errors that do not depend on the unknown values. `is_unknown` returns whether a value is unknown
    /// or contains an unknown one; until it is known, it is a string.
    pub(in crate::registry) fn check_known(
        &self,
        config: &Value,
        is_unknown: &dyn Fn(&Value) -> bool,
    ) -> Vec<ConfigProblem> {
        // A configuration that is too large to check twice is left to the call, which reports it.
        let is_small = self
            .visits(config)
            .is_some_and(|visits| visits <= MAX_VISITS_FOR_ALL);
        if !is_small || self.validator.is_valid(config) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(config);
        let certain = errors.flat_map(|error| self.certain(&error, is_unknown));
        certain.take(MAX_PROBLEMS).collect()
    }

    fn certain(
        &self,
        error: &jsonschema::ValidationError<'_>,
        is_unknown: &dyn Fn(&Value) -> bool,
    ) -> Vec<ConfigProblem> {
        let mut places = error.schema_path().as_str().split('/');
        if places.any(|place| CONDITIONAL.contains(&place)) {
            return Vec::new();
        }
        let instance = error.instance();
        if !is_unknown(instance) {
            return self.problems(error);
        }
        if instance.is_string() {
            return Vec::new();
        }
        // It is a list or a map, and contains an unknown value.
        match error.kind() {
            ValidationErrorKind::Type { .. }
            | ValidationErrorKind::AdditionalProperties { .. }
            | ValidationErrorKind::Required { .. }
            | ValidationErrorKind::MaxProperties { .. }
            | ValidationErrorKind::MinProperties { .. }
            | ValidationErrorKind::MaxItems { .. }
            | ValidationErrorKind::MinItems { .. }
            | ValidationErrorKind::PropertyNames { .. } => self.problems(error),
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => {
                let place = error.instance_path();
                let mut meant = context
                    .iter()
                    .filter(|errors| !is_of_other_type(errors, place));
                // The unknown value may decide between alternatives.
                match (meant.next(), meant.next()) {
                    (None, _) => self.problems(error),
                    (Some(only), None) => only
                        .iter()
                        .flat_map(|error| self.certain(error, is_unknown))
                        .collect(),
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: Value, config: &Value) -> Vec<String> {
        fn is_unknown(value: &Value) -> bool {
            match value {
                Value::String(text) => text.contains("{{"),
                Value::Array(items) => items.iter().any(is_unknown),
                Value::Object(members) => members.values().any(is_unknown),
                _ => false,
            }
        }
        let schema = ConfigSchema::new(schema).unwrap();
        let problems = schema.check_known(config, &is_unknown);
        let at =
            |problem: ConfigProblem| format!("{}: {}", problem.path.join("."), problem.message);
        problems.into_iter().map(at).collect()
    }

    fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["script"],
            "properties": {
                "script": {"type": "object", "required": ["uri"], "properties": {"uri": {"type": "string"}}},
                "job": {"anyOf": [
                    {"type": "object", "additionalProperties": false, "properties": {
                        "retries": {"type": ["integer", "string"], "pattern": "^[0-9]+$"},
                        "policy": {"enum": ["Always", "Never"]},
                        "env": {"type": "object"},
                    }},
                    {"type": "null"},
                ]},
                "tags": {"type": "array", "uniqueItems": true, "maxItems": 2},
            },
        })
    }

    #[test]
    fn a_template_may_become_anything() {
        for config in [
            json!({"script": "{{ workload.script }}"}),
            json!({"script": {"uri": "a"}, "job": "{{ workload.job }}"}),
            json!({"script": {"uri": "a"}, "job": {"retries": "{{ n }}", "policy": "{{ p }}", "env": "{{ e }}"}}),
            json!({"script": {"uri": "a"}, "tags": ["{{ a }}", "{{ a }}"]}),
            json!({"script": {"uri": "a"}, "tags": "{{ a }}"}),
        ] {
            assert_eq!(check(schema(), &config), [""; 0], "{config}");
        }
    }

    #[test]
    fn values_next_to_templates_are_checked() {
        for (config, expected) in [
            (
                json!({"jobb": "{{ a }}", "script": {"uri": "{{ b }}"}}),
                "jobb: unknown key `jobb`",
            ),
            (
                json!({"job": {"env": {"A": "{{ b }}"}}}),
                ": missing key `script`",
            ),
            (
                json!({"script": {"url": "{{ a }}"}}),
                "script: missing key `uri`",
            ),
            (
                json!({"script": {"uri": "{{ a }}"}, "job": {"retries": "many", "env": {"A": "{{ b }}"}}}),
                "job.retries: \"many\" does not match \"^[0-9]+$\"",
            ),
            (
                json!({"script": {"uri": "{{ a }}"}, "job": {"retry": 1, "policy": "{{ b }}"}}),
                "job.retry: unknown key `retry`",
            ),
            (
                json!({"script": {"uri": "a"}, "job": ["{{ a }}"]}),
                "job: expected a map or nothing, found a list",
            ),
            (
                json!({"script": ["{{ a }}"]}),
                "script: expected a map, found a list",
            ),
            (
                json!({"script": {"uri": "a"}, "tags": ["{{ a }}", "b", "c"]}),
                "tags: [\"{{ a }}\",\"b\",\"c\"] has more than 2 items",
            ),
        ] {
            let problems = check(schema(), &config);
            assert_eq!(problems.len(), 1, "{config}: {problems:?}");
            let is_about = problems[0].split(": ").next() == expected.split(": ").next();
            assert!(is_about, "{config}: {problems:?}");
        }
    }

    #[test]
    fn a_template_that_decides_between_forms_leaves_both_open() {
        let form = |name: &str, key: &str| {
            json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["type", key],
                "properties": {"type": {"const": name}, key: {}},
            })
        };
        let schema = json!({"oneOf": [form("a", "x"), form("b", "y")]});
        assert_eq!(
            check(schema.clone(), &json!({"type": "{{ t }}", "y": 1})),
            [""; 0]
        );
        assert!(!check(schema, &json!({"type": "b", "x": 1})).is_empty());
    }

    #[test]
    fn a_condition_on_a_template_is_left_open() {
        let schema = json!({
            "type": "object",
            "if": {"properties": {"mode": {"const": "fast"}}},
            "then": {"required": ["speed"]},
        });
        assert_eq!(
            check(schema, &json!({"mode": "fast", "x": "{{ a }}"})),
            [""; 0]
        );
    }
}

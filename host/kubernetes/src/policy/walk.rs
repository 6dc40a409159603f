//! Applies the rules to a Job.

use serde_json::Value;
use toolhost_capability::FieldSegment;
use toolhost_capability::request::shortened;

use super::review::{Denial, Review, Violation, field_path};
use super::rules::{JOB, Rule};

/// Returns everything in the Job that no rule allows.
pub(super) fn violations(review: &Review<'_>, job: &Value) -> Vec<Violation> {
    let mut walk = Walk {
        review,
        path: Vec::new(),
        violations: Vec::new(),
    };
    walk.visit(&JOB, job);
    walk.violations
}

struct Walk<'walk> {
    review: &'walk Review<'walk>,
    path: Vec<FieldSegment>,
    violations: Vec<Violation>,
}

impl Walk<'_> {
    fn visit(&mut self, rule: &Rule, value: &Value) {
        match rule {
            Rule::Any => {}
            Rule::Checked(control) => self.judge(control(self.review, value)),
            Rule::Object(keys) => self.visit_members(keys, value, |_, key, _| Err(unknown(key))),
            Rule::Open(keys, other) => self.visit_members(keys, value, *other),
            Rule::Each(rule) => {
                for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                    self.path.push(FieldSegment::Index(index));
                    self.visit(rule, element);
                    self.path.pop();
                }
            }
        }
    }

    fn visit_members(
        &mut self,
        keys: &[(&str, Rule)],
        value: &Value,
        other: fn(&Review<'_>, &str, &Value) -> Result<(), Denial>,
    ) {
        for (key, member) in value.as_object().into_iter().flatten() {
            self.path.push(FieldSegment::Key(key.clone().into()));
            match keys.iter().find(|(known, _)| known == key) {
                Some((_, rule)) => self.visit(rule, member),
                None => self.judge(other(self.review, key, member)),
            }
            self.path.pop();
        }
    }

    fn judge(&mut self, verdict: Result<(), Denial>) {
        let Err(denial) = verdict else { return };
        let field = field_path(&self.path);
        if self.review.policy.has_field(&field) {
            return;
        }
        self.violations.push(Violation {
            path: self.path.clone(),
            what: denial.what,
            line: denial.line.unwrap_or_else(|| format!("fields: [{field}]")),
        });
    }
}

fn unknown(key: &str) -> Denial {
    Denial::of_field(format!(
        "the field `{}` is not in the list of allowed fields",
        shortened(key)
    ))
}

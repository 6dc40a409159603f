//! Maps a field of a Job to the request.

use std::collections::BTreeMap;

use serde_json::Value;
use toolhost_capability::request::shortened;
use toolhost_capability::{FieldPath, FieldSegment};

use super::merge::merge_key;
use super::options::POD_TEMPLATE;
use crate::names::SCRIPT_CONTAINER;

/// The destinations of options: the path within the template of the pods, and the option.
const OPTIONS: [(&[&str], &str); 10] = [
    (&["metadata", "annotations"], "annotations"),
    (&["spec", "affinity"], "affinity"),
    (&["spec", "imagePullSecrets"], "imagePullSecrets"),
    (&["spec", "nodeSelector"], "nodeSelector"),
    (&["spec", "priorityClassName"], "priorityClassName"),
    (&["spec", "runtimeClassName"], "runtimeClassName"),
    (&["spec", "serviceAccountName"], "serviceAccountName"),
    (&["spec", "tolerations"], "tolerations"),
    (&["spec", "volumes"], "volumes"),
    (&["metadata", "labels"], "labels"),
];
/// The same within the script's container.
const OF_THE_SCRIPT: [(&[&str], &str); 5] = [
    (&["env"], "env"),
    (&["image"], "image"),
    (&["imagePullPolicy"], "imagePullPolicy"),
    (&["securityContext"], "securityContext"),
    (&["volumeMounts"], "volumeMounts"),
];

/// The data to search for a field.
pub(super) struct Origin<'request> {
    /// The Job as JSON.
    pub(super) job: &'request Value,
    /// The options of the request.
    pub(super) options: &'request BTreeMap<String, Value>,
}

/// How far a path could be followed, and the field that it leads to.
struct Found {
    /// Number of matched segments.
    depth: usize,
    field: FieldPath,
}

impl Origin<'_> {
    /// Returns the value of the request: `podTemplate.spec.volumes[0].hostPath`.
    ///
    /// A field that is not in the request is named by what it would be in `podTemplate`.
    pub(super) fn field(&self, path: &[FieldSegment]) -> FieldPath {
        let keys: Vec<_> = path.iter().filter_map(key).collect();
        match keys.as_slice() {
            ["metadata", "namespace"] => return "namespace".into(),
            ["metadata", kind, name] => {
                return FieldPath::default()
                    .key((*kind).to_owned())
                    .key(shortened(name));
            }
            _ => {}
        }
        // Below `spec.template`.
        let Some(inside) = path.get(2..) else {
            let names = keys.iter().map(|name| (*name).to_owned());
            return names.fold(FieldPath::default(), FieldPath::key);
        };
        let template = self.options.get("podTemplate");
        let in_template = template.map(|patch| self.find(patch, POD_TEMPLATE.into(), path, 2));
        let in_option = self.option(path, inside);
        let found = match (in_template, in_option) {
            // What is merged later takes precedence.
            (Some(one), Some(other)) if one.depth >= other.depth => Some(one),
            (_, Some(other)) => Some(other),
            (one, None) => one,
        };
        match found {
            // `spec` alone is not specific.
            Some(found) if found.depth > 3 || found.depth == path.len() => found.field,
            _ => FieldPath::from(POD_TEMPLATE).join(written(inside)),
        }
    }

    fn option(&self, path: &[FieldSegment], inside: &[FieldSegment]) -> Option<Found> {
        let is_below = |prefix: &[&str], way: &[FieldSegment]| {
            let mut pairs = prefix.iter().zip(way);
            way.len() >= prefix.len() && pairs.all(|(name, segment)| key(segment) == Some(*name))
        };
        if let Some((_, name)) = OPTIONS.iter().find(|(prefix, _)| is_below(prefix, inside)) {
            return self.find_option(name, path, 4);
        }
        let [list, FieldSegment::Index(_), of_container @ ..] = inside.get(1..)? else {
            return None;
        };
        let container = self.at(path.get(..5)?)?;
        let is_script = container.get("name").and_then(Value::as_str) == Some(SCRIPT_CONTAINER);
        if key(list) != Some("containers") || !is_script {
            return None;
        }
        let mut options = OF_THE_SCRIPT.iter();
        let (_, name) = options.find(|(prefix, _)| is_below(prefix, of_container))?;
        self.find_option(name, path, 6)
    }

    fn find_option(
        &self,
        name: &'static str,
        path: &[FieldSegment],
        depth: usize,
    ) -> Option<Found> {
        let place = FieldPath::default().key(name);
        let value = self.options.get(name).filter(|value| !value.is_null());
        if let Some(value) = value {
            return Some(self.find(value, place, path, depth));
        }
        // It is not in the playbook, or it is one of the labels, which are not an option like the others.
        let inside = path.get(depth..)?;
        Some(Found {
            depth,
            field: place.join(written(inside)),
        })
    }

    /// Follows the path from `depth` on in what the user wrote at `place`.
    fn find(
        &self,
        written: &Value,
        place: FieldPath,
        path: &[FieldSegment],
        depth: usize,
    ) -> Found {
        let mut node = written;
        let mut found = Found {
            depth,
            field: place,
        };
        for (index, segment) in path.iter().enumerate().skip(depth) {
            let next = match segment {
                FieldSegment::Key(name) => node
                    .get(name.as_ref())
                    .map(|next| (next, FieldPath::default().key(shortened(name)))),
                FieldSegment::Index(position) => self
                    .element(node, path.get(..index).unwrap_or_default(), *position)
                    .map(|(at, next)| (next, FieldPath::default().index(at))),
            };
            let Some((next, step)) = next else { break };
            node = next;
            found.field = found.field.join(step);
            found.depth = index + 1;
        }
        found
    }

    /// Returns the element of a list as the user wrote it that is the one at `position` of the list at `path` in the
    /// Job.
    fn element<'written>(
        &self,
        list: &'written Value,
        path: &[FieldSegment],
        position: usize,
    ) -> Option<(usize, &'written Value)> {
        let elements = list.as_array()?;
        let name = path.last().and_then(key)?;
        let Some(merge_key) = merge_key(name) else {
            return elements.get(position).map(|element| (position, element));
        };
        let wanted = self.at(path)?.get(position)?.get(merge_key)?;
        let is_wanted =
            |element: &Value| element.get(merge_key) == Some(wanted) || element == wanted;
        let mut elements = elements.iter().enumerate();
        elements.find(|(_, element)| is_wanted(element))
    }

    fn at(&self, path: &[FieldSegment]) -> Option<&Value> {
        path.iter()
            .try_fold(self.job, |node, segment| match segment {
                FieldSegment::Key(name) => node.get(name.as_ref()),
                FieldSegment::Index(index) => node.get(index),
            })
    }
}

fn key(segment: &FieldSegment) -> Option<&str> {
    match segment {
        FieldSegment::Key(name) => Some(name),
        FieldSegment::Index(_) => None,
    }
}

fn written(path: &[FieldSegment]) -> FieldPath {
    let mut field = FieldPath::default();
    for segment in path {
        field = match segment {
            FieldSegment::Key(name) => field.key(shortened(name)),
            FieldSegment::Index(index) => field.index(*index),
        };
    }
    field
}

use std::sync::Arc;

use serde_json::Value;

use super::expansion::{Mounts, expand};
use super::pod::Pod;
use super::volumes::entries;
use crate::json::{flag, list, text};
use crate::kind::{CONFIG_MAPS, Kind, SECRETS};
use crate::store::Key;

/// The field of a pod, of the form `status.podIP` or `metadata.annotations['KEY']`.
pub(super) fn field_of(pod: &Value, path: &str) -> String {
    let Some((map, key)) = path
        .strip_suffix("']")
        .and_then(|path| path.split_once("['"))
    else {
        return text(pod, &format!("/{}", path.replace('.', "/"))).to_owned();
    };
    let map = pod.pointer(&format!("/{}", map.replace('.', "/")));
    let value = map.and_then(|map| map.get(key)).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

/// What a container has before its own variables.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where a variable's value may come from.
const SOURCES: [(&str, &Kind); 2] = [("secret", &SECRETS), ("configMap", &CONFIG_MAPS)];

impl Pod {
    /// The variables of a container. An error is the message of `CreateContainerConfigError`.
    pub(super) fn environment(
        &self,
        pod: &Value,
        container: &Value,
        mounts: &Mounts,
    ) -> Result<Vec<(String, String)>, String> {
        let mut variables = vec![
            ("PATH".to_owned(), SEARCH_PATH.to_owned()),
            ("HOSTNAME".to_owned(), self.key.name.clone()),
            (
                "HOME".to_owned(),
                self.directory.join("work").to_string_lossy().into_owned(),
            ),
        ];
        for source in list(container, "/envFrom") {
            for (name, kind) in SOURCES {
                let Some(reference) = source.get(format!("{name}Ref")) else {
                    continue;
                };
                let Some(object) = self.referenced(kind, reference)? else {
                    continue;
                };
                let prefix = text(source, "/prefix");
                for (name, value) in entries(kind, &object) {
                    let value = String::from_utf8_lossy(&value);
                    variables.push((format!("{prefix}{name}"), mounts.rewrite(&value)));
                }
            }
        }
        for variable in list(container, "/env") {
            let name = text(variable, "/name").to_owned();
            if let Some(from) = variable.get("valueFrom") {
                if let Some(value) = self.value_from(pod, from)? {
                    variables.push((name, mounts.rewrite(&value)));
                }
            } else {
                let literal = mounts.rewrite(text(variable, "/value"));
                variables.push((name, expand(&literal, &variables)));
            }
        }
        Ok(variables)
    }

    fn value_from(&self, pod: &Value, from: &Value) -> Result<Option<String>, String> {
        if let Some(field) = from.get("fieldRef") {
            return Ok(Some(field_of(pod, text(field, "/fieldPath"))));
        }
        for (name, kind) in SOURCES {
            let Some(reference) = from.get(format!("{name}KeyRef")) else {
                continue;
            };
            let Some(object) = self.referenced(kind, reference)? else {
                return Ok(None);
            };
            let key = text(reference, "/key");
            let entry = entries(kind, &object)
                .into_iter()
                .find(|(name, _)| name == key);
            return match entry {
                Some((_, value)) => Ok(Some(String::from_utf8_lossy(&value).into_owned())),
                None if flag(reference, "/optional") => Ok(None),
                None => {
                    let place = format!("{}/{}", self.key.namespace, text(reference, "/name"));
                    Err(format!("couldn't find key {key} in {} {place}", kind.name))
                }
            };
        }
        Ok(None)
    }

    fn referenced(
        &self,
        kind: &'static Kind,
        reference: &Value,
    ) -> Result<Option<Arc<Value>>, String> {
        let name = text(reference, "/name");
        let object = self.store.get(&Key::new(kind, &self.key.namespace, name));
        if object.is_none() && !flag(reference, "/optional") {
            return Err(format!("{} \"{name}\" not found", kind.singular));
        }
        Ok(object)
    }
}

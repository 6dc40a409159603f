use std::borrow::Cow;

use serde_json::{Map, Value};

use super::context::TemplateContext;
use super::error::{TemplateError, TemplateProblem};
use crate::credential::CredentialError;
use crate::sealing::Vault;

/// Where a tool requests the variables of a credential that its configuration names.
///
/// A tool declares this at the root of its JSON Schema:
/// `"x-noetl-environment": [{"credential": "/job/auth", "into": "/job/env"}]`, with JSON Pointers into the
/// configuration (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnvironmentOf<'schema> {
    /// The value that names the credential.
    credential: Path<'schema>,
    /// The mapping that gets the variables.
    into: Path<'schema>,
}

/// The keys that lead to a value.
type Path<'schema> = Vec<Cow<'schema, str>>;

/// The keyword.
const KEYWORD: &str = "x-noetl-environment";
/// The maximum number of declarations of a tool; the script tool has one.
const MAX_PLACES: usize = 16;
/// The maximum number of keys in a path.
const MAX_DEPTH: usize = 16;

impl<'schema> EnvironmentOf<'schema> {
    /// The declarations in a tool's schema. Unknown ones are ignored: they are for newer hosts.
    #[must_use]
    pub(crate) fn of_schema(schema: &'schema Value) -> Vec<Self> {
        let places = schema.get(KEYWORD).and_then(Value::as_array);
        let places = places.into_iter().flatten().take(MAX_PLACES);
        let place = |place: &'schema Value| {
            Some(Self {
                credential: path(place.get("credential")?.as_str()?)?,
                into: path(place.get("into")?.as_str()?)?,
            })
        };
        places.filter_map(place).collect()
    }

    /// Whether the configuration names a credential there, so that [`put`](Self::put) would change it.
    #[must_use]
    pub(crate) fn is_named_in(&self, config: &Value) -> bool {
        self.name_in(config).is_some()
    }

    /// Adds the variables of the credential, if one is named, to a rendered configuration. Each is a sealed
    /// reference; one that the configuration sets itself is unchanged.
    ///
    /// # Errors
    ///
    /// The credential is unknown, unavailable, or has no variables.
    pub(crate) async fn put(
        &self,
        config: &mut Value,
        context: &TemplateContext,
        vault: &Vault,
    ) -> Result<(), TemplateError> {
        let Some(name) = self.name_in(config) else {
            return Ok(());
        };
        let failed = |problem| TemplateError {
            path: self.credential.iter().map(ToString::to_string).collect(),
            line: None,
            expression: None,
            problem,
        };
        if Vault::has_reference(name) {
            return Err(failed(TemplateProblem::Environment(
                CredentialError::Malformed {
                    owner: format!("`{}`", self.credential.join(".")),
                    problem: "names a credential, and must not depend on a secret".to_owned(),
                },
            )));
        }
        let variables = context.keychain.environment(name).await;
        let variables = variables.map_err(|error| failed(TemplateProblem::Environment(error)))?;
        let Some(environment) = make(config, &self.into) else {
            // The schema reports the error.
            return Ok(());
        };
        for variable in variables {
            if environment.contains_key(variable.name) {
                continue;
            }
            let value = variable.value.expose();
            let sealed = if variable.is_secret {
                vault.seal(value)
            } else {
                vault.seal_unsearched(value)
            };
            let reference = sealed.map_err(|error| failed(TemplateProblem::Sealing(error)))?;
            environment.insert(variable.name.to_owned(), Value::String(reference));
        }
        Ok(())
    }

    fn name_in<'config>(&self, config: &'config Value) -> Option<&'config str> {
        let mut path = self.credential.iter();
        let name = path.try_fold(config, |value, key| value.get(key.as_ref()))?;
        name.as_str().filter(|name| !name.is_empty())
    }
}

/// The keys of a JSON Pointer.
fn path(pointer: &str) -> Option<Path<'_>> {
    let keys = pointer.strip_prefix('/')?.split('/');
    let keys: Vec<_> = keys
        .map(|key| {
            if key.contains('~') {
                Cow::Owned(key.replace("~1", "/").replace("~0", "~"))
            } else {
                Cow::Borrowed(key)
            }
        })
        .collect();
    (keys.len() <= MAX_DEPTH).then_some(keys)
}

/// The mapping at a path, created if it is missing.
fn make<'config>(
    config: &'config mut Value,
    path: &[Cow<'_, str>],
) -> Option<&'config mut Map<String, Value>> {
    let mut members = config.as_object_mut()?;
    for key in path {
        let value = members.entry(key.as_ref()).or_insert(Value::Null);
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        members = value.as_object_mut()?;
    }
    Some(members)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::credential::{CredentialsFile, Keychain};
    use crate::diagnostic::Document;

    fn context() -> TemplateContext {
        let text =
            "credentials: {db: {type: postgres, host: h, port: 5432, password: the-password}}";
        let document = Document::parse_confidential("credentials.yaml", text).unwrap();
        let file = CredentialsFile::parse(&document, Path::new("")).unwrap();
        TemplateContext {
            keychain: Arc::new(Keychain::new(Vec::new(), Arc::new(file))),
            ..TemplateContext::default()
        }
    }

    fn place() -> EnvironmentOf<'static> {
        let path = |pointer| super::path(pointer).unwrap();
        EnvironmentOf {
            credential: path("/job/auth"),
            into: path("/job/env"),
        }
    }

    #[test]
    fn a_schema_names_places_by_pointers() {
        let schema = json!({"x-noetl-environment": [
            {"credential": "/job/auth", "into": "/job/env"}, {"credential": "job"}, 5,
            {"credential": "/a~1b/~0c", "into": "/~01"},
        ]});
        let escaped = EnvironmentOf {
            credential: vec!["a/b".into(), "~c".into()],
            into: vec!["~1".into()],
        };
        assert_eq!(EnvironmentOf::of_schema(&schema), [place(), escaped]);
    }

    #[tokio::test]
    async fn variables_are_sealed_and_only_the_password_is_searched_for() {
        let vault = Vault::new();
        let mut config = json!({"job": {"auth": "db"}});
        place().put(&mut config, &context(), &vault).await.unwrap();
        for (name, expected) in [
            ("PGHOST", "h"),
            ("PGPORT", "5432"),
            ("PGPASSWORD", "the-password"),
        ] {
            let reference = config["job"]["env"][name].as_str().unwrap();
            assert!(Vault::has_reference(reference));
            let opened = vault.open_text(reference).unwrap();
            assert_eq!(opened.expose_secret(), expected);
        }
        assert_eq!(config["job"]["env"].as_object().unwrap().len(), 3);
        let searched: Vec<_> = vault.texts();
        let searched: Vec<_> = searched.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(searched, ["the-password"]);
    }

    #[tokio::test]
    async fn what_the_configuration_says_itself_stays() {
        let vault = Vault::new();
        for (config, expected) in [
            (
                json!({"job": {"auth": "db", "env": {"PGHOST": "mine"}}}),
                Some("mine"),
            ),
            (json!({"job": {"auth": "db", "env": "wrong"}}), None),
            (json!({"job": {"auth": null}}), None),
            (json!({"job": {"auth": ["db"]}}), None),
            (json!({"job": 5}), None),
            (json!({}), None),
        ] {
            assert_eq!(
                place().is_named_in(&config),
                expected.is_some() || config["job"]["env"] == "wrong"
            );
            let mut changed = config.clone();
            place().put(&mut changed, &context(), &vault).await.unwrap();
            match expected {
                Some(host) => assert_eq!(changed["job"]["env"]["PGHOST"], host),
                None => assert_eq!(changed, config),
            }
        }
    }

    #[tokio::test]
    async fn a_mapping_that_was_left_empty_is_filled() {
        let mut config = json!({"job": {"auth": "db", "env": null}});
        place()
            .put(&mut config, &context(), &Vault::new())
            .await
            .unwrap();
        assert!(config["job"]["env"]["PGHOST"].is_string());
    }
}

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::credential::{Credential, CredentialError, CredentialType, SecretValue};

/// Converts a document of another program into a credential: a mapping with its `type` and its fields.
///
/// A key of Google, whose own `type` is `service_account` or `authorized_user`, is accepted as a credential; so is the
/// output of Docker's helpers (`Username` and `Secret`).
pub(super) fn credential(owner: &str, document: Value) -> Result<Credential, CredentialError> {
    let Value::Object(mut fields) = document else {
        return Err(CredentialError::malformed(owner, "is not a mapping"));
    };
    let name = match fields.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(_) => {
            return Err(CredentialError::malformed(
                owner,
                "has a `type` that is not a text",
            ));
        }
        None if fields.contains_key("Username") && fields.contains_key("Secret") => {
            rename(&mut fields, "Username", "username");
            rename(&mut fields, "Secret", "password");
            fields.remove("ServerURL");
            return of_type(owner, CredentialType::Basic, fields);
        }
        None => return Err(CredentialError::malformed(owner, "has no `type`")),
    };
    if let "service_account" | "authorized_user" = name.as_str() {
        let mut of_google = Map::new();
        of_google.insert(name, Value::Object(fields));
        return of_type(owner, CredentialType::Google, of_google);
    }
    fields.remove("type");
    of_noetl(owner, &name, fields)
}

/// Creates a credential by the name of a type, toolhost's or NoETL's. An unknown type may have any fields.
pub(super) fn of_noetl(
    owner: &str,
    kind: &str,
    mut fields: Map<String, Value>,
) -> Result<Credential, CredentialError> {
    let kind = match CredentialType::from_name(kind) {
        Some(kind) => kind,
        None => match kind.to_ascii_lowercase().as_str() {
            "google_oauth" | "google_service_account" | "gcs_service_account" | "gcp" | "gcs" => {
                CredentialType::Google
            }
            "gcs_hmac" => {
                // Google's storage supports the protocol of S3 for users with such keys.
                let endpoint = || Value::from("https://storage.googleapis.com");
                fields.entry("endpoint").or_insert_with(endpoint);
                CredentialType::Aws
            }
            "aws_s3" | "s3" | "aws_credentials" => CredentialType::Aws,
            "postgresql" | "pg" => CredentialType::Postgres,
            "httpbearerauth" | "bearer_token" | "token" => CredentialType::Bearer,
            "httpbasicauth" | "basic_auth" => CredentialType::Basic,
            "oauth2_client_credentials" | "oauth" => CredentialType::Oauth2,
            _ => CredentialType::Generic,
        },
    };
    if kind == CredentialType::Google && fields.contains_key("private_key") {
        let key = Value::Object(std::mem::take(&mut fields));
        fields.insert("service_account".to_owned(), key);
    } else if kind == CredentialType::Google && fields.contains_key("refresh_token") {
        let key = Value::Object(std::mem::take(&mut fields));
        fields.insert("authorized_user".to_owned(), key);
    }
    for (other, own) in other_names(kind) {
        if !fields.contains_key(*own) {
            rename(&mut fields, other, own);
        }
    }
    of_type(owner, kind, fields)
}

fn of_type(
    owner: &str,
    kind: CredentialType,
    fields: Map<String, Value>,
) -> Result<Credential, CredentialError> {
    let mut values = BTreeMap::new();
    for (field, value) in fields {
        let value = match (kind, field.as_str(), value) {
            (_, _, Value::Null) => continue,
            (
                CredentialType::Google,
                "service_account" | "authorized_user",
                Value::String(text),
            ) => {
                let key = serde_json::from_str(&text);
                key.map_err(|_| {
                    CredentialError::malformed(owner, format!("has a `{field}` that is not JSON"))
                })?
            }
            (_, _, value) => value,
        };
        values.insert(field, SecretValue::new(value));
    }
    for required in kind.required_fields() {
        if !values.contains_key(*required) {
            return Err(CredentialError::Incomplete {
                owner: owner.to_owned(),
                missing: format!("`{required}`"),
            });
        }
    }
    Ok(Credential {
        kind,
        fields: values,
    })
}

/// Returns other names of the fields of a type.
fn other_names(kind: CredentialType) -> &'static [(&'static str, &'static str)] {
    match kind {
        CredentialType::Aws => &[
            ("access_key", "access_key_id"),
            ("aws_access_key_id", "access_key_id"),
            ("key_id", "access_key_id"),
            ("secret_key", "secret_access_key"),
            ("secret", "secret_access_key"),
            ("aws_secret_access_key", "secret_access_key"),
            ("aws_session_token", "session_token"),
            ("endpoint_url", "endpoint"),
            ("region_name", "region"),
        ],
        CredentialType::Google => &[
            ("token", "access_token"),
            ("service_account_json", "service_account"),
        ],
        CredentialType::Bearer => &[
            ("access_token", "token"),
            ("bearer_token", "token"),
            ("value", "token"),
        ],
        CredentialType::Basic => &[("user", "username")],
        CredentialType::Oauth2 => &[
            ("endpoint", "token_url"),
            ("token_uri", "token_url"),
            ("scope", "scopes"),
        ],
        CredentialType::Postgres => &[
            ("db_host", "host"),
            ("db_port", "port"),
            ("db_user", "user"),
            ("username", "user"),
            ("db_password", "password"),
            ("db_name", "database"),
            ("dbname", "database"),
            ("db_sslmode", "sslmode"),
        ],
        CredentialType::Generic => &[],
    }
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.to_owned(), value);
    }
}

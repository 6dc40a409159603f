//! The environment: variables of the job's secret, and variables whose values the cluster has.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use noetl_job_tool::config::Text;
use noetl_tool_sdk::{Error, code};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::config::{Env, Variable};

/// The variables of a job.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Those with a value in the playbook.
    pub values: BTreeMap<String, Text>,
    /// Those whose value the cluster has, as a list of Kubernetes' `EnvVar`.
    pub of_cluster: Option<Box<RawValue>>,
}

/// A variable whose value the cluster has, as Kubernetes writes it.
#[derive(Serialize)]
struct ClusterVariable {
    name: String,
    #[serde(rename = "valueFrom")]
    value_from: Box<RawValue>,
}

/// A key of a Secret of the cluster, as NoETL writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretKey {
    secret_name: String,
    secret_key: String,
}

/// Kubernetes' form of the same.
#[derive(Serialize)]
struct SecretKeySource {
    #[serde(rename = "secretKeyRef")]
    secret_key_ref: SecretKeyReference,
}

#[derive(Serialize)]
struct SecretKeyReference {
    name: String,
    key: String,
}

/// Separates the variables by where their values are.
///
/// # Errors
///
/// `InvalidRequest` for a name that is repeated, and a variable with two values.
pub(crate) fn environment(env: Option<Env>) -> Result<Environment, Error> {
    let list = match env {
        None => return Ok(Environment::default()),
        Some(Env::Object(values)) => {
            return Ok(Environment {
                values,
                of_cluster: None,
            });
        }
        Some(Env::List(list)) => list,
    };
    let mut names = BTreeSet::new();
    let mut values = BTreeMap::new();
    let mut of_cluster = Vec::new();
    for (index, variable) in list.into_iter().enumerate() {
        let Variable {
            name,
            value,
            value_from,
        } = variable;
        if !names.insert(name.clone()) {
            let message = format!("the environment variable `{name}` is set twice");
            return Err(Error::invalid(format!("env[{index}].name"), message));
        }
        match (value, value_from) {
            (Some(_), Some(_)) => {
                let message = format!("the environment variable `{name}` has two values");
                return Err(Error::invalid(format!("env[{index}]"), message)
                    .with_hint("remove `value` or `value_from`"));
            }
            (value, None) => {
                values.insert(name, value.unwrap_or_else(|| Text(String::new())));
            }
            (None, Some(value_from)) => of_cluster.push(ClusterVariable {
                name,
                value_from: source(value_from)?,
            }),
        }
    }
    let of_cluster = match of_cluster.as_slice() {
        [] => None,
        variables => Some(raw(variables)?),
    };
    Ok(Environment { values, of_cluster })
}

/// Kubernetes' form of a source.
fn source(written: Box<RawValue>) -> Result<Box<RawValue>, Error> {
    match serde_json::from_str::<SecretKey>(written.get()) {
        Ok(secret) => raw(&SecretKeySource {
            secret_key_ref: SecretKeyReference {
                name: secret.secret_name,
                key: secret.secret_key,
            },
        }),
        // The engine checks it.
        Err(_) => Ok(written),
    }
}

fn raw<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(value).map_err(|error| {
        let message = format!("`env` cannot be written as JSON: {error}");
        Error::new(code::INTERNAL, message)
    })
}

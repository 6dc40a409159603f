//! Environment variables: an object, or a list as in Kubernetes and in NoETL.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use noetl_job_tool::config::Text;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Environment variables.
#[derive(Debug)]
pub enum Env {
    /// By their names.
    Object(BTreeMap<String, Text>),
    /// In their order.
    List(Vec<Variable>),
}

/// A variable of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; empty by default.
    pub value: Option<Text>,
    /// Where the cluster has its value.
    #[serde(rename = "valueFrom", alias = "value_from")]
    pub value_from: Option<Box<RawValue>>,
}

impl<'de> Deserialize<'de> for Env {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvVisitor;

        impl<'de> Visitor<'de> for EnvVisitor {
            type Value = Env;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object, or a list of objects with `name` and `value`")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Env, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Env::Object)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Env, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(items)).map(Env::List)
            }
        }

        deserializer.deserialize_any(EnvVisitor)
    }
}

impl JsonSchema for Env {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Env".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["object", "array"],
            "additionalProperties": {"type": ["string", "number", "boolean"]},
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "value": {"type": ["string", "number", "boolean", "null"]},
                    "valueFrom": {"type": ["object", "null"]},
                    "value_from": {"type": ["object", "null"]},
                },
                "required": ["name"],
                "additionalProperties": false,
            },
        })
    }
}

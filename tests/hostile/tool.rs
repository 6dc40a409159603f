//! A tool in the text format whose parts can be replaced.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A tool without imports.
pub(crate) struct Tool {
    /// What `describe` does; returns the address of an address and a length.
    pub(crate) describe: String,
    /// What `invoke` does; returns the address of a result.
    pub(crate) invoke: String,
    /// The content of memory from address 1024 on.
    pub(crate) data: Vec<u8>,
    /// More of the module.
    pub(crate) module: String,
    /// More of the component, at its beginning.
    pub(crate) component: String,
    /// What the module is instantiated with.
    pub(crate) with: String,
}

impl Tool {
    /// A tool that describes itself with this text.
    pub(crate) fn new(description: &[u8]) -> Self {
        Self {
            describe: format!(
                "(i32.store (i32.const 16) (i32.const 1024))
                 (i32.store (i32.const 20) (i32.const {}))
                 (i32.const 16)",
                description.len()
            ),
            invoke: "unreachable".to_owned(),
            data: description.to_vec(),
            module: String::new(),
            component: String::new(),
            with: String::new(),
        }
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let pages = (self.data.len() + 1024).div_ceil(1 << 16) + 2;
        let heap = (pages - 1) << 16;
        let mut data = String::with_capacity(self.data.len() * 3);
        for byte in &self.data {
            write!(data, "\\{byte:02x}").unwrap();
        }
        let Self {
            describe,
            invoke,
            module,
            component,
            with,
            ..
        } = self;
        let text = format!(
            r#"(component
  {component}
  (core module $m
    {module}
    (memory (export "memory") {pages})
    (global $next (mut i32) (i32.const {heap}))
    (data (i32.const 1024) "{data}")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $result i32)
      (local.set $result (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (global.set $next (i32.add (local.get $result) (local.get 3)))
      (block (loop
        (br_if 1 (i32.le_u (global.get $next) (i32.shl (memory.size) (i32.const 16))))
        (drop (memory.grow (i32.const 16)))
        (br 0)))
      (local.get $result))
    (func $describe (export "describe") (result i32) {describe})
    (func (export "invoke") (param i32 i32 i32 i32) (result i32) {invoke}))
  (core instance $i (instantiate $m {with}))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  (alias core export $i "describe" (core func $describe))
  (alias core export $i "invoke" (core func $invoke))
  (type $pair (tuple string string))
  (type $pairs (list $pair))
  (type $error (record (field "code" string) (field "message" string) (field "retryable" bool) (field "details" $pairs)))
  (type $answer (result string (error $error)))
  (func $described (result string) (canon lift (core func $describe) (memory $memory)))
  (func $invoked (param "config" string) (param "context" $pairs) (result $answer)
    (canon lift (core func $invoke) (memory $memory) (realloc $realloc)))
  (component $shim
    (type $pair (tuple string string))
    (type $pairs (list $pair))
    (type $record (record (field "code" string) (field "message" string) (field "retryable" bool) (field "details" $pairs)))
    (import "error" (type $error (eq $record)))
    (type $answer (result string (error $error)))
    (import "describe" (func $describe (result string)))
    (import "invoke" (func $invoke (param "config" string) (param "context" $pairs) (result $answer)))
    (export $named "error" (type $error))
    (type $named-answer (result string (error $named)))
    (export "describe" (func $describe))
    (export "invoke" (func $invoke)
      (func (param "config" string) (param "context" $pairs) (result $named-answer))))
  (instance $handler (instantiate $shim
    (with "error" (type $error)) (with "describe" (func $described)) (with "invoke" (func $invoked))))
  (export "noetl:tool/handler@0.1.0" (instance $handler)))"#
        );
        wat::parse_str(text).unwrap()
    }
}

/// A valid description.
pub(crate) fn description(kind: &str) -> Value {
    json!({"kind": kind, "version": "1.0.0", "summary": "A tool of a test.", "schema": true})
}

/// A tool that describes itself so.
pub(crate) fn described(description: &Value) -> Vec<u8> {
    Tool::new(description.to_string().as_bytes()).build()
}

/// A tool with this schema.
pub(crate) fn with_schema(schema: &Value) -> Vec<u8> {
    let mut description = description("hostile");
    description["schema"] = schema.clone();
    described(&description)
}

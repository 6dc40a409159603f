//! Rendering templates in configuration values, and sealing values that depend on a secret.
//!
//! [`Renderer::render_value`] walks a configuration. A leaf without a template is not changed; a
//! leaf that is one `{{ expression }}` keeps the expression's type; anything else becomes a
//! string. A leaf whose evaluation touched `secret` or `keychain` becomes one sealed reference of
//! the call's [`Vault`](crate::sealing::Vault), however the secret got into it. So does one that
//! used the result of an earlier step that contains a secret.
//!
//! # Names
//!
//! `workload`, `secret`, `keychain`, `steps`, `execution_id`; then the results of earlier steps by the
//! step's name, then the keys of the workload, then `step`, then the entries of the keychain. An earlier
//! name hides a later one. In the result of a step, `.result` and `.data` mean the result itself, unless
//! it has a key of that name.
//!
//! # Differences from Jinja2
//!
//! * In a text, booleans and null are `True`, `False` and `None`, and lists and mappings are as
//!   Python prints them. Use `tojson` for JSON.
//! * `tojson` yields plain, compact JSON with keys in their order. That of Jinja2 escapes `<`, `>`, `&` and
//!   `'` for HTML, which scripts do not expect.
//! * Nothing is escaped for HTML, and a line break at the end of a template is kept.
//! * Using an undefined value is an error; `default`, `is defined` and conditions accept it, also several
//!   names deep.
//! * `int` and `float` without a default are errors for a string that is not a number, instead of 0.
//! * A rendered string is never parsed as JSON or YAML again: `"{{ id }}"` with the string `007` stays
//!   `007`.
//!
//! # How secrets are found
//!
//! Evaluation is synchronous and providers are not. When an expression touches a secret that is not available
//! yet, the evaluation ends, the secret is requested, and the leaf is evaluated again. A token is therefore
//! only obtained if the template uses it.

mod context;
mod data;
mod environment;
mod environment_of;
mod error;
mod evaluate;
mod evaluation;
mod explain;
mod filters;
mod json;
mod missing;
mod renderer;
mod root;
mod secrets;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_by_example;

pub use context::TemplateContext;
pub(crate) use environment_of::EnvironmentOf;
pub use error::{TemplateError, TemplateProblem};
pub use renderer::{MAX_RENDERED_BYTES, MAX_RENDERING_TIME, Renderer};

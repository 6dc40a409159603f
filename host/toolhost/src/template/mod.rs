//! Rendering templates in configuration values, and sealing what depends on a secret.
//!
//! [`Renderer::render_value`] walks a configuration. A leaf without a template is not touched; a leaf that
//! is one `{{ expression }}` keeps the expression's type; anything else becomes a text. A leaf whose
//! evaluation touched `secret` or `keychain` becomes one sealed reference of the call's
//! [`Vault`](crate::sealing::Vault), however the secret got into it. So does one that used the result of an earlier
//! step in which a secret stands.
//!
//! # Names
//!
//! `workload`, `secret`, `keychain`, `steps`, `execution_id`; then the results of earlier steps by the
//! step's name, then the keys of the workload, then `step`, then the entries of the keychain. An earlier
//! name hides a later one. In the result of a step, `.result` and `.data` mean the result itself, unless
//! it has a key of that name.
//!
//! # Where it agrees with Jinja2, and where not
//!
//! * In a text, truth values and nothing are `True`, `False` and `None`, and lists and mappings are as
//!   Python prints them. Use `tojson` for JSON.
//! * `tojson` gives plain, compact JSON with keys in their order. Jinja2's escapes `<`, `>`, `&` and `'`
//!   for HTML, which no script expects.
//! * Nothing is escaped for HTML, and a line end at the end of a template is kept.
//! * What is not defined is an error wherever it is used; `default`, `is defined` and conditions accept
//!   it, also several names deep.
//! * `int` and `float` without a default are errors for a text that is no number, not 0.
//! * A rendered text is never read as JSON or YAML again: `"{{ id }}"` with the text `007` stays `007`.
//!
//! # How secrets are found
//!
//! Evaluation is synchronous and providers are not. When an expression touches a secret that is not
//! there yet, the evaluation ends, the secret is asked for, and the leaf is evaluated anew. So a token is
//! made only if the template gets to it.

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
pub use environment_of::EnvironmentOf;
pub use error::{TemplateError, TemplateProblem};
pub use renderer::{MAX_RENDERED_BYTES, MAX_RENDERING_TIME, Renderer};

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minijinja::{Environment, Value};
use serde_json::Value as Json;

use super::context::TemplateContext;
use super::environment;
use super::error::{TemplateError, TemplateProblem};
use super::evaluate::{self, Purpose};
use super::evaluation::{Answer, Answers, Evaluation, Request, Traces};
use super::explain::{Located, explain, looked_into, too_much, undefined};
use super::root::Root;
use crate::credential::CredentialError;
use crate::sealing::{Redactor, Vault};

/// The maximum total size of the rendered templates of one configuration.
pub const MAX_RENDERED_BYTES: usize = 32 * 1024 * 1024;
/// The total time limit of evaluating the templates of one configuration, without the response times of
/// providers.
pub const MAX_RENDERING_TIME: Duration = Duration::from_secs(20);
/// The maximum number of evaluations of one template because it touched another secret. Each round resolves
/// at least one secret, and no script needs more of them.
const MAX_ROUNDS: usize = 1_000;
/// The marks at the start of an expression and a statement.
const MARKS: [&str; 2] = ["{{", "{%"];
/// The marks around a comment.
const COMMENT_MARKS: (&str, &str) = ("{#", "#}");

/// Renders the templates in configuration values. Create it once; it is cheap to clone.
#[derive(Clone)]
pub struct Renderer {
    environment: Arc<Environment<'static>>,
}

impl Renderer {
    /// A renderer; the names for templates are passed with each call.
    #[must_use]
    pub fn new() -> Self {
        Self {
            environment: Arc::new(environment::environment()),
        }
    }

    /// Whether a value contains anything that [`render_value`](Self::render_value) would change.
    #[must_use]
    pub fn has_template(value: &Json) -> bool {
        match value {
            Json::String(text) => is_template(text),
            Json::Array(items) => items.iter().any(Self::has_template),
            Json::Object(members) => members.values().any(Self::has_template),
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }

    /// Renders every string in `config` that contains a template; keys are not rendered.
    ///
    /// A string that depends on a secret becomes a sealed reference of `vault`, whatever its type was, and
    /// each secret that was used is added to the vault. So does one that depends on the result of an earlier
    /// step that contains a secret of the execution: one that was not known to be secret when the step
    /// ended.
    ///
    /// # Errors
    ///
    /// The first template that cannot be rendered.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future at most leaves unreferenced values in the vault.
    pub async fn render_value(
        &self,
        config: &Json,
        context: &TemplateContext,
        vault: &Vault,
    ) -> Result<Json, TemplateError> {
        let mut rendered = config.clone();
        if !Self::has_template(&rendered) {
            return Ok(rendered);
        }
        let mut leaves = Vec::new();
        collect_leaves(&mut rendered, &mut Vec::new(), &mut leaves);
        let mut rendering = Rendering::new(self, context);
        let mut of_results = Vec::new();
        let unsealed = |error| Located::from(TemplateProblem::Sealing(error));
        for Leaf { path, value } in leaves {
            let template = value.as_str().unwrap_or_default();
            let rendered = rendering.leaf(template, Purpose::Value, vault).await;
            let leaf = rendered.map_err(|problem| problem.at(path.clone()))?;
            if leaf.touched {
                let sealed = vault.seal(&leaf.value);
                let sealed = sealed.map_err(|error| unsealed(error).at(path));
                *value = Json::String(sealed?);
            } else {
                *value = leaf.value;
                if leaf.used_result {
                    of_results.push(Leaf { path, value });
                }
            }
        }
        // Now that every secret of the configuration is known.
        let redactor = vault.redactor().filter(|_| !of_results.is_empty());
        for Leaf { path, value } in of_results {
            let holds_secret = |redactor: &Arc<Redactor>| redactor.finds_in_value(value);
            if redactor.as_ref().is_some_and(holds_secret) {
                // The secret in it is already known, and the rest of it is not a secret.
                let sealed = vault.seal_unsearched(value);
                let sealed = sealed.map_err(|error| unsealed(error).at(path));
                *value = Json::String(sealed?);
            }
        }
        Ok(rendered)
    }

    /// Whether a condition such as `{{ first.status == 'completed' }}` is true; the braces are optional.
    ///
    /// # Errors
    ///
    /// The condition cannot be evaluated.
    pub async fn evaluate_condition(
        &self,
        condition: &str,
        context: &TemplateContext,
        vault: &Vault,
    ) -> Result<bool, TemplateError> {
        let template = condition_template(condition);
        let leaf = Rendering::new(self, context)
            .leaf(&template, Purpose::Condition, vault)
            .await
            .map_err(|problem| problem.at(Vec::new()))?;
        Ok(leaf.value == Json::Bool(true))
    }

    /// Every string in `config` that is an invalid template, without rendering any.
    #[must_use]
    pub fn syntax_errors(&self, config: &Json) -> Vec<TemplateError> {
        if !Self::has_template(config) {
            return Vec::new();
        }
        let mut config = config.clone();
        let mut leaves = Vec::new();
        collect_leaves(&mut config, &mut Vec::new(), &mut leaves);
        leaves
            .into_iter()
            .filter_map(|leaf| {
                let template = leaf.value.as_str().unwrap_or_default();
                self.syntax_error(template, leaf.path)
            })
            .collect()
    }

    /// The syntax error of a condition, without evaluating it.
    #[must_use]
    pub fn condition_error(&self, condition: &str) -> Option<TemplateError> {
        self.syntax_error(&condition_template(condition), Vec::new())
    }

    fn syntax_error(&self, template: &str, path: Vec<String>) -> Option<TemplateError> {
        let failure = evaluate::check_syntax(&self.environment, template)?;
        Some(explain(template, failure, &Traces::default()).at(path))
    }
}

impl Default for Renderer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Renderer")
    }
}

/// A string with a template, within the value that is being rendered.
struct Leaf<'value> {
    path: Vec<String>,
    value: &'value mut Json,
}

fn collect_leaves<'value>(
    value: &'value mut Json,
    path: &mut Vec<String>,
    leaves: &mut Vec<Leaf<'value>>,
) {
    match value {
        Json::String(text) if is_template(text) => leaves.push(Leaf {
            path: path.clone(),
            value,
        }),
        Json::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push(index.to_string());
                collect_leaves(item, path, leaves);
                path.pop();
            }
        }
        Json::Object(members) => {
            for (key, member) in members.iter_mut() {
                path.push(key.clone());
                collect_leaves(member, path, leaves);
                path.pop();
            }
        }
        _ => {}
    }
}

/// A condition as a template; its braces are optional.
fn condition_template(condition: &str) -> String {
    if is_template(condition) {
        condition.trim().to_owned()
    } else {
        format!("{{{{ {condition} }}}}")
    }
}

fn is_template(text: &str) -> bool {
    // Only a comment must be closed: `${#list[@]}` in a shell script is not one.
    let (begin, end) = COMMENT_MARKS;
    // Most strings contain no brace at all, and one byte is found faster than two.
    let Some(text) = text.find('{').and_then(|start| text.get(start..)) else {
        return false;
    };
    MARKS.iter().any(|mark| text.contains(mark))
        || text
            .split_once(begin)
            .is_some_and(|(_, rest)| rest.contains(end))
}

/// The result of a template.
struct RenderedLeaf {
    value: Json,
    /// Whether it depends on a secret.
    touched: bool,
    /// Whether it depends on the result of an earlier step.
    used_result: bool,
}

/// The rendering of one configuration: what its templates share.
struct Rendering<'renderer> {
    environment: &'renderer Arc<Environment<'static>>,
    context: Arc<TemplateContext>,
    answers: Arc<Answers>,
    elapsed: Duration,
    bytes: usize,
}

impl<'renderer> Rendering<'renderer> {
    fn new(renderer: &'renderer Renderer, context: &TemplateContext) -> Self {
        Self {
            environment: &renderer.environment,
            context: Arc::new(context.clone()),
            answers: Arc::default(),
            elapsed: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Evaluates a template until it has every secret that it touches.
    async fn leaf(
        &mut self,
        template: &str,
        purpose: Purpose,
        vault: &Vault,
    ) -> Result<RenderedLeaf, Located> {
        let mut chained = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            let evaluation = Arc::new(Evaluation::new(
                Arc::clone(&self.answers),
                Arc::new(chained.clone()),
            ));
            let root = Value::from_object(Root {
                context: Arc::clone(&self.context),
                evaluation: Arc::clone(&evaluation),
            });
            let started = Instant::now();
            let outcome = evaluate::evaluate(self.environment, template, root, purpose);
            self.elapsed += started.elapsed();
            let traces = evaluation.traces();
            drop(evaluation);
            self.remember(&traces, vault);
            if !traces.pending.is_empty() {
                self.ask(traces.pending).await?;
            } else if let Some(path) = traces.missing_used.as_deref() {
                return Err(undefined(template, path, None, &traces));
            } else {
                match outcome {
                    Ok(value) => {
                        self.bytes = self.bytes.saturating_add(measure(&value));
                        if self.bytes > MAX_RENDERED_BYTES {
                            return Err(too_much(format!("{MAX_RENDERED_BYTES} bytes")));
                        }
                        return Ok(RenderedLeaf {
                            value,
                            touched: traces.touched,
                            used_result: traces.used_result,
                        });
                    }
                    Err(failure) => match looked_into(&failure, &traces.misses) {
                        Some(path) if chained.insert(path.to_owned()) => {}
                        _ => return Err(explain(template, failure, &traces)),
                    },
                }
            }
            if self.elapsed > MAX_RENDERING_TIME {
                return Err(too_much(format!("{} s", MAX_RENDERING_TIME.as_secs())));
            }
        }
        Err(too_much(format!("{MAX_ROUNDS} secrets")))
    }

    /// Adds each secret that the evaluation used to the vault, even if the evaluation failed.
    fn remember(&self, traces: &Traces, vault: &Vault) {
        for request in &traces.used {
            if let Some(Answer::Value(secret)) = self.answers.get(request) {
                vault.remember_value(secret.expose());
            }
        }
    }

    async fn ask(&mut self, requests: BTreeSet<Request>) -> Result<(), Located> {
        for request in requests {
            let answer = self
                .answer(&request)
                .await
                .map_err(|error| Located::from(TemplateProblem::Credential(error)))?;
            Arc::make_mut(&mut self.answers).insert(request, answer);
        }
        Ok(())
    }

    async fn answer(&self, request: &Request) -> Result<Answer, CredentialError> {
        let value = match request {
            Request::Secret(name) => self.context.secrets.secret(name).await?,
            Request::KeychainField(entry, field) => {
                self.context.keychain.field(entry, field).await?
            }
            Request::KeychainFields(entry) => {
                let known = self.context.keychain.entry_names().contains(entry);
                return match self.context.keychain.fields(entry).await {
                    Ok(names) => Ok(Answer::Names(names)),
                    // A known entry with an unknown credential is an error; an unknown entry may have a
                    // default.
                    Err(CredentialError::Unknown { .. }) if !known => Ok(Answer::Nothing),
                    Err(error) => Err(error),
                };
            }
        };
        Ok(value.map_or(Answer::Nothing, Answer::Value))
    }
}

/// The approximate size of a value as JSON.
fn measure(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(measure).sum(),
        Json::Object(members) => members
            .iter()
            .map(|(key, member)| key.len() + measure(member))
            .sum(),
    }
}

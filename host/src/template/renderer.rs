use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minijinja::{Environment, Value};
use serde_json::Value as Json;

use super::context::TemplateContext;
use super::environment::{self, FILTER_NAMES};
use super::error::{TemplateError, TemplateProblem};
use super::evaluate::{self, Failure, FailureKind, Purpose};
use super::evaluation::{Answer, Answers, Evaluation, Miss, Request, Traces};
use super::root::Root;
use crate::credential::CredentialError;
use crate::diagnostic::did_you_mean;
use crate::sealing::Vault;

/// The most that the templates of one configuration may make together.
pub const MAX_RENDERED_BYTES: usize = 32 * 1024 * 1024;
/// How long the templates of one configuration may be evaluated together, without the time that
/// providers take to answer.
pub const MAX_RENDERING_TIME: Duration = Duration::from_secs(20);
/// How often one template is evaluated anew because it touched another secret. Each round gets further
/// by one secret at least, and no script takes more of them.
const MAX_ROUNDS: usize = 1_000;
/// The marks that begin an expression, a statement and a comment.
const MARKS: [&str; 3] = ["{{", "{%", "{#"];

/// Renders the templates in configuration values. Cheap to clone, and to be made once.
#[derive(Clone)]
pub struct Renderer {
    environment: Arc<Environment<'static>>,
}

impl Renderer {
    /// A renderer; what templates can name comes with each call.
    #[must_use]
    pub fn new() -> Self {
        Self {
            environment: Arc::new(environment::environment()),
        }
    }

    /// Whether a value holds anything that [`render_value`](Self::render_value) would change.
    #[must_use]
    pub fn has_template(value: &Json) -> bool {
        match value {
            Json::String(text) => is_template(text),
            Json::Array(items) => items.iter().any(Self::has_template),
            Json::Object(members) => members.values().any(Self::has_template),
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }

    /// Renders every text in `config` that holds a template; keys are not rendered.
    ///
    /// A text that depends on a secret becomes a sealed reference of `vault`, whatever its type was, and
    /// the vault learns each secret that was used.
    ///
    /// # Errors
    ///
    /// The first template that cannot be rendered.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves at most values in the vault that nothing refers to.
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
        for Leaf { path, value } in leaves {
            let template = value.as_str().unwrap_or_default();
            let (result, touched) = rendering
                .leaf(template, Purpose::Value, vault)
                .await
                .map_err(|problem| problem.at(path.clone()))?;
            *value = if touched {
                let reference = vault
                    .seal(&result)
                    .map_err(|error| Located::from(TemplateProblem::Sealing(error)).at(path))?;
                Json::String(reference)
            } else {
                result
            };
        }
        Ok(rendered)
    }

    /// Whether a condition such as `{{ first.status == 'completed' }}` holds; the braces may be left out.
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
        let template = if is_template(condition) {
            condition.trim().to_owned()
        } else {
            format!("{{{{ {condition} }}}}")
        };
        let (value, _) = Rendering::new(self, context)
            .leaf(&template, Purpose::Condition, vault)
            .await
            .map_err(|problem| problem.at(Vec::new()))?;
        Ok(value == Json::Bool(true))
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

/// A text that holds a template, within the value that is being rendered.
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

fn is_template(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

/// The rendering of one configuration: what its templates share.
struct Rendering<'renderer> {
    environment: &'renderer Arc<Environment<'static>>,
    context: Arc<TemplateContext>,
    answers: Arc<Answers>,
    elapsed: Duration,
    bytes: usize,
}

/// A problem in a template, whose path is not known yet.
struct Located {
    line: Option<usize>,
    expression: Option<String>,
    problem: TemplateProblem,
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

    /// Evaluates a template until it has every secret that it touches; returns its value, and whether it
    /// depends on a secret.
    async fn leaf(
        &mut self,
        template: &str,
        purpose: Purpose,
        vault: &Vault,
    ) -> Result<(Json, bool), Located> {
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
                        return Ok((value, traces.touched));
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

    /// Tells the vault each secret that the evaluation used, also where the evaluation failed.
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
                    // An entry that is known, over a credential that is not, is a mistake; an entry that
                    // is not known may have a default.
                    Err(CredentialError::Unknown { .. }) if !known => Ok(Answer::Nothing),
                    Err(error) => Err(error),
                };
            }
        };
        Ok(value.map_or(Answer::Nothing, Answer::Value))
    }
}

impl Located {
    fn at(self, path: Vec<String>) -> TemplateError {
        TemplateError {
            path,
            line: self.line,
            expression: self.expression,
            problem: self.problem,
        }
    }
}

impl From<TemplateProblem> for Located {
    fn from(problem: TemplateProblem) -> Self {
        Self {
            line: None,
            expression: None,
            problem,
        }
    }
}

fn too_much(limit: String) -> Located {
    Located::from(TemplateProblem::TooMuch { limit })
}

/// The path that is not defined, where the template only looked further into it.
fn looked_into<'misses>(failure: &Failure, misses: &'misses [Miss]) -> Option<&'misses str> {
    match &failure.kind {
        FailureKind::Undefined {
            name: Some(name),
            looked_into: true,
        } => find_miss(misses, name).map(|miss| miss.path.as_str()),
        _ => None,
    }
}

/// The miss that a name of the template is about: the same path, or one that ends alike because the
/// template reached it through a variable.
fn find_miss<'misses>(misses: &'misses [Miss], name: &str) -> Option<&'misses Miss> {
    let last_name = name
        .trim_end_matches(['\'', '"', ']'])
        .rsplit(['.', '[', '\'', '"'])
        .next()
        .unwrap_or(name);
    let newest_first = || misses.iter().rev();
    newest_first()
        .find(|miss| miss.path == name)
        .or_else(|| newest_first().find(|miss| miss.name == last_name))
}

fn explain(template: &str, failure: Failure, traces: &Traces) -> Located {
    let problem = match failure.kind {
        FailureKind::Undefined { name, .. } => {
            let miss = match &name {
                Some(name) => find_miss(&traces.misses, name),
                None => traces.misses.last(),
            };
            let path = miss.map(|miss| miss.path.clone()).or_else(|| name.clone());
            let located = undefined(
                template,
                path.as_deref().unwrap_or("a value"),
                name.as_deref(),
                traces,
            );
            return Located {
                line: failure.line,
                expression: failure.expression.or(located.expression),
                problem: located.problem,
            };
        }
        FailureKind::Syntax => TemplateProblem::Syntax {
            detail: failure.detail,
        },
        FailureKind::UnknownFilter(name) => TemplateProblem::UnknownFilter {
            suggestion: did_you_mean(&name, FILTER_NAMES).map(str::to_owned),
            name,
        },
        FailureKind::TooMuch => TemplateProblem::TooMuch {
            limit: failure.detail,
        },
        FailureKind::Other(kind) if traces.touched => TemplateProblem::Withheld { kind },
        FailureKind::UnknownName | FailureKind::Other(_) => TemplateProblem::Failed {
            detail: failure.detail,
        },
    };
    Located {
        line: failure.line,
        expression: failure.expression,
        problem,
    }
}

/// What to say about a path that is not defined; `name` is how the template calls it.
fn undefined(template: &str, path: &str, name: Option<&str>, traces: &Traces) -> Located {
    let miss = traces.misses.iter().rev().find(|miss| miss.path == path);
    let suggestion = miss.and_then(|miss| {
        did_you_mean(&miss.name, miss.siblings.iter().map(String::as_str)).map(str::to_owned)
    });
    // A path that the template does not spell out may be made of a secret, as in `workload[secret.x]`.
    let spelled_out = template.contains(path);
    let name = match name {
        _ if spelled_out || !traces.touched => path,
        Some(name) => name,
        None => "a name that depends on a secret",
    };
    let problem = match name.strip_prefix("secret.") {
        Some(secret) if miss.is_some_and(|miss| miss.path == name) => {
            TemplateProblem::UnknownSecret {
                name: secret.to_owned(),
                suggestion,
            }
        }
        _ => TemplateProblem::Undefined {
            name: name.to_owned(),
            suggestion,
        },
    };
    Located {
        line: spelled_out.then(|| line_of(template, path)),
        expression: spelled_out.then(|| path.to_owned()),
        problem,
    }
}

fn line_of(template: &str, part: &str) -> usize {
    let before = template.split(part).next().unwrap_or_default();
    before.matches('\n').count() + 1
}

/// About how many bytes a value takes as JSON.
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

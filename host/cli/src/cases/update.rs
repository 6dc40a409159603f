use serde_json::{Map, Value};
use toolhost_diagnostic::Span;

use super::file::{Case, CaseFile, EXPECT};
use super::run::CaseResult;

/// Why what a case expects cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The case is written in braces.
    #[error("cannot update the case `{name}`: write it as a block, one key per line")]
    Inline {
        /// The case.
        name: String,
    },
    /// What was found cannot be written as YAML.
    #[error("cannot write what the case `{name}` expects")]
    Unwritable {
        /// The case.
        name: String,
        /// Why.
        #[source]
        source: serde_saphyr::ser_error::Error,
    },
}

impl CaseFile {
    /// The text of the file with what the tools do now as what the failed cases expect. Everything else stays as it was
    /// written; comments within `expect` are lost.
    ///
    /// # Errors
    ///
    /// [`UpdateError`].
    pub fn updated(&self, results: &[CaseResult]) -> Result<String, UpdateError> {
        let mut text = self.document.source().text().to_owned();
        // From the end, so that the positions before stay valid.
        let cases = self.cases.iter().zip(results).rev();
        for (case, result) in cases.filter(|(_, result)| !result.problems.is_empty()) {
            let (start, end, indent) = self.place(case).ok_or_else(|| UpdateError::Inline {
                name: case.name.clone(),
            })?;
            let block = block(case, result, indent)?;
            let is_new = start == end;
            let block = if is_new {
                format!("\n{}{block}", " ".repeat(indent))
            } else {
                block
            };
            text.replace_range(start..end, &block);
        }
        Ok(text)
    }

    /// Where what the case expects is written, or is to be written, and how far it is indented.
    fn place(&self, case: &Case) -> Option<(usize, usize, usize)> {
        let text = self.document.source().text();
        let node = self.document.root().get("cases")?.get(&case.name)?;
        let first = node.entries()?.first()?;
        let before = text.get(..first.key.span.start)?;
        let line = before.rsplit('\n').next()?;
        if !line.chars().all(|character| character == ' ') {
            return None;
        }
        let end_of = |span: Span| text.get(..span.end).map(|text| text.trim_end().len());
        let (start, end) = if let Some(entry) = node.entry(EXPECT) {
            (entry.key.span.start, end_of(entry.value.span)?)
        } else {
            let end = end_of(node.span)?;
            (end, end)
        };
        Some((start, end, line.len()))
    }
}

fn block(case: &Case, result: &CaseResult, indent: usize) -> Result<String, UpdateError> {
    let expected = &case.expected;
    let is_new = expected.is_empty();
    let mut written = Map::new();
    if is_new || expected.calls.is_some() {
        written.insert("calls".to_owned(), without_nulls(&result.found.calls));
    }
    if is_new || expected.outcome.is_some() || expected.error.is_some() {
        match &result.found.end {
            Ok(outcome) => written.insert("outcome".to_owned(), without_nulls(outcome)),
            Err(error) => written.insert("error".to_owned(), Value::String(error.clone())),
        };
    }
    let document = Value::Object(Map::from_iter([(
        EXPECT.to_owned(),
        Value::Object(written),
    )]));
    let yaml = serde_saphyr::to_string(&document).map_err(|source| UpdateError::Unwritable {
        name: case.name.clone(),
        source,
    })?;
    let mut lines = yaml.trim_end().lines();
    let first = lines.next().unwrap_or_default().to_owned();
    Ok(lines.fold(first, |mut block, line| {
        block.push('\n');
        if !line.is_empty() {
            block.push_str(&" ".repeat(indent));
        }
        block.push_str(line);
        block
    }))
}

/// A value without the keys that are null: what is not expected is not compared.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            let members = members.map(|(name, value)| (name.clone(), without_nulls(value)));
            Value::Object(members.collect())
        }
        scalar => scalar.clone(),
    }
}

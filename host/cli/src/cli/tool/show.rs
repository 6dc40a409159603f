use std::path::Path;

use clap::Args;
use serde_json::{Value, json};
use toolhost::registry::{LoadedTool, ToolRef, is_built_in};

use crate::cli::exit::Exit;
use crate::cli::foreign;
use crate::cli::options::{CommonOptions, OutputFormat};
use crate::cli::terminal;

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The tool: KIND, KIND@1, KIND@1.2, KIND@1.2.3 or KIND@sha256:DIGEST.
    tool: ToolRef,
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
    #[command(flatten)]
    common: CommonOptions,
}

/// The length of a digest in a list: enough to distinguish components, and to name one.
const SHORT_DIGEST: usize = "sha256:".len() + 12;

/// The maximum length of a summary in a list, in characters: a line of a wide terminal.
const MAX_SHOWN_SUMMARY: usize = 120;

pub(super) async fn list(arguments: ListArguments) -> Result<Exit, Exit> {
    let set_up = arguments.common.set_up(Path::new("."), None).await?;
    let tools = set_up.host.registry().list();
    if arguments.output == OutputFormat::Json {
        let documents: Vec<_> = tools.iter().map(|tool| summary(tool)).collect();
        terminal::print_json(&format!("{:#}", Value::Array(documents)));
        return Ok(Exit::Success);
    }
    let name_width = tools
        .iter()
        .map(|tool| tool.to_string().len())
        .max()
        .unwrap_or(0);
    for tool in &tools {
        let digest = tool.digest().to_string();
        let digest = digest.get(..SHORT_DIGEST).unwrap_or(&digest);
        let name = tool.to_string();
        let note = if tool.denial().is_some() {
            "  (lacks grants)"
        } else {
            ""
        };
        terminal::print(&format!(
            "{name:name_width$}  {digest}  {}{note}",
            foreign::brief(tool.summary(), MAX_SHOWN_SUMMARY)
        ));
    }
    Ok(Exit::Success)
}

pub(super) async fn inspect(arguments: InspectArguments) -> Result<Exit, Exit> {
    let set_up = arguments.common.set_up(Path::new("."), None).await?;
    let tool = set_up
        .host
        .registry()
        .resolve(&arguments.tool)
        .map_err(|error| {
            terminal::complain(&error.to_string(), None);
            Exit::Usage
        })?;
    if arguments.output == OutputFormat::Json {
        let mut document = summary(&tool);
        if let Some(members) = document.as_object_mut() {
            members.insert("schema".to_owned(), tool.schema().clone());
        }
        terminal::print_json(&format!("{document:#}"));
        return Ok(Exit::Success);
    }
    let imports = tool.imports();
    let row = |name: &str, value: &str| {
        if !value.is_empty() {
            terminal::print(&format!("{name:9} {value}"));
        }
    };
    row("tool", &tool.to_string());
    row("summary", tool.summary());
    row("digest", &tool.digest().to_string());
    row("origin", tool.origin());
    row("needs", &names(&imports.capabilities));
    row("granted", &names(&tool.grants().iter().collect::<Vec<_>>()));
    for rule in tool.grants().fetch().rules() {
        row("fetches", &rule.to_string());
    }
    let credentials: Vec<_> = tool.grants().fetch().credentials().collect();
    row("spends", &credentials.join(", "));
    row("wasi", &imports.linked.join(", "));
    row("inert", &imports.inert.join(", "));
    row("unknown", &imports.unknown.join(", "));
    if let Some(denial) = tool.denial() {
        row("denied", &denial.to_string());
    }
    let is_granted_already = is_built_in(tool.kind()) && tool.denial().is_none();
    if !is_granted_already && !imports.needed().is_empty() {
        row("to grant", "add to `grants.yaml`:");
        terminal::print_lines(&format!("\n{}\n", tool.grant_entry()));
    }
    terminal::print_json(&format!("schema    {:#}", tool.schema()));
    Ok(Exit::Success)
}

fn summary(tool: &LoadedTool) -> Value {
    let imports = tool.imports();
    let texts = |capabilities: &[toolhost::grant::Capability]| {
        capabilities
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    json!({
        "kind": tool.kind(),
        "version": tool.version().to_string(),
        "digest": tool.digest().to_string(),
        "summary": tool.summary(),
        "origin": tool.origin(),
        "imports": {
            "capabilities": texts(&imports.capabilities),
            "linked": imports.linked,
            "inert": imports.inert,
            "unknown": imports.unknown,
        },
        "grants": texts(&tool.grants().iter().collect::<Vec<_>>()),
        "denial": tool.denial().map(ToString::to_string),
    })
}

fn names(capabilities: &[toolhost::grant::Capability]) -> String {
    capabilities
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

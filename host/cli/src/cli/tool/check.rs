use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use toolhost::capability::text::{all_of, chain};
use toolhost::grant::Capability;
use toolhost::registry::LoadedTool;
use toolhost_cli::cases::CaseRunner;
use toolhost_diagnostic::Diagnostic;

use crate::cli::exit::Exit;
use crate::cli::options::PluginOptions;
use crate::cli::terminal;

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The component.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) async fn check(arguments: CheckArguments) -> Result<Exit, Exit> {
    let path = &arguments.file;
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let plugins = PluginOptions::default();
    // Its backends play a case, and there is none: nothing happens outside.
    let set_up = plugins
        .set_up_cases(Path::new("."), &CaseRunner::new())
        .await?;
    let loaded = set_up.host.load(path, |_| toolhost::grant::Grants::none());
    let tool = loaded.await.map_err(|error| {
        terminal::complain(&chain(&error), error.help().map(str::to_owned));
        Exit::Failed
    })?;
    terminal::print(&format!("tool      {tool}"));
    terminal::print(&format!("summary   {}", tool.summary()));
    terminal::print(&format!("digest    {}", tool.digest()));
    terminal::print(&format!("size      {} kB", size.div_ceil(1_000)));
    let unknown = &tool.imports().unknown;
    if !unknown.is_empty() {
        let message = format!(
            "{} {} not provided by this host",
            all_of(unknown),
            if unknown.len() == 1 { "is" } else { "are" }
        );
        let help = "build the tool against `noetl:tool@0.1`, and without what needs these imports";
        terminal::complain(&message, Some(help.to_owned()));
        return Ok(Exit::Failed);
    }
    let imported = tool.imports().needed();
    terminal::show(&differences(tool.declared_capabilities(), &imported));
    print_needs(&tool);
    Ok(Exit::Success)
}

/// Where its description and its imports differ: users are granted the imports, and mock hosts allow the description.
fn differences(declared: &[Capability], imported: &[Capability]) -> Vec<Diagnostic> {
    let needs_grant = |capability: &Capability| *capability != Capability::Progress;
    let declared: BTreeSet<_> = declared.iter().copied().filter(needs_grant).collect();
    let imported: BTreeSet<_> = imported.iter().copied().collect();
    let surplus = imported.difference(&declared).map(|capability| {
        let message =
            format!("the component imports `{capability}`, which its description does not declare");
        Diagnostic::warning(message).help("declare it, or build the tool in a world without it")
    });
    let unused = declared.difference(&imported).map(|capability| {
        let message =
            format!("the description declares `{capability}`, which the component does not import");
        Diagnostic::warning(message).help("remove it from the capabilities that the tool declares")
    });
    surplus.chain(unused).collect()
}

fn print_needs(tool: &LoadedTool) {
    if tool.imports().needed().is_empty() {
        terminal::print("needs     nothing");
        return;
    }
    terminal::print("needs     these grants, in `grants.yaml` next to it:");
    terminal::print_lines(&format!("\n{}", tool.grant_entry()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_and_imports_that_differ_are_both_named() {
        let declared = [Capability::Jobs, Capability::Logs, Capability::Progress];
        let imported = [Capability::Jobs, Capability::Objects];
        let found = differences(&declared, &imported);
        let messages: Vec<_> = found.iter().map(Diagnostic::message).collect();
        assert_eq!(
            messages,
            [
                "the component imports `objects`, which its description does not declare",
                "the description declares `logs`, which the component does not import",
            ]
        );
        assert!(differences(&imported, &imported).is_empty());
    }
}

use std::path::{Path, PathBuf};

use clap::Args;
use toolhost::capability::text::{all_of, chain};
use toolhost::registry::LoadedTool;
use toolhost_cli::cases::CaseRunner;

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
    print_needs(&tool);
    Ok(Exit::Success)
}

fn print_needs(tool: &LoadedTool) {
    if tool.imports().needed().is_empty() {
        terminal::print("needs     nothing");
        return;
    }
    terminal::print("needs     these grants, in `grants.yaml` next to it:");
    terminal::print_lines(&format!("\n{}", tool.grant_entry()));
}

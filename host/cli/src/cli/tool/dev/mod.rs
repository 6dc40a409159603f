//! Building and testing a tool whenever its sources change.

mod sources;

use std::path::{Path, PathBuf};

use clap::Args;

use super::{build, test};
use crate::cli::exit::Exit;
use crate::cli::terminal;
use sources::SourceWatch;

#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    /// The folder of the project, with `Cargo.toml`, `pyproject.toml` or `package.json`.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// The file with the test cases of a project.
const CASES: &str = "cases.yaml";

pub(super) async fn dev(arguments: &DevArguments) -> Result<Exit, Exit> {
    let folder = &arguments.folder;
    let mut sources = SourceWatch::new(folder).map_err(|error| {
        let message = format!("cannot watch `{}`: {error}", folder.display());
        terminal::complain(&message, None);
        Exit::Usage
    })?;
    let watching = async {
        loop {
            try_once(folder).await;
            terminal::tell("waiting for a change; Ctrl-C ends it");
            if let Err(error) = sources.changed().await {
                let message = format!("cannot watch `{}`: {error}", folder.display());
                terminal::complain(&message, None);
                return Exit::Failed;
            }
        }
    };
    tokio::select! {
        exit = watching => Ok(exit),
        // A build that runs gets the signal as well, and is killed otherwise.
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

/// Builds the tool and runs its cases. What fails has been shown.
async fn try_once(folder: &Path) {
    let Ok(component) = build::component(folder).await else {
        return;
    };
    let cases = folder.join(CASES);
    if cases.is_file() {
        let _shown = test::test(test::TestArguments::of_project(cases, component)).await;
    }
}

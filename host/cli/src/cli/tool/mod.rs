//! Commands about tools.

mod build;
mod check;
mod dev;
mod new;
mod show;
mod test;

use clap::Subcommand;

use super::exit::Exit;

#[derive(Debug, Subcommand)]
pub(crate) enum ToolCommand {
    /// List the tools, the one in use of each kind last.
    List(show::ListArguments),
    /// Show everything about a tool: version, digest, imports, grants and schema.
    Inspect(show::InspectArguments),
    /// Write the project of a new tool.
    New(new::NewArguments),
    /// Build the component of a project, with the toolchain of its language.
    Build(build::BuildArguments),
    /// Build a project and run its cases whenever its sources change.
    Dev(dev::DevArguments),
    /// Check that a component is a tool that this host can run, and what it needs.
    Check(check::CheckArguments),
    /// Run test cases of tools: without an engine, in virtual time.
    Test(test::TestArguments),
}

pub(crate) async fn tool(command: ToolCommand) -> Exit {
    let result = match command {
        ToolCommand::List(arguments) => show::list(arguments).await,
        ToolCommand::Inspect(arguments) => show::inspect(arguments).await,
        ToolCommand::New(arguments) => new::new(&arguments),
        ToolCommand::Build(arguments) => build::build(&arguments).await,
        ToolCommand::Dev(arguments) => dev::dev(&arguments).await,
        ToolCommand::Check(arguments) => check::check(arguments).await,
        ToolCommand::Test(arguments) => test::test(arguments).await,
    };
    match result {
        Ok(exit) | Err(exit) => exit,
    }
}

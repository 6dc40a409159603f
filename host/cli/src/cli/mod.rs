//! Commands, one per file. The only module that prints.

mod call;
mod compile;
mod exit;
mod foreign;
mod job;
mod options;
mod own_lines;
mod plan;
mod plugins;
mod run;
mod settings;
mod show;
mod terminal;
mod tool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use exit::Exit;
use terminal::ColorChoice;

/// Runs tools that are WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "toolhost", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// When to color problems and the output of jobs.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    color: ColorChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the steps of a playbook.
    Run(run::RunArguments),
    /// Print the Kubernetes objects of each step as YAML, and create none of them.
    Plan(plan::PlanArguments),
    /// Call one tool, and print its outcome as JSON.
    Call(call::CallArguments),
    /// List jobs in a cluster, end them, and remove what killed hosts left behind.
    #[command(subcommand)]
    Job(job::JobCommand),
    /// List, inspect, write and test tools.
    #[command(subcommand)]
    Tool(tool::ToolCommand),
    /// Compile the component on standard input, for another process of this program.
    #[command(hide = true)]
    CompileComponent,
}

impl Command {
    /// What is logged by default: warnings, and what tools print while they are tested.
    const fn log(&self) -> &'static str {
        match self {
            Self::Tool(tool::ToolCommand::Test(_) | tool::ToolCommand::Dev(_)) => {
                "warn,guest=debug"
            }
            _ => "warn",
        }
    }
}

/// Parses the command line, runs the command, and returns its exit code.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // The message quotes arguments, and a line of these could be mistaken for one of the message.
            let arguments = std::env::args_os();
            let arguments =
                arguments.map(|word| foreign::line(&word.to_string_lossy()).into_owned());
            let shown = Arguments::try_parse_from(arguments).err();
            terminal::explain_usage(shown.as_ref().unwrap_or(&error));
            return if error.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Success.into()
            };
        }
    };
    if let Command::CompileComponent = arguments.command {
        return compile::compile();
    }
    terminal::set_color(arguments.color);
    terminal::log_to_stderr(arguments.command.log());
    hide_from_other_processes();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::complain(&format!("cannot start: {error}"), None);
            return Exit::Unreachable.into();
        }
    };
    let exit = runtime.block_on(async {
        match arguments.command {
            Command::Run(arguments) => run::run(arguments).await,
            Command::Plan(arguments) => plan::plan(arguments).await,
            Command::Call(arguments) => call::call(arguments).await,
            Command::Job(command) => job::job(command).await,
            Command::Tool(command) => tool::tool(command).await,
            // It was handled before the runtime was created.
            Command::CompileComponent => Exit::Success,
        }
    });
    exit.into()
}

/// Keeps other processes of the same user from reading this one's memory and the environment that it was
/// started with, which may contain credentials; root can unless it lacks `CAP_SYS_PTRACE`.
fn hide_from_other_processes() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other processes of this user can read the environment of this one");
    }
}

use std::process::ExitCode;

use toolhost::registry::{Compiler, CompilerProgram, compile_standard_input};

use super::terminal;

/// The subcommand that compiles a component; see [`super::Command::CompileComponent`].
const SUBCOMMAND: &str = "compile-component";

/// The compiler, which runs in a process of this program.
pub(super) fn compiler() -> Compiler {
    Compiler::Program(CompilerProgram::own([SUBCOMMAND]))
}

/// Runs as that process.
pub(super) fn compile() -> ExitCode {
    let Err(error) = compile_standard_input() else {
        return ExitCode::SUCCESS;
    };
    terminal::tell(&error.to_string());
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

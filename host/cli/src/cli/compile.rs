use std::process::ExitCode;

use toolhost::registry::{Compiler, CompilerProgram, compile_standard_input};

use super::terminal;

/// How this program is asked to compile a component; see [`super::Command::CompileComponent`].
const SUBCOMMAND: &str = "compile-component";

/// Compiles components in a process of this program.
pub(super) fn compiler() -> Compiler {
    Compiler::Program(CompilerProgram::own([SUBCOMMAND]))
}

/// Is that process.
pub(super) fn compile() -> ExitCode {
    let Err(error) = compile_standard_input() else {
        return ExitCode::SUCCESS;
    };
    terminal::tell(&error.to_string());
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

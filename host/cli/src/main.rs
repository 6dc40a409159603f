//! The command line of toolhost: a thin face on the library.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}

//! Writing to standard output and standard error. Everything that is written is escaped first: see
//! [`foreign`].

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;

use clap::ValueEnum;
use toolhost_diagnostic::Diagnostic;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::debug_fn;

use super::foreign;

/// When colors are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// If the output is a terminal, and `NO_COLOR` is not set.
    Auto,
    /// Wherever the output goes.
    Always,
    /// Nowhere.
    Never,
}

/// The choice of the command line, which applies to everything that is written.
static COLOR: OnceLock<ColorChoice> = OnceLock::new();

/// Sets when colors are used, before anything is written.
pub(crate) fn set_color(choice: ColorChoice) {
    let _only_once = COLOR.set(choice);
}

/// Whether standard error is a terminal.
pub(crate) fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether standard output is a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether an output has colors.
pub(crate) fn has_color(is_terminal: bool) -> bool {
    match COLOR.get() {
        Some(ColorChoice::Always) => true,
        Some(ColorChoice::Never) => false,
        // <https://no-color.org>
        Some(ColorChoice::Auto) | None => {
            let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            is_terminal && !is_unwanted
        }
    }
}

fn stderr_has_color() -> bool {
    has_color(stderr_is_terminal())
}

/// Writes a line of results.
pub(crate) fn print(line: &str) {
    write_line(std::io::stdout().lock(), &foreign::line(line));
}

/// Writes results that are a document of several lines.
pub(crate) fn print_lines(text: &str) {
    write_line(std::io::stdout().lock(), &foreign::lines(text));
}

/// Writes results that are a JSON document.
pub(crate) fn print_json(text: &str) {
    write_line(std::io::stdout().lock(), &foreign::json(text));
}

/// Writes the output of a program, byte by byte. If standard output is a terminal, it has been escaped: see
/// [`foreign::LogText`].
pub(crate) fn print_bytes(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _gone = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// Writes a line for the user.
pub(crate) fn tell(line: &str) {
    write_line(std::io::stderr().lock(), &foreign::line(line));
}

/// Writes a line of a job's output. Its colors are kept if colors are used.
pub(crate) fn tell_log(line: &str) {
    let line = format!("  | {}", foreign::log_line(line, stderr_has_color()));
    write_line(std::io::stderr().lock(), &line);
}

/// Writes problems with their positions.
pub(crate) fn show(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        write_line(std::io::stderr().lock(), rendered(diagnostic).trim_end());
    }
}

/// The colors of a problem cannot be distinguished from those in a quotation, so a problem that quotes
/// control characters is shown without colors.
fn rendered(diagnostic: &Diagnostic) -> String {
    let plain = diagnostic.render(false);
    let shown = foreign::lines(&plain);
    if shown == plain && stderr_has_color() {
        return diagnostic.render(true);
    }
    shown.into_owned()
}

/// Writes an error without a position.
pub(crate) fn complain(message: &str, help: Option<String>) {
    let diagnostic = Diagnostic::error(message);
    show(&[match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }]);
}

/// Writes an error of the command line, or the requested help.
pub(crate) fn explain_usage(error: &clap::Error) {
    let text = error.render().to_string();
    let text = foreign::lines(text.trim_end());
    if error.use_stderr() {
        write_line(std::io::stderr().lock(), &text);
    } else {
        write_line(std::io::stdout().lock(), &text);
    }
}

/// Writes the log of the library, as configured by `RUST_LOG` or else by `default`, and panics.
pub(crate) fn log_to_stderr(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // Log messages quote foreign text. The colors are around the fields, and not part of them.
    let fields = debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        let value = foreign::line(&value);
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{name}={value}"),
        }
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(stderr_has_color())
        .fmt_fields(fields.delimited(" "))
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        let mut text = panic.to_string();
        if backtrace.status() == BacktraceStatus::Captured {
            let _infallible = write!(text, "\n{backtrace}");
        }
        write_line(std::io::stderr().lock(), &foreign::lines(&text));
    }));
}

/// A closed reader is ignored.
fn write_line(mut stream: impl std::io::Write, line: &str) {
    let _gone = writeln!(stream, "{line}");
}

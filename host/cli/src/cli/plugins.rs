//! What is shown of the tools of a folder.

use toolhost::capability::text::chain;
use toolhost::registry::LoadedTool;
use toolhost_cli::setup::{GrantsFileError, PluginChange, PluginError, SetUp};
use toolhost_diagnostic::Diagnostic;

use super::terminal;

/// Shows what became of a component that was changed while steps run.
pub(crate) fn show_change(change: &PluginChange) {
    let named = |tool: &LoadedTool| format!("{tool} of `{}` ({})", tool.origin(), tool.digest());
    match change {
        PluginChange::InUse { tool, before } => {
            let before = before
                .as_ref()
                .map(|before| format!(" instead of {before}"));
            let before = before.unwrap_or_default();
            terminal::tell(&format!(
                "note: {} is in use from now on{before}",
                named(tool)
            ));
        }
        PluginChange::Added(tool) => {
            terminal::tell(&format!(
                "note: {} can be called by its version",
                named(tool)
            ));
        }
        PluginChange::LeftOut(error) => show_left_out(error),
        PluginChange::Grants(error) => show_grants_error(error),
        _ => {}
    }
}

fn show_left_out(error: &PluginError) {
    let warning = Diagnostic::warning(format!("left out a tool: {}", chain(error)));
    terminal::show(&[match error.help() {
        Some(help) => warning.help(help),
        None => warning,
    }]);
}

/// Shows what was left out when the tools were loaded, and what replaced a built-in tool.
pub(super) fn report_refused(set_up: &SetUp) {
    for refused in &set_up.refused {
        show_left_out(refused);
    }
    for tool in &set_up.overriding {
        let (origin, digest) = (tool.origin(), tool.digest());
        terminal::tell(&format!(
            "note: the built-in tool `{}` is replaced by {tool} of `{origin}` ({digest})",
            tool.kind()
        ));
    }
    terminal::show(&set_up.warnings);
}

/// Shows why the grants cannot be used.
pub(super) fn show_grants_error(error: &GrantsFileError) {
    match error {
        GrantsFileError::Invalid { problems, .. } => terminal::show(problems),
        error @ GrantsFileError::Unreadable { .. } => terminal::complain(&chain(error), None),
    }
}

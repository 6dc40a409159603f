//! How the settings of a host are set on the command line.

use toolhost::capability::{Hint, Setting};

/// The option that sets it, for the end of a clause of a hint.
pub(crate) fn option_of(setting: Setting) -> Option<&'static str> {
    Some(match setting {
        Setting::Kubeconfig => "with `--kubeconfig FILE`",
        Setting::KubeContext => "with `--kube-context NAME`",
        Setting::Credentials => "with `--credentials FILE`",
        Setting::Workspace => "with `--workspace DIR`",
        Setting::Tools => "with `--plugins PATH`",
        Setting::Engine => "with `--engine NAME`",
        _ => return None,
    })
}

/// The text of a hint for the user of the command line.
pub(crate) fn hint_text(hint: Hint) -> String {
    hint.name_settings(option_of).to_string()
}

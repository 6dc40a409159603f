//! Why this host cannot authenticate to the cluster.

use kube::client::AuthError;
use tower::BoxError;

use super::quote::quoted;

/// An authentication error that is safe to show. The standard output of a credential plugin is, or should be, a token;
/// its command and its environment may contain another. None of these is quoted, whereas [`AuthError`] does.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LoginFailed(String);

impl From<&AuthError> for LoginFailed {
    fn from(error: &AuthError) -> Self {
        Self(said(error))
    }
}

impl LoginFailed {
    /// Returns the error of a request without what must not be shown.
    pub(crate) fn instead_of(error: BoxError) -> BoxError {
        match error.downcast::<AuthError>() {
            Ok(error) => Self::from(error.as_ref()).into(),
            Err(error) => error,
        }
    }
}

fn said(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = match said.trim() {
                "" => String::new(),
                said => format!(": {}", quoted(said)),
            };
            format!(
                "the credential plugin of the kubeconfig failed ({}){said}",
                out.status
            )
        }
        AuthError::AuthExecStart(error) => {
            format!("cannot start the credential plugin of the kubeconfig: {error}")
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential plugin of the kubeconfig did not write a valid `ExecCredential`"
                .to_owned()
        }
        AuthError::ReadTokenFile(error, path) => {
            format!("cannot read the token file `{}`: {error}", path.display())
        }
        AuthError::ParseTokenKey(_) => {
            "the kubeconfig's `auth-provider` did not return valid JSON".to_owned()
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "the kubeconfig's credentials have characters that are not allowed in an HTTP header"
                .to_owned()
        }
        error => quoted(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{ExitStatus, Output};

    use super::*;

    #[test]
    fn the_error_of_a_credential_plugin_is_shown_and_its_token_is_not() {
        let failed = AuthError::AuthExecRun {
            cmd: "TOKEN=abcdefgh login".to_owned(),
            out: Box::new(Output {
                status: ExitStatus::from_raw(3 << 8),
                stdout: b"abcdefgh".to_vec(),
                stderr: b"your session has ended\n".to_vec(),
            }),
        };
        let shown = LoginFailed::instead_of(failed.into());
        let expected = "the credential plugin of the kubeconfig failed (exit status: 3): your session has ended";
        assert_eq!(shown.to_string(), expected);
        assert!(!format!("{shown:?}").contains("abcdefgh"), "{shown:?}");
    }
}

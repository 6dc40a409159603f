//! Why this host cannot prove to the cluster who it is.

use kube::client::AuthError;
use tower::BoxError;

use super::cause::quoted;

/// Why there is no login, fit to be shown. What a login program wrote to its standard output is a token, or was to be
/// one; its command and its environment may hold another. None of these is quoted, as [`AuthError`] does.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LoginFailed(String);

impl From<&AuthError> for LoginFailed {
    fn from(error: &AuthError) -> Self {
        Self(said(error))
    }
}

impl LoginFailed {
    /// An error of a request, without what must not be shown.
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
                "the login program of the kubeconfig failed ({}){said}",
                out.status
            )
        }
        AuthError::AuthExecStart(error) => {
            format!("the login program of the kubeconfig cannot be started: {error}")
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "what the login program of the kubeconfig wrote is no `ExecCredential`".to_owned()
        }
        AuthError::ReadTokenFile(error, path) => {
            format!("cannot read the token file `{}`: {error}", path.display())
        }
        AuthError::ParseTokenKey(_) => {
            "the kubeconfig's `auth-provider` gave what is not JSON".to_owned()
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "the kubeconfig's login has characters that no request can carry".to_owned()
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
    fn tells_what_a_login_program_complained_of_and_not_its_token() {
        let failed = AuthError::AuthExecRun {
            cmd: "TOKEN=abcdefgh login".to_owned(),
            out: Box::new(Output {
                status: ExitStatus::from_raw(3 << 8),
                stdout: b"abcdefgh".to_vec(),
                stderr: b"your session has ended\n".to_vec(),
            }),
        };
        let shown = LoginFailed::instead_of(failed.into());
        let expected =
            "the login program of the kubeconfig failed (exit status: 3): your session has ended";
        assert_eq!(shown.to_string(), expected);
        assert!(!format!("{shown:?}").contains("abcdefgh"), "{shown:?}");
    }
}

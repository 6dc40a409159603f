use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use url::Url;

use super::{
    CommandProvider, EnvironmentProvider, FolderProvider, NoetlProvider, Provider, Remembered,
};
use crate::credential::source::ValueSource;
use crate::credential::{Exchange, Machine};

/// A provider other than the credentials file, as named in the file or on the command line. Its `Debug` form shows no
/// secret.
#[derive(Debug, Clone)]
pub struct ProviderSettings(pub(in crate::credential) Settings);

#[derive(Debug, Clone)]
pub(in crate::credential) enum Settings {
    /// Environment variables.
    Environment,
    /// A folder.
    Folder(PathBuf),
    /// A NoETL server.
    Noetl {
        url: Url,
        token: Option<ValueSource>,
    },
    /// A program and its arguments.
    Command(Vec<String>),
}

/// The name of a provider on the command line is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `env`, `folder:PATH`, `noetl:URL` or `command:PROGRAM [ARGUMENT…]`")]
pub struct ParseProviderError;

/// The variable with the token for a NoETL server that is named on the command line.
const NOETL_TOKEN_VARIABLE: &str = "TOOLHOST_NOETL_TOKEN";

impl ProviderSettings {
    /// Creates the provider; relative paths are relative to `directory`.
    #[must_use]
    pub fn provider(
        &self,
        directory: &Path,
        machine: &Machine,
        exchange: &Arc<dyn Exchange>,
    ) -> Option<Arc<dyn Provider>> {
        let expensive = |provider: Arc<dyn Provider>| -> Arc<dyn Provider> {
            Arc::new(Remembered::new(provider, machine.clone()))
        };
        Some(match &self.0 {
            Settings::Environment => Arc::new(EnvironmentProvider::new(machine.clone())),
            Settings::Folder(path) => Arc::new(FolderProvider::new(directory.join(path))),
            Settings::Noetl { url, token } => {
                let token = match token {
                    // Relative to the file that contains it.
                    Some(ValueSource::File(path)) => Some(ValueSource::File(directory.join(path))),
                    // Read only where the server requires it.
                    None if machine.variable(NOETL_TOKEN_VARIABLE).is_some() => {
                        Some(ValueSource::Variable(NOETL_TOKEN_VARIABLE.to_owned()))
                    }
                    token => token.clone(),
                };
                let exchange = Arc::clone(exchange);
                let provider = NoetlProvider::new(url.clone(), token, machine.clone(), exchange);
                expensive(Arc::new(provider))
            }
            Settings::Command(words) => {
                expensive(Arc::new(CommandProvider::new(words, machine.clone())?))
            }
        })
    }
}

impl FromStr for ProviderSettings {
    type Err = ParseProviderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "env" {
            return Ok(Self(Settings::Environment));
        }
        let (kind, rest) = text.split_once(':').ok_or(ParseProviderError)?;
        if rest.is_empty() {
            return Err(ParseProviderError);
        }
        let settings = match kind {
            "folder" => Settings::Folder(PathBuf::from(rest)),
            "noetl" => Settings::Noetl {
                url: server(rest).ok_or(ParseProviderError)?,
                token: None,
            },
            "command" => {
                let words: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
                if words.is_empty() {
                    return Err(ParseProviderError);
                }
                Settings::Command(words)
            }
            _ => return Err(ParseProviderError),
        };
        Ok(Self(settings))
    }
}

/// Parses the address of a server.
pub(in crate::credential) fn server(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

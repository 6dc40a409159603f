use std::fmt;
use std::path::Path;
use std::sync::Arc;

use toolhost::backend::HttpSettings;
use toolhost::capability::AccessSource;
use toolhost::credential::{
    CredentialAccess, CredentialError, CredentialProvider, CredentialsFile, EnvironmentProvider,
    Exchange, HttpExchange, Keychain, KeychainEntry, Machine, Provider, ProviderChain,
    ProviderSettings, SecretProvider, Tokens,
};
use toolhost_diagnostic::Diagnostic;

/// Looks up secrets and credentials, and obtains tokens with them.
///
/// The credentials file is searched first, then the other providers in their order: those of the
/// file, then those of `more`; without any, the environment.
#[derive(Clone)]
pub struct Credentials {
    providers: Arc<ProviderChain>,
    tokens: Tokens,
    warnings: Vec<Diagnostic>,
}

impl Credentials {
    /// Reads the credentials file, if there is one. No other provider is queried yet; `http` are the settings
    /// for servers.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] about the file.
    pub fn load(
        path: Option<&Path>,
        more: &[ProviderSettings],
        http: HttpSettings,
    ) -> Result<Self, CredentialError> {
        let file = path.map_or_else(|| Ok(CredentialsFile::default()), CredentialsFile::load)?;
        Ok(Self::with_file(file, more, http))
    }

    /// As above, with a parsed file.
    #[must_use]
    pub fn with_file(file: CredentialsFile, more: &[ProviderSettings], http: HttpSettings) -> Self {
        let machine = Machine::default();
        let exchange: Arc<dyn Exchange> = Arc::new(HttpExchange::new(http));
        let warnings = file.warnings().to_vec();
        let told = file.short_secrets().to_vec();
        let here = Path::new("");
        let named = file
            .providers()
            .iter()
            .map(|settings| (settings, file.directory()));
        let named = named.chain(more.iter().map(|settings| (settings, here)));
        let mut others: Vec<_> = named
            .filter_map(|(settings, directory)| settings.provider(directory, &machine, &exchange))
            .collect();
        if others.is_empty() {
            others.push(Arc::new(EnvironmentProvider::new(machine.clone())));
        }
        let mut providers: Vec<Arc<dyn Provider>> = vec![Arc::new(file)];
        providers.append(&mut others);
        Self {
            providers: Arc::new(ProviderChain::new(providers).with_told(&told)),
            tokens: Tokens::new(exchange, machine),
            warnings,
        }
    }

    /// Warnings about the file.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The source of `secret.NAME`.
    #[must_use]
    pub fn secrets(&self) -> Arc<dyn SecretProvider> {
        Arc::clone(&self.providers) as Arc<dyn SecretProvider>
    }

    /// The source of `keychain.NAME.FIELD`, with the entries of a playbook.
    #[must_use]
    pub fn keychain(&self, entries: Vec<KeychainEntry>) -> Keychain {
        let credentials = Arc::clone(&self.providers) as Arc<dyn CredentialProvider>;
        Keychain::new(entries, credentials)
            .with_secrets(self.secrets())
            .with_tokens(self.tokens.clone())
    }

    /// The credentials for servers that objects are fetched from.
    #[must_use]
    pub fn access(&self) -> Arc<dyn AccessSource> {
        let credentials = Arc::clone(&self.providers) as Arc<dyn CredentialProvider>;
        Arc::new(CredentialAccess::new(credentials, self.tokens.clone()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials")
    }
}

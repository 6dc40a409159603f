use std::fmt;
use std::path::Path;
use std::sync::Arc;

use toolhost::capability::AccessSource;
use toolhost::credential::{
    CredentialAccess, CredentialError, CredentialProvider, CredentialsFile, EnvironmentProvider,
    Exchange, HttpExchange, Keychain, KeychainEntry, Machine, Provider, ProviderChain,
    ProviderSettings, SecretProvider, Tokens,
};
use toolhost::http::HttpSettings;
use toolhost_diagnostic::Diagnostic;

/// Who knows secrets and credentials, and makes tokens of them.
///
/// The credentials file is asked first. Then come the other providers in their order: those of the file,
/// then those of `more`; without any, the environment.
#[derive(Clone)]
pub struct Credentials {
    providers: Arc<ProviderChain>,
    tokens: Tokens,
    warnings: Vec<Diagnostic>,
}

impl Credentials {
    /// Reads the credentials file, if there is one. Nothing else is asked yet; servers are then asked as
    /// `http` says.
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

    /// As above, with a file that was read.
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

    /// What a person should know about the file.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Who knows `secret.NAME`.
    #[must_use]
    pub fn secrets(&self) -> Arc<dyn SecretProvider> {
        Arc::clone(&self.providers) as Arc<dyn SecretProvider>
    }

    /// Who knows `keychain.NAME.FIELD`, with the entries of a playbook.
    #[must_use]
    pub fn keychain(&self, entries: Vec<KeychainEntry>) -> Keychain {
        let credentials = Arc::clone(&self.providers) as Arc<dyn CredentialProvider>;
        Keychain::new(entries, credentials)
            .with_secrets(self.secrets())
            .with_tokens(self.tokens.clone())
    }

    /// What opens the servers that objects are fetched from.
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

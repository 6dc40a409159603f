//! Secrets, credentials and keychain entries by name.
//!
//! The host uses three traits: [`SecretProvider`] for `secret.NAME`, [`CredentialProvider`] for a credential that is
//! named by `auth`, [`KeychainProvider`] for `keychain.NAME.FIELD`. They are asynchronous and are called for one name
//! at a time, so that a server or a command can answer, and so that a token is requested only when something uses it.
//!
//! [`CredentialsFile`] is the file of `--credentials`, [`Keychain`] combines a playbook's `keychain:` and any
//! [`CredentialProvider`]. Nothing here opens a sealed reference or renders a template. Without the feature
//! `credentials`, the only implementation is [`NoSecrets`].

#[cfg(feature = "credentials")]
mod access;
#[cfg(feature = "credentials")]
mod audience;
#[cfg_attr(
    not(feature = "credentials"),
    expect(dead_code, reason = "only the providers use all of it")
)]
mod error;
#[cfg(feature = "credentials")]
mod file;
#[cfg(feature = "credentials")]
mod keychain;
#[cfg_attr(not(feature = "credentials"), expect(dead_code, reason = "as above"))]
mod kind;
#[cfg(feature = "credentials")]
mod machine;
mod nothing;
#[cfg(feature = "credentials")]
mod program;
#[cfg(feature = "credentials")]
mod provide;
#[cfg_attr(not(feature = "credentials"), expect(dead_code, reason = "as above"))]
mod provider;
#[cfg(feature = "credentials")]
mod secret_file;
#[cfg(feature = "credentials")]
mod source;
#[cfg(feature = "credentials")]
mod token;
#[cfg_attr(not(feature = "credentials"), expect(dead_code, reason = "as above"))]
mod token_error;
mod value;

#[cfg(feature = "credentials")]
#[cfg(test)]
mod tests;

#[cfg(feature = "credentials")]
pub use access::CredentialAccess;
pub use error::CredentialError;
#[cfg(feature = "credentials")]
pub use file::{CredentialsFile, MAX_CREDENTIALS_BYTES};
#[cfg(feature = "credentials")]
pub use keychain::{Keychain, KeychainEntry, KeychainKind, MINTED_KEYCHAIN_KINDS};
pub use kind::CredentialType;
#[cfg(feature = "credentials")]
pub use machine::Machine;
pub use nothing::NoSecrets;
#[cfg(feature = "credentials")]
pub use program::MAX_COMMAND_BYTES;
#[cfg(feature = "credentials")]
pub use provide::{
    CommandProvider, EnvironmentProvider, FolderProvider, NoetlProvider, ParseProviderError,
    Provider, ProviderChain, ProviderSettings, Remembered,
};
pub use provider::{
    Credential, CredentialProvider, EnvironmentVariable, KeychainProvider, SecretProvider,
};
#[cfg(feature = "credentials")]
pub use secret_file::MAX_SECRET_BYTES;
#[cfg(feature = "credentials")]
use secret_file::read_secret;
#[cfg(feature = "credentials")]
pub use token::{
    ANSWER_TIMEOUT, Exchange, ExchangeAnswer, ExchangeMethod, ExchangeRequest, HttpExchange,
    MAX_ANSWER_BYTES, NEAR_CONNECT_TIMEOUT, Tokens,
};
pub use token_error::{Refusal, TokenError};
pub use value::SecretValue;

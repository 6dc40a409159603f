//! Secrets, credentials and keychain entries by name.
//!
//! The traits are what the rest of the host asks: [`SecretProvider`] for `secret.NAME`,
//! [`CredentialProvider`] for a credential that is named by `auth`, [`KeychainProvider`] for
//! `keychain.NAME.FIELD`. They are asynchronous and are asked for one name at a time, so that a server or
//! a command can answer, and so that a token is made only when something uses it.
//!
//! [`CredentialsFile`] answers from the file of `--credentials`, [`Keychain`] from a playbook's
//! `keychain:` and any [`CredentialProvider`]. Nothing here opens a sealed reference or renders a
//! template.

mod access;
mod audience;
mod error;
mod file;
mod keychain;
mod kind;
mod machine;
mod program;
mod provide;
mod provider;
mod secret_file;
mod source;
mod token;
mod token_error;
mod value;

#[cfg(test)]
mod tests;

pub use access::CredentialAccess;
pub use error::CredentialError;
pub use file::{CredentialsFile, MAX_CREDENTIALS_BYTES};
pub use keychain::{Keychain, KeychainEntry, KeychainKind, MINTED_KEYCHAIN_KINDS};
pub use kind::CredentialType;
pub use machine::Machine;
pub use program::MAX_COMMAND_BYTES;
pub use provide::{
    CommandProvider, EnvironmentProvider, FolderProvider, NoetlProvider, ParseProviderError,
    Provider, ProviderChain, ProviderSettings, Remembered,
};
pub use provider::{
    Credential, CredentialProvider, EnvironmentVariable, KeychainProvider, SecretProvider,
};
pub use secret_file::MAX_SECRET_BYTES;
use secret_file::read_secret;
pub use token::{
    ANSWER_TIMEOUT, Exchange, ExchangeAnswer, ExchangeMethod, ExchangeRequest, HttpExchange,
    MAX_ANSWER_BYTES, NEAR_CONNECT_TIMEOUT, Tokens,
};
pub use token_error::{Refusal, TokenError};
pub use value::SecretValue;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;

use super::place::Place;
use crate::capability::{Access, Authorization, AwsKeys};
use crate::credential::CredentialError;
use crate::credential::program::{Program, TIMEOUT};
use crate::credential::token::answer::timestamp;
use crate::credential::token::cache::Made;
use crate::credential::token::source::{Servers, Source, Token, TokenSource};

/// A program that writes keys
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>).
struct Process {
    owner: String,
    program: Program,
    place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    version: u32,
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: Option<SecretString>,
    expiration: Option<String>,
}

/// The version of its output.
const VERSION: u32 = 1;
/// Variables of Amazon's own programs, which such a program often is.
const VARIABLES: [&str; 4] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
];

/// Returns the program of a profile. Its line is split like in a shell, and not run by a shell.
pub(super) fn source(
    owner: &str,
    name: &str,
    line: &str,
    place: Place,
) -> Result<Source, CredentialError> {
    let owner = format!("the profile `{name}` of {owner}");
    let words = words(line).unwrap_or_default();
    let Some((program, arguments)) = words.split_first() else {
        let problem = "has a `credential_process` that is not a program with arguments";
        return Err(CredentialError::malformed(&owner, problem));
    };
    Ok(Source::Asked(Box::new(Process {
        program: Program {
            name: program.clone(),
            arguments: arguments.to_vec(),
            variables: &VARIABLES,
            timeout: TIMEOUT,
        },
        owner,
        place,
    })))
}

impl Process {
    fn failed(&self, message: impl Into<String>) -> CredentialError {
        CredentialError::Provider {
            owner: self.owner.clone(),
            provider: format!("the `credential_process` `{}`", self.program.name),
            message: message.into(),
        }
    }
}

#[async_trait]
impl TokenSource for Process {
    async fn fetch(
        &self,
        servers: &Servers,
        _: Option<Token>,
    ) -> Result<Made<Token>, CredentialError> {
        let ran = self.program.run(&servers.machine, "").await;
        let (status, output) = ran.map_err(|message| self.failed(message))?;
        if !status.success() {
            // Its output may contain anything.
            return Err(self.failed(format!("it ended with {status}")));
        }
        let keys: Keys = serde_json::from_slice(&output)
            .map_err(|_| self.failed("its output is not the JSON of keys"))?;
        if keys.version != VERSION {
            let message = format!(
                "its output has version {} instead of {VERSION}",
                keys.version
            );
            return Err(self.failed(message));
        }
        let mut access = Access::new(
            Authorization::Aws(AwsKeys {
                access_key_id: keys.access_key_id,
                secret_access_key: keys.secret_access_key,
                session_token: keys.session_token,
            }),
            &self.owner,
        );
        // Without an expiration, they are kept until a server refuses them.
        if let Some(text) = keys.expiration {
            let expires_at = timestamp(&text);
            let expires_at = expires_at
                .ok_or_else(|| self.failed("its output has an `Expiration` that is not a time"))?;
            access.expires_at = Some(expires_at);
        }
        self.place.complete(&mut access, &servers.machine);
        Ok(Made::new(access))
    }
}

/// Splits a line into words like a shell: between quotes, spaces are part of a word, and so is a character after a
/// backslash, except between single quotes. No other character is special. None where a quote is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), _) if character == open => quote = None,
            (None, '\\') => word.get_or_insert_default().push(characters.next()?),
            // Between double quotes, a backslash is literal before all but these.
            (Some('"'), '\\') if matches!(characters.peek(), Some('"' | '\\')) => {
                word.get_or_insert_default().extend(characters.next());
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_like_in_a_shell() {
        for (line, expected) in [
            ("", Some(vec![])),
            (" a\t b ", Some(vec!["a", "b"])),
            (r#""a b"c 'd "e"'"#, Some(vec!["a bc", "d \"e\""])),
            (
                r#"a\ b "c\"\\\d" 'e\f' "" ''"#,
                Some(vec!["a b", r#"c"\\d"#, r"e\f", "", ""]),
            ),
            ("$HOME `id` *;>", Some(vec!["$HOME", "`id`", "*;>"])),
            ("\"a", None),
            ("'a", None),
            ("a\\", None),
        ] {
            let words = words(line);
            let words: Option<Vec<&str>> = words
                .as_ref()
                .map(|words| words.iter().map(String::as_str).collect());
            assert_eq!(words, expected, "{line}");
        }
    }
}

//! A credentials file is read, or every problem in it can be shown; and no problem quotes a value.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use toolhost::credential::CredentialsFile;
use toolhost::credential::{CredentialProvider as _, SecretProvider as _};
use toolhost_diagnostic::Document;

/// In a corpus, this is wherever a value may be; a mutation that breaks it only disables the check.
const VALUE: &str = "pl4nted-v4lue";

/// Keys with a value after them.
const KEYS: [&str; 9] = [
    "token", "password", "key", "dsn", "type", "env", "file", "url", "secrets",
];

fuzz_target!(|text: &str| {
    let parsed = Document::parse_confidential("credentials.yaml", text)
        .map_err(|problem| vec![problem])
        .and_then(|document| CredentialsFile::parse(&document, Path::new("/nonexistent")));
    match parsed {
        Ok(file) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime without drivers");
            let file = file.with_environment(|_| None);
            let mut told = format!("{file:?}");
            let mut names = [file.secret_names(), file.credential_names()].concat();
            for name in file.secret_names() {
                let answer = runtime.block_on(file.secret(&name));
                told.push_str(&format!("{answer:?}"));
            }
            for name in file.credential_names() {
                let answer = runtime.block_on(file.credential(&name));
                told.push_str(&format!("{answer:?}"));
                // A key that has no value yet, as in `{type: generic, token}`, names a field too.
                if let Ok(Some(credential)) = answer {
                    names.extend(credential.fields.into_keys());
                }
            }
            if !is_name(&names) {
                assert!(!told.contains(VALUE), "a value is disclosed: {told}");
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            let may_tell = !is_plain_secret(text);
            for problem in problems {
                let told = problem.render(false);
                assert!(!told.is_empty());
                assert!(may_tell || !told.contains(VALUE), "a value is disclosed: {told}");
            }
        }
    }
});

/// Whether the planted value may be disclosed: as a name.
fn is_name(names: &[String]) -> bool {
    names.iter().any(|name| name.contains(VALUE))
}

/// Whether the planted value stands for nothing but values, in the right place or the wrong one.
fn is_plain_secret(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| line.contains(VALUE));
    lines.all(|line| {
        let member = line.trim().split_once(": ");
        member.is_some_and(|(key, value)| {
            value == VALUE && KEYS.contains(&key)
        }) || line.trim() == format!("- {VALUE}")
    })
}

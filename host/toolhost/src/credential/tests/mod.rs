mod access;
mod aws;
mod command;
mod file;
mod google;
mod keychain;
mod oauth2;
mod profile;
mod providers;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::*;
use crate::capability::{
    Access, AccessRequest, AccessSource, Authorization, CapabilityError, Service,
};
use crate::diagnostic::Document;
use crate::http::tests::quick;
use crate::http::tests::server::{Answer, Received, Server};

/// The time of the tests.
const NOW: Duration = Duration::from_hours(500_000);

/// A machine whose variables and clock are set by a test, without data of a firmware.
#[derive(Clone, Default)]
struct World {
    variables: Arc<Mutex<BTreeMap<String, String>>>,
    passed: Arc<Mutex<Duration>>,
}

impl World {
    fn new(variables: &[(&str, &str)]) -> Self {
        let world = Self::default();
        for (name, value) in variables {
            world.set(name, value);
        }
        world
    }

    fn set(&self, name: &str, value: &str) {
        let mut variables = self.variables.lock().unwrap();
        variables.insert(name.to_owned(), value.to_owned());
    }

    fn pass(&self, duration: Duration) {
        *self.passed.lock().unwrap() += duration;
    }

    fn machine(&self) -> Machine {
        let (variables, passed) = (Arc::clone(&self.variables), Arc::clone(&self.passed));
        Machine::new(move |name| variables.lock().unwrap().get(name).cloned())
            .with_clock(move || SystemTime::UNIX_EPOCH + NOW + *passed.lock().unwrap())
            .with_dmi_folder("/nonexistent")
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + NOW + *self.passed.lock().unwrap()
    }

    fn tokens(&self) -> Tokens {
        Tokens::new(exchange(), self.machine())
    }

    /// Returns access by the credentials of a file.
    fn access(&self, file: &str) -> CredentialAccess {
        CredentialAccess::new(Arc::new(self.file(file)), self.tokens())
    }

    fn file(&self, text: &str) -> CredentialsFile {
        let document = Document::parse_confidential("credentials.yaml", text).unwrap();
        let variables = Arc::clone(&self.variables);
        CredentialsFile::parse(&document, Path::new("/folder"))
            .unwrap()
            .with_environment(move |name| variables.lock().unwrap().get(name).cloned())
    }
}

fn exchange() -> Arc<dyn Exchange> {
    Arc::new(HttpExchange::new(quick()))
}

/// Returns access to a service by a credential's name.
async fn open(
    access: &CredentialAccess,
    service: Service,
    name: &str,
) -> Result<Access, CapabilityError> {
    access
        .access(&AccessRequest::new(service, Some(name)))
        .await
}

async fn bearer_of(access: &CredentialAccess, name: &str) -> String {
    token(&open(access, Service::Http, name).await.unwrap())
}

fn token(access: &Access) -> String {
    match &access.authorization {
        Authorization::Bearer(token) => token.expose_secret().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Returns the three parts of keys, as text.
fn keys(access: &Access) -> [String; 3] {
    match &access.authorization {
        Authorization::Aws(keys) => {
            let session = keys.session_token.as_ref();
            [
                keys.access_key_id.clone(),
                keys.secret_access_key.expose_secret().to_owned(),
                session
                    .map(|token| token.expose_secret().to_owned())
                    .unwrap_or_default(),
            ]
        }
        other => panic!("{other:?}"),
    }
}

/// Returns the fields of a received form.
fn form(received: &Received) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(&received.body)
        .into_owned()
        .collect()
}

/// Starts a server that numbers its tokens.
async fn numbering(life_seconds: u64) -> Server {
    Server::start(move |count, _| given(&format!("token-number-{count}"), life_seconds)).await
}

fn given(token: &str, life_seconds: u64) -> Answer {
    Answer::ok(format!(
        "{{\"access_token\": \"{token}\", \"expires_in\": {life_seconds}, \"token_type\": \"Bearer\"}}"
    ))
}

/// Returns a credentials file with one client of a server.
fn client(server: &Server) -> String {
    let url = server.url("/token");
    format!(
        "credentials:\n  api: {{type: oauth2, token_url: '{url}', client_id: me, client_secret: hunter2-client}}\n"
    )
}

//! What opens a server, in place of credentials.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use toolhost::capability::{
    Access, AccessRequest, AccessSource, Authorization, AwsKeys, CapabilityError,
};

/// Gives what it was given; the next one where that is refused.
#[derive(Debug)]
pub(crate) struct FakeAccess {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    given: Access,
    next: VecDeque<Access>,
    refused: usize,
    requests: Vec<AccessRequest>,
}

impl FakeAccess {
    pub(crate) fn new(given: Access) -> Self {
        Self::renewing(given, [])
    }

    pub(crate) fn renewing(given: Access, next: impl IntoIterator<Item = Access>) -> Self {
        let state = State {
            given,
            next: next.into_iter().collect(),
            refused: 0,
            requests: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// How often something was refused.
    pub(crate) fn refused(&self) -> usize {
        self.state.lock().unwrap().refused
    }

    pub(crate) fn requests(&self) -> Vec<AccessRequest> {
        self.state.lock().unwrap().requests.clone()
    }
}

#[async_trait]
impl AccessSource for FakeAccess {
    async fn access(&self, request: &AccessRequest) -> Result<Access, CapabilityError> {
        let mut state = self.state.lock().unwrap();
        state.requests.push(request.clone());
        Ok(state.given.clone())
    }

    async fn refuse(&self, _: &AccessRequest, _: &Access) {
        let mut state = self.state.lock().unwrap();
        state.refused += 1;
        if let Some(next) = state.next.pop_front() {
            state.given = next;
        }
    }
}

pub(crate) fn nothing() -> Access {
    Access::new(Authorization::Anonymous, "no credential")
}

pub(crate) fn keys(key: &str, secret: &str, token: Option<&str>) -> Access {
    let keys = AwsKeys {
        access_key_id: key.to_owned(),
        secret_access_key: secret.into(),
        session_token: token.map(Into::into),
    };
    Access::new(Authorization::Aws(keys), "the credential `aws_test`")
}

pub(crate) fn token(token: &str) -> Access {
    Access::new(
        Authorization::Bearer(token.into()),
        "the credential `google_test`",
    )
}

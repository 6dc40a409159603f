use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::call::Call;
use crate::status::Refusal;

/// Whether something happens before the request is worked on, or after, when its effect is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nothing was done yet.
    BeforeWork,
    /// Everything was done, and the answer is ready.
    AfterWork,
}

/// What goes wrong.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// Is answered so.
    Refuse(When, Refusal),
    /// The connection is closed without an answer.
    Close(When),
    /// Waits for the given time, or forever, and continues.
    Stall(When, Option<Duration>),
    /// The body of the answer breaks after so many bytes, in the middle of a chunked message.
    Cut {
        /// How many bytes still come.
        bytes: usize,
    },
    /// The answer is a success with this text for its body, whatever it would have been.
    Say(&'static str),
    /// The body of the answer says nothing more after so many bytes; the connection stays.
    Silence {
        /// How many bytes still come.
        bytes: usize,
    },
    /// Calls a function, such as one that kills the client, and goes on.
    Call(When, Hook),
}

/// A function that a fault calls.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn(&Call) + Send + Sync>);

impl Hook {
    /// A hook of that function.
    pub fn new(function: impl Fn(&Call) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(super) fn call(&self, call: &Call) {
        (self.0)(call);
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hook")
    }
}

/// Which requests a fault is for.
#[derive(Debug, Clone)]
#[must_use]
pub struct Match {
    verb: Option<String>,
    resource: Option<String>,
    name: Option<String>,
    user_agent: Option<String>,
    first: usize,
    times: usize,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self {
            verb: None,
            resource: None,
            name: None,
            user_agent: None,
            first: 1,
            times: usize::MAX,
        }
    }

    /// Requests of this verb on this resource; a part of a resource is written `pods/log`.
    pub fn new(verb: &str, resource: &str) -> Self {
        Self {
            verb: Some(verb.to_owned()),
            resource: Some(resource.to_owned()),
            ..Self::any()
        }
    }

    /// Only those for an object of this name.
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Only those of a client whose user agent contains this.
    pub fn of_agent(mut self, part: &str) -> Self {
        self.user_agent = Some(part.to_owned());
        self
    }

    /// The n-th of them only, from 1, counted from now.
    pub fn nth(mut self, number: usize) -> Self {
        self.first = number;
        self.times = 1;
        self
    }

    /// From the n-th on, counted from now.
    pub fn from(mut self, number: usize) -> Self {
        self.first = number;
        self.times = usize::MAX;
        self
    }

    /// So many times at most.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    fn matches(&self, call: &Call) -> bool {
        let is = |wanted: &Option<String>, actual: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == actual)
        };
        is(&self.verb, &call.verb)
            && is(&self.resource, &call.full_resource())
            && is(&self.name, &call.name)
            && self
                .user_agent
                .as_ref()
                .is_none_or(|part| call.user_agent.contains(part))
    }
}

/// The faults that are to come.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
}

#[derive(Debug)]
struct Rule {
    matching: Match,
    fault: Fault,
    seen: watch::Sender<usize>,
}

/// A fault that was planned.
#[derive(Debug)]
pub struct Planned {
    seen: watch::Receiver<usize>,
    first: usize,
}

impl Planned {
    /// Waits until the fault met a request for the first time.
    pub async fn happened(&mut self) {
        let first = self.first;
        // Where the server is gone, nothing will happen any more.
        let _ = self.seen.wait_for(|seen| *seen >= first).await;
    }

    /// How many requests matched so far, whether or not the fault was for them.
    #[must_use]
    pub fn matched(&self) -> usize {
        *self.seen.borrow()
    }
}

impl Faults {
    /// Plans a fault for requests from now on. Where several are due for one, they come in this order.
    pub fn plan(&self, matching: Match, fault: Fault) -> Planned {
        let seen = watch::Sender::new(0);
        let planned = Planned {
            seen: seen.subscribe(),
            first: matching.first,
        };
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Rule {
                matching,
                fault,
                seen,
            });
        planned
    }

    /// Forgets all faults that were planned.
    pub fn clear(&self) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Counts a request, and tells what goes wrong with it.
    pub(super) fn due(&self, call: &Call) -> Vec<Fault> {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        for rule in rules.iter().filter(|rule| rule.matching.matches(call)) {
            let number = *rule.seen.borrow() + 1;
            rule.seen.send_replace(number);
            let first = rule.matching.first;
            if number >= first && number - first < rule.matching.times {
                due.push(rule.fault.clone());
            }
        }
        due
    }
}

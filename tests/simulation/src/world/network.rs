//! The connection of one host to the server, and what goes wrong with it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fake_kubernetes::{Call, FakeKubernetes, Refusal, current_time};
use http::{Request, Response};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use toolhost_kubernetes::{AnswerBody, PendingAnswer, Transport};

use super::body;
use super::counters::Counters;
use super::switch::Switch;
use crate::random::Random;
use crate::scenario::{Kill, NetworkPlan};

/// How long a request stalls at most.
const LONGEST_STALL_MS: u64 = 60_000;

/// A connection. A host whose connection is dead cannot be distinguished from one that was killed: nothing of what it does arrives.
pub(crate) struct Link {
    pub(crate) server: Arc<FakeKubernetes>,
    pub(crate) plan: NetworkPlan,
    pub(crate) kill: Option<Kill>,
    /// When the run began.
    pub(crate) begun: Instant,
    pub(crate) is_up: Arc<Switch>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) is_dead: watch::Sender<bool>,
    pub(crate) state: Mutex<State>,
}

/// What changes with each request.
pub(crate) struct State {
    pub(crate) random: Random,
    pub(crate) requests: u64,
    pub(crate) faults: u64,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Refused {
        code: u16,
        is_done: bool,
    },
    Reset {
        is_done: bool,
    },
    Stall {
        time: Option<Duration>,
        is_done: bool,
    },
    Cut {
        bytes: u64,
    },
    Silence {
        bytes: u64,
    },
}

impl Transport for Link {
    fn send(self: Arc<Self>, request: Request<Bytes>) -> PendingAnswer {
        Box::pin(async move {
            let mut is_dead = self.is_dead.subscribe();
            let exchanged = tokio::select! {
                biased;
                _ = is_dead.wait_for(|is_dead| *is_dead) => None,
                answer = Arc::clone(&self).exchange(request) => Some(answer),
            };
            match exchanged {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }

    fn now(&self) -> SystemTime {
        current_time().into()
    }
}

impl Link {
    /// How many requests were sent, and how many of them, and of the events, had a fault.
    pub(crate) fn sent(&self) -> (u64, u64) {
        let state = self.state();
        (state.requests, state.faults)
    }

    async fn exchange(
        self: Arc<Self>,
        request: Request<Bytes>,
    ) -> io::Result<Response<AnswerBody>> {
        let (head, content) = request.into_parts();
        let call = Call::of(&head);
        let (number, fault, there, back) = self.draw();
        sleep(there).await;
        self.die_at(number, true).await;
        if !self.is_up.is_up() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        if let Some(answer) = self.meet(fault, false).await {
            return answer;
        }
        let answer = self
            .server
            .answer(Request::from_parts(head, content))
            .await?;
        self.die_at(number, false).await;
        if let Some(answer) = self.meet(fault, true).await {
            return answer;
        }
        sleep(back).await;
        let end = match fault {
            Some(Fault::Cut { bytes }) => Some((bytes, true)),
            Some(Fault::Silence { bytes }) => Some((bytes, false)),
            _ => None,
        };
        Ok(body::carried(self, &call, answer, end))
    }

    fn draw(&self) -> (u64, Option<Fault>, Duration, Duration) {
        let is_over = self.begun.elapsed() >= self.plan.until;
        let mut state = self.state();
        state.requests += 1;
        let number = state.requests;
        let longest = u64::try_from(self.plan.latency.as_millis()).unwrap_or(1);
        let random = &mut state.random;
        let (there, back) = (random.time(0, longest), random.time(0, longest));
        let is_met = random.happens(self.plan.request_faults) && !is_over;
        let fault = is_met.then(|| {
            let (name, fault) = fault(random);
            self.counters.count(name);
            fault
        });
        state.faults += u64::from(is_met);
        (number, fault, there, back)
    }

    /// What happens to an event of a watch; none mostly.
    pub(crate) fn event_fault(&self) -> Option<EventFault> {
        if self.begun.elapsed() >= self.plan.until {
            return None;
        }
        let mut state = self.state();
        if !state.random.happens(self.plan.event_faults) {
            return None;
        }
        state.faults += 1;
        let (name, fault) = match state.random.below(4) {
            0 => ("event duplicated", EventFault::Twice),
            1 => ("event reordered", EventFault::AfterNext),
            2 => ("watch cut", EventFault::Cut),
            _ => ("event late", EventFault::Late(state.random.time(1, 20_000))),
        };
        self.counters.count(name);
        Some(fault)
    }

    async fn die_at(&self, number: u64, is_before: bool) {
        if let Some(Kill::AtRequest(at, before)) = self.kill
            && (at, before) == (number, is_before)
        {
            self.is_dead.send_replace(true);
            std::future::pending::<()>().await;
        }
    }

    async fn meet(
        &self,
        fault: Option<Fault>,
        is_after: bool,
    ) -> Option<io::Result<Response<AnswerBody>>> {
        match fault? {
            Fault::Refused { code, is_done } if is_done == is_after => {
                Some(Ok(refusal(code).into()))
            }
            Fault::Reset { is_done } if is_done == is_after => {
                Some(Err(io::ErrorKind::ConnectionReset.into()))
            }
            Fault::Stall { time, is_done } if is_done == is_after => match time {
                Some(time) => {
                    sleep(time).await;
                    None
                }
                None => std::future::pending().await,
            },
            _ => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventFault {
    Twice,
    AfterNext,
    Late(Duration),
    Cut,
}

fn fault(random: &mut Random) -> (&'static str, Fault) {
    let is_done = random.happens(500);
    let refused = |code| Fault::Refused { code, is_done };
    match random.below(10) {
        // These are said before anything is done.
        0 => (
            "409",
            Fault::Refused {
                code: 409,
                is_done: false,
            },
        ),
        1 => (
            "410",
            Fault::Refused {
                code: 410,
                is_done: false,
            },
        ),
        2 => (
            "429",
            Fault::Refused {
                code: 429,
                is_done: false,
            },
        ),
        3 => ("500", refused(500)),
        4 => ("504", refused(504)),
        5 | 6 => ("reset", Fault::Reset { is_done }),
        7 => {
            let time = random
                .happens(700)
                .then(|| random.time(100, LONGEST_STALL_MS));
            ("stall", Fault::Stall { time, is_done })
        }
        8 => (
            "cut",
            Fault::Cut {
                bytes: length(random),
            },
        ),
        _ => (
            "silence",
            Fault::Silence {
                bytes: length(random),
            },
        ),
    }
}

fn length(random: &mut Random) -> u64 {
    if random.happens(300) {
        random.below(60)
    } else {
        random.below(20_000)
    }
}

/// What a server says in Kubernetes' own words.
fn refusal(code: u16) -> Refusal {
    let text = match code {
        409 => {
            "Operation cannot be fulfilled on resourcequotas \"team\": the object has been modified; please apply your \
             changes to the latest version and try again"
        }
        410 => "The provided continue parameter is too old to display a consistent list result",
        429 => "too many requests, please try again later",
        500 => "etcdserver: request timed out",
        _ => {
            "Timeout: request did not complete within requested timeout - context deadline exceeded"
        }
    };
    let refusal = Refusal::of_code(code, text);
    if code == 429 {
        refusal.retry_after(1)
    } else {
        refusal
    }
}

//! A Kubernetes API server of one process.

mod api;
mod body;
mod call;
mod collector;
mod controller;
mod events;
mod json;
mod kind;
mod kubelet;
mod layer;
mod play;
mod rights;
mod server;
mod settings;
mod status;
mod store;
mod time;

pub use self::call::Call;
pub use self::layer::{Fault, Faults, Hook, Match, Planned, RequestRecord, Requests, When};
pub use self::play::{Play, PlayedPod, Step};
pub use self::rights::Authorizer;
pub use self::server::FakeKubernetes;
pub use self::settings::{Playwright, Settings};
pub use self::status::Refusal;

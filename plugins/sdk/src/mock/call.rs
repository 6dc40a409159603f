use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use crate::{Capability, SecretEntry};

/// A request of a tool to [`MockHost`](super::MockHost).
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// [`Host::fetch_object`](crate::Host::fetch_object).
    FetchObject {
        /// The URI.
        uri: String,
        /// The options by name.
        options: Map<String, Value>,
    },
    /// [`Host::create_object`](crate::Host::create_object).
    CreateObject {
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// [`Host::create_secret`](crate::Host::create_secret).
    CreateSecret {
        /// The entries.
        entries: Vec<SecretEntry>,
    },
    /// [`Host::create_job`](crate::Host::create_job).
    CreateJob {
        /// The name.
        name: String,
        /// The options by name.
        options: Map<String, Value>,
        /// The script's file name and content.
        script: Option<(String, Vec<u8>)>,
        /// The entries of the secret that is the environment.
        environment: Vec<SecretEntry>,
    },
    /// [`Job::watch`](crate::Job::watch).
    WatchJob,
    /// [`Job::cancel`](crate::Job::cancel).
    Cancel {
        /// The reason.
        reason: String,
    },
    /// [`Job::read_logs`](crate::Job::read_logs).
    ReadLogs {
        /// The cursor.
        cursor: u64,
    },
    /// [`Job::read_excerpt`](crate::Job::read_excerpt).
    ReadExcerpt {
        /// The attempt.
        attempt: u32,
        /// The most bytes.
        max_bytes: u32,
    },
    /// [`Host::report`](crate::Host::report).
    Report {
        /// The stage.
        stage: String,
        /// The message.
        message: String,
    },
    /// [`Host::log`](crate::Host::log).
    Log {
        /// The level's name.
        level: &'static str,
        /// The message.
        message: String,
    },
}

impl Call {
    /// The operation of the host.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::FetchObject { .. } => Operation::FetchObject,
            Self::CreateObject { .. } => Operation::CreateObject,
            Self::CreateSecret { .. } => Operation::CreateSecret,
            Self::CreateJob { .. } => Operation::CreateJob,
            Self::WatchJob => Operation::WatchJob,
            Self::Cancel { .. } => Operation::Cancel,
            Self::ReadLogs { .. } => Operation::ReadLogs,
            Self::ReadExcerpt { .. } => Operation::ReadExcerpt,
            Self::Report { .. } => Operation::Report,
            Self::Log { .. } => Operation::Log,
        }
    }
}

/// An operation of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`Host::fetch_object`](crate::Host::fetch_object).
    FetchObject,
    /// [`Host::create_object`](crate::Host::create_object).
    CreateObject,
    /// [`Host::create_secret`](crate::Host::create_secret).
    CreateSecret,
    /// [`Host::create_job`](crate::Host::create_job).
    CreateJob,
    /// [`Job::watch`](crate::Job::watch).
    WatchJob,
    /// [`Job::cancel`](crate::Job::cancel).
    Cancel,
    /// [`Job::read_logs`](crate::Job::read_logs).
    ReadLogs,
    /// [`Job::read_excerpt`](crate::Job::read_excerpt).
    ReadExcerpt,
    /// [`Host::report`](crate::Host::report).
    Report,
    /// [`Host::log`](crate::Host::log).
    Log,
}

impl Operation {
    /// The capability that it belongs to.
    #[must_use]
    pub const fn capability(self) -> Capability {
        match self {
            Self::FetchObject | Self::CreateObject => Capability::Objects,
            Self::CreateSecret => Capability::Secrets,
            Self::CreateJob | Self::WatchJob | Self::Cancel => Capability::Jobs,
            Self::ReadLogs | Self::ReadExcerpt => Capability::Logs,
            Self::Report | Self::Log => Capability::Progress,
        }
    }
}

use std::fmt;
use std::str::FromStr;

/// Why something failed, as a documented code that outcomes, events and errors share.
///
/// The codes are an open set for tools and callers: more may be added. `docs/reasons.md` says what each
/// means and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The job took longer than `activeDeadlineSeconds`, over all attempts.
    DeadlineExceeded,
    /// Every attempt that `backoffLimit` allows failed.
    BackoffLimitExceeded,
    /// The program was ended because it used more memory than its limit.
    OomKilled,
    /// The program exited with a code other than 0.
    ScriptError,
    /// The program was ended by a signal that toolhost did not send.
    Signalled,
    /// The caller, or the tool, cancelled it.
    Cancelled,
    /// The job, or the pod that it ran in, was deleted by something other than toolhost.
    Deleted,
    /// The program that is to run the script is not installed.
    InterpreterMissing,
    /// The interpreter cannot read the script.
    SyntaxError,
    /// The program could not be started.
    StartFailed,
    /// The object does not exist.
    FetchNotFound,
    /// Access to the object, or to its bucket or folder, is denied.
    FetchDenied,
    /// The object could not be read for another reason.
    FetchFailed,
    /// The server redirects more often than is allowed.
    RedirectLoop,
    /// The server's certificate is invalid, or it supports no accepted version of TLS.
    TlsFailed,
    /// The name of the server does not resolve.
    HostNotFound,
    /// The bucket is in another region than the one that was asked.
    WrongRegion,
    /// The bucket of the object does not exist.
    BucketNotFound,
    /// The object's bytes are not those that were pinned.
    ChecksumMismatch,
    /// A credential has expired.
    CredentialExpired,
    /// A credential is unknown, or lacks a required field.
    CredentialMissing,
    /// Something is larger than its limit.
    TooLarge,
    /// It took longer than its time limit.
    Timeout,
    /// The request is invalid.
    InvalidRequest,
    /// The host or its engine does not support this option.
    Unsupported,
    /// Something of that name exists and is different.
    Conflict,
    /// A secret would have become readable.
    SecretInSpec,
    /// The tool was not granted this.
    Denied,
    /// A quota is exhausted.
    Quota,
    /// The engine does not respond.
    EngineUnavailable,
    /// The program was preempted by one of a higher priority.
    Preempted,
    /// The node that the program ran on is gone.
    NodeLost,
    /// The node evicted the program to reclaim resources.
    Evicted,
    /// A Secret, `ConfigMap` or volume that the job names does not exist.
    ConfigMissing,
    /// The service account does not exist.
    ServiceAccountMissing,
    /// The namespace does not exist.
    NamespaceMissing,
    /// A policy of the cluster refuses the job.
    PolicyDenied,
    /// No node has capacity for the job, or is allowed to run it.
    Unschedulable,
    /// The job is suspended by a queue or by a user.
    Queued,
    /// The image's name is invalid.
    InvalidImage,
    /// The image cannot be pulled.
    ImagePull,
    /// The tool itself failed: it trapped, panicked, or returned an invalid outcome.
    ToolFault,
    /// The tool itself exceeded its limits of time, memory or space.
    ToolLimit,
    /// The host failed in a way that is not the caller's fault.
    Internal,
}

/// A code that is not the name of a [`Reason`]: a tool has its own, and another version of a host may have more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown reason `{0}`")]
pub struct UnknownReason(pub String);

impl Reason {
    /// All reasons, in the order above.
    const ALL: [Self; 44] = [
        Self::DeadlineExceeded,
        Self::BackoffLimitExceeded,
        Self::OomKilled,
        Self::ScriptError,
        Self::Signalled,
        Self::Cancelled,
        Self::Deleted,
        Self::InterpreterMissing,
        Self::SyntaxError,
        Self::StartFailed,
        Self::FetchNotFound,
        Self::FetchDenied,
        Self::FetchFailed,
        Self::RedirectLoop,
        Self::TlsFailed,
        Self::HostNotFound,
        Self::WrongRegion,
        Self::BucketNotFound,
        Self::ChecksumMismatch,
        Self::CredentialExpired,
        Self::CredentialMissing,
        Self::TooLarge,
        Self::Timeout,
        Self::InvalidRequest,
        Self::Unsupported,
        Self::Conflict,
        Self::SecretInSpec,
        Self::Denied,
        Self::Quota,
        Self::EngineUnavailable,
        Self::Preempted,
        Self::NodeLost,
        Self::Evicted,
        Self::ConfigMissing,
        Self::ServiceAccountMissing,
        Self::NamespaceMissing,
        Self::PolicyDenied,
        Self::Unschedulable,
        Self::Queued,
        Self::InvalidImage,
        Self::ImagePull,
        Self::ToolFault,
        Self::ToolLimit,
        Self::Internal,
    ];

    /// The code, as it is in outcomes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::BackoffLimitExceeded => "BackoffLimitExceeded",
            Self::OomKilled => "OOMKilled",
            Self::ScriptError => "ScriptError",
            Self::Signalled => "Signalled",
            Self::Cancelled => "Cancelled",
            Self::Deleted => "Deleted",
            Self::InterpreterMissing => "InterpreterMissing",
            Self::SyntaxError => "SyntaxError",
            Self::StartFailed => "StartFailed",
            Self::FetchNotFound => "FetchNotFound",
            Self::FetchDenied => "FetchDenied",
            Self::FetchFailed => "FetchFailed",
            Self::RedirectLoop => "RedirectLoop",
            Self::TlsFailed => "TlsFailed",
            Self::HostNotFound => "HostNotFound",
            Self::WrongRegion => "WrongRegion",
            Self::BucketNotFound => "BucketNotFound",
            Self::ChecksumMismatch => "ChecksumMismatch",
            Self::CredentialExpired => "CredentialExpired",
            Self::CredentialMissing => "CredentialMissing",
            Self::TooLarge => "TooLarge",
            Self::Timeout => "Timeout",
            Self::InvalidRequest => "InvalidRequest",
            Self::Unsupported => "Unsupported",
            Self::Conflict => "Conflict",
            Self::SecretInSpec => "SecretInSpec",
            Self::Denied => "Denied",
            Self::Quota => "Quota",
            Self::EngineUnavailable => "EngineUnavailable",
            Self::Preempted => "Preempted",
            Self::NodeLost => "NodeLost",
            Self::Evicted => "Evicted",
            Self::ConfigMissing => "ConfigMissing",
            Self::ServiceAccountMissing => "ServiceAccountMissing",
            Self::NamespaceMissing => "NamespaceMissing",
            Self::PolicyDenied => "PolicyDenied",
            Self::Unschedulable => "Unschedulable",
            Self::Queued => "Queued",
            Self::InvalidImage => "InvalidImage",
            Self::ImagePull => "ImagePull",
            Self::ToolFault => "ToolFault",
            Self::ToolLimit => "ToolLimit",
            Self::Internal => "Internal",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let mut reasons = Self::ALL.into_iter();
        let reason = reasons.find(|reason| reason.as_str() == code);
        reason.ok_or_else(|| UnknownReason(code.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_parsed_from_its_code_alone() {
        for reason in Reason::ALL {
            assert_eq!(reason.to_string().parse(), Ok(reason));
        }
        for code in ["", "denied", "Denied ", "MainMissing"] {
            let unknown = code.parse::<Reason>().unwrap_err();
            assert_eq!(unknown, UnknownReason(code.to_owned()));
        }
    }
}

//! What a guest holds: the resources of the interfaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::budget::Reservation;
use crate::capability::{JobRequest, NameError, ObjectMetadata, VariableName};
use crate::scope::RunningJob;
use crate::sealing::Redactor;

/// A job that a guest holds.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub type HostJob = Arc<RunningJob>;

/// What a guest has said so far about a job to be created.
#[derive(Debug)]
pub struct HostJobSpec {
    /// Its environment stays empty until the job is created. Nothing is kept under an invalid name, which is an error
    /// then.
    pub(super) request: Result<JobRequest, NameError>,
    pub(super) environment: Option<HostSecret>,
    /// What is counted for each option.
    pub(super) options: BTreeMap<String, Reservation>,
    /// What is counted for the script, which the guest may drop meanwhile.
    pub(super) script: Option<Reservation>,
}

/// An object that a guest holds.
#[derive(Debug)]
pub struct HostObject {
    /// Its content, as a job gets it.
    pub(super) bytes: Bytes,
    pub(super) metadata: ObjectMetadata,
    /// The digest of the content, as lowercase hexadecimal digits.
    pub(super) sha256: String,
    /// What the guest reads of it; none for what the guest made itself.
    pub(super) readable: Option<Readable>,
    /// What is counted for it, once it is held.
    pub(super) reservation: Option<Reservation>,
}

/// What a guest may read of an object that was fetched: servers write what they were shown into their answers.
#[derive(Debug, Default)]
pub(super) struct Readable {
    /// The secrets that were known when it was made; none where there were none.
    pub(super) redactor: Option<Arc<Redactor>>,
    /// The content with each byte of a secret replaced; none where there is no secret in it.
    pub(super) masked: Option<(Bytes, Reservation)>,
}

/// A secret that a guest holds: what it gave, with references still sealed.
#[derive(Debug, Clone)]
pub struct HostSecret(pub(super) Arc<Entries>);

#[derive(Debug)]
pub(super) struct Entries {
    pub(super) entries: Vec<Entry>,
    /// What is counted for them for as long as the guest, or the specification of a job, has them.
    pub(super) _reservation: Reservation,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: VariableName,
    pub(super) template: String,
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    Text,
    Json,
}

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

/// The specification of a job that a guest is building.
#[derive(Debug)]
pub struct HostJobSpec {
    /// Its environment stays empty until the job is created. Nothing is kept under an invalid name, which is an error
    /// then.
    pub(super) request: Result<JobRequest, NameError>,
    pub(super) environment: Option<HostSecret>,
    /// The bytes that are counted for each option.
    pub(super) options: BTreeMap<String, Reservation>,
    /// The bytes that are counted for the script, which the guest may drop meanwhile.
    pub(super) script: Option<Reservation>,
}

/// An object that a guest holds.
#[derive(Debug)]
pub struct HostObject {
    /// Its content, unmasked, for jobs.
    pub(super) bytes: Bytes,
    pub(super) metadata: ObjectMetadata,
    /// The digest of the content, as lowercase hexadecimal digits.
    pub(super) sha256: String,
    /// The view for the guest; `None` for an object that the guest created itself.
    pub(super) readable: Option<Readable>,
    /// The bytes that are counted for it, once it is held.
    pub(super) reservation: Option<Reservation>,
}

/// The part of a fetched object that a guest may read: servers may echo secrets in their responses.
#[derive(Debug, Default)]
pub(super) struct Readable {
    /// The secrets that were known when it was created; `None` if there were none.
    pub(super) redactor: Option<Arc<Redactor>>,
    /// The content with each byte of a secret replaced; `None` if it contains no secret.
    pub(super) masked: Option<(Bytes, Reservation)>,
}

/// A secret that a guest holds: its entries, with references still sealed.
#[derive(Debug, Clone)]
pub struct HostSecret(pub(super) Arc<Entries>);

#[derive(Debug)]
pub(super) struct Entries {
    pub(super) entries: Vec<Entry>,
    /// The bytes that are counted for them as long as the guest, or the specification of a job, has them.
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

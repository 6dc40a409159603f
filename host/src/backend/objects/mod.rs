//! Places that objects are fetched from.
//!
//! * [`FileSource`]: files below one folder.
//! * [`HttpSource`]: what HTTP servers have.
//! * [`S3Source`], [`GcsSource`]: buckets of Amazon S3, and what speaks its protocol, and of Google Cloud
//!   Storage.
//! * [`conformance`] is what every source has to pass, third parties' included.
//!
//! [`SourceRouter`] chooses among them by the URI.

mod bucket;
#[expect(
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a case that is not met panics, as the module says"
)]
pub mod conformance;
mod files;
mod http;
mod router;
mod transfer;

pub use self::http::HttpSource;
pub use bucket::{GcsSource, S3Source};
pub use files::FileSource;
pub use router::SourceRouter;

//! Places that objects are fetched from.
//!
//! * [`FileSource`]: files below one folder.
//! * [`HttpSource`]: what HTTP servers have.
//! * [`S3Source`], [`GcsSource`]: buckets of Amazon S3, and what speaks its protocol, and of Google Cloud
//!   Storage.
//!
//! [`SourceRouter`] chooses among them by the URI. What every source has to pass, third parties' included, is in
//! [`conformance::objects`](crate::capability::conformance::objects).

mod bucket;
mod content_range;
mod files;
mod http;
mod router;
mod transfer;

pub use self::http::HttpSource;
pub use bucket::{GcsSource, S3Source};
pub use files::FileSource;
pub use router::SourceRouter;

//! Sources of objects.
//!
//! * [`FileSource`]: files below one folder.
//! * [`HttpSource`]: objects of HTTP servers.
//! * [`S3Source`], [`GcsSource`]: buckets of Amazon S3 and compatible servers, and of Google Cloud Storage.
//!
//! [`SourceRouter`] selects among them by the URI. The test suite for every source, including third-party ones, is in
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

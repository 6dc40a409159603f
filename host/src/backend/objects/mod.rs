//! Places that objects are fetched from.

mod files;
mod http;
mod router;
mod transfer;

pub use self::http::HttpSource;
pub use files::FileSource;
pub use router::SourceRouter;

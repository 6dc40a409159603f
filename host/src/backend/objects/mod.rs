//! Places that objects are fetched from.

mod files;
mod router;
mod transfer;

pub use files::FileSource;
pub use router::SourceRouter;

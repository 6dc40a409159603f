//! Places that objects are fetched from.

mod files;
mod router;

pub use files::FileSource;
pub use router::SourceRouter;

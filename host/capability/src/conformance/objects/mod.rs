//! The requirements for every source of objects, as a test suite that anyone can run against their own.
//!
//! A [`Harness`] provides the source and puts objects where the source finds them; [`run_all`] then runs every case.
//! Each case is public as well, so that it can be a test of its own. A case that fails panics with what was observed.
//! Where a source has no connections that could break, or no permissions, the harness returns none and the case checks
//! the rest.
//!
//! ```
//! use async_trait::async_trait;
//! use toolhost_capability::conformance::objects::{self, BadLine, Harness};
//! use toolhost_capability::{FetchOptions, FetchRequest, ObjectSource};
//!
//! /// A source of the files of a folder.
//! struct Files<S> {
//!     source: S,
//!     folder: std::path::PathBuf,
//! }
//!
//! #[async_trait]
//! impl<S: ObjectSource> Harness for Files<S> {
//!     fn source(&self) -> &dyn ObjectSource {
//!         &self.source
//!     }
//!
//!     async fn put(&self, name: &str, bytes: &[u8]) -> FetchRequest {
//!         let path = self.folder.join(name);
//!         std::fs::create_dir_all(path.parent().unwrap()).unwrap();
//!         std::fs::write(&path, bytes).unwrap();
//!         FetchRequest { uri: name.to_owned(), options: FetchOptions::default() }
//!     }
//!
//!     async fn missing(&self) -> FetchRequest {
//!         FetchRequest { uri: "missing.py".to_owned(), options: FetchOptions::default() }
//!     }
//!
//!     async fn forbidden(&self) -> Option<FetchRequest> {
//!         let uri = "/etc/passwd".to_owned();
//!         Some(FetchRequest { uri, options: FetchOptions::default() })
//!     }
//!
//!     async fn over(&self, _: FetchRequest, _: BadLine) -> Option<FetchRequest> {
//!         None
//!     }
//!
//!     async fn open_connections(&self) -> usize {
//!         0
//!     }
//! }
//!
//! async fn my_source_conforms(source: impl ObjectSource, folder: std::path::PathBuf) {
//!     objects::run_all(&Files { source, folder }).await;
//! }
//! ```

mod content;
mod failures;
mod harness;
mod steps;

pub use content::{
    goes_on_after_every_cut, reads_an_empty_object, reads_an_object_whole, takes_names_as_they_are,
    takes_no_byte_more_than_allowed,
};
pub use failures::{
    ends_when_its_time_is_over, leaves_nothing_when_it_is_cancelled,
    says_that_an_object_is_forbidden, says_that_an_object_is_missing,
    stops_at_the_limit_and_not_at_the_end,
};
pub use harness::{BadLine, Harness};

/// Runs every case, one after the other.
pub async fn run_all(harness: &dyn Harness) {
    reads_an_object_whole(harness).await;
    reads_an_empty_object(harness).await;
    goes_on_after_every_cut(harness).await;
    takes_names_as_they_are(harness).await;
    takes_no_byte_more_than_allowed(harness).await;
    says_that_an_object_is_missing(harness).await;
    says_that_an_object_is_forbidden(harness).await;
    stops_at_the_limit_and_not_at_the_end(harness).await;
    ends_when_its_time_is_over(harness).await;
    leaves_nothing_when_it_is_cancelled(harness).await;
}

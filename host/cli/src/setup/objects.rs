use std::sync::Arc;

use toolhost::backend::HttpClient;
use toolhost::backend::objects::{FileSource, GcsSource, HttpSource, S3Source, SourceRouter};

use super::Settings;

/// All sources, by type.
pub(super) fn sources(settings: &Settings) -> SourceRouter {
    let files = FileSource::new(&settings.base, &settings.workspace);
    // One client, so that all sources share its connections.
    let client = HttpClient::new(settings.http.clone());
    let mut http = HttpSource::new(client.clone());
    let mut s3 = S3Source::new(client.clone());
    let mut gcs = GcsSource::new(client);
    if let Some(access) = &settings.access {
        http = http.with_access(Arc::clone(access));
        s3 = s3.with_access(Arc::clone(access));
        gcs = gcs.with_access(Arc::clone(access));
    }
    SourceRouter::new()
        .with("file", Arc::new(files))
        .with("gcs", Arc::new(gcs))
        .with("http", Arc::new(http))
        .with("s3", Arc::new(s3))
}

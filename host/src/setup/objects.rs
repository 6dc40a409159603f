use std::sync::Arc;

use super::Settings;
use crate::backend::objects::{FileSource, HttpSource, SourceRouter};
use crate::http::HttpClient;

/// Every source that there is, by its type.
pub(super) fn sources(settings: &Settings) -> SourceRouter {
    let files = FileSource::new(&settings.base, &settings.workspace);
    let client = HttpClient::new(settings.http.clone());
    let mut http = HttpSource::new(client);
    if let Some(access) = &settings.access {
        http = http.with_access(Arc::clone(access));
    }
    SourceRouter::new()
        .with("file", Arc::new(files))
        .with("http", Arc::new(http))
}

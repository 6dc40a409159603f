use std::io;
use std::path::Path;

use tokio::task::spawn_blocking;

use crate::filesystem::read_regular_text;

/// Maximum size of a file with a single secret or field. A Kubernetes Secret, which contains similar data, is limited
/// to 1 MiB.
pub const MAX_SECRET_BYTES: u64 = 1024 * 1024;

/// Returns the text of a file with a secret, without one line break at its end.
pub(super) async fn read_secret(path: &Path) -> io::Result<String> {
    let path = path.to_owned();
    // A pipe or device might never end, and a secret is read each time it is requested.
    let reading = spawn_blocking(move || read_regular_text(&path, MAX_SECRET_BYTES));
    let mut text = reading.await.map_err(io::Error::other)??;
    let without_line_end = text.strip_suffix('\n').unwrap_or(&text);
    let without_line_end = without_line_end
        .strip_suffix('\r')
        .unwrap_or(without_line_end);
    text.truncate(without_line_end.len());
    Ok(text)
}

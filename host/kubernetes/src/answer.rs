//! The limit for the beginning of an answer.

use std::time::Duration;

use tokio::time::timeout;

/// A request that took too long.
#[derive(Debug, thiserror::Error)]
#[error("the server did not answer within {0:?}")]
pub(super) struct Unanswered(pub(super) Duration);

/// Waits for the beginning of an answer.
pub(super) async fn answered<T, E: Into<tower::BoxError>>(
    answer: impl Future<Output = Result<T, E>>,
    limit: Option<Duration>,
) -> Result<T, tower::BoxError> {
    let Some(limit) = limit else {
        return answer.await.map_err(Into::into);
    };
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(Unanswered(limit).into()),
    }
}

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::capability::{CapabilityError, Hint, Object, ObjectMetadata, Reason};
use crate::http::{Attempts, HttpError, RetryPolicy};

/// Reads an object to its end, however often its connection is cut.
///
/// After a cut the transfer is resumed, if the object is still the same one, and restarted if not. The buffer grows
/// with what arrives, never with what was announced. `shown` is the object's name in messages.
///
/// # Errors
///
/// Those of the opener once they are not [`retryable`](CapabilityError::retryable) or no attempts are left;
/// [`Reason::TooLarge`]; [`Reason::Timeout`]; [`Reason::FetchFailed`] for an object that does not have the announced
/// length.
///
/// # Cancel safety
///
/// Dropping the future ends the transfer; nothing is kept.
pub(super) async fn transfer(
    opener: &dyn Opener,
    shown: &str,
    limits: TransferLimits,
) -> Result<Object, CapabilityError> {
    let mut transfer = Transfer {
        opener,
        shown,
        max_bytes: limits.max_bytes,
        attempts: Attempts::new(limits.retry),
        bytes: Vec::new(),
        most_bytes: 0,
        version: None,
    };
    let whole = tokio::time::timeout(limits.timeout, transfer.run()).await;
    whole.unwrap_or_else(|_| {
        let limit = limits.timeout.as_millis();
        let message = format!(
            "`{shown}` took longer than {limit} ms; {} bytes had arrived",
            transfer.bytes.len()
        );
        Err(CapabilityError::new(Reason::Timeout, message)
            .with_hint(Hint::from("check that the server is up, or raise ").field("timeout-ms"))
            .with_field("timeout-ms")
            .retryable())
    })
}

/// The limits of a transfer.
#[derive(Debug, Clone, Copy)]
pub(super) struct TransferLimits {
    /// Maximum size in bytes.
    pub(super) max_bytes: u64,
    /// Time limit, including all attempts.
    pub(super) timeout: Duration,
    /// The retry policy.
    pub(super) retry: RetryPolicy,
}

/// The default time limit of a transfer: 16 MiB at the speed of a modem.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_mins(5);

/// Opens one object.
#[async_trait]
pub(super) trait Opener: Send + Sync {
    /// Requests the object from that position on.
    ///
    /// A server that cannot begin there, or has another object by now, begins at 0.
    async fn open(&self, at: Position<'_>) -> Result<Opened, Failure>;
}

/// The position to begin at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position<'transfer> {
    /// Number of bytes that have arrived already.
    pub(super) offset: u64,
    /// The version that the object must still have, where the offset is not 0: the previous [`Opened::version`].
    pub(super) version: Option<&'transfer str>,
    /// Whether an earlier attempt was cut: something that cannot be resumed, such as a compressed answer, should not be
    /// requested then.
    pub(super) is_repeated: bool,
}

/// An object that begins to arrive.
pub(super) struct Opened {
    /// The position of the first byte: the requested offset, or 0.
    pub(super) start: u64,
    /// The length of the whole object, where the server reports it.
    pub(super) total: Option<u64>,
    /// Identifies this version of the object byte for byte; none where nothing does, so that it cannot be resumed.
    pub(super) version: Option<String>,
    /// Its metadata.
    pub(super) metadata: ObjectMetadata,
    /// Its bytes from [`start`](Self::start) on.
    pub(super) bytes: Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>,
}

/// Why an attempt failed. It is retried if the error is retryable.
#[derive(Debug)]
pub(super) struct Failure {
    /// The error, if it is the last attempt.
    pub(super) error: CapabilityError,
    /// The server's `Retry-After`.
    pub(super) retry_after: Option<Duration>,
    /// Whether the received bytes are invalid, so that the next attempt begins at 0.
    pub(super) restart: bool,
}

impl From<CapabilityError> for Failure {
    fn from(error: CapabilityError) -> Self {
        Self {
            error,
            retry_after: None,
            restart: false,
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        CapabilityError::from(error).into()
    }
}

struct Transfer<'transfer> {
    opener: &'transfer dyn Opener,
    shown: &'transfer str,
    max_bytes: u64,
    attempts: Attempts,
    bytes: Vec<u8>,
    /// The largest number of bytes at any time: reaching it again is not progress.
    most_bytes: usize,
    /// The version of the bytes; none where they cannot be resumed.
    version: Option<String>,
}

impl Transfer<'_> {
    async fn run(&mut self) -> Result<Object, CapabilityError> {
        loop {
            let Failure {
                error,
                retry_after,
                restart,
            } = match self.attempt().await {
                Ok(metadata) => {
                    let bytes = std::mem::take(&mut self.bytes).into_boxed_slice().into();
                    return Ok(Object { bytes, metadata });
                }
                Err(failure) => failure,
            };
            if !error.retryable {
                return Err(error);
            }
            if restart {
                self.version = None;
            }
            let Some(delay) = self.attempts.failed(retry_after) else {
                return Err(self.gave_up(error));
            };
            tracing::debug!(object = self.shown, %error, ?delay, "trying again");
            tokio::time::sleep(delay).await;
        }
    }

    async fn attempt(&mut self) -> Result<ObjectMetadata, Failure> {
        if self.version.is_none() {
            self.bytes.clear();
        }
        let offset = self.bytes.len() as u64;
        let opened = self.opener.open(Position {
            offset,
            version: self.version.as_deref().filter(|_| offset > 0),
            is_repeated: self.attempts.made() > 0,
        });
        let mut opened = opened.await?;
        if opened.start == 0 {
            self.bytes.clear();
        } else if opened.start != offset {
            return Err(self.contradiction("it is another part than the requested one"));
        } else if opened.version != self.version {
            return Err(self.changed());
        }
        self.version.clone_from(&opened.version);
        if opened.total.is_some_and(|total| total > self.max_bytes) {
            return Err(self.too_large(opened.total));
        }
        while let Some(chunk) = opened.bytes.next().await {
            self.take(&chunk?, opened.total)?;
        }
        match opened.total {
            Some(total) if total > self.bytes.len() as u64 => Err(self.too_short(total)),
            _ => Ok(opened.metadata),
        }
    }

    fn take(&mut self, chunk: &[u8], total: Option<u64>) -> Result<(), Failure> {
        let length = (self.bytes.len() + chunk.len()) as u64;
        if length > self.max_bytes {
            return Err(self.too_large(None));
        }
        if total.is_some_and(|total| length > total) {
            return Err(self.contradiction("it is longer than announced"));
        }
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() > self.most_bytes {
            self.most_bytes = self.bytes.len();
            self.attempts.progressed();
        }
        Ok(())
    }

    fn too_large(&self, total: Option<u64>) -> Failure {
        let has = total.map_or_else(
            || format!("is larger than {} bytes", self.max_bytes),
            |total| {
                format!(
                    "has {total} bytes, more than the limit of {}",
                    self.max_bytes
                )
            },
        );
        let message = format!("`{}` {has}", self.shown);
        CapabilityError::new(Reason::TooLarge, message)
            .with_hint("make the script load large data itself")
            .with_field("uri")
            .into()
    }

    fn too_short(&self, total: u64) -> Failure {
        let message = format!(
            "`{}` ended after {} of {total} bytes",
            self.shown,
            self.bytes.len()
        );
        CapabilityError::new(Reason::FetchFailed, message)
            .with_hint("try again: the server, or a proxy in between, interrupts the transfer")
            .with_field("uri")
            .retryable()
            .into()
    }

    fn contradiction(&self, what: &str) -> Failure {
        let message = format!("invalid answer of the server of `{}`: {what}", self.shown);
        CapabilityError::new(Reason::FetchFailed, message)
            .with_hint("ask the operator of the server, or of a proxy in between")
            .with_field("uri")
            .into()
    }

    fn changed(&self) -> Failure {
        let message = format!("`{}` changed while it was read", self.shown);
        let error = CapabilityError::new(Reason::FetchFailed, message)
            .with_hint("try again when it is not being written")
            .with_field("uri")
            .retryable();
        Failure {
            error,
            retry_after: None,
            restart: true,
        }
    }

    fn gave_up(&self, error: CapabilityError) -> CapabilityError {
        match self.attempts.made() {
            1 => error,
            attempts => {
                let message = format!("{} (after {attempts} attempts)", error.explanation.message);
                error.with_message(message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;

    use super::*;

    /// One attempt: where it begins, what it announces, what arrives, and whether it ends properly.
    struct Attempt {
        start: u64,
        total: Option<u64>,
        version: Option<&'static str>,
        chunks: Vec<&'static str>,
        cut: bool,
    }

    /// Returns scripted attempts, the last one indefinitely, and records the positions.
    struct Scripted {
        attempts: Vec<Result<Attempt, CapabilityError>>,
        asked: Mutex<Vec<(u64, Option<String>)>>,
    }

    #[async_trait]
    impl Opener for Scripted {
        async fn open(&self, at: Position<'_>) -> Result<Opened, Failure> {
            let mut asked = self.asked.lock().unwrap();
            asked.push((at.offset, at.version.map(str::to_owned)));
            let number = asked.len().min(self.attempts.len()) - 1;
            let attempt = match &self.attempts[number] {
                Ok(attempt) => attempt,
                Err(error) => return Err(error.clone().into()),
            };
            let mut items: Vec<_> = attempt
                .chunks
                .iter()
                .map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())))
                .collect();
            if attempt.cut {
                items.push(Err(passing().into()));
            }
            Ok(Opened {
                start: attempt.start,
                total: attempt.total,
                version: attempt.version.map(str::to_owned),
                metadata: ObjectMetadata::default(),
                bytes: Box::pin(stream::iter(items)),
            })
        }
    }

    fn passing() -> CapabilityError {
        CapabilityError::new(Reason::FetchFailed, "cut").retryable()
    }

    fn part(start: u64, total: u64, version: &'static str, chunks: &[&'static str]) -> Attempt {
        Attempt {
            start,
            total: Some(total),
            version: Some(version),
            chunks: chunks.to_vec(),
            cut: false,
        }
    }

    fn cut(attempt: Attempt) -> Attempt {
        Attempt {
            cut: true,
            ..attempt
        }
    }

    type Asked = Vec<(u64, Option<String>)>;

    async fn read(
        attempts: Vec<Result<Attempt, CapabilityError>>,
    ) -> (Result<String, CapabilityError>, Asked) {
        let opener = Scripted {
            attempts,
            asked: Mutex::default(),
        };
        let limits = TransferLimits {
            max_bytes: 10,
            timeout: Duration::from_mins(1),
            retry: RetryPolicy {
                attempts: 3,
                total_attempts: 8,
                base: Duration::from_millis(1),
                max_delay: Duration::from_millis(1),
            },
        };
        let object = transfer(&opener, "it", limits).await;
        let text = object.map(|object| String::from_utf8(object.bytes.to_vec()).unwrap());
        (text, opener.asked.into_inner().unwrap())
    }

    fn at(offset: u64, version: &str) -> (u64, Option<String>) {
        (offset, Some(version.to_owned()))
    }

    #[tokio::test]
    async fn a_transfer_is_resumed_after_a_cut() {
        let attempts = vec![
            Ok(cut(part(0, 6, "v1", &["a", "b"]))),
            Err(passing()),
            Ok(part(2, 6, "v1", &["cdef"])),
        ];
        let (text, asked) = read(attempts).await;
        assert_eq!(text.unwrap(), "abcdef");
        assert_eq!(asked, [(0, None), at(2, "v1"), at(2, "v1")]);
    }

    #[tokio::test]
    async fn a_transfer_restarts_with_the_server_or_for_another_object() {
        let attempts = vec![
            Ok(cut(part(0, 6, "v1", &["ab"]))),
            Ok(part(0, 3, "v2", &["xyz"])),
        ];
        assert_eq!(read(attempts).await.0.unwrap(), "xyz");
        let attempts = vec![
            Ok(cut(part(0, 6, "v1", &["ab"]))),
            Ok(part(2, 3, "v2", &["z"])),
            Ok(part(0, 3, "v2", &["xyz"])),
        ];
        let (text, asked) = read(attempts).await;
        assert_eq!(text.unwrap(), "xyz");
        assert_eq!(asked, [(0, None), at(2, "v1"), (0, None)]);
    }

    #[tokio::test]
    async fn a_transfer_without_a_version_restarts() {
        let without = |chunks: &[&'static str]| Attempt {
            total: None,
            version: None,
            ..part(0, 0, "", chunks)
        };
        let attempts = vec![Ok(cut(without(&["ab"]))), Ok(without(&["abc"]))];
        let (text, asked) = read(attempts).await;
        assert_eq!(text.unwrap(), "abc");
        assert_eq!(asked, [(0, None), (0, None)]);
    }

    #[tokio::test]
    async fn an_announced_length_is_not_trusted() {
        let (text, asked) = read(vec![Ok(part(0, 11, "v", &[]))]).await;
        let error = text.unwrap_err();
        assert_eq!(error.explanation.reason, Reason::TooLarge);
        assert_eq!(
            (error.explanation.message.as_str(), asked.len()),
            ("`it` has 11 bytes, more than the limit of 10", 1)
        );
        let endless = Attempt {
            total: None,
            ..part(0, 0, "v", &["123456", "789ab"])
        };
        let error = read(vec![Ok(endless)]).await.0.unwrap_err();
        assert_eq!(error.explanation.reason, Reason::TooLarge);
        let error = read(vec![Ok(part(0, 2, "v", &["abc"]))])
            .await
            .0
            .unwrap_err();
        assert_eq!(
            (error.explanation.reason, error.retryable),
            (Reason::FetchFailed, false)
        );
        let error = read(vec![
            Ok(part(0, 9, "v", &["abc"])),
            Ok(part(3, 9, "v", &[])),
        ])
        .await;
        let error = error.0.unwrap_err();
        assert_eq!(
            error.explanation.message,
            "`it` ended after 3 of 9 bytes (after 3 attempts)"
        );
        let elsewhere = vec![
            Ok(cut(part(0, 6, "v", &["ab"]))),
            Ok(part(4, 6, "v", &["ef"])),
        ];
        let error = read(elsewhere).await.0.unwrap_err();
        assert!(
            error.explanation.message.contains("another part"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_transfer_without_progress_is_given_up() {
        let (text, asked) = read(vec![Err(passing())]).await;
        assert_eq!(
            text.unwrap_err().explanation.message,
            "cut (after 3 attempts)"
        );
        assert_eq!(asked.len(), 3);
        // The same two bytes again are not progress.
        let without = Attempt {
            version: None,
            ..part(0, 6, "", &["ab"])
        };
        assert_eq!(read(vec![Ok(cut(without))]).await.1.len(), 3);
        // One byte at a time is progress, but not indefinitely.
        let trickle = (0..9).map(|start| Ok(cut(part(start, 10, "v", &["x"]))));
        assert_eq!(read(trickle.collect()).await.1.len(), 8);
        let fatal = CapabilityError::new(Reason::FetchNotFound, "gone");
        assert_eq!(read(vec![Err(fatal.clone())]).await.0.unwrap_err(), fatal);
    }
}

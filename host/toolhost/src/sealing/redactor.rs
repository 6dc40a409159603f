use secrecy::{ExposeSecret, SecretString};

use super::forms::{self, Patterns};
use super::gaps::{GapState, Joined, Reading, has_escape};
use super::matcher::Matcher;

/// What stands where a secret was; secrets that overlap or adjoin are one.
pub const REDACTED: &str = "***";

/// Finds secrets in the forms that the [module](super) lists, and replaces them.
#[derive(Debug)]
pub struct Redactor {
    pub(super) matcher: Matcher,
}

impl Redactor {
    /// A redactor of these texts; none where there is nothing to search for.
    #[must_use]
    pub fn new(texts: &[SecretString]) -> Option<Self> {
        let mut patterns = Patterns::new();
        for text in texts {
            forms::add(text.expose_secret(), &mut patterns);
        }
        let matcher = Matcher::new(patterns)?;
        Some(Self { matcher })
    }

    /// Whether the text holds a secret.
    #[must_use]
    pub fn finds(&self, text: &[u8]) -> bool {
        let mut joined = Joined::default();
        let mut finds = |reading| {
            joined.join(reading, text, GapState::default(), true);
            self.matcher.is_match(joined.bytes(text))
        };
        finds(Reading::Shown) || (has_escape(text) && finds(Reading::Written))
    }
}

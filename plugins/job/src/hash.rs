//! The hash that tells names and specifications apart.

use core::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// A hash of the parts, in which none can be divided in two ways.
///
/// `SipHash` with 128 bits: nobody gains from two steps of his own that are alike, and SHA-256 took a
/// quarter of the time of the whole tool.
#[must_use]
pub fn hash<'part>(parts: impl IntoIterator<Item = &'part str>) -> u128 {
    let mut hasher = SipHasher13::new();
    for part in parts {
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part.as_bytes());
    }
    hasher.finish128().as_u128()
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn parts_are_not_the_same_as_the_whole() {
        assert_ne!(hash(["ab", "c"]), hash(["a", "bc"]));
        assert_ne!(hash(["abc"]), hash(["abc", ""]));
    }
}

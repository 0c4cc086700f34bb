//! One injective encoding of several byte strings, and the sums and MACs over it. Store format, section 2.

use crate::StoreError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// SHA-256 over label and items, each behind its length.
pub(crate) fn digest(label: &str, items: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    feed(&mut |bytes| hash.update(bytes), label, items);
    hash.finalize().into()
}

/// The unkeyed half-digest that finds accidents.
pub(crate) fn sum(label: &str, items: &[&[u8]]) -> [u8; 16] {
    half(&digest(label, items))
}

/// An HMAC whose key has been absorbed once.
#[derive(Clone)]
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // HMAC pads a short key with zeros to the hash's block; done here, its constructor cannot fail.
        let mut block = Zeroizing::new([0u8; 64]);
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self(Hmac::new((&*block).into()))
    }

    /// HMAC-SHA256 of the concatenated items: callers give items of fixed length, the last excepted.
    pub(crate) fn mac(&self, items: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for item in items {
            mac.update(item);
        }
        mac.finalize().into_bytes().into()
    }
}

/// The first 16 bytes.
pub(crate) fn half(whole: &[u8; 32]) -> [u8; 16] {
    let mut out = [0u8; 16];
    out.iter_mut().zip(whole).for_each(|(to, from)| *to = *from);
    out
}

/// A column that must have exactly `N` bytes.
pub(crate) fn exact<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::damaged(format!("{what}: {} bytes, expected {N}", bytes.len())))
}

/// A number as SQLite keeps it.
pub(crate) fn to_sql(n: u64) -> Result<i64, StoreError> {
    i64::try_from(n).map_err(|_| StoreError::Refused { why: format!("number {n} is too large") })
}

/// A number from SQLite that cannot be negative.
pub(crate) fn from_sql(n: i64, what: &str) -> Result<u64, StoreError> {
    u64::try_from(n).map_err(|_| StoreError::damaged(format!("{what}: negative number {n}")))
}

/// A length as it is written before bytes.
pub(crate) fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_le_bytes()
}

fn feed(into: &mut dyn FnMut(&[u8]), label: &str, items: &[&[u8]]) {
    into(&length(label.as_bytes()));
    into(label.as_bytes());
    for item in items {
        into(&length(item));
        into(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 1, its key of 20 bytes padded as HMAC pads it.
    #[test]
    fn the_mac_is_hmac_sha256() {
        let mut key = [0u8; 32];
        key[..20].fill(0x0B);
        let expected = [0xB0, 0x34, 0x4C, 0x61, 0xD8, 0xDB, 0x38, 0x53, 0x5C, 0xA8, 0xAF, 0xCE, 0xAF, 0x0B, 0xF1, 0x2B];
        assert_eq!(half(&MacKey::new(&key).mac(&[b"Hi ", b"There"])), expected);
    }

    #[test]
    fn moving_a_byte_between_items_changes_the_digest() {
        assert_ne!(digest("x", &[b"ab", b"c"]), digest("x", &[b"a", b"bc"]));
        assert_ne!(digest("x", &[b"ab"]), digest("x", &[b"ab", b""]));
        assert_ne!(digest("x", &[b"ab"]), digest("y", &[b"ab"]));
    }
}

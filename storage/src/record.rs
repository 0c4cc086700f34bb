//! What crosses the face of the vault: a record and its search terms, and how their parts are laid out inside a row.

use crate::StoreError;
use crate::fields::length;
use crate::keys::random;
use cngtoken_key::Secret;

/// The name of an object for ever: random, chosen at creation.
pub type ObjectId = [u8; 16];

/// A fresh object id.
///
/// # Errors
/// The system has no random bytes.
pub fn new_id() -> Result<ObjectId, StoreError> {
    random()
}

/// One thing an object can be found by. Opaque here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Term {
    /// Which property.
    pub tag: u32,
    /// Its value.
    pub bytes: Vec<u8>,
}

/// One object as it is stored and loaded.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id.
    pub id: ObjectId,
    /// 1, then one more with each change. What the caller puts here is not looked at when storing.
    pub version: u64,
    /// Everything is sealed, and only a login sees it.
    pub private: bool,
    /// What may be read without a login if the record is public. Sealed if it is private.
    pub clear: Vec<u8>,
    /// What is always sealed. Empty when a public record is loaded without keys.
    pub sealed: Secret,
    /// What it is found by.
    pub terms: Vec<Term>,
    /// The record's authenticity was checked with the keys. Not looked at when storing.
    pub authentic: bool,
}

/// Terms as bytes: tag, length, bytes of each.
pub(crate) fn encode_terms(terms: &[Term]) -> Vec<u8> {
    let mut out = Vec::with_capacity(terms.iter().map(|t| t.bytes.len().saturating_add(16)).sum());
    for term in terms {
        out.extend_from_slice(&u64::from(term.tag).to_le_bytes());
        out.extend_from_slice(&length(&term.bytes));
        out.extend_from_slice(&term.bytes);
    }
    out
}

/// The inverse; anything else than exactly such bytes is damage.
pub(crate) fn decode_terms(mut bytes: &[u8]) -> Result<Vec<Term>, StoreError> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let (tag, rest) = split_number(bytes, "term")?;
        let tag = u32::try_from(tag).map_err(|_| StoreError::damaged(format!("term: tag {tag}")))?;
        let (value, rest) = split_item(rest, "term")?;
        out.push(Term { tag, bytes: value.to_vec() });
        bytes = rest;
    }
    Ok(out)
}

/// One length-prefixed item and what follows it.
pub(crate) fn split_item<'a>(bytes: &'a [u8], what: &str) -> Result<(&'a [u8], &'a [u8]), StoreError> {
    let (length, rest) = split_number(bytes, what)?;
    usize::try_from(length)
        .ok()
        .and_then(|n| rest.split_at_checked(n))
        .ok_or_else(|| StoreError::damaged(format!("{what}: length {length}, but {} bytes follow", rest.len())))
}

fn split_number<'a>(bytes: &'a [u8], what: &str) -> Result<(u64, &'a [u8]), StoreError> {
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| StoreError::damaged(format!("{what}: cut off")))?;
    Ok((u64::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn terms_survive_their_encoding(list in proptest::collection::vec((any::<u32>(), proptest::collection::vec(any::<u8>(), 0..20)), 0..8)) {
            let terms: Vec<Term> = list.into_iter().map(|(tag, bytes)| Term { tag, bytes }).collect();
            prop_assert_eq!(decode_terms(&encode_terms(&terms)).unwrap(), terms);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode_terms(&bytes);
        }
    }
}

//! BER to DER for PKCS#12 files: indefinite lengths, long forms of short lengths, OCTET STRINGs in pieces, SETs in no order. Windows before
//! 2000, NSS and Java write such files; the readers of the standard containers take DER only.
//!
//! One rewriting of the whole structure, before anything is judged. What lies inside of an OCTET STRING is bytes and stays as it is, so a MAC
//! over it still fits. Depth and output are bounded by the input.

use zeroize::Zeroizing;

/// Nobody nests deeper.
const MAX_DEPTH: usize = 32;

const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;
/// `[0]`, constructed.
const CONTEXT_0: u8 = 0xA0;

/// One element as DER, and how many bytes of the input it took.
struct Element {
    tag: u8,
    der: Zeroizing<Vec<u8>>,
    /// Where the value starts in `der`.
    value: usize,
}

/// The first element of `input` in DER, and how many bytes of the input it took; `None` if it is no BER.
pub(super) fn to_der(input: &[u8]) -> Option<(Zeroizing<Vec<u8>>, usize)> {
    let mut rest = input;
    let der = element(&mut rest, &[], 0)?.der;
    Some((der, input.len().saturating_sub(rest.len())))
}

/// The same where DER is wanted and anything else is left to the reader to refuse.
#[must_use]
pub fn as_der(input: &[u8]) -> Zeroizing<Vec<u8>> {
    to_der(input).filter(|(_, used)| *used == input.len()).map_or_else(|| Zeroizing::new(input.to_vec()), |(der, _)| der)
}

/// `before`: the tags of the elements before this one in the same SEQUENCE.
fn element(rest: &mut &[u8], before: &[u8], depth: usize) -> Option<Element> {
    let tag = take(rest, 1)?.first().copied()?;
    // Tag numbers above 30 are in none of these structures.
    if tag & 0x1F == 0x1F || depth > MAX_DEPTH {
        return None;
    }
    let mut content = match length(rest)? {
        Some(len) => take(rest, len)?,
        None if tag & CONSTRUCTED == 0 => return None,
        None => return children(rest, tag, before, true, depth),
    };
    if tag & CONSTRUCTED == 0 {
        return Some(wrap(tag, content));
    }
    children(&mut content, tag, before, false, depth)
}

/// A constructed element: up to the end of `rest`, or up to the two zero bytes of an indefinite length.
fn children(rest: &mut &[u8], tag: u8, before: &[u8], indefinite: bool, depth: usize) -> Option<Element> {
    let mut parts: Vec<Element> = Vec::new();
    let mut tags = Vec::new();
    loop {
        if indefinite && rest.starts_with(&[0, 0]) {
            take(rest, 2)?;
            break;
        }
        if rest.is_empty() {
            if indefinite {
                return None;
            }
            break;
        }
        let part = element(rest, if tag == SEQUENCE { &tags } else { &[] }, depth.saturating_add(1))?;
        tags.push(part.tag);
        parts.push(part);
    }
    // encryptedContent [0] IMPLICIT OCTET STRING stands after the type and the algorithm; [0] EXPLICIT, after the type alone.
    let pieces = tag == OCTET_STRING | CONSTRUCTED || tag == CONTEXT_0 && before == [OBJECT_IDENTIFIER, SEQUENCE];
    if pieces && tags.iter().all(|&t| t == OCTET_STRING) {
        let mut joined = Zeroizing::new(Vec::with_capacity(parts.iter().map(|p| p.der.len()).sum()));
        parts.iter().for_each(|p| joined.extend_from_slice(p.der.get(p.value..).unwrap_or_default()));
        return Some(wrap(tag & !CONSTRUCTED, &joined));
    }
    if tag == SET {
        parts.sort_by(|a, b| a.der.as_slice().cmp(b.der.as_slice()));
    }
    let mut content = Zeroizing::new(Vec::with_capacity(parts.iter().map(|p| p.der.len()).sum()));
    parts.iter().for_each(|p| content.extend_from_slice(&p.der));
    Some(wrap(tag, &content))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(taken)
}

/// `Some(None)`: indefinite.
fn length(rest: &mut &[u8]) -> Option<Option<usize>> {
    let first = take(rest, 1)?.first().copied()?;
    match first {
        0x80 => Some(None),
        0..0x80 => Some(Some(usize::from(first))),
        0xFF => None,
        _ => {
            let bytes = take(rest, usize::from(first & 0x7F))?;
            let significant = bytes.iter().skip_while(|b| **b == 0);
            if significant.clone().count() > 4 {
                return None;
            }
            Some(Some(significant.fold(0usize, |n, b| n << 8 | usize::from(*b))))
        }
    }
}

fn wrap(tag: u8, content: &[u8]) -> Element {
    let len = content.len();
    let mut der = Zeroizing::new(Vec::with_capacity(len.saturating_add(10)));
    der.push(tag);
    match u8::try_from(len).ok().filter(|n| *n < 0x80) {
        Some(short) => der.push(short),
        None => {
            let bytes = len.to_be_bytes();
            let significant = bytes.get(bytes.iter().take_while(|b| **b == 0).count()..).unwrap_or_default();
            der.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
            der.extend_from_slice(significant);
        }
    }
    let value = der.len();
    der.extend_from_slice(content);
    Element { tag, der, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(ber: &[u8]) -> Option<Vec<u8>> {
        to_der(ber).filter(|(_, used)| *used == ber.len()).map(|(d, _)| d.to_vec())
    }

    #[test]
    fn der_stays_what_it_is() {
        for file in ["p256-default-7.pfx", "p256.p8.der"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/containers").join(file);
            let bytes = std::fs::read(path).unwrap();
            assert_eq!(der(&bytes), Some(bytes), "{file}");
        }
    }

    #[test]
    fn indefinite_lengths_pieces_and_long_lengths_become_der() {
        // SEQUENCE { OID, [0] EXPLICIT OCTET STRING in two pieces }.
        let ber = [0x30, 0x80, 0x06, 0x01, 0x2A, 0xA0, 0x80, 0x24, 0x80, 4, 1, 1, 4, 0x81, 2, 2, 3, 0, 0, 0, 0, 0, 0];
        assert_eq!(der(&ber), Some(vec![0x30, 10, 0x06, 1, 0x2A, 0xA0, 5, 4, 3, 1, 2, 3]));
        // SEQUENCE { OID, SEQUENCE {}, [0] IMPLICIT OCTET STRING in two pieces }.
        let ber = [0x30, 0x80, 0x06, 0x01, 0x2A, 0x30, 0x80, 0, 0, 0xA0, 0x80, 4, 1, 1, 4, 1, 2, 0, 0, 0, 0];
        assert_eq!(der(&ber), Some(vec![0x30, 9, 0x06, 1, 0x2A, 0x30, 0, 0x80, 2, 1, 2]));
        assert_eq!(der(&[0x31, 0x80, 2, 1, 9, 2, 1, 1, 0, 0]), Some(vec![0x31, 6, 2, 1, 1, 2, 1, 9]));
    }

    #[test]
    fn what_ends_early_or_nests_without_end_is_none() {
        assert_eq!(der(&[0x30, 0x80, 2, 1, 9]), None);
        assert_eq!(der(&[0x30, 5, 2, 1, 9]), None);
        assert_eq!(der(&[0x04, 0x80, 0, 0]), None);
        assert_eq!(der(&[0x30, 0x80].repeat(100_000)), None);
        assert_eq!(der(&[]), None);
    }
}

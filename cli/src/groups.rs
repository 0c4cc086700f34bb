//! Diffie-Hellman groups by name or file, for DH1 blobs, which carry y and no group: RFC 2409, RFC 3526 and RFC 7919 by name, parameter
//! files of OpenSSL (PKCS#3, X9.42; PEM or DER) and CNG's DHParameters property by content.
//!
//! The named groups are files that OpenSSL wrote (`groups/`; the two of RFC 2409 by that page's formula), read by the reader of files. Whether
//! the blob's y belongs to the group is the token's to judge.

use crate::shapes::{MAX_INPUT, pem_bodies};
use cngtoken_key::Uint;
use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader, Tag};
use std::path::Path;
use std::sync::Arc;

/// p and g.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    pub(crate) p: Uint,
    pub(crate) g: Uint,
}

macro_rules! named {
    ($($name:literal)*) => {
        /// Name and parameters.
        const NAMED: &[(&str, &str)] = &[$(($name, include_str!(concat!("groups/", $name, ".pem")))),*];
    };
}

named! {
    "modp768" "modp1024" "modp1536" "modp2048" "modp3072" "modp4096" "modp6144" "modp8192"
    "ffdhe2048" "ffdhe3072" "ffdhe4096" "ffdhe6144" "ffdhe8192"
}

/// A group from the command line: a name (`modp_2048` is one too), else a file.
///
/// # Errors
/// Neither.
pub(crate) fn parse(text: &str) -> Result<Arc<Group>, String> {
    let plain: String = text.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect();
    if let Some((_, pem)) = NAMED.iter().find(|(name, _)| *name == plain) {
        return group(pem.as_bytes()).map(Arc::new).ok_or_else(|| format!("{text}: damaged"));
    }
    let path = Path::new(text);
    let names = || NAMED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if !path.exists() {
        return Err(format!("\"{text}\" is neither a file nor a group; groups are {}", names()));
    }
    if path.metadata().is_ok_and(|m| m.len() > MAX_INPUT as u64) {
        return Err(format!("{text} is larger than any file of parameters"));
    }
    let bytes = std::fs::read(path).map_err(|e| format!("{text} cannot be read: {e}"))?;
    let expected = "expected DH PARAMETERS or X9.42 DH PARAMETERS (PEM or DER), or CNG's DHParameters (magic DHPM)";
    group(&bytes).map(Arc::new).ok_or_else(|| format!("{text} holds no Diffie-Hellman group; {expected}"))
}

/// The group that a file holds.
fn group(bytes: &[u8]) -> Option<Group> {
    let from_pem = || {
        let text = std::str::from_utf8(bytes).ok()?;
        pem_bodies(text).iter().filter(|(label, _)| label.ends_with("DH PARAMETERS")).find_map(|(_, body)| asn1(body))
    };
    asn1(bytes).or_else(|| property(bytes)).or_else(from_pem)
}

/// PKCS#3: SEQUENCE { p, g, length OPTIONAL }. X9.42: SEQUENCE { p, g, q, … }.
fn asn1(bytes: &[u8]) -> Option<Group> {
    let any = der::asn1::AnyRef::from_der(bytes).ok().filter(|a| der::Tagged::tag(a) == Tag::Sequence)?;
    let mut reader = SliceReader::new(any.value()).ok()?;
    let mut number = || UintRef::decode(&mut reader).ok().map(|n| Uint::from_be(n.as_bytes()));
    let (p, g) = (number()?, number()?);
    while !reader.is_finished() {
        der::asn1::AnyRef::decode(&mut reader).ok()?;
    }
    sound(p, g)
}

/// BCRYPT_DH_PARAMETER_HEADER: cbLength, dwMagic, cbKeyLength, then p and g of that length.
fn property(bytes: &[u8]) -> Option<Group> {
    let word = |at: usize| bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes);
    if bytes.get(4..8)? != b"DHPM" || usize::try_from(word(0)?).ok()? != bytes.len() {
        return None;
    }
    let len = usize::try_from(word(8)?).ok()?;
    let body = bytes.get(12..).filter(|b| Some(b.len()) == len.checked_mul(2))?;
    let (p, g) = body.split_at_checked(len)?;
    sound(Uint::from_be(p), Uint::from_be(g))
}

/// Two numbers that could be a group, so that any SEQUENCE of two INTEGERs is not taken for one.
fn sound(p: Uint, g: Uint) -> Option<Group> {
    (p.is_odd() && p.bit_len() >= 512 && g.bit_len() > 1 && g.bit_len() <= p.bit_len()).then_some(Group { p, g })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_group_has_the_size_of_its_name_and_generator_two() {
        for (name, _) in NAMED {
            let group = parse(name).unwrap();
            let bits: usize = name.trim_start_matches(char::is_alphabetic).parse().unwrap();
            assert_eq!((group.p.bit_len(), group.g.to_u64()), (bits, Some(2)), "{name}");
            // All of them begin and end with 64 ones.
            assert!(group.p.as_be().starts_with(&[0xFF; 8]) && group.p.as_be().ends_with(&[0xFF; 8]), "{name}");
        }
        assert_eq!(parse("MODP_2048").unwrap(), parse("modp2048").unwrap());
        assert_ne!(parse("ffdhe2048").unwrap(), parse("modp2048").unwrap());
    }

    #[test]
    fn a_group_comes_from_pem_der_and_cngs_property_and_from_nothing_else() {
        let known = parse("modp1024").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let read = |bytes: &[u8]| {
            let path = dir.path().join("group");
            std::fs::write(&path, bytes).unwrap();
            parse(path.to_str().unwrap())
        };
        let pem = include_str!("groups/modp1024.pem");
        let der = pem_bodies(pem).remove(0).1;
        let p = known.p.as_be();
        let g = known.g.to_be_fixed(p.len()).unwrap();
        let property = [&u32::try_from(12 + 2 * p.len()).unwrap().to_le_bytes()[..], b"DHPM", &128u32.to_le_bytes(), p, g.expose()].concat();
        for (name, bytes) in [("PEM", pem.as_bytes()), ("DER", &der), ("property", &property)] {
            assert_eq!(read(bytes).as_ref(), Ok(&known), "{name}");
        }
        for bytes in [&b""[..], b"hello", &der[..der.len() - 1], &property[..40]] {
            assert!(read(bytes).unwrap_err().contains("no Diffie-Hellman group"));
        }
        assert!(parse("no-such-group").unwrap_err().contains("ffdhe2048"));
    }
}

//! The value of one attribute: parsed once from the bytes a client sends, by the kind its row names, and given back as bytes.
//! A wrong length is refused here; what a value means for an object is judged elsewhere.

use super::attributes::Kind;
use super::template::Template;
use cngtoken_key::Secret;
use std::borrow::Cow;
use zeroize::Zeroizing;

/// One attribute as a caller passes it: the number and what stood behind the pointer.
#[derive(Clone, Debug)]
pub struct GivenAttr {
    /// CKA_ number.
    pub id: u64,
    /// What stood behind the pointer.
    pub value: Given,
}

impl GivenAttr {
    /// An attribute with plain bytes.
    #[must_use]
    pub fn bytes(id: u64, value: &[u8]) -> Self {
        Self { id, value: Given::Bytes(Zeroizing::new(value.to_vec())) }
    }

    /// An attribute of type CK_BBOOL.
    #[must_use]
    pub fn bool(id: u64, value: bool) -> Self {
        Self::bytes(id, &[u8::from(value)])
    }

    /// An attribute of type CK_ULONG.
    #[must_use]
    pub fn ulong(id: u64, value: u64) -> Self {
        Self::bytes(id, &value.to_ne_bytes())
    }
}

/// What stood behind the pointer of an attribute.
#[derive(Clone)]
pub enum Given {
    /// Plain bytes.
    Bytes(Zeroizing<Vec<u8>>),
    /// An array of attributes.
    Attrs(Vec<GivenAttr>),
}

/// Lengths only: any of these bytes may be a key.
impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Given::Bytes(b) => write!(f, "{} bytes", b.len()),
            Given::Attrs(a) => a.fmt(f),
        }
    }
}

/// The value of an attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// CK_BBOOL.
    Bool(bool),
    /// CK_ULONG.
    Ulong(u64),
    /// Bytes, text, a date or a number (big-endian without leading zeros).
    Bytes(Secret),
    /// Array of CK_ULONG.
    Ulongs(Vec<u64>),
    /// Nested template.
    Template(Template),
}

impl Value {
    /// Bytes that are copied.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        Value::Bytes(Secret::copy_of(bytes))
    }

    /// Parses what a client sent for an attribute of that kind.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn parse(kind: Kind, bytes: &[u8]) -> Result<Self, Cow<'static, str>> {
        match kind {
            Kind::Bool => match bytes {
                [0] => Ok(Value::Bool(false)),
                [_] => Ok(Value::Bool(true)),
                _ => Err(format!("{} bytes, where CK_BBOOL is 1", bytes.len()).into()),
            },
            Kind::Ulong => {
                let array = <[u8; 8]>::try_from(bytes).map_err(|_| format!("{} bytes, where CK_ULONG is 8", bytes.len()))?;
                Ok(Value::Ulong(u64::from_ne_bytes(array)))
            }
            Kind::Bytes | Kind::Text => Ok(Value::bytes(bytes)),
            Kind::BigInt => Ok(Value::bytes(without_leading_zeros(bytes))),
            Kind::Date => date(bytes).map(|()| Value::bytes(bytes)),
            Kind::Ulongs => {
                let (words, rest) = bytes.as_chunks::<8>();
                if rest.is_empty() {
                    Ok(Value::Ulongs(words.iter().map(|w| u64::from_ne_bytes(*w)).collect()))
                } else {
                    Err(format!("{} bytes, not a multiple of the 8 of CK_ULONG", bytes.len()).into())
                }
            }
            Kind::Template if bytes.is_empty() => Ok(Value::Template(Template::default())),
            Kind::Template => Err("bytes, where an array of attributes is expected".into()),
        }
    }

    /// The bytes that a client gets; `None` for a nested template, which is not bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Cow<'_, [u8]>> {
        Some(match self {
            Value::Bool(b) => Cow::Owned(vec![u8::from(*b)]),
            Value::Ulong(n) => Cow::Owned(n.to_ne_bytes().to_vec()),
            Value::Bytes(b) => Cow::Borrowed(b.expose()),
            Value::Ulongs(l) => Cow::Owned(l.iter().flat_map(|n| n.to_ne_bytes()).collect()),
            Value::Template(_) => return None,
        })
    }

    /// True if this is a value that an attribute of that kind can have.
    #[must_use]
    pub fn fits(&self, kind: Kind) -> bool {
        match (self, kind) {
            (Value::Bool(_), Kind::Bool)
            | (Value::Ulong(_), Kind::Ulong)
            | (Value::Ulongs(_), Kind::Ulongs)
            | (Value::Template(_), Kind::Template)
            | (Value::Bytes(_), Kind::Bytes | Kind::Text) => true,
            (Value::Bytes(b), Kind::BigInt) => b.expose().first() != Some(&0),
            (Value::Bytes(b), Kind::Date) => date(b.expose()).is_ok(),
            _ => false,
        }
    }

    /// True for no bytes, no numbers, no attributes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Bool(_) | Value::Ulong(_) => false,
            Value::Bytes(b) => b.is_empty(),
            Value::Ulongs(l) => l.is_empty(),
            Value::Template(t) => t.is_empty(),
        }
    }
}

/// The digits of a number that count.
#[must_use]
pub(super) fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&b| b != 0).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

/// CK_DATE is a structure of eight digits; an empty one means no date.
fn date(bytes: &[u8]) -> Result<(), Cow<'static, str>> {
    if bytes.is_empty() {
        return Ok(());
    }
    let [_, _, _, _, m1, m2, d1, d2] = bytes else { return Err(format!("{} bytes, where CK_DATE is 8 or none", bytes.len()).into()) };
    let in_range = |tens: u8, ones: u8, max: u8| (1..=max).contains(&((tens & 15) * 10 + (ones & 15)));
    if bytes.iter().all(u8::is_ascii_digit) && in_range(*m1, *m2, 12) && in_range(*d1, *d2, 31) {
        Ok(())
    } else {
        Err("not a date as YYYYMMDD in ASCII digits".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bool_is_one_byte_and_a_ulong_eight() {
        assert_eq!(Value::parse(Kind::Bool, &[1]), Ok(Value::Bool(true)));
        assert!(Value::parse(Kind::Bool, &[1, 0, 0, 0]).is_err());
        assert!(Value::parse(Kind::Bool, &[]).is_err());
        assert!(Value::parse(Kind::Ulong, &[1, 0, 0, 0]).is_err());
        assert_eq!(Value::parse(Kind::Ulong, &7u64.to_ne_bytes()), Ok(Value::Ulong(7)));
        assert!(Value::parse(Kind::Ulongs, &[0; 12]).is_err());
    }

    #[test]
    fn a_date_is_empty_or_eight_digits_that_are_a_date() {
        assert!(Value::parse(Kind::Date, b"").is_ok());
        assert!(Value::parse(Kind::Date, b"20261124").is_ok());
        for bad in [&b"2026112"[..], b"20261324", b"20261100", b"2026-1-1", &[0; 8]] {
            assert!(Value::parse(Kind::Date, bad).is_err());
        }
    }

    #[test]
    fn leading_zeros_of_a_number_are_dropped() {
        assert_eq!(Value::parse(Kind::BigInt, &[0, 0, 1, 0]), Ok(Value::bytes(&[1, 0])));
    }

    #[test]
    fn debug_of_what_a_caller_gave_shows_no_byte() {
        assert_eq!(format!("{:?}", GivenAttr::bytes(17, &[0xAA; 3])), "GivenAttr { id: 17, value: 3 bytes }");
    }
}

//! Why a blob was refused, and where: the reason first, its class for whoever maps it to a number.
//!
//! Texts are one lower-case line with what was found and what was expected; they hold names, offsets, lengths and public header
//! values, never a byte of a key number. Offsets count from the start of the outermost input, also inside wrapped blobs.

use crate::table::{Magic, magic_text};
use alloc::string::String;
use core::fmt;

/// A name that came from outside, cut to a length that fits any message, unprintable characters replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text(String);

impl Text {
    /// Longest text kept, in characters.
    const MAX: usize = 40;

    /// Takes over what fits.
    #[must_use]
    pub fn new(from_outside: &str) -> Self {
        let mut out = String::new();
        for (i, c) in from_outside.chars().enumerate() {
            if i == Self::MAX {
                out.push('…');
                break;
            }
            out.push(if c.is_control() { '?' } else { c });
        }
        Self(out)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a field should have held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Exactly this.
    Exactly(u64),
    /// From the first to the second, both included.
    Between(u64, u64),
    /// In words.
    Words(&'static str),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Exactly(n) => write!(f, "{n}"),
            Expected::Between(low, high) => write!(f, "{low} to {high}"),
            Expected::Words(words) => f.write_str(words),
        }
    }
}

/// What is wrong with a blob.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The input ends inside a field.
    TooShort {
        /// The field.
        field: &'static str,
        /// Bytes that it needs.
        want: u64,
        /// Bytes that are left.
        have: u64,
    },
    /// The lengths in the header do not add up to the length of the input.
    WrongTotal {
        /// Bytes that the header asks for.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// One length does not go with another field.
    WrongLength {
        /// The length field.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What it should be.
        expected: u64,
    },
    /// No blob starts so.
    UnknownMagic {
        /// The four bytes.
        found: Magic,
        /// The family whose magics look alike, or what else the bytes suggest.
        like: Option<&'static str>,
    },
    /// The magic belongs to another blob type than the one named.
    WrongMagic {
        /// The type that the caller named.
        type_name: &'static str,
        /// The four bytes.
        found: Magic,
        /// The blob type they do belong to; `None`: to no known one.
        belongs: Option<&'static str>,
        /// The family whose magics look alike, where the magic is unknown.
        like: Option<&'static str>,
    },
    /// No blob type has that name.
    UnknownType {
        /// The name.
        name: Text,
    },
    /// Recognised, and refused for the reason given.
    NotSupported {
        /// What it is and what to do instead.
        what: &'static str,
    },
    /// A header field is out of range.
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What is allowed.
        expected: Expected,
    },
    /// The algorithm identifier names another kind of key than the blob holds.
    AlgorithmDisagrees {
        /// The identifier.
        given: Text,
        /// What the blob holds.
        holds: &'static str,
    },
    /// No algorithm has that identifier.
    UnknownAlgorithm {
        /// The identifier.
        given: Text,
    },
    /// The magic does not name the curve and nobody else does.
    CurveMissing {
        /// The magic.
        magic: Magic,
    },
    /// The curve is not one that the token knows.
    CurveUnknown {
        /// Its name, or what is known of it.
        name: Text,
    },
    /// The curve given beside the blob is not the blob's.
    CurveDisagrees {
        /// Given beside the blob.
        given: &'static str,
        /// The blob's own.
        found: &'static str,
    },
    /// The parameter set is not one that the token knows.
    ParameterSet {
        /// Its name as read.
        name: Text,
    },
    /// A number cannot be what its place says.
    Number {
        /// The number's name.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The size of the key is outside what is supported.
    KeySize {
        /// Bits found.
        bits: u64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A version 2 DH public blob carries neither p nor g, and nobody else gives them.
    GroupMissing,
}

/// Faults by what a caller can do about them: one class per row of the extension's table of results.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FaultClass {
    /// No such blob type.
    UnknownType,
    /// Known and not supported.
    NotSupported,
    /// Too short, too long, or lengths that do not add up.
    Size,
    /// Magic, header field or algorithm identifier disagree.
    Header,
    /// A number is impossible.
    Numbers,
    /// Curve not known.
    CurveUnknown,
    /// Curve not given.
    CurveMissing,
    /// Size of the key not supported.
    KeySize,
    /// Something must come from outside the blob.
    Incomplete,
}

impl Fault {
    /// The class.
    #[must_use]
    pub fn class(&self) -> FaultClass {
        match self {
            Fault::TooShort { .. } | Fault::WrongTotal { .. } | Fault::WrongLength { .. } => FaultClass::Size,
            Fault::UnknownType { .. } | Fault::UnknownMagic { .. } => FaultClass::UnknownType,
            Fault::NotSupported { .. } => FaultClass::NotSupported,
            Fault::WrongMagic { .. }
            | Fault::Field { .. }
            | Fault::AlgorithmDisagrees { .. }
            | Fault::UnknownAlgorithm { .. }
            | Fault::CurveDisagrees { .. }
            | Fault::ParameterSet { .. } => FaultClass::Header,
            Fault::CurveMissing { .. } => FaultClass::CurveMissing,
            Fault::CurveUnknown { .. } => FaultClass::CurveUnknown,
            Fault::Number { .. } => FaultClass::Numbers,
            Fault::KeySize { .. } => FaultClass::KeySize,
            Fault::GroupMissing => FaultClass::Incomplete,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooShort { field, want, have } => write!(f, "{field} needs {want} bytes, {have} are left"),
            Fault::WrongTotal { expected, found } if found < expected => write!(f, "the header asks for {expected} bytes in all, {found} are there"),
            Fault::WrongTotal { expected, found } => write!(f, "the blob ends after {expected} bytes, {found} are there"),
            Fault::WrongLength { field, found, expected } => write!(f, "{field} is {found}, expected {expected}"),
            Fault::UnknownMagic { found, like: Some(like) } => write!(f, "unknown magic {}, it looks like {like}", magic_text(*found)),
            Fault::UnknownMagic { found, like: None } => write!(f, "unknown magic {}", magic_text(*found)),
            Fault::WrongMagic { type_name, found, belongs: Some(other), .. } => {
                write!(f, "magic {} belongs to {other}, not to {type_name}", magic_text(*found))
            }
            Fault::WrongMagic { type_name, found, belongs: None, like: Some(like) } => {
                write!(f, "magic {} is not one of {type_name}, it looks like {like}", magic_text(*found))
            }
            Fault::WrongMagic { type_name, found, belongs: None, like: None } => write!(f, "magic {} is not one of {type_name}", magic_text(*found)),
            Fault::UnknownType { name } => write!(f, "no blob type is called \"{name}\""),
            Fault::NotSupported { what } => f.write_str(what),
            Fault::Field { field, found, expected } => write!(f, "{field} is {found}, expected {expected}"),
            Fault::AlgorithmDisagrees { given, holds } => write!(f, "the algorithm is given as \"{given}\", the blob holds {holds}"),
            Fault::UnknownAlgorithm { given } => write!(f, "no algorithm is called \"{given}\""),
            Fault::CurveMissing { magic } => write!(f, "magic {} does not name a curve, and none was given beside the blob", magic_text(*magic)),
            Fault::CurveUnknown { name } => write!(f, "the curve {name} is not supported"),
            Fault::CurveDisagrees { given, found } => write!(f, "the curve is given as {given}, the blob is of {found}"),
            Fault::ParameterSet { name } => write!(f, "the parameter set \"{name}\" is not one of this magic"),
            Fault::Number { name, why } => write!(f, "{name} {why}"),
            Fault::KeySize { bits, expected } => write!(f, "the key has {bits} bits, expected {expected}"),
            Fault::GroupMissing => f.write_str("the blob holds y only; p and g must be given beside it"),
        }
    }
}

/// A refused blob: what is wrong, and at which byte of the outermost input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobError {
    /// What is wrong.
    pub fault: Fault,
    /// Offset in the outermost input.
    pub at: usize,
}

impl BlobError {
    pub(crate) fn new(fault: Fault, at: usize) -> Self {
        Self { fault, at }
    }
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at offset {})", self.fault, self.at)
    }
}

impl core::error::Error for BlobError {}

/// Why a key cannot be written as the blob type asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EncodeError {
    /// The layout has no place for this key.
    DoesNotFit {
        /// The blob type.
        type_name: &'static str,
        /// What does not fit.
        why: &'static str,
    },
    /// A seed blob of a key whose seed is not known: it was imported or generated without.
    SeedUnknown {
        /// The blob type.
        type_name: &'static str,
    },
    /// A private blob of a public key.
    NeedsPrivate {
        /// The blob type.
        type_name: &'static str,
    },
    /// A blob type that is recognised and never written.
    NotSupported {
        /// The blob type.
        type_name: &'static str,
        /// What it is and what to do instead.
        what: &'static str,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::DoesNotFit { type_name, why } => write!(f, "the key does not fit into {type_name}: {why}"),
            EncodeError::SeedUnknown { type_name } => write!(f, "{type_name} needs the seed, which is not known for this key"),
            EncodeError::NeedsPrivate { type_name } => write!(f, "{type_name} needs a private key, this is a public one"),
            EncodeError::NotSupported { type_name, what } => write!(f, "{type_name} is not written: {what}"),
        }
    }
}

impl core::error::Error for EncodeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_long_or_hostile_name_does_not_break_the_line() {
        let name = Text::new(&"\u{1F511}".repeat(1000));
        assert!(BlobError::new(Fault::UnknownType { name }, usize::MAX).to_string().len() <= 255);
        assert_eq!(Text::new("a\nb\0").to_string(), "a?b?");
    }
}

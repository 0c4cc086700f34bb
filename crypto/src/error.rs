//! Why a computation or an admission failed. Texts name what was found and what was expected: lengths, names and public values, never
//! a secret number. The token maps these to its own codes in one place.

use std::borrow::Cow;
use thiserror::Error;

/// Why a computation failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The input has a length the scheme cannot take.
    #[error("the data has a length that the scheme cannot take")]
    DataLen,
    /// The input is not what the scheme computes on (a number not below the modulus, a malformed digest).
    #[error("the data is not a value that the scheme can compute on")]
    DataInvalid,
    /// Decryption found no valid plaintext: padding, tag or integrity value.
    #[error("the encrypted data is not valid")]
    EncryptedData,
    /// The encrypted input has a length the scheme cannot take.
    #[error("the encrypted data has a length that the scheme cannot take")]
    EncryptedDataLen,
    /// The signature does not verify.
    #[error("the signature is not valid")]
    Signature,
    /// The signature has the wrong length.
    #[error("the signature has the wrong length")]
    SignatureLen,
    /// The key's size does not fit the scheme.
    #[error("the key's size does not fit the scheme")]
    KeySize,
    /// The key's family or half does not fit the scheme.
    #[error("the key's type does not fit the scheme")]
    KeyType,
    /// A parameter of the scheme is out of range.
    #[error("parameter out of range: {0}")]
    Param(&'static str),
    /// The other party's public key is not acceptable.
    #[error("public key of the other party: {0}")]
    PublicKey(&'static str),
    /// The system's random source failed.
    #[error("the random source failed")]
    Random,
    /// An engine refused what it should have taken.
    #[error("internal: {0}")]
    Internal(&'static str),
}

/// Why a claim is not a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// A number is neither given nor computable from those given.
    #[error("{what} is missing and cannot be computed from the rest")]
    Missing {
        /// The number.
        what: &'static str,
    },
    /// Numbers contradict each other.
    #[error("{what}: found {found}, expected {expected}")]
    Inconsistent {
        /// The number, or the relation.
        what: &'static str,
        /// What was found, without secret values.
        found: Cow<'static, str>,
        /// What was expected.
        expected: Cow<'static, str>,
    },
    /// A number is outside its range.
    #[error("{what} is out of range: found {found}, expected {expected}")]
    OutOfRange {
        /// The number.
        what: &'static str,
        /// What was found, without secret values.
        found: Cow<'static, str>,
        /// The range.
        expected: Cow<'static, str>,
    },
    /// The key is smaller or larger than this token takes.
    #[error("the key has {bits} bits, expected {min} to {max}")]
    KeySize {
        /// Found.
        bits: usize,
        /// Smallest accepted.
        min: usize,
        /// Largest accepted.
        max: usize,
    },
    /// Well-formed, but not something this token computes with.
    #[error("not supported: {what}")]
    Unsupported {
        /// What it is.
        what: &'static str,
    },
}

impl AdmitError {
    pub(crate) fn inconsistent(what: &'static str, found: impl Into<Cow<'static, str>>, expected: impl Into<Cow<'static, str>>) -> Self {
        AdmitError::Inconsistent { what, found: found.into(), expected: expected.into() }
    }

    pub(crate) fn range(what: &'static str, found: impl Into<Cow<'static, str>>, expected: impl Into<Cow<'static, str>>) -> Self {
        AdmitError::OutOfRange { what, found: found.into(), expected: expected.into() }
    }
}

//! What C_DeriveKey computes, and the rules by which the result becomes a key: which key type without a template, whose secrecy counts,
//! which code says that there are too few bytes. The token's `derive` obeys them, in one place for all mechanisms.
//!
//! Source: PKCS#11 3.2, "Miscellaneous simple key derivation mechanisms", "Hash-based Key Derivation".

use super::agreement::Agreement;
use super::tls::{Tls, exporter};
use super::{Planner, no_parameter, usize_param, wrong_shape};
use crate::token::error::{R, Reason};
use crate::token::mechanism::Params;
use cngtoken_crypto::{Derive, Hash, Xof};
use cngtoken_key::Secret;
use cryptoki_sys as ck;

/// A derivation from a secret key, as a row names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kdf {
    Digest(Hash),
    Xof(Xof),
    /// The base, then another key.
    BaseAndKey,
    BaseAndData,
    DataAndBase,
    Xor,
    Extract,
    Tls(Tls),
}

/// What is computed.
pub(crate) enum How {
    Agree(Agreement),
    Derive(Derive),
}

/// Whose secrecy the new key has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Secrecy {
    /// CKA_SENSITIVE and CKA_EXTRACTABLE are the template's to say; CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE hold if they held for
    /// every key it was made of, and hold for it.
    Free,
    /// It is sensitive if one of the keys it was made of is, and extractable only if all are.
    Inherited,
}

/// A planned derivation.
pub(crate) struct Derivation {
    pub(crate) how: How,
    pub(crate) secrecy: Secrecy,
    /// CKA_KEY_TYPE if the template has none; `None`: it must have one.
    pub(crate) key_type: Option<u64>,
    /// The template need not say how long a key of several lengths is to be: the mechanism knows.
    pub(crate) own_length: bool,
    /// What it is called that CKA_VALUE_LEN is more than there is.
    pub(crate) too_long: Reason,
}

impl Derivation {
    /// What most mechanisms say.
    pub(crate) fn of(how: Derive) -> Self {
        Self {
            how: How::Derive(how),
            secrecy: Secrecy::Free,
            key_type: Some(ck::CKK_GENERIC_SECRET),
            own_length: false,
            too_long: Reason::TemplateInconsistent,
        }
    }

    /// The same with the secrecy of the keys that it is made of.
    fn inherited(how: Derive) -> Self {
        Self { secrecy: Secrecy::Inherited, ..Self::of(how) }
    }
}

/// The value of another key that a parameter names; whoever resolves it has asked whether it may serve.
pub(crate) type KeyValue<'a> = &'a mut dyn FnMut(u64) -> R<Secret>;

fn string(params: &Params) -> R<&[u8]> {
    match params {
        Params::DerivationString(data) => Ok(data),
        _ => Err(wrong_shape(params, "CK_KEY_DERIVATION_STRING_DATA")),
    }
}

impl Planner {
    /// What C_DeriveKey computes with a base key of that type.
    pub(crate) fn derivation(self, params: &Params, base_type: u64, key: KeyValue<'_>) -> R<Derivation> {
        match self {
            Planner::Kdf(kdf) => kdf.derivation(params, key),
            _ => Ok(Derivation {
                how: How::Agree(self.agreement(params, base_type)?),
                secrecy: Secrecy::Free,
                key_type: Some(ck::CKK_GENERIC_SECRET),
                own_length: true,
                too_long: Reason::TemplateInconsistent,
            }),
        }
    }
}

impl Kdf {
    fn derivation(self, params: &Params, key: KeyValue<'_>) -> R<Derivation> {
        Ok(match self {
            Kdf::Digest(hash) => {
                no_parameter(params)?;
                Derivation::of(Derive::Digest(hash))
            }
            Kdf::Xof(xof) => {
                no_parameter(params)?;
                Derivation::of(Derive::Xof(xof))
            }
            Kdf::BaseAndKey => match params {
                Params::Ulong(other) => Derivation::inherited(Derive::Append(key(*other)?)),
                _ => return Err(wrong_shape(params, "CK_OBJECT_HANDLE")),
            },
            Kdf::BaseAndData => Derivation::inherited(Derive::Append(Secret::copy_of(string(params)?))),
            Kdf::DataAndBase => Derivation::inherited(Derive::Prepend(string(params)?.to_vec())),
            Kdf::Xor => Derivation::inherited(Derive::Xor(string(params)?.to_vec())),
            Kdf::Tls(Tls::Exporter) => exporter(params)?,
            Kdf::Tls(Tls::Master { .. } | Tls::Keys { .. }) => return Err(Reason::GeneralError.because("a derivation that has rules of its own")),
            Kdf::Extract => match params {
                Params::Ulong(bit) => Derivation::inherited(Derive::Extract { bit: usize_param(*bit, "the first bit")? }),
                _ => return Err(wrong_shape(params, "CK_EXTRACT_PARAMS")),
            },
        })
    }
}

//! What C_DeriveKey computes, and the rules by which the result becomes a key: which key type without a template, whose secrecy counts,
//! which code says that there are too few bytes. The token's `derive` obeys them, in one place for all mechanisms.
//!
//! Source: PKCS#11 3.2, "Miscellaneous simple key derivation mechanisms", "Hash-based Key Derivation", "Key derivation by data encryption",
//! "HKDF Mechanisms", and through `sp800_108` and `ike` their sections.

use super::agreement::Agreement;
use super::tls::{Tls, exporter};
use super::{Planner, bad, hash_param, ike, no_parameter, sp800_108, usize_param, wrong_shape};
use crate::token::error::{R, Reason};
use crate::token::mechanism::{self, DerivationParams, Params};
use cngtoken_crypto::{BlockCipher, Derive, Hash, Hkdf, Kbkdf, MacPrf, Mode, Scheme, Xof};
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
    /// Encryption of data by the base.
    EcbData(BlockCipher),
    CbcData(BlockCipher),
    Hkdf,
    /// The result is a data object.
    HkdfData,
    Sp800(sp800_108::Mode),
    IkePrf,
    Ike1Prf,
    Ike1Extended,
    Ike2PrfPlus,
    Tls(Tls),
}

/// What is computed.
pub(crate) enum How {
    Agree(Agreement),
    Derive(Derive),
    /// One key or several.
    Several(Kbkdf),
}

/// Whose secrecy the new key has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Secrecy {
    /// CKA_SENSITIVE and CKA_EXTRACTABLE are the template's to say; CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE hold if they held for
    /// every key it was made of, and hold for it.
    Free,
    /// It is sensitive if one of the keys it was made of is, and extractable only if all are.
    Inherited,
    /// Where the template says nothing it is as the base key; what always held for one of the keys it was made of holds for it.
    Copied,
}

/// A planned derivation.
pub(crate) struct Derivation {
    pub(crate) how: How,
    pub(crate) secrecy: Secrecy,
    /// CKA_KEY_TYPE if the template has none; `None`: it must have one.
    pub(crate) key_type: Option<u64>,
    /// The template need not say how long a key of several lengths is to be: the mechanism knows.
    pub(crate) own_length: bool,
    /// All that there is, or nothing.
    pub(crate) whole: bool,
    /// What it is called that CKA_VALUE_LEN is more than there is.
    pub(crate) too_long: Reason,
    /// Up to so many bytes are simply the base key's first ones.
    pub(crate) base_if_at_most: Option<usize>,
    /// The result is a data object instead of a key.
    pub(crate) data: bool,
}

impl Derivation {
    /// What most mechanisms say.
    pub(super) fn of(how: Derive) -> Self {
        Self::new(How::Derive(how))
    }

    fn new(how: How) -> Self {
        Self {
            how,
            secrecy: Secrecy::Free,
            key_type: Some(ck::CKK_GENERIC_SECRET),
            own_length: false,
            whole: false,
            too_long: Reason::TemplateInconsistent,
            base_if_at_most: None,
            data: false,
        }
    }

    /// The same with the secrecy of the keys that it is made of.
    fn inherited(how: Derive) -> Self {
        Self { secrecy: Secrecy::Inherited, ..Self::of(how) }
    }
}

/// The base key, as far as a plan depends on it.
#[derive(Clone, Copy)]
pub(crate) struct Base {
    pub(crate) key_type: u64,
    /// Bytes of its value.
    pub(crate) len: usize,
}

/// The value of another key that a parameter names; whoever resolves it has asked whether it may serve.
pub(crate) type KeyValue<'a> = &'a mut dyn FnMut(u64) -> R<Secret>;

fn string(params: &Params) -> R<&[u8]> {
    match params {
        Params::DerivationString(data) => Ok(data),
        _ => Err(wrong_shape(params, "CK_KEY_DERIVATION_STRING_DATA")),
    }
}

/// Whole blocks, at least one.
fn blocks(data: &[u8], block: usize) -> R<Vec<u8>> {
    if data.is_empty() || !data.len().is_multiple_of(block) {
        return Err(bad(format!("the data has {} bytes, a multiple of {block} expected", data.len())));
    }
    Ok(data.to_vec())
}

/// The pseudo-random function behind the number of a MAC, for a key of that type.
pub(super) fn prf(id: u64, key_type: u64) -> R<MacPrf> {
    let row = mechanism::row(id).ok_or_else(|| bad(format!("0x{id:x} is not a pseudo-random function that the token knows")))?;
    let prf = match row.plan {
        // The input of an HMAC may be any secret.
        Planner::Hmac(hash) => return Ok(MacPrf::Hmac(hash)),
        Planner::Cmac(cipher) => MacPrf::Cmac(cipher),
        // Only the whole tag is a function of the right length.
        Planner::AesXcbcMac(16) => MacPrf::AesXcbcMac,
        _ => return Err(bad(format!("{} is not a pseudo-random function", row.name))),
    };
    if row.keys.contains(&key_type) {
        Ok(prf)
    } else {
        Err(Reason::KeyTypeInconsistent.because(format!("{} as the function takes no key of type 0x{key_type:x}", row.name)))
    }
}

impl Planner {
    /// What C_DeriveKey computes with that base key.
    pub(crate) fn derivation(self, params: &Params, base: Base, key: KeyValue<'_>) -> R<Derivation> {
        match self {
            Planner::Kdf(kdf) => kdf.derivation(params, base, key),
            _ => Ok(Derivation::new(How::Agree(self.agreement(params, base.key_type)?))),
        }
    }
}

impl Kdf {
    fn derivation(self, params: &Params, base: Base, key: KeyValue<'_>) -> R<Derivation> {
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
            Kdf::EcbData(cipher) => encryption(cipher, Mode::Ecb, string(params)?)?,
            Kdf::CbcData(cipher) => match params {
                Params::Derivation(DerivationParams::CbcData { iv, data }) => encryption(cipher, Mode::Cbc { iv: iv.clone() }, data)?,
                _ => return Err(wrong_shape(params, "the mechanism's CBC_ENCRYPT_DATA_PARAMS")),
            },
            Kdf::Hkdf => hkdf(params, key)?,
            Kdf::HkdfData => Derivation { data: true, ..hkdf(params, key)? },
            Kdf::Sp800(mode) => {
                let kbkdf = sp800_108::kbkdf(mode, params, base.key_type, key)?;
                Derivation { secrecy: Secrecy::Copied, ..Derivation::new(How::Several(kbkdf)) }
            }
            Kdf::IkePrf | Kdf::Ike1Prf | Kdf::Ike1Extended | Kdf::Ike2PrfPlus => ike::derivation(self, params, base, key)?,
        })
    }
}

/// The structure's vector has the length of a block, or the edge would have refused the structure.
fn encryption(cipher: BlockCipher, mode: Mode, data: &[u8]) -> R<Derivation> {
    let data = blocks(data, cipher.block_len())?;
    Ok(Derivation { too_long: Reason::DataLenRange, ..Derivation::of(Derive::Encrypt { scheme: Scheme::Block { cipher, mode }, data }) })
}

fn hkdf(params: &Params, key: KeyValue<'_>) -> R<Derivation> {
    let Params::Hkdf { extract, expand, prf, salt_type, salt, salt_key, info } = params else {
        return Err(wrong_shape(params, "CK_HKDF_PARAMS"));
    };
    if !extract && !expand {
        return Err(bad("neither bExtract nor bExpand is set"));
    }
    // "The salt should be ignored if bExtract is false", whatever its type.
    let extract = match (*extract, *salt_type) {
        (false, _) => None,
        (true, ck::CKF_HKDF_SALT_NULL) => Some(Secret::new(Vec::new())),
        (true, ck::CKF_HKDF_SALT_DATA) => Some(Secret::copy_of(salt)),
        (true, ck::CKF_HKDF_SALT_KEY) => Some(key(*salt_key)?),
        (true, other) => return Err(bad(format!("ulSaltType {other} is not known"))),
    };
    let derive = Hkdf { hash: hash_param(*prf, "prfHashMechanism")?, extract, expand: expand.then(|| info.clone()) };
    Ok(Derivation { own_length: true, ..Derivation::of(Derive::Hkdf(derive)) })
}

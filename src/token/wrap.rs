//! C_WrapKey, C_UnwrapKey and their authenticated forms: keys that travel under other keys.
//!
//! Secret keys travel as their value, private keys as PKCS#8. C_UnwrapKey answers one code for every fault of padding or length, so that it
//! is no oracle. Source: PKCS#11 3.2, "C_WrapKey", "C_UnwrapKey", "C_WrapKeyAuthenticated", "Wrapping/unwrapping private keys".

use crate::object::policy::Use;
use crate::object::{self, GivenAttr, KeyDefaults, Origin, Template, parity, pkcs8, policy};
use crate::token::application::Application;
use crate::token::error::{R, Reason, TokenError};
use crate::token::handles::Snapshot;
use crate::token::import::default_id;
use crate::token::iv;
use crate::token::keys::{impose, only_secret_length, secret_length_fits};
use crate::token::mechanism::Mechanism;
use crate::token::message::{Given, Sealed, serves, without_tag};
use crate::token::room::{Answer, Fit, Room};
use crate::token::session::Session;
use cngtoken_crypto::{self as crypto, Direction, Level, Mode, OutLen, Scheme};
use cngtoken_key::{KeyParts, Secret};
use cryptoki_sys as ck;

fn for_wrapping(e: TokenError) -> TokenError {
    let reason = match e.reason {
        Reason::KeyHandleInvalid => Reason::WrappingKeyHandleInvalid,
        Reason::KeyTypeInconsistent => Reason::WrappingKeyTypeInconsistent,
        Reason::KeySizeRange => Reason::WrappingKeySizeRange,
        _ => return e,
    };
    reason.because(e.reason())
}

pub(crate) fn for_unwrapping(e: TokenError) -> TokenError {
    let reason = match e.reason {
        Reason::KeyHandleInvalid => Reason::UnwrappingKeyHandleInvalid,
        Reason::KeyTypeInconsistent => Reason::UnwrappingKeyTypeInconsistent,
        Reason::KeySizeRange => Reason::UnwrappingKeySizeRange,
        _ => return e,
    };
    reason.because(e.reason())
}

impl Application {
    /// C_WrapKey.
    ///
    /// # Errors
    /// WrappingKeyHandleInvalid and its kin, KeyHandleInvalid, KeyUnextractable, KeyNotWrappable, KeySizeRange, MechanismInvalid,
    /// MechanismParamInvalid.
    pub fn wrap_key(&self, session: u64, mechanism: Mechanism, wrapping: u64, key: u64, room: Room) -> R<Answer> {
        let session = self.session(session)?;
        let mut ready = self.prepare(&session, &mechanism, wrapping, Use::Wrap).map_err(for_wrapping)?;
        ready.scheme = of_any_length(ready.scheme);
        let plain = self.travelling(&session, &ready.key.snapshot, key, &ready.scheme)?;
        let len = crypto::cipher_len(&ready.key.key, &ready.scheme, Direction::Encrypt, plain.len());
        if let (Fit::Needs(n), OutLen::Exact(_)) = (room.fit(len), len) {
            return Ok(Answer::Needs(n));
        }
        let wrapped = crypto::cipher(&ready.key.key, &ready.scheme, Direction::Encrypt, plain.expose()).map_err(|e| match e {
            crypto::CryptoError::DataLen | crypto::CryptoError::DataInvalid => Reason::KeySizeRange.because("the key does not fit the mechanism"),
            crypto::CryptoError::KeySize => Reason::WrappingKeySizeRange.because("the wrapping key has no room for what the mechanism puts into it"),
            other => other.into(),
        })?;
        session.still_valid(ready.epoch)?;
        Ok(room.answer(wrapped))
    }

    /// What of a key travels, if the wrapping key may take it along.
    fn travelling(&self, session: &Session, wrapper: &Snapshot, key: u64, scheme: &Scheme) -> R<Secret> {
        let entry = self.entry(session, key).map_err(|_| TokenError::from(Reason::KeyHandleInvalid))?;
        let snapshot = self.current(session, &entry)?;
        let object = &snapshot.object;
        if object.key_type().is_none() || object.class() == ck::CKO_PUBLIC_KEY {
            return Err(Reason::KeyNotWrappable.because("only secret and private keys are wrapped"));
        }
        policy::may_wrap(object, &wrapper.object, wrapper.authentic)?;
        let parts = object::parts(object)?;
        match &parts {
            KeyParts::Secret(value) => Ok(filled(value, scheme)),
            _ if matches!(scheme, Scheme::RsaPkcs1Crypt { .. } | Scheme::RsaRaw | Scheme::RsaOaep { .. }) => {
                Err(Reason::KeyNotWrappable.because("a private key does not fit into one RSA block"))
            }
            _ if matches!(scheme, Scheme::AesKw { .. }) => Ok(filled(&pkcs8::encode(&parts)?, scheme)),
            _ => Ok(pkcs8::encode(&parts)?),
        }
    }

    /// C_WrapKeyAuthenticated: the tag stands apart, and the token may make the initialization vector.
    ///
    /// # Errors
    /// As [`Application::wrap_key`].
    pub fn wrap_key_authenticated(&self, session: u64, mechanism: &Mechanism, wrapping: u64, key: u64, aad: &[u8], room: Room) -> R<Sealed> {
        let session = self.session(session)?;
        serves(mechanism, ck::CKF_MESSAGE_ENCRYPT)?;
        let usable = self.usable(&session, mechanism, wrapping, Use::Wrap).map_err(for_wrapping)?;
        let given = Given::of(&mechanism.params)?;
        given.has_tag()?;
        let scheme = given.scheme(usable.row.plan, None, aad)?;
        let plain = self.travelling(&session, &usable.working.snapshot, key, &scheme)?;
        if let Fit::Needs(n) = room.fit(OutLen::Exact(plain.len())) {
            return Ok(Sealed { out: Answer::Needs(n), iv: None, tag: None });
        }
        let iv = iv::single(given.iv, given.fixed_bits, given.generator)?;
        let scheme = of_any_length(given.scheme(usable.row.plan, iv.as_deref(), aad)?);
        let both = crypto::cipher(&usable.working.key, &scheme, Direction::Encrypt, plain.expose())?;
        session.still_valid(usable.epoch)?;
        let (wrapped, tag) = without_tag(both, given.tag_len)?;
        Ok(Sealed { out: Answer::Bytes(wrapped), iv, tag: Some(tag) })
    }

    /// C_UnwrapKey.
    ///
    /// # Errors
    /// UnwrappingKeyHandleInvalid and its kin, WrappedKeyInvalid (for every fault of padding, length or content), the template's codes,
    /// MechanismInvalid, MechanismParamInvalid.
    pub fn unwrap_key(&self, session: u64, mechanism: Mechanism, unwrapping: u64, wrapped: &[u8], template: Vec<GivenAttr>) -> R<u64> {
        let session = self.session(session)?;
        let mut ready = self.prepare(&session, &mechanism, unwrapping, Use::Unwrap).map_err(for_unwrapping)?;
        ready.scheme = of_any_length(ready.scheme);
        let template = Arrival::of(&ready.key.snapshot, template)?;
        let plain = crypto::cipher(&ready.key.key, &ready.scheme, Direction::Decrypt, wrapped).map_err(|_| one_answer())?;
        session.still_valid(ready.epoch)?;
        self.arrived(&session, plain, &ready.scheme, &template)
    }

    /// C_UnwrapKeyAuthenticated.
    ///
    /// # Errors
    /// As [`Application::unwrap_key`].
    pub fn unwrap_key_authenticated(
        &self,
        session: u64,
        mechanism: &Mechanism,
        unwrapping: u64,
        wrapped: &[u8],
        template: Vec<GivenAttr>,
        aad: &[u8],
    ) -> R<u64> {
        let session = self.session(session)?;
        serves(mechanism, ck::CKF_MESSAGE_DECRYPT)?;
        let usable = self.usable(&session, mechanism, unwrapping, Use::Unwrap).map_err(for_unwrapping)?;
        let given = Given::of(&mechanism.params)?;
        let scheme = of_any_length(given.scheme(usable.row.plan, None, aad)?);
        let both = [wrapped, given.tag()?].concat();
        let template = Arrival::of(&usable.working.snapshot, template)?;
        let plain = crypto::cipher(&usable.working.key, &scheme, Direction::Decrypt, &both).map_err(|_| one_answer())?;
        session.still_valid(usable.epoch)?;
        self.arrived(&session, plain, &scheme, &template)
    }

    /// Makes the object of a key that has arrived.
    fn arrived(&self, session: &Session, plain: Secret, scheme: &Scheme, arrival: &Arrival) -> R<u64> {
        let Arrival { template, class, key_type } = arrival;
        let key_type = *key_type;
        match *class {
            ck::CKO_SECRET_KEY => {
                let value = unwrapped_value(plain, scheme, key_type, template).ok_or_else(one_answer)?;
                self.store_secret(session, &KeyParts::Secret(value), template, key_type, &Origin::Unwrapped)
            }
            ck::CKO_PRIVATE_KEY => {
                let encoded = plain.expose();
                let encoded = if matches!(scheme, Scheme::AesKw { .. }) { pkcs8::without_filling(encoded) } else { encoded };
                let claim = pkcs8::decode(encoded).map_err(|_| one_answer())?;
                let parts = crypto::admit(claim, Level::Full).map_err(|_| one_answer())?.private.ok_or_else(one_answer)?;
                let defaults = KeyDefaults { id: default_id(&parts), key_type: Some(key_type), ..KeyDefaults::default() };
                let object = object::from_parts(&parts, template, &Origin::Unwrapped, &defaults, &session.actor())?;
                if object.key_type() != Some(key_type) {
                    return Err(one_answer());
                }
                self.place(session, vec![object])?.pop().ok_or_else(|| Reason::GeneralError.into())
            }
            other => Err(Reason::TemplateInconsistent.because(format!("CKA_CLASS 0x{other:x} cannot be unwrapped"))),
        }
    }
}

/// A key's length is the token's to find: "tokens SHALL ignore any value provided in this field".
fn of_any_length(mut scheme: Scheme) -> Scheme {
    if let Scheme::AesCcm { data_len, .. } = &mut scheme {
        *data_len = None;
    }
    scheme
}

/// The one answer to every fault of a wrapped key.
fn one_answer() -> TokenError {
    Reason::WrappedKeyInvalid.because("the wrapped key is not valid")
}

/// What a key that arrives is to become.
struct Arrival {
    template: Template,
    class: u64,
    key_type: u64,
}

impl Arrival {
    /// The caller's template under what the unwrapping key imposes.
    fn of(unwrapper: &Snapshot, template: Vec<GivenAttr>) -> R<Self> {
        let mut template = Template::parse(template)?;
        impose(&unwrapper.object, ck::CKA_UNWRAP_TEMPLATE, &mut template)?;
        match (template.ulong(ck::CKA_CLASS), template.ulong(ck::CKA_KEY_TYPE)) {
            (Some(class), Some(key_type)) => Ok(Self { template, class, key_type }),
            _ => Err(Reason::TemplateIncomplete.because("CKA_CLASS and CKA_KEY_TYPE are needed")),
        }
    }
}

/// The value of an unwrapped secret key: mechanisms that know no end of the data (raw RSA, CBC without padding) leave it to the template.
fn unwrapped_value(plain: Secret, scheme: &Scheme, key_type: u64, template: &Template) -> Option<Secret> {
    let want = template.ulong(ck::CKA_VALUE_LEN).and_then(|n| usize::try_from(n).ok()).or_else(|| only_secret_length(key_type));
    let value = match (scheme, want) {
        (_, None) => plain,
        (_, Some(n)) if n == plain.len() => plain,
        // The value stands at the end of an RSA block and at the start of whole cipher blocks.
        (Scheme::RsaRaw, Some(n)) => Secret::copy_of(plain.expose().get(plain.len().checked_sub(n)?..)?),
        (Scheme::Block { mode: Mode::Cbc { .. } | Mode::Ecb, .. }, Some(n)) => Secret::copy_of(plain.expose().get(..n)?),
        // Key wrap fills up to half a block.
        (Scheme::AesKw { .. }, Some(n)) if n + 8 > plain.len() => Secret::copy_of(plain.expose().get(..n)?),
        (_, Some(_)) => return None,
    };
    (secret_length_fits(key_type, value.len()) && parity::fits(key_type, value.expose())).then_some(value)
}

/// A key that travels in whole units, its end filled with zeros; the template of the other side says where it ends.
fn filled(value: &Secret, scheme: &Scheme) -> Secret {
    let unit = match scheme {
        Scheme::Block { cipher, mode: Mode::Ecb | Mode::Cbc { .. } } => cipher.block_len(),
        Scheme::AesKw { .. } => 8,
        _ => return value.clone(),
    };
    let mut bytes = Vec::with_capacity(value.len().next_multiple_of(unit));
    bytes.extend_from_slice(value.expose());
    bytes.resize(value.len().next_multiple_of(unit), 0);
    Secret::new(bytes)
}

impl From<policy::Kept> for TokenError {
    fn from(kept: policy::Kept) -> Self {
        let reason = match kept {
            policy::Kept::Unextractable => Reason::KeyUnextractable,
            policy::Kept::NeedsTrusted => Reason::KeyNotWrappable,
            policy::Kept::OutsideTemplate => Reason::KeyHandleInvalid,
            policy::Kept::Sensitive => Reason::ExportDenied,
        };
        reason.because(kept.to_string())
    }
}

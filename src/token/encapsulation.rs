//! C_EncapsulateKey and C_DecapsulateKey with keys that are not made for it: a random secret under RSA, or an agreement with a key pair that
//! lives for the call, whose public value is the ciphertext.
//!
//! Source: PKCS#11 3.2, the paragraphs on encapsulation of CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP, CKM_DH_PKCS_DERIVE, CKM_X9_42_DH_DERIVE,
//! CKM_ECDH1_DERIVE and CKM_ECDH1_COFACTOR_DERIVE.

use crate::object::Template;
use crate::token::application::Application;
use crate::token::error::{R, Reason, TokenError};
use crate::token::keys::{Encapsulated, encapsulation_target};
use crate::token::mechanism::{Mechanism, Params};
use crate::token::plan::Planner;
use crate::token::room::{Fit, Room};
use crate::token::session::Session;
use crate::token::usage::{Ready, Usable};
use cngtoken_crypto::{self as crypto, CryptoError, Direction, Generate, Key, OutLen};
use cngtoken_key::KeyParts;

/// The parameter of the agreement, with the other side's value in the place that has to be empty.
fn with_peer(plan: Planner, params: &Params, peer: Vec<u8>) -> R<Params> {
    match (plan, params) {
        (Planner::Dh, Params::None) => Ok(Params::Bytes(peer)),
        (Planner::Dh, _) => Err(Reason::MechanismParamInvalid.because("the mechanism takes no parameter in encapsulation")),
        (_, Params::Ecdh1 { kdf, shared, public }) if public.is_empty() => Ok(Params::Ecdh1 { kdf: *kdf, shared: shared.clone(), public: peer }),
        (_, Params::Ecdh1 { .. }) => {
            Err(Reason::MechanismParamInvalid.because("pPublicData is given; in encapsulation the ciphertext is that value"))
        }
        _ => Err(Reason::MechanismParamInvalid.because("the structure of the key agreement is missing")),
    }
}

/// A public value as the ciphertext.
fn public_value(parts: &KeyParts) -> R<Vec<u8>> {
    match parts {
        KeyParts::EcPublic(k) => Ok(k.uncompressed()),
        KeyParts::MontgomeryPublic(k) => Ok(k.u.clone()),
        KeyParts::DhPublic(k) => Ok(k.y.to_be_fixed(k.domain.p.byte_len()).ok_or(Reason::GeneralError)?.expose().to_vec()),
        _ => Err(Reason::KeyTypeInconsistent.into()),
    }
}

fn forged(e: CryptoError) -> TokenError {
    match e {
        CryptoError::PublicKey(why) => Reason::WrappedKeyInvalid.because(why),
        other => other.into(),
    }
}

impl Application {
    /// With a Diffie-Hellman key, on a curve or not.
    pub(crate) fn encapsulate_agreed(&self, session: &Session, mechanism: &Mechanism, usable: &Usable, t: &Template, room: Room) -> R<Encapsulated> {
        let parts = usable.working.key.parts();
        let peer = public_value(parts)?;
        let pair = match parts {
            KeyParts::EcPublic(k) => Generate::Ec(k.curve),
            KeyParts::MontgomeryPublic(k) => Generate::Montgomery(k.curve),
            KeyParts::DhPublic(k) => Generate::Dh(k.domain.clone(), None),
            _ => return Err(Reason::KeyTypeInconsistent.into()),
        };
        if let Fit::Needs(n) = room.fit(OutLen::Exact(peer.len())) {
            return Ok(Encapsulated::Needs(n));
        }
        let base_type = usable.working.snapshot.object.key_type().unwrap_or_default();
        let agreement = usable.row.plan.agreement(&with_peer(usable.row.plan, &mechanism.params, peer)?, base_type)?;
        let (key_type, want) = encapsulation_target(t)?;
        let made = crypto::generate(&pair)?;
        let (Some(public), Some(private)) = (made.public, made.private) else { return Err(Reason::GeneralError.into()) };
        let secret = crypto::agree(&*Key::new(private)?, &agreement.peer, &agreement.how, want)?;
        let key = self.store_shared(session, secret, t, key_type)?;
        Ok(Encapsulated::Done { ciphertext: public_value(&public)?, key })
    }

    /// The other side of it.
    pub(crate) fn decapsulate_agreed(&self, session: &Session, mechanism: &Mechanism, usable: &Usable, t: &Template, ciphertext: &[u8]) -> R<u64> {
        if ciphertext.is_empty() {
            return Err(Reason::WrappedKeyLenRange.because("the ciphertext is empty"));
        }
        let base_type = usable.working.snapshot.object.key_type().unwrap_or_default();
        let agreement = usable.row.plan.agreement(&with_peer(usable.row.plan, &mechanism.params, ciphertext.to_vec())?, base_type)?;
        let (key_type, want) = encapsulation_target(t)?;
        let secret = crypto::agree(&usable.working.key, &agreement.peer, &agreement.how, want).map_err(forged)?;
        session.still_valid(usable.epoch)?;
        self.store_shared(session, secret, t, key_type)
    }

    /// A random secret under RSA.
    pub(crate) fn encapsulate_rsa(&self, session: &Session, ready: &Ready, t: &Template, room: Room) -> R<Encapsulated> {
        let (key_type, want) = encapsulation_target(t)?;
        let bytes = want.ok_or_else(|| Reason::TemplateIncomplete.because("CKA_VALUE_LEN is missing"))?;
        let len = crypto::cipher_len(&ready.key.key, &ready.scheme, Direction::Encrypt, bytes);
        if let Fit::Needs(n) = room.fit(len) {
            return Ok(Encapsulated::Needs(n));
        }
        let made = crypto::generate(&Generate::Secret { bytes })?.private.ok_or(Reason::GeneralError)?;
        let KeyParts::Secret(secret) = made else { return Err(Reason::GeneralError.into()) };
        let sealed = crypto::cipher(&ready.key.key, &ready.scheme, Direction::Encrypt, secret.expose()).map_err(|e| match e {
            CryptoError::DataLen => Reason::KeySizeRange.because("the secret does not fit into the RSA block"),
            other => other.into(),
        })?;
        let key = self.store_shared(session, secret, t, key_type)?;
        Ok(Encapsulated::Done { ciphertext: sealed.expose().to_vec(), key })
    }

    /// The other side of it. As in unwrapping, every fault of the ciphertext is one answer.
    pub(crate) fn decapsulate_rsa(&self, session: &Session, ready: &Ready, t: &Template, ciphertext: &[u8]) -> R<u64> {
        let one_answer = || Reason::WrappedKeyInvalid.because("the ciphertext is not valid");
        let (key_type, want) = encapsulation_target(t)?;
        let secret = crypto::cipher(&ready.key.key, &ready.scheme, Direction::Decrypt, ciphertext).map_err(|_| one_answer())?;
        session.still_valid(ready.epoch)?;
        if want.is_some_and(|n| n != secret.len()) || !crate::token::keys::secret_length_fits(key_type, secret.len()) {
            return Err(one_answer());
        }
        self.store_shared(session, secret, t, key_type)
    }
}
